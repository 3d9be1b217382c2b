//! The host's own x87 as a witness: random instructions on random states, compared with ours in every bit.
//!
//! Each of the 512 register forms and the 64 memory forms is one function with the instruction in its assembly,
//! between FRSTOR and FNSAVE. Numeric exceptions, also unmasked ones, only wait: FNSAVE does not report them.
#![allow(unsafe_code)]

use super::{
    Effect, Fpu, ImageForm, Operand, Place, PointerForm, Stored, float::F80, image::IMAGE_MAX, ops::MoveFlags,
};

/// What the host made of a state: the state after it, its memory operand, RFLAGS and RAX.
struct Case {
    image: [u8; IMAGE_MAX],
    memory: [u8; 16],
    flags: u64,
    ax: u64,
}

type Run = fn(&mut Case);

/// Runs the instruction of two bytes on the host, with RAX pointing at the operand.
fn run<const FIRST: u8, const SECOND: u8>(case: &mut Case) {
    let image = case.image.as_mut_ptr();
    let memory = case.memory.as_mut_ptr();
    let (mut flags, mut ax) = (case.flags, memory as u64);
    // SAFETY: FRSTOR and FNSAVE move 108 bytes at `image`, the instruction at most 16 at `memory`; the FPU is
    // left as the ABI wants it, by FNSAVE's implied FNINIT.
    unsafe {
        core::arch::asm!(
            "frstor [{image}]",
            "push {flags}",
            "popfq",
            ".byte {first}, {second}",
            "pushfq",
            "pop {flags}",
            "fnsave [{image}]",
            image = in(reg) image,
            flags = inout(reg) flags,
            inout("rax") ax,
            first = const FIRST,
            second = const SECOND,
            out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
            out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
        );
    }
    case.flags = flags;
    case.ax = ax;
}

/// Eight instances, of the second byte's last bits for register forms.
macro_rules! eight {
    ($first:literal, $base:expr) => {
        [
            run::<$first, { $base }> as Run,
            run::<$first, { $base + 1 }>,
            run::<$first, { $base + 2 }>,
            run::<$first, { $base + 3 }>,
            run::<$first, { $base + 4 }>,
            run::<$first, { $base + 5 }>,
            run::<$first, { $base + 6 }>,
            run::<$first, { $base + 7 }>,
        ]
    };
}

macro_rules! registers_of {
    ($first:literal) => {
        [
            eight!($first, 0xc0),
            eight!($first, 0xc8),
            eight!($first, 0xd0),
            eight!($first, 0xd8),
            eight!($first, 0xe0),
            eight!($first, 0xe8),
            eight!($first, 0xf0),
            eight!($first, 0xf8),
        ]
    };
}

macro_rules! memory_of {
    ($first:literal) => {
        [
            run::<$first, 0x00> as Run,
            run::<$first, 0x08>,
            run::<$first, 0x10>,
            run::<$first, 0x18>,
            run::<$first, 0x20>,
            run::<$first, 0x28>,
            run::<$first, 0x30>,
            run::<$first, 0x38>,
        ]
    };
}

/// By first byte, bits 3–5 and bits 0–2 of the second.
const REGISTER: [[[Run; 8]; 8]; 8] = [
    registers_of!(0xd8),
    registers_of!(0xd9),
    registers_of!(0xda),
    registers_of!(0xdb),
    registers_of!(0xdc),
    registers_of!(0xdd),
    registers_of!(0xde),
    registers_of!(0xdf),
];

