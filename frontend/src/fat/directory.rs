//! Directories, and files by name.

use std::io::{Read, Write};

use chrono::{DateTime, Datelike, Local, NaiveDate, NaiveDateTime, Timelike};
use oldiron_platform::SECTOR_SIZE;

use super::{
    layout::{ENTRY_BYTES, FatType},
    name::{self, LAST_PART, LONG_NAME, UNITS_AT},
    volume::{FatError, Volume, error},
};

/// Attributes.
mod attribute {
    pub(super) const VOLUME: u8 = 0x08;
    pub(super) const DIRECTORY: u8 = 0x10;
    pub(super) const ARCHIVE: u8 = 0x20;
}

const FREE: u8 = 0xe5;

/// Where a directory's entries are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dir {
    /// In the fixed area behind the tables.
    Root,
    /// In a chain of clusters that begins here.
    Chain(u32),
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name: the long one, if there is one.
    pub name: String,
    short: [u8; 11],
    shown_short: String,
    /// A directory.
    pub is_dir: bool,
    /// Bytes of a file.
    pub size: u32,
    /// Last change; none where its bits are no date.
    pub modified: Option<NaiveDateTime>,
    first: u32,
    /// Index of its first slot and of the one with its short name.
    slots: (usize, usize),
}

impl Entry {
    fn is_called(&self, name: &str) -> bool {
        let same = |own: &str| own.to_lowercase() == name.to_lowercase();
        same(&self.name) || same(&self.shown_short)
    }
}

/// The sectors of a directory, in order, and their bytes.
struct Table {
    sectors: Vec<u64>,
    bytes: Vec<u8>,
    last_cluster: Option<u32>,
}

impl Table {
    fn slot(&self, index: usize) -> Option<&[u8; ENTRY_BYTES]> {
        self.bytes.get(index * ENTRY_BYTES..)?.first_chunk()
    }

    fn slots(&self) -> usize {
        self.bytes.len() / ENTRY_BYTES
    }

    fn set(&mut self, index: usize, entry: &[u8; ENTRY_BYTES]) {
        if let Some(place) = self.bytes.get_mut(index * ENTRY_BYTES..(index + 1) * ENTRY_BYTES) {
            place.copy_from_slice(entry);
        }
    }
}

fn word(entry: &[u8; ENTRY_BYTES], at: usize) -> u16 {
    u16::from_le_bytes([entry[at], entry[at + 1]])
}

fn time_of(date: u16, time: u16) -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(
        1980 + i32::from(date >> 9),
        u32::from(date >> 5 & 15),
        u32::from(date & 31),
    )?
    .and_hms_opt(
        u32::from(time >> 11),
        u32::from(time >> 5 & 63),
        u32::from(time & 31) * 2,
    )
}

/// Date and time as entries hold them.
fn stamp(time: NaiveDateTime) -> (u16, u16) {
    let year = time.year().clamp(1980, 2107) - 1980;
    let date = year as u16 * 512 + time.month() as u16 * 32 + time.day() as u16;
    let clock = time.hour() as u16 * 2048 + time.minute() as u16 * 32 + time.second() as u16 / 2;
    (date, clock)
}

/// A time of the host's as the guest's clock would show it.
pub fn local(time: std::time::SystemTime) -> NaiveDateTime {
    DateTime::<Local>::from(time).naive_local()
}

