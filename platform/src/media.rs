//! Removable media.

use oldiron_devices::{BlockImage, DiskError, FloppyFormat, SECTOR_SIZE};

use crate::{Input, Machine, hash::Hasher};

/// Bytes in a sector of a CD.
const CD_SECTOR_SIZE: u64 = 2048;

/// Sectors read at a time for a hash.
const HASH_SECTORS: u64 = 128;

/// Why a medium does not go into a drive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// There is no such drive.
    #[error("floppy drive {drive} is not fitted")]
    NoSuchDrive {
        /// The number asked for.
        drive: u8,
    },
    /// There is no CD-ROM drive.
    #[error("there is no CD-ROM drive; start with --cdrom")]
    NoCdrom,
    /// No CD has this size.
    #[error("{bytes} bytes is not a whole number of the 2048-byte sectors of a CD")]
    CdSize {
        /// Size of the image.
        bytes: u64,
    },
    /// No floppy has this size.
    #[error("{bytes} bytes is not the size of a floppy (160K to 2.88M)")]
    FloppySize {
        /// Size of the image.
        bytes: u64,
    },
}

/// Whether an image has the size of a floppy.
pub(crate) fn check_floppy(image: &dyn BlockImage) -> Result<(), MediaError> {
    let sectors = image.sectors();
    match FloppyFormat::from_sectors(sectors) {
        Some(_) => Ok(()),
        None => Err(MediaError::FloppySize {
            bytes: sectors.saturating_mul(SECTOR_SIZE as u64),
        }),
    }
}

/// Whether an image has the size of a CD.
pub(crate) fn check_cd(image: &dyn BlockImage) -> Result<(), MediaError> {
    let bytes = image.sectors().saturating_mul(SECTOR_SIZE as u64);
    if bytes > 0 && bytes.is_multiple_of(CD_SECTOR_SIZE) {
        Ok(())
    } else {
        Err(MediaError::CdSize { bytes })
    }
}

/// The hash of what an image contains beneath its overlay: the hash of its file.
pub fn base_hash(image: &mut dyn BlockImage) -> Result<u64, DiskError> {
    let mut hasher = Hasher::new();
    let mut buf = vec![0; HASH_SECTORS as usize * SECTOR_SIZE];
    let mut lba = 0;
    while lba < image.sectors() {
        let count = HASH_SECTORS.min(image.sectors() - lba);
        let part = &mut buf[..count as usize * SECTOR_SIZE];
        image.read_base(lba, part)?;
        hasher.update(part);
        lba += count;
    }
    Ok(hasher.finish())
}

impl Machine {
    /// Changes the floppy in drive 0 or 1 at the current tick, or takes it out. An image of no
    /// known floppy size is refused and the drive left as it was. What was written to the old one is made
    /// durable; an error there is in the outbox.
    pub fn insert_floppy(&mut self, drive: u8, image: Option<Box<dyn BlockImage>>) -> Result<(), MediaError> {
        let floppy = &self.board.chips.floppy;
        if floppy.kind(drive).is_none() {
            return Err(MediaError::NoSuchDrive { drive });
        }
        if let Some(image) = &image {
            check_floppy(image.as_ref())?;
        }
        let name = image.as_ref().map(|image| image.name().to_owned());
        self.note_input(&Input::Floppy { drive, name });
        let taken_out = self.board.chips.floppy.insert(drive, image);
        if let Some(Err(error)) = taken_out.map(|mut image| image.flush()) {
            self.outbox().disk_errors.push(error);
        }
        Ok(())
    }

    /// Changes the disc in the CD-ROM drive at the current tick, or takes it out, whether the guest has locked
    /// the door or not.
    pub fn insert_cd(&mut self, image: Option<Box<dyn BlockImage>>) -> Result<(), MediaError> {
        let index = self.configuration.cdrom.ok_or(MediaError::NoCdrom)?;
        if let Some(image) = &image {
            check_cd(image.as_ref())?;
        }
        let name = image.as_ref().map(|image| image.name().to_owned());
        self.note_input(&Input::Cd { name });
        if let Some(channel) = self.board.chips.ide.get_mut(index / 2) {
            channel.insert_cd(index as u8 % 2, image);
        }
        Ok(())
    }

    /// Makes everything that the guest wrote to images durable.
    pub fn flush_media(&mut self) -> Result<(), DiskError> {
        let chips = &mut self.board.chips;
        let [first, second] = &mut chips.ide;
        // All are flushed, even if one fails.
        let results = [chips.floppy.flush(), first.flush(), second.flush()];
        results.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use oldiron_devices::{MemoryImage, OverlayImage};

    use super::*;
    use crate::{MachineBuilder, hash::hash_bytes};

    /// A floppy whose file cannot be made durable.
    struct Full(MemoryImage);

    impl BlockImage for Full {
        fn sectors(&self) -> u64 {
            self.0.sectors()
        }

        fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
            self.0.read(lba, buf)
        }

        fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
            self.0.write(lba, data)
        }

        fn flush(&mut self) -> Result<(), DiskError> {
            Err(DiskError::Host("full".to_owned()))
        }
    }

    #[test]
    fn a_floppy_that_is_taken_out_is_flushed_and_a_failure_is_told() {
        let mut machine = MachineBuilder::new().bios(vec![0; 0x10000]).build().unwrap();
        let floppy = Full(MemoryImage::new(vec![0; 1440 << 10]));
        machine.insert_floppy(0, Some(Box::new(floppy))).unwrap();
        assert!(machine.outbox().disk_errors.is_empty());
        machine.insert_floppy(0, None).unwrap();
        let full = DiskError::Host("full".to_owned());
        assert_eq!(machine.outbox().disk_errors, [full]);
    }

    #[test]
    fn the_hash_of_an_image_is_that_of_its_base_whatever_was_written() {
        let bytes: Vec<u8> = (0..300 * SECTOR_SIZE).map(|at| (at / 7) as u8).collect();
        let mut image = OverlayImage::new(Box::new(MemoryImage::new(bytes.clone())));
        image.write(5, &[1; SECTOR_SIZE]).unwrap();
        assert_eq!(base_hash(&mut image), Ok(hash_bytes(&bytes)));
    }
}
