//! MMX, and what SSE and SSE2 added to it on the same registers.
//!
//! Follows SDM vol. 1 chapter 9 and §11.6 and vol. 2 for each instruction. The eight registers are the significands of
//! the x87's. Every instruction but EMMS marks all of them full, sets TOP to 0 and the exponent of what it writes to
//! ones (vol. 3A §12.2). CR0.EM is #UD here, CR0.TS #NM; a waiting x87 exception is reported first.

use oldiron_mmu::{Access, Bus, Width};

use crate::{
    core::{Core, Cr0, reg},
    exec::{
        Abort, Exec, Flow,
        fpu::{not_available, report_waiting},
        op,
    },
    fault::{Fault, FaultRule},
    fpu::trap,
    insn::Insn,
};

/// Whether the instruction may begin; if it is to wait for an interrupt, how it goes on instead.
#[inline(always)]
fn bars<X: Exec>(x: &mut X, insn: &Insn) -> Result<Option<Flow>, Abort> {
    if x.core_ref().fpu.trap & trap::BARS == 0 {
        return Ok(None);
    }
    x.system(check, insn)?;
    Ok(x.core_ref().fpu.frozen.then_some(Flow::Again))
}

fn check(core: &mut Core, bus: &mut Bus<'_>, _: &Insn) -> Result<(), Fault> {
    core.fpu.frozen = false;
    if core.cr0.contains(Cr0::EM) {
        return Err(Fault::undefined(FaultRule::UndefinedOpcode));
    }
    if core.cr0.contains(Cr0::TS) {
        return Err(not_available());
    }
    report_waiting(core, bus)
}

/// Defines forms that begin with [`bars`].
macro_rules! mmx_op {
    ($(#[$doc:meta])* $name:ident $(<$($p:ident : $bound:path),+>)?, $form:ident, |$x:ident : $X:ident, $i:ident| $body:block) => {
        op! { $(#[$doc])* $name $(<$($p: $bound),+>)?, $form, None, |$x: $X, $i| {
            if let Some(flow) = bars($x, $i)? {
                return Ok(flow);
            }
            $body
            Ok(Flow::Next)
        }}
    };
}

#[inline(always)]
fn mm<X: Exec>(x: &X, n: u8) -> u64 {
    x.core_ref().fpu.mmx(n)
}

#[inline(always)]
fn set_mm<X: Exec>(x: &mut X, n: u8, value: u64) {
    x.core().fpu.set_mmx(n, value);
}

/// An operation of two 64-bit operands.
pub(crate) trait Binary: 'static {
    /// The memory operand has 32 bits only.
    const HALF: bool = false;
    fn apply(a: u64, b: u64) -> u64;
}

/// The same with an 8-bit immediate.
pub(crate) trait Immediate: 'static {
    fn apply(a: u64, b: u64, imm: u8) -> u64;
}

mmx_op! { /// `op mm, mm`
BinaryRr<O: Binary>, Register, |x: X, i| {
    let value = O::apply(mm(x, i.dst), mm(x, i.src));
    set_mm(x, i.dst, value);
}}

mmx_op! { /// `op mm, m64`, or `m32`
BinaryRm<O: Binary>, Memory, |x: X, i| {
    let offset = x.address(i);
    let source = if O::HALF {
        x.load::<u32>(i, offset)? as u64
    } else {
        x.load::<u64>(i, offset)?
    };
    let value = O::apply(mm(x, i.dst), source);
    set_mm(x, i.dst, value);
}}

mmx_op! { /// Shifts: `op mm, imm8`
BinaryRi<O: Binary>, Register, |x: X, i| {
    let value = O::apply(mm(x, i.dst), i.imm as u64);
    set_mm(x, i.dst, value);
}}

mmx_op! { /// `op mm, mm, imm8`
ImmediateRr<O: Immediate>, Register, |x: X, i| {
    let value = O::apply(mm(x, i.dst), mm(x, i.src), i.imm as u8);
    set_mm(x, i.dst, value);
}}

