//! What guests play, as `--sound wav:FILE` records it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the set-up of a test may fail the test"
)]

mod small_guest;

use std::{f64::consts::TAU, fs};

use small_guest::{Guest, power_off};

/// Samples a second.
const RATE: f64 = 48_000.0;
/// Samples of a piece that is analysed.
const PIECE: usize = 8192;
/// The clock of the timer.
const CLK: f64 = 1_193_182.0;

/// Ticks are instructions: a loop of so many.
fn wait(ticks: u32) -> Vec<u8> {
    // mov ecx, ticks; again: a32 loop again
    [&[0x66, 0xb9][..], &ticks.to_le_bytes(), &[0x67, 0xe2, 0xfd]].concat()
}

/// Counter 2 in a mode, control word and count.
fn program(control: u8, count: u16) -> Vec<u8> {
    let [low, high] = count.to_le_bytes();
    // mov al, control; out 43h, al; mov al, low; out 42h, al; mov al, high; out 42h, al
    vec![
        0xb0, control, 0xe6, 0x43, 0xb0, low, 0xe6, 0x42, 0xb0, high, 0xe6, 0x42,
    ]
}

/// Port 61h.
fn port_b(value: u8) -> Vec<u8> {
    vec![0xb0, value, 0xe6, 0x61]
}

/// A quarter of a second of each count in mode 3, and as much silence.
fn tune(counts: &[u16]) -> Vec<u8> {
    let mut code = Vec::new();
    for &count in counts {
        code.extend(program(0xb6, count));
        code.extend(port_b(3));
        code.extend(wait(25_000_000));
    }
    code.extend(port_b(0));
    code.extend(wait(25_000_000));
    code
}

fn samples(guest: &Guest, name: &str) -> Vec<f64> {
    let mut reader = hound::WavReader::open(guest.path(name)).unwrap();
    let spec = reader.spec();
    assert_eq!(
        (spec.channels, spec.sample_rate, spec.bits_per_sample),
        (1, 48_000, 16)
    );
    reader
        .samples::<i16>()
        .map(|sample| sample.unwrap().into())
        .collect()
}

/// The fast Fourier transform, in place, of as many complex numbers as a power of two.
fn fft(values: &mut [(f64, f64)]) {
    let half = values.len() / 2;
    if half == 0 {
        return;
    }
    let mut even: Vec<_> = values.iter().copied().step_by(2).collect();
    let mut odd: Vec<_> = values.iter().copied().skip(1).step_by(2).collect();
    fft(&mut even);
    fft(&mut odd);
    for (n, (&(a, b), &(c, d))) in even.iter().zip(&odd).enumerate() {
        let (sine, cosine) = (-TAU * n as f64 / values.len() as f64).sin_cos();
        let (c, d) = (c * cosine - d * sine, c * sine + d * cosine);
        values[n] = (a + c, b + d);
        values[n + half] = (a - c, b - d);
    }
}

/// The strength of each frequency in the middle of `part`, in steps of [`STEP`].
fn spectrum(part: &[f64]) -> Vec<f64> {
    let piece = &part[(part.len() - PIECE) / 2..][..PIECE];
    let window = |n: usize| 0.5 - 0.5 * (TAU * n as f64 / PIECE as f64).cos();
    let mut values: Vec<_> = piece
        .iter()
        .enumerate()
        .map(|(n, &s)| (s * window(n), 0.0))
        .collect();
    fft(&mut values);
    values[..PIECE / 2].iter().map(|&(re, im)| re.hypot(im)).collect()
}

const STEP: f64 = RATE / PIECE as f64;

/// The strongest frequency, between the steps of the spectrum too.
fn pitch(part: &[f64]) -> f64 {
    let strengths = spectrum(part);
    let top = (1..strengths.len() - 1)
        .max_by(|&a, &b| strengths[a].total_cmp(&strengths[b]))
        .unwrap();
    // A parabola through three logarithms.
    let [a, b, c] = [top - 1, top, top + 1].map(|n| strengths[n].ln());
    (top as f64 + (a - c) / (2.0 * (a - 2.0 * b + c))) * STEP
}

