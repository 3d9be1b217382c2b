//! The arithmetic of SSE in integers: single and double precision, every rounding mode, every flag.
//!
//! SDM vol. 1 §4.8 (formats, NaN rules), §11.5 (exceptions), IEEE 754. Numbers travel as their bits in the low
//! end of a `u64`. Where MXCSR allows it and no operand or result is special, [`super::host`] is faster and
//! gives the same bits; this is what it is measured by.

use core::cmp::Ordering;

use super::{
    mxcsr::{Env, Mxcsr},
    packed::Lane,
};
use crate::rounding::Rounding;

/// A format that SSE computes in.
pub(crate) trait Format: 'static {
    /// Elements of a register in this format, as bits.
    type Bits: Lane + Into<u64>;
    /// The bits, in the low end of `bits`, as an element.
    fn element(bits: u64) -> Self::Bits;

    /// Bits of the stored fraction.
    const FRACTION: u32;
    /// Bits of the exponent.
    const EXPONENT: u32;

    /// Exponent bias, which is also the largest exponent.
    const BIAS: i32 = (1 << (Self::EXPONENT - 1)) - 1;
    /// Mask of the stored fraction.
    const FRACTION_MASK: u64 = (1 << Self::FRACTION) - 1;
    /// The sign bit.
    const SIGN: u64 = 1 << (Self::FRACTION + Self::EXPONENT);
    /// Infinity.
    const INFINITY: u64 = ((1 << Self::EXPONENT) - 1) << Self::FRACTION;
    /// The bit that makes a NaN quiet.
    const QUIET: u64 = 1 << (Self::FRACTION - 1);
    /// The NaN that stands for no number (SDM vol. 1 table 4-3, "real indefinite").
    const INDEFINITE: u64 = Self::SIGN | Self::INFINITY | Self::QUIET;
}

/// 32 bits.
pub(crate) struct Single;
/// 64 bits.
pub(crate) struct Double;

impl Format for Single {
    type Bits = u32;
    #[inline(always)]
    fn element(bits: u64) -> u32 {
        bits as u32
    }

    const FRACTION: u32 = 23;
    const EXPONENT: u32 = 8;
}

impl Format for Double {
    type Bits = u64;
    #[inline(always)]
    fn element(bits: u64) -> u64 {
        bits
    }

    const FRACTION: u32 = 52;
    const EXPONENT: u32 = 11;
}

/// A number taken apart. A finite one is `significand / 2^63 * 2^exponent` with bit 63 set.
#[derive(Clone, Copy, Debug)]
enum Number {
    Zero,
    Finite { exponent: i32, significand: u64 },
    Infinite,
}

#[inline(always)]
pub(crate) fn is_nan<F: Format>(a: u64) -> bool {
    a & !F::SIGN > F::INFINITY
}

fn is_signaling<F: Format>(a: u64) -> bool {
    is_nan::<F>(a) && a & F::QUIET == 0
}

fn sign<F: Format>(a: u64) -> bool {
    a & F::SIGN != 0
}

fn signed<F: Format>(negative: bool, magnitude: u64) -> u64 {
    if negative { F::SIGN | magnitude } else { magnitude }
}

/// Takes apart what is not a NaN. Denormals raise DE, or are zeros under DAZ.
fn unpack<F: Format>(a: u64, env: &mut Env) -> Number {
    let number = unpack_quietly::<F>(a, env);
    if a & !F::SIGN != 0 && a & F::INFINITY == 0 && !env.has_daz() {
        env.raise(Mxcsr::DE);
    }
    number
}

/// The same for instructions that do not report denormals.
fn unpack_quietly<F: Format>(a: u64, env: &Env) -> Number {
    let fraction = a & F::FRACTION_MASK;
    let exponent = (a & F::INFINITY) >> F::FRACTION;
    match (exponent, fraction) {
        (_, _) if a & F::INFINITY == F::INFINITY => Number::Infinite,
        (0, 0) => Number::Zero,
        (0, _) if env.has_daz() => Number::Zero,
        (0, _) => {
            let zeros = fraction.leading_zeros();
            Number::Finite {
                exponent: 64 - F::BIAS - F::FRACTION as i32 - zeros as i32,
                significand: fraction << zeros,
            }
        }
        _ => Number::Finite {
            exponent: exponent as i32 - F::BIAS,
            significand: (fraction | 1 << F::FRACTION) << (63 - F::FRACTION),
        },
    }
}

