//! What an image is, found by looking inside it, never by its name.
//!
//! A CD has a volume descriptor; a floppy has one of the sizes that floppies have; a hard disk is a whole number
//! of sectors with a boot signature. Everything else is refused with one line that says what was found and what to do.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use oldiron_platform::{Chs, FloppyKind, KERNEL_HEAD, KernelKind, SECTOR_SIZE};

use crate::{iso, outcome::Failure, overlay_file::format, recording::Recording, snapshot};

/// Sizes of floppies in KiB, and the drive that takes them.
const FLOPPIES: &[(u64, FloppyKind)] = &[
    (160, FloppyKind::Dd525),
    (180, FloppyKind::Dd525),
    (320, FloppyKind::Dd525),
    (360, FloppyKind::Dd525),
    (720, FloppyKind::Hd35),
    (1200, FloppyKind::Hd525),
    (1440, FloppyKind::Hd35),
    (2880, FloppyKind::Ed35),
];

const FLOPPY_SIZES: &str = "160K, 180K, 320K, 360K, 720K, 1200K, 1440K or 2880K";

/// How much of a file is looked at: enough for the volume descriptor of a CD.
const HEAD: usize = 0x9000;

/// What a positional IMAGE turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A floppy, for a drive of this kind.
    Floppy(FloppyKind),
    /// A hard disk.
    HardDisk,
    /// A CD.
    Cd,
}

/// The start of a file, and its length.
pub struct Probe {
    len: u64,
    head: Vec<u8>,
}

