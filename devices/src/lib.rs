//! The chips of the PC: one struct per chip, plus what chips share.
//!
//! A chip touches only what its [`Ctx`] lends it: interrupt wires, timers, DMA and the outbox.
//! It never reads a clock, a file or a random source; everything it knows is state that
//! [`oldiron_mmu::Snapshot`] saves.

mod device;
mod disk;
mod irq;
mod outbox;
mod scheduler;

pub use device::{Ctx, Device, DmaBus, DmaOutcome, PortRange, ResetKind, Timing};
pub use disk::{BlockImage, DiskError, MemoryImage, SECTOR_SIZE};
pub use irq::{IrqLine, IrqLines};
pub use outbox::{Outbox, SerialByte};
pub use scheduler::{Scheduler, TimerId};
