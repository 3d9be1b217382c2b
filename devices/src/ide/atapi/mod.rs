//! A CD-ROM drive: the packet protocol of ATA/ATAPI-4 (T13 1153D) §9.8, and the commands of ATA that such a
//! device knows.
//!
//! The commands in the packets follow SFF-8020i and MMC-3 (T10 1363D); each says which clause. A disc is an image
//! of 2048-byte sectors: one track of mode 1. The audio commands are there and answer as for such a disc.
//!
//! Data goes through the data port in blocks of the host's byte count, or by DMA. Left out: overlapped commands,
//! subheaders and what else mode 2 has, disc changers, DVD structures.

mod cdrom;
mod command;
mod identify;
mod mode;
mod read;
mod sector;
mod sense;
mod status;
mod toc;

pub(super) use self::cdrom::{Cdrom, CdromState};
use self::command::{Answer, Cdb};
use self::sense::Sense;
use super::disk_unit::{MAX_DMA_MODE, Power};
use super::interface::{BLOCK_MICROS, Flow, Interface, Next, READ_AHEAD_NANOS};
use super::registers::{Error, Status, TaskFile};
use super::unit::Place;
use crate::{Ctx, Timing};

/// Commands of ATA that are named in more than one place.
const DEVICE_RESET: u8 = 0x08;

/// Bytes of a packet (word 0 of IDENTIFY PACKET DEVICE).
const PACKET_BYTES: usize = 12;

/// Most bytes of a block: the byte count is even, and FFFFh stands for FFFEh.
const MOST_BYTES: u16 = 0xfffe;

/// From the packet to the command's first step, at `--timing fast` and for commands that move no head.
const DECODE_MICROS: u64 = 2;

/// At `--timing real`: a head movement with half a turn, and a sector at 24 times the speed of audio.
const SEEK_MICROS: u64 = 85_000;
const SECTOR_MICROS: u64 = 570;

/// The interrupt reason, in the sector count register.
mod reason {
    /// To the host.
    pub(super) const IO: u8 = 0x02;
    /// Command or status, not data.
    pub(super) const COD: u8 = 0x01;
}

/// Bits of the feature register of PACKET.
mod packet_feature {
    pub(super) const DMA: u8 = 0x01;
    pub(super) const OVERLAP: u8 = 0x02;
}

/// A CD-ROM drive at work.
pub(super) struct CdromUnit<'a> {
    pub(super) io: &'a mut Interface,
    pub(super) cd: &'a mut Cdrom,
    pub(super) place: Place,
}

