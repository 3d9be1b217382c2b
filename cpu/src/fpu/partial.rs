//! FPREM, FPREM1, FSCALE, FXTRACT and FRNDINT.
//!
//! Follows SDM vol. 2A, the instructions of these names.

use super::{
    compare::cc,
    convert::from_integer,
    float::{BIAS, Class, F80, Finite},
    round::{Env, flag, shift_right_sticky},
};

impl Env {
    /// The remainder of `a / b`, and condition codes: C2 if it is only a partial one, else the quotient's last
    /// three bits; none if an operand is no number. FPREM1 (`nearest`) rounds the quotient to nearest, FPREM towards zero.
    pub(crate) fn remainder(&mut self, a: F80, b: F80, nearest: bool) -> (F80, Option<u16>) {
        if let Some(nan) = self.nan2(a, b) {
            return (nan, None);
        }
        let (ca, cb) = (a.class(), b.class());
        if ca == Class::Infinity || cb == Class::Zero {
            return (self.invalid(), None);
        }
        if self.denormal(&[ca, cb]) || ca == Class::Zero {
            return (a, Some(0));
        }
        if cb == Class::Infinity {
            return (a.without_pseudo(), Some(0));
        }
        let (x, y) = (a.finite(), b.finite());
        let distance = x.exp - y.exp;
        if distance < -1 || distance < 0 && !nearest {
            return (self.exact(x), Some(0));
        }
        if distance >= 64 {
            // As much of the exponents' distance as leaves a multiple of 32 for the steps to come.
            let step = distance & 31 | 32;
            let rest = ((x.sig as u128) << step) % y.sig as u128;
            return (
                self.exact_or_zero(x.negative, rest as u64, x.exp - step),
                Some(cc::C2),
            );
        }
        let (quotient, rest, doubled) = if distance < 0 {
            (0, x.sig as u128, ((x.sig as u128) << 1, (y.sig as u128) << 1))
        } else {
            let wide = (x.sig as u128) << distance;
            let rest = wide % y.sig as u128;
            (wide / y.sig as u128, rest, (rest << 1, y.sig as u128))
        };
        let exp = if distance < 0 { x.exp } else { y.exp };
        let (twice, unit) = doubled;
        let up = nearest && (twice > unit || twice == unit && quotient & 1 != 0);
        let quotient = quotient + up as u128;
        let codes = (if quotient & 1 != 0 { cc::C1 } else { 0 })
            | (if quotient & 2 != 0 { cc::C3 } else { 0 })
            | (if quotient & 4 != 0 { cc::C0 } else { 0 });
        let result = if up {
            // For distance -1, `b` is 2 * y.sig in units of the remainder.
            let whole = if distance < 0 { unit } else { y.sig as u128 };
            self.exact_wide(!x.negative, whole - rest, exp)
        } else {
            self.exact_or_zero(x.negative, rest as u64, exp)
        };
        (result, Some(codes))
    }

    /// A finite value that needs no rounding, but may be tiny.
    fn exact(&mut self, x: Finite) -> F80 {
        let mut extended = Self {
            precision: 64,
            ..*self
        };
        let result = extended.round(x.negative, x.exp, x.sig, 0);
        self.flags = extended.flags;
        result
    }

    /// The same for a significand that need not be normalised.
    fn exact_or_zero(&mut self, negative: bool, sig: u64, exp: i32) -> F80 {
        self.exact_wide(negative, sig as u128, exp)
    }

    fn exact_wide(&mut self, negative: bool, sig: u128, exp: i32) -> F80 {
        if sig == 0 {
            return F80::zero(negative);
        }
        let shift = sig.leading_zeros() as i32 - 64;
        let sig = if shift < 0 { sig >> -shift } else { sig << shift } as u64;
        self.exact(Finite {
            negative,
            exp: exp - shift,
            sig,
        })
    }

    /// `a * 2^n`, where `n` is `b` without its fraction.
    pub(crate) fn scale(&mut self, a: F80, b: F80) -> F80 {
        if let Some(nan) = self.nan2(a, b) {
            return nan;
        }
        let (ca, cb) = (a.class(), b.class());
        if cb == Class::Infinity {
            let impossible = if b.is_negative() {
                Class::Infinity
            } else {
                Class::Zero
            };
            if ca == impossible {
                return self.invalid();
            }
        }
        if self.denormal(&[ca, cb]) || !ca.is_finite_nonzero() || cb == Class::Zero {
            return a.without_pseudo();
        }
        if cb == Class::Infinity {
            return if b.is_negative() {
                F80::zero(a.is_negative())
            } else {
                F80::infinity(a.is_negative())
            };
        }
        let n = truncated(b);
        let mut x = a.finite();
        x.exp += n;
        self.exact(x)
    }

    /// Exponent and significand as two values.
    pub(crate) fn extract(&mut self, a: F80) -> (F80, F80) {
        if let Some(nan) = self.nan1(a) {
            return (nan, nan);
        }
        match a.class() {
            Class::Zero => {
                self.raise(flag::ZE);
                return (F80::infinity(true), a);
            }
            Class::Infinity => return (F80::infinity(false), a),
            class => self.denormal(&[class]),
        };
        let x = a.finite();
        let exponent = from_integer((x.exp - BIAS) as i64);
        (exponent, F80::new(x.negative, BIAS as u16, x.sig))
    }

    /// Rounded to an integer.
    pub(crate) fn round_to_integer(&mut self, a: F80) -> F80 {
        if let Some(nan) = self.nan1(a) {
            return nan;
        }
        let class = a.class();
        if self.denormal(&[class]) || !class.is_finite_nonzero() {
            return a;
        }
        let x = a.finite();
        let power = x.exp - BIAS;
        if power >= 63 {
            return a;
        }
        let (whole, rest) = shift_right_sticky(x.sig, 0, (63 - power).min(128) as u32);
        let up = self.rounds_up(x.negative, whole & 1 != 0, rest, false);
        if rest != 0 {
            self.raise(flag::PE);
        }
        if up {
            self.raise(flag::C1);
        }
        from_integer((whole + up as u64) as i64).with_sign(x.negative)
    }
}

/// An integer part that is far more than any exponent can take.
const HUGE: i32 = 0x2_0000;

/// The integer part of a finite number or zero, clamped.
fn truncated(b: F80) -> i32 {
    if !b.class().is_finite_nonzero() {
        return 0;
    }
    let y = b.finite();
    let power = y.exp - BIAS;
    let magnitude = match power {
        ..0 => 0,
        0..17 => (y.sig >> (63 - power)) as i32,
        _ => HUGE,
    };
    if y.negative { -magnitude } else { magnitude }
}
