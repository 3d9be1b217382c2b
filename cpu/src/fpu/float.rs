//! The 80-bit extended format: sign, 15 bits of exponent, and 64 bits of significand with its integer bit.
//!
//! Follows SDM vol. 1 §4.2.2 and §8.2.2 (unsupported formats, denormals, pseudo-denormals).

use serde::{Deserialize, Serialize};

/// The largest exponent, of infinities and NaNs.
pub(crate) const EXP_MAX: u16 = 0x7fff;
/// The exponent of 1.0.
pub(crate) const BIAS: i32 = 0x3fff;
/// The integer bit of a significand.
pub(crate) const INTEGER: u64 = 1 << 63;
/// The bit that tells a quiet NaN from a signalling one.
pub(crate) const QUIET: u64 = 1 << 62;
const SIGN: u16 = 0x8000;

/// A value in the 80-bit extended format, any bit pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct F80 {
    /// The significand, with its integer bit.
    pub sig: u64,
    /// Sign (bit 15) and biased exponent.
    pub se: u16,
}

/// What a bit pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Zero,
    /// Denormal or pseudo-denormal.
    Denormal,
    Normal,
    Infinity,
    Quiet,
    Signalling,
    /// A pattern that the 387 and later refuse: unnormal, pseudo-infinity, pseudo-NaN.
    Unsupported,
}

/// A finite number other than zero: `sig / 2^63 * 2^(exp - BIAS)`, the integer bit set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finite {
    pub(crate) negative: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u64,
}

impl F80 {
    /// The answer to an invalid operation: the "real indefinite" NaN.
    pub(crate) const INDEFINITE: Self = Self {
        sig: INTEGER | QUIET,
        se: 0xffff,
    };

    pub(crate) const fn new(negative: bool, exp: u16, sig: u64) -> Self {
        Self {
            sig,
            se: exp | if negative { SIGN } else { 0 },
        }
    }

    pub(crate) const fn zero(negative: bool) -> Self {
        Self::new(negative, 0, 0)
    }

    pub(crate) const fn infinity(negative: bool) -> Self {
        Self::new(negative, EXP_MAX, INTEGER)
    }

    pub(crate) const fn one(negative: bool) -> Self {
        Self::new(negative, BIAS as u16, INTEGER)
    }

    pub(crate) const fn is_negative(self) -> bool {
        self.se & SIGN != 0
    }

    pub(crate) const fn exp(self) -> u16 {
        self.se & EXP_MAX
    }

    pub(crate) const fn with_sign(self, negative: bool) -> Self {
        Self::new(negative, self.exp(), self.sig)
    }

    pub(crate) const fn negated(self) -> Self {
        Self {
            se: self.se ^ SIGN,
            ..self
        }
    }

    pub(crate) const fn class(self) -> Class {
        let integer = self.sig & INTEGER != 0;
        match self.exp() {
            0 if self.sig == 0 => Class::Zero,
            0 => Class::Denormal,
            EXP_MAX if !integer => Class::Unsupported,
            EXP_MAX if self.sig == INTEGER => Class::Infinity,
            EXP_MAX if self.sig & QUIET != 0 => Class::Quiet,
            EXP_MAX => Class::Signalling,
            _ if !integer => Class::Unsupported,
            _ => Class::Normal,
        }
    }

    pub(crate) const fn quieted(self) -> Self {
        Self {
            sig: self.sig | QUIET,
            ..self
        }
    }

    /// The number, normalised. Only for denormals and normals.
    pub(crate) const fn finite(self) -> Finite {
        let shift = self.sig.leading_zeros();
        let exp = if self.exp() == 0 { 1 } else { self.exp() as i32 };
        Finite {
            negative: self.is_negative(),
            exp: exp - shift as i32,
            sig: self.sig << (shift & 63),
        }
    }

    /// A pseudo-denormal as the normal number that it is; anything else as it is.
    pub(crate) const fn without_pseudo(self) -> Self {
        Self {
            se: self.se | (self.exp() == 0 && self.sig & INTEGER != 0) as u16,
            ..self
        }
    }

    /// The ten bytes in memory.
    pub(crate) fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.sig.to_le_bytes());
        bytes[8..].copy_from_slice(&self.se.to_le_bytes());
        bytes
    }

    /// From the ten bytes in memory.
    pub(crate) fn from_bytes(bytes: [u8; 10]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j] = bytes;
        Self {
            sig: u64::from_le_bytes([a, b, c, d, e, f, g, h]),
            se: u16::from_le_bytes([i, j]),
        }
    }
}

impl Class {
    pub(crate) const fn is_nan(self) -> bool {
        matches!(self, Self::Quiet | Self::Signalling)
    }

    pub(crate) const fn is_finite_nonzero(self) -> bool {
        matches!(self, Self::Normal | Self::Denormal)
    }
}
