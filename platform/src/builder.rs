//! What a machine is made of, and whether the parts fit together.

use oldiron_cpu::{CpuModel, Dispatch};
use oldiron_devices::{
    Apic, BlockImage, Chs, Cmos, CoprocessorError, DateTime, DiskError, DmaPair, FloppyController,
    FloppyKind, FwCfg, GeometryError, IdeChannel, PicPair, Pit, Ps2Controller, SystemPorts, TestDevice,
    Timing, Uart, Vga, check_chs,
    pci::{HotPlug, PciChipset, PowerManagement},
};
use oldiron_mmu::TickRate;

use crate::{
    Machine, NetworkCard,
    board::Board,
    chips::Chips,
    cmos_contents::{self, BootDevice, Facts},
    direct_boot::{BootPort, DirectBoot},
    hash::{self, Hasher},
    irq_router::source,
    media::{self, MediaError},
    memory_map,
    state::Configuration,
};

/// Why a machine cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BuildError {
    /// Too little or too much memory.
    #[error("{mib} MiB of memory: must be 1 to 3072")]
    Memory {
        /// What was asked for.
        mib: u32,
    },
    /// The system BIOS has no size a PC can map.
    #[error("a system BIOS of {bytes} bytes: must be 64, 128 or 256 KiB")]
    BiosSize {
        /// Its size.
        bytes: usize,
    },
    /// The VGA BIOS does not fit its window.
    #[error("a VGA BIOS of {bytes} bytes: must be 512 bytes to 64 KiB")]
    VgaBiosSize {
        /// Its size.
        bytes: usize,
    },
    /// An adapter ROM is not in the adapter area, or where another ROM is.
    #[error(
        "an adapter ROM at {at:#07x}: not free; the ROMs of others and both BIOSes are in C0000 to FFFFF too"
    )]
    AdapterRom {
        /// Its address.
        at: u32,
    },
    /// The adapter area is full.
    #[error("no room in the adapter area for the ROM of direct boot; take an adapter ROM away")]
    NoRoomForRom,
    /// The boot order is not a choice of a, c and d.
    #[error("boot order '{order}': must be one to three different letters of a, c, d")]
    BootOrder {
        /// What was asked for.
        order: String,
    },
    /// There is no such drive.
    #[error("{what} {index}: there is no such drive")]
    NoSuchDrive {
        /// Floppy or disk.
        what: &'static str,
        /// The number asked for.
        index: usize,
    },
    /// An image does not fit its floppy drive.
    #[error("floppy {drive}: {source}")]
    Floppy {
        /// Which.
        drive: u8,
        /// Why.
        #[source]
        source: MediaError,
    },
    /// An image does not fit its drive.
    #[error("disk {index}: {source}")]
    Disk {
        /// Which.
        index: usize,
        /// Why.
        #[source]
        source: DiskError,
    },
    /// An image does not fit the CD-ROM drive.
    #[error("CD-ROM: {source}")]
    Cdrom {
        /// Why.
        #[source]
        source: MediaError,
    },
    /// A disk and the CD-ROM drive want the same place.
    #[error("disk {index} and the CD-ROM drive want the same place on the cable")]
    PlaceTaken {
        /// Which.
        index: usize,
    },
    /// A geometry given for a disk is none.
    #[error("disk {index}: {source}")]
    Geometry {
        /// Which.
        index: usize,
        /// Why.
        #[source]
        source: GeometryError,
    },
    /// The network card's ports are not ones that its jumpers can choose.
    #[error("a network card at port {io:x}: must be a multiple of 20h from 200 to 3e0")]
    NetworkPorts {
        /// The first port asked for.
        io: u16,
    },
    /// The network card's interrupt line cannot be had.
    #[error("a network card on interrupt {irq}: that is {by}; must be 5, 7, 9, 10 or 11")]
    InterruptTaken {
        /// The line asked for.
        irq: u8,
        /// Whose it is.
        by: &'static str,
    },
    /// The network card's address is not that of one station.
    #[error("a network card with the address {:02x}:…: its first byte must be even, for an odd one is that of a group", mac[0])]
    GroupAddress {
        /// What was asked for.
        mac: [u8; 6],
    },
    /// A card for a bus that is not there.
    #[error("a network card on the PCI bus of a machine that has none (--isa); take --nic isa")]
    NoPci,
    /// Two chips decode the same port.
    #[error("port {port:#06x} is claimed by both {first} and {second}")]
    PortConflict {
        /// The port.
        port: u16,
        /// Who had it first.
        first: &'static str,
        /// Who wants it too.
        second: &'static str,
    },
}

