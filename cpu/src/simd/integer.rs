//! Packed integers: arithmetic, comparison, logic, shifts, width changes.
//!
//! SDM vol. 2B, the instructions beginning with P, by the names below.

use super::packed::{Lane, Packed, Xmm};

/// What an instruction computes of destination, source and immediate, on registers of either size.
pub(crate) trait PackedOp: 'static {
    fn apply<V: Packed>(a: V, b: V, imm: u8) -> V;
}

/// The same on XMM registers alone.
pub(crate) trait XmmOp: 'static {
    fn apply(a: Xmm, b: Xmm, imm: u8) -> Xmm;
}

impl<O: PackedOp> XmmOp for O {
    #[inline(always)]
    fn apply(a: Xmm, b: Xmm, imm: u8) -> Xmm {
        <O as PackedOp>::apply(a, b, imm)
    }
}

/// Operations on pairs of elements.
macro_rules! elementwise {
    ($($name:ident: $lane:ty, |$a:ident, $b:ident| $body:expr;)*) => { $(
        pub(crate) struct $name;
        impl PackedOp for $name {
            #[inline(always)]
            fn apply<V: Packed>(a: V, b: V, _: u8) -> V {
                a.zip::<$lane>(b, |$a, $b| $body)
            }
        }
    )* };
}

const fn ones(holds: bool) -> u64 {
    if holds { u64::MAX } else { 0 }
}

elementwise! {
    Paddb: u8, |a, b| a.wrapping_add(b);
    Paddw: u16, |a, b| a.wrapping_add(b);
    Paddd: u32, |a, b| a.wrapping_add(b);
    Paddq: u64, |a, b| a.wrapping_add(b);
    Paddsb: i8, |a, b| a.saturating_add(b);
    Paddsw: i16, |a, b| a.saturating_add(b);
    Paddusb: u8, |a, b| a.saturating_add(b);
    Paddusw: u16, |a, b| a.saturating_add(b);
    Psubb: u8, |a, b| a.wrapping_sub(b);
    Psubw: u16, |a, b| a.wrapping_sub(b);
    Psubd: u32, |a, b| a.wrapping_sub(b);
    Psubq: u64, |a, b| a.wrapping_sub(b);
    Psubsb: i8, |a, b| a.saturating_sub(b);
    Psubsw: i16, |a, b| a.saturating_sub(b);
    Psubusb: u8, |a, b| a.saturating_sub(b);
    Psubusw: u16, |a, b| a.saturating_sub(b);

    Pmullw: i16, |a, b| a.wrapping_mul(b);
    Pmulhw: i16, |a, b| ((a as i32 * b as i32) >> 16) as i16;
    Pmulhuw: u16, |a, b| ((a as u32 * b as u32) >> 16) as u16;
    Pmulhrsw: i16, |a, b| ((((a as i32 * b as i32) >> 14) + 1) >> 1) as i16;
    Pmulld: u32, |a, b| a.wrapping_mul(b);
    Pmuludq: u64, |a, b| (a as u32 as u64) * (b as u32 as u64);
    Pmuldq: u64, |a, b| ((a as i32 as i64) * (b as i32 as i64)) as u64;
    Pmaddwd: u32, |a, b| (a as i16 as i32 * b as i16 as i32)
        .wrapping_add((a >> 16) as i16 as i32 * (b >> 16) as i16 as i32) as u32;
    Pmaddubsw: u16, |a, b| ((a as u8 as i32 * b as i8 as i32)
        + ((a >> 8) as i32 * (b >> 8) as i8 as i32)).clamp(-32768, 32767) as u16;
    Psadbw: u64, |a, b| (0..8).map(|n| ((a >> (8 * n)) as u8).abs_diff((b >> (8 * n)) as u8) as u64).sum();

    Pavgb: u8, |a, b| (a as u32 + b as u32).div_ceil(2) as u8;
    Pavgw: u16, |a, b| (a as u32 + b as u32).div_ceil(2) as u16;
    Pminub: u8, |a, b| a.min(b);
    Pminsb: i8, |a, b| a.min(b);
    Pminuw: u16, |a, b| a.min(b);
    Pminsw: i16, |a, b| a.min(b);
    Pminud: u32, |a, b| a.min(b);
    Pminsd: i32, |a, b| a.min(b);
    Pmaxub: u8, |a, b| a.max(b);
    Pmaxsb: i8, |a, b| a.max(b);
    Pmaxuw: u16, |a, b| a.max(b);
    Pmaxsw: i16, |a, b| a.max(b);
    Pmaxud: u32, |a, b| a.max(b);
    Pmaxsd: i32, |a, b| a.max(b);

    Pcmpeqb: u8, |a, b| ones(a == b) as u8;
    Pcmpeqw: u16, |a, b| ones(a == b) as u16;
    Pcmpeqd: u32, |a, b| ones(a == b) as u32;
    Pcmpeqq: u64, |a, b| ones(a == b);
    Pcmpgtb: i8, |a, b| ones(a > b) as i8;
    Pcmpgtw: i16, |a, b| ones(a > b) as i16;
    Pcmpgtd: i32, |a, b| ones(a > b) as i32;
    Pcmpgtq: u64, |a, b| ones(a as i64 > b as i64);

    Pand: u64, |a, b| a & b;
    Pandn: u64, |a, b| !a & b;
    Por: u64, |a, b| a | b;
    Pxor: u64, |a, b| a ^ b;

    Pabsb: i8, |_a, b| b.wrapping_abs();
    Pabsw: i16, |_a, b| b.wrapping_abs();
    Pabsd: i32, |_a, b| b.wrapping_abs();
    Psignb: i8, |a, b| a.wrapping_mul(b.signum());
    Psignw: i16, |a, b| a.wrapping_mul(b.signum());
    Psignd: i32, |a, b| a.wrapping_mul(b.signum());
}

