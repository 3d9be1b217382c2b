//! Addition, multiplication, division and square root of normal numbers at full precision, rounded to nearest: what
//! programs do nearly always. Where the host is an x86-64, the first three have handlers in [`crate::dispatch`] that
//! do the same.
//!
//! Signs and exponents travel together ([`Register::se`]). Whatever does not fit (results out of range, complete
//! cancellation, operands far apart) is `None`, and [`super::quick`] or [`super::arith`] computes it. Division and square
//! root make use of the host's doubles for estimates alone: whether the result is right is proven with integers.

use core::hint::select_unpredictable;

use super::{
    Register,
    float::{BIAS, INTEGER},
    quick::Computed,
    register::SIGN,
};

/// Whether an exponent with its sign is one of a normal number.
#[inline(always)]
fn is_in_range(se: u32) -> bool {
    (se << 1).wrapping_sub(2) < 2 * 0x7ffe
}

/// `hi.lo` rounded to nearest or even, `hi` having its top bit set.
#[inline(always)]
fn round(se: u32, hi: u64, lo: u64) -> Option<Computed> {
    let up = lo > INTEGER - (hi & 1);
    let (sum, carry) = hi.overflowing_add(up as u64);
    let se = se.wrapping_add(carry as u32);
    is_in_range(se).then_some(Computed {
        // All ones rounded up are the next power of two.
        register: Register {
            sig: sum | INTEGER,
            se,
        },
        lost: lo,
        up,
    })
}

#[inline(always)]
pub(crate) fn multiply(a: Register, b: Register) -> Option<Computed> {
    let product = a.sig as u128 * b.sig as u128;
    // From 1 to 4: which half is as good as random.
    let (twice, is_two) = product.overflowing_add(product);
    let product = select_unpredictable(is_two, product, twice);
    let se = a.se.wrapping_add(b.se).wrapping_sub(BIAS as u32);
    round(
        se.wrapping_add(is_two as u32),
        (product >> 64) as u64,
        product as u64,
    )
}

#[inline(always)]
pub(crate) fn add(a: Register, b: Register) -> Option<Computed> {
    // Without the signs.
    let (difference, swap) = (a.se << 1).overflowing_sub(b.se << 1);
    let (big, small, difference) = if swap {
        (b, a, difference.wrapping_neg())
    } else {
        (a, b, difference)
    };
    let distance = difference >> 1;
    if distance > 63 {
        return None;
    }
    let high = small.sig >> (distance & 63);
    let low = (small.sig << 1) << (distance & 63 ^ 63);
    if (a.se ^ b.se) & SIGN == 0 {
        let (sum, carry) = big.sig.overflowing_add(high);
        if carry {
            // The last bit of `low` is never set, so that none is lost.
            return round(big.se.wrapping_add(1), sum >> 1 | INTEGER, sum << 63 | low >> 1);
        }
        return round(big.se, sum, low);
    }
    let borrow = (low != 0) as u64;
    let (rest, is_less) = big.sig.overflowing_sub(high);
    // Of equal exponents the larger significand may be the other.
    let (hi, lo) = if is_less {
        (rest.wrapping_neg(), 0)
    } else {
        (rest.wrapping_sub(borrow), low.wrapping_neg())
    };
    if hi == 0 {
        return None;
    }
    let shift = hi.leading_zeros();
    round(
        (big.se ^ (is_less as u32 * SIGN)).wrapping_sub(shift),
        hi << (shift & 63) | (lo >> 1) >> (shift & 63 ^ 63),
        lo << (shift & 63),
    )
}

/// What a whole number between -2^51 and 2^51 is added to, so that it is the low end of the sum's bits.
const SHIFTER: f64 = 6_755_399_441_055_744.0;

#[inline(always)]
pub(crate) fn divide(a: Register, b: Register) -> Option<Computed> {
    // The quotient in units of its last place is `dividend / b.sig`.
    let is_less = a.sig < b.sig;
    let hi = select_unpredictable(is_less, a.sig, a.sig >> 1);
    let lo = select_unpredictable(is_less, 0, a.sig << 63);
    let dividend = (hi as u128) << 64 | lo as u128;
    let rest_of = |quotient: u64| dividend.wrapping_sub(quotient as u128 * b.sig as u128);
    // Estimated to some 50 bits, and then what is missing.
    let inverse = 16.0 / (b.sig >> 11) as i64 as f64;
    let estimate = ((a.sig >> 11) as i64 as f64 * inverse).to_bits() << 11 | INTEGER;
    let step = (rest_of(estimate) >> 15) as i64 as f64 * inverse + SHIFTER;
    let quotient = estimate.wrapping_add(step.to_bits().wrapping_sub(SHIFTER.to_bits()));
    let rest = rest_of(quotient);
    // It is the nearest if and only if at most half the divisor is left, or missing. It is never quite half.
    if rest.wrapping_add((b.sig >> 1) as u128) >= b.sig as u128 {
        return None;
    }
    let se = a.se.wrapping_sub(b.se).wrapping_add(BIAS as u32 - is_less as u32);
    // The quotient has its top bit: at most all ones, it cannot have been rounded up to the next power of two.
    is_in_range(se).then_some(Computed {
        register: Register { sig: quotient, se },
        lost: rest as u64,
        up: rest >> 127 != 0,
    })
}

/// Of a positive number.
#[inline(always)]
pub(crate) fn square_root(a: Register) -> Option<Computed> {
    // An even exponent leaves a significand in [1, 4); the root in units of its last place is that of `square`.
    let odd = a.se.wrapping_sub(BIAS as u32) & 1;
    let hi = a.sig >> (odd ^ 1);
    let lo = select_unpredictable(odd != 0, 0, a.sig << 63);
    let square = (hi as u128) << 64 | lo as u128;
    let rest_of = |root: u64| square.wrapping_sub(root as u128 * root as u128);
    // Estimated to some 52 bits, at most 2^12 off, and then what is missing by one step of Newton's method.
    let estimate = ((a.sig >> 11 << odd) as i64 as f64).sqrt();
    let root = estimate.to_bits() << 11 | INTEGER;
    let inverse = 1.0 / (1 << 23) as f64 / estimate;
    let step = (rest_of(root) >> 15) as i64 as f64 * inverse + SHIFTER;
    let root = root.wrapping_add(step.to_bits().wrapping_sub(SHIFTER.to_bits()));
    let rest = rest_of(root);
    // It is the nearest if and only if the rest is greater than minus the root, and not greater than the root: never is
    // the square root of an integer half of an odd one.
    if rest.wrapping_add(root as u128).wrapping_sub(1) >= (root as u128) << 1 {
        return None;
    }
    Some(Computed {
        register: Register {
            sig: root,
            se: (a.se + BIAS as u32) >> 1,
        },
        lost: rest as u64,
        up: rest >> 127 != 0,
    })
}