mmx_op! { /// `op mm, m64, imm8`
ImmediateRm<O: Immediate>, Memory, |x: X, i| {
    let source = x.load::<u64>(i, x.address(i))?;
    let value = O::apply(mm(x, i.dst), source, i.imm as u8);
    set_mm(x, i.dst, value);
}}

mmx_op! { /// `movd mm, r32`
MovdFromReg, Register, |x: X, i| {
    let value = x.reg::<u32>(i.src);
    set_mm(x, i.dst, value as u64);
}}

mmx_op! { /// `movd mm, m32`, `movq mm, m64`
Load<W: Width>, Memory, |x: X, i| {
    let value = x.load::<W>(i, x.address(i))?;
    set_mm(x, i.dst, value.zext());
}}

mmx_op! { /// `movd r32, mm`
MovdToReg, Register, |x: X, i| {
    let value = mm(x, i.src) as u32;
    x.set_reg(i.dst, value);
    x.core().fpu.enter_mmx();
}}

mmx_op! { /// `movd m32, mm`, `movq m64, mm`, `movntq m64, mm`
Store<W: Width>, Memory, |x: X, i| {
    let value = W::truncate(mm(x, i.src));
    x.store(i, x.address(i), value)?;
    x.core().fpu.enter_mmx();
}}

mmx_op! { /// EMMS
Emms, Register, |x: X, _i| {
    x.core().fpu.leave_mmx();
}}

// ---- what SSE added ----

fn insert(a: u64, word: u16, imm: u32) -> u64 {
    let shift = 16 * (imm & 3);
    a & !(0xffff << shift) | (word as u64) << shift
}

mmx_op! { /// `pinsrw mm, r32, imm8`
PinsrwReg, Register, |x: X, i| {
    let word = x.reg::<u32>(i.src) as u16;
    let value = insert(mm(x, i.dst), word, i.imm);
    set_mm(x, i.dst, value);
}}

mmx_op! { /// `pinsrw mm, m16, imm8`
PinsrwMem, Memory, |x: X, i| {
    let word = x.load::<u16>(i, x.address(i))?;
    let value = insert(mm(x, i.dst), word, i.imm);
    set_mm(x, i.dst, value);
}}

mmx_op! { /// `pextrw r32, mm, imm8`
Pextrw, Register, |x: X, i| {
    let word = (mm(x, i.src) >> (16 * (i.imm & 3))) as u16;
    x.set_reg(i.dst, word as u32);
    x.core().fpu.enter_mmx();
}}

mmx_op! { /// `pmovmskb r32, mm`
Pmovmskb, Register, |x: X, i| {
    let bytes = mm(x, i.src).to_le_bytes();
    let mut mask = 0u32;
    for (n, byte) in bytes.into_iter().enumerate() {
        mask |= ((byte >> 7) as u32) << n;
    }
    x.set_reg(i.dst, mask);
    x.core().fpu.enter_mmx();
}}

mmx_op! { /// `maskmovq mm, mm`
Maskmovq, Slow, |x: X, i| {
    x.system(maskmovq, i)?;
}}

/// MASKMOVQ — SDM vol. 2B "MASKMOVQ". Bytes that the mask leaves out are not touched, and do not fault.
fn maskmovq(core: &mut Core, bus: &mut Bus<'_>, insn: &Insn) -> Result<(), Fault> {
    let (value, mask) = (core.fpu.mmx(insn.dst), core.fpu.mmx(insn.src));
    let begin = core.gpr32(reg::EDI);
    let mut write = |core: &mut Core, commit: bool| -> Result<(), Fault> {
        for (n, byte) in (0..8).zip(value.to_le_bytes()) {
            if mask >> (8 * n + 7) & 1 == 0 {
                continue;
            }
            let offset = begin.wrapping_add(n) & insn.address_mask();
            let addr = core.segment_address(insn.seg as usize, offset, 1, true)?;
            core.check_access(bus, addr, 1, Access::Write, core.cpl == 3)?;
            if commit {
                core.user_write(bus, addr, byte)?;
            }
        }
        Ok(())
    };
    write(core, false)?;
    write(core, true)?;
    core.fpu.enter_mmx();
    Ok(())
}

