//! NE2000 network card on the ISA or PCI bus: a DP8390 with 16 KiB of memory behind a data port, in 32 ports.
//!
//! Follows National Semiconductor's data sheet of the DP8390D/NS32490D (July 1995) and the NE2000's port
//! map: registers at 0–Fh, data port at 10h–17h, reset port at 18h–1Fh. The network is free of collisions and
//! errors; a packet takes its time on a 10 Mbit/s cable at `--timing real` and a tenth of it at
//! `--timing fast`.
//!
//! Left out: deferral and collisions (NCR reads 0), errors of the line (SEP, and the tallies of alignment and
//! CRC errors, never count), long addresses (LAS), the byte order of big-endian hosts (BOS), and that
//! loopback of a 16-bit card sends one byte of each word.

mod crc;
mod realtek;
mod receive;
mod registers;
mod remote;
#[cfg(test)]
mod tests;
mod transmit;

use std::collections::VecDeque;

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};
use serde::{Deserialize, Serialize};

use self::{
    realtek::Realtek,
    registers::{
        Command, DataConfiguration, Interrupts, ReceiveConfiguration, ReceiveStatus, TransmitConfiguration,
        TransmitStatus,
    },
    remote::RAM_SIZE,
    transmit::Sending,
};
use crate::{Ctx, Device, IrqLine, PortRange, ResetKind, TimerId, Timing, pci::ConfigSpace};

/// Ports of the card.
pub const NE2000_PORTS: u16 = 32;
/// Bytes of the shortest frame without its check sequence.
const SHORTEST_FRAME: usize = 60;
/// Bytes of the longest, with a VLAN tag.
const MOST_FRAME: usize = 1518;
/// Preamble, check sequence and the gap between frames, in bytes.
const AROUND_FRAME: usize = 8 + 4 + 12;
/// Nanoseconds that a byte takes at 10 Mbit/s.
const BYTE_NANOS: u64 = 800;

/// The data port, as offset.
const DATA: u16 = 0x10;
/// The reset port.
const RESET: u16 = 0x18;

/// How long a frame keeps the cable busy.
fn wire_time(length: usize, ctx: &Ctx<'_>) -> Ticks {
    let bytes = (length.max(SHORTEST_FRAME) + AROUND_FRAME) as u64;
    let nanos = match ctx.timing {
        Timing::Real => BYTE_NANOS,
        Timing::Fast => BYTE_NANOS / 10,
    };
    ctx.rate.nanos(bytes * nanos)
}

/// Everything that is saved.
#[derive(Serialize, Deserialize)]
struct State {
    /// CR but for TXP.
    command: Command,
    isr: Interrupts,
    imr: Interrupts,
    dcr: DataConfiguration,
    tcr: TransmitConfiguration,
    tsr: TransmitStatus,
    rcr: ReceiveConfiguration,
    rsr: ReceiveStatus,
    /// PSTART, PSTOP, BNRY, CURR.
    page_start: u8,
    page_stop: u8,
    boundary: u8,
    current: u8,
    /// TPSR, TBCR.
    transmit_page: u8,
    transmit_count: u16,
    /// RSAR, RBCR, CRDA, and what is left of the count.
    remote_start: u16,
    remote_count: u16,
    remote_address: u16,
    remote_left: u16,
    /// CLDA.
    local_address: u16,
    /// PAR0–5, MAR0–7.
    station: [u8; 6],
    multicast: [u8; 8],
    /// CNTR0–2.
    tallies: [u8; 3],
    fifo: [u8; 8],
    fifo_at: u8,
    /// Registers of page 2 that are only read back: remote and local next packet, address counter.
    remote_next: u8,
    local_next: u8,
    address_counter: u16,
    /// The ring has overflowed and nothing was removed since.
    overflowed: bool,
    ram: Vec<u8>,
    /// Page 3 of a card on the PCI bus.
    realtek: Realtek,
    sending: Option<Sending>,
    /// When an empty remote transfer completes.
    remote_done: Option<Ticks>,
    /// Frames on their way to the card.
    wire: VecDeque<Vec<u8>>,
    /// When the frame before them has passed.
    wire_free: Ticks,
}

