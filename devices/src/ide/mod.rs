//! An ATA channel with up to two disks or CD-ROM drives: 1F0h–1F7h and 3F6h, or 170h–177h and 376h–377h.
//!
//! Follows ATA/ATAPI-4 (T13 1153D); section numbers refer to it. CD-ROM drives are in [`atapi`]. What ATA-1 and ATA-2 had besides (FORMAT
//! TRACK, RECALIBRATE, WRITE VERIFY, the commands 94h to 99h) is there, too. PIO in blocks through the data
//! port, 16 and 32 bits wide; each device has its own registers, and writes go to both, as on the
//! cable. Completions are events after a delay: at `--timing fast` 20 µs for an access, 0.5 µs for a
//! block of a read that the drive has read ahead, 0.1 µs for one that goes into the write cache; with head
//! movements and the media rate at `--timing real`.
//!
//! What the guest wrote is in the image when the next block is asked for or the command ends. It is made
//! durable ([`BlockImage::flush`]) by FLUSH CACHE, STANDBY, STANDBY IMMEDIATE and SLEEP, as the write cache is
//! turned off, by each write while it is off, and by every reset.
//!
//! Commands of 48 bits follow ATA/ATAPI-6 (T13 1410D). Where the channel has a bus master ([`bus_master`]), READ and WRITE
//! DMA and packets with DMA move the same blocks by it: the device is busy until the command's one interrupt.
//!
//! Left out, and aborted: READ and WRITE LONG, queued and Ultra DMA, eight-bit transfers (SET FEATURES 01h), SMART, security,
//! SET MAX, DOWNLOAD MICROCODE, advanced power management, removable media and CFA commands. The
//! blocks of READ MULTIPLE before an error come, the one with the error does not. Sectors that FORMAT TRACK
//! should mark as bad are refused. The drive address register 3F7h floats (that port belongs to the floppy
//! controller).

mod ata;
mod atapi;
mod bus_master;
mod disk_unit;
mod geometry;
mod identify;
mod interface;
mod registers;
mod unit;

#[cfg(test)]
mod tests;

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};

use self::ata::Disk;
use self::bus_master::BusMaster;
pub use self::geometry::{
    DiskGeometry, GeometryError, GeometrySource, check_chs, find_geometry, given_geometry,
};
use self::interface::Next;
use self::registers::{Control, DeviceHead, Status};
use self::unit::{Place, Unit};
use crate::{BlockImage, Chs, Ctx, Device, DiskError, IrqLine, PortRange, ResetKind, SECTOR_SIZE, TimerId};

/// Registers, as offsets from the first port.
const DATA: u16 = 0;
const ERROR_FEATURES: u16 = 1;
const SECTOR_COUNT: u16 = 2;
const SECTOR_NUMBER: u16 = 3;
const CYLINDER_LOW: u16 = 4;
const CYLINDER_HIGH: u16 = 5;
const DEVICE_HEAD: u16 = 6;
const STATUS_COMMAND: u16 = 7;
/// The control block is 206h above the command block.
const ALTERNATE_CONTROL: u16 = 0x206;

/// EXECUTE DEVICE DIAGNOSTIC, which goes to both devices.
const EXECUTE_DIAGNOSTIC: u8 = 0x90;

/// Sectors in which attaching looks for a geometry.
const GEOMETRY_SECTORS: u64 = 128;

/// What a channel with nothing on it reads.
const FLOATING: u8 = 0xff;

/// Bytes that a cycle of this width moves through the data port. It is 16 bits wide: the half that a cycle of
/// eight bits leaves out is lost, and not driven in a write.
fn data_bytes(width: IoWidth) -> usize {
    width.bytes().max(2) as usize
}

/// One ATA channel.
pub struct IdeChannel {
    irq: IrqLine,
    timer: TimerId,
    ports: [PortRange; 2],
    /// Bit of device 0 in the activity mask.
    first_activity: u8,
    units: [Option<Unit>; 2],
    /// Device 1 is selected.
    second: bool,
    control: Control,
    master: Option<BusMaster>,
}

impl IdeChannel {
    /// The first channel, at 1F0h, with the timer [`TimerId::Ide0`].
    pub fn primary(irq: IrqLine) -> Self {
        Self::new(irq, TimerId::Ide0, 0x1f0, 1, 1 << 2)
    }

