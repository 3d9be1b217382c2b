//! Packed and scalar floating point on XMM registers.
//!
//! SDM vol. 2, the instructions ending in PS, PD, SS and SD.

use core::{cmp::Ordering, marker::PhantomData};

use super::{
    float::{self, Double, Format, Single},
    host::{Add, Arithmetic, HostFloat, HostFormat, Sub, Top, are_numbers, is_normal, is_number, is_zero},
    integer::XmmOp,
    mxcsr::{Env, Mxcsr},
    packed::{Lane, Packed, Xmm},
};
use crate::rounding::Rounding;

/// What an instruction that depends on MXCSR computes of destination, source and immediate.
pub(crate) trait FloatOp: 'static {
    /// The result, if it is easily had and changes no flag. Only under [`Mxcsr::is_plain`].
    #[inline(always)]
    fn quick(_a: Xmm, _b: Xmm, _imm: u8) -> Option<Xmm> {
        None
    }
    /// The result and its flags, always.
    fn exact(a: Xmm, b: Xmm, imm: u8, env: &mut Env) -> Xmm;
}

/// How many numbers an instruction computes.
const fn count<F: Format, const PACKED: bool>() -> usize {
    if PACKED { 16 / F::Bits::BYTES } else { 1 }
}

/// The number at `n`.
#[inline(always)]
pub(crate) fn number<F: Format>(row: Xmm, n: usize) -> u64 {
    row.lane::<F::Bits>(n).into()
}

/// A register of which the low elements are replaced: all of them, or one.
#[inline(always)]
fn row<F: Format, const PACKED: bool>(a: Xmm, mut element: impl FnMut(usize) -> u64) -> Xmm {
    if PACKED {
        Xmm::build(|n| F::element(element(n)))
    } else {
        a.with_low(F::element(element(0)))
    }
}

/// An operation on all elements, or on the lowest.
pub(crate) struct Float<A, F, const PACKED: bool>(PhantomData<(A, F)>);

impl<A: Arithmetic, F: HostFormat, const PACKED: bool> FloatOp for Float<A, F, PACKED>
where
    F::Float: HostFloat,
{
    #[inline(always)]
    fn quick(a: Xmm, b: Xmm, _: u8) -> Option<Xmm> {
        let result = if PACKED {
            a.zip::<F::Float>(b, A::host)
        } else {
            a.with_low(A::host::<F::Float>(a.lane(0), b.lane(0)))
        };
        let count = count::<F, PACKED>();
        // As masks, which become one row of compares.
        let doubts = Xmm::build::<u32>(|n| {
            let sure = n >= count || A::surely_holds::<F>(Top::of(a, n), Top::of(b, n), Top::of(result, n));
            if sure { 0 } else { u32::MAX }
        });
        if (0..count).fold(0, |any, n| any | doubts.lane::<u32>(n)) == 0 {
            return Some(result);
        }
        (0..count)
            .all(|n| A::holds::<F>(number::<F>(a, n), number::<F>(b, n), number::<F>(result, n)))
            .then_some(result)
    }

    fn exact(a: Xmm, b: Xmm, _: u8, env: &mut Env) -> Xmm {
        row::<F, PACKED>(a, |n| A::exact::<F>(number::<F>(a, n), number::<F>(b, n), env))
    }
}

/// CMPxx.
pub(crate) struct Compare<F, const PACKED: bool>(PhantomData<F>);

impl<F: HostFormat, const PACKED: bool> FloatOp for Compare<F, PACKED> {
    #[inline(always)]
    fn quick(a: Xmm, b: Xmm, imm: u8) -> Option<Xmm> {
        let mut numbers = true;
        let out = row::<F, PACKED>(a, |n| {
            let (a, b) = (number::<F>(a, n), number::<F>(b, n));
            numbers &= are_numbers::<F>(a, b);
            let (a, b) = (F::to_host(a), F::to_host(b));
            let holds = match imm & 3 {
                0 => a == b,
                1 => a < b,
                2 => a <= b,
                _ => false,
            };
            mask::<F>(holds != (imm & 4 != 0))
        });
        numbers.then_some(out)
    }

