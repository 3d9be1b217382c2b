//! Instructions on XMM registers that MXCSR governs.

use super::{Source, check, set_xmm, xmm};
use crate::{
    core::{Core, Cr4},
    exec::{Abort, Exec, Flow, op},
    fault::{Fault, FaultRule, vector},
    flags::{Eflags, LazyFlags},
    insn::Insn,
    simd::{
        Packed, Xmm,
        mxcsr::Env,
        packed_float::{FloatOp, quick},
    },
};

/// The result, by the host if that will do; on the fast path only then.
#[inline(always)]
pub(super) fn compute<O: FloatOp, X: Exec>(x: &mut X, a: Xmm, b: Xmm, insn: &Insn) -> Result<Xmm, Abort> {
    if let Some(result) = quick::<O>(a, b, insn.imm as u8, x.core_ref().mxcsr) {
        return Ok(result);
    }
    if !X::SLOW {
        return Err(Abort);
    }
    exactly::<O>(x.core(), a, b, insn.imm as u8).map_err(|fault| x.fault(fault))
}

/// The result with its flags, or #XM (#UD where the system does not handle that).
#[inline(never)]
fn exactly<O: FloatOp>(core: &mut Core, a: Xmm, b: Xmm, imm: u8) -> Result<Xmm, Fault> {
    let mut env = Env::new(core.mxcsr);
    let result = O::exact(a, b, imm, &mut env);
    let (mxcsr, trapped) = env.finish();
    core.mxcsr = mxcsr;
    if !trapped {
        Ok(result)
    } else if core.cr4.contains(Cr4::OSXMMEXCPT) {
        Err(Fault::plain(vector::XM, FaultRule::SimdException))
    } else {
        Err(Fault::undefined(FaultRule::SimdException))
    }
}

op! { /// `op xmm, xmm`
FloatRr<O: FloatOp>, Register, None, |x: X, i| {
    check(x)?;
    let result = compute::<O, X>(x, xmm(x, i.dst), xmm(x, i.src), i)?;
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `op xmm, m`
FloatRm<O: FloatOp, S: Source>, Load, None, |x: X, i| {
    check(x)?;
    let source = S::load(x, i)?;
    let result = compute::<O, X>(x, xmm(x, i.dst), source, i)?;
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `cvtsi2ss`, `cvtsi2sd` from a general register
FloatFromGpr<O: FloatOp>, Register, None, |x: X, i| {
    check(x)?;
    let source = Xmm::of_low(x.reg::<u32>(i.src));
    let result = compute::<O, X>(x, xmm(x, i.dst), source, i)?;
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// Conversions to a general register, from XMM
GprFromFloatR<O: FloatOp>, Register, None, |x: X, i| {
    check(x)?;
    let result = compute::<O, X>(x, Xmm::default(), xmm(x, i.src), i)?;
    x.set_reg::<u32>(i.dst, result.lane(0));
    Ok(Flow::Next)
}}

op! { /// Conversions to a general register, from memory
GprFromFloatM<O: FloatOp, S: Source>, Load, None, |x: X, i| {
    check(x)?;
    let source = S::load(x, i)?;
    let result = compute::<O, X>(x, Xmm::default(), source, i)?;
    x.set_reg::<u32>(i.dst, result.lane(0));
    Ok(Flow::Next)
}}

/// ZF, PF and CF from bits 2, 1 and 0; the other flags are cleared.
#[inline(always)]
fn ordering(bits: Xmm) -> LazyFlags {
    let bits = bits.low();
    let mut flags = Eflags::empty();
    flags.set(Eflags::ZF, bits & 4 != 0);
    flags.set(Eflags::PF, bits & 2 != 0);
    flags.set(Eflags::CF, bits & 1 != 0);
    LazyFlags::from_eflags(flags)
}

op! { /// `comis`, `ucomis` with XMM
CompareRr<O: FloatOp>, Register, Sets, |x: X, i| {
    check(x)?;
    let bits = compute::<O, X>(x, xmm(x, i.dst), xmm(x, i.src), i)?;
    x.set_flags(ordering(bits));
    Ok(Flow::Next)
}}

op! { /// `comis`, `ucomis` with memory
CompareRm<O: FloatOp, S: Source>, Load, Sets, |x: X, i| {
    check(x)?;
    let source = S::load(x, i)?;
    let bits = compute::<O, X>(x, xmm(x, i.dst), source, i)?;
    x.set_flags(ordering(bits));
    Ok(Flow::Next)
}}
