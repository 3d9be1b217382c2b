//! Video memory and the data path between it and the CPU: sequencer and graphics controller as
//! memory cycles see them.
//!
//! The four planes are kept as one array of 32-bit words, plane 0 in the lowest byte, so that a
//! cycle on all planes is one operation, as in the chip. All 256 KiB are reachable whatever memory mode
//! bit 1 says: it told EGA boards without extension memory apart, and a limit of 64 KiB would only hurt
//! programs that clear the bit by accident.

use super::graphics::{AluFunction, GraphicsController, GraphicsMode, Window};
use super::sequencer::{MemoryMode, Sequencer};

/// Addresses in a plane.
pub const PLANE_SIZE: usize = 0x10000;

/// One byte in every plane.
const fn splat(byte: u8) -> u32 {
    byte as u32 * 0x0101_0101
}

/// All ones in the planes whose bit is set.
const fn expand(planes: u8) -> u32 {
    let mut out = 0;
    let mut plane = 0;
    while plane < 4 {
        if planes >> plane & 1 != 0 {
            out |= 0xff << (8 * plane);
        }
        plane += 1;
    }
    out
}

/// How addresses select planes on writes or reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addressing {
    Planar,
    OddEven,
    Chain4,
}

/// The registers that the data path depends on, decoded once when one of them changes.
#[derive(Clone, Debug)]
struct DataPath {
    window: Window,
    enabled: bool,
    write_addressing: Addressing,
    read_addressing: Addressing,
    /// Address bit 0 is replaced by `page` (or by bit 16 in the 128 KiB window).
    chain_odd_even: bool,
    page: u16,
    map_mask: u32,
    write_mode: u8,
    rotate: u32,
    function: AluFunction,
    set_reset: u32,
    enable_set_reset: u32,
    bit_mask: u32,
    /// Write mode 0 that stores CPU data as it is.
    plain: bool,
    read_compare: bool,
    read_map: u8,
    color_compare: u32,
    color_care: u32,
}

impl DataPath {
    fn new(sequencer: &Sequencer, graphics: &GraphicsController, enabled: bool, low_page: bool) -> Self {
        let memory_mode = sequencer.memory_mode();
        let mode = graphics.mode();
        let chain_4 = memory_mode.contains(MemoryMode::CHAIN_4);
        let either = |odd_even| match odd_even {
            _ if chain_4 => Addressing::Chain4,
            true => Addressing::OddEven,
            false => Addressing::Planar,
        };
        Self {
            window: graphics.window(),
            enabled,
            write_addressing: either(!memory_mode.contains(MemoryMode::SEQUENTIAL)),
            read_addressing: either(mode.contains(GraphicsMode::ODD_EVEN)),
            chain_odd_even: graphics.chain_odd_even() && !chain_4,
            page: u16::from(!low_page),
            map_mask: expand(sequencer.map_mask()),
            write_mode: graphics.write_mode(),
            rotate: graphics.rotate_count(),
            function: graphics.function(),
            set_reset: expand(graphics.set_reset()),
            enable_set_reset: expand(graphics.enable_set_reset()),
            bit_mask: splat(graphics.bit_mask()),
            plain: graphics.write_mode() == 0
                && graphics.rotate_count() == 0
                && graphics.function() == AluFunction::Replace
                && graphics.enable_set_reset() == 0
                && graphics.bit_mask() == 0xff,
            read_compare: mode.contains(GraphicsMode::READ_COMPARE),
            read_map: graphics.read_map(),
            color_compare: expand(graphics.color_compare()),
            color_care: expand(graphics.color_dont_care()),
        }
    }

    /// Offset in the window of a bus address.
    #[inline]
    fn offset(&self, addr: u32) -> Option<u32> {
        let offset = addr.wrapping_sub(self.window.base);
        (self.enabled && offset < self.window.size).then_some(offset)
    }

    /// Address in the planes of a window offset.
    #[inline]
    fn plane_address(&self, offset: u32, addressing: Addressing) -> u16 {
        if addressing == Addressing::Chain4 {
            // Address lines 14 and 15 take the place of the two that select the plane, as the CRTC's
            // doubleword mode has it.
            return offset as u16 & !3 | (offset >> 14 & 3) as u16;
        }
        if !self.chain_odd_even {
            return offset as u16;
        }
        let page = if self.window.size > PLANE_SIZE as u32 {
            (offset >> 16) as u16
        } else {
            self.page
        };
        offset as u16 & !1 | page
    }

    /// Planes that a write at `offset` may change.
    #[inline]
    fn write_planes(&self, offset: u32) -> u32 {
        let selected = match self.write_addressing {
            Addressing::Planar => !0,
            Addressing::OddEven => 0x00ff_00ff << (8 * (offset & 1)),
            Addressing::Chain4 => 0xff << (8 * (offset & 3)),
        };
        selected & self.map_mask
    }

    /// The bytes that the graphics controller offers to the four planes for a CPU write.
    #[inline]
    fn data(&self, value: u8, latches: u32) -> u32 {
        if self.plain {
            return splat(value);
        }
        let rotated = value.rotate_right(self.rotate);
        let (data, bit_mask) = match self.write_mode {
            0 => (
                splat(rotated) & !self.enable_set_reset | self.set_reset & self.enable_set_reset,
                self.bit_mask,
            ),
            1 => return latches,
            2 => (expand(value & 15), self.bit_mask),
            _ => (self.set_reset, self.bit_mask & splat(rotated)),
        };
        let result = match self.function {
            AluFunction::Replace => data,
            AluFunction::And => data & latches,
            AluFunction::Or => data | latches,
            AluFunction::Xor => data ^ latches,
        };
        result & bit_mask | latches & !bit_mask
    }
}

