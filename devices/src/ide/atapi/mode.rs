//! Mode pages: MODE SENSE and MODE SELECT, of six and ten bytes (SFF-8020i §10.8.6 to §10.8.8).
//!
//! Nothing is saved, and there are no block descriptors to read; one of eight bytes may be written and changes
//! nothing.

use serde::{Deserialize, Serialize};

use super::cdrom::{Cdrom, MAX_SPEED};
use super::command::{Answer, Cdb, reply};
use super::sense::Sense;

/// MODE SENSE and MODE SELECT of six bytes.
const SELECT_6: u8 = 0x15;
const SENSE_6: u8 = 0x1a;

const ERROR_RECOVERY: u8 = 0x01;
const DEVICE_PARAMETERS: u8 = 0x0d;
const AUDIO_CONTROL: u8 = 0x0e;
const CAPABILITIES: u8 = 0x2a;
const ALL_PAGES: u8 = 0x3f;

/// The error recovery page as it comes: five retries.
const RECOVERY_DEFAULT: [u8; 8] = [ERROR_RECOVERY, 6, 0, 5, 0, 0, 0, 0];
const RECOVERY_MASK: [u8; 8] = [0, 0, 0x37, 0xff, 0, 0, 0, 0];

/// 60 seconds in a minute, 75 frames in a second; the inactivity timer.
const DEVICE_DEFAULT: [u8; 8] = [DEVICE_PARAMETERS, 6, 0, 0x0d, 0, 60, 0, 75];
const DEVICE_MASK: [u8; 8] = [0, 0, 0, 0x0f, 0, 0, 0, 0];

/// Commands end as the sound begins; two ports at full volume.
const AUDIO_DEFAULT: [u8; 16] = [AUDIO_CONTROL, 14, 4, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff, 0, 0, 0, 0];
const AUDIO_MASK: [u8; 16] = [
    0, 0, 2, 0, 0, 0, 0, 0, 0x0f, 0xff, 0x0f, 0xff, 0x0f, 0xff, 0x0f, 0xff,
];

/// The pages that MODE SELECT may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pages {
    recovery: [u8; 8],
    device: [u8; 8],
    audio: [u8; 16],
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            recovery: RECOVERY_DEFAULT,
            device: DEVICE_DEFAULT,
            audio: AUDIO_DEFAULT,
        }
    }
}

impl Pages {
    /// A page's contents, and the bits that may be changed.
    fn page_mut(&mut self, code: u8) -> Option<(&mut [u8], &'static [u8])> {
        Some(match code {
            ERROR_RECOVERY => (&mut self.recovery, &RECOVERY_MASK),
            DEVICE_PARAMETERS => (&mut self.device, &DEVICE_MASK),
            AUDIO_CONTROL => (&mut self.audio, &AUDIO_MASK),
            _ => return None,
        })
    }

    /// Takes over a page that the host has written; bits that may not be changed must be as they are.
    fn change(&mut self, page: &[u8]) -> Result<(), Sense> {
        let code = page.first().map_or(0, |code| code & 0x3f);
        let (current, mask) = self.page_mut(code).ok_or(Sense::INVALID_PARAMETER)?;
        let fixed_differs = |((new, old), mask): ((&u8, &u8), &u8)| (new ^ old) & !mask != 0;
        let values = page.iter().zip(current.iter()).zip(mask).skip(1);
        if page.len() != current.len() || { values }.any(fixed_differs) {
            return Err(Sense::INVALID_PARAMETER);
        }
        for (old, new) in current.iter_mut().zip(page).skip(1) {
            *old = *new;
        }
        Ok(())
    }
}

/// The capabilities page (SFF-8020i §10.8.6.4).
fn capabilities(cd: &Cdrom) -> [u8; 20] {
    let [max_high, max_low] = MAX_SPEED.to_be_bytes();
    let [speed_high, speed_low] = cd.s.speed.to_be_bytes();
    // A tray that can be locked and ejected.
    let door = 0x29 | u8::from(cd.s.locked) << 1;
    [
        CAPABILITIES,
        18,
        // Reads CD-R and CD-RW, writes nothing; sessions and mode 2; READ CD, exact, with codes.
        0x03,
        0,
        0x71,
        0x63,
        door,
        // Volume and mute for each channel.
        0x03,
        max_high,
        max_low,
        // Steps of volume; KiB of buffer.
        1,
        0,
        2,
        0,
        speed_high,
        speed_low,
        0,
        0,
        0,
        0,
    ]
}

