//! Commands with an execution phase on the disk: one timer event per sector, data by DMA channel 2
//! or through the FIFO (82077AA §5.1, §5.2.1).

use serde::{Deserialize, Serialize};

use super::command::{Command, MAX_COMMAND, MFM, MT, SK};
use super::registers::{Config, Dor, Msr, St0, St1, St2};
use super::{DataRate, FloppyController, FloppyFormat, Phase};
use crate::{Ctx, DiskError, DmaOutcome, SECTOR_SIZE, TimerId, Timing};

/// The DMA channel of the floppy controller on a PC.
const DMA_CHANNEL: u8 = 2;

/// Sector size code of 512 bytes.
const N_512: u8 = 2;

/// Bytes of an ID field that the host supplies to FORMAT TRACK.
const ID_BYTES: usize = 4;

/// SPECIFY, second byte: non-DMA mode.
const ND: u8 = 0x01;

/// How often a command that hangs looks for index pulses.
const INDEX_POLL_MICROS: u64 = 1000;

/// How long a byte, or a FIFO's worth, takes to come in non-DMA mode at `--timing fast`.
const FAST_BURST_NANOS: u64 = 200;

/// Size of the FIFO.
const FIFO_BYTES: u16 = 16;

/// What the timer, or the host, does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Step {
    /// The head of an implied seek arrives.
    Seek,
    /// The sector, or the ID field, has passed under the head.
    Sector,
    /// The search is given up with these bits.
    Fail(St1, St2),
    /// Non-DMA: the next bytes may be moved.
    Burst,
    /// Non-DMA: the host has `burst` bytes to move.
    Host,
    /// Non-DMA: the host has given a whole sector or ID field.
    Given,
    /// Non-DMA: the host has taken a whole sector.
    Taken,
}

/// A command in its execution phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transfer {
    command: Command,
    options: u8,
    drive: u8,
    /// The side under the head (HDS).
    head: u8,
    c: u8,
    h: u8,
    r: u8,
    n: u8,
    eot: u8,
    /// DTL, STP or SC; for FORMAT TRACK the fill byte.
    last: u8,
    /// VERIFY: the sector count ends it.
    count_ends: bool,
    /// Sectors, or ID fields, still to come where a count says so.
    left: u16,
    /// Sectors since the index hole, for READ TRACK and FORMAT TRACK.
    index: u8,
    st1: St1,
    st2: St2,
    step: Step,
    /// Non-DMA: bytes of the buffer moved, and still to be moved in this burst.
    pos: u16,
    burst: u16,
}

impl Transfer {
    pub(super) fn idle() -> Self {
        Self::new(Command::ReadId, &[0; MAX_COMMAND])
    }

    pub(super) fn new(command: Command, bytes: &[u8; MAX_COMMAND]) -> Self {
        let [opcode, select, p2, p3, p4, p5, p6, _, p8] = *bytes;
        let mut t = Self {
            command,
            options: opcode & (MT | MFM | SK),
            drive: select & 3,
            head: select >> 2 & 1,
            c: p2,
            h: p3,
            r: p4,
            n: p5,
            eot: p6,
            last: p8,
            count_ends: command == Command::Verify && select & 0x80 != 0,
            left: 0,
            index: 0,
            st1: St1::empty(),
            st2: St2::empty(),
            step: Step::Sector,
            pos: 0,
            burst: 0,
        };
        match command {
            Command::Format => {
                // Opcode, select, N, SC, GPL, D.
                (t.n, t.left, t.last) = (p2, u16::from(p3), p5);
                (t.c, t.h, t.r) = (0, 0, 0);
            }
            Command::Verify => t.left = if p8 == 0 { 256 } else { u16::from(p8) },
            Command::ReadTrack => t.left = u16::from(p6),
            _ => {}
        }
        t
    }

    /// Whether a loaded transfer is one that can have been saved.
    pub(super) fn is_sane(&self) -> bool {
        self.drive < 4
            && self.head < 2
            && usize::from(self.pos) <= SECTOR_SIZE
            && usize::from(self.burst) <= SECTOR_SIZE - usize::from(self.pos)
    }

    fn mfm(&self) -> bool {
        self.options & MFM != 0
    }

