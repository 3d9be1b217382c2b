//! What each instruction does to the stack and the status word.
//!
//! Instructions are told by the eleven bits that FOP holds: the low three of the first byte, then the second.
//! SDM vol. 2A, instructions F2XM1 to FYL2XP1, and vol. 1 §8.5.1 for stack faults.

use super::{
    Fpu, Place,
    arith::Operation,
    compare::{cc, examine},
    constants::constant,
    convert::{DOUBLE, SINGLE, Wide, from_integer, from_packed_decimal},
    float::F80,
    round::{Env, flag},
};
use crate::rounding::Rounding;

/// What an instruction does outside the FPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// Writes AX.
    Ax(u16),
    /// Writes ZF, PF and CF, and clears the other status flags; given as condition codes.
    Flags(u16),
}

/// A memory operand that was read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Single(u32),
    Double(u64),
    Integer(i64),
    Extended([u8; 10]),
    Decimal([u8; 10]),
}

/// What is to be written to a memory operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Two, four or eight bytes.
    Word(u64),
    Ten([u8; 10]),
}

/// The conditions of FCMOVcc: CF, ZF and PF.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MoveFlags {
    pub(crate) carry: bool,
    pub(crate) zero: bool,
    pub(crate) parity: bool,
}

/// The operation in bits 3–5 of the second byte of the arithmetic instructions. `None` for comparisons.
fn operation(reg: u8) -> Option<Operation> {
    Some(match reg {
        0 => Operation::Add,
        1 => Operation::Mul,
        4 => Operation::Sub,
        5 => Operation::SubR,
        6 => Operation::Div,
        7 => Operation::DivR,
        _ => return None,
    })
}

/// The same where ST(i) is the destination: the reversed forms trade places.
fn operation_to_sti(reg: u8) -> Option<Operation> {
    operation(if reg >= 4 { reg ^ 1 } else { reg })
}

impl Fpu {
    /// Executes a register form. `None` if there is no such instruction.
    pub(crate) fn register_form(&mut self, opcode: u16, flags: MoveFlags) -> Option<Effect> {
        let (reg, i) = ((opcode >> 3 & 7) as u8, (opcode & 7) as u8);
        match (opcode >> 8 & 7, reg) {
            (0, 2) | (4, 2) => self.compare_st(i, true, 0),
            (0, 3) | (4, 3) | (6, 2) => self.compare_st(i, true, 1),
            (0, _) => self.arithmetic_st(0, i, operation(reg)?, false),
            (1, 0) => self.load_st(i),
            (1, 1) | (5, 1) | (7, 1) => self.exchange(i),
            (1, 2) if i == 0 => {}
            // FSTPNCE: an empty register is popped without a stack fault.
            (1, 3) if self.is_empty(0) => self.rotate(1),
            (1, 3) | (7, 2 | 3) => self.store_st(i, true),
            (1, 4) => self.unary(i)?,
            (1, 5) => self.push_constant(i)?,
            (1, 6 | 7) => self.function(opcode & 15)?,
            (2, 0..=3) | (3, 0..=3) => self.move_if(opcode, i, flags),
            (2, 5) if i == 1 => self.compare_st(1, false, 2),
            (3, 4) => self.control_form(i)?,
            (3, 5) => return Some(self.compare_flags(i, false, false)),
            (3, 6) => return Some(self.compare_flags(i, true, false)),
            (7, 5) => return Some(self.compare_flags(i, false, true)),
            (7, 6) => return Some(self.compare_flags(i, true, true)),
            (4, _) => self.arithmetic_st(i, 0, operation_to_sti(reg)?, false),
            (5, 0) => self.free(i, false),
            (5, 2) => self.store_st(i, false),
            (5, 3) => self.store_st(i, true),
            (5, 4) => self.compare_st(i, false, 0),
            (5, 5) => self.compare_st(i, false, 1),
            (6, 3) if i == 1 => self.compare_st(1, true, 2),
            (6, 0 | 1 | 4..=7) => self.arithmetic_st(i, 0, operation_to_sti(reg)?, true),
            (7, 0) => self.free(i, true),
            (7, 4) if i == 0 => return Some(Effect::Ax(self.status_word())),
            _ => return None,
        }
        Some(Effect::None)
    }