impl Volume<'_> {
    /// The root directory.
    pub fn root(&self) -> Dir {
        match self.layout.kind {
            FatType::Fat32 => Dir::Chain(self.layout.root_cluster),
            _ => Dir::Root,
        }
    }

    fn table(&mut self, dir: Dir) -> Result<Table, FatError> {
        let mut table = Table {
            sectors: Vec::new(),
            bytes: Vec::new(),
            last_cluster: None,
        };
        match dir {
            Dir::Root => {
                let first = self.layout.root_start;
                table.sectors.extend(first..first + self.layout.root_sectors);
            }
            Dir::Chain(first) => {
                let clusters = self.chain(first, self.most_directory_clusters())?;
                for &cluster in &clusters {
                    let start = self.layout.cluster_start(cluster).unwrap_or_default();
                    table.sectors.extend(start..start + self.layout.cluster_sectors);
                }
                table.last_cluster = clusters.last().copied();
            }
        }
        table.bytes.resize(table.sectors.len() * SECTOR_SIZE, 0);
        for (&sector, bytes) in table
            .sectors
            .iter()
            .zip(table.bytes.chunks_exact_mut(SECTOR_SIZE))
        {
            self.read(sector, bytes)?;
        }
        Ok(table)
    }

    fn write_slots(&mut self, table: &Table, first: usize, count: usize) -> Result<(), FatError> {
        let per_sector = SECTOR_SIZE / ENTRY_BYTES;
        let sectors = table.sectors.iter().zip(table.bytes.chunks_exact(SECTOR_SIZE));
        let changed = first / per_sector..=(first + count.max(1) - 1) / per_sector;
        for (_, (&sector, bytes)) in sectors.enumerate().filter(|(index, _)| changed.contains(index)) {
            self.write(sector, bytes)?;
        }
        Ok(())
    }

    /// What is in a directory, without `.` and `..`.
    pub fn list(&mut self, dir: Dir) -> Result<Vec<Entry>, FatError> {
        let table = self.table(dir)?;
        let mut entries = Vec::new();
        let mut long = LongName::default();
        for index in 0..table.slots() {
            let Some(slot) = table.slot(index) else { break };
            match slot[0] {
                0 => break,
                FREE => long = LongName::default(),
                _ if slot[11] & 0x3f == LONG_NAME => long.part(slot, index),
                _ if slot[11] & attribute::VOLUME != 0 || slot[0] == b'.' => long = LongName::default(),
                _ => entries.push(self.entry_of(slot, index, std::mem::take(&mut long))),
            }
        }
        Ok(entries)
    }

    fn entry_of(&self, slot: &[u8; ENTRY_BYTES], index: usize, long: LongName) -> Entry {
        let mut short = [0; 11];
        short.copy_from_slice(&slot[..11]);
        let shown_short = name::show_short(slot);
        let (first_slot, long) = match long.finish(&short) {
            Some((first, name)) => (first, Some(name)),
            None => (index, None),
        };
        let high = match self.layout.kind {
            FatType::Fat32 => u32::from(word(slot, 20)),
            _ => 0,
        };
        Entry {
            name: long.unwrap_or_else(|| shown_short.clone()),
            short,
            shown_short,
            is_dir: slot[11] & attribute::DIRECTORY != 0,
            size: u32::from(word(slot, 28)) | u32::from(word(slot, 30)) << 16,
            modified: time_of(word(slot, 24), word(slot, 22)),
            first: high << 16 | u32::from(word(slot, 26)),
            slots: (first_slot, index),
        }
    }

    /// The directory that an entry stands for. A parent that is the root is written as 0.
    pub fn dir_of(&self, entry: &Entry) -> Dir {
        if entry.first == 0 {
            self.root()
        } else {
            Dir::Chain(entry.first)
        }
    }

    /// The entry called `name` in a directory, in any case.
    pub fn find(&mut self, dir: Dir, name: &str) -> Result<Option<Entry>, FatError> {
        Ok(self.list(dir)?.into_iter().find(|entry| entry.is_called(name)))
    }

    /// Writes a file's contents to `sink`; `progress` hears of each piece.
    pub fn read_file(
        &mut self,
        entry: &Entry,
        sink: &mut dyn Write,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), FatError> {
        let size = self.layout.cluster_bytes();
        let needed = u64::from(entry.size).div_ceil(size as u64);
        if needed == 0 {
            return Ok(());
        }
        let clusters = self.chain(entry.first, self.layout.clusters)?;
        if (clusters.len() as u64) < needed {
            return error(format!(
                "damaged: {} is shorter than its directory says",
                entry.name
            ));
        }
        let mut buf = vec![0; size];
        let mut left = entry.size as usize;
        for cluster in clusters.into_iter().take(needed as usize) {
            self.read_cluster(cluster, &mut buf)?;
            let part = &buf[..left.min(size)];
            sink.write_all(part)
                .map_err(|error| FatError(crate::image::describe(&error)))?;
            left -= part.len();
            progress(part.len() as u64);
        }
        Ok(())
    }

    /// Puts a file of `size` bytes from `source` into a directory, in place of one that has its name.
    pub fn write_file(
        &mut self,
        dir: Dir,
        name: &str,
        (source, size): (&mut dyn Read, u64),
        modified: NaiveDateTime,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), FatError> {
        name::check(name)?;
        let Ok(size) = u32::try_from(size) else {
            return error(format!(
                "{name}: {size} bytes; a file there has at most 4 GiB - 1"
            ));
        };
        let old = self.find(dir, name)?;
        if old.as_ref().is_some_and(|old| old.is_dir) {
            return error(format!("{name}: is a directory there"));
        }
        let cluster_bytes = self.layout.cluster_bytes();
        let clusters = self.find_free(u64::from(size).div_ceil(cluster_bytes as u64))?;
        let mut left = size as usize;
        for &cluster in &clusters {
            let mut buf = vec![0; cluster_bytes];
            let part = &mut buf[..left.min(cluster_bytes)];
            source
                .read_exact(part)
                .map_err(|error| FatError(format!("{name}: {}", crate::image::describe(&error))))?;
            left -= part.len();
            progress(part.len() as u64);
            self.write_cluster(cluster, &buf)?;
        }
        self.link(&clusters)?;
        let first = clusters.first().copied().unwrap_or(0);
        let slot = |short: &[u8; 11]| slot_of(short, attribute::ARCHIVE, first, size, modified);
        match old {
            Some(old) => {
                let mut table = self.table(dir)?;
                table.set(old.slots.1, &slot(&old.short));
                self.write_slots(&table, old.slots.1, 1)?;
                if old.first != 0 {
                    self.free_chain(old.first)?;
                }
                Ok(())
            }
            None => self.add(dir, name, &slot),
        }
    }

    /// The directory called `name` in `dir`, made if it is not there.
    pub fn make_dir(&mut self, dir: Dir, name: &str, modified: NaiveDateTime) -> Result<Dir, FatError> {
        name::check(name)?;
        if let Some(found) = self.find(dir, name)? {
            return if found.is_dir {
                Ok(self.dir_of(&found))
            } else {
                error(format!("{name}: is a file there, not a directory"))
            };
        }
        let clusters = self.find_free(1)?;
        let first = clusters.first().copied().unwrap_or(0);
        self.clear_cluster(first)?;
        self.link(&clusters)?;
        let parent = match dir {
            Dir::Chain(cluster) if dir != self.root() => cluster,
            _ => 0,
        };
        let mut table = self.table(Dir::Chain(first))?;
        table.set(
            0,
            &slot_of(b".          ", attribute::DIRECTORY, first, 0, modified),
        );
        table.set(
            1,
            &slot_of(b"..         ", attribute::DIRECTORY, parent, 0, modified),
        );
        self.write_slots(&table, 0, 2)?;
        self.add(dir, name, &|short| {
            slot_of(short, attribute::DIRECTORY, first, 0, modified)
        })?;
        Ok(Dir::Chain(first))
    }

    /// Adds an entry, with its long name if it needs one.
    fn add(
        &mut self,
        dir: Dir,
        name: &str,
        slot: &dyn Fn(&[u8; 11]) -> [u8; ENTRY_BYTES],
    ) -> Result<(), FatError> {
        let taken: Vec<[u8; 11]> = self.list(dir)?.iter().map(|entry| entry.short).collect();
        let (short, long) = name::short_for(name, &taken)?;
        let mut slots = if long {
            name::long_entries(name, &short)
        } else {
            Vec::new()
        };
        slots.push(slot(&short));
        let mut table = self.table(dir)?;
        let first = loop {
            match free_run(&table, slots.len()) {
                Some(first) => break first,
                None => table = self.grow(dir, &table)?,
            }
        };
        let used = table
            .slot(first + slots.len() - 1)
            .is_none_or(|slot| slot[0] != 0);
        for (index, slot) in (first..).zip(&slots) {
            table.set(index, slot);
        }
        let mut changed = slots.len();
        // What is behind the end is not to come to light.
        if !used && first + changed < table.slots() {
            table.set(first + changed, &[0; ENTRY_BYTES]);
            changed += 1;
        }
        self.write_slots(&table, first, changed)
    }

    fn grow(&mut self, dir: Dir, table: &Table) -> Result<Table, FatError> {
        let Some(last) = table.last_cluster else {
            return error("the root directory is full");
        };
        if table.slots() * ENTRY_BYTES
            >= self.most_directory_clusters() as usize * self.layout.cluster_bytes()
        {
            return error("the directory is full");
        }
        let clusters = self.find_free(1)?;
        let new = clusters.first().copied().unwrap_or(0);
        self.clear_cluster(new)?;
        self.link(&clusters)?;
        self.set_entry(last, new)?;
        self.table(dir)
    }
}

