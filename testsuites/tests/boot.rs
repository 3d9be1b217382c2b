//! Boots real operating systems, without a window and with one, types at them and looks at the answers.
//!
//! The images are test data beside the repository (`../shared/guests`, or `$OLDIRON_GUESTS`); where one
//! is absent its test is listed as ignored. Builds without optimisation run the first only: for the
//! others, `cargo build --release`, then `cargo test --release -p oldiron-testsuites --test boot`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

#[path = "boot/cdrom.rs"]
mod cdrom;
#[path = "boot/desktop.rs"]
mod desktop;
#[path = "boot/direct.rs"]
mod direct;
#[path = "boot/extenders.rs"]
mod extenders;
#[path = "boot/hard_disk.rs"]
mod hard_disk;
#[path = "boot/initramfs.rs"]
mod initramfs;
#[path = "boot/memory.rs"]
mod memory;
#[path = "boot/mouse.rs"]
mod mouse;
#[path = "boot/network.rs"]
mod network;
#[path = "boot/other_bios.rs"]
mod other_bios;
#[path = "boot/picture.rs"]
mod picture;
#[allow(dead_code, reason = "shared with state.rs, which needs the exit code")]
#[path = "boot/program.rs"]
mod program;
#[path = "boot/systems.rs"]
mod systems;
#[path = "boot/video.rs"]
mod video;
#[path = "boot/window.rs"]
mod window;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use libtest_mimic::{Arguments, Failed, Trial};
use program::{Ended, Oldiron};

type Outcome = Result<(), Failed>;
/// Name, image below the guests' directory (none: empty), and what to do.
type Test = (&'static str, &'static str, fn(&Path) -> Outcome);

