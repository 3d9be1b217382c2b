//! Motorola MC146818 real-time clock with the AT's 128 bytes of battery-backed memory at ports 70h–71h,
//! the second bank of later chip sets at 72h–73h, and the NMI mask of port 70h.
//!
//! Follows Motorola data sheet MC146818/D. The time base is the 32768 Hz crystal as a function of
//! absolute time. One event a second advances the time registers; the periodic flag is a formula, and
//! an event is armed for it only while its interrupt is enabled and was served. The century is kept in
//! BCD at 32h (IBM AT) and 37h (PS/2), two views of one byte.
//!
//! Not modelled: daylight saving (DSE is storage), the square-wave output, other crystals than 32768 Hz,
//! and garbled reads during an update: the time registers change at its end, all at once.

#[cfg(test)]
mod tests;

use bitflags::bitflags;
use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};
use serde::{Deserialize, Serialize};

use crate::{Ctx, DateTime, Device, IrqLine, PortRange, ResetKind, TimerId, days_in_month};

const CRYSTAL_HZ: u64 = 32_768;
/// UIP rises this many crystal periods before the new time shows: 244 µs of warning (t_BUC) and 1984 µs
/// of update cycle (t_UC).
const UIP_CLKS: u64 = 8 + 65;

const PORT_INDEX: u16 = 0x70;
const PORT_DATA: u16 = 0x71;
const PORT_INDEX_2: u16 = 0x72;
const PORT_DATA_2: u16 = 0x73;
/// Port 70h, beside the index.
const NMI_DISABLE: u8 = 1 << 7;
const INDEX_MASK: u8 = 0x7f;
const BANK_BYTES: usize = 128;

const REG_SECONDS: u8 = 0x00;
const REG_MINUTES: u8 = 0x02;
const REG_HOURS: u8 = 0x04;
const REG_WEEKDAY: u8 = 0x06;
const REG_DAY: u8 = 0x07;
const REG_MONTH: u8 = 0x08;
const REG_YEAR: u8 = 0x09;
const REG_A: u8 = 0x0a;
const REG_B: u8 = 0x0b;
const REG_C: u8 = 0x0c;
const REG_D: u8 = 0x0d;
const REG_SHUTDOWN: u8 = 0x0f;
const REG_CHECKSUM: u8 = 0x2e;
const REG_CENTURY: u8 = 0x32;
const REG_CENTURY_PS2: u8 = 0x37;
/// What the checksum covers.
const CHECKSUMMED: core::ops::Range<usize> = 0x10..0x2e;

/// Alarm registers: from here on, any time matches.
const DONT_CARE: u8 = 0xc0;
/// 12-hour mode: afternoon.
const PM: u8 = 0x80;
/// Register D: the battery is good.
const VRT: u8 = 0x80;

/// Register A.
const UIP: u8 = 0x80;
const DIVIDER_MASK: u8 = 0x70;
const DIVIDER_32768_HZ: u8 = 0x20;
/// Divider values 11x hold the chain in reset.
const DIVIDER_RESET: u8 = 0x60;
const RATE_MASK: u8 = 0x0f;
/// 32768 Hz crystal, 1024 Hz periodic rate.
const REG_A_DEFAULT: u8 = DIVIDER_32768_HZ | 6;

bitflags! {
    /// Register B.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct RegB: u8 {
        /// Daylight saving.
        const DSE = 1 << 0;
        /// 24-hour rather than 12-hour.
        const H24 = 1 << 1;
        /// Data mode: binary rather than BCD.
        const DM = 1 << 2;
        /// Square wave.
        const SQWE = 1 << 3;
        /// Update-ended interrupt.
        const UIE = 1 << 4;
        /// Alarm interrupt.
        const AIE = 1 << 5;
        /// Periodic interrupt.
        const PIE = 1 << 6;
        /// No updates: the program sets the time.
        const SET = 1 << 7;
    }

    /// Register C. Its bits are where their enables are in register B.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct RegC: u8 {
        /// Update ended.
        const UF = 1 << 4;
        /// Alarm.
        const AF = 1 << 5;
        /// Periodic.
        const PF = 1 << 6;
        /// Any of them whose interrupt is enabled.
        const IRQF = 1 << 7;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    index: u8,
    index_2: u8,
    nmi_masked: bool,
    /// All registers as they read, but for UIP and register C.
    registers: Vec<u8>,
    bank_2: Vec<u8>,
    /// Flags that rose since register C was read, up to `flags_clk`.
    flags: RegC,
    flags_clk: u64,
    /// The crystal period at which the divider chain was zero. Seconds begin there, modulo 32768.
    epoch: u64,
}

