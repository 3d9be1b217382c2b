//! Moves out of XMM registers: to memory and to general registers.

use oldiron_mmu::Width;

use super::{check, xmm};
use crate::{
    exec::{Flow, op},
    simd::{
        Xmm,
        float::{Double, Single},
        integer,
        packed::{Lane, Packed},
        packed_float::signs,
    },
};

op! { /// `movaps m, xmm` and its like
StoreAligned, Memory, None, |x: X, i| {
    check(x)?;
    x.store_wide(i, x.address(i), xmm(x, i.src), true)?;
    Ok(Flow::Next)
}}

op! { /// `movups m, xmm` and its like
StoreUnaligned, Memory, None, |x: X, i| {
    check(x)?;
    x.store_wide(i, x.address(i), xmm(x, i.src), false)?;
    Ok(Flow::Next)
}}

op! { /// `movss`, `movsd`, `movlps`, `movd`, `movq` to memory: the low part
StoreLow<W: Width>, Memory, None, |x: X, i| {
    check(x)?;
    let value = W::truncate(xmm(x, i.src).low());
    x.store(i, x.address(i), value)?;
    Ok(Flow::Next)
}}

op! { /// `movhps m, xmm`
StoreHigh, Memory, None, |x: X, i| {
    check(x)?;
    let value = xmm(x, i.src).high();
    x.store(i, x.address(i), value)?;
    Ok(Flow::Next)
}}

/// Something of an XMM register as an integer.
pub(crate) trait Extract: 'static {
    fn of(value: Xmm, imm: u8) -> u32;
}

/// The element that the immediate names.
pub(crate) struct Element<L>(core::marker::PhantomData<L>);
impl<L: Lane + Into<u32> + 'static> Extract for Element<L> {
    #[inline(always)]
    fn of(value: Xmm, imm: u8) -> u32 {
        value.lane::<L>(imm as usize).into()
    }
}

/// MOVMSKPS.
pub(crate) struct SingleSigns;
/// MOVMSKPD.
pub(crate) struct DoubleSigns;
/// PMOVMSKB.
pub(crate) struct ByteSigns;

impl Extract for SingleSigns {
    #[inline(always)]
    fn of(value: Xmm, _: u8) -> u32 {
        signs::<Single>(value)
    }
}

impl Extract for DoubleSigns {
    #[inline(always)]
    fn of(value: Xmm, _: u8) -> u32 {
        signs::<Double>(value)
    }
}

impl Extract for ByteSigns {
    #[inline(always)]
    fn of(value: Xmm, _: u8) -> u32 {
        integer::byte_signs(value)
    }
}

op! { /// `op r32, xmm`
GprFromXmm<E: Extract>, Register, None, |x: X, i| {
    check(x)?;
    let value = E::of(xmm(x, i.src), i.imm as u8);
    x.set_reg::<u32>(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `pextr m, xmm, imm`
StoreElement<W: Width, E: Extract>, Memory, None, |x: X, i| {
    check(x)?;
    let value = W::truncate(E::of(xmm(x, i.src), i.imm as u8) as u64);
    x.store(i, x.address(i), value)?;
    Ok(Flow::Next)
}}
