//! FADD, FSUB, FMUL and FDIV of the x87, written for x86-64 hosts: what no compiler makes as short.
//!
//! They do what [`crate::fpu::usual`] does, which is the form for other hosts: two normal numbers, full precision,
//! rounding to nearest, inexact results masked. Anything else jumps to [`beside`] before anything is changed but C1,
//! which every arithmetic instruction that completes sets anew, and which none is kept from completing when it has
//! come so far.
//!
//! Beyond the invariants of [`super`] these rely on three: [`Place`] is the offset of a register, whatever its byte;
//! a register without [`UNUSUAL`] bits holds a significand with its top bit set, so that the quotient of two fits the
//! host's DIV; and [`LastInstruction`] begins with three fields that lie as in [`Insn`].
//!
//! In all of them RDI is the engine, RSI the record, R9 the place of the destination and R10 that of the source, which may
//! also be [`crate::core::Core::x87_operand`].
//! What the next handler needs of RCX and RDX waits in XMM0 and XMM1.

#[macro_use]
mod pieces;
mod add;
mod divide;
mod multiply;

use core::mem::offset_of;

use oldiron_mmu::Segment;

use self::{add::add, divide::divide, multiply::multiply};
use super::{Engine, Handler, chain::beside};
use crate::{
    core::seg,
    exec::{Op, Operands, StackArithmetic},
    fpu::{
        LastInstruction, Operation, Place, Register,
        float::BIAS,
        register::{EMPTY, EXPONENT, SIGN, Slot, UNUSUAL},
    },
    insn::Insn,
};

const SIG: usize = offset_of!(Engine, core.fpu.registers) + offset_of!(Slot, 0) + offset_of!(Register, sig);
const SE: usize = offset_of!(Engine, core.fpu.registers) + offset_of!(Slot, 0) + offset_of!(Register, se);
/// The place of the operand that was loaded, as if it were a register's.
const OPERAND: isize =
    offset_of!(Engine, core.x87_operand) as isize - offset_of!(Engine, core.fpu.registers) as isize;
const TOP: usize = offset_of!(Engine, core.fpu.top);
const TRAP: usize = offset_of!(Engine, core.fpu.trap);
const C1: usize = offset_of!(Engine, core.fpu.c1);
const LOST: usize = offset_of!(Engine, core.fpu.lost);
const LAST: usize = offset_of!(Engine, core.fpu.last);
const LAST_CS: usize = offset_of!(Engine, core.fpu.last) + offset_of!(LastInstruction, cs);
const CS: usize =
    offset_of!(Engine, core.segments) + seg::CS * size_of::<Segment>() + offset_of!(Segment, selector);

const _: () = assert!(size_of::<Slot>() == 32 && Place::number(1).offset() == 32);
const _: () = assert!(size_of::<Insn>() == 32 && offset_of!(Insn, handler) == 0);
const _: () = assert!(
    offset_of!(Insn, attr) - offset_of!(Insn, eip) == offset_of!(LastInstruction, attributes)
        && offset_of!(Insn, imm2) - offset_of!(Insn, eip) == offset_of!(LastInstruction, opcode)
        && offset_of!(LastInstruction, eip) == 0
);

/// [`Operands`] as a parameter.
const TO_TOP: u8 = 0;
const FROM_TOP: u8 = 1;
const FROM_TOP_AND_POP: u8 = 2;
const LOADED: u8 = 3;

/// The handler of an operation; what is not its case goes on as `O`.
pub(super) const fn handler<O: Op>(arithmetic: StackArithmetic) -> Handler {
    match arithmetic.operands {
        Operands::ToTop => of_operation::<O, TO_TOP>(arithmetic.operation),
        Operands::FromTop => of_operation::<O, FROM_TOP>(arithmetic.operation),
        Operands::FromTopAndPop => of_operation::<O, FROM_TOP_AND_POP>(arithmetic.operation),
        Operands::Loaded => of_operation::<O, LOADED>(arithmetic.operation),
    }
}

const fn of_operation<O: Op, const OPERANDS: u8>(operation: Operation) -> Handler {
    match operation {
        Operation::Add => add::<O, OPERANDS, false, false>,
        Operation::Sub => add::<O, OPERANDS, false, true>,
        Operation::SubR => add::<O, OPERANDS, true, false>,
        Operation::Mul => multiply::<O, OPERANDS>,
        Operation::Div => divide::<O, OPERANDS, false>,
        Operation::DivR => divide::<O, OPERANDS, true>,
    }
}
