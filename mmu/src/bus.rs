//! What the processor sees of the rest of the machine: memory, and everything that is not memory.

use bitflags::bitflags;

use crate::{GuestMemory, PhysAddr, Ticks};

/// The width of one I/O or MMIO cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IoWidth {
    /// 8 bits.
    Byte = 1,
    /// 16 bits.
    Word = 2,
    /// 32 bits.
    Dword = 4,
}

impl IoWidth {
    /// Size in bytes.
    pub const fn bytes(self) -> u32 {
        self as u32
    }

    /// The bits that a cycle of this width carries.
    pub const fn mask(self) -> u32 {
        match self {
            Self::Byte => 0xff,
            Self::Word => 0xffff,
            Self::Dword => 0xffff_ffff,
        }
    }

    /// What an undriven bus reads as: all ones.
    pub const fn open_bus(self) -> u32 {
        self.mask()
    }
}

bitflags! {
    /// Why the processor should look up from its trace. Levels, not edges: a bit stays set until
    /// its cause is gone.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Attention: u8 {
        /// The interrupt controller asserts INTR.
        const INTR = 1 << 0;
        /// A non-maskable interrupt waits.
        const NMI = 1 << 1;
        /// A reset of the processor was asked for (8042, port 92h, CF9h).
        const RESET = 1 << 2;
        /// The A20 gate or the physical map changed; cached translations are stale.
        const MAP_CHANGED = 1 << 3;
        /// A device armed a timer earlier than the present slice's end.
        const DEADLINE_MOVED = 1 << 4;
        /// The guest powered off, or ended the run through the debug exit port.
        const STOP = 1 << 5;
    }
}

/// Everything on the bus that is not RAM or ROM. Implemented once, by `platform::Board`.
pub trait IoSpace {
    /// An IN cycle. `now` is the time before the instruction. Unclaimed ports read all ones.
    fn port_read(&mut self, mem: &mut GuestMemory, now: Ticks, port: u16, width: IoWidth) -> u32;

    /// An IN cycle, if it is one of the many that change nothing beyond the chip: memory, timers and what
    /// [`attention`](Self::attention) says are as before. `None`: it may be another, and nothing has happened.
    fn port_read_quiet(&mut self, _now: Ticks, _port: u16, _width: IoWidth) -> Option<u32> {
        None
    }

    /// An OUT cycle.
    fn port_write(&mut self, mem: &mut GuestMemory, now: Ticks, port: u16, value: u32, width: IoWidth);

    /// As many IN cycles at one port as fill `buf`, a tick apart and the first at `now`, or fewer: all but the
    /// last have no effect beyond the chip, and none touches memory. Returns how many bytes were read. 0: nothing
    /// has happened, and the cycles are to be done one by one.
    fn port_read_run(
        &mut self,
        _mem: &mut GuestMemory,
        _now: Ticks,
        _port: u16,
        _width: IoWidth,
        _buf: &mut [u8],
    ) -> usize {
        0
    }

    /// As many OUT cycles at one port as `data` is for, or fewer, likewise; only the last may touch memory.
    fn port_write_run(
        &mut self,
        _mem: &mut GuestMemory,
        _now: Ticks,
        _port: u16,
        _width: IoWidth,
        _data: &[u8],
    ) -> usize {
        0
    }

    /// A read of a page that is mapped as MMIO.
    fn mmio_read(&mut self, mem: &mut GuestMemory, now: Ticks, addr: PhysAddr, width: IoWidth) -> u32;

    /// A write to a page that is mapped as MMIO.
    fn mmio_write(&mut self, mem: &mut GuestMemory, now: Ticks, addr: PhysAddr, value: u32, width: IoWidth);

    /// What wants the processor's attention now.
    fn attention(&self) -> Attention;

    /// The interrupt acknowledge cycle: the vector that the controller puts on the bus.
    fn acknowledge_intr(&mut self, now: Ticks) -> u8;

    /// The processor drives FERR#: an x87 exception waits, and CR0.NE is clear.
    fn set_ferr(&mut self, _mem: &mut GuestMemory, _now: Ticks, _active: bool) {}

    /// IGNNE#: x87 instructions go on although an exception waits.
    fn ignne(&self) -> bool {
        false
    }

    /// The processor's IA32_APIC_BASE was written: where its local APIC is seen, and whether it is on.
    fn set_apic_base(&mut self, _mem: &mut GuestMemory, _now: Ticks, _base: u64) {}

    /// Takes the waiting NMI.
    fn acknowledge_nmi(&mut self) {}
}

/// A bus with nothing on it: ports and MMIO read all ones, and nobody interrupts.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmptyIo;

impl IoSpace for EmptyIo {
    fn port_read(&mut self, _: &mut GuestMemory, _: Ticks, _: u16, width: IoWidth) -> u32 {
        width.open_bus()
    }

    fn port_write(&mut self, _: &mut GuestMemory, _: Ticks, _: u16, _: u32, _: IoWidth) {}

    fn mmio_read(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, width: IoWidth) -> u32 {
        width.open_bus()
    }

    fn mmio_write(&mut self, _: &mut GuestMemory, _: Ticks, _: PhysAddr, _: u32, _: IoWidth) {}

    fn attention(&self) -> Attention {
        Attention::empty()
    }

    fn acknowledge_intr(&mut self, _: Ticks) -> u8 {
        0
    }
}

/// The bus as lent to the processor for one slice.
pub struct Bus<'a> {
    /// RAM and ROM.
    pub mem: &'a mut GuestMemory,
    /// Ports and MMIO.
    pub io: &'a mut dyn IoSpace,
    /// Set by every port or MMIO cycle: the processor asks for [`Attention`] only after one.
    pub io_used: bool,
}

impl<'a> Bus<'a> {
    /// Puts the two halves together.
    pub fn new(mem: &'a mut GuestMemory, io: &'a mut dyn IoSpace) -> Self {
        Self {
            mem,
            io,
            io_used: false,
        }
    }
}
