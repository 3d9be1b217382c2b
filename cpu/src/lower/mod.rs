//! Lowering: from what iced decoded to the form that executes it, chosen once per decoded
//! instruction by operand kinds, widths, segments and stack.

mod alu;
mod branch;
mod data;
mod fpu;
mod simd;
mod stack;
mod string;
mod system;

use iced_x86::{Code, ConstantOffsets, Instruction, OpKind, Register};

use crate::{
    core::{HIGH_BYTE, TraceMode, seg},
    dispatch::{FusedHandlers, Handler, Step, handler, slow_handler, step},
    exec::{FlagUse, Form, Op, branch::EndTrace, ea, st, system as sys},
    insn::{Insn, InsnAttr, NO_REGISTER},
    model::CpuModel,
    trace::LimitClass,
};

/// A lowered instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lowered {
    pub(crate) insn: Insn,
    /// What the decoder calls it.
    pub(crate) code: Code,
    /// The handler if nobody reads the flags it writes, and if somebody does.
    pub(crate) handlers: [Handler; 2],
    pub(crate) step: Step,
    pub(crate) flag_use: FlagUse,
    /// It may fault or leave the chain, and then everything must be as the manual says.
    pub(crate) may_stop: bool,
    /// It ends its trace.
    pub(crate) ends: bool,
    /// It is a trace of its own: a repeated string instruction.
    pub(crate) alone: bool,
    /// Its form does not depend on the values of its 32-bit immediate and displacement.
    pub(crate) constants: bool,
    /// Where these lie, filled in by the decoder.
    pub(crate) offsets: ConstantOffsets,
    /// Handlers that also execute the conditional jump behind it, by condition.
    pub(crate) fused: Option<&'static FusedHandlers>,
    /// It is a conditional jump whose target needs no check, on this condition.
    pub(crate) condition: Option<u8>,
    /// It ends its trace, but need not: what it is if the trace goes on behind it.
    pub(crate) inside: Option<(Handler, Step)>,
}

/// What lowering depends on besides the instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) model: &'a CpuModel,
    pub(crate) mode: TraceMode,
    class: LimitClass,
}

/// Chooses the instance of a form by width in bytes.
macro_rules! by_width {
    ($c:ident, $width:expr, $insn:expr, $op:ident $(, $g:ty)*) => {
        match $width {
            1 => $c.pick::<$op<$($g,)* u8>>($insn),
            2 => $c.pick::<$op<$($g,)* u16>>($insn),
            _ => $c.pick::<$op<$($g,)* u32>>($insn),
        }
    };
}

/// The same for forms that have no byte width.
macro_rules! by_wide {
    ($c:ident, $width:expr, $insn:expr, $op:ident $(, $g:ty)*) => {
        match $width {
            2 => $c.pick::<$op<$($g,)* u16>>($insn),
            _ => $c.pick::<$op<$($g,)* u32>>($insn),
        }
    };
}
use {by_wide, by_width};

/// Number of a general or segment register as [`Insn`] holds it.
fn number(register: Register) -> u8 {
    if register.is_gpr8() {
        let n = (register as u32).wrapping_sub(Register::AL as u32) as u8;
        if n < 4 { n } else { ((n - 4) & 3) | HIGH_BYTE }
    } else {
        register.number() as u8
    }
}

fn segment_number(register: Register) -> u8 {
    if register.is_segment_register() {
        register.number() as u8
    } else {
        seg::DS as u8
    }
}

/// Width of an operand in bytes.
fn width(i: &Instruction, operand: u32) -> u32 {
    match i.op_kind(operand) {
        OpKind::Register => i.op_register(operand).size() as u32,
        _ => i.memory_size().size() as u32,
    }
}

impl<'a> Context<'a> {
    pub(crate) fn new(model: &'a CpuModel, mode: TraceMode, class: LimitClass) -> Self {
        Self { model, mode, class }
    }

    /// Lowers one instruction, whose bytes come first in `bytes`. What the model does not have becomes #UD.
    pub(crate) fn lower(&self, i: &Instruction, bytes: &[u8]) -> Lowered {
        let insn = self.record(i);
        let lowered = self.form(i, bytes, insn);
        Lowered {
            code: i.code(),
            ..lowered.unwrap_or_else(|| self.ending::<sys::Ud>(insn))
        }
    }

