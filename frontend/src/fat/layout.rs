//! Where the parts of a FAT volume are: read from its boot sector, and chosen for a new one.
//!
//! Follows Microsoft's "FAT: General Overview of On-Disk Format" 1.03. Left out: sectors that are not 512
//! bytes, and exFAT.

use oldiron_platform::SECTOR_SIZE;

/// Width of the table's entries, which the number of clusters decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FatType {
    /// 12 bits.
    Fat12,
    /// 16 bits.
    Fat16,
    /// 28 of 32 bits.
    Fat32,
}

impl FatType {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fat12 => "FAT12",
            Self::Fat16 => "FAT16",
            Self::Fat32 => "FAT32",
        }
    }

    fn of(clusters: u64) -> Self {
        match clusters {
            0..4085 => Self::Fat12,
            4085..65525 => Self::Fat16,
            _ => Self::Fat32,
        }
    }
}

/// Most clusters of a FAT32 volume.
const MOST_CLUSTERS: u64 = 0x0fff_fff5;
/// Bytes of a directory entry.
pub const ENTRY_BYTES: usize = 32;

/// A volume. Sectors are counted from its first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Width of table entries.
    pub kind: FatType,
    /// Sectors of a cluster.
    pub cluster_sectors: u64,
    /// First sector of the first table.
    pub fat_start: u64,
    /// Tables.
    pub fats: u64,
    /// Sectors of a table.
    pub fat_sectors: u64,
    /// First sector of the root directory (not FAT32), and its sectors.
    pub root_start: u64,
    /// Sectors of that root directory.
    pub root_sectors: u64,
    /// First cluster of the root directory (FAT32).
    pub root_cluster: u32,
    /// First sector of cluster 2.
    pub data_start: u64,
    /// Clusters of data.
    pub clusters: u64,
    /// Sector of the FSInfo structure (FAT32).
    pub info_sector: Option<u64>,
    /// Sectors of the volume.
    pub sectors: u64,
    /// Media descriptor.
    pub media: u8,
}

fn word(sector: &[u8], at: usize) -> u64 {
    let bytes = sector.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |&bytes| u16::from_le_bytes(bytes).into())
}

fn dword(sector: &[u8], at: usize) -> u64 {
    word(sector, at) | word(sector, at + 2) << 16
}

fn byte(sector: &[u8], at: usize) -> u64 {
    sector.get(at).map_or(0, |&byte| byte.into())
}

impl Layout {
    /// Reads a boot sector of a volume that has room for `room` sectors; the error says what is wrong.
    pub fn read(boot: &[u8], room: u64) -> Result<Self, String> {
        let jump = matches!(boot.first(), Some(0xeb | 0xe9));
        let bytes = word(boot, 11);
        if !jump || !matches!(bytes, 512 | 1024 | 2048 | 4096) {
            return Err("no FAT file system: its first sector is no boot sector of one".to_owned());
        }
        if bytes != SECTOR_SIZE as u64 {
            return Err(format!(
                "a FAT file system with sectors of {bytes} bytes; only 512 are read"
            ));
        }
        let or_wide = |narrow: u64, wide: usize| match narrow {
            0 => dword(boot, wide),
            narrow => narrow,
        };
        let cluster_sectors = byte(boot, 13);
        let (fat_start, fats) = (word(boot, 14), byte(boot, 16));
        let root_entries = word(boot, 17);
        let sectors = or_wide(word(boot, 19), 32);
        let fat_sectors = or_wide(word(boot, 22), 36);
        let root_start = fat_start + fats * fat_sectors;
        let root_sectors = (root_entries * ENTRY_BYTES as u64).div_ceil(bytes);
        let data_start = root_start + root_sectors;
        let sane = cluster_sectors.is_power_of_two()
            && fat_start > 0
            && (1..=4).contains(&fats)
            && fat_sectors > 0
            && data_start < sectors;
        if !sane {
            return Err("a damaged FAT file system: its boot sector contradicts itself".to_owned());
        }
        if sectors > room {
            return Err(format!(
                "a FAT file system of {sectors} sectors where there are only {room}: the image was cut short"
            ));
        }
        let clusters = (sectors - data_start) / cluster_sectors;
        let kind = FatType::of(clusters);
        let is_32 = kind == FatType::Fat32;
        let layout = Self {
            kind,
            cluster_sectors,
            fat_start,
            fats,
            fat_sectors,
            root_start,
            root_sectors,
            root_cluster: if is_32 { dword(boot, 44) as u32 } else { 0 },
            data_start,
            clusters,
            info_sector: Some(word(boot, 48)).filter(|&at| is_32 && (1..fat_start).contains(&at)),
            sectors,
            media: byte(boot, 21) as u8,
        };
        if is_32 != (root_entries == 0) || clusters == 0 || layout.table_entries() < clusters + 2 {
            return Err("a damaged FAT file system: its tables do not fit its size".to_owned());
        }
        Ok(layout)
    }

    /// Entries for which a table has room.
    fn table_entries(&self) -> u64 {
        let bits = match self.kind {
            FatType::Fat12 => 12,
            FatType::Fat16 => 16,
            FatType::Fat32 => 32,
        };
        self.fat_sectors * SECTOR_SIZE as u64 * 8 / bits
    }

    /// Bytes of a cluster.
    pub fn cluster_bytes(&self) -> usize {
        self.cluster_sectors as usize * SECTOR_SIZE
    }

    /// First sector of a cluster, if there is such a cluster.
    pub fn cluster_start(&self, cluster: u32) -> Option<u64> {
        let index = u64::from(cluster)
            .checked_sub(2)
            .filter(|&index| index < self.clusters)?;
        Some(self.data_start + index * self.cluster_sectors)
    }
}

