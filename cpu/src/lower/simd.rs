//! The instructions of MMX and SSE up to SSE4.2.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};
use oldiron_mmu::Width;

use super::{Context, Lowered};
use crate::{
    exec::{
        move_::{MovMr, Nop},
        simd::{Aligned, Part, Source, Unaligned, float::*, mmx::*, moves::*, packed::*, special::*},
    },
    insn::{Insn, InsnAttr},
    simd::{
        float::{Double, Single},
        host::{Add, Div, Max, Min, Mul, Sqrt, Sub},
        integer::*,
        packed_float::{
            AddSub, Compare, CompareFlags, Cvtdq2pd, Cvtdq2ps, Cvtpd2dq, Cvtpd2ps, Cvtpi2ps, Cvtps2dq,
            Cvtps2pd, Cvtps2pi, Cvtsd2ss, Cvtsi2sd, Cvtsi2ss, Cvtss2sd, Cvttpd2dq, Cvttps2dq, Cvttps2pi,
            DotProduct, Float, FloatOp, Haddpd, Haddps, Hsubpd, Hsubps, Reciprocal, Round, ToInt,
        },
        shuffle::*,
    },
};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let insn = with_immediate(i, insn);
    both_sizes(c, i, insn)
        .or_else(|| xmm_only(c, i, insn))
        .or_else(|| float(c, i, insn))
        .or_else(|| convert(c, i, insn))
        .or_else(|| moves(c, i, insn))
        .or_else(|| special(c, i, insn))
}

/// The record with the instruction's 8-bit immediate, if it has one.
fn with_immediate(i: &Instruction, insn: Insn) -> Insn {
    let last = i.op_count().wrapping_sub(1);
    if i.op_count() > 0 && i.op_kind(last) == OpKind::Immediate8 {
        Insn {
            imm: i.immediate8() as u32,
            ..insn
        }
    } else {
        insn
    }
}

fn is_mm(i: &Instruction, operand: u32) -> bool {
    i.op_kind(operand) == OpKind::Register && i.op_register(operand).is_mm()
}

fn is_xmm(i: &Instruction, operand: u32) -> bool {
    i.op_kind(operand) == OpKind::Register && i.op_register(operand).is_xmm()
}

fn is_memory(i: &Instruction, operand: u32) -> bool {
    i.op_kind(operand) == OpKind::Memory
}

// ---- forms ----

/// `op xmm, xmm/m` with an operand of this kind in memory.
fn packed<O: XmmOp, S: Source>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<XmmRm<O, S>>(insn)
    } else {
        c.pick::<XmmRr<O>>(insn)
    }
}

/// `op mm, mm/m` with an operand of this width in memory.
fn mmx<O: PackedOp, W: Width>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<MmRm<O, W>>(insn)
    } else {
        c.pick::<MmRr<O>>(insn)
    }
}

/// `op` on registers of either size.
fn sized<O: PackedOp>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_mm(i, 0) {
        mmx::<O, u64>(c, i, insn)
    } else {
        packed::<O, Aligned>(c, i, insn)
    }
}

/// Shifts, by a register or by the immediate.
fn shift<O: PackedOp, I: PackedOp>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if i.op1_kind() == OpKind::Immediate8 {
        sized::<I>(c, i, insn)
    } else {
        sized::<O>(c, i, insn)
    }
}

fn float_form<O: FloatOp, S: Source>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<FloatRm<O, S>>(insn)
    } else {
        c.pick::<FloatRr<O>>(insn)
    }
}

fn compare_form<O: FloatOp, S: Source>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<CompareRm<O, S>>(insn)
    } else {
        c.pick::<CompareRr<O>>(insn)
    }
}

/// A conversion to a general register.
fn to_gpr<O: FloatOp, S: Source>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<GprFromFloatM<O, S>>(insn)
    } else {
        c.pick::<GprFromFloatR<O>>(insn)
    }
}

/// A conversion from a general register.
fn from_gpr<O: FloatOp>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<FloatRm<O, Part<u32>>>(insn)
    } else {
        c.pick::<FloatFromGpr<O>>(insn)
    }
}

// ---- groups ----

