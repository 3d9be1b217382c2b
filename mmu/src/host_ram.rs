//! The host allocation behind guest RAM and ROM.
//!
//! One of two modules of this crate with `unsafe` code; the other, `tlb`, keeps
//! pointers into this allocation.
//!
//! Invariants: the allocation lives, unmoved, as long as the [`HostRam`]; every access goes through
//! the one raw pointer taken when it was made, and no reference into it outlives a method call of
//! the borrower, so that pointers kept by a TLB stay valid between slices.
#![allow(unsafe_code)]

use core::ptr::NonNull;

/// A fixed, zero-initialised block of bytes. The host commits its pages as they are touched.
#[derive(Debug)]
pub(crate) struct HostRam {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: HostRam owns its allocation like a Box<[u8]>; the raw pointer is not shared.
unsafe impl Send for HostRam {}
// SAFETY: through a shared reference only reads are possible.
unsafe impl Sync for HostRam {}

impl HostRam {
    pub(crate) fn zeroed(len: usize) -> Self {
        let block: Box<[u8]> = vec![0; len].into_boxed_slice();
        // A Box is never null; `dangling` is only for the type.
        let start = NonNull::new(Box::into_raw(block).cast::<u8>()).unwrap_or(NonNull::dangling());
        Self { start, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where the block starts, for pointers that a TLB keeps.
    pub(crate) fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `start` and `len` describe our own allocation (zeroed above); `&self` excludes writers.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Writes a value, unless it would go past the end.
    #[inline]
    pub(crate) fn write<W: crate::Width>(&mut self, offset: usize, value: W) {
        if self
            .len
            .checked_sub(W::BYTES as usize)
            .is_some_and(|last| offset <= last)
        {
            // SAFETY: offset + BYTES <= len was just checked; `&mut self` excludes all other access. The
            // guest and every supported host are little-endian.
            unsafe { self.start.as_ptr().add(offset).cast::<W>().write_unaligned(value) };
        }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; `&mut self` excludes all other access for the borrow's length.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for HostRam {
    fn drop(&mut self) {
        // SAFETY: exactly the pointer and length that Box::into_raw gave in `zeroed`.
        drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(self.start.as_ptr(), self.len)) });
    }
}
