//! What a machine is built from, in a form that is kept: in recordings and in saved states.
//!
//! Images are named by path and known by what is in them: their length and a hash. A machine is only built
//! again from images that are the same.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use oldiron_platform::{Chs, CpuModel, DateTime, FloppyKind, NetworkCard, Timing, hash::Hasher};
use serde::{Deserialize, Serialize};

use crate::{
    cli::{self, Geometry, Ips, Rtc, RunArgs},
    direct_boot::DirectSpec,
    image,
    outcome::Failure,
};

/// Everything that a machine is built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The processor, as `oldiron cpu list` names it.
    pub cpu: String,
    /// MiB.
    pub memory: u32,
    /// Ticks per guest second.
    pub ips: u64,
    /// Devices as slow as the real parts.
    pub real_timing: bool,
    /// What the clock started with, as `--rtc` takes it.
    pub rtc: String,
    /// Boot order.
    pub boot: String,
    /// Another system BIOS.
    pub bios: Option<KnownFile>,
    /// Another VGA BIOS.
    pub vga_bios: Option<KnownFile>,
    /// Floppy drives and what is in them.
    pub floppies: [Option<FloppySpec>; 2],
    /// Hard disks.
    pub disks: [Option<DiskSpec>; 4],
    /// The CD-ROM drive.
    #[serde(default)]
    pub cdrom: Option<CdromSpec>,
    /// The port of `--debug-exit`.
    pub debug_exit: Option<u16>,
    /// Port E9h is there.
    pub debug_console: bool,
    /// The network card.
    #[serde(default)]
    pub network: Option<NetworkCard>,
    /// There is no PCI.
    pub isa: bool,
    /// QEMU's firmware configuration device is there.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub fw_cfg: bool,
    /// What goes into memory from files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_boot: Option<DirectSpec>,
}

/// A floppy drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloppySpec {
    /// Its kind.
    pub kind: FloppyKind,
    /// What is in it.
    pub medium: Option<Medium>,
}

/// A hard disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiskSpec {
    /// Its image.
    pub image: KnownFile,
    /// A geometry that was given for it.
    pub chs: Option<Chs>,
}

/// A CD-ROM drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CdromSpec {
    /// Its place, as that of a hard disk: 0 to 3.
    pub index: usize,
    /// What is in it.
    pub medium: Option<KnownFile>,
}

/// What is in a floppy drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Medium {
    /// The built-in demo disk.
    Demo,
    /// A file.
    File(KnownFile),
}

/// A file, and what was in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownFile {
    /// As it was named.
    pub path: String,
    /// From the root.
    pub absolute: String,
    /// Its length.
    pub bytes: u64,
    /// XXH64 of its contents, in hexadecimal.
    pub hash: String,
}

impl Medium {
    /// Finds the file again that `home` needs. The demo disk is not in one.
    pub fn find(&self, home: &Path) -> Result<PathBuf, Failure> {
        match self {
            Self::File(file) => file.find_beside(home),
            Self::Demo => Err(Failure::file(format!(
                "{}: the demo disk is not to be put into a drive",
                home.display()
            ))),
        }
    }
}

impl KnownFile {
    /// The file at `path`, not looked at yet.
    pub fn named(path: &Path) -> Self {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            path: path.display().to_string(),
            absolute: absolute.display().to_string(),
            bytes: 0,
            hash: String::new(),
        }
    }

    /// Looks at the file at `path` as it is now.
    pub fn look(path: &Path) -> Result<Self, Failure> {
        let (bytes, hash) = hash_file(path)?;
        Ok(Self {
            bytes,
            hash,
            ..Self::named(path)
        })
    }

    fn look_again(&mut self) -> Result<(), Failure> {
        (self.bytes, self.hash) = hash_file(Path::new(&self.path))?;
        Ok(())
    }

    /// Finds again a file that nothing else can say the place of.
    pub fn find_beside(&self, home: &Path) -> Result<PathBuf, Failure> {
        self.find(None, home, "a copy beside it")
    }

    /// Finds the file again: where it is said to be (`moved`), where it was, or beside `home`, the file that
    /// names it. `option` would say where it is.
    pub fn find(&self, moved: Option<&Path>, home: &Path, option: &str) -> Result<PathBuf, Failure> {
        if let Some(path) = moved {
            return self.check(path, home).map(|()| path.to_owned());
        }
        let places = [
            Some(PathBuf::from(&self.path)),
            Some(PathBuf::from(&self.absolute)),
            home.parent()
                .zip(Path::new(&self.path).file_name())
                .map(|(directory, name)| directory.join(name)),
        ];
        let there: Vec<PathBuf> = places
            .into_iter()
            .flatten()
            .filter(|path| path.exists())
            .collect();
        let Some(first) = there.first() else {
            return Err(Failure::file(format!(
                "{}: needs the image {}, which is not there; say where it is with {option}",
                home.display(),
                self.path
            )));
        };
        match there.iter().find(|path| self.check(path, home).is_ok()) {
            Some(same) => Ok(same.clone()),
            None => self.check(first, home).map(|()| first.clone()),
        }
    }

    /// Whether the file at `path` is the one that `home` needs.
    fn check(&self, path: &Path, home: &Path) -> Result<(), Failure> {
        let (bytes, hash) = hash_file(path)?;
        if bytes == self.bytes && hash == self.hash {
            return Ok(());
        }
        let difference = if bytes == self.bytes {
            format!("its hash is {hash} and was {}", self.hash)
        } else {
            format!("it has {bytes} bytes and had {}", self.bytes)
        };
        Err(Failure::file(format!(
            "{}: {} is not the image that was used: {difference}; find the one that was, or start anew",
            home.display(),
            path.display()
        )))
    }
}