    /// Goes on to the next sector as table 5-6 says; true after the last one.
    fn advance(&mut self) -> bool {
        let scan_step = if self.command.is_scan() && self.last == 2 {
            2
        } else {
            1
        };
        let next = u16::from(self.r) + scan_step;
        if self.r != self.eot && !(self.command.is_scan() && next > u16::from(self.eot)) {
            self.r = next as u8;
            return false;
        }
        self.r = 1;
        let multi_track = self.options & MT != 0;
        if multi_track && self.head == 0 {
            self.head = 1;
            self.h ^= 1;
            return false;
        }
        self.c = self.c.wrapping_add(1);
        if multi_track {
            self.h ^= 1;
        }
        true
    }

    /// Bytes that the host moves at a time: a sector, or an ID field.
    fn unit(&self) -> usize {
        if self.command == Command::Format {
            ID_BYTES
        } else {
            SECTOR_SIZE
        }
    }

    /// Compares a sector with what the host sent; FFh from either side matches (8272A §"Scan").
    fn scan_hit(&self, disk: &[u8], host: &[u8]) -> bool {
        disk.iter().zip(host).all(|(&disk, &host)| {
            disk == 0xff
                || host == 0xff
                || match self.command {
                    Command::ScanLow => disk <= host,
                    Command::ScanHigh => disk >= host,
                    _ => disk == host,
                }
        })
    }
}

impl FloppyController {
    pub(super) fn begin_transfer(&mut self, transfer: Transfer, ctx: &mut Ctx<'_>) {
        self.s.transfer = transfer;
        self.s.phase = Phase::Execution;
        let t = &mut self.s.transfer;
        self.s.sc_eot = if t.command == Command::Format {
            t.left as u8
        } else {
            t.eot
        };
        if t.command == Command::ReadId || t.command == Command::Format {
            self.arm_sector(ctx);
            return;
        }
        let pcn = self.s.pcn[usize::from(t.drive & 3)];
        let cylinder = t.c;
        if self.seeks_by_itself() && pcn != cylinder {
            self.s.transfer.step = Step::Seek;
            let at = ctx
                .now
                .saturating_add(self.step_time(pcn.abs_diff(cylinder), ctx));
            ctx.timers.arm(TimerId::Floppy, at);
        } else {
            self.arm_sector(ctx);
        }
    }

    /// Waits for the next sector of the transfer to pass under the head.
    fn arm_sector(&mut self, ctx: &mut Ctx<'_>) {
        let t = &mut self.s.transfer;
        t.step = Step::Sector;
        let at = match self.drives.get(usize::from(t.drive)) {
            Some(drive) => match t.command {
                Command::ReadId => drive.when_id_passed(ctx),
                Command::ReadTrack | Command::Format => drive.when_sector_passed(t.index, ctx),
                _ => drive.when_sector_passed(t.r.wrapping_sub(1), ctx),
            },
            None => ctx.now.saturating_add(ctx.rate.micros(INDEX_POLL_MICROS)),
        };
        ctx.timers.arm(TimerId::Floppy, at);
    }

    pub(super) fn transfer_timer(&mut self, ctx: &mut Ctx<'_>) {
        match self.s.transfer.step {
            Step::Seek => {
                let (drive, c) = (self.s.transfer.drive, self.s.transfer.c);
                self.move_to(usize::from(drive), c);
                self.arm_sector(ctx);
            }
            Step::Sector => self.sector_event(ctx),
            Step::Fail(st1, st2) => self.finish_bad(st1, st2, ctx),
            Step::Burst => {
                let t = &mut self.s.transfer;
                let fifo = if self.s.config.contains(Config::EFIFO) {
                    1
                } else {
                    FIFO_BYTES
                };
                t.burst = fifo.min((t.unit() as u16).saturating_sub(t.pos));
                t.step = Step::Host;
                self.set_interrupt(true, ctx);
            }
            Step::Given => {
                let unit = self.s.transfer.unit();
                let outcome = DmaOutcome {
                    bytes: unit,
                    terminal_count: false,
                };
                self.host_data(outcome, ctx);
            }
            Step::Taken => self.sector_done(false, ctx),
            Step::Host => {}
        }
    }

