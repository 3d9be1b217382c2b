//! A sector of mode 1 as it is on the disc: ECMA-130 §14 and annexes A and B, and its subchannels (§22).

use serde::{Deserialize, Serialize};

use super::cdrom::BLOCK_BYTES;
use super::toc::{lba_to_msf, relative_msf};

const SYNC: [u8; 12] = [0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0];
const HEADER: core::ops::Range<usize> = 12..16;
const USER_DATA: core::ops::Range<usize> = 16..16 + BLOCK_BYTES;
const EDC: usize = 2064;
const ECC_P: usize = 2076;
const ECC_Q: usize = 2248;
const RAW_BYTES: usize = 2352;

/// Bytes of error pointers, and the same with the block error byte.
const C2_BYTES: usize = 294;
const C2_BLOCK_BYTES: usize = 296;
/// Bytes of all eight subchannels, and of Q in its own form.
const RAW_SUBCHANNEL_BYTES: usize = 96;
const Q_BYTES: usize = 16;

/// Bytes 9 and 10 of READ CD: what of each sector is read (MMC-3 tables 254 to 256).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parts {
    flags: u8,
    subchannel: u8,
}

impl Parts {
    pub(super) const USER_DATA: Self = Self {
        flags: 0x10,
        subchannel: 0,
    };

    /// What the bytes of the command mean; `None` for what is reserved, and for parts that are not side by side.
    pub(super) fn of(flags: u8, subchannel: u8) -> Option<Self> {
        let parts = Self {
            flags: flags & 0xfe,
            subchannel: subchannel & 7,
        };
        let [sync, header, user, edc] = [0x80, 0x20, 0x10, 0x08].map(|bit| flags & bit != 0);
        // A subheader, which mode 1 has not, stands between header and data.
        let subheader_after_sync = sync && flags & 0x60 == 0x40;
        let gap = sync && user && !header || edc && !user || subheader_after_sync;
        let known = flags & 0x06 != 0x06 && flags & 0x01 == 0 && matches!(parts.subchannel, 0 | 1 | 2 | 4);
        (known && !gap).then_some(parts)
    }

    fn raw_ranges(self) -> impl Iterator<Item = core::ops::Range<usize>> {
        let all = [
            (0x80, 0..HEADER.start),
            (0x20, HEADER),
            (0x10, USER_DATA),
            (0x08, EDC..RAW_BYTES),
        ];
        let flags = self.flags;
        all.into_iter()
            .filter(move |(bit, _)| flags & bit != 0)
            .map(|(_, range)| range)
    }

    fn c2_bytes(self) -> usize {
        match self.flags & 0x06 {
            0x02 => C2_BYTES,
            0x04 => C2_BLOCK_BYTES,
            _ => 0,
        }
    }

    /// Bytes of a sector.
    pub(super) fn bytes(self) -> usize {
        let subchannel = match self.subchannel {
            1 | 4 => RAW_SUBCHANNEL_BYTES,
            2 => Q_BYTES,
            _ => 0,
        };
        let raw: usize = self.raw_ranges().map(|range| range.len()).sum();
        raw + self.c2_bytes() + subchannel
    }
}

/// Appends what is asked for of the sector at `lba`.
pub(super) fn append(lba: u32, data: &[u8; BLOCK_BYTES], parts: Parts, buffer: &mut Vec<u8>) {
    let raw = raw_sector(lba, data);
    for range in parts.raw_ranges() {
        buffer.extend_from_slice(raw.get(range).unwrap_or_default());
    }
    // No errors.
    buffer.extend(core::iter::repeat_n(0, parts.c2_bytes()));
    let q = subchannel_q(lba);
    match parts.subchannel {
        // Q is bit 6 of each byte, the first bit of its first byte first.
        1 => buffer.extend(
            q.iter()
                .flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit & 1) << 6)),
        ),
        2 => {
            buffer.extend_from_slice(&q);
            buffer.extend_from_slice(&[0; Q_BYTES - 12]);
        }
        // R to W carry nothing.
        4 => buffer.extend_from_slice(&[0; RAW_SUBCHANNEL_BYTES]),
        _ => {}
    }
}

fn bcd(value: u8) -> u8 {
    value / 10 * 16 + value % 10
}

/// The sector as it is before scrambling.
fn raw_sector(lba: u32, data: &[u8; BLOCK_BYTES]) -> [u8; RAW_BYTES] {
    let mut raw = [0; RAW_BYTES];
    let [m, s, f] = lba_to_msf(lba);
    raw[..12].copy_from_slice(&SYNC);
    raw[HEADER].copy_from_slice(&[bcd(m), bcd(s), bcd(f), 1]);
    raw[USER_DATA].copy_from_slice(data);
    let edc = edc(&raw[..EDC]);
    raw[EDC..EDC + 4].copy_from_slice(&edc.to_le_bytes());
    add_parity(&mut raw);
    raw
}

/// ECMA-130 §14.3: the generator is (x^16+x^15+x^2+1)(x^16+x^2+x+1), least significant bit first.
fn edc(bytes: &[u8]) -> u32 {
    const GENERATOR: u32 = 0xd801_8001;
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            crc >> 1 ^ if crc & 1 != 0 { GENERATOR } else { 0 }
        })
    })
}

/// Twice a value in GF(2^8) with the field generator polynomial of ECMA-130 annex A.
const fn double(value: u8) -> u8 {
    value << 1 ^ if value & 0x80 != 0 { 0x1d } else { 0 }
}

