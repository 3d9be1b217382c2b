//! From the command line to the parts of a machine. Everything is opened and checked here, before a
//! window opens or a file is created.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use chrono::{Datelike, Local, Timelike};
use oldiron_platform::{
    BlockImage, BuildError, Chs, CpuModel, DateTime, Dispatch, FloppyKind, Machine, MachineBuilder,
    MemoryImage, OverlayImage, TickRate, Timing,
};

use crate::{
    cli::{DispatchKind, Geometry, RunArgs},
    direct_boot::{DirectSpec, Loads},
    disk_file::{self, Writes},
    image::{self, Kind},
    media_lists::{FLOPPY_ROLE, MediaLists},
    outcome::Failure,
    overlay_file::OverlayFile,
    script::{self, Action, Line},
    spec::{self, Again, CdromSpec, DiskSpec, FloppySpec, KnownFile, Medium, Spec},
};

/// A floppy drive: what is in it, and what may be put into it later.
#[derive(Default)]
pub struct FloppySlot {
    /// The files given for it, the first of them in the drive.
    pub paths: Vec<PathBuf>,
    image: Option<(FloppyKind, Box<dyn BlockImage>)>,
}

/// A hard disk.
struct HardDisk {
    path: PathBuf,
    image: Box<dyn BlockImage>,
    chs: Option<Chs>,
}

/// The CD-ROM drive.
struct CdromSlot {
    /// Its place, as that of a disk.
    index: usize,
    /// The files given for it, the first of them in the drive.
    paths: Vec<PathBuf>,
    image: Option<Box<dyn BlockImage>>,
}

/// All media of a run.
pub struct Media {
    /// Drives A and B.
    pub floppies: [FloppySlot; 2],
    disks: [Option<HardDisk>; 4],
    cdrom: Option<CdromSlot>,
    boot: String,
    /// Where the guest's writes go.
    pub writes: Writes,
    /// Worth a line on standard error.
    pub warnings: Vec<String>,
    /// No image was given: the built-in demo disk is in drive A.
    pub demo: bool,
}

/// Without `--mem`.
const DEFAULT_MEMORY_MIB: u32 = 64;

/// Floppy drives, hard disks, and the CD-ROM drive.
type DriveSpecs = ([Option<FloppySpec>; 2], [Option<DiskSpec>; 4], Option<CdromSpec>);

/// Where the CD-ROM drive goes: the first of these places without a hard disk.
const CDROM_PLACES: [usize; 4] = [2, 3, 1, 0];

/// The demo disk is a floppy of 1440 KiB.
const DEMO_FLOPPY_SIZE: usize = 1440 * 1024;

const NAMES: [&str; 4] = ["hda", "hdb", "hdc", "hdd"];

impl Media {
    /// Opens all images; `kept`: what is in them now is referred to later, so they stay as they are.
    fn open(args: &RunArgs, kept: bool) -> Result<Self, Failure> {
        let mut media = Self {
            floppies: Default::default(),
            disks: [const { None }; 4],
            cdrom: None,
            boot: "acd".to_owned(),
            writes: if args.volatile || args.overlay.is_some() || kept {
                Writes::Volatile
            } else {
                Writes::ToImage
            },
            warnings: Vec::new(),
            demo: false,
        };
        for (drive, paths) in [&args.fda, &args.fdb].into_iter().enumerate() {
            for path in paths {
                media.add_floppy(drive, path)?;
            }
        }
        for (index, path) in [&args.hda, &args.hdb, &args.hdc, &args.hdd]
            .into_iter()
            .enumerate()
        {
            if let Some(path) = path {
                media.add_disk(index, path)?;
            }
        }
        for path in &args.cdrom {
            media.add_cd(path)?;
        }
        for (index, path) in args.images.iter().enumerate() {
            let kind = media.add_image(path)?;
            match kind {
                Kind::HardDisk if index == 0 => media.boot = "cad".to_owned(),
                Kind::Cd if index == 0 => media.boot = "dac".to_owned(),
                _ => {}
            }
        }
        media.place_cdrom(args.again.as_ref())?;
        if let Some(boot) = &args.boot {
            media.boot.clone_from(boot);
        }
        media.set_geometries(&args.chs)?;
        if let Some(path) = &args.overlay {
            let store = OverlayFile::open_or_create(path)?;
            media.writes = Writes::Overlay(Arc::new(Mutex::new(store)));
        }
        media.lay_overlays()?;
        match &args.again {
            Some(again) => again.demo.into_iter().for_each(|drive| media.insert_demo(drive)),
            None if media.is_empty() && !args.boots_directly() => media.insert_demo(0),
            None => {}
        }
        Ok(media)
    }

