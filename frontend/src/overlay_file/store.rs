//! An open overlay file: finds, writes and replaces clusters.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use oldiron_platform::{CLUSTER_SECTORS, DiskError, Overlay, SECTOR_SIZE, hash::Hasher};

use super::format::{self, Header, HeaderError, ImageRecord, MAP_BYTES, MAP_CLUSTERS, PAGE, Record, State};
use crate::{disk_file, image, outcome::Failure};

/// A place for a cluster: its map's offset in the file, and its index there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    map: u64,
    index: u64,
}

impl Slot {
    fn descriptor(self) -> u64 {
        format::descriptor_offset(self.map, self.index)
    }

    fn data(self) -> u64 {
        format::data_offset(self.map, self.index)
    }
}

/// An image's part of the file.
struct Part {
    record: ImageRecord,
    /// By number; which of the sectors were written, and where.
    clusters: BTreeMap<u64, (u8, Slot)>,
    /// Slots to be used, the last first.
    free: Vec<Slot>,
    /// A drive uses it.
    claimed: bool,
}

impl Part {
    fn new(record: ImageRecord) -> Self {
        Self {
            record,
            clusters: BTreeMap::new(),
            free: Vec::new(),
            claimed: false,
        }
    }
}

/// An overlay file.
pub struct OverlayFile {
    path: PathBuf,
    file: File,
    state: State,
    parts: Vec<Part>,
    /// Where the next record goes.
    end: u64,
    unflushed: bool,
    /// It was found to be ours and whole, and may be closed in order.
    ours: bool,
}

impl OverlayFile {
    /// Opens the overlay file at `path`, or begins a new one.
    pub fn open_or_create(path: &Path) -> Result<Self, Failure> {
        let create = |error: io::Error| {
            Failure::file(format!(
                "{}: the overlay cannot be written ({})",
                path.display(),
                image::describe(&error)
            ))
        };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(create)?;
        disk_file::lock(path, &file, true)?;
        let mut store = Self::load(path, file)?;
        if store.state == State::Committing {
            return Err(Failure::file(format!(
                "{}: was being committed when that was interrupted; finish with oldiron img commit",
                path.display()
            )));
        }
        if store.end == 0 {
            store.end = PAGE as u64;
            store.state = State::Open;
            let written = store.put_header(0, 0);
            written
                .and_then(|()| store.file.set_len(store.end))
                .map_err(create)?;
        }
        store.ours = true;
        Ok(store)
    }

