//! How much guest time may pass in how much host time. Pacing only ever delays: what the guest sees
//! does not depend on it.

use std::time::{Duration, Instant};

use oldiron_platform::{TickRate, Ticks};

use crate::cli::Speed;

/// Guest time that is still caught up with after the host was late; beyond it is lost.
const MAX_LAG: Duration = Duration::from_millis(250);

/// Least share of host time that is slept while the guest only polls for a key, as a multiple of the
/// time that it ran.
const POLLING_REST: u32 = 12;
/// No rest is longer: a guest that waits for its clock besides the key must get on.
const MOST_REST: Duration = Duration::from_millis(50);

/// Processor time that this thread has used. A busy host makes a slice of guest time last long, but not
/// cost much.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.max(0) as u64,
        time.tv_nsec.clamp(0, 999_999_999) as u32,
    )
}

/// The same where a thread's own time cannot be had: all time.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Ties guest time to host time.
pub struct Pacer {
    rate: TickRate,
    speed: Speed,
    /// A user or a line outside can wake a halted guest at any time.
    live: bool,
    /// An answer from outside is awaited.
    awaiting: bool,
    since: Instant,
    since_tick: Ticks,
    /// While the guest runs as fast as possible, since when it has been idle.
    idle_since: Option<(Instant, Ticks)>,
}

impl Pacer {
    /// A pacer that starts at tick 0 now.
    pub fn new(rate: TickRate, speed: Speed, live: bool) -> Self {
        Self {
            rate,
            speed,
            live,
            awaiting: false,
            since: Instant::now(),
            since_tick: 0,
            idle_since: None,
        }
    }

    /// Whether an answer from outside is awaited: a guest that halts meanwhile must not run ahead of it.
    pub fn set_awaiting(&mut self, awaiting: bool) {
        self.awaiting = awaiting;
    }

    /// The speed.
    pub fn speed(&self) -> Speed {
        self.speed
    }

    /// Another speed, from now on.
    pub fn set_speed(&mut self, speed: Speed, now: Ticks) {
        self.speed = speed;
        self.restart(now);
    }

    /// Forgets the past, after a pause for instance.
    pub fn restart(&mut self, now: Ticks) {
        self.since = Instant::now();
        self.since_tick = now;
        self.idle_since = None;
    }

    /// Guest ticks in a host second, if that is bounded.
    fn ticks_per_second(&self) -> Option<f64> {
        match self.speed {
            Speed::Max => None,
            Speed::Realtime => Some(self.rate.per_second() as f64),
            Speed::Mips(mips) => Some(mips * 1e6),
        }
    }

    /// Whether guest time is tied to host time.
    pub fn is_paced(&self) -> bool {
        self.speed != Speed::Max
    }

    /// The ticks of a stretch of host time at this speed, or at real time if nothing bounds it.
    pub fn ticks_in(&self, time: Duration) -> Ticks {
        ticks_in(
            time,
            self.ticks_per_second().unwrap_or(self.rate.per_second() as f64),
        )
    }

    /// How far the guest may run now.
    pub fn allowed(&mut self, now: Ticks, idle: bool) -> Ticks {
        match self.ticks_per_second() {
            Some(per_second) => {
                let allowed = self.since_tick + ticks_in(self.since.elapsed(), per_second);
                let lag = ticks_in(MAX_LAG, per_second);
                if allowed.saturating_sub(now) <= lag {
                    return allowed;
                }
                self.restart(now);
                self.since = self.since.checked_sub(MAX_LAG).unwrap_or(self.since);
                now + lag
            }
            None if (self.live || self.awaiting) && idle => {
                let (since, tick) = *self.idle_since.get_or_insert_with(|| (Instant::now(), now));
                tick + ticks_in(since.elapsed(), self.rate.per_second() as f64) + 1
            }
            None => {
                self.idle_since = None;
                Ticks::MAX
            }
        }
    }

    /// How long the host may sleep until tick `now` is allowed.
    pub fn until(&self, now: Ticks) -> Duration {
        let (since, tick, per_second) = match (self.ticks_per_second(), self.idle_since) {
            (Some(per_second), _) => (self.since, self.since_tick, per_second),
            (None, Some((since, tick))) => (since, tick, self.rate.per_second() as f64),
            (None, None) => return Duration::ZERO,
        };
        let due = Duration::from_secs_f64(now.saturating_sub(tick) as f64 / per_second.max(1.0));
        due.saturating_sub(since.elapsed())
    }

    /// How long to rest after the guest did nothing but poll for a key, at the cost of `ran` of the
    /// processor's time.
    pub fn rest_after_polling(ran: Duration) -> Duration {
        (ran * POLLING_REST).min(MOST_REST)
    }
}

fn ticks_in(time: Duration, per_second: f64) -> Ticks {
    (time.as_secs_f64() * per_second) as Ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: TickRate = TickRate::new(1_000_000);

    #[test]
    fn full_speed_is_unbounded_unless_an_idle_guest_waits_for_a_user() {
        let mut pacer = Pacer::new(RATE, Speed::Max, false);
        assert_eq!(pacer.allowed(5, true), Ticks::MAX);
        let mut pacer = Pacer::new(RATE, Speed::Max, true);
        assert_eq!(pacer.allowed(5, false), Ticks::MAX);
        assert!(pacer.allowed(5, true) < 1_000_000);
        assert!(pacer.until(500_005) > Duration::from_millis(300));
    }

    #[test]
    fn a_rest_follows_the_work_done_and_not_the_time_waited() {
        let (wall, work) = (Instant::now(), thread_time());
        std::thread::sleep(Duration::from_millis(30));
        let (wall, work) = (wall.elapsed(), thread_time() - work);
        assert!(!cfg!(unix) || work < wall / 2, "{work:?} of {wall:?}");
        assert_eq!(
            Pacer::rest_after_polling(Duration::from_millis(1)),
            Duration::from_millis(12)
        );
        assert_eq!(Pacer::rest_after_polling(Duration::from_secs(1)), MOST_REST);
    }

    #[test]
    fn real_time_allows_what_has_passed_and_forgives_a_long_delay() {
        let mut pacer = Pacer::new(RATE, Speed::Realtime, false);
        std::thread::sleep(Duration::from_millis(20));
        assert!((20_000..200_000).contains(&pacer.allowed(0, false)));
        pacer.since = pacer.since.checked_sub(Duration::from_secs(10)).unwrap();
        assert!(pacer.allowed(0, false) <= 251_000);
        assert!(pacer.until(500_000) > Duration::from_millis(50));
    }
}
