//! `--sound wav:FILE`: 16-bit mono at 48 kHz, one sample for each 1/48000 of a guest second since the start.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use hound::{SampleFormat, WavSpec, WavWriter};
use oldiron_platform::{SpeakerEdge, TickRate, Ticks};

use super::synth::{DELAY, PHASES, Synth};
use crate::outcome::Failure;

/// Samples a guest second.
const SAMPLE_RATE: u32 = 48_000;
/// The length fields of the format hold 4 GiB: twelve hours.
const MOST_SAMPLES: u64 = (u32::MAX as u64 - 64) / 2;

/// A recording.
pub struct WavFile {
    path: PathBuf,
    writer: WavWriter<BufWriter<File>>,
    synth: Synth,
    samples: Vec<i16>,
    rate: TickRate,
    start: Ticks,
}

impl WavFile {
    /// Begins the file, at tick `start`.
    pub fn create(path: &Path, rate: TickRate, start: Ticks) -> Result<Self, Failure> {
        let spec = WavSpec {
            channels: 1,
            sample_rate: SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let writer = WavWriter::create(path, spec).map_err(|error| {
            let Failure { message, .. } = failure(path, error);
            Failure::file(message)
        })?;
        Ok(Self {
            path: path.to_path_buf(),
            writer,
            synth: Synth::new(),
            samples: Vec::new(),
            rate,
            start,
        })
    }

    /// Samples up to tick `now`, in units of 1/`parts`.
    fn position(&self, now: Ticks, parts: u64) -> u64 {
        let since = now.saturating_sub(self.start);
        self.rate.count_at(since, u64::from(SAMPLE_RATE) * parts)
    }

    /// Records `edges`, all there are before `known_to`.
    pub fn follow(&mut self, edges: &[SpeakerEdge], known_to: Ticks) -> Result<(), Failure> {
        self.add(edges);
        self.synth.run_to(self.position(known_to, 1), &mut self.samples);
        self.write()
    }

    fn add(&mut self, edges: &[SpeakerEdge]) {
        for edge in edges {
            let position = self.position(edge.at, PHASES);
            self.synth.edge(position, edge.level, &mut self.samples);
        }
    }

    /// Ends the file with the last `edges`: as many samples as guest time has passed up to `now`.
    pub fn finish(mut self, edges: &[SpeakerEdge], now: Ticks) -> Result<(), Failure> {
        self.add(edges);
        self.synth
            .run_to(self.position(now, 1) + DELAY, &mut self.samples);
        self.write()?;
        self.writer.finalize().map_err(|error| failure(&self.path, error))
    }

    fn write(&mut self) -> Result<(), Failure> {
        let before = self.synth.done() - self.samples.len() as u64;
        let skipped = DELAY.saturating_sub(before).min(self.samples.len() as u64);
        if self.synth.done() > MOST_SAMPLES {
            return Err(Failure::host_io(format!(
                "{}: the recording is as long as a WAV file can be; start a new one",
                self.path.display()
            )));
        }
        for sample in self.samples.drain(..).skip(skipped as usize) {
            self.writer
                .write_sample(sample)
                .map_err(|error| failure(&self.path, error))?;
        }
        Ok(())
    }
}

fn failure(path: &Path, error: hound::Error) -> Failure {
    let what = match &error {
        hound::Error::IoError(error) => crate::image::describe(error),
        other => other.to_string(),
    };
    Failure::host_io(format!("{}: cannot write the sound: {what}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: TickRate = TickRate::new(1_000_003);

    #[test]
    fn the_file_is_as_long_as_guest_time_and_edges_are_where_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.wav");
        let mut wav = WavFile::create(&path, RATE, 5_000).unwrap();
        let edge = SpeakerEdge {
            at: 505_000,
            level: 255,
        };
        for now in (5_000..505_000).step_by(777) {
            wav.follow(&[], now).unwrap();
        }
        wav.follow(&[edge], 705_003).unwrap();
        wav.finish(&[], 1_005_002).unwrap();
        let mut reader = hound::WavReader::open(&path).unwrap();
        let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        assert_eq!(samples.len(), 47_999);
        let rise = samples.iter().position(|&sample| sample > 8_192).unwrap();
        assert!((23_999..=24_001).contains(&rise), "{rise}");
    }

    #[test]
    fn a_run_of_no_time_gives_an_empty_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.wav");
        let wav = WavFile::create(&path, RATE, 9).unwrap();
        wav.finish(&[], 9).unwrap();
        assert_eq!(hound::WavReader::open(&path).unwrap().len(), 0);
    }
}