/// A volume to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewVolume {
    /// Sectors before it on the disk.
    pub hidden: u32,
    /// Its sectors.
    pub sectors: u32,
    /// Geometry of the disk: sectors of a track.
    pub per_track: u16,
    /// Heads.
    pub heads: u16,
    /// Media descriptor.
    pub media: u8,
    /// Sectors of a cluster; `None`: chosen by size.
    pub cluster_sectors: Option<u8>,
    /// Entries of the root directory, if it is not FAT32.
    pub root_entries: u16,
    /// Serial number.
    pub serial: u32,
}

/// Prints a line, waits for a key and starts the boot process again.
const BOOT_CODE: &[u8] = &[
    0x0e, 0x1f, // push cs; pop ds
    0xe8, 0x00, 0x00, // call next
    0x5e, // next: pop si
    0x83, 0xc6, 0x18, // add si, text - next
    0xac, // show: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x09, // jz wait
    0xb4, 0x0e, // mov ah, 0eh
    0xbb, 0x07, 0x00, // mov bx, 7
    0xcd, 0x10, // int 10h
    0xeb, 0xf2, // jmp show
    0x31, 0xc0, // wait: xor ax, ax
    0xcd, 0x16, // int 16h
    0xcd, 0x19, // int 19h
];
const BOOT_TEXT: &[u8] = b"This disk has no system. Insert another and press a key.\r\n\0";

impl NewVolume {
    /// Boot sector and layout. The error says why there can be no such volume.
    pub fn plan(&self) -> Result<(Vec<u8>, Layout), String> {
        for kind in [FatType::Fat12, FatType::Fat16, FatType::Fat32] {
            // Clusters of 2 and 4 KiB are a good size where they are possible; FAT12 is for small disks.
            let usual = match kind {
                FatType::Fat12 => 0..=3,
                FatType::Fat16 => 2..=6,
                FatType::Fat32 => 3..=6,
            };
            let shifts = match self.cluster_sectors {
                Some(fixed) => fixed.trailing_zeros()..=fixed.trailing_zeros(),
                None => usual,
            };
            for shift in shifts {
                let boot = self.boot_sector(kind, 1 << shift);
                // Other systems disagree about the limits by a few clusters.
                match Layout::read(&boot, self.sectors.into()) {
                    Ok(layout) if layout.kind == kind && !near_limit(layout.clusters) => {
                        return Ok((boot, layout));
                    }
                    _ => {}
                }
            }
        }
        Err("too small or too large for a FAT file system".to_owned())
    }

    fn boot_sector(&self, kind: FatType, cluster_sectors: u64) -> Vec<u8> {
        let is_32 = kind == FatType::Fat32;
        let reserved: u64 = if is_32 { 32 } else { 1 };
        let root_entries = if is_32 { 0 } else { u64::from(self.root_entries) };
        let root_sectors = root_entries * ENTRY_BYTES as u64 / SECTOR_SIZE as u64;
        let bits = match kind {
            FatType::Fat12 => 12,
            FatType::Fat16 => 16,
            FatType::Fat32 => 32,
        };
        let room = u64::from(self.sectors).saturating_sub(reserved + root_sectors);
        let clusters = (room / cluster_sectors).min(MOST_CLUSTERS);
        let mut fat_sectors = ((clusters + 2) * bits).div_ceil(8 * SECTOR_SIZE as u64);
        // The tables take room from the clusters: what they need shrinks with it.
        for _ in 0..4 {
            let clusters = room.saturating_sub(2 * fat_sectors) / cluster_sectors;
            fat_sectors = ((clusters + 2) * bits).div_ceil(8 * SECTOR_SIZE as u64).max(1);
        }
        let clusters = room.saturating_sub(2 * fat_sectors) / cluster_sectors;
        fat_sectors = fat_sectors.max(((clusters + 2) * bits).div_ceil(8 * SECTOR_SIZE as u64));

        let mut boot = vec![0; SECTOR_SIZE];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = boot.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        let code_at = if is_32 { 90 } else { 62 };
        put(0, &[0xeb, code_at as u8 - 2, 0x90]);
        put(3, b"OLDIRON ");
        put(11, &(SECTOR_SIZE as u16).to_le_bytes());
        put(13, &[cluster_sectors as u8]);
        put(14, &(reserved as u16).to_le_bytes());
        put(16, &[2]);
        put(17, &(root_entries as u16).to_le_bytes());
        match u16::try_from(self.sectors) {
            Ok(small) if !is_32 => put(19, &small.to_le_bytes()),
            _ => put(32, &self.sectors.to_le_bytes()),
        }
        put(21, &[self.media]);
        put(24, &self.per_track.to_le_bytes());
        put(26, &self.heads.to_le_bytes());
        put(28, &self.hidden.to_le_bytes());
        let extended = if is_32 { 64 } else { 36 };
        if is_32 {
            put(36, &(fat_sectors as u32).to_le_bytes());
            put(44, &2u32.to_le_bytes());
            put(48, &1u16.to_le_bytes());
            put(50, &6u16.to_le_bytes());
        } else {
            put(22, &(fat_sectors as u16).to_le_bytes());
        }
        put(extended, &[if self.media == 0xf8 { 0x80 } else { 0 }, 0, 0x29]);
        put(extended + 3, &self.serial.to_le_bytes());
        put(extended + 7, b"NO NAME    ");
        put(extended + 18, format!("{:8}", kind.name()).as_bytes());
        put(code_at, BOOT_CODE);
        put(code_at + BOOT_CODE.len(), BOOT_TEXT);
        put(510, &[0x55, 0xaa]);
        boot
    }
}

fn near_limit(clusters: u64) -> bool {
    [4085u64, 65525]
        .iter()
        .any(|limit| clusters.abs_diff(*limit) < 16)
}
