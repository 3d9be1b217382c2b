//! Registers read with exactly the width of their use.
//!
//! A host load that is wider than the store before it cannot take its value from the store buffer and waits
//! until that has reached the cache, a dozen cycles. After a 16-bit write of a register its low half must
//! therefore be read with a 16-bit load. The compiler, told to read 64 bits and to drop most of them, does so
//! in some places and not in others.

use oldiron_mmu::Width;

/// The low `W` of a register.
#[inline(always)]
pub(crate) fn low<W: Width>(slot: &u64) -> W {
    if cfg!(target_endian = "big") {
        return W::truncate(*slot);
    }
    // SAFETY: every width has at most the 8 bytes of the slot and no stricter alignment, and any bits are a
    // valid value. On a little-endian host the low bytes come first.
    unsafe { core::ptr::from_ref(slot).cast::<W>().read() }
}

/// The low byte of a register, or the one above it.
#[inline(always)]
pub(crate) fn byte(slot: &u64, second: bool) -> u8 {
    if cfg!(target_endian = "big") {
        return (*slot >> (8 * second as u32)) as u8;
    }
    // SAFETY: both are bytes of the slot.
    unsafe { *core::ptr::from_ref(slot).cast::<u8>().add(second as usize) }
}
