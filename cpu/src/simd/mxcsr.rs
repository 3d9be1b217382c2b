//! MXCSR, and how the exceptions of SIMD floating point are collected.
//!
//! SDM vol. 1 §10.2.3 (the register), §11.5 (exceptions and their priorities).

use bitflags::bitflags;

use crate::rounding::Rounding;

bitflags! {
    /// MXCSR (SDM vol. 1 figure 10-3).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Mxcsr: u32 {
        /// Invalid operation.
        const IE = 1 << 0;
        /// Denormal operand.
        const DE = 1 << 1;
        /// Divide by zero.
        const ZE = 1 << 2;
        /// Overflow.
        const OE = 1 << 3;
        /// Underflow.
        const UE = 1 << 4;
        /// Precision.
        const PE = 1 << 5;
        /// Denormals are zeros.
        const DAZ = 1 << 6;
        /// Invalid operation is masked.
        const IM = 1 << 7;
        /// Denormal operand is masked.
        const DM = 1 << 8;
        /// Divide by zero is masked.
        const ZM = 1 << 9;
        /// Overflow is masked.
        const OM = 1 << 10;
        /// Underflow is masked.
        const UM = 1 << 11;
        /// Precision is masked.
        const PM = 1 << 12;
        /// Rounding control.
        const RC = 3 << 13;
        /// Flush to zero.
        const FZ = 1 << 15;
    }
}

impl Mxcsr {
    /// After power-on and FNINIT's counterpart, RESET.
    pub const RESET: Self = Self::MASKS;
    /// The six exception flags.
    pub const FLAGS: Self = Self::IE
        .union(Self::DE)
        .union(Self::ZE)
        .union(Self::OE)
        .union(Self::UE)
        .union(Self::PE);
    /// The six exception masks.
    pub const MASKS: Self = Self::IM
        .union(Self::DM)
        .union(Self::ZM)
        .union(Self::OM)
        .union(Self::UM)
        .union(Self::PM);
    /// Flags that are found before there is a result.
    const BEFORE: Self = Self::IE.union(Self::DE).union(Self::ZE);
    /// What host arithmetic can stand in for, as long as operands and results are zero or normal: everything
    /// masked, rounding to nearest, and an inexact result noted already.
    const HOST: Self = Self::MASKS.union(Self::PE);

    /// Flags whose exceptions are not masked.
    fn unmasked(self) -> Self {
        Self::FLAGS & !Self::from_bits_retain((self & Self::MASKS).bits() >> 7)
    }

    /// Whether `flag` is masked.
    fn masks(self, flag: Self) -> bool {
        !self.unmasked().contains(flag)
    }

    /// Whether the host's own arithmetic gives this register's results for zero and normal numbers, and no
    /// flag that is not set already.
    #[inline(always)]
    pub(crate) fn is_plain(self) -> bool {
        self.bits() & (Self::HOST.bits() | Self::RC.bits()) == Self::HOST.bits()
    }
}

impl Default for Mxcsr {
    fn default() -> Self {
        Self::RESET
    }
}

/// What one instruction computes under, and the flags that its elements raise.
#[derive(Debug)]
pub(crate) struct Env {
    pub(crate) control: Mxcsr,
    pub(crate) raised: Mxcsr,
    pub(crate) rounding: Rounding,
}

impl Env {
    pub(crate) fn new(control: Mxcsr) -> Self {
        Self {
            control,
            raised: Mxcsr::empty(),
            rounding: Rounding::from_bits(control.bits() >> 13),
        }
    }

    pub(crate) fn raise(&mut self, flags: Mxcsr) {
        self.raised |= flags;
    }

    pub(crate) fn is_masked(&self, flag: Mxcsr) -> bool {
        self.control.masks(flag)
    }

    pub(crate) fn has_daz(&self) -> bool {
        self.control.contains(Mxcsr::DAZ)
    }

    /// Flushing is a masked response: an unmasked underflow traps instead (SDM vol. 1 §10.2.3.3).
    pub(crate) fn flushes(&self) -> bool {
        self.control.contains(Mxcsr::FZ) && self.is_masked(Mxcsr::UE)
    }

    /// MXCSR after the instruction, and whether an unmasked exception keeps the result from being written. If
    /// one was found before there was a result, those found after it do not count (SDM vol. 1 §11.5.3).
    pub(crate) fn finish(&self) -> (Mxcsr, bool) {
        let before = self.raised & Mxcsr::BEFORE;
        if before.intersects(self.control.unmasked()) {
            return (self.control | before, true);
        }
        (
            self.control | self.raised,
            self.raised.intersects(self.control.unmasked()),
        )
    }
}
