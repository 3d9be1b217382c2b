//! One device on the cable: registers, data buffer and the protocol of PIO transfers.

use serde::{Deserialize, Serialize};

use oldiron_mmu::{IoWidth, Ticks};

use super::ata::Disk;
use super::registers::{Error, Status, TaskFile};
use crate::{Ctx, SECTOR_SIZE, Timing};

/// Most sectors of a READ or WRITE MULTIPLE block.
pub(super) const MAX_MULTIPLE: u8 = 16;

/// Size of the data buffer.
const BUFFER_BYTES: usize = MAX_MULTIPLE as usize * SECTOR_SIZE;

/// To the first block of a read, and for others that are not in a cache, at `--timing fast`; commands without
/// data at either.
const BLOCK_MICROS: u64 = 20;

/// To the other blocks of a read, at `--timing fast`: the drive has read them ahead.
const READ_AHEAD_NANOS: u64 = 500;

/// From a write command to its first data request.
const FIRST_REQUEST_MICROS: u64 = 2;

/// Until a block is in the write cache, at `--timing fast`. Bochs's BIOS looks at the status some 24
/// instructions after the last word and takes BSY for an error.
const CACHED_WRITE_NANOS: u64 = 100;

/// At `--timing real`: a head movement with half a turn, and a sector at the media rate.
const SEEK_MICROS: u64 = 9_000;
const SECTOR_MICROS: u64 = 60;

/// What a timer finds to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Next {
    /// The next block of a read is in the buffer.
    ReadBlock,
    /// The first data request of a write.
    FirstRequest,
    /// The buffer, full of the host's data, goes to the disk.
    WriteBlock,
    /// The buffer was filled when the command was given: hand it over.
    Present,
    /// The host's data only had to be taken (WRITE BUFFER).
    Done,
    /// A command without data ends, without or with an error.
    End(Error),
    /// Check the sectors of READ VERIFY.
    Verify,
    /// What was written goes to the disk (FLUSH CACHE, and commands that imply it).
    Flush,
    /// The table of FORMAT TRACK is there.
    FormatTrack,
    /// EXECUTE DEVICE DIAGNOSTIC or a reset ends.
    Ready {
        /// Diagnostics interrupt, resets do not.
        interrupt: bool,
    },
}

/// How data moves through the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Flow {
    /// Sectors from the disk.
    Read,
    /// Sectors to the disk.
    Write,
    /// One buffer to the host.
    Reply,
    /// One buffer from the host.
    Store,
    /// The table of FORMAT TRACK.
    Format,
}

/// Power states of CHECK POWER MODE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Power {
    Active,
    Idle,
    Standby,
    /// Only a reset is heard.
    Sleep,
}

/// Everything about a device but its image.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UnitState {
    pub(super) task: TaskFile,
    pub(super) status: Status,
    pub(super) error: Error,
    /// INTRQ is asserted, as far as nIEN lets it.
    pub(super) interrupt: bool,
    pub(super) due: Option<(Ticks, Next)>,
    pub(super) flow: Flow,
    pub(super) buffer: Vec<u8>,
    /// Bytes of the buffer in this block, and how many of them have been moved.
    pub(super) len: u32,
    pub(super) pos: u32,
    /// The next sector of the transfer, and how many there are to come.
    pub(super) lba: u64,
    pub(super) left: u32,
    /// Sectors of a block.
    pub(super) block: u8,
    /// Sectors of the block in the buffer.
    pub(super) in_buffer: u8,
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

/// A device.
pub(super) struct Unit {
    pub(super) s: UnitState,
    pub(super) disk: Disk,
    /// 0 or 1.
    pub(super) number: u8,
    /// Its bit in [`crate::Outbox::activity`].
    pub(super) activity: u8,
}

impl Unit {
    pub(super) fn new(disk: Disk, number: u8, activity: u8) -> Self {
        let chs = disk.geometry.physical;
        let s = UnitState {
            task: TaskFile::ATA_SIGNATURE,
            status: Status::DRDY | Status::DSC,
            error: Error::DIAGNOSTIC_PASSED,
            interrupt: false,
            due: None,
            flow: Flow::Read,
            buffer: vec![0; BUFFER_BYTES],
            len: 0,
            pos: 0,
            lba: 0,
            left: 0,
            block: 1,
            in_buffer: 0,
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
        };
        Self {
            s,
            disk,
            number,
            activity,
        }
    }

