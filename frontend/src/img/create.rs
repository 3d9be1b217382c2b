//! `img create`.

use std::path::Path;

use oldiron_platform::{BlockImage, Chs, SECTOR_SIZE, find_geometry};

use super::{
    beside::{Beside, unwritable},
    edit::Edit,
};
use crate::{
    cli::CreateArgs,
    fat::{FatError, NewVolume, Volume},
    outcome::Failure,
};

/// Boots the active partition, with the BIOS's packet functions where they are. Runs at 0000:0600.
#[rustfmt::skip]
const MBR_CODE: &[u8] = &[
    0xfa, // cli
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd0, // mov ss, ax
    0xbc, 0x00, 0x7c, // mov sp, 7c00h
    0x8e, 0xd8, // mov ds, ax
    0x8e, 0xc0, // mov es, ax
    0xfb, // sti
    0xfc, // cld
    0xbe, 0x00, 0x7c, // mov si, 7c00h
    0xbf, 0x00, 0x06, // mov di, 600h
    0xb9, 0x00, 0x01, // mov cx, 256
    0xf3, 0xa5, // rep movsw
    0xea, 0x1e, 0x06, 0x00, 0x00, // jmp 0:start
    0xbe, 0xbe, 0x07, // start: mov si, 7beh
    0x80, 0x3c, 0x80, // next: cmp byte [si], 80h
    0x74, 0x0b, // je found
    0x83, 0xc6, 0x10, // add si, 16
    0x81, 0xfe, 0xfe, 0x07, // cmp si, 7feh
    0x72, 0xf2, // jb next
    0xcd, 0x18, // int 18h
    0xb4, 0x41, // found: mov ah, 41h
    0xbb, 0xaa, 0x55, // mov bx, 55aah
    0xcd, 0x13, // int 13h
    0x72, 0x2d, // jc chs
    0x81, 0xfb, 0x55, 0xaa, // cmp bx, 0aa55h
    0x75, 0x27, // jne chs
    0xf6, 0xc1, 0x01, // test cl, 1
    0x74, 0x22, // jz chs
    0x66, 0x6a, 0x00, // push dword 0
    0x66, 0xff, 0x74, 0x08, // push dword [si+8]
    0x66, 0x68, 0x00, 0x7c, 0x00, 0x00, // push dword 7c00h
    0x66, 0x68, 0x10, 0x00, 0x01, 0x00, // push dword 10010h
    0x89, 0xf7, // mov di, si
    0x89, 0xe6, // mov si, sp
    0xb4, 0x42, // mov ah, 42h
    0xcd, 0x13, // int 13h
    0x89, 0xfe, // mov si, di
    0xbc, 0x00, 0x7c, // mov sp, 7c00h
    0xeb, 0x0e, // jmp read
    0xb8, 0x01, 0x02, // chs: mov ax, 201h
    0xbb, 0x00, 0x7c, // mov bx, 7c00h
    0x8b, 0x4c, 0x02, // mov cx, [si+2]
    0x8a, 0x74, 0x01, // mov dh, [si+1]
    0xcd, 0x13, // int 13h
    0x72, 0x0d, // read: jc fail
    0x81, 0x3e, 0xfe, 0x7d, 0x55, 0xaa, // cmp word [7dfeh], 0aa55h
    0x75, 0x05, // jne fail
    0xea, 0x00, 0x7c, 0x00, 0x00, // jmp 0:7c00h
    0xcd, 0x18, // fail: int 18h
];

/// Formats of floppies: KiB, sectors of a track, heads, media descriptor, sectors of a cluster, entries of
/// the root directory.
const FLOPPIES: &[(u64, u16, u16, u8, u8, u16)] = &[
    (160, 8, 1, 0xfe, 1, 64),
    (180, 9, 1, 0xfc, 1, 64),
    (320, 8, 2, 0xff, 2, 112),
    (360, 9, 2, 0xfd, 2, 112),
    (720, 9, 2, 0xf9, 2, 112),
    (1200, 15, 2, 0xf9, 1, 224),
    (1440, 18, 2, 0xf0, 1, 224),
    (2880, 36, 2, 0xf0, 2, 240),
];

/// Where the first partition begins: behind the first track.
const FIRST_PARTITION: u32 = 63;
/// The media descriptor of hard disks, and the entries of their root directories.
const HARD_DISK: (u8, u16) = (0xf8, 512);

/// Makes an image.
pub fn run(args: &CreateArgs) -> Result<String, Failure> {
    let path = &args.file;
    let fail = |text: String| Failure::file(format!("{}: {text}", path.display()));
    let new = Beside::create(path, args.force)?;
    new.file
        .set_len(args.size)
        .map_err(|error| unwritable(path, &error))?;
    if args.fat || args.partition {
        let mut image = Edit::open(new.temporary(), true)?;
        fill(&mut image, args).map_err(|error| fail(error.0))?;
        image.apply().map_err(|error| fail(error.to_string()))?;
    }
    new.finish()?;
    Ok(String::new())
}

/// Sizes that can be partitioned end where sector numbers of 32 bits do.
fn sectors32(sectors: u64) -> Result<u32, FatError> {
    u32::try_from(sectors).map_err(|_| FatError("2T is the most that a partition table can name".to_owned()))
}

