//! What there is on the disc: READ TOC, READ SUB-CHANNEL, READ HEADER, READ DISC INFORMATION, READ TRACK
//! INFORMATION. A disc has one session of one track of data.

use super::cdrom::{Cdrom, MSF_BLOCKS};
use super::command::{Answer, Cdb, reply};
use super::sense::Sense;

/// Bit 1 of byte 1: addresses as minute, second and frame.
const MSF: u8 = 0x02;

/// Frames between 0:0:0 and the first sector.
const PREGAP: u32 = 150;

/// ADR 1, control 4: a position; a track of data that must not be copied.
const DATA_TRACK: u8 = 0x14;

const LEAD_OUT: u8 = 0xaa;

/// Minute, second and frame of so many frames, at most 99:59:74.
pub(super) fn relative_msf(frames: u32) -> [u8; 3] {
    let frames = frames.min(MSF_BLOCKS + PREGAP - 1);
    [frames / 75 / 60, frames / 75 % 60, frames % 75].map(|n| n as u8)
}

/// Where a sector is.
pub(super) fn lba_to_msf(lba: u32) -> [u8; 3] {
    relative_msf(lba.saturating_add(PREGAP))
}

/// The sector at an address; `None` if there is no such address, or it lies in front of the first sector.
pub(super) fn msf_to_lba([m, s, f]: [u8; 3]) -> Option<u32> {
    let exists = m <= 99 && s < 60 && f < 75;
    let frames = (u32::from(m) * 60 + u32::from(s)) * 75 + u32::from(f);
    frames.checked_sub(PREGAP).filter(|_| exists)
}

fn address(lba: u32, cdb: &Cdb) -> [u8; 4] {
    if cdb.byte(1) & MSF == 0 {
        return lba.to_be_bytes();
    }
    let [m, s, f] = lba_to_msf(lba);
    [0, m, s, f]
}

/// A reply that begins with the number of bytes that follow.
fn counted(bytes: &[u8], room: u16) -> Result<Answer, Sense> {
    let counted = [&(bytes.len() as u16).to_be_bytes(), bytes].concat();
    reply(counted, room)
}

/// READ TOC: SFF-8020i §10.8.19 with the format in byte 9, MMC-3 §5.30 with it in byte 2.
pub(super) fn read_toc(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    let blocks = cd.blocks()?;
    let format = match cdb.byte(2) & 0x0f {
        0 => cdb.byte(9) >> 6,
        format => format,
    };
    let (first, room) = (cdb.byte(6), cdb.be16(7));
    let mut bytes = vec![1, 1];
    match format {
        0 => {
            if !matches!(first, 0 | 1 | LEAD_OUT) {
                return Err(Sense::INVALID_FIELD);
            }
            for (track, lba) in [(1, 0), (LEAD_OUT, blocks)] {
                if first <= track {
                    bytes.extend_from_slice(&[0, DATA_TRACK, track, 0]);
                    bytes.extend_from_slice(&address(lba, cdb));
                }
            }
        }
        // The first track of the last session.
        1 => {
            bytes.extend_from_slice(&[0, DATA_TRACK, 1, 0]);
            bytes.extend_from_slice(&address(0, cdb));
        }
        // The lead-in: first track and kind of disc, last track, lead-out, the track.
        2 if first <= 1 => {
            let points = [(0xa0, [1, 0, 0]), (0xa1, [1, 0, 0])];
            let places = [(0xa2, lba_to_msf(blocks)), (1, lba_to_msf(0))];
            for (point, msf) in points.into_iter().chain(places) {
                bytes.extend_from_slice(&[1, DATA_TRACK, 0, point, 0, 0, 0, 0]);
                bytes.extend_from_slice(&msf);
            }
        }
        _ => return Err(Sense::INVALID_FIELD),
    }
    counted(&bytes, room)
}

