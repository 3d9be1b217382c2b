//! The constants that FLD1 and its kin load, to 128 bits, rounded as RC says (SDM vol. 1 §8.3.8).

use super::{
    float::{BIAS, F80},
    round::Env,
};

/// A constant: 128 bits of significand and the power of two of its first bit.
struct Constant {
    sig: u128,
    power: i32,
}

/// In the order of their opcodes, D9 E8 to D9 EE.
const TABLE: [Constant; 7] = [
    // 1
    Constant {
        sig: 1 << 127,
        power: 0,
    },
    // log2 10
    Constant {
        sig: 0xd49a784bcd1b8afe_492bf6ff4dafdb4c,
        power: 1,
    },
    // log2 e
    Constant {
        sig: 0xb8aa3b295c17f0bb_be87fed0691d3e88,
        power: 0,
    },
    // pi
    Constant {
        sig: 0xc90fdaa22168c234_c4c6628b80dc1cd1,
        power: 1,
    },
    // log10 2
    Constant {
        sig: 0x9a209a84fbcff798_8f8959ac0b7c9178,
        power: -2,
    },
    // ln 2
    Constant {
        sig: 0xb17217f7d1cf79ab_c9e3b39803f2f6af,
        power: -1,
    },
    // 0
    Constant { sig: 0, power: -BIAS },
];

/// Constant `n` of [`TABLE`]. No exception is raised.
pub(super) fn constant(n: u8, env: &Env) -> Option<F80> {
    let Constant { sig, power } = TABLE.get(n as usize)?;
    let (hi, lo) = ((sig >> 64) as u64, *sig as u64);
    let up = env.rounds_up(false, hi & 1 != 0, lo, false);
    Some(F80::new(false, (power + BIAS) as u16, hi + up as u64))
}