/// A third of a value there, that is divided by 1 + α: found by trying.
const THIRDS: [u8; 256] = {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        let times_three = double(value as u8) ^ value as u8;
        table[times_three as usize] = value as u8;
        value += 1;
    }
    table
};

/// The two check symbols that make the sum of a vector zero, plain and weighted with the powers of α.
fn check_symbols(vector: impl Iterator<Item = u8>) -> [u8; 2] {
    let (plain, weighted) = vector.fold((0, 0), |(plain, weighted), symbol| {
        (plain ^ symbol, double(weighted) ^ symbol)
    });
    let first = THIRDS[usize::from(plain ^ double(double(weighted)))];
    [first, plain ^ first]
}

/// P over columns of 24 words, then Q over diagonals of 43, for the even and the odd bytes (ECMA-130 annex A).
fn add_parity(raw: &mut [u8; RAW_BYTES]) {
    let at = |word: usize, plane: usize| HEADER.start + 2 * word + plane;
    for plane in 0..2 {
        for column in 0..43 {
            let symbols = check_symbols((0..24).map(|row| raw[at(43 * row + column, plane)]));
            for (row, symbol) in symbols.into_iter().enumerate() {
                raw[ECC_P + 2 * (43 * row + column) + plane] = symbol;
            }
        }
        for diagonal in 0..26 {
            let words = (0..43).map(|step| (44 * step + 43 * diagonal) % 1118);
            let symbols = check_symbols(words.map(|word| raw[at(word, plane)]));
            for (row, symbol) in symbols.into_iter().enumerate() {
                raw[ECC_Q + 2 * (26 * row + diagonal) + plane] = symbol;
            }
        }
    }
}

/// Subchannel Q with the position (ECMA-130 §22.3.3), its CRC included.
fn subchannel_q(lba: u32) -> [u8; 12] {
    let [m, s, f] = relative_msf(lba).map(bcd);
    let [am, asec, af] = lba_to_msf(lba).map(bcd);
    let mut q = [0x41, 1, 1, m, s, f, 0, am, asec, af, 0, 0];
    let crc = q[..10].iter().fold(0u16, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 }
        })
    });
    q[10..].copy_from_slice(&(!crc).to_be_bytes());
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(mut a: u8, mut b: u8) -> u8 {
        let mut product = 0;
        while b != 0 {
            if b & 1 != 0 {
                product ^= a;
            }
            a = double(a);
            b >>= 1;
        }
        product
    }

    /// The sums that annex A says are zero.
    fn syndromes(vector: &[u8]) -> [u8; 2] {
        let mut power = 1;
        vector.iter().rev().fold([0, 0], |[plain, weighted], &symbol| {
            let sums = [plain ^ symbol, weighted ^ times(symbol, power)];
            power = double(power);
            sums
        })
    }

    #[test]
    fn parity_makes_the_sums_of_annex_a_zero() {
        let data = core::array::from_fn(|at| ((at * 7) ^ (at >> 3)) as u8);
        let raw = raw_sector(12345, &data);
        for plane in 0..2 {
            let word = |n: usize| raw[12 + 2 * n + plane];
            for column in 0..43 {
                let vector: Vec<u8> = (0..26).map(|row| word(43 * row + column)).collect();
                assert_eq!(syndromes(&vector), [0, 0], "P {column}");
            }
            for diagonal in 0..26 {
                let mut vector: Vec<u8> = (0..43)
                    .map(|step| word((44 * step + 43 * diagonal) % 1118))
                    .collect();
                vector.extend([word(1118 + diagonal), word(1144 + diagonal)]);
                assert_eq!(syndromes(&vector), [0, 0], "Q {diagonal}");
            }
        }
    }

    #[test]
    fn a_sector_begins_with_sync_and_its_address_and_the_crc_over_all_is_zero() {
        let raw = raw_sector(16, &[0; BLOCK_BYTES]);
        assert_eq!(raw[..12], SYNC);
        assert_eq!(raw[12..16], [0, 2, 0x16, 1]);
        assert_eq!(edc(&raw[..EDC + 4]), 0);
        assert_eq!(raw[EDC + 4..ECC_P], [0; 8]);
    }

    #[test]
    fn parts_are_whole_or_refused() {
        let bytes = |flags, subchannel| Parts::of(flags, subchannel).map(Parts::bytes);
        assert_eq!(bytes(0x10, 0), Some(2048));
        assert_eq!(bytes(0xf8, 0), Some(2352));
        assert_eq!(bytes(0xb8, 1), Some(2352 + 96));
        assert_eq!(bytes(0xfa, 2), Some(2352 + 294 + 16));
        assert_eq!(bytes(0x20, 0), Some(4));
        assert_eq!(bytes(0x00, 0), Some(0));
        for (flags, subchannel) in [(0x90, 0), (0x08, 0), (0xd0, 0), (0x16, 0), (0x10, 3), (0x11, 0)] {
            assert_eq!(bytes(flags, subchannel), None, "{flags:02x} {subchannel}");
        }
        let mut buffer = Vec::new();
        for (flags, subchannel) in [(0xfa, 2), (0xfc, 1), (0xb0, 4), (0x10, 0)] {
            let parts = Parts::of(flags, subchannel).unwrap();
            buffer.clear();
            append(99, &[3; BLOCK_BYTES], parts, &mut buffer);
            assert_eq!(buffer.len(), parts.bytes());
        }
    }
}
