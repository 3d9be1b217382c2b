//! System instructions, far transfers, and I/O.

use iced_x86::{Code, Instruction, Mnemonic, OpKind, Register};
use log::{Level, log_enabled};

use super::{Context, Lowered, number, segment_number, width};
use crate::{
    core::seg,
    exec::{Op, io::InDx, real::*, system::*},
    insn::{Insn, InsnAttr},
};

pub(super) fn lower(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.mnemonic() {
        Mnemonic::Mov => mov(c, i, insn),
        Mnemonic::Push => push_segment(c, i, insn),
        Mnemonic::Pop => pop_segment(c, i, insn),
        Mnemonic::Lds if c.is_real() && width(i, 0) == 2 => c.pick::<LoadFar16>(Insn {
            src: seg::DS as u8,
            ..insn
        }),
        Mnemonic::Les if c.is_real() && width(i, 0) == 2 => c.pick::<LoadFar16>(Insn {
            src: seg::ES as u8,
            ..insn
        }),
        Mnemonic::Lds => load_far::<LoadFarPointer>(c, i, insn, seg::DS),
        Mnemonic::Les => load_far::<LoadFarPointer>(c, i, insn, seg::ES),
        Mnemonic::Lfs => load_far::<LoadFarPointer>(c, i, insn, seg::FS),
        Mnemonic::Lgs => load_far::<LoadFarPointer>(c, i, insn, seg::GS),
        Mnemonic::Lss => Some(Lowered {
            ends: true,
            ..load_far::<LoadSs>(c, i, insn, seg::SS)?
        }),
        Mnemonic::Jmp if c.is_real() => far::<JmpFarPtr16, JmpFarMem16, JmpFarPtr, JmpFarMem>(c, i, insn),
        Mnemonic::Call if c.is_real() => {
            far::<CallFarPtr16, CallFarMem16, CallFarPtr, CallFarMem>(c, i, insn)
        }
        Mnemonic::Jmp => far::<JmpFarPtr, JmpFarMem, JmpFarPtr, JmpFarMem>(c, i, insn),
        Mnemonic::Call => far::<CallFarPtr, CallFarMem, CallFarPtr, CallFarMem>(c, i, insn),
        Mnemonic::Retf => {
            let wide = matches!(i.code(), Code::Retfd | Code::Retfd_imm16);
            let bytes = if i.op_count() > 0 {
                i.immediate16() as u32
            } else {
                0
            };
            let insn = sized(Insn { imm: bytes, ..insn }, wide);
            if c.is_real() && !wide {
                ends::<RetFar16>(c, insn)
            } else {
                ends::<RetFar>(c, insn)
            }
        }
        Mnemonic::Iret if c.is_real_mode() => ends::<Iret16>(c, sized(insn, false)),
        Mnemonic::Iret => ends::<Iret>(c, sized(insn, false)),
        Mnemonic::Iretd => ends::<Iret>(c, sized(insn, true)),
        // The short cut writes no line of `--log cpu::int=debug`.
        Mnemonic::Int if c.is_real_mode() && !log_enabled!(target: "cpu::int", Level::Debug) => {
            ends::<IntReal>(
                c,
                Insn {
                    imm: i.immediate8() as u32,
                    ..insn
                },
            )
        }
        Mnemonic::Int => ends::<Int>(
            c,
            Insn {
                imm: i.immediate8() as u32,
                ..insn
            },
        ),
        Mnemonic::Int3 => ends::<Int3>(c, insn),
        Mnemonic::Int1 => ends::<Icebp>(c, insn),
        Mnemonic::Into => ends::<Into>(c, insn),
        Mnemonic::Bound => c.pick::<Bound>(insn),
        Mnemonic::Pushf if c.is_real_mode() => c.pick::<Pushf16>(sized(insn, false)),
        Mnemonic::Pushf => c.pick::<Pushf>(sized(insn, false)),
        Mnemonic::Pushfd => c.pick::<Pushf>(sized(insn, true)),
        Mnemonic::Popf if c.is_real_mode() => c.pick::<Popf16>(sized(insn, false)),
        Mnemonic::Popf => ends::<Popf>(c, sized(insn, false)),
        Mnemonic::Popfd => ends::<Popf>(c, sized(insn, true)),
        Mnemonic::Lahf => c.pick::<Lahf>(insn),
        Mnemonic::Sahf => c.pick::<Sahf>(insn),
        Mnemonic::Cli if c.is_real_mode() => c.pick::<CliReal>(insn),
        Mnemonic::Cli => c.pick::<Cli>(insn),
        Mnemonic::Sti if c.is_real_mode() => c.pick::<StiReal>(insn),
        Mnemonic::Sti => ends::<Sti>(c, insn),
        Mnemonic::Hlt => ends::<Hlt>(c, insn),
        Mnemonic::In => io_in(c, i, insn),
        Mnemonic::Out => io_out(c, i, insn),
        Mnemonic::Lar => c.pick::<Lar>(insn),
        Mnemonic::Lsl => c.pick::<Lsl>(insn),
        Mnemonic::Verr => c.pick::<Verr>(as_source(i, insn)),
        Mnemonic::Verw => c.pick::<Verw>(as_source(i, insn)),
        Mnemonic::Arpl => c.pick::<Arpl>(insn),
        Mnemonic::Sgdt => c.pick::<Sgdt>(sized(insn, i.code() != Code::Sgdt_m1632_16)),
        Mnemonic::Sidt => c.pick::<Sidt>(sized(insn, i.code() != Code::Sidt_m1632_16)),
        Mnemonic::Lgdt => c.pick::<Lgdt>(sized(insn, i.code() != Code::Lgdt_m1632_16)),
        Mnemonic::Lidt => c.pick::<Lidt>(sized(insn, i.code() != Code::Lidt_m1632_16)),
        Mnemonic::Sldt => c.pick::<Sldt>(insn),
        Mnemonic::Str => c.pick::<Str>(insn),
        Mnemonic::Smsw => c.pick::<Smsw>(insn),
        Mnemonic::Lldt => c.pick::<Lldt>(as_source(i, insn)),
        Mnemonic::Ltr => c.pick::<Ltr>(as_source(i, insn)),
        Mnemonic::Lmsw => ends::<Lmsw>(c, as_source(i, insn)),
        Mnemonic::Clts => c.pick::<Clts>(insn),
        Mnemonic::Invlpg => ends::<Invlpg>(c, insn),
        Mnemonic::Invd => c.pick::<Invd>(insn),
        Mnemonic::Wbinvd => c.pick::<Wbinvd>(insn),
        Mnemonic::Cpuid => c.pick::<Cpuid>(insn),
        Mnemonic::Rdtsc => c.pick::<Rdtsc>(insn),
        Mnemonic::Rdmsr => c.pick::<Rdmsr>(insn),
        Mnemonic::Wrmsr => ends::<Wrmsr>(c, insn),
        Mnemonic::Rdpmc => c.pick::<Rdpmc>(insn),
        Mnemonic::Sysenter => ends::<Sysenter>(c, insn),
        Mnemonic::Sysexit => ends::<Sysexit>(c, insn),
        Mnemonic::Monitor => c.pick::<Monitor>(sized(insn, i.code() == Code::Monitord)),
        Mnemonic::Mwait => ends::<Mwait>(c, insn),
        Mnemonic::Ud0 | Mnemonic::Ud1 | Mnemonic::Ud2 => ends::<Ud>(c, insn),
        _ => None,
    }
}

