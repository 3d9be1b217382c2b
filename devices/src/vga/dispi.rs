//! Bochs's display interface: index at 1CEh, data at 1CFh, by which the VGA shows a linear frame buffer.
//!
//! Follows the register list that Bochs and its VGA BIOS agreed on, up to version B0C5h. The registers are words.
//! Left out: four bits a dot (the planes of the VGA at SVGA sizes) and the DDC lines in register 0Bh (the VGA BIOS
//! has the monitor's EDID).

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use super::linear::Scanout;

/// Where the index is written.
pub const INDEX_PORT: u16 = 0x1ce;
/// Where the register is.
pub const DATA_PORT: u16 = 0x1cf;

const ID: u16 = 0;
const X_RES: u16 = 1;
const Y_RES: u16 = 2;
const BPP: u16 = 3;
const ENABLE: u16 = 4;
const BANK: u16 = 5;
const VIRT_WIDTH: u16 = 6;
const VIRT_HEIGHT: u16 = 7;
const X_OFFSET: u16 = 8;
const Y_OFFSET: u16 = 9;
const VIDEO_MEMORY_64K: u16 = 0x0a;

const FIRST_ID: u16 = 0xb0c0;
const LAST_ID: u16 = 0xb0c5;

/// The largest picture.
const MAX_X: u16 = 1600;
const MAX_Y: u16 = 1200;
const MAX_BPP: u16 = 32;
/// Dots come in characters of eight.
const X_UNIT: u16 = 8;
/// Bytes of a bank.
const BANK_BYTES: u32 = 0x1_0000;

bitflags! {
    /// The enable register.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Enable: u16 {
        const ENABLED = 1 << 0;
        /// X_RES, Y_RES and BPP read as the most that there is.
        const GET_CAPABILITIES = 1 << 1;
        /// Colours of the DAC have eight bits.
        const DAC_8_BIT = 1 << 5;
        /// The guest means to use the linear frame buffer. It answers either way.
        const LINEAR = 1 << 6;
        /// Switching on keeps what the memory holds.
        const KEEP_MEMORY = 1 << 7;
    }
}

/// What a write asks of the adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    None,
    /// The picture, or the width of the DAC, may be another.
    Changed,
    /// The same, and the frame buffer becomes zero.
    Cleared,
}

/// The registers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispi {
    index: u16,
    id: u16,
    x_res: u16,
    y_res: u16,
    bpp: u16,
    enable: u16,
    bank: u16,
    virt_width: u16,
    x_offset: u16,
    y_offset: u16,
}

impl Default for Dispi {
    fn default() -> Self {
        Self {
            index: 0,
            id: LAST_ID,
            x_res: 640,
            y_res: 480,
            bpp: 8,
            enable: 0,
            bank: 0,
            virt_width: 640,
            x_offset: 0,
            y_offset: 0,
        }
    }
}

/// Bytes of a dot.
fn bytes_of(bpp: u16) -> u32 {
    u32::from(bpp.div_ceil(8))
}

impl Dispi {
    fn enable(&self) -> Enable {
        Enable::from_bits_truncate(self.enable)
    }

    /// Whether the linear frame buffer is shown, and not what the VGA's registers say.
    pub fn is_enabled(&self) -> bool {
        self.enable().contains(Enable::ENABLED)
    }

    /// Whether colours of the DAC have eight bits, not six.
    pub fn has_wide_dac(&self) -> bool {
        self.enable().contains(Enable::DAC_8_BIT)
    }

    /// The first byte of the bank at A0000h.
    pub fn bank_start(&self) -> u32 {
        u32::from(self.bank) * BANK_BYTES
    }

    pub fn index(&self) -> u16 {
        self.index
    }

    pub fn set_index(&mut self, index: u16) {
        self.index = index;
    }

    /// How many rows of the present width the memory holds.
    fn virt_height(&self, memory_bytes: u32) -> u16 {
        let pitch = u32::from(self.virt_width) * bytes_of(self.bpp);
        memory_bytes
            .checked_div(pitch)
            .map_or(0, |rows| rows.min(u16::MAX.into()) as u16)
    }