/// The real-time clock and the configuration memory.
pub struct Cmos {
    irq: IrqLine,
    s: State,
}

fn bcd(n: u8) -> u8 {
    ((n / 10 % 10) << 4) | (n % 10)
}

fn from_bcd(n: u8) -> u8 {
    (n >> 4) * 10 + (n & 0xf)
}

impl Cmos {
    /// A clock that drives `irq` and shows `start` at tick 0, in BCD and 24-hour mode. It uses the
    /// timers [`TimerId::RtcPeriodic`] and [`TimerId::RtcUpdateEnd`].
    pub fn new(irq: IrqLine, start: DateTime) -> Self {
        let mut cmos = Self {
            irq,
            s: State {
                index: 0,
                index_2: 0,
                nmi_masked: false,
                registers: vec![0; BANK_BYTES],
                bank_2: vec![0; BANK_BYTES],
                flags: RegC::empty(),
                flags_clk: 0,
                epoch: 0,
            },
        };
        let [century, year] = [(start.year() / 100) as u8, (start.year() % 100) as u8];
        for (register, value) in [
            (REG_SECONDS, start.second()),
            (REG_MINUTES, start.minute()),
            (REG_HOURS, start.hour()),
            (REG_WEEKDAY, start.weekday() + 1),
            (REG_DAY, start.day()),
            (REG_MONTH, start.month()),
            (REG_YEAR, year),
            (REG_CENTURY, century),
        ] {
            cmos.set(register, bcd(value));
        }
        cmos.set(REG_A, REG_A_DEFAULT);
        cmos.set(REG_B, RegB::H24.bits());
        cmos.set(REG_D, VRT);
        cmos
    }

    // ---- for the platform ----

    /// Sets one register as the battery kept it, without side effects.
    pub fn set(&mut self, register: u8, value: u8) {
        let register = register & INDEX_MASK;
        let both = match register {
            REG_CENTURY | REG_CENTURY_PS2 => [REG_CENTURY, REG_CENTURY_PS2],
            _ => [register; 2],
        };
        for register in both {
            if let Some(slot) = self.s.registers.get_mut(usize::from(register)) {
                *slot = value;
            }
        }
    }

    /// One register, without side effects.
    pub fn get(&self, register: u8) -> u8 {
        let index = usize::from(register & INDEX_MASK);
        self.s.registers.get(index).copied().unwrap_or(0xff)
    }

    /// Computes the checksum of registers 10h to 2Dh into 2Eh and 2Fh, high byte first.
    pub fn update_checksum(&mut self) {
        let covered = self.s.registers.get(CHECKSUMMED).unwrap_or(&[]);
        let sum = covered
            .iter()
            .fold(0u16, |sum, &byte| sum.wrapping_add(byte.into()));
        let [high, low] = sum.to_be_bytes();
        self.set(REG_CHECKSUM, high);
        self.set(REG_CHECKSUM + 1, low);
    }

    /// The shutdown code in register 0Fh: what the BIOS is to do after a reset.
    pub fn shutdown_code(&self) -> u8 {
        self.get(REG_SHUTDOWN)
    }

    /// Whether port 70h masks NMI.
    pub fn nmi_masked(&self) -> bool {
        self.s.nmi_masked
    }

    // ---- the divider chain as a function of time ----

    fn clk(ctx: &Ctx<'_>) -> u64 {
        ctx.rate.count_at(ctx.now, CRYSTAL_HZ)
    }

    /// Crystal periods since the divider chain was zero.
    fn chain(&self, clk: u64) -> u64 {
        clk.wrapping_sub(self.s.epoch)
    }

    fn reg_b(&self) -> RegB {
        RegB::from_bits_retain(self.get(REG_B))
    }

    fn chain_runs(&self) -> bool {
        self.get(REG_A) & DIVIDER_RESET != DIVIDER_RESET
    }

    /// Crystal periods until the next second.
    fn until_update(&self, clk: u64) -> u64 {
        CRYSTAL_HZ - self.chain(clk) % CRYSTAL_HZ
    }

