//! Reading sectors: READ (10), READ (12), READ CD and READ CD MSF.

use serde::{Deserialize, Serialize};

use super::cdrom::{BLOCK_BYTES, Cdrom};
use super::command::{Answer, Cdb};
use super::sector::{self, Parts};
use super::sense::Sense;
use super::toc::msf_to_lba;
use crate::Ctx;

/// Sectors on their way to the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Transfer {
    /// The next one, and how many there are to come.
    pub(super) lba: u32,
    pub(super) left: u32,
    /// What of each.
    parts: Parts,
}

impl Transfer {
    /// Sectors that are read for a block of `limit` bytes: one at least.
    pub(super) fn block(&self, limit: u16) -> u32 {
        let fitting = u32::from(limit) / self.parts.bytes().max(1) as u32;
        fitting.max(1).min(self.left.max(1))
    }
}

impl Cdrom {
    /// READ (10) and (12): SFF-8020i §10.8.15.
    pub(super) fn begin_read(&mut self, lba: u32, count: u32) -> Result<Answer, Sense> {
        self.begin(lba, count, Parts::USER_DATA)
    }

    /// READ CD: MMC-3 §5.20.
    pub(super) fn begin_read_cd(&mut self, cdb: &Cdb, lba: u32, count: u32) -> Result<Answer, Sense> {
        const ANY: u8 = 0;
        const MODE_1: u8 = 2;
        let parts = Parts::of(cdb.byte(9), cdb.byte(10)).ok_or(Sense::INVALID_FIELD)?;
        self.blocks()?;
        match cdb.byte(1) >> 2 & 7 {
            ANY | MODE_1 => self.begin(lba, count, parts),
            1 | 3..=5 => Err(Sense::ILLEGAL_MODE),
            _ => Err(Sense::INVALID_FIELD),
        }
    }

    /// READ CD MSF: MMC-3 §5.21.
    pub(super) fn begin_read_cd_msf(&mut self, cdb: &Cdb) -> Result<Answer, Sense> {
        let msf = |at: usize| msf_to_lba([cdb.byte(at), cdb.byte(at + 1), cdb.byte(at + 2)]);
        let (start, end) = msf(3).zip(msf(6)).ok_or(Sense::INVALID_FIELD)?;
        let count = end.checked_sub(start).ok_or(Sense::INVALID_FIELD)?;
        self.begin_read_cd(cdb, start, count)
    }

    fn begin(&mut self, lba: u32, count: u32, parts: Parts) -> Result<Answer, Sense> {
        let blocks = self.blocks()?;
        let exists = match count {
            0 => lba <= blocks,
            _ => lba.checked_add(count).is_some_and(|end| end <= blocks),
        };
        if !exists {
            return Err(Sense::OUT_OF_RANGE);
        }
        if count == 0 || parts.bytes() == 0 {
            return Ok(Answer::Done);
        }
        self.s.transfer = Transfer {
            lba,
            left: count,
            parts,
        };
        Ok(Answer::Read)
    }

    /// Appends the next `count` sectors of the transfer to `buffer`.
    pub(super) fn read_sectors(
        &mut self,
        count: u32,
        buffer: &mut Vec<u8>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Sense> {
        if self.medium_was_changed() {
            return Err(self.take_attention().unwrap_or(Sense::MEDIUM_CHANGED));
        }
        let mut data = [0; BLOCK_BYTES];
        for _ in 0..count {
            let Transfer { lba, left, parts } = self.s.transfer;
            self.read_block(lba, &mut data, ctx)?;
            if parts == Parts::USER_DATA {
                buffer.extend_from_slice(&data);
            } else {
                sector::append(lba, &data, parts, buffer);
            }
            let lba = lba.saturating_add(1);
            self.s.head_at = lba;
            (self.s.transfer.lba, self.s.transfer.left) = (lba, left.saturating_sub(1));
        }
        Ok(())
    }
}
