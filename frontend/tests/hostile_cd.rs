//! CDs that are cut short or damaged, from the command line to the BIOS: each is refused in one line, or the BIOS says
//! what is wrong with it, or what is on it starts. Nothing hangs and nothing panics.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

use std::fs;

use assert_cmd::Command;
use oldiron_testsuites::rng::Rng;
use tempfile::TempDir;

const SECTOR: usize = 2048;
const SECTORS: usize = 80;
const PRIMARY: usize = 16 * SECTOR;
const BOOT_RECORD: usize = 17 * SECTOR;
const CATALOG: usize = 19 * SECTOR;
/// The initial entry.
const ENTRY: usize = CATALOG + 32;
const IMAGE: u32 = 20;

const DONE: i32 = 0;
const LIMIT: i32 = 12;
const TRIPLE_FAULT: i32 = 14;
const HALTED: i32 = 16;
const FILE: i32 = 66;
/// The guest powered off, and text was waited for.
const STARTED: i32 = 10;

/// Where, and what is written there.
type Change<'a> = (usize, &'a [u8]);

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A disc without files that powers off when it is booted.
fn iso() -> Vec<u8> {
    let mut image = vec![0; SECTORS * SECTOR];
    let blocks = SECTORS as u32;
    put(&mut image, PRIMARY, b"\x01CD001\x01");
    put(&mut image, PRIMARY + 80, &blocks.to_le_bytes());
    put(&mut image, PRIMARY + 84, &blocks.to_be_bytes());
    put(&mut image, PRIMARY + 128, &[0, 8, 8, 0]);
    put(&mut image, PRIMARY + 156, &[34]);
    put(&mut image, PRIMARY + 158, &[18, 0, 0, 0, 0, 0, 0, 18]);
    put(&mut image, BOOT_RECORD, b"\0CD001\x01EL TORITO SPECIFICATION");
    put(&mut image, BOOT_RECORD + 71, &[19, 0, 0, 0]);
    put(&mut image, 18 * SECTOR, b"\xffCD001\x01");
    put(&mut image, CATALOG, &[1]);
    put(&mut image, CATALOG + 28, &[0xaa, 0x55, 0x55, 0xaa]);
    put(&mut image, ENTRY, &[0x88]);
    put(&mut image, ENTRY + 6, &[4, 0]);
    put(&mut image, ENTRY + 8, &IMAGE.to_le_bytes());
    let mut code = vec![0xba, 0x00, 0x89]; // mov dx, 8900h
    code.extend(b"Shutdown".iter().flat_map(|&byte| [0xb0, byte, 0xee])); // mov al, byte; out dx, al
    code.extend([0xeb, 0xfe]); // jmp $
    put(&mut image, IMAGE as usize * SECTOR, &code);
    image
}

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Boots an image until the BIOS has given up; the exit code, and the screen or, for a refused file, what was said.
    fn boots(&self, image: &[u8], what: &str) -> (i32, String) {
        fs::write(self.dir.path().join("cd.iso"), image).unwrap();
        let run =
            "--headless --cdrom cd.iso --boot d --mem 4M --max-virtual 4 --timeout 600 --dump-text screen";
        let output = Command::cargo_bin("oldiron")
            .unwrap()
            .current_dir(self.dir.path())
            .args(run.split(' '))
            .args(["--until-text", "Press a key to try again"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        assert_eq!(said.lines().count(), 1, "{what}: {said}");
        let known = [DONE, STARTED, LIMIT, TRIPLE_FAULT, HALTED, FILE];
        assert!(known.contains(&code), "{what}: exit {code}: {said}");
        match code {
            FILE => (code, said),
            _ => (code, fs::read_to_string(self.dir.path().join("screen")).unwrap()),
        }
    }

    /// With these bytes changed.
    fn damaged(&self, changes: &[Change]) -> (i32, String) {
        let mut image = iso();
        for &(at, bytes) in changes {
            put(&mut image, at, bytes);
        }
        self.boots(&image, &format!("{changes:x?}"))
    }
}

#[test]
fn a_disc_cut_anywhere_is_refused_in_one_line() {
    let bench = Bench::new();
    let whole = iso();
    assert_eq!(bench.boots(&whole, "whole").0, STARTED);
    let mut rng = Rng::new(1);
    let random = (0..30).map(|_| rng.below(whole.len() as u32) as usize);
    for len in (0..64).map(|sector| sector * SECTOR).chain(random) {
        let (code, said) = bench.boots(&whole[..len], &format!("{len} bytes"));
        assert_eq!(code, FILE, "{len}: {said}");
        let reason = ["empty", "no volume descriptor", "cut short"];
        assert!(
            said.starts_with("oldiron: cd.iso: ") && reason.iter().any(|reason| said.contains(reason)),
            "{len}: {said}"
        );
    }
}

#[test]
fn what_the_catalog_cannot_mean_the_bios_says() {
    const NOT_BOOTABLE: &str = "CD-ROM: not bootable";
    const NOT_READ: &str = "CD-ROM: no disc, or it cannot be read";
    const TOO_LARGE: &str = "CD-ROM: what it boots does not fit into memory";
    let bench = Bench::new();
    let cases: [(&[Change], &str); 14] = [
        (&[(BOOT_RECORD + 8, b"?")], NOT_BOOTABLE),
        // The descriptors say no more what the disc is, so that nothing is checked beforehand.
        (&[(PRIMARY, b"\0BEA01"), (BOOT_RECORD + 71, &[200])], NOT_READ),
        (
            &[(PRIMARY, b"\0BEA01"), (BOOT_RECORD + 71, &[19, 0, 0, 0x40])],
            NOT_READ,
        ),
        (&[(CATALOG, &[2])], NOT_BOOTABLE),
        (&[(CATALOG + 4, &[1])], NOT_BOOTABLE),
        (&[(CATALOG + 30, &[0])], NOT_BOOTABLE),
        (&[(ENTRY, &[0])], NOT_BOOTABLE),
        (&[(ENTRY + 1, &[5])], NOT_BOOTABLE),
        (&[(ENTRY + 1, &[4])], NOT_BOOTABLE),
        // Blocks past the end; in sectors of 512 bytes the last two have no 32 bits.
        (&[(ENTRY + 8, &[80])], NOT_READ),
        (&[(ENTRY + 8, &[20, 0, 0, 0x40])], NOT_READ),
        (&[(ENTRY + 8, &[0xff; 4]), (ENTRY + 1, &[2])], NOT_READ),
        (&[(ENTRY + 6, &[0xff; 2])], TOO_LARGE),
        // Over the vectors.
        (&[(ENTRY + 2, &[1, 0])], TOO_LARGE),
    ];
    for (changes, words) in cases {
        let (code, screen) = bench.damaged(changes);
        assert!(
            code == DONE && screen.contains(words),
            "{changes:x?}: {code}\n{screen}"
        );
    }
    // Over the stack, from below it.
    let (code, screen) = bench.damaged(&[(ENTRY + 2, &[0, 7]), (ENTRY + 6, &[16, 0])]);
    assert!(code == DONE && screen.contains(TOO_LARGE), "{code}\n{screen}");
}

#[test]
fn discs_with_random_damage_start_or_are_refused_or_complained_of() {
    let rounds = if cfg!(debug_assertions) { 12 } else { 150 };
    let bench = Bench::new();
    let mut rng = Rng::new(2);
    for _ in 0..rounds {
        let mut image = iso();
        for _ in 0..1 + rng.below(4) {
            let at = match rng.below(5) {
                0 => PRIMARY + rng.below(200) as usize,
                1 => BOOT_RECORD + rng.below(80) as usize,
                2 => CATALOG + rng.below(64) as usize,
                _ => ENTRY + rng.below(12) as usize,
            };
            image[at] = rng.pick(&[0, 1, 2, 0x44, 0x7f, 0x80, 0x88, 0x90, 0xff]);
        }
        bench.boots(&image, &format!("{:x?}", &image[ENTRY..ENTRY + 12]));
    }
}
