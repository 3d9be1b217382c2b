//! POPCNT, CRC32 and MOVBE. SDM vol. 2, the instructions of these names.

use oldiron_mmu::Width;

use crate::{
    exec::{Exec, Flow, Outcome, op},
    flags::{Eflags, LazyFlags},
    insn::Insn,
};

/// ZF tells of a zero source; the other status flags are cleared.
fn popcnt<W: Width, X: Exec>(x: &mut X, i: &Insn, value: W) -> Outcome {
    let flags = if value.zext() == 0 {
        Eflags::ZF
    } else {
        Eflags::empty()
    };
    x.put_flags(LazyFlags::from_eflags(flags));
    x.set_reg(i.dst, W::truncate(value.zext().count_ones() as u64));
    Ok(Flow::Next)
}

op! { /// `popcnt r, r`
PopcntRr<W: Width>, Slow, Other, |x: X, i| {
    let value = x.reg::<W>(i.src);
    popcnt(x, i, value)
}}

op! { /// `popcnt r, m`
PopcntRm<W: Width>, Slow, Other, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    popcnt(x, i, value)
}}

/// The polynomial 11EDC6F41h, its bits in reverse.
const CASTAGNOLI: u32 = 0x82f6_3b78;

/// The remainder after the bytes of `value`, the lowest first.
fn crc32<W: Width>(mut remainder: u32, value: W) -> u32 {
    for n in 0..W::BYTES {
        remainder ^= (value.zext() >> (8 * n)) as u8 as u32;
        for _ in 0..8 {
            let odd = remainder & 1 != 0;
            remainder = remainder >> 1 ^ if odd { CASTAGNOLI } else { 0 };
        }
    }
    remainder
}

op! { /// `crc32 r32, r`
Crc32Rr<W: Width>, Slow, None, |x: X, i| {
    let remainder = crc32(x.reg::<u32>(i.dst), x.reg::<W>(i.src));
    x.set_reg(i.dst, remainder);
    Ok(Flow::Next)
}}

op! { /// `crc32 r32, m`
Crc32Rm<W: Width>, Slow, None, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    let remainder = crc32(x.reg::<u32>(i.dst), value);
    x.set_reg(i.dst, remainder);
    Ok(Flow::Next)
}}

/// The bytes in the other order.
fn swapped<W: Width>(value: W) -> W {
    W::truncate(value.zext().swap_bytes() >> (64 - W::BITS))
}

op! { /// `movbe r, m`
MovbeRm<W: Width>, Slow, None, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    x.set_reg(i.dst, swapped(value));
    Ok(Flow::Next)
}}

op! { /// `movbe m, r`
MovbeMr<W: Width>, Slow, None, |x: X, i| {
    let value = swapped(x.reg::<W>(i.src));
    let address = x.address(i);
    x.store(i, address, value)?;
    Ok(Flow::Next)
}}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_of_the_check_string_is_that_of_the_catalogue() {
        let whole = b"123456789".iter().fold(u32::MAX, |crc, &byte| crc32(crc, byte));
        assert_eq!(!whole, 0xe306_9283);
        let by_words = crc32(crc32(u32::MAX, 0x3433_3231u32), 0x3635u16);
        let by_bytes = b"123456".iter().fold(u32::MAX, |crc, &byte| crc32(crc, byte));
        assert_eq!(by_words, by_bytes);
    }

    #[test]
    fn bytes_are_swapped_in_their_width() {
        assert_eq!(swapped(0x1234u16), 0x3412);
        assert_eq!(swapped(0x1234_5678u32), 0x7856_3412);
    }
}
