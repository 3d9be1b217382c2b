//! The environment and the whole state as FNSTENV and FNSAVE write them.
//!
//! Follows SDM vol. 1 §8.1.10, figures 8-9 to 8-12, and §8.1.7 (tag word).

use super::{
    Fpu, Register,
    float::{Class, F80},
};

/// How instruction and operand pointers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PointerForm {
    /// Selector and offset.
    Protected,
    /// Linear address: real and virtual-8086 mode.
    Real,
}

/// The layout of an image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageForm {
    /// Fields of 32 bits.
    pub(crate) wide: bool,
    pub(crate) pointers: PointerForm,
}

/// Bytes of the eight registers.
const REGISTERS: usize = 80;
/// The longest image: 14 and 28 bytes of environment come first.
pub(crate) const IMAGE_MAX: usize = 28 + REGISTERS;

impl ImageForm {
    /// Bytes of the environment.
    pub(crate) const fn environment_len(self) -> usize {
        if self.wide { 28 } else { 14 }
    }

    /// Bytes of a field, and what the address must be a multiple of where alignment is checked.
    pub(crate) const fn alignment(self) -> u32 {
        if self.wide { 4 } else { 2 }
    }
}

/// The two bits of the tag word for a register.
fn tag(register: Register) -> u16 {
    if register.is_empty() {
        return 3;
    }
    match register.value().class() {
        Class::Normal => 0,
        Class::Zero => 1,
        _ => 2,
    }
}

impl Fpu {
    fn tag_word(&self) -> u16 {
        let tags = self.registers.iter().rev();
        tags.fold(0, |word, register| word << 2 | tag(register.0))
    }

    fn set_tag_word(&mut self, word: u16) {
        let full = (0..8).filter(|n| word >> (2 * n) & 3 != 3);
        self.set_full_mask(full.fold(0, |mask, n| mask | 1 << n));
    }

    /// Writes the environment; registers follow in stack order if the form's state length is wanted.
    pub(crate) fn write_image(&self, form: ImageForm) -> [u8; IMAGE_MAX] {
        let last = &self.last;
        let opcode = last.opcode as u32 & 0x7ff;
        let fields: [u32; 7] = match form.pointers {
            PointerForm::Protected => [
                self.control as u32,
                self.status_word() as u32,
                self.tag_word() as u32,
                last.eip,
                last.cs as u32 | opcode << 16,
                last.operand,
                last.segment as u32,
            ],
            PointerForm::Real => {
                let code = ((last.cs as u32) << 4).wrapping_add(last.eip);
                let data = ((last.segment as u32) << 4).wrapping_add(last.operand);
                [
                    self.control as u32,
                    self.status_word() as u32,
                    self.tag_word() as u32,
                    code & 0xffff,
                    code >> 16 << 12 | opcode,
                    data & 0xffff,
                    data >> 16 << 12,
                ]
            }
        };
        let mut image = [0; IMAGE_MAX];
        let len = form.environment_len();
        for (n, field) in fields.into_iter().enumerate() {
            if form.wide {
                // Reserved halves are ones.
                let whole = match (n, form.pointers) {
                    (0..=2, _) | (6, PointerForm::Protected) | (3 | 5, PointerForm::Real) => {
                        field | 0xffff_0000
                    }
                    _ => field,
                };
                image[4 * n..4 * n + 4].copy_from_slice(&whole.to_le_bytes());
            } else {
                image[2 * n..2 * n + 2].copy_from_slice(&(field as u16).to_le_bytes());
            }
        }
        for (i, place) in (0..).zip(image[len..].chunks_exact_mut(10).take(8)) {
            place.copy_from_slice(&self.st(i).to_bytes());
        }
        image
    }

    /// Loads the environment from an image.
    pub(crate) fn read_environment(&mut self, image: &[u8; IMAGE_MAX], form: ImageForm) {
        let field = |n: usize| {
            if form.wide {
                u32::from_le_bytes([image[4 * n], image[4 * n + 1], image[4 * n + 2], image[4 * n + 3]])
            } else {
                u16::from_le_bytes([image[2 * n], image[2 * n + 1]]) as u32
            }
        };
        let last = &mut self.last;
        match form.pointers {
            PointerForm::Protected => {
                last.eip = field(3);
                last.cs = field(4) as u16;
                if form.wide {
                    last.opcode = (field(4) >> 16) as u16 & 0x7ff;
                }
                last.operand = field(5);
                last.segment = field(6) as u16;
            }
            PointerForm::Real => {
                last.cs = 0;
                last.eip = field(3) & 0xffff | field(4) >> 12 << 16;
                last.opcode = field(4) as u16 & 0x7ff;
                last.segment = 0;
                last.operand = field(5) & 0xffff | field(6) >> 12 << 16;
            }
        }
        let (control, status, tags) = (field(0) as u16, field(1) as u16, field(2) as u16);
        self.set_control(control);
        self.set_status(status);
        self.set_tag_word(tags);
    }

    /// Loads the whole state from an image.
    pub(crate) fn read_image(&mut self, image: &[u8; IMAGE_MAX], form: ImageForm) {
        self.read_environment(image, form);
        let tags = self.full_mask();
        let registers = image[form.environment_len()..].chunks_exact(10).take(8);
        for (i, bytes) in (0..).zip(registers) {
            let mut ten = [0; 10];
            ten.copy_from_slice(bytes);
            self.set_st(i, F80::from_bytes(ten));
        }
        self.set_full_mask(tags);
    }
}
