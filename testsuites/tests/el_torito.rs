//! CDs that boot: images of our own that the BIOS starts as they are, as a diskette or as a fixed disk, and INT 13h/4Ah
//! to 4Dh, tried by a program on them: `bios/rom/eltorito`.
//!
//! The discs are written here, after ECMA-119 (as far as a volume needs to say that it is one) and the El Torito
//! specification 1.0.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "floppy/said.rs"]
mod said;

use oldiron_platform::{Dispatch, FloppyKind, Machine, MachineBuilder, MemoryImage};

const PROGRAM: &[u8] = include_bytes!("../../bios/images/eltorito.img");
const LAST_LINE: &str = "EL-TORITO-DONE";

const BLOCK: usize = 2048;
const SECTOR: usize = 512;
/// Blocks of the disc.
const BOOT_RECORD: usize = 17;
const CATALOG: usize = 19;
const IMAGE: usize = 20;

/// Media of the boot catalog, and their sectors of 512 bytes.
const AS_IT_IS: (u8, usize) = (0, 8);
const DISKETTE_1200: (u8, usize) = (1, 2400);
const DISKETTE_1440: (u8, usize) = (2, 2880);
const DISKETTE_2880: (u8, usize) = (3, 5760);
/// 10 cylinders, 4 heads, 32 sectors, as the program's partition table says.
const DISK: (u8, usize) = (4, 1280);

const ENTRY: usize = 32;

/// The first two entries of a catalog: that it is one, for a platform (0: PC), and what is booted.
fn catalog(platform: u8, (media, _): (u8, usize)) -> Vec<u8> {
    let mut entries = vec![0; 2 * ENTRY];
    (entries[0], entries[1]) = (1, platform);
    entries[4..11].copy_from_slice(b"oldiron");
    entries[0x1e..0x20].copy_from_slice(&[0x55, 0xaa]);
    let sum = entries[..ENTRY].as_chunks().0.iter();
    let sum = sum.fold(0u16, |sum, &word| sum.wrapping_add(u16::from_le_bytes(word)));
    entries[0x1c..0x1e].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    entries[ENTRY..].copy_from_slice(&boot_entry(media));
    entries
}

fn boot_entry(media: u8) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    (entry[0], entry[1]) = (0x88, media);
    entry[6..8].copy_from_slice(&((PROGRAM.len() / SECTOR) as u16).to_le_bytes());
    entry[8..12].copy_from_slice(&(IMAGE as u32).to_le_bytes());
    entry
}

/// A disc with a boot catalog and an image of so many sectors, each of which begins with its number behind the program.
fn disc(catalog: &[u8], (_, sectors): (u8, usize)) -> Vec<u8> {
    let mut disc = vec![0; IMAGE * BLOCK];
    for (block, kind) in [(16, 1), (BOOT_RECORD, 0), (18, 0xff)] {
        let descriptor = &mut disc[block * BLOCK..][..BLOCK];
        descriptor[0] = kind;
        descriptor[1..7].copy_from_slice(b"CD001\x01");
    }
    let record = &mut disc[BOOT_RECORD * BLOCK..][..BLOCK];
    record[7..30].copy_from_slice(b"EL TORITO SPECIFICATION");
    record[0x47..0x4b].copy_from_slice(&(CATALOG as u32).to_le_bytes());
    disc[CATALOG * BLOCK..][..catalog.len()].copy_from_slice(catalog);
    disc.extend_from_slice(PROGRAM);
    for sector in PROGRAM.len() / SECTOR..sectors {
        let mut bytes = [0; SECTOR];
        bytes[..4].copy_from_slice(&(sector as u32).to_le_bytes());
        disc.extend_from_slice(&bytes);
    }
    disc
}

