//! Linux kernels, bzImage and zImage, by the boot protocol 2.00 and later.
//!
//! Follows "The Linux/x86 Boot Protocol" (Documentation/arch/x86/boot.rst), whose names the fields have. The kernel is
//! entered at its 16-bit setup code, which asks the BIOS for everything itself. Of kernels before protocol 2.00 only the
//! message is here: they boot as floppies. Not used: the 32- and 64-bit entries, setup_data, the checksum (signing
//! tools change the file and leave the checksum as it was).

use core::ops::Range;

use super::{
    BootFile, DirectBootError, Entry, Loaded, Piece, RealEntry, memory::MemoryMap, no_room, put, read_u16,
    read_u32, read_u64,
};

const SETUP_SECTS: usize = 0x1f1;
const SYSSIZE: usize = 0x1f4;
const VID_MODE: usize = 0x1fa;
const BOOT_FLAG: usize = 0x1fe;
const HEADER: usize = 0x202;
const VERSION: usize = 0x206;
const TYPE_OF_LOADER: usize = 0x210;
const LOADFLAGS: usize = 0x211;
const SETUP_MOVE_SIZE: usize = 0x212;
const CODE32_START: usize = 0x214;
const RAMDISK_IMAGE: usize = 0x218;
const RAMDISK_SIZE: usize = 0x21c;
const HEAP_END_PTR: usize = 0x224;
const CMD_LINE_PTR: usize = 0x228;
const INITRD_ADDR_MAX: usize = 0x22c;
const KERNEL_ALIGNMENT: usize = 0x230;
const RELOCATABLE_KERNEL: usize = 0x234;
const XLOADFLAGS: usize = 0x236;
const CMDLINE_SIZE: usize = 0x238;
const PREF_ADDRESS: usize = 0x258;
const INIT_SIZE: usize = 0x260;
/// The header of protocol 2.00 ends here.
const HEADER_END: usize = 0x224;
/// Where protocols 2.00 and 2.01 look for the command line.
const OLD_CL_MAGIC: usize = 0x20;
const OLD_CL_OFFSET: usize = 0x22;

const MAGIC: &[u8] = b"HdrS";
const CL_MAGIC: u16 = 0xa33f;
const LOADED_HIGH: u8 = 1 << 0;
const CAN_USE_HEAP: u8 = 1 << 7;
const XLF_KERNEL_64: u16 = 1 << 0;
/// "Undefined": a loader without a number of its own.
const LOADER: u8 = 0xff;

const SECTOR: usize = 512;
const PARAGRAPH: u64 = 16;
/// The kernel's own build refuses to make a larger setup.
const MOST_SETUP_SECTORS: usize = 64;
/// How much more than the 16 bits of an old syssize say may lie behind a kernel.
const MOST_PADDING: u64 = 0x1_0000;
/// Where a zImage goes, and where it must end.
const ZIMAGE: Range<u64> = 0x1_0000..0x9_0000;
/// Setup of a zImage and before protocol 2.02; of other kernels.
const OLD_SETUP: u64 = 0x9_0000;
const SETUP: u64 = 0x1_0000;
/// Ends of the setup's heap and stack, where the command line begins.
const OLD_HEAP_END: u16 = 0x9800;
const HEAP_END: u16 = 0xe000;
/// Bytes at the end of the heap that the setup keeps for its stack.
const STACK: u16 = 0x200;
const OLD_CMDLINE_SIZE: u32 = 255;
/// Ends with conventional memory.
const MOST_CMDLINE_SIZE: u32 = 0xffff;
const OLD_INITRD_ADDR_MAX: u32 = 0x37ff_ffff;
const PAGE: u64 = 0x1000;
/// Concatenated archives begin at multiples of this.
const INITRD_ALIGN: usize = 4;

/// Whether a file that starts with `head` is a kernel.
pub(super) fn is_one(head: &[u8]) -> bool {
    head.get(HEADER..HEADER + MAGIC.len()) == Some(MAGIC) && read_u16(head, BOOT_FLAG) == Some(0xaa55)
}