// ---- lanes ----

macro_rules! lanes {
    ($($name:ident, $lane:ty, $bits:literal;)*) => { $(
        #[inline(always)]
        fn $name(a: u64, b: u64, f: impl Fn($lane, $lane) -> $lane) -> u64 {
            let mut result = 0;
            let mut shift = 0;
            while shift < 64 {
                let lane = f((a >> shift) as $lane, (b >> shift) as $lane);
                result |= (lane as u64 & (u64::MAX >> (64 - $bits))) << shift;
                shift += $bits;
            }
            result
        }
    )* };
}

lanes! {
    bytes, u8, 8;
    signed_bytes, i8, 8;
    words, u16, 16;
    signed_words, i16, 16;
    doublewords, u32, 32;
    signed_doublewords, i32, 32;
}

/// The words of a quadword.
#[inline(always)]
fn word(a: u64, n: u32) -> i16 {
    (a >> (16 * n)) as i16
}

/// Packs the lanes of `a`, then those of `b`, each saturated.
#[inline(always)]
fn pack_words(a: u64, b: u64, saturate: impl Fn(i16) -> u8) -> u64 {
    let mut result = 0;
    for n in 0..4 {
        result |= (saturate(word(a, n)) as u64) << (8 * n);
        result |= (saturate(word(b, n)) as u64) << (8 * n + 32);
    }
    result
}

/// Alternates lanes of `a` and `b`, from the low halves.
#[inline(always)]
fn interleave(a: u64, b: u64, bits: u32) -> u64 {
    let mask = (1u64 << bits) - 1;
    let mut result = 0;
    let mut at = 0;
    while at < 32 {
        result |= (a >> at & mask) << (2 * at);
        result |= (b >> at & mask) << (2 * at + bits);
        at += bits;
    }
    result
}

const fn all_ones(condition: bool) -> u64 {
    if condition { u64::MAX } else { 0 }
}

macro_rules! binary {
    ($($name:ident = |$a:ident, $b:ident| $value:expr;)*) => { $(
        pub(crate) struct $name;
        impl Binary for $name {
            #[inline(always)]
            fn apply($a: u64, $b: u64) -> u64 {
                $value
            }
        }
    )* };
}