impl CdromUnit<'_> {
    /// The interface of a drive that was just turned on.
    pub(super) fn interface() -> Interface {
        Interface::new(TaskFile::PACKET_SIGNATURE, Status::empty(), PACKET_BYTES)
    }

    pub(super) fn is_sane(io: &Interface, s: &CdromState) -> bool {
        io.is_sane() && io.buffer.len() <= usize::from(u16::MAX) && s.is_sane()
    }

    /// Whether a command does not wait for the one before it.
    pub(super) fn is_heard_while_busy(opcode: u8) -> bool {
        opcode == DEVICE_RESET
    }

    /// Registers after a reset or diagnostic; busy until it ends.
    pub(super) fn sign_in(&mut self) {
        self.io.abandon();
        self.signature();
        self.io.error = Error::DIAGNOSTIC_PASSED;
        self.io.status = Status::BSY;
        self.cd.stop_transfer();
    }

    fn signature(&mut self) {
        self.io.task = TaskFile::PACKET_SIGNATURE;
    }

    /// The command register is written.
    pub(super) fn command(&mut self, opcode: u8, ctx: &mut Ctx<'_>) {
        log::trace!(target: "dev::ide", "device {}: command {opcode:#04x} {:02x?}", self.place.number, self.io.task);
        if self.cd.s.power == Power::Sleep && opcode != DEVICE_RESET {
            log::debug!(target: "dev::ide", "device {}: sleeps, {opcode:#04x} is not heard", self.place.number);
            return;
        }
        self.io.abandon();
        self.cd.stop_transfer();
        self.cd.s.limit = 0;
        self.io.error = Error::empty();
        match opcode {
            DEVICE_RESET => {
                self.cd.reset();
                self.sign_in();
                self.io.soon(Next::Ready { interrupt: false }, ctx);
            }
            // PACKET.
            0xa0 => self.begin_packet(ctx),
            // IDENTIFY PACKET DEVICE.
            0xa1 => {
                self.io.buffer = identify::identify_packet_device(self.place, self.cd.s.dma_mode).to_vec();
                self.io.flow = Flow::Reply;
                self.io.soon(Next::Present, ctx);
            }
            // IDENTIFY DEVICE and READ SECTORS are answered by who it is (ATA-4 §8.12.7, §8.27.7).
            0xec | 0x20 | 0x21 => {
                self.signature();
                self.io.soon(Next::End(Error::ABRT), ctx);
            }
            // SET FEATURES.
            0xef => self.set_features(ctx),
            // NOP is always aborted.
            0x00 => self.io.soon(Next::End(Error::ABRT), ctx),
            // STANDBY IMMEDIATE, IDLE IMMEDIATE, SLEEP, CHECK POWER MODE.
            0xe0 | 0x94 => self.power(Power::Standby, ctx),
            0xe1 | 0x95 => self.power(Power::Idle, ctx),
            0xe6 | 0x99 => self.power(Power::Sleep, ctx),
            0xe5 | 0x98 => {
                self.io.task.count = match self.cd.s.power {
                    Power::Active => 0xff,
                    Power::Idle => 0x80,
                    Power::Standby | Power::Sleep => 0x00,
                };
                self.io.soon(Next::End(Error::empty()), ctx);
            }
            _ => {
                log::debug!(target: "dev::ide", "device {}: command {opcode:#04x} aborted", self.place.number);
                self.io.soon(Next::End(Error::ABRT), ctx);
            }
        }
    }

    fn power(&mut self, power: Power, ctx: &Ctx<'_>) {
        self.cd.s.power = power;
        self.io.soon(Next::End(Error::empty()), ctx);
    }

    fn set_features(&mut self, ctx: &Ctx<'_>) {
        let known = match (self.io.task.features, self.io.task.count) {
            // PIO default modes, and PIO modes 0 to 4 with flow control.
            (0x03, 0x00 | 0x01 | 0x08..=0x0c) => true,
            // Multiword DMA.
            (0x03, mode @ 0x20..=0x22) if self.place.dma => {
                self.cd.s.dma_mode = Some(mode & 7);
                true
            }
            // Settings survive a software reset, or not: there are none.
            (0x66 | 0xcc, _) => true,
            _ => false,
        };
        let error = if known { Error::empty() } else { Error::ABRT };
        self.io.soon(Next::End(error), ctx);
    }

    fn begin_packet(&mut self, ctx: &Ctx<'_>) {
        let features = self.io.task.features;
        let dma = features & packet_feature::DMA != 0;
        if dma && !self.place.dma {
            log::debug!(target: "dev::ide", "device {}: PACKET with DMA, which is not there", self.place.number);
            self.io.soon(Next::End(Error::ABRT), ctx);
            return;
        }
        if features & packet_feature::OVERLAP != 0 {
            self.fail(Sense::INVALID_COMMAND);
            self.io.interrupt = false;
            let error = self.io.error;
            self.io.soon(Next::End(error), ctx);
            return;
        }
        // DMA has no byte count.
        self.cd.s.limit = if dma { MOST_BYTES } else { self.io.task.cylinder() };
        self.io.dma = dma;
        self.cd.s.power = Power::Active;
        self.io.task.count = reason::COD;
        self.io.flow = Flow::Packet;
        self.io.buffer = vec![0; PACKET_BYTES];
        self.io.soon(Next::FirstRequest, ctx);
    }

    /// What the timer was for is to be done.
    pub(super) fn due(&mut self, next: Next, ctx: &mut Ctx<'_>) {
        match next {
            // Of the word 0 that says 'within 50 us': no interrupt asks for the packet.
            Next::FirstRequest => self.io.request(PACKET_BYTES),
            Next::Packet => self.execute(ctx),
            Next::ReadBlock => self.read_block(ctx),
            Next::Present => self.present(),
            Next::Parameters => {
                let result = mode::select(self.cd, &self.packet(), &self.io.buffer);
                self.conclude(result.map(|()| Answer::Done), ctx);
            }
            Next::Done => self.succeed(),
            Next::End(error) => self.io.end(error),
            Next::Ready { interrupt } => {
                // Not ready for commands of ATA (ATA-4 §9.1): that is how hosts tell it from a disk.
                self.io.status = Status::empty();
                self.io.interrupt = interrupt;
            }
            Next::WriteBlock | Next::Verify | Next::Flush | Next::FormatTrack => {}
        }
    }

    fn packet(&self) -> Cdb {
        Cdb(self.cd.s.packet)
    }

    fn execute(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(packet) = self.io.buffer.first_chunk() {
            self.cd.s.packet = *packet;
        }
        let packet = self.packet();
        log::trace!(target: "dev::ide", "device {}: packet {:02x?}", self.place.number, packet.0);
        let result = self.cd.execute(&packet);
        self.conclude(result, ctx);
    }

    fn conclude(&mut self, result: Result<Answer, Sense>, ctx: &mut Ctx<'_>) {
        (self.io.len, self.io.pos) = (0, 0);
        match result {
            Ok(Answer::Done) => self.succeed(),
            Ok(Answer::Reply(bytes)) if bytes.is_empty() => self.succeed(),
            // Without a byte count nothing can be moved (ATA-4 §9.8).
            Ok(Answer::Reply(_) | Answer::Read | Answer::Take(_)) if self.cd.s.limit == 0 => {
                self.cd.stop_transfer();
                self.io.task.count = reason::IO | reason::COD;
                self.io.end(Error::ABRT);
            }
            Ok(Answer::Reply(bytes)) => {
                self.io.flow = Flow::Reply;
                self.io.buffer = bytes;
                self.present();
            }
            Ok(Answer::Take(0)) => self.succeed(),
            Ok(Answer::Take(bytes)) => {
                self.io.flow = Flow::Store;
                self.io.buffer = vec![0; bytes.into()];
                self.present();
            }
            Ok(Answer::Read) => {
                self.io.flow = Flow::Reply;
                self.after_access(ctx);
            }
            Ok(Answer::Seek) => {
                self.after_access(ctx);
                if let Some((_, next)) = &mut self.io.due {
                    *next = Next::Done;
                }
            }
            Err(sense) => self.fail(sense),
        }
    }

    fn succeed(&mut self) {
        self.io.task.count = reason::IO | reason::COD;
        self.io.end(Error::empty());
    }

    /// Ends a command with a check condition.
    fn fail(&mut self, sense: Sense) {
        log::debug!(target: "dev::ide", "device {}: {sense:02x?} for {:02x?}", self.place.number, self.cd.s.packet);
        self.cd.s.sense = sense;
        self.cd.stop_transfer();
        self.io.task.count = reason::IO | reason::COD;
        self.io.end(sense.error());
    }

    /// The laser gets to the next sectors.
    fn after_access(&mut self, ctx: &Ctx<'_>) {
        let (transfer, head_at) = (self.cd.s.transfer, self.cd.s.head_at);
        let follows = head_at == transfer.lba;
        let delay = match ctx.timing {
            Timing::Fast if follows => ctx.rate.nanos(READ_AHEAD_NANOS),
            Timing::Fast => ctx.rate.micros(BLOCK_MICROS),
            Timing::Real => {
                let seek = if follows { 0 } else { SEEK_MICROS };
                let sectors = u64::from(transfer.block(self.cd.s.limit));
                ctx.rate.micros(seek + sectors * SECTOR_MICROS)
            }
        };
        self.io.busy(Next::ReadBlock, delay, ctx);
    }

    fn read_block(&mut self, ctx: &mut Ctx<'_>) {
        ctx.out.activity |= self.place.activity;
        self.io.buffer.clear();
        let count = self.cd.s.transfer.block(self.cd.s.limit);
        match self.cd.read_sectors(count, &mut self.io.buffer, ctx) {
            Ok(()) => {
                (self.io.len, self.io.pos) = (0, 0);
                self.present();
            }
            Err(sense) => self.fail(sense),
        }
    }

    /// Offers, or asks for, the next block of what the buffer holds.
    fn present(&mut self) {
        let (done, all) = (self.io.len as usize, self.io.buffer.len());
        let block = self.block_bytes(all.saturating_sub(done));
        self.io.request_to(done, done + block);
        self.io.interrupt = !self.io.dma_request;
        // IDENTIFY PACKET DEVICE is no packet command: its registers say nothing.
        if self.cd.s.limit != 0 {
            self.io.task.set_byte_count(block as u16);
            self.io.task.count = if self.io.flow == Flow::Reply {
                reason::IO
            } else {
                0
            };
        }
    }

    /// Bytes of a block when `left` are to be moved: an odd limit is rounded down where more follow.
    fn block_bytes(&self, left: usize) -> usize {
        let limit = match self.cd.s.limit {
            0 => MOST_BYTES,
            limit => limit,
        };
        if left <= limit.into() {
            left
        } else {
            usize::from(limit.max(2) & !1)
        }
    }

    /// All bytes of a block have been moved.
    pub(super) fn block_moved(&mut self, ctx: &Ctx<'_>) {
        let more_in_buffer = (self.io.len as usize) < self.io.buffer.len();
        let short = ctx.rate.nanos(READ_AHEAD_NANOS);
        match self.io.flow {
            Flow::Packet => self.io.busy(Next::Packet, ctx.rate.micros(DECODE_MICROS), ctx),
            // IDENTIFY PACKET DEVICE ends as IDENTIFY DEVICE does.
            Flow::Reply if self.cd.s.limit == 0 => self.io.all_taken(),
            _ if more_in_buffer => self.io.busy(Next::Present, short, ctx),
            Flow::Reply if self.cd.s.transfer.left > 0 => self.after_access(ctx),
            Flow::Reply => self.io.busy(Next::Done, short, ctx),
            _ => self.io.busy(Next::Parameters, short, ctx),
        }
    }
}
