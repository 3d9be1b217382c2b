//! Saved states, recordings and disturbances of real systems: whatever is done to a run from the host's
//! side, the guest ends in the same state.
//!
//! Every run starts the program, as in `boot.rs`. What takes minutes is ignored: `cargo xtask long` runs it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

#[path = "state/chaos.rs"]
mod chaos;
#[path = "state/guest.rs"]
mod guest;
#[allow(dead_code, reason = "shared with boot.rs, which needs more of it")]
#[path = "boot/program.rs"]
mod program;
#[path = "state/replay.rs"]
mod replay;
#[path = "state/saved.rs"]
mod saved;

use libtest_mimic::{Arguments, Failed, Trial};

use guest::{DEBIAN, DEBIAN_DISKS, DEMO, G07, G08, Guest, JEMM386, KOLIBRI, NOMODS};

type Outcome = Result<(), Failed>;

/// How often it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// With every change.
    Always,
    /// By `cargo xtask long`.
    Long,
}

fn main() {
    let arguments = Arguments::from_args();
    type Test = (&'static str, Guest, When, fn(&Guest) -> Outcome);
    let tests: [Test; 21] = [
        (
            "one seed of chaos changes nothing",
            DEMO,
            When::Always,
            chaos::one_seed,
        ),
        (
            "one seed of chaos changes nothing",
            JEMM386,
            When::Always,
            chaos::one_seed,
        ),
        (
            "one seed of chaos changes nothing",
            G07,
            When::Always,
            chaos::one_seed,
        ),
        (
            "one seed of chaos changes nothing",
            G08,
            When::Always,
            chaos::one_seed,
        ),
        (
            "ten seeds of chaos change nothing",
            DEMO,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "ten seeds of chaos change nothing",
            JEMM386,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "ten seeds of chaos change nothing",
            G07,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "ten seeds of chaos change nothing",
            G08,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "one seed of chaos changes nothing",
            KOLIBRI,
            When::Always,
            chaos::one_seed,
        ),
        (
            "ten seeds of chaos change nothing",
            NOMODS,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "ten seeds of chaos change nothing",
            DEBIAN_DISKS,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "ten seeds of chaos change nothing",
            KOLIBRI,
            When::Long,
            chaos::ten_seeds,
        ),
        (
            "a recorded session is repeated",
            JEMM386,
            When::Always,
            replay::twice,
        ),
        (
            "a recorded session is repeated 20 times",
            JEMM386,
            When::Long,
            replay::twenty_times,
        ),
        ("a recorded boot is repeated", DEBIAN, When::Long, replay::boot),
        (
            "a recording that breaks off is refused, and repeated as far as it goes",
            JEMM386,
            When::Always,
            replay::cut,
        ),
        (
            "states saved at 8 ticks go on as the run",
            JEMM386,
            When::Always,
            saved::at_eight_ticks,
        ),
        (
            "states saved at 200 ticks go on as the run",
            JEMM386,
            When::Long,
            saved::at_200_ticks,
        ),
        (
            "states saved at 8 ticks go on as the run",
            DEBIAN_DISKS,
            When::Long,
            saved::at_eight_ticks,
        ),
        (
            "states saved at 200 ticks go on as the run",
            NOMODS,
            When::Long,
            saved::at_200_ticks,
        ),
        (
            "states saved at 200 ticks go on as the run",
            DEBIAN_DISKS,
            When::Long,
            saved::at_200_ticks,
        ),
    ];
    let trials = tests.map(|(what, guest, when, test)| {
        let name = format!("{}: {what}", guest.name);
        if let Some(absent) = guest.absent() {
            let name = format!("{name} (absent: {})", absent.display());
            return Trial::test(name, || Ok(())).with_ignored_flag(true);
        }
        let ignored = cfg!(debug_assertions) || when == When::Long;
        Trial::test(name, move || test(&guest)).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.into()).exit();
}
