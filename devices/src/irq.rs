//! Interrupt wires between chips and the interrupt controllers.

use serde::{Deserialize, Serialize};

/// One interrupt source: a wire given to a chip when the board is built, not a number it may
/// choose. Several sources may share an ISA interrupt; the board ORs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IrqLine(u8);

impl IrqLine {
    /// The wire of source `source`, 0 to 63.
    pub const fn new(source: u8) -> Self {
        Self(source & 63)
    }

    /// The source number.
    pub const fn source(self) -> u8 {
        self.0
    }
}

/// The level of every source, and which rose since the controllers last looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IrqLines {
    level: u64,
    rose: u64,
    changed: bool,
}

impl IrqLines {
    /// Drives a source high or low.
    pub fn set(&mut self, line: IrqLine, high: bool) {
        let bit = 1 << line.0;
        if high {
            self.rose |= bit & !self.level;
            self.changed |= self.level & bit == 0;
            self.level |= bit;
        } else {
            self.changed |= self.level & bit != 0;
            self.level &= !bit;
        }
    }

    /// A low-high edge that ends high, even if the source was high before (a pulse and a new edge).
    pub fn pulse(&mut self, line: IrqLine) {
        self.set(line, false);
        self.set(line, true);
    }

    /// The level of a source.
    pub fn is_high(&self, line: IrqLine) -> bool {
        self.level >> line.0 & 1 != 0
    }

    /// Levels of all sources, one bit each.
    pub fn levels(&self) -> u64 {
        self.level
    }

    /// Sources with a rising edge since the last call; clears them and the changed mark.
    pub fn take_rising(&mut self) -> u64 {
        self.changed = false;
        core::mem::take(&mut self.rose)
    }

    /// Whether any source changed since [`take_rising`](Self::take_rising).
    pub fn changed(&self) -> bool {
        self.changed
    }
}