fn ends<O: Op>(c: &Context<'_>, insn: Insn) -> Option<Lowered> {
    Some(c.ending::<O>(insn))
}

/// The record with its operand size set.
fn sized(mut insn: Insn, wide: bool) -> Insn {
    insn.attr.set(InsnAttr::OPERAND32, wide);
    insn
}

/// The record of an instruction whose only operand is a source.
fn as_source(i: &Instruction, insn: Insn) -> Insn {
    match i.op0_kind() {
        OpKind::Register => Insn {
            src: number(i.op0_register()),
            ..insn
        },
        _ => insn,
    }
}

fn mov(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let kind = |register: Register| match register {
        _ if register.is_segment_register() => 's',
        _ if register.is_cr() => 'c',
        _ if register.is_dr() => 'd',
        _ if register.is_tr() => 't',
        _ => 'g',
    };
    let target = if i.op0_kind() == OpKind::Register {
        kind(i.op0_register())
    } else {
        'm'
    };
    let source = if i.op1_kind() == OpKind::Register {
        kind(i.op1_register())
    } else {
        'm'
    };
    match (target, source) {
        ('s', _) if i.op0_register() == Register::CS => ends::<Ud>(c, insn),
        ('s', _) if i.op0_register() == Register::SS => ends::<MovToSs>(c, insn),
        ('s', 'm') if c.is_real() => c.pick::<MovSegMem>(insn),
        ('s', _) if c.is_real() => c.pick::<MovSegReg>(insn),
        ('s', _) => c.pick::<MovToSreg>(insn),
        ('g', 's') if width(i, 0) == 2 => c.pick::<MovRegSeg<u16>>(insn),
        ('g', 's') => c.pick::<MovRegSeg<u32>>(insn),
        (_, 's') => c.pick::<MovFromSreg>(insn),
        ('c', _) => ends::<MovToCr>(c, insn),
        (_, 'c') => c.pick::<MovFromCr>(insn),
        ('d', _) => ends::<MovToDr>(c, insn),
        (_, 'd') => c.pick::<MovFromDr>(insn),
        ('t', _) => c.pick::<MovToTr>(insn),
        (_, 't') => c.pick::<MovFromTr>(insn),
        _ => None,
    }
}

