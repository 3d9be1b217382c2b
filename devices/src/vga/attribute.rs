//! Attribute controller registers (3C0h/3C1h).
//!
//! The internal palette can be written whatever index bit 5 says: programs do it while the picture
//! is on, and the boards people had let them.

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

const MODE_CONTROL: usize = 0x10;
const OVERSCAN_COLOR: usize = 0x11;
const COLOR_PLANE_ENABLE: usize = 0x12;
const HORIZONTAL_PANNING: usize = 0x13;
const COLOR_SELECT: usize = 0x14;
const COUNT: usize = 0x15;

/// Index register, bit 5: the palette belongs to the video, so there is a picture.
const PALETTE_ADDRESS_SOURCE: u8 = 1 << 5;

bitflags! {
    /// Mode control, register 10h.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AttributeMode: u8 {
        /// Graphics, not text.
        const GRAPHICS = 1 << 0;
        /// Monochrome attributes.
        const MONOCHROME = 1 << 1;
        /// Characters C0h to DFh repeat their eighth dot in the ninth.
        const LINE_GRAPHICS = 1 << 2;
        /// Attribute bit 7 blinks instead of brightening the background.
        const BLINK = 1 << 3;
        /// Panning stops at the line compare.
        const PANNING_COMPATIBILITY = 1 << 5;
        /// Two four-bit pixels make one of eight bits.
        const EIGHT_BIT_COLOR = 1 << 6;
        /// Color select supplies palette bits 4 and 5.
        const PALETTE_BITS_5_4 = 1 << 7;
    }
}

/// The registers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AttributeController {
    index: u8,
    /// The next write to 3C0h is data.
    expects_data: bool,
    regs: [u8; COUNT],
}

impl AttributeController {
    /// The index register with the palette address source, as 3C0h reads.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Whether the next write to 3C0h is data.
    pub fn expects_data(&self) -> bool {
        self.expects_data
    }

    /// Reading input status 1 makes the next write an index.
    pub fn reset_flip_flop(&mut self) {
        self.expects_data = false;
    }

    /// A write to 3C0h: index and data in turn.
    pub fn write(&mut self, value: u8) {
        if self.expects_data {
            let index = usize::from(self.index & 31);
            if let Some(reg) = self.regs.get_mut(index) {
                *reg = value & Self::implemented(index);
            }
        } else {
            self.index = value & 0x3f;
        }
        self.expects_data = !self.expects_data;
    }

    /// A read of 3C1h.
    pub fn read(&self) -> u8 {
        self.regs.get(usize::from(self.index & 31)).copied().unwrap_or(0)
    }

    /// Bits that exist in register `index`.
    const fn implemented(index: usize) -> u8 {
        match index {
            MODE_CONTROL => 0xef,
            OVERSCAN_COLOR => 0xff,
            HORIZONTAL_PANNING | COLOR_SELECT => 0x0f,
            _ => 0x3f,
        }
    }

    /// Masks what only a damaged state can hold.
    pub fn sanitize(&mut self) {
        self.index &= 0x3f;
        for (index, reg) in self.regs.iter_mut().enumerate() {
            *reg &= Self::implemented(index);
        }
    }

    /// Whether there is a picture; otherwise the screen has the overscan colour.
    pub fn picture_on(&self) -> bool {
        self.index & PALETTE_ADDRESS_SOURCE != 0
    }

    /// Register 10h.
    pub fn mode(&self) -> AttributeMode {
        AttributeMode::from_bits_truncate(self.regs[MODE_CONTROL])
    }

    /// DAC index of the border.
    pub fn overscan(&self) -> u8 {
        self.regs[OVERSCAN_COLOR]
    }

    /// Planes that reach the palette.
    pub fn plane_enable(&self) -> u8 {
        self.regs[COLOR_PLANE_ENABLE] & 15
    }

    /// Which two colour bits input status 1 shows.
    pub fn video_status_mux(&self) -> u8 {
        self.regs[COLOR_PLANE_ENABLE] >> 4 & 3
    }

    /// Register 13h, in its own coding.
    pub fn panning(&self) -> u8 {
        self.regs[HORIZONTAL_PANNING]
    }

    /// DAC index of four-bit colour `color`.
    pub fn dac_index(&self, color: u8) -> u8 {
        self.palette_entry(color & self.plane_enable())
    }

    /// DAC index of internal palette register `entry`, past the plane enables.
    pub fn palette_entry(&self, entry: u8) -> u8 {
        let palette = self.regs[usize::from(entry & 15)];
        let select = self.regs[COLOR_SELECT];
        let low = if self.mode().contains(AttributeMode::PALETTE_BITS_5_4) {
            palette & 0x0f | (select & 3) << 4
        } else {
            palette
        };
        low | (select >> 2 & 3) << 6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_select_supplies_the_upper_bits_of_the_dac_index() {
        let mut a = AttributeController::default();
        let mut set = |index: u8, value: u8, color: u8| {
            a.reset_flip_flop();
            a.write(index);
            a.write(value);
            a.dac_index(color)
        };
        set(0x12, 0x0f, 0);
        assert_eq!(set(0x05, 0x3a, 5), 0x3a);
        assert_eq!(
            set(0x14, 0x0d, 5),
            0xfa,
            "bits 6 and 7 always come from colour select"
        );
        assert_eq!(set(0x10, 0x80, 5), 0xda, "with mode bit 7 so do bits 4 and 5");
        assert_eq!(set(0x12, 0x03, 13), 0xd0, "a disabled plane reads 0: colour 1");
    }
}
