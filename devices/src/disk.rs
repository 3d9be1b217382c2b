//! Images of disks, as chips see them: numbered 512-byte sectors.

use serde::{Deserialize, Serialize};

/// Bytes in a sector.
pub const SECTOR_SIZE: usize = 512;

/// A disk geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chs {
    /// Cylinders.
    pub cylinders: u16,
    /// Heads.
    pub heads: u8,
    /// Sectors per track.
    pub sectors: u8,
}

/// What kind of floppy drive is fitted: the number the CMOS knows it by (register 10h).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum FloppyKind {
    /// 5.25 inch, 360 KiB.
    Dd525 = 1,
    /// 5.25 inch, 1.2 MiB.
    Hd525 = 2,
    /// 3.5 inch, 720 KiB.
    Dd35 = 3,
    /// 3.5 inch, 1.44 MiB.
    Hd35 = 4,
    /// 3.5 inch, 2.88 MiB.
    Ed35 = 5,
}

/// An image failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum DiskError {
    /// A sector past the end was addressed.
    #[error("sector {lba} is past the end of the image")]
    OutOfRange {
        /// The sector.
        lba: u64,
    },
    /// The image may not be written.
    #[error("the image is read-only")]
    ReadOnly,
    /// The host failed to read or write. The text names the file.
    #[error("{0}")]
    Host(String),
    /// Writes reach the image itself: there is no overlay.
    #[error("the image has no overlay")]
    NoOverlay,
    /// The bytes are no overlay of this image.
    #[error(transparent)]
    Overlay(#[from] crate::OverlayError),
}

/// A disk image. Implemented over files by the front end, over memory here.
pub trait BlockImage: Send {
    /// Number of sectors.
    fn sectors(&self) -> u64;

    /// What people call it: the path of its file. Empty for an image that has no name.
    fn name(&self) -> &str {
        ""
    }

    /// Whether writes are refused (the write-protect tab).
    fn is_read_only(&self) -> bool {
        false
    }

    /// Reads whole sectors from `lba` on. `buf` is a multiple of [`SECTOR_SIZE`].
    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError>;

    /// Writes whole sectors from `lba` on.
    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError>;

    /// Everything written so far survives the end of this process when this returns.
    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    /// Reads what lies beneath the overlay: the same as [`read`](Self::read) where there is none.
    fn read_base(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.read(lba, buf)
    }

    /// All that was written, as [`Overlay::to_bytes`](crate::Overlay::to_bytes) does; `None` if writes
    /// reach the image itself.
    fn save_overlay(&self) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(None)
    }

    /// Forgets what was written, and takes over what [`save_overlay`](Self::save_overlay) returned. After
    /// an error in the bytes all is as it was.
    fn load_overlay(&mut self, _bytes: &[u8]) -> Result<(), DiskError> {
        Err(DiskError::NoOverlay)
    }
}

/// An image in memory, for tests and built-in disks.
#[derive(Clone, Debug)]
pub struct MemoryImage {
    bytes: Vec<u8>,
    read_only: bool,
}

impl MemoryImage {
    /// An image with these contents; a partial last sector is filled with zeros.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        bytes.resize(bytes.len().next_multiple_of(SECTOR_SIZE), 0);
        Self {
            bytes,
            read_only: false,
        }
    }

    /// The same, write-protected.
    pub fn read_only(bytes: Vec<u8>) -> Self {
        Self {
            read_only: true,
            ..Self::new(bytes)
        }
    }

    /// The contents.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn range(&self, lba: u64, len: usize) -> Result<core::ops::Range<usize>, DiskError> {
        let start = usize::try_from(lba)
            .ok()
            .and_then(|lba| lba.checked_mul(SECTOR_SIZE));
        match start.and_then(|start| Some(start..start.checked_add(len)?)) {
            Some(range) if range.end <= self.bytes.len() => Ok(range),
            _ => Err(DiskError::OutOfRange { lba }),
        }
    }
}

impl BlockImage for MemoryImage {
    fn sectors(&self) -> u64 {
        (self.bytes.len() / SECTOR_SIZE) as u64
    }

    fn is_read_only(&self) -> bool {
        self.read_only
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        let range = self.range(lba, buf.len())?;
        buf.copy_from_slice(&self.bytes[range]);
        Ok(())
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        if self.read_only {
            return Err(DiskError::ReadOnly);
        }
        let range = self.range(lba, data.len())?;
        self.bytes[range].copy_from_slice(data);
        Ok(())
    }
}
