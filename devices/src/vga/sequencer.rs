//! Sequencer registers (3C4h/3C5h).

use bitflags::bitflags;

use super::registers::{Layout, RegisterFile};

const RESET: u8 = 0;
const CLOCKING_MODE: u8 = 1;
/// Planes that the CPU writes: all that the data path takes from the sequencer besides the memory mode.
pub const MAP_MASK: u8 = 2;
const CHARACTER_MAP_SELECT: u8 = 3;
const MEMORY_MODE: u8 = 4;
const COUNT: usize = 5;

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

/// Which registers there are.
#[derive(Debug)]
pub enum SequencerLayout {}

impl Layout<COUNT> for SequencerLayout {
    const INDEX_MASK: u8 = 0x07;
    const IMPLEMENTED: [u8; COUNT] = [0x03, 0x3d, 0x0f, 0x3f, 0x0e];
}

/// The registers.
pub type Sequencer = RegisterFile<SequencerLayout, COUNT>;

impl Sequencer {
    /// Whether either of the two resets is held (0 = held).
    pub fn is_reset(&self) -> bool {
        self.reg(RESET) != 3
    }

    /// Register 1.
    pub fn clocking(&self) -> ClockingMode {
        ClockingMode::from_bits_truncate(self.reg(CLOCKING_MODE))
    }

    /// Register 4.
    pub fn memory_mode(&self) -> MemoryMode {
        MemoryMode::from_bits_truncate(self.reg(MEMORY_MODE))
    }

    /// Planes that the CPU writes, one bit each.
    pub fn map_mask(&self) -> u8 {
        self.reg(MAP_MASK)
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
        let select = self.reg(CHARACTER_MAP_SELECT);
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
