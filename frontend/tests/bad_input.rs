//! Bad input: one clear line, the right exit code, no panic, nothing half-written.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use assert_cmd::Command;
use tempfile::TempDir;

const USAGE: i32 = 2;
const FILE: i32 = 66;
const HOST_IO: i32 = 74;

/// A directory with images good and bad.
struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        bench.file("empty.img", 0);
        bench.file("floppy.img", 1440 * 1024);
        bench.file("odd.img", 1440 * 1024 + 512);
        bench.file("ragged.img", 1_000_000);
        let mut disk = vec![0; 1 << 20];
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        fs::write(bench.path("disk.img"), disk).unwrap();
        fs::write(bench.path("text.txt"), "hello\n").unwrap();
        let iso = iso(40);
        fs::write(bench.path("cd.iso"), &iso).unwrap();
        fs::write(bench.path("insert.txt"), "insert cdrom cut.iso\n").unwrap();
        fs::write(bench.path("eject.txt"), "eject cdrom\n").unwrap();
        fs::write(bench.path("cut.iso"), &iso[..39 * 2048]).unwrap();
        let mut damaged = iso;
        damaged[0x8000 + 80] ^= 1;
        fs::write(bench.path("damaged.iso"), damaged).unwrap();
        fs::create_dir(bench.path("directory")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, len: usize) {
        fs::write(self.path(name), vec![0; len]).unwrap();
    }

    /// Runs the program on a command line without spaces in arguments, and gives back the one line
    /// that it must have said.
    fn refused(&self, line: &str, code: i32) -> String {
        let before = listing(self.dir.path());
        let assert = Command::cargo_bin("oldiron")
            .unwrap()
            .current_dir(self.dir.path())
            .env_remove("DISPLAY")
            .args(line.split_whitespace())
            .assert();
        let output = assert.get_output();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert!(
            said.starts_with("oldiron: ") && !said.contains("panic"),
            "{line}: {said}"
        );
        assert_eq!(output.stdout, b"", "{line}");
        assert_eq!(listing(self.dir.path()), before, "{line}");
        said
    }
}

/// An ISO 9660 image of so many sectors with an empty volume.
fn iso(blocks: u32) -> Vec<u8> {
    let mut bytes = vec![0; blocks as usize * 2048];
    let volume = &mut bytes[0x8000..0x8800];
    volume[..7].copy_from_slice(b"\x01CD001\x01");
    volume[80..84].copy_from_slice(&blocks.to_le_bytes());
    volume[84..88].copy_from_slice(&blocks.to_be_bytes());
    volume[128..132].copy_from_slice(&[0, 8, 8, 0]);
    volume[156] = 34;
    volume[158..166].copy_from_slice(&[18, 0, 0, 0, 0, 0, 0, 18]);
    bytes
}

#[test]
fn cds_that_are_none_are_refused_with_what_was_found() {
    let bench = Bench::new();
    for (line, word) in [
        ("cut.iso", "cut short"),
        ("--cdrom cut.iso", "cut short"),
        ("damaged.iso", "damaged"),
        ("--cdrom floppy.img", "no volume descriptor"),
        ("--cdrom text.txt", "no volume descriptor"),
        ("--cdrom empty.img", "empty"),
        ("--cdrom missing.iso", "check the path"),
        ("--fda cd.iso", "--cdrom"),
        ("--headless --cdrom cd.iso --script insert.txt", "cut short"),
    ] {
        let said = bench.refused(line, FILE);
        assert!(said.contains(word), "{line}: {said}");
    }
    let four = "--hda disk.img --hdb disk.img --hdc disk.img --hdd disk.img --volatile cd.iso";
    assert!(bench.refused(four, USAGE).contains("no place"));
    let none = bench.refused("--headless disk.img --volatile --script eject.txt", USAGE);
    assert!(none.contains("--cdrom"), "{none}");
}

fn listing(dir: &Path) -> Vec<(PathBuf, u64)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
        .collect();
    all.sort();
    all
}

const FLOPPY_OPTIONS: [&str; 2] = ["--fda", "--fdb"];
const DISK_OPTIONS: [&str; 4] = ["--hda", "--hdb", "--hdc", "--hdd"];

