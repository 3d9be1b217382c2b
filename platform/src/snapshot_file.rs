//! The container of a saved state.
//!
//! All numbers are little-endian.
//!
//! ```text
//! file    := magic (8 bytes "OLDIRON" 1Ah)  format version (u32)  chunk*
//! chunk   := tag (4 bytes)  version (u16)  length (u64)  bytes  hash
//! hash    := XXH64 of tag, version, length and bytes (u64)
//! ```
//!
//! The last chunk is `END ` and empty; nothing follows it. Chunks come in a fixed order, so that
//! two components of one kind (the UARTs) need no names. Memory is one chunk of non-zero pages; each drive
//! has one of what was written to its medium and is not in the image.
//! The whole file is checked before any of it is believed.

use oldiron_devices::DiskError;
use oldiron_mmu::{GuestMemory, PAGE_SIZE, Snapshot, SnapshotError, StateReader, StateWriter};

use crate::hash::hash_bytes;

const MAGIC: &[u8; 8] = b"OLDIRON\x1a";
const FORMAT_VERSION: u32 = 2;
const END: [u8; 4] = *b"END ";
const RAM: [u8; 4] = *b"RAM ";
const FRAME_BUFFER: [u8; 4] = *b"FRAM";
const MEMORY_VERSION: u16 = 1;
const PAGE: usize = PAGE_SIZE as usize;
/// Where the length of a chunk stands, and the size of all that stands before its bytes.
const LENGTH_AT: usize = 6;
const CHUNK_HEAD: usize = 14;

/// Why a saved state cannot be restored.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RestoreError {
    /// The bytes do not begin like a saved state.
    #[error("not a saved state of oldiron")]
    NotASnapshot,
    /// The container is of another version.
    #[error("saved state of format {found}, this program reads {FORMAT_VERSION}")]
    Format {
        /// Its version.
        found: u32,
    },
    /// The bytes end early, go on too long, or a checksum is wrong.
    #[error("the saved state is damaged at byte {offset}")]
    Damaged {
        /// Where the chunk in question starts.
        offset: usize,
    },
    /// It was saved from a machine that is made of other parts. The text says which.
    #[error("{0}")]
    Configuration(String),
    /// What was written to an image cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A component refused its part.
    #[error(transparent)]
    Component(#[from] SnapshotError),
}

/// Writes the container.
#[derive(Debug)]
pub(crate) struct FileWriter {
    bytes: Vec<u8>,
}

impl FileWriter {
    pub(crate) fn new() -> Self {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        Self { bytes }
    }

    fn chunk(&mut self, tag: [u8; 4], version: u16, content: &[u8]) {
        let start = self.begin(tag, version);
        self.bytes.extend_from_slice(content);
        self.end(start);
    }

    /// Begins a chunk, and returns where.
    fn begin(&mut self, tag: [u8; 4], version: u16) -> usize {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&tag);
        self.bytes.extend_from_slice(&version.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 8]);
        start
    }

    /// Ends the chunk that began at `start`: fills in its length and adds its hash.
    fn end(&mut self, start: usize) {
        let len = (self.bytes.len() - start - CHUNK_HEAD) as u64;
        if let Some(place) = self.bytes.get_mut(start + LENGTH_AT..start + CHUNK_HEAD) {
            place.copy_from_slice(&len.to_le_bytes());
        }
        let hash = hash_bytes(&self.bytes[start..]);
        self.bytes.extend_from_slice(&hash.to_le_bytes());
    }

    /// Something that is bytes already.
    pub(crate) fn raw(&mut self, tag: [u8; 4], version: u16, parts: &[&[u8]]) {
        let start = self.begin(tag, version);
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.end(start);
    }

    pub(crate) fn component<S: Snapshot>(&mut self, component: &S) {
        let mut writer = StateWriter::new();
        component.save(&mut writer);
        self.chunk(S::TAG, S::VERSION, &writer.into_bytes());
    }

    /// RAM and the frame buffer.
    pub(crate) fn memory(&mut self, mem: &GuestMemory) {
        self.pages(RAM, mem.ram());
        self.pages(FRAME_BUFFER, mem.frame_buffer());
    }

    /// Number of pages, then index and bytes of each page that is not all zero.
    fn pages(&mut self, tag: [u8; 4], memory: &[u8]) {
        let start = self.begin(tag, MEMORY_VERSION);
        let pages = memory.as_chunks::<PAGE>().0;
        self.bytes.extend_from_slice(&(pages.len() as u32).to_le_bytes());
        for (index, page) in (0u32..).zip(pages) {
            if !is_zero(page) {
                self.bytes.extend_from_slice(&index.to_le_bytes());
                self.bytes.extend_from_slice(page);
            }
        }
        self.end(start);
    }

    /// What was written so far, without an end: for hashing.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Tag and hash of each chunk so far.
    pub(crate) fn chunk_hashes(&self) -> Vec<([u8; 4], u64)> {
        let mut rest = &self.bytes[MAGIC.len() + 4..];
        let mut hashes = Vec::new();
        while let Some((chunk, hash)) = split_chunk(&mut rest) {
            hashes.push((chunk.tag, hash));
        }
        hashes
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.chunk(END, 0, &[]);
        self.bytes
    }
}