    /// The MSR bits of the execution phase.
    pub(super) fn execution_status(&self) -> Msr {
        let mut msr = Msr::empty();
        if self.uses_fifo() {
            msr |= Msr::NDM;
        }
        if self.s.transfer.step == Step::Host {
            msr |= Msr::RQM;
            if !self.s.transfer.command.takes_data() {
                msr |= Msr::DIO;
            }
        }
        msr
    }

    fn uses_fifo(&self) -> bool {
        self.s.specify[1] & ND != 0 && !matches!(self.s.transfer.command, Command::ReadId | Command::Verify)
    }

    fn give_up(&mut self, st1: St1, st2: St2, ctx: &mut Ctx<'_>) {
        self.s.transfer.step = Step::Fail(st1, st2);
        let drive = self.drives.get(usize::from(self.s.transfer.drive));
        let at = drive.map_or(ctx.now.saturating_add(1), |drive| drive.when_search_failed(ctx));
        ctx.timers.arm(TimerId::Floppy, at);
    }

    /// A sector has passed under the head, if the disk turns and there is one.
    fn sector_event(&mut self, ctx: &mut Ctx<'_>) {
        let t = self.s.transfer;
        let seeking = self.s.seeking[usize::from(t.drive & 3)];
        let turning = self.s.dor.motor(t.drive);
        let drive = self
            .drives
            .get(usize::from(t.drive))
            .filter(|drive| turning && drive.has_diskette());
        let Some(drive) = drive else {
            // No index pulses: the chip waits for them for ever.
            let poll = ctx.now.saturating_add(ctx.rate.micros(INDEX_POLL_MICROS));
            ctx.timers.arm(TimerId::Floppy, poll);
            return;
        };
        if let Some(seek) = seeking {
            ctx.timers
                .arm(TimerId::Floppy, seek.until.max(ctx.now).saturating_add(1));
            return;
        }
        if t.command.writes_disk() && drive.write_protected() {
            self.finish_bad(St1::NW, St2::empty(), ctx);
            return;
        }
        let track = drive.track(t.head);
        if t.command == Command::Format {
            self.format_event(track, ctx);
            return;
        }
        let readable = track.filter(|&(_, rate, _)| self.reads_at(rate) && t.mfm());
        let Some((format, _, track)) = readable else {
            self.give_up(St1::MA, St2::empty(), ctx);
            return;
        };
        ctx.out.activity |= 1 << (t.drive & 1);
        match t.command {
            Command::ReadId => self.read_id(track, ctx),
            Command::ReadTrack => {
                let r = t.index % format.sectors + 1;
                if (t.c, t.h, t.r, t.n) != (track, t.head, r, N_512) {
                    self.s.transfer.st1 |= St1::ND;
                }
                self.found(format, track, r, ctx);
            }
            _ if (t.c, t.h, t.n) != (track, t.head, N_512) || !(1..=format.sectors).contains(&t.r) => {
                let wrong = if t.c == track { St2::empty() } else { St2::WC };
                let bad = if wrong == St2::WC && track == 0xff {
                    St2::BC
                } else {
                    St2::empty()
                };
                self.give_up(St1::ND, wrong | bad, ctx);
            }
            _ => self.found(format, track, t.r, ctx),
        }
    }

    fn read_id(&mut self, track: u8, ctx: &mut Ctx<'_>) {
        let t = &mut self.s.transfer;
        if let Some(drive) = self.drives.get_mut(usize::from(t.drive)) {
            (t.c, t.h, t.r, t.n) = (track, t.head, drive.take_id(ctx).wrapping_add(1), N_512);
        }
        self.finish(St0::empty(), ctx);
    }

