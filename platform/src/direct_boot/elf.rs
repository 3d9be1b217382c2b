//! 32-bit ELF executables for the 386, as multiboot kernels are.
//!
//! Follows "Tool Interface Standard (TIS) Executable and Linking Format" 1.2: the ELF header and program headers of type
//! LOAD. Sections and symbols are not looked at.

use super::{DirectBootError, read_u16, read_u32};

const EI_CLASS: usize = 4;
const EI_DATA: usize = 5;
const E_MACHINE: usize = 18;
const E_ENTRY: usize = 24;
const E_PHOFF: usize = 28;
const E_PHENTSIZE: usize = 42;
const E_PHNUM: usize = 44;
const P_OFFSET: usize = 4;
const P_VADDR: usize = 8;
const P_PADDR: usize = 12;
const P_FILESZ: usize = 16;
const P_MEMSZ: usize = 20;

const CLASS_32: u8 = 1;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const EM_386: u16 = 3;
const PT_LOAD: u32 = 1;
const HEADER_BYTES: u64 = 52;
const PROGRAM_HEADER_BYTES: usize = 32;

/// Whether a file that starts with `head` is an ELF file.
pub(super) fn is_one(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF")
}

/// Something to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Physical address.
    pub(super) at: u32,
    /// Place in the file.
    pub(super) offset: usize,
    pub(super) bytes: usize,
    /// Bytes of zeros that follow.
    pub(super) zeros: u32,
}

/// The segments of an executable and its entry, a physical address.
pub(super) fn parse(name: &str, bytes: &[u8]) -> Result<(Vec<Segment>, u32), DirectBootError> {
    let damaged = |what: &str| DirectBootError::Damaged {
        file: name.to_owned(),
        what: what.to_owned(),
    };
    let cut_short = |promised: u64| DirectBootError::CutShort {
        file: name.to_owned(),
        bytes: bytes.len() as u64,
        promised,
    };
    if (bytes.len() as u64) < HEADER_BYTES {
        return Err(cut_short(HEADER_BYTES));
    }
    if bytes.get(EI_CLASS) == Some(&CLASS_64) {
        let (file, what) = (name.to_owned(), "a 64-bit ELF file");
        return Err(DirectBootError::LongMode { file, what });
    }
    let is_386 = read_u16(bytes, E_MACHINE) == Some(EM_386);
    if bytes.get(EI_CLASS) != Some(&CLASS_32) || bytes.get(EI_DATA) != Some(&LITTLE_ENDIAN) || !is_386 {
        return Err(damaged("an ELF file, but not for the 386"));
    }
    let dword = |at: usize| read_u32(bytes, at).unwrap_or(0);
    let word = |at: usize| usize::from(read_u16(bytes, at).unwrap_or(0));
    let (table, size, count) = (dword(E_PHOFF) as usize, word(E_PHENTSIZE), word(E_PHNUM));
    if size < PROGRAM_HEADER_BYTES || count == 0 {
        return Err(damaged("an ELF file without program headers"));
    }
    let end = table as u64 + (size * count) as u64;
    if end > bytes.len() as u64 {
        return Err(cut_short(end));
    }
    let (mut segments, mut entry) = (Vec::new(), dword(E_ENTRY));
    for header in (0..count).map(|n| table + n * size) {
        let (file_bytes, memory_bytes) = (dword(header + P_FILESZ), dword(header + P_MEMSZ));
        if dword(header) != PT_LOAD || memory_bytes == 0 {
            continue;
        }
        if file_bytes > memory_bytes {
            return Err(damaged("a segment with more in the file than in memory"));
        }
        let offset = dword(header + P_OFFSET);
        let end = u64::from(offset) + u64::from(file_bytes);
        if end > bytes.len() as u64 {
            return Err(cut_short(end));
        }
        let (virtual_at, at) = (dword(header + P_VADDR), dword(header + P_PADDR));
        // The entry of a kernel that is linked for other addresses than it is loaded at.
        let into = dword(E_ENTRY).wrapping_sub(virtual_at);
        if into < memory_bytes {
            entry = at.wrapping_add(into);
        }
        segments.push(Segment {
            at,
            offset: offset as usize,
            bytes: file_bytes as usize,
            zeros: memory_bytes - file_bytes,
        });
    }
    if segments.is_empty() {
        return Err(damaged("an ELF file with nothing to load"));
    }
    Ok((segments, entry))
}
