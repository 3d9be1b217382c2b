//! MUL, IMUL, DIV, IDIV. SDM vol. 2, the instructions of these names. SF, ZF and PF after a
//! multiplication are undefined and taken from the low half of the product; a division leaves all flags.

use oldiron_mmu::Width;

use crate::{
    core::reg,
    exec::{Abort, Exec, Flow, op},
    fault::{Fault, FaultRule, vector},
    flags::LazyFlags,
};

/// Signedness as a type.
pub(crate) trait Sign: 'static {
    const SIGNED: bool;
}
pub(crate) struct Signed;
pub(crate) struct Unsigned;
impl Sign for Signed {
    const SIGNED: bool = true;
}
impl Sign for Unsigned {
    const SIGNED: bool = false;
}

/// Writes the double-width product of the accumulator and `b`.
#[inline(always)]
fn multiply<S: Sign, W: Width, X: Exec>(x: &mut X, b: W) {
    let a = x.reg::<W>(reg::EAX as u8);
    let product = if S::SIGNED {
        a.sext().wrapping_mul(b.sext())
    } else {
        a.zext().wrapping_mul(b.zext())
    };
    let low = W::truncate(product);
    let high = W::truncate(product >> W::BITS);
    if W::BYTES == 1 {
        x.set_reg(reg::EAX as u8, product as u16);
    } else {
        x.set_reg(reg::EAX as u8, low);
        x.set_reg(reg::EDX as u8, high);
    }
    let overflow = if S::SIGNED {
        low.sext() != product
    } else {
        high.zext() != 0
    };
    x.set_flags(LazyFlags::explicit(low, overflow, overflow));
}

op! { /// `mul/imul r`
MulR<S: Sign, W: Width>, Register, Sets, |x: X, i| {
    let b = x.reg::<W>(i.dst);
    multiply::<S, W, X>(x, b);
    Ok(Flow::Next)
}}

op! { /// `mul/imul m`
MulM<S: Sign, W: Width>, Load, Sets, |x: X, i| {
    let b = x.load::<W>(i, x.address(i))?;
    multiply::<S, W, X>(x, b);
    Ok(Flow::Next)
}}

/// The truncated product of two operands, and its flags.
#[inline(always)]
fn product<W: Width, X: Exec>(x: &mut X, dst: u8, a: W, b: W) {
    let wide = a.sext().wrapping_mul(b.sext());
    let low = W::truncate(wide);
    let overflow = low.sext() != wide;
    x.set_reg(dst, low);
    x.set_flags(LazyFlags::explicit(low, overflow, overflow));
}

op! { /// `imul r, r`
ImulRr<W: Width>, Register, Sets, |x: X, i| {
    let (a, b) = (x.reg::<W>(i.dst), x.reg::<W>(i.src));
    product(x, i.dst, a, b);
    Ok(Flow::Next)
}}

op! { /// `imul r, m`
ImulRm<W: Width>, Load, Sets, |x: X, i| {
    let b = x.load::<W>(i, x.address(i))?;
    let a = x.reg::<W>(i.dst);
    product(x, i.dst, a, b);
    Ok(Flow::Next)
}}

op! { /// `imul r, r, imm`
ImulRri<W: Width>, Register, Sets, |x: X, i| {
    let a = x.reg::<W>(i.src);
    product(x, i.dst, a, W::truncate(i.imm as u64));
    Ok(Flow::Next)
}}

op! { /// `imul r, m, imm`
ImulRmi<W: Width>, Load, Sets, |x: X, i| {
    let a = x.load::<W>(i, x.address(i))?;
    product(x, i.dst, a, W::truncate(i.imm as u64));
    Ok(Flow::Next)
}}

/// Divides the double-width accumulator by `b`, or faults with #DE and changes nothing.
#[inline(always)]
fn divide<S: Sign, W: Width, X: Exec>(x: &mut X, b: W) -> Result<(), Abort> {
    let error = Fault::plain(vector::DE, FaultRule::DivideByZeroOrOverflow);
    let wide = if W::BYTES == 1 {
        x.reg::<u16>(reg::EAX as u8) as u64
    } else {
        x.reg::<W>(reg::EDX as u8).zext() << W::BITS | x.reg::<W>(reg::EAX as u8).zext()
    };
    if b.zext() == 0 {
        return Err(x.fault(error));
    }
    let (quotient, remainder) = if S::SIGNED {
        // The dividend is 2 * BITS wide; shift its sign up to bit 63 and back.
        let spare = 64 - 2 * W::BITS;
        let dividend = ((wide << spare) as i64) >> spare;
        let divisor = b.sext() as i64;
        // i64::MIN / -1 is the one quotient that overflows 64 bits.
        let Some(quotient) = dividend.checked_div(divisor) else {
            return Err(x.fault(error));
        };
        if W::truncate(quotient as u64).sext() != quotient as u64 {
            return Err(x.fault(error));
        }
        // Not the `%` operator, whose test for zero would put a call into the fast handler.
        let remainder = dividend.wrapping_sub(quotient.wrapping_mul(divisor));
        (quotient as u64, remainder as u64)
    } else {
        let quotient = wide / b.zext();
        if quotient > W::MASK {
            return Err(x.fault(error));
        }
        (quotient, wide % b.zext())
    };
    if W::BYTES == 1 {
        x.set_reg(
            reg::EAX as u8,
            (remainder as u16 & 0xff) << 8 | quotient as u16 & 0xff,
        );
    } else {
        x.set_reg(reg::EAX as u8, W::truncate(quotient));
        x.set_reg(reg::EDX as u8, W::truncate(remainder));
    }
    Ok(())
}

op! { /// `div/idiv r`: may fault
DivR<S: Sign, W: Width>, Register, Other, |x: X, i| {
    let b = x.reg::<W>(i.dst);
    divide::<S, W, X>(x, b)?;
    Ok(Flow::Next)
}}

op! { /// `div/idiv m`
DivM<S: Sign, W: Width>, Load, Other, |x: X, i| {
    let b = x.load::<W>(i, x.address(i))?;
    divide::<S, W, X>(x, b)?;
    Ok(Flow::Next)
}}
