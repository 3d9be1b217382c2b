//! Partition tables of the PC: four primary partitions, and logical ones in an extended partition.

use oldiron_platform::{BlockImage, DiskError, SECTOR_SIZE};

/// A partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// 1 to 4, or from 5 on in an extended one.
    pub number: usize,
    /// Its type byte.
    pub kind: u8,
    /// First sector.
    pub start: u64,
    /// Sectors.
    pub sectors: u64,
    /// The flag that boots it.
    pub active: bool,
}

/// Most logical partitions that are followed.
const MOST_LOGICAL: usize = 64;

impl Partition {
    /// Whether it holds other partitions.
    pub fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0f | 0x85)
    }

    /// What its type says.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            0x01 => "FAT12",
            0x04 | 0x06 | 0x0e => "FAT16",
            0x0b | 0x0c => "FAT32",
            0x05 | 0x0f | 0x85 => "extended",
            0x07 => "NTFS or HPFS",
            0x80 | 0x81 => "Minix",
            0x82 => "Linux swap",
            0x83 => "Linux",
            0xa5 => "FreeBSD",
            0xa6 => "OpenBSD",
            _ => "other",
        }
    }
}

fn dword(bytes: &[u8]) -> u64 {
    let first = bytes.first_chunk().copied().unwrap_or_default();
    u32::from_le_bytes(first).into()
}

/// The used entries of a table whose addresses count from `base`.
fn entries(sector: &[u8], base: u64) -> Vec<Partition> {
    let table = match sector.get(..SECTOR_SIZE) {
        Some(sector) if sector.ends_with(&[0x55, 0xaa]) => &sector[446..510],
        _ => &[],
    };
    // A boot sector without a table has code or text there.
    if table.chunks_exact(16).any(|entry| entry[0] & 0x7f != 0) {
        return Vec::new();
    }
    (1..)
        .zip(table.chunks_exact(16))
        .filter(|(_, entry)| entry[4] != 0)
        .map(|(number, entry)| Partition {
            number,
            kind: entry[4],
            start: base + dword(&entry[8..]),
            sectors: dword(&entry[12..]),
            active: entry[0] == 0x80,
        })
        .collect()
}

/// All partitions of a disk: none, if it has no table.
pub fn partitions(image: &mut dyn BlockImage) -> Result<Vec<Partition>, DiskError> {
    let mut sector = [0; SECTOR_SIZE];
    image.read(0, &mut sector)?;
    let mut found = entries(&sector, 0);
    let Some(extended) = found.iter().find(|partition| partition.is_extended()).copied() else {
        return Ok(found);
    };
    let mut at = extended.start;
    for number in 5..5 + MOST_LOGICAL {
        // A chain that leads nowhere, or back, ends here.
        if at >= image.sectors() || image.read(at, &mut sector).is_err() {
            break;
        }
        let here = entries(&sector, at);
        if let Some(logical) = here.iter().find(|partition| !partition.is_extended()) {
            found.push(Partition { number, ..*logical });
        }
        let next = entries(&sector, extended.start);
        match next.iter().find(|partition| partition.is_extended()) {
            Some(next) if next.start > at => at = next.start,
            _ => break,
        }
    }
    Ok(found)
}