    /// The second channel, at 170h, with the timer [`TimerId::Ide1`].
    pub fn secondary(irq: IrqLine) -> Self {
        Self::new(irq, TimerId::Ide1, 0x170, 2, 1 << 4)
    }

    fn new(irq: IrqLine, timer: TimerId, base: u16, control_ports: u16, first_activity: u8) -> Self {
        let ports = [
            PortRange {
                first: base,
                count: 8,
            },
            PortRange {
                first: base + ALTERNATE_CONTROL,
                count: control_ports,
            },
        ];
        let control = Control::empty();
        Self {
            irq,
            timer,
            ports,
            first_activity,
            units: [None, None],
            second: false,
            control,
            master: None,
        }
    }

    /// With a bus master: any port beyond the channel's own is one of its registers, which the lowest three bits
    /// choose. To be called before a device is put on the cable.
    pub fn with_bus_master(mut self) -> Self {
        self.master = Some(BusMaster::new());
        self
    }

    /// Puts a disk on the cable as device 0 or 1. Without `chs` the geometry is found from what is
    /// on the disk ([`find_geometry`]).
    pub fn attach(
        &mut self,
        device: u8,
        image: Box<dyn BlockImage>,
        chs: Option<Chs>,
    ) -> Result<(), DiskError> {
        let mut image = image;
        let sectors = image.sectors();
        let geometry = match chs {
            Some(chs) => given_geometry(chs, sectors),
            None => {
                let mut first = vec![0; sectors.min(GEOMETRY_SECTORS) as usize * SECTOR_SIZE];
                image.read(0, &mut first)?;
                find_geometry(sectors, &first)
            }
        };
        let place = self.place(device);
        self.units[usize::from(place.number)] = Some(Unit::disk(Disk { image, geometry }, place));
        Ok(())
    }

    /// Puts a CD-ROM drive on the cable as device 0 or 1, with or without a disc.
    pub fn attach_cdrom(&mut self, device: u8, image: Option<Box<dyn BlockImage>>) {
        let place = self.place(device);
        self.units[usize::from(place.number)] = Some(Unit::cdrom(image, place));
    }

    /// Changes the disc in a CD-ROM drive, or takes it out, and returns the one that was in it. It is done by
    /// force: a guest that has locked the door can only be told afterwards. Nothing happens where there is no
    /// such drive.
    pub fn insert_cd(
        &mut self,
        device: u8,
        image: Option<Box<dyn BlockImage>>,
    ) -> Option<Box<dyn BlockImage>> {
        self.unit_mut(device)?.as_cdrom_mut()?.insert(image)
    }

    /// Whether a device is a CD-ROM drive.
    pub fn is_cdrom(&self, device: u8) -> bool {
        self.unit(device).is_some_and(|unit| unit.as_cdrom().is_some())
    }

    fn place(&self, device: u8) -> Place {
        let number = device & 1;
        Place {
            number,
            activity: self.first_activity << number,
            dma: self.master.is_some(),
        }
    }

    fn unit(&self, device: u8) -> Option<&Unit> {
        self.units.get(usize::from(device))?.as_ref()
    }

    fn unit_mut(&mut self, device: u8) -> Option<&mut Unit> {
        self.units.get_mut(usize::from(device))?.as_mut()
    }

    /// The geometries of a disk, if there is one.
    pub fn geometry(&self, device: u8) -> Option<DiskGeometry> {
        self.unit(device)?.as_disk().map(|disk| disk.geometry)
    }

    /// The size of a disk in sectors, if there is one.
    pub fn sectors(&self, device: u8) -> Option<u64> {
        self.unit(device)?.as_disk().map(Disk::sectors)
    }

    /// The image of a disk, or of what is in a CD-ROM drive, if there is one.
    pub fn image(&self, device: u8) -> Option<&dyn BlockImage> {
        self.unit(device)?.image()
    }

    /// The same, to change what is kept beside it.
    pub fn image_mut(&mut self, device: u8) -> Option<&mut Box<dyn BlockImage>> {
        self.unit_mut(device)?.image_mut()
    }

    /// Flushes the images of both devices; the first error is reported.
    pub fn flush(&mut self) -> Result<(), DiskError> {
        let results = self.units.each_mut().map(|unit| {
            let image = unit.as_mut().and_then(Unit::image_mut);
            image.map_or(Ok(()), |image| image.flush())
        });
        results.into_iter().collect()
    }

    fn is_data_port(&self, port: u16) -> bool {
        port == self.ports[0].first
    }

