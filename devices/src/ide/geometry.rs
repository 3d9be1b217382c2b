//! Which cylinders, heads and sectors a disk image was made for.
//!
//! There are two: what the disk reports (at most 16 heads), and what the BIOS shows to INT 13h,
//! which partition tables and boot sectors are written in (at most 1024 cylinders, 255 heads).

use crate::{Chs, SECTOR_SIZE};

/// Most heads, and the sectors per track that go with a large disk, in ATA addresses.
const ATA_HEADS: u8 = 16;
const SECTORS: u8 = 63;

/// Most cylinders of IDENTIFY DEVICE word 1 (ATA-4 §8.12.8.2).
const ATA_CYLINDERS: u64 = 16383;

/// Cylinders that INT 13h can address.
const BIOS_CYLINDERS: u64 = 1024;

/// Where a geometry was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometrySource {
    /// The user said so.
    Given,
    /// Partition table.
    PartitionTable,
    /// BIOS parameter block of a boot sector.
    BootSector,
    /// Only the size was known.
    Size,
}

/// The two geometries of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskGeometry {
    /// What IDENTIFY DEVICE reports.
    pub physical: Chs,
    /// What INT 13h should show.
    pub logical: Chs,
    /// How they were found.
    pub source: GeometrySource,
}

/// Why a geometry given by the user cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GeometryError {
    /// A zero.
    #[error("cylinders, heads and sectors must be at least 1")]
    Zero,
    /// More sectors than a track address can name.
    #[error("{sectors} sectors per track: at most 63")]
    Sectors {
        /// What was asked for.
        sectors: u8,
    },
    /// The disk is smaller.
    #[error("{needed} sectors are addressed, but the image has {available}")]
    PastEnd {
        /// Cylinders times heads times sectors.
        needed: u64,
        /// Sectors of the image.
        available: u64,
    },
}

/// Sectors that a geometry addresses.
fn addressed(chs: Chs) -> u64 {
    u64::from(chs.cylinders) * u64::from(chs.heads) * u64::from(chs.sectors)
}

/// Checks a geometry that a user gave for an image of `sectors` sectors.
pub fn check_chs(chs: Chs, sectors: u64) -> Result<(), GeometryError> {
    if chs.cylinders == 0 || chs.heads == 0 || chs.sectors == 0 {
        return Err(GeometryError::Zero);
    }
    if chs.sectors > SECTORS {
        return Err(GeometryError::Sectors { sectors: chs.sectors });
    }
    match addressed(chs) {
        needed if needed > sectors => Err(GeometryError::PastEnd {
            needed,
            available: sectors,
        }),
        _ => Ok(()),
    }
}

/// The geometries of a disk for which the user gave one.
pub fn given_geometry(chs: Chs, sectors: u64) -> DiskGeometry {
    let chs = Chs {
        cylinders: chs.cylinders.max(1),
        heads: chs.heads.max(1),
        sectors: chs.sectors.clamp(1, SECTORS),
    };
    if chs.heads > ATA_HEADS {
        return from_heads(chs.heads, chs.sectors, sectors, GeometrySource::Given);
    }
    DiskGeometry {
        physical: chs,
        logical: translate(chs, sectors),
        source: GeometrySource::Given,
    }
}

/// Finds the geometry of a disk of `sectors` sectors from what is on it. `first` is the start of
/// the image, as many sectors as are at hand: at least the first, better 64 or more.
pub fn find_geometry(sectors: u64, first: &[u8]) -> DiskGeometry {
    if let Some((heads, per_track)) = from_partition_table(sectors, first) {
        return from_heads(heads, per_track, sectors, GeometrySource::PartitionTable);
    }
    let boot_sector = first
        .get(..SECTOR_SIZE)
        .and_then(|sector| from_bpb(sector, sectors));
    let partition = || partitions(first).find_map(|p| from_bpb(sector_of(first, p.start)?, sectors));
    if let Some((heads, per_track)) = boot_sector.or_else(partition) {
        return from_heads(heads, per_track, sectors, GeometrySource::BootSector);
    }
    from_size(sectors)
}

/// A primary partition.
struct Partition {
    start: u64,
    count: u64,
    start_chs: (u16, u8, u8),
    end_chs: (u16, u8, u8),
}

fn sector_of(image: &[u8], lba: u64) -> Option<&[u8]> {
    let start = usize::try_from(lba).ok()?.checked_mul(SECTOR_SIZE)?;
    image.get(start..start.checked_add(SECTOR_SIZE)?)
}

