//! Intel 82077AA floppy disk controller with two drives, in AT mode, at ports 3F2h–3F5h and 3F7h.
//!
//! Follows Intel data sheet 290166 (section numbers below refer to it). Every completion is a timer
//! event: at `--timing fast` 30 µs a sector and 100 µs a seek, at `--timing real` the rotation of the
//! drive and the step rate of SPECIFY. A command that needs index pulses (motor off, no diskette)
//! hangs until they come or the chip is reset, as on the AT, where READY is tied high.
//!
//! What was written is in the image when the sector's transfer ends, and is made durable
//! ([`BlockImage::flush`]) as a motor is turned off and by a hardware reset.
//!
//! 3F7h is shared with the hard disk: this chip drives bit 7 only and leaves the rest high.
//! The drive of a command is that of its DS bits; they are expected to agree with DOR.
//!
//! Until DSR or CCR chooses a data rate after a hardware reset, a diskette of any rate is read and
//! transfers seek by themselves: Bochs's BIOS neither chooses nor seeks.
//!
//! Not modelled: spin-up, head load and settling times, write precompensation, power-down, tape
//! drives, overrun of a slow host in non-DMA mode, the write timing of PERPENDICULAR MODE, and what
//! an image of sectors cannot hold: deleted data marks (WRITE DELETED DATA writes ordinary ones),
//! FM tracks and other sector sizes (formatting such a track reports a drive fault).

mod command;
mod drive;
mod format;
mod registers;
mod seek;
mod transfer;

#[cfg(test)]
mod tests;

use oldiron_mmu::{IoWidth, Snapshot, SnapshotError, StateReader, StateWriter, Ticks};
use serde::{Deserialize, Serialize};

use self::drive::{Drive, DriveState};
pub use self::format::{DataRate, FloppyFormat, drive_type_for};
use self::registers::{Config, Dor, Dsr, St0};
use self::transfer::Transfer;
use crate::{
    BlockImage, Ctx, Device, DiskError, FloppyKind, IrqLine, PortRange, ResetKind, SECTOR_SIZE, TimerId,
    Timing,
};

const PORT_DOR: u16 = 0x3f2;
const PORT_TDR: u16 = 0x3f3;
const PORT_MSR_DSR: u16 = 0x3f4;
const PORT_FIFO: u16 = 0x3f5;
const PORT_DIR_CCR: u16 = 0x3f7;

/// DIR bit 7.
const DSKCHG: u8 = 0x80;

/// From the end of a reset to its interrupt.
const RESET_MICROS_FAST: u64 = 50;
const RESET_MICROS_REAL: u64 = 250;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    /// DOR holds the chip in reset.
    Held,
    /// Out of reset, not yet ready.
    Starting,
    /// Waiting for, or collecting, a command.
    Command,
    Execution,
    Result,
}

/// A head on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seek {
    until: Ticks,
    motion: seek::Motion,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    dor: Dor,
    tdr: u8,
    /// What DSR or CCR chose, since a hardware reset.
    rate: Option<DataRate>,
    phase: Phase,
    /// The INT condition; DOR's gate decides whether it reaches the wire.
    interrupt: bool,
    command: [u8; command::MAX_COMMAND],
    have: u8,
    result: [u8; 10],
    result_len: u8,
    result_pos: u8,
    /// The first result byte read takes the interrupt back.
    result_interrupt: bool,
    /// SENSE INTERRUPTs that the last reset still wants.
    polls_left: u8,
    seeking: [Option<Seek>; 4],
    seek_end: [Option<St0>; 4],
    /// Where the chip believes the heads to be.
    pcn: [u8; 4],
    specify: [u8; 2],
    config: Config,
    pretrk: u8,
    lock: bool,
    perpendicular: u8,
    sc_eot: u8,
    transfer: Transfer,
    buffer: Vec<u8>,
}

impl State {
    fn new() -> Self {
        Self {
            dor: Dor::empty(),
            tdr: 0,
            rate: None,
            phase: Phase::Held,
            interrupt: false,
            command: [0; command::MAX_COMMAND],
            have: 0,
            result: [0; 10],
            result_len: 0,
            result_pos: 0,
            result_interrupt: false,
            polls_left: 0,
            seeking: [None; 4],
            seek_end: [None; 4],
            pcn: [0; 4],
            specify: [0; 2],
            config: Config::EFIFO,
            pretrk: 0,
            lock: false,
            perpendicular: 0,
            sc_eot: 0,
            transfer: Transfer::idle(),
            buffer: vec![0; SECTOR_SIZE],
        }
    }
}

