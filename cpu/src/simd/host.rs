//! Floating point by the host's own arithmetic, where that is the same.
//!
//! Rust's `f32` and `f64` are IEEE 754 binary32 and binary64, rounded to nearest. So if MXCSR asks for that and
//! masks everything ([`super::Mxcsr::is_plain`]), PE is set already, no operand is a NaN or a denormal, and the result
//! shows that nothing else happened, then the host's result is right to the bit and no other flag can come of it.
//! Anything else goes to [`super::float`].

use core::marker::PhantomData;

use super::{
    float::{self, Double, Format, Single},
    mxcsr::Env,
    packed::{Lane, Packed, Xmm},
};

/// A format that the host has too.
pub(crate) trait HostFormat: Format {
    /// The host's type.
    type Float: Lane + PartialOrd;
    fn to_host(bits: u64) -> Self::Float;
}

impl HostFormat for Single {
    type Float = f32;
    #[inline(always)]
    fn to_host(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
}

impl HostFormat for Double {
    type Float = f64;
    #[inline(always)]
    fn to_host(bits: u64) -> f64 {
        f64::from_bits(bits)
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

#[inline(always)]
fn is_infinite<F: Format>(a: u64) -> bool {
    a & !F::SIGN == F::INFINITY
}

/// Zero, normal or infinite.
#[inline(always)]
pub(crate) fn is_number<F: Format>(a: u64) -> bool {
    is_plain::<F>(a) | is_infinite::<F>(a)
}

/// The top 32 bits of a number without the sign: enough to tell what kind it is.
pub(crate) struct Top<F> {
    bits: i32,
    format: PhantomData<F>,
}

impl<F> Clone for Top<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Top<F> {}

impl<F: Format> Top<F> {
    /// The least normal number's.
    const LEAST: i32 = 1 << (31 - F::EXPONENT);
    /// Infinity's.
    const INFINITY: i32 = i32::MAX - (Self::LEAST - 1);

    /// The number `n` of a row.
    #[inline(always)]
    pub(crate) fn of(row: Xmm, n: usize) -> Self {
        let size = F::Bits::BYTES / 4;
        Self {
            bits: row.lane::<i32>(size * n + size - 1) & i32::MAX,
            format: PhantomData,
        }
    }

    /// Zero or denormal.
    #[inline(always)]
    fn is_small(self) -> bool {
        self.bits < Self::LEAST
    }

    #[inline(always)]
    fn is_normal(self) -> bool {
        // What is infinite or a NaN wraps, so that one signed compare does.
        let wraps = i32::MIN.wrapping_sub(Self::INFINITY);
        self.bits.wrapping_add(wraps) >= Self::LEAST.wrapping_add(wraps)
    }
}

/// An operation on two numbers; those on one take the second.
pub(crate) trait Arithmetic: 'static {
    /// Exactly, with flags.
    fn exact<F: Format>(a: u64, b: u64, env: &mut Env) -> u64;
    /// By the host.
    fn host<T: HostFloat>(a: T, b: T) -> T;
    /// Whether the host's result `r` is right, and no flag but PE could be new.
    fn holds<F: Format>(a: u64, b: u64, r: u64) -> bool;
    /// Whether it surely is, as a few compares of the [`Top`]s tell: operands and result are normal.
    #[inline(always)]
    fn surely_holds<F: Format>(a: Top<F>, b: Top<F>, r: Top<F>) -> bool {
        // An operand that is a NaN or infinite shows in the result.
        r.is_normal() & !a.is_small() & !b.is_small()
    }
}

/// The host's arithmetic.
pub(crate) trait HostFloat: Lane + PartialOrd {
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
    ($($name:ident: $exact:path, |$a:ident, $b:ident, $r:ident| host $host:expr, holds $holds:expr $(, surely $surely:expr)?;)*) => { $(
        pub(crate) struct $name;
        impl Arithmetic for $name {
            #[inline(always)]
            fn exact<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
                $exact(a, b, env)
            }
            #[inline(always)]
            fn host<T: HostFloat>($a: T, $b: T) -> T {
                let _ = $a;
                $host
            }
            #[inline(always)]
            fn holds<F: Format>($a: u64, $b: u64, $r: u64) -> bool {
                let _ = ($a, $r);
                $holds
            }
            $(
                #[inline(always)]
                fn surely_holds<F: Format>($a: Top<F>, $b: Top<F>, $r: Top<F>) -> bool {
                    let _ = ($a, $r);
                    $surely
                }
            )?
        }
    )* };
}

fn sqrt_of_second<F: Format>(_: u64, b: u64, env: &mut Env) -> u64 {
    float::sqrt::<F>(b, env)
}

/// Whether both are zero, normal or infinite.
#[inline(always)]
pub(crate) fn are_numbers<F: Format>(a: u64, b: u64) -> bool {
    is_number::<F>(a) & is_number::<F>(b)
}

arithmetic! {
    // A sum that is zero is exact. One that is infinite has overflowed, unless an operand is infinite.
    Add: float::add::<F>, |a, b, r| host a.add(b), holds are_numbers::<F>(a, b)
        & (is_plain::<F>(r) | is_infinite::<F>(r) & (is_infinite::<F>(a) | is_infinite::<F>(b)));
    Sub: float::sub::<F>, |a, b, r| host a.sub(b), holds Add::holds::<F>(a, b, r);
    // A product or quotient that is zero may have underflowed.
    Mul: float::mul::<F>, |a, b, r| host a.mul(b), holds are_numbers::<F>(a, b)
        & (is_normal::<F>(r)
            | is_zero::<F>(r) & (is_zero::<F>(a) | is_zero::<F>(b))
            | is_infinite::<F>(r) & (is_infinite::<F>(a) | is_infinite::<F>(b)));
    Div: float::div::<F>, |a, b, r| host a.div(b), holds are_numbers::<F>(a, b)
        & (is_normal::<F>(r)
            | is_zero::<F>(r) & (is_zero::<F>(a) | is_infinite::<F>(b))
            | is_infinite::<F>(r) & is_infinite::<F>(a));
    // The root of a negative number is a NaN.
    Sqrt: sqrt_of_second::<F>, |a, b, r| host b.sqrt(), holds is_number::<F>(b) & is_number::<F>(r),
        surely b.is_normal() & r.is_normal();
    Min: float::min::<F>, |a, b, r| host if a < b { a } else { b },
        holds are_numbers::<F>(a, b), surely a.is_normal() & b.is_normal();
    Max: float::max::<F>, |a, b, r| host if a > b { a } else { b },
        holds are_numbers::<F>(a, b), surely a.is_normal() & b.is_normal();
}
