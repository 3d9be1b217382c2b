//! Direct boot: a kernel or program goes from files of the host into memory, without a disk, when the BIOS has
//! finished its self-test and would boot (INT 19h).
//!
//! An adapter ROM (`bios/rom/direct`) takes INT 19h over. It asks the BIOS for the memory map, hands it to the
//! [`BootPort`], which says where everything goes, has it put there, and enters the kernel the way its format wants. So the
//! screen, memory map and tables that the kernel finds are those of whatever BIOS there is, and a reset boots again.
//!
//! What is loaded never changes; a saved state has a hash of it, not the bytes.

mod elf;
mod flat;
mod linux;
mod memory;
mod multiboot;
mod port;

use core::ops::Range;
use std::borrow::Cow;

pub(crate) use port::BootPort;

use crate::hash::Hasher;
use memory::MemoryMap;

/// A machine has no more than 3 GiB.
const MOST_MEMORY: u64 = 3 << 30;

/// How much of the start of a file [`KernelKind::recognise`] wants to see.
pub const KERNEL_HEAD: usize = 8192;

/// A file's contents, and what messages call it.
#[derive(Clone, PartialEq, Eq)]
pub struct BootFile {
    /// As the user wrote it.
    pub name: String,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// Formats of kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelKind {
    /// A bzImage or zImage.
    Linux,
    /// Multiboot 1, in an ELF file or described by its own header.
    Multiboot,
}

impl KernelKind {
    /// What a file that starts with `head` is.
    pub fn recognise(head: &[u8]) -> Option<Self> {
        if linux::is_one(head) {
            Some(Self::Linux)
        } else if multiboot::Header::find(head).is_some() {
            Some(Self::Multiboot)
        } else {
            None
        }
    }
}

/// Why something cannot be booted directly.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DirectBootError {
    /// Nothing that is known.
    #[error("{file}: {found}; --kernel takes a Linux bzImage or zImage, or a multiboot kernel")]
    NotAKernel {
        /// The file.
        file: String,
        /// What it is instead.
        found: &'static str,
    },
    /// Its header promises more.
    #[error("{file}: {bytes} bytes, and its header promises {promised}: it is cut short; get the whole file")]
    CutShort {
        /// The file.
        file: String,
        /// What there is.
        bytes: u64,
        /// What there should be.
        promised: u64,
    },
    /// Its header contradicts itself.
    #[error("{file}: {what}: the file is damaged; get it anew")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// It needs a processor that this one is not.
    #[error("{file}: {what}, and this processor has no long mode; give a 32-bit (i386 to i686) kernel")]
    LongMode {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// Its header demands what is not there.
    #[error(
        "{file}: its multiboot header asks for {what}; this version cannot give that, boot it from a disk"
    )]
    Unsupported {
        /// The file.
        file: String,
        /// What it demands.
        what: String,
    },
    /// It needs memory that is not there.
    #[error("{file}: {what} goes from {from:#x} to {to:#x}, and usable memory there ends at {end:#x}; {fix}")]
    NoRoom {
        /// The file.
        file: String,
        /// What needs it.
        what: &'static str,
        /// First byte.
        from: u64,
        /// Behind the last.
        to: u64,
        /// Where memory ends.
        end: u64,
        /// What would help.
        fix: &'static str,
    },
    /// It fits nowhere in memory.
    #[error(
        "{file}: {bytes} bytes have no place below {below:#x} in memory that ends at {end:#x}; give more with --mem"
    )]
    NoPlace {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// Where it must end.
        below: u64,
        /// Where memory ends.
        end: u64,
    },
    /// It is to go where no memory is.
    #[error(
        "{file}: {bytes} bytes at {at:#x} are not in memory, which is from 0 to 9fbff and from 100000 to {end:x}; load it elsewhere or give more with --mem"
    )]
    NotInMemory {
        /// The file.
        file: String,
        /// Its size.
        bytes: u64,
        /// Where it was to go.
        at: u64,
        /// The last byte of memory.
        end: u64,
    },
    /// Two files want the same place.
    #[error("{file} and {other} overlap in memory; load one of them elsewhere")]
    Overlap {
        /// One.
        file: String,
        /// The other.
        other: String,
    },
    /// The kernel takes no such long command line.
    #[error("--append: {bytes} characters, and {file} takes at most {most}; make it shorter")]
    CommandLine {
        /// The kernel.
        file: String,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        most: usize,
    },
}

/// What is booted.
#[derive(Clone)]
enum Image {
    Linux(linux::Kernel),
    Multiboot(multiboot::Kernel),
    Flat(flat::Program),
}

/// What is booted, checked as far as that is possible without a machine.
#[derive(Clone)]
pub struct DirectBoot {
    image: Image,
    hash: u64,
}