/// The floppy controller and its two drives.
pub struct FloppyController {
    irq: IrqLine,
    drives: [Drive; 2],
    s: State,
}

impl FloppyController {
    /// A controller with its interrupt wire and the drives fitted, empty. It uses DMA channel 2 and
    /// the timers [`TimerId::Floppy`] and [`TimerId::FloppyDrive`].
    pub fn new(irq: IrqLine, kinds: [Option<FloppyKind>; 2]) -> Self {
        Self {
            irq,
            drives: kinds.map(Drive::new),
            s: State::new(),
        }
    }

    /// The kind of a drive, if it is fitted.
    pub fn kind(&self, drive: u8) -> Option<FloppyKind> {
        self.drives
            .get(usize::from(drive))
            .and_then(|drive| drive.state.kind)
    }

    /// Exchanges the diskette in a drive, or takes it out, and returns what was there. The guest sees
    /// the change line; a command that waits for a diskette goes on. An image that has no
    /// [`FloppyFormat`] reads as an unformatted diskette.
    pub fn insert(&mut self, drive: u8, image: Option<Box<dyn BlockImage>>) -> Option<Box<dyn BlockImage>> {
        match self.drives.get_mut(usize::from(drive)) {
            Some(drive) => drive.exchange(image),
            None => image,
        }
    }

    /// Whether there is a diskette in a drive.
    pub fn has_diskette(&self, drive: u8) -> bool {
        self.drives
            .get(usize::from(drive))
            .is_some_and(Drive::has_diskette)
    }

    /// Flushes the images of both drives; the first error is reported.
    pub fn flush(&mut self) -> Result<(), DiskError> {
        let results = self
            .drives
            .each_mut()
            .map(|drive| drive.image.as_mut().map_or(Ok(()), |image| image.flush()));
        results.into_iter().collect()
    }

    /// The image in a drive.
    pub fn image(&self, drive: u8) -> Option<&dyn BlockImage> {
        self.drives.get(usize::from(drive))?.image.as_deref()
    }

    /// The image in a drive, to change what is kept beside it.
    pub fn image_mut(&mut self, drive: u8) -> Option<&mut Box<dyn BlockImage>> {
        self.drives.get_mut(usize::from(drive))?.image.as_mut()
    }

    /// Whether the motor of a drive is on (for an activity light).
    pub fn motor(&self, drive: u8) -> bool {
        self.s.dor.motor(drive)
    }

    fn set_interrupt(&mut self, on: bool, ctx: &mut Ctx<'_>) {
        self.s.interrupt = on;
        self.drive_wire(ctx);
    }

    fn drive_wire(&self, ctx: &mut Ctx<'_>) {
        ctx.irq
            .set(self.irq, self.s.interrupt && self.s.dor.contains(Dor::DMA_GATE));
    }

    /// The data rate; 250 kbit/s follows a hardware reset (§2.1.6).
    fn data_rate(&self) -> DataRate {
        self.s.rate.unwrap_or(DataRate::Kbps250)
    }

    /// Whether what was written at `rate` can be read.
    fn reads_at(&self, rate: DataRate) -> bool {
        self.is_lenient() || self.data_rate() == rate
    }

    /// Whether a transfer first seeks the cylinder of its command.
    fn seeks_by_itself(&self) -> bool {
        self.is_lenient() || self.s.config.contains(Config::EIS)
    }

    /// Every driver of the real chip must choose a data rate after a hardware reset. Bochs's BIOS
    /// does not, nor does it seek: until someone chooses, rates do not matter and seeks are implied.
    fn is_lenient(&self) -> bool {
        self.s.rate.is_none()
    }

