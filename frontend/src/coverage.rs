//! `--coverage`: which forms of instructions a run executed.
//!
//! The file has a line for each form, sorted by name: the form as the decoder calls it, how many instructions of it
//! were retired (each element of a REP is one), and how many ended in a fault. Bytes that are no instruction are
//! the form `INVALID`. The second column adds up to the instructions of the run.

use std::{fmt::Write, path::Path};

use oldiron_platform::Coverage;

use crate::{image, outcome::Failure};

/// Makes sure that the file can be written, before the run.
pub fn create(path: &Path) -> Result<(), Failure> {
    std::fs::write(path, "").map_err(|error| {
        Failure::file(format!(
            "{}: cannot be created: {}; check the directory and its permissions",
            path.display(),
            image::describe(&error)
        ))
    })
}

/// Writes the file.
pub fn write(path: &Path, coverage: Option<&Coverage>) -> Result<(), Failure> {
    std::fs::write(path, coverage.map(text).unwrap_or_default()).map_err(|error| {
        Failure::host_io(format!(
            "{}: cannot write the coverage: {}",
            path.display(),
            image::describe(&error)
        ))
    })
}

fn text(coverage: &Coverage) -> String {
    let mut text = String::new();
    for (form, count) in coverage.executed() {
        let _ = writeln!(text, "{form} {} {}", count.retired, count.faulted);
    }
    text
}