    /// Lays over each image what takes its writes.
    fn lay_overlays(&mut self) -> Result<(), Failure> {
        for slot in &mut self.floppies {
            if let (Some((kind, image)), Some(path)) = (slot.image.take(), slot.paths.first()) {
                slot.image = Some((kind, self.writes.lay_over(image, FLOPPY_ROLE, path)?));
            }
        }
        for (slot, role) in self.disks.iter_mut().zip(NAMES) {
            if let Some(disk) = slot.take() {
                let image = self.writes.lay_over(disk.image, role, &disk.path)?;
                *slot = Some(HardDisk { image, ..disk });
            }
        }
        Ok(())
    }

    /// What is in the drives, as a recording or a saved state names it.
    fn specs(&self) -> DriveSpecs {
        // Without a floppy there is a drive A all the same.
        let mut floppies = [
            Some(FloppySpec {
                kind: FloppyKind::Hd35,
                medium: None,
            }),
            None,
        ];
        for (spec, slot) in floppies.iter_mut().zip(&self.floppies) {
            if let Some((kind, _)) = &slot.image {
                let medium = match slot.paths.first() {
                    Some(path) => Medium::File(KnownFile::named(path)),
                    None => Medium::Demo,
                };
                *spec = Some(FloppySpec {
                    kind: *kind,
                    medium: Some(medium),
                });
            }
        }
        let cdrom = self.cdrom.as_ref().map(|slot| CdromSpec {
            index: slot.index,
            medium: slot.paths.first().map(|path| KnownFile::named(path)),
        });
        let mut disks = [const { None }; 4];
        for (spec, disk) in disks.iter_mut().zip(&self.disks) {
            if let Some(disk) = disk {
                *spec = Some(DiskSpec {
                    image: KnownFile::named(&disk.path),
                    chs: disk.chs,
                });
            }
        }
        (floppies, disks, cdrom)
    }

    fn is_empty(&self) -> bool {
        self.floppies.iter().all(|slot| slot.paths.is_empty())
            && self.disks.iter().all(Option::is_none)
            && self.cdrom.is_none()
    }

    fn add_floppy(&mut self, drive: usize, path: &Path) -> Result<(), Failure> {
        let (image, kind) = disk_file::open(path, self.writes.to_image(), |probe| probe.floppy(path))?;
        self.put_floppy(drive, path, kind, image);
        Ok(())
    }

    fn put_floppy(&mut self, drive: usize, path: &Path, kind: FloppyKind, image: Box<dyn BlockImage>) {
        if let Some(slot) = self.floppies.get_mut(drive) {
            slot.paths.push(path.to_owned());
            if slot.image.is_none() {
                slot.image = Some((kind, image));
            }
        }
    }

    fn add_disk(&mut self, index: usize, path: &Path) -> Result<(), Failure> {
        let (image, warning) = disk_file::open(path, self.writes.to_image(), |probe| probe.hard_disk(path))?;
        self.warnings.extend(warning);
        self.put_disk(index, path, image);
        Ok(())
    }

    fn put_disk(&mut self, index: usize, path: &Path, image: Box<dyn BlockImage>) {
        if let Some(slot) = self.disks.get_mut(index) {
            *slot = Some(HardDisk {
                path: path.to_owned(),
                image,
                chs: None,
            });
        }
    }

