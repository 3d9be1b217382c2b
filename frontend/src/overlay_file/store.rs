//! An open overlay file: finds, writes and replaces clusters.

use std::{
    collections::BTreeSet,
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
};

use oldiron_platform::{CLUSTER_SECTORS, DiskError, Overlay, SECTOR_SIZE};

use super::{
    format::{self, Descriptor, Header, ImageRecord, MAP_BYTES, NOBODY, PAGE, State},
    load::damaged,
    medium::Medium,
    part::{Cluster, Part, Slot},
};
use crate::{disk_file, image, outcome::Failure};

/// An overlay file.
pub struct OverlayFile {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn Medium>,
    pub(super) state: State,
    /// The youngest generation that counts, and the youngest there is.
    pub(super) generation: u64,
    pub(super) youngest: u64,
    pub(super) parts: Vec<Part>,
    /// Maps that belong to nobody, and those that will once the youngest generation counts.
    pub(super) spare: Vec<u64>,
    pub(super) retired: Vec<u64>,
    /// What a kill left of contents that were to come to count: images and offsets.
    pub(super) void_restarts: Vec<(u32, u64)>,
    pub(super) void_maps: Vec<u64>,
    /// Image and cluster of which sectors are not sure to be on the disk.
    pub(super) unsure: BTreeSet<(usize, u64)>,
    /// Where the next record goes.
    pub(super) end: u64,
    unflushed: bool,
    /// It was found to be ours and whole, and may be closed in order.
    ours: bool,
    /// Something is in the file that must not come to count.
    pub(super) spoilt: bool,
}

impl OverlayFile {
    pub(super) fn empty(path: &Path, file: Box<dyn Medium>) -> Self {
        Self {
            path: path.to_owned(),
            file,
            state: State::Open,
            generation: 0,
            youngest: 0,
            parts: Vec::new(),
            spare: Vec::new(),
            retired: Vec::new(),
            void_restarts: Vec::new(),
            void_maps: Vec::new(),
            unsure: BTreeSet::new(),
            end: 0,
            unflushed: false,
            ours: false,
            spoilt: false,
        }
    }

