//! The board.
use oldiron_devices::{Outbox, Timing};
use oldiron_mmu::TickRate;

use crate::clock::Clock;

pub(crate) struct Board {
    pub(crate) clock: Clock,
    pub(crate) timing: Timing,
    pub(crate) out: Outbox,
}

impl Board {
    pub(crate) fn new(rate: TickRate, timing: Timing) -> Self {
        Self {
            clock: Clock::new(rate),
            timing,
            out: Outbox::default(),
        }
    }
}
