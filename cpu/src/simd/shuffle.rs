//! Elements moved about: shuffles, unpacking, blends, insertions.
//!
//! SDM vol. 2, the instructions of the names below.

use super::{
    integer::{PackedOp, XmmOp},
    packed::{Lane, Packed, Xmm},
};

/// Two bits of a shuffle's immediate.
#[inline(always)]
fn field(imm: u8, n: usize) -> usize {
    (imm >> (2 * (n & 3)) & 3) as usize
}

/// Operations on registers of either size.
macro_rules! both {
    ($($name:ident<$v:ident>: |$a:ident, $b:ident, $imm:ident| $body:expr;)*) => { $(
        pub(crate) struct $name;
        impl PackedOp for $name {
            #[inline(always)]
            fn apply<$v: Packed>($a: $v, $b: $v, $imm: u8) -> $v {
                let _ = (&$a, &$b, $imm);
                $body
            }
        }
    )* };
}

/// Operations on XMM registers.
macro_rules! xmm {
    ($($name:ident: |$a:ident, $b:ident, $imm:ident| $body:expr;)*) => { $(
        pub(crate) struct $name;
        impl XmmOp for $name {
            #[inline(always)]
            fn apply($a: Xmm, $b: Xmm, $imm: u8) -> Xmm {
                let _ = ($a, $b, $imm);
                $body
            }
        }
    )* };
}

/// Elements of both operands in turn, from element `from` on.
#[inline(always)]
fn interleave<V: Packed, L: Lane>(a: V, b: V, from: usize) -> V {
    V::build::<L>(|n| {
        if n & 1 == 0 {
            a.lane(from + n / 2)
        } else {
            b.lane(from + n / 2)
        }
    })
}

#[inline(always)]
const fn half<V: Packed, L: Lane>() -> usize {
    V::BYTES / L::BYTES / 2
}

both! {
    Punpcklbw<V>: |a, b, _imm| interleave::<V, u8>(a, b, 0);
    Punpcklwd<V>: |a, b, _imm| interleave::<V, u16>(a, b, 0);
    Punpckldq<V>: |a, b, _imm| interleave::<V, u32>(a, b, 0);
    Punpckhbw<V>: |a, b, _imm| interleave::<V, u8>(a, b, half::<V, u8>());
    Punpckhwd<V>: |a, b, _imm| interleave::<V, u16>(a, b, half::<V, u16>());
    Punpckhdq<V>: |a, b, _imm| interleave::<V, u32>(a, b, half::<V, u32>());
    Pshufb<V>: |a, b, _imm| b.map::<u8>(|index| if index & 0x80 != 0 { 0 } else { a.lane(index as usize) });
    Palignr<V>: |a, b, imm| V::build::<u8>(|n| match n + imm as usize {
        at if at < V::BYTES => b.lane(at),
        at if at < 2 * V::BYTES => a.lane(at - V::BYTES),
        _ => 0,
    });
    // MOVQ and MOVD to an MMX register: the source as it is.
    Source64<V>: |_a, b, _imm| b;
    // PINSRW into an MMX register.
    MmPinsrw<V>: |a, b, imm| a.with_lane(imm as usize, b.low() as u16);
    Pshufw<V>: |_a, b, imm| V::build::<u16>(|n| b.lane(field(imm, n)));
}

xmm! {
    Punpcklqdq: |a, b, _imm| Xmm::of_halves(a.low(), b.low());
    Punpckhqdq: |a, b, _imm| Xmm::of_halves(a.high(), b.high());
    Pshufd: |_a, b, imm| Xmm::build::<u32>(|n| b.lane(field(imm, n)));
    Pshuflw: |_a, b, imm| Xmm::of_halves(<Pshufw as PackedOp>::apply(0, b.low(), imm), b.high());
    Pshufhw: |_a, b, imm| Xmm::of_halves(b.low(), <Pshufw as PackedOp>::apply(0, b.high(), imm));
    Shufps: |a, b, imm| Xmm::build::<u32>(|n| if n < 2 { a.lane(field(imm, n)) } else { b.lane(field(imm, n)) });
    Shufpd: |a, b, imm| Xmm::of_halves(a.lane(imm as usize & 1), b.lane(imm as usize >> 1 & 1));
    Movsldup: |_a, b, _imm| Xmm::build::<u32>(|n| b.lane(n & !1));
    Movshdup: |_a, b, _imm| Xmm::build::<u32>(|n| b.lane(n | 1));
    Movddup: |_a, b, _imm| Xmm::of_halves(b.low(), b.low());

    Pslldq: |a, _b, imm| u128::from(a).checked_shl(imm as u32 * 8).unwrap_or(0).into();
    Psrldq: |a, _b, imm| u128::from(a).checked_shr(imm as u32 * 8).unwrap_or(0).into();

    Blendps: |a, b, imm| Xmm::build::<u32>(|n| if imm >> n & 1 != 0 { b.lane(n) } else { a.lane(n) });
    Blendpd: |a, b, imm| Xmm::build::<u64>(|n| if imm >> n & 1 != 0 { b.lane(n) } else { a.lane(n) });
    Pblendw: |a, b, imm| Xmm::build::<u16>(|n| if imm >> n & 1 != 0 { b.lane(n) } else { a.lane(n) });

    // Replacing a part of the destination by the low part of the source.
    MoveLow32: |a, b, _imm| a.with_low(b.lane::<u32>(0));
    MoveLow64: |a, b, _imm| a.with_low(b.low());
    MoveHigh64: |a, b, _imm| Xmm::of_halves(a.low(), b.low());
    HighToLow64: |a, b, _imm| a.with_low(b.high());
    // Taking the source as it is: loads of 32 and 64 bits clear the rest.
    Whole: |_a, b, _imm| b;
    Low64: |_a, b, _imm| Xmm::of_low(b.low());

    Insertps: |a, b, imm| {
        let whole = a.with_lane(imm as usize >> 4 & 3, b.lane::<u32>(imm as usize >> 6));
        Xmm::build::<u32>(|n| if imm >> n & 1 != 0 { 0 } else { whole.lane(n) })
    };
    InsertpsMem: |a, b, imm| {
        let whole = a.with_lane(imm as usize >> 4 & 3, b.lane::<u32>(0));
        Xmm::build::<u32>(|n| if imm >> n & 1 != 0 { 0 } else { whole.lane(n) })
    };
    Pinsrb: |a, b, imm| a.with_lane(imm as usize, b.lane::<u8>(0));
    Pinsrw: |a, b, imm| a.with_lane(imm as usize, b.lane::<u16>(0));
    Pinsrd: |a, b, imm| a.with_lane(imm as usize, b.lane::<u32>(0));
}

/// BLENDVPS, BLENDVPD, PBLENDVB: elements of `b` where those of `mask` have their sign bit set.
#[inline(always)]
pub(crate) fn blend_by_sign<L: Lane>(a: Xmm, b: Xmm, mask: Xmm) -> Xmm {
    Xmm::build::<L>(|n| {
        if mask.lane::<u8>(n * L::BYTES + L::BYTES - 1) & 0x80 != 0 {
            b.lane(n)
        } else {
            a.lane(n)
        }
    })
}
