//! Rounding, and the answers to the numeric exceptions.
//!
//! Follows SDM vol. 1 §4.8.4 (rounding), §8.1.5 (control word) and §8.5 (exceptions). Tininess is detected
//! after rounding, as the x87 does.

use super::float::{Class, EXP_MAX, F80, INTEGER};
use crate::rounding::Rounding;

/// Exception flags of the status word, which are also the mask bits of the control word; and C1.
pub(crate) mod flag {
    /// Invalid operation.
    pub(crate) const IE: u16 = 1 << 0;
    /// Denormal operand.
    pub(crate) const DE: u16 = 1 << 1;
    /// Division by zero.
    pub(crate) const ZE: u16 = 1 << 2;
    /// Overflow.
    pub(crate) const OE: u16 = 1 << 3;
    /// Underflow.
    pub(crate) const UE: u16 = 1 << 4;
    /// Inexact result.
    pub(crate) const PE: u16 = 1 << 5;
    /// Stack fault.
    pub(crate) const SF: u16 = 1 << 6;
    /// Condition code 1: the significand was rounded up; or a stack overflow.
    pub(crate) const C1: u16 = 1 << 9;
    /// All exceptions.
    pub(crate) const ALL: u16 = 0x3f;
    /// Exceptions that, unmasked, keep an instruction from writing its result.
    pub(crate) const BEFORE: u16 = IE | DE | ZE;
}

/// What unmasked overflow and underflow add to or take off the exponent (SDM vol. 1 §8.5.4).
const EXPONENT_ADJUST: i32 = 0x6000;

/// One operation: how to round, which exceptions are masked, and which it raised.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env {
    pub(crate) rounding: Rounding,
    /// Bits of the significand that results keep: 24, 53 or 64.
    pub(crate) precision: u32,
    /// Masked exceptions.
    pub(crate) masked: u16,
    /// Raised so far, and C1.
    pub(crate) flags: u16,
    /// The source was a denormal of a narrower format, which it no longer shows.
    pub(crate) source_denormal: bool,
}

/// A significand rounded to the precision.
struct Rounded {
    sig: u64,
    /// The carry left the significand, which is zero now.
    carry: bool,
    inexact: bool,
    up: bool,
}

impl Env {
    /// As a control word says.
    pub(crate) fn new(control: u16) -> Self {
        Self {
            rounding: Rounding::from_bits(u32::from(control) >> 10),
            precision: match control >> 8 & 3 {
                0 => 24,
                2 => 53,
                _ => 64,
            },
            masked: control & flag::ALL,
            flags: 0,
            source_denormal: false,
        }
    }

    /// The same with results of full precision, whatever the precision control says.
    pub(crate) fn extended(control: u16) -> Self {
        Self {
            precision: 64,
            ..Self::new(control)
        }
    }

    /// Raises exceptions.
    pub(crate) fn raise(&mut self, flags: u16) {
        self.flags |= flags;
    }

    /// Whether an exception was raised that keeps the result from being written.
    pub(crate) fn stops(&self) -> bool {
        self.flags & !self.masked & flag::BEFORE != 0
    }

    /// Invalid operation: its masked answer.
    pub(crate) fn invalid(&mut self) -> F80 {
        self.raise(flag::IE);
        F80::INDEFINITE
    }

    /// Notes denormal operands. `true` if the operation must not go on.
    pub(crate) fn denormal(&mut self, classes: &[Class]) -> bool {
        if self.source_denormal || classes.contains(&Class::Denormal) {
            self.raise(flag::DE);
        }
        self.stops()
    }

    /// The answer if an operand is a NaN or unsupported (SDM vol. 1 table 4-7): of two NaNs the one with
    /// the larger significand, made quiet.
    pub(crate) fn nan2(&mut self, a: F80, b: F80) -> Option<F80> {
        let (ca, cb) = (a.class(), b.class());
        if ca == Class::Unsupported || cb == Class::Unsupported {
            return Some(self.invalid());
        }
        if !ca.is_nan() && !cb.is_nan() {
            return None;
        }
        if ca == Class::Signalling || cb == Class::Signalling {
            self.raise(flag::IE);
        }
        Some(match (ca, cb) {
            (_, _) if !cb.is_nan() => a.quieted(),
            (_, _) if !ca.is_nan() => b.quieted(),
            (Class::Signalling, Class::Quiet) => b,
            (Class::Quiet, Class::Signalling) => a,
            _ if a.sig != b.sig => {
                if a.sig > b.sig {
                    a.quieted()
                } else {
                    b.quieted()
                }
            }
            _ if a.is_negative() => b.quieted(),
            _ => a.quieted(),
        })
    }

    /// The same for one operand.
    pub(crate) fn nan1(&mut self, a: F80) -> Option<F80> {
        match a.class() {
            Class::Unsupported => Some(self.invalid()),
            Class::Signalling => {
                self.raise(flag::IE);
                Some(a.quieted())
            }
            Class::Quiet => Some(a),
            _ => None,
        }
    }