    fn add_cd(&mut self, path: &Path) -> Result<(), Failure> {
        let (image, ()) = disk_file::open(path, false, |probe| probe.cd(path))?;
        self.put_cd(path, image);
        Ok(())
    }

    fn put_cd(&mut self, path: &Path, image: Box<dyn BlockImage>) {
        let slot = self.cdrom.get_or_insert(CdromSlot {
            index: 0,
            paths: Vec::new(),
            image: None,
        });
        slot.paths.push(path.to_owned());
        slot.image.get_or_insert(image);
    }

    /// When all disks have their places, the CD-ROM drive gets one; that of a machine that is built again is known.
    fn place_cdrom(&mut self, again: Option<&Again>) -> Result<(), Failure> {
        if let Some(again) = again {
            let slot = self.cdrom.take();
            self.cdrom = again.cdrom.map(|index| match slot {
                Some(slot) => CdromSlot { index, ..slot },
                None => CdromSlot {
                    index,
                    paths: Vec::new(),
                    image: None,
                },
            });
            return Ok(());
        }
        if let Some(slot) = &mut self.cdrom {
            let free = |index: &usize| self.disks.get(*index).is_some_and(Option::is_none);
            let place = CDROM_PLACES.into_iter().find(free);
            slot.index = place.ok_or_else(|| {
                Failure::usage("four hard disks leave no place for a CD-ROM drive; leave one out")
            })?;
        }
        Ok(())
    }

    /// An IMAGE without an option goes where its kind belongs.
    fn add_image(&mut self, path: &Path) -> Result<Kind, Failure> {
        if image::is_cd_file(path) {
            self.add_cd(path)?;
            return Ok(Kind::Cd);
        }
        let (image, (kind, warning)) = disk_file::open(path, self.writes.to_image(), |probe| {
            let kind = probe.identify(path)?;
            let warning = if kind == Kind::HardDisk {
                probe.hard_disk(path)?
            } else {
                None
            };
            Ok((kind, warning))
        })?;
        self.warnings.extend(warning);
        match kind {
            Kind::Floppy(drive_kind) => {
                let free = self.floppies.iter().position(|slot| slot.paths.is_empty());
                self.put_floppy(free.unwrap_or(0), path, drive_kind, image);
            }
            Kind::HardDisk => {
                let Some(free) = self.disks.iter().position(Option::is_none) else {
                    return Err(Failure::usage(format!(
                        "{}: a fifth hard disk; a PC has room for four",
                        path.display()
                    )));
                };
                self.put_disk(free, path, image);
            }
            Kind::Cd => self.put_cd(path, image),
        }
        Ok(kind)
    }

    fn set_geometries(&mut self, geometries: &[Geometry]) -> Result<(), Failure> {
        for geometry in geometries {
            let name = NAMES.get(geometry.disk).copied().unwrap_or_default();
            let Some(Some(disk)) = self.disks.get_mut(geometry.disk) else {
                return Err(Failure::usage(format!(
                    "--chs {name}=…: there is no {name}; give an image with --{name}"
                )));
            };
            image::check_geometry(&disk.path, geometry.chs, disk.image.sectors())?;
            disk.chs = Some(geometry.chs);
        }
        Ok(())
    }

    fn insert_demo(&mut self, drive: usize) {
        // The disk is stored without the zeros at its end.
        let mut demo = oldiron_bios::DEMO_DISK.to_vec();
        demo.resize(DEMO_FLOPPY_SIZE, 0);
        if let Some(slot) = self.floppies.get_mut(drive) {
            slot.image = Some((
                FloppyKind::Hd35,
                Box::new(OverlayImage::new(Box::new(MemoryImage::read_only(demo)))),
            ));
            self.demo = true;
        }
    }
}

/// Everything of the machine that does not depend on the display.
pub struct Parts {
    /// Its media.
    pub media: Media,
    /// The script, parsed.
    pub script: Vec<Line>,
    bios: Option<Vec<u8>>,
    vga_bios: Option<Vec<u8>>,
    loads: Loads,
}

