//! Numbers of 128 bits: what the elementary functions compute with, far beyond the 64 bits of their results.

use super::super::{
    float::{BIAS, F80},
    round::Env,
};

/// One in Q1.127.
pub(super) const ONE: u128 = 1 << 127;

/// A positive number: `sig / 2^127 * 2^power`, the top bit set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    pub(super) power: i32,
    pub(super) sig: u128,
}

/// The upper 128 bits of a product, to within three units of the last.
#[inline]
pub(super) fn mul_high(a: u128, b: u128) -> u128 {
    let (a_high, a_low) = ((a >> 64) as u64 as u128, a as u64 as u128);
    let (b_high, b_low) = ((b >> 64) as u64 as u128, b as u64 as u128);
    a_high * b_high + ((a_high * b_low) >> 64) + ((a_low * b_high) >> 64)
}

impl Wide {
    /// The magnitude of a finite number other than zero.
    pub(super) fn of(a: F80) -> Self {
        let a = a.finite();
        Self {
            power: a.exp - BIAS,
            sig: (a.sig as u128) << 64,
        }
    }

    /// From a fixed-point number other than zero whose top bit stands for `2^power`.
    pub(super) fn normalised(power: i32, fixed: u128) -> Self {
        let shift = fixed.leading_zeros();
        Self {
            power: power - shift as i32,
            sig: fixed << (shift & 127),
        }
    }

    /// As a fraction in Q0.128; the number is below 1.
    pub(super) fn fraction(self) -> u128 {
        self.sig.checked_shr((-1 - self.power) as u32).unwrap_or(0)
    }

    /// Times a factor in Q1.127.
    pub(super) fn scaled(self, factor: u128) -> Self {
        Self::normalised(self.power + 1, mul_high(self.sig, factor))
    }

    /// The product.
    pub(super) fn times(self, other: Self) -> Self {
        Self::normalised(self.power + other.power + 1, mul_high(self.sig, other.sig))
    }

    /// The quotient, to 95 bits.
    pub(super) fn over(self, other: Self) -> Self {
        // Two bits of room for the digits' corrections.
        let (a, b) = (self.sig >> 2, other.sig >> 2);
        let whole = a >= b;
        let (high, rest) = digit(if whole { a - b } else { a }, b);
        let (low, _) = digit(rest, b);
        let fraction = high << 80 | low << 32;
        if whole {
            Self {
                power: self.power - other.power,
                sig: ONE | fraction >> 1,
            }
        } else {
            Self::normalised(self.power - other.power - 1, fraction)
        }
    }

    /// Rounded to the format. The number is known to be inexact: it is never taken for an exact one.
    pub(super) fn round(self, env: &mut Env, negative: bool) -> F80 {
        env.round_wide(negative, self.power + BIAS, self.sig | 1)
    }

    /// A little less: where a series begins with 1 and ends below the last bit.
    pub(super) fn below(self) -> Self {
        Self::normalised(self.power, self.sig - 1)
    }
}

/// The next 48 bits of a quotient `rest / divisor`, and what is left. `rest < divisor`, and of the divisor's 128
/// bits the upper two are clear and the next is set.
fn digit(rest: u128, divisor: u128) -> (u128, u128) {
    // Too small by two at most.
    let mut quotient = (rest >> 16) / ((divisor >> 64) + 1);
    let mut left = (rest << 48).wrapping_sub(quotient.wrapping_mul(divisor));
    while left >= divisor {
        left -= divisor;
        quotient += 1;
    }
    (quotient, left)
}

/// `c[0] - z * (c[1] - z * (c[2] - ...))`, coefficients in Q1.127, `z` in Q0.128.
#[inline]
pub(super) fn alternating(z: u128, coefficients: &[u128]) -> u128 {
    coefficients
        .iter()
        .rev()
        .fold(0, |sum, c| c.wrapping_sub(mul_high(z, sum)))
}

/// `c[0] + z * (c[1] + z * (c[2] + ...))`.
#[inline]
pub(super) fn ascending(z: u128, coefficients: &[u128]) -> u128 {
    coefficients
        .iter()
        .rev()
        .fold(0, |sum, c| c.wrapping_add(mul_high(z, sum)))
}
