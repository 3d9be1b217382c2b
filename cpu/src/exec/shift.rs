//! Shifts and rotates, and the double shifts. SDM vol. 2B "RCL/RCR/ROL/ROR", "SAL/SAR/SHL/SHR",
//! "SHLD", "SHRD". Where the SDM leaves OF undefined (counts other than 1) it is what the formula for
//! a count of 1 gives, as silicon does in most cases; AF is cleared.

use oldiron_mmu::Width;

use crate::{
    exec::{Exec, FlagUse, Flow, op},
    flags::LazyFlags,
    insn::Insn,
};

/// A shift or rotate by a count of 1 to 31.
pub(crate) trait Shift: 'static {
    /// Only CF and OF change.
    const ROTATE: bool = false;
    const USE: FlagUse = if Self::ROTATE {
        FlagUse::Other
    } else {
        FlagUse::Sets
    };
    fn apply<W: Width>(a: W, count: u32, old: LazyFlags) -> (W, LazyFlags);
}

macro_rules! shift {
    ($($name:ident { $($consts:tt)* } $W:ident |$a:ident, $count:ident, $old:ident| $body:block)*) => { $(
        pub(crate) struct $name;
        impl Shift for $name {
            $($consts)*
            #[inline(always)]
            fn apply<$W: Width>($a: $W, $count: u32, $old: LazyFlags) -> ($W, LazyFlags) { let _ = $old; $body }
        }
    )* };
}

#[inline(always)]
fn rotated<W: Width>(result: u64, cf: bool, of: bool, old: LazyFlags) -> (W, LazyFlags) {
    let mut flags = old;
    flags.set_cf_of(cf, of);
    (W::truncate(result), flags)
}

#[inline(always)]
fn msb<W: Width>(value: u64) -> bool {
    value & W::SIGN != 0
}

shift! {
    Rol { const ROTATE: bool = true; } W |a, count, old| {
        let n = count & (W::BITS - 1);
        let wide = a.zext();
        let result = (wide << n | wide >> ((W::BITS - n) & 63)) & W::MASK;
        let cf = result & 1 != 0;
        rotated(result, cf, msb::<W>(result) != cf, old)
    }
    Ror { const ROTATE: bool = true; } W |a, count, old| {
        let n = count & (W::BITS - 1);
        let wide = a.zext();
        let result = (wide >> n | wide << ((W::BITS - n) & 63)) & W::MASK;
        let cf = msb::<W>(result);
        rotated(result, cf, cf != msb::<W>(result << 1), old)
    }
    Rcl { const ROTATE: bool = true; } W |a, count, old| {
        let n = count % (W::BITS + 1);
        // CF on top of the operand: a rotation of BITS + 1 bits.
        let wide = a.zext() | (old.cf() as u64) << W::BITS;
        let result = if n == 0 { wide } else { wide << n | wide >> (W::BITS + 1 - n) };
        let cf = result >> W::BITS & 1 != 0;
        rotated(result, cf, msb::<W>(result) != cf, old)
    }
    Rcr { const ROTATE: bool = true; } W |a, count, old| {
        let n = count % (W::BITS + 1);
        let wide = a.zext() | (old.cf() as u64) << W::BITS;
        let result = if n == 0 { wide } else { wide >> n | wide << (W::BITS + 1 - n) };
        let cf = result >> W::BITS & 1 != 0;
        rotated(result, cf, msb::<W>(result) != msb::<W>(result << 1), old)
    }
    Shl {} W |a, count, old| {
        let wide = a.zext() << count;
        let result = W::truncate(wide);
        let cf = wide >> W::BITS & 1 != 0;
        (result, LazyFlags::explicit(result, cf, msb::<W>(wide) != cf))
    }
    Shr {} W |a, count, old| {
        let wide = a.zext();
        let result = W::truncate(wide >> count);
        let cf = wide >> (count - 1) & 1 != 0;
        // Undefined for counts above 1: the 286 (vectors C0.5) and later shift bit by bit, so that it is
        // the top bit before the last step.
        (result, LazyFlags::explicit(result, cf, count == 1 && msb::<W>(wide)))
    }
    Sar {} W |a, count, old| {
        let wide = a.sext() as i64;
        let result = W::truncate((wide >> count) as u64);
        let cf = wide >> (count - 1) & 1 != 0;
        (result, LazyFlags::explicit(result, cf, false))
    }
}

#[inline(always)]
fn put<O: Shift, X: Exec>(x: &mut X, flags: LazyFlags) {
    // A rotate keeps four flags, so its result is needed whoever reads them.
    if O::ROTATE {
        x.put_flags(flags)
    } else {
        x.set_flags(flags)
    }
}

op! { /// `op r, imm`, count 1–31
ShiftRi<O: Shift, W: Width>, Register, O::USE, |x: X, i| {
    let (result, flags) = O::apply(x.reg::<W>(i.dst), i.imm & 31, x.flags());
    x.set_reg(i.dst, result);
    put::<O, X>(x, flags);
    Ok(Flow::Next)
}}

