//! Diskette formats, found by the size of an image, and the drives that read them.

use serde::{Deserialize, Serialize};

use crate::{Chs, FloppyKind};

/// Data rates, as the two low bits of CCR and DSR encode them (82077AA §2.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum DataRate {
    /// 500 kbit/s: high density.
    Kbps500 = 0,
    /// 300 kbit/s: double density in a 1.2 MiB drive, which turns faster.
    Kbps300 = 1,
    /// 250 kbit/s: double density.
    Kbps250 = 2,
    /// 1 Mbit/s: extra density.
    Kbps1000 = 3,
}

impl DataRate {
    /// The rate selected by the two low bits of a register.
    pub const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Kbps500,
            1 => Self::Kbps300,
            2 => Self::Kbps250,
            _ => Self::Kbps1000,
        }
    }
}

/// The layout of a diskette: MFM, 512-byte sectors numbered from 1 on each track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloppyFormat {
    /// Tracks per side.
    pub cylinders: u8,
    /// Sides.
    pub heads: u8,
    /// Sectors per track.
    pub sectors: u8,
    /// Rate at which it was written, in a drive of its own kind.
    pub rate: DataRate,
}

const fn format(cylinders: u8, heads: u8, sectors: u8, rate: DataRate) -> FloppyFormat {
    FloppyFormat {
        cylinders,
        heads,
        sectors,
        rate,
    }
}

impl FloppyFormat {
    /// Every format that is recognised, by ascending size. 640K is that of 8-sector 80-track
    /// disks; 1680K is Microsoft's DMF; 1722K has two more cylinders.
    pub const ALL: &[FloppyFormat] = &[
        format(40, 1, 8, DataRate::Kbps250),
        format(40, 1, 9, DataRate::Kbps250),
        format(40, 2, 8, DataRate::Kbps250),
        format(40, 2, 9, DataRate::Kbps250),
        format(80, 2, 8, DataRate::Kbps250),
        format(80, 2, 9, DataRate::Kbps250),
        format(80, 2, 15, DataRate::Kbps500),
        format(80, 2, 18, DataRate::Kbps500),
        format(80, 2, 21, DataRate::Kbps500),
        format(82, 2, 21, DataRate::Kbps500),
        format(80, 2, 36, DataRate::Kbps1000),
    ];

    /// The format of an image of `sectors` sectors of 512 bytes.
    pub fn from_sectors(sectors: u64) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|format| u64::from(format.total_sectors()) == sectors)
    }

    /// Sectors on the whole disk.
    pub const fn total_sectors(self) -> u32 {
        self.cylinders as u32 * self.heads as u32 * self.sectors as u32
    }

    /// Size in KiB.
    pub const fn kib(self) -> u32 {
        self.total_sectors() / 2
    }

    /// The same numbers as a geometry.
    pub const fn chs(self) -> Chs {
        Chs {
            cylinders: self.cylinders as u16,
            heads: self.heads,
            sectors: self.sectors,
        }
    }

    /// Where sector `r` (from 1) of a track is in the image.
    pub(super) fn lba(self, cylinder: u8, head: u8, r: u8) -> Option<u64> {
        let inside = cylinder < self.cylinders && head < self.heads && (1..=self.sectors).contains(&r);
        let track = u64::from(cylinder) * u64::from(self.heads) + u64::from(head);
        inside.then(|| track * u64::from(self.sectors) + u64::from(r) - 1)
    }
}

/// The drive that a diskette of this format was made for.
pub fn drive_type_for(format: FloppyFormat) -> FloppyKind {
    match (format.rate, format.sectors) {
        (DataRate::Kbps1000, _) => FloppyKind::Ed35,
        (DataRate::Kbps500, 15) => FloppyKind::Hd525,
        (DataRate::Kbps500, _) => FloppyKind::Hd35,
        _ if format.cylinders <= 40 => FloppyKind::Dd525,
        _ => FloppyKind::Dd35,
    }
}

impl FloppyKind {
    /// Positions that the head can take.
    pub(super) const fn cylinders(self) -> u8 {
        match self {
            Self::Dd525 => 42,
            _ => 84,
        }
    }

    /// Revolutions per second.
    pub(super) const fn turns_hz(self) -> u64 {
        match self {
            Self::Hd525 => 6,
            _ => 5,
        }
    }

    /// The rate at which this drive delivers a diskette of `format`, if it can read it at all.
    /// Sizes are not compared: an image has none.
    pub fn read_rate(self, format: FloppyFormat) -> Option<DataRate> {
        match (self, format.rate) {
            (Self::Dd525, DataRate::Kbps250) if format.cylinders > 42 => None,
            // Double density in a drive that turns 6/5 times as fast.
            (Self::Hd525, DataRate::Kbps250) => Some(DataRate::Kbps300),
            (_, DataRate::Kbps250) => Some(DataRate::Kbps250),
            (Self::Hd525 | Self::Hd35 | Self::Ed35, DataRate::Kbps500) => Some(DataRate::Kbps500),
            (Self::Ed35, DataRate::Kbps1000) => Some(DataRate::Kbps1000),
            _ => None,
        }
    }

    /// Whether the head steps twice from track to track: a 48 tpi diskette in the 96 tpi drive.
    /// Software must seek to twice the cylinder (Linux "stretch", the BIOS's double-step bit).
    pub fn double_step(self, format: FloppyFormat) -> bool {
        self == Self::Hd525 && format.cylinders <= 42
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_image_size_has_its_format_and_drive() {
        for (kib, cylinders, heads, sectors, kind) in [
            (160, 40, 1, 8, FloppyKind::Dd525),
            (180, 40, 1, 9, FloppyKind::Dd525),
            (320, 40, 2, 8, FloppyKind::Dd525),
            (360, 40, 2, 9, FloppyKind::Dd525),
            (640, 80, 2, 8, FloppyKind::Dd35),
            (720, 80, 2, 9, FloppyKind::Dd35),
            (1200, 80, 2, 15, FloppyKind::Hd525),
            (1440, 80, 2, 18, FloppyKind::Hd35),
            (1680, 80, 2, 21, FloppyKind::Hd35),
            (1722, 82, 2, 21, FloppyKind::Hd35),
            (2880, 80, 2, 36, FloppyKind::Ed35),
        ] {
            let format = FloppyFormat::from_sectors(kib * 2).unwrap();
            assert_eq!(
                (format.cylinders, format.heads, format.sectors),
                (cylinders, heads, sectors)
            );
            assert_eq!(format.kib() as u64, kib);
            assert_eq!(drive_type_for(format), kind);
            assert!(kind.read_rate(format).is_some());
            assert_eq!(
                format.lba(cylinders - 1, heads - 1, sectors),
                Some(u64::from(format.total_sectors()) - 1)
            );
            assert_eq!(format.lba(0, 0, 0), None);
        }
        assert_eq!(FloppyFormat::from_sectors(0), None);
        assert_eq!(FloppyFormat::from_sectors(2879), None);
    }

    #[test]
    fn a_double_density_disk_in_a_high_density_drive_is_read_at_the_drives_rate() {
        let k360 = FloppyFormat::from_sectors(720).unwrap();
        let k720 = FloppyFormat::from_sectors(1440).unwrap();
        assert_eq!(FloppyKind::Hd525.read_rate(k360), Some(DataRate::Kbps300));
        assert!(FloppyKind::Hd525.double_step(k360));
        assert_eq!(FloppyKind::Hd35.read_rate(k720), Some(DataRate::Kbps250));
        assert!(!FloppyKind::Hd35.double_step(k720));
        assert_eq!(FloppyKind::Dd525.read_rate(k720), None);
    }
}
