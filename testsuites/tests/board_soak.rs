//! Everything that a guest can do to the board, at random: port, MMIO and timer operations, most of them
//! in sequences that chips understand, with media changes, keys and saved states in between. No chip
//! may panic, stop time, keep memory that was not configured, or come out of a saved state different.
//!
//! Repeatable: `OLDIRON_SOAK_SEED` and `OLDIRON_SOAK_OPERATIONS` choose where to start and how long to go on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "board_soak/chips.rs"]
mod chips;
#[path = "board_soak/soak.rs"]
mod soak;

use std::alloc::System;

use cap::Cap;

/// Counts what is allocated.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn check(default_operations: u64) {
    let from_env = |name: &str| std::env::var(name).ok()?.parse().ok();
    let seed = from_env("OLDIRON_SOAK_SEED").unwrap_or(1);
    let operations = from_env("OLDIRON_SOAK_OPERATIONS").unwrap_or(default_operations);
    let began = ALLOCATOR.allocated();
    let report = soak::Soak::new(seed, &ALLOCATOR).run(operations);
    println!("seed {seed}: {report}");
    assert!(began < report.configured_bytes);
}

#[test]
fn random_operations_of_the_board_do_not_panic_and_need_no_memory_that_was_not_configured() {
    check(if cfg!(debug_assertions) {
        1_000_000
    } else {
        4_000_000
    });
}

#[test]
#[ignore = "long: cargo xtask long"]
fn a_hundred_million_random_operations_of_the_board_do_not_panic() {
    check(100_000_000);
}
