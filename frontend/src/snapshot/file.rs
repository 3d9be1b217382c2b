//! Reading and writing the file.

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use oldiron_platform::hash::Hasher;

use super::Header;
use crate::{
    image,
    outcome::Failure,
    spec::{Medium, Spec},
};

const MAGIC: &[u8; 17] = b"oldiron snapshot\n";
const FORMAT_VERSION: u32 = 1;
/// Magic, version and the length of the header.
const START: u64 = 17 + 4 + 4;
const MOST_HEADER: u32 = 16 << 20;
/// What a state has besides memory and disks: chips, above all video memory.
const MOST_CHIPS: u64 = 64 << 20;

/// A saved state, complete and checked.
#[derive(Debug)]
pub struct Snapshot {
    /// Where it is from.
    pub path: PathBuf,
    /// What stands in front of it.
    pub header: Header,
    /// For `Machine::restore_state`.
    pub state: Vec<u8>,
}

/// Whether a file that starts with `head` means to be a saved state.
pub fn is_one(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

impl Snapshot {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let fail = |error| image::unreadable(path, &error);
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        let decoded = match metadata.is_file() {
            true => decode(file, metadata.len()),
            false => Err(NOT_ONE.to_owned()),
        };
        let (header, state) =
            decoded.map_err(|error| Failure::file(format!("{}: {error}", path.display())))?;
        Ok(Self {
            path: path.to_owned(),
            header,
            state,
        })
    }

    /// Writes a file to `path`: beside it first, so that what was there is replaced by a whole file or not
    /// at all.
    pub fn write(path: &Path, header: &Header, state: &[u8]) -> Result<(), Failure> {
        let fail = |why: String| {
            Failure::host_io(format!("{}: cannot write the saved state: {why}", path.display()))
        };
        let bytes = encode(header, state).map_err(fail)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let written = File::create(&part)
            .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_data()))
            .and_then(|()| fs::rename(&part, path));
        written.map_err(|error| {
            // Not there, or of no use.
            let _ = fs::remove_file(&part);
            fail(image::describe(&error))
        })
    }
}

const NOT_ONE: &str = "not a saved state of oldiron; give a file that --save-at wrote";

fn damaged(what: &str) -> String {
    format!("the saved state is damaged ({what}); use another copy, or save it again")
}

/// The whole file.
pub(super) fn encode(header: &Header, state: &[u8]) -> Result<Vec<u8>, String> {
    let header = serde_json::to_vec(header).map_err(|error| error.to_string())?;
    let packed = lz4_flex::block::compress(state);
    let mut bytes = Vec::with_capacity(header.len() + packed.len() + 64);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(&(state.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&(packed.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&packed);
    let hash = oldiron_platform::hash::hash_bytes(&bytes);
    bytes.extend_from_slice(&hash.to_le_bytes());
    Ok(bytes)
}

/// The longest state that a machine can have.
fn most_state(machine: &Spec) -> u64 {
    let floppies = machine.floppies.iter().flatten();
    let floppies = floppies.map(|floppy| match &floppy.medium {
        Some(Medium::File(file)) => file.bytes,
        // A demo disk has 1440 KiB.
        Some(Medium::Demo) => 1440 << 10,
        None => 0,
    });
    let disks = machine.disks.iter().flatten().map(|disk| disk.image.bytes);
    let kept = floppies
        .chain(disks)
        .fold(u64::from(machine.memory) << 20, u64::saturating_add);
    // Each page and sector comes with its number.
    kept.saturating_add(kept / 32).saturating_add(MOST_CHIPS)
}

/// Reads a file of `len` bytes, and hashes what it reads.
struct Input<R> {
    reader: R,
    left: u64,
    hasher: Hasher,
}

impl<R: Read> Input<R> {
    /// The next `len` bytes, which the file must have.
    fn take(&mut self, len: u64) -> Result<Vec<u8>, String> {
        self.left = self
            .left
            .checked_sub(len)
            .ok_or_else(|| damaged("it is cut off"))?;
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(len).read_to_end(&mut bytes);
        read.map_err(|error| image::describe(&error))?;
        if bytes.len() as u64 != len {
            return Err(damaged("it is cut off"));
        }
        self.hasher.update(&bytes);
        Ok(bytes)
    }

    fn number<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let bytes = self.take(N as u64)?;
        bytes.try_into().map_err(|_| damaged("it is cut off"))
    }
}

/// Header and state of a file of `len` bytes. Nothing is allocated for a length that cannot be.
pub(super) fn decode(reader: impl Read, len: u64) -> Result<(Header, Vec<u8>), String> {
    let mut input = Input {
        reader,
        left: len,
        hasher: Hasher::new(),
    };
    if len < START || input.take(MAGIC.len() as u64)? != MAGIC {
        return Err(NOT_ONE.to_owned());
    }
    let version = u32::from_le_bytes(input.number()?);
    let header_len = u32::from_le_bytes(input.number()?);
    if header_len > MOST_HEADER {
        return Err(damaged("its header is too long"));
    }
    let header = input.take(header_len.into())?;
    // The header is not believed before the hash is; a version that is not ours is told first.
    if version != FORMAT_VERSION {
        return Err(match version {
            2..=1000 => format!("a saved state of format {version}; this program reads {FORMAT_VERSION}"),
            _ => damaged("its version"),
        });
    }
    let header: Header = serde_json::from_slice(&header).map_err(|_| damaged("its header"))?;
    let state_len = u64::from_le_bytes(input.number()?);
    let packed_len = u64::from_le_bytes(input.number()?);
    // A byte of LZ4 makes at most 255.
    let plausible = (1..=3072).contains(&header.machine.memory)
        && state_len <= most_state(&header.machine)
        && state_len <= packed_len.saturating_mul(255)
        && packed_len <= lz4_flex::block::get_maximum_output_size(state_len as usize) as u64;
    if !plausible {
        return Err(damaged("a length"));
    }
    if input.left != packed_len.saturating_add(8) {
        return Err(damaged("its length"));
    }
    let packed = input.take(packed_len)?;
    let hash = input.hasher.finish();
    if u64::from_le_bytes(input.number()?) != hash {
        return Err(damaged("its hash"));
    }
    let state_len = usize::try_from(state_len).map_err(|_| damaged("a length"))?;
    let state = lz4_flex::block::decompress(&packed, state_len).map_err(|_| damaged("its packing"))?;
    if state.len() != state_len {
        return Err(damaged("its packing"));
    }
    Ok((header, state))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