/// A kernel, its initial RAM disk and its command line.
#[derive(Clone)]
pub(super) struct Kernel {
    file: BootFile,
    header: Header,
    /// All of them, one after the other.
    initrd: Vec<u8>,
    initrd_name: String,
    command_line: Vec<u8>,
}

/// What the header says, with the values that stand for what a protocol does not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    version: u16,
    setup_bytes: usize,
    loaded_high: bool,
    code32_start: u32,
    initrd_addr_max: u32,
    cmdline_size: u32,
    /// Where the kernel will unpack itself, and how much it needs there.
    runs_in: Range64,
}

/// A range that is `Copy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Range64 {
    start: u64,
    end: u64,
}

impl Kernel {
    /// Checks a kernel.
    pub(super) fn new(
        file: BootFile,
        initrds: Vec<BootFile>,
        command_line: &str,
    ) -> Result<Self, DirectBootError> {
        let header = Header::parse(&file)?;
        let most = header.cmdline_size as usize;
        if command_line.len() > most {
            let bytes = command_line.len();
            let file = file.name;
            return Err(DirectBootError::CommandLine { file, bytes, most });
        }
        let initrd_name = initrds.iter().map(|initrd| initrd.name.as_str());
        let initrd_name = initrd_name.collect::<Vec<_>>().join(" + ");
        let initrd = initrds.into_iter().fold(Vec::new(), |mut all: Vec<u8>, initrd| {
            all.resize(all.len().next_multiple_of(INITRD_ALIGN), 0);
            all.extend(initrd.bytes);
            all
        });
        Ok(Self {
            file,
            header,
            initrd,
            initrd_name,
            command_line: command_line.as_bytes().to_vec(),
        })
    }

    /// Where everything goes.
    pub(super) fn load(&self, map: &MemoryMap) -> Result<Loaded<'_>, DirectBootError> {
        let header = &self.header;
        let (setup, payload) = self
            .file
            .bytes
            .split_at(header.setup_bytes.min(self.file.bytes.len()));
        let at = header.load_address();
        let kernel = at..at + payload.len() as u64;
        self.check_room(map, "the kernel", &kernel)?;
        let runs_in = header.runs_in.start..header.runs_in.end;
        self.check_room(map, "the unpacked kernel", &runs_in)?;
        let old_setup = header.version < 0x202 || !header.loaded_high;
        let (base, heap_end) = if old_setup {
            (OLD_SETUP, OLD_HEAP_END)
        } else {
            (SETUP, HEAP_END)
        };
        let command_line = base + u64::from(heap_end);
        let setup_end = command_line + self.command_line.len() as u64 + 1;
        self.check_room(map, "the kernel's setup", &(base..setup_end))?;

