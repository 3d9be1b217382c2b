//! The instructions of the x87: opcodes D8h to DFh, and WAIT.

use iced_x86::{Code, CpuidFeature, Instruction, Mnemonic};

use super::{Context, Lowered};
use crate::{
    exec::{fpu, fpu_quick::*, system::EscAbsent},
    fpu::{
        Place,
        quick::{Add, Div, DivR, Mul, Sub, SubR},
    },
    insn::{Insn, InsnAttr},
};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, bytes: &[u8], insn: Insn) -> Option<Lowered> {
    if i.mnemonic() == Mnemonic::Wait {
        return c.pick::<fpu::Wait>(insn);
    }
    if !is_coprocessor(i) {
        return None;
    }
    if !c.model.fpu {
        return c.pick::<EscAbsent>(insn);
    }
    let insn = Insn {
        imm2: opcode(bytes)?,
        ..insn
    };
    let insn = with_image_size(i, insn);
    let lowered = if insn.is_memory() {
        memory_form(c, insn)
    } else {
        register_form(c, insn)
    };
    // Whatever their form, all may fault.
    Some(Lowered {
        may_stop: true,
        ..lowered?
    })
}

/// A form with a quick case.
fn quick<Q: Quick>(c: &Context<'_>, insn: Insn) -> Option<Lowered> {
    c.pick::<WithQuick<Q>>(insn)
}

/// The instance of a form for the operation in bits 3–5 of the second byte.
macro_rules! by_operation {
    ($c:ident, $insn:ident, $reg:expr, $form:ident $(, $g:ty)*; $($const:expr)?) => {
        match $reg {
            0 => quick::<$form<Add $(, $g)* $(, $const)?>>($c, $insn),
            1 => quick::<$form<Mul $(, $g)* $(, $const)?>>($c, $insn),
            4 => quick::<$form<Sub $(, $g)* $(, $const)?>>($c, $insn),
            5 => quick::<$form<SubR $(, $g)* $(, $const)?>>($c, $insn),
            6 => quick::<$form<Div $(, $g)* $(, $const)?>>($c, $insn),
            7 => quick::<$form<DivR $(, $g)* $(, $const)?>>($c, $insn),
            _ => None,
        }
    };
}

fn register_form(c: &Context<'_>, insn: Insn) -> Option<Lowered> {
    let opcode = insn.imm2;
    let reg = opcode >> 3 & 7;
    let insn = Insn {
        src: Place::number(opcode as u8).offset(),
        ..insn
    };
    match (opcode >> 8 & 7, reg) {
        (0, 2) => quick::<Fcom<0>>(c, insn),
        (0, 3) => quick::<Fcom<1>>(c, insn),
        (0, _) => by_operation!(c, insn, reg, ArithmeticSt0;),
        (1, 0) => quick::<FldSt>(c, insn),
        (1, 1) => quick::<Fxch>(c, insn),
        (1, _) => match opcode & 0xff {
            0xe0 => quick::<Fchs>(c, insn),
            0xe1 => quick::<Fabs>(c, insn),
            0xe4 => quick::<Ftst>(c, insn),
            0xe8 => quick::<Fld1>(c, insn),
            0xee => quick::<Fldz>(c, insn),
            0xfa => quick::<Fsqrt>(c, insn),
            _ => c.pick::<fpu::Esc>(insn),
        },
        (2, 5) | (6, 3) => quick::<Fcom<2>>(c, insn),
        (3, 5 | 6) => quick::<Fcomi<false>>(c, insn),
        (7, 5 | 6) => quick::<Fcomi<true>>(c, insn),
        // Where ST(i) is the destination, the reversed forms trade places.
        (4, 0 | 1 | 4..=7) => by_operation!(c, insn, reg ^ (reg >> 2), ArithmeticSti; false),
        (6, 0 | 1 | 4..=7) => by_operation!(c, insn, reg ^ (reg >> 2), ArithmeticSti; true),
        (5, 2) => quick::<FstSt<false>>(c, insn),
        (5, 3) => quick::<FstSt<true>>(c, insn),
        (5, 4) => quick::<Fcom<0>>(c, insn),
        (5, 5) => quick::<Fcom<1>>(c, insn),
        (7, 4) => quick::<FnstswAx>(c, insn),
        _ => c.pick::<fpu::Esc>(insn),
    }
}