/// By first byte and bits 3–5 of the second.
const MEMORY: [[Run; 8]; 8] = [
    memory_of!(0xd8),
    memory_of!(0xd9),
    memory_of!(0xda),
    memory_of!(0xdb),
    memory_of!(0xdc),
    memory_of!(0xdd),
    memory_of!(0xde),
    memory_of!(0xdf),
];

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

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A significand: often with long runs of equal bits, where rounding is decided.
    fn significand(&mut self) -> u64 {
        let integer = 1 << 63;
        let any = self.next();
        match self.below(9) {
            0 => integer,
            1 => u64::MAX,
            2 => integer | 1 << self.below(63),
            3 => u64::MAX << self.below(63),
            4 => integer | any >> (1 + self.below(62)),
            5 => integer | any << 11 | 1 << 10,
            6 => integer | any << 40 | 1 << 39,
            _ => integer | any,
        }
    }

    fn value(&mut self) -> F80 {
        let sign = (self.next() as u16 & 1) << 15;
        let sig = self.significand();
        let near = |random: &mut Self, middle: u16, spread: u64| {
            middle
                .wrapping_add(random.below(2 * spread) as u16)
                .wrapping_sub(spread as u16)
                & 0x7fff
        };
        let exp = match self.below(24) {
            0 => return F80 { sig: 0, se: sign },
            1 => {
                return F80 {
                    sig: 1 << 63,
                    se: sign | 0x7fff,
                };
            }
            2 => {
                return F80 {
                    sig: sig | 1 << 62,
                    se: sign | 0x7fff,
                };
            }
            3 => {
                return F80 {
                    sig: sig & !(1 << 62) | 1,
                    se: sign | 0x7fff,
                };
            }
            // Denormals and pseudo-denormals.
            4 => {
                return F80 {
                    sig: sig >> self.below(63),
                    se: sign,
                };
            }
            // Anything: mostly unsupported.
            5 => {
                return F80 {
                    sig: self.next(),
                    se: self.next() as u16,
                };
            }
            6 => near(self, 1, 70),
            7 => near(self, 0x7ffe, 70),
            8 => near(self, 0x3fff - 1023, 60),
            9 => near(self, 0x3fff + 1023, 3),
            10 => near(self, 0x3fff - 126, 30),
            11 => near(self, 0x3fff + 127, 3),
            12 => near(self, 0x3fff + 15, 5),
            13 => near(self, 0x3fff + 62, 5),
            14 => near(self, 0x1fff, 70),
            15 => near(self, 0x5fff, 70),
            16 => self.next() as u16 & 0x7fff,
            _ => near(self, 0x3fff, 68),
        };
        F80 { sig, se: sign | exp }
    }

    fn memory(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        match self.below(8) {
            0 => bytes[..10].copy_from_slice(&self.value().to_bytes()),
            1 => {
                let digits = self.next();
                for byte in &mut bytes[..9] {
                    *byte = self.below(10) as u8 | (self.below(10) as u8) << 4;
                }
                bytes[9] = digits as u8;
            }
            2 => {
                // A double near a value of ours, also among its denormals and NaNs.
                let exp = self.pick(&[0, 0, 1, 0x3fe, 0x3ff, 0x400, 0x7fe, 0x7ff, 0x7ff]);
                let fraction = self.significand() << 1 >> self.below(12);
                let raw = self.next() << 63 | exp << 52 | fraction >> 12;
                bytes[..8].copy_from_slice(&raw.to_le_bytes());
            }
            3 => {
                let exp = self.pick(&[0, 0, 1, 0x7e, 0x7f, 0x80, 0xfe, 0xff, 0xff]);
                let fraction = self.significand() << 1 >> self.below(12);
                let raw = (self.next() << 31 | exp << 23 | fraction >> 41) as u32;
                bytes[..4].copy_from_slice(&raw.to_le_bytes());
            }
            4 => {
                let small = self.pick(&[0, 1, -1, 2, 10, 100, i64::MAX, i64::MIN, 0x7fff, -0x8000]);
                bytes[..8].copy_from_slice(&small.to_le_bytes());
            }
            5 => {
                let raw = (self.below(2000) as f64 - 1000.0) / 8.0;
                bytes[..8].copy_from_slice(&raw.to_le_bytes());
            }
            _ => {
                bytes[..8].copy_from_slice(&self.next().to_le_bytes());
                bytes[8..].copy_from_slice(&self.next().to_le_bytes());
            }
        }
        bytes
    }

    fn fpu(&mut self) -> Fpu {
        let masks = if self.below(3) == 0 {
            self.next() as u16 & 0x3f
        } else {
            0x3f
        };
        let precision = self.pick(&[3, 3, 3, 2, 0, 1]);
        let rounding = self.pick(&[0, 0, 0, 1, 2, 3]);
        let control = masks | precision << 8 | rounding << 10;
        // Nothing may wait: FRSTOR and the instruction would report it.
        let flags = if self.below(4) == 0 {
            self.next() as u16 & masks
        } else {
            0
        };
        let codes = self.next() as u16 & 0x4700;
        let top = self.next() as u16 & 7 << 11;
        let full = match self.below(4) {
            0 => self.next() as u8,
            // Room for a push, the rest full.
            _ => !(1 << ((top >> 11).wrapping_sub(1) & 7)),
        };
        let registers = core::array::from_fn(|_| self.value());
        let mut fpu = Fpu::default();
        fpu.set_state(control, flags | codes | top, full, registers);
        fpu
    }
}

