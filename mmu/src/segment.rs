//! Segment registers: the visible selector and the hidden descriptor cache.
//!
//! Follows SDM vol. 3A §3.4 (protected mode), §20.1.1 (real mode) and §20.2 (virtual 8086).

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use crate::Width;

bitflags! {
    /// Access rights of a descriptor: bits 8–15 and 20–23 of its second doubleword, shifted down by
    /// 8 (SDM vol. 3A §3.4.5; the form that LAR shows, also shifted).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct SegAttr: u16 {
        /// Accessed (code and data segments).
        const ACCESSED = 1 << 0;
        /// Writable data, or readable code.
        const WRITABLE = 1 << 1;
        /// Expand-down data, or conforming code.
        const EXPAND_DOWN = 1 << 2;
        /// Code rather than data.
        const CODE = 1 << 3;
        /// Code or data rather than a system segment or gate.
        const USER_SEGMENT = 1 << 4;
        /// Descriptor privilege level, low bit.
        const DPL_LOW = 1 << 5;
        /// Descriptor privilege level, high bit.
        const DPL_HIGH = 1 << 6;
        /// Present.
        const PRESENT = 1 << 7;
        /// Available to software.
        const AVAILABLE = 1 << 12;
        /// Reserved here; L in long mode.
        const LONG = 1 << 13;
        /// D/B: 32-bit code, stack or upper bound.
        const BIG = 1 << 14;
        /// The limit counts pages.
        const GRANULARITY = 1 << 15;
    }
}

impl SegAttr {
    /// The four type bits.
    pub const fn kind(self) -> u8 {
        self.bits() as u8 & 15
    }

    /// Descriptor privilege level.
    pub const fn dpl(self) -> u8 {
        self.bits() as u8 >> 5 & 3
    }

    /// Whether this is a code or data segment.
    pub const fn is_user_segment(self) -> bool {
        self.contains(Self::USER_SEGMENT)
    }

    /// Whether this is a code segment.
    pub const fn is_code(self) -> bool {
        self.contains(Self::USER_SEGMENT) && self.contains(Self::CODE)
    }

    /// Whether this is a data segment.
    pub const fn is_data(self) -> bool {
        self.contains(Self::USER_SEGMENT) && !self.contains(Self::CODE)
    }

    /// Whether this is a conforming code segment.
    pub const fn is_conforming(self) -> bool {
        self.is_code() && self.contains(Self::EXPAND_DOWN)
    }

    /// Whether this is a data segment that grows down.
    pub const fn is_expand_down(self) -> bool {
        self.is_data() && self.contains(Self::EXPAND_DOWN)
    }

    /// Whether data may be written.
    pub const fn is_writable(self) -> bool {
        self.is_data() && self.contains(Self::WRITABLE)
    }

    /// Whether data may be read: any data segment, or readable code.
    pub const fn is_readable(self) -> bool {
        self.is_data() || (self.is_code() && self.contains(Self::WRITABLE))
    }
}

/// A segment register with its descriptor cache; also LDTR and TR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The visible part.
    pub selector: u16,
    /// Access rights. Empty for an unusable (null) register.
    pub attr: SegAttr,
    /// Linear address of offset 0.
    pub base: u64,
    /// Last valid offset (first invalid one, for expand-down), in bytes.
    pub limit: u32,
    /// Exclusive end of the offsets that may be read without further checks; 0 = always the slow form.
    pub read_end: u64,
    /// The same for writes.
    pub write_end: u64,
}

/// The exclusive end of a 4 GiB segment.
const FULL: u64 = 1 << 32;

impl Segment {
    /// A segment as real mode and virtual-8086 mode load it: base from the selector, 64 KiB,
    /// writable. `dpl` is 0 in real mode and 3 in virtual-8086 mode.
    pub fn real(selector: u16, dpl: u8) -> Self {
        let attr = SegAttr::PRESENT | SegAttr::USER_SEGMENT | SegAttr::WRITABLE | SegAttr::ACCESSED;
        let mut segment = Self {
            selector,
            attr: attr | SegAttr::from_bits_retain((dpl as u16 & 3) << 5),
            base: (selector as u64) << 4,
            limit: 0xffff,
            ..Self::default()
        };
        segment.update_ends();
        segment
    }

