//! Systems that use most of the PC: Unixes in protected mode, and a desktop.

use std::{fs, io::Read, path::Path, process::Command};

use flate2::read::GzDecoder;
use libtest_mimic::{Failed, Trial};

use super::{Outcome, Test, direct::SUMS, expect, guests, picture::Picture, program::Oldiron};

const KOLIBRI: &str = "kolibri/kolibri.img";
const MINIX: &str = "minix2-hd/minix2-hd64.img.gz";
const OPENBSD: &str = "openbsd-floppy/openbsd.img";
const LINUX_24: &str = "boote-linux24/boote-linux-2.4.20.img";
pub const DEBIAN: &str = "debian12-i386/deb12-isolinux.iso";
const DISK: &str = "fdos-hd/fdhd-free.img.gz";

/// The tests of this file.
pub fn trials() -> Vec<Trial> {
    let tests: [Test; 5] = [
        (
            "Minix 2 boots from a hard disk and counts its programs",
            MINIX,
            minix,
        ),
        (
            "OpenBSD's floppy finds the chip set and gives a shell",
            OPENBSD,
            openbsd,
        ),
        ("Linux 2.4 from a floppy answers in its shell", LINUX_24, linux_24),
        (
            "Debian 12 from a CD does its sums, reads its disks, pings, and powers off",
            DEBIAN,
            debian,
        ),
        (
            "KolibriOS shows its desktop, and opens a program at a click",
            KOLIBRI,
            kolibri,
        ),
    ];
    tests
        .into_iter()
        .map(|(name, file, test)| {
            let image = guests().join(file);
            if !image.exists() {
                let name = format!("{name} (absent: {})", image.display());
                return Trial::test(name, || Ok(())).with_ignored_flag(true);
            }
            Trial::test(name, move || test(&image)).with_ignored_flag(cfg!(debug_assertions))
        })
        .collect()
}

/// Unpacks a disk to where the run's files are.
fn unpacked(image: &Path, oldiron: &Oldiron) -> Result<String, Failed> {
    let disk = oldiron.path("disk.img");
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(image)?).read_to_end(&mut bytes)?;
    fs::write(&disk, bytes)?;
    Ok(disk.display().to_string())
}

fn minix(image: &Path) -> Outcome {
    let oldiron = Oldiron::new();
    let disk = unpacked(image, &oldiron)?;
    let ended = oldiron
        .args(&["--volatile", "--mem", "16M", "--hda", &disk])
        .script(&[
            "wait text 'noname login:'",
            r#"type "root\n""#,
            "wait text '^#'",
            r#"type "uname -a\n""#,
            r"wait text 'Minix noname 2 0\.4 i686'",
            r#"type "ls /usr/bin | wc\n""#,
            "wait text '282 +282 +1680'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}

fn openbsd(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .script(&[
            "wait text 'pciide0 at pci0 dev 1' 50G",
            r"wait text '\(I\)nstall, \(U\)pgrade or \(S\)hell' 50G",
            r#"type "s\n""#,
            "wait text '^#'",
            r#"type "echo it $((40+2))\n""#,
            "wait text '^it 42'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}

fn linux_24(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .volatile(image)
        .script(&[
            "wait text 'Please press Enter to activate this console' 20G",
            r#"type "\n""#,
            r"wait text '\[bootE Linux\]'",
            r#"type "uname -a\n""#,
            r"wait text 'Linux .*2\.4\.20'",
            r#"type "free\n""#,
            "wait text 'Mem: +[0-9]+'",
            r#"type "cat /proc/cpuinfo\n""#,
            "wait text '^bogomips'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}

/// The SHA-1 of a file, as the host's own program finds it.
fn sha1(path: &str) -> Result<String, Failed> {
    let output = Command::new("sha1sum").arg(path).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(said.split_whitespace().next().unwrap_or_default().to_owned())
}

fn debian(image: &Path) -> Outcome {
    debian_with(image, &[])
}

/// Debian from its CD on a machine with a disk and a network card, with more arguments.
pub fn debian_with(image: &Path, arguments: &[&str]) -> Outcome {
    let oldiron = Oldiron::new();
    let disk = unpacked(&guests().join(DISK), &oldiron)?;
    let sums = [
        ("sda", sha1(&disk)?),
        ("sr0", sha1(&image.display().to_string())?),
    ];
    let ended = oldiron
        .volatile(image)
        .args(&[
            "--hda",
            &disk,
            "--boot",
            "d",
            "--nic",
            "pci,mac=52:54:00:ab:cd:ef",
        ])
        .args(arguments)
        .run();
    let serial = ended.succeeded()?.serial();
    let powered_off = ended.said().contains("powered off") && serial.contains("GUEST-DONE-OK");
    expect(powered_off, &format!("no power-off\n{serial}"), &ended)?;
    let ping = "52:54:00:ab:cd:ef 3 packets transmitted, 3 packets received, 0% packet loss";
    for words in SUMS.into_iter().chain([ping]) {
        expect(
            serial.contains(words),
            &format!("not there: {words}\n{serial}"),
            &ended,
        )?;
    }
    for (name, sum) in sums {
        let right = serial
            .lines()
            .any(|line| line.contains(&format!("GUEST-BLK: {name} ")) && line.contains(&sum));
        expect(right, &format!("{name} is not {sum}\n{serial}"), &ended)?;
    }
    Ok(())
}

fn kolibri(image: &Path) -> Outcome {
    let oldiron = Oldiron::new();
    let desktop = oldiron.path("desktop.png");
    let program = oldiron.path("program.png");
    let ended = oldiron
        .volatile(image)
        .args(&["--mem", "128M"])
        .script(&[
            "wait 40s",
            &format!("screenshot {}", desktop.display()),
            "mouse move -298 -130",
            "wait 1s",
            "mouse click left",
            "wait 5s",
            &format!("screenshot {}", program.display()),
            "quit 0",
        ])
        .run();
    ended.succeeded()?;
    let reference = Picture::read(&guests().join("reference/kolibri.png")).ok_or("no reference")?;
    let differing = |path: &Path| {
        let picture = Picture::read(path).ok_or("no screenshot")?;
        let pairs = picture.pixels.iter().zip(&reference.pixels);
        let same_size = picture.pixels.len() == reference.pixels.len() && picture.width == reference.width;
        Ok::<_, Failed>((same_size, pairs.filter(|(a, b)| a != b).count()))
    };
    // A meter in the task bar shows how busy the processor is.
    let (same_size, dots) = differing(&desktop)?;
    expect(
        same_size && dots < 500,
        &format!("the desktop: {dots} dots differ"),
        &ended,
    )?;
    let (_, dots) = differing(&program)?;
    expect(dots > 50_000, &format!("no window: {dots} dots differ"), &ended)
}