op! { /// `op m, imm`, count 1–31
ShiftMi<O: Shift, W: Width>, Memory, O::USE, |x: X, i| {
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    let (result, flags) = O::apply(a, i.imm & 31, x.flags());
    x.commit(place, result);
    put::<O, X>(x, flags);
    Ok(Flow::Next)
}}

op! { /// `op r, cl`
ShiftRc<O: Shift, W: Width>, Register, Other, |x: X, i| {
    let count = x.reg::<u32>(1) & 31;
    if count != 0 {
        let (result, flags) = O::apply(x.reg::<W>(i.dst), count, x.flags());
        x.set_reg(i.dst, result);
        x.put_flags(flags);
    }
    Ok(Flow::Next)
}}

op! { /// `op m, cl`; with a count of 0 (also an immediate one) the operand is still accessed
ShiftMc<O: Shift, W: Width>, Memory, Other, |x: X, i| {
    let count = x.reg::<u32>(1) & 31;
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    if count != 0 {
        let (result, flags) = O::apply(a, count, x.flags());
        x.commit(place, result);
        x.put_flags(flags);
    } else {
        x.commit(place, a);
    }
    Ok(Flow::Next)
}}

/// SHLD or SHRD.
pub(crate) trait DoubleShift: 'static {
    fn apply<W: Width>(a: W, b: W, count: u32) -> (W, bool);
}

pub(crate) struct Shld;
pub(crate) struct Shrd;

impl DoubleShift for Shld {
    #[inline(always)]
    fn apply<W: Width>(a: W, b: W, count: u32) -> (W, bool) {
        // 16-bit operands with counts above 16 (undefined) go on with the first operand again.
        let wide = if W::BITS == 16 {
            (a.zext() << 32 | b.zext() << 16 | a.zext()) << count >> 32
        } else {
            (a.zext() << 32 | b.zext()) << count >> 32
        };
        let cf = if W::BITS == 16 {
            (a.zext() << 32 | b.zext() << 16 | a.zext()) >> (48 - count) & 1
        } else {
            a.zext() >> (32 - count) & 1
        };
        (W::truncate(wide), cf != 0)
    }
}

impl DoubleShift for Shrd {
    #[inline(always)]
    fn apply<W: Width>(a: W, b: W, count: u32) -> (W, bool) {
        let wide = if W::BITS == 16 {
            a.zext() << 32 | b.zext() << 16 | a.zext()
        } else {
            b.zext() << 32 | a.zext()
        };
        (W::truncate(wide >> count), wide >> (count - 1) & 1 != 0)
    }
}

/// With `CL` false the count is the immediate.
#[inline(always)]
fn double_count<X: Exec>(x: &X, i: &Insn, cl: bool) -> u32 {
    if cl { x.reg::<u32>(1) & 31 } else { i.imm & 31 }
}

#[inline(always)]
fn double_flags<W: Width, X: Exec>(x: &mut X, a: W, result: W, cf: bool) {
    let of = msb::<W>(a.zext() ^ result.zext());
    x.put_flags(LazyFlags::explicit(result, cf, of));
}

#[inline(always)]
fn double_r<O: DoubleShift, W: Width, X: Exec>(x: &mut X, i: &Insn, cl: bool) -> crate::exec::Outcome {
    let count = double_count(x, i, cl);
    if count != 0 {
        let a = x.reg::<W>(i.dst);
        let (result, cf) = O::apply(a, x.reg::<W>(i.src), count);
        x.set_reg(i.dst, result);
        double_flags(x, a, result, cf);
    }
    Ok(Flow::Next)
}

#[inline(always)]
fn double_m<O: DoubleShift, W: Width, X: Exec>(x: &mut X, i: &Insn, cl: bool) -> crate::exec::Outcome {
    let count = double_count(x, i, cl);
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    if count == 0 {
        x.commit(place, a);
        return Ok(Flow::Next);
    }
    let (result, cf) = O::apply(a, x.reg::<W>(i.src), count);
    x.commit(place, result);
    double_flags(x, a, result, cf);
    Ok(Flow::Next)
}

op! { /// `shld/shrd r, r, imm`
DoubleRi<O: DoubleShift, W: Width>, Register, Other, |x: X, i| { double_r::<O, W, X>(x, i, false) }}
op! { /// `shld/shrd r, r, cl`
DoubleRc<O: DoubleShift, W: Width>, Register, Other, |x: X, i| { double_r::<O, W, X>(x, i, true) }}
op! { /// `shld/shrd m, r, imm`
DoubleMi<O: DoubleShift, W: Width>, Memory, Other, |x: X, i| { double_m::<O, W, X>(x, i, false) }}
op! { /// `shld/shrd m, r, cl`
DoubleMc<O: DoubleShift, W: Width>, Memory, Other, |x: X, i| { double_m::<O, W, X>(x, i, true) }}

op! { /// `op m, 0`: the operand is read and written back, nothing else happens
TouchM<W: Width>, Load, None, |x: X, i| {
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    x.commit(place, a);
    Ok(Flow::Next)
}}
