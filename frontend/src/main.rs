//! oldiron: a PC in software.
fn main() {}
