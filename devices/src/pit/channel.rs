//! One counter of the 8254.
//!
//! Time here is `clk`: how many CLK pulses there have been since tick 0. A counter never runs; it
//! remembers the pulse at which its counting element was loaded, and answers for any later pulse.

use serde::{Deserialize, Serialize};

/// The six modes (data sheet, "Mode Definitions").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Mode {
    /// 0: interrupt on terminal count.
    TerminalCount,
    /// 1: hardware-retriggerable one-shot.
    OneShot,
    /// 2: rate generator.
    RateGenerator,
    /// 3: square wave.
    SquareWave,
    /// 4: software-triggered strobe.
    SoftwareStrobe,
    /// 5: hardware-triggered strobe.
    HardwareStrobe,
}

impl Mode {
    /// From the three bits of a control word; 6 and 7 are 2 and 3.
    fn from_bits(bits: u8) -> Self {
        match bits & 7 {
            0 => Self::TerminalCount,
            1 => Self::OneShot,
            2 | 6 => Self::RateGenerator,
            3 | 7 => Self::SquareWave,
            4 => Self::SoftwareStrobe,
            _ => Self::HardwareStrobe,
        }
    }

    /// Counts over and over, and reloads itself.
    fn is_periodic(self) -> bool {
        matches!(self, Self::RateGenerator | Self::SquareWave)
    }

    /// Only a rising gate starts it.
    fn is_triggered(self) -> bool {
        matches!(self, Self::OneShot | Self::HardwareStrobe)
    }
}

/// Which bytes of a count are read and written (RW1, RW0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Access {
    Lsb = 1,
    Msb = 2,
    Both = 3,
}

/// No load is in sight.
const NEVER: u64 = u64::MAX;

/// The most a counting element holds, as a count: 0 counts as one more than the largest number.
const BINARY_COUNTS: u32 = 0x1_0000;
const BCD_COUNTS: u32 = 10_000;

fn to_bcd(n: u32) -> u16 {
    (0..4).fold(0, |bcd, digit| {
        bcd | (((n / 10u32.pow(digit) % 10) as u16) << (4 * digit))
    })
}