impl State {
    fn new() -> Self {
        Self {
            command: Command::STP | Command::RD2,
            isr: Interrupts::RST,
            imr: Interrupts::empty(),
            dcr: DataConfiguration::LAS,
            tcr: TransmitConfiguration::empty(),
            tsr: TransmitStatus::empty(),
            rcr: ReceiveConfiguration::empty(),
            rsr: ReceiveStatus::empty(),
            page_start: 0,
            page_stop: 0,
            boundary: 0,
            current: 0,
            transmit_page: 0,
            transmit_count: 0,
            remote_start: 0,
            remote_count: 0,
            remote_address: 0,
            remote_left: 0,
            local_address: 0,
            station: [0; 6],
            multicast: [0; 8],
            tallies: [0; 3],
            fifo: [0; 8],
            fifo_at: 0,
            remote_next: 0,
            local_next: 0,
            address_counter: 0,
            overflowed: false,
            ram: vec![0; RAM_SIZE],
            realtek: Realtek::default(),
            sending: None,
            remote_done: None,
            wire: VecDeque::new(),
            wire_free: 0,
        }
    }

    /// Whether a loaded state is one that the card can be in.
    fn is_sane(&self) -> bool {
        let short = |frame: &Vec<u8>| frame.len() <= MOST_FRAME;
        self.ram.len() == RAM_SIZE
            && self.wire.len() <= receive::MOST_ON_WIRE
            && self.wire.iter().all(short)
            && self
                .sending
                .iter()
                .filter_map(|sending| sending.frame.as_ref())
                .all(short)
    }
}

/// The card.
pub struct Ne2000 {
    irq: IrqLine,
    /// On the ISA bus.
    ports: Option<PortRange>,
    /// On the PCI bus.
    pci: Option<ConfigSpace>,
    mac: [u8; 6],
    s: State,
}

impl Ne2000 {
    /// An ISA card at the 32 ports from `base` on, with `mac` in its PROM.
    pub fn isa(base: u16, irq: IrqLine, mac: [u8; 6]) -> Self {
        Self {
            irq,
            ports: Some(PortRange {
                first: base,
                count: NE2000_PORTS,
            }),
            pci: None,
            mac,
            s: State::new(),
        }
    }

    /// The reset pin of the DP8390, which the reset port pulls, too (data sheet section 9.0).
    fn reset_chip(&mut self) {
        let s = &mut self.s;
        s.command = Command::STP | Command::RD2;
        s.isr = Interrupts::RST;
        s.imr = Interrupts::empty();
        s.dcr |= DataConfiguration::LAS;
        s.tcr.remove(TransmitConfiguration::LB);
        s.remote_left = 0;
        s.remote_done = None;
        s.sending = None;
        s.overflowed = false;
    }

    /// Drives the interrupt wire, and arms the timer for what comes next.
    fn update(&self, ctx: &mut Ctx<'_>) {
        let s = &self.s;
        let asks = s.isr & s.imr & !Interrupts::RST;
        ctx.irq.set(self.irq, !asks.is_empty());
        let sent = s.sending.as_ref().map(|sending| sending.done);
        let next = [sent, s.remote_done, self.next_frame()];
        let next = next.into_iter().flatten().min().map(|at| at.max(ctx.now + 1));
        if ctx.timers.due(TimerId::Network) != next {
            ctx.timers.arm(TimerId::Network, next.unwrap_or(Ticks::MAX));
        }
    }

    fn write_command(&mut self, value: Command, ctx: &mut Ctx<'_>) {
        let remote = Command::RD0 | Command::RD1 | Command::RD2;
        let order = value & remote;
        let modes = Command::STA | Command::STP;
        let mut command = value & Command::PS | self.s.command & (remote | modes);
        if !order.is_empty() {
            command = command & !remote | order;
        }
        if value.contains(Command::STP) {
            command = command & !modes | Command::STP;
        } else if value.contains(Command::STA) {
            command = command & !modes | Command::STA;
        }
        self.s.command = command;
        if command.contains(Command::STA) {
            self.s.isr.remove(Interrupts::RST);
        } else if self.s.sending.is_none() {
            self.s.isr |= Interrupts::RST;
        }
        if !order.is_empty() {
            self.order_remote(order, ctx);
        }
        if value.contains(Command::TXP) {
            self.transmit(ctx);
        }
    }

