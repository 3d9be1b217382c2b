//! Streams of random instructions, nearly all of them valid.

use iced_x86::{Decoder, DecoderOptions};

use crate::rng::Rng;

/// Opcodes that programs are made of. Two-byte ones are `0x0f00 | second`.
const COMMON: &[(u16, u16)] = &[
    (0x00, 0x05),
    (0x08, 0x0d),
    (0x10, 0x15),
    (0x18, 0x1d),
    (0x20, 0x25),
    (0x27, 0x2d),
    (0x2f, 0x35),
    (0x37, 0x3d),
    (0x3f, 0x61),
    (0x68, 0x6b),
    (0x70, 0x8b),
    (0x8d, 0x8d),
    (0x8f, 0x99),
    (0x9c, 0xc3),
    (0xc6, 0xc9),
    (0xd0, 0xd7),
    (0xe0, 0xe3),
    (0xe8, 0xe9),
    (0xeb, 0xeb),
    (0xf5, 0xf9),
    (0xfc, 0xff),
    (0x0f1f, 0x0f1f),
    (0x0f40, 0x0f4f),
    (0x0f80, 0x0f9f),
    (0x0fa3, 0x0fa5),
    (0x0fab, 0x0fad),
    (0x0faf, 0x0fb1),
    (0x0fb3, 0x0fb3),
    (0x0fb6, 0x0fb7),
    (0x0fba, 0x0fc1),
    (0x0fc7, 0x0fcf),
];

/// Opcodes of systems: segments, tables, gates, ports, modes.
const RARE: &[u16] = &[
    0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x62, 0x63, 0x6c, 0x6d, 0x6e, 0x6f, 0x8c, 0x8e, 0x8e, 0x9a,
    0x9b, 0xc4, 0xc5, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd8, 0xe4, 0xe5, 0xe6, 0xe7, 0xea, 0xec, 0xed,
    0xee, 0xef, 0xf1, 0xf4, 0xfa, 0xfb, 0x0f00, 0x0f00, 0x0f01, 0x0f01, 0x0f02, 0x0f03, 0x0f06, 0x0f08,
    0x0f09, 0x0f0b, 0x0f20, 0x0f21, 0x0f22, 0x0f23, 0x0f30, 0x0f31, 0x0f32, 0x0fa0, 0x0fa1, 0x0fa2, 0x0fa8,
    0x0fa9, 0x0fb2, 0x0fb4, 0x0fb5,
];

const PREFIXES: &[u8] = &[
    0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x66, 0x66, 0x67, 0x67, 0xf0, 0xf2, 0xf3, 0xf3,
];

/// Longest instruction.
const LONGEST: usize = 15;

/// Appends one instruction for code of `bitness` bits. One in `rarity` is a system instruction.
pub fn instruction(rng: &mut Rng, bitness: u32, rarity: u32, out: &mut Vec<u8>) {
    loop {
        let mut bytes = Vec::with_capacity(2 * LONGEST);
        while rng.one_in(5) && bytes.len() < LONGEST - 3 {
            bytes.push(rng.pick(PREFIXES));
        }
        let opcode = if rng.one_in(rarity) {
            rng.pick(RARE)
        } else {
            let (first, last) = rng.pick(COMMON);
            first + rng.below((last - first + 1) as u32) as u16
        };
        if opcode > 0xff {
            bytes.push(0x0f);
        }
        bytes.push(opcode as u8);
        let near_branch = matches!(opcode, 0x70..=0x7f | 0xe0..=0xe3 | 0xe8..=0xe9 | 0xeb | 0x0f80..=0x0f8f);
        if near_branch {
            // Mostly forwards, so that the stream is walked rather than circled in.
            let distance = rng.below(72) as i32 - 12;
            bytes.extend_from_slice(&distance.to_le_bytes());
        } else {
            // ModRM and SIB, then displacement and immediate, which are small as often as not.
            bytes.push(rng.u32() as u8);
            let small = rng.one_in(2);
            while bytes.len() < 2 * LONGEST {
                let byte = if small && !rng.one_in(3) {
                    0
                } else {
                    rng.u32() as u8
                };
                bytes.push(byte);
            }
        }
        let mut decoder = Decoder::new(bitness, &bytes, DecoderOptions::NONE);
        let decoded = decoder.decode();
        let len = decoded.len().min(LONGEST);
        // Now and then an invalid one is just right.
        if !decoded.is_invalid() || (len > 0 && rng.one_in(200)) {
            out.extend_from_slice(&bytes[..len]);
            return;
        }
    }
}

/// `len` bytes of instructions.
pub fn fill(rng: &mut Rng, bitness: u32, rarity: u32, len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + LONGEST);
    while out.len() < len {
        instruction(rng, bitness, rarity, &mut out);
    }
    out.truncate(len);
    out
}