    /// Whether what follows the kept bits rounds the magnitude up. `rest` is left-aligned, `sticky` stands
    /// for anything below it.
    pub(crate) fn rounds_up(&self, negative: bool, odd: bool, rest: u64, sticky: bool) -> bool {
        match self.rounding {
            Rounding::Nearest => rest > INTEGER || rest == INTEGER && (sticky || odd),
            Rounding::Down => negative && (rest != 0 || sticky),
            Rounding::Up => !negative && (rest != 0 || sticky),
            Rounding::Zero => false,
        }
    }

    fn round_significand(&self, negative: bool, hi: u64, lo: u64, precision: u32) -> Rounded {
        let drop = 64 - precision;
        let (kept, rest, sticky) = if drop == 0 {
            (hi, lo, false)
        } else {
            (hi >> drop << drop, hi << precision, lo != 0)
        };
        let unit = 1u64 << drop;
        let up = self.rounds_up(negative, kept & unit != 0, rest, sticky);
        let (sig, carry) = if up {
            kept.overflowing_add(unit)
        } else {
            (kept, false)
        };
        Rounded {
            sig,
            carry,
            inexact: rest != 0 || sticky,
            up,
        }
    }

    /// Rounds `hi.lo * 2^(exp - BIAS - 63)` to the precision. The integer bit of `hi` is set; anything below
    /// `lo` must have been folded into its last bit.
    pub(crate) fn round(&mut self, negative: bool, exp: i32, hi: u64, lo: u64) -> F80 {
        let rounded = self.round_significand(negative, hi, lo, self.precision);
        let exp_rounded = exp + rounded.carry as i32;
        let sig = if rounded.carry { INTEGER } else { rounded.sig };
        if exp_rounded > EXP_MAX as i32 - 1 {
            return self.overflow(negative, exp_rounded, sig, &rounded);
        }
        if exp_rounded < 1 {
            return self.underflow(negative, exp, hi, lo, exp_rounded, sig, &rounded);
        }
        self.note(&rounded);
        F80::new(negative, exp_rounded as u16, sig)
    }

    fn note(&mut self, rounded: &Rounded) {
        if rounded.inexact {
            self.raise(flag::PE);
        }
        if rounded.up {
            self.raise(flag::C1);
        }
    }

    fn overflow(&mut self, negative: bool, exp: i32, sig: u64, rounded: &Rounded) -> F80 {
        self.raise(flag::OE);
        if self.masked & flag::OE == 0 {
            self.note(rounded);
            let exp = exp - EXPONENT_ADJUST;
            if exp >= EXP_MAX as i32 {
                // Only FSCALE comes this far.
                self.raise(flag::PE | flag::C1);
                return F80::infinity(negative);
            }
            return F80::new(negative, exp as u16, sig);
        }
        self.raise(flag::PE);
        if self.rounding.overflows_to_infinity(negative) {
            self.raise(flag::C1);
            F80::infinity(negative)
        } else {
            F80::new(negative, EXP_MAX - 1, u64::MAX << (64 - self.precision))
        }
    }

    fn underflow(
        &mut self,
        negative: bool,
        exp: i32,
        hi: u64,
        lo: u64,
        exp_rounded: i32,
        sig_rounded: u64,
        rounded: &Rounded,
    ) -> F80 {
        if self.masked & flag::UE == 0 {
            self.raise(flag::UE);
            self.note(rounded);
            let exp = exp_rounded + EXPONENT_ADJUST;
            if exp < 1 {
                self.raise(flag::PE);
                return F80::zero(negative);
            }
            return F80::new(negative, exp as u16, sig_rounded);
        }
        let (hi, lo) = shift_right_sticky(hi, lo, (1 - exp) as u32);
        let denormal = self.round_significand(negative, hi, lo, self.precision);
        self.note(&denormal);
        if denormal.inexact {
            self.raise(flag::UE);
        }
        // A significand that reached the integer bit is the smallest normal number.
        F80::new(negative, (denormal.sig >> 63) as u16, denormal.sig)
    }

    /// Rounds a magnitude that is an integer of 128 bits, normalised so that the top bit is set.
    pub(crate) fn round_wide(&mut self, negative: bool, exp: i32, wide: u128) -> F80 {
        self.round(negative, exp, (wide >> 64) as u64, wide as u64)
    }
}

/// Shifts right; what falls out at the end sets the last bit.
pub(crate) fn shift_right_sticky(hi: u64, lo: u64, by: u32) -> (u64, u64) {
    let wide = (hi as u128) << 64 | lo as u128;
    let shifted = match by {
        0 => wide,
        1..128 => wide >> by | (wide << (128 - by) != 0) as u128,
        _ => (wide != 0) as u128,
    };
    ((shifted >> 64) as u64, shifted as u64)
}