    /// The sector wanted is under the head.
    fn found(&mut self, format: FloppyFormat, track: u8, r: u8, ctx: &mut Ctx<'_>) {
        let t = self.s.transfer;
        let Some(drive) = self.drives.get_mut(usize::from(t.drive)) else {
            return;
        };
        drive.sector_passed(r.wrapping_sub(1));
        if t.command == Command::ReadDeleted {
            // Images hold ordinary data marks only (table 5-5).
            self.s.transfer.st2 |= St2::CM;
            if t.options & SK != 0 {
                self.next_sector(false, ctx);
                return;
            }
        }
        if t.command.takes_data() {
            self.request_data(ctx);
            return;
        }
        let lba = format.lba(track, t.head, r).unwrap_or(u64::MAX);
        let read = drive
            .image
            .as_mut()
            .map_or(Ok(()), |image| image.read(lba, &mut self.s.buffer));
        if let Err(error) = read {
            self.read_failed(error, ctx);
            return;
        }
        if t.command == Command::Verify {
            self.sector_done(false, ctx);
        } else if self.uses_fifo() {
            self.begin_bursts(ctx);
        } else {
            let outcome = match self.s.dor.contains(Dor::DMA_GATE) {
                true => ctx.dma.dma_write(DMA_CHANNEL, &self.s.buffer),
                false => DmaOutcome::default(),
            };
            if outcome.terminal_count || outcome.bytes >= SECTOR_SIZE {
                self.sector_done(outcome.terminal_count, ctx);
            } else {
                self.finish_bad(St1::OR, St2::empty(), ctx);
            }
        }
    }

    /// Gets a sector or an ID field from the host.
    fn request_data(&mut self, ctx: &mut Ctx<'_>) {
        if self.uses_fifo() {
            self.begin_bursts(ctx);
            return;
        }
        let unit = self.s.transfer.unit();
        let mut data = [0; SECTOR_SIZE];
        let outcome = match self.s.dor.contains(Dor::DMA_GATE) {
            true => ctx.dma.dma_read(DMA_CHANNEL, &mut data[..unit]),
            false => DmaOutcome::default(),
        };
        if outcome.bytes < unit && !outcome.terminal_count {
            self.finish_bad(St1::OR, St2::empty(), ctx);
            return;
        }
        // After terminal count the rest of the sector is filled with zeros.
        self.s.buffer.copy_from_slice(&data);
        self.host_data(outcome, ctx);
    }

    fn read_failed(&mut self, error: DiskError, ctx: &mut Ctx<'_>) {
        log::warn!(target: "dev::floppy", "read error: {error}");
        ctx.out.disk_errors.push(error);
        self.finish_bad(St1::DE, St2::DD, ctx);
    }

    /// The host's data is in the buffer.
    fn host_data(&mut self, outcome: DmaOutcome, ctx: &mut Ctx<'_>) {
        let t = self.s.transfer;
        let track = self
            .drives
            .get(usize::from(t.drive))
            .and_then(|drive| drive.track(t.head));
        if t.command == Command::Format {
            self.format_sector(track, outcome, ctx);
            return;
        }
        let lba = track
            .and_then(|(format, _, track)| format.lba(track, t.head, t.r))
            .unwrap_or(u64::MAX);
        if t.command.is_scan() {
            self.scan_sector(lba, outcome, ctx);
            return;
        }
        match self.write_image(lba, ctx) {
            Ok(()) => self.sector_done(outcome.terminal_count, ctx),
            Err(status) => self.finish_with(status.0, status.1, St2::empty(), ctx),
        }
    }

    /// Writes the buffer to the image; on an error, what the chip reports.
    fn write_image(&mut self, lba: u64, ctx: &mut Ctx<'_>) -> Result<(), (St0, St1)> {
        let drive = self.drives.get_mut(usize::from(self.s.transfer.drive));
        let result = match drive.and_then(|drive| drive.image.as_mut()) {
            Some(image) => image.write(lba, &self.s.buffer),
            // The diskette went while the host was slow.
            None => return Err((St0::ABNORMAL | St0::EC, St1::empty())),
        };
        match result {
            Ok(()) => Ok(()),
            Err(DiskError::ReadOnly) => Err((St0::ABNORMAL, St1::NW)),
            Err(error) => {
                log::warn!(target: "dev::floppy", "write error: {error}");
                ctx.out.disk_errors.push(error);
                // The drive's fault line.
                Err((St0::ABNORMAL | St0::EC, St1::empty()))
            }
        }
    }