/// The used entries of a partition table, if there is one.
fn partitions(first: &[u8]) -> impl Iterator<Item = Partition> + '_ {
    let table = match first.get(..SECTOR_SIZE) {
        Some(sector) if sector.ends_with(&[0x55, 0xaa]) => &sector[446..510],
        _ => &[],
    };
    let entries = table.chunks_exact(16);
    // A boot sector without a table has code or text there: each entry's flag is 00h or 80h.
    let is_table = entries.clone().all(|entry| entry[0] & 0x7f == 0);
    let chs = |bytes: &[u8]| {
        (
            u16::from(bytes[1] & 0xc0) << 2 | u16::from(bytes[2]),
            bytes[0],
            bytes[1] & 0x3f,
        )
    };
    let word = |bytes: &[u8]| u64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    entries
        .filter(move |entry| is_table && entry[4] != 0)
        .map(move |entry| Partition {
            start: word(&entry[8..12]),
            count: word(&entry[12..16]),
            start_chs: chs(&entry[1..4]),
            end_chs: chs(&entry[5..8]),
        })
}

/// Heads and sectors per track from a partition that ends on a cylinder boundary and whose two
/// forms of address agree.
fn from_partition_table(sectors: u64, first: &[u8]) -> Option<(u8, u8)> {
    partitions(first).find_map(|p| {
        let (_, end_head, per_track) = p.end_chs;
        let heads = end_head.checked_add(1)?;
        if per_track == 0 || p.count == 0 || p.start >= sectors {
            return None;
        }
        // Cylinder 1023 stands for "beyond": such an address says nothing.
        let agrees = |(cylinder, head, sector): (u16, u8, u8), lba: u64| {
            let track = u64::from(cylinder) * u64::from(heads) + u64::from(head);
            cylinder >= 1023
                || lba == track * u64::from(per_track) + u64::from(sector) - u64::from(sector > 0)
        };
        (p.start_chs.2 != 0 && agrees(p.start_chs, p.start) && agrees(p.end_chs, p.start + p.count - 1))
            .then_some((heads, per_track))
    })
}

/// Heads and sectors per track from a BIOS parameter block.
fn from_bpb(sector: &[u8], sectors: u64) -> Option<(u8, u8)> {
    let word = |at: usize| u16::from_le_bytes([sector[at], sector[at + 1]]);
    let jumps = sector[0] == 0xeb || sector[0] == 0xe9;
    let (per_track, heads) = (word(0x18), word(0x1a));
    let total = match word(0x13) {
        0 => u64::from(word(0x20)) | u64::from(word(0x22)) << 16,
        small => u64::from(small),
    };
    let sane = jumps
        && word(0x0b) == SECTOR_SIZE as u16
        && sector[0x0d].is_power_of_two()
        && (1..=u16::from(SECTORS)).contains(&per_track)
        && (1..=255).contains(&heads)
        && (1..=sectors).contains(&total);
    sane.then_some((heads as u8, per_track as u8))
}

/// Both geometries of a disk that was partitioned with these heads and sectors per track.
fn from_heads(heads: u8, per_track: u8, sectors: u64, source: GeometrySource) -> DiskGeometry {
    let (heads, per_track) = (heads.max(1), per_track.clamp(1, SECTORS));
    let cylinders = |heads: u8, per_track: u8, most: u64| {
        (sectors / (u64::from(heads) * u64::from(per_track))).clamp(1, most) as u16
    };
    let logical = Chs {
        cylinders: cylinders(heads, per_track, BIOS_CYLINDERS),
        heads,
        sectors: per_track,
    };
    let physical = if heads <= ATA_HEADS {
        Chs {
            cylinders: cylinders(heads, per_track, ATA_CYLINDERS),
            heads,
            sectors: per_track,
        }
    } else {
        from_size(sectors).physical
    };
    DiskGeometry {
        physical,
        logical,
        source,
    }
}

/// The usual geometry of a disk of this size.
fn from_size(sectors: u64) -> DiskGeometry {
    let total = sectors.max(1);
    let per_track = total.min(u64::from(SECTORS));
    let heads = (total / per_track).clamp(1, u64::from(ATA_HEADS));
    let cylinders = (total / (per_track * heads)).clamp(1, ATA_CYLINDERS);
    let physical = Chs {
        cylinders: cylinders as u16,
        heads: heads as u8,
        sectors: per_track as u8,
    };
    DiskGeometry {
        physical,
        logical: translate(physical, sectors),
        source: GeometrySource::Size,
    }
}