fn memory_form(c: &Context<'_>, insn: Insn) -> Option<Lowered> {
    let opcode = insn.imm2;
    let reg = opcode >> 3 & 7;
    match (opcode >> 8 & 7, reg) {
        (0, 2) => quick::<FcomM<M32, 0>>(c, insn),
        (0, 3) => quick::<FcomM<M32, 1>>(c, insn),
        (0, _) => by_operation!(c, insn, reg, ArithmeticM, M32;),
        (4, 2) => quick::<FcomM<M64, 0>>(c, insn),
        (4, 3) => quick::<FcomM<M64, 1>>(c, insn),
        (4, _) => by_operation!(c, insn, reg, ArithmeticM, M64;),
        (2, 0 | 1 | 4..=7) => by_operation!(c, insn, reg, ArithmeticM, Int<u32>;),
        (6, 0 | 1 | 4..=7) => by_operation!(c, insn, reg, ArithmeticM, Int<u16>;),
        (1, 0) => quick::<Fld<M32>>(c, insn),
        (1, 2) => quick::<FstM32<false>>(c, insn),
        (1, 3) => quick::<FstM32<true>>(c, insn),
        (1, 5) => quick::<Fldcw>(c, insn),
        (1, 7) => quick::<Fnstcw>(c, insn),
        (3, 0) => quick::<Fld<Int<u32>>>(c, insn),
        (3, 1) => quick::<Fist<u32, true, true>>(c, insn),
        (3, 2) => quick::<Fist<u32, false, false>>(c, insn),
        (3, 3) => quick::<Fist<u32, true, false>>(c, insn),
        (3, 5) => quick::<FldM80>(c, insn),
        (3, 7) => quick::<FstpM80>(c, insn),
        (5, 0) => quick::<Fld<M64>>(c, insn),
        (5, 1) => quick::<Fist<u64, true, true>>(c, insn),
        (5, 2) => quick::<FstM64<false>>(c, insn),
        (5, 3) => quick::<FstM64<true>>(c, insn),
        (7, 0) => quick::<Fld<Int<u16>>>(c, insn),
        (7, 1) => quick::<Fist<u16, true, true>>(c, insn),
        (7, 2) => quick::<Fist<u16, false, false>>(c, insn),
        (7, 3) => quick::<Fist<u16, true, false>>(c, insn),
        (7, 5) => quick::<Fld<Int<u64>>>(c, insn),
        (7, 7) => quick::<Fist<u64, true, false>>(c, insn),
        _ => c.pick::<fpu::Esc>(insn),
    }
}

/// The eleven bits that tell x87 instructions: the low three of the first byte, and the second.
fn opcode(bytes: &[u8]) -> Option<u16> {
    let at = bytes.iter().position(|byte| byte & 0xf8 == 0xd8)?;
    Some((bytes[at] as u16 & 7) << 8 | *bytes.get(at + 1)? as u16)
}

/// Environments and states come in two sizes.
fn with_image_size(i: &Instruction, mut insn: Insn) -> Insn {
    let wide = matches!(
        i.code(),
        Code::Fldenv_m28byte | Code::Fnstenv_m28byte | Code::Frstor_m108byte | Code::Fnsave_m108byte
    );
    insn.attr.set(InsnAttr::OPERAND32, wide);
    insn
}

/// Whether the instruction is one of the ESC opcodes D8h–DFh.
fn is_coprocessor(i: &Instruction) -> bool {
    i.cpuid_features().iter().any(|feature| {
        matches!(
            feature,
            CpuidFeature::FPU
                | CpuidFeature::FPU287
                | CpuidFeature::FPU287XL_ONLY
                | CpuidFeature::FPU387
                | CpuidFeature::FPU387SL_ONLY
        )
    })
}