    /// An unusable register that shows `selector`.
    pub fn null(selector: u16) -> Self {
        Self {
            selector,
            ..Self::default()
        }
    }

    /// From a raw 8-byte descriptor of a segment (not a gate).
    pub fn from_descriptor(selector: u16, raw: u64) -> Self {
        let (low, high) = (raw as u32, (raw >> 32) as u32);
        let attr = SegAttr::from_bits_truncate((high >> 8 & 0xf0ff) as u16);
        let limit = low & 0xffff | high & 0xf0000;
        let mut segment = Self {
            selector,
            attr,
            base: (low >> 16 | (high & 0xff) << 16 | high & 0xff00_0000) as u64,
            limit: if attr.contains(SegAttr::GRANULARITY) {
                limit << 12 | 0xfff
            } else {
                limit
            },
            ..Self::default()
        };
        segment.update_ends();
        segment
    }

    /// Keeps the register's cache but gives it real mode's base and selector, as a segment load in
    /// real mode does: limit and attributes survive ("unreal mode").
    pub fn load_real(&mut self, selector: u16) {
        self.selector = selector;
        self.base = (selector as u64) << 4;
    }

    /// Recomputes the fast ends after a change of limit or attributes.
    pub fn update_ends(&mut self) {
        let fast = self.attr.contains(SegAttr::PRESENT) && !self.attr.is_expand_down();
        let end = self.limit as u64 + 1;
        self.read_end = if fast && self.attr.is_readable() { end } else { 0 };
        self.write_end = if fast && self.attr.is_writable() { end } else { 0 };
    }

    /// Whether offsets equal linear addresses and nothing needs checking.
    pub fn is_flat(&self) -> bool {
        self.base == 0 && self.read_end == FULL && self.write_end == FULL
    }

    /// Whether the D/B bit is set: 32-bit default size, stack pointer or upper bound.
    pub fn is_big(&self) -> bool {
        self.attr.contains(SegAttr::BIG)
    }

    /// Whether the register holds no segment (a null selector was loaded).
    pub fn is_null(&self) -> bool {
        !self.attr.contains(SegAttr::PRESENT)
    }

    /// The linear address of an access that the fast ends allow.
    #[inline(always)]
    pub fn fast_address<W: Width, const WRITE: bool>(&self, offset: u32) -> Option<u64> {
        let end = if WRITE { self.write_end } else { self.read_end };
        let addr = (self.base as u32).wrapping_add(offset) as u64;
        (offset as u64 + W::BYTES as u64 <= end).then_some(addr)
    }

    /// Whether all of `len` bytes from `offset` lie within the limit (SDM vol. 3A §5.3). An access
    /// that would wrap past 4 GiB is outside even of a segment that covers everything (vectors family
    /// `seg`; the SDM leaves it to the implementation).
    pub fn contains(&self, offset: u32, len: u32) -> bool {
        let last = offset as u64 + len.max(1) as u64 - 1;
        if self.attr.is_expand_down() {
            let upper = if self.is_big() { u32::MAX as u64 } else { 0xffff };
            offset > self.limit && last <= upper
        } else {
            last <= self.limit as u64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_data_descriptor_is_flat_and_a_code_one_is_not() {
        assert!(Segment::from_descriptor(0x10, 0x00cf_9300_0000_ffff).is_flat());
        let code = Segment::from_descriptor(0x08, 0x00cf_9b00_0000_ffff);
        assert!(!code.is_flat() && code.read_end == FULL && code.write_end == 0);
    }

    #[test]
    fn expand_down_is_valid_above_the_limit_only() {
        let mut s = Segment::from_descriptor(0x10, 0x0040_9700_0000_0fff);
        assert!(!s.contains(0xfff, 1) && s.contains(0x1000, 4) && s.contains(0xffff_fffc, 4));
        s.attr.remove(SegAttr::BIG);
        assert!(s.contains(0xfffc, 4) && !s.contains(0xfffd, 4));
        assert_eq!(s.read_end, 0);
    }

    #[test]
    fn unreal_mode_keeps_the_limit() {
        let mut s = Segment::from_descriptor(0x10, 0x00cf_9300_0000_ffff);
        s.load_real(0x1234);
        assert_eq!((s.base, s.limit), (0x12340, u32::MAX));
    }
}
