//! The chips of the PC: one struct per chip, plus what chips share.
//!
//! A chip touches only what its [`Ctx`] lends it: interrupt wires, timers, DMA and the outbox.
//! It never reads a clock, a file or a random source; everything it knows is state that
//! [`oldiron_mmu::Snapshot`] saves.

mod date_time;
mod device;
mod disk;
mod floppy;
mod ide;
mod irq;
mod outbox;
mod ps2;
mod scheduler;
#[cfg(test)]
mod test_rig;
mod vga;

pub use date_time::{DateTime, days_in_month};
pub use device::{Ctx, Device, DmaBus, DmaOutcome, PortRange, ResetKind, Timing};
pub use disk::{BlockImage, Chs, DiskError, FloppyKind, MemoryImage, SECTOR_SIZE};
pub use floppy::{DataRate, FloppyController, FloppyFormat, drive_type_for};
pub use ide::{
    DiskGeometry, GeometryError, GeometrySource, IdeChannel, check_chs, find_geometry, given_geometry,
};
pub use irq::{IrqLine, IrqLines};
pub use outbox::{Outbox, SerialByte};
pub use ps2::KeyCode;
pub use scheduler::{Scheduler, TimerId};
pub use vga::{Frame, TextCell, TextCells, TextCursor, Vga};
