//! The bytes of an overlay file.
//!
//! All numbers are little-endian, all hashes XXH64. The file is a sequence of pages of 4096 bytes:
//!
//! ```text
//! file   := header record*
//! header := magic (16 bytes "OLDIRON OVERLAY\x1a")  version (u32)  state (u32)
//!           length of the file (u64)  hash of all behind this page (u64)  check (u64)
//! record := image | map
//! image  := "IMAG"  number (u32, from 0 in order)  sectors (u64)  hash of the image (u64)
//!           key (text)  path (text)  zeros  check of all before it (u64, the page's end)
//! text   := length (u16)  UTF-8
//! map    := "MAPS"  number of its image (u32)  check (u64)  descriptor[255]  cluster[255]
//! descriptor := cluster number << 8 | mask of the sectors written (u64)  check (u64); or zeros: free
//! ```
//!
//! The check of a map or a descriptor covers its offset too. Length and hash count only while the state
//! is `Closed`: a file that was left open by a kill is checked by its descriptors alone. A cluster's data
//! is written before its descriptor, so that whatever a descriptor names is there.

use oldiron_platform::hash::Hasher;

/// Bytes of a page, and of a cluster.
pub const PAGE: usize = 4096;
/// Clusters of a map.
pub const MAP_CLUSTERS: u64 = 255;
/// A map with the clusters behind it.
pub const MAP_BYTES: u64 = (1 + MAP_CLUSTERS) * PAGE as u64;

const MAGIC: &[u8; 16] = b"OLDIRON OVERLAY\x1a";
const VERSION: u32 = 1;
const IMAGE: &[u8; 4] = b"IMAG";
const MAP: &[u8; 4] = b"MAPS";
/// Bytes of a map's head, and of a descriptor.
const UNIT: usize = 16;
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
    /// Length of the file when it was closed.
    pub length: u64,
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
    /// A map of the image of this number: its descriptors, as [`descriptor`] reads them.
    Map(u32),
    /// Nothing was written there yet.
    Unwritten,
}

/// Reads the page at `offset` of the file; `None`: damaged.
pub fn record(page: &[u8], offset: u64) -> Option<Record> {
    if page.iter().all(|&byte| byte == 0) {
        return Some(Record::Unwritten);
    }
    if page.starts_with(IMAGE) {
        return ImageRecord::decode(page).map(|(number, record)| Record::Image(number, record));
    }
    let number = u32::from_le_bytes(*page.get(4..)?.first_chunk()?);
    (page.get(..UNIT)? == map_head(number, offset)).then_some(Record::Map(number))
}

/// The head of a map at `offset`.
pub fn map_head(number: u32, offset: u64) -> Vec<u8> {
    let mut head = MAP.to_vec();
    head.extend(number.to_le_bytes());
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

/// The descriptor at `offset`; a mask of zero makes the slot free.
pub fn encode_descriptor(cluster: u64, mask: u8, offset: u64) -> [u8; UNIT] {
    if mask == 0 {
        return [0; UNIT];
    }
    let word = (cluster << 8 | u64::from(mask)).to_le_bytes();
    let check = check(&[&word, &offset.to_le_bytes()]);
    let mut bytes = [0; UNIT];
    bytes[..8].copy_from_slice(&word);
    bytes[8..].copy_from_slice(&check);
    bytes
}

/// Cluster and mask of slot `index` of the map `page` at `map`, the mask 0 if it is free; `None`: damaged.
pub fn descriptor(page: &[u8], map: u64, index: u64) -> Option<(u64, u8)> {
    let at = (1 + index as usize) * UNIT;
    let bytes: &[u8; UNIT] = page.get(at..)?.first_chunk()?;
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    let (cluster, mask) = (word >> 8, word as u8);
    let sane = *bytes == encode_descriptor(cluster, mask, descriptor_offset(map, index));
    sane.then_some((cluster, mask))
}