/// 256 KiB of video memory with its latches.
#[derive(Clone, Debug)]
pub struct VideoMemory {
    words: Box<[u32; PLANE_SIZE]>,
    latches: u32,
    path: DataPath,
    changed: bool,
}

impl VideoMemory {
    /// Cleared memory behind reset registers.
    pub fn new() -> Self {
        Self {
            words: Box::new([0; PLANE_SIZE]),
            latches: 0,
            path: DataPath::new(&Sequencer::default(), &GraphicsController::default(), false, true),
            changed: true,
        }
    }

    /// Takes over changed registers. `enabled`: the CPU's window is open; `low_page`: miscellaneous
    /// output bit 5.
    pub fn configure(
        &mut self,
        sequencer: &Sequencer,
        graphics: &GraphicsController,
        enabled: bool,
        low_page: bool,
    ) {
        self.path = DataPath::new(sequencer, graphics, enabled, low_page);
    }

    /// The four planes' bytes at `address`, plane 0 lowest.
    #[inline]
    pub fn word(&self, address: u16) -> u32 {
        self.words[usize::from(address)]
    }

    /// Plane 2's byte at `address`: fonts live there.
    #[inline]
    pub fn font_byte(&self, address: u16) -> u8 {
        (self.word(address) >> 16) as u8
    }

    /// All planes.
    pub fn words(&self) -> &[u32; PLANE_SIZE] {
        &self.words
    }

    /// Whether anything was written since the last call.
    pub fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// The latches.
    pub fn latches(&self) -> u32 {
        self.latches
    }

    /// The latch that the read map select names.
    pub fn selected_latch(&self) -> u8 {
        (self.latches >> (8 * u32::from(self.path.read_map))) as u8
    }

    /// Replaces contents and latches.
    pub fn restore(&mut self, words: Box<[u32; PLANE_SIZE]>, latches: u32) {
        self.words = words;
        self.latches = latches;
        self.changed = true;
    }

    /// A byte read cycle. Addresses outside the window read all ones.
    #[inline]
    pub fn read_byte(&mut self, addr: u32) -> u8 {
        let path = &self.path;
        let Some(offset) = path.offset(addr) else {
            return 0xff;
        };
        let word = self.words[usize::from(path.plane_address(offset, path.read_addressing))];
        self.latches = word;
        if path.read_compare {
            let differing = (word ^ path.color_compare) & path.color_care;
            let any = differing | differing >> 16;
            return !(any | any >> 8) as u8;
        }
        let plane = match path.read_addressing {
            Addressing::Planar => u32::from(path.read_map),
            Addressing::OddEven => u32::from(path.read_map) & 2 | offset & 1,
            Addressing::Chain4 => offset & 3,
        };
        (word >> (8 * plane)) as u8
    }

    /// A byte write cycle. Addresses outside the window are ignored.
    #[inline]
    pub fn write_byte(&mut self, addr: u32, value: u8) {
        let path = &self.path;
        let Some(offset) = path.offset(addr) else {
            return;
        };
        let planes = path.write_planes(offset);
        let data = path.data(value, self.latches);
        let word = &mut self.words[usize::from(path.plane_address(offset, path.write_addressing))];
        *word = *word & !planes | data & planes;
        self.changed = true;
    }

    /// A 32-bit read, as the four byte cycles it is.
    pub fn read_dword(&mut self, addr: u32) -> u32 {
        let path = &self.path;
        if path.read_addressing == Addressing::Chain4
            && !path.read_compare
            && addr & 3 == 0
            && let Some(offset) = path.offset(addr)
        {
            self.latches = self.words[usize::from(path.plane_address(offset, Addressing::Chain4))];
            return self.latches;
        }
        let low = self.read_word(addr);
        low | self.read_word(addr.wrapping_add(2)) << 16
    }

    /// A 16-bit read, as two byte cycles.
    pub fn read_word(&mut self, addr: u32) -> u32 {
        let low = u32::from(self.read_byte(addr));
        low | u32::from(self.read_byte(addr.wrapping_add(1))) << 8
    }

    /// A 32-bit write, as the four byte cycles it is.
    pub fn write_dword(&mut self, addr: u32, value: u32) {
        let path = &self.path;
        if path.write_addressing == Addressing::Chain4
            && path.plain
            && addr & 3 == 0
            && let Some(offset) = path.offset(addr)
        {
            let planes = path.map_mask;
            let word = &mut self.words[usize::from(path.plane_address(offset, Addressing::Chain4))];
            *word = *word & !planes | value & planes;
            self.changed = true;
            return;
        }
        self.write_word(addr, value);
        self.write_word(addr.wrapping_add(2), value >> 16);
    }

    /// A 16-bit write, as two byte cycles; the common text cell (character and attribute in one
    /// word) is one access.
    pub fn write_word(&mut self, addr: u32, value: u32) {
        let path = &self.path;
        if path.plain
            && path.write_addressing == Addressing::OddEven
            && path.chain_odd_even
            && addr & 1 == 0
            && let Some(offset) = path.offset(addr)
        {
            let planes = path.map_mask;
            let data = value & 0xffff | value << 16;
            let word = &mut self.words[usize::from(path.plane_address(offset, Addressing::OddEven))];
            *word = *word & !planes | data & planes;
            self.changed = true;
            return;
        }
        self.write_byte(addr, value as u8);
        self.write_byte(addr.wrapping_add(1), (value >> 8) as u8);
    }
}
