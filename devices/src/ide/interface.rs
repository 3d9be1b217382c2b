//! A device's end of the cable: registers, data buffer, and when something is to happen. Disks and packet
//! devices have it alike.
//!
//! Data moves in blocks: [`Interface::request`] offers one, [`Interface::take`] and [`Interface::give`] move
//! its bytes, and the device goes on when they say that all have been moved.

use serde::{Deserialize, Serialize};

use oldiron_mmu::{IoWidth, Ticks};

use super::bus_master::BusMaster;
use super::registers::{Error, Status, TaskFile};
use crate::{Ctx, DmaBus, Timing};

/// To the first block of a read, and for others that are not in a cache, at `--timing fast`; commands without
/// data at either.
pub(super) const BLOCK_MICROS: u64 = 20;

/// To the other blocks of a read, at `--timing fast`: the drive has read them ahead.
pub(super) const READ_AHEAD_NANOS: u64 = 500;

/// From a command that takes data to its first data request. With fast timing, that of a write comes before the next
/// instruction: some systems (xv6) send the data without looking, for a disk whose buffer is empty asks at once.
const FIRST_REQUEST_MICROS: u64 = 2;

/// What a timer finds to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Next {
    /// The next block of a read is in the buffer.
    ReadBlock,
    /// The first data request of a write; or the packet is asked for.
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
    /// The packet is there: a command of the packet device.
    Packet,
    /// The parameters of a packet command are there.
    Parameters,
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
    /// One buffer from the host, as the parameters of a packet command.
    Store,
    /// The table of FORMAT TRACK.
    Format,
    /// The packet of a packet command.
    Packet,
}

/// Registers, buffer, and what is due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Interface {
    pub(super) task: TaskFile,
    pub(super) status: Status,
    pub(super) error: Error,
    /// INTRQ is asserted, as far as nIEN lets it.
    pub(super) interrupt: bool,
    pub(super) due: Option<(Ticks, Next)>,
    pub(super) flow: Flow,
    pub(super) buffer: Vec<u8>,
    /// Where the block in the buffer ends, and how far it has been moved.
    pub(super) len: u32,
    pub(super) pos: u32,
    /// The data of this command moves by DMA.
    pub(super) dma: bool,
    /// DMARQ: the block in the buffer waits for the bus master.
    pub(super) dma_request: bool,
}

impl Interface {
    /// With a buffer of `bytes`.
    pub(super) fn new(task: TaskFile, status: Status, bytes: usize) -> Self {
        Self {
            task,
            status,
            error: Error::DIAGNOSTIC_PASSED,
            interrupt: false,
            due: None,
            flow: Flow::Read,
            buffer: vec![0; bytes],
            len: 0,
            pos: 0,
            dma: false,
            dma_request: false,
        }
    }

    pub(super) fn is_sane(&self) -> bool {
        self.len as usize <= self.buffer.len()
            && self.pos <= self.len
            && !(self.dma_request && self.status.contains(Status::DRQ))
    }

    /// Ends whatever goes on, as a reset does.
    pub(super) fn abandon(&mut self) {
        self.interrupt = false;
        self.due = None;
        (self.dma, self.dma_request) = (false, false);
        (self.len, self.pos) = (0, 0);
    }

    /// Busy until `next` is done after `delay` ticks.
    pub(super) fn busy(&mut self, next: Next, delay: Ticks, ctx: &Ctx<'_>) {
        self.status = Status::BSY;
        self.due = Some((ctx.now.saturating_add(delay.max(1)), next));
    }

    /// A command without data is carried out shortly.
    pub(super) fn soon(&mut self, next: Next, ctx: &Ctx<'_>) {
        let delay = match next {
            Next::FirstRequest if self.flow == Flow::Write && ctx.timing == Timing::Fast => 1,
            Next::FirstRequest => ctx.rate.micros(FIRST_REQUEST_MICROS),
            _ => ctx.rate.micros(BLOCK_MICROS),
        };
        self.busy(next, delay, ctx);
    }

