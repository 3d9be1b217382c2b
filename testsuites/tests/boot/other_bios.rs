//! Other BIOSes and VGA BIOSes instead of ours, from Debian's packages: those of Bochs (`bochsbios`, `vgabios`), which
//! know of no PCI here, and SeaBIOS (`seabios`), which sets up the chip set and brings ACPI tables of its own.

use std::path::Path;

use libtest_mimic::Trial;

use super::{
    FDBD, Outcome, PROMPT,
    extenders::{self, Manager},
    guests,
    program::Oldiron,
    systems,
};

/// ROM images, and what the BIOS shows first.
#[derive(Clone, Copy)]
struct Firmware {
    name: &'static str,
    shows: &'static str,
    bios: &'static str,
    /// `None`: ours.
    vga_bios: Option<&'static str>,
}

const BOCHS: Firmware = Firmware {
    name: "Bochs's BIOS",
    shows: "wait text 'Bochs.*BIOS'",
    bios: "/usr/share/bochs/BIOS-bochs-legacy",
    vga_bios: Some("/usr/share/vgabios/vgabios.bin"),
};
const SEABIOS: Firmware = Firmware {
    name: "SeaBIOS",
    shows: "wait text 'SeaBIOS'",
    bios: "/usr/share/seabios/bios.bin",
    vga_bios: Some("/usr/share/seabios/vgabios-stdvga.bin"),
};
const SEABIOS_256K: Firmware = Firmware {
    name: "SeaBIOS of 256 KiB with our VGA BIOS",
    bios: "/usr/share/seabios/bios-256k.bin",
    vga_bios: None,
    ..SEABIOS
};

impl Firmware {
    fn arguments(&self) -> Vec<&'static str> {
        let vga_bios = self.vga_bios.map(|file| ["--vga-bios", file]);
        let arguments = ["--bios", self.bios].into_iter();
        arguments.chain(vga_bios.into_iter().flatten()).collect()
    }
}

const DISK: &str = "fdos-hd/fdhd-free.img.gz";

/// Without the packages they are ignored, but for `CI=true`.
pub fn trials() -> Vec<Trial> {
    type Test = fn(Firmware, &Path) -> Outcome;
    let tools: Test = |firmware, image| extenders::tools(image, Manager::Jemm386, &firmware.arguments());
    let nethack: Test = |firmware, image| extenders::nethack(image, Manager::Himemx, &firmware.arguments());
    let debian: Test = |firmware, image| systems::debian_with(image, &firmware.arguments());
    let tests: [(Firmware, &str, &str, Test); 8] = [
        (BOCHS, "lists a 1440K floppy", FDBD, floppy),
        (BOCHS, "lists a 360K floppy", "fdbootdisks/fdbd-360.img", floppy),
        (
            BOCHS,
            "runs CWSDPMI under JEMM386",
            "fdos-tools/fdos-tools.img",
            tools,
        ),
        (BOCHS, "plays NetHack from a hard disk", DISK, nethack),
        (SEABIOS, "lists a 1440K floppy", FDBD, floppy),
        (SEABIOS, "plays NetHack from a hard disk", DISK, nethack),
        (SEABIOS_256K, "lists a 1440K floppy", FDBD, floppy),
        (
            SEABIOS,
            "boots Debian 12 from a CD, which does its sums, reads its disks, pings, and powers off",
            systems::DEBIAN,
            debian,
        ),
    ];
    let ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    let trials = tests.into_iter().map(|(firmware, what, file, test)| {
        let image = guests().join(file);
        let mut name = format!("{} {what}", firmware.name);
        let mut ignored = cfg!(debug_assertions);
        let files = [Some(firmware.bios), firmware.vga_bios];
        for needed in files.into_iter().flatten().map(Path::new).chain([&*image]) {
            if !needed.exists() {
                name += &format!(" (absent: {})", needed.display());
                ignored |= !ci;
            }
        }
        Trial::test(name, move || test(firmware, &image)).with_ignored_flag(ignored)
    });
    trials.collect()
}

fn floppy(firmware: Firmware, image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .args(&firmware.arguments())
        .script(&[
            firmware.shows,
            PROMPT,
            r#"type "dir /w\n""#,
            "wait text 'bytes free'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}
