//! A register of the stack, and which it is, kept so that the usual case of arithmetic is quick.

use core::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::float::{Class, F80};

/// In [`Register::se`]: the sign. Above everything else, so that a sum or difference of two has the sign of a product
/// or quotient.
pub(crate) const SIGN: u32 = 1 << 31;
/// The register is empty.
pub(crate) const EMPTY: u32 = 1 << 26;
/// It holds something else than a normal number.
pub(crate) const SPECIAL: u32 = 1 << 24;
/// The biased exponent.
pub(crate) const EXPONENT: u32 = 0x7fff;
/// What is clear in the sum of [`Register::se`] of two registers and [`super::Fpu::trap`] if and only if both hold
/// normal numbers and nothing bars quick arithmetic on them: two exponents have no carry into these bits, nor have
/// these into the sign.
pub(crate) const UNUSUAL: u32 = !(SIGN | 0xffff);

/// A register of the stack. An empty one keeps its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub(crate) struct Register {
    pub(crate) sig: u64,
    /// [`SIGN`], [`EMPTY`], [`SPECIAL`], and the exponent.
    pub(crate) se: u32,
}

impl Register {
    pub(crate) const fn full(value: F80) -> Self {
        let special = if matches!(value.class(), Class::Normal) {
            0
        } else {
            SPECIAL
        };
        Self {
            sig: value.sig,
            se: (value.se as u32 & 0x8000) << 16 | special | value.exp() as u32,
        }
    }

    pub(crate) const fn value(self) -> F80 {
        F80 {
            sig: self.sig,
            se: (self.se >> 16 & 0x8000 | self.se & EXPONENT) as u16,
        }
    }

    /// Zero, with a sign of [`Register::se`].
    pub(crate) const fn zero(sign: u32) -> Self {
        Self {
            sig: 0,
            se: sign | SPECIAL,
        }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.se & EMPTY != 0
    }
}

/// A register where it is kept: as far from the next as [`Place`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C, align(32))]
pub(crate) struct Slot(pub(crate) Register);

impl Deref for Slot {
    type Target = Register;
    #[inline(always)]
    fn deref(&self) -> &Register {
        &self.0
    }
}

impl DerefMut for Slot {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Register {
        &mut self.0
    }
}

/// Which register: its offset in bytes from the first. Since they lie 32 bytes apart, a byte wraps as the stack
/// does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
#[repr(transparent)]
pub(crate) struct Place(u8);

const _: () = assert!(size_of::<[Slot; 8]>() == 1 << u8::BITS);

impl Place {
    /// That of register `n`, modulo 8; also of ST(n), seen from TOP.
    #[inline(always)]
    pub(crate) const fn number(n: u8) -> Self {
        Self((n & 7) << 5)
    }

    /// That of an offset that [`Place::offset`] gave.
    #[inline(always)]
    pub(crate) const fn at(offset: u8) -> Self {
        Self(offset)
    }

    #[inline(always)]
    pub(crate) const fn offset(self) -> u8 {
        self.0
    }

    /// So many registers further on.
    #[inline(always)]
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// The register's number.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        (self.0 >> 5) as usize
    }

    /// The number of the register that lies so many further on.
    #[inline(always)]
    pub(crate) const fn index_of(self, other: Self) -> usize {
        // Widened first: bytes that are added are loaded with their neighbours, which waits for a byte just stored.
        ((self.0 as usize + other.0 as usize) & 0xff) >> 5
    }
}

impl From<u8> for Place {
    fn from(number: u8) -> Self {
        Self::number(number)
    }
}

impl From<Place> for u8 {
    fn from(place: Place) -> Self {
        place.index() as Self
    }
}

/// What is kept in saved states.
#[derive(Serialize, Deserialize)]
struct Saved {
    sig: u64,
    se: u16,
    empty: bool,
}

impl From<Saved> for Register {
    fn from(saved: Saved) -> Self {
        let register = Self::full(F80 {
            sig: saved.sig,
            se: saved.se,
        });
        Self {
            se: register.se | if saved.empty { EMPTY } else { 0 },
            ..register
        }
    }
}

impl From<Register> for Saved {
    fn from(register: Register) -> Self {
        Self {
            sig: register.sig,
            se: register.value().se,
            empty: register.is_empty(),
        }
    }
}
