//! Intel 8254 programmable interval timer at ports 40h–43h, plus port 61h.

use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter};

use crate::{Ctx, Device, IrqLine, PortRange, ResetKind};

/// The timer, its gates and the speaker bit.
pub struct Pit {
    irq: IrqLine,
}

impl Pit {
    /// A timer whose OUT0 drives `irq`.
    pub fn new(irq: IrqLine) -> Self {
        Self { irq }
    }

    /// The wire that OUT0 drives.
    pub fn irq(&self) -> IrqLine {
        self.irq
    }
}

impl Device for Pit {
    fn name(&self) -> &'static str {
        "pit"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange {
                first: 0x40,
                count: 4,
            },
            PortRange {
                first: 0x61,
                count: 1,
            },
        ]
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let _ = (kind, ctx);
    }
}

impl Snapshot for Pit {
    const TAG: [u8; 4] = *b"PIT ";
    const VERSION: u16 = 1;

    fn save(&self, _: &mut StateWriter) {}

    fn load(&mut self, _: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}
