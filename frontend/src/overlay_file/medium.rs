//! What an overlay is kept in: a file, or in tests something that can be cut off.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

/// A sequence of bytes that survives.
pub trait Medium: Send {
    /// How many there are.
    fn length(&self) -> io::Result<u64>;
    /// Reads from an offset.
    fn get(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;
    /// Writes from an offset.
    fn put(&mut self, offset: u64, data: &[u8]) -> io::Result<()>;
    /// Cuts, or adds zeros.
    fn set_length(&mut self, length: u64) -> io::Result<()>;
    /// All of it survives a power cut when this returns.
    fn sync(&mut self) -> io::Result<()>;
}

impl Medium for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn get(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        // A shared reference to a file is enough to read it.
        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buf)
    }

    fn put(&mut self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.seek(SeekFrom::Start(offset))?;
        self.write_all(data)
    }

    fn set_length(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
