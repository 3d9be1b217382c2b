//! What is left on the host after a kill, and whether it is as it should be.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::{
    Outcome,
    guest::{self, BEGIN, Event, Guest, LOG, WORK},
    program::{Oldiron, program},
    reference::Reference,
    witness,
};

/// Where the guest's writes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// The image itself.
    ToImage,
    /// `--overlay`.
    ToOverlay,
}

/// The files of one run.
pub struct Left {
    dir: TempDir,
    writes: Writes,
}

/// What was found.
pub struct Found {
    prefix: usize,
    of: usize,
    lines: usize,
    least: usize,
    files: usize,
    complaints: usize,
    chains: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "after {} of {} writes and {} lines ({} writes before the last); {} closed files whole, {} complaints of fsck.fat, {} open files \
             that mcopy cannot read",
            self.prefix, self.of, self.lines, self.least, self.files, self.complaints, self.chains
        )
    }
}

impl Left {
    /// A fresh copy of `image`.
    pub fn new(image: &Path, writes: Writes) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        fs::copy(image, dir.path().join("disk.img"))?;
        Ok(Self { dir, writes })
    }

    /// What a kill between two writes would leave.
    pub fn made((disk, said): (Vec<u8>, String)) -> Result<Self, Failed> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("disk.img"), disk)?;
        fs::write(dir.path().join("serial"), said)?;
        let writes = Writes::ToImage;
        Ok(Self { dir, writes })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// The command line that writes here.
    pub fn start(&self, guest: &Guest) -> Oldiron {
        let oldiron = Oldiron::new()
            .args(guest.arguments)
            .args(&[guest.drive, &self.name("disk.img")]);
        match self.writes {
            Writes::ToImage => oldiron,
            Writes::ToOverlay => oldiron.args(&["--overlay", &self.name("disk.ovl")]),
        }
    }

    /// Waits until the guest writes again, or has not for a while.
    pub fn wait_for_write(&self) {
        let file = match self.writes {
            Writes::ToImage => self.path("disk.img"),
            Writes::ToOverlay => self.path("disk.ovl"),
        };
        let changed = || fs::metadata(&file).and_then(|metadata| metadata.modified()).ok();
        let (before, began) = (changed(), Instant::now());
        while changed() == before && began.elapsed() < Duration::from_secs(1) {
            thread::sleep(Duration::from_micros(50));
        }
    }

    /// Keeps what the guest said.
    pub fn keep_serial(&self, serial: &Path) -> Outcome {
        let said = fs::read(serial).unwrap_or_default();
        Ok(fs::write(self.path("serial"), said)?)
    }

    /// Leaves the files for people to look at.
    pub fn keep(&self) -> String {
        let kept = std::env::temp_dir().join(format!("oldiron-killed-{}", std::process::id()));
        let _ = fs::create_dir_all(&kept);
        for entry in fs::read_dir(self.dir.path()).into_iter().flatten().flatten() {
            let _ = fs::copy(entry.path(), kept.join(entry.file_name()));
        }
        kept.display().to_string()
    }

    /// Checks everything.
    pub fn check(&self, guest: &Guest, reference: &Reference) -> Result<Found, Failed> {
        let disk = self.disk(reference)?;
        let lines = guest::lines(&fs::read(self.path("serial"))?);
        let said: Vec<&str> = reference.lines.iter().map(|(line, _)| line.as_str()).collect();
        if !said.starts_with(&lines.iter().map(String::as_str).collect::<Vec<_>>()) {
            return Err(format!("the guest said other things than in the reference: {lines:?}").into());
        }
        let prefix = reference
            .prefix(&disk)
            .ok_or("the disk is as after no number of writes")?;
        let least = lines
            .len()
            .checked_sub(1)
            .map_or(0, |last| reference.lines[last].1);
        if prefix < least {
            return Err(format!(
                "{prefix} writes are there, {least} came before {:?}",
                lines.last()
            )
            .into());
        }
        // After the last line that is sure to have been said before, by the writes that are there.
        let done = reference
            .lines
            .iter()
            .take_while(|(_, writes)| *writes <= prefix)
            .count();
        let closed = Closed::after(&guest.work(), lines.len(), done);
        let files = self.closed_files(guest, &closed, reference)?;
        let volume = self.path("volume.img");
        fs::write(&volume, &disk[guest.volume..])?;
        let complaints = witness::fsck(&volume)?;
        let chains = witness::mtools(&volume, &closed)?;
        Ok(Found {
            prefix,
            of: reference.len(),
            lines: lines.len(),
            least,
            files,
            complaints,
            chains,
        })
    }

    /// The disk as the guest left it, by itself or out of the overlay.
    fn disk(&self, reference: &Reference) -> Result<Vec<u8>, Failed> {
        let written = fs::read(self.path("disk.img"))?;
        let Writes::ToOverlay = self.writes else {
            return Ok(written);
        };
        if written != reference.base {
            return Err("the image beneath the overlay has changed".into());
        }
        if !self.path("disk.ovl").exists() {
            return Ok(written);
        }
        oldiron(&[
            "img",
            "convert",
            "--force",
            &self.name("disk.ovl"),
            &self.name("after.img"),
        ])?;
        Ok(fs::read(self.path("after.img"))?)
    }

    fn after(&self) -> String {
        let after = self.path("after.img");
        if after.exists() {
            after
        } else {
            self.path("disk.img")
        }
        .display()
        .to_string()
    }

    /// Copies out everything that was closed, and compares; returns how many files there were.
    fn closed_files(&self, guest: &Guest, closed: &Closed, reference: &Reference) -> Result<usize, Failed> {
        let base = self.path("base.img");
        fs::write(&base, &reference.base)?;
        let (was, is) = (self.path("was"), self.path("is"));
        for (image, to) in [(self.name("base.img"), &was), (self.after(), &is)] {
            fs::create_dir_all(to)?;
            let mut line = vec!["img".to_owned(), "cp".to_owned(), "-r".to_owned()];
            line.extend(guest.untouched.iter().map(|name| format!("{image}:/{name}")));
            line.push(format!("{}/", to.display()));
            oldiron(&line.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        let mut count = same_trees(&was, &is)?;
        let out = self.path("out");
        fs::create_dir_all(&out)?;
        for (name, source) in &closed.files {
            let place = format!("{}:/{WORK}/{name}", self.after());
            let file = out.join(name);
            oldiron(&["img", "cp", &place, &file.display().to_string()])?;
            if fs::read(&file)? != fs::read(was.join(source))? {
                return Err(format!("{name} is not {source}").into());
            }
            count += 1;
        }
        if !closed.log.is_empty() {
            let file = out.join(LOG);
            oldiron(&[
                "img",
                "cp",
                &format!("{}:/{WORK}/{LOG}", self.after()),
                &file.display().to_string(),
            ])?;
            if !fs::read(&file)?.starts_with(closed.log.as_bytes()) {
                return Err(format!("{LOG} does not begin with {:?}", closed.log).into());
            }
            count += 1;
        }
        Ok(count)
    }

    /// The system comes up from what is left.
    pub fn boots_again(&self, guest: &Guest) -> Outcome {
        let ended = self
            .start(guest)
            .args(&["--until-serial", &format!("^{BEGIN}")])
            .run();
        ended.succeeded().map(drop)
    }
}

/// What the guest had closed, by what it said.
#[derive(Default)]
pub struct Closed {
    /// Names, and what they are copies of.
    pub files: BTreeMap<String, &'static str>,
    /// What the log begins with.
    pub log: String,
}

impl Closed {
    /// After the events of which the host `heard`. What the guest may have dropped after `done` of them is
    /// not expected any more: the kill may come between a line and the host's file.
    fn after(work: &[Event], heard: usize, done: usize) -> Self {
        let mut closed = Self::default();
        for event in work.iter().take(heard) {
            match event {
                Event::Copied { name, source } => {
                    closed.files.insert(name.clone(), source);
                }
                Event::Logged(step) => closed.log += &format!("entry {step} \r\n"),
                Event::Began | Event::WillDrop(_) => {}
            }
        }
        for event in work.iter().take(done.max(heard)) {
            if let Event::WillDrop(name) = event {
                closed.files.remove(name);
            }
        }
        closed
    }
}

fn oldiron(arguments: &[&str]) -> Outcome {
    let output = Command::new(program()).args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("oldiron {}: {said}", arguments.join(" ")).into())
}

/// Compares two directories with all that is in them; returns the number of files.
fn same_trees(was: &Path, is: &Path) -> Result<usize, Failed> {
    let mut count = 0;
    for entry in fs::read_dir(was)? {
        let entry = entry?;
        let other = is.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            count += same_trees(&entry.path(), &other)?;
        } else if fs::read(entry.path())? == fs::read(&other)? {
            count += 1;
        } else {
            return Err(format!("{} was damaged", other.display()).into());
        }
    }
    Ok(count)
}