    /// Everything that a reset by DOR or DSR clears (§2.1.2, §3.0). SPECIFY, the data rate, head
    /// positions and what LOCK protects stay.
    fn software_reset(&mut self, ctx: &mut Ctx<'_>) {
        self.s.have = 0;
        self.s.result_len = 0;
        self.s.result_pos = 0;
        self.s.result_interrupt = false;
        self.s.polls_left = 0;
        self.s.seeking = [None; 4];
        self.s.seek_end = [None; 4];
        self.s.transfer = Transfer::idle();
        // POLL and EIS are not among what LOCK keeps (§5.3.4).
        if self.s.lock {
            self.s.config &= Config::FIFOTHR | Config::EFIFO;
        } else {
            self.s.config = Config::EFIFO;
            self.s.pretrk = 0;
        }
        // GAP and WGATE go, the drive bits stay (§5.2.8).
        self.s.perpendicular &= 0x3c;
        ctx.timers.cancel(TimerId::Floppy);
        ctx.timers.cancel(TimerId::FloppyDrive);
        self.set_interrupt(false, ctx);
    }

    fn leave_reset(&mut self, ctx: &mut Ctx<'_>) {
        self.s.phase = Phase::Starting;
        let micros = match ctx.timing {
            Timing::Fast => RESET_MICROS_FAST,
            Timing::Real => RESET_MICROS_REAL,
        };
        ctx.timers
            .arm(TimerId::Floppy, ctx.now.saturating_add(ctx.rate.micros(micros)));
    }

    /// A motor stops: software is done with the diskette, and people may take it out.
    fn settle(&mut self, drive: usize, ctx: &mut Ctx<'_>) {
        let image = self.drives.get_mut(drive).and_then(|drive| drive.image.as_mut());
        if let Some(Err(error)) = image.map(|image| image.flush()) {
            log::warn!(target: "dev::floppy", "{error}");
            ctx.out.disk_errors.push(error);
        }
    }

    fn write_dor(&mut self, value: u8, ctx: &mut Ctx<'_>) {
        let old = self.s.dor;
        self.s.dor = Dor::from_bits_retain(value);
        for drive in 0..self.drives.len() {
            if old.motor(drive as u8) && !self.s.dor.motor(drive as u8) {
                self.settle(drive, ctx);
            }
        }
        if !self.s.dor.contains(Dor::NOT_RESET) {
            if old.contains(Dor::NOT_RESET) {
                self.software_reset(ctx);
            }
            self.s.phase = Phase::Held;
            ctx.timers.cancel(TimerId::Floppy);
        } else if !old.contains(Dor::NOT_RESET) {
            self.leave_reset(ctx);
        }
        self.drive_wire(ctx);
    }

    fn write_dsr(&mut self, value: u8, ctx: &mut Ctx<'_>) {
        self.s.rate = Some(DataRate::from_bits(value));
        if Dsr::from_bits_retain(value).contains(Dsr::S_W_RESET) {
            self.software_reset(ctx);
            if self.s.dor.contains(Dor::NOT_RESET) {
                self.leave_reset(ctx);
            }
        }
    }

    fn read_fifo(&mut self, ctx: &mut Ctx<'_>) -> u8 {
        match self.s.phase {
            Phase::Result => {
                let byte = self.s.result[usize::from(self.s.result_pos).min(self.s.result.len() - 1)];
                if core::mem::take(&mut self.s.result_interrupt) {
                    self.set_interrupt(false, ctx);
                    if self.s.seek_end.iter().any(Option::is_some) {
                        // A seek ended meanwhile: its own edge.
                        self.set_interrupt(true, ctx);
                    }
                }
                self.s.result_pos = self.s.result_pos.saturating_add(1);
                if self.s.result_pos >= self.s.result_len {
                    self.s.phase = Phase::Command;
                }
                byte
            }
            Phase::Execution => self.transfer_byte_to_host(ctx),
            _ => 0,
        }
    }

    fn write_fifo(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        match self.s.phase {
            Phase::Command => self.command_byte(byte, ctx),
            Phase::Execution => self.transfer_byte_from_host(byte, ctx),
            phase => log::debug!(target: "dev::floppy", "{byte:#04x} written in phase {phase:?} is lost"),
        }
    }

    /// DIR: the change line of the selected drive, if its motor is on. The bits of the hard disk float.
    fn read_dir(&self) -> u8 {
        let drive = self.s.dor.drive();
        let selected = self.s.dor.motor(drive as u8);
        let change = self
            .drives
            .get(drive)
            .is_some_and(|drive| selected && drive.disk_change());
        if change { 0xff } else { !DSKCHG }
    }
}