/// Integer operations that both MMX and XMM registers have.
fn both_sizes(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    macro_rules! table {
        ($($name:ident)*) => {
            match i.mnemonic() {
                $(Mnemonic::$name => sized::<$name>(c, i, insn),)*
                Mnemonic::Psllw => shift::<Psllw, PsllwImm>(c, i, insn),
                Mnemonic::Pslld => shift::<Pslld, PslldImm>(c, i, insn),
                Mnemonic::Psllq => shift::<Psllq, PsllqImm>(c, i, insn),
                Mnemonic::Psrlw => shift::<Psrlw, PsrlwImm>(c, i, insn),
                Mnemonic::Psrld => shift::<Psrld, PsrldImm>(c, i, insn),
                Mnemonic::Psrlq => shift::<Psrlq, PsrlqImm>(c, i, insn),
                Mnemonic::Psraw => shift::<Psraw, PsrawImm>(c, i, insn),
                Mnemonic::Psrad => shift::<Psrad, PsradImm>(c, i, insn),
                // On MMX registers these read 32 bits of memory.
                Mnemonic::Punpcklbw if is_mm(i, 0) => mmx::<Punpcklbw, u32>(c, i, insn),
                Mnemonic::Punpcklwd if is_mm(i, 0) => mmx::<Punpcklwd, u32>(c, i, insn),
                Mnemonic::Punpckldq if is_mm(i, 0) => mmx::<Punpckldq, u32>(c, i, insn),
                Mnemonic::Punpcklbw => packed::<Punpcklbw, Aligned>(c, i, insn),
                Mnemonic::Punpcklwd => packed::<Punpcklwd, Aligned>(c, i, insn),
                Mnemonic::Punpckldq => packed::<Punpckldq, Aligned>(c, i, insn),
                _ => None,
            }
        };
    }
    table! {
        Paddb Paddw Paddd Paddq Paddsb Paddsw Paddusb Paddusw
        Psubb Psubw Psubd Psubq Psubsb Psubsw Psubusb Psubusw
        Pmullw Pmulhw Pmulhuw Pmulhrsw Pmuludq Pmaddwd Pmaddubsw Psadbw
        Pavgb Pavgw Pminub Pminsw Pmaxub Pmaxsw
        Pcmpeqb Pcmpeqw Pcmpeqd Pcmpgtb Pcmpgtw Pcmpgtd
        Pand Pandn Por Pxor
        Pabsb Pabsw Pabsd Psignb Psignw Psignd
        Phaddw Phaddd Phaddsw Phsubw Phsubd Phsubsw
        Packsswb Packuswb Packssdw
        Punpckhbw Punpckhwd Punpckhdq
        Pshufb Palignr Pshufw
    }
}

