//! The chips of the PC: one struct per chip, plus what chips share.
//!
//! A chip touches only what its [`Ctx`] lends it: interrupt wires, timers, DMA and the outbox.
//! It never reads a clock, a file or a random source; everything it knows is state that
//! [`oldiron_mmu::Snapshot`] saves.

mod apic;
mod cmos;
mod coprocessor;
mod date_time;
mod device;
mod disk;
mod dma;
mod floppy;
mod fw_cfg;
mod ide;
mod irq;
mod ne2000;
mod outbox;
mod overlay;
pub mod pci;
mod pic;
mod pit;
mod ps2;
mod scheduler;
mod serial;
mod system_ports;
mod test_device;
#[cfg(test)]
mod test_rig;
mod vga;

pub use apic::Apic;
pub use cmos::Cmos;
pub use coprocessor::CoprocessorError;
pub use date_time::{DateTime, days_in_month};
pub use device::{Ctx, Device, DmaBus, DmaOutcome, PortRange, ResetKind, Timing};
pub use disk::{BlockImage, Chs, DiskError, FloppyKind, MemoryImage, SECTOR_SIZE};
pub use dma::DmaPair;
pub use floppy::{DataRate, FloppyController, FloppyFormat, drive_type_for};
pub use fw_cfg::FwCfg;
pub use ide::{
    DiskGeometry, GeometryError, GeometrySource, IdeChannel, check_chs, find_geometry, given_geometry,
};
pub use irq::{IrqLine, IrqLines};
pub use ne2000::{NE2000_PORTS, Ne2000};
pub use outbox::{NETWORK_ACTIVITY, Outbox, SentFrame, SerialByte, SpeakerEdge};
pub use overlay::{CLUSTER_SECTORS, Overlay, OverlayError, OverlayImage};
pub use pic::PicPair;
pub use pit::Pit;
pub use ps2::{KeyCode, Ps2Controller};
pub use scheduler::{Scheduler, TimerId};
pub use serial::Uart;
pub use system_ports::SystemPorts;
pub use test_device::TestDevice;
pub use vga::cp437::to_char as cp437_char;
pub use vga::{Frame, TextCell, TextCells, TextCursor, Vga};