/// A floppy drive and what is in it.
pub(crate) struct FloppyDrive {
    pub(crate) kind: FloppyKind,
    pub(crate) image: Option<Box<dyn BlockImage>>,
}

/// A fixed disk.
pub(crate) struct FixedDisk {
    pub(crate) image: Box<dyn BlockImage>,
    pub(crate) chs: Option<Chs>,
}

/// A CD-ROM drive, its place as that of a disk, and what is in it.
pub(crate) struct CdromDrive {
    pub(crate) index: usize,
    pub(crate) image: Option<Box<dyn BlockImage>>,
}

/// Collects the parts of a machine.
///
/// Without further calls: 64 MiB, the newest processor, 100 million ticks a second, fast timing,
/// a 1.44 MiB floppy drive without a floppy, no disks, the built-in ROMs, PCI.
pub struct MachineBuilder {
    pub(crate) memory_mib: u32,
    pub(crate) cpu: Option<&'static CpuModel>,
    pub(crate) rate: TickRate,
    pub(crate) timing: Timing,
    pub(crate) rtc: DateTime,
    pub(crate) floppies: [Option<FloppyDrive>; 2],
    pub(crate) disks: [Option<FixedDisk>; 4],
    pub(crate) cdrom: Option<CdromDrive>,
    pub(crate) boot_order: String,
    pub(crate) bios: Option<Vec<u8>>,
    pub(crate) vga_bios: Option<Vec<u8>>,
    pub(crate) adapter_roms: Vec<(u32, Vec<u8>)>,
    pub(crate) direct_boot: Option<DirectBoot>,
    pub(crate) debug_exit: Option<u16>,
    pub(crate) debug_console: bool,
    pub(crate) port_log: Vec<u16>,
    pub(crate) network: Option<NetworkCard>,
    pub(crate) isa: bool,
    pub(crate) fw_cfg: bool,
    pub(crate) dispatch: Dispatch,
    bad_drive: Option<BuildError>,
}

impl Default for MachineBuilder {
    fn default() -> Self {
        Self {
            memory_mib: 64,
            cpu: None,
            rate: TickRate::new(100_000_000),
            timing: Timing::Fast,
            rtc: DateTime::default(),
            floppies: [
                Some(FloppyDrive {
                    kind: FloppyKind::Hd35,
                    image: None,
                }),
                None,
            ],
            disks: [const { None }; 4],
            cdrom: None,
            boot_order: "acd".to_owned(),
            bios: None,
            vga_bios: None,
            adapter_roms: Vec::new(),
            direct_boot: None,
            debug_exit: None,
            debug_console: false,
            port_log: Vec::new(),
            network: None,
            isa: false,
            fw_cfg: false,
            dispatch: Dispatch::default(),
            bad_drive: None,
        }
    }
}

impl MachineBuilder {
    /// A builder with the defaults above.
    pub fn new() -> Self {
        Self::default()
    }

    /// Memory in MiB, 1 to 3072.
    pub fn memory_mib(mut self, mib: u32) -> Self {
        self.memory_mib = mib;
        self
    }

    /// The processor.
    pub fn cpu(mut self, model: &'static CpuModel) -> Self {
        self.cpu = Some(model);
        self
    }

    /// Ticks per guest second.
    pub fn rate(mut self, rate: TickRate) -> Self {
        self.rate = rate;
        self
    }

    /// Device latencies.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// What the real-time clock starts with.
    pub fn rtc(mut self, start: DateTime) -> Self {
        self.rtc = start;
        self
    }