    pub(super) fn is_sane(s: &UnitState) -> bool {
        s.buffer.len() == BUFFER_BYTES
            && s.len as usize <= BUFFER_BYTES
            && s.pos <= s.len
            && (1..=MAX_MULTIPLE).contains(&s.block)
            && s.in_buffer <= MAX_MULTIPLE
            && s.multiple <= MAX_MULTIPLE
            && (1..=16).contains(&s.heads)
            && s.sectors >= 1
    }

    /// Ends whatever goes on, as a reset does; what commands have set stays.
    pub(super) fn abandon(&mut self) {
        self.s.interrupt = false;
        self.s.due = None;
        (self.s.len, self.s.pos, self.s.left) = (0, 0, 0);
    }

    /// Busy until `next` is done after `delay` ticks.
    fn busy(&mut self, next: Next, delay: Ticks, ctx: &Ctx<'_>) {
        self.s.status = Status::BSY;
        self.s.due = Some((ctx.now.saturating_add(delay.max(1)), next));
    }

    /// A command without data is carried out shortly.
    pub(super) fn soon(&mut self, next: Next, ctx: &Ctx<'_>) {
        let delay = match next {
            Next::FirstRequest => ctx.rate.micros(FIRST_REQUEST_MICROS),
            _ => ctx.rate.micros(BLOCK_MICROS),
        };
        self.busy(next, delay, ctx);
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
        self.busy(next, delay, ctx);
    }

    /// A block of a read was taken, and another follows.
    fn after_block(&mut self, ctx: &Ctx<'_>) {
        self.after_access(Next::ReadBlock, self.next_block().into(), ctx);
        if ctx.timing == Timing::Fast && self.s.look_ahead {
            self.busy(Next::ReadBlock, ctx.rate.nanos(READ_AHEAD_NANOS), ctx);
        }
    }

    /// Asks for, or offers, `len` bytes.
    pub(super) fn request(&mut self, len: usize) {
        self.s.len = len.min(BUFFER_BYTES) as u32;
        self.s.pos = 0;
        self.s.status = Status::DRDY | Status::DSC | Status::DRQ;
    }

    /// Ends a command; on an error with its bits.
    pub(super) fn end(&mut self, error: Error) {
        self.s.status = Status::DRDY | Status::DSC;
        self.s.error = error;
        self.s.status.set(Status::ERR, !error.is_empty());
        (self.s.len, self.s.pos, self.s.left) = (0, 0, 0);
        self.s.interrupt = true;
    }

    /// Begins a transfer of sectors in blocks of `block`.
    pub(super) fn begin_sectors(&mut self, flow: Flow, block: u8, ctx: &Ctx<'_>) {
        self.s.flow = flow;
        self.s.block = block.clamp(1, MAX_MULTIPLE);
        match flow {
            Flow::Write => {
                self.s.in_buffer = self.next_block();
                self.soon(Next::FirstRequest, ctx);
            }
            _ => self.after_access(Next::ReadBlock, self.next_block().into(), ctx),
        }
    }

    fn next_block(&self) -> u8 {
        u32::from(self.s.block).min(self.s.left).max(1) as u8
    }

    /// The timer of this device is due.
    pub(super) fn timer(&mut self, ctx: &mut Ctx<'_>) {
        let Some((_, next)) = self.s.due.take_if(|(at, _)| *at <= ctx.now) else {
            return;
        };
        match next {
            Next::ReadBlock => self.read_block(ctx),
            Next::FirstRequest => {
                let len = match self.s.flow {
                    Flow::Write => usize::from(self.s.in_buffer) * SECTOR_SIZE,
                    _ => SECTOR_SIZE,
                };
                self.request(len);
            }
            Next::WriteBlock => self.write_block(ctx),
            Next::Present => {
                self.request(SECTOR_SIZE);
                self.s.interrupt = true;
            }
            Next::Done => self.end(Error::empty()),
            Next::End(error) => self.end(error),
            Next::Verify => self.verify(ctx),
            Next::Flush => {
                let result = self.disk.flush(ctx);
                self.end(result.err().unwrap_or(Error::empty()));
            }
            Next::FormatTrack => self.format_track(ctx),
            Next::Ready { interrupt } => {
                self.s.status = Status::DRDY | Status::DSC;
                self.s.interrupt = interrupt;
            }
        }
    }

    fn read_block(&mut self, ctx: &mut Ctx<'_>) {
        let count = self.next_block();
        ctx.out.activity |= self.activity;
        for i in 0..usize::from(count) {
            let sector = &mut self.s.buffer[i * SECTOR_SIZE..(i + 1) * SECTOR_SIZE];
            if let Err(error) = self.disk.read(self.s.lba, sector, ctx) {
                self.fail_at(self.s.lba, error);
                return;
            }
            self.sector_moved();
        }
        self.request(usize::from(count) * SECTOR_SIZE);
        self.s.interrupt = true;
    }

