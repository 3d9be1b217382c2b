//! From the speaker's edges to samples: band-limited steps.
//!
//! A sampled square wave would ring with tones that are not there (aliases). Here every edge is a
//! filtered step, the integral of a windowed sinc, placed to 1/64 of a sample. What it gains from sample to
//! sample is added to the *slope* of the signal; the running sum of the slope is the signal without
//! anything above half the sample rate. A one-pole high pass at 15 Hz then takes the
//! mean away, as the coupling to a real loudspeaker does.
//!
//! Everything that is heard is computed with integers, and the table with the four basic operations only,
//! so that the same run gives the same samples on every host.

/// Positions within a sample that an edge may have.
pub const PHASES: u64 = 64;
/// Samples that an edge spreads over.
const TAPS: usize = 32;
/// Samples that the signal comes late by: what lies before an edge in its spread.
pub const DELAY: u64 = TAPS as u64 / 2 - 1;
/// The sum of each row of the table.
const UNIT: i32 = 1 << 15;
/// Where the sinc cuts off, as a fraction of the sample rate.
const CUTOFF: f64 = 0.45;
/// In how many parts the sinc is integrated over a sample.
const INTEGRAL_PARTS: u32 = 16;
/// Levels: 0 to this.
const FULL_LEVEL: i64 = 255;
/// A step from low to high, in samples' units. The swing around the mean is half of it.
const STEP: i64 = 16384;
/// Fraction bits of the high pass, and its time constant as a power of two, in samples.
const FRACTION: u32 = 8;
const HIGH_PASS: u32 = 9;

type Row = [i32; TAPS];

/// The synthesizer.
pub struct Synth {
    table: Vec<Row>,
    /// What edges have added to the slope of the next samples; the first is that of `done`.
    slope: std::collections::VecDeque<i64>,
    /// Samples made so far.
    done: u64,
    level: u8,
    /// State of the high pass.
    y: i64,
}

impl Synth {
    /// One with the speaker at rest and at sample 0.
    pub fn new() -> Self {
        Self {
            table: (0..PHASES).map(row).collect(),
            slope: [0; TAPS].into(),
            done: 0,
            level: 0,
            y: 0,
        }
    }

    /// Samples made so far. The first [`DELAY`] of them are before the first edge can be heard.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Whether nothing more is to be heard until the next edge.
    #[cfg(any(feature = "sound", test))]
    pub fn is_silent(&self) -> bool {
        self.sample() == 0 && self.slope.iter().all(|&slope| slope == 0)
    }

    /// The speaker's level becomes `level` at `position`, in [`PHASES`] of a sample. Edges come in order;
    /// one that is behind what was made already comes late.
    pub fn edge(&mut self, position: u64, level: u8, out: &mut Vec<i16>) {
        let position = position.max(self.done * PHASES);
        let change = i64::from(level) - i64::from(self.level);
        if change == 0 {
            return;
        }
        self.level = level;
        self.run_to(position / PHASES, out);
        let row = &self.table[(position % PHASES) as usize];
        for (slope, &part) in self.slope.iter_mut().zip(row) {
            *slope += change * i64::from(part);
        }
    }

    /// Makes all samples before `sample`: no edge before it is still to come.
    pub fn run_to(&mut self, sample: u64, out: &mut Vec<i16>) {
        while self.done < sample {
            let slope = self.slope.pop_front().unwrap_or(0);
            self.slope.push_back(0);
            self.y += (slope << FRACTION) - (self.y >> HIGH_PASS);
            self.done += 1;
            out.push(self.sample());
        }
    }

    fn sample(&self) -> i16 {
        const SHIFT: u32 = UNIT.trailing_zeros() + FRACTION;
        let rounded = (self.y * STEP / FULL_LEVEL + (1 << (SHIFT - 1))) >> SHIFT;
        rounded.clamp(i16::MIN.into(), i16::MAX.into()) as i16
    }
}

/// The spread of a step at `phase` over the samples around it.
fn row(phase: u64) -> Row {
    let half = (TAPS / 2) as f64;
    let weights: [f64; TAPS] = std::array::from_fn(|tap| {
        let end = tap as f64 - DELAY as f64 - phase as f64 / PHASES as f64;
        // What the filtered step gains from one sample to the next.
        let parts = (0..INTEGRAL_PARTS).map(|part| {
            let x = end - (f64::from(part) + 0.5) / f64::from(INTEGRAL_PARTS);
            sinc(2.0 * CUTOFF * x) * blackman(x / half)
        });
        parts.sum()
    });
    let sum: f64 = weights.iter().sum();
    let mut row = weights.map(|weight| (weight / sum * f64::from(UNIT)).round() as i32);
    // What rounding lost would add up over the edges.
    row[TAPS / 2] += UNIT - row.iter().sum::<i32>();
    row
}

