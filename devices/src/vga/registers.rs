//! Registers behind an index and a data port, as four of the VGA's five parts have them.
//!
//! What no register or no bit is there for reads 0. The documents leave that open; boards differ, and nothing
//! is known to depend on it.

use core::marker::PhantomData;

use serde::{Deserialize, Serialize};

/// What distinguishes the registers of one part from those of another.
pub trait Layout<const N: usize> {
    /// Bits that the index register has.
    const INDEX_MASK: u8;
    /// Bits that exist in each register.
    const IMPLEMENTED: [u8; N];

    /// Bits of register `index` that can be written now.
    fn writable(regs: &[u8; N], index: usize) -> u8 {
        let _ = regs;
        Self::IMPLEMENTED.get(index).copied().unwrap_or(0)
    }
}

/// An index register and `N` registers that it selects.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "[u8; N]: Serialize", deserialize = "[u8; N]: Deserialize<'de>"))]
pub struct RegisterFile<L, const N: usize> {
    index: u8,
    regs: [u8; N],
    layout: PhantomData<L>,
}

impl<L, const N: usize> Clone for RegisterFile<L, N> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<L, const N: usize> Default for RegisterFile<L, N> {
    fn default() -> Self {
        Self {
            index: 0,
            regs: [0; N],
            layout: PhantomData,
        }
    }
}

impl<L: Layout<N>, const N: usize> RegisterFile<L, N> {
    /// The index register.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// Writes the index register.
    pub fn set_index(&mut self, value: u8) {
        self.index = value & L::INDEX_MASK;
    }

    /// Register `index`; 0 where there is none.
    pub fn reg(&self, index: u8) -> u8 {
        self.regs.get(usize::from(index)).copied().unwrap_or(0)
    }

    /// Reads the selected register.
    pub fn read(&self) -> u8 {
        self.reg(self.index)
    }

    /// Writes the selected register.
    pub fn write(&mut self, value: u8) {
        let writable = L::writable(&self.regs, usize::from(self.index));
        if let Some(reg) = self.regs.get_mut(usize::from(self.index)) {
            *reg = *reg & !writable | value & writable;
        }
    }

    /// Masks what only a damaged state can hold.
    pub fn sanitize(&mut self) {
        self.index &= L::INDEX_MASK;
        for (reg, mask) in self.regs.iter_mut().zip(L::IMPLEMENTED) {
            *reg &= mask;
        }
    }

    /// Whether all registers hold the same, whichever is selected.
    pub fn equals(&self, other: &Self) -> bool {
        self.regs == other.regs
    }
}
