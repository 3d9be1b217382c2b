//! The commands of an ATA disk (ATA-4 §8), and its image.

use super::geometry::DiskGeometry;
use super::identify;
use super::registers::{DeviceHead, Error, Status, TaskFile};
use super::unit::{Flow, MAX_MULTIPLE, Next, Power, Unit};
use crate::{BlockImage, Ctx, DiskError, SECTOR_SIZE};

/// Sectors that LBA28 can name.
pub(super) const LBA28_SECTORS: u64 = 1 << 28;

/// Count register of CHECK POWER MODE.
const POWER_STANDBY: u8 = 0x00;
const POWER_IDLE: u8 = 0x80;
const POWER_ACTIVE: u8 = 0xff;

/// Subcommands of SET FEATURES.
mod feature {
    pub(super) const WRITE_CACHE_ON: u8 = 0x02;
    pub(super) const TRANSFER_MODE: u8 = 0x03;
    pub(super) const RETRIES_OFF: u8 = 0x33;
    pub(super) const LOOK_AHEAD_OFF: u8 = 0x55;
    pub(super) const KEEP_SETTINGS: u8 = 0x66;
    pub(super) const WRITE_CACHE_OFF: u8 = 0x82;
    pub(super) const RETRIES_ON: u8 = 0x99;
    pub(super) const LOOK_AHEAD_ON: u8 = 0xaa;
    pub(super) const REVERT_SETTINGS: u8 = 0xcc;
}

/// A disk's image and geometry.
pub(super) struct Disk {
    pub(super) image: Box<dyn BlockImage>,
    pub(super) geometry: DiskGeometry,
}

impl Disk {
    pub(super) fn sectors(&self) -> u64 {
        self.image.sectors()
    }

    /// Sectors that commands of 28 bits reach.
    pub(super) fn sectors28(&self) -> u64 {
        self.sectors().min(LBA28_SECTORS)
    }

    pub(super) fn read(&mut self, lba: u64, sector: &mut [u8], ctx: &mut Ctx<'_>) -> Result<(), Error> {
        if lba >= self.sectors28() {
            return Err(Error::IDNF);
        }
        self.image
            .read(lba, sector)
            .map_err(|error| report(error, Error::UNC, ctx))
    }

    pub(super) fn write(&mut self, lba: u64, sector: &[u8], ctx: &mut Ctx<'_>) -> Result<(), Error> {
        if lba >= self.sectors28() {
            return Err(Error::IDNF);
        }
        self.image
            .write(lba, sector)
            .map_err(|error| report(error, Error::ABRT, ctx))
    }