/// Length and hash of a file.
fn hash_file(path: &Path) -> Result<(u64, String), Failure> {
    let fail = |error| image::unreadable(path, &error);
    let mut file = File::open(path).map_err(fail)?;
    let mut hasher = Hasher::new();
    let mut block = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block).map_err(fail)?;
        let Some(part @ [_, ..]) = block.get(..read) else {
            return Ok((bytes, format!("{:016x}", hasher.finish())));
        };
        hasher.update(part);
        bytes += read as u64;
    }
}

/// A date and time as `--rtc` takes it.
pub fn rtc_text(time: DateTime) -> String {
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Drives of a machine that is built again: what cannot be said with options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// The floppy drives.
    pub floppies: [Option<FloppyKind>; 2],
    /// The drive with the demo disk.
    pub demo: Option<usize>,
    /// The place of the CD-ROM drive.
    pub cdrom: Option<usize>,
    /// Port E9h is there, whether it leads anywhere or not.
    pub debug_console: bool,
}

const DISK_OPTIONS: [&str; 4] = ["--hda", "--hdb", "--hdc", "--hdd"];

impl Spec {
    /// Turns `args` into the command line of the same machine. Images that `args` name are where the images
    /// are now; anything else that `args` say of the machine must agree. `home` is the file that `self` is from.
    pub fn apply(&self, args: &mut RunArgs, home: &Path) -> Result<(), Failure> {
        self.check_options(args, home)?;
        let damaged = || Failure::file(format!("{}: describes no machine that there is", home.display()));
        args.cpu = Some(CpuModel::parse(&self.cpu).map_err(|_| {
            Failure::file(format!(
                "{}: was made with the processor {}, which this version does not have",
                home.display(),
                self.cpu
            ))
        })?);
        if !(1..=3072).contains(&self.memory) || self.ips == 0 {
            return Err(damaged());
        }
        args.mem = Some(self.memory);
        args.ips = Some(Ips::Fixed(self.ips));
        args.timing = Some(self.timing());
        args.rtc = Some(cli::rtc(&self.rtc).map_err(|_| damaged())?);
        args.boot = Some(cli::boot_order(&self.boot).map_err(|_| damaged())?);
        args.bios = self.rom(&self.bios, args.bios.as_deref(), home, "--bios")?;
        args.vga_bios = self.rom(&self.vga_bios, args.vga_bios.as_deref(), home, "--vga-bios")?;
        args.debug_exit = self.debug_exit;
        args.net.nic = self.network;
        args.isa = self.isa;
        args.fw_cfg = self.fw_cfg;
        self.direct_boot.clone().unwrap_or_default().apply(args, home)?;
        let mut again = Again {
            debug_console: self.debug_console,
            ..Again::default()
        };
        for (drive, list) in [&mut args.fda, &mut args.fdb].into_iter().enumerate() {
            let moved = list.first().cloned();
            list.clear();
            let Some(floppy) = self.floppies.get(drive).and_then(Option::as_ref) else {
                continue;
            };
            if let Some(kind) = again.floppies.get_mut(drive) {
                *kind = Some(floppy.kind);
            }
            let option = if drive == 0 { "--fda" } else { "--fdb" };
            match &floppy.medium {
                None => {}
                Some(Medium::Demo) => again.demo = Some(drive),
                Some(Medium::File(file)) => list.push(file.find(moved.as_deref(), home, option)?),
            }
        }
        let disks = [&mut args.hda, &mut args.hdb, &mut args.hdc, &mut args.hdd];
        args.chs.clear();
        for (index, place) in disks.into_iter().enumerate() {
            let disk = self.disks.get(index).and_then(Option::as_ref);
            let option = DISK_OPTIONS.get(index).copied().unwrap_or_default();
            *place = disk
                .map(|disk| disk.image.find(place.as_deref(), home, option))
                .transpose()?;
            if let Some(chs) = disk.and_then(|disk| disk.chs) {
                args.chs.push(Geometry { disk: index, chs });
            }
        }
        if let Some(cdrom) = &self.cdrom {
            if self.disks.get(cdrom.index).is_none_or(Option::is_some) {
                return Err(damaged());
            }
            again.cdrom = Some(cdrom.index);
            let moved = args.cdrom.first().cloned();
            args.cdrom.clear();
            if let Some(file) = &cdrom.medium {
                args.cdrom.push(file.find(moved.as_deref(), home, "--cdrom")?);
            }
        }
        args.again = Some(again);
        Ok(())
    }