impl Device for FloppyController {
    fn name(&self) -> &'static str {
        "floppy"
    }

    fn ports(&self) -> &[PortRange] {
        &[
            PortRange {
                first: PORT_DOR,
                count: 4,
            },
            PortRange {
                first: PORT_DIR_CCR,
                count: 1,
            },
        ]
    }

    fn reset(&mut self, kind: ResetKind, ctx: &mut Ctx<'_>) {
        let pcn = self.s.pcn;
        // Motors stop.
        (0..self.drives.len()).for_each(|drive| self.settle(drive, ctx));
        self.s = State::new();
        match kind {
            ResetKind::Cold => {
                for drive in &mut self.drives {
                    drive.state = DriveState {
                        changed: true,
                        cylinder: 0,
                        next_sector: 0,
                        ..drive.state
                    };
                }
            }
            // The heads stay where they are, and the chip and they still agree.
            ResetKind::Hard => self.s.pcn = pcn,
        }
        ctx.timers.cancel(TimerId::Floppy);
        ctx.timers.cancel(TimerId::FloppyDrive);
        self.set_interrupt(false, ctx);
    }

    fn port_read(&mut self, port: u16, width: IoWidth, ctx: &mut Ctx<'_>) -> u32 {
        let byte = match port {
            PORT_DOR => self.s.dor.bits(),
            PORT_TDR => 0xfc | self.s.tdr,
            PORT_MSR_DSR => self.main_status(),
            PORT_FIFO => self.read_fifo(ctx),
            PORT_DIR_CCR => self.read_dir(),
            _ => return width.open_bus(),
        };
        log::trace!(target: "dev::floppy", "in {port:#06x} = {byte:#04x}");
        u32::from(byte)
    }

    fn port_write(&mut self, port: u16, value: u32, _: IoWidth, ctx: &mut Ctx<'_>) {
        let byte = value as u8;
        log::trace!(target: "dev::floppy", "out {port:#06x}, {byte:#04x}");
        match port {
            PORT_DOR => self.write_dor(byte, ctx),
            PORT_TDR => self.s.tdr = byte & 3,
            PORT_MSR_DSR => self.write_dsr(byte, ctx),
            PORT_FIFO => self.write_fifo(byte, ctx),
            PORT_DIR_CCR => self.s.rate = Some(DataRate::from_bits(byte)),
            _ => {}
        }
    }

    fn timer(&mut self, id: TimerId, ctx: &mut Ctx<'_>) {
        match (id, self.s.phase) {
            (TimerId::FloppyDrive, _) => self.seek_timer(ctx),
            (TimerId::Floppy, Phase::Starting) => {
                self.s.phase = Phase::Command;
                self.s.polls_left = 4;
                self.set_interrupt(true, ctx);
            }
            (TimerId::Floppy, Phase::Execution) => self.transfer_timer(ctx),
            _ => {}
        }
    }
}

impl Snapshot for FloppyController {
    const TAG: [u8; 4] = *b"FDC ";
    const VERSION: u16 = 2;

    fn save(&self, w: &mut StateWriter) {
        w.put(&self.s);
        w.put(&self.drives.each_ref().map(|drive| drive.state));
    }

    fn load(&mut self, r: &mut StateReader<'_>) -> Result<(), SnapshotError> {
        let s: State = r.get()?;
        let drives: [DriveState; 2] = r.get()?;
        let sane = s.buffer.len() == SECTOR_SIZE
            && usize::from(s.have) < command::MAX_COMMAND
            && usize::from(s.result_len) <= s.result.len()
            && s.result_pos <= s.result_len
            && s.polls_left <= 4
            && s.transfer.is_sane();
        if !sane {
            return Err(r.damaged());
        }
        for (drive, state) in self.drives.iter_mut().zip(drives) {
            if drive.state.kind != state.kind {
                return Err(r.mismatch("another kind of floppy drive"));
            }
            drive.restore(state);
        }
        self.s = State {
            tdr: s.tdr & 3,
            config: Config::from_bits_truncate(s.config.bits()),
            ..s
        };
        Ok(())
    }
}