/// Integer operations and shuffles of XMM registers.
fn xmm_only(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    macro_rules! table {
        ($($name:ident)*) => {
            match i.mnemonic() {
                $(Mnemonic::$name => packed::<$name, Aligned>(c, i, insn),)*
                // The bitwise operations on floating-point registers.
                Mnemonic::Andps | Mnemonic::Andpd => packed::<Pand, Aligned>(c, i, insn),
                Mnemonic::Andnps | Mnemonic::Andnpd => packed::<Pandn, Aligned>(c, i, insn),
                Mnemonic::Orps | Mnemonic::Orpd => packed::<Por, Aligned>(c, i, insn),
                Mnemonic::Xorps | Mnemonic::Xorpd => packed::<Pxor, Aligned>(c, i, insn),
                Mnemonic::Unpcklps => packed::<Punpckldq, Aligned>(c, i, insn),
                Mnemonic::Unpckhps => packed::<Punpckhdq, Aligned>(c, i, insn),
                Mnemonic::Unpcklpd => packed::<Punpcklqdq, Aligned>(c, i, insn),
                Mnemonic::Unpckhpd => packed::<Punpckhqdq, Aligned>(c, i, insn),
                Mnemonic::Movddup => packed::<Movddup, Part<u64>>(c, i, insn),
                Mnemonic::Pmovsxbw => packed::<Pmovsxbw, Part<u64>>(c, i, insn),
                Mnemonic::Pmovsxbd => packed::<Pmovsxbd, Part<u32>>(c, i, insn),
                Mnemonic::Pmovsxbq => packed::<Pmovsxbq, Part<u16>>(c, i, insn),
                Mnemonic::Pmovsxwd => packed::<Pmovsxwd, Part<u64>>(c, i, insn),
                Mnemonic::Pmovsxwq => packed::<Pmovsxwq, Part<u32>>(c, i, insn),
                Mnemonic::Pmovsxdq => packed::<Pmovsxdq, Part<u64>>(c, i, insn),
                Mnemonic::Pmovzxbw => packed::<Pmovzxbw, Part<u64>>(c, i, insn),
                Mnemonic::Pmovzxbd => packed::<Pmovzxbd, Part<u32>>(c, i, insn),
                Mnemonic::Pmovzxbq => packed::<Pmovzxbq, Part<u16>>(c, i, insn),
                Mnemonic::Pmovzxwd => packed::<Pmovzxwd, Part<u64>>(c, i, insn),
                Mnemonic::Pmovzxwq => packed::<Pmovzxwq, Part<u32>>(c, i, insn),
                Mnemonic::Pmovzxdq => packed::<Pmovzxdq, Part<u64>>(c, i, insn),
                Mnemonic::Insertps if is_memory(i, 1) => c.pick::<XmmRm<InsertpsMem, Part<u32>>>(insn),
                Mnemonic::Insertps => c.pick::<XmmRr<Insertps>>(insn),
                Mnemonic::Blendvps => blend::<Doublewords>(c, i, insn),
                Mnemonic::Blendvpd => blend::<Quadwords>(c, i, insn),
                Mnemonic::Pblendvb => blend::<Bytes>(c, i, insn),
                Mnemonic::Ptest if is_memory(i, 1) => c.pick::<PtestRm>(insn),
                Mnemonic::Ptest => c.pick::<PtestRr>(insn),
                Mnemonic::Rcpps => packed::<Reciprocal<false, true>, Aligned>(c, i, insn),
                Mnemonic::Rcpss => packed::<Reciprocal<false, false>, Part<u32>>(c, i, insn),
                Mnemonic::Rsqrtps => packed::<Reciprocal<true, true>, Aligned>(c, i, insn),
                Mnemonic::Rsqrtss => packed::<Reciprocal<true, false>, Part<u32>>(c, i, insn),
                _ => None,
            }
        };
    }
    table! {
        Pmulld Pmuldq Pminsb Pminuw Pminud Pminsd Pmaxsb Pmaxuw Pmaxud Pmaxsd
        Pcmpeqq Pcmpgtq Packusdw Phminposuw Mpsadbw
        Punpcklqdq Punpckhqdq Pshufd Pshuflw Pshufhw Shufps Shufpd
        Movsldup Movshdup Pslldq Psrldq Blendps Blendpd Pblendw
    }
}

fn blend<L: Lanes>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<BlendRm<L>>(insn)
    } else {
        c.pick::<BlendRr<L>>(insn)
    }
}