    /// The register at the index.
    pub fn read(&self, memory_bytes: u32) -> u16 {
        let most = self.enable().contains(Enable::GET_CAPABILITIES);
        match self.index {
            ID => self.id,
            X_RES if most => MAX_X,
            Y_RES if most => MAX_Y,
            BPP if most => MAX_BPP,
            X_RES => self.x_res,
            Y_RES => self.y_res,
            BPP => self.bpp,
            ENABLE => self.enable,
            BANK => self.bank,
            VIRT_WIDTH => self.virt_width,
            VIRT_HEIGHT => self.virt_height(memory_bytes),
            X_OFFSET => self.x_offset,
            Y_OFFSET => self.y_offset,
            VIDEO_MEMORY_64K => (memory_bytes / BANK_BYTES) as u16,
            _ => 0,
        }
    }

    /// Writes the register at the index. What cannot be shown is not taken: it reads back as it was.
    pub fn write(&mut self, value: u16, memory_bytes: u32) -> Effect {
        match self.index {
            ID if (FIRST_ID..=LAST_ID).contains(&value) => self.id = value,
            // Size and depth stay while the picture is shown.
            X_RES | Y_RES | BPP if self.is_enabled() => {}
            X_RES if (X_UNIT..=MAX_X).contains(&value) && value.is_multiple_of(X_UNIT) => self.x_res = value,
            Y_RES if (1..=MAX_Y).contains(&value) => self.y_res = value,
            BPP if matches!(value, 8 | 15 | 16 | 24 | 32) => self.bpp = value,
            BPP if value == 0 => self.bpp = 8,
            BANK if u32::from(value) < memory_bytes / BANK_BYTES => self.bank = value,
            ENABLE => return self.set_enable(value),
            VIRT_WIDTH => return self.set_virt_width(value, memory_bytes),
            X_OFFSET | Y_OFFSET => return self.set_offset(value, memory_bytes),
            _ => {}
        }
        Effect::None
    }

    fn set_enable(&mut self, value: u16) -> Effect {
        let was = self.is_enabled();
        let enable = Enable::from_bits_truncate(value);
        self.enable = enable.bits();
        if was || !self.is_enabled() {
            return Effect::Changed;
        }
        (self.bank, self.x_offset, self.y_offset) = (0, 0, 0);
        self.virt_width = self.x_res;
        if enable.contains(Enable::KEEP_MEMORY) {
            Effect::Changed
        } else {
            Effect::Cleared
        }
    }

    fn set_virt_width(&mut self, value: u16, memory_bytes: u32) -> Effect {
        let before = core::mem::replace(&mut self.virt_width, value & !(X_UNIT - 1));
        if self.virt_width < self.x_res || self.virt_height(memory_bytes) < self.y_res {
            self.virt_width = before;
        }
        (self.x_offset, self.y_offset) = (0, 0);
        Effect::Changed
    }

    fn set_offset(&mut self, value: u16, memory_bytes: u32) -> Effect {
        let before = (self.x_offset, self.y_offset);
        if self.index == X_OFFSET {
            self.x_offset = value;
        } else {
            self.y_offset = value;
        }
        let last_row = u32::from(self.y_offset) + u32::from(self.y_res);
        let inside = self.x_offset <= self.virt_width - self.x_res;
        if !inside || last_row > u32::from(self.virt_height(memory_bytes)) {
            (self.x_offset, self.y_offset) = before;
        }
        Effect::Changed
    }

    /// How the frame buffer becomes a picture, if it is shown.
    pub fn scanout(&self) -> Option<Scanout> {
        let (dot, width) = (bytes_of(self.bpp), u32::from(self.virt_width));
        self.is_enabled().then(|| Scanout {
            width: self.x_res.into(),
            height: self.y_res.into(),
            bpp: self.bpp,
            pitch: width * dot,
            start: (u32::from(self.y_offset) * width + u32::from(self.x_offset)) * dot,
        })
    }