    /// Asks for, or offers, `len` bytes from the start of the buffer.
    pub(super) fn request(&mut self, len: usize) {
        self.request_to(0, len);
    }

    /// The same for the bytes from `start` to `end`.
    pub(super) fn request_to(&mut self, start: usize, end: usize) {
        self.len = end.min(self.buffer.len()) as u32;
        self.pos = self.len.min(start as u32);
        // A packet comes through the data port in any case.
        self.dma_request = self.dma && self.flow != Flow::Packet;
        if !self.dma_request {
            self.status = Status::DRDY | Status::DSC | Status::DRQ;
        }
    }

    /// Asks for, or offers, a block in the middle of a command: with an interrupt, or by DMARQ.
    pub(super) fn request_next(&mut self, len: usize) {
        self.request(len);
        self.interrupt = !self.dma_request;
    }

    /// Ends a command; on an error with its bits.
    pub(super) fn end(&mut self, error: Error) {
        self.status = Status::DRDY | Status::DSC;
        self.error = error;
        self.status.set(Status::ERR, !error.is_empty());
        (self.dma, self.dma_request) = (false, false);
        (self.len, self.pos) = (0, 0);
        self.interrupt = true;
    }

    /// Whether data flows to the host.
    pub(super) fn flows_to_host(&self) -> bool {
        matches!(self.flow, Flow::Read | Flow::Reply)
    }

    /// Bytes of the block that are still to be moved in this direction through the data port.
    pub(super) fn ready_bytes(&self, to_host: bool) -> usize {
        if self.status.contains(Status::DRQ) && self.flows_to_host() == to_host {
            (self.len as usize).saturating_sub(self.pos as usize)
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
        let value = match (width, self.buffer.get(self.pos as usize..)?) {
            (IoWidth::Word, &[a, b, ..]) => u16::from_le_bytes([a, b]).into(),
            (IoWidth::Dword, &[a, b, c, d, ..]) => u32::from_le_bytes([a, b, c, d]),
            _ => return None,
        };
        self.pos += width.bytes();
        Some(value)
    }

    /// Moves bytes to the host, at most to the end of the block. Returns how many, and whether the block ended.
    pub(super) fn take(&mut self, buf: &mut [u8]) -> (usize, bool) {
        let n = buf.len().min(self.ready_bytes(true));
        let pos = self.pos as usize;
        if let (Some(buf), Some(data)) = (buf.get_mut(..n), self.buffer.get(pos..pos + n)) {
            buf.copy_from_slice(data);
        }
        (n, self.moved(n))
    }

    /// Moves bytes from the host, likewise.
    pub(super) fn give(&mut self, data: &[u8]) -> (usize, bool) {
        let n = data.len().min(self.ready_bytes(false));
        let pos = self.pos as usize;
        if let (Some(buf), Some(data)) = (self.buffer.get_mut(pos..pos + n), data.get(..n)) {
            buf.copy_from_slice(data);
        }
        (n, self.moved(n))
    }

    fn moved(&mut self, n: usize) -> bool {
        self.pos = self.pos.saturating_add(n as u32);
        n > 0 && self.pos >= self.len
    }

    /// Lets the bus master move what it can of the block that waits for it. Returns whether the block ended.
    pub(super) fn move_by_dma(&mut self, master: &mut BusMaster, dma: &mut dyn DmaBus) -> bool {
        let to_host = self.flows_to_host();
        if !self.dma_request || !master.is_ready(to_host) {
            return false;
        }
        let Some(block) = self.buffer.get_mut(self.pos as usize..self.len as usize) else {
            return false;
        };
        let n = if to_host {
            master.put(block, dma)
        } else {
            master.get(block, dma)
        };
        let ended = self.moved(n);
        self.dma_request = !ended;
        ended
    }

    /// The last block of a command that reads was taken: it ends without another interrupt.
    pub(super) fn all_taken(&mut self) {
        self.status = Status::DRDY | Status::DSC;
        (self.len, self.pos) = (0, 0);
    }
}
