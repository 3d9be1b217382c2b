//! The oldiron PC as a library.

mod board;
mod builder;
mod chips;
mod clock;
mod cmos_contents;
mod dma_bus;
pub mod hash;
mod idle;
mod input;
mod irq_router;
mod machine;
mod media;
mod memory_map;
mod ports;
mod snapshot_file;
mod state;
mod stats;
mod stop;

pub use builder::{BuildError, MachineBuilder};
pub use input::HostEvent;
pub use machine::Machine;
pub use media::MediaError;
pub use oldiron_cpu::{CpuModel, Dispatch, MODELS};
pub use oldiron_devices::{
    BlockImage, Chs, DateTime, DiskError, FloppyFormat, FloppyKind, Frame, KeyCode, MemoryImage, Outbox,
    SECTOR_SIZE, SerialByte, Timing, drive_type_for,
};
pub use oldiron_mmu::{TickRate, Ticks};
pub use snapshot_file::RestoreError;
pub use stats::MachineStats;
pub use stop::StopReason;
