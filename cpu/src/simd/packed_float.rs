//! Packed and scalar floating point on XMM registers.
//!
//! SDM vol. 2, the instructions ending in PS, PD, SS and SD.

use core::{cmp::Ordering, marker::PhantomData};

use super::{
    float::{self, Double, Format, Single},
    host::{Add, Arithmetic, HostFloat, HostFormat, Sub, is_normal, is_plain, is_zero},
    integer::XmmOp,
    mxcsr::{Env, Mxcsr},
};
use crate::rounding::Rounding;

/// What an instruction that depends on MXCSR computes of destination, source and immediate.
pub(crate) trait FloatOp: 'static {
    /// The result, if it is easily had and changes no flag. Only under [`Mxcsr::is_plain`].
    #[inline(always)]
    fn quick(_a: u128, _b: u128, _imm: u8) -> Option<u128> {
        None
    }
    /// The result and its flags, always.
    fn exact(a: u128, b: u128, imm: u8, env: &mut Env) -> u128;
}

/// Bits of a format's numbers.
const fn bits<F: Format>() -> u32 {
    1 + F::EXPONENT + F::FRACTION
}

/// The number at `n`.
#[inline(always)]
pub(crate) fn number<F: Format>(row: u128, n: u32) -> u64 {
    (row >> (n * bits::<F>())) as u64 & (F::SIGN | (F::SIGN - 1))
}

/// A register of which the low elements are replaced: all of them, or one.
#[inline(always)]
fn row<F: Format, const PACKED: bool>(a: u128, mut element: impl FnMut(u32) -> u64) -> u128 {
    if !PACKED {
        let width = bits::<F>();
        return a >> width << width | element(0) as u128;
    }
    let mut out = 0;
    for n in 0..128 / bits::<F>() {
        out |= (element(n) as u128) << (n * bits::<F>());
    }
    out
}

/// An operation on all elements, or on the lowest.
pub(crate) struct Float<A, F, const PACKED: bool>(PhantomData<(A, F)>);

impl<A: Arithmetic, F: HostFormat, const PACKED: bool> FloatOp for Float<A, F, PACKED>
where
    F::Float: HostFloat,
{
    #[inline(always)]
    fn quick(a: u128, b: u128, _: u8) -> Option<u128> {
        let mut holds = true;
        let out = row::<F, PACKED>(a, |n| {
            let (result, good) = A::host::<F>(number::<F>(a, n), number::<F>(b, n));
            holds &= good;
            result
        });
        holds.then_some(out)
    }

    fn exact(a: u128, b: u128, _: u8, env: &mut Env) -> u128 {
        row::<F, PACKED>(a, |n| A::exact::<F>(number::<F>(a, n), number::<F>(b, n), env))
    }
}

/// CMPxx.
pub(crate) struct Compare<F, const PACKED: bool>(PhantomData<F>);

impl<F: HostFormat, const PACKED: bool> FloatOp for Compare<F, PACKED> {
    #[inline(always)]
    fn quick(a: u128, b: u128, imm: u8) -> Option<u128> {
        let mut plain = true;
        let out = row::<F, PACKED>(a, |n| {
            let (a, b) = (number::<F>(a, n), number::<F>(b, n));
            plain &= is_plain::<F>(a) & is_plain::<F>(b);
            let (a, b) = (F::to_host(a), F::to_host(b));
            let holds = match imm & 3 {
                0 => a == b,
                1 => a < b,
                2 => a <= b,
                _ => false,
            };
            mask::<F>(holds != (imm & 4 != 0))
        });
        plain.then_some(out)
    }

