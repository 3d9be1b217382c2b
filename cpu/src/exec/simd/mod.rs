//! The instructions of MMX and SSE as the processor sees them: what bars them, where operands come from, how
//! exceptions are reported. What they compute is in [`crate::simd`].
//!
//! Follows SDM vol. 1 chapters 9 to 12, vol. 2 for each instruction, vol. 3A §2.5 and §13.1 (CR0 and CR4).

pub(crate) mod float;
pub(crate) mod mmx;
pub(crate) mod moves;
pub(crate) mod packed;
pub(crate) mod special;

use crate::{
    core::{Core, Cr0, Cr4},
    exec::{Abort, Exec},
    fault::{Fault, FaultRule, vector},
    insn::Insn,
    simd::Xmm,
};

/// Why SSE instructions are barred: #UD or #NM.
fn bar(core: &Core) -> Fault {
    if core.cr0.contains(Cr0::EM) || !core.cr4.contains(Cr4::OSFXSR) {
        Fault::undefined(FaultRule::SimdNotEnabled)
    } else {
        Fault::plain(vector::NM, FaultRule::CoprocessorNotAvailable)
    }
}

/// What every SSE instruction looks at first.
#[inline(always)]
fn check<X: Exec>(x: &mut X) -> Result<(), Abort> {
    if x.core_ref().simd_barred {
        return Err(barred(x));
    }
    Ok(())
}

#[inline(always)]
fn barred<X: Exec>(x: &mut X) -> Abort {
    if X::SLOW {
        let fault = bar(x.core_ref());
        x.fault(fault)
    } else {
        Abort
    }
}

/// XMMn.
#[inline(always)]
fn xmm<X: Exec>(x: &X, number: u8) -> Xmm {
    x.core_ref().xmm[number as usize & 7]
}

#[inline(always)]
fn set_xmm<X: Exec>(x: &mut X, number: u8, value: Xmm) {
    x.core().xmm[number as usize & 7] = value;
}

/// A memory operand of an SSE instruction.
pub(crate) trait Source: 'static {
    fn load<X: Exec>(x: &mut X, insn: &Insn) -> Result<Xmm, Abort>;
}

/// 16 bytes, aligned.
pub(crate) struct Aligned;
/// 16 bytes at any address.
pub(crate) struct Unaligned;
/// A narrower one, zero-extended.
pub(crate) struct Part<W>(core::marker::PhantomData<W>);

impl Source for Aligned {
    #[inline(always)]
    fn load<X: Exec>(x: &mut X, insn: &Insn) -> Result<Xmm, Abort> {
        x.load_wide(insn, x.address(insn), true)
    }
}

impl Source for Unaligned {
    #[inline(always)]
    fn load<X: Exec>(x: &mut X, insn: &Insn) -> Result<Xmm, Abort> {
        x.load_wide(insn, x.address(insn), false)
    }
}

impl<W: oldiron_mmu::Width> Source for Part<W> {
    #[inline(always)]
    fn load<X: Exec>(x: &mut X, insn: &Insn) -> Result<Xmm, Abort> {
        Ok(Xmm::of_halves(x.load::<W>(insn, x.address(insn))?.zext(), 0))
    }
}
