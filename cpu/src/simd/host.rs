//! Floating point by the host's own arithmetic, where that is the same.
//!
//! Rust's `f32` and `f64` are IEEE 754 binary32 and binary64, rounded to nearest. So if MXCSR asks for that and
//! masks everything ([`super::Mxcsr::is_plain`]), PE is set already, and operands and results are zero or normal,
//! the host's result is right to the bit and no other flag can come of it. Anything else goes to [`super::float`].

use super::float::{self, Double, Format, Single};
use super::mxcsr::Env;

/// A format that the host has too.
pub(crate) trait HostFormat: Format {
    /// The host's type.
    type Float: Copy + PartialOrd;
    fn to_host(bits: u64) -> Self::Float;
    fn from_host(value: Self::Float) -> u64;
}

impl HostFormat for Single {
    type Float = f32;
    #[inline(always)]
    fn to_host(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
    #[inline(always)]
    fn from_host(value: f32) -> u64 {
        value.to_bits() as u64
    }
}

impl HostFormat for Double {
    type Float = f64;
    #[inline(always)]
    fn to_host(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    #[inline(always)]
    fn from_host(value: f64) -> u64 {
        value.to_bits()
    }
}

#[inline(always)]
pub(crate) fn is_zero<F: Format>(a: u64) -> bool {
    a & !F::SIGN == 0
}

#[inline(always)]
pub(crate) fn is_normal<F: Format>(a: u64) -> bool {
    let least = 1 << F::FRACTION;
    (a & !F::SIGN).wrapping_sub(least) < F::INFINITY - least
}

/// Zero or normal.
#[inline(always)]
pub(crate) fn is_plain<F: Format>(a: u64) -> bool {
    is_zero::<F>(a) | is_normal::<F>(a)
}

/// An operation on two numbers; those on one take the second.
pub(crate) trait Arithmetic: 'static {
    /// Exactly, with flags.
    fn exact<F: Format>(a: u64, b: u64, env: &mut Env) -> u64;
    /// By the host, and whether that holds. Evaluated without branches, so that rows of it become vector code.
    fn host<F: HostFormat>(a: u64, b: u64) -> (u64, bool)
    where
        F::Float: HostFloat;
}

/// The host's arithmetic.
pub(crate) trait HostFloat: Copy + PartialOrd {
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn sqrt(self) -> Self;
}

macro_rules! host_float {
    ($($t:ty)*) => { $(
        impl HostFloat for $t {
            #[inline(always)]
            fn add(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self - other }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self * other }
            #[inline(always)]
            fn div(self, other: Self) -> Self { self / other }
            #[inline(always)]
            fn sqrt(self) -> Self { self.sqrt() }
        }
    )* };
}
host_float!(f32 f64);

macro_rules! arithmetic {
    ($($name:ident: $exact:path, |$a:ident, $b:ident, $r:ident| host $host:expr, holds $holds:expr;)*) => { $(
        pub(crate) struct $name;
        impl Arithmetic for $name {
            #[inline(always)]
            fn exact<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
                $exact(a, b, env)
            }
            #[inline(always)]
            fn host<F: HostFormat>($a: u64, $b: u64) -> (u64, bool)
            where
                F::Float: HostFloat,
            {
                let $r = {
                    let ($a, $b) = (F::to_host($a), F::to_host($b));
                    let _ = ($a, $b);
                    F::from_host($host)
                };
                ($r, $holds)
            }
        }
    )* };
}

fn sqrt_of_second<F: Format>(_: u64, b: u64, env: &mut Env) -> u64 {
    float::sqrt::<F>(b, env)
}

arithmetic! {
    // A sum that is zero is exact.
    Add: float::add::<F>, |a, b, r| host a.add(b), holds is_plain::<F>(a) & is_plain::<F>(b) & is_plain::<F>(r);
    Sub: float::sub::<F>, |a, b, r| host a.sub(b), holds is_plain::<F>(a) & is_plain::<F>(b) & is_plain::<F>(r);
    // A product or quotient that is zero may have underflowed.
    Mul: float::mul::<F>, |a, b, r| host a.mul(b),
        holds is_plain::<F>(a) & is_plain::<F>(b) & (is_normal::<F>(r) | is_zero::<F>(a) | is_zero::<F>(b));
    Div: float::div::<F>, |a, b, r| host a.div(b),
        holds is_plain::<F>(a) & is_normal::<F>(b) & (is_normal::<F>(r) | is_zero::<F>(a));
    // The root of a negative number is a NaN.
    Sqrt: sqrt_of_second::<F>, |a, b, r| host b.sqrt(),
        holds is_plain::<F>(b) & (is_normal::<F>(r) | is_zero::<F>(b));
    Min: float::min::<F>, |a, b, r| host if a < b { a } else { b }, holds is_plain::<F>(a) & is_plain::<F>(b);
    Max: float::max::<F>, |a, b, r| host if a > b { a } else { b }, holds is_plain::<F>(a) & is_plain::<F>(b);
}