    fn exact(a: Xmm, b: Xmm, imm: u8, env: &mut Env) -> Xmm {
        row::<F, PACKED>(a, |n| {
            mask::<F>(float::predicate::<F>(
                number::<F>(a, n),
                number::<F>(b, n),
                imm,
                env,
            ))
        })
    }
}

#[inline(always)]
fn mask<F: Format>(holds: bool) -> u64 {
    if holds { F::SIGN | (F::SIGN - 1) } else { 0 }
}

/// ADDSUBPS, ADDSUBPD: even elements are subtracted, odd ones added.
pub(crate) struct AddSub<F>(PhantomData<F>);

impl<F: HostFormat> FloatOp for AddSub<F>
where
    F::Float: HostFloat,
{
    #[inline(always)]
    fn quick(a: Xmm, b: Xmm, _: u8) -> Option<Xmm> {
        let flipped = row::<F, true>(b, |n| number::<F>(b, n) ^ if n & 1 == 0 { F::SIGN } else { 0 });
        <Float<Add, F, true> as FloatOp>::quick(a, flipped, 0)
    }

    fn exact(a: Xmm, b: Xmm, _: u8, env: &mut Env) -> Xmm {
        row::<F, true>(a, |n| {
            let (a, b) = (number::<F>(a, n), number::<F>(b, n));
            if n & 1 == 0 {
                float::sub::<F>(a, b, env)
            } else {
                float::add::<F>(a, b, env)
            }
        })
    }
}

/// HADDxx, HSUBxx: neighbours, the destination's giving the low half.
pub(crate) struct Horizontal<A, F>(PhantomData<(A, F)>);

impl<A: Arithmetic, F: HostFormat> Horizontal<A, F> {
    /// Elements `first`, `first + 2`, … of both operands.
    #[inline(always)]
    fn every_other(a: Xmm, b: Xmm, first: usize) -> Xmm {
        let half = count::<F, true>() / 2;
        row::<F, true>(a, |n| {
            let (from, n) = if n < half { (a, n) } else { (b, n - half) };
            number::<F>(from, 2 * n + first)
        })
    }
}

impl<A: Arithmetic, F: HostFormat> FloatOp for Horizontal<A, F>
where
    F::Float: HostFloat,
{
    #[inline(always)]
    fn quick(a: Xmm, b: Xmm, _: u8) -> Option<Xmm> {
        let (even, odd) = (Self::every_other(a, b, 0), Self::every_other(a, b, 1));
        <Float<A, F, true> as FloatOp>::quick(even, odd, 0)
    }

    fn exact(a: Xmm, b: Xmm, _: u8, env: &mut Env) -> Xmm {
        let (even, odd) = (Self::every_other(a, b, 0), Self::every_other(a, b, 1));
        <Float<A, F, true> as FloatOp>::exact(even, odd, 0, env)
    }
}

pub(crate) type Haddps = Horizontal<Add, Single>;
pub(crate) type Haddpd = Horizontal<Add, Double>;
pub(crate) type Hsubps = Horizontal<Sub, Single>;
pub(crate) type Hsubpd = Horizontal<Sub, Double>;

/// DPPS, DPPD: a dot product of the elements that the high half of the immediate names, into those that the low
/// half names. Products are added in pairs, each step rounded.
pub(crate) struct DotProduct<F>(PhantomData<F>);

impl<F: Format> FloatOp for DotProduct<F> {
    fn exact(a: Xmm, b: Xmm, imm: u8, env: &mut Env) -> Xmm {
        let mut product = |n: usize| {
            if imm >> (4 + n) & 1 != 0 {
                float::mul::<F>(number::<F>(a, n), number::<F>(b, n), env)
            } else {
                0
            }
        };
        let sum = if count::<F, true>() == 4 {
            let products = [product(0), product(1), product(2), product(3)];
            let low = float::add::<F>(products[0], products[1], env);
            let high = float::add::<F>(products[2], products[3], env);
            float::add::<F>(low, high, env)
        } else {
            let products = [product(0), product(1)];
            float::add::<F>(products[0], products[1], env)
        };
        row::<F, true>(a, |n| if imm >> n & 1 != 0 { sum } else { 0 })
    }
}

