//! Disk images in files.
//!
//! A writable image is written through, in the order the guest writes: what the guest wrote is in the
//! file when the sector's write returns. Any other image is only read, beneath an overlay that takes the
//! writes. Reads in sequence are read ahead: the lock keeps other
//! machines from writing the file meanwhile.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use oldiron_platform::{BlockImage, DiskError, OverlayImage, SECTOR_SIZE};

use crate::{
    image,
    image::Probe,
    outcome::Failure,
    overlay_file::{OverlaidImage, SharedOverlay},
};

/// How the guest's writes are kept.
#[derive(Clone)]
pub enum Writes {
    /// In the image.
    ToImage,
    /// In memory, until the end (`--volatile`).
    Volatile,
    /// In a file beside the images (`--overlay`).
    Overlay(SharedOverlay),
}

impl Writes {
    /// Whether images are opened for writing.
    pub fn to_image(&self) -> bool {
        matches!(self, Self::ToImage)
    }

    /// Lays over `image`, which is at `path` and the machine's `role` (`hda`, or `floppy`), what takes the
    /// writes.
    pub fn lay_over(
        &self,
        image: Box<dyn BlockImage>,
        role: &str,
        path: &Path,
    ) -> Result<Box<dyn BlockImage>, Failure> {
        Ok(match self {
            Self::ToImage => image,
            Self::Volatile => Box::new(OverlayImage::new(image)),
            Self::Overlay(store) => Box::new(OverlaidImage::new(image, store, role, path)?),
        })
    }
}

/// Sectors that are read ahead: guests read files sector by sector, and a call of the host's system costs more
/// than copying what it brings.
const READ_AHEAD: u64 = 64;

/// An image in a file.
pub struct DiskFile {
    path: PathBuf,
    file: File,
    sectors: u64,
    writable: bool,
    /// Written since the last flush.
    unflushed: bool,
    /// What was read ahead, from this sector on.
    ahead: Vec<u8>,
    ahead_at: u64,
    /// The sector behind the last read.
    behind: u64,
}

/// Opens the image at `path`; `check` looks into it first, so that a wrong file is called that and not
/// unwritable.
pub fn open<T>(
    path: &Path,
    writable: bool,
    check: impl FnOnce(&Probe) -> Result<T, Failure>,
) -> Result<(Box<DiskFile>, T), Failure> {
    let mut file = OpenOptions::new()
        .read(true)
        .open(path)
        .map_err(|error| image::unreadable(path, &error))?;
    let probe = Probe::new(path, &mut file)?;
    let found = check(&probe)?;
    if writable {
        file = reopen_for_writing(path)?;
    }
    lock(path, &file, writable)?;
    let disk = Box::new(DiskFile {
        path: path.to_owned(),
        file,
        sectors: probe.sectors(),
        writable,
        unflushed: false,
        ahead: Vec::new(),
        ahead_at: 0,
        behind: 0,
    });
    Ok((disk, found))
}

impl DiskFile {
    fn check(&self, lba: u64, len: usize) -> Result<(), DiskError> {
        let count = (len / SECTOR_SIZE) as u64;
        match lba.checked_add(count) {
            Some(end) if end <= self.sectors => Ok(()),
            _ => Err(DiskError::OutOfRange { lba }),
        }
    }

    fn read_file(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        let result = self
            .file
            .seek(SeekFrom::Start(lba * SECTOR_SIZE as u64))
            .and_then(|_| self.file.read_exact(buf));
        result.map_err(|error| self.host_error("read", &error))
    }

    /// What was read ahead of these sectors, if it is all of them.
    fn read_before(&self, lba: u64, len: usize) -> Option<&[u8]> {
        let start = usize::try_from(lba.checked_sub(self.ahead_at)?).ok()? * SECTOR_SIZE;
        self.ahead.get(start..start.checked_add(len)?)
    }