    pub(super) fn flush(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Error> {
        self.image
            .flush()
            .map_err(|error| report(error, Error::ABRT, ctx))
    }
}

/// Tells the front end of an image error; the guest gets `status`.
fn report(error: DiskError, status: Error, ctx: &mut Ctx<'_>) -> Error {
    log::warn!(target: "dev::ide", "{error}");
    // A protected image is the user's choice, not a failure of the host.
    if error != DiskError::ReadOnly {
        ctx.out.disk_errors.push(error);
    }
    status
}

/// The count register: 0 stands for 256.
fn sector_count(count: u8) -> u32 {
    if count == 0 { 256 } else { count.into() }
}

impl Unit {
    /// The command register is written.
    pub(super) fn command(&mut self, opcode: u8, ctx: &mut Ctx<'_>) {
        log::trace!(target: "dev::ide", "device {}: command {opcode:#04x} {:02x?}", self.number, self.s.task);
        self.abandon();
        self.s.error = Error::empty();
        let wakes = !matches!(opcode, 0x94..=0x99 | 0xe0..=0xe6);
        if wakes {
            self.s.power = Power::Active;
        }
        match opcode {
            // READ SECTORS, with and without retries.
            0x20 | 0x21 => self.sectors(Flow::Read, 1, ctx),
            // WRITE SECTORS, with and without retries; WRITE VERIFY.
            0x30 | 0x31 | 0x3c => self.sectors(Flow::Write, 1, ctx),
            // READ and WRITE MULTIPLE.
            0xc4 if self.s.multiple > 0 => self.sectors(Flow::Read, self.s.multiple, ctx),
            0xc5 if self.s.multiple > 0 => self.sectors(Flow::Write, self.s.multiple, ctx),
            // SET MULTIPLE MODE.
            0xc6 => self.set_multiple(ctx),
            // READ VERIFY, with and without retries.
            0x40 | 0x41 => match self.begin_at() {
                Some(lba) => {
                    (self.s.lba, self.s.left) = (lba, sector_count(self.s.task.count));
                    self.after_access(Next::Verify, self.s.left, ctx);
                }
                None => self.soon(Next::End(Error::IDNF), ctx),
            },
            // RECALIBRATE.
            0x10..=0x1f => {
                self.s.lba = 0;
                self.after_access(Next::End(Error::empty()), 0, ctx);
            }
            // SEEK.
            0x70..=0x7f => match self.begin_at().filter(|&lba| lba < self.disk.sectors28()) {
                Some(lba) => {
                    self.s.lba = lba;
                    self.after_access(Next::End(Error::empty()), 0, ctx);
                }
                None => self.soon(Next::End(Error::IDNF), ctx),
            },
            // INITIALIZE DEVICE PARAMETERS.
            0x91 => self.initialize_parameters(ctx),
            // READ BUFFER and WRITE BUFFER.
            0xe4 => {
                self.s.flow = Flow::Reply;
                self.soon(Next::Present, ctx);
            }
            0xe8 => {
                self.s.flow = Flow::Store;
                self.soon(Next::FirstRequest, ctx);
            }
            // FLUSH CACHE.
            0xe7 => self.soon(Next::Flush, ctx),
            // IDENTIFY DEVICE.
            0xec => {
                let data = identify::identify_device(self);
                self.s.buffer[..SECTOR_SIZE].copy_from_slice(&data);
                self.s.flow = Flow::Reply;
                self.soon(Next::Present, ctx);
            }
            // SET FEATURES.
            0xef => self.set_features(ctx),
            // READ NATIVE MAX ADDRESS.
            0xf8 => {
                self.set_address(self.disk.sectors28().saturating_sub(1));
                self.soon(Next::End(Error::empty()), ctx);
            }
            0x94..=0x99 | 0xe0..=0xe3 | 0xe5 | 0xe6 => self.power_command(opcode, ctx),
            _ => {
                log::debug!(target: "dev::ide", "device {}: command {opcode:#04x} aborted", self.number);
                self.soon(Next::End(Error::ABRT), ctx);
            }
        }
    }

    fn sectors(&mut self, flow: Flow, block: u8, ctx: &Ctx<'_>) {
        match self.begin_at() {
            Some(lba) => {
                (self.s.lba, self.s.left) = (lba, sector_count(self.s.task.count));
                self.begin_sectors(flow, block, ctx);
            }
            None => self.soon(Next::End(Error::IDNF), ctx),
        }
    }

    /// Cylinders under the current translation (INITIALIZE DEVICE PARAMETERS may have changed it).
    pub(super) fn cylinders(&self) -> u16 {
        let default = self.disk.geometry.physical;
        if (self.s.heads, self.s.sectors) == (default.heads, default.sectors) {
            return default.cylinders;
        }
        let per_cylinder = u64::from(self.s.heads) * u64::from(self.s.sectors);
        (self.disk.sectors() / per_cylinder.max(1)).min(u16::MAX.into()) as u16
    }

    /// The sector that the registers name; `None` if there is no such cylinder, head or sector.
    fn begin_at(&self) -> Option<u64> {
        let task = &self.s.task;
        if task.uses_lba() {
            return Some(task.lba28());
        }
        let (cylinder, head, sector) = (task.cylinder(), task.head(), task.sector);
        let exists =
            cylinder < self.cylinders() && head < self.s.heads && (1..=self.s.sectors).contains(&sector);
        let track = u64::from(cylinder) * u64::from(self.s.heads) + u64::from(head);
        exists.then(|| track * u64::from(self.s.sectors) + u64::from(sector) - 1)
    }