    fn read_command(&self) -> u8 {
        let sending = self.s.sending.is_some();
        (self.s.command | if sending { Command::TXP } else { Command::empty() }).bits()
    }

    fn read_page0(&mut self, register: u16) -> u8 {
        let on_pci = self.pci.is_some();
        let s = &mut self.s;
        match register {
            0x1 => s.local_address as u8,
            0x2 => (s.local_address >> 8) as u8,
            0x3 => s.boundary,
            0x4 => s.tsr.bits(),
            0x5 => 0,
            0x6 => self.read_fifo(),
            0x7 if s.overflowed => (s.isr | Interrupts::RST).bits(),
            0x7 => s.isr.bits(),
            0x8 => s.remote_address as u8,
            0x9 => (s.remote_address >> 8) as u8,
            0xa | 0xb if on_pci => realtek::ID[usize::from(register - 0xa)],
            0xc => s.rsr.bits(),
            0xd..=0xf => core::mem::take(&mut s.tallies[usize::from(register - 0xd)]),
            _ => 0xff,
        }
    }

    fn write_page0(&mut self, register: u16, value: u8, ctx: &mut Ctx<'_>) {
        let s = &mut self.s;
        match register {
            0x1 => s.page_start = value,
            0x2 => s.page_stop = value,
            0x3 => {
                s.boundary = value;
                s.overflowed = false;
            }
            0x4 => s.transmit_page = value,
            0x5 => set_low(&mut s.transmit_count, value),
            0x6 => set_high(&mut s.transmit_count, value),
            0x7 => s.isr &= Interrupts::RST | !Interrupts::from_bits_retain(value),
            0x8 => set_low(&mut s.remote_start, value),
            0x9 => set_high(&mut s.remote_start, value),
            0xa => set_low(&mut s.remote_count, value),
            0xb => set_high(&mut s.remote_count, value),
            0xc => s.rcr = ReceiveConfiguration::from_bits_truncate(value),
            0xd => s.tcr = TransmitConfiguration::from_bits_truncate(value),
            0xe => s.dcr = DataConfiguration::from_bits_truncate(value),
            0xf => s.imr = Interrupts::from_bits_retain(value) & !Interrupts::RST,
            _ => {}
        }
        if register == 0x8 || register == 0x9 {
            s.remote_address = s.remote_start;
        }
        // The ring may have room now, or the receiver may listen again.
        self.take_waiting(ctx);
    }

    fn page1(&mut self, register: u16) -> Option<&mut u8> {
        let s = &mut self.s;
        match register {
            0x1..=0x6 => s.station.get_mut(usize::from(register - 1)),
            0x7 => Some(&mut s.current),
            _ => s.multicast.get_mut(usize::from(register.checked_sub(8)?)),
        }
    }

    fn read_page2(&self, register: u16) -> u8 {
        let s = &self.s;
        match register {
            0x1 => s.page_start,
            0x2 => s.page_stop,
            0x3 => s.remote_next,
            0x4 => s.transmit_page,
            0x5 => s.local_next,
            0x6 => (s.address_counter >> 8) as u8,
            0x7 => s.address_counter as u8,
            // Bits that the registers do not have read one.
            0xc => s.rcr.bits() | !ReceiveConfiguration::all().bits(),
            0xd => s.tcr.bits() | !TransmitConfiguration::all().bits(),
            0xe => s.dcr.bits() | !DataConfiguration::all().bits(),
            0xf => (s.imr | Interrupts::RST).bits(),
            _ => 0xff,
        }
    }

    fn write_page2(&mut self, register: u16, value: u8) {
        let s = &mut self.s;
        match register {
            0x1 => set_low(&mut s.local_address, value),
            0x2 => set_high(&mut s.local_address, value),
            0x3 => s.remote_next = value,
            0x5 => s.local_next = value,
            0x6 => set_high(&mut s.address_counter, value),
            0x7 => set_low(&mut s.address_counter, value),
            _ => {}
        }
    }

    fn read_register(&mut self, register: u16) -> u8 {
        match (register, self.s.command.page()) {
            (0, _) => self.read_command(),
            (_, 0) => self.read_page0(register),
            (_, 1) => self.page1(register).map_or(0xff, |value| *value),
            (_, 2) => self.read_page2(register),
            _ if self.pci.is_some() => self.s.realtek.read(register),
            _ => 0xff,
        }
    }

