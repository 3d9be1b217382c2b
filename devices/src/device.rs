//! The interface between a chip and the board it is soldered to.

use oldiron_mmu::{IoWidth, TickRate, Ticks};

use crate::{IrqLines, Outbox, Scheduler, TimerId};

/// A range of I/O ports that a chip decodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Number of ports, at least 1.
    pub count: u16,
}

/// How a chip is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetKind {
    /// Power-on: every register takes its data-sheet value.
    Cold,
    /// The RESET line: memory and what batteries keep survive.
    Hard,
}

/// Whether device latencies are those of real parts (`--timing`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timing {
    /// Short, but never zero; order of events and interrupt counts as in `Real`.
    #[default]
    Fast,
    /// As the data sheets say.
    Real,
}

/// What a DMA cycle or burst came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DmaOutcome {
    /// Bytes that were moved.
    pub bytes: usize,
    /// The channel reached terminal count with the last of them.
    pub terminal_count: bool,
}

/// The ISA bus as a bus master or a DMA slave sees it. Addresses beyond RAM read all ones and
/// swallow writes.
pub trait DmaBus {
    /// Moves bytes from memory to the peripheral on `channel` (8237 "read transfer"), at most
    /// `buf.len()` and at most up to terminal count. A masked or wrongly programmed channel moves 0.
    fn dma_read(&mut self, channel: u8, buf: &mut [u8]) -> DmaOutcome;

    /// Moves bytes from the peripheral on `channel` to memory (8237 "write transfer"). In verify
    /// mode the count advances and nothing is written.
    fn dma_write(&mut self, channel: u8, data: &[u8]) -> DmaOutcome;

    /// Reads physical memory, past the A20 gate, as a bus master.
    fn memory_read(&mut self, addr: u32, buf: &mut [u8]);

    /// Writes physical memory, past the A20 gate, as a bus master. Code traces are invalidated.
    fn memory_write(&mut self, addr: u32, data: &[u8]);

    /// Fills the display adapter's own memory with zeros, wherever on the bus it is seen.
    fn clear_frame_buffer(&mut self);
}

/// Everything a chip may touch outside itself, and nothing else.
pub struct Ctx<'a> {
    /// The time: for a port access, before the instruction; for a timer, its due time or later.
    pub now: Ticks,
    /// Ticks per guest second.
    pub rate: TickRate,
    /// Latency policy.
    pub timing: Timing,
    /// Interrupt wires.
    pub irq: &'a mut IrqLines,
    /// Timer slots.
    pub timers: &'a mut Scheduler,
    /// DMA and bus mastering.
    pub dma: &'a mut dyn DmaBus,
    /// What leaves the machine.
    pub out: &'a mut Outbox,
}

/// A chip.
pub trait Device {
    /// Short lower-case name: the suffix of its log target (`dev::pic`).
    fn name(&self) -> &'static str;

    /// The ports it decodes. An overlap with another chip is a build error.
    fn ports(&self) -> &[PortRange] {
        &[]
    }

    /// RESET.
    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>);

    /// An IN cycle. A chip with 8-bit registers is only ever asked for bytes: the board splits
    /// wider cycles unless the port was claimed with [`Device::wide_ports`].
    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let _ = (port, ctx);
        width.open_bus()
    }

    /// An OUT cycle.
    fn port_write(&mut self, port: u16, value: u32, width: IoWidth, ctx: &mut Ctx<'_>) {
        let _ = (port, value, width, ctx);
    }

    /// As many IN cycles as fill `buf`, a tick apart and the first at `ctx.now`, or fewer; only the last may
    /// change anything beyond the chip. Returns how many bytes were read: 0 if the cycles are to be done one by
    /// one. For ports of [`Device::wide_ports`].
    fn port_read_run(&mut self, port: u16, width: IoWidth, buf: &mut [u8], ctx: &mut Ctx<'_>) -> usize {
        let _ = (port, width, buf, ctx);
        0
    }

    /// As many OUT cycles as `data` is for, or fewer, likewise.
    fn port_write_run(&mut self, port: u16, width: IoWidth, data: &[u8], ctx: &mut Ctx<'_>) -> usize {
        let _ = (port, width, data, ctx);
        0
    }

    /// Whether `port` takes 16- and 32-bit cycles whole (IDE data, for instance).
    fn wide_ports(&self, port: u16) -> bool {
        let _ = port;
        false
    }

    /// A timer that this chip armed is due.
    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        let _ = (id, ctx);
    }
}