        let mut setup = setup.to_vec();
        let mut text = self.command_line.clone();
        text.push(0);
        put(&mut setup, TYPE_OF_LOADER, &[LOADER]);
        if header.version >= 0x201 {
            let flags = setup.get(LOADFLAGS).copied().unwrap_or(0) | CAN_USE_HEAP;
            put(&mut setup, LOADFLAGS, &[flags]);
            put(&mut setup, HEAP_END_PTR, &(heap_end - STACK).to_le_bytes());
        }
        if header.version >= 0x202 {
            put(&mut setup, CMD_LINE_PTR, &(command_line as u32).to_le_bytes());
        } else {
            put(&mut setup, OLD_CL_MAGIC, &CL_MAGIC.to_le_bytes());
            put(&mut setup, OLD_CL_OFFSET, &heap_end.to_le_bytes());
            let moved = (setup_end - base) as u16;
            put(&mut setup, SETUP_MOVE_SIZE, &moved.to_le_bytes());
        }
        if let Some(mode) = option(&self.command_line, b"vga=").and_then(video_mode) {
            put(&mut setup, VID_MODE, &mode.to_le_bytes());
        }
        let mut pieces = Vec::new();
        if !self.initrd.is_empty() {
            let at = self.place_initrd(map, &[kernel, runs_in, base..setup_end])?;
            put(&mut setup, RAMDISK_IMAGE, &(at as u32).to_le_bytes());
            put(
                &mut setup,
                RAMDISK_SIZE,
                &(self.initrd.len() as u32).to_le_bytes(),
            );
            pieces.push(Piece::new(at, self.initrd.as_slice()));
        }
        pieces.push(Piece::new(base, setup));
        pieces.push(Piece::new(command_line, text));
        pieces.push(Piece::new(at, payload));
        let segment = (base >> 4) as u16;
        Ok(Loaded {
            pieces,
            entry: Entry::Real(RealEntry {
                // The boot sector is in front of the setup.
                cs: segment + (SECTOR >> 4) as u16,
                ip: 0,
                ds: segment,
                ss: segment,
                sp: heap_end,
                interrupts: false,
            }),
        })
    }

    fn check_room(
        &self,
        map: &MemoryMap,
        what: &'static str,
        range: &Range<u64>,
    ) -> Result<(), DirectBootError> {
        if map.contains(range) {
            return Ok(());
        }
        Err(no_room(&self.file, what, range, map))
    }

    /// As high as the kernel and its `mem=` let it.
    fn place_initrd(&self, map: &MemoryMap, taken: &[Range<u64>]) -> Result<u64, DirectBootError> {
        let bytes = self.initrd.len() as u64;
        let limit = option(&self.command_line, b"mem=")
            .and_then(size)
            .unwrap_or(u64::MAX);
        let below = (u64::from(self.header.initrd_addr_max) + 1).min(limit);
        let place = map.highest(below, bytes, PAGE, taken);
        place.ok_or_else(|| DirectBootError::NoPlace {
            file: self.initrd_name.clone(),
            bytes,
            below,
            end: map.end(),
        })
    }
}

impl Header {
    fn parse(file: &BootFile) -> Result<Self, DirectBootError> {
        let bytes = file.bytes.as_slice();
        let damaged = |what: String| DirectBootError::Damaged {
            file: file.name.clone(),
            what,
        };
        if bytes.len() < HEADER_END {
            return Err(DirectBootError::CutShort {
                file: file.name.clone(),
                bytes: bytes.len() as u64,
                promised: HEADER_END as u64,
            });
        }
        // What lies past the end of the file is caught with the length of the whole.
        let dword = |at: usize| read_u32(bytes, at).unwrap_or(0);
        let word = |at: usize| read_u16(bytes, at).unwrap_or(0);
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);

