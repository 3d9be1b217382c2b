//! The oldiron PC as a library.

mod board;
mod builder;
mod clock;
pub mod hash;
mod input;
mod machine;
mod stats;
mod stop;

pub use builder::{BuildError, MachineBuilder};
pub use input::HostEvent;
pub use machine::Machine;
pub use oldiron_cpu::{CpuModel, Dispatch, MODELS};
pub use oldiron_devices::{
    BlockImage, Chs, DateTime, DiskError, FloppyKind, Frame, KeyCode, MemoryImage, Outbox, SECTOR_SIZE,
    SerialByte, Timing,
};
pub use oldiron_mmu::{TickRate, Ticks};
pub use stats::MachineStats;
pub use stop::StopReason;
