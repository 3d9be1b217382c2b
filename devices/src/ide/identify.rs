//! The 256 words of IDENTIFY DEVICE (ATA-4 §8.12).

use super::ata::LBA28_SECTORS;
use super::disk_unit::{DiskUnit, MAX_MULTIPLE};
use crate::SECTOR_SIZE;

const MODEL: &str = "OLDIRON HARDDISK";
const FIRMWARE: &str = "1.0";

/// Word 0: a fixed disk.
const FIXED: u16 = 0x0040;
/// Word 2: spun up after a reset, and all words are valid (ATA-5 §8.12.9).
const COMPLETE: u16 = 0xc837;
/// Word 49: LBA, IORDY that may be disabled, and the standard's values of the standby timer.
const CAPABILITIES: u16 = 0x2e00;
/// In word 49: DMA.
pub(super) const DMA_SUPPORTED: u16 = 1 << 8;
/// Words 53: words 54–58 and 64–70 are valid.
const VALID_54_64: u16 = 0x0003;
/// Word 59: the multiple setting is valid.
const MULTIPLE_VALID: u16 = 0x0100;
/// Word 80: ATA-1 to ATA-6.
const MAJOR_VERSIONS: u16 = 0x007e;
/// Word 82: power management, write cache, look-ahead, WRITE BUFFER, READ BUFFER.
const COMMANDS_82: u16 = 1 << 3 | WRITE_CACHE | LOOK_AHEAD | 1 << 12 | 1 << 13;
const WRITE_CACHE: u16 = 1 << 5;
const LOOK_AHEAD: u16 = 1 << 6;
/// Words 83, 84, 86, 87: bit 14 is fixed; FLUSH CACHE is bit 12 of 83 and 86.
const FIXED_14: u16 = 1 << 14;
const FLUSH_CACHE: u16 = 1 << 12;
/// In words 83 and 86: addresses of 48 bits, FLUSH CACHE EXT.
const EXTENDED: u16 = 1 << 10 | 1 << 13;
/// Word 93: 80-wire cable, and the half of each device: passed, set by jumper.
const CABLE: u16 = 0x6000;
const DEVICE_0_RESET: u16 = 0x000b;
const DEVICE_1_RESET: u16 = 0x0b00;
/// Shortest PIO cycle, in ns.
const PIO_CYCLE_NS: u16 = 120;
/// Shortest cycle of multiword DMA mode 2, in ns.
pub(super) const DMA_CYCLE_NS: u16 = 120;

/// Text is stored with the bytes of each word exchanged, padded with blanks.
pub(super) fn put_text(words: &mut [u16], text: &str) {
    let mut bytes = text.bytes().chain(core::iter::repeat(b' '));
    for word in words {
        *word = u16::from_be_bytes([bytes.next().unwrap_or(b' '), bytes.next().unwrap_or(b' ')]);
    }
}

fn low_high(value: u64) -> [u16; 2] {
    [value as u16, (value >> 16) as u16]
}

/// Word 63: multiword DMA modes 0 to 2, and which is selected.
pub(super) fn dma_modes(selected: Option<u8>) -> u16 {
    0x0007 | selected.map_or(0, |mode| 0x0100 << mode)
}

/// The reply to IDENTIFY DEVICE.
pub(super) fn identify_device(unit: &DiskUnit<'_>) -> [u8; SECTOR_SIZE] {
    let physical = unit.disk.geometry.physical;
    let (heads, sectors, cylinders) = (
        u16::from(unit.s.heads),
        u16::from(unit.s.sectors),
        unit.cylinders(),
    );
    let current = u64::from(heads) * u64::from(sectors) * u64::from(cylinders);
    let mut w = [0u16; 256];
    w[0] = FIXED;
    w[1] = physical.cylinders;
    w[2] = COMPLETE;
    w[3] = physical.heads.into();
    w[4] = SECTOR_SIZE as u16 * u16::from(physical.sectors.min(63));
    w[5] = SECTOR_SIZE as u16;
    w[6] = physical.sectors.into();
    put_text(&mut w[10..20], &format!("OI{:08}", unit.place.activity));
    // A dual-ported buffer of 256 KiB; no ECC bytes, for there is no READ LONG.
    w[20] = 3;
    w[21] = 512;
    put_text(&mut w[23..27], FIRMWARE);
    put_text(&mut w[27..47], MODEL);
    w[47] = 0x8000 | u16::from(MAX_MULTIPLE);
    // 32-bit data port.
    w[48] = 1;
    w[49] = CAPABILITIES;
    w[50] = FIXED_14;
    // PIO mode 2 without flow control.
    w[51] = 0x0200;
    w[52] = 0x0200;
    w[53] = VALID_54_64;
    w[54] = cylinders;
    w[55] = heads;
    w[56] = sectors;
    [w[57], w[58]] = low_high(current);
    w[59] = if unit.s.multiple > 0 {
        MULTIPLE_VALID | u16::from(unit.s.multiple)
    } else {
        0
    };
    [w[60], w[61]] = low_high(unit.disk.sectors().min(LBA28_SECTORS));
    if unit.place.dma {
        w[49] |= DMA_SUPPORTED;
        w[63] = dma_modes(unit.s.dma_mode);
        [w[65], w[66]] = [DMA_CYCLE_NS; 2];
    }
    // PIO modes 3 and 4.
    w[64] = 0x0003;
    w[67] = PIO_CYCLE_NS;
    w[68] = PIO_CYCLE_NS;
    w[80] = MAJOR_VERSIONS;
    w[82] = COMMANDS_82;
    w[83] = FIXED_14 | FLUSH_CACHE | EXTENDED;
    w[84] = FIXED_14;
    w[85] = COMMANDS_82 & !(WRITE_CACHE | LOOK_AHEAD);
    if unit.s.write_cache {
        w[85] |= WRITE_CACHE;
    }
    if unit.s.look_ahead {
        w[85] |= LOOK_AHEAD;
    }
    w[86] = FLUSH_CACHE | EXTENDED;
    w[87] = FIXED_14;
    [w[100], w[101]] = low_high(unit.disk.sectors());
    [w[102], w[103]] = low_high(unit.disk.sectors() >> 32);
    w[93] = CABLE
        | if unit.place.number == 0 {
            DEVICE_0_RESET
        } else {
            DEVICE_1_RESET
        };
    finish(w)
}

/// The words as bytes, with the integrity word at the end.
pub(super) fn finish(words: [u16; 256]) -> [u8; SECTOR_SIZE] {
    let mut bytes = [0; SECTOR_SIZE];
    for (bytes, word) in bytes.chunks_exact_mut(2).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    // Integrity word: signature and a checksum that makes the sum of all bytes zero.
    bytes[510] = 0xa5;
    bytes[511] = bytes
        .iter()
        .fold(0u8, |sum, &byte| sum.wrapping_add(byte))
        .wrapping_neg();
    bytes
}
