//! Conformance suites of oldiron.

pub mod coverage;
pub mod harness;
pub mod hwx;
pub mod moo;
pub mod parallel;
pub mod programs;
pub mod rng;
pub mod soak;
pub mod source;
