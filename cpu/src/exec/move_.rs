//! Data movement: MOV, MOVZX, MOVSX, LEA, XCHG, XADD, CMPXCHG, CMPXCHG8B, BSWAP, CMOVcc, SETcc,
//! CBW and its kin, XLAT, NOP. SDM vol. 2, the instructions of these names.

use oldiron_mmu::Width;

use crate::{
    core::reg,
    exec::{Flow, op},
    flags::LazyFlags,
};

/// A condition code as a type.
pub(crate) trait Condition: 'static {
    /// Under these flags.
    fn holds(flags: LazyFlags) -> bool;
    /// After `cmp a, b`.
    fn after_compare<W: Width>(a: W, b: W) -> bool;
    /// After a logic operation with this result.
    fn after_logic<W: Width>(result: W) -> bool;
}

/// Condition `CODE`, the low four bits of the opcode.
pub(crate) struct Cc<const CODE: u8>;

impl<const CODE: u8> Condition for Cc<CODE> {
    #[inline(always)]
    fn holds(flags: LazyFlags) -> bool {
        flags.condition::<CODE>()
    }

    #[inline(always)]
    fn after_compare<W: Width>(a: W, b: W) -> bool {
        let (signed_a, signed_b) = (a.sext() as i64, b.sext() as i64);
        let difference = W::truncate(a.zext().wrapping_sub(b.zext()));
        let value = match CODE >> 1 {
            0 => (a.zext() ^ b.zext()) & (a.zext() ^ difference.zext()) & W::SIGN != 0,
            1 => a.zext() < b.zext(),
            2 => a.zext() == b.zext(),
            3 => a.zext() <= b.zext(),
            4 => (difference.sext() as i64) < 0,
            5 => (difference.zext() as u8).count_ones() & 1 == 0,
            6 => signed_a < signed_b,
            _ => signed_a <= signed_b,
        };
        value != (CODE & 1 != 0)
    }

    #[inline(always)]
    fn after_logic<W: Width>(result: W) -> bool {
        let signed = result.sext() as i64;
        let value = match CODE >> 1 {
            0 | 1 => false,
            2 | 3 => signed == 0,
            5 => (result.zext() as u8).count_ones() & 1 == 0,
            4 | 6 => signed < 0,
            _ => signed <= 0,
        };
        value != (CODE & 1 != 0)
    }
}

op! { /// `nop`, and prefetches
Nop, Register, None, |x: X, i| { let _ = (x, i); Ok(Flow::Next) }}

