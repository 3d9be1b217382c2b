//! The timer of the local APIC (SDM vol. 3A §10.5.4): a formula of the time, never polled.

use oldiron_mmu::{TickRate, Ticks};
use serde::{Deserialize, Serialize};

/// The clock: that of a bus of 100 MHz.
pub(super) const TIMER_HZ: u64 = 100_000_000;

/// Count registers, and when the count began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timer {
    initial: u32,
    /// The divide configuration register.
    divide: u8,
    periodic: bool,
    /// The count was `from` at this time, in periods of the clock.
    since: u64,
    from: u32,
}

impl Timer {
    pub(super) fn initial(&self) -> u32 {
        self.initial
    }

    pub(super) fn divide_register(&self) -> u8 {
        self.divide
    }

    /// Periods of the clock for one count.
    fn divisor(&self) -> u64 {
        match self.divide & 3 | self.divide >> 1 & 4 {
            7 => 1,
            code => 2 << code,
        }
    }

    fn clock(now: Ticks, rate: TickRate) -> u64 {
        rate.count_at(now, TIMER_HZ)
    }

    /// Counts since `since`.
    fn elapsed(&self, now: Ticks, rate: TickRate) -> u64 {
        Self::clock(now, rate).saturating_sub(self.since) / self.divisor()
    }

    /// The current count.
    pub(super) fn count(&self, now: Ticks, rate: TickRate) -> u32 {
        let elapsed = self.elapsed(now, rate);
        let from = u64::from(self.from);
        if elapsed < from {
            return (from - elapsed) as u32;
        }
        match u64::from(self.initial) {
            initial if self.periodic && self.from != 0 && initial != 0 => {
                (initial - (elapsed - from) % initial) as u32
            }
            _ => 0,
        }
    }

    /// The count as it is now becomes what the formula starts from, the part of a count that has passed included.
    fn rebase(&mut self, now: Ticks, rate: TickRate) {
        let (count, elapsed) = (self.count(now, rate), self.elapsed(now, rate));
        self.since = self.since.saturating_add(elapsed.saturating_mul(self.divisor()));
        self.from = count;
    }

    pub(super) fn load(&mut self, initial: u32, now: Ticks, rate: TickRate) {
        self.initial = initial;
        self.from = initial;
        self.since = Self::clock(now, rate);
    }

    pub(super) fn set_divide(&mut self, divide: u8, now: Ticks, rate: TickRate) {
        self.rebase(now, rate);
        self.since = Self::clock(now, rate);
        self.divide = divide & 0x0b;
    }

    pub(super) fn set_periodic(&mut self, periodic: bool, now: Ticks, rate: TickRate) {
        if periodic != self.periodic {
            self.rebase(now, rate);
            self.periodic = periodic;
        }
    }

    /// The first tick after `now` at which the count reaches zero, if it does.
    pub(super) fn next_expiry(&self, now: Ticks, rate: TickRate) -> Option<Ticks> {
        if self.from == 0 {
            return None;
        }
        let (elapsed, from) = (self.elapsed(now, rate), u64::from(self.from));
        let counts = match u64::from(self.initial) {
            _ if elapsed < from => from,
            initial if self.periodic && initial != 0 => {
                from + ((elapsed - from) / initial + 1).saturating_mul(initial)
            }
            _ => return None,
        };
        let at = self.since.saturating_add(counts.saturating_mul(self.divisor()));
        // With fewer ticks than clocks, several expiries may fall on one tick.
        Some(rate.tick_of(at, TIMER_HZ).max(now.saturating_add(1)))
    }

    /// Whether registers hold what they can.
    pub(super) fn is_sane(&self) -> bool {
        self.divide & !0x0b == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: TickRate = TickRate::new(200_000_000);

    /// A timer of 10 counts at this divide register, loaded at tick 1000.
    fn timer(divide: u8, periodic: bool) -> Timer {
        let mut timer = Timer::default();
        timer.set_divide(divide, 1000, RATE);
        timer.set_periodic(periodic, 1000, RATE);
        timer.load(10, 1000, RATE);
        timer
    }

    #[test]
    fn each_divide_code_has_its_divisor() {
        for (code, divisor) in [
            (0x0, 2),
            (0x1, 4),
            (0x2, 8),
            (0x3, 16),
            (0x8, 32),
            (0x9, 64),
            (0xa, 128),
            (0xb, 1),
        ] {
            assert_eq!(timer(code, false).divisor(), divisor, "{code:#x}");
            let expiry = timer(code, false).next_expiry(1000, RATE);
            assert_eq!(expiry, Some(1000 + 10 * divisor * 2), "two ticks a clock");
        }
    }

    #[test]
    fn one_shot_counts_to_zero_and_stays_there() {
        let timer = timer(0xb, false);
        let counts = [1000, 1001, 1002, 1018, 1019, 1020, 5000].map(|now| timer.count(now, RATE));
        assert_eq!(counts, [10, 10, 9, 1, 1, 0, 0]);
        assert_eq!(timer.next_expiry(1020, RATE), None);
    }

    #[test]
    fn periodic_begins_again_with_the_initial_count() {
        let timer = timer(0xb, true);
        let counts = [1018, 1020, 1022, 1039, 1040].map(|now| timer.count(now, RATE));
        assert_eq!(counts, [1, 10, 9, 1, 10]);
        assert_eq!(timer.next_expiry(1020, RATE), Some(1040));
        assert_eq!(timer.next_expiry(1039, RATE), Some(1040));
    }

    #[test]
    fn a_change_of_mode_or_divisor_goes_on_from_the_count() {
        let mut timer = timer(0xb, true);
        timer.set_periodic(false, 1030, RATE);
        assert_eq!(timer.count(1030, RATE), 5);
        assert_eq!(timer.next_expiry(1030, RATE), Some(1040));
        timer.set_divide(0, 1030, RATE);
        assert_eq!(timer.next_expiry(1030, RATE), Some(1050));
        timer.load(0, 1035, RATE);
        assert_eq!(
            (timer.count(1036, RATE), timer.next_expiry(1036, RATE)),
            (0, None)
        );
    }

    #[test]
    fn periods_shorter_than_a_tick_let_time_go_on() {
        let slow = TickRate::new(1_000_000);
        let mut timer = Timer::default();
        timer.set_divide(0xb, 0, slow);
        timer.set_periodic(true, 0, slow);
        timer.load(1, 0, slow);
        assert_eq!(timer.next_expiry(7, slow), Some(8));
    }
}
