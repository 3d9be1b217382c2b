//! Data movement and flag instructions.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::{Context, Lowered, by_wide, by_width, width};
use crate::{
    exec::{
        flag::{Clc, Cld, Cmc, Stc, Std},
        move_::*,
        newer::*,
    },
    insn::{Insn, InsnAttr, NO_REGISTER},
};

/// Chooses the instance of a form by condition code; the rest of its parameters follow.
macro_rules! by_condition {
    ($i:ident, $run:ident $(, $arg:expr)*) => {
        match $i.condition_code() {
            iced_x86::ConditionCode::o => $run::<Cc<0>>($($arg),*),
            iced_x86::ConditionCode::no => $run::<Cc<1>>($($arg),*),
            iced_x86::ConditionCode::b => $run::<Cc<2>>($($arg),*),
            iced_x86::ConditionCode::ae => $run::<Cc<3>>($($arg),*),
            iced_x86::ConditionCode::e => $run::<Cc<4>>($($arg),*),
            iced_x86::ConditionCode::ne => $run::<Cc<5>>($($arg),*),
            iced_x86::ConditionCode::be => $run::<Cc<6>>($($arg),*),
            iced_x86::ConditionCode::a => $run::<Cc<7>>($($arg),*),
            iced_x86::ConditionCode::s => $run::<Cc<8>>($($arg),*),
            iced_x86::ConditionCode::ns => $run::<Cc<9>>($($arg),*),
            iced_x86::ConditionCode::p => $run::<Cc<10>>($($arg),*),
            iced_x86::ConditionCode::np => $run::<Cc<11>>($($arg),*),
            iced_x86::ConditionCode::l => $run::<Cc<12>>($($arg),*),
            iced_x86::ConditionCode::ge => $run::<Cc<13>>($($arg),*),
            iced_x86::ConditionCode::le => $run::<Cc<14>>($($arg),*),
            iced_x86::ConditionCode::g => $run::<Cc<15>>($($arg),*),
            iced_x86::ConditionCode::None => None,
        }
    };
}
pub(super) use by_condition;

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Cmovo
        | Mnemonic::Cmovno
        | Mnemonic::Cmovb
        | Mnemonic::Cmovae
        | Mnemonic::Cmove
        | Mnemonic::Cmovne
        | Mnemonic::Cmovbe
        | Mnemonic::Cmova
        | Mnemonic::Cmovs
        | Mnemonic::Cmovns
        | Mnemonic::Cmovp
        | Mnemonic::Cmovnp
        | Mnemonic::Cmovl
        | Mnemonic::Cmovge
        | Mnemonic::Cmovle
        | Mnemonic::Cmovg => by_condition!(i, cmov, c, i, insn),
        Mnemonic::Seto
        | Mnemonic::Setno
        | Mnemonic::Setb
        | Mnemonic::Setae
        | Mnemonic::Sete
        | Mnemonic::Setne
        | Mnemonic::Setbe
        | Mnemonic::Seta
        | Mnemonic::Sets
        | Mnemonic::Setns
        | Mnemonic::Setp
        | Mnemonic::Setnp
        | Mnemonic::Setl
        | Mnemonic::Setge
        | Mnemonic::Setle
        | Mnemonic::Setg => by_condition!(i, set, c, i, insn),
        Mnemonic::Nop | Mnemonic::Pause | Mnemonic::Reservednop => c.pick::<Nop>(insn),
        Mnemonic::Mov => mov(c, i, insn),
        Mnemonic::Movzx => movzx(c, i, insn),
        Mnemonic::Movsx => movsx(c, i, insn),
        Mnemonic::Lea => lea(c, i, insn),
        Mnemonic::Xchg => xchg(c, i, insn),
        Mnemonic::Xadd if i.op0_kind() == OpKind::Memory => by_width!(c, width(i, 0), insn, XaddMr),
        Mnemonic::Xadd => by_width!(c, width(i, 0), insn, XaddRr),
        Mnemonic::Cmpxchg if i.op0_kind() == OpKind::Memory => by_width!(c, width(i, 0), insn, CmpxchgMr),
        Mnemonic::Cmpxchg => by_width!(c, width(i, 0), insn, CmpxchgRr),
        Mnemonic::Cmpxchg8b => c.pick::<Cmpxchg8b>(insn),
        Mnemonic::Bswap if width(i, 0) == 2 => c.pick::<Bswap16>(insn),
        Mnemonic::Bswap => c.pick::<Bswap32>(insn),
        Mnemonic::Popcnt if i.op1_kind() == OpKind::Memory => by_wide!(c, width(i, 0), insn, PopcntRm),
        Mnemonic::Popcnt => by_wide!(c, width(i, 0), insn, PopcntRr),
        Mnemonic::Crc32 if i.op1_kind() == OpKind::Memory => by_width!(c, width(i, 1), insn, Crc32Rm),
        Mnemonic::Crc32 => by_width!(c, width(i, 1), insn, Crc32Rr),
        Mnemonic::Movbe if i.op0_kind() == OpKind::Memory => by_wide!(c, width(i, 0), insn, MovbeMr),
        Mnemonic::Movbe => by_wide!(c, width(i, 0), insn, MovbeRm),
        Mnemonic::Cbw => c.pick::<Extend<u16, u8>>(insn),
        Mnemonic::Cwde => c.pick::<Extend<u32, u16>>(insn),
        Mnemonic::Cwd => c.pick::<ExtendDouble<u16>>(insn),
        Mnemonic::Cdq => c.pick::<ExtendDouble<u32>>(insn),
        Mnemonic::Xlatb => {
            let mut insn = Insn {
                base: NO_REGISTER,
                index: NO_REGISTER,
                ..insn
            };
            insn.attr
                .set(InsnAttr::ADDRESS32, i.memory_base() == Register::EBX);
            c.pick::<Xlat>(insn)
        }
        Mnemonic::Clc => c.pick::<Clc>(insn),
        Mnemonic::Stc => c.pick::<Stc>(insn),
        Mnemonic::Cmc => c.pick::<Cmc>(insn),
        Mnemonic::Cld => c.pick::<Cld>(insn),
        Mnemonic::Std => c.pick::<Std>(insn),
        _ => None,
    }
}

