//! Reading an overlay file: what counts, and whether it is whole.

use std::path::Path;

use oldiron_platform::{CLUSTER_SECTORS, SECTOR_SIZE, hash::Hasher};

use super::{
    format::{self, Descriptor, Header, HeaderError, MAP_BYTES, NOBODY, PAGE, Record, State},
    medium::Medium,
    part::{Part, Slot},
    store::OverlayFile,
};
use crate::{image, outcome::Failure};

/// A map, as its head has it.
struct Map {
    number: u32,
    generation: u64,
    at: u64,
}

/// What is wrong, and where.
type Damage = (&'static str, u64);

impl OverlayFile {
    /// Reads what `file`, which is at `path`, contains; nothing, if it is new.
    pub(super) fn load(path: &Path, file: Box<dyn Medium>) -> Result<Self, Failure> {
        let unreadable = |error| image::unreadable(path, &error);
        let mut store = Self::empty(path, file);
        let length = store.file.length().map_err(unreadable)?;
        let mut page = vec![0; PAGE];
        let head = length.min(PAGE as u64) as usize;
        store.file.get(0, &mut page[..head]).map_err(unreadable)?;
        // One that was killed as it began a file has left zeros at most.
        if length <= PAGE as u64 && page.iter().all(|&byte| byte == 0) {
            return Ok(store);
        }
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
        store.end = header.length;
        (store.generation, store.youngest) = (header.generation, header.generation);
        if header.length > length {
            return Err(damaged(path, "it was cut short", length));
        }
        if header.state == State::Closed {
            if header.length != length {
                return Err(damaged(path, "it has grown", header.length));
            }
            if store.hash(length).map_err(unreadable)? != header.hash {
                return Err(damaged(
                    path,
                    "its contents do not match its checksum",
                    PAGE as u64,
                ));
            }
        }
        let maps = store.load_records(&mut page)?;
        store.load_maps(&maps, &mut page)?;
        Ok(store)
    }

    fn load_page(&self, at: u64, page: &mut [u8]) -> Result<(), Failure> {
        self.file
            .get(at, page)
            .map_err(|error| image::unreadable(&self.path, &error))
    }

    /// Reads all records, and returns the maps among them.
    fn load_records(&mut self, page: &mut [u8]) -> Result<Vec<Map>, Failure> {
        let mut maps = Vec::new();
        let mut at = PAGE as u64;
        while at < self.end {
            if self.end - at < PAGE as u64 {
                return Err(damaged(&self.path, "its length is wrong", at));
            }
            self.load_page(at, page)?;
            at = self
                .load_record(page, at, &mut maps)
                .map_err(|(what, at)| damaged(&self.path, what, at))?;
        }
        Ok(maps)
    }

    /// Takes the record at `at`, and returns where the next is.
    fn load_record(&mut self, page: &[u8], at: u64, maps: &mut Vec<Map>) -> Result<u64, Damage> {
        const DISORDER: &str = "a record is out of order";
        match format::record(page, at).ok_or(("a record is wrong", at))? {
            Record::Image(number, record) => {
                if number as usize != self.parts.len() {
                    return Err((DISORDER, at));
                }
                self.parts.push(Part::new(record));
                Ok(at + PAGE as u64)
            }
            Record::Restart(number, generation) => {
                let part = self.parts.get_mut(number as usize).ok_or((DISORDER, at))?;
                if generation <= self.generation {
                    part.since = part.since.max(generation);
                } else {
                    self.void_restarts.push((number, at));
                }
                Ok(at + PAGE as u64)
            }
            Record::Map(number, generation) => {
                if number != NOBODY && number as usize >= self.parts.len() {
                    return Err((DISORDER, at));
                }
                if self.end - at < MAP_BYTES {
                    return Err(("its length is wrong", at));
                }
                if generation > self.generation {
                    self.void_maps.push(at);
                }
                maps.push(Map {
                    number,
                    generation,
                    at,
                });
                Ok(at + MAP_BYTES)
            }
        }
    }

    fn load_maps(&mut self, maps: &[Map], page: &mut [u8]) -> Result<(), Failure> {
        for map in maps {
            let part = self.parts.get_mut(map.number as usize);
            let counts = part.filter(|part| (part.since..=self.generation).contains(&map.generation));
            let Some(part) = counts else {
                self.spare.push(map.at);
                continue;
            };
            self.file
                .get(map.at, page)
                .map_err(|error| image::unreadable(&self.path, &error))?;
            let unsure = part
                .load_map(map.at, page)
                .ok_or_else(|| damaged(&self.path, "a map is wrong", map.at))?;
            for found in unsure {
                self.load_unsure(map.number as usize, found)?;
            }
        }
        Ok(())
    }

    /// Sectors of a cluster that may be missing: if they are, they were never written.
    fn load_unsure(&mut self, number: usize, found: Descriptor) -> Result<(), Failure> {
        let Some(slot) = self.slot(number, found.cluster) else {
            return Ok(());
        };
        let hash = self.hash_sectors(slot, found.unsure);
        let hash = hash.map_err(|error| image::unreadable(&self.path, &error))?;
        self.unsure.insert((number, found.cluster));
        if hash == found.hash {
            return Ok(());
        }
        log::info!(target: "host::overlay", "{}: what was not flushed of cluster {} is lost", self.path.display(), found.cluster);
        if let Some(cluster) = self
            .parts
            .get_mut(number)
            .and_then(|part| part.clusters.get_mut(&found.cluster))
        {
            cluster.mask &= !found.unsure;
            cluster.unsure = 0;
        }
        Ok(())
    }

    fn slot(&self, number: usize, cluster: u64) -> Option<Slot> {
        Some(self.parts.get(number)?.clusters.get(&cluster)?.slot)
    }

    /// The hash of some sectors of a cluster.
    pub(super) fn hash_sectors(&self, slot: Slot, mask: u8) -> std::io::Result<u64> {
        let mut hasher = Hasher::new();
        let mut sector = [0; SECTOR_SIZE];
        for index in (0..CLUSTER_SECTORS).filter(|index| mask & 1 << index != 0) {
            self.file
                .get(slot.data() + index * SECTOR_SIZE as u64, &mut sector)?;
            hasher.update(&sector);
        }
        Ok(hasher.finish())
    }

    /// The hash of all behind the first page.
    pub(super) fn hash(&self, length: u64) -> std::io::Result<u64> {
        let mut hasher = Hasher::new();
        let mut buf = vec![0; 1 << 16];
        let mut at = PAGE as u64;
        while at < length {
            let part = &mut buf[..(length - at).min(1 << 16) as usize];
            self.file.get(at, part)?;
            hasher.update(part);
            at += part.len() as u64;
        }
        Ok(hasher.finish())
    }
}

pub(super) fn damaged(path: &Path, what: &str, at: u64) -> Failure {
    Failure::file(format!(
        "{}: the overlay is damaged at byte {at}: {what}; use a copy of it, or begin a new one",
        path.display()
    ))
}
