//! Conformance suites of oldiron.

pub mod harness;
pub mod hwx;
pub mod moo;
