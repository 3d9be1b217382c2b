//! FYL2X and FYL2XP1.

use super::{
    super::{
        convert::from_integer,
        float::{BIAS, Class, F80, INTEGER},
        round::{Env, flag},
    },
    tables::{LOG, LOG_FIRST, LOG2_E},
    wide::{ONE, Wide, alternating, ascending},
};

/// 1/(n+1) in Q1.127.
const SERIES: [u128; 20] = {
    let mut series = [ONE; 20];
    let mut n = 0;
    while n < 20 {
        series[n] = ONE / (n as u128 + 1);
        n += 1;
    }
    series
};

/// log2 e as a number.
const LOG2_E_WIDE: Wide = Wide {
    power: 0,
    sig: LOG2_E,
};

/// sqrt 2 to 64 bits: significands above it count as below 1.
const SQRT_2: u64 = 0xb504_f333_f9de_6484;

/// A logarithm: sign and magnitude.
type Logarithm = (bool, Wide);

impl Env {
    /// `y * log2 x`.
    pub(crate) fn y_log2_x(&mut self, x: F80, y: F80) -> F80 {
        if let Some(nan) = self.nan2(x, y) {
            return nan;
        }
        let (cx, cy) = (x.class(), y.class());
        let negative = y.is_negative();
        let one = x.without_pseudo() == F80::one(false);
        let impossible = cx != Class::Zero && x.is_negative()
            || cx == Class::Zero && cy == Class::Zero
            || one && cy == Class::Infinity
            || cx == Class::Infinity && cy == Class::Zero;
        if impossible {
            return self.invalid();
        }
        if cx == Class::Zero {
            if cy != Class::Infinity {
                self.raise(flag::ZE);
            }
            return F80::infinity(!negative);
        }
        if self.denormal(&[cx, cy]) {
            return y;
        }
        if cx == Class::Infinity {
            return F80::infinity(negative);
        }
        let below_one = (x.exp() as i32) < BIAS;
        match cy {
            Class::Infinity => return F80::infinity(negative != below_one),
            Class::Zero => return F80::zero(negative != below_one),
            _ if one => return F80::zero(negative),
            _ => {}
        }
        let x = x.finite();
        let power = x.exp - BIAS;
        if x.sig == INTEGER {
            return self.integer_product(y, power);
        }
        let (log_negative, log) = log2(power, (x.sig as u128) << 64);
        self.product(y, negative != log_negative, log)
    }

    /// `y * log2(1 + x)`.
    pub(crate) fn y_log2_x_plus_1(&mut self, x: F80, y: F80) -> F80 {
        if let Some(nan) = self.nan2(x, y) {
            return nan;
        }
        let (cx, cy) = (x.class(), y.class());
        let negative = x.is_negative() != y.is_negative();
        let at_most_minus_1 = x.is_negative() && x.exp() as i32 >= BIAS;
        let impossible = at_most_minus_1 && x != F80::one(true)
            || cx == Class::Zero && cy == Class::Infinity
            || cx == Class::Infinity && cy == Class::Zero;
        if impossible {
            return self.invalid();
        }
        if self.denormal(&[cx, cy]) {
            return y;
        }
        if cx == Class::Infinity || cy == Class::Infinity || at_most_minus_1 {
            return F80::infinity(negative);
        }
        if cx == Class::Zero || cy == Class::Zero {
            return F80::zero(negative);
        }
        let small = Wide::of(x);
        let (log_negative, log) = if small.power < -7 {
            let factor = growth(small.fraction(), x.is_negative());
            let log = small.scaled(factor).times(LOG2_E_WIDE);
            (x.is_negative(), log)
        } else if small.power > 63 {
            log2(small.power, small.sig)
        } else {
            let one = ONE.checked_shr(small.power.max(0) as u32).unwrap_or(0);
            let part = small.sig >> (-small.power).max(0);
            // The top bit stands for 2^(power + 1).
            let power = small.power.max(0) + 1;
            let sum = if x.is_negative() {
                (one >> 1) - (part >> 1)
            } else {
                (one >> 1) + (part >> 1)
            };
            let sum = Wide::normalised(power, sum);
            log2(sum.power, sum.sig)
        };
        self.product(y, log_negative != y.is_negative(), log)
    }

    /// `y` times the logarithm of a power of two. Silicon reports these as inexact too.
    fn integer_product(&mut self, y: F80, power: i32) -> F80 {
        let (y, factor) = (y.finite(), from_integer(power as i64).finite());
        let wide = y.sig as u128 * factor.sig as u128;
        let shift = wide.leading_zeros();
        let exp = y.exp + factor.exp - BIAS + 1 - shift as i32;
        let result = self.round_wide(y.negative != factor.negative, exp, wide << shift);
        let tiny = result.class() == Class::Denormal;
        self.raise(flag::PE | if tiny { flag::UE } else { 0 });
        result
    }

    fn product(&mut self, y: F80, negative: bool, log: Wide) -> F80 {
        Wide::of(y).times(log).round(self, negative)
    }
}

/// `ln(1 + f) / f`, or `ln(1 - f) / -f`, in Q1.127; `f` in Q0.128 and small.
fn growth(f: u128, negative: bool) -> u128 {
    if negative {
        ascending(f, &SERIES)
    } else {
        alternating(f, &SERIES)
    }
}

/// The binary logarithm of `sig / 2^127 * 2^power`, which is not 1.
fn log2(power: i32, sig: u128) -> Logarithm {
    // In [sqrt 1/2, sqrt 2), Q1.127.
    let above = (sig >> 64) as u64 > SQRT_2;
    let (power, m) = if above {
        (power + 1, sig >> 1)
    } else {
        (power, sig)
    };
    let (reciprocal, table_negative, table) =
        LOG[((m >> 121) as usize).saturating_sub(LOG_FIRST).min(LOG.len() - 1)];
    // m * reciprocal - 1: exact, for m has 72 bits at most. Q9.119.
    let scaled = (m >> 8) * reciprocal as u128;
    let (f_negative, f) = if scaled >= ONE {
        (false, (scaled - ONE) << 1)
    } else {
        (true, (ONE - scaled) << 1)
    };
    // ln(1 + f) in Q0.128, then times log2 e.
    let log = if f == 0 {
        None
    } else {
        let f = Wide::normalised(-1, f);
        Some(f.scaled(growth(f.fraction(), f_negative)).times(LOG2_E_WIDE))
    };
    if power == 0 && table == 0 {
        // Only here may the logarithm be near zero.
        let log = log.unwrap_or(Wide {
            power: -127,
            sig: ONE,
        });
        return (f_negative, log);
    }
    // Sum in Q16.112.
    let part = log.map_or(0, |log| (log.fraction() >> 16) as i128);
    let part = if f_negative { -part } else { part };
    let table = (table >> 14) as i128;
    let table = if table_negative { -table } else { table };
    let sum = ((power as i128) << 112) + table + part;
    (sum < 0, Wide::normalised(15, sum.unsigned_abs()))
}