op! { /// `mov r, r`
MovRr<W: Width>, Register, None, |x: X, i| {
    let value = x.reg::<W>(i.src);
    x.set_reg(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `mov r, imm`
MovRi<W: Width>, Register, None, |x: X, i| {
    x.set_reg(i.dst, W::truncate(i.imm as u64));
    Ok(Flow::Next)
}}

op! { /// `mov r, m`
MovRm<W: Width>, Load, None, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    x.set_reg(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `mov m, r`
MovMr<W: Width>, Memory, None, |x: X, i| {
    x.store_reg::<W>(i, x.address(i), i.src)?;
    Ok(Flow::Next)
}}

op! { /// `mov m, imm`
MovMi<W: Width>, Memory, None, |x: X, i| {
    x.store(i, x.address(i), W::truncate(i.imm as u64))?;
    Ok(Flow::Next)
}}

op! { /// `movzx r, r`: `S` to `D`
MovzxRr<D: Width, S: Width>, Register, None, |x: X, i| {
    let value = x.reg::<S>(i.src);
    x.set_reg(i.dst, D::truncate(value.zext()));
    Ok(Flow::Next)
}}

op! { /// `movzx r, m`
MovzxRm<D: Width, S: Width>, Load, None, |x: X, i| {
    let value = x.load::<S>(i, x.address(i))?;
    x.set_reg(i.dst, D::truncate(value.zext()));
    Ok(Flow::Next)
}}

op! { /// `movsx r, r`
MovsxRr<D: Width, S: Width>, Register, None, |x: X, i| {
    let value = x.reg::<S>(i.src);
    x.set_reg(i.dst, D::truncate(value.sext()));
    Ok(Flow::Next)
}}

op! { /// `movsx r, m`
MovsxRm<D: Width, S: Width>, Load, None, |x: X, i| {
    let value = x.load::<S>(i, x.address(i))?;
    x.set_reg(i.dst, D::truncate(value.sext()));
    Ok(Flow::Next)
}}

op! { /// `lea r, m`, any addressing form
Lea<W: Width>, Register, None, |x: X, i| {
    let offset = x.core_ref().effective_address(i);
    x.set_reg(i.dst, W::truncate(offset as u64));
    Ok(Flow::Next)
}}

op! { /// `lea r32, [base + disp]` with 32-bit addresses
LeaBase, Register, None, |x: X, i| {
    let offset = x.reg::<u32>(i.base).wrapping_add(i.disp);
    x.set_reg(i.dst, offset);
    Ok(Flow::Next)
}}

op! { /// `lea r32, [base + index * scale + disp]` with 32-bit addresses
LeaIndex, Register, None, |x: X, i| {
    let index = x.reg::<u32>(i.index) << (i.scale & 3);
    let offset = x.reg::<u32>(i.base).wrapping_add(index).wrapping_add(i.disp);
    x.set_reg(i.dst, offset);
    Ok(Flow::Next)
}}

op! { /// `xchg r, r`
XchgRr<W: Width>, Register, None, |x: X, i| {
    let (a, b) = (x.reg::<W>(i.dst), x.reg::<W>(i.src));
    x.set_reg(i.dst, b);
    x.set_reg(i.src, a);
    Ok(Flow::Next)
}}

op! { /// `xchg m, r`. Always locked; with one processor that is free
XchgMr<W: Width>, Memory, None, |x: X, i| {
    let new = x.reg::<W>(i.src);
    let (old, place) = x.modify::<W>(i, x.address(i))?;
    x.commit(place, new);
    x.set_reg(i.src, old);
    Ok(Flow::Next)
}}

op! { /// `xadd r, r`
XaddRr<W: Width>, Register, Sets, |x: X, i| {
    let (a, b) = (x.reg::<W>(i.dst), x.reg::<W>(i.src));
    let wide = a.zext() + b.zext();
    // The destination is written last: it wins if both are one register.
    x.set_reg(i.src, a);
    x.set_reg(i.dst, W::truncate(wide));
    x.set_flags(LazyFlags::arithmetic(a, b, wide));
    Ok(Flow::Next)
}}

op! { /// `xadd m, r`
XaddMr<W: Width>, Memory, Sets, |x: X, i| {
    let b = x.reg::<W>(i.src);
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    let wide = a.zext() + b.zext();
    x.commit(place, W::truncate(wide));
    x.set_reg(i.src, a);
    x.set_flags(LazyFlags::arithmetic(a, b, wide));
    Ok(Flow::Next)
}}

op! { /// `cmpxchg r, r`
CmpxchgRr<W: Width>, Register, Sets, |x: X, i| {
    let (accumulator, a) = (x.reg::<W>(reg::EAX as u8), x.reg::<W>(i.dst));
    let wide = accumulator.zext().wrapping_sub(a.zext());
    if accumulator == a {
        let new = x.reg::<W>(i.src);
        x.set_reg(i.dst, new);
    } else {
        x.set_reg(reg::EAX as u8, a);
    }
    x.set_flags(LazyFlags::arithmetic(accumulator, a, wide));
    Ok(Flow::Next)
}}

op! { /// `cmpxchg m, r`. The destination is written in either case
CmpxchgMr<W: Width>, Memory, Sets, |x: X, i| {
    let (accumulator, new) = (x.reg::<W>(reg::EAX as u8), x.reg::<W>(i.src));
    let (a, place) = x.modify::<W>(i, x.address(i))?;
    let wide = accumulator.zext().wrapping_sub(a.zext());
    if accumulator == a {
        x.commit(place, new);
    } else {
        x.commit(place, a);
        x.set_reg(reg::EAX as u8, a);
    }
    x.set_flags(LazyFlags::arithmetic(accumulator, a, wide));
    Ok(Flow::Next)
}}

op! { /// `cmpxchg8b m`
Cmpxchg8b, Memory, Other, |x: X, i| {
    let (a, place) = x.modify::<u64>(i, x.address(i))?;
    let pair = |x: &X, high, low| (x.reg::<u32>(high) as u64) << 32 | x.reg::<u32>(low) as u64;
    let mut flags = x.flags();
    if a == pair(x, reg::EDX as u8, reg::EAX as u8) {
        let new = pair(x, reg::ECX as u8, reg::EBX as u8);
        x.commit(place, new);
        flags.set_zf(true);
    } else {
        x.commit(place, a);
        x.set_reg(reg::EDX as u8, (a >> 32) as u32);
        x.set_reg(reg::EAX as u8, a as u32);
        flags.set_zf(false);
    }
    x.put_flags(flags);
    Ok(Flow::Next)
}}

op! { /// `bswap r32`
Bswap32, Register, None, |x: X, i| {
    let value = x.reg::<u32>(i.dst).swap_bytes();
    x.set_reg(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `bswap r16`: undefined by the SDM; silicon clears the register
Bswap16, Register, None, |x: X, i| {
    x.set_reg(i.dst, 0u16);
    Ok(Flow::Next)
}}

op! { /// `cmovcc r, r`
CmovRr<C: Condition, W: Width>, Register, Other, |x: X, i| {
    if C::holds(x.flags()) {
        let value = x.reg::<W>(i.src);
        x.set_reg(i.dst, value);
    }
    Ok(Flow::Next)
}}

op! { /// `cmovcc r, m`: the operand is read whatever the condition
CmovRm<C: Condition, W: Width>, Load, Other, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    if C::holds(x.flags()) {
        x.set_reg(i.dst, value);
    }
    Ok(Flow::Next)
}}

op! { /// `setcc r8`
SetR<C: Condition>, Register, Other, |x: X, i| {
    let value = C::holds(x.flags()) as u8;
    x.set_reg(i.dst, value);
    Ok(Flow::Next)
}}

op! { /// `setcc m8`
SetM<C: Condition>, Memory, Other, |x: X, i| {
    let value = C::holds(x.flags()) as u8;
    x.store(i, x.address(i), value)?;
    Ok(Flow::Next)
}}

op! { /// CBW (`D` = u16), CWDE (`D` = u32): accumulator of width `S` to `D`
Extend<D: Width, S: Width>, Register, None, |x: X, _i| {
    let value = x.reg::<S>(reg::EAX as u8);
    x.set_reg(reg::EAX as u8, D::truncate(value.sext()));
    Ok(Flow::Next)
}}

op! { /// CWD, CDQ: the accumulator's sign to DX or EDX
ExtendDouble<W: Width>, Register, None, |x: X, _i| {
    let sign = x.reg::<W>(reg::EAX as u8).sext() as i64 >> 63;
    x.set_reg(reg::EDX as u8, W::truncate(sign as u64));
    Ok(Flow::Next)
}}

op! { /// XLAT: the base register of the operand plus AL
Xlat, Load, None, |x: X, i| {
    let sum = x.reg::<u32>(reg::EBX as u8).wrapping_add(x.reg::<u8>(reg::EAX as u8) as u32);
    let value = x.load::<u8>(i, sum & i.address_mask())?;
    x.set_reg(reg::EAX as u8, value);
    Ok(Flow::Next)
}}