    /// Executes an instruction that reads a memory operand of 16 to 80 bits.
    pub(crate) fn load(&mut self, opcode: u16, operand: Operand) {
        let reg = (opcode >> 3 & 7) as u8;
        let wide = match operand {
            Operand::Single(raw) => SINGLE.widen(raw as u64),
            Operand::Double(raw) => DOUBLE.widen(raw),
            Operand::Integer(value) => exact(from_integer(value)),
            Operand::Extended(bytes) => return self.push_checked(|_| F80::from_bytes(bytes)),
            Operand::Decimal(bytes) => return self.push_checked(|_| from_packed_decimal(bytes)),
        };
        match (opcode >> 8 & 1, reg) {
            (0, 2) => self.compare_memory(wide, false),
            (0, 3) => self.compare_memory(wide, true),
            (0, _) => {
                if let Some(operation) = operation(reg) {
                    self.arithmetic_memory(wide, operation);
                }
            }
            _ => {
                let room = self.is_empty(7);
                self.push_checked(|env| env.nan1(wide.value).unwrap_or(wide.value));
                if wide.denormal && room {
                    // Even unmasked, this is reported after the push.
                    self.status |= flag::DE;
                    self.summarise();
                }
            }
        }
    }

    /// Computes what an instruction stores, and pops if it does that. `None` if it stores nothing.
    pub(crate) fn store(&mut self, opcode: u16) -> Option<Stored> {
        let (esc, reg) = (opcode >> 8 & 7, opcode >> 3 & 7);
        let mut env = Env::new(self.control);
        let value = if self.is_empty(0) {
            if !self.stack_fault(false) {
                return None;
            }
            // Its conversion is the masked answer; that it is invalid has been said.
            F80::INDEFINITE
        } else {
            self.st(0)
        };
        let empty = self.is_empty(0);
        let truncate = Env {
            rounding: Rounding::Zero,
            ..env
        };
        if reg == 1 {
            env = truncate;
        }
        let stored = match (esc, reg) {
            (1, _) => env.narrow(value, &SINGLE).map(Stored::Word),
            (5, 2 | 3) => env.narrow(value, &DOUBLE).map(Stored::Word),
            (3, 7) => Some(Stored::Ten(value.to_bytes())),
            (7, 6) => env.packed_decimal(value).map(Stored::Ten),
            (3, _) => env.integer(value, 32).map(Stored::Word),
            (7, 1..=3) => env.integer(value, 16).map(Stored::Word),
            _ => env.integer(value, 64).map(Stored::Word),
        };
        if !empty {
            self.raise(env.flags);
        }
        stored?;
        if reg != 2 {
            self.pop();
        }
        stored
    }

    // ---- arithmetic ----

    fn arithmetic_st(&mut self, destination: u8, source: u8, operation: Operation, pop: bool) {
        if self.is_empty(destination) || self.is_empty(source) {
            if self.stack_fault(false) {
                self.set_st(destination, F80::INDEFINITE);
                if pop {
                    self.pop();
                }
            }
            return;
        }
        let mut env = Env::new(self.control);
        let result = env.arithmetic(operation, self.st(destination), self.st(source));
        self.raise(env.flags);
        if !env.stops() {
            self.set_st(destination, result);
            if pop {
                self.pop();
            }
        }
    }

    fn arithmetic_memory(&mut self, source: Wide, operation: Operation) {
        if self.is_empty(0) {
            if self.stack_fault(false) {
                self.set_st(0, F80::INDEFINITE);
            }
            return;
        }
        let mut env = Env::new(self.control);
        let destination = self.st(0);
        env.source_denormal = source.denormal;
        let result = env.arithmetic(operation, destination, source.value);
        self.raise(env.flags);
        if !env.stops() {
            self.set_st(0, result);
        }
    }

    /// FCHS, FABS, FTST, FXAM.
    fn unary(&mut self, i: u8) -> Option<()> {
        if i == 5 {
            let codes = examine(self.st(0), self.is_empty(0));
            self.set_codes(cc::ALL, codes);
            return Some(());
        }
        if i == 4 {
            self.compare_with(F80::zero(false), self.is_empty(0), true, 0);
            return Some(());
        }
        if i > 1 {
            return None;
        }
        let value = if self.is_empty(0) {
            if !self.stack_fault(false) {
                return Some(());
            }
            F80::INDEFINITE
        } else {
            self.c1 = false;
            let value = self.st(0);
            if i == 0 {
                value.negated()
            } else {
                value.with_sign(false)
            }
        };
        self.set_st(0, value);
        Some(())
    }

    /// D9 F0 to D9 FF.
    fn function(&mut self, n: u16) -> Option<()> {
        match n {
            0x0 => self.replace(|env, a| env.exp2_minus_1(a)),
            0x1 => self.replace_two(true, |env, x, y| env.y_log2_x(x, y)),
            0x2 => self.tangent(),
            0x3 => self.replace_two(true, |env, x, y| env.arctangent(x, y)),
            0x4 => self.extract_parts(),
            0x5 => self.partial_remainder(true),
            0x6 => self.rotate(7),
            0x7 => self.rotate(1),
            0x8 => self.partial_remainder(false),
            0x9 => self.replace_two(true, |env, x, y| env.y_log2_x_plus_1(x, y)),
            0xa => self.replace_precise(|env, a| env.sqrt(a)),
            0xb => self.sine_and_cosine(),
            0xc => self.replace(|env, a| env.round_to_integer(a)),
            0xd => self.replace_two(false, |env, a, b| env.scale(a, b)),
            0xe => self.trigonometric(false),
            _ => self.trigonometric(true),
        }
        Some(())
    }

