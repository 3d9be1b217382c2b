//! Graphics controller registers (3CEh/3CFh).

use bitflags::bitflags;

use super::registers::{Layout, RegisterFile};

const SET_RESET: u8 = 0;
const ENABLE_SET_RESET: u8 = 1;
const COLOR_COMPARE: u8 = 2;
const DATA_ROTATE: u8 = 3;
const READ_MAP_SELECT: u8 = 4;
pub const MODE: u8 = 5;
pub const MISCELLANEOUS: u8 = 6;
const COLOR_DONT_CARE: u8 = 7;
const BIT_MASK: u8 = 8;
const COUNT: usize = 9;

bitflags! {
    /// Graphics mode, register 5; bits 0 and 1 are the write mode.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct GraphicsMode: u8 {
        /// Reads compare colours instead of returning a plane.
        const READ_COMPARE = 1 << 3;
        /// Address bit 0 selects the odd or even plane on reads.
        const ODD_EVEN = 1 << 4;
        /// Shift registers deliver two bits at a time (CGA's four colours).
        const SHIFT_INTERLEAVE = 1 << 5;
        /// Shift registers deliver four bits at a time (256 colours).
        const SHIFT_256 = 1 << 6;
    }
}

/// What an ALU does with data and latches: register 3, bits 3 and 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AluFunction {
    /// Data unmodified.
    Replace,
    /// Data AND latches.
    And,
    /// Data OR latches.
    Or,
    /// Data XOR latches.
    Xor,
}

/// The CPU's window into video memory: register 6, bits 2 and 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First address.
    pub base: u32,
    /// Size in bytes.
    pub size: u32,
}

/// Which registers there are.
#[derive(Debug)]
pub enum GraphicsLayout {}

impl Layout<COUNT> for GraphicsLayout {
    const INDEX_MASK: u8 = 0x0f;
    const IMPLEMENTED: [u8; COUNT] = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];
}

/// The registers.
pub type GraphicsController = RegisterFile<GraphicsLayout, COUNT>;

impl GraphicsController {
    /// Planes' values for set/reset.
    pub fn set_reset(&self) -> u8 {
        self.reg(SET_RESET)
    }

    /// Planes that take the set/reset value instead of the CPU's data in write mode 0.
    pub fn enable_set_reset(&self) -> u8 {
        self.reg(ENABLE_SET_RESET)
    }

    /// The colour that read mode 1 looks for.
    pub fn color_compare(&self) -> u8 {
        self.reg(COLOR_COMPARE)
    }

    /// Planes that take part in the comparison (1 = does).
    pub fn color_dont_care(&self) -> u8 {
        self.reg(COLOR_DONT_CARE)
    }

    /// Bits that CPU data is rotated right.
    pub fn rotate_count(&self) -> u32 {
        u32::from(self.reg(DATA_ROTATE) & 7)
    }

    /// What the ALUs do.
    pub fn function(&self) -> AluFunction {
        match self.reg(DATA_ROTATE) >> 3 & 3 {
            0 => AluFunction::Replace,
            1 => AluFunction::And,
            2 => AluFunction::Or,
            _ => AluFunction::Xor,
        }
    }

    /// The plane that read mode 0 returns.
    pub fn read_map(&self) -> u8 {
        self.reg(READ_MAP_SELECT)
    }

    /// Write mode 0 to 3.
    pub fn write_mode(&self) -> u8 {
        self.reg(MODE) & 3
    }

    /// Register 5 without the write mode.
    pub fn mode(&self) -> GraphicsMode {
        GraphicsMode::from_bits_truncate(self.reg(MODE))
    }

    /// Bits that come from the ALU; the others come from the latches.
    pub fn bit_mask(&self) -> u8 {
        self.reg(BIT_MASK)
    }

    /// Register 6, bit 0: graphics, not text.
    pub fn is_graphics(&self) -> bool {
        self.reg(MISCELLANEOUS) & 1 != 0
    }

    /// Register 6, bit 1: address bit 0 selects planes and is replaced by another bit.
    pub fn chain_odd_even(&self) -> bool {
        self.reg(MISCELLANEOUS) & 2 != 0
    }

    /// The CPU's window.
    pub fn window(&self) -> Window {
        let (base, size) = match self.reg(MISCELLANEOUS) >> 2 & 3 {
            0 => (0xa0000, 0x20000),
            1 => (0xa0000, 0x10000),
            2 => (0xb0000, 0x8000),
            _ => (0xb8000, 0x8000),
        };
        Window { base, size }
    }
}
