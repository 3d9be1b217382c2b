//! A FAT volume: its table, and the chains of clusters of files and directories.
//!
//! Nothing that is read is believed: a chain that leaves the volume, meets itself or ends early is an
//! error, and no number of the volume is the size of an allocation before it was checked against the
//! image. New data is written in an order that loses at most free space if it is interrupted: clusters,
//! then the table, then the directory.

use oldiron_platform::{BlockImage, DiskError, SECTOR_SIZE};

use super::layout::{FatType, Layout};

/// What is wrong, in words that follow the name of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FatError(pub String);

impl From<DiskError> for FatError {
    fn from(error: DiskError) -> Self {
        Self(error.to_string())
    }
}

/// An error with this text.
pub(super) fn error<T>(text: impl Into<String>) -> Result<T, FatError> {
    Err(FatError(text.into()))
}

/// Most clusters of a directory: 65,536 entries.
const MOST_DIRECTORY_BYTES: usize = 65_536 * 32;

/// Marks of FSInfo, and where it has the number of free clusters and where to look for one.
const INFO_LEAD: &[u8] = b"RRaA";
const INFO_MARK: &[u8] = b"rrAa";
const INFO_FREE: usize = 488;

/// A volume on part of an image.
pub struct Volume<'a> {
    image: &'a mut dyn BlockImage,
    /// Its first sector.
    start: u64,
    pub(super) layout: Layout,
    /// Sectors of the first table, from `window_at` on: two, for entries that lie across a border.
    window: [u8; 2 * SECTOR_SIZE],
    window_at: Option<u64>,
    /// Where the search for free clusters goes on.
    next_free: u32,
}

impl<'a> Volume<'a> {
    /// The volume in sectors `start` to `start + room`.
    pub fn open(image: &'a mut dyn BlockImage, start: u64, room: u64) -> Result<Self, FatError> {
        let mut boot = [0; SECTOR_SIZE];
        image.read(start, &mut boot)?;
        let layout = Layout::read(&boot, room).map_err(FatError)?;
        Ok(Self::with_layout(image, start, layout))
    }

    fn with_layout(image: &'a mut dyn BlockImage, start: u64, layout: Layout) -> Self {
        Self {
            image,
            start,
            layout,
            window: [0; 2 * SECTOR_SIZE],
            window_at: None,
            next_free: 2,
        }
    }

    /// Makes an empty file system where there are only zeros.
    pub fn format(
        image: &'a mut dyn BlockImage,
        start: u64,
        boot: &[u8],
        layout: Layout,
    ) -> Result<Self, FatError> {
        let mut volume = Self::with_layout(image, start, layout);
        let layout = volume.layout.clone();
        volume.set_entry(0, 0x0fff_ff00 | u32::from(layout.media))?;
        volume.set_entry(1, 0x0fff_ffff)?;
        if layout.kind == FatType::Fat32 {
            volume.set_entry(layout.root_cluster, 0x0fff_ffff)?;
            volume.write(6, boot)?;
        }
        if let Some(at) = layout.info_sector {
            let mut info = [0; SECTOR_SIZE];
            info[..4].copy_from_slice(INFO_LEAD);
            info[484..488].copy_from_slice(INFO_MARK);
            info[488..492].copy_from_slice(&(layout.clusters as u32 - 1).to_le_bytes());
            info[492..496].copy_from_slice(&3u32.to_le_bytes());
            info[510..].copy_from_slice(&[0x55, 0xaa]);
            volume.write(at, &info)?;
            volume.write(at + 6, &info)?;
        }
        volume.write(0, boot)?;
        Ok(volume)
    }

    /// Reads sectors of the volume.
    pub(super) fn read(&mut self, sector: u64, buf: &mut [u8]) -> Result<(), FatError> {
        Ok(self.image.read(self.start + sector, buf)?)
    }

