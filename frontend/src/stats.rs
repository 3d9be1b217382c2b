//! `--stats`: counters and hashes of a run as JSON.

use std::{path::Path, time::Duration};

use oldiron_platform::Machine;

use crate::{
    image,
    outcome::{Failure, Outcome},
};

/// Writes what `machine` did in `host_time` to `path`.
pub fn write(
    path: &Path,
    outcome: &Outcome,
    machine: &mut Machine,
    host_time: Duration,
) -> Result<(), Failure> {
    let stats = machine.stats();
    let host_seconds = host_time.as_secs_f64();
    let hex = |hash: u64| format!("{hash:016x}");
    let json = serde_json::json!({
        "reason": outcome.reason,
        "message": outcome.message,
        "exit": outcome.code,
        "instructions": stats.instructions,
        "ticks": stats.ticks,
        "virtual_seconds": stats.ticks as f64 / machine.rate().per_second() as f64,
        "host_seconds": host_seconds,
        "mips": stats.instructions as f64 / 1e6 / host_seconds.max(1e-9),
        "trace_lookups": stats.trace_lookups,
        "trace_misses": stats.trace_misses,
        "tlb_misses": stats.tlb_misses,
        "smc_flushes": stats.smc_flushes,
        "interrupts": stats.interrupts,
        "screen_hash": hex(machine.screen_hash()),
        "memory_hash": hex(machine.memory_hash()),
        "state_hash": hex(machine.state_hash()),
    });
    std::fs::write(path, format!("{json:#}\n")).map_err(|error| {
        Failure::host_io(format!(
            "{}: cannot write the counters: {}",
            path.display(),
            image::describe(&error)
        ))
    })
}
