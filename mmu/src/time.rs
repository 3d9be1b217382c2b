//! Virtual time: ticks, and their conversion to and from the clocks of chips.

use serde::{Deserialize, Serialize};

/// A point in, or a length of, virtual time, in ticks. One tick is one instruction slot; see
/// [`TickRate`] for its length in guest seconds.
pub type Ticks = u64;

/// Ticks per guest second (`--ips`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickRate(u64);

impl TickRate {
    /// A rate of `per_second` ticks; 0 is taken as 1.
    pub const fn new(per_second: u64) -> Self {
        Self(if per_second == 0 { 1 } else { per_second })
    }

    /// Ticks per guest second.
    pub const fn per_second(self) -> u64 {
        self.0
    }

    /// How many full periods of a clock of `hz` have passed at absolute time `now`.
    ///
    /// Chips convert absolute time, never sums of differences, so that no rounding accumulates.
    pub const fn count_at(self, now: Ticks, hz: u64) -> u64 {
        // The short way is good for days of guest time; 128-bit division is slow on every host.
        match now.checked_mul(hz) {
            Some(product) => product / self.0,
            None => (now as u128 * hz as u128 / self.0 as u128) as u64,
        }
    }

    /// The first tick at which [`count_at`](Self::count_at) is at least `count`.
    pub const fn tick_of(self, count: u64, hz: u64) -> Ticks {
        if hz == 0 {
            return Ticks::MAX;
        }
        match count.checked_mul(self.0) {
            Some(product) => product.div_ceil(hz),
            None => (count as u128 * self.0 as u128).div_ceil(hz as u128) as u64,
        }
    }

    /// The length of `count` periods of a clock of `hz`, in ticks, at least 1.
    pub const fn ticks_for(self, count: u64, hz: u64) -> Ticks {
        let ticks = self.tick_of(count, hz);
        if ticks == 0 { 1 } else { ticks }
    }

    /// The length of `micros` microseconds, in ticks, at least 1.
    pub const fn micros(self, micros: u64) -> Ticks {
        self.ticks_for(micros, 1_000_000)
    }

    /// The length of `nanos` nanoseconds, in ticks, at least 1.
    pub const fn nanos(self, nanos: u64) -> Ticks {
        self.ticks_for(nanos, 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_go_on_where_64_bits_end() {
        let rate = TickRate::new(100_000_000);
        let edge = u64::MAX / 1_193_182;
        let counts: Vec<u64> = (edge - 2..edge + 3)
            .map(|now| rate.count_at(now, 1_193_182))
            .collect();
        assert!(counts.windows(2).all(|pair| pair[1] - pair[0] <= 1));
        let edge = u64::MAX / 100_000_000;
        for count in edge - 2..edge + 3 {
            assert_eq!(rate.count_at(rate.tick_of(count, 1_193_182), 1_193_182), count);
        }
    }

    #[test]
    fn tick_of_is_the_first_tick_that_shows_the_count() {
        for rate in [
            TickRate::new(100_000_000),
            TickRate::new(1_000_003),
            TickRate::new(7),
        ] {
            for count in 1..2000 {
                let tick = rate.tick_of(count, 1_193_182);
                assert!(rate.count_at(tick, 1_193_182) >= count);
                assert!(rate.count_at(tick - 1, 1_193_182) < count);
            }
        }
    }
}
