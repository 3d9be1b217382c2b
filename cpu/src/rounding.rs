//! The four ways to round: bits RC of the x87 control word and of MXCSR, and the immediate of ROUNDxx
//! (SDM volume 1, 4.8.4).

/// Rounding control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// To the nearest value, ties to even.
    Nearest,
    Down,
    Up,
    /// Towards zero.
    Zero,
}

impl Rounding {
    /// The low two bits.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        match bits & 3 {
            0 => Self::Nearest,
            1 => Self::Down,
            2 => Self::Up,
            _ => Self::Zero,
        }
    }

    /// Whether a result too large for its format becomes infinity; else the largest finite value.
    pub(crate) const fn overflows_to_infinity(self, negative: bool) -> bool {
        match self {
            Self::Nearest => true,
            Self::Down => negative,
            Self::Up => !negative,
            Self::Zero => false,
        }
    }
}
