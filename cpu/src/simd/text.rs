//! The string comparisons of SSE4.2: PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM.
//!
//! SDM vol. 2B §4.1 (the immediate, aggregation, polarity, what invalid elements count as).

use super::packed::{Lane, Packed, Xmm};
use crate::flags::Eflags;

/// The result of a comparison: one bit for each element of the second operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comparison {
    /// Bits of the elements ("IntRes2").
    mask: u32,
    elements: u32,
    has_words: bool,
    /// CF, ZF, SF, OF; AF and PF are clear.
    pub(crate) flags: Eflags,
}

/// An operand and its length in elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) value: Xmm,
    /// `None`: up to its first zero.
    pub(crate) length: Option<i32>,
}

/// The elements of an operand as integers, and how many are valid.
struct Elements {
    values: [i32; 16],
    valid: usize,
}

impl Elements {
    fn of(text: Text, imm: u8) -> Self {
        let count = if imm & 1 != 0 { 8 } else { 16 };
        let mut values = [0; 16];
        for (n, value) in values.iter_mut().enumerate().take(count) {
            *value = match imm & 3 {
                0 => widened::<u8>(text.value, n),
                1 => widened::<u16>(text.value, n),
                2 => widened::<i8>(text.value, n),
                _ => widened::<i16>(text.value, n),
            };
        }
        let valid = match text.length {
            Some(length) => (length.unsigned_abs() as usize).min(count),
            None => values[..count]
                .iter()
                .position(|&value| value == 0)
                .unwrap_or(count),
        };
        Self { values, valid }
    }
}

fn widened<L: Lane + Into<i32>>(value: Xmm, n: usize) -> i32 {
    value.lane::<L>(n).into()
}

/// Compares as the immediate says.
pub(crate) fn compare(a: Text, b: Text, imm: u8) -> Comparison {
    let count = if imm & 1 != 0 { 8 } else { 16 };
    let (a, b) = (Elements::of(a, imm), Elements::of(b, imm));
    let holds = |j: usize| -> bool {
        let b_valid = j < b.valid;
        match imm >> 2 & 3 {
            // Equal any.
            0 => b_valid && a.values[..a.valid].contains(&b.values[j]),
            // Ranges: pairs of limits. A pair needs both.
            1 => {
                b_valid
                    && a.values[..a.valid & !1]
                        .chunks_exact(2)
                        .any(|pair| (pair[0]..=pair[1]).contains(&b.values[j]))
            }
            // Equal each.
            2 => match (j < a.valid, b_valid) {
                (true, true) => a.values[j] == b.values[j],
                (a_valid, b_valid) => a_valid == b_valid,
            },
            // Equal ordered: `a` stands at `j`, as far as the register goes.
            _ => (0..a.valid.min(count - j)).all(|n| j + n < b.valid && a.values[n] == b.values[j + n]),
        }
    };
    let found = (0..count).fold(0, |mask, j| mask | (holds(j) as u32) << j);
    let all = (1u32 << count) - 1;
    let mask = match imm >> 4 & 3 {
        1 => found ^ all,
        3 => found ^ ((1 << b.valid) - 1),
        _ => found,
    };
    let mut flags = Eflags::empty();
    flags.set(Eflags::CF, mask != 0);
    flags.set(Eflags::ZF, b.valid < count);
    flags.set(Eflags::SF, a.valid < count);
    flags.set(Eflags::OF, mask & 1 != 0);
    Comparison {
        mask,
        elements: count as u32,
        has_words: imm & 1 != 0,
        flags,
    }
}

impl Comparison {
    /// For ECX: the first element found, or the last (bit 6 of the immediate), or their number if none is.
    pub(crate) fn index(self, imm: u8) -> u32 {
        if self.mask == 0 {
            self.elements
        } else if imm & 0x40 != 0 {
            31 - self.mask.leading_zeros()
        } else {
            self.mask.trailing_zeros()
        }
    }

    /// For XMM0: the bits, or whole elements (bit 6 of the immediate).
    pub(crate) fn register(self, imm: u8) -> Xmm {
        if imm & 0x40 == 0 {
            Xmm::of_low(self.mask)
        } else if self.has_words {
            Xmm::build::<u16>(|n| if self.mask >> n & 1 != 0 { u16::MAX } else { 0 })
        } else {
            Xmm::build::<u8>(|n| if self.mask >> n & 1 != 0 { u8::MAX } else { 0 })
        }
    }
}