    /// Reads ahead from `lba` on. After an error nothing is known: who needs the sectors will see it.
    fn read_ahead(&mut self, lba: u64) {
        let sectors = READ_AHEAD.min(self.sectors.saturating_sub(lba));
        let mut ahead = std::mem::take(&mut self.ahead);
        ahead.resize(sectors as usize * SECTOR_SIZE, 0);
        if self.read_file(lba, &mut ahead).is_ok() {
            (self.ahead, self.ahead_at) = (ahead, lba);
        }
    }

    fn host_error(&self, doing: &str, error: &std::io::Error) -> DiskError {
        DiskError::Host(format!(
            "{}: cannot {doing}: {}",
            self.path.display(),
            image::describe(error)
        ))
    }
}

impl BlockImage for DiskFile {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn name(&self) -> &str {
        // For people: a name that is not UTF-8 is none.
        self.path.to_str().unwrap_or_default()
    }

    fn is_read_only(&self) -> bool {
        !self.writable
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.check(lba, buf.len())?;
        let follows = lba == std::mem::replace(&mut self.behind, lba + (buf.len() / SECTOR_SIZE) as u64);
        if !follows {
            return self.read_file(lba, buf);
        }
        if self.read_before(lba, buf.len()).is_none() {
            self.read_ahead(lba);
        }
        match self.read_before(lba, buf.len()) {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => self.read_file(lba, buf),
        }
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        if !self.writable {
            return Err(DiskError::ReadOnly);
        }
        self.check(lba, data.len())?;
        self.ahead.clear();
        let result = self
            .file
            .seek(SeekFrom::Start(lba * SECTOR_SIZE as u64))
            .and_then(|_| self.file.write_all(data));
        self.unflushed = true;
        result.map_err(|error| self.host_error("write", &error))
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        if self.unflushed {
            self.file
                .sync_data()
                .map_err(|error| self.host_error("write", &error))?;
            self.unflushed = false;
        }
        Ok(())
    }
}

fn reopen_for_writing(path: &Path) -> Result<File, Failure> {
    let refuse = |why: &str| {
        Failure::file(format!(
            "{}: {why}; make the file writable, or use --volatile or --overlay to keep the guest's writes out of it",
            path.display()
        ))
    };
    // The superuser may open anything for writing; the file's owner still meant it to stay as it is.
    if path
        .metadata()
        .is_ok_and(|metadata| metadata.permissions().readonly())
    {
        return Err(refuse("the image is read-only"));
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| {
            refuse(&format!(
                "the image cannot be written ({})",
                image::describe(&error)
            ))
        })
}