    /// An IN cycle, if it is one of the many that change nothing beyond the channel, no wire and no timer.
    /// `None`: it may be another, and nothing has happened.
    #[inline]
    pub fn quiet_read(&mut self, port: u16, width: IoWidth, now: Ticks) -> Option<u32> {
        let register = port.wrapping_sub(self.ports[0].first);
        let unit = self.units[usize::from(self.second)].as_mut()?;
        if unit.io.due.is_some_and(|(at, _)| at <= now) {
            return None;
        }
        match register {
            // Another register of the channel is not among the quiet ones.
            8.. if register != ALTERNATE_CONTROL => None,
            DATA => unit.io.take_inside(width),
            STATUS_COMMAND if unit.io.interrupt => None,
            _ => Some(self.read_register(register).into()),
        }
    }

    /// Reads from the data port what `buf.len()` bytes of IN cycles would read, but stops at the end
    /// of the block (DRQ drops, an interrupt may follow). Returns how many bytes were read: 0 if
    /// there is nothing to read.
    fn read_data_block(&mut self, buf: &mut [u8], ctx: &mut Ctx<'_>) -> usize {
        let n = self.selected_mut().map_or(0, |unit| unit.take(buf, ctx));
        self.update(ctx);
        n
    }

    /// Writes to the data port, likewise.
    fn write_data_block(&mut self, data: &[u8], ctx: &mut Ctx<'_>) -> usize {
        let n = self.selected_mut().map_or(0, |unit| unit.give(data, ctx));
        self.update(ctx);
        n
    }

    fn selected(&self) -> Option<&Unit> {
        self.units[usize::from(self.second)].as_ref()
    }

    fn selected_mut(&mut self) -> Option<&mut Unit> {
        self.units[usize::from(self.second)].as_mut()
    }

    fn is_empty(&self) -> bool {
        self.units.iter().all(Option::is_none)
    }

    /// Does what is due. Before an access that is only what was left without a timer.
    fn catch_up(&mut self, ctx: &mut Ctx<'_>) {
        for unit in self.units.iter_mut().flatten() {
            unit.timer(ctx);
        }
        self.move_by_dma(ctx);
    }

    /// Lets the bus master move what the selected device waits for.
    fn move_by_dma(&mut self, ctx: &mut Ctx<'_>) {
        if let (Some(master), Some(unit)) = (&mut self.master, &mut self.units[usize::from(self.second)]) {
            unit.move_by_dma(master, ctx);
        }
    }

    /// The offset of a register of the bus master, if `port` is one.
    fn master_register(&self, port: u16) -> Option<u16> {
        let own = self
            .ports
            .iter()
            .any(|range| port.wrapping_sub(range.first) < range.count);
        (!own && self.master.is_some()).then_some(port & 7)
    }

    /// Drives the interrupt wire and the timer as the devices stand. The wire is that of the
    /// selected device; nIEN keeps it low without changing the device.
    ///
    /// The next block of a read needs no timer under nIEN: nothing tells of it, so that it may be fetched
    /// when somebody looks.
    fn update(&mut self, ctx: &mut Ctx<'_>) {
        let silent = self.control.contains(Control::NIEN);
        let asserted = self.selected().is_some_and(|unit| unit.io.interrupt);
        let high = asserted && !silent;
        if let Some(master) = &mut self.master
            && high
            && !ctx.irq.is_high(self.irq)
        {
            master.interrupt_rose();
        }
        ctx.irq.set(self.irq, high);
        let due = self
            .units
            .iter()
            .flatten()
            .filter_map(|unit| Some((unit.io.dma, unit.io.due?)))
            .filter(|&(dma, (_, next))| !(silent && !dma && next == Next::ReadBlock))
            .map(|(_, (at, _))| at)
            .min();
        if ctx.timers.due(self.timer) != due {
            ctx.timers.arm(self.timer, due.unwrap_or(Ticks::MAX));
        }
    }

    /// Both devices reset or test themselves; device 0 is selected.
    fn restart(&mut self, next: Option<Next>, ctx: &mut Ctx<'_>) {
        self.second = false;
        for unit in self.units.iter_mut().flatten() {
            unit.restart(next, ctx);
        }
    }

