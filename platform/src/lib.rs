//! The oldiron PC as a library: solders chips to a processor and owns time.
//!
//! A [`Machine`] is built by a [`MachineBuilder`], advanced by [`Machine::run_until`] and told what
//! happens outside by [`Machine::post`]. It reads no clock, no file and no random source: what it
//! does depends only on how it was built and on what was posted at which tick. Whoever embeds it
//! supplies disk images ([`BlockImage`]), shows the picture ([`Machine::frame`]), and carries off
//! what the machine sends ([`Machine::outbox`]).
//!
//! ```
//! use oldiron_platform::{MachineBuilder, StopReason};
//!
//! // A system BIOS that writes '!' to the debug console, and then halts with interrupts off.
//! let mut bios = vec![0; 0x10000];
//! bios[0xfff0..0xfff6].copy_from_slice(&[
//!     0xb0, b'!', // mov al, '!'
//!     0xe6, 0xe9, // out e9h, al
//!     0xfa, 0xf4, // cli; hlt
//! ]);
//!
//! let mut machine = MachineBuilder::new().memory_mib(1).bios(bios).debug_console(true).build()?;
//! assert_eq!(machine.run_until(1_000_000), StopReason::HaltedForever);
//! assert_eq!(machine.outbox().debug_console, b"!");
//! assert_eq!(machine.instructions(), 4);
//! # Ok::<(), oldiron_platform::BuildError>(())
//! ```
//!
//! The order inside one tick is fixed: first what was posted at it, then the timers that are due,
//! then the instruction. Chips never call each other; they drive wires, which the
//! board carries to where they end.

mod board;
#[doc(hidden)]
pub mod board_rig;
mod builder;
mod chips;
mod clock;
mod cmos_contents;
mod direct_boot;
mod disturbance;
mod dma_bus;
pub mod hash;
mod idle;
mod input;
mod input_log;
mod irq_router;
mod machine;
mod media;
mod memory_map;
mod network;
mod overlays;
mod pci_config;
mod ports;
mod screen;
mod snapshot_file;
mod state;
mod stats;
mod stop;

pub use builder::{BuildError, MachineBuilder};
pub use direct_boot::{BootFile, DirectBoot, DirectBootError, KERNEL_HEAD, KernelKind};
pub use disturbance::Disturbance;
pub use input::HostEvent;
pub use input_log::{Input, InputLog, Stamped};
pub use machine::Machine;
pub use media::{MediaError, base_hash};
pub use memory_map::check_adapter_roms;
pub use network::{CardSlot, NetworkCard};
pub use oldiron_cpu::{Count, Coverage, CpuModel, Dispatch, Form, MODELS, ModelError};
pub use oldiron_devices::{
    BlockImage, CLUSTER_SECTORS, Chs, DateTime, DiskError, DiskGeometry, FloppyFormat, FloppyKind, Frame,
    GeometryError, GeometrySource, KeyCode, MemoryImage, Outbox, Overlay, OverlayError, OverlayImage,
    SECTOR_SIZE, SentFrame, SerialByte, SpeakerEdge, TextCell, TextCells, TextCursor, Timing, Vga, check_chs,
    cp437_char, drive_type_for, find_geometry,
};
pub use oldiron_mmu::{TickRate, Ticks};
pub use snapshot_file::RestoreError;
pub use stats::MachineStats;
pub use stop::StopReason;
