//! `kill -9` while FreeDOS writes: the disk is left as it was between two of the guest's writes.
//!
//! A machine of our own does the same work first and notes every write in order (`kill/reference.rs`). Whatever
//! is left of a killed run must equal the disk after some number of them, at least as many as came before
//! the last line that the guest said on COM1. What FreeDOS had closed by then must be readable, and `fsck.fat`
//! may complain only of what FreeDOS leaves behind itself when it is stopped between two writes.
//!
//! Moments are chosen by seed (`OLDIRON_KILL_SEED`, `OLDIRON_KILL_MOMENTS`): a line of the guest's and a
//! delay behind it. Three of them are for every change, the others for `cargo xtask long`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_types,
    reason = "a test may fail, has the time of the host, and a journal that it shares with a machine"
)]

#[path = "kill/guest.rs"]
mod guest;
#[path = "kill/left.rs"]
mod left;
#[allow(dead_code, reason = "shared with boot.rs, which needs all of it")]
#[path = "boot/program.rs"]
mod program;
#[path = "kill/reference.rs"]
mod reference;
#[path = "kill/witness.rs"]
mod witness;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed, Trial};
use oldiron_testsuites::rng::Rng;

use guest::{FLOPPY, Guest, HARD_DISK};
use left::{Left, Writes};
use reference::Reference;

type Outcome = Result<(), Failed>;

fn main() {
    let arguments = Arguments::from_args();
    let tests: [(Guest, Writes, u32, bool); 6] = [
        (HARD_DISK, Writes::ToOverlay, 2, false),
        (FLOPPY, Writes::ToImage, 1, false),
        (HARD_DISK, Writes::ToImage, 18, true),
        (HARD_DISK, Writes::ToOverlay, 18, true),
        (FLOPPY, Writes::ToImage, 7, true),
        (FLOPPY, Writes::ToOverlay, 7, true),
    ];
    let trials = tests.map(|(guest, writes, moments, long)| {
        let name = format!("{} killed at {moments} moments, {writes:?}", guest.name);
        let image = guest.image();
        if !image.exists() {
            let name = format!("{name} (absent: {})", image.display());
            return Trial::test(name, || Ok(())).with_ignored_flag(true);
        }
        let ignored = cfg!(debug_assertions) || long;
        Trial::test(name, move || kill_at(&guest, writes, moments)).with_ignored_flag(ignored)
    });
    let controls = [HARD_DISK, FLOPPY].map(|guest| {
        let name = format!("{} stopped between two writes leaves what a kill may", guest.name);
        let ignored = cfg!(debug_assertions) || !guest.image().exists();
        Trial::test(name, move || between_writes(&guest)).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.into_iter().chain(controls).collect()).exit();
}

fn from_env(name: &str) -> Option<u32> {
    std::env::var(name).ok()?.parse().ok()
}

/// Kills runs of `guest` at random moments and looks at what is left.
fn kill_at(guest: &Guest, writes: Writes, moments: u32) -> Outcome {
    let seed = from_env("OLDIRON_KILL_SEED").unwrap_or(1);
    let moments = from_env("OLDIRON_KILL_MOMENTS").unwrap_or(moments);
    let dir = tempfile::tempdir()?;
    let image = guest.prepare(dir.path())?;
    let reference = Reference::run(guest, fs::read(&image)?);
    let mut random = Rng::new(u64::from(seed) << 8 | writes as u64);
    let whole = Left::new(&image, writes)?;
    let per_line = run(guest, &whole, None)?.per_line;
    whole.check(guest, &reference)?;
    for moment in 0..moments {
        let line = random.below(reference.lines.len() as u32 - 1) as usize;
        let in_burst = moment % 2 == 0;
        let most = if in_burst { BURST } else { per_line };
        let kill = Kill {
            line,
            in_burst,
            behind: most * random.below(1000) / 1000,
        };
        let left = Left::new(&image, writes)?;
        let ended = run(guest, &left, Some(kill))?;
        let found = left.check(guest, &reference).map_err(|failed| {
            let kept = left.keep();
            format!(
                "moment {moment}, {kill:?}: {}; kept in {kept}",
                failed.message().unwrap_or_default()
            )
        })?;
        println!("{moment}: {kill:?}, killed {}: {found}", ended.killed);
        if moment % 4 == 0 {
            left.boots_again(guest)?;
        }
    }
    Ok(())
}

/// The control: what FreeDOS itself leaves, whoever stops it, without our files. The numbers of writes are shortly before
/// it says that it is done with something, when it writes directories and tables.
fn between_writes(guest: &Guest) -> Outcome {
    const NUMBERS: u32 = 40;
    let dir = tempfile::tempdir()?;
    let reference = Reference::run(guest, fs::read(guest.prepare(dir.path())?)?);
    let mut random = Rng::new(5);
    for _ in 0..NUMBERS {
        let (_, end) = reference.lines[random.below(reference.lines.len() as u32) as usize];
        let writes = end.saturating_sub(random.below(20) as usize);
        let left = Left::made(reference.after(writes))?;
        let found = left.check(guest, &reference);
        println!(
            "{}",
            found.map_err(|failed| format!("{writes} writes: {}", failed.message().unwrap_or_default()))?
        );
    }
    Ok(())
}

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
struct Kill {
    /// After this many lines on COM1,
    line: usize,
    /// if so, and then the next write,
    in_burst: bool,
    /// and this long.
    behind: Duration,
}

/// FreeDOS writes a file in one go, in about this time.
const BURST: Duration = Duration::from_millis(5);

/// How a run went.
struct Run {
    killed: bool,
    /// Host time from the first line to the last, by lines.
    per_line: Duration,
}

/// Longest that a run may take.
const LIMIT: Duration = Duration::from_secs(300);

fn run(guest: &Guest, left: &Left, kill: Option<Kill>) -> Result<Run, Failed> {
    let oldiron = left.start(guest);
    let serial = oldiron.path("serial");
    let oldiron = oldiron.args(&["--until-serial", guest::END]);
    let lines = || guest::lines(&fs::read(&serial).unwrap_or_default()).len();
    let mut child = oldiron.command().spawn()?;
    let began = Instant::now();
    let (mut first, mut killed) = (None, false);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        let now = lines();
        if now > 0 {
            first.get_or_insert_with(Instant::now);
        }
        if kill.is_some_and(|kill| now > kill.line) || began.elapsed() > LIMIT {
            if kill.is_some_and(|kill| kill.in_burst) {
                left.wait_for_write();
            }
            thread::sleep(kill.map_or(Duration::ZERO, |kill| kill.behind));
            // SIGKILL: nothing is flushed or closed.
            child.kill()?;
            killed = !child.wait()?.success();
            break child.wait()?;
        }
        thread::sleep(Duration::from_micros(300));
    };
    left.keep_serial(&serial)?;
    if !killed && !status.success() {
        return Err(format!("{status} without a kill; the guest said {} lines", lines()).into());
    }
    if began.elapsed() > LIMIT {
        return Err("the run did not come to an end".into());
    }
    Ok(Run {
        killed,
        per_line: first.map_or(Duration::ZERO, |first| first.elapsed()) / lines().max(1) as u32,
    })
}