    /// What was written goes to the disks before a reset.
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        for unit in self.units.iter_mut().flatten() {
            unit.settle(ctx);
        }
    }

    fn write_control(&mut self, value: u8, ctx: &mut Ctx<'_>) {
        let old = self.control;
        self.control = Control::from_bits_retain(value);
        if self.control.contains(Control::SRST) && !old.contains(Control::SRST) {
            // Busy as long as the bit is set.
            self.settle(ctx);
            self.units.iter_mut().flatten().for_each(Unit::software_reset);
            self.restart(None, ctx);
        } else if old.contains(Control::SRST) && !self.control.contains(Control::SRST) {
            self.restart(Some(Next::Ready { interrupt: false }), ctx);
        }
    }

    fn write_command(&mut self, opcode: u8, ctx: &mut Ctx<'_>) {
        self.control.remove(Control::HOB);
        if self.control.contains(Control::SRST) {
            return;
        }
        if opcode == EXECUTE_DIAGNOSTIC {
            self.restart(Some(Next::Ready { interrupt: true }), ctx);
            // Device 0 speaks for both.
            if let [_, Some(unit)] = &mut self.units
                && let Some((_, next)) = &mut unit.io.due
            {
                *next = Next::Ready { interrupt: false };
            }
            return;
        }
        if let Some(unit) = self.selected_mut() {
            unit.command(opcode, ctx);
        }
    }

    fn write_register(&mut self, register: u16, value: u8) {
        self.control.remove(Control::HOB);
        if register == DEVICE_HEAD {
            self.second = DeviceHead::from_bits_retain(value).contains(DeviceHead::DEV);
        }
        for unit in self
            .units
            .iter_mut()
            .flatten()
            .filter(|unit| !unit.io.status.contains(Status::BSY))
        {
            let task = &mut unit.io.task;
            let previous = &mut task.previous;
            match register {
                ERROR_FEATURES => task.features = value,
                SECTOR_COUNT => previous.count = core::mem::replace(&mut task.count, value),
                SECTOR_NUMBER => previous.sector = core::mem::replace(&mut task.sector, value),
                CYLINDER_LOW => previous.cylinder_low = core::mem::replace(&mut task.cylinder_low, value),
                CYLINDER_HIGH => previous.cylinder_high = core::mem::replace(&mut task.cylinder_high, value),
                _ => task.device = DeviceHead::from_bits_truncate(value) & !DeviceHead::OBSOLETE,
            }
        }
    }

    fn read_register(&mut self, register: u16) -> u8 {
        // Device 0 answers for an absent device 1, with a status of zero.
        let (second, before) = (self.second, self.control.contains(Control::HOB));
        let answering = match &mut self.units {
            [_, Some(unit)] if second => unit,
            [Some(unit), _] => unit,
            _ => return FLOATING,
        };
        let present = (answering.place.number == 1) == second;
        let s = &mut answering.io;
        if register == STATUS_COMMAND && present {
            s.interrupt = false;
        }
        let value = match register {
            _ if s.status.contains(Status::BSY) && present => s.status.bits(),
            ERROR_FEATURES => s.error.bits(),
            SECTOR_COUNT if before => s.task.previous.count,
            SECTOR_NUMBER if before => s.task.previous.sector,
            CYLINDER_LOW if before => s.task.previous.cylinder_low,
            CYLINDER_HIGH if before => s.task.previous.cylinder_high,
            SECTOR_COUNT => s.task.count,
            SECTOR_NUMBER => s.task.sector,
            CYLINDER_LOW => s.task.cylinder_low,
            CYLINDER_HIGH => s.task.cylinder_high,
            DEVICE_HEAD => {
                let device = if second {
                    DeviceHead::DEV
                } else {
                    DeviceHead::empty()
                };
                (s.task.device & !DeviceHead::DEV | DeviceHead::OBSOLETE | device).bits()
            }
            STATUS_COMMAND | ALTERNATE_CONTROL if present => s.status.bits(),
            STATUS_COMMAND | ALTERNATE_CONTROL => 0,
            _ => FLOATING,
        };
        log::trace!(target: "dev::ide", "in register {register:#x} = {value:#04x}");
        value
    }
}