        let version = word(VERSION);
        if !(0x200..0x300).contains(&version) {
            let (major, minor) = (version >> 8, version & 0xff);
            return Err(damaged(format!(
                "a kernel of boot protocol {major}.{minor:02}, and 2.00 to 2.15 are known"
            )));
        }
        let setup_sectors = match byte(SETUP_SECTS) {
            0 => 4,
            sectors => usize::from(sectors),
        };
        if setup_sectors >= MOST_SETUP_SECTORS {
            return Err(damaged(format!(
                "a setup of {setup_sectors} sectors, and 63 are the most"
            )));
        }
        let setup_bytes = (setup_sectors + 1) * SECTOR;
        let loaded_high = byte(LOADFLAGS) & LOADED_HIGH != 0;
        if version >= 0x20c && word(XLOADFLAGS) & XLF_KERNEL_64 != 0 {
            let file = file.name.clone();
            let what = "a 64-bit Linux kernel";
            return Err(DirectBootError::LongMode { file, what });
        }
        let header = Self {
            version,
            setup_bytes,
            loaded_high,
            code32_start: dword(CODE32_START),
            initrd_addr_max: match version {
                0x203.. => dword(INITRD_ADDR_MAX),
                _ => OLD_INITRD_ADDR_MAX,
            },
            cmdline_size: match version {
                0x206.. => dword(CMDLINE_SIZE).min(MOST_CMDLINE_SIZE),
                _ => OLD_CMDLINE_SIZE,
            },
            runs_in: Range64::default(),
        };
        let syssize = match version {
            0x204.. => dword(SYSSIZE),
            _ => word(SYSSIZE).into(),
        };
        header.check_length(file, syssize)?;
        let payload = (bytes.len() - setup_bytes.min(bytes.len())) as u64;
        if !loaded_high && payload > ZIMAGE.end - ZIMAGE.start {
            let most = (ZIMAGE.end - ZIMAGE.start) >> 10;
            return Err(damaged(format!(
                "a zImage with {payload} bytes behind its setup, and {most} KiB are the most"
            )));
        }
        if loaded_high && header.code32_start < 0x10_0000 {
            let at = header.code32_start;
            return Err(damaged(format!("its code32_start is {at:#x}, below 1 MiB")));
        }
        Ok(Self {
            runs_in: header.runs_in(version, dword(KERNEL_ALIGNMENT), byte(RELOCATABLE_KERNEL), bytes),
            ..header
        })
    }

    /// `syssize`: paragraphs behind the setup, of which old protocols have the low 16 bits only.
    fn check_length(&self, file: &BootFile, syssize: u32) -> Result<(), DirectBootError> {
        let bytes = file.bytes.len() as u64;
        let setup = self.setup_bytes as u64;
        let paragraphs = bytes.saturating_sub(setup).div_ceil(PARAGRAPH);
        let mut promised = u64::from(syssize);
        if self.version < 0x204 && self.loaded_high {
            let excess = paragraphs.wrapping_sub(promised) & 0xffff;
            promised = match paragraphs.checked_sub(excess) {
                Some(whole) if excess * PARAGRAPH <= MOST_PADDING => whole,
                Some(whole) => whole + 0x1_0000,
                None => promised,
            };
        }
        if bytes > setup && paragraphs >= promised && promised > 0 {
            return Ok(());
        }
        Err(DirectBootError::CutShort {
            file: file.name.clone(),
            bytes,
            promised: setup + promised.max(1) * PARAGRAPH,
        })
    }

    fn load_address(&self) -> u64 {
        if self.loaded_high {
            self.code32_start.into()
        } else {
            ZIMAGE.start
        }
    }

    /// From init_size (protocol 2.10); empty where a kernel does not say.
    fn runs_in(&self, version: u16, alignment: u32, relocatable: u8, bytes: &[u8]) -> Range64 {
        let (Some(preferred), Some(size)) = (read_u64(bytes, PREF_ADDRESS), read_u32(bytes, INIT_SIZE))
        else {
            return Range64::default();
        };
        if version < 0x20a {
            return Range64::default();
        }
        let alignment = u64::from(alignment.max(1));
        let start = match relocatable {
            0 => preferred,
            _ => self.load_address().next_multiple_of(alignment).max(preferred),
        };
        Range64 {
            start,
            end: start.saturating_add(size.into()),
        }
    }
}

/// The value of the last option `name` (with its equals sign) in a command line.
fn option<'a>(command_line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let words = command_line.split(|byte| byte.is_ascii_whitespace());
    words.filter_map(|word| word.strip_prefix(name)).next_back()
}

/// As the kernel reads `vga=`: a name or a number, hexadecimal with 0x.
fn video_mode(value: &[u8]) -> Option<u16> {
    match value {
        b"normal" => Some(0xffff),
        b"ext" => Some(0xfffe),
        b"ask" => Some(0xfffd),
        number => {
            let text = core::str::from_utf8(number).ok()?;
            match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
                Some(digits) => u16::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            }
        }
    }
}

/// As the kernel reads `mem=`: bytes, or with K, M or G.
fn size(value: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(value).ok()?;
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 10),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 20),
        b'g' | b'G' => (text.get(..text.len() - 1)?, 30),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
#[path = "linux_tests.rs"]
mod tests;
