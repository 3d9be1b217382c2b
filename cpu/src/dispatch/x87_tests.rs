//! The x87 handlers of [`super::x87`] against the complete instructions.

use oldiron_mmu::{Bus, EmptyIo, GuestMemory};

use super::{Engine, Handler, x87};
use crate::{
    core::{Core, seg},
    exec::{Exec, FlagUse, Flow, Form, Op, Operands, Outcome, StackArithmetic},
    flags::LazyFlags,
    fpu::{F80, Fpu, MoveFlags, Operand, Operation, Place, Register, quick::widen_double},
    insn::{Insn, InsnAttr},
    model::MODELS,
};

/// Where a handler goes that gives up: notes that.
struct Refused;

impl Op for Refused {
    const FORM: Form = Form::Register;
    const FLAG_USE: FlagUse = FlagUse::Other;
    fn exec<X: Exec>(x: &mut X, _: &Insn) -> Outcome {
        x.core().test_registers[0] = 1;
        Ok(Flow::Next)
    }
}

/// Ends the chain, and keeps what it was handed.
unsafe extern "sysv64-unwind" fn stop(e: *mut Engine, i: *const Insn, b: i32, r: u64, c: u64) {
    // SAFETY: `run` passes a valid engine and record.
    let (engine, insn) = unsafe { (&mut *e, &*i) };
    engine.budget = b;
    engine.core.flags = LazyFlags { result: r, carry: c };
    engine.core.eip = insn.eip;
}

fn record(handler: Handler, eip: u32) -> Insn {
    Insn {
        handler,
        dst: 0,
        src: 0,
        base: 0,
        index: 0,
        scale: 0,
        seg: 0,
        len: 2,
        n: 1,
        imm: 0,
        disp: 0,
        eip,
        attr: InsnAttr::OPERAND32,
        imm2: 0,
    }
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n
    }

    /// Of all kinds: random, with long runs of equal bits, short.
    fn significand(&mut self) -> u64 {
        let bits = self.next();
        let shift = self.below(64);
        let bits = match self.below(8) {
            0 => u64::MAX << shift,
            1 => u64::MAX >> 1 >> shift,
            2 => bits << shift,
            3 => (u64::MAX << shift) ^ (1 << self.below(64)),
            4 => 1 << shift,
            _ => bits,
        };
        bits | 1 << 63
    }

    /// Mostly normal numbers whose exponents are not far apart.
    fn value(&mut self) -> F80 {
        let near = match self.below(4) {
            0 => self.below(3),
            1 => self.below(70),
            _ => self.below(8),
        };
        let exp = match self.below(32) {
            0 => self.next() & 0x7fff,
            1 => 0x7ffe - near,
            2 => near,
            3 => 0x3fff + 0x2000 + near,
            4 => 0x3fff - 0x2000 - near,
            _ => 0x3fff + near,
        };
        let sig = match self.below(64) {
            0 => 0,
            1 => self.next(),
            _ => self.significand(),
        };
        F80 {
            sig,
            se: (exp | self.next() & 0x8000) as u16,
        }
    }

    fn fpu(&mut self) -> Fpu {
        let control = match self.below(16) {
            0 => self.next() as u16 & 0x1f3f,
            _ => 0x37f,
        };
        let full = match self.below(8) {
            0 => self.next() as u8,
            _ => 0xff,
        };
        let registers = core::array::from_fn(|_| self.value());
        let status = self.next() as u16 & 0x7f00 | (self.next() as u16 & 0x3f & control);
        let mut fpu = Fpu::default();
        fpu.set_state(control, status, full, registers);
        fpu
    }
}

const OPERATIONS: [(Operation, u16); 6] = [
    (Operation::Add, 0),
    (Operation::Mul, 1),
    (Operation::Sub, 4),
    (Operation::SubR, 5),
    (Operation::Div, 6),
    (Operation::DivR, 7),
];