impl DirectBoot {
    /// A kernel with its initial RAM disks (or multiboot modules) and command line.
    pub fn kernel(
        kernel: BootFile,
        initrds: Vec<BootFile>,
        command_line: &str,
    ) -> Result<Self, DirectBootError> {
        let mut hasher = Hasher::new();
        for file in [&kernel].into_iter().chain(&initrds) {
            hash_block(&mut hasher, &file.bytes);
        }
        hash_block(&mut hasher, command_line.as_bytes());
        let image = match KernelKind::recognise(&kernel.bytes) {
            Some(KernelKind::Linux) => Image::Linux(linux::Kernel::new(kernel, initrds, command_line)?),
            Some(KernelKind::Multiboot) => {
                // A kernel may look at its own name and its modules'.
                for file in [&kernel].into_iter().chain(&initrds) {
                    hash_block(&mut hasher, file.name.as_bytes());
                }
                Image::Multiboot(multiboot::Kernel::new(kernel, initrds, command_line)?)
            }
            None => {
                let found = what_else(&kernel.bytes);
                let file = kernel.name;
                return Err(DirectBootError::NotAKernel { file, found });
            }
        };
        Ok(Self {
            image,
            hash: hasher.finish(),
        })
    }

    /// Files at addresses, and where to enter them in real mode: segment and offset.
    pub fn program(files: Vec<(u32, BootFile)>, entry: (u16, u16)) -> Result<Self, DirectBootError> {
        let mut hasher = Hasher::new();
        for (at, file) in &files {
            hasher.update_u64((*at).into());
            hash_block(&mut hasher, &file.bytes);
        }
        hasher.update_u64(u64::from(entry.0) << 16 | u64::from(entry.1));
        Ok(Self {
            image: Image::Flat(flat::Program::new(files, entry)?),
            hash: hasher.finish(),
        })
    }

    /// Whether everything will fit a machine with this much memory.
    pub fn check(&self, memory_mib: u32) -> Result<(), DirectBootError> {
        self.load(&MemoryMap::expected(memory_mib)).map(drop)
    }

    /// Of all that is loaded.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Where everything goes.
    fn load(&self, map: &MemoryMap) -> Result<Loaded<'_>, DirectBootError> {
        match &self.image {
            Image::Linux(kernel) => kernel.load(map),
            Image::Multiboot(kernel) => kernel.load(map),
            Image::Flat(program) => program.load(map),
        }
    }
}

/// Bytes for memory, and zeros behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece<'a> {
    at: u32,
    bytes: Cow<'a, [u8]>,
    zeros: u32,
}

impl<'a> Piece<'a> {
    fn new(at: u64, bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self {
            at: at as u32,
            bytes: bytes.into(),
            zeros: 0,
        }
    }
}

/// How a kernel is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Real(RealEntry),
    /// Flat segments, EAX = 2BADB002h, interrupts off.
    Protected {
        eip: u32,
        ebx: u32,
    },
}

/// Registers in real mode. The others are 0, ES, FS and GS as DS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RealEntry {
    cs: u16,
    ip: u16,
    ds: u16,
    ss: u16,
    sp: u16,
    interrupts: bool,
}

/// What memory is to hold, and how to go on.
#[derive(Debug, PartialEq, Eq)]
struct Loaded<'a> {
    pieces: Vec<Piece<'a>>,
    entry: Entry,
}

/// That `range`, which a file wants, is not all usable.
fn no_room(file: &BootFile, what: &'static str, range: &Range<u64>, map: &MemoryMap) -> DirectBootError {
    let more_helps = range.start >= memory::MIB && range.end <= MOST_MEMORY;
    DirectBootError::NoRoom {
        file: file.name.clone(),
        what,
        from: range.start,
        to: range.end,
        end: range.start + map.run_from(range.start),
        fix: match more_helps {
            true => "give more with --mem",
            false => "no PC has memory there, give a kernel that is made for other addresses",
        },
    }
}

/// A length before each block keeps blocks apart.
fn hash_block(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update_u64(bytes.len() as u64);
    hasher.update(bytes);
}

/// What a file that is no kernel looks like.
fn what_else(bytes: &[u8]) -> &'static str {
    if bytes.is_empty() {
        "an empty file"
    } else if elf::is_one(bytes) {
        "an ELF file without a multiboot header (of Linux, vmlinux: take the bzImage beside it)"
    } else if bytes.starts_with(b"\x1f\x8b") {
        "a gzip file (decompress it first)"
    } else if bytes.get(510..512) == Some(&[0x55, 0xaa]) {
        "a boot sector without a kernel's header (give a disk image without --kernel)"
    } else {
        "not a kernel"
    }
}

/// Little-endian numbers in headers; `None` past the end.
fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

/// Stores `value` at `at` if there is room.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..value.len())) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests;