    /// Opens an overlay file that must exist.
    pub fn open(path: &Path, writable: bool) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .read(true)
            .write(writable)
            .open(path)
            .map_err(|error| image::unreadable(path, &error))?;
        disk_file::lock(path, &file, writable)?;
        let mut store = Self::load(path, file)?;
        if store.end == 0 {
            return Err(damaged(path, "it is empty", 0));
        }
        store.ours = writable;
        Ok(store)
    }

    fn load(path: &Path, file: File) -> Result<Self, Failure> {
        let unreadable = |error| image::unreadable(path, &error);
        let mut store = Self {
            path: path.to_owned(),
            file,
            state: State::Open,
            parts: Vec::new(),
            end: 0,
            unflushed: false,
            ours: false,
        };
        let length = store.file.seek(SeekFrom::End(0)).map_err(unreadable)?;
        if length == 0 {
            return Ok(store);
        }
        let mut page = vec![0; PAGE];
        let head = length.min(PAGE as u64) as usize;
        store.get(0, &mut page[..head]).map_err(unreadable)?;
        let header = Header::decode(&page[..head]).map_err(|error| match error {
            HeaderError::Foreign => Failure::file(format!(
                "{}: is not an overlay of oldiron; give another name for --overlay",
                path.display()
            )),
            HeaderError::Version(found) => Failure::file(format!(
                "{}: an overlay of format {found}, which this version does not read; use the version that made it",
                path.display()
            )),
            HeaderError::Damaged => damaged(path, "its header is wrong", 0),
        })?;
        store.state = header.state;
        if header.state == State::Closed {
            if header.length != length {
                return Err(damaged(path, "it was cut short or has grown", length));
            }
            if store.hash(length).map_err(unreadable)? != header.hash {
                return Err(damaged(
                    path,
                    "its contents do not match its checksum",
                    PAGE as u64,
                ));
            }
        }
        store.load_records(length, &mut page)?;
        Ok(store)
    }

    fn load_records(&mut self, length: u64, page: &mut [u8]) -> Result<(), Failure> {
        let path = self.path.clone();
        let mut at = PAGE as u64;
        while at < length {
            let whole = (length - at).min(PAGE as u64) as usize;
            page.fill(0);
            self.get(at, &mut page[..whole])
                .map_err(|error| image::unreadable(&path, &error))?;
            let record = format::record(page, at).ok_or_else(|| damaged(&path, "a record is wrong", at))?;
            at = match record {
                Record::Unwritten => break,
                Record::Image(number, record) if number as usize == self.parts.len() => {
                    self.parts.push(Part::new(record));
                    at + PAGE as u64
                }
                Record::Map(number) if length - at >= MAP_BYTES => {
                    self.load_map(number, at, page)
                        .ok_or_else(|| damaged(&path, "a map is wrong", at))?;
                    at + MAP_BYTES
                }
                Record::Map(_) => return Err(damaged(&path, "it was cut short", length)),
                Record::Image(..) => return Err(damaged(&path, "a record is out of order", at)),
            };
        }
        self.end = at;
        Ok(())
    }

    fn load_map(&mut self, number: u32, map: u64, page: &[u8]) -> Option<()> {
        let part = self.parts.get_mut(number as usize)?;
        for index in (0..MAP_CLUSTERS).rev() {
            let (cluster, mask) = format::descriptor(page, map, index)?;
            let slot = Slot { map, index };
            if mask == 0 {
                part.free.push(slot);
                continue;
            }
            let last = cluster * CLUSTER_SECTORS + 7 - u64::from(mask.leading_zeros());
            let twice = part.clusters.insert(cluster, (mask, slot)).is_some();
            if twice || last >= part.record.sectors {
                return None;
            }
        }
        Some(())
    }

    /// Reads at an offset. (A shared reference to a file is enough to read it.)
    fn get(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buf)
    }

    fn put(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.write_all(data)?;
        self.unflushed = true;
        Ok(())
    }

    fn put_header(&mut self, length: u64, hash: u64) -> io::Result<()> {
        let header = Header {
            state: self.state,
            length,
            hash,
        };
        self.put(0, &header.encode())
    }

    /// The hash of all behind the first page.
    fn hash(&self, length: u64) -> io::Result<u64> {
        let mut hasher = Hasher::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(PAGE as u64))?;
        let mut buf = vec![0; 1 << 16];
        let mut left = length.saturating_sub(PAGE as u64);
        while left > 0 {
            let part = &mut buf[..left.min(1 << 16) as usize];
            file.read_exact(part)?;
            hasher.update(part);
            left -= part.len() as u64;
        }
        Ok(hasher.finish())
    }

    fn failed(&self, doing: &str, error: &io::Error) -> DiskError {
        DiskError::Host(format!(
            "{}: cannot {doing}: {}",
            self.path.display(),
            image::describe(error)
        ))
    }

    /// Before anything is changed the file says that it is open.
    fn mark(&mut self, state: State) -> io::Result<()> {
        if self.state != state {
            self.state = state;
            self.put_header(0, 0)?;
            self.file.sync_data()?;
        }
        Ok(())
    }

    /// The images, in order of their numbers.
    pub fn images(&self) -> impl Iterator<Item = &ImageRecord> {
        self.parts.iter().map(|part| &part.record)
    }

    /// Sectors written to an image.
    pub fn sectors_written(&self, number: usize) -> u64 {
        let part = self.parts.get(number);
        part.map_or(0, |part| {
            let masks = part
                .clusters
                .values()
                .map(|(mask, _)| u64::from(mask.count_ones()));
            masks.sum()
        })
    }

    /// Whether a commit was interrupted.
    pub fn is_committing(&self) -> bool {
        self.state == State::Committing
    }

    /// Marks the file as being committed, durably.
    pub fn begin_commit(&mut self) -> Result<(), DiskError> {
        self.mark(State::Committing)
            .map_err(|error| self.failed("write", &error))
    }

    /// The part of the file for an image, which is begun if there is none. An image that takes the place
    /// of the one that was written is refused.
    pub(super) fn claim(&mut self, record: ImageRecord) -> Result<usize, Failure> {
        let same = |part: &Part| {
            part.record.hash == record.hash
                && part.record.sectors == record.sectors
                && part.record.key.starts_with("floppy") == record.key.starts_with("floppy")
        };
        let found = self.parts.iter().position(|part| part.record.key == record.key);
        let found = match found {
            Some(number) if self.parts.get(number).is_some_and(same) => Some(number),
            Some(number) => return Err(self.another_base(number, &record)),
            // A floppy under another name.
            None if record.key.starts_with("floppy") => self.parts.iter().position(same),
            None => None,
        };
        let number = match found {
            Some(number) => number,
            None => self
                .begin_part(record)
                .map_err(|error| Failure::file(self.failed("write", &error).to_string()))?,
        };
        match self.parts.get_mut(number) {
            Some(part) if !part.claimed => part.claimed = true,
            _ => {
                return Err(Failure::file(format!(
                    "{}: the same floppy is in both drives; use a copy under another name",
                    self.path.display()
                )));
            }
        }
        Ok(number)
    }

    fn another_base(&self, number: usize, record: &ImageRecord) -> Failure {
        let was = self.parts.get(number).map(|part| &part.record);
        let (was_at, sectors, hash) =
            was.map_or(("", 0, 0), |was| (was.path.as_str(), was.sectors, was.hash));
        let key = &record.key;
        let found = if sectors == record.sectors {
            format!("contents with hash {:016x}, not {hash:016x}", record.hash)
        } else {
            format!("{} sectors, not {sectors}", record.sectors)
        };
        Failure::file(format!(
            "{}: lies over another {key} ({was_at}): {} has {found}; give the image as it was, or begin a new overlay",
            self.path.display(),
            record.path,
        ))
    }

    fn begin_part(&mut self, record: ImageRecord) -> io::Result<usize> {
        self.mark(State::Open)?;
        let number = self.parts.len();
        self.put(self.end, &record.encode(number as u32))?;
        self.end += PAGE as u64;
        self.parts.push(Part::new(record));
        Ok(number)
    }

    pub(super) fn release(&mut self, number: usize) {
        if let Some(part) = self.parts.get_mut(number) {
            part.claimed = false;
        }
    }

    /// Puts the sectors that were written over what `buf` has from the image.
    pub(super) fn cover(&self, number: usize, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        let Some(part) = self.parts.get(number) else {
            return Ok(());
        };
        for (lba, sector) in (lba..).zip(buf.as_chunks_mut::<SECTOR_SIZE>().0) {
            let index = lba % CLUSTER_SECTORS;
            if let Some((mask, slot)) = part.clusters.get(&(lba / CLUSTER_SECTORS))
                && mask & 1 << index != 0
            {
                let offset = slot.data() + index * SECTOR_SIZE as u64;
                self.get(offset, sector)
                    .map_err(|error| self.failed("read", &error))?;
            }
        }
        Ok(())
    }

    /// Keeps whole sectors from `lba` on.
    pub(super) fn write(&mut self, number: usize, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        let sectors = self.parts.get(number).map_or(0, |part| part.record.sectors);
        let count = (data.len() / SECTOR_SIZE) as u64;
        if lba.checked_add(count).is_none_or(|end| end > sectors) {
            return Err(DiskError::OutOfRange { lba });
        }
        self.write_clusters(number, lba, data)
            .map_err(|error| self.failed("write", &error))
    }

    fn write_clusters(&mut self, number: usize, mut lba: u64, mut data: &[u8]) -> io::Result<()> {
        self.mark(State::Open)?;
        while !data.is_empty() {
            let index = lba % CLUSTER_SECTORS;
            let count = ((data.len() / SECTOR_SIZE) as u64)
                .min(CLUSTER_SECTORS - index)
                .max(1);
            let (now, rest) = data.split_at((count as usize * SECTOR_SIZE).min(data.len()));
            let mask = (((1u16 << count) - 1) << index) as u8;
            self.write_cluster(number, lba / CLUSTER_SECTORS, mask, now)?;
            (lba, data) = (lba + count, rest);
        }
        Ok(())
    }

    /// Writes adjacent sectors of one cluster: the data first, so that the descriptor never names what is
    /// not there.
    fn write_cluster(&mut self, number: usize, cluster: u64, mask: u8, data: &[u8]) -> io::Result<()> {
        let known = self
            .parts
            .get(number)
            .and_then(|part| part.clusters.get(&cluster));
        let (old, slot) = match known {
            Some(&known) => known,
            None => (0, self.take_slot(number)?),
        };
        let offset = slot.data() + u64::from(mask.trailing_zeros()) * SECTOR_SIZE as u64;
        self.put(offset, data)?;
        if old | mask != old {
            let at = slot.descriptor();
            self.put(at, &format::encode_descriptor(cluster, old | mask, at))?;
            if let Some(part) = self.parts.get_mut(number) {
                part.clusters.insert(cluster, (old | mask, slot));
            }
        }
        Ok(())
    }

    /// A free slot of an image, in a new map if need be.
    fn take_slot(&mut self, number: usize) -> io::Result<Slot> {
        if self.parts.get(number).is_none_or(|part| part.free.is_empty()) {
            let map = self.end;
            self.file.set_len(map + MAP_BYTES)?;
            self.put(map, &format::map_head(number as u32, map))?;
            self.end = map + MAP_BYTES;
            if let Some(part) = self.parts.get_mut(number) {
                part.free = (0..MAP_CLUSTERS).rev().map(|index| Slot { map, index }).collect();
            }
        }
        let slot = self.parts.get_mut(number).and_then(|part| part.free.pop());
        slot.ok_or_else(|| io::Error::other("no such image"))
    }

    /// Everything written so far is on the disk when this returns.
    pub(super) fn flush(&mut self) -> Result<(), DiskError> {
        if self.unflushed {
            self.file
                .sync_data()
                .map_err(|error| self.failed("write", &error))?;
            self.unflushed = false;
        }
        Ok(())
    }

    /// All that was written to an image.
    pub fn contents(&self, number: usize) -> Result<Overlay, DiskError> {
        let mut overlay = Overlay::new();
        let clusters = self.parts.get(number).map(|part| &part.clusters);
        for (&cluster, &(mask, slot)) in clusters.into_iter().flatten() {
            for index in (0..CLUSTER_SECTORS).filter(|index| mask & 1 << index != 0) {
                let mut sector = [0; SECTOR_SIZE];
                self.get(slot.data() + index * SECTOR_SIZE as u64, &mut sector)
                    .map_err(|error| self.failed("read", &error))?;
                overlay.write(cluster * CLUSTER_SECTORS + index, &sector);
            }
        }
        Ok(overlay)
    }

    /// Forgets what was written to an image, and keeps `overlay` instead.
    pub(super) fn replace(&mut self, number: usize, overlay: &Overlay) -> Result<(), DiskError> {
        self.clear(number).map_err(|error| self.failed("write", &error))?;
        for (lba, sector) in overlay.sectors() {
            self.write(number, lba, sector)?;
        }
        Ok(())
    }

    fn clear(&mut self, number: usize) -> io::Result<()> {
        self.mark(State::Open)?;
        let clusters = self
            .parts
            .get_mut(number)
            .map(|part| std::mem::take(&mut part.clusters));
        for (_, slot) in clusters.unwrap_or_default().into_values() {
            let at = slot.descriptor();
            self.put(at, &format::encode_descriptor(0, 0, at))?;
            if let Some(part) = self.parts.get_mut(number) {
                part.free.push(slot);
            }
        }
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if self.ours && self.state == State::Open {
            self.file.set_len(self.end)?;
            let hash = self.hash(self.end)?;
            self.state = State::Closed;
            self.put_header(self.end, hash)?;
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl Drop for OverlayFile {
    fn drop(&mut self) {
        // A file that stays open is as good, but for the checksum over all of it.
        if let Err(error) = self.close() {
            log::warn!(target: "host::overlay", "{}: {error}", self.path.display());
        }
    }
}

fn damaged(path: &Path, what: &str, at: u64) -> Failure {
    Failure::file(format!(
        "{}: the overlay is damaged at byte {at}: {what}; use a copy of it, or begin a new one",
        path.display()
    ))
}
