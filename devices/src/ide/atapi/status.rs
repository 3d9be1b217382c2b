//! What the drive is and how it stands: GET CONFIGURATION, GET EVENT STATUS NOTIFICATION, MECHANISM STATUS.

use super::cdrom::Cdrom;
use super::command::{Answer, Cdb, reply};
use super::sense::Sense;

const PROFILE_CD_ROM: u16 = 0x0008;
const PROFILE_DVD_ROM: u16 = 0x0010;

/// A feature descriptor (MMC-3 §5.5.1.3).
fn feature(code: u16, version: u8, persistent: bool, current: bool, data: &[u8]) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    let flags = version << 2 | u8::from(persistent) << 1 | u8::from(current);
    [&[high, low, flags, data.len() as u8], data].concat()
}

fn profile(number: u16, current: bool) -> [u8; 4] {
    let [high, low] = number.to_be_bytes();
    [high, low, current.into(), 0]
}

/// MMC-3 §5.5.
pub(super) fn configuration(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    const ALL: u8 = 0;
    const CURRENT: u8 = 1;
    const ONE: u8 = 2;
    let (is_cd, is_dvd) = (cd.is_cd(), cd.blocks().is_ok() && !cd.is_cd());
    let medium = is_cd || is_dvd;
    let profiles = [profile(PROFILE_DVD_ROM, is_dvd), profile(PROFILE_CD_ROM, is_cd)].concat();
    let block = [0, 0, 8, 0, 0, 1, 0, 0];
    let features = [
        (0x0000, true, feature(0x0000, 0, true, true, &profiles)),
        // Core: ATAPI.
        (0x0001, true, feature(0x0001, 0, true, true, &[0, 0, 0, 2])),
        // Removable medium: a tray that can be locked and ejected.
        (0x0003, true, feature(0x0003, 0, true, true, &[0x29, 0, 0, 0])),
        // Random readable: blocks of 2048 bytes.
        (0x0010, medium, feature(0x0010, 0, false, medium, &block)),
        (0x001d, medium, feature(0x001d, 0, false, medium, &[])),
        (0x001e, is_cd, feature(0x001e, 0, false, is_cd, &[])),
        (0x001f, is_dvd, feature(0x001f, 0, false, is_dvd, &[])),
    ];
    let (kind, first) = (cdb.byte(1) & 3, cdb.be16(2));
    let wanted = |code: u16, current: bool| match kind {
        ALL => code >= first,
        CURRENT => code >= first && current,
        ONE => code == first,
        _ => false,
    };
    if kind > ONE {
        return Err(Sense::INVALID_FIELD);
    }
    let descriptors: Vec<u8> = features
        .into_iter()
        .filter(|&(code, current, _)| wanted(code, current))
        .flat_map(|(_, _, descriptor)| descriptor)
        .collect();
    let current = match (is_cd, is_dvd) {
        (true, _) => PROFILE_CD_ROM,
        (_, true) => PROFILE_DVD_ROM,
        _ => 0,
    };
    let mut bytes = (descriptors.len() as u32 + 4).to_be_bytes().to_vec();
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&current.to_be_bytes());
    bytes.extend_from_slice(&descriptors);
    reply(bytes, cdb.be16(7))
}

/// MMC-3 §5.6: only when asked, and only of the medium.
pub(super) fn event(cd: &mut Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    const POLLED: u8 = 1;
    const CLASS_MEDIA: u8 = 4;
    /// No event of the classes asked for can come.
    const NO_EVENT: u8 = 0x80;
    if cdb.byte(1) & POLLED == 0 {
        return Err(Sense::INVALID_FIELD);
    }
    let supported = 1 << CLASS_MEDIA;
    if cdb.byte(4) & supported == 0 {
        return reply([0, 2, NO_EVENT, supported], cdb.be16(7));
    }
    // An event that there was no room to tell of is told the next time.
    let event = match cdb.be16(7) {
        0..=4 => 0,
        _ => cd.take_event() as u8,
    };
    let present = cd.image().is_some() && !cd.s.door_open;
    let status = u8::from(cd.s.door_open) | u8::from(present) << 1;
    reply([0, 6, CLASS_MEDIA, supported, event, status, 0, 0], cdb.be16(7))
}

/// SFF-8020i §10.8.10: no changer, and idle.
pub(super) fn mechanism(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    const DOOR_OPEN: u8 = 0x10;
    let door = if cd.s.door_open { DOOR_OPEN } else { 0 };
    let [_, a, b, c] = cd.s.head_at.to_be_bytes();
    reply([0, door, a, b, c, 0, 0, 0], cdb.be16(8))
}