impl Device for IdeChannel {
    fn name(&self) -> &'static str {
        "ide"
    }

    fn ports(&self) -> &[PortRange] {
        &self.ports
    }

    fn reset(&mut self, _: ResetKind, ctx: &mut Ctx<'_>) {
        self.control = Control::empty();
        if let Some(master) = &mut self.master {
            *master = BusMaster::new();
        }
        self.settle(ctx);
        for unit in self.units.iter_mut().flatten() {
            unit.default_settings();
        }
        self.restart(Some(Next::Ready { interrupt: false }), ctx);
        self.update(ctx);
    }

    fn wide_ports(&self, port: u16) -> bool {
        self.is_data_port(port)
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let register = port.wrapping_sub(self.ports[0].first);
        if let (Some(offset), Some(master)) = (self.master_register(port), &self.master) {
            return master.read(offset).into();
        }
        if self.is_empty() {
            return width.open_bus();
        }
        self.catch_up(ctx);
        if register == DATA {
            let mut bytes = width.open_bus().to_le_bytes();
            self.read_data_block(&mut bytes[..data_bytes(width)], ctx);
            return u32::from_le_bytes(bytes) & width.open_bus();
        }
        let value = self.read_register(register);
        self.update(ctx);
        value.into()
    }

    fn port_read_run(&mut self, port: u16, width: IoWidth, buf: &mut [u8], ctx: &mut Ctx<'_>) -> usize {
        // A cycle of eight bits loses half of what it moves: none of a run.
        if !self.is_data_port(port) || width == IoWidth::Byte {
            return 0;
        }
        self.catch_up(ctx);
        let ready = self.selected().map_or(0, |unit| unit.io.ready_bytes(true));
        let len = whole_cycles(buf.len().min(ready), width, ctx);
        self.read_data_block(&mut buf[..len], ctx)
    }

    fn port_write_run(&mut self, port: u16, width: IoWidth, data: &[u8], ctx: &mut Ctx<'_>) -> usize {
        // A cycle of eight bits loses half of what it moves: none of a run.
        if !self.is_data_port(port) || width == IoWidth::Byte {
            return 0;
        }
        let ready = self.selected().map_or(0, |unit| unit.io.ready_bytes(false));
        let len = whole_cycles(data.len().min(ready), width, ctx);
        self.write_data_block(&data[..len], ctx)
    }

    fn port_write(&mut self, port: u16, value: u32, width: IoWidth, ctx: &mut Ctx<'_>) {
        let byte = value as u8;
        self.catch_up(ctx);
        if let (Some(offset), Some(master)) = (self.master_register(port), &mut self.master) {
            master.write(offset, byte);
            self.move_by_dma(ctx);
            self.update(ctx);
            return;
        }
        match port.wrapping_sub(self.ports[0].first) {
            DATA => {
                let lines = value | u32::MAX.checked_shl(width.bytes() * 8).unwrap_or(0);
                self.write_data_block(&lines.to_le_bytes()[..data_bytes(width)], ctx);
                return;
            }
            STATUS_COMMAND => self.write_command(byte, ctx),
            ALTERNATE_CONTROL => self.write_control(byte, ctx),
            register @ ERROR_FEATURES..=DEVICE_HEAD => self.write_register(register, byte),
            _ => {}
        }
        log::trace!(target: "dev::ide", "out {port:#06x}, {byte:#04x}");
        self.update(ctx);
    }

    fn timer(&mut self, _: TimerId, ctx: &mut Ctx<'_>) {
        self.catch_up(ctx);
        self.update(ctx);
    }
}

/// How many of `len` bytes whole cycles of `width` move. The time becomes that of the last cycle, the only one
/// that may end a block.
fn whole_cycles(len: usize, width: IoWidth, ctx: &mut Ctx<'_>) -> usize {
    let cycles = len / width.bytes() as usize;
    ctx.now = ctx.now.saturating_add(cycles.saturating_sub(1) as u64);
    cycles * width.bytes() as usize
}

impl Snapshot for IdeChannel {
    const TAG: [u8; 4] = *b"IDE ";
    const VERSION: u16 = 3;

    fn save(&self, w: &mut StateWriter) {
        w.put(&(self.second, self.control, self.master));
        for unit in &self.units {
            match unit {
                Some(unit) => unit.save(w),
                None => w.put(&None::<()>),
            }
        }
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let master: Option<BusMaster>;
        (self.second, self.control, master) = r.get()?;
        if master.is_some() != self.master.is_some() || master.is_some_and(|master| !master.is_sane()) {
            return Err(r.damaged());
        }
        self.master = master;
        for unit in &mut self.units {
            match unit {
                Some(unit) => unit.load(r)?,
                None if r.get::<bool>()? => return Err(r.mismatch("other disks")),
                None => {}
            }
        }
        Ok(())
    }
}
