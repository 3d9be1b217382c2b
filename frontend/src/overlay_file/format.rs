//! The bytes of an overlay file.
//!
//! All numbers are little-endian, all hashes XXH64. The file is a sequence of pages of 4096 bytes:
//!
//! ```text
//! file   := header record*
//! header := magic (16 bytes "OLDIRON OVERLAY\x1a")  version (u32)  state (u32)  length of all records with this page (u64)
//!           generation (u64)  hash of all behind this page (u64)  check (u64)
//! record := image | restart | map
//! image  := "IMAG"  number (u32, from 0 in order)  sectors (u64)  hash of the image (u64)
//!           key (text)  path (text)  zeros  check of all before it (u64, the page's end)
//! text   := length (u16)  UTF-8
//! restart := "RSET"  number of its image (u32)  generation (u64)  check (u64)  zeros
//! map    := "MAPS"  number of its image (u32)  generation (u64)  0 (u64)  check (u64)  descriptor[127]  cluster[127]
//! descriptor := cluster number << 8 | mask of the sectors written (u64)  mask of those among them that are not sure to be
//!           on the disk (u64)  hash of these (u64)  check (u64); or zeros: free
//! ```
//!
//! The check of a map or a descriptor covers its offset too. The hash counts only while the state is `Closed`: a file that
//! was left open is checked by its records and descriptors.
//!
//! **A kill** at any moment loses nothing: a cluster's data is written before its descriptor, and a map before the header's
//! length counts it. **A power cut** may keep any of the writes since the last flush and lose the others. So a sector that is
//! new in the file is named with a hash, and does not count if what is there is something else; by a flush it becomes
//! sure, and may then be written in place. A map is on the disk before the length counts it.
//!
//! **Generations** make it possible to exchange all contents of an image at once, as a saved state is loaded: the maps of
//! an image count from the generation of its last restart to that of the header, so that one write of the header
//! makes new contents of any number of images take the place of the old. A map that does not count is free for any image;
//! so is one of image FFFFFFFFh. What is younger than the header was left by a kill, and is made void before the next.

use oldiron_platform::hash::Hasher;

/// Bytes of a page, and of a cluster.
pub const PAGE: usize = 4096;
/// Clusters of a map.
pub const MAP_CLUSTERS: u64 = 127;
/// A map with the clusters behind it.
pub const MAP_BYTES: u64 = (1 + MAP_CLUSTERS) * PAGE as u64;

const MAGIC: &[u8; 16] = b"OLDIRON OVERLAY\x1a";
const VERSION: u32 = 2;
const IMAGE: &[u8; 4] = b"IMAG";
const RESTART: &[u8; 4] = b"RSET";
const MAP: &[u8; 4] = b"MAPS";
/// Bytes of a map's head, and of a descriptor.
const UNIT: usize = 32;
/// The image of a map that is free.
pub const NOBODY: u32 = u32::MAX;
/// Where a page's check stands.
const CHECK_AT: usize = PAGE - 8;
/// Longest path and key that are kept.
const MOST_TEXT: usize = 1900;

/// What is being done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is being written, or its writer was killed.
    Open,
    /// It was closed in order.
    Closed,
    /// Its contents are being written into the images.
    Committing,
}

/// The first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// State.
    pub state: State,
    /// Length of the file, as far as it counts.
    pub length: u64,
    /// The youngest generation that counts.
    pub generation: u64,
    /// Hash of all behind the first page when it was closed.
    pub hash: u64,
}

/// What an image record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRecord {
    /// Size of the image.
    pub sectors: u64,
    /// Hash of what is in it.
    pub hash: u64,
    /// What it is for the machine: `hda`, or `floppy` and the name of its file.
    pub key: String,
    /// Where it was.
    pub path: String,
}

/// Why a header is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// Another kind of file.
    Foreign,
    /// Of another version.
    Version(u32),
    /// Damaged.
    Damaged,
}

fn check(parts: &[&[u8]]) -> [u8; 8] {
    let mut hasher = Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish().to_le_bytes()
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(head)
}

