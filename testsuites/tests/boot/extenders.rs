//! DOS extenders and memory managers: HIMEMX, JEMM386 (virtual-8086 mode, paging, VCPI), CWSDPMI and
//! HDPMI32, on every processor.

use std::{fs, io::Read, path::Path};

use flate2::read::GzDecoder;
use libtest_mimic::Trial;

use super::{Outcome, expect, guests, program::Oldiron};

/// What FreeDOS loads: the choice in the guests' menu.
#[derive(Clone, Copy, Debug)]
pub enum Manager {
    /// Real mode.
    Himemx = 1,
    /// Virtual-8086 mode.
    Jemm386 = 2,
}

impl Manager {
    fn choice(self) -> String {
        format!(r#"type "{}\n""#, self as u8)
    }
}

const TOOLS: &str = "fdos-tools/fdos-tools.img";
const HARD_DISK: &str = "fdos-hd/fdhd-free.img.gz";

/// One test for each manager, processor and program; those with the loop dispatcher or
/// without an FPU are for `cargo xtask long`.
pub fn trials() -> Vec<Trial> {
    type Test = fn(&Path, Manager, &[&str]) -> Outcome;
    let programs: [(&str, &str, Test); 2] = [
        ("bzip2, gzip and md5sum with CWSDPMI", TOOLS, tools),
        ("NetHack with HDPMI32", HARD_DISK, nethack),
    ];
    let mut trials = Vec::new();
    for (program, file, test) in programs {
        let image = guests().join(file);
        for manager in [Manager::Himemx, Manager::Jemm386] {
            for cpu in ["386", "486", "pentium", "p6"] {
                for dispatch in ["chained", "loop"] {
                    let mut name = format!("{program} on {manager:?}, {cpu}, {dispatch}");
                    if !image.exists() {
                        name += &format!(" (absent: {})", image.display());
                    }
                    let long = cpu == "386" || dispatch == "loop";
                    let ignored = cfg!(debug_assertions) || long || !image.exists();
                    let image = image.clone();
                    let run = move || test(&image, manager, &["--cpu", cpu, "--dispatch", dispatch]);
                    trials.push(Trial::test(name, run).with_ignored_flag(ignored));
                }
            }
        }
    }
    trials
}

/// A file's way through two packers and back, on a floppy that is written to.
pub fn tools(image: &Path, manager: Manager, arguments: &[&str]) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .args(arguments)
        .script(&[
            "wait text 'Select from Menu'",
            &manager.choice(),
            "wait serial 'TEST-DONE-OK' 20G",
        ])
        .args(&["--mem", "32M", "--until-serial", "TEST-DONE-OK"])
        .run();
    let serial = ended.succeeded()?.serial();
    let sums = serial.matches("f730339b0a5f461b530d93bd57050dff").count();
    expect(
        sums == 3,
        &format!("{sums} right sums on COM1 instead of 3:\n{serial}"),
        &ended,
    )?;
    let v86 = serial.contains("V86-mode, Paging on");
    expect(
        v86 == matches!(manager, Manager::Jemm386),
        &format!("virtual-8086 mode: {v86}"),
        &ended,
    )
}

/// A game that needs a 32-bit host, from a hard disk.
pub fn nethack(image: &Path, manager: Manager, arguments: &[&str]) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let disk = dir.path().join("c.img");
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(image).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    fs::write(&disk, bytes).unwrap();
    let loaded = match manager {
        Manager::Himemx => "wait text 'HimemX'",
        Manager::Jemm386 => "wait text 'Jemm386 loaded'",
    };
    let ended = Oldiron::new()
        .volatile(&disk)
        // The hero, and so the greeting, depends on the clock.
        .args(&["--mem", "32M", "--rtc", "2000-01-01T10:00:00"])
        .args(arguments)
        .script(&[
            "wait text 'Select from Menu'",
            &manager.choice(),
            loaded,
            "wait serial HD-READY",
            r"wait text '^C:\\>$'",
            r#"type "cd nethack\nhdpmi32\n""#,
            r"wait text 'NETHACK>hdpmi32\n(.*\n)*C:\\NETHACK>$'",
            r#"type "nethack\n""#,
            "wait text 'Who are you'",
            r#"type "bob\n""#,
            "wait text 'pick'",
            r#"type "y""#,
            "wait text 'Is this ok'",
            r#"type "y""#,
            "wait text 'More'",
            r#"type " ""#,
            "wait text '(Hello|Aloha|Salutations|Velkommen|Konnichi wa) bob, welcome to NetHack!'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}
