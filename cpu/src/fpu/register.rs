//! A register of the stack, kept so that the usual case of arithmetic is quick.

use serde::{Deserialize, Serialize};

use super::float::{Class, F80};

/// In [`Register::se`]: the sign. Above everything else, so that a sum or difference of two has the sign of a product
/// or quotient.
pub(crate) const SIGN: u32 = 1 << 31;
/// The register is empty.
pub(crate) const EMPTY: u32 = 1 << 30;
/// It holds something else than a normal number.
pub(crate) const SPECIAL: u32 = 1 << 29;
/// The biased exponent.
pub(crate) const EXPONENT: u32 = 0x7fff;

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
