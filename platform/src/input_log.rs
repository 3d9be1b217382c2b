//! What came from outside since the machine was built or restored, and at which tick.
//!
//! A machine that is built the same way and gets the same inputs at the same ticks does the same: the
//! log is all that is needed to repeat a run. It is kept in an encoded form, a few bytes for a key, until somebody
//! takes it. Past [`MOST_BYTES`] (hours of a moving mouse, or a file that came over the network) of what nobody
//! takes it is given up, and says so.

use oldiron_mmu::Ticks;
use serde::{Deserialize, Serialize};

use crate::HostEvent;

/// Bytes that the log may take.
const MOST_BYTES: usize = 64 << 20;

/// Something that came from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// What was posted.
    Event(HostEvent),
    /// A floppy was put into a drive, or taken out.
    Floppy {
        /// Drive 0 or 1.
        drive: u8,
        /// What its image calls itself ([`BlockImage::name`](crate::BlockImage::name)); none: taken out.
        name: Option<String>,
    },
    /// A CD was put into the drive, or taken out.
    Cd {
        /// What its image calls itself; none: taken out.
        name: Option<String>,
    },
}

/// An input and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// When: before the instruction that starts at this tick.
    pub at: Ticks,
    /// What.
    pub input: Input,
}

/// All inputs, in order.
#[derive(Debug, Default)]
pub struct InputLog {
    /// Ticks since the entry before, and the input, entry after entry.
    bytes: Vec<u8>,
    since: Ticks,
    last: Ticks,
    overflowed: bool,
}

impl InputLog {
    /// A log that starts at tick `since`.
    pub(crate) fn starting_at(since: Ticks) -> Self {
        Self {
            since,
            last: since,
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, at: Ticks, input: &Input) {
        if self.overflowed {
            return;
        }
        // Serialising plain data into a growing Vec has no way to fail.
        let encoded = postcard::to_allocvec(&(at.saturating_sub(self.last), input)).unwrap_or_default();
        if self.bytes.len() + encoded.len() > MOST_BYTES {
            log::info!(target: "platform::input", "too many inputs to remember: the log of inputs is given up");
            self.overflowed = true;
            self.bytes = Vec::new();
            return;
        }
        self.bytes.extend_from_slice(&encoded);
        self.last = at;
    }

    /// The tick at which the log starts.
    pub fn since(&self) -> Ticks {
        self.since
    }

    /// Whether everything since then is in it.
    pub fn is_complete(&self) -> bool {
        !self.overflowed
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = Stamped> {
        let (mut rest, mut at) = (self.bytes.as_slice(), self.since);
        std::iter::from_fn(move || {
            let ((passed, input), left): ((Ticks, Input), _) = postcard::take_from_bytes(rest).ok()?;
            rest = left;
            at = at.saturating_add(passed);
            Some(Stamped { at, input })
        })
    }

    /// All entries, which are not kept any longer: the log goes on behind them.
    pub(crate) fn take(&mut self) -> Vec<Stamped> {
        let entries = self.iter().collect();
        self.bytes.clear();
        self.since = self.last;
        entries
    }
}

#[cfg(test)]
mod tests {
    use oldiron_devices::KeyCode;

    use super::*;

    fn key(down: bool) -> Input {
        Input::Event(HostEvent::Key {
            code: KeyCode::A,
            down,
        })
    }

    #[test]
    fn entries_come_back_with_their_ticks_and_take_few_bytes() {
        let mut log = InputLog::starting_at(1000);
        let floppy = Input::Floppy {
            drive: 1,
            name: Some("a.img".to_owned()),
        };
        let entries = [(1000, key(true)), (1000, key(false)), (90_000_000_000, floppy)];
        entries.iter().for_each(|(at, input)| log.push(*at, input));
        let read: Vec<_> = log.iter().map(|stamped| (stamped.at, stamped.input)).collect();
        assert_eq!(read, entries);
        assert!(log.bytes.len() < 30);
    }

    #[test]
    fn a_log_whose_entries_are_taken_has_no_end_and_stays_small() {
        let mut log = InputLog::starting_at(1000);
        let input = Input::Event(HostEvent::SerialRx {
            port: 0,
            bytes: vec![1; 1 << 20],
        });
        for at in (1000..).step_by(7).take(100) {
            let expected = Stamped {
                at,
                input: input.clone(),
            };
            log.push(at, &input);
            assert_eq!(log.take(), [expected]);
            assert!(log.take().is_empty());
        }
        assert!(log.is_complete());
        assert_eq!(log.since(), 1000 + 99 * 7);
        assert!(log.bytes.capacity() < 4 << 20);
    }

    #[test]
    fn a_log_that_grows_too_long_is_given_up() {
        let mut log = InputLog::default();
        let input = Input::Event(HostEvent::SerialRx {
            port: 0,
            bytes: vec![1; 1 << 20],
        });
        (0..65).for_each(|at| log.push(at, &input));
        assert!(!log.is_complete());
        assert_eq!(log.iter().count(), 0);
    }
}