const WIDE: ImageForm = ImageForm {
    wide: true,
    pointers: PointerForm::Protected,
};

/// How the memory operand of an instruction is read.
fn operand(opcode: u16, bytes: &[u8; 16]) -> Option<Operand> {
    let eight = u64::from_le_bytes([
        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7],
    ]);
    let mut ten = [0; 10];
    ten.copy_from_slice(&bytes[..10]);
    Some(match (opcode >> 8 & 7, opcode >> 3 & 7) {
        (0, _) | (1, 0) => Operand::Single(eight as u32),
        (2, _) | (3, 0) => Operand::Integer(eight as i32 as i64),
        (3, 5) => Operand::Extended(ten),
        (4, _) | (5, 0) => Operand::Double(eight),
        (6, _) | (7, 0) => Operand::Integer(eight as i16 as i64),
        (7, 4) => Operand::Decimal(ten),
        (7, 5) => Operand::Integer(eight as i64),
        _ => return None,
    })
}

fn is_store(opcode: u16) -> bool {
    matches!(
        (opcode >> 8 & 7, opcode >> 3 & 7),
        (1, 2 | 3) | (3, 1 | 2 | 3 | 7) | (5, 1..=3) | (7, 1 | 2 | 3 | 6 | 7)
    )
}

/// Bytes that an instruction stores.
fn stored_len(opcode: u16) -> usize {
    match (opcode >> 8 & 7, opcode >> 3 & 7) {
        (3, 7) | (7, 6) => 10,
        (1 | 3, _) => 4,
        (7, 1..=3) => 2,
        _ => 8,
    }
}

/// Functions whose results may differ from the host's in the last place.
fn is_transcendental(opcode: u16) -> bool {
    matches!(opcode, 0x1f0..=0x1f3 | 0x1f9 | 0x1fb | 0x1fe | 0x1ff)
}

/// Runs ours; the flags after it, and AX.
fn ours(fpu: &mut Fpu, opcode: u16, memory: &mut [u8; 16], flags: u64) -> (u64, Option<u16>) {
    if opcode & 0xc0 == 0xc0 {
        let conditions = MoveFlags {
            carry: flags & 1 != 0,
            zero: flags & 0x40 != 0,
            parity: flags & 4 != 0,
        };
        return match fpu.register_form(opcode, conditions) {
            Some(Effect::Flags(codes)) => {
                let bit = |code: u16, to: u64| if codes & code != 0 { to } else { 0 };
                (
                    flags & !STATUS_FLAGS | bit(0x100, 1) | bit(0x400, 4) | bit(0x4000, 0x40),
                    None,
                )
            }
            Some(Effect::Ax(ax)) => (flags, Some(ax)),
            _ => (flags, None),
        };
    }
    if is_store(opcode) {
        match fpu.store(opcode) {
            Some(Stored::Word(value)) => {
                let len = stored_len(opcode);
                memory[..len].copy_from_slice(&value.to_le_bytes()[..len]);
            }
            Some(Stored::Ten(ten)) => memory[..10].copy_from_slice(&ten),
            None => {}
        }
    } else if let Some(operand) = operand(opcode, memory) {
        fpu.load(opcode, operand);
    }
    (flags, None)
}

/// Whether the host is of the make that ours follows where makes differ: partial remainders, FSCALE beyond the
/// exponents' range, the last places of the transcendental functions.
fn host_is_intel() -> bool {
    core::arch::x86_64::__cpuid(0).ebx == u32::from_le_bytes(*b"Genu")
}

/// Every instruction but those for control words and whole states, which have tests of their own.
fn opcodes() -> Vec<u16> {
    let mut all: Vec<u16> = Vec::new();
    for esc in 0..8u16 {
        for reg in 0..8 {
            let memory = esc << 8 | reg << 3;
            let any = [0; 16];
            if is_store(memory) || operand(memory, &any).is_some() {
                // As often as the eight registers together.
                all.extend([memory; 6]);
            }
        }
        for second in 0xc0..=0xff {
            let mut fpu = Fpu::default();
            let known = fpu
                .register_form(esc << 8 | second, MoveFlags::default())
                .is_some();
            let vendor = matches!(esc << 8 | second, 0x1f5 | 0x1f8 | 0x1fd | 0x7c0..=0x7c7);
            if known && !is_transcendental(esc << 8 | second) && (!vendor || host_is_intel()) {
                all.push(esc << 8 | second);
                if esc == 1 && second >= 0xf0 {
                    all.extend([esc << 8 | second; 4]);
                }
            }
        }
    }
    all
}

