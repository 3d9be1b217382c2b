//! FSIN, FCOS, FSINCOS and FPTAN.

use super::{
    super::{
        float::{BIAS, Class, F80},
        round::Env,
    },
    wide::{ONE, Wide, alternating, mul_high},
};

/// 1/(2n+1)! in Q1.127.
const SINE: [u128; 14] = factorials(1);
/// 1/(2n)! in Q1.127.
const COSINE: [u128; 15] = factorials(0);

const fn factorials<const N: usize>(first: u128) -> [u128; N] {
    let mut series = [ONE; N];
    let mut n = 1;
    while n < N {
        let last = 2 * n as u128 + first;
        series[n] = series[n - 1] / (last * (last - 1));
        n += 1;
    }
    series
}

/// Half of the chip's pi of 66 bits, in units of 2^-65.
const HALF_PI_66: u128 = 0x3_243f_6a88_85a3_08d3;

/// An argument brought into the first octant.
#[derive(Clone, Copy)]
struct Reduced {
    /// Its magnitude; none if it is zero.
    rest: Option<Wide>,
    /// The quarter turn that it is measured from.
    quadrant: u32,
    /// It lies before that.
    before: bool,
}

/// Why there is nothing to compute.
enum Special {
    /// The result.
    Value(F80),
    /// The argument is out of range: C2.
    TooLarge,
    /// ±0.
    Zero,
}

impl Env {
    /// The sine. `None` if the argument is out of range.
    pub(crate) fn sine(&mut self, a: F80) -> Option<F80> {
        Some(match self.reduced(a) {
            Err(Special::Value(value)) => value,
            Err(Special::TooLarge) => return None,
            Err(Special::Zero) => a,
            Ok(reduced) => self.turned(reduced, reduced.quadrant, a.is_negative()),
        })
    }

    /// The cosine. `None` if the argument is out of range.
    pub(crate) fn cosine(&mut self, a: F80) -> Option<F80> {
        Some(match self.reduced(a) {
            Err(Special::Value(value)) => value,
            Err(Special::TooLarge) => return None,
            Err(Special::Zero) => F80::one(false),
            Ok(reduced) => self.turned(reduced, reduced.quadrant + 1, false),
        })
    }

    /// The tangent. `None` if the argument is out of range.
    pub(crate) fn tangent(&mut self, a: F80) -> Option<F80> {
        let reduced = match self.reduced(a) {
            Err(Special::Value(value)) => return Some(value),
            Err(Special::TooLarge) => return None,
            Err(Special::Zero) => return Some(a),
            Ok(reduced) => reduced,
        };
        let negative = a.is_negative() != reduced.before;
        Some(match (reduced.rest, reduced.quadrant & 1 != 0) {
            // The chip's pi is rational, but no argument of 64 bits is a multiple of it.
            (None, _) => F80::zero(negative),
            (Some(rest), false) => sine_of(rest).over(cosine_of(rest)).round(self, negative),
            (Some(rest), true) => cosine_of(rest).over(sine_of(rest)).round(self, !negative),
        })
    }

    fn reduced(&mut self, a: F80) -> Result<Reduced, Special> {
        if let Some(nan) = self.nan1(a) {
            return Err(Special::Value(nan));
        }
        let class = a.class();
        match class {
            Class::Zero => return Err(Special::Zero),
            Class::Infinity => return Err(Special::Value(self.invalid())),
            _ => {}
        }
        if a.exp() as i32 >= BIAS + 63 {
            return Err(Special::TooLarge);
        }
        if self.denormal(&[class]) {
            return Err(Special::Value(a));
        }
        Ok(reduce(Wide::of(a)))
    }

    /// The sine of an argument in the given quadrant.
    fn turned(&mut self, reduced: Reduced, quadrant: u32, negative: bool) -> F80 {
        let negative = negative != (quadrant & 2 != 0);
        let Some(rest) = reduced.rest else {
            return if quadrant & 1 == 0 {
                F80::zero(negative)
            } else {
                F80::one(negative)
            };
        };
        if quadrant & 1 == 0 {
            let before = reduced.before;
            sine_of(rest).round(self, negative != before)
        } else {
            cosine_of(rest).round(self, negative)
        }
    }
}

/// Takes off whole quarter turns.
fn reduce(a: Wide) -> Reduced {
    if a.power < -1 {
        return Reduced {
            rest: Some(a),
            quadrant: 0,
            before: false,
        };
    }
    // In units of 2^-65 the argument is an integer of at most 128 bits.
    let units = (a.sig >> 64) << (a.power + 2);
    let quarter_turns = units / HALF_PI_66;
    let rest = units % HALF_PI_66;
    let before = rest > HALF_PI_66 / 2;
    let magnitude = if before { HALF_PI_66 - rest } else { rest };
    Reduced {
        rest: (magnitude != 0).then(|| Wide::normalised(127 - 65, magnitude)),
        quadrant: (quarter_turns as u32).wrapping_add(before as u32) & 3,
        before,
    }
}

/// The sine of an angle of the first octant.
fn sine_of(a: Wide) -> Wide {
    let fraction = a.fraction();
    // Below its argument even where the series is 1 to the last bit.
    a.scaled(alternating(mul_high(fraction, fraction), &SINE)).below()
}

/// The cosine of an angle of the first octant.
fn cosine_of(a: Wide) -> Wide {
    let fraction = a.fraction();
    Wide::normalised(0, alternating(mul_high(fraction, fraction), &COSINE)).below()
}