const OPERANDS: [Operands; 4] = [
    Operands::ToTop,
    Operands::FromTop,
    Operands::FromTopAndPop,
    Operands::Loaded,
];

/// The opcode of an operation, see [`Insn::imm2`]. Where ST(i) is the destination, the reversed forms trade places.
fn opcode(operands: Operands, reg: u16, i: u16) -> u16 {
    match operands {
        Operands::ToTop => 0x0c0 | reg << 3 | i,
        Operands::FromTop => 0x4c0 | (reg ^ reg >> 2) << 3 | i,
        Operands::FromTopAndPop => 0x6c0 | (reg ^ reg >> 2) << 3 | i,
        Operands::Loaded => 0x400 | reg << 3,
    }
}

/// How many of `count` random instructions the handlers executed, all of them as the complete form does.
fn compare(seed: u64, count: u32) -> u32 {
    let mut random = Random(seed);
    let mut engine = Box::new(Engine::new(Core::new(&MODELS[0])));
    engine.mode = engine.core.trace_mode;
    let (mut mem, mut io) = (GuestMemory::new(0), EmptyIo);
    let mut bus = Bus::new(&mut mem, &mut io);
    engine.bus = core::ptr::from_mut(&mut bus).cast();
    let mut executed = 0;
    for _ in 0..count {
        let (operation, reg) = OPERATIONS[random.below(6) as usize];
        let operands = OPERANDS[random.below(4) as usize];
        let i = random.below(8) as u16;
        let opcode = opcode(operands, reg, i);
        let arithmetic = StackArithmetic { operation, operands };
        let eip = random.next() as u32;
        let mut records = [
            record(x87::handler::<Refused>(arithmetic), eip),
            record(stop, eip + 2),
        ];
        records[0].src = Place::number(i as u8).offset();
        records[0].imm2 = opcode;
        let before = random.fpu();
        let (b, r, c) = (random.next() as i32, random.next(), random.next());
        let memory = match random.below(16) {
            0 => random.next(),
            _ => random.next() & !(0x7ff << 52) | (0x3f8 + random.below(16)) << 52,
        };
        engine.core.x87_operand = widen_double(memory).unwrap_or(Register::full(F80::INDEFINITE));
        engine.core.fpu = before.clone();
        engine.core.segments[seg::CS].selector = random.next() as u16;
        engine.core.test_registers[0] = 0;
        // SAFETY: the records end with `stop`; engine, records and bus outlive the call.
        unsafe { super::chain::enter(&mut *engine, records.as_ptr(), b, r, c) };
        assert_eq!(
            (
                engine.budget,
                engine.core.flags.result,
                engine.core.flags.carry,
                engine.core.eip
            ),
            (b, r, c, eip + 2)
        );
        let mut after = engine.core.fpu.clone();
        if engine.core.test_registers[0] != 0 {
            after.c1 = before.c1;
            assert_eq!(after, before, "{opcode:03x}");
            continue;
        }
        executed += 1;
        let mut fpu = before.clone();
        if let Operands::Loaded = operands {
            fpu.load(opcode, Operand::Double(memory));
        } else {
            fpu.register_form(opcode, MoveFlags::default());
        }
        fpu.last.eip = eip;
        fpu.last.opcode = opcode;
        fpu.last.cs = engine.core.segments[seg::CS].selector;
        assert_eq!(after.saved(), fpu.saved(), "{opcode:03x} {before:x?}");
        assert!(!after.is_pending());
    }
    executed
}

#[test]
fn handlers_of_arithmetic_do_what_the_complete_instructions_do() {
    let executed = compare(0x1234_5678_9abc_def1, 500_000);
    // What is left to others: specials, zeros, empty registers, other modes, results out of range.
    assert!(executed > 300_000, "{executed}");
}

#[test]
#[ignore = "takes minutes: cargo xtask long"]
fn fifty_million_handlers_of_arithmetic_do_what_the_complete_instructions_do() {
    compare(0xfeed_5eed_0bad_cafe, 50_000_000);
}
