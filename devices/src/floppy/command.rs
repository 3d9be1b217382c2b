//! The command set: opcodes, parameter counts, and commands without an execution phase.

use serde::{Deserialize, Serialize};

use super::registers::{Config, Msr, St0, St3};
use super::transfer::Transfer;
use super::{FloppyController, Phase};
use crate::Ctx;

/// Answer to VERSION: an enhanced controller (82077AA §5.3.1).
const VERSION_82077: u8 = 0x90;

/// LOCK, where DUMPREG shows it.
const LOCK_BIT: u8 = 0x80;

/// Longest command: the opcode and eight parameters.
pub(super) const MAX_COMMAND: usize = 9;

/// A command of the 82077AA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Command {
    ReadTrack,
    Specify,
    SenseDrive,
    Write,
    Read,
    Recalibrate,
    SenseInterrupt,
    WriteDeleted,
    ReadId,
    ReadDeleted,
    Format,
    DumpReg,
    Seek,
    Version,
    ScanEqual,
    Perpendicular,
    Configure,
    Lock,
    Verify,
    ScanLow,
    ScanHigh,
    RelativeSeek,
}

/// Top bits of an opcode.
pub(super) const MT: u8 = 0x80;
pub(super) const MFM: u8 = 0x40;
pub(super) const SK: u8 = 0x20;

impl Command {
    /// The command of an opcode byte; `None` for an invalid one (82077AA table 5-1).
    pub(super) fn decode(opcode: u8) -> Option<Self> {
        // Opcode, and the option bits it may carry.
        let (command, options) = match opcode & 0x1f {
            0x02 => (Self::ReadTrack, MFM),
            0x03 => (Self::Specify, 0),
            0x04 => (Self::SenseDrive, 0),
            0x05 => (Self::Write, MT | MFM),
            0x06 => (Self::Read, MT | MFM | SK),
            0x07 => (Self::Recalibrate, 0),
            0x08 => (Self::SenseInterrupt, 0),
            0x09 => (Self::WriteDeleted, MT | MFM),
            0x0a => (Self::ReadId, MFM),
            0x0c => (Self::ReadDeleted, MT | MFM | SK),
            0x0d => (Self::Format, MFM),
            0x0e => (Self::DumpReg, 0),
            0x0f if opcode & 0x80 != 0 => (Self::RelativeSeek, 0xc0),
            0x0f => (Self::Seek, 0),
            0x10 => (Self::Version, 0),
            0x11 => (Self::ScanEqual, MT | MFM | SK),
            0x12 => (Self::Perpendicular, 0),
            0x13 => (Self::Configure, 0),
            0x14 => (Self::Lock, MT),
            0x16 => (Self::Verify, MT | MFM | SK),
            0x19 => (Self::ScanLow, MT | MFM | SK),
            0x1d => (Self::ScanHigh, MT | MFM | SK),
            _ => return None,
        };
        (opcode & !0x1f & !options == 0).then_some(command)
    }

    /// Bytes that follow the opcode.
    pub(super) fn parameters(self) -> usize {
        match self {
            Self::SenseInterrupt | Self::DumpReg | Self::Version | Self::Lock => 0,
            Self::SenseDrive | Self::Recalibrate | Self::ReadId | Self::Perpendicular => 1,
            Self::Specify | Self::Seek | Self::RelativeSeek => 2,
            Self::Configure => 3,
            Self::Format => 5,
            _ => 8,
        }
    }

    pub(super) fn is_scan(self) -> bool {
        matches!(self, Self::ScanEqual | Self::ScanLow | Self::ScanHigh)
    }

    /// Whether the host supplies data in the execution phase.
    pub(super) fn takes_data(self) -> bool {
        matches!(self, Self::Write | Self::WriteDeleted | Self::Format) || self.is_scan()
    }

    pub(super) fn writes_disk(self) -> bool {
        matches!(self, Self::Write | Self::WriteDeleted | Self::Format)
    }
}

impl FloppyController {
    /// A byte arrives in the command phase.
    pub(super) fn command_byte(&mut self, byte: u8, ctx: &mut Ctx<'_>) {
        let have = usize::from(self.s.have).min(MAX_COMMAND - 1);
        self.s.command[have] = byte;
        self.s.have = have as u8 + 1;
        match Command::decode(self.s.command[0]) {
            None => {
                log::debug!(target: "dev::floppy", "invalid command {:#04x}", self.s.command[0]);
                self.answer(&[St0::INVALID.bits()]);
            }
            Some(command) if usize::from(self.s.have) > command.parameters() => {
                log::trace!(target: "dev::floppy", "{command:?} {:02x?}", &self.s.command[..=have]);
                self.s.have = 0;
                self.execute(command, ctx);
            }
            Some(_) => {}
        }
    }

