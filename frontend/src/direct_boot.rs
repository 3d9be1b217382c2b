//! What goes into the guest's memory from files: kernels with what belongs to them, programs, adapter ROMs.
//!
//! Everything is read and checked before anything opens. What a machine was built with is kept in recordings and saved
//! states by name and hash, as images are.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use indicatif::ProgressBar;
use oldiron_platform::{BootFile, DirectBoot, DirectBootError};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{LoadAt, RunArgs},
    image::{self, Probe},
    img::progress,
    outcome::Failure,
    spec::KnownFile,
};

/// A file that is loaded here becomes a ROM instead.
const ADAPTER_AREA: std::ops::Range<u32> = 0xc_8000..0xf_0000;
/// Reading less than this is over before a bar could be read.
const WORTH_A_BAR: u64 = 32 << 20;
const BLOCK: usize = 1 << 20;

/// What was read.
#[derive(Default)]
pub struct Loads {
    /// What is booted instead of a disk.
    pub boot: Option<DirectBoot>,
    /// ROMs and their addresses.
    pub adapter_roms: Vec<(u32, Vec<u8>)>,
}

/// Whether the file at `path` is a kernel. A floppy that begins with a kernel is a floppy.
pub fn is_kernel(path: &Path) -> bool {
    let probe = File::open(path).map(|mut file| Probe::new(path, &mut file));
    probe.is_ok_and(|probe| probe.is_ok_and(|probe| probe.is_kernel()))
}

/// Takes a kernel from among the images, where it is named without an option.
pub fn take_positional(args: &mut RunArgs) -> Result<(), Failure> {
    while let Some(at) = args.images.iter().position(|path| is_kernel(path)) {
        let kernel = args.images.remove(at);
        if let Some(first) = &args.kernel {
            return Err(Failure::usage(format!(
                "{}: a second kernel besides {}; one run boots one",
                kernel.display(),
                first.display()
            )));
        }
        args.kernel = Some(kernel);
    }
    Ok(())
}

impl Loads {
    /// Reads and checks what `args` name, for a machine with this much memory.
    pub fn open(args: &RunArgs, memory_mib: u32) -> Result<Self, Failure> {
        check_options(args)?;
        let reader = Reader::new(args, memory_mib);
        let (mut programs, mut loads) = (Vec::new(), Self::default());
        for load in &args.load {
            let file = reader.read(&load.path)?;
            if ADAPTER_AREA.contains(&load.at) {
                loads.adapter_roms.push((load.at, file.bytes));
            } else {
                programs.push((load.at, file));
            }
        }
        let boot = match (&args.kernel, args.entry) {
            (Some(kernel), _) => {
                let kernel = reader.read(kernel)?;
                let initrds = args.initrd.iter().map(|path| reader.read(path));
                let initrds = initrds.collect::<Result<_, _>>()?;
                let command_line = args.append.as_deref().unwrap_or_default();
                Some(DirectBoot::kernel(kernel, initrds, command_line).map_err(refused)?)
            }
            (None, Some(entry)) => Some(DirectBoot::program(programs, entry).map_err(refused)?),
            (None, None) => None,
        };
        if let Some(boot) = &boot {
            boot.check(memory_mib).map_err(refused)?;
        }
        reader.bar.finish_and_clear();
        Ok(Self { boot, ..loads })
    }
}

fn refused(error: DirectBootError) -> Failure {
    match error {
        DirectBootError::CommandLine { .. } => Failure::usage(error.to_string()),
        error => Failure::file(error.to_string()),
    }
}

/// Options that need each other.
fn check_options(args: &RunArgs) -> Result<(), Failure> {
    let usage = |text: String| Err(Failure::usage(text));
    if args.kernel.is_none() && !args.initrd.is_empty() {
        return usage("--initrd goes with a kernel; give that with --kernel".to_owned());
    }
    if args.kernel.is_none() && args.append.is_some() {
        return usage("--append goes with a kernel; give that with --kernel".to_owned());
    }
    if args.kernel.is_some() && args.entry.is_some() {
        return usage("--entry and --kernel both say where to begin; leave one out".to_owned());
    }
    let program = args.load.iter().find(|load| !ADAPTER_AREA.contains(&load.at));
    match (program, args.entry) {
        (Some(load), None) => usage(format!(
            "--load {}@{:x}: is in memory, so --entry SEG:OFF must say where to begin (only ROMs, at C8000 to EFFFF, need none)",
            load.path.display(),
            load.at
        )),
        (None, Some(_)) => usage("--entry goes with --load FILE@ADDR of a file in memory".to_owned()),
        _ => Ok(()),
    }
}

/// Reads files, none larger than memory, and shows how far it is.
struct Reader {
    most: u64,
    memory_mib: u32,
    bar: ProgressBar,
}