    /// Fits floppy drive 0 or 1, with or without a floppy.
    pub fn floppy(mut self, drive: u8, kind: FloppyKind, image: Option<Box<dyn BlockImage>>) -> Self {
        match self.floppies.get_mut(usize::from(drive)) {
            Some(slot) => *slot = Some(FloppyDrive { kind, image }),
            None => {
                self.bad_drive = Some(BuildError::NoSuchDrive {
                    what: "floppy",
                    index: drive.into(),
                })
            }
        }
        self
    }

    /// Removes floppy drive 0 or 1.
    pub fn no_floppy(mut self, drive: u8) -> Self {
        if let Some(slot) = self.floppies.get_mut(usize::from(drive)) {
            *slot = None;
        }
        self
    }

    /// Fits a fixed disk: 0 and 1 on the first channel, 2 and 3 on the second.
    pub fn disk(mut self, index: usize, image: Box<dyn BlockImage>, chs: Option<Chs>) -> Self {
        match self.disks.get_mut(index) {
            Some(slot) => *slot = Some(FixedDisk { image, chs }),
            None => self.bad_drive = Some(BuildError::NoSuchDrive { what: "disk", index }),
        }
        self
    }

    /// Fits a CD-ROM drive, with or without a disc, in the place of a disk.
    pub fn cdrom(mut self, index: usize, image: Option<Box<dyn BlockImage>>) -> Self {
        if index < self.disks.len() {
            self.cdrom = Some(CdromDrive { index, image });
        } else {
            let what = "CD-ROM drive";
            self.bad_drive = Some(BuildError::NoSuchDrive { what, index });
        }
        self
    }

    /// The order in which devices are tried at boot: up to three different letters of `a` floppy,
    /// `c` fixed disk, `d` CD.
    pub fn boot_order(mut self, order: &str) -> Self {
        order.clone_into(&mut self.boot_order);
        self
    }

    /// Another system BIOS: 64, 128 or 256 KiB.
    pub fn bios(mut self, image: Vec<u8>) -> Self {
        self.bios = Some(image);
        self
    }

    /// Another VGA BIOS: at most 64 KiB.
    pub fn vga_bios(mut self, image: Vec<u8>) -> Self {
        self.vga_bios = Some(image);
        self
    }

    /// A ROM in the adapter area, at an address from C8000h on; the BIOS finds it where it is at a multiple of 2 KiB.
    pub fn adapter_rom(mut self, at: u32, image: Vec<u8>) -> Self {
        self.adapter_roms.push((at, image));
        self
    }

    /// What is booted instead of a disk.
    pub fn direct_boot(mut self, boot: Option<DirectBoot>) -> Self {
        self.direct_boot = boot;
        self
    }

    /// The port by which a guest can end the run (`--debug-exit`).
    pub fn debug_exit(mut self, port: Option<u16>) -> Self {
        self.debug_exit = port;
        self
    }

    /// Whether port E9h is there.
    pub fn debug_console(mut self, on: bool) -> Self {
        self.debug_console = on;
        self
    }

    /// Ports of which every written byte is copied to the outbox.
    pub fn port_log(mut self, ports: Vec<u16>) -> Self {
        self.port_log = ports;
        self
    }

    /// A network card, or none.
    pub fn network(mut self, card: Option<NetworkCard>) -> Self {
        self.network = card;
        self
    }

    /// A machine without PCI.
    pub fn isa(mut self, isa: bool) -> Self {
        self.isa = isa;
        self
    }

    /// Whether there is what QEMU gives to test programs: its firmware configuration device at ports 510h and 511h, and a
    /// latch at port E0h and memory at FF000000h to try the bus with.
    pub fn fw_cfg(mut self, on: bool) -> Self {
        self.fw_cfg = on;
        self
    }

    /// How the processor dispatches instructions. Results never depend on it.
    pub fn dispatch(mut self, dispatch: Dispatch) -> Self {
        self.dispatch = dispatch;
        self
    }

