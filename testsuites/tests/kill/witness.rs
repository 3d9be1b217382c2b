//! What programs of others say of the file system that is left: `fsck.fat` and mtools, where they are installed.

use std::{
    io::ErrorKind,
    path::Path,
    process::{Command, Output},
};

use libtest_mimic::Failed;

use super::{
    guest::{LOG, WORK},
    left::Closed,
};

/// Output of a program; none if it is not installed.
fn run(program: &str, arguments: &[&str]) -> Result<Option<Output>, Failed> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Words of complaints that FreeDOS can cause when it is stopped between two writes: it writes data,
/// directory and the two tables one after the other, in the order its buffers come.
const ORDINARY: [&str; 9] = [
    "FATs differ",
    "Reclaimed",
    "Reclaiming",
    "File size is",
    "Cluster chain length is",
    "cluster chain length is",
    "Contains a free cluster",
    "Start cluster beyond limit",
    "start does point to the root directory",
];

/// Lets `fsck.fat` look at a volume, and returns how much it complained. Complaints of other kinds, and of
/// files outside the directory that was being written, are failures.
pub fn fsck(volume: &Path) -> Result<usize, Failed> {
    let volume = volume.display().to_string();
    let Some(output) = run("fsck.fat", &["-n", &volume])? else {
        return Ok(0);
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut count = 0;
    // The last line counts the files of the volume.
    for line in said.lines().filter(|line| !line.starts_with(&volume)) {
        if line.starts_with('/') && !line.starts_with(&format!("/{WORK}")) {
            return Err(format!("fsck.fat complains of what was not being written:\n{said}").into());
        }
        count += usize::from(ORDINARY.iter().any(|word| line.contains(word)));
    }
    // 1: errors were found.
    let clean = output.status.success();
    if clean || output.status.code() == Some(1) && count > 0 {
        return Ok(count);
    }
    Err(format!("fsck.fat: {}\n{said}", output.status).into())
}

/// Lets mtools read what was closed; returns how many other files of the work it cannot read.
pub fn mtools(volume: &Path, closed: &Closed) -> Result<usize, Failed> {
    let image = volume.display().to_string();
    let read = |name: &str| run("mtype", &["-i", &image, &format!("::/{WORK}/{name}")]);
    for name in closed.files.keys() {
        match read(name)? {
            Some(output) if !output.status.success() => {
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("mtype cannot read {name}: {said}").into());
            }
            Some(_) => {}
            None => return Ok(0),
        }
    }
    if let Some(output) = read(LOG)?
        && !output.stdout.starts_with(closed.log.as_bytes())
    {
        return Err(format!("mtype shows another {LOG}").into());
    }
    let Some(list) = run("mdir", &["-b", "-i", &image, &format!("::/{WORK}")])? else {
        return Ok(0);
    };
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let names = list.lines().filter_map(|line| line.rsplit('/').next());
    let open = names.filter(|name| !closed.files.contains_key(*name) && !name.is_empty());
    let mut unreadable = 0;
    for name in open {
        let output = read(name)?;
        let bad = output.is_some_and(|output| !output.status.success() || !output.stderr.is_empty());
        unreadable += usize::from(bad);
    }
    Ok(unreadable)
}