#[test]
fn a_missing_file_is_named_for_every_media_option() {
    let bench = Bench::new();
    for option in FLOPPY_OPTIONS
        .iter()
        .chain(&DISK_OPTIONS)
        .chain(&["--bios", "--vga-bios", "--script", ""])
    {
        let said = bench.refused(&format!("--headless {option} nowhere.img"), FILE);
        assert!(said.contains("nowhere.img"), "{option}: {said}");
    }
}

#[test]
fn an_empty_file_is_named_for_every_media_option() {
    let bench = Bench::new();
    for option in FLOPPY_OPTIONS
        .iter()
        .chain(&DISK_OPTIONS)
        .chain(&["--bios", "--vga-bios", ""])
    {
        let said = bench.refused(&format!("--headless {option} empty.img"), FILE);
        assert!(said.contains("empty.img"), "{option}: {said}");
    }
}

#[test]
fn a_directory_is_not_an_image() {
    let bench = Bench::new();
    for option in ["--fda", "--hda", ""] {
        let said = bench.refused(&format!("--headless {option} directory"), FILE);
        assert!(said.contains("directory"), "{said}");
    }
}

#[test]
fn a_floppy_of_unknown_size_is_refused_with_the_sizes_there_are() {
    let bench = Bench::new();
    for option in FLOPPY_OPTIONS {
        let said = bench.refused(&format!("--headless {option} odd.img"), FILE);
        assert!(
            said.contains("odd.img") && said.contains("1475072") && said.contains("1440K"),
            "{said}"
        );
    }
}

#[test]
fn a_disk_that_is_not_whole_sectors_is_refused() {
    let bench = Bench::new();
    for option in DISK_OPTIONS {
        let said = bench.refused(&format!("--headless {option} ragged.img"), FILE);
        assert!(said.contains("ragged.img") && said.contains("512"), "{said}");
    }
}

#[test]
fn an_unrecognised_image_is_refused() {
    let bench = Bench::new();
    for image in ["text.txt", "ragged.img", "odd.img"] {
        let said = bench.refused(&format!("--headless {image}"), FILE);
        assert!(said.contains(image), "{said}");
    }
    // No --headless: still before any window opens.
    bench.refused("text.txt", FILE);
}

#[test]
fn unknown_options_models_and_values_are_usage_errors() {
    let bench = Bench::new();
    for (line, word) in [
        ("--frobnicate", "--frobnicate"),
        ("--cpu 8086 floppy.img", "8086"),
        ("--mem 4G floppy.img", "4G"),
        ("--mem 0 floppy.img", "1M to 3G"),
        ("--boot z floppy.img", "'z'"),
        ("--speed warp floppy.img", "warp"),
        ("--ips 1 floppy.img", "'1'"),
        ("--timing slow floppy.img", "slow"),
        ("--rtc tomorrow floppy.img", "tomorrow"),
        ("--serial morse floppy.img", "morse"),
        ("--debugcon morse floppy.img", "morse"),
        ("--port-log zz=f floppy.img", "zz"),
        ("--until-text ( floppy.img", "regular expression"),
        ("--fail-serial [ floppy.img", "regular expression"),
        ("--max-insns many floppy.img", "many"),
        ("--max-virtual never floppy.img", "never"),
        ("--timeout -1 floppy.img", "-1"),
        ("--on-reset explode floppy.img", "explode"),
        ("--dispatch magic floppy.img", "magic"),
        ("--log loud floppy.img", "loud"),
        ("--headless -e jump floppy.img", "jump"),
        ("--serial stdio --serial stdio floppy.img", "twice"),
        ("--serial none --serial none --serial none floppy.img", "COM2"),
        ("--serial stdio --display term floppy.img", "terminal"),
        ("cpu frobnicate", "frobnicate"),
        ("cpu", "list"),
    ] {
        let said = bench.refused(line, USAGE);
        assert!(said.contains(word), "{line}: {said}");
    }
}

#[test]
fn an_impossible_geometry_is_a_usage_error() {
    let bench = Bench::new();
    for (line, word) in [
        ("--headless --hda disk.img --chs hda=0/16/63", "cylinders"),
        ("--headless --hda disk.img --chs hda=10/17/63", "heads"),
        ("--headless --hda disk.img --chs hda=10/16/64", "sectors"),
        ("--headless --hda disk.img --chs hda=10/16", "C/H/S"),
        ("--headless --hda disk.img --chs hda=1000/16/63", "disk.img"),
        ("--headless --hda disk.img --chs hdb=2/16/63", "hdb"),
    ] {
        let said = bench.refused(line, USAGE);
        assert!(said.contains(word), "{line}: {said}");
    }
}

