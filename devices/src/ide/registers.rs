//! Task-file registers and bits (ATA-4 §7).

use serde::{Deserialize, Serialize};

bitflags::bitflags! {
    /// Status register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Status: u8 {
        /// The error register says why.
        const ERR = 0x01;
        /// Data can be moved.
        const DRQ = 0x08;
        /// Seek complete.
        const DSC = 0x10;
        /// Device fault.
        const DF = 0x20;
        /// Ready for commands.
        const DRDY = 0x40;
        /// Busy: no other bit counts.
        const BSY = 0x80;
        const _ = !0;
    }

    /// Error register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Error: u8 {
        /// After a diagnostic: device 0 passed, device 1 passed or is absent.
        const DIAGNOSTIC_PASSED = 0x01;
        /// Command aborted.
        const ABRT = 0x04;
        /// Address not found.
        const IDNF = 0x10;
        /// Uncorrectable data.
        const UNC = 0x40;
        const _ = !0;
    }

    /// Device/head register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct DeviceHead: u8 {
        /// Head, or LBA bits 24 to 27.
        const HEAD = 0x0f;
        /// Device 1 is selected.
        const DEV = 0x10;
        /// Addresses are LBA.
        const LBA = 0x40;
        /// Bits that old drives read as ones.
        const OBSOLETE = 0xa0;
    }

    /// Device control register.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(super) struct Control: u8 {
        /// Interrupts do not leave the device.
        const NIEN = 0x02;
        /// Software reset.
        const SRST = 0x04;
        /// Reads give what registers held before (ATA-6 §7.8).
        const HOB = 0x80;
        const _ = !0;
    }
}

/// The registers that hold a command's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TaskFile {
    pub(super) features: u8,
    pub(super) count: u8,
    pub(super) sector: u8,
    pub(super) cylinder_low: u8,
    pub(super) cylinder_high: u8,
    pub(super) device: DeviceHead,
    /// What count, sector and cylinders held before they were written last: the upper halves of commands of 48
    /// bits (ATA-6 §6.20).
    pub(super) previous: Previous,
}

/// The upper halves of registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Previous {
    pub(super) count: u8,
    pub(super) sector: u8,
    pub(super) cylinder_low: u8,
    pub(super) cylinder_high: u8,
}

impl TaskFile {
    /// The signature of an ATA disk (ATA-4 §9.1).
    pub(super) const ATA_SIGNATURE: Self = Self {
        features: 0,
        count: 1,
        sector: 1,
        cylinder_low: 0,
        cylinder_high: 0,
        device: DeviceHead::empty(),
        previous: Previous {
            count: 0,
            sector: 0,
            cylinder_low: 0,
            cylinder_high: 0,
        },
    };

    /// The signature of a packet device (ATA-4 §9.1).
    pub(super) const PACKET_SIGNATURE: Self = Self {
        cylinder_low: 0x14,
        cylinder_high: 0xeb,
        ..Self::ATA_SIGNATURE
    };

    /// Of a packet command the cylinder registers hold how many bytes a block may have, or has.
    pub(super) fn set_byte_count(&mut self, bytes: u16) {
        [self.cylinder_low, self.cylinder_high] = bytes.to_le_bytes();
    }

    pub(super) fn cylinder(&self) -> u16 {
        u16::from_le_bytes([self.cylinder_low, self.cylinder_high])
    }

    pub(super) fn head(&self) -> u8 {
        (self.device & DeviceHead::HEAD).bits()
    }

    pub(super) fn set_head(&mut self, head: u8) {
        self.device = self.device & !DeviceHead::HEAD | DeviceHead::from_bits_truncate(head & 0x0f);
    }

    pub(super) fn uses_lba(&self) -> bool {
        self.device.contains(DeviceHead::LBA)
    }

    /// The LBA28 address.
    pub(super) fn lba28(&self) -> u64 {
        u64::from(u32::from_le_bytes([
            self.sector,
            self.cylinder_low,
            self.cylinder_high,
            self.head(),
        ]))
    }

    /// The LBA48 address.
    pub(super) fn lba48(&self) -> u64 {
        let previous = &self.previous;
        u64::from_le_bytes([
            self.sector,
            self.cylinder_low,
            self.cylinder_high,
            previous.sector,
            previous.cylinder_low,
            previous.cylinder_high,
            0,
            0,
        ])
    }

    pub(super) fn set_lba48(&mut self, lba: u64) {
        let previous = &mut self.previous;
        [
            self.sector,
            self.cylinder_low,
            self.cylinder_high,
            previous.sector,
            previous.cylinder_low,
            previous.cylinder_high,
            ..,
        ] = lba.to_le_bytes();
    }

    /// The count of a command of 48 bits.
    pub(super) fn count48(&self) -> u16 {
        u16::from_le_bytes([self.count, self.previous.count])
    }

    pub(super) fn set_count48(&mut self, count: u16) {
        [self.count, self.previous.count] = count.to_le_bytes();
    }

    pub(super) fn set_lba28(&mut self, lba: u64) {
        [self.sector, self.cylinder_low, self.cylinder_high, ..] = lba.to_le_bytes();
        self.set_head((lba >> 24) as u8);
    }
}