/// `significand >> shift` rounded, and whether anything was lost. `shift` may be large.
fn round_off(significand: u64, shift: u32, negative: bool, rounding: Rounding) -> (u64, bool) {
    if shift == 0 {
        return (significand, false);
    }
    let wide = significand as u128;
    let shift = shift.min(66);
    let kept = (wide >> shift) as u64;
    let lost = wide & ((1 << shift) - 1);
    let half = 1u128 << (shift - 1);
    let up = match rounding {
        Rounding::Nearest => lost > half || lost == half && kept & 1 != 0,
        Rounding::Down => negative && lost != 0,
        Rounding::Up => !negative && lost != 0,
        Rounding::Zero => false,
    };
    (kept + up as u64, lost != 0)
}

/// Rounds and packs `significand / 2^63 * 2^exponent`, bit 63 set, bit 0 also standing for anything below it.
fn pack<F: Format>(negative: bool, exponent: i32, significand: u64, env: &mut Env) -> u64 {
    let shift = 63 - F::FRACTION;
    let (mut rounded, inexact) = round_off(significand, shift, negative, env.rounding);
    let mut rounded_exponent = exponent;
    if rounded >> (F::FRACTION + 1) != 0 {
        rounded >>= 1;
        rounded_exponent += 1;
    }
    let least = 1 - F::BIAS;
    if rounded_exponent > F::BIAS {
        env.raise(Mxcsr::OE);
        if inexact || env.is_masked(Mxcsr::OE) {
            env.raise(Mxcsr::PE);
        }
        let to_infinity = env.rounding.overflows_to_infinity(negative);
        return signed::<F>(negative, F::INFINITY - !to_infinity as u64);
    }
    if rounded_exponent >= least {
        if inexact {
            env.raise(Mxcsr::PE);
        }
        // At the least exponent this may still be a denormal that rounds up to a normal number.
        if exponent >= least {
            let field = (rounded_exponent + F::BIAS) as u64;
            return signed::<F>(negative, field << F::FRACTION | rounded & F::FRACTION_MASK);
        }
        let (denormal, _) = round_off(significand, shift + 1, negative, env.rounding);
        return signed::<F>(negative, denormal);
    }
    // Tiny even if rounded with an exponent without bounds (SDM vol. 1 §4.9.1.5).
    if env.flushes() {
        env.raise(Mxcsr::UE | Mxcsr::PE);
        return signed::<F>(negative, 0);
    }
    if !env.is_masked(Mxcsr::UE) {
        // What a handler gets is the result with an exponent that fits, so that PE is about its rounding. It is
        // not written, and what is returned here does not matter.
        env.raise(if inexact { Mxcsr::UE | Mxcsr::PE } else { Mxcsr::UE });
        return signed::<F>(negative, 0);
    }
    let shift = shift + (least - exponent) as u32;
    let (denormal, inexact) = round_off(significand, shift, negative, env.rounding);
    if inexact {
        env.raise(Mxcsr::UE | Mxcsr::PE);
    }
    signed::<F>(negative, denormal)
}

/// Packs a significand of 128 bits, not zero, whose bit 126 has the weight of `exponent`.
fn pack_wide<F: Format>(negative: bool, exponent: i32, wide: u128, env: &mut Env) -> u64 {
    let zeros = wide.leading_zeros();
    let normal = wide << zeros;
    let significand = (normal >> 64) as u64 | (normal as u64 != 0) as u64;
    pack::<F>(negative, exponent + 1 - zeros as i32, significand, env)
}

