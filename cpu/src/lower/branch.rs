//! Near control transfers.

use iced_x86::{Code, Instruction, Mnemonic, OpKind};

use super::{Context, Lowered, data::by_condition, number, width};
use crate::{
    dispatch::{Step, handler, step},
    exec::{
        branch::*,
        move_::{Cc, Condition},
    },
    insn::Insn,
};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    // Width of the target in bytes.
    let (target, w) = match i.op0_kind() {
        OpKind::NearBranch16 => (i.near_branch16() as u32, 2),
        OpKind::NearBranch32 => (i.near_branch32(), 4),
        _ => (0, 0),
    };
    let direct = Insn { imm: target, ..insn };
    if i.is_jcc_short_or_near() {
        let lowered = by_condition!(i, jcc, c, direct, w)?;
        // The decoder counts conditions from 1, in the order of their codes.
        let condition = (i.condition_code() as u8).wrapping_sub(1);
        return Some(Lowered {
            condition: (!lowered.may_stop).then_some(condition),
            ..lowered
        });
    }
    match i.mnemonic() {
        Mnemonic::Jmp if w != 0 => c.branching::<JmpRel>(direct, w),
        Mnemonic::Call if w == 2 => c.branching::<CallRel<u16>>(direct, w),
        Mnemonic::Call if w == 4 => c.branching::<CallRel<u32>>(direct, w),
        Mnemonic::Jmp | Mnemonic::Call => indirect(c, i, insn),
        Mnemonic::Ret => ret(c, i, insn),
        Mnemonic::Loop => counted::<Loop>(c, i, direct, w),
        Mnemonic::Loope => counted::<Loope>(c, i, direct, w),
        Mnemonic::Loopne => counted::<Loopne>(c, i, direct, w),
        Mnemonic::Jcxz => c.branching::<Jcxz<u16>>(direct, w),
        Mnemonic::Jecxz => c.branching::<Jcxz<u32>>(direct, w),
        _ => None,
    }
}

fn jcc<C: Condition>(c: &Context<'_>, insn: Insn, w: u32) -> Option<Lowered> {
    let lowered = c.branching::<Jcc<C>>(insn, w)?;
    // Backwards it closes a loop, and what is behind it is seldom next.
    let inside = !lowered.may_stop && insn.imm > insn.eip;
    Some(Lowered {
        inside: inside.then(|| (handler::<JccInside<C>>(true, 0, 0), step::<JccInside<C>> as Step)),
        ..lowered
    })
}

fn counted<K: LoopKind>(c: &Context<'_>, i: &Instruction, insn: Insn, w: u32) -> Option<Lowered> {
    match i.code() {
        Code::Loop_rel8_16_CX
        | Code::Loop_rel8_32_CX
        | Code::Loope_rel8_16_CX
        | Code::Loope_rel8_32_CX
        | Code::Loopne_rel8_16_CX
        | Code::Loopne_rel8_32_CX => c.branching::<LoopRel<K, u16>>(insn, w),
        _ => c.branching::<LoopRel<K, u32>>(insn, w),
    }
}

fn indirect(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let w = width(i, 0);
    let call = i.mnemonic() == Mnemonic::Call;
    match (i.op0_kind(), i.code()) {
        (OpKind::Register, _) => {
            let insn = Insn {
                src: number(i.op0_register()),
                ..insn
            };
            match (call, w) {
                (false, 2) => c.branching::<JmpR<u16>>(insn, w),
                (false, _) => c.branching::<JmpR<u32>>(insn, w),
                (true, 2) => c.branching::<CallR<u16>>(insn, w),
                (true, _) => c.branching::<CallR<u32>>(insn, w),
            }
        }
        (OpKind::Memory, Code::Jmp_rm16) => c.branching::<JmpM<u16>>(insn, w),
        (OpKind::Memory, Code::Jmp_rm32) => c.branching::<JmpM<u32>>(insn, w),
        (OpKind::Memory, Code::Call_rm16) => c.branching::<CallM<u16>>(insn, w),
        (OpKind::Memory, Code::Call_rm32) => c.branching::<CallM<u32>>(insn, w),
        // Far forms are system instructions.
        _ => None,
    }
}

fn ret(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.code() {
        Code::Retnw => c.branching::<Ret<u16>>(insn, 2),
        Code::Retnw_imm16 => c.branching::<Ret<u16>>(
            Insn {
                imm: i.immediate16() as u32,
                ..insn
            },
            2,
        ),
        Code::Retnd => c.branching::<Ret<u32>>(insn, 4),
        Code::Retnd_imm16 => c.branching::<Ret<u32>>(
            Insn {
                imm: i.immediate16() as u32,
                ..insn
            },
            4,
        ),
        _ => None,
    }
}