    fn scan_sector(&mut self, lba: u64, outcome: DmaOutcome, ctx: &mut Ctx<'_>) {
        let mut disk = [0; SECTOR_SIZE];
        let image = self
            .drives
            .get_mut(usize::from(self.s.transfer.drive))
            .and_then(|drive| drive.image.as_mut());
        if let Err(error) = image.map_or(Ok(()), |image| image.read(lba, &mut disk)) {
            self.read_failed(error, ctx);
            return;
        }
        let t = &mut self.s.transfer;
        let sent = outcome.bytes.min(SECTOR_SIZE);
        let (disk, host) = (&disk[..sent], &self.s.buffer[..sent]);
        if t.scan_hit(disk, host) {
            let equal = disk
                .iter()
                .zip(host)
                .all(|(&a, &b)| a == b || a == 0xff || b == 0xff);
            t.st2.remove(St2::SN);
            t.st2.set(St2::SH, equal);
            t.advance();
            self.finish(St0::empty(), ctx);
            return;
        }
        t.st2 |= St2::SN;
        let end = t.advance();
        if end || outcome.terminal_count {
            self.finish(St0::empty(), ctx);
        } else {
            self.arm_sector(ctx);
        }
    }

    /// A sector has been moved or checked.
    fn sector_done(&mut self, terminal_count: bool, ctx: &mut Ctx<'_>) {
        let t = &mut self.s.transfer;
        match t.command {
            Command::ReadTrack => {
                t.index = t.index.wrapping_add(1);
                t.r = t.r.wrapping_add(1);
                t.left = t.left.saturating_sub(1);
                if terminal_count || t.left == 0 {
                    let st0 = if t.st1.is_empty() {
                        St0::empty()
                    } else {
                        St0::ABNORMAL
                    };
                    self.finish(st0, ctx);
                } else {
                    self.arm_sector(ctx);
                }
            }
            Command::Verify => {
                t.left = t.left.saturating_sub(1);
                let counted = t.count_ends && t.left == 0;
                let end = t.advance();
                if counted || end && !t.count_ends {
                    self.finish(St0::empty(), ctx);
                } else if end {
                    self.finish_bad(St1::EN, St2::empty(), ctx);
                } else {
                    self.arm_sector(ctx);
                }
            }
            // Without SK, a mark of the other kind ends the command after its sector (table 5-5).
            Command::ReadDeleted => self.next_sector(true, ctx),
            _ => self.next_sector(terminal_count, ctx),
        }
    }

    fn next_sector(&mut self, end: bool, ctx: &mut Ctx<'_>) {
        let last = self.s.transfer.advance();
        if end {
            self.finish(St0::empty(), ctx);
        } else if last {
            self.finish_bad(St1::EN, St2::empty(), ctx);
        } else {
            self.arm_sector(ctx);
        }
    }

    fn format_event(&mut self, track: Option<(FloppyFormat, DataRate, u8)>, ctx: &mut Ctx<'_>) {
        let t = self.s.transfer;
        let fits =
            track.is_some_and(|(format, rate, _)| self.reads_at(rate) && t.left <= u16::from(format.sectors));
        if !fits || !t.mfm() || t.n != N_512 {
            log::debug!(target: "dev::floppy", "FORMAT TRACK with a layout the image cannot hold");
            self.finish_with(St0::ABNORMAL | St0::EC, St1::empty(), St2::empty(), ctx);
        } else if t.left == 0 {
            self.finish(St0::empty(), ctx);
        } else {
            self.request_data(ctx);
        }
    }

    fn format_sector(
        &mut self,
        track: Option<(FloppyFormat, DataRate, u8)>,
        outcome: DmaOutcome,
        ctx: &mut Ctx<'_>,
    ) {
        let t = &mut self.s.transfer;
        if outcome.bytes >= ID_BYTES {
            (t.c, t.h, t.r, t.n) = (
                self.s.buffer[0],
                self.s.buffer[1],
                self.s.buffer[2],
                self.s.buffer[3],
            );
            let fill = t.last;
            let t = *t;
            let lba = track
                .filter(|&(_, _, track)| (t.c, t.h, t.n) == (track, t.head, N_512))
                .and_then(|(format, _, track)| format.lba(track, t.head, t.r));
            if let Some(lba) = lba {
                self.s.buffer.fill(fill);
                if let Err((st0, st1)) = self.write_image(lba, ctx) {
                    self.finish_with(st0, st1, St2::empty(), ctx);
                    return;
                }
                ctx.out.activity |= 1 << (t.drive & 1);
            } else {
                log::debug!(target: "dev::floppy", "ID {:?} has no place in the image", (t.c, t.h, t.r, t.n));
            }
        }
        let t = &mut self.s.transfer;
        t.index = t.index.wrapping_add(1);
        t.left = t.left.saturating_sub(1);
        if outcome.terminal_count || t.left == 0 {
            self.finish(St0::empty(), ctx);
        } else {
            self.arm_sector(ctx);
        }
    }

