//! Addition, multiplication, division and square root, all operands.
//!
//! Follows SDM vol. 1 §8.5 and vol. 2A tables of FADD, FSUB, FMUL, FDIV and FSQRT.

use super::{
    float::{BIAS, Class, F80, INTEGER},
    round::{Env, flag},
};
use crate::rounding::Rounding;

/// What the arithmetic instructions compute from destination and source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Mul,
    Sub,
    /// Source minus destination.
    SubR,
    Div,
    /// Source divided by destination.
    DivR,
}

impl Env {
    /// `a op b`. The result counts only if [`Env::stops`] is false.
    pub(crate) fn arithmetic(&mut self, operation: Operation, a: F80, b: F80) -> F80 {
        match operation {
            Operation::Add => self.add(a, b, false),
            Operation::Sub => self.add(a, b, true),
            Operation::SubR => self.add(b, a, true),
            Operation::Mul => self.mul(a, b),
            Operation::Div => self.div(a, b),
            Operation::DivR => self.div(b, a),
        }
    }

    /// `a + b`, or `a - b`.
    pub(crate) fn add(&mut self, a: F80, b: F80, subtract: bool) -> F80 {
        if let Some(nan) = self.nan2(a, b) {
            return nan;
        }
        let b = if subtract { b.negated() } else { b };
        let (ca, cb) = (a.class(), b.class());
        if ca == Class::Infinity && cb == Class::Infinity && a.is_negative() != b.is_negative() {
            return self.invalid();
        }
        if self.denormal(&[ca, cb]) {
            return a;
        }
        match (ca, cb) {
            (Class::Infinity, _) => a,
            (_, Class::Infinity) => b,
            (Class::Zero, Class::Zero) => {
                let negative = if a.is_negative() == b.is_negative() {
                    a.is_negative()
                } else {
                    self.rounding == Rounding::Down
                };
                F80::zero(negative)
            }
            (Class::Zero, _) => self.reround(b),
            (_, Class::Zero) => self.reround(a),
            _ => self.add_finite(a, b),
        }
    }

    /// A finite number other than zero, rounded to the precision.
    pub(crate) fn reround(&mut self, a: F80) -> F80 {
        let a = a.finite();
        self.round(a.negative, a.exp, a.sig, 0)
    }

    fn add_finite(&mut self, a: F80, b: F80) -> F80 {
        let (mut a, mut b) = (a.finite(), b.finite());
        if (b.exp, b.sig) > (a.exp, a.sig) {
            (a, b) = (b, a);
        }
        // One bit of room for the carry, 63 bits below the last of the larger operand.
        let big = (a.sig as u128) << 63;
        let distance = (a.exp - b.exp) as u32;
        let wide = (b.sig as u128) << 63;
        let small = if distance < 127 {
            wide >> distance | (wide & ((1 << distance) - 1) != 0) as u128
        } else {
            1
        };
        let sum = if a.negative == b.negative {
            big + small
        } else {
            big - small
        };
        if sum == 0 {
            return F80::zero(self.rounding == Rounding::Down);
        }
        let shift = sum.leading_zeros();
        self.round_wide(a.negative, a.exp + 1 - shift as i32, sum << shift)
    }

    /// `a * b`.
    pub(crate) fn mul(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan2(a, b) {
            return nan;
        }
        let (ca, cb) = (a.class(), b.class());
        if matches!(
            (ca, cb),
            (Class::Infinity, Class::Zero) | (Class::Zero, Class::Infinity)
        ) {
            return self.invalid();
        }
        if self.denormal(&[ca, cb]) {
            return a;
        }
        let negative = a.is_negative() != b.is_negative();
        if ca == Class::Infinity || cb == Class::Infinity {
            return F80::infinity(negative);
        }
        if ca == Class::Zero || cb == Class::Zero {
            return F80::zero(negative);
        }
        let (a, b) = (a.finite(), b.finite());
        let product = a.sig as u128 * b.sig as u128;
        let shift = product.leading_zeros();
        self.round_wide(
            negative,
            a.exp + b.exp - BIAS + 1 - shift as i32,
            product << shift,
        )
    }