binary! {
    Paddb = |a, b| bytes(a, b, u8::wrapping_add);
    Paddw = |a, b| words(a, b, u16::wrapping_add);
    Paddd = |a, b| doublewords(a, b, u32::wrapping_add);
    Paddq = |a, b| a.wrapping_add(b);
    Psubb = |a, b| bytes(a, b, u8::wrapping_sub);
    Psubw = |a, b| words(a, b, u16::wrapping_sub);
    Psubd = |a, b| doublewords(a, b, u32::wrapping_sub);
    Psubq = |a, b| a.wrapping_sub(b);
    Paddsb = |a, b| signed_bytes(a, b, i8::saturating_add);
    Paddsw = |a, b| signed_words(a, b, i16::saturating_add);
    Paddusb = |a, b| bytes(a, b, u8::saturating_add);
    Paddusw = |a, b| words(a, b, u16::saturating_add);
    Psubsb = |a, b| signed_bytes(a, b, i8::saturating_sub);
    Psubsw = |a, b| signed_words(a, b, i16::saturating_sub);
    Psubusb = |a, b| bytes(a, b, u8::saturating_sub);
    Psubusw = |a, b| words(a, b, u16::saturating_sub);
    Pand = |a, b| a & b;
    Pandn = |a, b| !a & b;
    Por = |a, b| a | b;
    Pxor = |a, b| a ^ b;
    Pcmpeqb = |a, b| bytes(a, b, |a, b| all_ones(a == b) as u8);
    Pcmpeqw = |a, b| words(a, b, |a, b| all_ones(a == b) as u16);
    Pcmpeqd = |a, b| doublewords(a, b, |a, b| all_ones(a == b) as u32);
    Pcmpgtb = |a, b| signed_bytes(a, b, |a, b| all_ones(a > b) as i8);
    Pcmpgtw = |a, b| signed_words(a, b, |a, b| all_ones(a > b) as i16);
    Pcmpgtd = |a, b| signed_doublewords(a, b, |a, b| all_ones(a > b) as i32);
    Pmullw = |a, b| signed_words(a, b, i16::wrapping_mul);
    Pmulhw = |a, b| signed_words(a, b, |a, b| ((a as i32 * b as i32) >> 16) as i16);
    Pmulhuw = |a, b| words(a, b, |a, b| ((a as u32 * b as u32) >> 16) as u16);
    Pmaddwd = |a, b| {
        let product = |n| word(a, n) as i32 * word(b, n) as i32;
        let low = product(0).wrapping_add(product(1)) as u32;
        let high = product(2).wrapping_add(product(3)) as u32;
        low as u64 | (high as u64) << 32
    };
    Pmuludq = |a, b| (a as u32 as u64) * (b as u32 as u64);
    Packsswb = |a, b| pack_words(a, b, |lane| lane.clamp(-128, 127) as u8);
    Packuswb = |a, b| pack_words(a, b, |lane| lane.clamp(0, 255) as u8);
    Packssdw = |a, b| {
        let lane = |value: i32| value.clamp(-0x8000, 0x7fff) as u16 as u64;
        lane(a as i32) | lane((a >> 32) as i32) << 16 | lane(b as i32) << 32 | lane((b >> 32) as i32) << 48
    };
    Punpckhbw = |a, b| interleave(a >> 32, b >> 32, 8);
    Punpckhwd = |a, b| interleave(a >> 32, b >> 32, 16);
    Punpckhdq = |a, b| interleave(a >> 32, b >> 32, 32);
    Psllw = |a, b| words(a, a, |a, _| if b > 15 { 0 } else { a << b });
    Pslld = |a, b| doublewords(a, a, |a, _| if b > 31 { 0 } else { a << b });
    Psllq = |a, b| if b > 63 { 0 } else { a << b };
    Psrlw = |a, b| words(a, a, |a, _| if b > 15 { 0 } else { a >> b });
    Psrld = |a, b| doublewords(a, a, |a, _| if b > 31 { 0 } else { a >> b });
    Psrlq = |a, b| if b > 63 { 0 } else { a >> b };
    Psraw = |a, b| signed_words(a, a, |a, _| a >> b.min(15));
    Psrad = |a, b| signed_doublewords(a, a, |a, _| a >> b.min(31));
    Pminub = |a, b| bytes(a, b, |a, b| a.min(b));
    Pmaxub = |a, b| bytes(a, b, |a, b| a.max(b));
    Pminsw = |a, b| signed_words(a, b, |a, b| a.min(b));
    Pmaxsw = |a, b| signed_words(a, b, |a, b| a.max(b));
    Pavgb = |a, b| bytes(a, b, |a, b| ((a as u16 + b as u16 + 1) >> 1) as u8);
    Pavgw = |a, b| words(a, b, |a, b| ((a as u32 + b as u32 + 1) >> 1) as u16);
    Psadbw = |a, b| {
        let mut sum = 0;
        for n in 0..8 {
            let (a, b) = ((a >> (8 * n)) as u8, (b >> (8 * n)) as u8);
            sum += a.abs_diff(b) as u64;
        }
        sum
    };
    Movq = |_a, b| b;
}

macro_rules! low_halves {
    ($($name:ident, $bits:literal;)*) => { $(
        pub(crate) struct $name;
        impl Binary for $name {
            const HALF: bool = true;
            #[inline(always)]
            fn apply(a: u64, b: u64) -> u64 {
                interleave(a, b, $bits)
            }
        }
    )* };
}

low_halves! {
    Punpcklbw, 8;
    Punpcklwd, 16;
    Punpckldq, 32;
}

/// PSHUFW
pub(crate) struct Pshufw;

impl Immediate for Pshufw {
    #[inline(always)]
    fn apply(_: u64, b: u64, imm: u8) -> u64 {
        let mut result = 0;
        for n in 0..4 {
            result |= (word(b, (imm >> (2 * n)) as u32 & 3) as u16 as u64) << (16 * n);
        }
        result
    }
}
