//! The 256 words of IDENTIFY PACKET DEVICE (ATA/ATAPI-4 §8.13).

use super::super::identify::{DMA_CYCLE_NS, DMA_SUPPORTED, dma_modes, finish, put_text};
use super::super::unit::Place;
use crate::SECTOR_SIZE;

/// Word 0: ATAPI, a CD-ROM device, removable, asks for the packet within 50 µs, packets of 12 bytes.
const KIND: u16 = 0x85c0;
/// Word 49: LBA and IORDY.
const CAPABILITIES: u16 = 0x0a00;
/// Word 53: words 64–70 are valid.
const VALID: u16 = 0x0002;
/// Shortest PIO cycle, in ns.
const PIO_CYCLE_NS: u16 = 120;
/// Word 80: ATA/ATAPI-4.
const MAJOR_VERSION: u16 = 0x001e;
/// Word 82: removable, power management, packets, DEVICE RESET, NOP.
const COMMANDS: u16 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 9 | 1 << 14;
/// Words 83, 84, 87: bit 14 is fixed.
const FIXED_14: u16 = 1 << 14;

/// The reply to IDENTIFY PACKET DEVICE.
pub(super) fn identify_packet_device(place: Place, dma_mode: Option<u8>) -> [u8; SECTOR_SIZE] {
    let mut w = [0u16; 256];
    w[0] = KIND;
    put_text(&mut w[10..20], &format!("OI{:08}", place.activity));
    put_text(&mut w[23..27], "1.0");
    put_text(&mut w[27..47], "OLDIRON CD-ROM");
    w[49] = CAPABILITIES;
    w[50] = FIXED_14;
    w[51] = 0x0200;
    w[53] = VALID;
    if place.dma {
        w[49] |= DMA_SUPPORTED;
        w[63] = dma_modes(dma_mode);
        [w[65], w[66]] = [DMA_CYCLE_NS; 2];
    }
    // PIO modes 3 and 4.
    w[64] = 0x0003;
    w[67] = PIO_CYCLE_NS;
    w[68] = PIO_CYCLE_NS;
    w[80] = MAJOR_VERSION;
    w[82] = COMMANDS;
    w[83] = FIXED_14;
    w[84] = FIXED_14;
    w[85] = COMMANDS;
    w[87] = FIXED_14;
    finish(w)
}
