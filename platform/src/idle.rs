//! Whether the guest does nothing but wait for a key.
//!
//! A guest in HLT is idle by definition. DOS programs rather ask INT 16h over and over. Our BIOS
//! writes to [`HINT_PORT`] whenever it answers "no key"; here the answers of a window of virtual
//! time are counted, and what else happened in it: a guest that polls all the time and neither
//! draws nor moves data is idle. This only ever informs the host's pacing. It is no part of the
//! machine's state and never influences the guest.

use oldiron_mmu::{TickRate, Ticks};

/// Written by the BIOS when INT 16h finds no key. Reads all ones, like a port that is not there.
pub(crate) const HINT_PORT: u16 = 0x8901;

/// Windows per guest second: as many as timer interrupts, about.
const WINDOWS_PER_SECOND: u64 = 18;
/// At most this many ticks between two polls on average, or the guest computes.
const MAX_TICKS_PER_POLL: u64 = 20_000;
/// A blinking clock in the corner is no work.
const MAX_WORK_PER_WINDOW: u32 = 200;

/// Counts polls and work.
#[derive(Clone, Debug)]
pub(crate) struct IdleWatch {
    window_ticks: Ticks,
    window_end: Ticks,
    polls: u32,
    work: u32,
    last_was_idle: bool,
}

impl IdleWatch {
    pub(crate) fn new(rate: TickRate) -> Self {
        let window_ticks = (rate.per_second() / WINDOWS_PER_SECOND).max(1);
        Self {
            window_ticks,
            window_end: window_ticks,
            polls: 0,
            work: 0,
            last_was_idle: false,
        }
    }

    /// Closes the window if `now` is past its end.
    #[inline]
    fn turn(&mut self, now: Ticks) {
        if now >= self.window_end {
            self.next_window(now);
        }
    }

    fn next_window(&mut self, now: Ticks) {
        let polled = u64::from(self.polls) * MAX_TICKS_PER_POLL >= self.window_ticks;
        let adjacent = now - self.window_end < self.window_ticks;
        self.last_was_idle = adjacent && polled && self.work <= MAX_WORK_PER_WINDOW;
        self.window_end = (now / self.window_ticks + 1).saturating_mul(self.window_ticks);
        (self.polls, self.work) = (0, 0);
    }

    /// The BIOS found no key.
    pub(crate) fn poll(&mut self, now: Ticks) {
        self.turn(now);
        self.polls = self.polls.saturating_add(1);
    }

    /// The guest drew, or moved data.
    #[inline]
    pub(crate) fn work(&mut self, now: Ticks) {
        self.works(now, 1);
    }

    /// It did so `times`.
    #[inline]
    pub(crate) fn works(&mut self, now: Ticks, times: u32) {
        self.turn(now);
        self.work = self.work.saturating_add(times);
    }

    /// Input from outside: the guest has something to do.
    pub(crate) fn input(&mut self) {
        self.last_was_idle = false;
        self.work = u32::MAX;
    }

    /// Whether the guest was idle over the last full window and has not worked since.
    pub(crate) fn is_idle(&self, now: Ticks) -> bool {
        let polls_recent = now.saturating_sub(self.window_end) < self.window_ticks;
        self.last_was_idle && polls_recent && self.work <= MAX_WORK_PER_WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u64 = 100_000_000 / 18;

    fn watch(polls: u64, work: u64) -> IdleWatch {
        let mut watch = IdleWatch::new(TickRate::new(100_000_000));
        (0..polls).for_each(|i| watch.poll(WINDOW + i * WINDOW / polls));
        (0..work).for_each(|i| watch.work(2 * WINDOW - work + i));
        watch.poll(2 * WINDOW + 1);
        watch
    }

    #[test]
    fn polling_without_work_is_idle_until_polling_ends() {
        let watch = watch(1000, 10);
        assert!(watch.is_idle(2 * WINDOW + 2));
        assert!(!watch.is_idle(4 * WINDOW));
    }

    #[test]
    fn drawing_or_polling_rarely_is_not_idle() {
        assert!(!watch(1000, 300).is_idle(2 * WINDOW + 2));
        assert!(!watch(50, 0).is_idle(2 * WINDOW + 2));
    }

    #[test]
    fn input_ends_idleness() {
        let mut watch = watch(1000, 0);
        watch.input();
        assert!(!watch.is_idle(2 * WINDOW + 2));
        watch.poll(3 * WINDOW + 1);
        assert!(
            !watch.is_idle(3 * WINDOW + 2),
            "not before a window without input"
        );
    }
}
