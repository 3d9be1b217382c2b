//! The processor and its run loop.

use oldiron_mmu::{Bus, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};

use crate::{CpuModel, CpuStats};

/// How instructions are dispatched. Results never depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dispatch {
    /// Each handler calls the next one: the fast way.
    #[default]
    Chained,
    /// A loop calls one handler after the other: the reference.
    Loop,
}

/// Why [`Cpu::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The deadline was reached.
    Deadline,
    /// The board asked for attention ([`oldiron_mmu::Attention`]); the instruction that caused it is complete.
    Attention,
    /// HLT: nothing happens until an interrupt.
    Halted,
    /// Triple fault: the processor is in shutdown until a reset.
    Shutdown,
}

/// What a call of [`Cpu::run`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Time reached.
    pub now: Ticks,
    /// Why it ended.
    pub exit: Exit,
}

/// An x86 processor.
#[derive(Debug)]
pub struct Cpu {
    model: &'static CpuModel,
    stats: CpuStats,
}

impl Cpu {
    /// A processor after power-on.
    pub fn new(model: &'static CpuModel) -> Self {
        Self {
            model,
            stats: CpuStats::default(),
        }
    }

    /// Its model.
    pub fn model(&self) -> &'static CpuModel {
        self.model
    }

    /// Chooses how instructions are dispatched.
    pub fn set_dispatch(&mut self, dispatch: Dispatch) {
        let _ = dispatch;
    }

    /// The RESET line.
    pub fn reset(&mut self) {}

    /// Runs from time `now` until `until`, exactly, or until something needs the caller.
    pub fn run(&mut self, bus: &mut Bus<'_>, now: Ticks, until: Ticks) -> Run {
        let _ = (bus, now);
        Run {
            now: until,
            exit: Exit::Deadline,
        }
    }

    /// Whether an external interrupt would be taken (EFLAGS.IF): decides if HLT can ever end.
    pub fn interrupts_enabled(&self) -> bool {
        true
    }

    /// Instructions retired since power-on.
    pub fn instructions(&self) -> u64 {
        0
    }

    /// Counters.
    pub fn stats(&self) -> CpuStats {
        self.stats
    }

    /// Where the guest is, for people: `CS:EIP`, mode and the instruction there.
    pub fn describe_position(&mut self, bus: &mut Bus<'_>) -> String {
        let _ = bus;
        String::new()
    }
}

impl Snapshot for Cpu {
    const TAG: [u8; 4] = *b"CPU ";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        let _ = w;
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let _ = r;
        Ok(())
    }
}