    /// Puts the address of a sector into the registers, in the form that they hold.
    pub(super) fn set_address(&mut self, lba: u64) {
        if self.s.task.uses_lba() {
            self.s.task.set_lba28(lba);
            return;
        }
        let per_track = u64::from(self.s.sectors.max(1));
        let heads = u64::from(self.s.heads.max(1));
        let track = lba / per_track;
        [self.s.task.cylinder_low, self.s.task.cylinder_high, ..] = (track / heads).to_le_bytes();
        self.s.task.set_head((track % heads) as u8);
        self.s.task.sector = (lba % per_track) as u8 + 1;
    }

    fn set_multiple(&mut self, ctx: &Ctx<'_>) {
        let count = self.s.task.count;
        let known = count == 0 || count.is_power_of_two() && count <= MAX_MULTIPLE;
        // An unknown count turns multiple mode off (ATA-4 §8.40).
        self.s.multiple = if known { count } else { 0 };
        self.soon(Next::End(if known { Error::empty() } else { Error::ABRT }), ctx);
    }

    fn initialize_parameters(&mut self, ctx: &Ctx<'_>) {
        let (heads, sectors) = (self.s.task.head() + 1, self.s.task.count);
        let error = if sectors == 0 {
            Error::ABRT
        } else {
            (self.s.heads, self.s.sectors) = (heads, sectors);
            Error::empty()
        };
        self.soon(Next::End(error), ctx);
    }

    fn set_features(&mut self, ctx: &Ctx<'_>) {
        let mut error = Error::empty();
        match self.s.task.features {
            feature::WRITE_CACHE_ON => self.s.write_cache = true,
            feature::WRITE_CACHE_OFF => self.s.write_cache = false,
            feature::LOOK_AHEAD_ON => self.s.look_ahead = true,
            feature::LOOK_AHEAD_OFF => self.s.look_ahead = false,
            // PIO default modes, and PIO modes 0 to 4 with flow control.
            feature::TRANSFER_MODE if matches!(self.s.task.count, 0x00 | 0x01 | 0x08..=0x0c) => {}
            // Settings always survive a software reset here, and there is nothing to retry.
            feature::KEEP_SETTINGS | feature::REVERT_SETTINGS => {}
            feature::RETRIES_ON | feature::RETRIES_OFF => {}
            _ => error = Error::ABRT,
        }
        self.soon(Next::End(error), ctx);
    }

    fn power_command(&mut self, opcode: u8, ctx: &Ctx<'_>) {
        match opcode {
            // STANDBY IMMEDIATE, STANDBY and SLEEP. A sleeping drive wakes at the next command.
            0x94 | 0x96 | 0x99 | 0xe0 | 0xe2 | 0xe6 => self.s.power = Power::Standby,
            // IDLE IMMEDIATE and IDLE.
            0x95 | 0x97 | 0xe1 | 0xe3 => self.s.power = Power::Idle,
            // CHECK POWER MODE.
            _ => {
                self.s.task.count = match self.s.power {
                    Power::Active => POWER_ACTIVE,
                    Power::Idle => POWER_IDLE,
                    Power::Standby => POWER_STANDBY,
                }
            }
        }
        self.soon(Next::End(Error::empty()), ctx);
    }

    /// Registers after a reset or diagnostic; busy until it ends.
    pub(super) fn sign_in(&mut self) {
        self.abandon();
        self.s.task = TaskFile {
            device: DeviceHead::empty(),
            ..TaskFile::ATA_SIGNATURE
        };
        self.s.error = Error::DIAGNOSTIC_PASSED;
        self.s.status = Status::BSY;
        self.s.power = Power::Active;
    }

    /// What a hardware reset restores beyond that.
    pub(super) fn default_settings(&mut self) {
        let chs = self.disk.geometry.physical;
        (self.s.heads, self.s.sectors) = (chs.heads.clamp(1, 16), chs.sectors.max(1));
        self.s.multiple = 0;
        (self.s.write_cache, self.s.look_ahead) = (true, true);
        self.s.head_at = 0;
    }
}
