//! The ISA bus as chips see it: DMA channels and bus mastering over guest memory.

use oldiron_devices::{DmaBus, DmaOutcome, DmaPair};
use oldiron_mmu::GuestMemory;

/// Lent to a chip for one call.
pub(crate) struct BoardDma<'a> {
    /// Absent while the DMA controllers themselves are called: nobody else uses them then.
    controllers: Option<&'a mut DmaPair>,
    mem: &'a mut GuestMemory,
}

impl<'a> BoardDma<'a> {
    pub(crate) fn new(controllers: Option<&'a mut DmaPair>, mem: &'a mut GuestMemory) -> Self {
        Self { controllers, mem }
    }
}

impl DmaBus for BoardDma<'_> {
    fn dma_read(&mut self, channel: u8, buf: &mut [u8]) -> DmaOutcome {
        match &mut self.controllers {
            Some(controllers) => controllers.dma_read(self.mem, channel, buf),
            None => DmaOutcome::default(),
        }
    }

    fn dma_write(&mut self, channel: u8, data: &[u8]) -> DmaOutcome {
        match &mut self.controllers {
            Some(controllers) => controllers.dma_write(self.mem, channel, data),
            None => DmaOutcome::default(),
        }
    }

    fn memory_read(&mut self, addr: u32, buf: &mut [u8]) {
        self.mem.phys_read(addr, buf);
    }

    fn memory_write(&mut self, addr: u32, data: &[u8]) {
        self.mem.phys_write(addr, data);
    }

    fn clear_frame_buffer(&mut self) {
        self.mem.clear_frame_buffer();
    }
}
