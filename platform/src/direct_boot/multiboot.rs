//! Multiboot 1 kernels, with modules and memory map.
//!
//! Follows the Multiboot Specification 0.6.96; section numbers refer to it. Given to the kernel: memory sizes and map,
//! command line, modules, the loader's name and, where the header asks for video information, the text screen that there
//! is. Not given: the boot device (there is none), symbols, drives, the configuration table, the APM table, VBE.

use core::ops::Range;

use super::{
    BootFile, DirectBootError, Entry, Loaded, Piece, elf,
    elf::Segment,
    memory::{MIB, MemoryMap, overlap},
    no_room, put, read_u32,
};

/// Where in a file the header must be (§3.1).
pub(super) const SEARCHED: usize = 8192;
const MAGIC: u32 = 0x1bad_b002;
const HEADER_BYTES: usize = 12;
const KLUDGE_BYTES: usize = 32;

const PAGE_ALIGN: u32 = 1 << 0;
const MEMORY_INFO: u32 = 1 << 1;
const VIDEO_MODE: u32 = 1 << 2;
/// Addresses in the header instead of an ELF file: the "a.out kludge".
const ADDRESSES: u32 = 1 << 16;
/// A loader that does not know one of these must refuse.
const MUST_KNOW: u32 = 0xffff & !(PAGE_ALIGN | MEMORY_INFO | VIDEO_MODE);

const PAGE: u64 = 0x1000;
/// Low memory for the information: above where a BIOS and boot sectors are at home.
const INFO_FROM: u64 = 0x1_0000;
const NAME: &[u8] = b"oldiron\0";

/// The multiboot information structure (§3.3).
const INFO_BYTES: usize = 116;
const INFO_MEMORY: u32 = 1 << 0;
const INFO_COMMAND_LINE: u32 = 1 << 2;
const INFO_MODULES: u32 = 1 << 3;
const INFO_MEMORY_MAP: u32 = 1 << 6;
const INFO_LOADER_NAME: u32 = 1 << 9;
const INFO_FRAMEBUFFER: u32 = 1 << 12;
const MEM_LOWER: usize = 4;
const MEM_UPPER: usize = 8;
const CMDLINE: usize = 16;
const MODS_COUNT: usize = 20;
const MODS_ADDR: usize = 24;
const MMAP_LENGTH: usize = 44;
const MMAP_ADDR: usize = 48;
const BOOT_LOADER_NAME: usize = 64;
const FRAMEBUFFER: usize = 88;
const MODULE_BYTES: usize = 16;
const MAP_ENTRY_BYTES: u32 = 20;

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    offset: usize,
    flags: u32,
}

impl Header {
    /// The first one in a file that starts with `head`.
    pub(super) fn find(head: &[u8]) -> Option<Self> {
        (0..head.len().min(SEARCHED)).step_by(4).find_map(|offset| {
            let dword = |n: usize| read_u32(head, offset + 4 * n);
            let (magic, flags) = (dword(0)?, dword(1)?);
            let sum = magic.wrapping_add(flags).wrapping_add(dword(2)?);
            let found = magic == MAGIC && sum == 0 && offset + HEADER_BYTES <= SEARCHED;
            found.then_some(Self { offset, flags })
        })
    }
}

/// A kernel, its modules and its command line.
#[derive(Clone)]
pub(super) struct Kernel {
    file: BootFile,
    segments: Vec<Segment>,
    entry: u32,
    wants_video: bool,
    modules: Vec<BootFile>,
    command_line: String,
}

