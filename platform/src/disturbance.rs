//! What may be done to a running machine and must change nothing: `--chaos`.

use oldiron_cpu::Dispatch;
use oldiron_mmu::Bus;

use crate::{Machine, RestoreError};

/// Something that the guest must not notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// All cached translations are dropped.
    FlushTlb,
    /// All decoded code is dropped.
    DropTraces,
    /// The dispatcher is changed.
    Dispatch(Dispatch),
    /// At most so many decoded instructions are kept.
    TracePool(usize),
    /// The state is saved and restored.
    SaveAndRestore,
}

impl Machine {
    /// Does `what` between two instructions.
    pub fn disturb(&mut self, what: Disturbance) -> Result<(), RestoreError> {
        match what {
            Disturbance::FlushTlb => self.cpu.flush_tlb(),
            Disturbance::DropTraces => self
                .cpu
                .drop_traces(&mut Bus::new(&mut self.mem, &mut self.board)),
            Disturbance::Dispatch(dispatch) => self.cpu.set_dispatch(dispatch),
            Disturbance::TracePool(records) => self.cpu.limit_traces(records),
            Disturbance::SaveAndRestore => return self.save_and_restore(),
        }
        Ok(())
    }
}