    /// Writes sectors of the volume.
    pub(super) fn write(&mut self, sector: u64, data: &[u8]) -> Result<(), FatError> {
        Ok(self.image.write(self.start + sector, data)?)
    }

    /// Where the entry of `cluster` stands: sector of the table, byte in it, and whether it is the upper
    /// half of a pair of FAT12.
    fn place(&self, cluster: u32) -> (u64, usize, bool) {
        let cluster = u64::from(cluster);
        let at = match self.layout.kind {
            FatType::Fat12 => cluster * 3 / 2,
            FatType::Fat16 => cluster * 2,
            FatType::Fat32 => cluster * 4,
        };
        let size = SECTOR_SIZE as u64;
        (at / size, (at % size) as usize, cluster % 2 == 1)
    }

    fn load_window(&mut self, sector: u64) -> Result<(), FatError> {
        if self.window_at != Some(sector) {
            self.window_at = None;
            let mut window = [0; 2 * SECTOR_SIZE];
            let count = (self.layout.fat_sectors - sector.min(self.layout.fat_sectors)).min(2) as usize;
            self.read(self.layout.fat_start + sector, &mut window[..count * SECTOR_SIZE])?;
            self.window = window;
            self.window_at = Some(sector);
        }
        Ok(())
    }

    /// The table's entry of a cluster.
    pub(super) fn entry(&mut self, cluster: u32) -> Result<u32, FatError> {
        let (sector, at, upper) = self.place(cluster);
        self.load_window(sector)?;
        let bytes =
            |n: usize| (0..n).fold(0u32, |value, i| value | u32::from(self.window[at + i]) << (8 * i));
        Ok(match self.layout.kind {
            FatType::Fat12 if upper => bytes(2) >> 4,
            FatType::Fat12 => bytes(2) & 0xfff,
            FatType::Fat16 => bytes(2),
            FatType::Fat32 => bytes(4) & 0x0fff_ffff,
        })
    }

    /// Changes it, in all tables.
    pub(super) fn set_entry(&mut self, cluster: u32, value: u32) -> Result<(), FatError> {
        let (sector, at, upper) = self.place(cluster);
        self.load_window(sector)?;
        let old = u32::from_le_bytes([
            self.window[at],
            self.window[at + 1],
            self.window.get(at + 2).copied().unwrap_or(0),
            self.window.get(at + 3).copied().unwrap_or(0),
        ]);
        let (new, len) = match self.layout.kind {
            FatType::Fat12 if upper => (old & 0x000f | (value & 0xfff) << 4, 2),
            FatType::Fat12 => (old & 0xf000 | value & 0xfff, 2),
            FatType::Fat16 => (value & 0xffff, 2),
            FatType::Fat32 => (old & 0xf000_0000 | value & 0x0fff_ffff, 4),
        };
        self.window[at..at + len].copy_from_slice(&new.to_le_bytes()[..len]);
        let count = if at + len > SECTOR_SIZE { 2 } else { 1 };
        let window = self.window;
        for table in 0..self.layout.fats {
            let first = self.layout.fat_start + table * self.layout.fat_sectors + sector;
            self.write(first, &window[..count * SECTOR_SIZE])?;
        }
        Ok(())
    }

    /// Whether an entry ends a chain.
    fn is_end(&self, entry: u32) -> bool {
        match self.layout.kind {
            FatType::Fat12 => entry >= 0xff8,
            FatType::Fat16 => entry >= 0xfff8,
            FatType::Fat32 => entry >= 0x0fff_fff8,
        }
    }

    /// The clusters of a chain of at most `most`.
    pub(super) fn chain(&mut self, first: u32, most: u64) -> Result<Vec<u32>, FatError> {
        let mut clusters = Vec::new();
        let mut cluster = first;
        while clusters.len() as u64 <= most.min(self.layout.clusters) {
            if self.layout.cluster_start(cluster).is_none() {
                return error(format!("damaged: a chain of clusters leads to cluster {cluster}"));
            }
            clusters.push(cluster);
            cluster = self.entry(cluster)?;
            if self.is_end(cluster) {
                return Ok(clusters);
            }
        }
        error(format!(
            "damaged: the chain of clusters from {first} on does not end"
        ))
    }