/// An instruction on a random state, on the host and here.
struct Trial {
    opcode: u16,
    before: Fpu,
    fpu: Fpu,
    host: Case,
    memory: [u8; 16],
    flags: u64,
    ax: Option<u16>,
}

/// The status flags of EFLAGS.
const STATUS_FLAGS: u64 = 0x8d5;

impl Trial {
    fn new(random: &mut Random, opcode: u16) -> Self {
        let mut fpu = random.fpu();
        let before = fpu.clone();
        let mut memory = random.memory();
        let flags = 0x202 | random.next() & STATUS_FLAGS;
        let mut host = Case {
            image: fpu.write_image(WIDE),
            memory,
            flags,
            ax: 0,
        };
        let (escape, reg) = ((opcode >> 8 & 7) as usize, (opcode >> 3 & 7) as usize);
        if opcode & 0xc0 == 0xc0 {
            REGISTER[escape][reg][opcode as usize & 7](&mut host);
        } else {
            MEMORY[escape][reg](&mut host);
        }
        let (flags, ax) = ours(&mut fpu, opcode, &mut memory, flags);
        Self {
            opcode,
            before,
            fpu,
            host,
            memory,
            flags,
            ax,
        }
    }

    fn agrees(&self) -> bool {
        let image = self.fpu.write_image(WIDE);
        // Pointers are not ours to know here.
        image[..12] == self.host.image[..12]
            && (0..8).all(|i| self.distance(i) == 0)
            && self.memory == self.host.memory
            && self.flags & STATUS_FLAGS == self.host.flags & STATUS_FLAGS
            && self.ax.is_none_or(|ax| ax == self.host.ax as u16)
    }

    /// The host's ST(i).
    fn host_st(&self, i: u8) -> F80 {
        let mut ten = [0; 10];
        let at = 28 + 10 * i as usize;
        ten.copy_from_slice(&self.host.image[at..at + 10]);
        F80::from_bytes(ten)
    }

    /// By how many units of the last place ST(i) differs. What is in an empty register does not count.
    fn distance(&self, i: u8) -> u128 {
        let key = |value: F80| {
            let magnitude = (value.exp() as i128) << 64 | value.sig as i128;
            if value.is_negative() {
                !magnitude
            } else {
                magnitude
            }
        };
        let normal = |value: F80| {
            let magnitude = (value.exp() as i128) << 63 | (value.sig & (u64::MAX >> 1)) as i128;
            if value.is_negative() {
                -magnitude
            } else {
                magnitude
            }
        };
        let (ours, host) = (self.fpu.st(i), self.host_st(i));
        if self.fpu.is_empty(i) || key(ours) == key(host) {
            return 0;
        }
        normal(ours).abs_diff(normal(host)).max(1)
    }

    /// The status word with the condition codes that the functions define.
    fn statuses_agree(&self) -> bool {
        let defined = if is_trigonometric(self.opcode) {
            0xbcff
        } else {
            0xb8ff
        };
        let host = u16::from_le_bytes([self.host.image[4], self.host.image[5]]);
        let tags = &self.fpu.write_image(WIDE)[8..10];
        (self.fpu.status_word() ^ host) & defined == 0 && tags == &self.host.image[8..10]
    }

    fn print(&self) {
        let value = |value: F80| format!("{:04x}.{:016x}", value.se, value.sig);
        let i = (self.opcode & 7) as u8;
        println!(
            "{:02x} {:02x} control {:04x}",
            0xd8 | self.opcode >> 8,
            self.opcode & 0xff,
            self.before.control
        );
        let line = |who: &str, status: u16, [st0, st1, sti]: [F80; 3]| {
            println!(
                "  {who:6} status {status:04x} ST0 {} ST1 {} ST{i} {}",
                value(st0),
                value(st1),
                value(sti)
            );
        };
        let host = u16::from_le_bytes([self.host.image[4], self.host.image[5]]);
        line(
            "before",
            self.before.status_word(),
            [0, 1, i].map(|i| self.before.st(i)),
        );
        line("host", host, [0, 1, i].map(|i| self.host_st(i)));
        line("ours", self.fpu.status_word(), [0, 1, i].map(|i| self.fpu.st(i)));
        println!(
            "  host memory {:02x?} flags {:x}, ours {:02x?} {:x}; full before {:02x}, ours {:02x}",
            self.host.memory,
            self.host.flags & STATUS_FLAGS,
            self.memory,
            self.flags & STATUS_FLAGS,
            self.before.full_mask(),
            self.fpu.full_mask()
        );
    }
}