    /// Whether a saved state can be that of these registers.
    pub fn is_well_formed(&self, memory_bytes: u32) -> bool {
        (X_UNIT..=MAX_X).contains(&self.x_res)
            && (1..=MAX_Y).contains(&self.y_res)
            && matches!(self.bpp, 8 | 15 | 16 | 24 | 32)
            && self.virt_width >= self.x_res
            && self.x_offset <= self.virt_width - self.x_res
            && u32::from(self.y_offset) + u32::from(self.y_res) <= u32::from(self.virt_height(memory_bytes))
            && u32::from(self.bank) < memory_bytes / BANK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: u32 = 16 << 20;

    fn set(dispi: &mut Dispi, index: u16, value: u16) -> Effect {
        dispi.set_index(index);
        dispi.write(value, MEMORY)
    }

    fn get(dispi: &mut Dispi, index: u16) -> u16 {
        dispi.set_index(index);
        dispi.read(MEMORY)
    }

    fn in_mode(x: u16, y: u16, bpp: u16) -> Dispi {
        let mut dispi = Dispi::default();
        for (index, value) in [(X_RES, x), (Y_RES, y), (BPP, bpp)] {
            set(&mut dispi, index, value);
        }
        assert_eq!(set(&mut dispi, ENABLE, 0x41), Effect::Cleared);
        dispi
    }

    #[test]
    fn versions_it_knows_read_back_and_others_do_not() {
        let mut dispi = Dispi::default();
        assert_eq!(get(&mut dispi, ID), 0xb0c5);
        for (written, read) in [(0xb0c0, 0xb0c0), (0xb0c5, 0xb0c5), (0xb0c6, 0xb0c5), (0, 0xb0c5)] {
            set(&mut dispi, ID, written);
            assert_eq!(get(&mut dispi, ID), read);
        }
    }

    #[test]
    fn a_mode_is_set_while_it_is_not_shown_and_shown_when_enabled() {
        let mut dispi = in_mode(1024, 768, 32);
        let scanout = dispi.scanout().unwrap();
        assert_eq!((scanout.width, scanout.height, scanout.pitch), (1024, 768, 4096));
        set(&mut dispi, X_RES, 640);
        assert_eq!(get(&mut dispi, X_RES), 1024);
        assert_eq!(get(&mut dispi, VIRT_HEIGHT), 4096);
        assert_eq!(set(&mut dispi, ENABLE, 0), Effect::Changed);
        assert_eq!(dispi.scanout(), None);
        assert_eq!(set(&mut dispi, ENABLE, 0x81), Effect::Changed);
    }

    #[test]
    fn what_cannot_be_shown_is_not_taken() {
        let mut dispi = Dispi::default();
        for (index, value, kept) in [
            (X_RES, 1608, 640),
            (X_RES, 641, 640),
            (X_RES, 0, 640),
            (Y_RES, 1201, 480),
            (Y_RES, 0, 480),
            (BPP, 4, 8),
            (BPP, 33, 8),
            (BANK, 256, 0),
            (0x20, 1, 0),
        ] {
            set(&mut dispi, index, value);
            assert_eq!(get(&mut dispi, index), kept, "{index} {value}");
        }
        let mut dispi = in_mode(800, 600, 16);
        for (index, value, kept) in [
            (VIRT_WIDTH, 792, 800),
            (VIRT_WIDTH, 65528, 800),
            (X_OFFSET, 1, 0),
            (Y_OFFSET, 10485 - 599, 0),
            (Y_OFFSET, 10485 - 600, 10485 - 600),
        ] {
            set(&mut dispi, index, value);
            assert_eq!(get(&mut dispi, index), kept, "{index} {value}");
        }
        assert!(dispi.is_well_formed(MEMORY));
    }

    #[test]
    fn a_wider_line_leaves_room_to_move_the_picture() {
        let mut dispi = in_mode(640, 480, 24);
        set(&mut dispi, VIRT_WIDTH, 1024);
        set(&mut dispi, X_OFFSET, 384);
        set(&mut dispi, Y_OFFSET, 10);
        let scanout = dispi.scanout().unwrap();
        assert_eq!((scanout.pitch, scanout.start), (3072, 10 * 3072 + 384 * 3));
    }

    #[test]
    fn the_most_that_there_is_can_be_asked_for() {
        let mut dispi = Dispi::default();
        set(&mut dispi, ENABLE, 2);
        assert_eq!(
            [X_RES, Y_RES, BPP].map(|index| get(&mut dispi, index)),
            [1600, 1200, 32]
        );
        assert_eq!(get(&mut dispi, VIDEO_MEMORY_64K), 256);
        assert!(!dispi.is_enabled());
    }
}
