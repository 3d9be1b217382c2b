//! National 16550A UART.

use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter};

use crate::{Ctx, Device, IrqLine, PortRange, ResetKind};

/// One serial port.
pub struct Uart {
    ports: [PortRange; 1],
    irq: IrqLine,
    index: u8,
}

impl Uart {
    /// Port `index`: 0 is COM1 at 3F8h, 1 is COM2 at 2F8h.
    pub fn new(index: u8, irq: IrqLine) -> Self {
        let first = if index == 0 { 0x3f8 } else { 0x2f8 };
        Self {
            ports: [PortRange { first, count: 8 }],
            irq,
            index,
        }
    }

    /// How many more bytes [`receive`](Self::receive) would take now.
    pub fn receive_room(&self) -> usize {
        let _ = (self.irq, self.index);
        0
    }

    /// Bytes arrive from outside. Takes as many as there is room for and returns how many.
    pub fn receive(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) -> usize {
        let _ = (bytes, ctx);
        0
    }
}

impl Device for Uart {
    fn name(&self) -> &'static str {
        "uart"
    }

    fn ports(&self) -> &[PortRange] {
        &self.ports
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let _ = (kind, ctx);
    }
}

impl Snapshot for Uart {
    const TAG: [u8; 4] = *b"UART";
    const VERSION: u16 = 1;

    fn save(&self, _: &mut StateWriter) {}

    fn load(&mut self, _: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}