impl Kernel {
    /// Checks a kernel.
    pub(super) fn new(
        file: BootFile,
        modules: Vec<BootFile>,
        arguments: &str,
    ) -> Result<Self, DirectBootError> {
        let Some(header) = Header::find(&file.bytes) else {
            let (file, found) = (file.name, "a file without a multiboot header");
            return Err(DirectBootError::NotAKernel { file, found });
        };
        if header.flags & MUST_KNOW != 0 {
            let bit = (header.flags & MUST_KNOW).trailing_zeros();
            let what = format!("feature {bit}, which the specification does not have");
            let file = file.name;
            return Err(DirectBootError::Unsupported { file, what });
        }
        let (segments, entry) = if header.flags & ADDRESSES != 0 {
            kludge(&file, header)?
        } else if elf::is_one(&file.bytes) {
            elf::parse(&file.name, &file.bytes)?
        } else {
            let file = file.name;
            let what = "a multiboot header without addresses, in a file that is not ELF".to_owned();
            return Err(DirectBootError::Damaged { file, what });
        };
        let ranges: Vec<_> = segments.iter().map(range).collect();
        let apart = ranges.iter().enumerate().all(|(n, range)| {
            let mut before = ranges.iter().take(n);
            !before.any(|other| overlap(other, range))
        });
        let entered = ranges.iter().any(|range| range.contains(&entry.into()));
        if !apart || !entered {
            let what = match apart {
                true => format!("its entry, {entry:#x}, is in nothing that is loaded"),
                false => "segments that overlap".to_owned(),
            };
            return Err(DirectBootError::Damaged {
                file: file.name,
                what,
            });
        }
        let command_line = [file.name.as_str(), arguments].join(" ").trim_end().to_owned();
        Ok(Self {
            file,
            segments,
            entry,
            wants_video: header.flags & VIDEO_MODE != 0,
            modules,
            command_line,
        })
    }

    /// Where everything goes.
    pub(super) fn load(&self, map: &MemoryMap) -> Result<Loaded<'_>, DirectBootError> {
        let mut taken: Vec<Range<u64>> = Vec::new();
        let mut pieces = Vec::new();
        for segment in &self.segments {
            let range = range(segment);
            if !map.contains(&range) {
                return Err(no_room(&self.file, "the kernel", &range, map));
            }
            let bytes = self.file.bytes.get(segment.offset..).unwrap_or_default();
            let bytes = bytes.get(..segment.bytes).unwrap_or(bytes);
            pieces.push(Piece {
                zeros: segment.zeros,
                ..Piece::new(range.start, bytes)
            });
            taken.push(range);
        }
        // Modules follow the kernel, each at the start of a page (§3.1.2 bit 0 wants that, others do not mind).
        let mut next = taken.iter().map(|range| range.end).max().unwrap_or(0).max(MIB);
        let mut modules = Vec::new();
        for module in &self.modules {
            let bytes = module.bytes.len() as u64;
            let Some(at) = map.lowest(next, bytes.max(1), PAGE, &taken) else {
                return Err(no_place(module, bytes, map));
            };
            taken.push(at..at + bytes);
            modules.push(at as u32);
            next = at + bytes;
            pieces.push(Piece::new(at, module.bytes.as_slice()));
        }
        let room = self.info(0, map, &modules).len() as u64;
        let info_at = map.lowest(INFO_FROM, room, PAGE, &taken);
        let info_at = info_at.ok_or_else(|| no_place(&self.file, room, map))?;
        pieces.push(Piece::new(info_at, self.info(info_at as u32, map, &modules)));
        Ok(Loaded {
            pieces,
            entry: Entry::Protected {
                eip: self.entry,
                ebx: info_at as u32,
            },
        })
    }

    /// The information structure for address `at`, and behind it what it points to.
    fn info(&self, at: u32, map: &MemoryMap, modules: &[u32]) -> Vec<u8> {
        let mut info = vec![0; INFO_BYTES];
        let append = |info: &mut Vec<u8>, bytes: &[u8]| {
            info.resize(info.len().next_multiple_of(4), 0);
            let place = at.wrapping_add(info.len() as u32);
            info.extend_from_slice(bytes);
            place
        };
        let text = |text: &str| [text.as_bytes(), b"\0"].concat();
        let mut flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_MEMORY_MAP | INFO_LOADER_NAME;

        put(&mut info, MEM_LOWER, &kib(map.run_from(0)).to_le_bytes());
        put(&mut info, MEM_UPPER, &kib(map.run_from(MIB)).to_le_bytes());
        let line = append(&mut info, &text(&self.command_line));
        put(&mut info, CMDLINE, &line.to_le_bytes());
        let name = append(&mut info, NAME);
        put(&mut info, BOOT_LOADER_NAME, &name.to_le_bytes());

        let mut entries = Vec::new();
        for region in &map.regions {
            entries.extend(MAP_ENTRY_BYTES.to_le_bytes());
            entries.extend(region.base.to_le_bytes());
            entries.extend(region.len.to_le_bytes());
            entries.extend(region.kind.to_le_bytes());
        }
        let entries_at = append(&mut info, &entries);
        put(&mut info, MMAP_LENGTH, &(entries.len() as u32).to_le_bytes());
        put(&mut info, MMAP_ADDR, &entries_at.to_le_bytes());

        if !modules.is_empty() {
            flags |= INFO_MODULES;
            let mut list = Vec::with_capacity(MODULE_BYTES * modules.len());
            for (&start, file) in modules.iter().zip(&self.modules) {
                let name = append(&mut info, &text(&file.name));
                for field in [start, start.wrapping_add(file.bytes.len() as u32), name, 0] {
                    list.extend(field.to_le_bytes());
                }
            }
            let list_at = append(&mut info, &list);
            put(&mut info, MODS_COUNT, &(modules.len() as u32).to_le_bytes());
            put(&mut info, MODS_ADDR, &list_at.to_le_bytes());
        }
        if self.wants_video {
            flags |= INFO_FRAMEBUFFER;
            put(&mut info, FRAMEBUFFER, &text_screen());
        }
        put(&mut info, 0, &flags.to_le_bytes());
        info
    }
}