/// What INT 13h shows of a disk: the same, or with LBA-assisted translation above 1024 cylinders.
fn translate(physical: Chs, sectors: u64) -> Chs {
    if u64::from(physical.cylinders) <= BIOS_CYLINDERS {
        return physical;
    }
    let track = u64::from(SECTORS);
    let fits = |heads: u8| sectors <= BIOS_CYLINDERS * u64::from(heads) * track;
    let heads = [16, 32, 64, 128]
        .into_iter()
        .find(|&heads| fits(heads))
        .unwrap_or(255);
    let cylinders = (sectors / (u64::from(heads) * track)).clamp(1, BIOS_CYLINDERS);
    Chs {
        cylinders: cylinders as u16,
        heads,
        sectors: SECTORS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chs(cylinders: u16, heads: u8, sectors: u8) -> Chs {
        Chs {
            cylinders,
            heads,
            sectors,
        }
    }

    fn mbr(entry: [u8; 16]) -> Vec<u8> {
        let mut sector = vec![0; SECTOR_SIZE];
        sector[446..462].copy_from_slice(&entry);
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        sector
    }

    fn entry(start_chs: [u8; 3], end_chs: [u8; 3], start: u32, count: u32) -> [u8; 16] {
        let mut entry = [0; 16];
        entry[0] = 0x80;
        entry[1..4].copy_from_slice(&start_chs);
        entry[4] = 6;
        entry[5..8].copy_from_slice(&end_chs);
        entry[8..12].copy_from_slice(&start.to_le_bytes());
        entry[12..].copy_from_slice(&count.to_le_bytes());
        entry
    }

    #[test]
    fn a_partition_table_that_agrees_with_itself_gives_the_geometry() {
        // 615 cylinders, 4 heads, 17 sectors: a 20 MB drive.
        let total = 615 * 4 * 17;
        let sector = mbr(entry([1, 1, 0], [3, 17 | 2 << 6, 0x65], 17, 614 * 68 - 17));
        let found = find_geometry(total, &sector);
        assert_eq!(found.source, GeometrySource::PartitionTable);
        assert_eq!(found.physical, chs(615, 4, 17));
        assert_eq!(found.logical, found.physical);
    }

    #[test]
    fn a_table_in_255_heads_gives_a_translated_geometry_and_16_heads_to_the_disk() {
        let cylinder = 255 * 63;
        let sector = mbr(entry([1, 1, 0], [254, 63, 9], 63, 10 * cylinder - 63));
        let found = find_geometry(u64::from(12 * cylinder), &sector);
        assert_eq!(found.logical, chs(12, 255, 63));
        assert_eq!(found.physical, chs(191, 16, 63));
    }

    #[test]
    fn a_table_that_contradicts_itself_is_not_believed() {
        let sector = mbr(entry([1, 1, 0], [3, 17, 9], 63, 1000));
        assert_eq!(find_geometry(100_000, &sector).source, GeometrySource::Size);
        assert_eq!(find_geometry(100_000, &[0xff; 512]).source, GeometrySource::Size);
        assert_eq!(find_geometry(100_000, &[]).source, GeometrySource::Size);
        assert_eq!(
            find_geometry(100_000, &mbr(entry([1; 3], [0; 3], 0, 0))).source,
            GeometrySource::Size
        );
    }

    #[test]
    fn a_boot_sector_gives_the_geometry_of_a_bare_disk_and_of_a_partition() {
        let mut bpb = vec![0; SECTOR_SIZE];
        bpb[..3].copy_from_slice(&[0xeb, 0x3c, 0x90]);
        bpb[0x0b..0x0e].copy_from_slice(&[0, 2, 4]);
        bpb[0x20..0x24].copy_from_slice(&20_000u32.to_le_bytes());
        bpb[0x18..0x1c].copy_from_slice(&[17, 0, 6, 0]);
        let found = find_geometry(20_400, &bpb);
        assert_eq!(
            (found.source, found.physical),
            (GeometrySource::BootSector, chs(200, 6, 17))
        );

        // A table without usable addresses, a partition at sector 2.
        let mut image = mbr(entry([0; 3], [0; 3], 2, 20_000));
        image.resize(1024, 0);
        image.extend_from_slice(&bpb);
        assert_eq!(find_geometry(20_400, &image).physical, chs(200, 6, 17));
    }

    #[test]
    fn the_size_alone_gives_16_heads_and_63_sectors() {
        assert_eq!(find_geometry(1008 * 500, &[]).physical, chs(500, 16, 63));
        let large = find_geometry(1 << 32, &[]);
        assert_eq!(large.physical, chs(16383, 16, 63));
        assert_eq!(large.logical, chs(1024, 255, 63));
        assert_eq!(find_geometry(1_100_000, &[]).logical, chs(545, 32, 63));
        assert_eq!(find_geometry(1, &[]).physical, chs(1, 1, 1));
        assert_eq!(find_geometry(0, &[]).physical, chs(1, 1, 1));
    }

    #[test]
    fn an_impossible_geometry_is_refused() {
        assert_eq!(check_chs(chs(0, 16, 63), 1 << 20), Err(GeometryError::Zero));
        assert_eq!(
            check_chs(chs(10, 16, 64), 1 << 20),
            Err(GeometryError::Sectors { sectors: 64 })
        );
        assert_eq!(
            check_chs(chs(10, 16, 63), 10_079),
            Err(GeometryError::PastEnd {
                needed: 10_080,
                available: 10_079
            })
        );
        assert_eq!(check_chs(chs(10, 16, 63), 10_080), Ok(()));
        assert_eq!(
            given_geometry(chs(10, 255, 63), 163_000).physical,
            chs(161, 16, 63)
        );
    }
}
