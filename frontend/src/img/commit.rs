//! `img commit`: writes what an overlay holds into the images that it lies over, and removes it.
//!
//! Before the first image changes, the overlay says that it is being committed; a commit that was
//! interrupted is finished by the next, which then does not ask for the images as they were.

use std::path::Path;

use oldiron_platform::{BlockImage, DiskError};

use super::{beside::unwritable, convert::open_base, edit::Edit, progress};
use crate::{outcome::Failure, overlay_file::OverlayFile};

/// Commits.
pub fn run(path: &Path) -> Result<String, Failure> {
    let fail = |error: DiskError| Failure::file(error.to_string());
    let mut store = OverlayFile::open(path, true)?;
    let mut images = Vec::new();
    for (number, record) in store.images().enumerate() {
        if store.sectors_written(number) == 0 {
            continue;
        }
        let image = if store.is_committing() {
            let image = Edit::open(Path::new(&record.path), true)?;
            if image.sectors() != record.sectors {
                return Err(Failure::file(format!(
                    "{}: has another size than it had",
                    record.path
                )));
            }
            image
        } else {
            open_base(path, Some(record), true)?
        };
        images.push((number, image));
    }
    store.begin_commit().map_err(fail)?;
    let total: u64 = images
        .iter()
        .map(|(number, _)| store.sectors_written(*number))
        .sum();
    let bar = progress::bar(total * 512);
    for (number, mut image) in images {
        let contents = store.contents(number).map_err(fail)?;
        for (lba, sector) in contents.sectors() {
            image.write_through(lba, sector).map_err(fail)?;
            bar.inc(512);
        }
        image.apply().map_err(fail)?;
    }
    bar.finish_and_clear();
    std::fs::remove_file(path).map_err(|error| unwritable(path, &error))?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{cli::ConvertArgs, disk_file, img::convert, overlay_file::OverlaidImage};

    /// An image of sevens with an overlay that has ones in sector 3.
    fn overlaid(dir: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
        let (image, overlay) = (dir.join("a.img"), dir.join("a.ovl"));
        fs::write(&image, [7; 10 * 512]).unwrap();
        let (base, _) = disk_file::open(&image, false, |_| Ok(())).unwrap();
        let store = Arc::new(Mutex::new(OverlayFile::open_or_create(&overlay).unwrap()));
        let mut disk = OverlaidImage::new(base, &store, "hda", &image).unwrap();
        disk.write(3, &[1; 512]).unwrap();
        (image, overlay)
    }

    fn expected() -> Vec<u8> {
        [[7; 3 * 512].as_slice(), &[1; 512], &[7; 6 * 512]].concat()
    }

    #[test]
    fn a_commit_writes_the_image_and_removes_the_overlay() {
        let dir = tempfile::tempdir().unwrap();
        let (image, overlay) = overlaid(dir.path());
        run(&overlay).unwrap();
        assert!(fs::read(&image).unwrap() == expected());
        assert!(!overlay.exists());
    }

    #[test]
    fn a_commit_that_was_interrupted_is_finished_by_the_next_and_the_overlay_used_for_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (image, overlay) = overlaid(dir.path());
        OverlayFile::open(&overlay, true).unwrap().begin_commit().unwrap();
        let mut half = fs::read(&image).unwrap();
        half[3 * 512..3 * 512 + 100].fill(1);
        fs::write(&image, half).unwrap();
        let said = OverlayFile::open_or_create(&overlay).err().unwrap();
        assert!(said.message.contains("img commit"), "{said}");
        run(&overlay).unwrap();
        assert!(fs::read(&image).unwrap() == expected());
    }

    #[test]
    fn an_image_that_has_changed_is_not_committed_to() {
        let dir = tempfile::tempdir().unwrap();
        let (image, overlay) = overlaid(dir.path());
        fs::write(&image, [8; 10 * 512]).unwrap();
        assert!(run(&overlay).unwrap_err().message.contains("not as it was"));
        assert!(fs::read(&image).unwrap() == [8; 10 * 512]);
        assert!(overlay.exists());
    }

    #[test]
    fn an_overlay_is_converted_to_a_raw_image() {
        let dir = tempfile::tempdir().unwrap();
        let (_, overlay) = overlaid(dir.path());
        let to = dir.path().join("new.img");
        let args = ConvertArgs {
            from: overlay.clone(),
            to: to.clone(),
            image: None,
            force: false,
        };
        convert::run(&args).unwrap();
        assert!(fs::read(&to).unwrap() == expected());
        assert!(overlay.exists());
    }
}