fn is_trigonometric(opcode: u16) -> bool {
    matches!(opcode, 0x1f2 | 0x1fb | 0x1fe | 0x1ff)
}

/// Whether the manual says what the function gives for ST(0), and silicon keeps to it.
fn is_in_domain(opcode: u16, a: F80, b: F80) -> bool {
    match opcode {
        0x1f0 => a.exp() <= 0x3fff || a.exp() == 0x7fff,
        0x1f9 => a.exp() < 0x3ffd || a.exp() == 0x7fff,
        // The host gives the smallest normal number as its own sine, however it is to round.
        0x1fb | 0x1fe => a.without_pseudo().exp() != 1 || a.sig != 1 << 63,
        // Near and below it the host does not round the angle but the quotient, which may be exact.
        0x1f3 => b.exp() as i32 - a.exp() as i32 + 0x3fff > 2,
        _ => true,
    }
}

/// Instructions that were wrong, of which the first are printed.
fn report(wrong: &mut u64, trial: &Trial) {
    *wrong += 1;
    if *wrong <= 10 {
        trial.print();
    }
}

/// Compares random instructions with exact results.
fn compare(seed: u64, count: u64) {
    let mut random = Random(seed);
    let opcodes = opcodes();
    let mut wrong = 0;
    for _ in 0..count {
        let opcode = random.pick(&opcodes);
        let trial = Trial::new(&mut random, opcode);
        if !trial.agrees() {
            report(&mut wrong, &trial);
        }
    }
    println!("{count} instructions, {wrong} differ");
    assert_eq!(wrong, 0);
}

/// Compares transcendental functions: exceptions and tags are equal, results differ by one unit at most, for the
/// host's may be one off where ours are not.
fn compare_transcendental(seed: u64, count: u64) {
    if !host_is_intel() {
        return;
    }
    let mut random = Random(seed);
    let (mut wrong, mut apart, mut seen) = (0, 0, 0);
    for _ in 0..count {
        let opcode = random.pick(&[0x1f0, 0x1f1, 0x1f2, 0x1f3, 0x1f9, 0x1fb, 0x1fe, 0x1ff]);
        let trial = Trial::new(&mut random, opcode);
        if !is_in_domain(opcode, trial.before.st(0), trial.before.st(1)) {
            continue;
        }
        seen += 1;
        let distance = (0..8).map(|i| trial.distance(i)).max().unwrap_or(0);
        apart += (distance == 1) as u64;
        if distance > 1 || !trial.statuses_agree() {
            report(&mut wrong, &trial);
        }
    }
    println!("{seen} functions, {apart} one unit apart, {wrong} differ");
    assert_eq!(wrong, 0);
}

#[test]
fn exact_instructions_give_what_the_host_gives() {
    compare(0x1234_5678_9abc_def1, 200_000);
}

#[test]
fn transcendental_functions_are_within_one_unit_of_the_host() {
    compare_transcendental(0x1234_5678_9abc_def1, 100_000);
}

#[test]
#[ignore = "takes minutes: cargo xtask long"]
fn fifty_million_exact_instructions_give_what_the_host_gives() {
    compare(0xfeed_5eed_0bad_cafe, 50_000_000);
}

#[test]
#[ignore = "takes minutes: cargo xtask long"]
fn ten_million_transcendental_functions_are_within_one_unit_of_the_host() {
    compare_transcendental(0xfeed_5eed_0bad_cafe, 10_000_000);
}