    /// Opens the overlay file at `path`, or begins a new one.
    pub fn open_or_create(path: &Path) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| unwritable(path, &error))?;
        disk_file::lock(path, &file, true)?;
        Self::begin(path, Box::new(file))
    }

    /// The same for a file that is open and empty, or has an overlay.
    pub(super) fn begin(path: &Path, file: Box<dyn Medium>) -> Result<Self, Failure> {
        let mut store = Self::load(path, file)?;
        if store.state == State::Committing {
            return Err(Failure::file(format!(
                "{}: was being committed when that was interrupted; finish with oldiron img commit",
                path.display()
            )));
        }
        store.begin_writing().map_err(|error| unwritable(path, &error))?;
        store.ours = true;
        Ok(store)
    }

    fn begin_writing(&mut self) -> io::Result<()> {
        if self.end == 0 {
            self.end = PAGE as u64;
            self.file.set_length(self.end)?;
            self.put_header(0)?;
            return self.file.sync();
        }
        if self.state == State::Open {
            // What a kill left behind the end, and what a power cut left of what was not flushed.
            self.file.set_length(self.end)?;
            self.unflushed = true;
            self.make_sure()?;
        }
        self.make_void()
    }

    /// Opens an overlay file that must exist.
    pub fn open(path: &Path, writable: bool) -> Result<Self, Failure> {
        let file = OpenOptions::new()
            .read(true)
            .write(writable)
            .open(path)
            .map_err(|error| image::unreadable(path, &error))?;
        disk_file::lock(path, &file, writable)?;
        let mut store = Self::load(path, Box::new(file))?;
        if store.end == 0 {
            return Err(damaged(path, "it is empty", 0));
        }
        store.ours = writable;
        Ok(store)
    }

    pub(super) fn put(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.unflushed = true;
        self.file.put(offset, data)
    }

    pub(super) fn put_header(&mut self, hash: u64) -> io::Result<()> {
        let header = Header {
            state: self.state,
            length: self.end,
            generation: self.generation,
            hash,
        };
        self.put(0, &header.encode())
    }

    pub(super) fn failed(&self, doing: &str, error: &io::Error) -> DiskError {
        DiskError::Host(format!(
            "{}: cannot {doing}: {}",
            self.path.display(),
            image::describe(error)
        ))
    }

    /// Before anything is changed the file says that it is open.
    pub(super) fn mark(&mut self, state: State) -> io::Result<()> {
        if self.state != state {
            self.state = state;
            self.put_header(0)?;
            self.file.sync()?;
        }
        Ok(())
    }

    /// Makes room for a record of `length` bytes that begins with a page. The file has it before the header
    /// counts it.
    pub(super) fn append(&mut self, page: &[u8], length: u64) -> io::Result<()> {
        self.file.set_length(self.end + length)?;
        self.put(self.end, page)?;
        self.file.sync()?;
        self.end += length;
        let counted = self.put_header(0);
        if counted.is_err() {
            self.end -= length;
        }
        counted
    }

    /// The images, in order of their numbers.
    pub fn images(&self) -> impl Iterator<Item = &ImageRecord> {
        self.parts.iter().map(|part| &part.record)
    }

    /// Sectors written to an image.
    pub fn sectors_written(&self, number: usize) -> u64 {
        self.parts.get(number).map_or(0, Part::sectors_written)
    }

    /// Whether a commit was interrupted.
    pub fn is_committing(&self) -> bool {
        self.state == State::Committing
    }

    /// Marks the file as being committed, durably.
    pub fn begin_commit(&mut self) -> Result<(), DiskError> {
        self.flush()?;
        self.mark(State::Committing)
            .map_err(|error| self.failed("write", &error))
    }

    /// Puts the sectors that were written over what `buf` has from the image.
    pub(super) fn cover(&self, number: usize, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        let Some(part) = self.parts.get(number) else {
            return Ok(());
        };
        for (lba, sector) in (lba..).zip(buf.as_chunks_mut::<SECTOR_SIZE>().0) {
            let index = lba % CLUSTER_SECTORS;
            if let Some(cluster) = part.clusters.get(&(lba / CLUSTER_SECTORS))
                && cluster.mask & 1 << index != 0
            {
                let offset = cluster.slot.data() + index * SECTOR_SIZE as u64;
                self.file
                    .get(offset, sector)
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
        let mut write = || {
            self.let_count()?;
            self.mark(State::Open)?;
            // One by one, so that they get there in order.
            for (lba, sector) in (lba..).zip(data.as_chunks::<SECTOR_SIZE>().0) {
                self.write_sector(number, lba, sector)?;
            }
            Ok(())
        };
        write().map_err(|error| self.failed("write", &error))
    }

    /// Writes a sector: its data first, so that the descriptor never names what is not there. One that a flush
    /// has made sure is written in place: a power cut leaves the old or the new. One that is not sure must be
    /// made so first, for it is its hash that tells whether it is there.
    pub(super) fn write_sector(
        &mut self,
        number: usize,
        lba: u64,
        data: &[u8; SECTOR_SIZE],
    ) -> io::Result<()> {
        let (cluster, index) = (lba / CLUSTER_SECTORS, lba % CLUSTER_SECTORS);
        let bit = 1 << index;
        let find = |store: &Self| store.parts.get(number)?.clusters.get(&cluster).copied();
        if find(self).is_some_and(|known| known.unsure & bit != 0) {
            self.make_sure()?;
        }
        let mut known = match find(self) {
            Some(known) => known,
            None => Cluster {
                mask: 0,
                unsure: 0,
                slot: self.take_slot(number)?,
            },
        };
        self.put(known.slot.data() + index * SECTOR_SIZE as u64, data)?;
        if known.mask & bit == 0 {
            known.mask |= bit;
            known.unsure |= bit;
            self.put_descriptor(cluster, &known)?;
            self.unsure.insert((number, cluster));
            if let Some(part) = self.parts.get_mut(number) {
                part.clusters.insert(cluster, known);
            }
        }
        Ok(())
    }

    fn put_descriptor(&mut self, cluster: u64, known: &Cluster) -> io::Result<()> {
        let hash = match known.unsure {
            0 => 0,
            unsure => self.hash_sectors(known.slot, unsure)?,
        };
        let descriptor = Descriptor {
            cluster,
            mask: known.mask,
            unsure: known.unsure,
            hash,
        };
        let at = known.slot.descriptor();
        self.put(at, &descriptor.encode(at))
    }

    /// A free slot of an image, in a new map if need be.
    fn take_slot(&mut self, number: usize) -> io::Result<Slot> {
        let Some(part) = self.parts.get(number) else {
            return Err(io::Error::other("no such image"));
        };
        if part.free.is_empty() {
            let generation = part.since.max(self.generation);
            let map = self.take_map(number as u32, generation)?;
            if let Some(part) = self.parts.get_mut(number) {
                part.add_map(map);
            }
        }
        let slot = self.parts.get_mut(number).and_then(|part| part.free.pop());
        slot.ok_or_else(|| io::Error::other("no room in a new map"))
    }

    /// A map without clusters for an image: one that was somebody else's, or a new one.
    fn take_map(&mut self, number: u32, generation: u64) -> io::Result<u64> {
        let Some(&map) = self.spare.last() else {
            let map = self.end;
            let mut page = format::map_head(number, generation, map);
            page.resize(PAGE, 0);
            self.append(&page, MAP_BYTES)?;
            return Ok(map);
        };
        self.clear_map(map)?;
        self.put(map, &format::map_head(number, generation, map))?;
        self.spare.pop();
        Ok(map)
    }

    /// Makes a map nobody's, with no descriptor in it, durably.
    pub(super) fn clear_map(&mut self, map: u64) -> io::Result<()> {
        let mut page = format::map_head(NOBODY, 0, map);
        page.resize(PAGE, 0);
        self.put(map, &page)?;
        self.file.sync()
    }

    /// Everything written so far is on the disk when this returns.
    pub(super) fn flush(&mut self) -> Result<(), DiskError> {
        let mut flush = || {
            self.let_count()?;
            self.make_sure()
        };
        flush().map_err(|error| self.failed("write", &error))
    }

    /// Flushes, and says in the file that it did. A write in place must not reach the disk before that.
    pub(super) fn make_sure(&mut self) -> io::Result<()> {
        if self.unflushed {
            self.file.sync()?;
            self.unflushed = false;
        }
        if self.unsure.is_empty() {
            return Ok(());
        }
        for (number, cluster) in self.unsure.clone() {
            let part = self.parts.get_mut(number);
            if let Some(known) = part.and_then(|part| part.clusters.get_mut(&cluster)) {
                known.unsure = 0;
                let known = *known;
                self.put_descriptor(cluster, &known)?;
                if let Some(part) = self.parts.get_mut(number).filter(|_| known.mask == 0) {
                    part.clusters.remove(&cluster);
                    part.free.push(known.slot);
                }
            }
        }
        self.file.sync()?;
        self.unflushed = false;
        self.unsure.clear();
        Ok(())
    }

    /// All that was written to an image.
    pub fn contents(&self, number: usize) -> Result<Overlay, DiskError> {
        let mut overlay = Overlay::new();
        let clusters = self.parts.get(number).map(|part| &part.clusters);
        for (&number, cluster) in clusters.into_iter().flatten() {
            for index in (0..CLUSTER_SECTORS).filter(|index| cluster.mask & 1 << index != 0) {
                let mut sector = [0; SECTOR_SIZE];
                self.file
                    .get(cluster.slot.data() + index * SECTOR_SIZE as u64, &mut sector)
                    .map_err(|error| self.failed("read", &error))?;
                overlay.write(number * CLUSTER_SECTORS + index, &sector);
            }
        }
        Ok(overlay)
    }

    fn close(&mut self) -> io::Result<()> {
        if self.ours && self.state == State::Open {
            self.let_count()?;
            self.make_sure()?;
            self.file.set_length(self.end)?;
            let hash = self.hash(self.end)?;
            self.state = State::Closed;
            self.put_header(hash)?;
            self.file.sync()?;
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

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::file(format!(
        "{}: the overlay cannot be written ({})",
        path.display(),
        image::describe(error)
    ))
}
