//! The packet commands: which there are, what each needs, and those without much of an answer.

use super::cdrom::{Attentions, BLOCK_BYTES, Cdrom, MAX_SPEED, MediaEvent};
use super::sense::Sense;
use super::{PACKET_BYTES, mode, status, toc};

/// Operation codes (SFF-8020i table 49; MMC-3 table 90 for those from 46h on).
mod op {
    pub(super) const TEST_UNIT_READY: u8 = 0x00;
    pub(super) const REQUEST_SENSE: u8 = 0x03;
    pub(super) const INQUIRY: u8 = 0x12;
    pub(super) const MODE_SELECT_6: u8 = 0x15;
    pub(super) const MODE_SENSE_6: u8 = 0x1a;
    pub(super) const START_STOP_UNIT: u8 = 0x1b;
    pub(super) const PREVENT_ALLOW: u8 = 0x1e;
    pub(super) const READ_CAPACITY: u8 = 0x25;
    pub(super) const READ_10: u8 = 0x28;
    pub(super) const SEEK_10: u8 = 0x2b;
    pub(super) const READ_SUB_CHANNEL: u8 = 0x42;
    pub(super) const READ_TOC: u8 = 0x43;
    pub(super) const READ_HEADER: u8 = 0x44;
    pub(super) const PLAY_AUDIO_10: u8 = 0x45;
    pub(super) const GET_CONFIGURATION: u8 = 0x46;
    pub(super) const PLAY_AUDIO_MSF: u8 = 0x47;
    pub(super) const GET_EVENT_STATUS: u8 = 0x4a;
    pub(super) const PAUSE_RESUME: u8 = 0x4b;
    pub(super) const STOP_PLAY_SCAN: u8 = 0x4e;
    pub(super) const READ_DISC_INFORMATION: u8 = 0x51;
    pub(super) const READ_TRACK_INFORMATION: u8 = 0x52;
    pub(super) const MODE_SELECT_10: u8 = 0x55;
    pub(super) const MODE_SENSE_10: u8 = 0x5a;
    pub(super) const PLAY_AUDIO_12: u8 = 0xa5;
    pub(super) const READ_12: u8 = 0xa8;
    pub(super) const READ_CD_MSF: u8 = 0xb9;
    pub(super) const SCAN: u8 = 0xba;
    pub(super) const SET_CD_SPEED: u8 = 0xbb;
    pub(super) const MECHANISM_STATUS: u8 = 0xbd;
    pub(super) const READ_CD: u8 = 0xbe;
}

/// Bit 0 of byte 1: an address relative to that of a linked command, which there are none of.
const RELATIVE: u8 = 0x01;

/// A command as the host wrote it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cdb(pub(super) [u8; PACKET_BYTES]);

impl Cdb {
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.0.get(at).copied().unwrap_or(0)
    }

    pub(super) fn be16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.byte(at), self.byte(at + 1)])
    }

    pub(super) fn be24(&self, at: usize) -> u32 {
        u32::from_be_bytes([0, self.byte(at), self.byte(at + 1), self.byte(at + 2)])
    }

    pub(super) fn be32(&self, at: usize) -> u32 {
        u32::from_be_bytes([
            self.byte(at),
            self.byte(at + 1),
            self.byte(at + 2),
            self.byte(at + 3),
        ])
    }

    /// Bits of byte 1 that must not be set.
    fn refuse(&self, bits: u8) -> Result<(), Sense> {
        if self.byte(1) & bits == 0 {
            Ok(())
        } else {
            Err(Sense::INVALID_FIELD)
        }
    }
}

/// What a command goes on with.
pub(super) enum Answer {
    /// It is over.
    Done,
    /// Bytes for the host.
    Reply(Vec<u8>),
    /// The sectors of the transfer.
    Read,
    /// The laser moves to the transfer's first sector.
    Seek,
    /// So many bytes of parameters from the host.
    Take(u16),
}

/// A reply, cut to the length that the host has room for.
pub(super) fn reply(bytes: impl Into<Vec<u8>>, room: impl Into<usize>) -> Result<Answer, Sense> {
    let mut bytes = bytes.into();
    bytes.truncate(room.into());
    Ok(Answer::Reply(bytes))
}