fn push_segment(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if i.op0_kind() != OpKind::Register || !i.op0_register().is_segment_register() {
        return None;
    }
    let wide = matches!(
        i.code(),
        Code::Pushd_ES | Code::Pushd_CS | Code::Pushd_SS | Code::Pushd_DS | Code::Pushd_FS | Code::Pushd_GS
    );
    let insn = Insn {
        src: segment_number(i.op0_register()),
        ..insn
    };
    if wide {
        c.pick::<PushSreg>(sized(insn, true))
    } else {
        c.pick::<PushSeg16>(sized(insn, false))
    }
}

fn pop_segment(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    if i.op0_kind() != OpKind::Register || !i.op0_register().is_segment_register() {
        return None;
    }
    let wide = matches!(
        i.code(),
        Code::Popd_ES | Code::Popd_SS | Code::Popd_DS | Code::Popd_FS | Code::Popd_GS
    );
    let insn = sized(
        Insn {
            dst: segment_number(i.op0_register()),
            ..insn
        },
        wide,
    );
    if i.op0_register() == Register::SS {
        ends::<PopSs>(c, insn)
    } else if c.is_real() && !wide {
        c.pick::<PopSeg16>(insn)
    } else {
        c.pick::<PopSreg>(insn)
    }
}

fn load_far<O: Op>(c: &Context<'_>, i: &Instruction, insn: Insn, segment: usize) -> Option<Lowered> {
    let wide = width(i, 0) == 4;
    Some(c.with_address::<O>(
        sized(
            Insn {
                src: segment as u8,
                ..insn
            },
            wide,
        ),
        0,
    ))
}

/// Far transfers: the forms for 16-bit operands, then those for 32-bit ones.
fn far<P16: Op, M16: Op, P32: Op, M32: Op>(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    match i.op0_kind() {
        OpKind::FarBranch16 => {
            let (offset, selector) = (i.far_branch16() as u32, i.far_branch_selector() as u32);
            ends::<P16>(
                c,
                sized(
                    Insn {
                        imm: offset,
                        disp: selector,
                        ..insn
                    },
                    false,
                ),
            )
        }
        OpKind::FarBranch32 => {
            let (offset, selector) = (i.far_branch32(), i.far_branch_selector() as u32);
            ends::<P32>(
                c,
                sized(
                    Insn {
                        imm: offset,
                        disp: selector,
                        ..insn
                    },
                    true,
                ),
            )
        }
        OpKind::Memory => {
            let wide = matches!(i.code(), Code::Jmp_m1632 | Code::Call_m1632);
            if wide {
                ends::<M32>(c, sized(insn, true))
            } else {
                ends::<M16>(c, sized(insn, false))
            }
        }
        _ => None,
    }
}

fn io_in(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let insn = Insn {
        imm2: i.op0_register().size() as u16,
        ..insn
    };
    match i.op1_kind() {
        OpKind::Register => c.pick::<InDx>(insn),
        _ => c.pick::<InImm>(Insn {
            imm: i.immediate8() as u32,
            ..insn
        }),
    }
}

fn io_out(c: &Context<'_>, i: &Instruction, insn: Insn) -> Option<Lowered> {
    let insn = Insn {
        imm2: i.op1_register().size() as u16,
        ..insn
    };
    match i.op0_kind() {
        OpKind::Register => c.pick::<OutDx>(insn),
        _ => c.pick::<OutImm>(Insn {
            imm: i.immediate8() as u32,
            ..insn
        }),
    }
}