/// The first of `count` free slots in a row. All behind the end of a directory are free.
fn free_run(table: &Table, count: usize) -> Option<usize> {
    let mut run = 0;
    let mut ended = false;
    for index in 0..table.slots() {
        let first = table.slot(index).map_or(0, |slot| slot[0]);
        ended |= first == 0;
        run = if ended || first == FREE { run + 1 } else { 0 };
        if run == count {
            return Some(index + 1 - count);
        }
    }
    None
}

fn slot_of(
    short: &[u8; 11],
    attributes: u8,
    first: u32,
    size: u32,
    time: NaiveDateTime,
) -> [u8; ENTRY_BYTES] {
    let (date, clock) = stamp(time);
    let mut slot = [0; ENTRY_BYTES];
    slot[..11].copy_from_slice(short);
    slot[11] = attributes;
    slot[14..16].copy_from_slice(&clock.to_le_bytes());
    slot[16..18].copy_from_slice(&date.to_le_bytes());
    slot[18..20].copy_from_slice(&date.to_le_bytes());
    slot[20..22].copy_from_slice(&((first >> 16) as u16).to_le_bytes());
    slot[22..24].copy_from_slice(&clock.to_le_bytes());
    slot[24..26].copy_from_slice(&date.to_le_bytes());
    slot[26..28].copy_from_slice(&(first as u16).to_le_bytes());
    slot[28..].copy_from_slice(&size.to_le_bytes());
    slot
}

/// A long name under collection: its parts come last first.
#[derive(Default)]
struct LongName {
    first_slot: usize,
    /// Number of the part that comes next.
    next: u8,
    checksum: u8,
    units: Vec<u16>,
}

impl LongName {
    fn part(&mut self, slot: &[u8; ENTRY_BYTES], index: usize) {
        let number = slot[0] & 0x1f;
        if slot[0] & LAST_PART != 0 {
            *self = Self {
                first_slot: index,
                next: number,
                checksum: slot[13],
                units: Vec::new(),
            };
        }
        if number == 0 || number != self.next || slot[13] != self.checksum {
            *self = Self::default();
            return;
        }
        self.next -= 1;
        let units = UNITS_AT.iter().map(|&at| word(slot, at));
        self.units.splice(0..0, units);
    }

    /// The name and its first slot, if all of it came and it belongs to `short`.
    fn finish(self, short: &[u8; 11]) -> Option<(usize, String)> {
        if self.units.is_empty() || self.next != 0 || self.checksum != name::checksum(short) {
            return None;
        }
        let end = self
            .units
            .iter()
            .position(|&unit| unit == 0)
            .unwrap_or(self.units.len());
        Some((self.first_slot, String::from_utf16_lossy(&self.units[..end])))
    }
}