    fn begin_bursts(&mut self, ctx: &mut Ctx<'_>) {
        self.s.transfer.pos = 0;
        self.arm_burst(Step::Burst, ctx);
    }

    fn arm_burst(&mut self, step: Step, ctx: &mut Ctx<'_>) {
        self.s.transfer.step = step;
        self.s.transfer.burst = 0;
        let delay = match ctx.timing {
            Timing::Fast => ctx.rate.nanos(FAST_BURST_NANOS),
            Timing::Real => {
                // A byte takes 8 bit cells.
                let byte_nanos = match self.data_rate() {
                    DataRate::Kbps1000 => 8_000,
                    DataRate::Kbps500 => 16_000,
                    DataRate::Kbps300 => 26_667,
                    DataRate::Kbps250 => 32_000,
                };
                let bytes = if self.s.config.contains(Config::EFIFO) {
                    1
                } else {
                    FIFO_BYTES
                };
                ctx.rate.nanos(byte_nanos * u64::from(bytes))
            }
        };
        ctx.timers.arm(TimerId::Floppy, ctx.now.saturating_add(delay));
    }

    /// A byte of the burst was moved; returns its place in the buffer.
    fn take_burst_byte(&mut self, ctx: &mut Ctx<'_>) -> usize {
        let t = &mut self.s.transfer;
        let pos = usize::from(t.pos).min(SECTOR_SIZE - 1);
        t.pos = t.pos.saturating_add(1).min(SECTOR_SIZE as u16);
        t.burst = t.burst.saturating_sub(1);
        if t.burst == 0 {
            self.set_interrupt(false, ctx);
        }
        pos
    }

    pub(super) fn transfer_byte_to_host(&mut self, ctx: &mut Ctx<'_>) -> u8 {
        if self.s.transfer.step != Step::Host || self.s.transfer.command.takes_data() {
            return 0;
        }
        let pos = self.take_burst_byte(ctx);
        let byte = self.s.buffer[pos];
        let t = &self.s.transfer;
        if usize::from(t.pos) >= SECTOR_SIZE {
            self.arm_burst(Step::Taken, ctx);
        } else if t.burst == 0 {
            self.arm_burst(Step::Burst, ctx);
        }
        byte
    }

    pub(super) fn transfer_byte_from_host(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        if self.s.transfer.step != Step::Host || !self.s.transfer.command.takes_data() {
            log::debug!(target: "dev::floppy", "{byte:#04x} written in the execution phase is lost");
            return;
        }
        let pos = self.take_burst_byte(ctx);
        self.s.buffer[pos] = byte;
        let t = &self.s.transfer;
        if usize::from(t.pos) >= t.unit() {
            self.arm_burst(Step::Given, ctx);
        } else if t.burst == 0 {
            self.arm_burst(Step::Burst, ctx);
        }
    }

    fn finish_bad(&mut self, st1: St1, st2: St2, ctx: &mut Ctx<'_>) {
        self.finish_with(St0::ABNORMAL, st1, st2, ctx);
    }

    fn finish_with(&mut self, st0: St0, st1: St1, st2: St2, ctx: &mut Ctx<'_>) {
        self.s.transfer.st1 |= st1;
        self.s.transfer.st2 |= st2;
        self.finish(st0, ctx);
    }

    /// Enters the result phase and interrupts.
    fn finish(&mut self, st0: St0, ctx: &mut Ctx<'_>) {
        let t = self.s.transfer;
        let st0 = st0.bits() | t.head << 2 | t.drive;
        self.answer(&[st0, t.st1.bits(), t.st2.bits(), t.c, t.h, t.r, t.n]);
        log::trace!(target: "dev::floppy", "{:?} ends: {:02x?}", t.command, &self.s.result[..7]);
        ctx.timers.cancel(TimerId::Floppy);
        self.s.polls_left = 0;
        self.s.result_interrupt = true;
        self.set_interrupt(false, ctx);
        self.set_interrupt(true, ctx);
    }
}
