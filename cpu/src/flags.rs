//! EFLAGS: control and system bits as they are, the six status flags lazily.
//!
//! Follows SDM vol. 1 §3.4.3. The lazy form is two words: the result, sign-extended, and
//! `a ^ b ^ result`, in which bit n is the carry into bit n. Reading needs no knowledge of the
//! operation that wrote them:
//!
//! | flag | is |
//! |---|---|
//! | ZF | result = 0 |
//! | SF | bit 63 of result, ^ bit 63 ^ bit 62 of carry |
//! | PF | even parity of bits 0–7 of result ^ bits 40–47 of carry |
//! | CF | bit 32 of carry |
//! | OF | bit 31 ^ bit 32 of carry |
//! | AF | bit 4 of carry |
//!
//! After a subtraction the bits above 32 are all copies of the borrow: bits 62 and 63 then cancel,
//! and eight ones leave the parity as it is. Operations of 8 and 16 bits shift their carries up so that
//! the sign's lies in bit 31.

use bitflags::bitflags;
use oldiron_mmu::Width;
use serde::{Deserialize, Serialize};

bitflags! {
    /// The EFLAGS register.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Eflags: u32 {
        /// Carry.
        const CF = 1 << 0;
        /// Reads as one.
        const ONE = 1 << 1;
        /// Parity.
        const PF = 1 << 2;
        /// Auxiliary carry.
        const AF = 1 << 4;
        /// Zero.
        const ZF = 1 << 6;
        /// Sign.
        const SF = 1 << 7;
        /// Trap.
        const TF = 1 << 8;
        /// Interrupts enabled.
        const IF = 1 << 9;
        /// String operations go down.
        const DF = 1 << 10;
        /// Overflow.
        const OF = 1 << 11;
        /// I/O privilege level, low bit.
        const IOPL_LOW = 1 << 12;
        /// I/O privilege level, high bit.
        const IOPL_HIGH = 1 << 13;
        /// Nested task.
        const NT = 1 << 14;
        /// Resume.
        const RF = 1 << 16;
        /// Virtual-8086 mode.
        const VM = 1 << 17;
        /// Alignment check.
        const AC = 1 << 18;
        /// Virtual interrupt flag.
        const VIF = 1 << 19;
        /// Virtual interrupt pending.
        const VIP = 1 << 20;
        /// CPUID can be executed.
        const ID = 1 << 21;

        /// The six status flags.
        const STATUS = Self::CF.bits() | Self::PF.bits() | Self::AF.bits() | Self::ZF.bits()
            | Self::SF.bits() | Self::OF.bits();
        /// Both IOPL bits.
        const IOPL = Self::IOPL_LOW.bits() | Self::IOPL_HIGH.bits();
    }
}

impl Eflags {
    /// The I/O privilege level.
    pub const fn iopl(self) -> u8 {
        (self.bits() >> 12 & 3) as u8
    }
}

/// The six status flags, see the module's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LazyFlags {
    /// Result word.
    pub result: u64,
    /// Carry word.
    pub carry: u64,
}

const CARRY_BIT: u64 = 1 << 32;
const OVERFLOW_BIT: u64 = 1 << 31;
const AUX_BIT: u64 = 1 << 4;

impl Default for LazyFlags {
    fn default() -> Self {
        Self::from_eflags(Eflags::empty())
    }
}

/// Whether the low byte has an even number of ones.
#[inline(always)]
fn even_parity(byte: u8) -> bool {
    byte.count_ones() & 1 == 0
}

impl LazyFlags {
    /// Any combination of the six, from EFLAGS.
    #[inline(always)]
    pub fn from_eflags(flags: Eflags) -> Self {
        let bit = |flag: Eflags| flags.contains(flag) as u64;
        let result = bit(Eflags::ZF) ^ 1;
        let odd_parity = bit(Eflags::PF) ^ 1;
        let carry = bit(Eflags::CF) << 32
            | (bit(Eflags::CF) ^ bit(Eflags::OF)) << 31
            | bit(Eflags::AF) << 4
            | bit(Eflags::SF) << 63
            | (odd_parity ^ result) << 40;
        Self { result, carry }
    }

    /// The six flags as EFLAGS bits.
    pub fn eflags(self) -> Eflags {
        let mut flags = Eflags::empty();
        flags.set(Eflags::CF, self.cf());
        flags.set(Eflags::PF, self.pf());
        flags.set(Eflags::AF, self.af());
        flags.set(Eflags::ZF, self.zf());
        flags.set(Eflags::SF, self.sf());
        flags.set(Eflags::OF, self.of());
        flags
    }

    /// Carry.
    #[inline(always)]
    pub fn cf(self) -> bool {
        self.carry & CARRY_BIT != 0
    }

    /// Zero.
    #[inline(always)]
    pub fn zf(self) -> bool {
        self.result == 0
    }

    /// Sign.
    #[inline(always)]
    pub fn sf(self) -> bool {
        ((self.result ^ self.carry ^ (self.carry << 1)) as i64) < 0
    }

    /// Overflow.
    #[inline(always)]
    pub fn of(self) -> bool {
        (self.carry ^ (self.carry << 1)) & CARRY_BIT != 0
    }

    /// Parity.
    #[inline(always)]
    pub fn pf(self) -> bool {
        even_parity(self.result as u8 ^ (self.carry >> 40) as u8)
    }

