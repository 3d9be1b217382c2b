//! `oldiron img`, as a user has it; mtools and fsck.fat are witnesses where they are installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use assert_cmd::cargo::CommandCargoExt;

struct Bench(tempfile::TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, line: &str) -> Output {
        let mut command = Command::cargo_bin("oldiron").unwrap();
        command
            .current_dir(self.0.path())
            .arg("img")
            .args(line.split_whitespace());
        command.output().unwrap()
    }

    fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {output:?}");
        assert_eq!(output.stderr, b"", "{line}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Refused with one line, and nothing left over.
    fn refused(&self, line: &str, code: i32) -> String {
        let before = self.files();
        let output = self.run(line);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {said}");
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert_eq!(self.files(), before, "{line}");
        said
    }

    fn files(&self) -> Vec<(PathBuf, u64)> {
        let mut files: Vec<_> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path(), entry.metadata().unwrap().len()))
            .collect();
        files.sort();
        files
    }

    fn write(&self, name: &str, contents: &[u8]) {
        fs::write(self.path(name), contents).unwrap();
    }
}

/// Output of a program that may not be there.
fn witness(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .env("TZ", "UTC")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {text}{:?}",
        output.stderr
    );
    Some(text)
}

/// Checks the volume that starts at a byte of an image.
fn fsck(bench: &Bench, image: &str, at: usize) {
    let bytes = fs::read(bench.path(image)).unwrap();
    bench.write("volume.bin", &bytes[at..]);
    witness("fsck.fat", &["-n", bench.path("volume.bin").to_str().unwrap()]);
    fs::remove_file(bench.path("volume.bin")).unwrap();
}

fn at(image: &Path, offset: usize) -> String {
    format!("{}@@{offset}", image.display())
}

const PARTITION: usize = 63 * 512;

#[test]
fn floppies_and_disks_of_every_fat_are_made_and_are_whole() {
    let bench = Bench::new();
    for (size, kind, at) in [
        ("160K", "FAT12", 0),
        ("360K", "FAT12", 0),
        ("1200K", "FAT12", 0),
        ("1440K", "FAT12", 0),
        ("2880K", "FAT12", 0),
        ("3M", "FAT12", PARTITION),
        ("20M", "FAT16", PARTITION),
        ("100M", "FAT16", PARTITION),
    ] {
        bench.ok(&format!("create {size}.img {size} --fat"));
        let info = bench.ok(&format!("info {size}.img"));
        assert!(info.contains(&format!("{kind} file system")), "{info}");
        fsck(&bench, &format!("{size}.img"), at);
    }
    bench.ok("create large.img 2G --fat");
    assert!(bench.ok("info large.img").contains("FAT32 file system"));
    bench.ok("create bare.img 10M --partition");
    let info = bench.ok("info bare.img");
    assert!(
        info.contains("partition 1: type 06h") && info.contains("from the partition table"),
        "{info}"
    );
    bench.ok("create zeros.img 7M");
    assert!(bench.ok("info zeros.img").contains("from the size"));
}

