//! `--save-at` and `--restore`: a state that was saved at any tick goes on as the run that it is of.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use oldiron_testsuites::rng::Rng;
use serde_json::Value;

use super::{
    Failed, Outcome,
    guest::{Guest, same},
    program::{Oldiron, program},
};

/// Ticks per second of a run without a window.
const TICKS_PER_SECOND: f64 = 100e6;

/// A run that was saved again and again.
struct Saved {
    dir: tempfile::TempDir,
    ticks: Vec<u64>,
    end: Value,
    /// The tick at which the script began to type; a run from before needs the script.
    first_key: u64,
}

impl Saved {
    /// Runs a guest and saves it at `count` random ticks.
    fn run(guest: &Guest, count: usize, rng: &mut Rng) -> Result<Self, Failed> {
        let dir = tempfile::tempdir().unwrap();
        let mut ticks: Vec<u64> = (0..count).map(|_| rng.below(guest.length).into()).collect();
        ticks.sort_unstable();
        ticks.dedup();
        let recording = dir.path().join("run.rec");
        let mut oldiron = guest
            .oldiron()
            .args(&["--record", &recording.display().to_string()]);
        for tick in &ticks {
            let file = dir.path().join(format!("{tick}.snap"));
            oldiron = oldiron.args(&["--save-at", &format!("{tick}={}", file.display())]);
        }
        let end = oldiron.run().succeeded()?.stats();
        let recording = fs::read_to_string(recording).unwrap();
        let first_key = recording.lines().find(|line| line.contains("\"Key\""));
        let first_key = first_key.and_then(|line| line.split(' ').next()?.parse().ok());
        Ok(Self {
            dir,
            ticks,
            end,
            first_key: first_key.unwrap_or(0),
        })
    }

    fn path(&self, tick: u64) -> PathBuf {
        self.dir.path().join(format!("{tick}.snap"))
    }

    fn restored(&self, guest: &Guest, tick: u64) -> Oldiron {
        let path = self.path(tick).display().to_string();
        let arguments = match tick < self.first_key {
            true => guest.arguments,
            false => guest.end,
        };
        Oldiron::new().args(&["--restore", &path]).args(arguments)
    }

    /// Runs from each tick to the one after it; the states there must be equal.
    fn to_the_next(&self, guest: &Guest) -> Outcome {
        for pair in self.ticks.windows(2) {
            let &[from, to] = pair else { continue };
            let again = self.dir.path().join("again.snap");
            let seconds = (to - from) as f64 / TICKS_PER_SECOND;
            let ended = self
                .restored(guest, from)
                .args(&["--save-at", &format!("{to}={}", again.display())])
                .args(&["--max-virtual", &format!("{seconds:.8}")])
                .run();
            let (then, now) = (hash(&self.path(to)), hash(&again));
            if then.is_empty() || then != now {
                return Err(format!("from {from} to {to}: {now} instead of {then}\n{ended}").into());
            }
        }
        Ok(())
    }

    /// Runs from some of the ticks to the end.
    fn to_the_end(&self, guest: &Guest, count: usize) -> Outcome {
        let step = self.ticks.len().div_ceil(count);
        for &tick in self.ticks.iter().step_by(step) {
            let ended = self.restored(guest, tick).run();
            let stats = ended.succeeded()?.stats();
            same(&self.end, &stats, &format!("from tick {tick}"))?;
        }
        Ok(())
    }
}

/// The hash of everything in a saved state.
fn hash(path: &Path) -> String {
    let output = Command::new(program())
        .args(["snapshot", "info"])
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("state "));
    line.unwrap_or_default().to_owned()
}

pub fn at_eight_ticks(guest: &Guest) -> Outcome {
    let saved = Saved::run(guest, 8, &mut Rng::new(8))?;
    saved.to_the_next(guest)?;
    saved.to_the_end(guest, 2)
}

pub fn at_200_ticks(guest: &Guest) -> Outcome {
    // So many states of a large guest would fill a disk at once.
    const RUNS: usize = 4;
    let mut rng = Rng::new(200);
    for _ in 0..RUNS {
        let saved = Saved::run(guest, 200 / RUNS, &mut rng)?;
        saved.to_the_next(guest)?;
        saved.to_the_end(guest, 3)?;
    }
    Ok(())
}