impl Probe {
    /// Looks at an open file; `path` is for messages.
    pub fn new(path: &Path, file: &mut File) -> Result<Self, Failure> {
        let fail = |error| unreadable(path, &error);
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(Failure::file(format!(
                "{}: is a directory; give the path of an image file",
                path.display()
            )));
        }
        // The length of a block device is only known by seeking.
        let len = file.seek(SeekFrom::End(0)).map_err(fail)?;
        file.rewind().map_err(fail)?;
        let mut head = Vec::with_capacity(HEAD);
        file.take(HEAD as u64).read_to_end(&mut head).map_err(fail)?;
        if len == 0 || head.is_empty() {
            return Err(Failure::file(format!(
                "{}: the file is empty; an image is needed",
                path.display()
            )));
        }
        Ok(Self { len, head })
    }

    /// The drive for this image if it must be a floppy (`--fda`).
    pub fn floppy(&self, path: &Path) -> Result<FloppyKind, Failure> {
        self.floppy_size().ok_or_else(|| {
            let found = self.foreign().unwrap_or_else(|| match self.promised_floppy() {
                Some(size) => format!(
                    "{} bytes, where its boot sector promises {size}: the image is damaged or cut short",
                    self.len
                ),
                None => format!("{} bytes, the size of no floppy", self.len),
            });
            let fix = if self.len.is_multiple_of(SECTOR_SIZE as u64) && self.foreign().is_none() {
                "; use --hda for a hard disk"
            } else {
                ""
            };
            Failure::file(format!(
                "{}: {found}; a floppy image has {FLOPPY_SIZES} bytes of sectors{fix}",
                path.display()
            ))
        })
    }

    /// Checks that this image may be a hard disk (`--hda`). The result is a warning.
    pub fn hard_disk(&self, path: &Path) -> Result<Option<String>, Failure> {
        if !self.len.is_multiple_of(SECTOR_SIZE as u64) {
            let found = self.compressed().map_or_else(String::new, |name| {
                format!(" (it is a {name} file: decompress it first)")
            });
            return Err(Failure::file(format!(
                "{}: {} bytes is not a whole number of {SECTOR_SIZE}-byte sectors{found}; \
                 cut or pad the image to a multiple of {SECTOR_SIZE}",
                path.display(),
                self.len
            )));
        }
        let sectors = self.sectors();
        let past_end = self
            .partitions()
            .into_iter()
            .find(|partition| partition.end > sectors)
            .map(|partition| {
                format!(
                    "{}: partition {} reaches to sector {}, but the image ends at sector {sectors}: \
                     it may have been cut short",
                    path.display(),
                    partition.number,
                    partition.end
                )
            });
        Ok(past_end)
    }

    /// Checks that this image is a CD (`--cdrom`).
    pub fn cd(&self, path: &Path) -> Result<(), Failure> {
        let found = match self.compressed() {
            Some(name) => Err(format!("a {name} file; decompress it first")),
            None => iso::check(&self.head, self.len),
        };
        found.map_err(|found| Failure::file(format!("{}: {found}", path.display())))
    }

    /// What an image without an option is.
    pub fn identify(&self, path: &Path) -> Result<Kind, Failure> {
        if iso::is_iso(&self.head) {
            return self.cd(path).map(|()| Kind::Cd);
        }
        if let Some(found) = self.foreign() {
            return Err(Failure::file(format!("{}: {found}", path.display())));
        }
        if let Some(kind) = self.floppy_size() {
            return Ok(Kind::Floppy(kind));
        }
        if self.has_boot_signature() && self.len.is_multiple_of(SECTOR_SIZE as u64) {
            return match self.promised_floppy() {
                Some(_) => self.floppy(path).map(Kind::Floppy),
                None => Ok(Kind::HardDisk),
            };
        }
        let fix = if self.len.is_multiple_of(SECTOR_SIZE as u64) {
            "use --hda to attach it as a hard disk all the same"
        } else {
            "a floppy, hard disk or CD image is needed"
        };
        Err(Failure::file(format!(
            "{}: not a known kind of image ({} bytes: not a floppy size, and no boot signature 55 AA); {fix}",
            path.display(),
            self.len
        )))
    }

    /// Number of whole sectors.
    pub fn sectors(&self) -> u64 {
        self.len / SECTOR_SIZE as u64
    }

    /// Refuses a format that is recognised and is no raw image.
    pub fn refuse_foreign(&self, path: &Path) -> Result<(), Failure> {
        match self.foreign() {
            Some(found) => Err(Failure::file(format!("{}: {found}", path.display()))),
            None => Ok(()),
        }
    }

    /// The drive for this size, if it is that of a floppy.
    pub fn floppy_size(&self) -> Option<FloppyKind> {
        floppy_kind(self.len)
    }

    fn has_boot_signature(&self) -> bool {
        self.head.get(510..512) == Some(&[0x55, 0xaa])
    }

    fn word(&self, at: usize) -> u64 {
        let bytes = self.head.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, |bytes| u16::from_le_bytes(bytes).into())
    }

    fn dword(&self, at: usize) -> u64 {
        self.word(at) | self.word(at + 2) << 16
    }

    /// The size of the floppy that the BIOS parameter block describes, if it describes one.
    fn promised_floppy(&self) -> Option<u64> {
        let jump = matches!(self.head.first(), Some(0xeb | 0xe9));
        if !jump || self.word(11) != SECTOR_SIZE as u64 || !matches!(self.word(26), 1 | 2) {
            return None;
        }
        let size = self.word(19) * SECTOR_SIZE as u64;
        floppy_kind(size).map(|_| size)
    }

    fn compressed(&self) -> Option<&'static str> {
        match self.head.as_slice() {
            [0x1f, 0x8b, ..] => Some("gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
            [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("xz"),
            [b'B', b'Z', b'h', ..] => Some("bzip2"),
            [b'P', b'K', 3, 4, ..] => Some("ZIP"),
            _ => None,
        }
    }

    /// Whether it is a kernel for direct boot.
    pub fn is_kernel(&self) -> bool {
        self.kernel().is_some()
    }

    /// Floppies may begin with a kernel, and disks have the second stage of a loader near their start.
    fn kernel(&self) -> Option<KernelKind> {
        let kind = KernelKind::recognise(self.head.get(..KERNEL_HEAD).unwrap_or(&self.head))?;
        let disk = match kind {
            KernelKind::Linux => self.floppy_size().is_some(),
            KernelKind::Multiboot => self.floppy_size().is_some() || self.has_boot_signature(),
        };
        let elf = self.head.starts_with(b"\x7fELF");
        (elf || !disk).then_some(kind)
    }

    /// A format that is recognised, but that this version cannot use.
    fn foreign(&self) -> Option<String> {
        if let Some(name) = self.compressed() {
            return Some(format!("a {name} file; decompress it first"));
        }
        let is = |at: usize, magic: &[u8]| self.head.get(at..at + magic.len()) == Some(magic);
        let name = if snapshot::is_one(&self.head) {
            "a saved state of oldiron; give it alone, or with --restore"
        } else if Recording::is_one(&self.head) {
            "a recording of oldiron; repeat it with oldiron replay"
        } else if iso::is_iso(&self.head) {
            "an ISO 9660 image; attach it with --cdrom"
        } else if self.kernel() == Some(KernelKind::Linux) {
            "a Linux kernel (bzImage or zImage); give it with --kernel"
        } else if self.kernel() == Some(KernelKind::Multiboot) {
            "a multiboot kernel; give it with --kernel"
        } else if is(0, b"\x7fELF") {
            "an ELF file without a multiboot header: neither a disk image nor a kernel that can be booted"
        } else if is(0, b"QFI\xfb") {
            "a qcow2 image; convert it to raw (qemu-img convert -O raw)"
        } else if is(0, b"KDMV") {
            "a VMDK image; convert it to raw (qemu-img convert -O raw)"
        } else if is(0x40, b"\x7f\x10\xda\xbe") {
            "a VDI image; convert it to raw (qemu-img convert -O raw)"
        } else if is(0, b"conectix") {
            "a VHD image; convert it to raw (qemu-img convert -O raw)"
        } else if format::is_overlay(&self.head) {
            "an overlay of oldiron; give the image that it lies over, and this with --overlay"
        } else if is(0, b"IMD ") || is(0, b"TD\0") || is(0, b"HXCPICFE") {
            "a track-level floppy image; convert it to a raw sector image"
        } else {
            return None;
        };
        Some(name.to_owned())
    }

    fn partitions(&self) -> Vec<Partition> {
        if !self.has_boot_signature() || self.head.len() < SECTOR_SIZE {
            return Vec::new();
        }
        let entries: Vec<usize> = (0..4).map(|index| 446 + 16 * index).collect();
        // A boot sector without a partition table has code or text where the table would be.
        let plausible = entries
            .iter()
            .all(|&at| matches!(self.head.get(at), Some(0 | 0x80)));
        if !plausible {
            return Vec::new();
        }
        entries
            .into_iter()
            .enumerate()
            .filter(|&(_, at)| self.head.get(at + 4).is_some_and(|&kind| kind != 0))
            .map(|(index, at)| Partition {
                number: index + 1,
                end: self.dword(at + 8) + self.dword(at + 12),
            })
            .collect()
    }
}