    fn rotate(&mut self, by: u8) {
        self.top = self.top.plus(Place::number(by));
        self.c1 = false;
    }

    /// ST(0) becomes a function of itself, at full precision.
    fn replace(&mut self, function: impl FnOnce(&mut Env, F80) -> F80) {
        let env = Env::extended(self.control);
        self.replace_in(env, function);
    }

    /// The same at the precision that PC says.
    fn replace_precise(&mut self, function: impl FnOnce(&mut Env, F80) -> F80) {
        let env = Env::new(self.control);
        self.replace_in(env, function);
    }

    fn replace_in(&mut self, mut env: Env, function: impl FnOnce(&mut Env, F80) -> F80) {
        if self.is_empty(0) {
            if self.stack_fault(false) {
                self.set_st(0, F80::INDEFINITE);
            }
            return;
        }
        let result = function(&mut env, self.st(0));
        self.raise(env.flags);
        if !env.stops() {
            self.set_st(0, result);
        }
    }

    /// A function of ST(0) and ST(1): into ST(0), or into ST(1) with a pop.
    fn replace_two(&mut self, pop: bool, function: impl FnOnce(&mut Env, F80, F80) -> F80) {
        let destination = pop as u8;
        let mut env = Env::extended(self.control);
        let result = if self.is_empty(0) || self.is_empty(1) {
            if !self.stack_fault(false) {
                return;
            }
            F80::INDEFINITE
        } else {
            let result = function(&mut env, self.st(0), self.st(1));
            self.raise(env.flags);
            result
        };
        if !env.stops() {
            self.set_st(destination, result);
            if pop {
                self.pop();
            }
        }
    }

    /// FPREM and FPREM1.
    fn partial_remainder(&mut self, nearest: bool) {
        self.status &= !cc::C2;
        let mut done = None;
        self.replace_two(false, |env, a, b| {
            let (value, codes) = env.remainder(a, b, nearest);
            done = codes.filter(|_| !env.stops());
            value
        });
        if let Some(codes) = done {
            self.set_codes(cc::ALL, codes);
        }
    }

    /// A function of ST(0) with two results: the second is pushed above the first. `None` leaves ST(0) alone,
    /// with C2 set.
    fn replace_and_push(&mut self, function: impl FnOnce(&mut Env, F80) -> Option<(F80, F80)>) {
        let overflow = !self.is_empty(7);
        if self.is_empty(0) || overflow {
            if self.stack_fault(!self.is_empty(0)) {
                self.set_st(0, F80::INDEFINITE);
                self.push(F80::INDEFINITE);
            }
            return;
        }
        let mut env = Env::extended(self.control);
        let Some((first, second)) = function(&mut env, self.st(0)) else {
            self.raise(0);
            self.status |= cc::C2;
            return;
        };
        self.raise(env.flags);
        if !env.stops() {
            self.set_st(0, first);
            self.push(second);
        }
    }

    fn extract_parts(&mut self) {
        self.replace_and_push(|env, a| Some(env.extract(a)));
    }

    fn sine_and_cosine(&mut self) {
        self.status &= !cc::C2;
        self.replace_and_push(|env, a| {
            let sine = env.sine(a)?;
            let flags = env.flags;
            let cosine = env.cosine(a)?;
            // C1 is about the cosine, exceptions are about both.
            env.flags |= flags & !flag::C1;
            Some((sine, cosine))
        });
    }

    fn tangent(&mut self) {
        self.status &= !cc::C2;
        self.replace_and_push(|env, a| {
            let tangent = env.tangent(a)?;
            // A NaN is pushed as well as left in place.
            let second = if tangent.class().is_nan() {
                tangent
            } else {
                F80::one(false)
            };
            Some((tangent, second))
        });
    }

    /// FSIN or FCOS.
    fn trigonometric(&mut self, cosine: bool) {
        self.status &= !cc::C2;
        if self.is_empty(0) {
            return self.replace(|_, a| a);
        }
        let mut env = Env::extended(self.control);
        let a = self.st(0);
        let result = if cosine { env.cosine(a) } else { env.sine(a) };
        self.raise(env.flags);
        match result {
            None => self.status |= cc::C2,
            Some(result) if !env.stops() => self.set_st(0, result),
            Some(_) => {}
        }
    }

    // ---- comparison ----

    /// Compares ST(0) with ST(i), then pops `pops` times.
    fn compare_st(&mut self, i: u8, ordered: bool, pops: u32) {
        let empty = self.is_empty(0) || self.is_empty(i);
        self.compare_with(self.st(i), empty, ordered, pops);
    }

