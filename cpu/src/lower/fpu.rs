//! The instructions of the x87: opcodes D8h to DFh, and WAIT.

use iced_x86::{Code, CpuidFeature, Instruction, Mnemonic};

use super::{Context, Lowered};
use crate::{
    exec::{fpu, system::EscAbsent},
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
    c.pick::<fpu::Esc>(with_image_size(i, insn))
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