fn main() {
    let arguments = Arguments::from_args();
    let tests: &[Test] = &[
        ("fdbd-1440 boots and lists its directory", FDBD, freedos),
        (
            "fdbd-1200 boots and lists its directory",
            "fdbootdisks/fdbd-1200.img",
            freedos,
        ),
        (
            "fdbd-360 boots and lists its directory",
            "fdbootdisks/fdbd-360.img",
            freedos,
        ),
        (
            "freedos722 boots and lists its directory",
            "freedos722/freedos722.img",
            freedos,
        ),
        (
            "mikeos boots and answers on its command line",
            "mikeos/mikeos.flp",
            mikeos,
        ),
        (
            "mikeos boots from a CD as from a floppy",
            MIKEOS_ISO,
            cdrom::mikeos,
        ),
        (
            "isolinux boots from a CD and loads Debian's kernel",
            "debian12-i386/deb12-isolinux.iso",
            cdrom::isolinux,
        ),
        ("--boot chooses between floppy and CD", MIKEOS_ISO, cdrom::order),
        (
            "a CD that is put in later is booted at a key",
            MIKEOS_ISO,
            cdrom::change,
        ),
        (
            "elks boots and lists its root directory",
            "elks/elks-0.6.0-fd1440.img",
            elks,
        ),
        (
            "a packet driver finds the NE2000 and its address",
            network::FDOS_NET,
            network::packet_driver,
        ),
        (
            "a file made in FreeDOS is there after a restart, and for mtools",
            FDBD,
            a_file_persists,
        ),
        (
            "without writing, the image stays as it was",
            FDBD,
            volatile_writes_nothing,
        ),
        (
            "equal command lines give equal runs at any speed",
            FDBD,
            runs_repeat,
        ),
        ("both dispatchers give equal runs", FDBD, dispatchers_agree),
        (
            "200 characters typed at a window arrive complete",
            FDBD,
            desktop::typing_arrives,
        ),
        (
            "200 characters typed at minifb's window arrive complete",
            FDBD,
            desktop::typing_arrives_at_minifb,
        ),
        (
            "keys are those in their place, whatever the host's layout",
            "",
            window::keys_by_their_place,
        ),
        (
            "the window takes the whole screen and gives it back",
            FDBD,
            window::whole_screen,
        ),
        (
            "programs in 0Dh, 10h, 12h, 13h and mode X show in a window",
            "",
            video::programs_in_a_window,
        ),
        (
            "the pointer of the desktop moves the guest's, and brings it back",
            "",
            mouse::pointer_moves,
        ),
        (
            "the pointer moves the guest's in minifb's window, too",
            "",
            mouse::pointer_moves_minifb,
        ),
        ("the built-in demo runs and powers off", "", demo),
    ];
    let trials = tests.iter().enumerate().map(|(n, &(name, file, test))| {
        let image = guests().join(file);
        if !file.is_empty() && !image.exists() {
            let name = format!("{name} (absent: {})", image.display());
            return Trial::test(name, || Ok(())).with_ignored_flag(true);
        }
        let too_slow = cfg!(debug_assertions) && n > 0;
        Trial::test(name, move || test(&image)).with_ignored_flag(too_slow)
    });
    let trials = trials
        .chain(hard_disk::trials())
        .chain(extenders::trials())
        .chain(other_bios::trials())
        .chain(direct::trials())
        .chain(network::trials())
        .chain(memory::trials())
        .chain(systems::trials());
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

const MIKEOS_ISO: &str = "mikeos/mikeos.iso";
const FDBD: &str = "fdbootdisks/fdbd-1440.img";
/// A command prompt of DOS, alone in its line.
const PROMPT: &str = r"wait text '^A:\\>$'";

/// Where the guests are.
fn guests() -> PathBuf {
    match std::env::var_os("OLDIRON_GUESTS") {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/guests"),
    }
}

fn expect(condition: bool, what: &str, ended: &Ended) -> Outcome {
    if condition {
        Ok(())
    } else {
        Err(format!("{what}\n{ended}").into())
    }
}

fn demo(_: &Path) -> Outcome {
    Oldiron::new().run().succeeded().map(drop)
}

fn freedos(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .script(&[PROMPT, r#"type "dir /w\n""#, "wait text 'bytes free'", "quit 0"])
        .run();
    ended.succeeded().map(drop)
}

fn mikeos(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .script(&[
            "wait text 'Thanks for trying out MikeOS!'",
            "expect text 'Version 4.5'",
            "key right",
            "key enter",
            "wait text '^>'",
            r#"type "ver\n""#,
            "wait text 'MikeOS 4.5'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}

fn elks(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .script(&[
            "wait text '^#$'",
            "expect text 'VFS: Mounted root 0x0380 .minix filesystem.'",
            r#"type "ls /\n""#,
            r"wait text 'bin\b.*\betc\b'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}

fn a_file_persists(image: &Path) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("a.img");
    fs::write(&copy, fs::read(image).unwrap()).unwrap();
    let written = Oldiron::new()
        .image(&copy)
        .script(&[
            PROMPT,
            r#"type "echo written by the guest > kept.txt\n""#,
            r"wait text 'kept.txt\n(\n)?A:\\>$'",
            "quit 0",
        ])
        .run();
    written.succeeded()?;
    let read = Oldiron::new()
        .image(&copy)
        .script(&[
            PROMPT,
            r#"type "type kept.txt\n""#,
            "wait text '^written by the guest'",
            "quit 0",
        ])
        .run();
    read.succeeded()?;
    match Command::new("mtype")
        .arg("-i")
        .arg(&copy)
        .arg("::kept.txt")
        .output()
    {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            expect(
                text.starts_with("written by the guest"),
                &format!("mtype shows {text:?}"),
                &read,
            )
        }
        Err(_) => {
            eprintln!("mtools is not installed: only the guest was asked");
            Ok(())
        }
    }
}

fn volatile_writes_nothing(image: &Path) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("a.img");
    let before = fs::read(image).unwrap();
    fs::write(&copy, &before).unwrap();
    let ended = Oldiron::new()
        .volatile(&copy)
        .script(&[
            PROMPT,
            r#"type "echo gone > gone.txt\n""#,
            r#"type "type gone.txt\n""#,
            "wait text '^gone'",
            "quit 0",
        ])
        .run();
    ended.succeeded()?;
    expect(fs::read(&copy).unwrap() == before, "the image changed", &ended)
}

/// What `--stats` must say twice.
const REPEATED: [&str; 5] = [
    "instructions",
    "ticks",
    "screen_hash",
    "memory_hash",
    "state_hash",
];

/// Runs the same twice, but for `difference`, and compares.
fn compare(image: &Path, differences: [&[&str]; 2]) -> Outcome {
    let run = |arguments: &[&str]| {
        Oldiron::new()
            .volatile(image)
            .script(&[
                PROMPT,
                r#"type "dir\n""#,
                "wait text 'bytes free'",
                "wait 1s",
                "quit 0",
            ])
            .args(arguments)
            .run()
    };
    let [first, second] = differences.map(run);
    let (a, b) = (first.succeeded()?.stats(), second.succeeded()?.stats());
    for name in REPEATED {
        let what = format!("{name} is {} and {}", a[name], b[name]);
        expect(!a[name].is_null() && a[name] == b[name], &what, &second)?;
    }
    Ok(())
}

fn runs_repeat(image: &Path) -> Outcome {
    compare(image, [&["--speed", "max"], &["--speed", "150"]])
}

fn dispatchers_agree(image: &Path) -> Outcome {
    compare(image, [&["--dispatch", "chained"], &["--dispatch", "loop"]])
}
