//! Counters of the execution core.

/// What the core counted since power-on. None of it influences the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuStats {
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
