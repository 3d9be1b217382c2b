//! `--chaos SEED`: at random instants something is done to the machine that must change nothing.
//!
//! The instants are ticks and follow from the seed alone, so that a run that goes wrong can be repeated.

use oldiron_platform::{Dispatch, Disturbance, Machine, Ticks};
use oldiron_testsuites::rng::Rng;

use crate::outcome::{Failure, code};

/// Intervals have up to this many bits, each number of bits as often as the others: many are short, and
/// the longest are long enough for caches to fill.
const MOST_BITS: u32 = 22;
/// From this tick on they double as the time does: otherwise long runs would do little else.
const DENSE_BITS: u32 = 28;
/// The number of decoded instructions that are kept has up to so many bits, until the next disturbance: to decode
/// again and again what is executed takes many times as long.
const MOST_POOL_BITS: u32 = 18;

/// When the next disturbance comes, and what came so far.
pub struct Chaos {
    rng: Rng,
    seed: u64,
    next: Ticks,
    count: u64,
    /// Few decoded instructions are kept.
    pool_is_small: bool,
}

impl Chaos {
    /// Disturbances of a machine that is at `now`.
    pub fn new(seed: u64, now: Ticks) -> Self {
        let mut chaos = Self {
            rng: Rng::new(seed),
            seed,
            next: now,
            count: 0,
            pool_is_small: false,
        };
        chaos.schedule(now);
        chaos
    }

    fn schedule(&mut self, now: Ticks) {
        let longer = now.checked_ilog2().unwrap_or(0).saturating_sub(DENSE_BITS);
        let interval = u64::from(self.number(MOST_BITS)) << longer;
        self.next = now.saturating_add(interval + 1);
    }

    /// A number of up to `most_bits` bits.
    fn number(&mut self, most_bits: u32) -> u32 {
        let bits = self.rng.below(most_bits + 1);
        self.rng.below(1 << bits)
    }

    /// When the next disturbance is due.
    pub fn next_due(&self) -> Ticks {
        self.next
    }

    /// Disturbs `machine` if it is time to.
    pub fn strike(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        let now = machine.now();
        if now < self.next {
            return Ok(());
        }
        self.schedule(now);
        self.count += 1;
        if std::mem::take(&mut self.pool_is_small) {
            self.disturb(machine, Disturbance::TracePool(usize::MAX))?;
        }
        // None: the run was only split here.
        let what = match self.rng.below(6) {
            0 => Some(Disturbance::FlushTlb),
            1 => Some(Disturbance::DropTraces),
            2 => Some(Disturbance::Dispatch(
                self.rng.pick(&[Dispatch::Chained, Dispatch::Loop]),
            )),
            3 => {
                self.pool_is_small = true;
                Some(Disturbance::TracePool(self.number(MOST_POOL_BITS) as usize))
            }
            4 => Some(Disturbance::SaveAndRestore),
            _ => None,
        };
        what.map_or(Ok(()), |what| self.disturb(machine, what))
    }

    fn disturb(&self, machine: &mut Machine, what: Disturbance) -> Result<(), Failure> {
        let now = machine.now();
        log::debug!(target: "chaos", "at {now}: {what:?}");
        machine.disturb(what).map_err(|error| Failure {
            code: code::INTERNAL,
            message: format!(
                "--chaos {}: the state saved at tick {now} cannot be restored: {error}; please report it",
                self.seed
            ),
        })
    }

    /// One line for the end of the run.
    pub fn summary(&self) -> String {
        format!("--chaos {}: {} disturbances", self.seed, self.count)
    }
}