/// The result if an operand is a NaN (SDM vol. 1 table 4-7): the first that is one, made quiet.
fn nan_of<F: Format>(a: u64, b: u64, env: &mut Env) -> Option<u64> {
    if is_signaling::<F>(a) || is_signaling::<F>(b) {
        env.raise(Mxcsr::IE);
    }
    if is_nan::<F>(a) {
        Some(a | F::QUIET)
    } else if is_nan::<F>(b) {
        Some(b | F::QUIET)
    } else {
        None
    }
}

fn invalid<F: Format>(env: &mut Env) -> u64 {
    env.raise(Mxcsr::IE);
    F::INDEFINITE
}

pub(crate) fn add<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    if let Some(nan) = nan_of::<F>(a, b, env) {
        return nan;
    }
    sum::<F>(a, b, env)
}

pub(crate) fn sub<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    if let Some(nan) = nan_of::<F>(a, b, env) {
        return nan;
    }
    sum::<F>(a, b ^ F::SIGN, env)
}

/// The sum of what is no NaN.
fn sum<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    use Number::*;
    let (negative_a, negative_b) = (sign::<F>(a), sign::<F>(b));
    let zero = |env: &Env, negative_a, negative_b| {
        signed::<F>(
            if negative_a == negative_b {
                negative_a
            } else {
                env.rounding == Rounding::Down
            },
            0,
        )
    };
    let (number_a, number_b) = (unpack::<F>(a, env), unpack::<F>(b, env));
    match (number_a, number_b) {
        (Infinite, Infinite) if negative_a != negative_b => invalid::<F>(env),
        (Infinite, _) => a,
        (_, Infinite) => b,
        (Zero, Zero) => zero(env, negative_a, negative_b),
        (
            Finite {
                exponent,
                significand,
            },
            Zero,
        ) => pack::<F>(negative_a, exponent, significand, env),
        (
            Zero,
            Finite {
                exponent,
                significand,
            },
        ) => pack::<F>(negative_b, exponent, significand, env),
        (
            Finite {
                exponent: exponent_a,
                significand: significand_a,
            },
            Finite {
                exponent: exponent_b,
                significand: significand_b,
            },
        ) => {
            let a = (negative_a, exponent_a, significand_a);
            let b = (negative_b, exponent_b, significand_b);
            let (large, small) = if (exponent_a, significand_a) >= (exponent_b, significand_b) {
                (a, b)
            } else {
                (b, a)
            };
            let distance = ((large.1 - small.1) as u32).min(126);
            let top = (large.2 as u128) << 63;
            let low = (small.2 as u128) << 63;
            let sticky = low & ((1 << distance) - 1) != 0;
            let shifted = low >> distance | sticky as u128;
            let wide = if large.0 == small.0 {
                top + shifted
            } else {
                top - shifted
            };
            if wide == 0 {
                return zero(env, negative_a, negative_b);
            }
            pack_wide::<F>(large.0, large.1, wide, env)
        }
    }
}

pub(crate) fn mul<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    use Number::*;
    if let Some(nan) = nan_of::<F>(a, b, env) {
        return nan;
    }
    let negative = sign::<F>(a) != sign::<F>(b);
    let raised = env.raised;
    match (unpack::<F>(a, env), unpack::<F>(b, env)) {
        (Infinite, Zero) | (Zero, Infinite) => {
            env.raised = raised;
            invalid::<F>(env)
        }
        (Infinite, _) | (_, Infinite) => signed::<F>(negative, F::INFINITY),
        (Zero, _) | (_, Zero) => signed::<F>(negative, 0),
        (
            Finite {
                exponent: exponent_a,
                significand: significand_a,
            },
            Finite {
                exponent: exponent_b,
                significand: significand_b,
            },
        ) => {
            let product = significand_a as u128 * significand_b as u128;
            pack_wide::<F>(negative, exponent_a + exponent_b, product, env)
        }
    }
}

