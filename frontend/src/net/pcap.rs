//! `--pcap`: a file in the format of libpcap (draft-ietf-opsawg-pcap), with the guest's time in nanoseconds.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use oldiron_platform::{TickRate, Ticks};

use crate::{image, outcome::Failure};

/// Times have nanoseconds.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: [u16; 2] = [2, 4];
/// Most bytes of a frame.
const SNAPSHOT_LENGTH: u32 = 65535;
const ETHERNET: u32 = 1;
const NANOS: u128 = 1_000_000_000;

/// The file.
pub struct Pcap {
    path: PathBuf,
    file: BufWriter<File>,
    rate: TickRate,
}

impl Pcap {
    /// Creates the file.
    pub fn create(path: &Path, rate: TickRate) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| {
            Failure::file(format!(
                "{}: cannot be written ({}); give --pcap another file",
                path.display(),
                image::describe(&error)
            ))
        })?;
        let mut pcap = Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
            rate,
        };
        let mut header = MAGIC.to_le_bytes().to_vec();
        header.extend(VERSION.into_iter().flat_map(u16::to_le_bytes));
        header.extend(
            [0, 0, SNAPSHOT_LENGTH, ETHERNET]
                .into_iter()
                .flat_map(u32::to_le_bytes),
        );
        pcap.write(&header)?;
        Ok(pcap)
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        let error = image::describe(error);
        Failure::host_io(format!("{}: cannot write packets: {error}", self.path.display()))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.failed(&error))
    }

    /// Adds a frame.
    pub fn add(&mut self, at: Ticks, frame: &[u8]) -> Result<(), Failure> {
        let nanos = u128::from(at) * NANOS / u128::from(self.rate.per_second());
        let kept = frame.len().min(SNAPSHOT_LENGTH as usize);
        let header = [
            (nanos / NANOS) as u32,
            (nanos % NANOS) as u32,
            kept as u32,
            frame.len() as u32,
        ];
        let header: Vec<u8> = header.into_iter().flat_map(u32::to_le_bytes).collect();
        self.write(&header)?;
        self.write(&frame[..kept])
    }

    /// Writes what is held back.
    pub fn flush(&mut self) -> Result<(), Failure> {
        let flushed = self.file.flush();
        flushed.map_err(|error| self.failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_header_and_then_each_frame_with_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pcap");
        let mut pcap = Pcap::create(&path, TickRate::new(100_000_000)).unwrap();
        pcap.add(350_000_001, &[1, 2, 3]).unwrap();
        pcap.flush().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let words: Vec<u32> = bytes[..40]
            .chunks(4)
            .map(|word| u32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        assert_eq!(
            words,
            [0xa1b2_3c4d, 0x0004_0002, 0, 0, 65535, 1, 3, 500_000_010, 3, 3]
        );
        assert_eq!(bytes[40..], [1, 2, 3]);
        assert!(Pcap::create(Path::new("/nowhere/a.pcap"), TickRate::new(1)).is_err());
    }
}