    fn update_in_progress(&self, clk: u64) -> bool {
        self.chain_runs() && !self.reg_b().contains(RegB::SET) && self.until_update(clk) <= UIP_CLKS
    }

    /// The period of the periodic flag in crystal periods (data sheet, Table 5).
    fn period(&self) -> Option<u64> {
        let a = self.get(REG_A);
        if a & DIVIDER_MASK != DIVIDER_32768_HZ {
            return None;
        }
        match a & RATE_MASK {
            0 => None,
            // These two are 256 and 128 Hz, as 8 and 9.
            rate @ (1 | 2) => Some(1 << (rate + 6)),
            rate => Some(1 << (rate - 1)),
        }
    }

    /// Brings the periodic flag up to now. Comes before every change of what it depends on.
    fn catch_up(&mut self, clk: u64) {
        if let Some(period) = self.period()
            && self.chain(clk) / period != self.chain(self.s.flags_clk) / period
        {
            self.s.flags |= RegC::PF;
        }
        self.s.flags_clk = clk;
    }

    // ---- interrupts and events ----

    fn reg_c(&self) -> RegC {
        let mut value = self.s.flags;
        let enabled = self.s.flags.bits() & self.reg_b().bits();
        value.set(RegC::IRQF, enabled != 0);
        value
    }

    fn tick(ctx: &Ctx<'_>, clk: u64) -> Ticks {
        ctx.rate.tick_of(clk, CRYSTAL_HZ).max(ctx.now.saturating_add(1))
    }

    /// Drives IRQ 8 and arms what comes next.
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        let clk = Self::clk(ctx);
        ctx.irq.set(self.irq, self.reg_c().contains(RegC::IRQF));
        let wanted = self.reg_b().contains(RegB::PIE) && !self.s.flags.contains(RegC::PF);
        match self.period().filter(|_| wanted) {
            Some(period) => {
                let next = clk.saturating_add(period - self.chain(clk) % period);
                ctx.timers.arm(TimerId::RtcPeriodic, Self::tick(ctx, next));
            }
            None => ctx.timers.cancel(TimerId::RtcPeriodic),
        }
        if self.chain_runs() {
            let next = clk.saturating_add(self.until_update(clk));
            ctx.timers.arm(TimerId::RtcUpdateEnd, Self::tick(ctx, next));
        } else {
            ctx.timers.cancel(TimerId::RtcUpdateEnd);
        }
    }

    /// A second has passed.
    fn update(&mut self) {
        if self.reg_b().contains(RegB::SET) {
            return;
        }
        self.advance_time();
        self.s.flags |= RegC::UF;
        let matches = |time: u8| {
            let alarm = self.get(time + 1);
            alarm >= DONT_CARE || alarm == self.get(time)
        };
        if [REG_SECONDS, REG_MINUTES, REG_HOURS].into_iter().all(matches) {
            self.s.flags |= RegC::AF;
        }
    }

    // ---- the calendar ----

    fn decode(&self, value: u8) -> u8 {
        if self.reg_b().contains(RegB::DM) {
            value
        } else {
            from_bcd(value)
        }
    }

    fn encode(&self, value: u8) -> u8 {
        if self.reg_b().contains(RegB::DM) {
            value
        } else {
            bcd(value)
        }
    }

    /// Counts a register up, back to `first` after `last`. True if it went back.
    fn count(&mut self, register: u8, first: u8, last: u8) -> bool {
        let next = self.decode(self.get(register)).saturating_add(1);
        let wraps = next > last;
        let next = if wraps { first } else { next };
        self.set(register, self.encode(next));
        wraps
    }

    /// Counts the hours up. True at midnight.
    fn count_hours(&mut self) -> bool {
        if self.reg_b().contains(RegB::H24) {
            return self.count(REG_HOURS, 0, 23);
        }
        let raw = self.get(REG_HOURS);
        let (hour, pm) = (self.decode(raw & !PM), raw & PM);
        // 11 → 12 turns the half of the day, 12 → 1 does not.
        let (next, pm_next) = match hour {
            11 => (12, pm ^ PM),
            12.. => (1, pm),
            _ => (hour + 1, pm),
        };
        self.set(REG_HOURS, self.encode(next) | pm_next);
        hour == 11 && pm != 0
    }

    /// Adds a second. Values that no clock shows count on from what they are, and wrap at the next
    /// limit.
    fn advance_time(&mut self) {
        if !(self.count(REG_SECONDS, 0, 59) && self.count(REG_MINUTES, 0, 59) && self.count_hours()) {
            return;
        }
        self.count(REG_WEEKDAY, 1, 7);
        let century = from_bcd(self.get(REG_CENTURY));
        let year = u16::from(century) * 100 + u16::from(self.decode(self.get(REG_YEAR)));
        let days = days_in_month(year, self.decode(self.get(REG_MONTH)));
        if self.count(REG_DAY, 1, days) && self.count(REG_MONTH, 1, 12) && self.count(REG_YEAR, 0, 99) {
            self.set(REG_CENTURY, bcd((century + 1) % 100));
        }
    }

    // ---- registers ----

    fn read_data(&mut self, clk: u64) -> u8 {
        match self.s.index {
            REG_A if self.update_in_progress(clk) => self.get(REG_A) | UIP,
            REG_C => {
                let value = self.reg_c();
                self.s.flags = RegC::empty();
                value.bits()
            }
            register => self.get(register),
        }
    }

    fn write_data(&mut self, value: u8, clk: u64) {
        match self.s.index {
            REG_A => {
                let ran = self.chain_runs();
                self.set(REG_A, value & !UIP);
                if !ran && self.chain_runs() {
                    // The first update comes half a second after the reset is lifted.
                    self.s.epoch = clk.wrapping_sub(CRYSTAL_HZ / 2);
                }
            }
            REG_B => {
                let mut b = RegB::from_bits_retain(value);
                if b.contains(RegB::SET) {
                    b.remove(RegB::UIE);
                }
                self.set(REG_B, b.bits());
            }
            REG_C | REG_D => {}
            register => self.set(register, value),
        }
    }
}

