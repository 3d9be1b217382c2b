//! What is on the cable: a disk or a CD-ROM drive behind an [`Interface`].

use oldiron_mmu::{SnapshotError, StateReader, StateWriter};

use super::ata::Disk;
use super::atapi::{Cdrom, CdromState, CdromUnit};
use super::bus_master::BusMaster;
use super::disk_unit::{DiskState, DiskUnit};
use super::interface::{Interface, Next};
use super::registers::Status;
use crate::{BlockImage, Ctx};

/// Where a device is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// 0 or 1.
    pub(super) number: u8,
    /// Its bit in [`crate::Outbox::activity`].
    pub(super) activity: u8,
    /// There is a bus master at the other end of the cable.
    pub(super) dma: bool,
}

enum Drive {
    Disk(Box<Disk>, DiskState),
    Cdrom(Box<Cdrom>),
}

/// A device, borrowed as what it is.
enum Kind<'a> {
    Disk(DiskUnit<'a>),
    Cdrom(CdromUnit<'a>),
}

/// A device.
pub(super) struct Unit {
    pub(super) io: Interface,
    pub(super) place: Place,
    drive: Drive,
}

impl Unit {
    pub(super) fn disk(disk: Disk, place: Place) -> Self {
        let state = DiskState::new(&disk);
        Self {
            io: DiskUnit::interface(),
            place,
            drive: Drive::Disk(Box::new(disk), state),
        }
    }

    pub(super) fn cdrom(image: Option<Box<dyn BlockImage>>, place: Place) -> Self {
        Self {
            io: CdromUnit::interface(),
            place,
            drive: Drive::Cdrom(Box::new(Cdrom::new(image))),
        }
    }

    fn kind(&mut self) -> Kind<'_> {
        let (io, place) = (&mut self.io, self.place);
        match &mut self.drive {
            Drive::Disk(disk, s) => Kind::Disk(DiskUnit { io, s, disk, place }),
            Drive::Cdrom(cd) => Kind::Cdrom(CdromUnit { io, cd, place }),
        }
    }

    /// The disk, if it is one.
    pub(super) fn as_disk(&self) -> Option<&Disk> {
        match &self.drive {
            Drive::Disk(disk, _) => Some(disk),
            Drive::Cdrom(_) => None,
        }
    }

    /// The CD-ROM drive, if it is one.
    pub(super) fn as_cdrom(&self) -> Option<&Cdrom> {
        match &self.drive {
            Drive::Disk(..) => None,
            Drive::Cdrom(cd) => Some(cd),
        }
    }

    /// The same, to change what is in it.
    pub(super) fn as_cdrom_mut(&mut self) -> Option<&mut Cdrom> {
        match &mut self.drive {
            Drive::Disk(..) => None,
            Drive::Cdrom(cd) => Some(cd),
        }
    }

    /// The image of the disk, or of what is in the drive.
    pub(super) fn image(&self) -> Option<&dyn BlockImage> {
        match &self.drive {
            Drive::Disk(disk, _) => Some(disk.image.as_ref()),
            Drive::Cdrom(cd) => cd.image(),
        }
    }

    pub(super) fn image_mut(&mut self) -> Option<&mut Box<dyn BlockImage>> {
        match &mut self.drive {
            Drive::Disk(disk, _) => Some(&mut disk.image),
            Drive::Cdrom(cd) => cd.image_mut(),
        }
    }

    /// The command register is written.
    pub(super) fn command(&mut self, opcode: u8, ctx: &mut Ctx<'_>) {
        let busy = self.io.status.contains(Status::BSY);
        match self.kind() {
            Kind::Cdrom(mut cd) if !busy || CdromUnit::is_heard_while_busy(opcode) => cd.command(opcode, ctx),
            Kind::Disk(mut disk) if !busy => disk.command(opcode, ctx),
            _ => log::debug!(target: "dev::ide", "command {opcode:#04x} while busy is ignored"),
        }
    }

    /// Does what is due.
    pub(super) fn timer(&mut self, ctx: &mut Ctx<'_>) {
        let Some((_, next)) = self.io.due.take_if(|(at, _)| *at <= ctx.now) else {
            return;
        };
        match self.kind() {
            Kind::Disk(mut disk) => disk.due(next, ctx),
            Kind::Cdrom(mut cd) => cd.due(next, ctx),
        }
    }

    /// Moves bytes to the host, at most to the end of the block.
    pub(super) fn take(&mut self, buf: &mut [u8], ctx: &Ctx<'_>) -> usize {
        let (n, ended) = self.io.take(buf);
        if ended {
            self.block_moved(ctx);
        }
        n
    }

    /// Moves bytes from the host, likewise.
    pub(super) fn give(&mut self, data: &[u8], ctx: &Ctx<'_>) -> usize {
        let (n, ended) = self.io.give(data);
        if ended {
            self.block_moved(ctx);
        }
        n
    }

    /// Lets the bus master move the block that waits for it.
    pub(super) fn move_by_dma(&mut self, master: &mut BusMaster, ctx: &mut Ctx<'_>) {
        if self.io.move_by_dma(master, ctx.dma) {
            self.block_moved(ctx);
        }
    }

    fn block_moved(&mut self, ctx: &Ctx<'_>) {
        match self.kind() {
            Kind::Disk(mut disk) => disk.block_moved(ctx),
            Kind::Cdrom(mut cd) => cd.block_moved(ctx),
        }
    }

    /// Registers after a reset or diagnostic; busy until `next` ends it.
    pub(super) fn restart(&mut self, next: Option<Next>, ctx: &Ctx<'_>) {
        match self.kind() {
            Kind::Disk(mut disk) => disk.sign_in(),
            Kind::Cdrom(mut cd) => cd.sign_in(),
        }
        if let Some(next) = next {
            self.io.soon(next, ctx);
        }
    }

    /// What a software reset restores.
    pub(super) fn software_reset(&mut self) {
        match self.kind() {
            Kind::Disk(mut disk) => disk.revert_settings(),
            Kind::Cdrom(cd) => cd.cd.reset(),
        }
    }

    /// What a hardware reset restores.
    pub(super) fn default_settings(&mut self) {
        match self.kind() {
            Kind::Disk(mut disk) => disk.default_settings(),
            Kind::Cdrom(cd) => cd.cd.reset(),
        }
    }

    /// What was written goes to the disk before a reset: drives do not lose what they have acknowledged.
    pub(super) fn settle(&mut self, ctx: &mut Ctx<'_>) {
        if let Drive::Disk(disk, _) = &mut self.drive {
            // The front end hears of an error; nobody waits for the command.
            let _ = disk.flush(ctx);
        }
    }

    pub(super) fn save(&self, w: &mut StateWriter) {
        match &self.drive {
            Drive::Disk(disk, s) => w.put(&Some((disk.sectors(), &self.io, s))),
            Drive::Cdrom(cd) => w.put(&Some((cd.sectors(), &self.io, &cd.s))),
        }
    }

    pub(super) fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        match &mut self.drive {
            Drive::Disk(disk, state) => match r.get::<Option<(u64, Interface, DiskState)>>()? {
                Some((sectors, io, s)) if sectors == disk.sectors() => {
                    if !DiskUnit::is_sane(&io, &s) {
                        return Err(r.damaged());
                    }
                    (self.io, *state) = (io, s);
                    Ok(())
                }
                _ => Err(r.mismatch("other disks")),
            },
            Drive::Cdrom(cd) => match r.get::<Option<(Option<u64>, Interface, CdromState)>>()? {
                Some((sectors, io, s)) if sectors == cd.sectors() => {
                    if !CdromUnit::is_sane(&io, &s) {
                        return Err(r.damaged());
                    }
                    (self.io, cd.s) = (io, s);
                    Ok(())
                }
                _ => Err(r.mismatch("another disc is in the CD-ROM drive")),
            },
        }
    }
}
