//! Attribute controller registers (3C0h/3C1h).
//!
//! The internal palette can be written whatever index bit 5 says: programs do it while the picture
//! is on, and the boards people had let them.

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use super::registers::{Layout, RegisterFile};

const MODE_CONTROL: u8 = 0x10;
const OVERSCAN_COLOR: u8 = 0x11;
const COLOR_PLANE_ENABLE: u8 = 0x12;
const HORIZONTAL_PANNING: u8 = 0x13;
const COLOR_SELECT: u8 = 0x14;
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

/// Which registers there are.
#[derive(Debug)]
pub enum AttributeLayout {}

impl Layout<COUNT> for AttributeLayout {
    const INDEX_MASK: u8 = 0x1f;
    const IMPLEMENTED: [u8; COUNT] = [
        0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef,
        0xff, 0x3f, 0x0f, 0x0f,
    ];
}

/// The registers, and the flip-flop that lets index and data share a port.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AttributeController {
    regs: RegisterFile<AttributeLayout, COUNT>,
    /// [`PALETTE_ADDRESS_SOURCE`].
    palette_source: u8,
    /// The next write to 3C0h is data.
    expects_data: bool,
}

impl AttributeController {
    /// The index register with the palette address source, as 3C0h reads.
    pub fn index(&self) -> u8 {
        self.regs.index() | self.palette_source
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
            self.regs.write(value);
        } else {
            self.regs.set_index(value);
            self.palette_source = value & PALETTE_ADDRESS_SOURCE;
        }
        self.expects_data = !self.expects_data;
    }

    /// A read of 3C1h.
    pub fn read(&self) -> u8 {
        self.regs.read()
    }

    /// Masks what only a damaged state can hold.
    pub fn sanitize(&mut self) {
        self.regs.sanitize();
        self.palette_source &= PALETTE_ADDRESS_SOURCE;
    }

    /// Whether both give the same picture.
    pub fn equals(&self, other: &Self) -> bool {
        self.regs.equals(&other.regs) && self.palette_source == other.palette_source
    }

    /// Whether there is a picture; otherwise the screen has the overscan colour.
    pub fn picture_on(&self) -> bool {
        self.palette_source != 0
    }

    /// Register 10h.
    pub fn mode(&self) -> AttributeMode {
        AttributeMode::from_bits_truncate(self.regs.reg(MODE_CONTROL))
    }

    /// DAC index of the border.
    pub fn overscan(&self) -> u8 {
        self.regs.reg(OVERSCAN_COLOR)
    }

    /// Planes that reach the palette.
    pub fn plane_enable(&self) -> u8 {
        self.regs.reg(COLOR_PLANE_ENABLE) & 15
    }

    /// Which two colour bits input status 1 shows.
    pub fn video_status_mux(&self) -> u8 {
        self.regs.reg(COLOR_PLANE_ENABLE) >> 4 & 3
    }

    /// Register 13h, in its own coding.
    pub fn panning(&self) -> u8 {
        self.regs.reg(HORIZONTAL_PANNING)
    }

    /// DAC index of four-bit colour `color`.
    pub fn dac_index(&self, color: u8) -> u8 {
        self.palette_entry(color & self.plane_enable())
    }

    /// DAC index of internal palette register `entry`, past the plane enables.
    pub fn palette_entry(&self, entry: u8) -> u8 {
        let palette = self.regs.reg(entry & 15);
        let select = self.regs.reg(COLOR_SELECT);
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