    fn execute(&mut self, command: Command, ctx: &mut Ctx<'_>) {
        let [opcode, p1, p2, p3, ..] = self.s.command;
        let drive = p1 & 3;
        match command {
            Command::Specify => self.s.specify = [p1, p2],
            Command::SenseDrive => {
                let st3 = self.sense_drive(p1);
                self.answer(&[st3]);
            }
            Command::SenseInterrupt => self.sense_interrupt(ctx),
            Command::DumpReg => self.dump_registers(),
            Command::Version => self.answer(&[VERSION_82077]),
            Command::Perpendicular => {
                // Bit 7 (OW) must be set for the drive bits to be taken (§5.2.8).
                let drives = if p1 & 0x80 != 0 {
                    p1 & 0x3c
                } else {
                    self.s.perpendicular & 0x3c
                };
                self.s.perpendicular = drives | p1 & 3;
            }
            Command::Configure => {
                self.s.config = Config::from_bits_truncate(p2);
                self.s.pretrk = p3;
            }
            Command::Lock => {
                self.s.lock = opcode & MT != 0;
                self.answer(&[if self.s.lock { 0x10 } else { 0 }]);
            }
            Command::Recalibrate => self.begin_recalibrate(drive, ctx),
            Command::Seek => self.begin_seek(drive, p2, ctx),
            Command::RelativeSeek => self.begin_relative_seek(drive, p2, opcode & 0x40 != 0, ctx),
            _ => {
                let transfer = Transfer::new(command, &self.s.command);
                self.begin_transfer(transfer, ctx);
            }
        }
    }

    fn sense_drive(&self, select: u8) -> u8 {
        let mut st3 = St3::READY | St3::TWO_SIDES | St3::from_bits_retain(select & 3);
        st3.set(St3::HD, select & 4 != 0);
        if let Some(drive) = self.drives.get(usize::from(select & 3)) {
            st3.set(St3::T0, drive.at_track_0());
            st3.set(St3::WP, drive.write_protected());
        }
        st3.bits()
    }

    /// SENSE INTERRUPT STATUS (§5.2.4). Without a pending interrupt it is an invalid command, with
    /// one result byte.
    fn sense_interrupt(&mut self, ctx: &mut Ctx<'_>) {
        if self.s.polls_left > 0 {
            let drive = 4 - self.s.polls_left.min(4);
            self.s.polls_left -= 1;
            self.set_interrupt(false, ctx);
            self.answer(&[St0::POLLING.bits() | drive, self.s.pcn[usize::from(drive)]]);
            return;
        }
        let Some(drive) = (0..4).find(|&drive| self.s.seek_end[drive].is_some()) else {
            self.answer(&[St0::INVALID.bits()]);
            return;
        };
        let st0 = self.s.seek_end[drive].take().unwrap_or(St0::INVALID);
        self.answer(&[st0.bits(), self.s.pcn[drive]]);
        self.set_interrupt(false, ctx);
        if self.s.seek_end.iter().any(Option::is_some) {
            // Another drive has ended its seek too: a new edge for it.
            self.set_interrupt(true, ctx);
        }
    }

    fn dump_registers(&mut self) {
        let [p0, p1, p2, p3] = self.s.pcn;
        let [srt_hut, hlt_nd] = self.s.specify;
        let lock = if self.s.lock { LOCK_BIT } else { 0 };
        self.answer(&[
            p0,
            p1,
            p2,
            p3,
            srt_hut,
            hlt_nd,
            self.s.sc_eot,
            lock | self.s.perpendicular & 0x3f,
            self.s.config.bits(),
            self.s.pretrk,
        ]);
    }

    /// Enters the result phase with these bytes.
    pub(super) fn answer(&mut self, bytes: &[u8]) {
        let n = bytes.len().min(self.s.result.len());
        self.s.result[..n].copy_from_slice(&bytes[..n]);
        self.s.result_len = n as u8;
        self.s.result_pos = 0;
        self.s.result_interrupt = false;
        self.s.have = 0;
        self.s.phase = Phase::Result;
    }

    /// The main status register.
    pub(super) fn main_status(&self) -> u8 {
        let mut msr = match self.s.phase {
            Phase::Held | Phase::Starting => return 0,
            Phase::Command if self.s.have == 0 => Msr::RQM,
            Phase::Command => Msr::RQM | Msr::CB,
            Phase::Result => Msr::RQM | Msr::DIO | Msr::CB,
            Phase::Execution => Msr::CB | self.execution_status(),
        };
        for (drive, seek) in self.s.seeking.iter().enumerate() {
            if seek.is_some() {
                msr |= Msr::from_bits_retain(1 << drive);
            }
        }
        msr.bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_with_options_they_do_not_take_are_invalid() {
        assert_eq!(Command::decode(0xe6), Some(Command::Read));
        assert_eq!(Command::decode(0xc5), Some(Command::Write));
        assert_eq!(Command::decode(0xe5), None);
        assert_eq!(Command::decode(0x08), Some(Command::SenseInterrupt));
        assert_eq!(Command::decode(0x28), None);
        assert_eq!(Command::decode(0x8f), Some(Command::RelativeSeek));
        assert_eq!(Command::decode(0xcf), Some(Command::RelativeSeek));
        assert_eq!(Command::decode(0x0f), Some(Command::Seek));
        assert_eq!(Command::decode(0x4f), None);
        assert_eq!(Command::decode(0x18), None, "PART ID is an 82078 command");
        assert_eq!(Command::decode(0x94), Some(Command::Lock));
    }
}
