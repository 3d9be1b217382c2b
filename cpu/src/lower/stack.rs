//! Stack instructions.

use iced_x86::{Code, Instruction, Mnemonic, OpKind};

use super::{Context, Lowered, by_wide, number, width};
use crate::{exec::stack::*, insn::Insn};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Push => push(c, i, insn),
        Mnemonic::Pop if i.op0_kind() == OpKind::Memory => by_wide!(c, width(i, 0), insn, PopM),
        Mnemonic::Pop if i.op0_register().is_gpr() => by_wide!(c, width(i, 0), insn, PopR),
        Mnemonic::Pusha => c.pick::<Pusha<u16>>(insn),
        Mnemonic::Pushad => c.pick::<Pusha<u32>>(insn),
        Mnemonic::Popa => c.pick::<Popa<u16>>(insn),
        Mnemonic::Popad => c.pick::<Popa<u32>>(insn),
        Mnemonic::Enter => {
            let insn = Insn {
                imm: i.immediate16() as u32,
                imm2: i.immediate8_2nd() as u16,
                ..insn
            };
            if i.code() == Code::Enterw_imm16_imm8 {
                c.pick::<Enter<u16>>(insn)
            } else {
                c.pick::<Enter<u32>>(insn)
            }
        }
        Mnemonic::Leave if i.code() == Code::Leavew => c.pick::<Leave<u16>>(insn),
        Mnemonic::Leave => c.pick::<Leave<u32>>(insn),
        _ => None,
    }
}

fn push(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.op0_kind() {
        OpKind::Memory => by_wide!(c, width(i, 0), insn, PushM),
        OpKind::Register if i.op0_register().is_gpr() => {
            by_wide!(
                c,
                width(i, 0),
                Insn {
                    src: number(i.op0_register()),
                    ..insn
                },
                PushR
            )
        }
        OpKind::Register => None,
        _ => {
            let insn = Insn {
                imm: i.immediate(0) as u32,
                ..insn
            };
            match i.code() {
                Code::Push_imm16 | Code::Pushw_imm8 => c.pick::<PushI<u16>>(insn),
                _ => c.pick::<PushI<u32>>(insn),
            }
        }
    }
}
