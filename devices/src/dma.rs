//! Two Intel 8237A DMA controllers and the page registers of the AT.

use oldiron_mmu::{Snapshot, SnapshotError, StateReader, StateWriter};

use crate::{Ctx, Device, PortRange, ResetKind};

/// Both DMA controllers and the page registers.
pub struct DmaPair {
    page: [u8; 16],
}

impl Default for DmaPair {
    fn default() -> Self {
        Self::new()
    }
}

impl DmaPair {
    /// The controllers after power-on.
    pub fn new() -> Self {
        Self { page: [0; 16] }
    }

    /// Moves bytes from memory to the device on `channel`: the board implements [`DmaBus::dma_read`](crate::DmaBus::dma_read) with it.
    pub fn dma_read(
        &mut self,
        mem: &mut oldiron_mmu::GuestMemory,
        channel: u8,
        buf: &mut [u8],
    ) -> crate::DmaOutcome {
        let _ = (mem, channel, buf, &self.page);
        crate::DmaOutcome::default()
    }

    /// Moves bytes from the device on `channel` to memory: the board implements [`DmaBus::dma_write`](crate::DmaBus::dma_write) with it.
    pub fn dma_write(
        &mut self,
        mem: &mut oldiron_mmu::GuestMemory,
        channel: u8,
        data: &[u8],
    ) -> crate::DmaOutcome {
        let _ = (mem, channel, data);
        crate::DmaOutcome::default()
    }
}

impl Device for DmaPair {
    fn name(&self) -> &'static str {
        "dma"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange { first: 0, count: 16 },
            PortRange {
                first: 0x81,
                count: 15,
            },
            PortRange {
                first: 0xc0,
                count: 32,
            },
        ]
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let _ = (kind, ctx);
    }
}

impl Snapshot for DmaPair {
    const TAG: [u8; 4] = *b"DMA ";
    const VERSION: u16 = 1;

    fn save(&self, _: &mut StateWriter) {}

    fn load(&mut self, _: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        Ok(())
    }
}
