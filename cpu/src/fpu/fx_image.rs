//! The x87's part of the image that FXSAVE writes.
//!
//! SDM vol. 1 table 10-2. Tags are one bit for each register by number; the registers follow in stack order.

use super::{F80, Fpu};

/// Where the first register lies; each takes 16 bytes.
const REGISTERS_AT: usize = 32;

fn half(image: &[u8; 512], at: usize) -> u16 {
    u16::from_le_bytes([image[at], image[at + 1]])
}

fn word(image: &[u8; 512], at: usize) -> u32 {
    half(image, at) as u32 | (half(image, at + 2) as u32) << 16
}

impl Fpu {
    /// Writes everything up to the registers, and these.
    pub(crate) fn write_fx_image(&self, image: &mut [u8; 512]) {
        let last = &self.last;
        image[0..2].copy_from_slice(&self.control.to_le_bytes());
        image[2..4].copy_from_slice(&self.status_word().to_le_bytes());
        image[4] = self.full_mask();
        image[6..8].copy_from_slice(&(last.opcode & 0x7ff).to_le_bytes());
        image[8..12].copy_from_slice(&last.eip.to_le_bytes());
        image[12..14].copy_from_slice(&last.cs.to_le_bytes());
        image[16..20].copy_from_slice(&last.operand.to_le_bytes());
        image[20..22].copy_from_slice(&last.segment.to_le_bytes());
        for (i, place) in (0..8).zip(image[REGISTERS_AT..].chunks_exact_mut(16)) {
            place[..10].copy_from_slice(&self.st(i).to_bytes());
        }
    }

    /// Takes over what [`Fpu::write_fx_image`] wrote.
    pub(crate) fn read_fx_image(&mut self, image: &[u8; 512]) {
        self.last.opcode = half(image, 6) & 0x7ff;
        self.last.eip = word(image, 8);
        self.last.cs = half(image, 12);
        self.last.operand = word(image, 16);
        self.last.segment = half(image, 20);
        let registers = core::array::from_fn(|i| {
            let mut ten = [0; 10];
            let at = REGISTERS_AT + 16 * i;
            ten.copy_from_slice(&image[at..at + 10]);
            F80::from_bytes(ten)
        });
        self.set_state(half(image, 0), half(image, 2), image[4], registers);
    }
}