pub(crate) fn div<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    use Number::*;
    if let Some(nan) = nan_of::<F>(a, b, env) {
        return nan;
    }
    let negative = sign::<F>(a) != sign::<F>(b);
    let raised = env.raised;
    match (unpack::<F>(a, env), unpack::<F>(b, env)) {
        (Infinite, Infinite) | (Zero, Zero) => {
            env.raised = raised;
            invalid::<F>(env)
        }
        (Infinite, _) => signed::<F>(negative, F::INFINITY),
        (Finite { .. }, Zero) => {
            env.raised = raised | Mxcsr::ZE;
            signed::<F>(negative, F::INFINITY)
        }
        (Zero, _) | (_, Infinite) => signed::<F>(negative, 0),
        (
            Finite {
                exponent: exponent_a,
                significand: significand_a,
            },
            Finite {
                exponent: exponent_b,
                significand: significand_b,
            },
        ) => {
            let (dividend, divisor) = ((significand_a as u128) << 63, significand_b as u128);
            let quotient = dividend / divisor;
            let sticky = dividend % divisor != 0;
            // The quotient has 63 or 64 bits; its bit 63 has the weight of the difference.
            let wide = quotient << 63 | sticky as u128;
            pack_wide::<F>(negative, exponent_a - exponent_b, wide, env)
        }
    }
}

pub(crate) fn sqrt<F: Format>(a: u64, env: &mut Env) -> u64 {
    if let Some(nan) = nan_of::<F>(a, a, env) {
        return nan;
    }
    let raised = env.raised;
    match unpack::<F>(a, env) {
        Number::Zero => signed::<F>(sign::<F>(a), 0),
        _ if sign::<F>(a) => {
            env.raised = raised;
            invalid::<F>(env)
        }
        Number::Infinite => F::INFINITY,
        Number::Finite {
            exponent,
            significand,
        } => {
            // The radicand has an even exponent and 127 or 128 bits: its root has 64.
            let odd = exponent & 1;
            let radicand = (significand as u128) << (63 + odd);
            let root = radicand.isqrt();
            let wide = root << 63 | (root * root != radicand) as u128;
            pack_wide::<F>(false, (exponent - odd) / 2, wide, env)
        }
    }
}

/// How two numbers compare; `None` if either is a NaN. DE as for arithmetic; IE is the caller's.
fn order<F: Format>(a: u64, b: u64, env: &mut Env) -> Option<Ordering> {
    if is_nan::<F>(a) || is_nan::<F>(b) {
        return None;
    }
    let key = |bits: u64, number: Number| {
        let magnitude = if matches!(number, Number::Zero) {
            0
        } else {
            (bits & !F::SIGN) as i64
        };
        if sign::<F>(bits) { -magnitude } else { magnitude }
    };
    let (number_a, number_b) = (unpack::<F>(a, env), unpack::<F>(b, env));
    Some(key(a, number_a).cmp(&key(b, number_b)))
}

/// Which NaNs make a comparison invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nans {
    /// Any: COMISx, and the predicates of order.
    Any,
    /// Signaling ones: UCOMISx, and the predicates of equality.
    Signaling,
}

/// Compares; `None` if the numbers are unordered.
pub(crate) fn compare<F: Format>(a: u64, b: u64, nans: Nans, env: &mut Env) -> Option<Ordering> {
    let order = order::<F>(a, b, env);
    if order.is_none() && (nans == Nans::Any || is_signaling::<F>(a) || is_signaling::<F>(b)) {
        env.raise(Mxcsr::IE);
    }
    order
}

/// CMPxx: whether the predicate 0–7 holds (SDM vol. 2A "CMPPS", table 3-1).
pub(crate) fn predicate<F: Format>(a: u64, b: u64, predicate: u8, env: &mut Env) -> bool {
    let nans = if matches!(predicate & 3, 1 | 2) {
        Nans::Any
    } else {
        Nans::Signaling
    };
    let order = compare::<F>(a, b, nans, env);
    let holds = match predicate & 3 {
        0 => order == Some(Ordering::Equal),
        1 => order == Some(Ordering::Less),
        2 => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => order.is_none(),
    };
    holds != (predicate & 4 != 0)
}

/// MINxx: the second operand unless the first is smaller.
pub(crate) fn min<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    pick::<F>(a, b, Ordering::Less, env)
}

