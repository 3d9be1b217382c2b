//! Turns a segment:offset into guest bytes, or a fault, or an [`IoSpace`] call.
//!
//! The ground crate of the workspace: addresses, virtual time, guest memory, the bus, address
//! translation and the state codec. It knows neither instructions nor chips.

mod bus;
mod code_map;
mod host_ram;
mod memory;
mod paging;
mod segment;
mod snapshot;
mod time;
mod tlb;
mod width;

pub use bus::{Attention, Bus, EmptyIo, IoSpace, IoWidth};
pub use memory::{GuestMemory, HOLE_BYTE, MapKind, PAGE_SIZE, PageFlags, PhysAddr, RomId};
pub use paging::{Access, PageFault, PageFaultCode, Paging, PagingMode, Walk, read_pointers, walk};
pub use segment::{SegAttr, Segment};
pub use snapshot::{Snapshot, SnapshotError, StateReader, StateWriter};
pub use time::{TickRate, Ticks};
pub use tlb::{HostSlot, Target, Tlb, TlbBank};
pub use width::Width;
