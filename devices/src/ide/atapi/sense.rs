//! Sense data: why a packet command failed (SFF-8020i §10.8.20, MMC-3 annex A).

use serde::{Deserialize, Serialize};

use super::super::registers::Error;

/// Sense key, additional sense code and its qualifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sense {
    pub(super) key: u8,
    pub(super) code: u8,
    pub(super) qualifier: u8,
}

const NOT_READY: u8 = 2;
const MEDIUM_ERROR: u8 = 3;
const ILLEGAL_REQUEST: u8 = 5;
const UNIT_ATTENTION: u8 = 6;

impl Sense {
    pub(super) const NONE: Self = Self::new(0, 0, 0);
    pub(super) const NO_MEDIUM_DOOR_CLOSED: Self = Self::new(NOT_READY, 0x3a, 1);
    pub(super) const NO_MEDIUM_DOOR_OPEN: Self = Self::new(NOT_READY, 0x3a, 2);
    pub(super) const UNRECOVERED_READ: Self = Self::new(MEDIUM_ERROR, 0x11, 0);
    pub(super) const PARAMETER_LENGTH: Self = Self::new(ILLEGAL_REQUEST, 0x1a, 0);
    pub(super) const INVALID_COMMAND: Self = Self::new(ILLEGAL_REQUEST, 0x20, 0);
    pub(super) const OUT_OF_RANGE: Self = Self::new(ILLEGAL_REQUEST, 0x21, 0);
    pub(super) const INVALID_FIELD: Self = Self::new(ILLEGAL_REQUEST, 0x24, 0);
    pub(super) const INVALID_PARAMETER: Self = Self::new(ILLEGAL_REQUEST, 0x26, 0);
    pub(super) const COMMAND_SEQUENCE: Self = Self::new(ILLEGAL_REQUEST, 0x2c, 0);
    pub(super) const SAVING_NOT_SUPPORTED: Self = Self::new(ILLEGAL_REQUEST, 0x39, 0);
    pub(super) const REMOVAL_PREVENTED: Self = Self::new(ILLEGAL_REQUEST, 0x53, 2);
    pub(super) const ILLEGAL_MODE: Self = Self::new(ILLEGAL_REQUEST, 0x64, 0);
    pub(super) const MEDIUM_CHANGED: Self = Self::new(UNIT_ATTENTION, 0x28, 0);
    pub(super) const RESET: Self = Self::new(UNIT_ATTENTION, 0x29, 0);

    const fn new(key: u8, code: u8, qualifier: u8) -> Self {
        Self { key, code, qualifier }
    }

    /// The error register: the key above, and ABRT for what is wrong with the command itself.
    pub(super) fn error(self) -> Error {
        let abort = match self.key {
            ILLEGAL_REQUEST => Error::ABRT.bits(),
            _ => 0,
        };
        Error::from_bits_retain(self.key << 4 | abort)
    }

    /// The reply to REQUEST SENSE: fixed format, current error.
    pub(super) fn to_bytes(self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[0] = 0x70;
        bytes[2] = self.key;
        // Bytes that follow.
        bytes[7] = 10;
        (bytes[12], bytes[13]) = (self.code, self.qualifier);
        bytes
    }
}