/// SFF-8020i §10.8.18.
pub(super) fn sub_channel(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    const SUB_Q: u8 = 0x40;
    /// No current audio status.
    const NO_STATUS: u8 = 0x15;
    let blocks = cd.blocks()?;
    let mut data = Vec::new();
    if cdb.byte(2) & SUB_Q != 0 {
        match cdb.byte(3) {
            // The position.
            1 => {
                let lba = cd.s.head_at.min(blocks.saturating_sub(1));
                let relative = if cdb.byte(1) & MSF == 0 {
                    lba.to_be_bytes()
                } else {
                    let [m, s, f] = relative_msf(lba);
                    [0, m, s, f]
                };
                data.extend_from_slice(&[1, DATA_TRACK, 1, 1]);
                data.extend_from_slice(&address(lba, cdb));
                data.extend_from_slice(&relative);
            }
            // Catalogue number and recording code: the disc has none.
            format @ 2..=3 => {
                data = vec![0; 20];
                data[0] = format;
                if format == 3 {
                    if cdb.byte(6) != 1 {
                        return Err(Sense::INVALID_FIELD);
                    }
                    data[1..3].copy_from_slice(&[DATA_TRACK, 1]);
                }
            }
            _ => return Err(Sense::INVALID_FIELD),
        }
    }
    let [high, low] = (data.len() as u16).to_be_bytes();
    reply([&[0, NO_STATUS, high, low], &data[..]].concat(), cdb.be16(7))
}

/// SFF-8020i §10.8.17.
pub(super) fn header(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    let lba = cdb.be32(2);
    if lba >= cd.blocks()? {
        return Err(Sense::OUT_OF_RANGE);
    }
    // Mode 1.
    reply([[1, 0, 0, 0], address(lba, cdb)].concat(), cdb.be16(7))
}

/// MMC-3 §5.22: a complete disc.
pub(super) fn disc_information(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    cd.blocks()?;
    // Only of the disc itself.
    if cdb.byte(1) & 7 != 0 {
        return Err(Sense::INVALID_FIELD);
    }
    let mut bytes = [0; 32];
    // Complete, as its last session; first track, sessions, first and last track of the last session.
    bytes[..5].copy_from_slice(&[0x0e, 1, 1, 1, 1]);
    // It may be used anywhere.
    bytes[5] = 0x20;
    // There is no further lead-in, nor lead-out.
    bytes[14..22].fill(0xff);
    counted(&bytes, cdb.be16(7))
}

/// MMC-3 §5.31.
pub(super) fn track_information(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    let blocks = cd.blocks()?;
    let which = cdb.be32(2);
    let exists = match cdb.byte(1) & 3 {
        0 => which < blocks,
        // By track, by session.
        1 | 2 => which == 1,
        _ => false,
    };
    if !exists {
        return Err(Sense::INVALID_FIELD);
    }
    let mut bytes = [0; 34];
    // Track and session; a data track of mode 1.
    bytes[..5].copy_from_slice(&[1, 1, 0, 0x04, 0x01]);
    bytes[22..26].copy_from_slice(&blocks.to_be_bytes());
    counted(&bytes, cdb.be16(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_seconds_and_frames_count_from_two_seconds_in_front_of_the_first_sector() {
        assert_eq!(lba_to_msf(0), [0, 2, 0]);
        assert_eq!(lba_to_msf(16), [0, 2, 16]);
        assert_eq!(lba_to_msf(MSF_BLOCKS - 1), [99, 59, 74]);
        assert_eq!(lba_to_msf(u32::MAX), [99, 59, 74]);
        for lba in [0, 16, 74, 75, 4500, MSF_BLOCKS - 1] {
            assert_eq!(msf_to_lba(lba_to_msf(lba)), Some(lba));
        }
        for bad in [[0, 1, 74], [100, 0, 0], [0, 60, 0], [0, 2, 75]] {
            assert_eq!(msf_to_lba(bad), None);
        }
    }
}