    /// `count` free clusters, which stay free until they are linked.
    pub(super) fn find_free(&mut self, count: u64) -> Result<Vec<u32>, FatError> {
        let mut found = Vec::new();
        let end = self.layout.clusters + 2;
        while (found.len() as u64) < count {
            let cluster = self.next_free;
            if u64::from(cluster) >= end {
                self.next_free = found.first().copied().unwrap_or(cluster);
                let room = found.len() * self.layout.cluster_bytes();
                return error(format!(
                    "no room: {} bytes are needed and {room} are free",
                    count * self.layout.cluster_bytes() as u64
                ));
            }
            if self.entry(cluster)? == 0 {
                found.push(cluster);
            }
            self.next_free += 1;
        }
        Ok(found)
    }

    /// Makes clusters a chain.
    pub(super) fn link(&mut self, clusters: &[u32]) -> Result<(), FatError> {
        let next = clusters.iter().skip(1).copied().chain([0x0fff_ffff]);
        for (&cluster, next) in clusters.iter().zip(next) {
            self.set_entry(cluster, next)?;
        }
        self.count_free(-(clusters.len() as i64))
    }

    /// Frees a chain. One that is damaged is left as it is.
    pub(super) fn free_chain(&mut self, first: u32) -> Result<(), FatError> {
        let Ok(clusters) = self.chain(first, self.layout.clusters) else {
            return Ok(());
        };
        for &cluster in &clusters {
            self.set_entry(cluster, 0)?;
        }
        self.next_free = self.next_free.min(first);
        self.count_free(clusters.len() as i64)
    }

    /// Keeps the number of free clusters in FSInfo right, if it is there and known.
    fn count_free(&mut self, change: i64) -> Result<(), FatError> {
        let Some(at) = self.layout.info_sector else {
            return Ok(());
        };
        let mut info = [0; SECTOR_SIZE];
        self.read(at, &mut info)?;
        let free = u32::from_le_bytes([info[488], info[489], info[490], info[491]]);
        if info.starts_with(INFO_LEAD) && u64::from(free) <= self.layout.clusters {
            let free = (i64::from(free) + change).max(0) as u32;
            info[INFO_FREE..INFO_FREE + 4].copy_from_slice(&free.to_le_bytes());
            self.write(at, &info)?;
        }
        Ok(())
    }

    /// Free bytes.
    pub fn free_bytes(&mut self) -> Result<u64, FatError> {
        let mut free = 0;
        for cluster in 2..(self.layout.clusters + 2) as u32 {
            free += u64::from(self.entry(cluster)? == 0);
        }
        Ok(free * self.layout.cluster_bytes() as u64)
    }

    /// The volume's layout.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Reads a cluster.
    pub(super) fn read_cluster(&mut self, cluster: u32, buf: &mut [u8]) -> Result<(), FatError> {
        match self.layout.cluster_start(cluster) {
            Some(start) => self.read(start, buf),
            None => error(format!("damaged: there is no cluster {cluster}")),
        }
    }

    /// Writes a cluster.
    pub(super) fn write_cluster(&mut self, cluster: u32, data: &[u8]) -> Result<(), FatError> {
        match self.layout.cluster_start(cluster) {
            Some(start) => self.write(start, data),
            None => error(format!("damaged: there is no cluster {cluster}")),
        }
    }

    pub(super) fn clear_cluster(&mut self, cluster: u32) -> Result<(), FatError> {
        self.write_cluster(cluster, &vec![0; self.layout.cluster_bytes()])
    }

    /// Most clusters of a directory.
    pub(super) fn most_directory_clusters(&self) -> u64 {
        MOST_DIRECTORY_BYTES.div_ceil(self.layout.cluster_bytes()) as u64
    }
}
