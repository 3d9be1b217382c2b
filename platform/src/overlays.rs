//! The part of a saved state that is on disks: what the guest wrote and the images do not have.
//!
//! ```text
//! chunk "DISK" of each drive: floppies 0 and 1, disks 0 to 3
//!   kind (u8)        0 no medium, 1 its writes go to the image, 2 its writes follow
//!   sectors (u64)    size of the medium
//!   bytes            as `BlockImage::save_overlay` has them
//! ```

use oldiron_devices::{BlockImage, DiskError};
use oldiron_mmu::SnapshotError;

use crate::{
    chips::Chips,
    snapshot_file::{FileReader, FileWriter},
};

const TAG: [u8; 4] = *b"DISK";
const VERSION: u16 = 1;
/// What people call the drives, in the order in which they are saved.
pub(crate) const NAMES: [&str; 6] = ["floppy A", "floppy B", "hda", "hdb", "hdc", "hdd"];

const NO_MEDIUM: u8 = 0;
const WRITTEN_ITSELF: u8 = 1;
const WRITES_FOLLOW: u8 = 2;

fn media(chips: &Chips) -> [Option<&dyn BlockImage>; 6] {
    let [first, second] = &chips.ide;
    [
        chips.floppy.image(0),
        chips.floppy.image(1),
        first.image(0),
        first.image(1),
        second.image(0),
        second.image(1),
    ]
}

pub(crate) fn save(chips: &Chips, w: &mut FileWriter) -> Result<(), DiskError> {
    for medium in media(chips) {
        let overlay = match medium {
            Some(medium) => medium.save_overlay()?,
            None => None,
        };
        let kind = match (medium, &overlay) {
            (None, _) => NO_MEDIUM,
            (Some(_), None) => WRITTEN_ITSELF,
            (Some(_), Some(_)) => WRITES_FOLLOW,
        };
        let sectors = medium.map_or(0, |medium| medium.sectors());
        let writes = overlay.unwrap_or_default();
        w.raw(TAG, VERSION, &[&[kind], &sectors.to_le_bytes(), &writes]);
    }
    Ok(())
}

/// The drives' parts of a saved state: checked as far as they can be without the images.
pub(crate) struct SavedOverlays<'a>([(u8, &'a [u8]); 6]);

impl<'a> SavedOverlays<'a> {
    pub(crate) fn read(chips: &Chips, r: &mut FileReader<'a>) -> Result<Self, SnapshotError> {
        let mut saved = Self([(NO_MEDIUM, &[][..]); 6]);
        for ((medium, place), name) in media(chips).into_iter().zip(&mut saved.0).zip(NAMES) {
            let (content, _) = r.raw(TAG, VERSION)?;
            let component = name.to_owned();
            let head = content.split_first_chunk::<9>();
            let Some((&[kind @ NO_MEDIUM..=WRITES_FOLLOW, ref sectors @ ..], writes)) = head else {
                return Err(SnapshotError::Damaged { component });
            };
            let fitted = medium.map_or((false, 0), |medium| (true, medium.sectors()));
            if fitted != (kind != NO_MEDIUM, u64::from_le_bytes(*sectors)) {
                return Err(SnapshotError::Mismatch {
                    component,
                    reason: "another medium is in the drive",
                });
            }
            if kind != WRITES_FOLLOW && !writes.is_empty() {
                return Err(SnapshotError::Damaged { component });
            }
            *place = (kind, writes);
        }
        Ok(saved)
    }

    pub(crate) fn restore(&self, chips: &mut Chips) -> Result<(), SnapshotError> {
        let [first, second] = &mut chips.ide;
        let restore = |n: usize, image: Option<&mut Box<dyn BlockImage>>| {
            let (Some(image), Some(&(_, writes))) = (image, self.0.get(n)) else {
                return Ok(());
            };
            let loaded = match image.save_overlay() {
                // Nothing is copied where nothing changes.
                Ok(Some(now)) if now == writes => Ok(()),
                Ok(None) if writes.is_empty() => Ok(()),
                Ok(_) => image.load_overlay(writes),
                Err(error) => Err(error),
            };
            loaded.map_err(|_| SnapshotError::Mismatch {
                component: NAMES.get(n).copied().unwrap_or_default().to_owned(),
                reason: "what was written to the disk does not fit it, or cannot be kept apart from it",
            })
        };
        restore(0, chips.floppy.image_mut(0))?;
        restore(1, chips.floppy.image_mut(1))?;
        restore(2, first.image_mut(0))?;
        restore(3, first.image_mut(1))?;
        restore(4, second.image_mut(0))?;
        restore(5, second.image_mut(1))
    }
}