impl Parts {
    /// Opens and checks every file that the command line names.
    pub fn open(args: &RunArgs) -> Result<Self, Failure> {
        let bios = args.bios.as_deref().map(system_bios).transpose()?;
        let vga_bios = args.vga_bios.as_deref().map(vga_bios).transpose()?;
        let script = read_script(args)?;
        let saves = script.iter().any(|line| matches!(line.action, Action::Save(_)));
        let loads = Loads::open(args, args.mem.unwrap_or(DEFAULT_MEMORY_MIB))?;
        check_adapter_roms(args, &loads, bios.as_deref(), vga_bios.as_deref())?;
        Ok(Self {
            loads,
            media: Media::open(args, args.keeps_images() || saves)?,
            script,
            bios,
            vga_bios,
        })
    }

    /// What the machine is built from. Its files are named, not looked at.
    pub fn spec(&self, args: &RunArgs, rate: TickRate, rtc: DateTime) -> Spec {
        let named = |path: &Option<PathBuf>| path.as_deref().map(KnownFile::named);
        let (mut floppies, disks, cdrom) = self.media.specs();
        if let Some(again) = &args.again {
            for (spec, kind) in floppies.iter_mut().zip(again.floppies) {
                let medium = spec.take().and_then(|spec| spec.medium);
                *spec = kind.map(|kind| FloppySpec { kind, medium });
            }
        }
        Spec {
            cpu: args.cpu.unwrap_or(CpuModel::newest_complete()).name.to_owned(),
            memory: args.mem.unwrap_or(DEFAULT_MEMORY_MIB),
            ips: rate.per_second(),
            real_timing: args.timing == Some(Timing::Real),
            rtc: spec::rtc_text(rtc),
            boot: self.media.boot.clone(),
            bios: named(&args.bios),
            vga_bios: named(&args.vga_bios),
            floppies,
            disks,
            cdrom,
            debug_exit: args.debug_exit,
            debug_console: args.has_debug_console(),
            network: args.network_card(),
            isa: args.isa,
            fw_cfg: args.fw_cfg,
            direct_boot: DirectSpec::named(args),
        }
    }

    /// Builds the machine. The media that may be changed later are given back.
    pub fn build(
        self,
        args: &RunArgs,
        rate: TickRate,
        rtc: DateTime,
        ports: Vec<u16>,
    ) -> Result<(Machine, MediaLists), Failure> {
        let mut builder = MachineBuilder::new()
            .memory_mib(args.mem.unwrap_or(DEFAULT_MEMORY_MIB))
            .rate(rate)
            .timing(args.timing.unwrap_or(Timing::Fast))
            .rtc(rtc)
            .boot_order(&self.media.boot)
            .debug_exit(args.debug_exit)
            .debug_console(args.has_debug_console())
            .port_log(ports)
            .network(args.network_card())
            .isa(args.isa)
            .fw_cfg(args.fw_cfg)
            .dispatch(match args.dispatch {
                DispatchKind::Chained => Dispatch::Chained,
                DispatchKind::Loop => Dispatch::Loop,
            });
        if let Some(model) = args.cpu {
            builder = builder.cpu(model);
        }
        if let Some(bios) = self.bios {
            builder = builder.bios(bios);
        }
        if let Some(bios) = self.vga_bios {
            builder = builder.vga_bios(bios);
        }
        for (at, rom) in self.loads.adapter_roms {
            builder = builder.adapter_rom(at, rom);
        }
        builder = builder.direct_boot(self.loads.boot);
        if let Some(again) = &args.again {
            for (drive, kind) in (0u8..).zip(again.floppies) {
                builder = match kind {
                    Some(kind) => builder.floppy(drive, kind, None),
                    None => builder.no_floppy(drive),
                };
            }
        }
        let writes = self.media.writes;
        let mut lists: [Vec<PathBuf>; 2] = Default::default();
        for (drive, slot) in self.media.floppies.into_iter().enumerate() {
            if let Some(list) = lists.get_mut(drive) {
                *list = slot.paths;
            }
            if let Some((kind, image)) = slot.image {
                builder = builder.floppy(drive as u8, kind, Some(image));
            }
        }
        for (index, disk) in self.media.disks.into_iter().enumerate() {
            if let Some(disk) = disk {
                builder = builder.disk(index, disk.image, disk.chs);
            }
        }
        let mut cds = Vec::new();
        if let Some(slot) = self.media.cdrom {
            builder = builder.cdrom(slot.index, slot.image);
            cds = slot.paths;
        }
        let machine = builder.build().map_err(|error| match error {
            BuildError::Disk { .. } | BuildError::BiosSize { .. } | BuildError::VgaBiosSize { .. } => {
                Failure::file(error.to_string())
            }
            BuildError::PortConflict { second: "ne2000", .. } => Failure::usage(format!(
                "{error}; choose others, as in --nic isa,io=300 or io=340"
            )),
            BuildError::InterruptTaken { .. } => Failure::usage(format!("{error}, as in --nic isa,irq=10")),
            error => Failure::usage(error.to_string()),
        })?;
        Ok((machine, MediaLists::new(lists, cds, writes)))
    }
}

