//! MMX, and what SSE and SSE2 added to it on the same registers.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::{Context, Lowered, number};
use crate::{exec::mmx::*, insn::Insn};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let is_mm = |n: u32| i.op_kind(n) == OpKind::Register && i.op_register(n).is_mm();
    if i.mnemonic() != Mnemonic::Emms && !(0..i.op_count()).any(is_mm) {
        return None;
    }
    // All of them may fault, whatever their form.
    Some(Lowered {
        may_stop: true,
        ..form(c, i, insn)?
    })
}

fn form(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Emms => c.pick::<Emms>(insn),
        Mnemonic::Movd => movd(c, i, insn),
        Mnemonic::Movq | Mnemonic::Movntq if i.op0_kind() == OpKind::Memory => c.pick::<Store<u64>>(insn),
        Mnemonic::Movq if i.op1_kind() == OpKind::Memory => c.pick::<Load<u64>>(insn),
        Mnemonic::Movq => binary::<Movq>(c, i, insn),
        Mnemonic::Pshufw => {
            let insn = with_immediate(i, 2, insn);
            if i.op1_kind() == OpKind::Memory {
                c.pick::<ImmediateRm<Pshufw>>(insn)
            } else {
                c.pick::<ImmediateRr<Pshufw>>(insn)
            }
        }
        Mnemonic::Pinsrw => {
            let insn = with_immediate(i, 2, insn);
            if i.op1_kind() == OpKind::Memory {
                c.pick::<PinsrwMem>(insn)
            } else {
                c.pick::<PinsrwReg>(insn)
            }
        }
        Mnemonic::Pextrw => c.pick::<Pextrw>(with_immediate(i, 2, insn)),
        Mnemonic::Pmovmskb => c.pick::<Pmovmskb>(insn),
        Mnemonic::Maskmovq => c.pick::<Maskmovq>(Insn {
            dst: number(i.op1_register()),
            src: number(i.op2_register()),
            ..insn
        }),
        Mnemonic::Paddb => binary::<Paddb>(c, i, insn),
        Mnemonic::Paddw => binary::<Paddw>(c, i, insn),
        Mnemonic::Paddd => binary::<Paddd>(c, i, insn),
        Mnemonic::Paddq => binary::<Paddq>(c, i, insn),
        Mnemonic::Psubb => binary::<Psubb>(c, i, insn),
        Mnemonic::Psubw => binary::<Psubw>(c, i, insn),
        Mnemonic::Psubd => binary::<Psubd>(c, i, insn),
        Mnemonic::Psubq => binary::<Psubq>(c, i, insn),
        Mnemonic::Paddsb => binary::<Paddsb>(c, i, insn),
        Mnemonic::Paddsw => binary::<Paddsw>(c, i, insn),
        Mnemonic::Paddusb => binary::<Paddusb>(c, i, insn),
        Mnemonic::Paddusw => binary::<Paddusw>(c, i, insn),
        Mnemonic::Psubsb => binary::<Psubsb>(c, i, insn),
        Mnemonic::Psubsw => binary::<Psubsw>(c, i, insn),
        Mnemonic::Psubusb => binary::<Psubusb>(c, i, insn),
        Mnemonic::Psubusw => binary::<Psubusw>(c, i, insn),
        Mnemonic::Pand => binary::<Pand>(c, i, insn),
        Mnemonic::Pandn => binary::<Pandn>(c, i, insn),
        Mnemonic::Por => binary::<Por>(c, i, insn),
        Mnemonic::Pxor => binary::<Pxor>(c, i, insn),
        Mnemonic::Pcmpeqb => binary::<Pcmpeqb>(c, i, insn),
        Mnemonic::Pcmpeqw => binary::<Pcmpeqw>(c, i, insn),
        Mnemonic::Pcmpeqd => binary::<Pcmpeqd>(c, i, insn),
        Mnemonic::Pcmpgtb => binary::<Pcmpgtb>(c, i, insn),
        Mnemonic::Pcmpgtw => binary::<Pcmpgtw>(c, i, insn),
        Mnemonic::Pcmpgtd => binary::<Pcmpgtd>(c, i, insn),
        Mnemonic::Pmullw => binary::<Pmullw>(c, i, insn),
        Mnemonic::Pmulhw => binary::<Pmulhw>(c, i, insn),
        Mnemonic::Pmulhuw => binary::<Pmulhuw>(c, i, insn),
        Mnemonic::Pmaddwd => binary::<Pmaddwd>(c, i, insn),
        Mnemonic::Pmuludq => binary::<Pmuludq>(c, i, insn),
        Mnemonic::Packsswb => binary::<Packsswb>(c, i, insn),
        Mnemonic::Packuswb => binary::<Packuswb>(c, i, insn),
        Mnemonic::Packssdw => binary::<Packssdw>(c, i, insn),
        Mnemonic::Punpcklbw => binary::<Punpcklbw>(c, i, insn),
        Mnemonic::Punpcklwd => binary::<Punpcklwd>(c, i, insn),
        Mnemonic::Punpckldq => binary::<Punpckldq>(c, i, insn),
        Mnemonic::Punpckhbw => binary::<Punpckhbw>(c, i, insn),
        Mnemonic::Punpckhwd => binary::<Punpckhwd>(c, i, insn),
        Mnemonic::Punpckhdq => binary::<Punpckhdq>(c, i, insn),
        Mnemonic::Psllw => binary::<Psllw>(c, i, insn),
        Mnemonic::Pslld => binary::<Pslld>(c, i, insn),
        Mnemonic::Psllq => binary::<Psllq>(c, i, insn),
        Mnemonic::Psrlw => binary::<Psrlw>(c, i, insn),
        Mnemonic::Psrld => binary::<Psrld>(c, i, insn),
        Mnemonic::Psrlq => binary::<Psrlq>(c, i, insn),
        Mnemonic::Psraw => binary::<Psraw>(c, i, insn),
        Mnemonic::Psrad => binary::<Psrad>(c, i, insn),
        Mnemonic::Pminub => binary::<Pminub>(c, i, insn),
        Mnemonic::Pmaxub => binary::<Pmaxub>(c, i, insn),
        Mnemonic::Pminsw => binary::<Pminsw>(c, i, insn),
        Mnemonic::Pmaxsw => binary::<Pmaxsw>(c, i, insn),
        Mnemonic::Pavgb => binary::<Pavgb>(c, i, insn),
        Mnemonic::Pavgw => binary::<Pavgw>(c, i, insn),
        Mnemonic::Psadbw => binary::<Psadbw>(c, i, insn),
        _ => None,
    }
}

/// An operation on a register and a register, memory or, for shifts, an immediate.
fn binary<O: Binary>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.op1_kind() {
        OpKind::Register => c.pick::<BinaryRr<O>>(insn),
        OpKind::Memory => c.pick::<BinaryRm<O>>(insn),
        _ => c.pick::<BinaryRi<O>>(with_immediate(i, 1, insn)),
    }
}

fn movd(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match (i.op0_kind(), i.op1_kind()) {
        (OpKind::Memory, _) => c.pick::<Store<u32>>(insn),
        (_, OpKind::Memory) => c.pick::<Load<u32>>(insn),
        _ if i.op0_register().is_mm() => c.pick::<MovdFromReg>(insn),
        _ => c.pick::<MovdToReg>(insn),
    }
}

fn with_immediate(i: &Instruction, operand: u32, insn: Insn) -> Insn {
    Insn {
        imm: i.immediate(operand) as u32,
        ..insn
    }
}
