//! Programs for what user programs cannot reach, and the silicon vectors therefore do not test: privilege
//! levels, gates, tasks, modes, paging, control and debug registers, events during events.
//!
//! Each case is a whole small machine ([`world::World`]: registers and memory) in which one instruction is
//! executed or one event happens. The rules of the manual, written down once more ([`model`]), say what must have become
//! of every register and of every byte of memory; where that is simpler, a table says so itself. Two processors
//! run each case, one with each dispatcher; they must agree on all that a snapshot holds.
//! `cargo test --test system -- --nocapture` shows a hash over all final states: it is the same in every build.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod bench;
mod coprocessor;
mod debug;
mod events;
mod far;
mod gates;
mod model;
mod op;
mod page_faults;
mod paged_tasks;
mod paging;
mod programs;
mod real;
mod registers;
mod returns;
mod segments;
mod state;
mod tasks;
mod virtual8086;
mod world;
