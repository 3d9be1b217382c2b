//! The check sequence of Ethernet frames (IEEE 802.3 §3.2.9), which also picks the bit of the multicast filter.

const POLYNOMIAL: u32 = 0xedb8_8320;

/// What each byte does to the register, low bit first.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 8 {
            value = value >> 1 ^ if value & 1 != 0 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[n] = value;
        n += 1;
    }
    table
};

fn register(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(!0, |crc, &byte| crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)])
}

/// The four bytes that follow `frame` on the wire.
pub(super) fn frame_check(frame: &[u8]) -> [u8; 4] {
    (!register(frame)).to_le_bytes()
}

/// Which of the 64 bits of MAR0–MAR7 decides about a multicast address: the six bits that the CRC generator
/// shifted in first.
pub(super) fn multicast_bit(address: &[u8; 6]) -> u8 {
    (register(address).reverse_bits() >> 26) as u8
}