/// MAXxx: the second operand unless the first is larger.
pub(crate) fn max<F: Format>(a: u64, b: u64, env: &mut Env) -> u64 {
    pick::<F>(a, b, Ordering::Greater, env)
}

fn pick<F: Format>(a: u64, b: u64, wanted: Ordering, env: &mut Env) -> u64 {
    let chosen = if compare::<F>(a, b, Nans::Any, env) == Some(wanted) {
        a
    } else {
        b
    };
    // Under DAZ a denormal is a zero, in the result too.
    let denormal = chosen & F::INFINITY == 0;
    if denormal && env.has_daz() {
        chosen & F::SIGN
    } else {
        chosen
    }
}

// ---- conversions ----

/// A signed integer as a number of format `F`.
pub(crate) fn from_int<F: Format>(value: i64, env: &mut Env) -> u64 {
    if value == 0 {
        return 0;
    }
    let magnitude = value.unsigned_abs();
    let zeros = magnitude.leading_zeros();
    pack::<F>(value < 0, 63 - zeros as i32, magnitude << zeros, env)
}

/// A number as a 32-bit integer; what does not fit is 8000_0000h and invalid.
pub(crate) fn to_int<F: Format>(a: u64, rounding: Rounding, env: &mut Env) -> u32 {
    const INDEFINITE: u32 = 0x8000_0000;
    let negative = sign::<F>(a);
    let number = if is_nan::<F>(a) {
        Number::Infinite
    } else {
        unpack_quietly::<F>(a, env)
    };
    let (magnitude, inexact) = match number {
        Number::Zero => return 0,
        Number::Finite {
            exponent,
            significand,
        } if exponent < 32 => round_off(significand, (63 - exponent) as u32, negative, rounding),
        _ => {
            env.raise(Mxcsr::IE);
            return INDEFINITE;
        }
    };
    let value = if negative {
        -(magnitude as i64)
    } else {
        magnitude as i64
    };
    match i32::try_from(value) {
        Ok(value) => {
            if inexact {
                env.raise(Mxcsr::PE);
            }
            value as u32
        }
        Err(_) => {
            env.raise(Mxcsr::IE);
            INDEFINITE
        }
    }
}

/// From one format to the other.
pub(crate) fn convert<From: Format, To: Format>(a: u64, env: &mut Env) -> u64 {
    let negative = sign::<From>(a);
    if let Some(nan) = nan_of::<From>(a, a, env) {
        let fraction = nan & From::FRACTION_MASK;
        let fraction = if To::FRACTION > From::FRACTION {
            fraction << (To::FRACTION - From::FRACTION)
        } else {
            fraction >> (From::FRACTION - To::FRACTION)
        };
        return signed::<To>(negative, To::INFINITY | fraction);
    }
    match unpack::<From>(a, env) {
        Number::Zero => signed::<To>(negative, 0),
        Number::Infinite => signed::<To>(negative, To::INFINITY),
        Number::Finite {
            exponent,
            significand,
        } => pack::<To>(negative, exponent, significand, env),
    }
}

/// ROUNDxx: to an integer of the same format. `quiet` keeps PE clear. Denormals are not reported.
pub(crate) fn round<F: Format>(a: u64, rounding: Rounding, quiet: bool, env: &mut Env) -> u64 {
    if let Some(nan) = nan_of::<F>(a, a, env) {
        return nan;
    }
    let negative = sign::<F>(a);
    match unpack_quietly::<F>(a, env) {
        Number::Zero => signed::<F>(negative, 0),
        Number::Finite {
            exponent,
            significand,
        } if exponent < F::FRACTION as i32 => {
            let (magnitude, inexact) = round_off(significand, (63 - exponent) as u32, negative, rounding);
            if inexact && !quiet {
                env.raise(Mxcsr::PE);
            }
            if magnitude == 0 {
                return signed::<F>(negative, 0);
            }
            let zeros = magnitude.leading_zeros();
            pack::<F>(negative, 63 - zeros as i32, magnitude << zeros, env)
        }
        _ => a,
    }
}