fn fill(image: &mut Edit, args: &CreateArgs) -> Result<(), FatError> {
    let sectors = sectors32(image.sectors())?;
    let serial = serial(&args.file);
    let floppy = FLOPPIES.iter().find(|(kib, ..)| kib * 1024 == args.size);
    if let Some(&(_, per_track, heads, media, cluster_sectors, root_entries)) = floppy {
        if args.partition {
            return Err(FatError(
                "a floppy has no partitions; leave --partition out, or give another size".to_owned(),
            ));
        }
        let new = NewVolume {
            hidden: 0,
            sectors,
            per_track,
            heads,
            media,
            cluster_sectors: Some(cluster_sectors),
            root_entries,
            serial,
        };
        return format(image, 0, &new).map(drop);
    }
    let chs = find_geometry(sectors.into(), &[]).logical;
    let cylinder = u32::from(chs.heads) * u32::from(chs.sectors);
    // Partitions end with a cylinder.
    let end = sectors / cylinder.max(1) * cylinder;
    let count = end.saturating_sub(FIRST_PARTITION);
    if chs.sectors != 63 || count < 64 {
        return Err(FatError("too small for a partition; 1M is enough".to_owned()));
    }
    let mut kind = 0x06;
    if args.fat {
        let new = NewVolume {
            hidden: FIRST_PARTITION,
            sectors: count,
            per_track: chs.sectors.into(),
            heads: chs.heads.into(),
            media: HARD_DISK.0,
            cluster_sectors: None,
            root_entries: HARD_DISK.1,
            serial,
        };
        kind = match (
            format(image, FIRST_PARTITION.into(), &new)?,
            end > 1024 * cylinder,
        ) {
            ("FAT12", _) => 0x01,
            ("FAT16", _) if count < 0x10000 => 0x04,
            ("FAT16", false) => 0x06,
            ("FAT16", true) => 0x0e,
            (_, false) => 0x0b,
            (_, true) => 0x0c,
        };
    }
    let mbr = mbr(chs, kind, count);
    image.write(0, &mbr)?;
    Ok(())
}

fn format(image: &mut Edit, start: u64, new: &NewVolume) -> Result<&'static str, FatError> {
    let (boot, layout) = new.plan().map_err(FatError)?;
    let volume = Volume::format(image, start, &boot, layout)?;
    Ok(volume.layout().kind.name())
}

/// A serial number that is the same for the same name, so that results repeat.
fn serial(path: &Path) -> u32 {
    let name = path.file_name().unwrap_or_default();
    oldiron_platform::hash::hash_bytes(name.as_encoded_bytes()) as u32
}

/// A partition table with one active partition of `count` sectors.
fn mbr(chs: Chs, kind: u8, count: u32) -> Vec<u8> {
    let address = |lba: u32| -> [u8; 3] {
        let (heads, per_track) = (u32::from(chs.heads), u32::from(chs.sectors));
        let (cylinder, head) = (lba / per_track / heads, lba / per_track % heads);
        if cylinder > 1023 {
            return [chs.heads - 1, 0xc0 | chs.sectors, 0xff];
        }
        let sector = lba % per_track + 1;
        [
            head as u8,
            (cylinder >> 2 & 0xc0) as u8 | sector as u8,
            cylinder as u8,
        ]
    };
    let mut sector = MBR_CODE.to_vec();
    sector.resize(446, 0);
    sector.push(0x80);
    sector.extend(address(FIRST_PARTITION));
    sector.push(kind);
    sector.extend(address(FIRST_PARTITION + count - 1));
    sector.extend(FIRST_PARTITION.to_le_bytes());
    sector.extend(count.to_le_bytes());
    sector.resize(SECTOR_SIZE - 2, 0);
    sector.extend([0x55, 0xaa]);
    sector
}

/// The value of SIZE: `K`, `M`, `G` are powers of two, a bare number is MiB.
pub fn size(text: &str) -> Result<u64, String> {
    let error = || "not a size; write for example 1440K, 100M or 2G".to_owned();
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'K' | b'k') => (&text[..text.len() - 1], 10),
        Some(b'M' | b'm') => (&text[..text.len() - 1], 20),
        Some(b'G' | b'g') => (&text[..text.len() - 1], 30),
        _ => (text, 20),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain).ok_or_else(error)?;
    match number.checked_mul(1 << shift) {
        Some(bytes @ 1..=0x200_0000_0000) => Ok(bytes),
        Some(_) => Err("an image has 1K to 2048G".to_owned()),
        None => Err(error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two_and_bare_numbers_are_mib() {
        assert_eq!(size("1440K"), Ok(1440 * 1024));
        assert_eq!(size("100"), Ok(100 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        for bad in [
            "",
            "K",
            "0",
            "-1",
            "1.5G",
            "1T",
            "99999999999999999999",
            "+1M",
            "4096G",
        ] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_floppy_that_drives_take_can_be_formatted() {
        assert!(
            FLOPPIES
                .iter()
                .all(|(kib, ..)| crate::image::floppy_kind(kib * 1024).is_some())
        );
        assert_eq!(FLOPPIES.len(), 8);
    }
}