impl Reader {
    fn new(args: &RunArgs, memory_mib: u32) -> Self {
        let loads = args.load.iter().map(|load| &load.path);
        let files = args.kernel.iter().chain(&args.initrd).chain(loads);
        let lengths = files.filter_map(|path| std::fs::metadata(path).ok());
        let total: u64 = lengths.map(|metadata| metadata.len()).sum();
        Self {
            most: u64::from(memory_mib) << 20,
            memory_mib,
            bar: match total {
                WORTH_A_BAR.. => progress::bar(total),
                _ => ProgressBar::hidden(),
            },
        }
    }

    fn read(&self, path: &Path) -> Result<BootFile, Failure> {
        let fail = |error| image::unreadable(path, &error);
        let name = path.display().to_string();
        let file = File::open(path).map_err(fail)?;
        if file.metadata().map_err(fail)?.is_dir() {
            return Err(Failure::file(format!(
                "{name}: is a directory; give the path of a file"
            )));
        }
        let (mut bytes, mut rest) = (Vec::new(), file.take(self.most + 1));
        loop {
            let mut block = (&mut rest).take(BLOCK as u64);
            match block.read_to_end(&mut bytes).map_err(fail)? {
                0 => break,
                read => self.bar.inc(read as u64),
            }
            if bytes.len() as u64 > self.most {
                self.bar.finish_and_clear();
                return Err(Failure::file(format!(
                    "{name}: does not fit the guest's {} MiB of memory; give more with --mem",
                    self.memory_mib
                )));
            }
        }
        if bytes.is_empty() {
            return Err(Failure::file(format!(
                "{name}: the file is empty; nothing can be loaded from it"
            )));
        }
        Ok(BootFile { name, bytes })
    }
}

/// What a machine was built with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectSpec {
    kernel: Option<KnownFile>,
    initrd: Vec<KnownFile>,
    append: Option<String>,
    load: Vec<LoadSpec>,
    entry: Option<(u16, u16)>,
}

/// A file at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoadSpec {
    file: KnownFile,
    at: u32,
}

impl DirectSpec {
    /// What `args` name, not looked at yet.
    pub fn named(args: &RunArgs) -> Option<Self> {
        let spec = Self {
            kernel: args.kernel.as_deref().map(KnownFile::named),
            initrd: args.initrd.iter().map(|path| KnownFile::named(path)).collect(),
            append: args.append.clone(),
            load: args
                .load
                .iter()
                .map(|load| LoadSpec {
                    file: KnownFile::named(&load.path),
                    at: load.at,
                })
                .collect(),
            entry: args.entry,
        };
        (spec != Self::default()).then_some(spec)
    }

    /// The files.
    pub fn files(&mut self) -> impl Iterator<Item = &mut KnownFile> {
        let loads = self.load.iter_mut().map(|load| &mut load.file);
        self.kernel.iter_mut().chain(&mut self.initrd).chain(loads)
    }

    /// Turns `args` into those that built the machine, as [`Spec::apply`](crate::spec::Spec::apply) does.
    pub fn apply(&self, args: &mut RunArgs, home: &Path) -> Result<(), Failure> {
        let refuse = |option: &str| {
            Err(Failure::file(format!(
                "{}: was made with another kernel, files or command line; leave {option} out",
                home.display()
            )))
        };
        if args.kernel.is_some() && self.kernel.is_none() {
            return refuse("--kernel");
        }
        if !args.initrd.is_empty() && args.initrd.len() != self.initrd.len() {
            return refuse("--initrd");
        }
        if args.append.is_some() && args.append != self.append {
            return refuse("--append");
        }
        let places = |loads: &[LoadAt]| loads.iter().map(|load| load.at).collect::<Vec<_>>();
        let ours: Vec<u32> = self.load.iter().map(|load| load.at).collect();
        if !args.load.is_empty() && places(&args.load) != ours {
            return refuse("--load");
        }
        if args.entry.is_some() && args.entry != self.entry {
            return refuse("--entry");
        }
        let kernel = self.kernel.as_ref();
        let kernel = kernel.map(|file| file.find(args.kernel.as_deref(), home, "--kernel"));
        let initrds = find_all(self.initrd.iter(), &args.initrd, home, "--initrd")?;
        let moved: Vec<PathBuf> = args.load.iter().map(|load| load.path.clone()).collect();
        let loads = find_all(self.load.iter().map(|load| &load.file), &moved, home, "--load")?;
        args.kernel = kernel.transpose()?;
        args.initrd = initrds;
        args.append.clone_from(&self.append);
        args.load = loads
            .into_iter()
            .zip(ours)
            .map(|(path, at)| LoadAt { path, at })
            .collect();
        args.entry = self.entry;
        Ok(())
    }
}

fn find_all<'a>(
    files: impl Iterator<Item = &'a KnownFile>,
    moved: &[PathBuf],
    home: &Path,
    option: &str,
) -> Result<Vec<PathBuf>, Failure> {
    files
        .enumerate()
        .map(|(n, file)| file.find(moved.get(n).map(PathBuf::as_path), home, option))
        .collect()
}
