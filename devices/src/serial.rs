//! National PC16550D UART: COM1 at 3F8h, COM2 at 2F8h.
//!
//! Follows data sheet TL/C/8652. OUT2 gates the interrupt, as on every PC. At `--timing real` a character
//! takes its time on the line, both ways, and a slow guest overruns; at `--timing fast` it takes at
//! most 2 µs, and the next one is received only when there is room for it. The line is that of a modem
//! that is there: CTS, DSR and DCD are on. What is sent leaves by [`Outbox::serial`](crate::Outbox::serial).
//!
//! Not modelled: parity and framing errors, which no file or terminal makes, and DMA signalling.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bitflags::bitflags;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};
use serde::{Deserialize, Serialize};

use crate::{Ctx, Device, IrqLine, Outbox, PortRange, ResetKind, SerialByte, TimerId, Timing};

const COM1: u16 = 0x3f8;
const COM2: u16 = 0x2f8;

/// RBR, THR or, with DLAB, the divisor's low byte.
const REG_DATA: u16 = 0;
/// IER or, with DLAB, the divisor's high byte.
const REG_IER: u16 = 1;
/// IIR to read, FCR to write.
const REG_IIR_FCR: u16 = 2;
const REG_LCR: u16 = 3;
const REG_MCR: u16 = 4;
const REG_LSR: u16 = 5;
const REG_MSR: u16 = 6;
const REG_SCR: u16 = 7;

/// The crystal, divided by 16 within the chip.
const CLOCK_HZ: u64 = 1_843_200;
const CLOCKS_PER_BIT: u64 = 16;
/// 9600 baud, until a program says otherwise.
const DIVISOR_DEFAULT: u16 = 12;
/// No character takes longer at `--timing fast`.
const CHARACTER_MICROS_FAST: u64 = 2;
/// Characters without a read or a new one, until the receiver times out.
const TIMEOUT_CHARACTERS: u64 = 4;

const FIFO_BYTES: usize = 16;
/// Bytes from outside that wait to be received.
const MAX_WAITING: usize = 256;