/// ROUNDxx.
pub(crate) struct Round<F, const PACKED: bool>(PhantomData<F>);

impl<F: Format, const PACKED: bool> FloatOp for Round<F, PACKED> {
    fn exact(a: Xmm, b: Xmm, imm: u8, env: &mut Env) -> Xmm {
        let rounding = if imm & 4 != 0 {
            env.rounding
        } else {
            Rounding::from_bits(imm as u32)
        };
        row::<F, PACKED>(a, |n| {
            float::round::<F>(number::<F>(b, n), rounding, imm & 8 != 0, env)
        })
    }
}

/// RCPPS, RCPSS, RSQRTPS, RSQRTSS: within 1.5 * 2^-12 of the true value, without flags (SDM vol. 2B "RCPPS").
/// Denormals count as zeros. The value is that of a division rounded to 12 bits: real chips use tables, and
/// differ from one another.
pub(crate) struct Reciprocal<const ROOT: bool, const PACKED: bool>;

impl<const ROOT: bool, const PACKED: bool> XmmOp for Reciprocal<ROOT, PACKED> {
    #[inline(always)]
    fn apply(a: Xmm, b: Xmm, _: u8) -> Xmm {
        row::<Single, PACKED>(a, |n| reciprocal(number::<Single>(b, n), ROOT))
    }
}

#[inline(always)]
fn reciprocal(bits: u64, root: bool) -> u64 {
    if float::is_nan::<Single>(bits) {
        return bits | Single::QUIET;
    }
    let sign = bits & Single::SIGN;
    if bits & Single::INFINITY == 0 {
        return sign | Single::INFINITY;
    }
    if root && sign != 0 {
        return Single::INDEFINITE;
    }
    let value = f32::from_bits(bits as u32) as f64;
    let exact = if root { 1.0 / value.sqrt() } else { 1.0 / value };
    // Rounded to 12 bits; what would be denormal is zero.
    let rounded = (exact.to_bits() + (1 << 39)) >> 40 << 40;
    let result = (f64::from_bits(rounded) as f32).to_bits() as u64;
    if result & Single::INFINITY == 0 {
        sign
    } else {
        result
    }
}

// ---- conversions ----

