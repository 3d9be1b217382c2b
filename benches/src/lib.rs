//! Benchmarks of oldiron; see `benches/`.