    /// The same with what its files hold now.
    pub fn looked_at(&self) -> Result<Self, Failure> {
        let mut spec = self.clone();
        let floppies = spec.floppies.iter_mut().flatten();
        let floppies = floppies.filter_map(|floppy| match &mut floppy.medium {
            Some(Medium::File(file)) => Some(file),
            _ => None,
        });
        let disks = spec.disks.iter_mut().flatten().map(|disk| &mut disk.image);
        let cds = spec.cdrom.iter_mut().filter_map(|cdrom| cdrom.medium.as_mut());
        let roms = spec.bios.iter_mut().chain(&mut spec.vga_bios);
        let mut files = floppies.chain(disks).chain(cds).chain(roms);
        files.try_for_each(KnownFile::look_again)?;
        if let Some(direct) = &mut spec.direct_boot {
            direct.files().try_for_each(KnownFile::look_again)?;
        }
        Ok(spec)
    }

    fn timing(&self) -> Timing {
        if self.real_timing {
            Timing::Real
        } else {
            Timing::Fast
        }
    }

    fn rom(
        &self,
        rom: &Option<KnownFile>,
        moved: Option<&Path>,
        home: &Path,
        option: &str,
    ) -> Result<Option<PathBuf>, Failure> {
        rom.as_ref().map(|rom| rom.find(moved, home, option)).transpose()
    }

    /// What `args` say of the machine must be what it is.
    fn check_options(&self, args: &RunArgs, home: &Path) -> Result<(), Failure> {
        let refuse = |what: &str, was: &str, option: &str| {
            Err(Failure::file(format!(
                "{}: {what} is {was}; leave {option} out",
                home.display()
            )))
        };
        if args.cpu.is_some_and(|model| model.name != self.cpu) {
            return refuse("the processor", &self.cpu, "--cpu");
        }
        if args.mem.is_some_and(|mib| mib != self.memory) {
            return refuse("memory", &format!("{} MiB", self.memory), "--mem");
        }
        if args.timing.is_some_and(|timing| timing != self.timing()) {
            let was = if self.real_timing { "real" } else { "fast" };
            return refuse("device timing", was, "--timing");
        }
        if args.ips.is_some_and(|ips| ips != Ips::Fixed(self.ips)) {
            return refuse("the number of ticks per second", &self.ips.to_string(), "--ips");
        }
        if args
            .rtc
            .is_some_and(|rtc| !matches!(rtc, Rtc::At(time) if rtc_text(time) == self.rtc))
        {
            return refuse("the start of the guest's clock", &self.rtc, "--rtc");
        }
        if args.boot.as_ref().is_some_and(|boot| *boot != self.boot) {
            return refuse("the boot order", &self.boot, "--boot");
        }
        if args.debug_exit.is_some() && args.debug_exit != self.debug_exit {
            let was = self
                .debug_exit
                .map_or("not there".to_owned(), |port| format!("{port:x}h"));
            return refuse("the debug exit port", &was, "--debug-exit");
        }
        if args.debugcon.is_some() && !self.debug_console {
            return refuse("port E9h", "not there", "--debugcon");
        }
        let card = args.net.card(self.isa);
        if card.is_some() && self.network.is_none() {
            return refuse(
                "the network card",
                "not fitted",
                "--nic and the network's options",
            );
        }
        if args.net.nic.is_some() && card != self.network {
            let was = self.network.map_or(String::new(), |card| card.to_string());
            return refuse("the network card", &was, "--nic");
        }
        if args.isa && !self.isa {
            return refuse("PCI", "there", "--isa");
        }
        if args.fw_cfg && !self.fw_cfg {
            return refuse("fw_cfg", "not there", "--fw-cfg");
        }
        if !args.chs.is_empty() {
            return refuse(
                "the geometry of the disks",
                "that of the recorded machine",
                "--chs",
            );
        }
        if !args.images.is_empty() {
            return Err(Failure::usage(format!(
                "{}: the images come with it; say where they are now with --fda, --hda, --kernel …",
                home.display()
            )));
        }
        let given = |drive: usize, list: &[PathBuf]| {
            let known = self.floppies.get(drive).and_then(Option::as_ref);
            let file = matches!(
                known.and_then(|floppy| floppy.medium.as_ref()),
                Some(Medium::File(_))
            );
            list.len() > usize::from(file)
        };
        if given(0, &args.fda) || given(1, &args.fdb) {
            return refuse("what is in the floppy drives", "known", "further --fda and --fdb");
        }
        let cds = self.cdrom.iter().filter_map(|cdrom| cdrom.medium.as_ref());
        if args.cdrom.len() > cds.count() {
            return refuse("what is in the CD-ROM drive", "known", "further --cdrom");
        }
        let disks = [&args.hda, &args.hdb, &args.hdc, &args.hdd];
        for (index, disk) in disks.into_iter().enumerate() {
            if disk.is_some() && self.disks.get(index).is_none_or(Option::is_none) {
                let option = DISK_OPTIONS.get(index).copied().unwrap_or_default();
                return refuse("this disk", "not fitted", option);
            }
        }
        Ok(())
    }
}