/// The quick case of an instruction: whether there was one, and what it stores.
fn quick(fpu: &mut Fpu, opcode: u16, memory: &[u8; 16], usual: bool) -> Option<Option<u64>> {
    use super::quick::{
        Add, Div, DivR, Double, Mul, Single, Sub, SubR, widen_double, widen_integer, widen_single,
    };
    let st0 = Place::number(0);
    let i = Place::number(opcode as u8);
    let eight = u64::from_le_bytes([
        memory[0], memory[1], memory[2], memory[3], memory[4], memory[5], memory[6], memory[7],
    ]);
    let stored = |fpu: &mut Fpu, (value, flags): (u64, u16), pop| {
        fpu.quick_stored(flags, pop);
        Some(Some(value))
    };
    let rounded = fpu.trap & super::trap::UNUSUAL == 0;
    match opcode {
        0x0c0..=0x0c7 if rounded => fpu.quick_arithmetic_st::<Add>(st0, i, false, usual)?,
        0x4c8..=0x4cf if rounded => fpu.quick_arithmetic_st::<Mul>(i, st0, false, usual)?,
        0x0e0..=0x0e7 if rounded => fpu.quick_arithmetic_st::<Sub>(st0, i, false, usual)?,
        0x6e0..=0x6e7 if rounded => fpu.quick_arithmetic_st::<SubR>(i, st0, true, usual)?,
        0x0f0..=0x0f7 if rounded => fpu.quick_arithmetic_st::<Div>(st0, i, false, usual)?,
        0x6f0..=0x6f7 if rounded => fpu.quick_arithmetic_st::<DivR>(i, st0, true, usual)?,
        0x000 if rounded => fpu.quick_arithmetic::<Add>(st0, widen_single(eight as u32)?, false, usual)?,
        0x408 if rounded => fpu.quick_arithmetic::<Mul>(st0, widen_double(eight)?, false, usual)?,
        0x220 if rounded => {
            fpu.quick_arithmetic::<Sub>(st0, widen_integer(eight as i32 as i64), false, usual)?
        }
        0x1fa if rounded => fpu.quick_sqrt(usual)?,
        0x1c0..=0x1c7 => fpu.quick_load(i)?,
        0x1c8..=0x1cf => fpu.quick_exchange(i)?,
        0x1e0 | 0x1e1 => fpu.quick_sign(opcode & 7 == 0)?,
        0x5d0..=0x5df => fpu.quick_store(i, opcode & 8 != 0)?,
        0x0d0..=0x0df => fpu.quick_compare_st(i, (opcode >> 3 & 1) as u32)?,
        0x6d9 => fpu.quick_compare_st(Place::number(1), 2)?,
        0x100 => fpu.quick_push(widen_single(eight as u32)?)?,
        0x500 => fpu.quick_push(widen_double(eight)?)?,
        0x728 => fpu.quick_push(widen_integer(eight as i64))?,
        0x110 if rounded => {
            let value = fpu.quick_narrow::<Single>()?;
            return stored(fpu, value, false);
        }
        0x518 if rounded => {
            let value = fpu.quick_narrow::<Double>()?;
            return stored(fpu, value, true);
        }
        0x710 | 0x708 => {
            let value = fpu.quick_integer(16, opcode == 0x708)?;
            return stored(fpu, value, opcode == 0x708);
        }
        0x318 => {
            let value = fpu.quick_integer(32, false)?;
            return stored(fpu, value, true);
        }
        0x738 => {
            let value = fpu.quick_integer(64, false)?;
            return stored(fpu, value, true);
        }
        _ => return None,
    }
    Some(None)
}

#[test]
fn quick_cases_do_what_the_complete_ones_do() {
    let mut random = Random(0x0dd_ba11_5eed);
    let opcodes = opcodes();
    let mut seen = std::collections::BTreeMap::<u16, u32>::new();
    for _ in 0..1_000_000 {
        let opcode = random.pick(&opcodes);
        let before = random.fpu();
        let memory = random.memory();
        let mut quick_fpu = before.clone();
        let usual = quick(&mut quick_fpu, opcode, &memory, true);
        if usual.is_none() {
            assert_eq!(quick_fpu, before, "{opcode:03x}");
        }
        let Some(stored) = usual.or_else(|| quick(&mut quick_fpu, opcode, &memory, false)) else {
            assert_eq!(quick_fpu, before, "{opcode:03x}");
            continue;
        };
        let (mut fpu, mut after) = (before.clone(), memory);
        ours(&mut fpu, opcode, &mut after, 0);
        if let Some(value) = stored {
            let len = stored_len(opcode);
            assert_eq!(
                value.to_le_bytes()[..len],
                after[..len],
                "{opcode:03x} {before:x?}"
            );
        }
        assert_eq!(quick_fpu.saved(), fpu.saved(), "{opcode:03x} {before:x?}");
        *seen.entry(opcode).or_default() += 1;
    }
    for opcode in [
        0x0c0, 0x4c9, 0x0e1, 0x6e1, 0x0f1, 0x6f1, 0x000, 0x408, 0x220, 0x1fa, 0x1c0, 0x1c9, 0x1e0, 0x5d8,
        0x0d9, 0x6d9, 0x100, 0x500, 0x728, 0x110, 0x518, 0x710, 0x318, 0x738,
    ] {
        assert!(
            seen.get(&opcode).is_some_and(|&n| n > 50),
            "{opcode:03x}: {:?}",
            seen.get(&opcode)
        );
    }
}