fn cmov<C: Condition>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let w = width(i, 0);
    if i.op1_kind() == OpKind::Memory {
        by_wide!(c, w, insn, CmovRm, C)
    } else {
        by_wide!(c, w, insn, CmovRr, C)
    }
}

fn set<C: Condition>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if i.op0_kind() == OpKind::Memory {
        c.pick::<SetM<C>>(insn)
    } else {
        c.pick::<SetR<C>>(insn)
    }
}

/// MOV between general registers, memory and immediates; segment, control, debug and test registers
/// are system instructions.
fn mov(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let special = |kind, register: Register| kind == OpKind::Register && !register.is_gpr();
    if special(i.op0_kind(), i.op0_register()) || special(i.op1_kind(), i.op1_register()) {
        return None;
    }
    let w = width(i, 0);
    match (i.op0_kind(), i.op1_kind()) {
        (OpKind::Register, OpKind::Register) => by_width!(c, w, insn, MovRr),
        (OpKind::Register, OpKind::Memory) => by_width!(c, w, insn, MovRm),
        (OpKind::Memory, OpKind::Register) => by_width!(c, w, insn, MovMr),
        (OpKind::Register, _) => by_width!(
            c,
            w,
            Insn {
                imm: i.immediate(1) as u32,
                ..insn
            },
            MovRi
        ),
        (OpKind::Memory, _) => by_width!(
            c,
            w,
            Insn {
                imm: i.immediate(1) as u32,
                ..insn
            },
            MovMi
        ),
        _ => None,
    }
}

fn movzx(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match (width(i, 0), width(i, 1), i.op1_kind() == OpKind::Memory) {
        (2, 1, false) => c.pick::<MovzxRr<u16, u8>>(insn),
        (2, 1, true) => c.pick::<MovzxRm<u16, u8>>(insn),
        (2, _, false) => c.pick::<MovRr<u16>>(insn),
        (2, _, true) => c.pick::<MovRm<u16>>(insn),
        (_, 1, false) => c.pick::<MovzxRr<u32, u8>>(insn),
        (_, 1, true) => c.pick::<MovzxRm<u32, u8>>(insn),
        (_, _, false) => c.pick::<MovzxRr<u32, u16>>(insn),
        (_, _, true) => c.pick::<MovzxRm<u32, u16>>(insn),
    }
}

fn movsx(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match (width(i, 0), width(i, 1), i.op1_kind() == OpKind::Memory) {
        (2, 1, false) => c.pick::<MovsxRr<u16, u8>>(insn),
        (2, 1, true) => c.pick::<MovsxRm<u16, u8>>(insn),
        (2, _, false) => c.pick::<MovRr<u16>>(insn),
        (2, _, true) => c.pick::<MovRm<u16>>(insn),
        (_, 1, false) => c.pick::<MovsxRr<u32, u8>>(insn),
        (_, 1, true) => c.pick::<MovsxRm<u32, u8>>(insn),
        (_, _, false) => c.pick::<MovsxRr<u32, u16>>(insn),
        (_, _, true) => c.pick::<MovsxRm<u32, u16>>(insn),
    }
}

fn lea(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match (width(i, 0), insn.attr.contains(InsnAttr::ADDRESS32)) {
        (4, true) if insn.index == NO_REGISTER => c.pick::<LeaBase>(insn),
        (4, true) => c.pick::<LeaIndex>(insn),
        (4, false) => c.pick::<Lea<u32>>(insn),
        _ => c.pick::<Lea<u16>>(insn),
    }
}

fn xchg(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if i.op0_kind() == OpKind::Memory {
        by_width!(c, width(i, 0), insn, XchgMr)
    } else {
        by_width!(c, width(i, 0), insn, XchgRr)
    }
}