struct Partition {
    number: usize,
    end: u64,
}

/// The drive for a floppy of `bytes`.
pub fn floppy_kind(bytes: u64) -> Option<FloppyKind> {
    FLOPPIES
        .iter()
        .find(|&&(kib, _)| kib * 1024 == bytes)
        .map(|&(_, kind)| kind)
}

/// Whether the file at `path` looks like a floppy that can be put into a drive.
pub fn is_floppy_file(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && floppy_kind(metadata.len()).is_some())
}

/// Whether the file at `path` looks like a CD.
pub fn is_cd_file(path: &Path) -> bool {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
    read.is_ok() && iso::is_iso(&head)
}

/// A file that cannot be opened or read, with the fix that its error suggests.
pub fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let fix = match error.kind() {
        std::io::ErrorKind::NotFound => "; check the path",
        std::io::ErrorKind::PermissionDenied => "; check the permissions",
        _ => "",
    };
    Failure::file(format!("{}: {}{fix}", path.display(), describe(error)))
}

/// An I/O error without the number that `std` appends.
pub fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Checks a geometry given by hand against the disk it is for.
pub fn check_geometry(path: &Path, chs: Chs, sectors: u64) -> Result<(), Failure> {
    let wanted = u64::from(chs.cylinders) * u64::from(chs.heads) * u64::from(chs.sectors);
    if wanted > sectors {
        return Err(Failure::usage(format!(
            "--chs {}/{}/{}: {wanted} sectors, but {} has only {sectors}; give fewer cylinders",
            chs.cylinders,
            chs.heads,
            chs.sectors,
            path.display()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::code;
    use std::io::Write;

    fn probe(bytes: &[u8], len: u64) -> Result<Probe, Failure> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.set_len(len).unwrap();
        Probe::new(Path::new("a.img"), &mut file)
    }

    fn boot_sector() -> Vec<u8> {
        let mut sector = vec![0; 512];
        sector[510] = 0x55;
        sector[511] = 0xaa;
        sector
    }

    fn fat_sector(total: u16) -> Vec<u8> {
        let mut sector = boot_sector();
        sector[0] = 0xeb;
        sector[11..13].copy_from_slice(&512_u16.to_le_bytes());
        sector[19..21].copy_from_slice(&total.to_le_bytes());
        sector[26] = 2;
        sector
    }

    fn identify(bytes: &[u8], len: u64) -> Result<Kind, Failure> {
        probe(bytes, len)?.identify(Path::new("a.img"))
    }

    #[test]
    fn every_floppy_size_is_known_with_its_drive() {
        for (kib, kind) in FLOPPIES {
            assert_eq!(identify(&[], kib * 1024), Ok(Kind::Floppy(*kind)), "{kib}");
        }
    }

    #[test]
    fn a_boot_signature_makes_a_hard_disk_of_any_size() {
        assert_eq!(identify(&boot_sector(), 10 << 20), Ok(Kind::HardDisk));
        assert_eq!(identify(&fat_sector(20480), 10 << 20), Ok(Kind::HardDisk));
    }

    #[test]
    fn a_cut_floppy_is_not_taken_for_a_hard_disk() {
        let failure = identify(&fat_sector(2880), 1_000_448).unwrap_err();
        assert_eq!(failure.code, code::FILE);
        assert!(failure.message.contains("1474560"), "{failure}");
    }

    #[test]
    fn foreign_formats_are_named() {
        let mut kernel = boot_sector();
        kernel.resize(1024, 0);
        kernel[0x202..0x206].copy_from_slice(b"HdrS");
        for (bytes, word) in [
            (kernel.as_slice(), "bzImage"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"QFI\xfb", "qcow2"),
            (b"oldiron snapshot\n", "--restore"),
            (b"oldiron recording 1\n", "oldiron replay"),
            (b"hello, world\n", "not a known kind"),
        ] {
            let failure = identify(bytes, bytes.len() as u64).unwrap_err();
            assert_eq!(failure.code, code::FILE);
            assert!(failure.message.contains(word), "{failure}");
        }
    }

    #[test]
    fn a_volume_descriptor_makes_a_cd_whatever_its_size() {
        let iso = iso::tests::empty_iso(20);
        for len in [20 * 2048, 1440 << 10] {
            assert_eq!(identify(&iso, len), Ok(Kind::Cd));
        }
        let path = Path::new("a.iso");
        let damaged = identify(&iso, 19 * 2048).unwrap_err();
        assert!(damaged.code == code::FILE && damaged.message.starts_with("a.img: an ISO 9660"));
        let floppy = probe(&iso, 20 * 2048).unwrap().floppy(path).unwrap_err();
        assert!(floppy.message.contains("--cdrom"), "{floppy}");
        assert!(probe(&boot_sector(), 1440 << 10).unwrap().cd(path).is_err());
    }

    #[test]
    fn an_empty_file_is_refused() {
        assert!(probe(&[], 0).err().unwrap().message.contains("empty"));
    }

    #[test]
    fn a_partition_past_the_end_is_a_warning() {
        let mut sector = boot_sector();
        sector[446 + 4] = 6;
        sector[446 + 8] = 63;
        sector[446 + 12..446 + 16].copy_from_slice(&100_000_u32.to_le_bytes());
        let path = Path::new("a.img");
        let warning = probe(&sector, 1 << 20).unwrap().hard_disk(path).unwrap();
        assert!(warning.unwrap().contains("100063"));
        assert_eq!(probe(&sector, 64 << 20).unwrap().hard_disk(path), Ok(None));
    }

    #[test]
    fn a_disk_of_broken_sectors_is_refused() {
        let failure = probe(&boot_sector(), 1_000_000)
            .unwrap()
            .hard_disk(Path::new("a.img"));
        assert!(failure.unwrap_err().message.contains("multiple of 512"));
    }

    #[test]
    fn a_geometry_larger_than_the_disk_is_refused() {
        let chs = Chs {
            cylinders: 100,
            heads: 16,
            sectors: 63,
        };
        assert_eq!(check_geometry(Path::new("a"), chs, 100_800), Ok(()));
        assert_eq!(
            check_geometry(Path::new("a"), chs, 100_799).unwrap_err().code,
            code::USAGE
        );
    }

    /// First sectors that were worth keeping, and what random changes make of them: the image is
    /// refused, or a machine is built with it.
    #[test]
    fn changed_images_are_refused_or_attached_and_never_panic() {
        let mut rng = oldiron_testsuites::rng::Rng::new(20_260_824);
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testsuites/data/corpus/images");
        let mut attached = 0;
        for file in std::fs::read_dir(corpus).unwrap() {
            let whole = std::fs::read(file.unwrap().path()).unwrap();
            for _ in 0..60 {
                let mut bytes = whole.clone();
                for _ in 0..rng.below(6) {
                    // Parameter block and partition table lie in these.
                    let at = rng.pick(&[0, 446, 446, 472]) + rng.below(40) as usize;
                    bytes[at] = rng.pick(&[0, 1, 2, 0x3f, 0x7f, 0x80, 0xff, 0x55]);
                }
                if rng.one_in(8) {
                    bytes.truncate(rng.below(bytes.len() as u32) as usize);
                }
                let kept = bytes.len() as u64;
                let len = rng.pick(&[kept, 512, 360 << 10, 1440 << 10, 1_000_000, 10 << 20]);
                let path = Path::new("a.img");
                let Ok(probe) = probe(&bytes, len) else { continue };
                let (floppy, disk) = (probe.floppy(path), probe.hard_disk(path));
                let cd = probe.cd(path).err();
                for failure in [probe.identify(path).err(), floppy.err(), disk.clone().err(), cd] {
                    assert!(failure.is_none_or(|failure| failure.code == code::FILE));
                }
                if disk.is_ok() {
                    bytes.resize(len as usize, 0);
                    let image = Box::new(oldiron_platform::MemoryImage::new(bytes));
                    let builder = oldiron_platform::MachineBuilder::new().memory_mib(1);
                    attached += usize::from(builder.disk(0, image, None).build().is_ok());
                }
            }
        }
        assert!(attached > 50, "{attached}");
    }
}
