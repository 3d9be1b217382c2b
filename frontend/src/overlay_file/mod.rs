//! `--overlay FILE`: what the guest writes, kept in a file of our own beside the images.
//!
//! The file ([`mod@format`]) holds the written clusters of all images of a run, each image known by its hash,
//! so that an overlay never comes to lie over another image. A sector is in the file when its write
//! returns, and on the disk when a flush returns: a kill loses nothing, a power cut at most what was not
//! flushed, sector by sector. Other contents that come with a saved state take the place of the old at once.

mod claim;
pub mod format;
mod load;
mod medium;
mod part;
mod replace;
mod store;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use oldiron_platform::{BlockImage, DiskError, Overlay, base_hash};

use self::format::ImageRecord;
pub use self::store::OverlayFile;
use crate::outcome::Failure;

/// An overlay file that several images share.
pub type SharedOverlay = Arc<Mutex<OverlayFile>>;

/// An image that is only read, with its part of an overlay file that takes the writes.
pub struct OverlaidImage {
    base: Box<dyn BlockImage>,
    store: SharedOverlay,
    /// Its number in the file.
    number: usize,
}

/// The store, whatever happened to a thread that held it.
fn lock(store: &SharedOverlay) -> MutexGuard<'_, OverlayFile> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

impl OverlaidImage {
    /// Lays the overlay in `store` over `base`, the image at `path` that the machine knows as `role`
    /// (`hda`, or `floppy`).
    pub fn new(
        mut base: Box<dyn BlockImage>,
        store: &SharedOverlay,
        role: &str,
        path: &Path,
    ) -> Result<Self, Failure> {
        let fail = |error: DiskError| Failure::file(error.to_string());
        let hash = base_hash(base.as_mut()).map_err(fail)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let record = ImageRecord {
            sectors: base.sectors(),
            hash,
            key: match role {
                "floppy" => format!("floppy {name}"),
                _ => role.to_owned(),
            },
            path: path
                .canonicalize()
                .unwrap_or(path.to_owned())
                .to_string_lossy()
                .into_owned(),
        };
        let number = lock(store).claim(record)?;
        Ok(Self {
            base,
            store: store.clone(),
            number,
        })
    }
}

impl Drop for OverlaidImage {
    fn drop(&mut self) {
        lock(&self.store).release(self.number);
    }
}

impl BlockImage for OverlaidImage {
    fn sectors(&self) -> u64 {
        self.base.sectors()
    }

    fn name(&self) -> &str {
        self.base.name()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.base.read(lba, buf)?;
        lock(&self.store).cover(self.number, lba, buf)
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        lock(&self.store).write(self.number, lba, data)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        lock(&self.store).flush()
    }

    fn read_base(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.base.read(lba, buf)
    }

    fn save_overlay(&self) -> Result<Option<Vec<u8>>, DiskError> {
        Ok(Some(lock(&self.store).contents(self.number)?.to_bytes()))
    }

    fn load_overlay(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        let overlay = Overlay::from_bytes(bytes, self.base.sectors())?;
        lock(&self.store).replace(self.number, &overlay)
    }
}

#[cfg(test)]
mod tests;