/// Shifts of elements, by a count of 64 bits in the source or by the immediate.
macro_rules! shifts {
    ($($name:ident $by_imm:ident: $lane:ty, |$a:ident, $n:ident| $body:expr;)*) => { $(
        pub(crate) struct $name;
        impl PackedOp for $name {
            #[inline(always)]
            fn apply<V: Packed>(a: V, b: V, _: u8) -> V {
                let count = b.low().min(255) as u32;
                a.map::<$lane>(|$a| { let $n = count; $body })
            }
        }
        pub(crate) struct $by_imm;
        impl PackedOp for $by_imm {
            #[inline(always)]
            fn apply<V: Packed>(a: V, _: V, imm: u8) -> V {
                let count = imm as u32;
                a.map::<$lane>(|$a| { let $n = count; $body })
            }
        }
    )* };
}

shifts! {
    Psllw PsllwImm: u16, |a, n| if n < 16 { a << n } else { 0 };
    Pslld PslldImm: u32, |a, n| if n < 32 { a << n } else { 0 };
    Psllq PsllqImm: u64, |a, n| if n < 64 { a << n } else { 0 };
    Psrlw PsrlwImm: u16, |a, n| if n < 16 { a >> n } else { 0 };
    Psrld PsrldImm: u32, |a, n| if n < 32 { a >> n } else { 0 };
    Psrlq PsrlqImm: u64, |a, n| if n < 64 { a >> n } else { 0 };
    Psraw PsrawImm: i16, |a, n| a >> n.min(15);
    Psrad PsradImm: i32, |a, n| a >> n.min(31);
}

/// Horizontal operations: on neighbours, the destination's giving the low half of the result.
macro_rules! horizontal {
    ($($name:ident: $lane:ty, |$a:ident, $b:ident| $body:expr;)*) => { $(
        pub(crate) struct $name;
        impl PackedOp for $name {
            #[inline(always)]
            fn apply<V: Packed>(a: V, b: V, _: u8) -> V {
                let half = V::BYTES / <$lane as Lane>::BYTES / 2;
                V::build::<$lane>(|n| {
                    let (from, n) = if n < half { (a, n) } else { (b, n - half) };
                    let ($a, $b) = (from.lane::<$lane>(2 * n), from.lane::<$lane>(2 * n + 1));
                    $body
                })
            }
        }
    )* };
}