fn is_zero(page: &[u8; PAGE]) -> bool {
    page.as_chunks::<16>()
        .0
        .iter()
        .all(|&part| u128::from_le_bytes(part) == 0)
}

struct Chunk<'a> {
    tag: [u8; 4],
    version: u16,
    content: &'a [u8],
}

/// Reads the container.
pub(crate) struct FileReader<'a> {
    chunks: std::vec::IntoIter<Chunk<'a>>,
}

/// Splits `N` bytes off the front.
fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(head)
}

/// Splits a chunk off the front, and the hash that is written behind it.
fn split_chunk<'a>(bytes: &mut &'a [u8]) -> Option<(Chunk<'a>, u64)> {
    let tag = *take(bytes)?;
    let version = u16::from_le_bytes(*take(bytes)?);
    let len = usize::try_from(u64::from_le_bytes(*take(bytes)?)).ok()?;
    let (content, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    let hash = u64::from_le_bytes(*take(bytes)?);
    let chunk = Chunk {
        tag,
        version,
        content,
    };
    Some((chunk, hash))
}

/// Splits a chunk off the front, checked.
fn take_chunk<'a>(bytes: &mut &'a [u8]) -> Option<Chunk<'a>> {
    let whole = *bytes;
    let (chunk, hash) = split_chunk(bytes)?;
    let covered = whole.get(..CHUNK_HEAD + chunk.content.len())?;
    (hash == hash_bytes(covered)).then_some(chunk)
}

impl<'a> FileReader<'a> {
    /// Checks the whole container.
    pub(crate) fn new(file: &'a [u8]) -> Result<Self, RestoreError> {
        let mut bytes = file;
        if take(&mut bytes) != Some(MAGIC) {
            return Err(RestoreError::NotASnapshot);
        }
        let damaged = |rest: &[u8]| RestoreError::Damaged {
            offset: file.len() - rest.len(),
        };
        let found = u32::from_le_bytes(*take(&mut bytes).ok_or(damaged(&[]))?);
        if found != FORMAT_VERSION {
            return Err(RestoreError::Format { found });
        }
        let mut chunks = Vec::new();
        loop {
            let at = bytes;
            let chunk = take_chunk(&mut bytes).ok_or_else(|| damaged(at))?;
            if chunk.tag == END {
                return if bytes.is_empty() && chunk.content.is_empty() {
                    Ok(Self {
                        chunks: chunks.into_iter(),
                    })
                } else {
                    Err(damaged(bytes))
                };
            }
            chunks.push(chunk);
        }
    }

    /// The next chunk, which must be `tag` of `version`.
    fn next(&mut self, tag: [u8; 4], version: u16) -> Result<(&'a [u8], String), SnapshotError> {
        let component = String::from_utf8_lossy(&tag).trim_end().to_owned();
        match self.chunks.next() {
            Some(chunk) if chunk.tag != tag => Err(SnapshotError::Mismatch {
                component,
                reason: "another component is in its place",
            }),
            Some(chunk) if chunk.version != version => Err(SnapshotError::Version {
                component,
                found: chunk.version,
                expected: version,
            }),
            Some(chunk) => Ok((chunk.content, component)),
            None => Err(SnapshotError::Mismatch {
                component,
                reason: "it is missing",
            }),
        }
    }

    /// The bytes that [`FileWriter::raw`] wrote, and their name.
    pub(crate) fn raw(&mut self, tag: [u8; 4], version: u16) -> Result<(&'a [u8], String), SnapshotError> {
        self.next(tag, version)
    }

    pub(crate) fn component<S: Snapshot>(&mut self, component: &mut S) -> Result<(), SnapshotError> {
        let (content, name) = self.next(S::TAG, S::VERSION)?;
        let mut reader = StateReader::new(&name, content);
        component.load(&mut reader)?;
        reader.finish()
    }

    /// RAM and the frame buffer.
    pub(crate) fn memory(&mut self, mem: &mut GuestMemory) -> Result<(), SnapshotError> {
        let (ram, frame_buffer) = (mem.ram_bytes(), mem.frame_buffer().len() as u32);
        self.pages(RAM, mem, 0, ram)?;
        self.pages(FRAME_BUFFER, mem, mem.frame_buffer_backing(), frame_buffer)
    }

