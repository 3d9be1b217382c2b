//! The ISA bus as chips see it: DMA channels and bus mastering over guest memory.

use oldiron_devices::{DmaBus, DmaOutcome};
use oldiron_mmu::GuestMemory;

/// Lent to a chip for one call.
pub(crate) struct BoardDma<'a> {
    mem: &'a mut GuestMemory,
}

impl<'a> BoardDma<'a> {
    pub(crate) fn new(mem: &'a mut GuestMemory) -> Self {
        Self { mem }
    }
}

impl DmaBus for BoardDma<'_> {
    fn dma_read(&mut self, _channel: u8, _buf: &mut [u8]) -> DmaOutcome {
        DmaOutcome::default()
    }

    fn dma_write(&mut self, _channel: u8, _data: &[u8]) -> DmaOutcome {
        DmaOutcome::default()
    }

    fn memory_read(&mut self, addr: u32, buf: &mut [u8]) {
        self.mem.phys_read(addr, buf);
    }

    fn memory_write(&mut self, addr: u32, data: &[u8]) {
        self.mem.phys_write(addr, data);
    }
}
