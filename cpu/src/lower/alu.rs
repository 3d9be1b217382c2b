//! Arithmetic, logic, shifts, multiplication, bits, decimal adjustment.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::{Context, Lowered, by_wide, by_width, width};
use crate::{
    dispatch::FusedTable,
    exec::{
        alu::*,
        bcd::{Aaa, Aad, Aam, Aas, Daa, Das, Salc},
        bit::{BitMi, BitMr, BitOp, BitRi, BitRr, Bt, Btc, Btr, Bts, Forward, Reverse, Scan, ScanRm, ScanRr},
        fused::{CompareRi, CompareRr, Comparison, CountR},
        muldiv::*,
        shift::*,
    },
    insn::Insn,
};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Add => binary::<Add>(c, i, insn),
        Mnemonic::Or => binary::<Or>(c, i, insn),
        Mnemonic::Adc => binary::<Adc>(c, i, insn),
        Mnemonic::Sbb => binary::<Sbb>(c, i, insn),
        Mnemonic::And => binary::<And>(c, i, insn),
        Mnemonic::Sub => binary::<Sub>(c, i, insn),
        Mnemonic::Xor => binary::<Xor>(c, i, insn),
        Mnemonic::Cmp => compare::<Cmp>(c, i, insn),
        Mnemonic::Test => compare::<Test>(c, i, insn),
        Mnemonic::Inc => count::<Inc>(c, i, insn),
        Mnemonic::Dec => count::<Dec>(c, i, insn),
        Mnemonic::Neg => unary::<Neg>(c, i, insn),
        Mnemonic::Not => unary::<Not>(c, i, insn),
        Mnemonic::Rol => shift::<Rol>(c, i, insn),
        Mnemonic::Ror => shift::<Ror>(c, i, insn),
        Mnemonic::Rcl => shift::<Rcl>(c, i, insn),
        Mnemonic::Rcr => shift::<Rcr>(c, i, insn),
        Mnemonic::Shl | Mnemonic::Sal => shift::<Shl>(c, i, insn),
        Mnemonic::Shr => shift::<Shr>(c, i, insn),
        Mnemonic::Sar => shift::<Sar>(c, i, insn),
        Mnemonic::Shld => double_shift::<Shld>(c, i, insn),
        Mnemonic::Shrd => double_shift::<Shrd>(c, i, insn),
        Mnemonic::Mul => multiply::<Unsigned>(c, i, insn),
        Mnemonic::Imul => imul(c, i, insn),
        Mnemonic::Div => divide::<Unsigned>(c, i, insn),
        Mnemonic::Idiv => divide::<Signed>(c, i, insn),
        Mnemonic::Bt => bit::<Bt>(c, i, insn),
        Mnemonic::Bts => bit::<Bts>(c, i, insn),
        Mnemonic::Btr => bit::<Btr>(c, i, insn),
        Mnemonic::Btc => bit::<Btc>(c, i, insn),
        Mnemonic::Bsf => scan::<Forward>(c, i, insn),
        Mnemonic::Bsr => scan::<Reverse>(c, i, insn),
        Mnemonic::Daa => c.pick::<Daa>(insn),
        Mnemonic::Das => c.pick::<Das>(insn),
        Mnemonic::Aaa => c.pick::<Aaa>(insn),
        Mnemonic::Aas => c.pick::<Aas>(insn),
        Mnemonic::Aam => c.pick::<Aam>(Insn {
            imm: i.immediate8() as u32,
            ..insn
        }),
        Mnemonic::Aad => c.pick::<Aad>(Insn {
            imm: i.immediate8() as u32,
            ..insn
        }),
        Mnemonic::Salc => c.pick::<Salc>(insn),
        _ => None,
    }
}

/// Whether operand `n` is an immediate.
fn is_immediate(i: &Instruction, n: u32) -> bool {
    n < i.op_count() && !matches!(i.op_kind(n), OpKind::Register | OpKind::Memory)
}

fn binary<O: Alu>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let w = width(i, 0);
    match (i.op0_kind(), i.op1_kind()) {
        (OpKind::Register, OpKind::Register) => by_width!(c, w, insn, AluRr, O),
        (OpKind::Register, OpKind::Memory) => by_width!(c, w, insn, AluRm, O),
        (OpKind::Memory, OpKind::Register) => by_width!(c, w, insn, AluMr, O),
        (OpKind::Register, _) => by_width!(
            c,
            w,
            Insn {
                imm: i.immediate(1) as u32,
                ..insn
            },
            AluRi,
            O
        ),
        (OpKind::Memory, _) => by_width!(
            c,
            w,
            Insn {
                imm: i.immediate(1) as u32,
                ..insn
            },
            AluMi,
            O
        ),
        _ => None,
    }
}

fn unary<O: Unary>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.op0_kind() {
        OpKind::Register => by_width!(c, width(i, 0), insn, UnaryR, O),
        _ => by_width!(c, width(i, 0), insn, UnaryM, O),
    }
}