horizontal! {
    Phaddw: i16, |a, b| a.wrapping_add(b);
    Phaddd: i32, |a, b| a.wrapping_add(b);
    Phaddsw: i16, |a, b| a.saturating_add(b);
    Phsubw: i16, |a, b| a.wrapping_sub(b);
    Phsubd: i32, |a, b| a.wrapping_sub(b);
    Phsubsw: i16, |a, b| a.saturating_sub(b);
}

/// Packing to half the width with saturation, the destination's elements giving the low half.
macro_rules! packs {
    ($($name:ident: $from:ty => $to:ty, $min:expr, $max:expr;)*) => { $(
        pub(crate) struct $name;
        impl PackedOp for $name {
            #[inline(always)]
            fn apply<V: Packed>(a: V, b: V, _: u8) -> V {
                let half = V::BYTES / <$from as Lane>::BYTES;
                V::build::<$to>(|n| {
                    let value = if n < half { a.lane::<$from>(n) } else { b.lane::<$from>(n - half) };
                    value.clamp($min, $max) as $to
                })
            }
        }
    )* };
}

packs! {
    Packsswb: i16 => i8, -128, 127;
    Packuswb: i16 => u8, 0, 255;
    Packssdw: i32 => i16, -32768, 32767;
    Packusdw: i32 => u16, 0, 65535;
}

/// PMOVSX and PMOVZX: the low elements of the source, widened.
macro_rules! widen {
    ($($name:ident: $from:ty => $to:ty;)*) => { $(
        pub(crate) struct $name;
        impl XmmOp for $name {
            #[inline(always)]
            fn apply(_: Xmm, b: Xmm, _: u8) -> Xmm {
                Xmm::build::<$to>(|n| b.lane::<$from>(n) as $to)
            }
        }
    )* };
}

widen! {
    Pmovsxbw: i8 => i16;
    Pmovsxbd: i8 => i32;
    Pmovsxbq: i8 => u64;
    Pmovsxwd: i16 => i32;
    Pmovsxwq: i16 => u64;
    Pmovsxdq: i32 => u64;
    Pmovzxbw: u8 => u16;
    Pmovzxbd: u8 => u32;
    Pmovzxbq: u8 => u64;
    Pmovzxwd: u16 => u32;
    Pmovzxwq: u16 => u64;
    Pmovzxdq: u32 => u64;
}

/// The smallest word and where it stands.
pub(crate) struct Phminposuw;
impl XmmOp for Phminposuw {
    #[inline(always)]
    fn apply(_: Xmm, b: Xmm, _: u8) -> Xmm {
        let (mut place, mut least) = (0, b.lane::<u16>(0));
        for n in 1..8 {
            let word = b.lane::<u16>(n);
            if word < least {
                (place, least) = (n, word);
            }
        }
        Xmm::of_low(least as u32 | (place as u32) << 16)
    }
}

/// Eight sums of absolute differences of four bytes at a time.
pub(crate) struct Mpsadbw;
impl XmmOp for Mpsadbw {
    #[inline(always)]
    fn apply(a: Xmm, b: Xmm, imm: u8) -> Xmm {
        let (from_a, from_b) = ((imm as usize >> 2 & 1) * 4, (imm as usize & 3) * 4);
        Xmm::build::<u16>(|n| {
            (0..4)
                .map(|k| a.lane::<u8>(from_a + n + k).abs_diff(b.lane::<u8>(from_b + k)) as u16)
                .sum()
        })
    }
}

/// PMOVMSKB: the sign bits of the bytes.
#[inline(always)]
pub(crate) fn byte_signs<V: Packed>(a: V) -> u32 {
    signs::<V, u8>(a, |byte| byte >> 7 != 0)
}

/// Bit `n` says whether `f` holds of element `n`.
#[inline(always)]
pub(crate) fn signs<V: Packed, L: Lane>(a: V, f: impl Fn(L) -> bool) -> u32 {
    (0..V::BYTES / L::BYTES).fold(0, |mask, n| mask | (f(a.lane(n)) as u32) << n)
}