    fn compare_with(&mut self, b: F80, empty: bool, ordered: bool, pops: u32) {
        let codes = if empty {
            if !self.stack_fault(false) {
                self.set_codes(cc::UNORDERED, cc::UNORDERED);
                return;
            }
            cc::UNORDERED
        } else {
            let mut env = Env::new(self.control);
            let codes = env.compare(self.st(0), b, ordered);
            self.raise(env.flags);
            if env.stops() {
                self.set_codes(cc::UNORDERED, codes);
                return;
            }
            codes
        };
        self.set_codes(cc::UNORDERED, codes);
        (0..pops).for_each(|_| self.pop());
    }

    fn compare_memory(&mut self, wide: Wide, pop: bool) {
        if self.is_empty(0) {
            return self.compare_with(wide.value, true, true, pop as u32);
        }
        let mut env = Env::new(self.control);
        env.source_denormal = wide.denormal;
        let codes = env.compare(self.st(0), wide.value, true);
        self.raise(env.flags);
        self.set_codes(cc::UNORDERED, codes);
        if pop && !env.stops() {
            self.pop();
        }
    }

    /// FCOMI and its kin: the answer goes to EFLAGS.
    fn compare_flags(&mut self, i: u8, ordered: bool, pop: bool) -> Effect {
        if self.is_empty(0) || self.is_empty(i) {
            if self.stack_fault(false) && pop {
                self.pop();
            }
            return Effect::Flags(cc::UNORDERED);
        }
        let mut env = Env::new(self.control);
        let codes = env.compare(self.st(0), self.st(i), ordered);
        // C1 stays as it was.
        self.raise(env.flags | (self.c1 as u16 * cc::C1));
        if pop && !env.stops() {
            self.pop();
        }
        Effect::Flags(codes)
    }

    // ---- moves ----

    /// Pushes what `make` gives, if there is room and no unmasked exception.
    fn push_checked(&mut self, make: impl FnOnce(&mut Env) -> F80) {
        if !self.is_empty(7) {
            if self.stack_fault(true) {
                self.push(F80::INDEFINITE);
            }
            return;
        }
        let mut env = Env::new(self.control);
        let value = make(&mut env);
        self.raise(env.flags);
        if !env.stops() {
            self.push(value);
        }
    }

    fn load_st(&mut self, i: u8) {
        if self.is_empty(i) {
            if self.stack_fault(false) {
                self.push(F80::INDEFINITE);
            }
            return;
        }
        let value = self.st(i);
        self.push_checked(|_| value);
    }

    fn push_constant(&mut self, n: u8) -> Option<()> {
        let value = constant(n, &Env::new(self.control))?;
        self.push_checked(|_| value);
        Some(())
    }

    fn store_st(&mut self, i: u8, pop: bool) {
        let value = if self.is_empty(0) {
            if !self.stack_fault(false) {
                return;
            }
            F80::INDEFINITE
        } else {
            self.c1 = false;
            self.st(0)
        };
        self.set_st(i, value);
        if pop {
            self.pop();
        }
    }

    fn exchange(&mut self, i: u8) {
        if self.is_empty(0) || self.is_empty(i) {
            if !self.stack_fault(false) {
                return;
            }
            for n in [0, i] {
                if self.is_empty(n) {
                    self.set_st(n, F80::INDEFINITE);
                }
            }
        } else {
            self.c1 = false;
        }
        let (a, b) = (self.st(0), self.st(i));
        self.set_st(0, b);
        self.set_st(i, a);
    }

    /// FCMOVcc.
    fn move_if(&mut self, opcode: u16, i: u8, flags: MoveFlags) {
        let holds = match opcode >> 3 & 3 {
            0 => flags.carry,
            1 => flags.zero,
            2 => flags.carry || flags.zero,
            _ => flags.parity,
        } != (opcode >> 8 & 1 != 0);
        if self.is_empty(0) || self.is_empty(i) {
            if self.stack_fault(false) {
                self.set_st(0, F80::INDEFINITE);
            }
            return;
        }
        if holds {
            let value = self.st(i);
            self.set_st(0, value);
        }
    }

    fn free(&mut self, i: u8, pop: bool) {
        self.c1 = false;
        let index = self.index(i);
        self.registers[index].se |= super::register::EMPTY;
        if pop {
            self.pop();
        }
    }

    /// DB E0 to DB E4: FENI, FDISI and FSETPM do nothing since the 387.
    fn control_form(&mut self, i: u8) -> Option<()> {
        match i {
            0 | 1 | 4 => {}
            2 => self.clear_exceptions(),
            3 => self.initialise(),
            _ => return None,
        }
        Some(())
    }
}

fn exact(value: F80) -> Wide {
    Wide {
        value,
        denormal: false,
    }
}
