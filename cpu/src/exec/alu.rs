//! Two-operand arithmetic and logic, INC, DEC, NEG, NOT. SDM vol. 2, the instructions of these names.

use oldiron_mmu::Width;

use crate::{
    exec::{Exec, FlagUse, Flow, op},
    flags::LazyFlags,
};

/// An operation of the ALU: `a op b`, with CF where it takes part.
pub(crate) trait Alu: 'static {
    /// The result is written back (all but CMP and TEST).
    const WRITES: bool = true;
    /// CF is an input.
    const READS_CARRY: bool = false;
    const USE: FlagUse = if Self::READS_CARRY {
        FlagUse::ReadsAndSets
    } else {
        FlagUse::Sets
    };
    fn apply<W: Width>(a: W, b: W, carry: bool) -> (W, LazyFlags);
}

macro_rules! alu {
    ($($name:ident { $($consts:tt)* } |$a:ident, $b:ident, $c:ident| $body:expr;)*) => { $(
        pub(crate) struct $name;
        impl Alu for $name {
            $($consts)*
            #[inline(always)]
            fn apply<W: Width>($a: W, $b: W, $c: bool) -> (W, LazyFlags) { let _ = $c; $body }
        }
    )* };
}

#[inline(always)]
fn sum<W: Width>(a: W, b: W, carry: u64) -> (W, LazyFlags) {
    let wide = a.zext().wrapping_add(b.zext()).wrapping_add(carry);
    (W::truncate(wide), LazyFlags::arithmetic(a, b, wide))
}

#[inline(always)]
fn difference<W: Width>(a: W, b: W, borrow: u64) -> (W, LazyFlags) {
    let wide = a.zext().wrapping_sub(b.zext()).wrapping_sub(borrow);
    (W::truncate(wide), LazyFlags::arithmetic(a, b, wide))
}

#[inline(always)]
fn logic<W: Width>(value: u64) -> (W, LazyFlags) {
    let result = W::truncate(value);
    (result, LazyFlags::logic(result))
}

alu! {
    Add {} |a, b, c| sum(a, b, 0);
    Or {} |a, b, c| logic(a.zext() | b.zext());
    Adc { const READS_CARRY: bool = true; } |a, b, c| sum(a, b, c as u64);
    Sbb { const READS_CARRY: bool = true; } |a, b, c| difference(a, b, c as u64);
    And {} |a, b, c| logic(a.zext() & b.zext());
    Sub {} |a, b, c| difference(a, b, 0);
    Xor {} |a, b, c| logic(a.zext() ^ b.zext());
    Cmp { const WRITES: bool = false; } |a, b, c| difference(a, b, 0);
    Test { const WRITES: bool = false; } |a, b, c| logic(a.zext() & b.zext());
}

#[inline(always)]
fn compute<O: Alu, W: Width, X: Exec>(x: &mut X, a: W, b: W) -> W {
    let carry = O::READS_CARRY && x.flags().cf();
    let (result, flags) = O::apply(a, b, carry);
    x.set_flags(flags);
    result
}

op! { /// `op r, r`
AluRr<O: Alu, W: Width>, Register, O::USE, |x: X, i| {
    let (a, b) = (x.reg::<W>(i.dst), x.reg::<W>(i.src));
    let result = compute::<O, W, X>(x, a, b);
    if O::WRITES {
        x.set_reg(i.dst, result);
    }
    Ok(Flow::Next)
}}

op! { /// `op r, imm`
AluRi<O: Alu, W: Width>, Register, O::USE, |x: X, i| {
    let a = x.reg::<W>(i.dst);
    let result = compute::<O, W, X>(x, a, W::truncate(i.imm as u64));
    if O::WRITES {
        x.set_reg(i.dst, result);
    }
    Ok(Flow::Next)
}}

op! { /// `op r, m`
AluRm<O: Alu, W: Width>, Load, O::USE, |x: X, i| {
    let b = x.load::<W>(i, x.address(i))?;
    let a = x.reg::<W>(i.dst);
    let result = compute::<O, W, X>(x, a, b);
    if O::WRITES {
        x.set_reg(i.dst, result);
    }
    Ok(Flow::Next)
}}

#[inline(always)]
fn memory<O: Alu, W: Width, X: Exec>(x: &mut X, i: &crate::insn::Insn, b: W) -> crate::exec::Outcome {
    let offset = x.address(i);
    if O::WRITES {
        let (a, place) = x.modify::<W>(i, offset)?;
        let result = compute::<O, W, X>(x, a, b);
        x.commit(place, result);
    } else {
        let a = x.load::<W>(i, offset)?;
        compute::<O, W, X>(x, a, b);
    }
    Ok(Flow::Next)
}

op! { /// `op m, r`
AluMr<O: Alu, W: Width>, Memory, O::USE, |x: X, i| {
    let b = x.reg::<W>(i.src);
    memory::<O, W, X>(x, i, b)
}}

op! { /// `op m, imm`
AluMi<O: Alu, W: Width>, Memory, O::USE, |x: X, i| {
    memory::<O, W, X>(x, i, W::truncate(i.imm as u64))
}}

/// A one-operand operation. The flags it returns are only used where it writes any.
pub(crate) trait Unary: 'static {
    const USE: FlagUse;
    fn apply<W: Width>(a: W, old: LazyFlags) -> (W, LazyFlags);
}

pub(crate) struct Inc;
pub(crate) struct Dec;
pub(crate) struct Neg;
pub(crate) struct Not;

impl Unary for Inc {
    const USE: FlagUse = FlagUse::Merges;
    #[inline(always)]
    fn apply<W: Width>(a: W, old: LazyFlags) -> (W, LazyFlags) {
        let (result, mut flags) = sum(a, W::truncate(1), 0);
        flags.set_cf(old.cf());
        (result, flags)
    }
}

impl Unary for Dec {
    const USE: FlagUse = FlagUse::Merges;
    #[inline(always)]
    fn apply<W: Width>(a: W, old: LazyFlags) -> (W, LazyFlags) {
        let (result, mut flags) = difference(a, W::truncate(1), 0);
        flags.set_cf(old.cf());
        (result, flags)
    }
}

impl Unary for Neg {
    const USE: FlagUse = FlagUse::Sets;
    #[inline(always)]
    fn apply<W: Width>(a: W, _: LazyFlags) -> (W, LazyFlags) {
        difference(W::default(), a, 0)
    }
}

impl Unary for Not {
    const USE: FlagUse = FlagUse::None;
    #[inline(always)]
    fn apply<W: Width>(a: W, old: LazyFlags) -> (W, LazyFlags) {
        (W::truncate(!a.zext()), old)
    }
}

op! { /// `op r`
UnaryR<O: Unary, W: Width>, Register, O::USE, |x: X, i| {
    let (result, flags) = O::apply(x.reg::<W>(i.dst), x.flags());
    x.set_reg(i.dst, result);
    if !matches!(O::USE, FlagUse::None) {
        x.set_flags(flags);
    }
    Ok(Flow::Next)
}}

op! { /// `op m`
UnaryM<O: Unary, W: Width>, Memory, O::USE, |x: X, i| {
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    let (result, flags) = O::apply(a, x.flags());
    x.commit(place, result);
    if !matches!(O::USE, FlagUse::None) {
        x.set_flags(flags);
    }
    Ok(Flow::Next)
}}
