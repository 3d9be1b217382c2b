//! Conformance suites of oldiron.

pub mod harness;
pub mod hwx;
pub mod moo;
pub mod rng;
pub mod soak;
