//! Instructions on XMM registers that MXCSR has no part in.

use super::{Source, check, set_xmm, xmm};
use crate::{
    exec::{Flow, op},
    flags::{Eflags, LazyFlags},
    simd::{Xmm, integer::XmmOp, shuffle::blend_by_sign},
};

op! { /// `op xmm, xmm`
XmmRr<O: XmmOp>, Register, None, |x: X, i| {
    check(x)?;
    let result = O::apply(xmm(x, i.dst), xmm(x, i.src), i.imm as u8);
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `op xmm, m`
XmmRm<O: XmmOp, S: Source>, Load, None, |x: X, i| {
    check(x)?;
    let source = S::load(x, i)?;
    let result = O::apply(xmm(x, i.dst), source, i.imm as u8);
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `op xmm, r32`
XmmFromGpr<O: XmmOp>, Register, None, |x: X, i| {
    check(x)?;
    let result = O::apply(xmm(x, i.dst), Xmm::of_low(x.reg::<u32>(i.src)), i.imm as u8);
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

/// What becomes of XMM0's mask.
pub(crate) trait Lanes: 'static {
    type Lane: crate::simd::packed::Lane;
}
pub(crate) struct Bytes;
pub(crate) struct Doublewords;
pub(crate) struct Quadwords;
impl Lanes for Bytes {
    type Lane = u8;
}
impl Lanes for Doublewords {
    type Lane = u32;
}
impl Lanes for Quadwords {
    type Lane = u64;
}

op! { /// `blendv xmm, xmm, <xmm0>`
BlendRr<L: Lanes>, Register, None, |x: X, i| {
    check(x)?;
    let result = blend_by_sign::<L::Lane>(xmm(x, i.dst), xmm(x, i.src), xmm(x, 0));
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

op! { /// `blendv xmm, m, <xmm0>`
BlendRm<L: Lanes>, Load, None, |x: X, i| {
    check(x)?;
    let source = super::Aligned::load(x, i)?;
    let result = blend_by_sign::<L::Lane>(xmm(x, i.dst), source, xmm(x, 0));
    set_xmm(x, i.dst, result);
    Ok(Flow::Next)
}}

/// The flags of PTEST.
#[inline(always)]
fn test(a: Xmm, b: Xmm) -> LazyFlags {
    let (a, b) = (u128::from(a), u128::from(b));
    let mut flags = Eflags::empty();
    flags.set(Eflags::ZF, a & b == 0);
    flags.set(Eflags::CF, !a & b == 0);
    LazyFlags::from_eflags(flags)
}

op! { /// `ptest xmm, xmm`
PtestRr, Register, Sets, |x: X, i| {
    check(x)?;
    let flags = test(xmm(x, i.dst), xmm(x, i.src));
    x.set_flags(flags);
    Ok(Flow::Next)
}}

op! { /// `ptest xmm, m`
PtestRm, Load, Sets, |x: X, i| {
    check(x)?;
    let source = super::Aligned::load(x, i)?;
    let flags = test(xmm(x, i.dst), source);
    x.set_flags(flags);
    Ok(Flow::Next)
}}