/// Floating-point arithmetic and comparison.
fn float(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    macro_rules! table {
        ($($op:ident: $ps:ident $pd:ident $ss:ident $sd:ident;)*) => {
            match i.mnemonic() {
                $(
                    Mnemonic::$ps => float_form::<Float<$op, Single, true>, Aligned>(c, i, insn),
                    Mnemonic::$pd => float_form::<Float<$op, Double, true>, Aligned>(c, i, insn),
                    Mnemonic::$ss => float_form::<Float<$op, Single, false>, Part<u32>>(c, i, insn),
                    Mnemonic::$sd => float_form::<Float<$op, Double, false>, Part<u64>>(c, i, insn),
                )*
                Mnemonic::Cmpps => float_form::<Compare<Single, true>, Aligned>(c, i, insn),
                Mnemonic::Cmppd => float_form::<Compare<Double, true>, Aligned>(c, i, insn),
                Mnemonic::Cmpss => float_form::<Compare<Single, false>, Part<u32>>(c, i, insn),
                Mnemonic::Cmpsd if is_xmm(i, 0) => float_form::<Compare<Double, false>, Part<u64>>(c, i, insn),
                Mnemonic::Comiss => compare_form::<CompareFlags<Single, false>, Part<u32>>(c, i, insn),
                Mnemonic::Comisd => compare_form::<CompareFlags<Double, false>, Part<u64>>(c, i, insn),
                Mnemonic::Ucomiss => compare_form::<CompareFlags<Single, true>, Part<u32>>(c, i, insn),
                Mnemonic::Ucomisd => compare_form::<CompareFlags<Double, true>, Part<u64>>(c, i, insn),
                Mnemonic::Addsubps => float_form::<AddSub<Single>, Aligned>(c, i, insn),
                Mnemonic::Addsubpd => float_form::<AddSub<Double>, Aligned>(c, i, insn),
                Mnemonic::Haddps => float_form::<Haddps, Aligned>(c, i, insn),
                Mnemonic::Haddpd => float_form::<Haddpd, Aligned>(c, i, insn),
                Mnemonic::Hsubps => float_form::<Hsubps, Aligned>(c, i, insn),
                Mnemonic::Hsubpd => float_form::<Hsubpd, Aligned>(c, i, insn),
                Mnemonic::Dpps => float_form::<DotProduct<Single>, Aligned>(c, i, insn),
                Mnemonic::Dppd => float_form::<DotProduct<Double>, Aligned>(c, i, insn),
                Mnemonic::Roundps => float_form::<Round<Single, true>, Aligned>(c, i, insn),
                Mnemonic::Roundpd => float_form::<Round<Double, true>, Aligned>(c, i, insn),
                Mnemonic::Roundss => float_form::<Round<Single, false>, Part<u32>>(c, i, insn),
                Mnemonic::Roundsd => float_form::<Round<Double, false>, Part<u64>>(c, i, insn),
                _ => None,
            }
        };
    }
    table! {
        Add: Addps Addpd Addss Addsd;
        Sub: Subps Subpd Subss Subsd;
        Mul: Mulps Mulpd Mulss Mulsd;
        Div: Divps Divpd Divss Divsd;
        Min: Minps Minpd Minss Minsd;
        Max: Maxps Maxpd Maxss Maxsd;
        Sqrt: Sqrtps Sqrtpd Sqrtss Sqrtsd;
    }
}

/// Conversions.
fn convert(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Cvtps2pd => float_form::<Cvtps2pd, Part<u64>>(c, i, insn),
        Mnemonic::Cvtpd2ps => float_form::<Cvtpd2ps, Aligned>(c, i, insn),
        Mnemonic::Cvtss2sd => float_form::<Cvtss2sd, Part<u32>>(c, i, insn),
        Mnemonic::Cvtsd2ss => float_form::<Cvtsd2ss, Part<u64>>(c, i, insn),
        Mnemonic::Cvtdq2ps => float_form::<Cvtdq2ps, Aligned>(c, i, insn),
        Mnemonic::Cvtdq2pd => float_form::<Cvtdq2pd, Part<u64>>(c, i, insn),
        Mnemonic::Cvtps2dq => float_form::<Cvtps2dq, Aligned>(c, i, insn),
        Mnemonic::Cvttps2dq => float_form::<Cvttps2dq, Aligned>(c, i, insn),
        Mnemonic::Cvtpd2dq => float_form::<Cvtpd2dq, Aligned>(c, i, insn),
        Mnemonic::Cvttpd2dq => float_form::<Cvttpd2dq, Aligned>(c, i, insn),
        Mnemonic::Cvtsi2ss => from_gpr::<Cvtsi2ss>(c, i, insn),
        Mnemonic::Cvtsi2sd => from_gpr::<Cvtsi2sd>(c, i, insn),
        Mnemonic::Cvtss2si => to_gpr::<ToInt<Single, false>, Part<u32>>(c, i, insn),
        Mnemonic::Cvtsd2si => to_gpr::<ToInt<Double, false>, Part<u64>>(c, i, insn),
        Mnemonic::Cvttss2si => to_gpr::<ToInt<Single, true>, Part<u32>>(c, i, insn),
        Mnemonic::Cvttsd2si => to_gpr::<ToInt<Double, true>, Part<u64>>(c, i, insn),
        Mnemonic::Cvtpi2ps => from_mm::<Cvtpi2ps>(c, i, insn),
        Mnemonic::Cvtpi2pd => from_mm::<Cvtdq2pd>(c, i, insn),
        Mnemonic::Cvtps2pi => to_mm::<Cvtps2pi, Part<u64>>(c, i, insn),
        Mnemonic::Cvttps2pi => to_mm::<Cvttps2pi, Part<u64>>(c, i, insn),
        Mnemonic::Cvtpd2pi => to_mm::<Cvtpd2dq, Aligned>(c, i, insn),
        Mnemonic::Cvttpd2pi => to_mm::<Cvttpd2dq, Aligned>(c, i, insn),
        _ => None,
    }
}

