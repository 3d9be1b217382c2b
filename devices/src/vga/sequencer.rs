//! Sequencer registers (3C4h/3C5h).

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

const CLOCKING_MODE: usize = 1;
const MAP_MASK: usize = 2;
const CHARACTER_MAP_SELECT: usize = 3;
const MEMORY_MODE: usize = 4;
const COUNT: usize = 5;

/// Bits that exist in each register.
const IMPLEMENTED: [u8; COUNT] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e];

bitflags! {
    /// Clocking mode, register 1.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct ClockingMode: u8 {
        /// Characters are 8 dots wide, not 9.
        const EIGHT_DOTS = 1 << 0;
        /// The dot clock is halved (40 columns, 320 dots).
        const HALF_CLOCK = 1 << 3;
        /// The screen is dark; the CPU has all memory cycles.
        const SCREEN_OFF = 1 << 5;
    }

    /// Memory mode, register 4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MemoryMode: u8 {
        /// More than 64 KiB are fitted.
        const EXTENDED_MEMORY = 1 << 1;
        /// 0: even addresses write planes 0 and 2, odd ones 1 and 3.
        const SEQUENTIAL = 1 << 2;
        /// Address bits 0 and 1 select the plane.
        const CHAIN_4 = 1 << 3;
    }
}

/// The registers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sequencer {
    index: u8,
    regs: [u8; COUNT],
}

impl Sequencer {
    /// The index register.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Writes the index register.
    pub fn set_index(&mut self, value: u8) {
        self.index = value & 7;
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
        self.index &= 7;
        for (reg, mask) in self.regs.iter_mut().zip(IMPLEMENTED) {
            *reg &= mask;
        }
    }

    /// Register 1.
    pub fn clocking(&self) -> ClockingMode {
        ClockingMode::from_bits_truncate(self.regs[CLOCKING_MODE])
    }

    /// Register 4.
    pub fn memory_mode(&self) -> MemoryMode {
        MemoryMode::from_bits_truncate(self.regs[MEMORY_MODE])
    }

    /// Planes that the CPU writes, one bit each.
    pub fn map_mask(&self) -> u8 {
        self.regs[MAP_MASK]
    }

    /// Dots of the undivided clock that a character lasts.
    pub fn character_clocks(&self) -> u64 {
        let clocking = self.clocking();
        let dots = if clocking.contains(ClockingMode::EIGHT_DOTS) {
            8
        } else {
            9
        };
        dots << u32::from(clocking.contains(ClockingMode::HALF_CLOCK))
    }

    /// Where in plane 2 the fonts lie: for characters with attribute bit 3 clear (map B) and set
    /// (map A).
    pub fn font_bases(&self) -> [u16; 2] {
        let select = self.regs[CHARACTER_MAP_SELECT];
        // Bits 0 and 1 count 16 KiB blocks; the third bit adds 8 KiB.
        let base = |low: u8, high: u8| u16::from(low & 3) << 14 | u16::from(high & 1) << 13;
        [base(select, select >> 4), base(select >> 2, select >> 5)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequencer(index: u8, value: u8) -> Sequencer {
        let mut s = Sequencer::default();
        s.set_index(index);
        s.write(value);
        s
    }

    #[test]
    fn character_map_select_places_both_fonts() {
        for (value, bases) in [
            (0x00, [0, 0]),
            (0x01, [0x4000, 0]),
            (0x04, [0, 0x4000]),
            (0x10, [0x2000, 0]),
            (0x20, [0, 0x2000]),
            (0x3a, [0xa000, 0xa000]),
            (0x2a, [0x8000, 0xa000]),
        ] {
            assert_eq!(sequencer(3, value).font_bases(), bases, "{value:#04x}");
        }
    }

    #[test]
    fn character_clocks_are_8_or_9_and_doubled_by_the_half_clock() {
        assert_eq!(sequencer(1, 0x00).character_clocks(), 9);
        assert_eq!(sequencer(1, 0x01).character_clocks(), 8);
        assert_eq!(sequencer(1, 0x08).character_clocks(), 18);
        assert_eq!(sequencer(1, 0x09).character_clocks(), 16);
    }
}
