//! Virtual time: the one place that knows what tick it is.

use oldiron_mmu::{TickRate, Ticks};

/// The machine's clock. It moves only when the machine's run loop says so, and never backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    now: Ticks,
    rate: TickRate,
}

impl Clock {
    pub(crate) fn new(rate: TickRate) -> Self {
        Self { now: 0, rate }
    }

    pub(crate) fn now(self) -> Ticks {
        self.now
    }

    pub(crate) fn rate(self) -> TickRate {
        self.rate
    }

    /// Moves on to `to`.
    pub(crate) fn advance(&mut self, to: Ticks) {
        debug_assert!(to >= self.now, "time runs forward");
        self.now = self.now.max(to);
    }

    /// Continues from the time of a saved state.
    pub(crate) fn restore(&mut self, now: Ticks) {
        self.now = now;
    }
}
