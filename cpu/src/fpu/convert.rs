//! Conversions between the extended format and the formats of memory operands: single and double precision,
//! two's complement integers, packed decimal.
//!
//! Follows SDM vol. 1 §4.2, §8.2.1 and §8.5.1.1 (the masked answers of stores).

use super::{
    float::{BIAS, Class, F80, INTEGER, QUIET},
    round::{Env, flag, shift_right_sticky},
};

/// A narrower format of IEEE 754.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrow {
    /// Bits of the significand with its integer bit.
    precision: u32,
    bias: i32,
    /// The exponent of infinities and NaNs.
    exp_max: i32,
}

/// Single precision, 32 bits.
pub(crate) const SINGLE: Narrow = Narrow {
    precision: 24,
    bias: 0x7f,
    exp_max: 0xff,
};

/// Double precision, 64 bits.
pub(crate) const DOUBLE: Narrow = Narrow {
    precision: 53,
    bias: 0x3ff,
    exp_max: 0x7ff,
};

impl Narrow {
    fn assemble(&self, negative: bool, exp: i32, fraction: u64) -> u64 {
        let fraction_bits = self.precision - 1;
        let width = if self.precision == 24 { 32 } else { 64 };
        (negative as u64) << (width - 1) | (exp as u64) << fraction_bits | fraction
    }

    /// The value in extended format, which can hold it exactly. NaNs keep their kind, and a denormal is
    /// reported: the caller raises what is due.
    pub(crate) fn widen(&self, raw: u64) -> Wide {
        let fraction_bits = self.precision - 1;
        let width = if self.precision == 24 { 32 } else { 64 };
        let negative = raw >> (width - 1) & 1 != 0;
        let exp = (raw >> fraction_bits) as i32 & self.exp_max;
        let sig = raw << (64 - self.precision) & (INTEGER - 1);
        let (value, denormal) = if exp == self.exp_max {
            (F80::new(negative, 0x7fff, sig | INTEGER), false)
        } else if exp != 0 {
            let exp = exp - self.bias + BIAS;
            (F80::new(negative, exp as u16, sig | INTEGER), false)
        } else if sig == 0 {
            (F80::zero(negative), false)
        } else {
            let shift = sig.leading_zeros();
            let exp = 1 - self.bias + BIAS - shift as i32;
            (F80::new(negative, exp as u16, sig << shift), true)
        };
        Wide { value, denormal }
    }
}

/// A memory operand in extended format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) value: F80,
    /// It was a denormal of its own format.
    pub(crate) denormal: bool,
}

/// An integer in extended format.
pub(crate) fn from_integer(value: i64) -> F80 {
    if value == 0 {
        return F80::zero(false);
    }
    let magnitude = value.unsigned_abs();
    let shift = magnitude.leading_zeros();
    F80::new(value < 0, (BIAS + 63) as u16 - shift as u16, magnitude << shift)
}

/// Packed decimal: 18 digits and a sign. Nibbles above 9 count as what they are.
pub(crate) fn from_packed_decimal(bytes: [u8; 10]) -> F80 {
    let digits = bytes[..9].iter().rev();
    let magnitude = digits.fold(0u64, |sum, byte| {
        sum.wrapping_mul(100)
            .wrapping_add((byte >> 4) as u64 * 10 + (byte & 15) as u64)
    });
    from_integer(magnitude as i64).with_sign(bytes[9] & 0x80 != 0)
}

/// The largest magnitude of a packed decimal.
const DECIMAL_MAX: u64 = 999_999_999_999_999_999;

impl Env {
    /// In single or double precision. `None` if an unmasked exception keeps it from being stored.
    pub(crate) fn narrow(&mut self, a: F80, format: &Narrow) -> Option<u64> {
        let negative = a.is_negative();
        let payload = (a.sig & (INTEGER - 1)) >> (64 - format.precision);
        let stored = match a.class() {
            Class::Zero => format.assemble(negative, 0, 0),
            Class::Infinity => format.assemble(negative, format.exp_max, 0),
            Class::Quiet => format.assemble(negative, format.exp_max, payload),
            Class::Signalling => {
                self.raise(flag::IE);
                let quiet = QUIET >> (64 - format.precision);
                format.assemble(negative, format.exp_max, payload | quiet)
            }
            Class::Unsupported => {
                self.raise(flag::IE);
                format.assemble(true, format.exp_max, QUIET >> (64 - format.precision))
            }
            Class::Normal | Class::Denormal => return self.narrow_finite(a, format),
        };
        (!self.stops()).then_some(stored)
    }