/// Two machines that write one image would destroy it, and one that only reads would see it change: a
/// writer is alone, readers may be many.
pub fn lock(path: &Path, file: &File, writable: bool) -> Result<(), Failure> {
    let (locked, fix) = if writable {
        (file.try_lock(), "use a copy, or --volatile in both")
    } else {
        (file.try_lock_shared(), "end it first, or use a copy")
    };
    match locked {
        Err(TryLockError::WouldBlock) => Err(Failure::file(format!(
            "{}: the file is in use, by another machine or twice by this one; {fix}",
            path.display()
        ))),
        // Some file systems have no locks; then nobody is kept out.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(sectors: usize) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.img");
        std::fs::write(&path, vec![7; sectors * SECTOR_SIZE]).unwrap();
        (dir, path)
    }

    #[test]
    fn writes_reach_the_file_before_the_call_returns() {
        let (_dir, path) = image(4);
        let (mut disk, _) = open(&path, true, |_| Ok(())).unwrap();
        disk.write(2, &[1; 512]).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[1023], 7);
        assert_eq!(bytes[1024..1536], [1; 512]);
        assert_eq!(bytes[1536], 7);
    }

    #[test]
    fn what_was_read_ahead_is_what_is_in_the_file() {
        let (_dir, path) = image(300);
        let bytes: Vec<u8> = (0..300 * SECTOR_SIZE)
            .map(|at| (at / SECTOR_SIZE * 7) as u8)
            .collect();
        std::fs::write(&path, bytes).unwrap();
        let (mut disk, _) = open(&path, true, |_| Ok(())).unwrap();
        let mut sector = [0; SECTOR_SIZE];
        let mut first_byte = |disk: &mut DiskFile, lba| disk.read(lba, &mut sector).map(|()| sector[0]);
        for lba in 0..300 {
            assert_eq!(first_byte(&mut disk, lba), Ok((lba * 7) as u8));
            if lba % 50 == 20 {
                disk.write(lba + 2, &[0xee; SECTOR_SIZE]).unwrap();
                assert_eq!(first_byte(&mut disk, lba + 1), Ok(((lba + 1) * 7) as u8));
                assert_eq!(first_byte(&mut disk, lba + 2), Ok(0xee));
                disk.write(lba + 2, &[((lba + 2) * 7) as u8; SECTOR_SIZE])
                    .unwrap();
            }
        }
        assert_eq!(
            first_byte(&mut disk, 300),
            Err(DiskError::OutOfRange { lba: 300 })
        );
        let mut most = vec![0; 290 * SECTOR_SIZE];
        disk.read(10, &mut most).unwrap();
        assert!((0..290).all(|lba| most[lba * SECTOR_SIZE] == ((lba + 10) * 7) as u8));
    }

    #[test]
    fn volatile_writes_are_read_back_and_leave_the_file_alone() {
        let (_dir, path) = image(4);
        let (disk, _) = open(&path, false, |_| Ok(())).unwrap();
        let mut disk = Writes::Volatile.lay_over(disk, "hda", &path).unwrap();
        disk.write(1, &[1; 1024]).unwrap();
        let mut buf = [0; 2048];
        disk.read(0, &mut buf).unwrap();
        assert_eq!((buf[511], buf[512], buf[1535], buf[1536]), (7, 1, 1, 7));
        disk.flush().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), vec![7; 2048]);
    }

    #[test]
    fn sectors_past_the_end_are_refused() {
        let (_dir, path) = image(4);
        let (mut disk, _) = open(&path, true, |_| Ok(())).unwrap();
        assert_eq!(disk.read(4, &mut [0; 512]), Err(DiskError::OutOfRange { lba: 4 }));
        assert_eq!(disk.write(3, &[0; 1024]), Err(DiskError::OutOfRange { lba: 3 }));
        assert_eq!(
            disk.read(u64::MAX, &mut [0; 512]),
            Err(DiskError::OutOfRange { lba: u64::MAX })
        );
    }

    #[test]
    fn a_file_that_shrinks_during_the_run_is_a_host_error_that_names_it() {
        let (_dir, path) = image(4);
        let (mut disk, _) = open(&path, true, |_| Ok(())).unwrap();
        std::fs::write(&path, []).unwrap();
        let error = disk.read(0, &mut [0; 512]).unwrap_err();
        assert!(error.to_string().contains("a.img"), "{error}");
    }

    #[test]
    fn a_read_only_file_is_refused_unless_volatile() {
        let (_dir, path) = image(4);
        let mut permissions = path.metadata().unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).unwrap();
        let failure = open(&path, true, |_| Ok(())).err().unwrap();
        assert_eq!(failure.code, crate::outcome::code::FILE);
        assert!(failure.message.contains("--volatile"));
        assert!(open(&path, false, |_| Ok(())).is_ok());
    }

    #[test]
    fn one_image_is_not_written_by_two_machines() {
        let (_dir, path) = image(4);
        let _first = open(&path, true, |_| Ok(())).unwrap();
        for writable in [true, false] {
            let failure = open(&path, writable, |_| Ok(())).err().unwrap();
            assert_eq!(failure.code, crate::outcome::code::FILE);
            assert!(failure.message.contains("in use"));
        }
    }

    #[test]
    fn an_image_that_is_only_read_is_read_by_many_and_written_by_none() {
        let (_dir, path) = image(4);
        let first = open(&path, false, |_| Ok(())).unwrap();
        let second = open(&path, false, |_| Ok(())).unwrap();
        assert!(open(&path, true, |_| Ok(())).is_err());
        drop((first, second));
        assert!(open(&path, true, |_| Ok(())).is_ok());
    }
}
