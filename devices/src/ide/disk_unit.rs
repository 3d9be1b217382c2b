//! A disk on the cable: what commands have set, and the protocol of PIO transfers.

use serde::{Deserialize, Serialize};

use oldiron_mmu::Ticks;

use super::ata::Disk;
use super::interface::{BLOCK_MICROS, Flow, Interface, Next, READ_AHEAD_NANOS};
use super::registers::{Error, Status, TaskFile};
use super::unit::Place;
use crate::{Ctx, SECTOR_SIZE, Timing};

/// Most sectors of a READ or WRITE MULTIPLE block.
pub(super) const MAX_MULTIPLE: u8 = 16;

/// The fastest multiword DMA mode.
pub(super) const MAX_DMA_MODE: u8 = 2;

/// Size of the data buffer.
const BUFFER_BYTES: usize = MAX_MULTIPLE as usize * SECTOR_SIZE;

/// Until a block is in the write cache, at `--timing fast`. Bochs's BIOS looks at the status some 24
/// instructions after the last word and takes BSY for an error.
const CACHED_WRITE_NANOS: u64 = 100;

/// At `--timing real`: a head movement with half a turn, and a sector at the media rate.
const SEEK_MICROS: u64 = 9_000;
const SECTOR_MICROS: u64 = 60;

/// Power states of CHECK POWER MODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Power {
    Active,
    Idle,
    Standby,
    /// Only a reset is heard.
    Sleep,
}

/// What commands have set, and how far a transfer is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct DiskState {
    /// The next sector of the transfer, and how many there are to come.
    pub(super) lba: u64,
    pub(super) left: u32,
    /// Sectors of a block.
    pub(super) block: u8,
    /// Sectors of the block in the buffer.
    pub(super) in_buffer: u8,
    /// The command has addresses of 48 bits.
    pub(super) extended: bool,
    /// The multiword DMA mode of SET FEATURES.
    pub(super) dma_mode: Option<u8>,
    /// SET MULTIPLE MODE; 0: off.
    pub(super) multiple: u8,
    /// INITIALIZE DEVICE PARAMETERS.
    pub(super) heads: u8,
    pub(super) sectors: u8,
    pub(super) write_cache: bool,
    pub(super) look_ahead: bool,
    /// A software reset brings back the defaults (SET FEATURES CCh).
    pub(super) reverts: bool,
    pub(super) power: Power,
    /// The standby timer, if it is on, and since when it runs.
    pub(super) standby_after: Option<Ticks>,
    pub(super) idle_since: Ticks,
    /// Where the last transfer left the head (`--timing real`).
    pub(super) head_at: u64,
}

/// A disk at work.
pub(super) struct DiskUnit<'a> {
    pub(super) io: &'a mut Interface,
    pub(super) s: &'a mut DiskState,
    pub(super) disk: &'a mut Disk,
    pub(super) place: Place,
}

impl DiskState {
    pub(super) fn new(disk: &Disk) -> Self {
        let chs = disk.geometry.physical;
        Self {
            lba: 0,
            left: 0,
            block: 1,
            in_buffer: 0,
            extended: false,
            dma_mode: None,
            multiple: 0,
            heads: chs.heads,
            sectors: chs.sectors,
            write_cache: true,
            look_ahead: true,
            reverts: false,
            power: Power::Active,
            standby_after: None,
            idle_since: 0,
            head_at: 0,
        }
    }

    pub(super) fn is_sane(&self) -> bool {
        (1..=MAX_MULTIPLE).contains(&self.block)
            && self.in_buffer <= MAX_MULTIPLE
            && self.multiple <= MAX_MULTIPLE
            && self.dma_mode.is_none_or(|mode| mode <= MAX_DMA_MODE)
            && (1..=16).contains(&self.heads)
            && self.sectors >= 1
    }
}

