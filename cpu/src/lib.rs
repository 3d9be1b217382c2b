//! Decodes, caches and executes instructions and delivers exceptions; knows no chip.

mod access;
mod core;
mod coverage;
mod cpu;
mod dispatch;
mod exec;
mod fault;
mod flags;
mod forms;
mod fpu;
mod insn;
mod interrupt;
mod lower;
mod model;
mod msr;
mod rounding;
mod simd;
mod state;
mod stats;
#[cfg(test)]
mod system_tests;
#[cfg(test)]
mod tests;
mod trace;

pub use self::core::{Activity, Core, Cr0, Cr4, Efer, Mode, Shadow, TableRegister, reg, seg};
pub use coverage::{Count, Coverage, Form};
pub use cpu::{CoreGuard, Cpu, Dispatch, Exit, Run};
pub use fault::{Fault, FaultRule, vector};
pub use flags::{Eflags, LazyFlags};
pub use forms::Example;
pub use fpu::{F80, Fpu};
pub use insn::{Insn, InsnAttr};
pub use model::{CpuModel, CpuidLeaf, Features, MODELS, ModelError};
pub use simd::{Mxcsr, Xmm};
pub use stats::CpuStats;
