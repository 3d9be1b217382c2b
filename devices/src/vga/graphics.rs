//! Graphics controller registers (3CEh/3CFh).

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

const SET_RESET: usize = 0;
const ENABLE_SET_RESET: usize = 1;
const COLOR_COMPARE: usize = 2;
const DATA_ROTATE: usize = 3;
const READ_MAP_SELECT: usize = 4;
const MODE: usize = 5;
const MISCELLANEOUS: usize = 6;
const COLOR_DONT_CARE: usize = 7;
const BIT_MASK: usize = 8;
const COUNT: usize = 9;

/// Bits that exist in each register.
const IMPLEMENTED: [u8; COUNT] = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];

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

/// The registers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct GraphicsController {
    index: u8,
    regs: [u8; COUNT],
}

impl GraphicsController {
    /// The index register.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Writes the index register.
    pub fn set_index(&mut self, value: u8) {
        self.index = value & 15;
    }

    /// Reads the indexed register; 0 where there is none.
    pub fn read(&self) -> u8 {
        self.regs.get(usize::from(self.index)).copied().unwrap_or(0)
    }

    /// Writes the indexed register.
    pub fn write(&mut self, value: u8) {
        let index = usize::from(self.index);
        if let (Some(reg), Some(mask)) = (self.regs.get_mut(index), IMPLEMENTED.get(index)) {
            *reg = value & mask;
        }
    }

    /// Masks what only a damaged state can hold.
    pub fn sanitize(&mut self) {
        self.index &= 15;
        for (reg, mask) in self.regs.iter_mut().zip(IMPLEMENTED) {
            *reg &= mask;
        }
    }

    /// Planes' values for set/reset.
    pub fn set_reset(&self) -> u8 {
        self.regs[SET_RESET]
    }

    /// Planes that take the set/reset value instead of the CPU's data in write mode 0.
    pub fn enable_set_reset(&self) -> u8 {
        self.regs[ENABLE_SET_RESET]
    }

    /// The colour that read mode 1 looks for.
    pub fn color_compare(&self) -> u8 {
        self.regs[COLOR_COMPARE]
    }

    /// Planes that take part in the comparison (1 = does).
    pub fn color_dont_care(&self) -> u8 {
        self.regs[COLOR_DONT_CARE]
    }

    /// Bits that CPU data is rotated right.
    pub fn rotate_count(&self) -> u32 {
        u32::from(self.regs[DATA_ROTATE] & 7)
    }

    /// What the ALUs do.
    pub fn function(&self) -> AluFunction {
        match self.regs[DATA_ROTATE] >> 3 & 3 {
            0 => AluFunction::Replace,
            1 => AluFunction::And,
            2 => AluFunction::Or,
            _ => AluFunction::Xor,
        }
    }

    /// The plane that read mode 0 returns.
    pub fn read_map(&self) -> u8 {
        self.regs[READ_MAP_SELECT]
    }

    /// Write mode 0 to 3.
    pub fn write_mode(&self) -> u8 {
        self.regs[MODE] & 3
    }

    /// Register 5 without the write mode.
    pub fn mode(&self) -> GraphicsMode {
        GraphicsMode::from_bits_truncate(self.regs[MODE])
    }

    /// Bits that come from the ALU; the others come from the latches.
    pub fn bit_mask(&self) -> u8 {
        self.regs[BIT_MASK]
    }

    /// Register 6, bit 0: graphics, not text.
    pub fn is_graphics(&self) -> bool {
        self.regs[MISCELLANEOUS] & 1 != 0
    }

    /// Register 6, bit 1: address bit 0 selects planes and is replaced by another bit.
    pub fn chain_odd_even(&self) -> bool {
        self.regs[MISCELLANEOUS] & 2 != 0
    }

    /// The CPU's window.
    pub fn window(&self) -> Window {
        let (base, size) = match self.regs[MISCELLANEOUS] >> 2 & 3 {
            0 => (0xa0000, 0x20000),
            1 => (0xa0000, 0x10000),
            2 => (0xb0000, 0x8000),
            _ => (0xb8000, 0x8000),
        };
        Window { base, size }
    }
}