/// Digits above 9 count what they stand for, as in the chip's decade counters after a load.
fn from_bcd(bcd: u16) -> u32 {
    (0..4).fold(0, |n, digit| {
        n + u32::from(bcd >> (4 * digit) & 0xf) * 10u32.pow(digit)
    })
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Channel {
    mode: Mode,
    bcd: bool,
    access: Access,
    /// The first of two bytes was written.
    write_low: Option<u8>,
    /// The next byte read is the second of two.
    read_high: bool,
    latched_count: Option<u16>,
    latched_status: Option<u8>,
    /// The count register: 1 to 65536.
    count: u32,
    /// It was written since the last control word.
    count_written: bool,
    /// NULL COUNT reads 1 until this pulse.
    null_until: u64,
    gate: bool,
    /// The counting element counts: it holds `n` at pulse `since`, which may lie ahead.
    counting: bool,
    since: u64,
    n: u32,
    /// Terminal count was passed before `since`.
    fired: bool,
    /// Mode 3: the half that begins at `since` is the low one.
    low_first: bool,
    /// A new count that takes effect at a pulse to come (modes 2 and 3).
    queued: Option<(u64, u32)>,
    /// What the counting element holds, and OUT is, while it does not count and before `since`.
    rest: u32,
    rest_out: bool,
}

impl Channel {
    /// A counter after power-on: nothing counts, OUT is high.
    pub(super) fn new(gate: bool) -> Self {
        Self {
            mode: Mode::SquareWave,
            bcd: false,
            access: Access::Both,
            write_low: None,
            read_high: false,
            latched_count: None,
            latched_status: None,
            count: BINARY_COUNTS,
            count_written: false,
            null_until: NEVER,
            gate,
            counting: false,
            since: 0,
            n: BINARY_COUNTS,
            fired: false,
            low_first: false,
            queued: None,
            rest: 0,
            rest_out: true,
        }
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    pub(super) fn gate(&self) -> bool {
        self.gate
    }

    /// The mean of OUT, 255 for always high, if it repeats in fewer than `period` counts.
    pub(super) fn mean_above(&self, period: u32) -> Option<u8> {
        let high = match self.mode {
            Mode::SquareWave => self.n - self.n / 2,
            Mode::RateGenerator => self.n.saturating_sub(1),
            _ => return None,
        };
        let repeats = self.counting && (2..period).contains(&self.n);
        repeats.then(|| (high * u32::from(u8::MAX) / self.n) as u8)
    }

    /// The pulse at which a new count takes effect, if one waits.
    pub(super) fn next_count(&self) -> Option<u64> {
        self.queued.map(|(at, _)| at)
    }

    fn counts(&self) -> u32 {
        if self.bcd { BCD_COUNTS } else { BINARY_COUNTS }
    }

    // ---- the counting element as a function of time ----

    /// Pulses since the element held `n`, if it counts and did.
    fn elapsed(&self, clk: u64) -> Option<u64> {
        if self.counting {
            clk.checked_sub(self.since)
        } else {
            None
        }
    }

    /// Length of a period, never 0.
    fn modulus(&self) -> u64 {
        u64::from(self.n.max(1))
    }

    /// Mode 3: the length of the half that begins at `since`. The high half of an odd count is one longer.
    fn first_half(&self) -> u64 {
        let n = self.modulus();
        if self.low_first { n / 2 } else { n - n / 2 }
    }

    /// Mode 3: pulses since the present half began, and whether OUT is low in it.
    fn half(&self, elapsed: u64) -> (u64, bool) {
        let (at, first) = (elapsed % self.modulus(), self.first_half());
        if at < first {
            (at, self.low_first)
        } else {
            (at - first, !self.low_first)
        }
    }

    /// OUT after pulse `clk`.
    pub(super) fn out(&self, clk: u64) -> bool {
        let Some(elapsed) = self.elapsed(clk) else {
            return self.rest_out;
        };
        let n = u64::from(self.n);
        match self.mode {
            Mode::TerminalCount => self.fired || elapsed >= n,
            Mode::OneShot => elapsed >= n,
            // A count of 1 is not allowed; it keeps OUT high.
            Mode::RateGenerator => n < 2 || elapsed % n != n - 1,
            Mode::SquareWave => !self.half(elapsed).1,
            Mode::SoftwareStrobe | Mode::HardwareStrobe => self.fired || elapsed != n,
        }
    }

    /// The next pulse after `clk` with which OUT changes. `advance(clk)` was called before.
    pub(super) fn next_change(&self, clk: u64) -> Option<u64> {
        if !self.counting {
            return None;
        }
        if clk < self.since && self.out(self.since) != self.rest_out {
            return Some(self.since);
        }
        let from = clk.max(self.since);
        let elapsed = from - self.since;
        let n = u64::from(self.n);
        let wait = match self.mode {
            Mode::TerminalCount | Mode::OneShot if !self.fired && elapsed < n => n - elapsed,
            Mode::TerminalCount | Mode::OneShot => return None,
            Mode::RateGenerator | Mode::SquareWave if n < 2 => return None,
            Mode::RateGenerator if elapsed % n < n - 1 => n - 1 - elapsed % n,
            Mode::RateGenerator => 1,
            Mode::SquareWave => self.until_reload(elapsed),
            Mode::SoftwareStrobe | Mode::HardwareStrobe if self.fired || elapsed > n => return None,
            Mode::SoftwareStrobe | Mode::HardwareStrobe if elapsed == n => 1,
            Mode::SoftwareStrobe | Mode::HardwareStrobe => n - elapsed,
        };
        Some(from.saturating_add(wait))
    }

    /// Modes 2 and 3: pulses until the element is loaded from the count register.
    fn until_reload(&self, elapsed: u64) -> u64 {
        let n = self.modulus();
        let (at, first) = (elapsed % n, self.first_half());
        if self.mode == Mode::SquareWave && at < first {
            first - at
        } else {
            n - at
        }
    }

    /// What the counting element holds after pulse `clk`, as a count.
    fn element(&self, clk: u64) -> u32 {
        let Some(elapsed) = self.elapsed(clk) else {
            return self.rest;
        };
        match self.mode {
            Mode::RateGenerator => (self.modulus() - elapsed % self.modulus()) as u32,
            // Counts by 2 from the even count.
            Mode::SquareWave => (self.n & !1).saturating_sub(2 * self.half(elapsed).0 as u32),
            // Counts on below 0.
            _ if self.fired || elapsed > u64::from(self.n) => {
                let counts = u64::from(self.counts());
                ((u64::from(self.n) + counts - elapsed % counts) % counts) as u32
            }
            _ => (u64::from(self.n) - elapsed) as u32,
        }
    }

    /// As the bus sees it.
    fn value(&self, clk: u64) -> u16 {
        let element = self.element(clk);
        if self.bcd {
            to_bcd(element % BCD_COUNTS)
        } else {
            element as u16
        }
    }

    /// Brings the remembered state up to pulse `clk`: a queued count may have taken effect.
    pub(super) fn advance(&mut self, clk: u64) {
        if let Some((at, n)) = self.queued
            && clk >= at
        {
            // The half that begins there has the level that it would have had anyway.
            self.low_first = self.mode == Mode::SquareWave && !self.out(at);
            self.since = at;
            self.n = n;
            self.queued = None;
        }
    }

    // ---- what starts and stops it ----

    /// Loads the element with the next pulse. Until then OUT is `out`.
    fn load(&mut self, clk: u64, out: bool) {
        self.rest = self.element(clk);
        self.rest_out = out;
        self.counting = true;
        self.since = clk.saturating_add(1);
        self.n = self.count;
        self.fired = false;
        self.low_first = false;
        self.queued = None;
        self.null_until = self.since;
    }

    /// Stops counting, with OUT at `out`.
    fn stop(&mut self, clk: u64, out: bool) {
        if self.counting && clk < self.since {
            // The load goes on even so (data sheet, Figure 15, second example).
            self.rest = self.n;
        } else if let Some(elapsed) = self.elapsed(clk) {
            self.rest = self.element(clk);
            self.fired |= elapsed >= u64::from(self.n);
        }
        self.rest_out = out;
        self.counting = false;
        if self.queued.take().is_some() {
            self.null_until = NEVER;
        }
    }

    /// A control word that is neither a latch nor a read-back command.
    pub(super) fn program(&mut self, control: u8, clk: u64) {
        self.access = match control >> 4 & 3 {
            1 => Access::Lsb,
            2 => Access::Msb,
            _ => Access::Both,
        };
        let mode = Mode::from_bits(control >> 1);
        self.stop(clk, mode != Mode::TerminalCount);
        self.mode = mode;
        self.bcd = control & 1 != 0;
        self.write_low = None;
        self.read_high = false;
        self.latched_count = None;
        self.latched_status = None;
        self.count_written = false;
        self.null_until = NEVER;
    }

    /// A byte of a new count.
    pub(super) fn write(&mut self, byte: u8, clk: u64) {
        let count = match (self.access, self.write_low) {
            (Access::Lsb, _) => u16::from(byte),
            (Access::Msb, _) => u16::from(byte) << 8,
            (Access::Both, None) => {
                self.write_low = Some(byte);
                if self.mode == Mode::TerminalCount {
                    // The first byte stops counting and drops OUT at once.
                    self.stop(clk, false);
                }
                return;
            }
            (Access::Both, Some(low)) => {
                self.write_low = None;
                u16::from_le_bytes([low, byte])
            }
        };
        let number = if self.bcd {
            from_bcd(count)
        } else {
            u32::from(count)
        };
        self.count = if number == 0 { self.counts() } else { number };
        self.count_written = true;
        self.null_until = NEVER;
        match self.mode {
            Mode::TerminalCount | Mode::SoftwareStrobe => {
                let out = self.mode == Mode::SoftwareStrobe;
                self.load(clk, out);
                if !self.gate {
                    self.stop(clk, out);
                }
            }
            Mode::RateGenerator | Mode::SquareWave if self.gate => match self.elapsed(clk) {
                Some(elapsed) => {
                    let at = clk.saturating_add(self.until_reload(elapsed));
                    self.queued = Some((at, self.count));
                    self.null_until = at;
                }
                None => self.load(clk, true),
            },
            _ => {}
        }
    }

    /// The GATE input.
    pub(super) fn set_gate(&mut self, gate: bool, clk: u64) {
        if gate == self.gate {
            return;
        }
        self.gate = gate;
        if !gate {
            if self.mode.is_periodic() {
                self.stop(clk, true);
            } else if !self.mode.is_triggered() {
                // A strobe that is just then low ends all the same.
                let out = self.out(clk) || self.mode == Mode::SoftwareStrobe;
                self.stop(clk, out);
            }
        } else if !self.count_written {
            // Nothing to count yet.
        } else if self.mode.is_periodic() {
            self.load(clk, true);
        } else if self.mode.is_triggered() {
            self.load(clk, self.out(clk));
        } else if self.write_low.is_none() || self.mode == Mode::SoftwareStrobe {
            self.counting = true;
            self.since = clk;
            self.n = self.rest;
        }
    }

    // ---- reading ----

    /// The counter latch command. A second one before the first was read is ignored.
    pub(super) fn latch_count(&mut self, clk: u64) {
        if self.latched_count.is_none() {
            self.latched_count = Some(self.value(clk));
        }
    }

    /// The read-back command's status byte.
    pub(super) fn latch_status(&mut self, clk: u64) {
        const OUT: u8 = 1 << 7;
        const NULL_COUNT: u8 = 1 << 6;
        if self.latched_status.is_none() {
            let mut status = (self.access as u8) << 4 | (self.mode as u8) << 1 | u8::from(self.bcd);
            if self.out(clk) {
                status |= OUT;
            }
            if clk < self.null_until {
                status |= NULL_COUNT;
            }
            self.latched_status = Some(status);
        }
    }

    /// A read of the counter's port.
    pub(super) fn read(&mut self, clk: u64) -> u8 {
        if let Some(status) = self.latched_status.take() {
            return status;
        }
        let [low, high] = self
            .latched_count
            .unwrap_or_else(|| self.value(clk))
            .to_le_bytes();
        let (byte, last) = match self.access {
            Access::Lsb => (low, true),
            Access::Msb => (high, true),
            Access::Both => {
                self.read_high = !self.read_high;
                if self.read_high {
                    (low, false)
                } else {
                    (high, true)
                }
            }
        };
        if last {
            self.latched_count = None;
        }
        byte
    }

    /// Whether a loaded counter holds only what a running one can.
    pub(super) fn is_sane(&self) -> bool {
        let ok = |count: u32| (1..=BINARY_COUNTS).contains(&count);
        ok(self.count)
            && self.n <= BINARY_COUNTS
            && self.rest <= BINARY_COUNTS
            && self.queued.is_none_or(|(_, n)| ok(n))
    }
}