    /// Builds the machine and turns it on.
    pub fn build(self) -> Result<Machine, BuildError> {
        if let Some(error) = self.bad_drive {
            return Err(error);
        }
        let bios = self.bios.unwrap_or_else(|| oldiron_bios::SYSTEM_BIOS.to_vec());
        let vga_bios = self.vga_bios.unwrap_or_else(|| oldiron_bios::VGA_BIOS.to_vec());
        let loaded_hash = loaded_hash(&self.adapter_roms, self.direct_boot.as_ref());
        let mut adapter_roms = self.adapter_roms;
        memory_map::check_adapter_roms(&bios, &vga_bios, &adapter_roms)
            .map_err(|at| BuildError::AdapterRom { at })?;
        if self.direct_boot.is_some() {
            let at = memory_map::place_adapter_rom(&bios, &vga_bios, &adapter_roms);
            let at = at.ok_or(BuildError::NoRoomForRom)?;
            adapter_roms.push((at, oldiron_bios::DIRECT_BOOT.to_vec()));
        }
        let (mut mem, mut map) = memory_map::build(self.memory_mib, &bios, &vga_bios, &adapter_roms)?;
        let boot_order = BootDevice::parse_order(&self.boot_order);
        let boot_order = boot_order.ok_or(BuildError::BootOrder {
            order: self.boot_order,
        })?;
        let kinds = [0, 1].map(|drive| self.floppies[drive].as_ref().map(|floppy| floppy.kind));
        let mut floppy = FloppyController::new(source::FLOPPY, kinds);
        for (drive, fitted) in (0u8..).zip(self.floppies) {
            if let Some(image) = fitted.and_then(|fitted| fitted.image) {
                media::check_floppy(image.as_ref()).map_err(|source| BuildError::Floppy { drive, source })?;
                floppy.insert(drive, Some(image));
            }
        }
        let mut ide = [
            IdeChannel::primary(source::IDE0),
            IdeChannel::secondary(source::IDE1),
        ];
        if !self.isa {
            ide = ide.map(IdeChannel::with_bus_master);
        }
        for (index, disk) in self.disks.into_iter().enumerate() {
            if let Some(FixedDisk { image, chs }) = disk {
                if let Some(chs) = chs {
                    let checked = check_chs(chs, image.sectors());
                    checked.map_err(|source| BuildError::Geometry { index, source })?;
                }
                let attached = ide[index / 2].attach(index as u8 % 2, image, chs);
                attached.map_err(|source| BuildError::Disk { index, source })?;
            }
        }
        let cdrom = self.cdrom.as_ref().map(|drive| drive.index);
        if let Some(CdromDrive { index, image }) = self.cdrom {
            if let Some(image) = &image {
                media::check_cd(image.as_ref()).map_err(|source| BuildError::Cdrom { source })?;
            }
            let (channel, device) = (&mut ide[index / 2], index as u8 % 2);
            if channel.sectors(device).is_some() {
                return Err(BuildError::PlaceTaken { index });
            }
            channel.attach_cdrom(device, image);
        }
        let disk_facts = |index: usize| {
            let (channel, device) = (&ide[index / 2], index as u8 % 2);
            Some((channel.geometry(device)?.physical, channel.sectors(device)?))
        };
        let disks = [0, 1, 2, 3].map(disk_facts);
        let model = self.cpu.unwrap_or(CpuModel::newest_complete());
        let facts = Facts {
            memory_mib: self.memory_mib,
            floppies: kinds,
            disks: [disks[0], disks[1]].map(|disk| disk.map(|(chs, _)| chs)),
            boot_order: &boot_order,
            coprocessor: model.fpu,
        };
        let mut cmos = Cmos::new(source::RTC, self.rtc);
        for (register, value) in cmos_contents::contents(&facts) {
            cmos.set(register, value);
        }
        let chips = Chips {
            pic: PicPair::new(),
            pit: Pit::new(source::PIT),
            dma: DmaPair::new(),
            cmos,
            ps2: Ps2Controller::new(source::KEYBOARD, source::MOUSE),
            uarts: [Uart::new(0, source::COM1), Uart::new(1, source::COM2)],
            system: SystemPorts::new(self.debug_console, self.debug_exit),
            floppy,
            ide,
            vga: Vga::new(source::VGA),
            coprocessor: CoprocessorError::new(source::COPROCESSOR),
            network: self.network.map(|card| card.build(!self.isa)).transpose()?,
            pci: (!self.isa).then(PciChipset::new),
            power: (!self.isa).then(|| PowerManagement::new(source::SCI)),
            hot_plug: (!self.isa).then(HotPlug::default),
            direct_boot: self.direct_boot.map(BootPort::new),
            apic: model.apic_version().filter(|_| !self.isa).map(Apic::new),
            fw_cfg: self.fw_cfg.then(|| FwCfg::new(u64::from(self.memory_mib) << 20)),
            test_device: self.fw_cfg.then(TestDevice::new),
        };
        if let Some(apic) = &chips.apic {
            map.add_io_apic(&mut mem);
            map.place_local_apic(&mut mem, apic.local_page());
        }
        if chips.test_device.is_some() {
            map.add_test_device(&mut mem);
        }
        let board = Board::new(self.rate, self.timing, chips, map, &self.port_log)?;
        let configuration = Configuration {
            memory_mib: self.memory_mib,
            cpu: model.name.to_owned(),
            rate: self.rate,
            real_timing: self.timing == Timing::Real,
            floppies: kinds,
            disks,
            cdrom,
            bios_hash: hash::hash_bytes(&bios),
            vga_bios_hash: hash::hash_bytes(&vga_bios),
            debug_exit: self.debug_exit,
            debug_console: self.debug_console,
            network: self.network,
            isa: self.isa,
            fw_cfg: self.fw_cfg,
            loaded_hash,
        };
        Ok(Machine::new(model, self.dispatch, mem, board, configuration))
    }
}

