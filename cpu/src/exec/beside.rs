//! Memory beside code: what the fast path refuses because the page holds decoded instructions, but not in these
//! bytes.
//!
//! Real-mode programs keep their variables next to their code, so this must not cost much: EIP and time stay
//! uncommitted, no fault is raised, the bus is not touched. Whatever else is in the way is left to the slow path.

use oldiron_mmu::{Bus, GuestMemory, HostSlot, Width};

use super::{Abort, Exec, SystemFn, through_the_tlb};
use crate::{
    core::{Core, seg},
    fault::Fault,
    flags::LazyFlags,
    insn::Insn,
    simd::Xmm,
};

/// Like [`super::Fast`], but stores look at which bytes are code. One for all addressing forms.
pub(crate) struct Beside<'a> {
    core: &'a mut Core,
    mem: &'a GuestMemory,
    flags: LazyFlags,
}

impl<'a> Beside<'a> {
    #[inline(always)]
    pub(crate) fn new(core: &'a mut Core, mem: &'a GuestMemory, flags: LazyFlags) -> Self {
        Self { core, mem, flags }
    }

    /// The linear address of an access, if the segment's fast ends allow it.
    #[inline(always)]
    fn linear<W: Width, const WRITE: bool>(&self, segment: usize, offset: u32) -> Result<u64, Abort> {
        self.core.segments[segment & 7]
            .fast_address::<W, WRITE>(offset)
            .ok_or(Abort)
    }
}

impl Exec for Beside<'_> {
    const FLAGS: bool = true;
    through_the_tlb!();

    #[inline(always)]
    fn address(&self, insn: &Insn) -> u32 {
        self.core.effective_address(insn)
    }

    #[inline(always)]
    fn load_at<W: Width>(&mut self, segment: usize, offset: u32) -> Result<W, Abort> {
        let addr = self.linear::<W, false>(segment, offset)?;
        self.core.tlb.read(addr).ok_or(Abort)
    }

    #[inline(always)]
    fn store_at<W: Width>(&mut self, segment: usize, offset: u32, value: W) -> Result<(), Abort> {
        let addr = self.linear::<W, true>(segment, offset)?;
        if self.core.tlb.write(addr, value) {
            return Ok(());
        }
        let place = self
            .core
            .tlb
            .place_beside_code::<W>(addr, self.mem)
            .ok_or(Abort)?;
        place.write(value);
        Ok(())
    }

    // Sixteen bytes beside code are rare.
    #[inline(always)]
    fn load_wide(&mut self, _: &Insn, _: u32, _: bool) -> Result<Xmm, Abort> {
        Err(Abort)
    }

    #[inline(always)]
    fn store_wide(&mut self, _: &Insn, _: u32, _: Xmm, _: bool) -> Result<(), Abort> {
        Err(Abort)
    }

    #[inline(always)]
    fn modify<W: Width>(&mut self, insn: &Insn, offset: u32) -> Result<(W, HostSlot), Abort> {
        let addr = self.linear::<W, true>(insn.seg as usize, offset)?;
        if let Some(found) = self.core.tlb.modify(addr) {
            return Ok(found);
        }
        let place = self
            .core
            .tlb
            .place_beside_code::<W>(addr, self.mem)
            .ok_or(Abort)?;
        Ok((place.read(), place))
    }

    #[inline(always)]
    fn stack_wrap(&self, offset: u32) -> u32 {
        if self.core.segments[seg::SS].is_big() {
            offset
        } else {
            offset & 0xffff
        }
    }

    #[inline(always)]
    fn stack_load<W: Width>(&mut self, offset: u32) -> Result<W, Abort> {
        self.load_at(seg::SS, offset)
    }

    #[inline(always)]
    fn stack_store<W: Width>(&mut self, offset: u32, value: W) -> Result<(), Abort> {
        self.store_at(seg::SS, offset, value)
    }

    #[inline(always)]
    fn set_stack_pointer(&mut self, offset: u32) {
        self.core.set_stack_pointer(offset);
    }
}
