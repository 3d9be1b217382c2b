//! Maintenance tasks: `cargo xtask TASK`.
fn main() {}
