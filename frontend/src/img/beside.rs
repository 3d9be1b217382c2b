//! Files that appear whole or not at all: written beside their place, and moved there in the end.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use crate::{image, outcome::Failure};

/// A file under construction.
pub struct Beside {
    path: PathBuf,
    temporary: PathBuf,
    /// What is written.
    pub file: File,
    finished: bool,
}

impl Beside {
    /// Begins the file at `path`. One that is there is only replaced with `replace`.
    pub fn create(path: &Path, replace: bool) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::file(format!(
                "{}: is a directory; name a file",
                path.display()
            )));
        }
        if !replace && path.symlink_metadata().is_ok() {
            return Err(Failure::file(format!(
                "{}: there is such a file; use another name, or --force to replace it",
                path.display()
            )));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&temporary)
            .map_err(|error| unwritable(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            file,
            finished: false,
        })
    }

    /// Where it is until then.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Puts the file in its place.
    pub fn finish(mut self) -> Result<(), Failure> {
        let done = self
            .file
            .sync_data()
            .and_then(|()| std::fs::rename(&self.temporary, &self.path));
        done.map_err(|error| unwritable(&self.path, &error))?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.finished {
            // What is left over is not worth a message beside the one that says why.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// A file that cannot be written.
pub fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::file(format!(
        "{}: cannot be written: {}",
        path.display(),
        image::describe(error)
    ))
}
