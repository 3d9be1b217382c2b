//! Bit instructions: BT, BTS, BTR, BTC, BSF, BSR. SDM vol. 2A, the instructions of these names.
//! Flags that the SDM leaves undefined keep their values.

use oldiron_mmu::Width;

use crate::{
    exec::{Exec, Flow, Outcome, op},
    insn::Insn,
};

/// What is done to the bit.
pub(crate) trait BitOp: 'static {
    const WRITES: bool = true;
    fn apply(value: u64, bit: u64) -> u64;
}
pub(crate) struct Bt;
pub(crate) struct Bts;
pub(crate) struct Btr;
pub(crate) struct Btc;
impl BitOp for Bt {
    const WRITES: bool = false;
    #[inline(always)]
    fn apply(value: u64, _: u64) -> u64 {
        value
    }
}
impl BitOp for Bts {
    #[inline(always)]
    fn apply(value: u64, bit: u64) -> u64 {
        value | bit
    }
}
impl BitOp for Btr {
    #[inline(always)]
    fn apply(value: u64, bit: u64) -> u64 {
        value & !bit
    }
}
impl BitOp for Btc {
    #[inline(always)]
    fn apply(value: u64, bit: u64) -> u64 {
        value ^ bit
    }
}

#[inline(always)]
fn in_register<O: BitOp, W: Width, X: Exec>(x: &mut X, i: &Insn, number: u32) -> Outcome {
    let (value, bit) = (x.reg::<W>(i.dst).zext(), 1 << (number & (W::BITS - 1)));
    if O::WRITES {
        x.set_reg(i.dst, W::truncate(O::apply(value, bit)));
    }
    let mut flags = x.flags();
    flags.set_cf(value & bit != 0);
    x.put_flags(flags);
    Ok(Flow::Next)
}

#[inline(always)]
fn in_memory<O: BitOp, W: Width, X: Exec>(x: &mut X, i: &Insn, offset: u32, number: u32) -> Outcome {
    let bit = 1 << (number & (W::BITS - 1));
    let value = if O::WRITES {
        let (value, place) = x.modify::<W>(i, offset)?;
        x.commit(place, W::truncate(O::apply(value.zext(), bit)));
        value
    } else {
        x.load::<W>(i, offset)?
    };
    let mut flags = x.flags();
    flags.set_cf(value.zext() & bit != 0);
    x.put_flags(flags);
    Ok(Flow::Next)
}

op! { /// `bt r, r`
BitRr<O: BitOp, W: Width>, Register, Other, |x: X, i| {
    let number = x.reg::<W>(i.src).zext() as u32;
    in_register::<O, W, X>(x, i, number)
}}

op! { /// `bt r, imm`
BitRi<O: BitOp, W: Width>, Register, Other, |x: X, i| { in_register::<O, W, X>(x, i, i.imm) }}

op! { /// `bt m, imm`
BitMi<O: BitOp, W: Width>, Memory, Other, |x: X, i| {
    let offset = x.address(i);
    in_memory::<O, W, X>(x, i, offset, i.imm)
}}

op! { /// `bt m, r`: the register is a signed offset into a bit string
BitMr<O: BitOp, W: Width>, Memory, Other, |x: X, i| {
    let number = x.reg::<W>(i.src).sext() as i64;
    // Whole operands, in bytes; the shift rounds towards minus infinity.
    let step = (number >> W::BITS.trailing_zeros()).wrapping_mul(W::BYTES as i64) as u32;
    let offset = x.address(i).wrapping_add(step) & i.address_mask();
    in_memory::<O, W, X>(x, i, offset, number as u32)
}}

/// BSF or BSR.
pub(crate) trait Scan: 'static {
    fn find(value: u64) -> u32;
}
pub(crate) struct Forward;
pub(crate) struct Reverse;
impl Scan for Forward {
    #[inline(always)]
    fn find(value: u64) -> u32 {
        value.trailing_zeros()
    }
}
impl Scan for Reverse {
    #[inline(always)]
    fn find(value: u64) -> u32 {
        63 - value.leading_zeros()
    }
}

/// With a zero source ZF is set and the destination stays as it is (undefined by the SDM).
#[inline(always)]
fn scan<S: Scan, W: Width, X: Exec>(x: &mut X, i: &Insn, value: W) -> Outcome {
    let zero = value.zext() == 0;
    if !zero {
        x.set_reg(i.dst, W::truncate(S::find(value.zext()) as u64));
    }
    let mut flags = x.flags();
    flags.set_zf(zero);
    x.put_flags(flags);
    Ok(Flow::Next)
}

op! { /// `bsf/bsr r, r`
ScanRr<S: Scan, W: Width>, Register, Other, |x: X, i| {
    let value = x.reg::<W>(i.src);
    scan::<S, W, X>(x, i, value)
}}

op! { /// `bsf/bsr r, m`
ScanRm<S: Scan, W: Width>, Load, Other, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    scan::<S, W, X>(x, i, value)
}}