    fn write_register(&mut self, register: u16, value: u8, ctx: &mut Ctx<'_>) {
        match (register, self.s.command.page()) {
            (0, _) => {
                self.write_command(Command::from_bits_retain(value), ctx);
                self.take_waiting(ctx);
            }
            (_, 0) => self.write_page0(register, value, ctx),
            (_, 1) => {
                if let Some(place) = self.page1(register) {
                    *place = value;
                }
            }
            (_, 2) => self.write_page2(register, value),
            _ if self.pci.is_some() => self.s.realtek.write(register, value),
            _ => {}
        }
    }

    fn is_data_port(port: u16) -> bool {
        (DATA..RESET).contains(&offset(port))
    }
}

/// Which of the card's ports one is: on either bus they start at a multiple of their number.
fn offset(port: u16) -> u16 {
    port % NE2000_PORTS
}

fn set_low(register: &mut u16, value: u8) {
    *register = *register & 0xff00 | u16::from(value);
}

fn set_high(register: &mut u16, value: u8) {
    *register = *register & 0x00ff | u16::from(value) << 8;
}

impl Device for Ne2000 {
    fn name(&self) -> &'static str {
        "ne2000"
    }

    fn ports(&self) -> &[PortRange] {
        self.ports.as_slice()
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        self.pci.iter_mut().for_each(ConfigSpace::reset);
        match kind {
            ResetKind::Cold => self.s = State::new(),
            ResetKind::Hard => {
                self.reset_chip();
                self.s.wire.clear();
            }
        }
        self.update(ctx);
    }

    fn wide_ports(&self, port: u16) -> bool {
        Self::is_data_port(port)
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let value = match offset(port) {
            register @ 0..DATA => u32::from(self.read_register(register)),
            DATA..RESET => self.data_read(width),
            _ => {
                self.reset_chip();
                0xff
            }
        };
        self.update(ctx);
        log::trace!(target: "dev::ne2000", "in {port:#06x} = {value:#04x}");
        value
    }

    fn port_write(&mut self, port: u16, value: u32, width: IoWidth, ctx: &mut Ctx<'_>) {
        log::trace!(target: "dev::ne2000", "out {port:#06x}, {value:#04x}");
        match offset(port) {
            register @ 0..DATA => self.write_register(register, value as u8, ctx),
            DATA..RESET => self.data_write(value, width),
            // A write ends the pulse that a read of the reset port began.
            _ => {}
        }
        self.update(ctx);
    }

    fn port_read_run(&mut self, _: u16, width: IoWidth, buf: &mut [u8], ctx: &mut Ctx<'_>) -> usize {
        let done = self.data_read_run(width, buf);
        self.end_run(done, width, ctx);
        done
    }

    fn port_write_run(&mut self, _: u16, width: IoWidth, data: &[u8], ctx: &mut Ctx<'_>) -> usize {
        let done = self.data_write_run(width, data);
        self.end_run(done, width, ctx);
        done
    }

    fn timer(&mut self, _: TimerId, ctx: &mut Ctx<'_>) {
        if let Some(sending) = self.s.sending.take_if(|sending| sending.done <= ctx.now) {
            self.sent(sending, ctx);
        }
        if self.s.remote_done.is_some_and(|at| at <= ctx.now) {
            self.complete_remote();
        }
        self.take_waiting(ctx);
        self.update(ctx);
    }
}

impl Ne2000 {
    /// After a run of cycles: the time is that of its last one.
    fn end_run(&self, bytes: usize, width: IoWidth, ctx: &mut Ctx<'_>) {
        let cycles = bytes / width.bytes() as usize;
        ctx.now = ctx.now.saturating_add(cycles.saturating_sub(1) as u64);
        self.update(ctx);
    }
}

impl Snapshot for Ne2000 {
    const TAG: [u8; 4] = *b"NE2K";
    const VERSION: u16 = 2;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
        self.pci.iter().for_each(|space| space.save(w));
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        if !s.is_sane() {
            return Err(r.damaged());
        }
        self.s = s;
        self.pci.iter_mut().try_for_each(|space| space.load(r))
    }
}
