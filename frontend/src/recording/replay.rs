//! `oldiron replay`: what happened happens again, at the same ticks.

use std::path::PathBuf;

use oldiron_platform::{HostEvent, Machine, Ticks};

use super::{Entries, Recording, What, parts};
use crate::{
    media_lists::Drive,
    outcome::{Failure, Outcome, code},
    spec::Medium,
};

/// A recording on its way.
pub struct Replay {
    /// Where it is from.
    pub path: PathBuf,
    entries: Entries,
    /// The entry whose tick has not come yet.
    ahead: Option<(Ticks, What)>,
    check: bool,
    to: Option<Ticks>,
    checks: u64,
}

/// What is to be done now.
pub enum Due {
    /// Post this.
    Event(HostEvent),
    /// Put this into a drive, or take out what is there.
    Medium(Drive, Option<Medium>),
}

impl Replay {
    /// Goes through `recording` to its end, or to tick `to`; `check` compares states on the way.
    pub fn new(recording: &Recording, check: bool, to: Option<Ticks>) -> Result<Self, Failure> {
        let mut replay = Self {
            path: recording.path().to_owned(),
            entries: recording.entries()?,
            ahead: None,
            check,
            to,
            checks: 0,
        };
        replay.ahead = replay.read()?;
        Ok(replay)
    }

    /// The next entry of the file. It was whole a moment ago.
    fn read(&mut self) -> Result<Option<(Ticks, What)>, Failure> {
        let next = self.entries.next();
        next.map_err(|error| Failure::file(format!("{}: {error}", self.path.display())))
    }

    /// The tick at which something is to be done next.
    pub fn next_due(&self) -> Option<Ticks> {
        let entry = self.ahead.as_ref().map(|&(at, _)| at);
        entry.into_iter().chain(self.to).min()
    }

    /// Whether the recording has something at the tick of `machine`: the run went on from there.
    pub fn goes_on_at(&self, machine: &Machine) -> bool {
        self.ahead.as_ref().is_some_and(|&(at, _)| at <= machine.now())
    }

    /// The next thing to be done to `machine` at its tick. `Err` ends the run: because it is over, or because
    /// it is not the run that was recorded.
    pub fn due(&mut self, machine: &Machine) -> Result<Option<Due>, Outcome> {
        let now = machine.now();
        if self.to.is_some_and(|to| now >= to) {
            return Err(self.over(&format!("stopped at tick {now} (--to)")));
        }
        while let Some((at, what)) = self.ahead.take_if(|&mut (at, _)| at <= now) {
            self.ahead = self.read()?;
            if at < now {
                return Err(self.differs(now, &format!("the run passed tick {at}, at which something came")));
            }
            match what {
                What::Event(event) => return Ok(Some(Due::Event(event))),
                What::Frame(bytes) => return Ok(Some(Due::Event(HostEvent::Frame { bytes }))),
                What::Floppy { drive, medium } => {
                    return Ok(Some(Due::Medium(Drive::Floppy(drive), medium)));
                }
                What::Cd { medium } => {
                    return Ok(Some(Due::Medium(Drive::Cdrom, medium.map(Medium::File))));
                }
                What::Check { parts } => self.compare(machine, &parts)?,
                What::End { reason } => {
                    return Err(self.over(&format!("replayed to its end at tick {now} ({reason})")));
                }
            }
        }
        Ok(None)
    }

    fn compare(&mut self, machine: &Machine, recorded: &[(String, String)]) -> Result<(), Outcome> {
        if !self.check {
            return Ok(());
        }
        self.checks += 1;
        let now = parts(machine)?;
        let names: Vec<&str> = recorded.iter().map(|(name, _)| name.as_str()).collect();
        if names != now.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>() {
            return Err(self.differs(machine.now(), "the machine has other parts"));
        }
        let different: Vec<&str> = recorded
            .iter()
            .zip(&now)
            .filter(|(was, is)| was != is)
            .map(|((name, _), _)| name.as_str())
            .collect();
        match different.as_slice() {
            [] => Ok(()),
            [first, ..] => {
                let all = different.join(", ");
                let text = format!("the state differs, first in {first} (of all parts: {all})");
                Err(self.differs(machine.now(), &text))
            }
        }
    }

    /// The run did something else than the one that was recorded.
    pub fn differs(&self, at: Ticks, how: &str) -> Outcome {
        let message = format!("{}: replay differs at tick {at}: {how}", self.path.display());
        Outcome::new(code::REPLAY, "replay-differs", message)
    }

    fn over(&self, how: &str) -> Outcome {
        let checks = match (self.check, self.checks) {
            (false, _) => String::new(),
            (true, 0) => ", no state to compare on the way".to_owned(),
            (true, n) => format!(", {n} states compared equal"),
        };
        Outcome::new(
            code::OK,
            "replayed",
            format!("{}: {how}{checks}", self.path.display()),
        )
    }
}