/// Commands that neither wait for an attention to be told nor tell it (MMC-3 §4.5.2).
fn passes_attention(op: u8) -> bool {
    matches!(
        op,
        op::REQUEST_SENSE | op::INQUIRY | op::GET_CONFIGURATION | op::GET_EVENT_STATUS
    )
}

impl Cdrom {
    /// Carries out a command, or begins to.
    pub(super) fn execute(&mut self, cdb: &Cdb) -> Result<Answer, Sense> {
        let op = cdb.byte(0);
        if op != op::REQUEST_SENSE {
            self.s.sense = Sense::NONE;
        }
        if !is_known(op) {
            return Err(Sense::INVALID_COMMAND);
        }
        if !passes_attention(op)
            && let Some(sense) = self.take_attention()
        {
            return Err(sense);
        }
        match op {
            op::TEST_UNIT_READY => self.blocks().map(|_| Answer::Done),
            op::REQUEST_SENSE => self.request_sense(cdb),
            op::INQUIRY => inquiry(cdb),
            op::MODE_SELECT_6 | op::MODE_SELECT_10 => mode::begin_select(cdb),
            op::MODE_SENSE_6 | op::MODE_SENSE_10 => mode::sense(self, cdb),
            op::START_STOP_UNIT => self.start_stop(cdb),
            op::PREVENT_ALLOW => {
                self.s.locked = cdb.byte(4) & 1 != 0;
                Ok(Answer::Done)
            }
            op::READ_CAPACITY => {
                cdb.refuse(RELATIVE)?;
                let last = self.blocks()?.saturating_sub(1);
                let bytes = [last.to_be_bytes(), (BLOCK_BYTES as u32).to_be_bytes()];
                Ok(Answer::Reply(bytes.concat()))
            }
            op::READ_10 => {
                cdb.refuse(RELATIVE)?;
                self.begin_read(cdb.be32(2), cdb.be16(7).into())
            }
            op::READ_12 => {
                cdb.refuse(RELATIVE)?;
                self.begin_read(cdb.be32(2), cdb.be32(6))
            }
            op::READ_CD => self.begin_read_cd(cdb, cdb.be32(2), cdb.be24(6)),
            op::READ_CD_MSF => self.begin_read_cd_msf(cdb),
            op::SEEK_10 => {
                if cdb.be32(2) >= self.blocks()? {
                    return Err(Sense::OUT_OF_RANGE);
                }
                self.s.transfer.lba = cdb.be32(2);
                Ok(Answer::Seek)
            }
            op::READ_SUB_CHANNEL => toc::sub_channel(self, cdb),
            op::READ_TOC => toc::read_toc(self, cdb),
            op::READ_HEADER => toc::header(self, cdb),
            op::READ_DISC_INFORMATION => toc::disc_information(self, cdb),
            op::READ_TRACK_INFORMATION => toc::track_information(self, cdb),
            op::GET_CONFIGURATION => status::configuration(self, cdb),
            op::GET_EVENT_STATUS => status::event(self, cdb),
            op::MECHANISM_STATUS => status::mechanism(self, cdb),
            op::SET_CD_SPEED => {
                // FFFFh is the highest, too.
                self.s.speed = cdb.be16(2).clamp(176, MAX_SPEED);
                Ok(Answer::Done)
            }
            op::PLAY_AUDIO_10 => self.play(cdb.be32(2), cdb.be16(7).into()),
            op::PLAY_AUDIO_12 => self.play(cdb.be32(2), cdb.be32(6)),
            op::PLAY_AUDIO_MSF => self.play_msf(cdb),
            // There is nothing to scan.
            op::SCAN => self.blocks().and(Err(Sense::ILLEGAL_MODE)),
            // Nothing plays that could be stopped for a while; to stop for good is no error.
            op::PAUSE_RESUME => self.blocks().and(Err(Sense::COMMAND_SEQUENCE)),
            _ => self.blocks().map(|_| Answer::Done),
        }
    }