impl DiskUnit<'_> {
    /// The interface of a disk that was just turned on.
    pub(super) fn interface() -> Interface {
        Interface::new(TaskFile::ATA_SIGNATURE, Status::DRDY | Status::DSC, BUFFER_BYTES)
    }

    pub(super) fn is_sane(io: &Interface, s: &DiskState) -> bool {
        io.is_sane() && io.buffer.len() == BUFFER_BYTES && s.is_sane()
    }

    /// Ends whatever goes on, as a reset does; what commands have set stays.
    pub(super) fn abandon(&mut self) {
        self.io.abandon();
        self.s.left = 0;
    }

    /// The disk gets to `lba` and moves `count` sectors before `next`.
    pub(super) fn after_access(&mut self, next: Next, count: u32, ctx: &Ctx<'_>) {
        let delay = match ctx.timing {
            Timing::Fast if next == Next::WriteBlock && self.s.write_cache => {
                ctx.rate.nanos(CACHED_WRITE_NANOS)
            }
            Timing::Fast => ctx.rate.micros(BLOCK_MICROS),
            Timing::Real => {
                let seek = if self.s.head_at == self.s.lba {
                    0
                } else {
                    SEEK_MICROS
                };
                ctx.rate.micros(seek + u64::from(count) * SECTOR_MICROS)
            }
        };
        self.s.head_at = self.s.lba.saturating_add(count.into());
        self.io.busy(next, delay, ctx);
    }

    /// A block of a read was taken, and another follows.
    fn after_block(&mut self, ctx: &Ctx<'_>) {
        self.after_access(Next::ReadBlock, self.next_block().into(), ctx);
        if ctx.timing == Timing::Fast && self.s.look_ahead {
            self.io
                .busy(Next::ReadBlock, ctx.rate.nanos(READ_AHEAD_NANOS), ctx);
        }
    }

    /// Ends a command; on an error with its bits.
    pub(super) fn end(&mut self, error: Error) {
        self.io.end(error);
        self.s.left = 0;
    }

    /// Begins a transfer of sectors in blocks of `block`.
    pub(super) fn begin_sectors(&mut self, flow: Flow, block: u8, ctx: &Ctx<'_>) {
        self.io.flow = flow;
        self.s.block = block.clamp(1, MAX_MULTIPLE);
        match flow {
            Flow::Write => {
                self.s.in_buffer = self.next_block();
                self.io.soon(Next::FirstRequest, ctx);
            }
            _ => self.after_access(Next::ReadBlock, self.next_block().into(), ctx),
        }
    }

    fn next_block(&self) -> u8 {
        u32::from(self.s.block).min(self.s.left).max(1) as u8
    }

    /// What the timer was for is to be done.
    pub(super) fn due(&mut self, next: Next, ctx: &mut Ctx<'_>) {
        match next {
            Next::ReadBlock => self.read_block(ctx),
            Next::FirstRequest => {
                let len = match self.io.flow {
                    Flow::Write => usize::from(self.s.in_buffer) * SECTOR_SIZE,
                    _ => SECTOR_SIZE,
                };
                self.io.request(len);
            }
            Next::WriteBlock => self.write_block(ctx),
            Next::Present => {
                self.io.request(SECTOR_SIZE);
                self.io.interrupt = true;
            }
            Next::Done => self.end(Error::empty()),
            Next::End(error) => self.end(error),
            Next::Verify => self.verify(ctx),
            Next::Flush => {
                let result = self.disk.flush(ctx);
                self.end(result.err().unwrap_or(Error::empty()));
            }
            Next::FormatTrack => self.format_track(ctx),
            Next::Packet | Next::Parameters => {}
            Next::Ready { interrupt } => {
                self.io.status = Status::DRDY | Status::DSC;
                self.io.interrupt = interrupt;
            }
        }
    }

    fn read_block(&mut self, ctx: &mut Ctx<'_>) {
        let count = self.next_block();
        ctx.out.activity |= self.place.activity;
        for i in 0..usize::from(count) {
            let sector = &mut self.io.buffer[i * SECTOR_SIZE..(i + 1) * SECTOR_SIZE];
            if let Err(error) = self.disk.read(self.s.lba, sector, ctx) {
                self.fail_at(self.s.lba, error);
                return;
            }
            self.sector_moved();
        }
        self.io.request_next(usize::from(count) * SECTOR_SIZE);
    }

    fn write_block(&mut self, ctx: &mut Ctx<'_>) {
        ctx.out.activity |= self.place.activity;
        for i in 0..usize::from(self.s.in_buffer) {
            let sector = &self.io.buffer[i * SECTOR_SIZE..(i + 1) * SECTOR_SIZE];
            if let Err(error) = self.disk.write(self.s.lba, sector, ctx) {
                let left = self.s.left;
                self.set_address(self.s.lba);
                self.end_write(Err(error));
                self.set_count(left);
                return;
            }
            self.sector_moved();
        }
        if self.s.left == 0 {
            let settled = self.settle(ctx);
            self.end_write(settled);
            return;
        }
        self.s.in_buffer = self.next_block();
        self.io.request_next(usize::from(self.s.in_buffer) * SECTOR_SIZE);
    }

    /// Ends a command that wrote. A disk that may be written and was not is faulty.
    pub(super) fn end_write(&mut self, result: Result<(), Error>) {
        self.end(result.err().unwrap_or(Error::empty()));
        if result == Err(Error::ABRT) && !self.disk.image.is_read_only() {
            self.io.status |= Status::DF;
        }
    }

    fn verify(&mut self, ctx: &mut Ctx<'_>) {
        ctx.out.activity |= self.place.activity;
        let mut sector = [0; SECTOR_SIZE];
        while self.s.left > 0 {
            if let Err(error) = self.disk.read(self.s.lba, &mut sector, ctx) {
                self.fail_at(self.s.lba, error);
                return;
            }
            self.sector_moved();
        }
        self.end(Error::empty());
    }

    /// After each sector the registers hold its address and how many are left, so that in the end
    /// they name the last sector and zero.
    fn sector_moved(&mut self) {
        self.set_address(self.s.lba);
        self.s.lba = self.s.lba.saturating_add(1);
        self.s.left = self.s.left.saturating_sub(1);
        self.set_count(self.s.left);
    }

    /// Ends a transfer at a bad sector, whose address the registers then hold.
    fn fail_at(&mut self, lba: u64, error: Error) {
        let left = self.s.left;
        self.set_address(lba);
        self.end(error);
        self.set_count(left);
    }

    fn set_count(&mut self, count: u32) {
        if self.s.extended {
            self.io.task.set_count48(count as u16);
        } else {
            self.io.task.count = count as u8;
        }
    }

    /// All bytes of a block have been moved.
    pub(super) fn block_moved(&mut self, ctx: &Ctx<'_>) {
        match self.io.flow {
            Flow::Read if self.s.left > 0 => self.after_block(ctx),
            // After DMA the command ends with an interrupt of its own.
            Flow::Read if self.io.dma => self.end(Error::empty()),
            Flow::Read | Flow::Reply => self.io.all_taken(),
            Flow::Write => self.after_access(Next::WriteBlock, self.s.in_buffer.into(), ctx),
            Flow::Format => self.after_access(Next::FormatTrack, self.s.sectors.into(), ctx),
            Flow::Store | Flow::Packet => self.io.soon(Next::Done, ctx),
        }
    }
}