/// Of everything that comes from files into memory, besides both BIOSes.
fn loaded_hash(adapter_roms: &[(u32, Vec<u8>)], boot: Option<&DirectBoot>) -> Option<u64> {
    if adapter_roms.is_empty() && boot.is_none() {
        return None;
    }
    let mut hasher = Hasher::new();
    for (at, rom) in adapter_roms {
        hasher.update_u64((*at).into());
        hasher.update_u64(rom.len() as u64);
        hasher.update(rom);
    }
    hasher.update_u64(boot.map_or(0, DirectBoot::hash));
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use oldiron_devices::MemoryImage;

    use super::*;
    use crate::CardSlot;

    fn builder() -> MachineBuilder {
        MachineBuilder::new()
            .memory_mib(1)
            .bios(vec![0; 0x10000])
            .vga_bios(vec![0; 0x8000])
    }

    fn error(builder: MachineBuilder) -> BuildError {
        builder.build().err().unwrap()
    }

    fn image(kib: usize) -> Box<dyn BlockImage> {
        Box::new(MemoryImage::new(vec![0; kib << 10]))
    }

    #[test]
    fn parts_that_do_not_fit_are_refused_one_by_one() {
        assert!(builder().build().is_ok());
        assert_eq!(error(builder().memory_mib(0)), BuildError::Memory { mib: 0 });
        assert_eq!(
            error(builder().memory_mib(3073)),
            BuildError::Memory { mib: 3073 }
        );
        assert_eq!(
            error(builder().bios(vec![0; 100])),
            BuildError::BiosSize { bytes: 100 }
        );
        assert_eq!(
            error(builder().vga_bios(vec![])),
            BuildError::VgaBiosSize { bytes: 0 }
        );
        assert_eq!(
            error(builder().boot_order("ab")),
            BuildError::BootOrder {
                order: "ab".to_owned()
            }
        );
        assert_eq!(
            error(builder().floppy(2, FloppyKind::Hd35, None)),
            BuildError::NoSuchDrive {
                what: "floppy",
                index: 2
            }
        );
        assert_eq!(
            error(builder().disk(4, image(1), None)),
            BuildError::NoSuchDrive {
                what: "disk",
                index: 4
            }
        );
    }

    #[test]
    fn a_network_card_must_find_its_ports_and_its_line_free() {
        let with = |io, irq, first| {
            let slot = CardSlot::Isa { io, irq };
            builder().network(Some(NetworkCard {
                slot,
                mac: [first, 0, 0, 0, 0, 1],
            }))
        };
        assert!(with(0x300, 9, 2).build().is_ok());
        assert!(with(0x280, 2, 2).build().is_ok());
        assert_eq!(error(with(0x310, 9, 2)), BuildError::NetworkPorts { io: 0x310 });
        assert_eq!(error(with(0x1f0, 9, 2)), BuildError::NetworkPorts { io: 0x1f0 });
        assert_eq!(
            error(with(0x300, 4, 2)),
            BuildError::InterruptTaken { irq: 4, by: "COM1" }
        );
        assert!(matches!(
            error(with(0x300, 16, 2)),
            BuildError::InterruptTaken { irq: 16, .. }
        ));
        assert!(matches!(
            error(with(0x300, 9, 1)),
            BuildError::GroupAddress { .. }
        ));
        assert!(matches!(
            error(with(0x3e0, 9, 2)),
            BuildError::PortConflict { second: "ne2000", .. }
        ));
    }

    #[test]
    fn a_card_on_the_pci_bus_needs_one() {
        let card = NetworkCard {
            slot: CardSlot::Pci,
            mac: [2; 6],
        };
        assert!(builder().network(Some(card)).build().is_ok());
        let without = builder().network(Some(card)).isa(true);
        assert_eq!(error(without), BuildError::NoPci);
    }

    #[test]
    fn a_floppy_has_the_size_of_a_floppy() {
        for kib in [160, 180, 320, 360, 720, 1200, 1440, 1680, 2880] {
            assert!(
                builder()
                    .floppy(1, FloppyKind::Ed35, Some(image(kib)))
                    .build()
                    .is_ok(),
                "{kib} KiB"
            );
        }
        assert_eq!(
            error(builder().floppy(1, FloppyKind::Hd35, Some(image(1000)))),
            BuildError::Floppy {
                drive: 1,
                source: MediaError::FloppySize { bytes: 1_024_000 }
            }
        );
    }

    #[test]
    fn a_cd_has_whole_sectors_and_a_drive_with_a_place_of_its_own() {
        let cd = |index| builder().cdrom(index, Some(image(6)));
        assert!(cd(2).build().is_ok() && builder().cdrom(0, None).build().is_ok());
        let sizes = [0, 3].map(|kib| error(builder().cdrom(2, Some(image(kib)))));
        for (error, bytes) in sizes.into_iter().zip([0, 3072]) {
            let source = MediaError::CdSize { bytes };
            assert_eq!(error, BuildError::Cdrom { source });
        }
        assert_eq!(
            error(cd(3).disk(3, image(3), None)),
            BuildError::PlaceTaken { index: 3 }
        );
        let nowhere = BuildError::NoSuchDrive {
            what: "CD-ROM drive",
            index: 4,
        };
        assert_eq!(error(cd(4)), nowhere);

        let mut machine = cd(2).build().unwrap();
        assert_eq!(machine.insert_cd(None), Ok(()));
        assert_eq!(
            machine.insert_cd(Some(image(3))),
            Err(MediaError::CdSize { bytes: 3072 })
        );
        assert_eq!(machine.insert_cd(Some(image(4))), Ok(()));
        assert_eq!(
            builder().build().unwrap().insert_cd(None),
            Err(MediaError::NoCdrom)
        );
    }

    #[test]
    fn a_floppy_can_be_changed_in_a_drive_that_is_there() {
        let mut machine = builder().build().unwrap();
        assert_eq!(machine.insert_floppy(0, Some(image(720))), Ok(()));
        assert_eq!(machine.insert_floppy(0, None), Ok(()));
        assert_eq!(
            machine.insert_floppy(1, None),
            Err(MediaError::NoSuchDrive { drive: 1 })
        );
        assert_eq!(
            machine.insert_floppy(0, Some(image(3))),
            Err(MediaError::FloppySize { bytes: 3072 })
        );
    }
}