    fn narrow_finite(&mut self, a: F80, format: &Narrow) -> Option<u64> {
        let a = a.finite();
        let exp = a.exp - BIAS + format.bias;
        // Rounded as if the exponent had no limits: decides overflow and tininess.
        let mut free = Self {
            precision: format.precision,
            flags: 0,
            ..*self
        };
        let rounded = free.round(a.negative, BIAS, a.sig, 0);
        let exp_rounded = exp + (rounded.exp() as i32 - BIAS);
        if exp_rounded >= format.exp_max {
            return self.narrow_overflow(a.negative, format);
        }
        let fraction = |sig: u64| (sig & (INTEGER - 1)) >> (64 - format.precision);
        if exp_rounded >= 1 {
            self.raise(free.flags);
            return Some(format.assemble(a.negative, exp_rounded, fraction(rounded.sig)));
        }
        if self.masked & flag::UE == 0 {
            self.raise(flag::UE);
            return None;
        }
        let (hi, lo) = shift_right_sticky(a.sig, 0, (1 - exp) as u32);
        let drop = 64 - format.precision;
        let (kept, rest) = (hi >> drop, hi << format.precision);
        let up = self.rounds_up(a.negative, kept & 1 != 0, rest, lo != 0);
        if rest != 0 || lo != 0 {
            self.raise(flag::PE | flag::UE);
        }
        if up {
            self.raise(flag::C1);
        }
        // A carry into the exponent field makes the smallest normal number.
        Some(format.assemble(a.negative, 0, kept + up as u64))
    }

    fn narrow_overflow(&mut self, negative: bool, format: &Narrow) -> Option<u64> {
        self.raise(flag::OE);
        if self.masked & flag::OE == 0 {
            return None;
        }
        self.raise(flag::PE);
        if self.rounding.overflows_to_infinity(negative) {
            self.raise(flag::C1);
            Some(format.assemble(negative, format.exp_max, 0))
        } else {
            let fraction = (1u64 << (format.precision - 1)) - 1;
            Some(format.assemble(negative, format.exp_max - 1, fraction))
        }
    }

    /// The magnitude as an integer of at most 64 bits, rounded, with PE and C1. `None` if it is larger, or no
    /// number.
    fn integer_magnitude(&mut self, a: F80) -> Option<u64> {
        match a.class() {
            Class::Zero => return Some(0),
            Class::Normal | Class::Denormal => {}
            _ => return None,
        }
        let a = a.finite();
        let power = a.exp - BIAS;
        if power > 63 {
            return None;
        }
        let (whole, rest) = shift_right_sticky(a.sig, 0, (63 - power).min(128) as u32);
        let up = self.rounds_up(a.negative, whole & 1 != 0, rest, false);
        let magnitude = whole.checked_add(up as u64)?;
        if rest != 0 {
            self.raise(flag::PE);
        }
        if up {
            self.raise(flag::C1);
        }
        Some(magnitude)
    }

    /// As a two's complement integer of `bits`. What does not fit is invalid and gives the most negative one.
    /// `None` if that is unmasked.
    pub(crate) fn integer(&mut self, a: F80, bits: u32) -> Option<u64> {
        let before = self.flags;
        let limit = 1u64 << (bits - 1);
        let negative = a.is_negative();
        match self.integer_magnitude(a) {
            Some(magnitude) if magnitude < limit || magnitude == limit && negative => Some(if negative {
                magnitude.wrapping_neg()
            } else {
                magnitude
            }),
            _ => {
                self.flags = before | flag::IE;
                (!self.stops()).then_some(limit.wrapping_neg())
            }
        }
    }

    /// As packed decimal. `None` if it does not fit and that is unmasked.
    pub(crate) fn packed_decimal(&mut self, a: F80) -> Option<[u8; 10]> {
        let before = self.flags;
        match self.integer_magnitude(a) {
            Some(mut magnitude) if magnitude <= DECIMAL_MAX => {
                let mut bytes = [0; 10];
                for byte in &mut bytes[..9] {
                    let two = magnitude % 100;
                    *byte = ((two / 10) << 4 | (two % 10)) as u8;
                    magnitude /= 100;
                }
                bytes[9] = (a.is_negative() as u8) << 7;
                Some(bytes)
            }
            _ => {
                self.flags = before | flag::IE;
                (!self.stops()).then_some(F80::INDEFINITE.to_bytes())
            }
        }
    }
}