    fn exact(a: u128, b: u128, imm: u8, env: &mut Env) -> u128 {
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
    fn quick(a: u128, b: u128, _: u8) -> Option<u128> {
        let even = row::<F, true>(0, |n| if n & 1 == 0 { F::SIGN } else { 0 });
        <Float<Add, F, true> as FloatOp>::quick(a, b ^ even, 0)
    }

    fn exact(a: u128, b: u128, _: u8, env: &mut Env) -> u128 {
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
    fn every_other(a: u128, b: u128, first: u32) -> u128 {
        let half = 64 / bits::<F>();
        row::<F, true>(0, |n| {
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
    fn quick(a: u128, b: u128, _: u8) -> Option<u128> {
        let (even, odd) = (Self::every_other(a, b, 0), Self::every_other(a, b, 1));
        <Float<A, F, true> as FloatOp>::quick(even, odd, 0)
    }

    fn exact(a: u128, b: u128, _: u8, env: &mut Env) -> u128 {
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
    fn exact(a: u128, b: u128, imm: u8, env: &mut Env) -> u128 {
        let mut product = |n: u32| {
            if imm >> (4 + n) & 1 != 0 {
                float::mul::<F>(number::<F>(a, n), number::<F>(b, n), env)
            } else {
                0
            }
        };
        let sum = if bits::<F>() == 32 {
            let products = [product(0), product(1), product(2), product(3)];
            let low = float::add::<F>(products[0], products[1], env);
            let high = float::add::<F>(products[2], products[3], env);
            float::add::<F>(low, high, env)
        } else {
            let products = [product(0), product(1)];
            float::add::<F>(products[0], products[1], env)
        };
        row::<F, true>(0, |n| if imm >> n & 1 != 0 { sum } else { 0 })
    }
}

/// ROUNDxx.
pub(crate) struct Round<F, const PACKED: bool>(PhantomData<F>);

impl<F: Format, const PACKED: bool> FloatOp for Round<F, PACKED> {
    fn exact(a: u128, b: u128, imm: u8, env: &mut Env) -> u128 {
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
    fn apply(a: u128, b: u128, _: u8) -> u128 {
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
            fn quick($a: u128, $b: u128, _: u8) -> Option<u128> {
                let _ = $a;
                $quick
            }
            fn exact($a: u128, $b: u128, _: u8, $env: &mut Env) -> u128 {
                let _ = $a;
                $exact
            }
        }
    )* };
}

/// A row of `count` results of `width` bits, if all hold.
#[inline(always)]
fn quick_row(count: u32, width: u32, f: impl Fn(u32) -> (u64, bool)) -> Option<u128> {
    let (mut out, mut holds) = (0, true);
    for n in 0..count {
        let (value, good) = f(n);
        out |= (value as u128) << (n * width);
        holds &= good;
    }
    holds.then_some(out)
}

#[inline(always)]
fn exact_row(count: u32, width: u32, mut f: impl FnMut(u32) -> u64) -> u128 {
    (0..count).fold(0, |out, n| out | (f(n) as u128) << (n * width))
}

#[inline(always)]
fn widen_quickly(b: u128, n: u32) -> (u64, bool) {
    let bits = number::<Single>(b, n);
    (
        (f32::from_bits(bits as u32) as f64).to_bits(),
        is_plain::<Single>(bits),
    )
}

#[inline(always)]
fn narrow_quickly(b: u128, n: u32) -> (u64, bool) {
    let bits = number::<Double>(b, n);
    let result = (f64::from_bits(bits) as f32).to_bits() as u64;
    (
        result,
        is_zero::<Double>(bits) | is_normal::<Double>(bits) & is_normal::<Single>(result),
    )
}

/// A host number as an integer by the current rounding, which is to nearest here.
#[inline(always)]
pub(crate) fn nearest_quickly(value: f64) -> (u64, bool) {
    // Adding 1.5 * 2^52 leaves the integer, rounded to even, in the low bits.
    let shifted = value + 6_755_399_441_055_744.0;
    (shifted.to_bits() as u32 as u64, value.abs() < 2_147_483_647.0)
}

/// A host number as an integer by cutting.
#[inline(always)]
pub(crate) fn cut_quickly(value: f64) -> (u64, bool) {
    (value as i32 as u32 as u64, value.abs() < 2_147_483_648.0)
}

#[inline(always)]
fn single(b: u128, n: u32) -> f64 {
    f32::from_bits(number::<Single>(b, n) as u32) as f64
}

#[inline(always)]
fn double(b: u128, n: u32) -> f64 {
    f64::from_bits(number::<Double>(b, n))
}

/// The integer at `n`.
#[inline(always)]
fn integer(b: u128, n: u32) -> i32 {
    (b >> (32 * n)) as u32 as i32
}

fn ints<F: Format>(b: u128, count: u32, rounding: Rounding, env: &mut Env) -> u128 {
    exact_row(count, 32, |n| {
        float::to_int::<F>(number::<F>(b, n), rounding, env) as u64
    })
}

conversions! {
    Cvtps2pd: |a, b, env| quick quick_row(2, 64, |n| widen_quickly(b, n)),
        exact exact_row(2, 64, |n| float::convert::<Single, Double>(number::<Single>(b, n), env));
    Cvtpd2ps: |a, b, env| quick quick_row(2, 32, |n| narrow_quickly(b, n)),
        exact exact_row(2, 32, |n| float::convert::<Double, Single>(number::<Double>(b, n), env));
    Cvtss2sd: |a, b, env| quick quick_row(1, 64, |n| widen_quickly(b, n)).map(|low| a >> 64 << 64 | low),
        exact a >> 64 << 64 | float::convert::<Single, Double>(number::<Single>(b, 0), env) as u128;
    Cvtsd2ss: |a, b, env| quick quick_row(1, 32, |n| narrow_quickly(b, n)).map(|low| a >> 32 << 32 | low),
        exact a >> 32 << 32 | float::convert::<Double, Single>(number::<Double>(b, 0), env) as u128;
    Cvtdq2ps: |a, b, env| quick quick_row(4, 32, |n| ((integer(b, n) as f32).to_bits() as u64, true)),
        exact exact_row(4, 32, |n| float::from_int::<Single>(integer(b, n) as i64, env));
    Cvtdq2pd: |a, b, env| quick quick_row(2, 64, |n| ((integer(b, n) as f64).to_bits(), true)),
        exact exact_row(2, 64, |n| float::from_int::<Double>(integer(b, n) as i64, env));
    Cvtps2dq: |a, b, env| quick quick_row(4, 32, |n| nearest_quickly(single(b, n))),
        exact ints::<Single>(b, 4, env.rounding, env);
    Cvttps2dq: |a, b, env| quick quick_row(4, 32, |n| cut_quickly(single(b, n))),
        exact ints::<Single>(b, 4, Rounding::Zero, env);
    Cvtpd2dq: |a, b, env| quick quick_row(2, 32, |n| nearest_quickly(double(b, n))),
        exact ints::<Double>(b, 2, env.rounding, env);
    Cvttpd2dq: |a, b, env| quick quick_row(2, 32, |n| cut_quickly(double(b, n))),
        exact ints::<Double>(b, 2, Rounding::Zero, env);
    /// CVTSI2SS: the source is an integer register or doubleword.
    Cvtsi2ss: |a, b, env| quick Some(a >> 32 << 32 | (integer(b, 0) as f32).to_bits() as u128),
        exact a >> 32 << 32 | float::from_int::<Single>(integer(b, 0) as i64, env) as u128;
    /// CVTSI2SD, which is always exact.
    Cvtsi2sd: |a, b, env| quick Some(a >> 64 << 64 | (integer(b, 0) as f64).to_bits() as u128),
        exact a >> 64 << 64 | float::from_int::<Double>(integer(b, 0) as i64, env) as u128;
    /// CVTPI2PS: two integers, of an MMX register or memory.
    Cvtpi2ps: |a, b, env| quick quick_row(2, 32, |n| ((integer(b, n) as f32).to_bits() as u64, true))
            .map(|low| a >> 64 << 64 | low),
        exact a >> 64 << 64 | exact_row(2, 32, |n| float::from_int::<Single>(integer(b, n) as i64, env));
    /// CVTPS2PI: to an MMX register.
    Cvtps2pi: |a, b, env| quick quick_row(2, 32, |n| nearest_quickly(single(b, n))),
        exact ints::<Single>(b, 2, env.rounding, env);
    /// CVTTPS2PI.
    Cvttps2pi: |a, b, env| quick quick_row(2, 32, |n| cut_quickly(single(b, n))),
        exact ints::<Single>(b, 2, Rounding::Zero, env);
}

/// CVTSS2SI, CVTSD2SI, CVTTSS2SI, CVTTSD2SI: the integer is the low doubleword.
pub(crate) struct ToInt<F, const CUT: bool>(PhantomData<F>);

impl<F: HostFormat, const CUT: bool> FloatOp for ToInt<F, CUT>
where
    F::Float: Into<f64>,
{
    #[inline(always)]
    fn quick(_: u128, b: u128, _: u8) -> Option<u128> {
        let value: f64 = F::to_host(number::<F>(b, 0)).into();
        let (result, holds) = if CUT {
            cut_quickly(value)
        } else {
            nearest_quickly(value)
        };
        holds.then_some(result as u128)
    }

    fn exact(_: u128, b: u128, _: u8, env: &mut Env) -> u128 {
        let rounding = if CUT { Rounding::Zero } else { env.rounding };
        float::to_int::<F>(number::<F>(b, 0), rounding, env) as u128
    }
}

/// COMISx, UCOMISx: ZF, PF, CF as bits 2, 1, 0; `QUIET` for UCOMISx.
pub(crate) struct CompareFlags<F, const QUIET: bool>(PhantomData<F>);

impl<F: HostFormat, const QUIET: bool> FloatOp for CompareFlags<F, QUIET> {
    #[inline(always)]
    fn quick(a: u128, b: u128, _: u8) -> Option<u128> {
        let (a, b) = (number::<F>(a, 0), number::<F>(b, 0));
        if !(is_plain::<F>(a) & is_plain::<F>(b)) {
            return None;
        }
        let (a, b) = (F::to_host(a), F::to_host(b));
        Some(((a == b) as u128) << 2 | (a < b) as u128)
    }

    fn exact(a: u128, b: u128, _: u8, env: &mut Env) -> u128 {
        let nans = if QUIET {
            float::Nans::Signaling
        } else {
            float::Nans::Any
        };
        match float::compare::<F>(number::<F>(a, 0), number::<F>(b, 0), nans, env) {
            Some(Ordering::Greater) => 0,
            Some(Ordering::Less) => 1,
            Some(Ordering::Equal) => 4,
            None => 7,
        }
    }
}

/// The result if it is easily had, under this MXCSR.
#[inline(always)]
pub(crate) fn quick<O: FloatOp>(a: u128, b: u128, imm: u8, control: Mxcsr) -> Option<u128> {
    if control.is_plain() {
        O::quick(a, b, imm)
    } else {
        None
    }
}

/// MOVMSKPS, MOVMSKPD: the sign bits.
#[inline(always)]
pub(crate) fn signs<F: Format>(a: u128) -> u32 {
    (0..128 / bits::<F>()).fold(0, |mask, n| {
        mask | ((number::<F>(a, n) & F::SIGN != 0) as u32) << n
    })
}