/// CMP and TEST: with registers and immediates they fuse with a conditional jump.
fn compare<O: Comparison>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let lowered = binary::<O>(c, i, insn)?;
    let fused = match (i.op0_kind(), i.op1_kind(), width(i, 0)) {
        (OpKind::Memory, ..) | (_, OpKind::Memory, _) => None,
        (_, OpKind::Register, 1) => Some(&FusedTable::<CompareRr<O, u8>>::HANDLERS),
        (_, OpKind::Register, 2) => Some(&FusedTable::<CompareRr<O, u16>>::HANDLERS),
        (_, OpKind::Register, _) => Some(&FusedTable::<CompareRr<O, u32>>::HANDLERS),
        (_, _, 1) => Some(&FusedTable::<CompareRi<O, u8>>::HANDLERS),
        (_, _, 2) => Some(&FusedTable::<CompareRi<O, u16>>::HANDLERS),
        _ => Some(&FusedTable::<CompareRi<O, u32>>::HANDLERS),
    };
    Some(Lowered { fused, ..lowered })
}

/// INC and DEC: of a register they fuse with a conditional jump.
fn count<O: Unary>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let lowered = unary::<O>(c, i, insn)?;
    let fused = match (i.op0_kind(), width(i, 0)) {
        (OpKind::Register, 1) => Some(&FusedTable::<CountR<O, u8>>::HANDLERS),
        (OpKind::Register, 2) => Some(&FusedTable::<CountR<O, u16>>::HANDLERS),
        (OpKind::Register, _) => Some(&FusedTable::<CountR<O, u32>>::HANDLERS),
        _ => None,
    };
    Some(Lowered { fused, ..lowered })
}

fn shift<O: Shift>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let (w, memory) = (width(i, 0), i.op0_kind() == OpKind::Memory);
    if !is_immediate(i, 1) {
        return if memory {
            by_width!(c, w, insn, ShiftMc, O)
        } else {
            by_width!(c, w, insn, ShiftRc, O)
        };
    }
    let count = i.immediate(1) as u32 & 31;
    let insn = Insn { imm: count, ..insn };
    match (memory, count) {
        (false, 0) => c.pick::<crate::exec::move_::Nop>(insn),
        (false, _) => by_width!(c, w, insn, ShiftRi, O),
        // OR with 0 would change flags; TEST-like access only: the operand is read for modification.
        (true, 0) => by_width!(c, w, insn, TouchM),
        (true, _) => by_width!(c, w, insn, ShiftMi, O),
    }
}

fn double_shift<O: DoubleShift>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let (w, memory) = (width(i, 0), i.op0_kind() == OpKind::Memory);
    if is_immediate(i, 2) {
        let insn = Insn {
            imm: i.immediate(2) as u32 & 31,
            ..insn
        };
        return if memory {
            by_wide!(c, w, insn, DoubleMi, O)
        } else {
            by_wide!(c, w, insn, DoubleRi, O)
        };
    }
    if memory {
        by_wide!(c, w, insn, DoubleMc, O)
    } else {
        by_wide!(c, w, insn, DoubleRc, O)
    }
}

fn multiply<S: Sign>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.op0_kind() {
        OpKind::Register => by_width!(c, width(i, 0), insn, MulR, S),
        _ => by_width!(c, width(i, 0), insn, MulM, S),
    }
}

fn divide<S: Sign>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.op0_kind() {
        OpKind::Register => by_width!(c, width(i, 0), insn, DivR, S),
        _ => by_width!(c, width(i, 0), insn, DivM, S),
    }
}

fn imul(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let w = width(i, 0);
    match (i.op_count(), i.op1_kind() == OpKind::Memory) {
        (1, _) => multiply::<Signed>(c, i, insn),
        (2, false) => by_wide!(c, w, insn, ImulRr),
        (2, true) => by_wide!(c, w, insn, ImulRm),
        (_, false) => by_wide!(
            c,
            w,
            Insn {
                imm: i.immediate(2) as u32,
                ..insn
            },
            ImulRri
        ),
        (_, true) => by_wide!(
            c,
            w,
            Insn {
                imm: i.immediate(2) as u32,
                ..insn
            },
            ImulRmi
        ),
    }
}

fn bit<O: BitOp>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let (w, memory) = (width(i, 0), i.op0_kind() == OpKind::Memory);
    if is_immediate(i, 1) {
        let insn = Insn {
            imm: i.immediate(1) as u32,
            ..insn
        };
        return if memory {
            by_wide!(c, w, insn, BitMi, O)
        } else {
            by_wide!(c, w, insn, BitRi, O)
        };
    }
    if memory {
        by_wide!(c, w, insn, BitMr, O)
    } else {
        by_wide!(c, w, insn, BitRr, O)
    }
}

fn scan<S: Scan>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let w = width(i, 0);
    if i.op1_kind() == OpKind::Memory {
        by_wide!(c, w, insn, ScanRm, S)
    } else {
        by_wide!(c, w, insn, ScanRr, S)
    }
}