#[test]
fn a_bios_of_wrong_size_is_refused() {
    let bench = Bench::new();
    bench.file("small.rom", 0x8000);
    bench.file("large.rom", 0x20000);
    let said = bench.refused("--headless --bios small.rom floppy.img", FILE);
    assert!(
        said.contains("small.rom") && said.contains("64, 128 or 256 KiB"),
        "{said}"
    );
    let said = bench.refused("--headless --vga-bios large.rom floppy.img", FILE);
    assert!(said.contains("large.rom") && said.contains("64 KiB"), "{said}");
    let said = bench.refused("--headless --vga-bios small.rom floppy.img", FILE);
    assert!(said.contains("55 AA"), "{said}");
}

#[test]
fn an_image_that_cannot_be_written_is_refused_with_the_way_out() {
    let bench = Bench::new();
    for name in ["floppy.img", "disk.img"] {
        let mut permissions = bench.path(name).metadata().unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(bench.path(name), permissions).unwrap();
        for option in ["--fda", "--hda", ""]
            .iter()
            .filter(|&&o| o != "--fda" || name == "floppy.img")
        {
            let said = bench.refused(&format!("--headless {option} {name}"), FILE);
            assert!(said.contains(name) && said.contains("--volatile"), "{said}");
        }
    }
}

#[test]
fn one_image_in_two_drives_is_refused() {
    let bench = Bench::new();
    let said = bench.refused("--headless --fda floppy.img --fdb floppy.img", FILE);
    assert!(said.contains("in use"), "{said}");
}

#[test]
fn outputs_that_cannot_be_created_are_refused_before_the_run() {
    let bench = Bench::new();
    for line in [
        "--headless floppy.img --serial file:nowhere/com1",
        "--headless floppy.img --debugcon file:nowhere/e9",
        "--headless floppy.img --port-log 80=nowhere/post",
        "--headless floppy.img --coverage nowhere/forms",
    ] {
        let said = bench.refused(line, FILE);
        assert!(said.contains("nowhere/"), "{said}");
    }
}

#[test]
fn results_that_cannot_be_written_are_host_io_failures() {
    let bench = Bench::new();
    bench.file("any.rom", 0x10000);
    fs::write(bench.path("vga.rom"), [&[0x55, 0xaa, 1][..], &[0; 509]].concat()).unwrap();
    for option in ["--screenshot", "--dump-text", "--stats"] {
        let line = format!(
            "--headless --bios any.rom --vga-bios vga.rom --volatile floppy.img -e quit {option} nowhere/file"
        );
        let said = bench.refused(&line, HOST_IO);
        assert!(said.contains("nowhere/file"), "{said}");
    }
}

#[test]
fn displays_that_are_not_there_are_host_io_failures() {
    let bench = Bench::new();
    let said = bench.refused("--display term --volatile floppy.img", HOST_IO);
    assert!(said.contains("terminal"), "{said}");
    let code = if cfg!(feature = "window") { HOST_IO } else { USAGE };
    if cfg!(all(unix, not(target_os = "macos"))) {
        let said = bench.refused("--display window --volatile floppy.img", code);
        assert!(said.contains("window"), "{said}");
    }
}

#[test]
fn a_refused_script_leaves_other_outputs_alone() {
    let bench = Bench::new();
    fs::write(bench.path("com1"), "precious").unwrap();
    bench.refused("--headless --fda nowhere.img --serial file:com1", FILE);
    assert_eq!(fs::read_to_string(bench.path("com1")).unwrap(), "precious");
}

#[test]
fn help_version_and_models_go_to_standard_output() {
    for (line, word) in [
        ("--help", "run"),
        ("run --help", "--until-serial"),
        ("--version", "oldiron"),
        ("cpu list", "p6"),
    ] {
        let assert = Command::cargo_bin("oldiron")
            .unwrap()
            .args(line.split_whitespace())
            .assert()
            .success();
        let output = assert.get_output();
        assert!(String::from_utf8_lossy(&output.stdout).contains(word), "{line}");
        assert_eq!(output.stderr, b"", "{line}");
    }
}