    /// The sense of the command before, else an attention, else what there is to say.
    fn request_sense(&mut self, cdb: &Cdb) -> Result<Answer, Sense> {
        let mut sense = core::mem::take(&mut self.s.sense);
        if sense == Sense::NONE {
            sense = self.take_attention().unwrap_or(Sense::NONE);
        }
        reply(sense.to_bytes(), cdb.byte(4))
    }

    /// SFF-8020i §10.8.25.
    fn start_stop(&mut self, cdb: &Cdb) -> Result<Answer, Sense> {
        const START: u8 = 1;
        const LOAD_EJECT: u8 = 2;
        let bits = cdb.byte(4);
        // Power conditions (MMC-3 §5.42) leave the rest alone.
        if bits >> 4 != 0 {
            return Ok(Answer::Done);
        }
        match (bits & LOAD_EJECT != 0, bits & START != 0) {
            (true, start) => self.move_door(!start)?,
            (false, true) => drop(self.blocks()?),
            (false, false) => {}
        }
        Ok(Answer::Done)
    }

    /// Tracks of data do not play (SFF-8020i §10.8.12).
    fn play(&self, lba: u32, count: u32) -> Result<Answer, Sense> {
        let blocks = self.blocks()?;
        match count {
            0 => Ok(Answer::Done),
            // From where the laser is.
            _ if lba == u32::MAX || lba < blocks => Err(Sense::ILLEGAL_MODE),
            _ => Err(Sense::OUT_OF_RANGE),
        }
    }

    fn play_msf(&self, cdb: &Cdb) -> Result<Answer, Sense> {
        let msf = |at: usize| toc::msf_to_lba([cdb.byte(at), cdb.byte(at + 1), cdb.byte(at + 2)]);
        let (Some(start), Some(end)) = (msf(3), msf(6)) else {
            return Err(Sense::INVALID_FIELD);
        };
        match end.checked_sub(start) {
            Some(count) => self.play(start, count),
            None => Err(Sense::INVALID_FIELD),
        }
    }

    /// What the drive would say of a new disc is said already, or a transfer must stop for it.
    pub(super) fn medium_was_changed(&mut self) -> bool {
        self.s.attentions.contains(Attentions::MEDIUM)
    }

    /// The event of the medium; it is told once.
    pub(super) fn take_event(&mut self) -> MediaEvent {
        core::mem::replace(&mut self.s.event, MediaEvent::None)
    }
}

fn is_known(op: u8) -> bool {
    matches!(
        op,
        op::TEST_UNIT_READY
            | op::REQUEST_SENSE
            | op::INQUIRY
            | op::MODE_SELECT_6
            | op::MODE_SENSE_6
            | op::START_STOP_UNIT
            | op::PREVENT_ALLOW
            | op::READ_CAPACITY
            | op::READ_10
            | op::SEEK_10
            | op::READ_SUB_CHANNEL
            ..=op::PLAY_AUDIO_MSF
                | op::GET_EVENT_STATUS
                | op::PAUSE_RESUME
                | op::STOP_PLAY_SCAN
                | op::READ_DISC_INFORMATION
                | op::READ_TRACK_INFORMATION
                | op::MODE_SELECT_10
                | op::MODE_SENSE_10
                | op::PLAY_AUDIO_12
                | op::READ_12
                | op::READ_CD_MSF
                | op::SCAN
                | op::SET_CD_SPEED
                | op::MECHANISM_STATUS
                | op::READ_CD
    )
}

/// SFF-8020i §10.8.1: no vital product data.
fn inquiry(cdb: &Cdb) -> Result<Answer, Sense> {
    cdb.refuse(0x03)?;
    if cdb.byte(2) != 0 {
        return Err(Sense::INVALID_FIELD);
    }
    // A CD-ROM device; removable; no version of SCSI; ATAPI 2 with this format; bytes that follow.
    let mut bytes = vec![0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0];
    bytes.extend_from_slice(b"OLDIRON CD-ROM          1.0 ");
    reply(bytes, cdb.byte(4))
}