#[test]
fn a_tune_has_the_right_frequencies_and_length() {
    let counts = [2712, 1356, 4560, 300];
    let guest = Guest::new(&[&tune(&counts), &power_off()]);
    guest.ends(&["--sound", "wav:tune.wav", "--stats", "s.json"], 0);
    let samples = samples(&guest, "tune.wav");
    let stats: serde_json::Value = serde_json::from_str(&guest.read("s.json")).unwrap();
    let ticks = stats["ticks"].as_u64().unwrap();
    assert_eq!(samples.len() as u64, ticks * 48_000 / 100_000_000);
    for (note, &count) in counts.iter().enumerate() {
        let part = &samples[note * 12_000..][..12_000];
        let (heard, played) = (pitch(part), CLK / f64::from(count));
        assert!(
            (heard / played - 1.0).abs() < 0.0005,
            "{heard} Hz instead of {played}"
        );
        // A square wave: the third harmonic is a third as strong, the second is not there.
        let strengths = spectrum(part);
        let near = |frequency: f64| {
            let at = (frequency / STEP).round() as usize;
            strengths[at - 2..at + 3].iter().copied().fold(0.0, f64::max)
        };
        let ratio = near(3.0 * played) / near(played);
        assert!((0.28..0.38).contains(&ratio), "{played} Hz: {ratio}");
        assert!(near(2.0 * played) < near(played) / 50.0, "{played} Hz");
    }
    let peak = |part: &[f64]| part.iter().copied().fold(0.0, |peak: f64, s| peak.max(s.abs()));
    assert!(peak(&samples[6000..48_000]) > 8000.0);
    assert!(peak(&samples[58_000..]) < 2.0, "silence at the end");
}

#[test]
fn recording_changes_nothing_for_the_guest_and_repeats_to_the_byte() {
    let guest = Guest::new(&[&tune(&[1000, 2000]), &power_off()]);
    let run = |sound: &str, more: &[&str]| {
        let args = [&["--sound", sound, "--stats", "s.json"], more].concat();
        guest.ends(&args, 0);
        let stats: serde_json::Value = serde_json::from_str(&guest.read("s.json")).unwrap();
        ["instructions", "ticks", "memory_hash", "state_hash"].map(|name| stats[name].to_string())
    };
    let silent = run("none", &[]);
    assert_eq!(run("auto", &[]), silent);
    assert_eq!(run("wav:a.wav", &[]), silent);
    assert_eq!(
        run("wav:b.wav", &["--speed", "300", "--dispatch", "loop"]),
        silent
    );
    let file = |name: &str| fs::read(guest.path(name)).unwrap();
    assert!(file("a.wav") == file("b.wav"));
}

#[test]
fn bit_1_alone_plays_samples() {
    // Fifty times: high for 30000 ticks and low for 70000, which is 1 kHz at 30 %.
    let cycle = [port_b(2), wait(30_000 - 2), port_b(0), wait(70_000 - 4)].concat();
    let mut code = vec![0xbb, 250, 0]; // mov bx, 250
    code.extend(&cycle);
    // dec bx; jnz back
    let back = -(cycle.len() as i8) - 3;
    code.extend([0x4b, 0x75, back as u8]);
    let guest = Guest::new(&[&code, &power_off()]);
    guest.ends(&["--sound", "wav:s.wav"], 0);
    let samples = samples(&guest, "s.wav");
    let heard = pitch(&samples);
    assert!((heard / 1000.0 - 1.0).abs() < 0.0005, "{heard} Hz");
    let strengths = spectrum(&samples);
    let near = |frequency: f64| {
        let at = (frequency / STEP).round() as usize;
        strengths[at - 2..at + 3].iter().copied().fold(0.0, f64::max)
    };
    // The harmonics of a pulse of 30 %: sin(0.3 n pi) / n.
    let expected = (0.6 * TAU / 2.0).sin() / 2.0 / (0.3 * TAU / 2.0).sin();
    let ratio = near(2000.0) / near(1000.0);
    assert!((ratio / expected - 1.0).abs() < 0.02, "{ratio} {expected}");
}

#[test]
fn a_wav_file_that_cannot_be_written_is_one_line_and_an_exit_code() {
    let guest = Guest::new(&[&tune(&[1000]), &power_off()]);
    let said = guest.ends(&["--sound", "wav:no/such/dir.wav"], 66);
    assert!(said.contains("no/such/dir.wav"), "{said}");
    if cfg!(target_os = "linux") {
        let said = guest.ends(&["--sound", "wav:/dev/full"], 74);
        assert!(said.contains("/dev/full") && said.contains("space"), "{said}");
    }
}
