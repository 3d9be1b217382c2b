//! Bochs's BIOS and VGA BIOS instead of ours, from the Debian packages `bochsbios` and `vgabios`.

use std::path::Path;

use libtest_mimic::Trial;

use super::{
    FDBD, Outcome, PROMPT,
    extenders::{self, Manager},
    guests,
    program::Oldiron,
};

const BIOS: &str = "/usr/share/bochs/BIOS-bochs-legacy";
const VGA_BIOS: &str = "/usr/share/vgabios/vgabios.bin";
const ROMS: [&str; 4] = ["--bios", BIOS, "--vga-bios", VGA_BIOS];

/// FreeDOS from floppy and hard disk. Without the packages they are ignored, but for `CI=true`.
pub fn trials() -> Vec<Trial> {
    type Test = fn(&Path) -> Outcome;
    let tests: [(&str, &str, Test); 4] = [
        ("lists a 1440K floppy", FDBD, floppy),
        ("lists a 360K floppy", "fdbootdisks/fdbd-360.img", floppy),
        (
            "runs CWSDPMI under JEMM386",
            "fdos-tools/fdos-tools.img",
            |image| extenders::tools(image, Manager::Jemm386, &ROMS),
        ),
        (
            "plays NetHack from a hard disk",
            "fdos-hd/fdhd-free.img.gz",
            |image| extenders::nethack(image, Manager::Himemx, &ROMS),
        ),
    ];
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let trials = tests.into_iter().map(|(what, file, test)| {
        let image = guests().join(file);
        let mut name = format!("Bochs's BIOS {what}");
        let mut ignored = cfg!(debug_assertions);
        for needed in [Path::new(BIOS), Path::new(VGA_BIOS), &image] {
            if !needed.exists() {
                name += &format!(" (absent: {})", needed.display());
                ignored |= !ci;
            }
        }
        Trial::test(name, move || test(&image)).with_ignored_flag(ignored)
    });
    trials.collect()
}

fn floppy(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .args(&ROMS)
        .script(&[
            "wait text 'Bochs.*BIOS'",
            PROMPT,
            r#"type "dir /w\n""#,
            "wait text 'bytes free'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}
