//! Other contents for an image: as a saved state is loaded, all that was written is exchanged at once.

use std::io;

use oldiron_platform::{DiskError, Overlay};

use super::{
    format::{self, PAGE, State},
    part::Part,
    store::OverlayFile,
};

impl OverlayFile {
    /// Forgets what was written to an image, and keeps `overlay` instead. In the file this counts, for all images
    /// that were given other contents at once, from the next write or flush on.
    pub(super) fn replace(&mut self, number: usize, overlay: &Overlay) -> Result<(), DiskError> {
        self.try_replace(number, overlay)
            .map_err(|error| self.failed("write", &error))
    }

    fn try_replace(&mut self, number: usize, overlay: &Overlay) -> io::Result<()> {
        self.mark(State::Open)?;
        let Some(part) = self.parts.get_mut(number) else {
            return Err(io::Error::other("no such image"));
        };
        self.youngest += 1;
        let mut fresh = Part::new(part.record.clone());
        (fresh.since, fresh.claimed) = (self.youngest, part.claimed);
        let old = std::mem::replace(part, fresh);
        let others = self
            .unsure
            .iter()
            .filter(|(owner, _)| *owner != number)
            .copied()
            .collect();
        let old_unsure = std::mem::replace(&mut self.unsure, others);
        if let Err(error) = self.fill(number, overlay) {
            self.unsure = old_unsure;
            self.take_back(number, old);
            return Err(error);
        }
        self.retired.extend(old.maps);
        Ok(())
    }

    fn fill(&mut self, number: usize, overlay: &Overlay) -> io::Result<()> {
        for (lba, sector) in overlay.sectors() {
            self.write_sector(number, lba, sector)?;
        }
        self.append(&format::restart(number as u32, self.youngest), PAGE as u64)
    }

    /// An image could not be given other contents: it has the old again.
    fn take_back(&mut self, number: usize, old: Part) {
        let Some(part) = self.parts.get_mut(number) else {
            return;
        };
        for map in std::mem::replace(part, old).maps {
            match self.clear_map(map) {
                Ok(()) => self.spare.push(map),
                Err(_) => self.spoilt = true,
            }
        }
    }

    /// Lets the youngest generation count: what was replaced is gone, in all images at once.
    pub(super) fn let_count(&mut self) -> io::Result<()> {
        if self.generation == self.youngest {
            return Ok(());
        }
        if self.spoilt {
            return Err(io::Error::other("an earlier write failed"));
        }
        self.make_sure()?;
        self.generation = self.youngest;
        self.put_header(0)?;
        self.file.sync()?;
        self.spare.append(&mut self.retired);
        Ok(())
    }

    /// Takes back what is younger than the header: contents that a kill kept from coming to count.
    pub(super) fn make_void(&mut self) -> io::Result<()> {
        if self.void_maps.is_empty() && self.void_restarts.is_empty() {
            return Ok(());
        }
        self.mark(State::Open)?;
        for (number, at) in std::mem::take(&mut self.void_restarts) {
            self.put(at, &format::restart(number, 0))?;
        }
        for map in std::mem::take(&mut self.void_maps) {
            self.clear_map(map)?;
        }
        self.file.sync()
    }
}