/// Defines a conversion: what the host gives and whether that holds, and the exact way.
macro_rules! conversions {
    ($($(#[$doc:meta])* $name:ident: |$a:ident, $b:ident, $env:ident| quick $quick:expr, exact $exact:expr;)*) => { $(
        $(#[$doc])*
        pub(crate) struct $name;
        impl FloatOp for $name {
            #[inline(always)]
            fn quick($a: Xmm, $b: Xmm, _: u8) -> Option<Xmm> {
                let _ = $a;
                $quick
            }
            fn exact($a: Xmm, $b: Xmm, _: u8, $env: &mut Env) -> Xmm {
                let _ = $a;
                $exact
            }
        }
    )* };
}

/// A row whose low `count` elements are results, if all hold.
#[inline(always)]
fn quick_row<L: Lane>(count: usize, f: impl Fn(usize) -> (L, bool)) -> Option<Xmm> {
    let mut holds = true;
    let out = exact_row(count, |n| {
        let (value, good) = f(n);
        holds &= good;
        value
    });
    holds.then_some(out)
}

#[inline(always)]
fn exact_row<L: Lane>(count: usize, mut f: impl FnMut(usize) -> L) -> Xmm {
    Xmm::build(|n| if n < count { f(n) } else { L::default() })
}

#[inline(always)]
fn widen_quickly(b: Xmm, n: usize) -> (f64, bool) {
    (
        b.lane::<f32>(n).into(),
        is_number::<Single>(number::<Single>(b, n)),
    )
}

#[inline(always)]
fn narrow_quickly(b: Xmm, n: usize) -> (f32, bool) {
    let bits = number::<Double>(b, n);
    let result = b.lane::<f64>(n) as f32;
    let is_normal = is_normal::<Double>(bits) & is_normal::<Single>(result.to_bits().into());
    (result, is_zero::<Double>(bits) | is_normal)
}

/// A host number as an integer by the current rounding, which is to nearest here.
#[inline(always)]
pub(crate) fn nearest_quickly(value: f64) -> (u32, bool) {
    // Adding 1.5 * 2^52 leaves the integer, rounded to even, in the low bits.
    let shifted = value + 6_755_399_441_055_744.0;
    (shifted.to_bits() as u32, value.abs() < 2_147_483_647.0)
}

/// A host number as an integer by cutting.
#[inline(always)]
pub(crate) fn cut_quickly(value: f64) -> (u32, bool) {
    (value as i32 as u32, value.abs() < 2_147_483_648.0)
}

#[inline(always)]
fn single(b: Xmm, n: usize) -> f64 {
    b.lane::<f32>(n).into()
}

#[inline(always)]
fn double(b: Xmm, n: usize) -> f64 {
    b.lane(n)
}

/// The integer at `n`.
#[inline(always)]
fn integer(b: Xmm, n: usize) -> i32 {
    b.lane(n)
}

fn ints<F: Format>(b: Xmm, count: usize, rounding: Rounding, env: &mut Env) -> Xmm {
    exact_row(count, |n| float::to_int::<F>(number::<F>(b, n), rounding, env))
}

/// The number at `n` in another format.
fn converted<From: Format, To: Format>(b: Xmm, n: usize, env: &mut Env) -> To::Bits {
    To::element(float::convert::<From, To>(number::<From>(b, n), env))
}

/// The integer at `n` in a format.
fn from_integer<F: Format>(b: Xmm, n: usize, env: &mut Env) -> F::Bits {
    F::element(float::from_int::<F>(integer(b, n).into(), env))
}

conversions! {
    Cvtps2pd: |a, b, env| quick quick_row(2, |n| widen_quickly(b, n)),
        exact exact_row(2, |n| converted::<Single, Double>(b, n, env));
    Cvtpd2ps: |a, b, env| quick quick_row(2, |n| narrow_quickly(b, n)),
        exact exact_row(2, |n| converted::<Double, Single>(b, n, env));
    Cvtss2sd: |a, b, env| quick {
            let (low, holds) = widen_quickly(b, 0);
            holds.then_some(a.with_low(low))
        },
        exact a.with_low(converted::<Single, Double>(b, 0, env));
    Cvtsd2ss: |a, b, env| quick {
            let (low, holds) = narrow_quickly(b, 0);
            holds.then_some(a.with_low(low))
        },
        exact a.with_low(converted::<Double, Single>(b, 0, env));
    Cvtdq2ps: |a, b, env| quick Some(exact_row(4, |n| integer(b, n) as f32)),
        exact exact_row(4, |n| from_integer::<Single>(b, n, env));
    Cvtdq2pd: |a, b, env| quick Some(exact_row(2, |n| f64::from(integer(b, n)))),
        exact exact_row(2, |n| from_integer::<Double>(b, n, env));
    Cvtps2dq: |a, b, env| quick quick_row(4, |n| nearest_quickly(single(b, n))),
        exact ints::<Single>(b, 4, env.rounding, env);
    Cvttps2dq: |a, b, env| quick quick_row(4, |n| cut_quickly(single(b, n))),
        exact ints::<Single>(b, 4, Rounding::Zero, env);
    Cvtpd2dq: |a, b, env| quick quick_row(2, |n| nearest_quickly(double(b, n))),
        exact ints::<Double>(b, 2, env.rounding, env);
    Cvttpd2dq: |a, b, env| quick quick_row(2, |n| cut_quickly(double(b, n))),
        exact ints::<Double>(b, 2, Rounding::Zero, env);
    /// CVTSI2SS: the source is an integer register or doubleword.
    Cvtsi2ss: |a, b, env| quick Some(a.with_low(integer(b, 0) as f32)),
        exact a.with_low(from_integer::<Single>(b, 0, env));
    /// CVTSI2SD, which is always exact.
    Cvtsi2sd: |a, b, env| quick Some(a.with_low(f64::from(integer(b, 0)))),
        exact a.with_low(from_integer::<Double>(b, 0, env));
    /// CVTPI2PS: two integers, of an MMX register or memory.
    Cvtpi2ps: |a, b, env| quick Some(a.with_low(integer(b, 0) as f32).with_lane(1, integer(b, 1) as f32)),
        exact {
            let low = exact_row(2, |n| from_integer::<Single>(b, n, env));
            a.with_low(low.low())
        };
    /// CVTPS2PI: to an MMX register.
    Cvtps2pi: |a, b, env| quick quick_row(2, |n| nearest_quickly(single(b, n))),
        exact ints::<Single>(b, 2, env.rounding, env);
    /// CVTTPS2PI.
    Cvttps2pi: |a, b, env| quick quick_row(2, |n| cut_quickly(single(b, n))),
        exact ints::<Single>(b, 2, Rounding::Zero, env);
}

/// CVTSS2SI, CVTSD2SI, CVTTSS2SI, CVTTSD2SI: the integer is the low doubleword.
pub(crate) struct ToInt<F, const CUT: bool>(PhantomData<F>);

impl<F: HostFormat, const CUT: bool> FloatOp for ToInt<F, CUT>
where
    F::Float: Into<f64>,
{
    #[inline(always)]
    fn quick(_: Xmm, b: Xmm, _: u8) -> Option<Xmm> {
        let value: f64 = F::to_host(number::<F>(b, 0)).into();
        let (result, holds) = if CUT {
            cut_quickly(value)
        } else {
            nearest_quickly(value)
        };
        holds.then_some(Xmm::of_low(result))
    }

    fn exact(_: Xmm, b: Xmm, _: u8, env: &mut Env) -> Xmm {
        let rounding = if CUT { Rounding::Zero } else { env.rounding };
        Xmm::of_low(float::to_int::<F>(number::<F>(b, 0), rounding, env))
    }
}

/// COMISx, UCOMISx: ZF, PF, CF as bits 2, 1, 0; `QUIET` for UCOMISx.
pub(crate) struct CompareFlags<F, const QUIET: bool>(PhantomData<F>);

impl<F: HostFormat, const QUIET: bool> FloatOp for CompareFlags<F, QUIET> {
    #[inline(always)]
    fn quick(a: Xmm, b: Xmm, _: u8) -> Option<Xmm> {
        let (a, b) = (number::<F>(a, 0), number::<F>(b, 0));
        if !are_numbers::<F>(a, b) {
            return None;
        }
        let (a, b) = (F::to_host(a), F::to_host(b));
        Some(Xmm::of_low(((a == b) as u32) << 2 | (a < b) as u32))
    }

    fn exact(a: Xmm, b: Xmm, _: u8, env: &mut Env) -> Xmm {
        let nans = if QUIET {
            float::Nans::Signaling
        } else {
            float::Nans::Any
        };
        let bits = match float::compare::<F>(number::<F>(a, 0), number::<F>(b, 0), nans, env) {
            Some(Ordering::Greater) => 0u32,
            Some(Ordering::Less) => 1,
            Some(Ordering::Equal) => 4,
            None => 7,
        };
        Xmm::of_low(bits)
    }
}

/// The result if it is easily had, under this MXCSR.
#[inline(always)]
pub(crate) fn quick<O: FloatOp>(a: Xmm, b: Xmm, imm: u8, control: Mxcsr) -> Option<Xmm> {
    if control.is_plain() {
        O::quick(a, b, imm)
    } else {
        None
    }
}

/// MOVMSKPS, MOVMSKPD: the sign bits.
#[inline(always)]
pub(crate) fn signs<F: Format>(a: Xmm) -> u32 {
    (0..count::<F, true>()).fold(0, |mask, n| {
        mask | ((number::<F>(a, n) & F::SIGN != 0) as u32) << n
    })
}