#[test]
fn files_go_in_and_come_out_with_names_times_and_directories() {
    let bench = Bench::new();
    let big: Vec<u8> = (0..300_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
    fs::create_dir_all(bench.path("tree/Deeper directory")).unwrap();
    bench.write("tree/README.TXT", b"hello\r\n");
    bench.write("tree/Deeper directory/a long name with ümlaut.data", &big);
    bench.write("tree/empty", b"");
    for n in 0..60 {
        bench.write(&format!("tree/file number {n}"), format!("{n}").as_bytes());
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(946_782_246);
    let readme = fs::File::options()
        .write(true)
        .open(bench.path("tree/README.TXT"))
        .unwrap();
    readme.set_modified(time).unwrap();
    for (image, size, offset) in [
        ("floppy.img", "1440K", 0),
        ("disk16.img", "30M", PARTITION),
        ("disk32.img", "600M", PARTITION),
    ] {
        bench.ok(&format!("create {image} {size} --fat"));
        bench.ok(&format!("cp -r tree {image}:/"));
        bench.ok(&format!("cp tree/README.TXT {image}:/TREE/second.txt"));
        if size != "600M" {
            fsck(&bench, image, offset);
        }
        let list = bench.ok(&format!("ls -r {image}"));
        assert!(
            list.contains("2000-01-0") && list.contains("tree/Deeper directory/a long name with ümlaut.data")
        );
        assert!(list.contains("300000") && list.lines().count() == 66, "{list}");
        let out = format!("out-{image}");
        bench.ok(&format!("cp -r {image}:/tree {out}"));
        for name in [
            "README.TXT",
            "empty",
            "second.txt",
            "file number 59",
            "Deeper directory/a long name with ümlaut.data",
        ] {
            let name_in = if name == "second.txt" { "README.TXT" } else { name };
            let expected = fs::read(bench.path("tree").join(name_in)).unwrap();
            assert!(
                fs::read(bench.path(&out).join(name)).unwrap() == expected,
                "{image}: {name}"
            );
        }
        let made = fs::metadata(bench.path(&out).join("README.TXT")).unwrap();
        assert_eq!(made.modified().unwrap(), time);
        let drive = at(&bench.path(image), offset);
        if let Some(text) = witness("mtype", &["-i", &drive, "::/tree/README.TXT"]) {
            assert_eq!(text, "hello\r\n");
        }
        if let Some(list) = witness("mdir", &["-i", &drive, "::/tree"]) {
            assert!(list.contains("file number 59"), "{list}");
        }
    }
}

#[test]
fn a_file_is_replaced_and_its_room_is_free_again() {
    let bench = Bench::new();
    bench.ok("create a.img 360K --fat");
    bench.write("big", &[1; 300_000]);
    bench.write("small", &[2; 10]);
    bench.ok("cp big a.img:/A.DAT");
    bench.ok("cp small a.img:/a.dat");
    bench.ok("cp big a.img:/B.DAT");
    bench.ok("cp a.img:/A.DAT back");
    assert_eq!(fs::read(bench.path("back")).unwrap(), [2; 10]);
    fsck(&bench, "a.img", 0);
}

#[test]
fn logical_partitions_are_found() {
    let bench = Bench::new();
    bench.ok("create inner.img 5M --fat");
    let inner = fs::read(bench.path("inner.img")).unwrap();
    let volume = &inner[PARTITION..];
    let entry = |kind: u8, start: u32, count: u32| {
        let mut entry = vec![0, 0, 0, 0, kind, 0, 0, 0];
        entry.extend(start.to_le_bytes());
        entry.extend(count.to_le_bytes());
        entry
    };
    let table = |entries: &[Vec<u8>]| {
        let mut sector = vec![0; 446];
        sector.extend(entries.concat());
        sector.resize(510, 0);
        sector.extend([0x55, 0xaa]);
        sector
    };
    let count = (volume.len() / 512) as u32;
    let mut disk = table(&[entry(6, 63, 100), entry(5, 1000, 30_000)]);
    disk.resize(1000 * 512, 0);
    disk.extend(table(&[entry(1, 63, count), entry(5, 12_000, 12_000)]));
    disk.resize(1063 * 512, 0);
    disk.extend(volume);
    disk.resize(13_000 * 512, 0);
    disk.extend(table(&[entry(1, 63, count)]));
    disk.resize(13_063 * 512, 0);
    disk.extend(volume);
    disk.resize(31_000 * 512, 0);
    bench.write("disk.img", &disk);
    bench.write("x", b"in the second");
    bench.ok("cp x disk.img:6/X.TXT");
    assert!(bench.ok("ls disk.img:6/").contains("X.TXT"));
    assert_eq!(bench.ok("ls disk.img:5/"), "");
    assert_eq!(bench.ok("ls disk.img"), "", "the first with a file system");
    assert!(bench.ok("info disk.img").contains("partition 6: type 01h"));
    assert!(bench.refused("ls disk.img:7/", 66).contains("no partition 7"));
    assert!(bench.refused("ls disk.img:1/", 66).contains("no FAT file system"));
}

#[test]
fn a_file_system_larger_than_its_partition_is_read_if_the_image_has_all_of_it() {
    let bench = Bench::new();
    bench.ok("create a.img 5M --fat");
    bench.write("x", b"text");
    bench.ok("cp x a.img:/X.TXT");
    let mut image = fs::read(bench.path("a.img")).unwrap();
    image[446 + 12..446 + 16].copy_from_slice(&9000u32.to_le_bytes());
    bench.write("a.img", &image);
    assert!(bench.ok("ls a.img").contains("X.TXT"));
    assert!(bench.ok("info a.img").contains("FAT12 file system"));
    bench.write("cut.img", &image[..9000 * 512]);
    assert!(bench.refused("ls cut.img:1/", 66).contains("cut short"));
}

#[test]
fn wrong_input_is_one_line_and_changes_nothing() {
    let bench = Bench::new();
    bench.ok("create a.img 1440K --fat");
    bench.write("huge", &vec![1; 2_000_000]);
    bench.write("odd", &[1; 1000]);
    bench.write("gzip", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    fs::create_dir(bench.path("dir")).unwrap();
    let image = fs::read(bench.path("a.img")).unwrap();
    for (line, code, word) in [
        ("create a.img 1440K", 66, "--force"),
        ("create b.img 0", 2, "SIZE"),
        ("create b.img big", 2, "1440K"),
        ("create b.img 1440K --partition", 66, "floppy"),
        ("create b.img 100M --fat --partition", 2, "--partition"),
        ("create none/b.img 1M", 66, "none/b.img"),
        ("create b.img 10K --fat", 66, "small"),
        ("info none.img", 66, "check the path"),
        ("info odd", 66, "512"),
        ("info gzip", 66, "gzip"),
        ("info dir", 66, "directory"),
        ("ls a.img:/NONE", 66, "NONE"),
        ("cp huge a.img:/", 66, "no room"),
        ("cp huge a.img:/NONE/", 66, "NONE"),
        ("cp dir a.img:/", 2, "-r"),
        ("cp none a.img:/", 66, "none"),
        ("cp a.img:/NONE x", 66, "NONE"),
        ("cp odd a.img:/a*b", 66, "a*b"),
        ("cp odd gzip", 2, "disk.img:/DIR/"),
        ("cp a.img:/x a.img:/y", 2, "host"),
        ("convert odd b.img", 66, "512"),
        ("convert a.img a.img", 66, "--force"),
        ("commit a.img", 66, "overlay"),
        ("frobnicate", 2, "frobnicate"),
    ] {
        let said = bench.refused(line, code);
        assert!(said.contains(word), "{line}: {said}");
    }
    assert!(fs::read(bench.path("a.img")).unwrap() == image);
}

#[test]
fn damaged_file_systems_are_refused_or_read_and_never_panic() {
    let bench = Bench::new();
    bench.ok("create a.img 360K --fat");
    fs::create_dir(bench.path("d")).unwrap();
    bench.write("d/a file with a long name", &[1; 5000]);
    bench.ok("cp -r d a.img:/");
    let good = fs::read(bench.path("a.img")).unwrap();
    let mut random = 12345u32;
    for round in 0..60 {
        let mut bad = good.clone();
        for _ in 0..1 + round % 8 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Where the structures are: boot sector, tables, root and first clusters.
            let at = (random >> 8) as usize % (20 * 512);
            bad[at] = random as u8;
        }
        bench.write("bad.img", &bad);
        for line in [
            "info bad.img",
            "ls -r bad.img:/",
            "cp -r bad.img:/ out",
            "cp d/a* bad.img:/",
            "cp -r d bad.img:/x",
        ] {
            let output = bench.run(line);
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 66)), "{round}, {line}: {output:?}");
            assert!(String::from_utf8_lossy(&output.stderr).lines().count() <= 1);
        }
        let _ = fs::remove_dir_all(bench.path("out"));
    }
}

#[test]
fn convert_copies_and_keeps_holes() {
    let bench = Bench::new();
    bench.ok("create a.img 20M --fat");
    bench.ok("convert a.img b.img");
    assert!(fs::read(bench.path("a.img")).unwrap() == fs::read(bench.path("b.img")).unwrap());
}