fn check_adapter_roms(
    args: &RunArgs,
    loads: &Loads,
    bios: Option<&[u8]>,
    vga_bios: Option<&[u8]>,
) -> Result<(), Failure> {
    let bios = bios.unwrap_or(oldiron_bios::SYSTEM_BIOS);
    let vga_bios = vga_bios.unwrap_or(oldiron_bios::VGA_BIOS);
    let checked = oldiron_platform::check_adapter_roms(bios, vga_bios, &loads.adapter_roms);
    checked.map_err(|at| {
        let load = args.load.iter().find(|load| load.at == at);
        let path = load.map(|load| load.path.display().to_string()).unwrap_or_default();
        Failure::file(format!(
            "{path}: there is no room for it as a ROM at {at:x}; it must lie from C8000 to EFFFF, off both BIOSes and other ROMs"
        ))
    })
}

fn read_rom(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| image::unreadable(path, &error))
}

fn system_bios(path: &Path) -> Result<Vec<u8>, Failure> {
    let rom = read_rom(path)?;
    if matches!(rom.len(), 0x10000 | 0x20000 | 0x40000) {
        return Ok(rom);
    }
    let found = rom.len();
    Err(Failure::file(format!(
        "{}: {found} bytes; a system BIOS has 64, 128 or 256 KiB",
        path.display()
    )))
}

fn vga_bios(path: &Path) -> Result<Vec<u8>, Failure> {
    let rom = read_rom(path)?;
    if !(512..=0x10000).contains(&rom.len()) {
        let found = rom.len();
        return Err(Failure::file(format!(
            "{}: {found} bytes; a VGA BIOS has 512 bytes to 64 KiB",
            path.display()
        )));
    }
    if !rom.starts_with(&[0x55, 0xaa]) {
        return Err(Failure::file(format!(
            "{}: does not start with 55 AA, so it is not a VGA BIOS; give an option ROM image",
            path.display()
        )));
    }
    Ok(rom)
}

fn read_script(args: &RunArgs) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    if let Some(path) = &args.script {
        let source = std::fs::read(path).map_err(|error| image::unreadable(path, &error))?;
        let source = String::from_utf8(source)
            .map_err(|_| Failure::file(format!("{}: a script is text in UTF-8", path.display())))?;
        lines = script::parse(&path.display().to_string(), &source).map_err(Failure::usage)?;
    }
    for (index, line) in args.lines.iter().enumerate() {
        lines.extend(script::parse_option(index, line).map_err(Failure::usage)?);
    }
    Ok(lines)
}

/// The host's local time.
pub fn host_time() -> DateTime {
    let now = Local::now();
    let date_time = DateTime::new(
        now.year().clamp(0, 9999) as u16,
        now.month() as u8,
        now.day() as u8,
        now.hour() as u8,
        now.minute() as u8,
        now.second() as u8,
    );
    date_time.unwrap_or_default()
}