    /// Auxiliary carry.
    #[inline(always)]
    pub fn af(self) -> bool {
        self.carry & AUX_BIT != 0
    }

    /// Replaces CF and keeps the others.
    #[inline(always)]
    pub fn set_cf(&mut self, cf: bool) {
        // Bit 31 moves along, so that OF, their difference, stays.
        let flip = (self.carry ^ (cf as u64) << 32) & CARRY_BIT;
        self.carry ^= flip | flip >> 1;
    }

    /// Replaces ZF and keeps the others.
    pub fn set_zf(&mut self, zf: bool) {
        let mut flags = self.eflags();
        flags.set(Eflags::ZF, zf);
        *self = Self::from_eflags(flags);
    }

    /// Sets CF and OF and keeps the others.
    #[inline(always)]
    pub fn set_cf_of(&mut self, cf: bool, of: bool) {
        self.carry = self.carry & !(CARRY_BIT | OVERFLOW_BIT) | (cf as u64) << 32 | ((cf ^ of) as u64) << 31;
    }

    /// After a logic operation: CF, OF and AF clear.
    #[inline(always)]
    pub fn logic<W: Width>(result: W) -> Self {
        Self {
            result: result.sext(),
            carry: 0,
        }
    }

    /// After an operation that computed CF and OF itself; AF clear.
    #[inline(always)]
    pub fn explicit<W: Width>(result: W, cf: bool, of: bool) -> Self {
        Self {
            result: result.sext(),
            carry: (cf as u64) << 32 | ((cf ^ of) as u64) << 31,
        }
    }

    /// After `a + b (+ carry)` or `a - b (- borrow)`: `wide` is that sum or difference of the
    /// zero-extended operands in 64 bits.
    #[inline(always)]
    pub fn arithmetic<W: Width>(a: W, b: W, wide: u64) -> Self {
        let carries = a.zext() ^ b.zext() ^ wide;
        // No 64-bit operation exists yet; its carries would be folded into this layout here.
        let carry = if W::BITS < 32 {
            carries << (32 - W::BITS) | carries & AUX_BIT
        } else {
            carries
        };
        Self {
            result: W::truncate(wide).sext(),
            carry,
        }
    }

    /// After a double shift or another operation with a known AF.
    #[inline(always)]
    pub fn with_af(mut self, af: bool) -> Self {
        self.carry = self.carry & !AUX_BIT | (af as u64) << 4;
        self
    }

    /// Evaluates a condition code (the low four bits of Jcc, SETcc and CMOVcc opcodes).
    #[inline(always)]
    pub fn condition<const CODE: u8>(self) -> bool {
        let value = match CODE >> 1 {
            0 => self.of(),
            1 => self.cf(),
            2 => self.zf(),
            3 => self.cf() | self.zf(),
            4 => self.sf(),
            5 => self.pf(),
            6 => self.sf() != self.of(),
            _ => self.zf() | (self.sf() != self.of()),
        };
        value != (CODE & 1 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_64_combinations_are_representable() {
        for bits in 0..=0xfffu32 {
            let flags = Eflags::from_bits_truncate(bits) & Eflags::STATUS;
            assert_eq!(LazyFlags::from_eflags(flags).eflags(), flags);
            for cf in [false, true] {
                let mut lazy = LazyFlags::from_eflags(flags);
                lazy.set_cf(cf);
                let mut want = flags;
                want.set(Eflags::CF, cf);
                assert_eq!(lazy.eflags(), want);
            }
        }
    }

    fn check_add_sub<W: Width>(a: u64, b: u64) {
        let (a, b) = (W::truncate(a), W::truncate(b));
        let sign = |v: u64| v & W::SIGN != 0;
        for sub in [false, true] {
            let wide = if sub {
                a.zext().wrapping_sub(b.zext())
            } else {
                a.zext().wrapping_add(b.zext())
            };
            let lazy = LazyFlags::arithmetic(a, b, wide);
            let r = wide & W::MASK;
            assert_eq!(lazy.zf(), r == 0);
            assert_eq!(lazy.sf(), sign(r));
            assert_eq!(lazy.pf(), even_parity(r as u8));
            let cf = if sub { a.zext() < b.zext() } else { wide > W::MASK };
            assert_eq!(lazy.cf(), cf, "{a:?} {b:?} {sub}");
            assert_eq!(lazy.af(), (a.zext() ^ b.zext() ^ r) & 16 != 0);
            let of = if sub {
                sign(a.zext() ^ b.zext()) && sign(a.zext() ^ r)
            } else {
                !sign(a.zext() ^ b.zext()) && sign(a.zext() ^ r)
            };
            assert_eq!(lazy.of(), of, "{a:?} {b:?} {sub}");
            let mut kept = lazy;
            kept.set_cf(!cf);
            assert_eq!(kept.eflags() ^ lazy.eflags(), Eflags::CF);
        }
    }

    #[test]
    fn arithmetic_flags_agree_with_their_definitions() {
        let edges = [
            0,
            1,
            2,
            7,
            8,
            15,
            16,
            0x7f,
            0x80,
            0xff,
            0x7fff,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
        ];
        for a in edges.into_iter().chain([0xffff_ffff, 0x1234_5678]) {
            for b in edges.into_iter().chain([0xffff_ffff, 0x8765_4321]) {
                check_add_sub::<u8>(a, b);
                check_add_sub::<u16>(a, b);
                check_add_sub::<u32>(a, b);
            }
        }
    }
}