fn sinc(x: f64) -> f64 {
    let x = x * std::f64::consts::PI;
    if x == 0.0 { 1.0 } else { sine(x) / x }
}

/// Blackman's window over -1 to 1.
fn blackman(x: f64) -> f64 {
    if !(-1.0..=1.0).contains(&x) {
        return 0.0;
    }
    let cosine = |x: f64| sine(x + std::f64::consts::FRAC_PI_2);
    let angle = x * std::f64::consts::PI;
    0.42 + 0.5 * cosine(angle) + 0.08 * cosine(2.0 * angle)
}

/// The library's sine may differ from host to host in its last bit; this one may not.
fn sine(x: f64) -> f64 {
    const TURN: f64 = std::f64::consts::TAU;
    let x = x - (x / TURN).round() * TURN;
    let (mut term, mut sum) = (x, x);
    for n in 1..14 {
        let n = f64::from(n);
        term *= -x * x / (2.0 * n * (2.0 * n + 1.0));
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square wave of `half` positions for each half.
    fn square(half: u64, samples: u64) -> Vec<i16> {
        let (mut synth, mut out) = (Synth::new(), Vec::new());
        let edges = (0..).map(|n| n * half).take_while(|&at| at < samples * PHASES);
        for (n, at) in edges.enumerate() {
            synth.edge(at, if n % 2 == 0 { 255 } else { 0 }, &mut out);
        }
        synth.run_to(samples, &mut out);
        out
    }

    /// The strength of `frequency`, as a fraction of the sample rate, in the second half of `samples`.
    fn strength(samples: &[i16], frequency: f64) -> f64 {
        let part = &samples[samples.len() / 2..];
        let angle = |n: usize| std::f64::consts::TAU * frequency * n as f64;
        let window = |n: usize| blackman(2.0 * n as f64 / part.len() as f64 - 1.0) / 0.42;
        let sum = |f: fn(f64) -> f64| {
            let terms = part.iter().enumerate();
            terms
                .map(|(n, &s)| f64::from(s) * f(angle(n)) * window(n))
                .sum::<f64>()
                / part.len() as f64
        };
        sum(f64::sin).hypot(sum(f64::cos)) * 2.0
    }

    #[test]
    fn a_square_wave_has_its_harmonics_and_no_aliases() {
        // 5.3 samples a half: the third harmonic is the last below half the rate.
        let out = square(341, 48_000);
        let base = 64.0 / 682.0;
        let expected = 4.0 / std::f64::consts::PI * 8192.0;
        assert!((strength(&out, base) / expected - 1.0).abs() < 0.02);
        assert!((strength(&out, 3.0 * base) / (expected / 3.0) - 1.0).abs() < 0.02);
        // The fifth, seventh and ninth would fold down to here.
        for harmonic in [7.0, 9.0, 11.0, 13.0] {
            let folded = (harmonic * base - (harmonic * base).round()).abs();
            assert!(strength(&out, folded) < expected / 1000.0, "{harmonic}");
        }
    }

    #[test]
    fn what_stays_still_becomes_silent() {
        let (mut synth, mut out) = (Synth::new(), Vec::new());
        assert!(synth.is_silent());
        synth.edge(100, 255, &mut out);
        assert!(!synth.is_silent());
        synth.run_to(48_000, &mut out);
        assert!(synth.is_silent());
        assert_eq!(out.last(), Some(&0));
        let peak = out.iter().copied().max().unwrap();
        assert!((16_000..19_000).contains(&peak), "{peak}");
        // Only as far as the spread reaches is anything heard before the edge.
        assert!(out[..1].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn samples_do_not_depend_on_how_the_time_is_divided() {
        let whole = square(1000, 2000);
        let (mut synth, mut parts) = (Synth::new(), Vec::new());
        for at in 0..2000 {
            synth.run_to(at, &mut parts);
            for phase in 0..PHASES {
                let position = at * PHASES + phase;
                if position.is_multiple_of(1000) {
                    let level = if position.is_multiple_of(2000) { 255 } else { 0 };
                    synth.edge(position, level, &mut parts);
                }
            }
        }
        synth.run_to(2000, &mut parts);
        assert_eq!(parts, whole);
        assert_eq!(synth.done(), 2000);
    }

    #[test]
    fn every_row_of_the_table_adds_up() {
        for phase in 0..PHASES {
            assert_eq!(row(phase).iter().sum::<i32>(), UNIT);
        }
        assert!((sine(2.5) - 2.5f64.sin()).abs() < 1e-12);
    }
}