/// Whether a file that starts with `head` is an overlay.
pub fn is_overlay(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

impl Header {
    /// The bytes at the start of the file.
    pub fn encode(&self) -> Vec<u8> {
        let state: u32 = match self.state {
            State::Open => 0,
            State::Closed => 1,
            State::Committing => 2,
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(state.to_le_bytes());
        bytes.extend(self.length.to_le_bytes());
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(self.hash.to_le_bytes());
        bytes.extend(check(&[&bytes]));
        bytes
    }

    /// Reads the first page.
    pub fn decode(page: &[u8]) -> Result<Self, HeaderError> {
        let mut rest = page;
        if take(&mut rest) != Some(MAGIC) {
            return Err(HeaderError::Foreign);
        }
        let mut parse = || -> Option<Result<Self, HeaderError>> {
            let version = u32::from_le_bytes(*take(&mut rest)?);
            if version != VERSION {
                return Some(Err(HeaderError::Version(version)));
            }
            let state = match u32::from_le_bytes(*take(&mut rest)?) {
                0 => State::Open,
                1 => State::Closed,
                2 => State::Committing,
                _ => return None,
            };
            let header = Self {
                state,
                length: u64::from_le_bytes(*take(&mut rest)?),
                generation: u64::from_le_bytes(*take(&mut rest)?),
                hash: u64::from_le_bytes(*take(&mut rest)?),
            };
            let bytes = header.encode();
            (page.starts_with(&bytes) && page[bytes.len()..].iter().all(|&byte| byte == 0))
                .then_some(Ok(header))
        };
        parse().unwrap_or(Err(HeaderError::Damaged))
    }
}

/// The start of `text` that has room.
fn clip(text: &str) -> &str {
    let mut end = text.len().min(MOST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl ImageRecord {
    /// The page of image `number`.
    pub fn encode(&self, number: u32) -> Vec<u8> {
        let mut page = IMAGE.to_vec();
        page.extend(number.to_le_bytes());
        page.extend(self.sectors.to_le_bytes());
        page.extend(self.hash.to_le_bytes());
        for text in [&self.key, &self.path] {
            let text = clip(text);
            page.extend((text.len() as u16).to_le_bytes());
            page.extend(text.as_bytes());
        }
        page.resize(CHECK_AT, 0);
        page.extend(check(&[&page]));
        page
    }

    fn decode(page: &[u8]) -> Option<(u32, Self)> {
        let (mut rest, check_bytes) = page.split_at_checked(CHECK_AT)?;
        if check_bytes != check(&[rest]) || take(&mut rest)? != IMAGE {
            return None;
        }
        let number = u32::from_le_bytes(*take(&mut rest)?);
        let sectors = u64::from_le_bytes(*take(&mut rest)?);
        let hash = u64::from_le_bytes(*take(&mut rest)?);
        let mut text = || -> Option<String> {
            let len = u16::from_le_bytes(*take(&mut rest)?);
            let (text, behind) = rest.split_at_checked(len.into())?;
            rest = behind;
            String::from_utf8(text.to_vec()).ok()
        };
        let record = Self {
            sectors,
            hash,
            key: text()?,
            path: text()?,
        };
        Some((number, record))
    }
}

/// A record's first page.
pub enum Record {
    /// An image, and its number.
    Image(u32, ImageRecord),
    /// The image of this number begins again with a generation.
    Restart(u32, u64),
    /// A map of the image of this number, and its generation.
    Map(u32, u64),
}

/// Reads the page at `offset` of the file; `None`: damaged.
pub fn record(page: &[u8], offset: u64) -> Option<Record> {
    if page.starts_with(IMAGE) {
        return ImageRecord::decode(page).map(|(number, record)| Record::Image(number, record));
    }
    let mut rest = page.get(4..)?;
    let number = u32::from_le_bytes(*take(&mut rest)?);
    let generation = u64::from_le_bytes(*take(&mut rest)?);
    if page == restart(number, generation) {
        return Some(Record::Restart(number, generation));
    }
    (page.get(..UNIT)? == map_head(number, generation, offset)).then_some(Record::Map(number, generation))
}

/// The page that makes an image begin again; generation 0: that does not. What counts is in its first sector.
pub fn restart(number: u32, generation: u64) -> Vec<u8> {
    let mut page = RESTART.to_vec();
    page.extend(number.to_le_bytes());
    page.extend(generation.to_le_bytes());
    page.extend(check(&[&page]));
    page.resize(PAGE, 0);
    page
}

/// The head of a map at `offset`.
pub fn map_head(number: u32, generation: u64, offset: u64) -> Vec<u8> {
    let mut head = MAP.to_vec();
    head.extend(number.to_le_bytes());
    head.extend(generation.to_le_bytes());
    head.extend([0; 8]);
    head.extend(check(&[&head, &offset.to_le_bytes()]));
    head
}

/// Where slot `index` of the map at `offset` has its descriptor.
pub fn descriptor_offset(map: u64, index: u64) -> u64 {
    map + (1 + index) * UNIT as u64
}

/// Where it has its data.
pub fn data_offset(map: u64, index: u64) -> u64 {
    map + (1 + index) * PAGE as u64
}

/// What a descriptor says of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// Number of the cluster.
    pub cluster: u64,
    /// Its sectors that were written; none: the slot is free.
    pub mask: u8,
    /// Those of them that a power cut may have kept out of the file.
    pub unsure: u8,
    /// The hash of these, in order.
    pub hash: u64,
}

impl Descriptor {
    /// The bytes at `offset`.
    pub fn encode(&self, offset: u64) -> [u8; UNIT] {
        let mut bytes = [0; UNIT];
        if self.mask == 0 {
            return bytes;
        }
        let words = [
            self.cluster << 8 | u64::from(self.mask),
            self.unsure.into(),
            self.hash,
        ];
        for (place, word) in bytes.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let check = check(&[&bytes[..24], &offset.to_le_bytes()]);
        bytes[24..].copy_from_slice(&check);
        bytes
    }

    /// Slot `index` of the map `page` at `map`; `None`: damaged.
    pub fn decode(page: &[u8], map: u64, index: u64) -> Option<Self> {
        let at = (1 + index as usize) * UNIT;
        let bytes: &[u8; UNIT] = page.get(at..)?.first_chunk()?;
        let mut rest = &bytes[..];
        let word = u64::from_le_bytes(*take(&mut rest)?);
        let found = Self {
            cluster: word >> 8,
            mask: word as u8,
            unsure: u64::from_le_bytes(*take(&mut rest)?) as u8,
            hash: u64::from_le_bytes(*take(&mut rest)?),
        };
        let sane = *bytes == found.encode(descriptor_offset(map, index)) && found.unsure & !found.mask == 0;
        sane.then_some(found)
    }
}
