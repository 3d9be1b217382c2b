//! FreeDOS on a hard disk and on a floppy, with work to do that writes all the time.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use flate2::read::GzDecoder;
use libtest_mimic::Failed;
use oldiron_testsuites::rng::Rng;

use super::program::program;

/// The first line on COM1.
pub const BEGIN: &str = "0";
/// The last.
pub const END: &str = "ALL-DONE";
/// Where the work writes.
pub const WORK: &str = "WORK";
/// The file that grows by a line now and then.
pub const LOG: &str = "LOG.TXT";

/// A system that boots from a medium that is written to.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// What it is called in the names of tests.
    pub name: &'static str,
    /// Its image below the guests' directory.
    file: &'static str,
    /// Which drive it is in.
    pub drive: &'static str,
    /// What else the command line needs.
    pub arguments: &'static [&'static str],
    /// Memory in MiB.
    pub memory: u32,
    /// First byte of the file system.
    pub volume: usize,
    /// Things to do.
    steps: u32,
    /// Files that there is room for.
    most_files: u32,
    /// What the work leaves alone, and must be there as before.
    pub untouched: &'static [&'static str],
}

/// FreeDOS on FAT16, by INT 13h and ATA.
pub const HARD_DISK: Guest = Guest {
    name: "FreeDOS on a hard disk",
    file: "fdos-hd/fdhd-free.img.gz",
    drive: "--hda",
    arguments: &["--mem", "32M"],
    memory: 32,
    volume: 63 * 512,
    steps: 160,
    most_files: 40,
    untouched: &[
        "KERNEL.SYS",
        "COMMAND.COM",
        "FDCONFIG.SYS",
        "BIN",
        "BB",
        "NETHACK",
    ],
};

/// FreeDOS on FAT12, by the floppy controller and DMA.
pub const FLOPPY: Guest = Guest {
    name: "FreeDOS on a floppy",
    file: "fdbootdisks/fdbd-1440.img",
    drive: "--fda",
    arguments: &["--mem", "32M"],
    memory: 32,
    volume: 0,
    steps: 60,
    most_files: 12,
    untouched: &["KERNEL.SYS", "COMMAND.COM", "CONFIG.SYS", "README.TXT"],
};

impl Guest {
    /// Its image.
    pub fn image(&self) -> PathBuf {
        let guests = match std::env::var_os("OLDIRON_GUESTS") {
            Some(path) => path.into(),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/guests"),
        };
        guests.join(self.file)
    }

    /// A copy of its image in `dir`, with the work in AUTOEXEC.BAT.
    pub fn prepare(&self, dir: &Path) -> Result<PathBuf, Failed> {
        let image = dir.join("base.img");
        let mut bytes = fs::read(self.image())?;
        if self.file.ends_with(".gz") {
            let packed = std::mem::take(&mut bytes);
            GzDecoder::new(&packed[..]).read_to_end(&mut bytes)?;
        }
        fs::write(&image, bytes)?;
        let batch = dir.join("AUTOEXEC.BAT");
        fs::write(&batch, self.batch())?;
        let place = format!("{}:/AUTOEXEC.BAT", image.display());
        let copied = Command::new(program())
            .args(["img", "cp"])
            .arg(&batch)
            .arg(place)
            .output()?;
        if !copied.status.success() {
            return Err(String::from_utf8_lossy(&copied.stderr).into_owned().into());
        }
        Ok(image)
    }

    /// The batch file. Each line on COM1 is the number of an event that has happened, in few bytes, so that
    /// most of the time goes into writing.
    fn batch(&self) -> String {
        let mut lines = vec!["@echo off".to_owned()];
        for (number, event) in self.work().iter().enumerate() {
            match event {
                Event::Began => lines.push(format!("md {WORK}")),
                Event::Logged(step) => lines.push(format!("echo entry {step} >> {WORK}\\{LOG}")),
                Event::Copied { name, source } => {
                    lines.push(format!("copy \\{source} {WORK}\\{name} > NUL"));
                }
                Event::WillDrop(_) => {}
            }
            lines.push(format!("echo {number} > COM1"));
            if let Event::WillDrop(name) = event {
                lines.push(format!("del {WORK}\\{name}"));
            }
        }
        lines.push(format!("echo {END} > COM1"));
        lines.join("\r\n") + "\r\n"
    }

    /// What is done, in order.
    pub fn work(&self) -> Vec<Event> {
        let mut random = Rng::new(7);
        let mut events = vec![Event::Began];
        let mut files: Vec<String> = Vec::new();
        for step in 0..self.steps {
            let full = files.len() as u32 >= self.most_files;
            let choice = random.below(8);
            if choice < 2 {
                events.push(Event::Logged(step));
            } else if full || choice == 2 && !files.is_empty() {
                let name = files.swap_remove(random.below(files.len() as u32) as usize);
                events.push(Event::WillDrop(name));
            } else {
                let name = format!("F{step}.BIN");
                let source = random.pick(&["KERNEL.SYS", "COMMAND.COM"]);
                files.push(name.clone());
                events.push(Event::Copied { name, source });
            }
        }
        events
    }
}

/// Something that the guest says when it has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The directory is there.
    Began,
    /// The log has one more line.
    Logged(u32),
    /// A file was made and closed.
    Copied {
        /// Its name.
        name: String,
        /// What it is a copy of.
        source: &'static str,
    },
    /// A file will be deleted next.
    WillDrop(String),
}

/// The whole lines of what COM1 sent.
pub fn lines(serial: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(serial);
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    whole.lines().map(|line| line.trim().to_owned()).collect()
}