/// A conversion from an MMX register; one from memory leaves these alone.
fn from_mm<O: FloatOp>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<FloatRm<O, Part<u64>>>(insn)
    } else {
        c.pick::<FloatFromMm<O>>(insn)
    }
}

fn to_mm<O: FloatOp, S: Source>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<MmFromFloatM<O, S>>(insn)
    } else {
        c.pick::<MmFromFloatR<O>>(insn)
    }
}

/// Moves, loads and stores.
fn moves(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let (to_memory, from_memory) = (is_memory(i, 0), is_memory(i, 1));
    match i.mnemonic() {
        Mnemonic::Movaps
        | Mnemonic::Movapd
        | Mnemonic::Movdqa
        | Mnemonic::Movntps
        | Mnemonic::Movntpd
        | Mnemonic::Movntdq
            if to_memory =>
        {
            c.pick::<StoreAligned>(insn)
        }
        Mnemonic::Movaps | Mnemonic::Movapd | Mnemonic::Movdqa | Mnemonic::Movntdqa => {
            packed::<Whole, Aligned>(c, i, insn)
        }
        Mnemonic::Movups | Mnemonic::Movupd | Mnemonic::Movdqu if to_memory => c.pick::<StoreUnaligned>(insn),
        Mnemonic::Movups | Mnemonic::Movupd | Mnemonic::Movdqu | Mnemonic::Lddqu => {
            packed::<Whole, Unaligned>(c, i, insn)
        }
        Mnemonic::Movss if to_memory => c.pick::<StoreLow<u32>>(insn),
        Mnemonic::Movss if from_memory => c.pick::<XmmRm<Whole, Part<u32>>>(insn),
        Mnemonic::Movss => c.pick::<XmmRr<MoveLow32>>(insn),
        Mnemonic::Movsd if to_memory && is_xmm(i, 1) => c.pick::<StoreLow<u64>>(insn),
        Mnemonic::Movsd if is_xmm(i, 0) && from_memory => c.pick::<XmmRm<Whole, Part<u64>>>(insn),
        Mnemonic::Movsd if is_xmm(i, 0) => c.pick::<XmmRr<MoveLow64>>(insn),
        Mnemonic::Movlps | Mnemonic::Movlpd if to_memory => c.pick::<StoreLow<u64>>(insn),
        Mnemonic::Movlps | Mnemonic::Movlpd => c.pick::<XmmRm<MoveLow64, Part<u64>>>(insn),
        Mnemonic::Movhps | Mnemonic::Movhpd if to_memory => c.pick::<StoreHigh>(insn),
        Mnemonic::Movhps | Mnemonic::Movhpd => c.pick::<XmmRm<MoveHigh64, Part<u64>>>(insn),
        Mnemonic::Movhlps => c.pick::<XmmRr<HighToLow64>>(insn),
        Mnemonic::Movlhps => c.pick::<XmmRr<MoveHigh64>>(insn),
        Mnemonic::Movd => movd(c, i, insn),
        Mnemonic::Movq => movq(c, i, insn),
        Mnemonic::Movntq => c.pick::<MmStore<u64>>(insn),
        Mnemonic::Movnti => c.pick::<MovMr<u32>>(insn),
        Mnemonic::Movq2dq => c.pick::<Movq2dq>(insn),
        Mnemonic::Movdq2q => c.pick::<Movdq2q>(insn),
        Mnemonic::Movmskps => c.pick::<GprFromXmm<SingleSigns>>(insn),
        Mnemonic::Movmskpd => c.pick::<GprFromXmm<DoubleSigns>>(insn),
        Mnemonic::Pmovmskb if is_mm(i, 1) => c.pick::<GprFromMm<MmByteSigns>>(insn),
        Mnemonic::Pmovmskb => c.pick::<GprFromXmm<ByteSigns>>(insn),
        Mnemonic::Pinsrw if is_mm(i, 0) && from_memory => c.pick::<MmRm<MmPinsrw, u16>>(insn),
        Mnemonic::Pinsrw if is_mm(i, 0) => c.pick::<MmFromGpr<MmPinsrw>>(insn),
        Mnemonic::Pinsrw => insert::<Pinsrw, u16>(c, i, insn),
        Mnemonic::Pinsrb => insert::<Pinsrb, u8>(c, i, insn),
        Mnemonic::Pinsrd => insert::<Pinsrd, u32>(c, i, insn),
        Mnemonic::Pextrw if is_mm(i, 1) => c.pick::<GprFromMm<Word>>(insn),
        Mnemonic::Pextrw => extract::<u16>(c, i, insn),
        Mnemonic::Pextrb => extract::<u8>(c, i, insn),
        Mnemonic::Pextrd | Mnemonic::Extractps => extract::<u32>(c, i, insn),
        _ => None,
    }
}

