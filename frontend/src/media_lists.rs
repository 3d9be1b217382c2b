//! The media that can be put into the drives while the machine runs.

use std::path::{Path, PathBuf};

use oldiron_platform::Machine;

use crate::{
    disk_file::{self, Writes},
    image,
    outcome::Failure,
};

/// What an overlay calls the image in a floppy drive.
pub const FLOPPY_ROLE: &str = "floppy";

/// A drive whose medium can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// Floppy drive 0 or 1.
    Floppy(u8),
    /// The CD-ROM drive.
    Cdrom,
}

/// The media given for each drive, and what is in them.
pub struct MediaLists {
    floppies: [Vec<PathBuf>; 2],
    cds: Vec<PathBuf>,
    /// What is in the drives.
    current: [Option<PathBuf>; 2],
    current_cd: Option<PathBuf>,
    writes: Writes,
}

impl MediaLists {
    /// The first of each list is in its drive.
    pub fn new(floppies: [Vec<PathBuf>; 2], cds: Vec<PathBuf>, writes: Writes) -> Self {
        let current = [floppies[0].first().cloned(), floppies[1].first().cloned()];
        let current_cd = cds.first().cloned();
        Self {
            floppies,
            cds,
            current,
            current_cd,
            writes,
        }
    }

    /// Puts a medium into a drive of `machine`, or takes it out.
    pub fn insert(
        &mut self,
        machine: &mut Machine,
        drive: Drive,
        path: Option<&Path>,
    ) -> Result<(), Failure> {
        // Out first: it may be the same file.
        self.exchange(machine, drive, None)?;
        match path {
            Some(_) => self.exchange(machine, drive, path),
            None => Ok(()),
        }
    }

    /// The same for a drive that is empty, or in one step.
    pub fn exchange(
        &mut self,
        machine: &mut Machine,
        drive: Drive,
        path: Option<&Path>,
    ) -> Result<(), Failure> {
        let done = match drive {
            Drive::Floppy(drive) => self.put_floppy(machine, drive, path),
            Drive::Cdrom => put_cd(machine, path),
        };
        let now = path.filter(|_| done.is_ok()).map(Path::to_owned);
        match drive {
            Drive::Floppy(drive) => {
                if let Some(current) = self.current.get_mut(usize::from(drive)) {
                    *current = now;
                }
            }
            Drive::Cdrom => self.current_cd = now,
        }
        done
    }

    fn put_floppy(&self, machine: &mut Machine, drive: u8, path: Option<&Path>) -> Result<(), Failure> {
        let Some(path) = path else {
            let taken_out = machine.insert_floppy(drive, None);
            return taken_out.map_err(|error| Failure::host_io(error.to_string()));
        };
        let (image, _) = disk_file::open(path, self.writes.to_image(), |probe| probe.floppy(path))?;
        let image = self.writes.lay_over(image, FLOPPY_ROLE, path)?;
        machine
            .insert_floppy(drive, Some(image))
            .map_err(|error| Failure::file(format!("{}: {error}", path.display())))
    }

    /// The medium after the one in drive A or in the CD-ROM drive: the next of those given, else the next image
    /// of its kind in the same directory.
    pub fn next(&self, drive: Drive) -> Option<PathBuf> {
        let [floppies, _] = &self.floppies;
        let [floppy, _] = &self.current;
        match drive {
            Drive::Floppy(_) => next_of(floppies, floppy.as_ref(), image::is_floppy_file),
            Drive::Cdrom => next_of(&self.cds, self.current_cd.as_ref(), image::is_cd_file),
        }
    }
}

fn put_cd(machine: &mut Machine, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else {
        let taken_out = machine.insert_cd(None);
        return taken_out.map_err(|error| Failure::usage(error.to_string()));
    };
    let (image, ()) = disk_file::open(path, false, |probe| probe.cd(path))?;
    machine
        .insert_cd(Some(image))
        .map_err(|error| Failure::file(format!("{}: {error}", path.display())))
}

fn next_of(list: &[PathBuf], current: Option<&PathBuf>, fits: fn(&Path) -> bool) -> Option<PathBuf> {
    let after = |all: &[PathBuf]| {
        let at = current.and_then(|current| all.iter().position(|path| path == current));
        all.get(at.map_or(0, |at| (at + 1) % all.len().max(1))).cloned()
    };
    if list.len() > 1 {
        return after(list);
    }
    let directory = match current.or(list.first()).and_then(|path| path.parent()) {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            // The spelling of the command line: `a.img`, not `./a.img`.
            Some(if directory == Path::new(".") {
                name.into()
            } else {
                directory.join(name)
            })
        })
        .filter(|path| fits(path))
        .collect();
    found.sort();
    after(&found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_floppy_is_the_next_of_the_list_else_of_the_directory() {
        let lists = MediaLists::new([vec!["b".into(), "a".into()], vec![]], vec![], Writes::Volatile);
        assert_eq!(lists.next(Drive::Floppy(0)), Some("a".into()));

        let dir = tempfile::tempdir().unwrap();
        for (name, len) in [("b.img", 1440 * 1024), ("a.img", 360 * 1024), ("notes.txt", 10)] {
            std::fs::File::create(dir.path().join(name))
                .unwrap()
                .set_len(len)
                .unwrap();
        }
        let lists = MediaLists::new([vec![dir.path().join("b.img")], vec![]], vec![], Writes::Volatile);
        assert_eq!(lists.next(Drive::Floppy(0)), Some(dir.path().join("a.img")));
        let lists = MediaLists::new([vec![dir.path().join("a.img")], vec![]], vec![], Writes::Volatile);
        assert_eq!(lists.next(Drive::Floppy(0)), Some(dir.path().join("b.img")));
    }
    #[test]
    fn the_next_cd_is_found_by_content_whatever_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let iso = crate::iso::tests::empty_iso(20);
        let paths = ["one.iso", "two.bin"].map(|name| dir.path().join(name));
        paths.iter().for_each(|path| std::fs::write(path, &iso).unwrap());
        std::fs::write(dir.path().join("zero.iso"), vec![0; 40960]).unwrap();
        let [one, two] = paths;
        for (now, then) in [(&one, &two), (&two, &one)] {
            let lists = MediaLists::new(Default::default(), vec![now.clone()], Writes::Volatile);
            assert_eq!(lists.next(Drive::Cdrom).as_ref(), Some(then));
        }
    }
}