    /// `len` bytes from backing offset `start` on.
    fn pages(
        &mut self,
        tag: [u8; 4],
        mem: &mut GuestMemory,
        start: u32,
        len: u32,
    ) -> Result<(), SnapshotError> {
        let (mut content, component) = self.next(tag, MEMORY_VERSION)?;
        let pages = len / PAGE_SIZE;
        if take(&mut content).copied().map(u32::from_le_bytes) != Some(pages) {
            return Err(SnapshotError::Mismatch {
                component,
                reason: "another size of memory",
            });
        }
        let (saved, rest) = content.as_chunks::<{ 4 + PAGE }>();
        let index_of =
            |record: &[u8; 4 + PAGE]| record.first_chunk().map_or(0, |&index| u32::from_le_bytes(index));
        let ordered = saved
            .windows(2)
            .all(|pair| index_of(&pair[0]) < index_of(&pair[1]));
        if !rest.is_empty() || !ordered || saved.last().is_some_and(|last| index_of(last) >= pages) {
            return Err(SnapshotError::Damaged { component });
        }
        let mut saved = saved.iter().peekable();
        for index in 0..pages {
            let backing = start + index * PAGE_SIZE;
            let page = match saved.next_if(|record| index_of(record) == index) {
                Some(record) => &record[4..],
                None => &[0; PAGE],
            };
            // Decoded code stays where memory stays as it is.
            if mem.page_slice(backing, PAGE) != page {
                mem.write_bytes(backing, page);
            }
        }
        Ok(())
    }

    /// Succeeds if every chunk was used.
    pub(crate) fn finish(mut self) -> Result<(), RestoreError> {
        match self.chunks.next() {
            None => Ok(()),
            Some(chunk) => Err(RestoreError::Component(SnapshotError::Mismatch {
                component: String::from_utf8_lossy(&chunk.tag).trim_end().to_owned(),
                reason: "this machine has no such component",
            })),
        }
    }
}

/// Makes the checksums right again after a test has changed bytes inside chunks.
#[cfg(test)]
pub(crate) fn reseal(file: &mut [u8]) {
    let mut at = MAGIC.len() + 4;
    while let Some(&len) = file.get(at + LENGTH_AT..).and_then(|rest| rest.first_chunk()) {
        let end = at + CHUNK_HEAD + u64::from_le_bytes(len) as usize;
        let hash = hash_bytes(&file[at..end]);
        file[end..end + 8].copy_from_slice(&hash.to_le_bytes());
        at = end + 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Value(u64);
    impl Snapshot for Value {
        const TAG: [u8; 4] = *b"VALU";
        const VERSION: u16 = 3;
        fn save(&self, w: &mut StateWriter) {
            w.put(&self.0);
        }
        fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
            self.0 = r.get()?;
            Ok(())
        }
    }

    fn memory() -> GuestMemory {
        let mut mem = GuestMemory::new(1 << 20);
        mem.write_bytes(0x5ffe, b"four");
        mem
    }

    fn file() -> Vec<u8> {
        let mut w = FileWriter::new();
        w.component(&Value(0x1234_5678));
        w.memory(&memory());
        w.finish()
    }

    fn read(file: &[u8]) -> Result<(Value, GuestMemory), RestoreError> {
        let (mut value, mut mem) = (Value(0), GuestMemory::new(1 << 20));
        mem.write_bytes(0x20000, &[7; 100]);
        let mut r = FileReader::new(file)?;
        r.component(&mut value)?;
        r.memory(&mut mem)?;
        r.finish()?;
        Ok((value, mem))
    }

    #[test]
    fn what_was_written_is_read_and_pages_that_were_zero_become_zero() {
        let file = file();
        assert!(file.len() < 3 * PAGE, "zero pages are left out");
        let (value, mem) = read(&file).unwrap();
        assert_eq!(value, Value(0x1234_5678));
        assert!(mem.ram() == memory().ram());
    }

    #[test]
    fn any_cut_any_flipped_bit_and_any_tail_is_refused() {
        let file = file();
        for cut in 0..file.len() {
            assert!(FileReader::new(&file[..cut]).is_err());
        }
        for at in (0..file.len()).step_by(7).chain(0..64) {
            let mut bad = file.clone();
            bad[at] ^= 1 << (at % 8);
            assert!(read(&bad).is_err(), "byte {at}");
        }
        assert!(FileReader::new(&[&file[..], b"x"].concat()).is_err());
    }

    #[test]
    fn lengths_are_not_believed() {
        let mut bad = file();
        let length_at = 8 + 4 + LENGTH_AT;
        bad[length_at..length_at + 8].fill(0xff);
        assert_eq!(read(&bad).err(), Some(RestoreError::Damaged { offset: 12 }));
    }

    #[test]
    fn pages_out_of_order_or_out_of_memory_are_refused() {
        let record = |index: u32| [&index.to_le_bytes()[..], &[1; PAGE]].concat();
        let pages = 256u32.to_le_bytes().to_vec();
        for records in [vec![5, 4], vec![5, 5], vec![256]] {
            let content = records
                .iter()
                .fold(pages.clone(), |c, &index| [c, record(index)].concat());
            let mut w = FileWriter::new();
            w.component(&Value(1));
            w.chunk(RAM, MEMORY_VERSION, &content);
            assert!(read(&w.finish()).is_err(), "{records:?}");
        }
    }
}