fn insert<O: XmmOp, W: Width>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_memory(i, 1) {
        c.pick::<XmmRm<O, Part<W>>>(insn)
    } else {
        c.pick::<XmmFromGpr<O>>(insn)
    }
}

fn extract<W>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered>
where
    W: Width + crate::simd::packed::Lane + Into<u32>,
{
    if is_memory(i, 0) {
        c.pick::<StoreElement<W, Element<W>>>(insn)
    } else {
        c.pick::<GprFromXmm<Element<W>>>(insn)
    }
}

fn movd(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match (is_mm(i, 0), is_mm(i, 1), is_xmm(i, 0)) {
        (true, ..) if is_memory(i, 1) => c.pick::<MmRm<Source64, u32>>(insn),
        (true, ..) => c.pick::<MmFromGpr<Source64>>(insn),
        (_, true, _) if is_memory(i, 0) => c.pick::<MmStore<u32>>(insn),
        (_, true, _) => c.pick::<GprFromMm<LowDoubleword>>(insn),
        (.., true) if is_memory(i, 1) => c.pick::<XmmRm<Whole, Part<u32>>>(insn),
        (.., true) => c.pick::<XmmFromGpr<Whole>>(insn),
        _ if is_memory(i, 0) => c.pick::<StoreLow<u32>>(insn),
        _ => c.pick::<GprFromXmm<Element<u32>>>(insn),
    }
}

fn movq(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if is_mm(i, 0) {
        mmx::<Source64, u64>(c, i, insn)
    } else if is_mm(i, 1) {
        c.pick::<MmStore<u64>>(insn)
    } else if is_memory(i, 0) {
        c.pick::<StoreLow<u64>>(insn)
    } else {
        packed::<Low64, Part<u64>>(c, i, insn)
    }
}

/// Everything else.
fn special(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Emms => c.pick::<Emms>(insn),
        Mnemonic::Ldmxcsr => c.pick::<Ldmxcsr>(insn),
        Mnemonic::Stmxcsr => c.pick::<Stmxcsr>(insn),
        Mnemonic::Fxsave => c.pick::<Fxsave>(insn),
        Mnemonic::Fxrstor => c.pick::<Fxrstor>(insn),
        Mnemonic::Clflush => c.pick::<Clflush>(insn),
        Mnemonic::Maskmovdqu => c.pick::<Maskmovdqu>(masked(i, insn)),
        Mnemonic::Maskmovq => c.pick::<Maskmovq>(masked(i, insn)),
        Mnemonic::Pcmpestri => c.pick::<CompareText<Estri>>(insn),
        Mnemonic::Pcmpestrm => c.pick::<CompareText<Estrm>>(insn),
        Mnemonic::Pcmpistri => c.pick::<CompareText<Istri>>(insn),
        Mnemonic::Pcmpistrm => c.pick::<CompareText<Istrm>>(insn),
        // There is one processor and no write buffer.
        Mnemonic::Sfence | Mnemonic::Lfence | Mnemonic::Mfence => c.pick::<Nop>(insn),
        Mnemonic::Prefetchnta | Mnemonic::Prefetcht0 | Mnemonic::Prefetcht1 | Mnemonic::Prefetcht2 => {
            c.pick::<Nop>(insn)
        }
        _ => None,
    }
}

/// The operands of MASKMOVxx: the first is memory at EDI, implicitly.
fn masked(i: &Instruction, mut insn: Insn) -> Insn {
    insn.dst = i.op_register(1).number() as u8;
    insn.src = i.op_register(2).number() as u8;
    insn.seg = super::segment_number(i.memory_segment());
    let wide = matches!(i.op0_kind(), OpKind::MemorySegEDI);
    insn.attr.set(InsnAttr::ADDRESS32, wide);
    debug_assert!(i.op_register(1) != Register::None);
    insn
}