/// Fields framebuffer_addr to framebuffer_type of an EGA text screen (§3.3).
fn text_screen() -> Vec<u8> {
    const ADDRESS: u64 = 0xb_8000;
    const PITCH: u32 = 160;
    const COLUMNS: u32 = 80;
    const ROWS: u32 = 25;
    const BITS: u8 = 16;
    const EGA_TEXT: u8 = 2;
    let mut fields = ADDRESS.to_le_bytes().to_vec();
    for field in [PITCH, COLUMNS, ROWS] {
        fields.extend(field.to_le_bytes());
    }
    fields.extend([BITS, EGA_TEXT]);
    fields
}

/// What the header's address fields say (§3.1.3).
fn kludge(file: &BootFile, header: Header) -> Result<(Vec<Segment>, u32), DirectBootError> {
    let damaged = |what: &str| DirectBootError::Damaged {
        file: file.name.clone(),
        what: format!("a multiboot header in which {what}"),
    };
    let cut_short = |promised: u64| DirectBootError::CutShort {
        file: file.name.clone(),
        bytes: file.bytes.len() as u64,
        promised,
    };
    let end = (header.offset + KLUDGE_BYTES) as u64;
    if end > file.bytes.len() as u64 {
        return Err(cut_short(end));
    }
    let field = |n: usize| read_u32(&file.bytes, header.offset + HEADER_BYTES + 4 * n).unwrap_or(0);
    let (header_addr, load_addr, load_end, bss_end, entry) =
        (field(0), field(1), field(2), field(3), field(4));
    let in_front = header_addr.checked_sub(load_addr);
    let in_front = in_front.ok_or_else(|| damaged("load_addr is behind header_addr"))?;
    let offset = header.offset.checked_sub(in_front as usize);
    let offset = offset.ok_or_else(|| damaged("load_addr is in front of the file"))?;
    let there = file.bytes.len() - offset;
    let bytes = match load_end {
        0 => there,
        end => end
            .checked_sub(load_addr)
            .ok_or_else(|| damaged("load_end_addr is below load_addr"))? as usize,
    };
    if bytes > there {
        return Err(cut_short(offset as u64 + bytes as u64));
    }
    let end = u64::from(load_addr) + bytes as u64;
    let zeros = match bss_end {
        0 => 0,
        bss_end => {
            let zeros = u64::from(bss_end).checked_sub(end);
            zeros.ok_or_else(|| damaged("bss_end_addr is below load_end_addr"))? as u32
        }
    };
    let segment = Segment {
        at: load_addr,
        offset,
        bytes,
        zeros,
    };
    Ok((vec![segment], entry))
}

fn range(segment: &Segment) -> Range<u64> {
    let start = u64::from(segment.at);
    start..start + segment.bytes as u64 + u64::from(segment.zeros)
}

fn kib(bytes: u64) -> u32 {
    (bytes >> 10) as u32
}

fn no_place(file: &BootFile, bytes: u64, map: &MemoryMap) -> DirectBootError {
    DirectBootError::NoPlace {
        file: file.name.clone(),
        bytes,
        below: map.end(),
        end: map.end(),
    }
}

#[cfg(test)]
#[path = "multiboot_tests.rs"]
pub(super) mod tests;