/// A machine with a floppy, a disk, and the disc, which it boots from.
fn machine(disc: Vec<u8>, dispatch: Dispatch) -> Machine {
    let real = |kib: usize| {
        let mut bytes = vec![0; kib << 10];
        bytes[..4].copy_from_slice(b"REAL");
        Box::new(MemoryImage::new(bytes))
    };
    MachineBuilder::new()
        .memory_mib(16)
        .dispatch(dispatch)
        .floppy(0, FloppyKind::Hd35, Some(real(1440)))
        .disk(0, real(2 << 10), None)
        .cdrom(2, Some(Box::new(MemoryImage::new(disc))))
        .boot_order("d")
        .build()
        .unwrap()
}

fn check(medium: (u8, usize), tests: usize) {
    let disc = disc(&catalog(0, medium), medium);
    for dispatch in [Dispatch::Chained, Dispatch::Loop] {
        let said = said::run(&mut machine(disc.clone(), dispatch), LAST_LINE);
        let said = said.replace('\r', "");
        said::all_ok(said.trim_end(), LAST_LINE, tests);
    }
}

#[test]
fn an_image_is_started_as_it_is() {
    check(AS_IT_IS, 8);
}

#[test]
fn an_image_stands_for_a_diskette_of_each_size() {
    for medium in [DISKETTE_1200, DISKETTE_1440, DISKETTE_2880] {
        check(medium, 17);
    }
}

#[test]
fn an_image_stands_for_the_first_fixed_disk() {
    check(DISK, 17);
}

#[test]
fn an_entry_for_the_pc_is_found_in_a_later_section() {
    let mut entries = catalog(1, DISKETTE_1440);
    // A section of another platform with an extended entry, and the last one, which is ours.
    for (kind, platform, count) in [(0x90, 2, 1), (0x91, 0, 1)] {
        let mut header = [0; ENTRY];
        (header[0], header[1], header[2]) = (kind, platform, count);
        entries.extend_from_slice(&header);
        entries.extend_from_slice(&boot_entry(if platform == 0 { 2 } else { 5 | 1 << 5 }));
        if platform != 0 {
            for more in [0x20, 0] {
                let mut extension = [0; ENTRY];
                (extension[0], extension[1]) = (0x44, more);
                entries.extend_from_slice(&extension);
            }
        }
    }
    let disc = disc(&entries, DISKETTE_1440);
    let said = said::run(&mut machine(disc, Dispatch::Chained), LAST_LINE);
    assert!(said.contains("ok 4Bh: the packet"), "{said}");
}

/// What the screen says of a disc that does not boot.
fn refusal(disc: Vec<u8>) -> String {
    let mut machine = machine(disc, Dispatch::Chained);
    for slice in 1..1000 {
        machine.run_until(slice * 1_000_000);
        let text = machine.text_screen();
        if let Some(line) = text.lines().find(|line| line.starts_with("CD-ROM: ")) {
            return line.to_owned();
        }
    }
    panic!("nothing:\n{}", machine.text_screen());
}

#[test]
fn a_disc_that_cannot_be_booted_is_refused_with_the_reason() {
    let good = || disc(&catalog(0, DISKETTE_1440), DISKETTE_1440);
    let with = |at: usize, byte: u8| {
        let mut disc = good();
        disc[at] = byte;
        disc
    };
    let catalog_at = CATALOG * BLOCK;
    for (what, disc) in [
        ("no boot record", with(BOOT_RECORD * BLOCK + 7, b'e')),
        ("the wrong sum", with(catalog_at + 4, 0)),
        ("no key", with(catalog_at + 0x1e, 0)),
        ("an entry that cannot be booted", with(catalog_at + ENTRY, 0)),
        ("a medium that there is not", with(catalog_at + ENTRY + 1, 5)),
    ] {
        assert_eq!(refusal(disc), "CD-ROM: not bootable", "{what}");
    }
    let too_large = with(catalog_at + ENTRY + 7, 0x10);
    assert_eq!(
        refusal(too_large),
        "CD-ROM: what it boots does not fit into memory"
    );
    let beyond = with(catalog_at + ENTRY + 10, 0x10);
    assert_eq!(refusal(beyond), "CD-ROM: no disc, or it cannot be read");
}
