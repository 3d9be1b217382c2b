//! F2XM1.

use super::{
    super::{
        float::{BIAS, Class, F80, INTEGER},
        round::{Env, flag},
    },
    tables::{EXP2, LN_2},
    wide::{ONE, Wide, alternating, ascending, mul_high},
};

/// 1/(n+1)! in Q1.127.
const SERIES: [u128; 13] = {
    let mut series = [ONE; 13];
    let mut n = 1;
    while n < 13 {
        series[n] = series[n - 1] / (n as u128 + 1);
        n += 1;
    }
    series
};

/// ln 2 as a number.
const LN_2_WIDE: Wide = Wide { power: -1, sig: LN_2 };

impl Env {
    /// `2^a - 1`. Beyond ±1 the manual leaves the result open: the operand stays.
    pub(crate) fn exp2_minus_1(&mut self, a: F80) -> F80 {
        if let Some(nan) = self.nan1(a) {
            return nan;
        }
        let class = a.class();
        let negative = a.is_negative();
        match class {
            Class::Zero => return a,
            Class::Infinity => return if negative { F80::one(true) } else { a },
            _ => {}
        }
        if self.denormal(&[class]) {
            return a;
        }
        if a.exp() as i32 >= BIAS {
            // Silicon reports ±1 as inexact too.
            self.raise(flag::PE);
            return if a == F80::one(true) {
                F80::new(true, BIAS as u16 - 1, INTEGER)
            } else {
                a
            };
        }
        let x = Wide::of(a);
        if x.power < -6 {
            let z = x.times(LN_2_WIDE);
            return z.scaled(growth(z.fraction(), negative)).round(self, negative);
        }
        // 2^x = 2^(j/32) * 2^r; for negative x, half of 2^(1+x).
        let fraction = if negative {
            x.fraction().wrapping_neg()
        } else {
            x.fraction()
        };
        let j = ((fraction >> 122) as usize + 1) >> 1;
        let place = (j as u128) << 123;
        let (down, r) = if j < 32 && fraction >= place {
            (false, fraction - place)
        } else {
            (true, place.wrapping_sub(fraction))
        };
        let z = mul_high(r, LN_2);
        let change = mul_high(EXP2[j.min(32)], mul_high(z, growth(z, down)) << 1);
        let power = if down {
            EXP2[j.min(32)] - change
        } else {
            EXP2[j.min(32)] + change
        };
        // Q2.126: minus one, or one minus half of it.
        let result = if negative {
            (1 << 127) - power
        } else {
            power - (1 << 126)
        };
        Wide::normalised(if negative { 0 } else { 1 }, result).round(self, negative)
    }
}

/// `(e^z - 1) / z`, or `(1 - e^-z) / z`, in Q1.127; `z` in Q0.128 and small.
fn growth(z: u128, negative: bool) -> u128 {
    if negative {
        alternating(z, &SERIES)
    } else {
        ascending(z, &SERIES)
    }
}
