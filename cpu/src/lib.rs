//! Decodes, caches and executes instructions and delivers exceptions; knows no chip.

mod cpu;
mod model;
mod stats;

pub use cpu::{Cpu, Dispatch, Exit, Run};
pub use model::{CpuModel, MODELS};
pub use stats::CpuStats;