impl Device for Cmos {
    fn name(&self) -> &'static str {
        "cmos"
    }

    fn ports(&self) -> &[PortRange] {
        &[PortRange {
            first: PORT_INDEX,
            count: 4,
        }]
    }

    /// The battery keeps all but what the data sheet lists under RESET.
    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        self.catch_up(Self::clk(ctx));
        if kind == ResetKind::Cold {
            self.set(REG_A, REG_A_DEFAULT);
        }
        let cleared = RegB::PIE | RegB::AIE | RegB::UIE | RegB::SQWE;
        self.set(REG_B, (self.reg_b() - cleared).bits());
        self.s.flags = RegC::empty();
        self.s.nmi_masked = false;
        self.settle(ctx);
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        match port {
            PORT_DATA => {
                let clk = Self::clk(ctx);
                self.catch_up(clk);
                let value = self.read_data(clk);
                log::trace!(target: "dev::cmos", "register {:#04x} = {value:#04x}", self.s.index);
                self.settle(ctx);
                value.into()
            }
            PORT_DATA_2 => {
                let byte = self.s.bank_2.get(usize::from(self.s.index_2));
                byte.map_or(width.open_bus(), |&byte| byte.into())
            }
            // The index ports cannot be read.
            _ => width.open_bus(),
        }
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let value = value as u8;
        match port {
            PORT_INDEX => {
                self.s.index = value & INDEX_MASK;
                self.s.nmi_masked = value & NMI_DISABLE != 0;
            }
            PORT_DATA => {
                let clk = Self::clk(ctx);
                log::trace!(target: "dev::cmos", "register {:#04x}: {value:#04x}", self.s.index);
                self.catch_up(clk);
                self.write_data(value, clk);
                self.settle(ctx);
            }
            PORT_INDEX_2 => self.s.index_2 = value & INDEX_MASK,
            PORT_DATA_2 => {
                if let Some(slot) = self.s.bank_2.get_mut(usize::from(self.s.index_2)) {
                    *slot = value;
                }
            }
            _ => {}
        }
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        self.catch_up(Self::clk(ctx));
        if id == TimerId::RtcUpdateEnd {
            self.update();
        }
        self.settle(ctx);
    }
}

impl Snapshot for Cmos {
    const TAG: [u8; 4] = *b"CMOS";
    const VERSION: u16 = 1;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        let sane = s.registers.len() == BANK_BYTES
            && s.bank_2.len() == BANK_BYTES
            && s.index <= INDEX_MASK
            && s.index_2 <= INDEX_MASK;
        if !sane {
            return Err(r.damaged());
        }
        self.s = s;
        Ok(())
    }
}