    fn write_block(&mut self, ctx: &mut Ctx<'_>) {
        ctx.out.activity |= self.activity;
        for i in 0..usize::from(self.s.in_buffer) {
            let sector = &self.s.buffer[i * SECTOR_SIZE..(i + 1) * SECTOR_SIZE];
            if let Err(error) = self.disk.write(self.s.lba, sector, ctx) {
                let left = self.s.left;
                self.set_address(self.s.lba);
                self.end_write(Err(error));
                self.s.task.count = left as u8;
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
        self.request(usize::from(self.s.in_buffer) * SECTOR_SIZE);
        self.s.interrupt = true;
    }

    /// Ends a command that wrote. A disk that may be written and was not is faulty.
    pub(super) fn end_write(&mut self, result: Result<(), Error>) {
        self.end(result.err().unwrap_or(Error::empty()));
        if result == Err(Error::ABRT) && !self.disk.image.is_read_only() {
            self.s.status |= Status::DF;
        }
    }

    fn verify(&mut self, ctx: &mut Ctx<'_>) {
        ctx.out.activity |= self.activity;
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
        self.s.task.count = self.s.left as u8;
    }

    /// Ends a transfer at a bad sector, whose address the registers then hold.
    fn fail_at(&mut self, lba: u64, error: Error) {
        let left = self.s.left;
        self.set_address(lba);
        self.end(error);
        self.s.task.count = left as u8;
    }

    /// Bytes of the block that are still to be moved in this direction.
    pub(super) fn ready_bytes(&self, to_host: bool) -> usize {
        let flows_to_host = matches!(self.s.flow, Flow::Read | Flow::Reply);
        if self.s.status.contains(Status::DRQ) && flows_to_host == to_host {
            (self.s.len as usize).saturating_sub(self.s.pos as usize)
        } else {
            0
        }
    }

    /// One cycle's bytes to the host, if they do not end the block.
    #[inline]
    pub(super) fn take_inside(&mut self, width: IoWidth) -> Option<u32> {
        if self.ready_bytes(true) <= width.bytes() as usize {
            return None;
        }
        let value = match (width, self.s.buffer.get(self.s.pos as usize..)?) {
            (IoWidth::Word, &[a, b, ..]) => u16::from_le_bytes([a, b]).into(),
            (IoWidth::Dword, &[a, b, c, d, ..]) => u32::from_le_bytes([a, b, c, d]),
            _ => return None,
        };
        self.s.pos += width.bytes();
        Some(value)
    }

    /// Moves bytes to the host, at most to the end of the block.
    pub(super) fn take(&mut self, buf: &mut [u8], ctx: &Ctx<'_>) -> usize {
        let n = buf.len().min(self.ready_bytes(true));
        let pos = self.s.pos as usize;
        if let (Some(buf), Some(data)) = (buf.get_mut(..n), self.s.buffer.get(pos..pos + n)) {
            buf.copy_from_slice(data);
        }
        self.moved(n, ctx);
        n
    }

    /// Moves bytes from the host, at most to the end of the block.
    pub(super) fn give(&mut self, data: &[u8], ctx: &Ctx<'_>) -> usize {
        let n = data.len().min(self.ready_bytes(false));
        let pos = self.s.pos as usize;
        if let (Some(buf), Some(data)) = (self.s.buffer.get_mut(pos..pos + n), data.get(..n)) {
            buf.copy_from_slice(data);
        }
        self.moved(n, ctx);
        n
    }

    fn moved(&mut self, n: usize, ctx: &Ctx<'_>) {
        self.s.pos = self.s.pos.saturating_add(n as u32);
        if n == 0 || self.s.pos < self.s.len {
            return;
        }
        match self.s.flow {
            Flow::Read if self.s.left > 0 => self.after_block(ctx),
            Flow::Read | Flow::Reply => {
                self.s.status = Status::DRDY | Status::DSC;
                (self.s.len, self.s.pos) = (0, 0);
            }
            Flow::Write => self.after_access(Next::WriteBlock, self.s.in_buffer.into(), ctx),
            Flow::Store => self.soon(Next::Done, ctx),
            Flow::Format => self.after_access(Next::FormatTrack, self.s.sectors.into(), ctx),
        }
    }
}
