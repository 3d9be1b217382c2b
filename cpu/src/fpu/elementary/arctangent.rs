//! FPATAN.

use super::{
    super::{
        float::{Class, F80},
        round::Env,
    },
    tables::{ATAN, HALF_PI, PI_WIDE},
    wide::{ONE, Wide, alternating, mul_high},
};

/// 1/(2n+1) in Q1.127.
const SERIES: [u128; 12] = {
    let mut series = [ONE; 12];
    let mut n = 0;
    while n < 12 {
        series[n] = ONE / (2 * n as u128 + 1);
        n += 1;
    }
    series
};

/// Multiples of pi/4: the whole result where an operand is zero or infinite.
fn quarter_turns(count: u128) -> Wide {
    // Two bits are room enough for three quarters and four.
    Wide::normalised(1, (PI_WIDE >> 2) * count)
}

impl Env {
    /// The angle of the point (`x`, `y`).
    pub(crate) fn arctangent(&mut self, x: F80, y: F80) -> F80 {
        if let Some(nan) = self.nan2(x, y) {
            return nan;
        }
        let (cx, cy) = (x.class(), y.class());
        let negative = y.is_negative();
        if self.denormal(&[cx, cy]) {
            return y;
        }
        let left = x.is_negative();
        let turns = match (cy, cx) {
            (Class::Zero, _) | (Class::Normal | Class::Denormal, Class::Infinity) => {
                if !left {
                    return F80::zero(negative);
                }
                4
            }
            (Class::Infinity, Class::Infinity) if left => 3,
            (Class::Infinity, Class::Infinity) => 1,
            (Class::Infinity, _) | (_, Class::Zero) => 2,
            _ => {
                let angle = angle(Wide::of(x), left, Wide::of(y));
                return angle.round(self, negative);
            }
        };
        quarter_turns(turns).round(self, negative)
    }
}

/// The angle above the axis.
fn angle(x: Wide, left: bool, y: Wide) -> Wide {
    let steep = (y.power, y.sig) > (x.power, x.sig);
    let (low, high) = if steep { (x, y) } else { (y, x) };
    let (base, small) = first_octant(low, high);
    // Added to nothing, the small angle keeps its own precision.
    if base == 0 && !steep && !left {
        return small.1;
    }
    let (down, change) = (small.0, small.1.fraction() >> 2);
    let angle = if down { base - change } else { base + change };
    let angle = match (steep, left) {
        (false, false) => angle,
        (true, false) => HALF_PI - angle,
        (true, true) => HALF_PI + angle,
        (false, true) => 2 * HALF_PI - angle,
    };
    Wide::normalised(1, angle)
}

/// The arctangent of `low / high`, at most 1: an entry of the table (Q2.126), and what is to be added or, if the
/// flag is set, taken off.
fn first_octant(low: Wide, high: Wide) -> (u128, (bool, Wide)) {
    let distance = (high.power - low.power) as u32;
    if distance > 6 {
        return (0, (false, odd_series(low.over(high), true)));
    }
    // 64 bits each, and six more where they are shifted apart.
    let high = high.sig >> 64 << distance;
    let low = low.sig >> 64;
    let j = ((low << 6) / high + 1) >> 1;
    // tan(a - b) = (tan a - tan b) / (1 + tan a tan b).
    let (above, below) = (low << 5, high * j);
    let (down, over) = if above >= below {
        (false, above - below)
    } else {
        (true, below - above)
    };
    let under = (high << 5) + low * j;
    let base = ATAN[(j as usize).min(32)];
    if over == 0 {
        // Exactly an entry; what is added is next to nothing.
        return (
            base,
            (
                false,
                Wide {
                    power: -127,
                    sig: ONE,
                },
            ),
        );
    }
    let t = Wide::normalised(127, over).over(Wide::normalised(127, under));
    (base, (down, odd_series(t, false)))
}

/// `t - t^3/3 + t^5/5 - ...`
fn odd_series(t: Wide, tiny: bool) -> Wide {
    let fraction = t.fraction();
    let result = t.scaled(alternating(mul_high(fraction, fraction), &SERIES));
    // For the smallest the series is 1: the result is below its argument all the same.
    if tiny { result.below() } else { result }
}
