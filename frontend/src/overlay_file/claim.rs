//! Which part of an overlay file belongs to an image.

use std::io;

use super::{
    format::{ImageRecord, PAGE, State},
    part::Part,
    store::OverlayFile,
};
use crate::outcome::Failure;

impl OverlayFile {
    /// The part of the file for an image, which is begun if there is none. An image that takes the place
    /// of the one that was written is refused.
    pub(super) fn claim(&mut self, record: ImageRecord) -> Result<usize, Failure> {
        let number = match self.find(&record)? {
            Some(number) => number,
            None => self
                .begin_part(record)
                .map_err(|error| Failure::file(self.failed("write", &error).to_string()))?,
        };
        match self.parts.get_mut(number) {
            Some(part) if !part.claimed => part.claimed = true,
            _ => {
                return Err(Failure::file(format!(
                    "{}: the same floppy is in both drives; use a copy under another name",
                    self.path.display()
                )));
            }
        }
        Ok(number)
    }

    /// The part that an image had before. A disk is known by its drive. A floppy is known by its path, or, if none
    /// was there, by what is in it: it may have been renamed. Two copies of one floppy have a part each.
    fn find(&self, record: &ImageRecord) -> Result<Option<usize>, Failure> {
        let is_floppy = |record: &ImageRecord| record.key.starts_with("floppy");
        let floppy = is_floppy(record);
        let same = |part: &Part| {
            part.record.hash == record.hash
                && part.record.sectors == record.sectors
                && is_floppy(&part.record) == floppy
        };
        let place = |part: &Part| match floppy {
            true => is_floppy(&part.record) && part.record.path == record.path,
            false => part.record.key == record.key,
        };
        match self.parts.iter().position(place) {
            Some(number) if self.parts.get(number).is_some_and(same) => Ok(Some(number)),
            Some(number) => Err(self.another_base(number, record)),
            None if floppy => Ok(self.parts.iter().position(|part| same(part) && !part.claimed)),
            None => Ok(None),
        }
    }

    fn another_base(&self, number: usize, record: &ImageRecord) -> Failure {
        let was = self.parts.get(number).map(|part| &part.record);
        let (was_at, sectors, hash) =
            was.map_or(("", 0, 0), |was| (was.path.as_str(), was.sectors, was.hash));
        let key = &record.key;
        let found = if sectors == record.sectors {
            format!("contents with hash {:016x}, not {hash:016x}", record.hash)
        } else {
            format!("{} sectors, not {sectors}", record.sectors)
        };
        Failure::file(format!(
            "{}: lies over another {key} ({was_at}): {} has {found}; give the image as it was, or begin a new overlay",
            self.path.display(),
            record.path,
        ))
    }

    fn begin_part(&mut self, record: ImageRecord) -> io::Result<usize> {
        self.mark(State::Open)?;
        let number = self.parts.len();
        self.append(&record.encode(number as u32), PAGE as u64)?;
        self.parts.push(Part::new(record));
        Ok(number)
    }

    pub(super) fn release(&mut self, number: usize) {
        if let Some(part) = self.parts.get_mut(number) {
            part.claimed = false;
        }
    }
}
