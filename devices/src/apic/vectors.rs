//! A register of 256 bits, one for each vector: ISR, TMR and IRR.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Vectors([u32; 8]);

impl Vectors {
    pub(super) fn set(&mut self, vector: u8, on: bool) {
        if let Some(word) = self.0.get_mut(usize::from(vector >> 5)) {
            let bit = 1 << (vector & 31);
            *word = if on { *word | bit } else { *word & !bit };
        }
    }

    pub(super) fn contains(&self, vector: u8) -> bool {
        self.word(vector >> 5) >> (vector & 31) & 1 != 0
    }

    /// The 32 bits of a register, 0 to 7.
    pub(super) fn word(&self, index: u8) -> u32 {
        self.0.get(usize::from(index)).copied().unwrap_or(0)
    }

    /// The most urgent vector.
    pub(super) fn highest(&self) -> Option<u8> {
        let index = (0..8).rev().find(|&index| self.word(index) != 0)?;
        Some(index * 32 + (31 - self.word(index).leading_zeros() as u8))
    }
}

/// The priority class of a vector.
pub(super) const fn class(vector: u8) -> u8 {
    vector & 0xf0
}