    /// Whether the model has this instruction.
    pub(crate) fn has(&self, i: &Instruction, bytes: &[u8]) -> bool {
        self.form(i, bytes, self.record(i)).is_some()
    }

    /// What executes an instruction, if the model has it.
    fn form(&self, i: &Instruction, bytes: &[u8], insn: Insn) -> Option<Lowered> {
        if !self.model.supports(i.code()) {
            return None;
        }
        // These groups take any constant as it is.
        alu::lower(self, i, insn)
            .or_else(|| data::lower(self, i, insn))
            .map(|lowered| Lowered {
                constants: true,
                ..lowered
            })
            .or_else(|| stack::lower(self, i, insn))
            .or_else(|| branch::lower(self, i, insn))
            .or_else(|| string::lower(self, i, insn))
            .or_else(|| system::lower(self, i, insn))
            .or_else(|| fpu::lower(self, i, bytes, insn))
            .or_else(|| simd::lower(self, i, insn))
    }

    /// The record of an instruction: everything but its handler.
    fn record(&self, i: &Instruction) -> Insn {
        let mut attr = InsnAttr::empty();
        attr.set(InsnAttr::STACK32, self.mode.contains(TraceMode::STACK32));
        attr.set(InsnAttr::REP, i.has_rep_prefix());
        attr.set(InsnAttr::REPNE, i.has_repne_prefix());
        let memory = (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Memory);
        attr.set(InsnAttr::MEMORY, memory);
        attr.set(InsnAttr::ADDRESS32, self.has_address32(i));
        let operand32 = match i.op_count() {
            0 => false,
            _ if i.op_kind(0) == OpKind::Register => i.op0_register().size() == 4,
            _ => memory && i.memory_size().size() == 4,
        };
        attr.set(InsnAttr::OPERAND32, operand32);
        let register = |r: Register| {
            if r == Register::None {
                NO_REGISTER
            } else {
                number(r.full_register32())
            }
        };
        Insn {
            handler: handler::<EndTrace>(true, 0, 0),
            dst: if i.op_count() > 0 && i.op_kind(0) == OpKind::Register {
                number(i.op0_register())
            } else {
                0
            },
            src: if i.op_count() > 1 && i.op_kind(1) == OpKind::Register {
                number(i.op1_register())
            } else {
                0
            },
            base: if memory {
                register(i.memory_base())
            } else {
                NO_REGISTER
            },
            index: if memory {
                register(i.memory_index())
            } else {
                NO_REGISTER
            },
            scale: if memory {
                i.memory_index_scale().trailing_zeros() as u8
            } else {
                0
            },
            seg: segment_number(i.memory_segment()),
            len: i.len() as u8,
            n: 0,
            imm: 0,
            disp: if memory { i.memory_displacement32() } else { 0 },
            eip: i.ip32(),
            attr,
            imm2: 0,
        }
    }

    /// Whether the address size is 32 bits.
    fn has_address32(&self, i: &Instruction) -> bool {
        for n in 0..i.op_count() {
            match i.op_kind(n) {
                OpKind::MemorySegESI | OpKind::MemorySegEDI | OpKind::MemoryESEDI => return true,
                OpKind::MemorySegSI | OpKind::MemorySegDI | OpKind::MemoryESDI => return false,
                OpKind::Memory => {
                    let base = if i.memory_base() == Register::None {
                        i.memory_index()
                    } else {
                        i.memory_base()
                    };
                    return if base.is_gpr() {
                        base.size() == 4
                    } else {
                        i.memory_displ_size() == 4
                    };
                }
                _ => {}
            }
        }
        self.mode.contains(TraceMode::CODE32)
    }

    /// Whether selectors are paragraph numbers.
    fn is_real(&self) -> bool {
        !self.mode.contains(TraceMode::PROTECTED) || self.mode.contains(TraceMode::V86)
    }

    /// Whether this is real mode proper.
    fn is_real_mode(&self) -> bool {
        !self.mode.contains(TraceMode::PROTECTED)
    }

