//! The commands of an ATA disk (ATA-4 §8), and its image.

use super::disk_unit::{DiskUnit, MAX_MULTIPLE, Power};
use super::geometry::DiskGeometry;
use super::identify;
use super::interface::{Flow, Next};
use super::registers::{DeviceHead, Error, Status, TaskFile};
use crate::{BlockImage, Ctx, DiskError, SECTOR_SIZE};

/// Sectors that commands of 28 bits reach: words 60 and 61 hold no more (ATA-6 §8.15.50).
pub(super) const LBA28_SECTORS: u64 = (1 << 28) - 1;

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
        if lba >= self.sectors() {
            return Err(Error::IDNF);
        }
        self.image
            .read(lba, sector)
            .map_err(|error| report(error, Error::UNC, ctx))
    }

    pub(super) fn write(&mut self, lba: u64, sector: &[u8], ctx: &mut Ctx<'_>) -> Result<(), Error> {
        if lba >= self.sectors() {
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

/// Whether a command has addresses and counts of the registers' both halves (ATA-6 §6.2.2).
fn is_extended(opcode: u8) -> bool {
    matches!(opcode, 0x24 | 0x25 | 0x27 | 0x29 | 0x34 | 0x35 | 0x39 | 0x42)
}

/// What the count register of IDLE and STANDBY stands for (ATA-4 table 22); `None`: never.
fn standby_seconds(count: u8) -> Option<u64> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    match u64::from(count) {
        0 => None,
        n @ 1..=240 => Some(5 * n),
        n @ 241..=251 => Some(30 * MINUTE * (n - 240)),
        252 => Some(21 * MINUTE),
        // The vendor's choice, between 8 and 12 hours; 254 is reserved.
        253 | 254 => Some(8 * HOUR),
        _ => Some(21 * MINUTE + 15),
    }
}

impl DiskUnit<'_> {
    /// The command register is written.
    pub(super) fn command(&mut self, opcode: u8, ctx: &mut Ctx<'_>) {
        log::trace!(target: "dev::ide", "device {}: command {opcode:#04x} {:02x?}", self.place.number, self.io.task);
        if self.s.power == Power::Sleep {
            log::debug!(target: "dev::ide", "device {}: sleeps, {opcode:#04x} is not heard", self.place.number);
            return;
        }
        self.abandon();
        self.io.error = Error::empty();
        self.s.extended = is_extended(opcode);
        self.count_down(opcode, ctx);
        match opcode {
            // READ SECTORS, with and without retries, and EXT.
            0x20 | 0x21 | 0x24 => self.sectors(Flow::Read, 1, ctx),
            // WRITE SECTORS, with and without retries, and EXT; WRITE VERIFY.
            0x30 | 0x31 | 0x34 | 0x3c => self.sectors(Flow::Write, 1, ctx),
            // READ and WRITE MULTIPLE, and EXT.
            0xc4 | 0x29 if self.s.multiple > 0 => self.sectors(Flow::Read, self.s.multiple, ctx),
            0xc5 | 0x39 if self.s.multiple > 0 => self.sectors(Flow::Write, self.s.multiple, ctx),
            // READ and WRITE DMA, with and without retries, and EXT.
            0xc8 | 0xc9 | 0x25 if self.place.dma => self.dma_sectors(Flow::Read, ctx),
            0xca | 0xcb | 0x35 if self.place.dma => self.dma_sectors(Flow::Write, ctx),
            // SET MULTIPLE MODE.
            0xc6 => self.set_multiple(ctx),
            // READ VERIFY, with and without retries, and EXT.
            0x40..=0x42 => match self.begin_at() {
                Some(lba) => {
                    (self.s.lba, self.s.left) = (lba, self.sector_count());
                    self.after_access(Next::Verify, self.s.left, ctx);
                }
                None => self.io.soon(Next::End(Error::IDNF), ctx),
            },
            // FORMAT TRACK.
            0x50 => self.begin_format(ctx),
            // RECALIBRATE.
            0x10..=0x1f => {
                self.s.lba = 0;
                self.after_access(Next::End(Error::empty()), 0, ctx);
            }
            // SEEK.
            0x70..=0x7f => match self.begin_at() {
                Some(lba) => {
                    self.s.lba = lba;
                    self.after_access(Next::End(Error::empty()), 0, ctx);
                }
                None => self.io.soon(Next::End(Error::IDNF), ctx),
            },
            // INITIALIZE DEVICE PARAMETERS.
            0x91 => self.initialize_parameters(ctx),
            // READ BUFFER and WRITE BUFFER.
            0xe4 => {
                self.io.flow = Flow::Reply;
                self.io.soon(Next::Present, ctx);
            }
            0xe8 => {
                self.io.flow = Flow::Store;
                self.io.soon(Next::FirstRequest, ctx);
            }
            // FLUSH CACHE, and EXT.
            0xe7 | 0xea => self.io.soon(Next::Flush, ctx),
            // IDENTIFY DEVICE.
            0xec => {
                let data = identify::identify_device(self);
                self.io.buffer[..SECTOR_SIZE].copy_from_slice(&data);
                self.io.flow = Flow::Reply;
                self.io.soon(Next::Present, ctx);
            }
            // SET FEATURES.
            0xef => self.set_features(ctx),
            // READ NATIVE MAX ADDRESS, and EXT.
            0xf8 | 0x27 => {
                self.set_address(self.reach().saturating_sub(1));
                self.io.soon(Next::End(Error::empty()), ctx);
            }
            0x94..=0x99 | 0xe0..=0xe3 | 0xe5 | 0xe6 => self.power_command(opcode, ctx),
            _ => {
                log::debug!(target: "dev::ide", "device {}: command {opcode:#04x} aborted", self.place.number);
                self.io.soon(Next::End(Error::ABRT), ctx);
            }
        }
    }

    fn sectors(&mut self, flow: Flow, block: u8, ctx: &Ctx<'_>) {
        match self.begin_at() {
            Some(lba) => {
                (self.s.lba, self.s.left) = (lba, self.sector_count());
                self.begin_sectors(flow, block, ctx);
            }
            None => self.io.soon(Next::End(Error::IDNF), ctx),
        }
    }

    fn dma_sectors(&mut self, flow: Flow, ctx: &Ctx<'_>) {
        self.io.dma = true;
        self.sectors(flow, MAX_MULTIPLE, ctx);
    }

    /// How many sectors the registers ask for: 0 stands for one more than they can hold.
    fn sector_count(&self) -> u32 {
        let task = &self.io.task;
        match (self.s.extended, task.count48()) {
            (true, 0) => 1 << 16,
            (true, count) => count.into(),
            (false, _) if task.count == 0 => 1 << 8,
            (false, _) => task.count.into(),
        }
    }

    /// Sectors that the command's addresses reach.
    pub(super) fn reach(&self) -> u64 {
        if self.s.extended {
            self.disk.sectors()
        } else {
            self.disk.sectors28()
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

    /// The sector that the registers name; `None` if there is no such address.
    fn begin_at(&self) -> Option<u64> {
        let task = &self.io.task;
        let lba = if self.s.extended {
            // Always LBA (ATA-6 §6.2.2).
            task.lba48()
        } else if task.uses_lba() {
            task.lba28()
        } else {
            let sector = task.sector;
            let exists = (1..=self.s.sectors).contains(&sector);
            self.track_start().filter(|_| exists)? + u64::from(sector) - 1
        };
        (lba < self.reach()).then_some(lba)
    }

    /// The first sector of the track that the cylinder and head registers name; `None` if there is no such track.
    fn track_start(&self) -> Option<u64> {
        let (cylinder, head) = (self.io.task.cylinder(), self.io.task.head());
        let exists = cylinder < self.cylinders() && head < self.s.heads;
        let track = u64::from(cylinder) * u64::from(self.s.heads) + u64::from(head);
        exists.then(|| track * u64::from(self.s.sectors))
    }

    /// FORMAT TRACK takes a table and then clears the track, with LBA the one that the sector is on.
    fn begin_format(&mut self, ctx: &Ctx<'_>) {
        let per_track = u64::from(self.s.sectors.max(1));
        let first = if self.io.task.uses_lba() {
            self.begin_at().map(|lba| lba - lba % per_track)
        } else {
            self.track_start()
        };
        match first.filter(|first| first + per_track <= self.disk.sectors28()) {
            Some(lba) => {
                self.s.lba = lba;
                self.io.flow = Flow::Format;
                self.io.soon(Next::FirstRequest, ctx);
            }
            None => self.io.soon(Next::End(Error::IDNF), ctx),
        }
    }

    /// The table is there: a descriptor and a number for each sector. Sectors have no place of their own on the
    /// track, so that only the descriptor counts: 0 for a good sector; none can be marked bad.
    pub(super) fn format_track(&mut self, ctx: &mut Ctx<'_>) {
        ctx.out.activity |= self.place.activity;
        let count = u64::from(self.s.sectors);
        let mut descriptors = self.io.buffer.iter().step_by(2).take(usize::from(self.s.sectors));
        if descriptors.any(|&descriptor| descriptor != 0) {
            self.end(Error::ABRT);
            return;
        }
        for lba in self.s.lba..self.s.lba + count {
            if let Err(error) = self.disk.write(lba, &[0; SECTOR_SIZE], ctx) {
                self.end_write(Err(error));
                return;
            }
        }
        let cached = self.settle(ctx);
        self.end_write(cached);
    }

    /// Without a write cache, what was written is on the disk before the command ends.
    pub(super) fn settle(&mut self, ctx: &mut Ctx<'_>) -> Result<(), Error> {
        if self.s.write_cache {
            Ok(())
        } else {
            self.disk.flush(ctx)
        }
    }

    /// Puts the address of a sector into the registers, in the form that they hold.
    pub(super) fn set_address(&mut self, lba: u64) {
        if self.s.extended {
            self.io.task.set_lba48(lba);
            return;
        }
        if self.io.task.uses_lba() {
            self.io.task.set_lba28(lba);
            return;
        }
        let per_track = u64::from(self.s.sectors.max(1));
        let heads = u64::from(self.s.heads.max(1));
        let track = lba / per_track;
        [self.io.task.cylinder_low, self.io.task.cylinder_high, ..] = (track / heads).to_le_bytes();
        self.io.task.set_head((track % heads) as u8);
        self.io.task.sector = (lba % per_track) as u8 + 1;
    }

    fn set_multiple(&mut self, ctx: &Ctx<'_>) {
        let count = self.io.task.count;
        let known = count == 0 || count.is_power_of_two() && count <= MAX_MULTIPLE;
        // An unknown count turns multiple mode off (ATA-4 §8.40).
        self.s.multiple = if known { count } else { 0 };
        self.io
            .soon(Next::End(if known { Error::empty() } else { Error::ABRT }), ctx);
    }

    fn initialize_parameters(&mut self, ctx: &Ctx<'_>) {
        let (heads, sectors) = (self.io.task.head() + 1, self.io.task.count);
        let error = if sectors == 0 {
            Error::ABRT
        } else {
            (self.s.heads, self.s.sectors) = (heads, sectors);
            Error::empty()
        };
        self.io.soon(Next::End(error), ctx);
    }

    fn set_features(&mut self, ctx: &Ctx<'_>) {
        let mut next = Next::End(Error::empty());
        match self.io.task.features {
            feature::WRITE_CACHE_ON => self.s.write_cache = true,
            feature::WRITE_CACHE_OFF => {
                self.s.write_cache = false;
                next = Next::Flush;
            }
            feature::LOOK_AHEAD_ON => self.s.look_ahead = true,
            feature::LOOK_AHEAD_OFF => self.s.look_ahead = false,
            // PIO default modes, and PIO modes 0 to 4 with flow control.
            feature::TRANSFER_MODE if matches!(self.io.task.count, 0x00 | 0x01 | 0x08..=0x0c) => {}
            // Multiword DMA.
            feature::TRANSFER_MODE if self.place.dma && matches!(self.io.task.count, 0x20..=0x22) => {
                self.s.dma_mode = Some(self.io.task.count & 7);
            }
            feature::KEEP_SETTINGS => self.s.reverts = false,
            feature::REVERT_SETTINGS => self.s.reverts = true,
            // There is nothing to retry.
            feature::RETRIES_ON | feature::RETRIES_OFF => {}
            _ => next = Next::End(Error::ABRT),
        }
        self.io.soon(next, ctx);
    }

    /// The power mode that a command finds, and what it makes of it.
    fn count_down(&mut self, opcode: u8, ctx: &Ctx<'_>) {
        let idle = ctx.now.saturating_sub(self.s.idle_since);
        if self.s.standby_after.is_some_and(|limit| idle >= limit) {
            self.s.power = Power::Standby;
        }
        if !matches!(opcode, 0x98 | 0xe5) {
            self.s.idle_since = ctx.now;
        }
        // What needs the platters spins them up.
        if matches!(
            opcode,
            0x10..=0x21 | 0x24..=0x25 | 0x29 | 0x30 | 0x31 | 0x34 | 0x35 | 0x39 | 0x3c | 0x40..=0x42 | 0x50
                | 0x70..=0x7f | 0xc4 | 0xc5 | 0xc8..=0xcb
        ) {
            self.s.power = Power::Active;
        }
    }

    fn power_command(&mut self, opcode: u8, ctx: &Ctx<'_>) {
        // IDLE and STANDBY set the standby timer.
        if matches!(opcode, 0x96 | 0x97 | 0xe2 | 0xe3) {
            let seconds = standby_seconds(self.io.task.count);
            self.s.standby_after = seconds.map(|seconds| ctx.rate.ticks_for(seconds, 1));
        }
        let mut next = Next::End(Error::empty());
        match opcode {
            // STANDBY IMMEDIATE and STANDBY, SLEEP: what is in the write cache goes to the disk first.
            0x94 | 0x96 | 0xe0 | 0xe2 => (self.s.power, next) = (Power::Standby, Next::Flush),
            0x99 | 0xe6 => (self.s.power, next) = (Power::Sleep, Next::Flush),
            // IDLE IMMEDIATE and IDLE.
            0x95 | 0x97 | 0xe1 | 0xe3 => self.s.power = Power::Idle,
            // CHECK POWER MODE.
            _ => {
                self.io.task.count = match self.s.power {
                    Power::Active => POWER_ACTIVE,
                    Power::Idle => POWER_IDLE,
                    Power::Standby | Power::Sleep => POWER_STANDBY,
                }
            }
        }
        self.io.soon(next, ctx);
    }

    /// Registers after a reset or diagnostic; busy until it ends.
    pub(super) fn sign_in(&mut self) {
        self.abandon();
        self.io.task = TaskFile {
            device: DeviceHead::empty(),
            ..TaskFile::ATA_SIGNATURE
        };
        self.io.error = Error::DIAGNOSTIC_PASSED;
        self.io.status = Status::BSY;
        if self.s.power == Power::Sleep {
            self.s.power = Power::Standby;
        }
    }

    /// What a software reset restores after SET FEATURES CCh (ATA-4 §8.37.9). The translation stays.
    pub(super) fn revert_settings(&mut self) {
        if self.s.reverts {
            self.default_features();
        }
    }

    fn default_features(&mut self) {
        self.s.multiple = 0;
        (self.s.write_cache, self.s.look_ahead) = (true, true);
    }

    /// What a hardware reset restores beyond that.
    pub(super) fn default_settings(&mut self) {
        let chs = self.disk.geometry.physical;
        (self.s.heads, self.s.sectors) = (chs.heads.clamp(1, 16), chs.sectors.max(1));
        self.default_features();
        self.s.reverts = false;
        self.s.dma_mode = None;
        (self.s.power, self.s.standby_after) = (Power::Active, None);
        self.s.head_at = 0;
    }
}
