//! The path of coprocessor errors on the PC/AT: FERR# to IRQ 13, and ports F0h and F1h.
//!
//! Follows the 82371AB (PIIX4) data sheet §4.1.8 "Coprocessor error" and SDM vol. 1 appendix D. An error that the
//! processor reports on FERR# latches IRQ 13. A write to F0h takes the interrupt back and drives IGNNE#, so that the
//! handler may use the coprocessor; IGNNE# falls with FERR#. F1h reset the 80287 alone, which no later part does:
//! a write has no effect.

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, IrqLine, PortRange, ResetKind};

const PORT_CLEAR: u16 = 0xf0;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// FERR# is asserted.
    error: bool,
    /// IGNNE# is asserted.
    ignore: bool,
}

/// The coprocessor's error logic.
pub struct CoprocessorError {
    irq: IrqLine,
    s: State,
}

impl CoprocessorError {
    /// Interrupts on `irq`.
    pub fn new(irq: IrqLine) -> Self {
        Self {
            irq,
            s: State::default(),
        }
    }

    /// The processor drives FERR#.
    pub fn set_error(&mut self, asserted: bool, ctx: &mut Ctx<'_>) {
        if asserted && !self.s.error && !self.s.ignore {
            ctx.irq.set(self.irq, true);
        }
        self.s.error = asserted;
        self.s.ignore &= asserted;
    }

    /// Whether IGNNE# is asserted.
    pub fn ignores(&self) -> bool {
        self.s.ignore
    }
}

impl Device for CoprocessorError {
    fn name(&self) -> &'static str {
        "coprocessor error"
    }

    fn ports(&self) -> &[PortRange] {
        &[PortRange {
            first: PORT_CLEAR,
            count: 2,
        }]
    }

    fn reset(&mut self, _: ResetKind, ctx: &mut Ctx<'_>) {
        self.s = State::default();
        ctx.irq.set(self.irq, false);
    }

    fn port_write(&mut self, port: u16, _: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        if port == PORT_CLEAR {
            ctx.irq.set(self.irq, false);
            self.s.ignore = self.s.error;
        }
    }
}

impl Snapshot for CoprocessorError {
    const TAG: [u8; 4] = *b"FERR";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        self.s = r.get()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig::{Rig, assert_damaged_states_do_no_harm, assert_round_trip};

    const IRQ: IrqLine = IrqLine::new(13);

    fn rig() -> Rig<CoprocessorError> {
        Rig::new(CoprocessorError::new(IRQ))
    }

    #[test]
    fn an_error_latches_the_interrupt_until_f0h_is_written() {
        let mut rig = rig();
        rig.with(|chip, ctx| chip.set_error(true, ctx));
        assert!(rig.irq.is_high(IRQ));
        rig.with(|chip, ctx| chip.set_error(false, ctx));
        assert!(rig.irq.is_high(IRQ), "latched");
        rig.out(0xf0, 0);
        assert!(!rig.irq.is_high(IRQ));
        assert!(!rig.chip.ignores(), "nothing to ignore");
    }

    #[test]
    fn f0h_makes_the_processor_ignore_the_error_until_it_is_gone() {
        let mut rig = rig();
        rig.with(|chip, ctx| chip.set_error(true, ctx));
        rig.out(0xf1, 0);
        assert!(rig.irq.is_high(IRQ), "not F1h");
        rig.out(0xf0, 0);
        assert!(rig.chip.ignores());
        rig.with(|chip, ctx| chip.set_error(false, ctx));
        assert!(!rig.chip.ignores());
        rig.with(|chip, ctx| chip.set_error(true, ctx));
        assert!(rig.irq.is_high(IRQ), "the next error interrupts again");
    }

    #[test]
    fn a_reset_drops_both_lines() {
        let mut rig = rig();
        rig.with(|chip, ctx| chip.set_error(true, ctx));
        rig.out(0xf0, 0);
        rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
        assert!(!rig.chip.ignores());
        assert!(!rig.irq.is_high(IRQ));
    }

    #[test]
    fn state_survives_the_round_trip() {
        let mut rig = rig();
        rig.with(|chip, ctx| chip.set_error(true, ctx));
        rig.out(0xf0, 0);
        assert_damaged_states_do_no_harm(&rig.chip, || CoprocessorError::new(IRQ));
        assert_round_trip(&rig.chip, &mut CoprocessorError::new(IRQ));
    }
}
