//! Conformance suites of oldiron.
