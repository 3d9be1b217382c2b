//! An image that is changed at the end, in one go, or not at all.

use std::{collections::BTreeMap, path::Path};

use oldiron_platform::{BlockImage, DiskError, SECTOR_SIZE};

use super::{
    operand::Place,
    partition::{Partition, partitions},
};
use crate::{
    disk_file::{self, DiskFile},
    fat::{FatError, Volume},
    outcome::Failure,
};

/// An image with changes in memory.
pub struct Edit {
    file: Box<DiskFile>,
    /// Sectors written, with the place of their last write in the order of all.
    written: BTreeMap<u64, (u64, Box<[u8; SECTOR_SIZE]>)>,
    writes: u64,
}

impl Edit {
    /// Opens an image of any kind that has sectors.
    pub fn open(path: &Path, writable: bool) -> Result<Self, Failure> {
        let (file, _) = disk_file::open(path, writable, |probe| {
            if probe.floppy_size().is_none() {
                probe.hard_disk(path)?;
            }
            probe.refuse_foreign(path)
        })?;
        Ok(Self {
            file,
            written: BTreeMap::new(),
            writes: 0,
        })
    }

    /// Writes a sector into the file at once.
    pub fn write_through(&mut self, lba: u64, sector: &[u8]) -> Result<(), DiskError> {
        self.file.write(lba, sector)
    }

    /// Writes the changes into the file, in the order in which they were made.
    pub fn apply(mut self) -> Result<(), DiskError> {
        let mut writes: Vec<_> = self.written.into_iter().collect();
        writes.sort_by_key(|(_, (order, _))| *order);
        for (lba, (_, sector)) in &writes {
            self.file.write(*lba, sector.as_slice())?;
        }
        self.file.flush()
    }

    /// The sectors of the volume that `place` is in.
    pub fn volume_at(&mut self, place: &Place) -> Result<(u64, u64), Failure> {
        let fail = |text: String| Failure::file(format!("{}: {text}", place.image.display()));
        let all = self.file.sectors();
        let list = partitions(self).map_err(|error| fail(error.to_string()))?;
        // The file system may be larger than its partition's entry says, as some tools make it: what counts is
        // that the image has it.
        let room = |partition: &Partition| (partition.start, all.saturating_sub(partition.start));
        if let Some(number) = place.partition {
            return match list.iter().find(|partition| partition.number == number) {
                Some(partition) if partition.start < all => Ok(room(partition)),
                Some(_) => Err(fail(format!("partition {number} lies past the end of the image"))),
                None => Err(fail(format!(
                    "there is no partition {number}; oldiron img info shows those that there are"
                ))),
            };
        }
        let mut opens = |start, sectors| start < all && Volume::open(self, start, sectors).is_ok();
        if opens(0, all) {
            return Ok((0, all));
        }
        let found = list
            .iter()
            .filter(|partition| !partition.is_extended())
            .map(room)
            .find(|&(start, sectors)| opens(start, sectors));
        match (found, list.is_empty()) {
            (Some(found), _) => Ok(found),
            // What the whole image has instead.
            (None, true) => Ok((0, all)),
            (None, false) => Err(fail(
                "no partition has a FAT file system; oldiron img info shows them".to_owned(),
            )),
        }
    }

    /// The volume that `place` is in.
    pub fn volume(&mut self, place: &Place) -> Result<Volume<'_>, Failure> {
        let (start, sectors) = self.volume_at(place)?;
        Volume::open(self, start, sectors).map_err(|error| in_image(place, error))
    }
}

/// An error of a file system, with the name of its image.
pub fn in_image(place: &Place, error: FatError) -> Failure {
    Failure::file(format!("{}: {}", place.image.display(), error.0))
}

impl BlockImage for Edit {
    fn sectors(&self) -> u64 {
        self.file.sectors()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.file.read(lba, buf)?;
        let end = lba.saturating_add((buf.len() / SECTOR_SIZE) as u64);
        for (at, (_, sector)) in self.written.range(lba..end) {
            let at = (at - lba) as usize * SECTOR_SIZE;
            buf[at..at + SECTOR_SIZE].copy_from_slice(sector.as_slice());
        }
        Ok(())
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        let end = lba.checked_add((data.len() / SECTOR_SIZE) as u64);
        if end.is_none_or(|end| end > self.sectors()) {
            return Err(DiskError::OutOfRange { lba });
        }
        for (lba, sector) in (lba..).zip(data.as_chunks::<SECTOR_SIZE>().0) {
            self.writes += 1;
            self.written.insert(lba, (self.writes, Box::new(*sector)));
        }
        Ok(())
    }
}