    fn is_flat(&self, segment: u8) -> bool {
        match segment as usize {
            seg::DS => self.mode.contains(TraceMode::FLAT_DS),
            seg::ES => self.mode.contains(TraceMode::FLAT_ES),
            seg::SS => self.mode.contains(TraceMode::FLAT_SS),
            _ => false,
        }
    }

    fn ea_kind(&self, insn: &Insn) -> u8 {
        if !insn.attr.contains(InsnAttr::ADDRESS32) {
            if insn.index == NO_REGISTER {
                ea::SEGMENT16_BASE
            } else {
                ea::SEGMENT16
            }
        } else if !self.is_flat(insn.seg) {
            ea::SEGMENT32
        } else if insn.index == NO_REGISTER {
            ea::FLAT_BASE
        } else {
            ea::FLAT_INDEX
        }
    }

    fn stack_kind(&self) -> u8 {
        if self.mode.contains(TraceMode::FLAT_SS) {
            st::FLAT
        } else if self.mode.contains(TraceMode::STACK32) {
            st::SEGMENT32
        } else {
            st::SEGMENT16
        }
    }

    /// The form `O` with the addressing that the record asks for.
    fn pick<O: Op>(&self, insn: Insn) -> Option<Lowered> {
        Some(self.with_address::<O>(insn, self.ea_kind(&insn)))
    }

    fn with_address<O: Op>(&self, insn: Insn, ea: u8) -> Lowered {
        let st = self.stack_kind();
        Lowered {
            insn,
            code: Code::INVALID,
            handlers: [handler::<O>(false, ea, st), handler::<O>(true, ea, st)],
            step: step::<O>,
            flag_use: O::FLAG_USE,
            may_stop: !matches!(O::FORM, Form::Register),
            ends: false,
            alone: false,
            constants: false,
            offsets: ConstantOffsets::default(),
            fused: None,
            condition: None,
            inside: None,
        }
    }

    /// A form that ends its trace.
    fn ending<O: Op>(&self, insn: Insn) -> Lowered {
        Lowered {
            ends: true,
            ..self.with_address::<O>(insn, self.ea_kind(&insn))
        }
    }

    /// A near branch whose targets have `width` bytes: with an odd limit of CS, or where the target may
    /// lie beyond 64 KiB, only the slow form checks it.
    fn branching<O: Op>(&self, insn: Insn, width: u32) -> Option<Lowered> {
        let mut lowered = self.ending::<O>(insn);
        let unchecked = match self.class {
            LimitClass::Full => true,
            LimitClass::Segment64K => width == 2,
            LimitClass::Odd => false,
        };
        if !unchecked {
            lowered.handlers = [slow_handler::<O>(); 2];
            lowered.may_stop = true;
        }
        Some(lowered)
    }

    /// What ends a trace that no branch ended.
    pub(crate) fn end_of_trace(&self, eip: u32, n: u8) -> (Insn, Step) {
        let insn = Insn {
            n,
            len: 0,
            ..blank(eip)
        };
        (insn, step::<EndTrace>)
    }
}

/// A record that does nothing.
fn blank(eip: u32) -> Insn {
    Insn {
        handler: handler::<EndTrace>(true, 0, 0),
        dst: 0,
        src: 0,
        base: NO_REGISTER,
        index: NO_REGISTER,
        scale: 0,
        seg: seg::DS as u8,
        len: 1,
        n: 1,
        imm: 0,
        disp: 0,
        eip,
        attr: InsnAttr::empty(),
        imm2: 0,
    }
}

/// What stands for bytes that are no instruction.
pub(crate) fn invalid(eip: u32, len: u8, too_long: bool) -> Lowered {
    let (handlers, step) = if too_long {
        ([slow_handler::<sys::TooLong>(); 2], step::<sys::TooLong> as Step)
    } else {
        ([slow_handler::<sys::Ud>(); 2], step::<sys::Ud> as Step)
    };
    Lowered {
        insn: Insn { len, ..blank(eip) },
        code: Code::INVALID,
        handlers,
        step,
        flag_use: FlagUse::Other,
        may_stop: true,
        ends: true,
        alone: false,
        constants: false,
        offsets: ConstantOffsets::default(),
        fused: None,
        condition: None,
        inside: None,
    }
}