bitflags! {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Ier: u8 {
        /// Received data available, and receiver time-out.
        const ERBFI = 1 << 0;
        /// Transmitter holding register empty.
        const ETBEI = 1 << 1;
        /// Receiver line status.
        const ELSI = 1 << 2;
        /// Modem status.
        const EDSSI = 1 << 3;
    }

    struct Fcr: u8 {
        const ENABLE = 1 << 0;
        const RESET_RX = 1 << 1;
        const RESET_TX = 1 << 2;
        const TRIGGER = 3 << 6;
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Lcr: u8 {
        /// Word length less 5.
        const WLS = 3;
        /// More than one stop bit.
        const STB = 1 << 2;
        const PEN = 1 << 3;
        const EPS = 1 << 4;
        const STICK = 1 << 5;
        const BREAK = 1 << 6;
        const DLAB = 1 << 7;
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Mcr: u8 {
        const DTR = 1 << 0;
        const RTS = 1 << 1;
        const OUT1 = 1 << 2;
        /// Lets the interrupt out of the chip.
        const OUT2 = 1 << 3;
        const LOOP = 1 << 4;
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Lsr: u8 {
        const DR = 1 << 0;
        /// Overrun.
        const OE = 1 << 1;
        const PE = 1 << 2;
        const FE = 1 << 3;
        /// Break.
        const BI = 1 << 4;
        const THRE = 1 << 5;
        const TEMT = 1 << 6;
        /// An error somewhere in the receiver FIFO.
        const ERROR_IN_FIFO = 1 << 7;
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct Msr: u8 {
        const DCTS = 1 << 0;
        const DDSR = 1 << 1;
        /// Trailing edge of RI.
        const TERI = 1 << 2;
        const DDCD = 1 << 3;
        const CTS = 1 << 4;
        const DSR = 1 << 5;
        const RI = 1 << 6;
        const DCD = 1 << 7;
    }
}

const LSR_ERRORS: Lsr = Lsr::OE.union(Lsr::PE).union(Lsr::FE).union(Lsr::BI);
const MSR_DELTAS: Msr = Msr::DCTS.union(Msr::DDSR).union(Msr::TERI).union(Msr::DDCD);
/// What is at the other end of the cable.
const MODEM_LINES: Msr = Msr::CTS.union(Msr::DSR).union(Msr::DCD);

/// Values of IIR.
const IIR_NONE: u8 = 0x01;
const IIR_LINE_STATUS: u8 = 0x06;
const IIR_DATA: u8 = 0x04;
const IIR_TIMEOUT: u8 = 0x0c;
const IIR_THRE: u8 = 0x02;
const IIR_MODEM_STATUS: u8 = 0x00;
const IIR_FIFO: u8 = 0xc0;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    divisor: u16,
    ier: Ier,
    lcr: Lcr,
    mcr: Mcr,
    scratch: u8,
    fifo: bool,
    /// Characters in the FIFO that raise the data interrupt.
    trigger: u8,
    /// Errors since LSR was read.
    errors: Lsr,
    msr: Msr,
    /// The receiver FIFO; without it, room for one.
    received: VecDeque<u8>,
    last_received: u8,
    /// Bytes from outside, not received yet, and when the next one is complete at the earliest.
    waiting: VecDeque<u8>,
    next_rx: Ticks,
    timeout_at: Option<Ticks>,
    timed_out: bool,
    /// The transmitter FIFO or holding register, and the character on the line.
    sending: VecDeque<u8>,
    shifting: Option<u8>,
    /// The THRE interrupt is due.
    thre: bool,
}

impl State {
    fn new() -> Self {
        Self {
            divisor: DIVISOR_DEFAULT,
            ier: Ier::empty(),
            lcr: Lcr::empty(),
            mcr: Mcr::empty(),
            scratch: 0,
            fifo: false,
            trigger: 1,
            errors: Lsr::empty(),
            msr: MODEM_LINES,
            received: VecDeque::new(),
            last_received: 0,
            waiting: VecDeque::new(),
            next_rx: 0,
            timeout_at: None,
            timed_out: false,
            sending: VecDeque::new(),
            shifting: None,
            thre: false,
        }
    }
}

/// One serial port.
pub struct Uart {
    ports: [PortRange; 1],
    index: u8,
    tx_timer: TimerId,
    rx_timer: TimerId,
    irq: IrqLine,
    s: State,
}

impl Uart {
    /// Port `index`: 0 is COM1 at 3F8h, 1 is COM2 at 2F8h. It uses the timers of its index.
    pub fn new(index: u8, irq: IrqLine) -> Self {
        let (first, tx_timer, rx_timer) = match index {
            0 => (COM1, TimerId::Uart0Tx, TimerId::Uart0Rx),
            _ => (COM2, TimerId::Uart1Tx, TimerId::Uart1Rx),
        };
        Self {
            ports: [PortRange { first, count: 8 }],
            index,
            tx_timer,
            rx_timer,
            irq,
            s: State::new(),
        }
    }

    // ---- for the platform ----

    /// How many more bytes [`receive`](Self::receive) would take now.
    pub fn receive_room(&self) -> usize {
        MAX_WAITING - self.s.waiting.len().min(MAX_WAITING)
    }

    /// Bytes arrive from outside. Takes as many as there is room for and returns how many. The guest
    /// receives them one by one, each in its time.
    pub fn receive(&mut self, bytes: &[u8], ctx: &mut Ctx<'_>) -> usize {
        let taken = bytes.len().min(self.receive_room());
        if self.s.waiting.is_empty() && taken > 0 {
            let complete = ctx.now.saturating_add(self.character_ticks(ctx));
            self.s.next_rx = self.s.next_rx.max(complete);
        }
        self.s.waiting.extend(bytes.iter().take(taken));
        self.settle(ctx);
        taken
    }

    // ---- time ----

    fn bits_per_character(&self) -> u64 {
        let lcr = self.s.lcr;
        let data = 5 + u64::from((lcr & Lcr::WLS).bits());
        let stop = 1 + u64::from(lcr.contains(Lcr::STB));
        1 + data + u64::from(lcr.contains(Lcr::PEN)) + stop
    }

    /// How long a character takes.
    fn character_ticks(&self, ctx: &Ctx<'_>) -> Ticks {
        let divisor = match self.s.divisor {
            0 => 0x1_0000,
            divisor => u64::from(divisor),
        };
        let clocks = self.bits_per_character() * CLOCKS_PER_BIT * divisor;
        let real = ctx.rate.ticks_for(clocks, CLOCK_HZ);
        match ctx.timing {
            Timing::Fast => real.min(ctx.rate.micros(CHARACTER_MICROS_FAST)),
            Timing::Real => real,
        }
    }

    fn word_mask(&self) -> u8 {
        0xff >> (3 - (self.s.lcr & Lcr::WLS).bits())
    }

    // ---- interrupt ----

    fn data_available(&self) -> bool {
        let enough = if self.s.fifo {
            usize::from(self.s.trigger)
        } else {
            1
        };
        self.s.received.len() >= enough
    }

    /// IIR without its FIFO bits: the most urgent source that is enabled.
    fn interrupt_source(&self) -> u8 {
        let s = &self.s;
        if s.ier.contains(Ier::ELSI) && s.errors.intersects(LSR_ERRORS) {
            IIR_LINE_STATUS
        } else if s.ier.contains(Ier::ERBFI) && self.data_available() {
            IIR_DATA
        } else if s.ier.contains(Ier::ERBFI) && s.timed_out {
            IIR_TIMEOUT
        } else if s.ier.contains(Ier::ETBEI) && s.thre {
            IIR_THRE
        } else if s.ier.contains(Ier::EDSSI) && s.msr.intersects(MSR_DELTAS) {
            IIR_MODEM_STATUS
        } else {
            IIR_NONE
        }
    }

    /// Drives the interrupt and arms what the receiver waits for. Comes after every change.
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        let high = self.interrupt_source() != IIR_NONE && self.s.mcr.contains(Mcr::OUT2);
        ctx.irq.set(self.irq, high);
        let next = self.may_receive(ctx.timing).then_some(self.s.next_rx);
        match [next, self.s.timeout_at].into_iter().flatten().min() {
            Some(at) => {
                let soonest = ctx.now.saturating_add(1);
                ctx.timers.arm(self.rx_timer, at.max(soonest));
            }
            None => ctx.timers.cancel(self.rx_timer),
        }
    }

    // ---- receiver ----

    /// Whether a byte waits that can come in as soon as its time has passed.
    fn may_receive(&self, timing: Timing) -> bool {
        let room = self.s.received.len() < if self.s.fifo { FIFO_BYTES } else { 1 };
        // In loopback the input is disconnected: the line waits.
        !self.s.waiting.is_empty() && !self.s.mcr.contains(Mcr::LOOP) && (room || timing == Timing::Real)
    }

    /// A character is complete.
    fn character_in(&mut self, byte: u8, errors: Lsr, ctx: &Ctx<'_>) {
        self.s.errors |= errors;
        if self.s.received.len() >= if self.s.fifo { FIFO_BYTES } else { 1 } {
            self.s.errors |= Lsr::OE;
            // The FIFO keeps what it has; the single register takes the new one.
            if self.s.fifo {
                return;
            }
            self.s.received.clear();
        }
        self.s.received.push_back(byte & self.word_mask());
        self.start_timeout(ctx);
    }

    fn start_timeout(&mut self, ctx: &Ctx<'_>) {
        self.s.timed_out = false;
        let wait = self.character_ticks(ctx).saturating_mul(TIMEOUT_CHARACTERS);
        let runs = self.s.fifo && !self.s.received.is_empty();
        self.s.timeout_at = runs.then_some(ctx.now.saturating_add(wait));
    }

    fn rx_due(&mut self, ctx: &mut Ctx<'_>) {
        if self.may_receive(ctx.timing)
            && ctx.now >= self.s.next_rx
            && let Some(byte) = self.s.waiting.pop_front()
        {
            self.s.next_rx = ctx.now.saturating_add(self.character_ticks(ctx));
            self.character_in(byte, Lsr::empty(), ctx);
        }
        if self.s.timeout_at.is_some_and(|at| at <= ctx.now) {
            self.s.timeout_at = None;
            self.s.timed_out = true;
        }
    }

    fn read_rbr(&mut self, ctx: &Ctx<'_>) -> u8 {
        if let Some(byte) = self.s.received.pop_front() {
            self.s.last_received = byte;
        }
        self.start_timeout(ctx);
        self.s.last_received
    }

    // ---- transmitter ----

    fn write_thr(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        self.s.thre = false;
        if !self.s.fifo {
            self.s.sending.clear();
        }
        if self.s.sending.len() < FIFO_BYTES {
            self.s.sending.push_back(byte & self.word_mask());
        }
        if ctx.timers.due(self.tx_timer).is_none() {
            // It takes up to a bit time to get into the shift register.
            let bit = (self.character_ticks(ctx) / self.bits_per_character()).max(1);
            ctx.timers.arm(self.tx_timer, ctx.now.saturating_add(bit));
        }
    }

    /// Sends at once what was written and is still on its way: the machine is about to be switched off.
    pub fn finish_sending(&mut self, now: Ticks, out: &mut Outbox) {
        let on_the_way = self.s.shifting.take().into_iter().chain(self.s.sending.drain(..));
        if self.s.mcr.contains(Mcr::LOOP) {
            return;
        }
        out.serial.extend(on_the_way.map(|byte| SerialByte {
            at: now,
            port: self.index,
            byte,
        }));
    }

    fn tx_due(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(byte) = self.s.shifting.take() {
            if self.s.mcr.contains(Mcr::LOOP) {
                self.character_in(byte, Lsr::empty(), ctx);
            } else {
                ctx.out.serial.push(SerialByte {
                    at: ctx.now,
                    port: self.index,
                    byte,
                });
            }
        }
        if let Some(byte) = self.s.sending.pop_front() {
            self.s.shifting = Some(byte);
            let at = ctx.now.saturating_add(self.character_ticks(ctx));
            ctx.timers.arm(self.tx_timer, at);
            self.s.thre = self.s.sending.is_empty();
        }
    }

    // ---- registers ----

    fn lsr(&self) -> Lsr {
        let mut lsr = self.s.errors;
        lsr.set(Lsr::DR, !self.s.received.is_empty());
        lsr.set(Lsr::THRE, self.s.sending.is_empty());
        lsr.set(Lsr::TEMT, self.s.sending.is_empty() && self.s.shifting.is_none());
        let broken = Lsr::PE | Lsr::FE | Lsr::BI;
        lsr.set(
            Lsr::ERROR_IN_FIFO,
            self.s.fifo && self.s.errors.intersects(broken),
        );
        lsr
    }

    /// The modem inputs take these levels.
    fn set_modem_lines(&mut self, lines: Msr) {
        let old = self.s.msr;
        let changed = old ^ lines;
        let mut deltas = old & MSR_DELTAS;
        deltas.set(Msr::DCTS, changed.contains(Msr::CTS) || old.contains(Msr::DCTS));
        deltas.set(Msr::DDSR, changed.contains(Msr::DSR) || old.contains(Msr::DDSR));
        deltas.set(Msr::DDCD, changed.contains(Msr::DCD) || old.contains(Msr::DDCD));
        // Of RI only the end counts.
        let ring_ended = old.contains(Msr::RI) && !lines.contains(Msr::RI);
        deltas.set(Msr::TERI, ring_ended || old.contains(Msr::TERI));
        self.s.msr = lines | deltas;
    }

    fn write_mcr(&mut self, value: u8) {
        self.s.mcr = Mcr::from_bits_truncate(value);
        let mcr = self.s.mcr;
        let lines = if mcr.contains(Mcr::LOOP) {
            let mut lines = Msr::empty();
            lines.set(Msr::DSR, mcr.contains(Mcr::DTR));
            lines.set(Msr::CTS, mcr.contains(Mcr::RTS));
            lines.set(Msr::RI, mcr.contains(Mcr::OUT1));
            lines.set(Msr::DCD, mcr.contains(Mcr::OUT2));
            lines
        } else {
            MODEM_LINES
        };
        self.set_modem_lines(lines);
    }

    fn write_lcr(&mut self, value: u8, ctx: &Ctx<'_>) {
        let old = self.s.lcr;
        self.s.lcr = Lcr::from_bits_retain(value);
        let begins = self.s.lcr.contains(Lcr::BREAK) && !old.contains(Lcr::BREAK);
        if begins && self.s.mcr.contains(Mcr::LOOP) {
            self.character_in(0, Lsr::BI, ctx);
        }
    }

    fn clear_rx(&mut self) {
        self.s.received.clear();
        self.s.timeout_at = None;
        self.s.timed_out = false;
        self.s.errors -= Lsr::PE | Lsr::FE | Lsr::BI;
    }

    fn clear_tx(&mut self) {
        self.s.thre |= !self.s.sending.is_empty();
        self.s.sending.clear();
    }

    fn write_fcr(&mut self, value: u8) {
        let fcr = Fcr::from_bits_retain(value);
        let enable = fcr.contains(Fcr::ENABLE);
        let changes = enable != self.s.fifo;
        self.s.fifo = enable;
        if changes || enable && fcr.contains(Fcr::RESET_RX) {
            self.clear_rx();
        }
        if changes || enable && fcr.contains(Fcr::RESET_TX) {
            self.clear_tx();
        }
        if enable {
            self.s.trigger = match fcr.intersection(Fcr::TRIGGER).bits() >> 6 {
                0 => 1,
                1 => 4,
                2 => 8,
                _ => 14,
            };
        }
    }

    fn write_ier(&mut self, value: u8) {
        let old = self.s.ier;
        self.s.ier = Ier::from_bits_truncate(value);
        // Enabled while the register is empty, the interrupt comes at once.
        if self.s.ier.contains(Ier::ETBEI) && !old.contains(Ier::ETBEI) && self.s.sending.is_empty() {
            self.s.thre = true;
        }
    }

    fn read_register(&mut self, register: u16, ctx: &Ctx<'_>) -> u8 {
        let dlab = self.s.lcr.contains(Lcr::DLAB);
        match register {
            REG_DATA if dlab => self.s.divisor.to_le_bytes()[0],
            REG_DATA => self.read_rbr(ctx),
            REG_IER if dlab => self.s.divisor.to_le_bytes()[1],
            REG_IER => self.s.ier.bits(),
            REG_IIR_FCR => {
                let source = self.interrupt_source();
                // Only what is reported is acknowledged.
                if source == IIR_THRE {
                    self.s.thre = false;
                }
                source | if self.s.fifo { IIR_FIFO } else { 0 }
            }
            REG_LCR => self.s.lcr.bits(),
            REG_MCR => self.s.mcr.bits(),
            REG_LSR => {
                let lsr = self.lsr();
                self.s.errors = Lsr::empty();
                lsr.bits()
            }
            REG_MSR => {
                let msr = self.s.msr;
                self.s.msr -= MSR_DELTAS;
                msr.bits()
            }
            _ => self.s.scratch,
        }
    }

    fn write_register(&mut self, register: u16, value: u8, ctx: &mut Ctx<'_>) {
        let dlab = self.s.lcr.contains(Lcr::DLAB);
        let [low, high] = self.s.divisor.to_le_bytes();
        match register {
            REG_DATA if dlab => self.s.divisor = u16::from_le_bytes([value, high]),
            REG_DATA => self.write_thr(value, ctx),
            REG_IER if dlab => self.s.divisor = u16::from_le_bytes([low, value]),
            REG_IER => self.write_ier(value),
            REG_IIR_FCR => self.write_fcr(value),
            REG_LCR => self.write_lcr(value, ctx),
            REG_MCR => self.write_mcr(value),
            // Factory test only.
            REG_LSR | REG_MSR => {}
            REG_SCR => self.s.scratch = value,
            _ => {}
        }
    }
}

impl Device for Uart {
    fn name(&self) -> &'static str {
        "uart"
    }

    fn ports(&self) -> &[PortRange] {
        &self.ports
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let (divisor, scratch) = (self.s.divisor, self.s.scratch);
        self.s = State::new();
        if kind == ResetKind::Hard {
            self.s.divisor = divisor;
            self.s.scratch = scratch;
        }
        ctx.timers.cancel(self.tx_timer);
        self.settle(ctx);
    }

    fn port_read(&mut self, port: u16, _: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let value = self.read_register(port & 7, ctx);
        log::trace!(target: "dev::uart", "in {port:#06x} = {value:#04x}");
        self.settle(ctx);
        value.into()
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let value = value as u8;
        log::trace!(target: "dev::uart", "out {port:#06x}, {value:#04x}");
        self.write_register(port & 7, value, ctx);
        self.settle(ctx);
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        if id == self.tx_timer {
            self.tx_due(ctx);
        } else if id == self.rx_timer {
            self.rx_due(ctx);
        }
        self.settle(ctx);
    }
}

impl Snapshot for Uart {
    const TAG: [u8; 4] = *b"UART";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        let sane = s.received.len() <= FIFO_BYTES
            && s.sending.len() <= FIFO_BYTES
            && s.waiting.len() <= MAX_WAITING
            && matches!(s.trigger, 1 | 4 | 8 | 14);
        if !sane {
            return Err(r.damaged());
        }
        self.s = s;
        Ok(())
    }
}