    /// `a / b`.
    pub(crate) fn div(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan2(a, b) {
            return nan;
        }
        let (ca, cb) = (a.class(), b.class());
        if ca == cb && matches!(ca, Class::Infinity | Class::Zero) {
            return self.invalid();
        }
        let negative = a.is_negative() != b.is_negative();
        if cb == Class::Zero && ca != Class::Infinity {
            self.raise(flag::ZE);
            return F80::infinity(negative);
        }
        if self.denormal(&[ca, cb]) {
            return a;
        }
        if ca == Class::Infinity {
            return F80::infinity(negative);
        }
        if ca == Class::Zero || cb == Class::Infinity {
            return F80::zero(negative);
        }
        let (a, b) = (a.finite(), b.finite());
        let smaller = a.sig < b.sig;
        let (quotient, remainder) = divide(a.sig, b.sig);
        // What follows the quotient: half or not, and whether anything is left.
        let twice = (remainder as u128) << 1;
        let lo = match twice.cmp(&(b.sig as u128)) {
            core::cmp::Ordering::Less => (remainder != 0) as u64,
            core::cmp::Ordering::Equal => INTEGER,
            core::cmp::Ordering::Greater => INTEGER | 1,
        };
        self.round(negative, a.exp - b.exp + BIAS - smaller as i32, quotient, lo)
    }

    /// The square root.
    pub(crate) fn sqrt(&mut self, a: F80) -> F80 {
        if let Some(nan) = self.nan1(a) {
            return nan;
        }
        let class = a.class();
        if class == Class::Zero {
            return a;
        }
        if a.is_negative() {
            return self.invalid();
        }
        if self.denormal(&[class]) || class == Class::Infinity {
            return a;
        }
        let a = a.finite();
        // An even exponent leaves a significand in [1, 4).
        let odd = (a.exp - BIAS) & 1 != 0;
        let (root, lo) = square_root(a.sig, odd);
        self.round(false, (a.exp - BIAS - odd as i32) / 2 + BIAS, root, lo)
    }
}

/// Quotient of two significands, as a significand, and what is left: `a * 2^64 / b` if `a < b`, else
/// `a * 2^63 / b`. Two steps of schoolbook division by digits of 32 bits (Knuth, vol. 2, algorithm D).
#[inline(always)]
pub(crate) fn divide(a: u64, b: u64) -> (u64, u64) {
    let (high, low) = if a < b { (a, 0) } else { (a >> 1, a << 63) };
    let (first, rest) = divide_step(high, (low >> 32) as u32, b);
    let (second, rest) = divide_step(rest, low as u32, b);
    (first << 32 | second, rest)
}

/// `(high * 2^32 + low) / b` and its remainder, where `high < b`.
#[inline(always)]
fn divide_step(high: u64, low: u32, b: u64) -> (u64, u64) {
    // The top bit of a significand is set: no division by zero.
    let top = b >> 32 | 1 << 31;
    let mut digit = high / top;
    // Too large by two at most, and then too large for the dividend.
    let dividend = (high as u128) << 32 | low as u128;
    let mut product = digit as u128 * b as u128;
    while product > dividend {
        digit -= 1;
        product -= b as u128;
    }
    (digit, (dividend - product) as u64)
}

/// The root of a significand in [1, 2), or of twice that: 64 bits, and the left-aligned bits behind them
/// folded into a word for rounding.
///
/// The host's square root of doubles gives an estimate; integers correct it, so that the result does not
/// depend on how good it was.
#[inline(always)]
pub(crate) fn square_root(sig: u64, twice: bool) -> (u64, u64) {
    // root^2 = sig * 2^63, or * 2^64.
    let square = (sig as u128) << (63 + twice as u32);
    let estimate = ((sig >> 11) as f64 * if twice { 2.0 } else { 1.0 }).sqrt();
    // sqrt(sig * 2^63) = sqrt(sig >> 11) * 2^37, about.
    let mut root = (estimate * (1u64 << 37) as f64) as u64;
    root = root.max(INTEGER);
    // One step of Newton's method on the remainder brings 52 bits to 64.
    let rest = square.wrapping_sub(root as u128 * root as u128) as i128;
    // The estimate is wrong by less than 2^12, the rest by less than 2^77.
    let step = (rest >> 16) as i64 as f64 / (root >> 15) as f64;
    root = root.saturating_add_signed(step as i64);
    let mut rest = square.wrapping_sub(root as u128 * root as u128) as i128;
    while rest < 0 {
        root -= 1;
        rest += (root as i128) << 1 | 1;
    }
    while rest > (root as i128) << 1 {
        rest -= (root as i128) << 1 | 1;
        root += 1;
    }
    // The bits behind: more than half if the rest exceeds the root. Never exactly half.
    let lo = if rest > root as i128 {
        INTEGER | 1
    } else {
        (rest != 0) as u64
    };
    (root, lo)
}
