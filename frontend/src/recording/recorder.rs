//! `--record`: writes what happens as it happens.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
};

use oldiron_platform::{HostEvent, Input, Machine, Ticks};

use super::{Beginning, FIRST_LINE, What, line_hash, parts};
use crate::{
    image,
    outcome::{Failure, Outcome},
    spec::{KnownFile, Medium},
};

/// The state is hashed at most once in so many instructions; a guest second must have passed too.
const INSTRUCTIONS_PER_CHECK: u64 = 10_000_000;

/// What the medium of an input has in it.
fn look(name: Option<String>) -> Result<Option<KnownFile>, Failure> {
    name.map(|name| KnownFile::look(Path::new(&name))).transpose()
}

/// A recording that is being made.
pub struct Recorder {
    path: PathBuf,
    file: File,
    hash: u64,
    checked_at: Ticks,
    checked_instructions: u64,
}

impl Recorder {
    /// Begins a recording of a machine.
    pub fn create(path: &Path, beginning: &Beginning, machine: &Machine) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| {
            Failure::file(format!(
                "{}: cannot be written ({}); give --record another file",
                path.display(),
                image::describe(&error)
            ))
        })?;
        let mut recorder = Self {
            path: path.to_owned(),
            file,
            hash: 0,
            checked_at: machine.now(),
            checked_instructions: machine.instructions(),
        };
        recorder.write(&format!("{FIRST_LINE}\n"))?;
        let beginning = serde_json::to_string(beginning);
        let beginning = beginning.map_err(|error| recorder.failed(&error.to_string()))?;
        recorder.line(&beginning)?;
        Ok(recorder)
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::host_io(format!(
            "{}: cannot write the recording: {why}",
            self.path.display()
        ))
    }

    fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|error| self.failed(&image::describe(&error)))
    }

    fn line(&mut self, body: &str) -> Result<(), Failure> {
        self.hash = line_hash(self.hash, body);
        self.write(&format!("{body} {:016x}\n", self.hash))
    }

    fn entry(&mut self, at: Ticks, what: &What) -> Result<(), Failure> {
        let what = serde_json::to_string(what).map_err(|error| self.failed(&error.to_string()))?;
        self.line(&format!("{at} {what}"))
    }

    /// Writes what came since the last time.
    pub fn catch_up(&mut self, machine: &mut Machine) -> Result<(), Failure> {
        if !machine.inputs().is_complete() {
            return Err(self.failed("too much came from outside at once"));
        }
        for stamped in machine.take_inputs() {
            let what = match stamped.input {
                Input::Event(HostEvent::Frame { bytes }) => What::Frame(bytes),
                Input::Event(event) => What::Event(event),
                Input::Floppy { drive, name } => What::Floppy {
                    drive,
                    medium: look(name)?.map(Medium::File),
                },
                Input::Cd { name } => What::Cd { medium: look(name)? },
            };
            self.entry(stamped.at, &what)?;
        }
        Ok(())
    }

    /// Writes hashes of the state now and then. The machine has run up to a tick and nothing came since.
    pub fn check_if_due(&mut self, machine: &Machine) -> Result<(), Failure> {
        let passed = machine.now().saturating_sub(self.checked_at);
        let executed = machine.instructions().wrapping_sub(self.checked_instructions);
        if passed < machine.rate().per_second() || executed < INSTRUCTIONS_PER_CHECK {
            return Ok(());
        }
        self.check(machine)
    }

    fn check(&mut self, machine: &Machine) -> Result<(), Failure> {
        self.checked_at = machine.now();
        self.checked_instructions = machine.instructions();
        let parts = parts(machine)?;
        self.entry(machine.now(), &What::Check { parts })
    }

    /// Writes the end of the run.
    pub fn finish(&mut self, machine: &mut Machine, end: &Outcome) -> Result<(), Failure> {
        self.catch_up(machine)?;
        self.check(machine)?;
        let reason = end.reason.to_owned();
        self.entry(machine.now(), &What::End { reason })?;
        let synced = self.file.sync_data();
        synced.map_err(|error| self.failed(&image::describe(&error)))
    }
}