/// The medium type in a mode header.
fn medium_type(cd: &Cdrom) -> u8 {
    match cd.blocks() {
        Ok(_) => 0x01,
        Err(_) if cd.s.door_open => 0x71,
        Err(_) => 0x70,
    }
}

pub(super) fn sense(cd: &Cdrom, cdb: &Cdb) -> Result<Answer, Sense> {
    const CURRENT: u8 = 0;
    const CHANGEABLE: u8 = 1;
    const DEFAULT: u8 = 2;
    let (control, wanted) = (cdb.byte(2) >> 6, cdb.byte(2) & 0x3f);
    let mut pages = match control {
        CURRENT => cd.s.pages,
        CHANGEABLE | DEFAULT => Pages::default(),
        _ => return Err(Sense::SAVING_NOT_SUPPORTED),
    };
    let mut bytes = Vec::new();
    for code in [ERROR_RECOVERY, DEVICE_PARAMETERS, AUDIO_CONTROL] {
        if let Some((page, mask)) = pages.page_mut(code)
            && (wanted == code || wanted == ALL_PAGES)
        {
            if control == CHANGEABLE {
                page.iter_mut()
                    .zip(mask)
                    .skip(2)
                    .for_each(|(byte, mask)| *byte = *mask);
            }
            bytes.extend_from_slice(page);
        }
    }
    if wanted == CAPABILITIES || wanted == ALL_PAGES {
        let mut page = capabilities(cd);
        if control == CHANGEABLE {
            page[2..].fill(0);
        }
        bytes.extend_from_slice(&page);
    }
    if bytes.is_empty() {
        return Err(Sense::INVALID_FIELD);
    }
    if cdb.byte(0) == SENSE_6 {
        let header = [bytes.len() as u8 + 3, medium_type(cd), 0, 0];
        return reply([&header, &bytes[..]].concat(), cdb.byte(4));
    }
    let [high, low] = (bytes.len() as u16 + 6).to_be_bytes();
    let header = [high, low, medium_type(cd), 0, 0, 0, 0, 0];
    reply([&header, &bytes[..]].concat(), cdb.be16(7))
}

/// MODE SELECT: its parameters are asked for.
pub(super) fn begin_select(cdb: &Cdb) -> Result<Answer, Sense> {
    const PAGE_FORMAT: u8 = 0x10;
    const SAVE: u8 = 0x01;
    if cdb.byte(1) & (PAGE_FORMAT | SAVE) != PAGE_FORMAT {
        return Err(Sense::INVALID_FIELD);
    }
    Ok(Answer::Take(match cdb.byte(0) {
        SELECT_6 => cdb.byte(4).into(),
        _ => cdb.be16(7),
    }))
}

/// MODE SELECT: its parameters are there. All pages are taken, or none.
pub(super) fn select(cd: &mut Cdrom, cdb: &Cdb, bytes: &[u8]) -> Result<(), Sense> {
    let (header, descriptor) = match cdb.byte(0) {
        SELECT_6 => (4, bytes.get(3).copied().map(usize::from)),
        _ => {
            let length = bytes.get(6..8).and_then(|length| length.first_chunk());
            (8, length.map(|length| u16::from_be_bytes(*length).into()))
        }
    };
    let descriptor: usize = descriptor.ok_or(Sense::PARAMETER_LENGTH)?;
    if !matches!(descriptor, 0 | 8) {
        return Err(Sense::INVALID_PARAMETER);
    }
    let mut rest = bytes.get(header + descriptor..).ok_or(Sense::PARAMETER_LENGTH)?;
    let mut pages = cd.s.pages;
    while let Some(length) = rest.get(1) {
        let split = rest.split_at_checked(usize::from(*length) + 2);
        let (page, after) = split.ok_or(Sense::PARAMETER_LENGTH)?;
        pages.change(page)?;
        rest = after;
    }
    if !rest.is_empty() {
        return Err(Sense::PARAMETER_LENGTH);
    }
    cd.s.pages = pages;
    Ok(())
}
