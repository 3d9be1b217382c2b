//! Counters for people.

use oldiron_mmu::Ticks;

/// What a machine has done since it was built or restored. None of it influences the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineStats {
    /// Retired instructions.
    pub instructions: u64,
    /// Virtual time.
    pub ticks: Ticks,
    /// Traces looked up by address rather than followed by a link.
    pub trace_lookups: u64,
    /// Look-ups that had to decode.
    pub trace_misses: u64,
    /// Translations that had to walk.
    pub tlb_misses: u64,
    /// Writes that hit decoded code.
    pub smc_flushes: u64,
    /// Interrupts and exceptions delivered.
    pub interrupts: u64,
}
