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

use core::{arch::naked_asm, mem::offset_of};

use oldiron_mmu::Segment;

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

/// Sets R9 and R10.
macro_rules! operands {
    () => {
        "
        .if {operands} == 3
        movzx r9d, byte ptr [rdi + {top}]
        mov r10, {operand}
        .elseif {operands} == 0
        movzx r9d, byte ptr [rdi + {top}]
        movzx r10d, byte ptr [rsi + {src}]
        add r10b, r9b
        .else
        movzx r10d, byte ptr [rdi + {top}]
        movzx r9d, byte ptr [rsi + {src}]
        add r9b, r10b
        .endif
        "
    };
}

/// Remembers the instruction, pops, and goes on with the next record.
macro_rules! done {
    ($restore:literal) => {
        concat!(
            "
            mov rax, [rsi + {eip}]
            mov [rdi + {last}], rax
            movzx eax, word ptr [rdi + {cs}]
            mov [rdi + {last_cs}], ax
            .if {operands} == 2
            or dword ptr [rdi + r10 + {se}], {empty}
            add r10b, 32
            mov [rdi + {top}], r10b
            .endif
            ",
            $restore,
            "
            add rsi, 32
            jmp [rsi]
            "
        )
    };
}

/// Rounds `$hi`.RAX to nearest or even, writes it to the destination, does `$rest`, and is done.
macro_rules! rounded {
    ($hi:literal, $rest:expr, $restore:literal) => {
        concat!(
            "
            add rax, rax
            jz 6f
            setc [rdi + {c1}]
            adc ",
            $hi,
            ", 0
            // All ones.
            jc 90f
            or [rdi + {lost}], rax
        5:  mov [rdi + r9 + {sig}], ",
            $hi,
            "
            ",
            $rest,
            done!($restore),
            // Nothing, or exactly half.
            "
        6:  jc 7f
            mov byte ptr [rdi + {c1}], 0
            jmp 5b
        7:  bt ",
            $hi,
            ", 0
            setc [rdi + {c1}]
            adc ",
            $hi,
            ", 0
            jc 90f
            or byte ptr [rdi + {lost}], 1
            jmp 5b
            "
        )
    };
}

/// Gives up if an operand is unusual, or something bars the instruction; EAX holds the sum of both operands'
/// [`Register::se`] and [`TRAP`]. Then compares their exponents.
macro_rules! are_usual {
    () => {
        "
        test eax, {unusual}
        jnz 90f
        sub cx, r11w
        "
    };
}

/// Shifts the significand at `$small` right by CX into R11.RAX; for 64 and more, at `$far`.
macro_rules! aligned {
    ($small:literal, $far:literal) => {
        concat!(
            "
            cmp cx, 63
            ja ",
            $far,
            "
            mov r11, [rdi + ",
            $small,
            " + {sig}]
            xor eax, eax
            shrd rax, r11, cl
            shr r11, cl
            "
        )
    };
}

/// Takes R11.RAX from the significand at `$big`: RCX.RAX.
macro_rules! taken_from {
    ($big:literal) => {
        concat!(
            "
            mov rcx, [rdi + ",
            $big,
            " + {sig}]
            neg rax
            sbb rcx, r11
            "
        )
    };
}

/// Shifts the exact result RCX left until its top bit is set, at least once; its sign and exponent are in EAX. Is done.
macro_rules! normalised {
    () => {
        concat!(
            "
            mov r11, rcx
            bsr rcx, r11
            xor ecx, 63
            shl r11, cl
            sub ax, cx
            jbe 90f
            mov byte ptr [rdi + {c1}], 0
            mov [rdi + r9 + {sig}], r11
            mov [rdi + r9 + {se}], eax
            ",
            done!("movq rcx, xmm0")
        )
    };
}

/// Destination plus source, one of them negated if so wanted.
///
/// # Safety
/// As for every handler: see the invariants of [`super`].
#[unsafe(naked)]
unsafe extern "sysv64-unwind" fn add<
    O: Op,
    const OPERANDS: u8,
    const NEGATE_A: bool,
    const NEGATE_B: bool,
>(
    e: *mut Engine,
    i: *const Insn,
    b: i32,
    r: u64,
    c: u64,
) {
    naked_asm!(
        operands!(),
        "
        movq xmm0, rcx
        mov ecx, [rdi + r9 + {se}]
        mov r11d, [rdi + r10 + {se}]
        lea eax, [rcx + r11]
        add eax, [rdi + {trap}]
        .if {negate_a} + {negate_b}
        jns 30f
        .else
        js 30f
        .endif
        ",

        // A sum, the destination's exponent not being less.
        are_usual!(),
        aligned!("r10", "20f"),
        "
        add r11, [rdi + r9 + {sig}]
        jc 22f
        ",
        rounded!("r11", "
            .if {negate_a}
            xor dword ptr [rdi + r9 + {se}], {sign}
            .endif
            ", "movq rcx, xmm0"),
        // It carries: the exponent grows. The last bit of RAX is never set.
        "
    22: rcr r11, 1
        rcr rax, 1
        cmp word ptr [rdi + r9 + {se}], {exponent_max}
        je 90f
        ",
        rounded!("r11", "add dword ptr [rdi + r9 + {se}], 1 + {negate_a} * {sign}", "movq rcx, xmm0"),

        // The source's exponent is larger.
        "20: neg ecx",
        aligned!("r9", "90f"),
        "
        mov ecx, [rdi + r10 + {se}]
        .if {negate_b}
        xor ecx, {sign}
        .endif
        add r11, [rdi + r10 + {sig}]
        jc 24f
        ",
        rounded!("r11", "mov [rdi + r9 + {se}], ecx", "movq rcx, xmm0"),
        "
    24: rcr r11, 1
        rcr rax, 1
        inc ecx
        cmp cx, {exponent_max} + 1
        je 90f
        ",
        rounded!("r11", "mov [rdi + r9 + {se}], ecx", "movq rcx, xmm0"),

        // A difference, the destination's exponent not being less.
        "30:",
        are_usual!(),
        aligned!("r10", "40f"),
        taken_from!("r9"),
        "
        jbe 36f
        jns 32f
        ",
        rounded!("rcx", "
            .if {negate_a}
            xor dword ptr [rdi + r9 + {se}], {sign}
            .endif
            ", "movq rcx, xmm0"),
        // Its top bit is clear.
        "
    32: add rax, rax
        adc rcx, rcx
        jns 34f
        cmp word ptr [rdi + r9 + {se}], 1
        je 90f
        ",
        rounded!("rcx", "add dword ptr [rdi + r9 + {se}], {negate_a} * {sign} - 1", "movq rcx, xmm0"),
        // So is the next: then the exponents differed by one at most, and RAX is zero by now.
        "
    34: mov eax, [rdi + r9 + {se}]
        .if {negate_a}
        xor eax, {sign}
        .endif
        dec eax
        ",
        normalised!(),
        // Of equal exponents, the larger significand is the source's. Zero is not for here.
        "
    36: jz 90f
        neg rcx
        mov eax, [rdi + r9 + {se}]
        .if {negate_a} == 0
        xor eax, {sign}
        .endif
        ",
        normalised!(),

        // The source's exponent is larger.
        "40: neg ecx",
        aligned!("r9", "90f"),
        taken_from!("r10"),
        "jns 42f",
        rounded!("rcx", "
            mov eax, [rdi + r10 + {se}]
            .if {negate_b}
            xor eax, {sign}
            .endif
            mov [rdi + r9 + {se}], eax
            ", "movq rcx, xmm0"),
        "
    42: add rax, rax
        adc rcx, rcx
        jns 44f
        cmp word ptr [rdi + r10 + {se}], 1
        je 90f
        ",
        rounded!("rcx", "
            mov eax, [rdi + r10 + {se}]
            .if {negate_b}
            xor eax, {sign}
            .endif
            dec eax
            mov [rdi + r9 + {se}], eax
            ", "movq rcx, xmm0"),
        "
    44: mov eax, [rdi + r10 + {se}]
        .if {negate_b}
        xor eax, {sign}
        .endif
        dec eax
        ",
        normalised!(),

        "
    90: movq rcx, xmm0
        jmp {beside}
        ",
        operands = const OPERANDS,
        operand = const OPERAND,
        negate_a = const NEGATE_A as usize,
        negate_b = const NEGATE_B as usize,
        src = const offset_of!(Insn, src),
        eip = const offset_of!(Insn, eip),
        sig = const SIG,
        se = const SE,
        top = const TOP,
        trap = const TRAP,
        c1 = const C1,
        lost = const LOST,
        last = const LAST,
        last_cs = const LAST_CS,
        cs = const CS,
        sign = const SIGN,
        empty = const EMPTY,
        unusual = const UNUSUAL,
        exponent_max = const EXPONENT - 1,
        beside = sym beside::<O>,
    )
}

/// Destination times source.
///
/// # Safety
/// As for every handler: see the invariants of [`super`].
#[unsafe(naked)]
unsafe extern "sysv64-unwind" fn multiply<O: Op, const OPERANDS: u8>(
    e: *mut Engine,
    i: *const Insn,
    b: i32,
    r: u64,
    c: u64,
) {
    naked_asm!(
        operands!(),
        "
        movq xmm0, rdx
        .if {operands} == 1 || {operands} == 2
        movq xmm1, r9
        .endif
        mov rax, [rdi + r10 + {sig}]
        mov r10d, [rdi + r10 + {se}]
        add r10d, [rdi + r9 + {se}]
        mul qword ptr [rdi + r9 + {sig}]
        mov r11d, [rdi + {trap}]
        add r11d, r10d
        test r11d, {unusual}
        jnz 90f
        // The product is from 1 to 4: its double, unless that carries out; which is as good as random.
        mov r11, rax
        mov r9, rdx
        add rax, rax
        adc rdx, rdx
        cmovc rax, r11
        cmovc rdx, r9
        adc r10d, -{bias}
        // In range, without its sign?
        lea r11d, [r10 + r10 - 2]
        cmp r11d, 2 * {exponent_max}
        jae 90f
        .if {operands} == 1 || {operands} == 2
        movq r9, xmm1
        .else
        movzx r9d, byte ptr [rdi + {top}]
        .endif
        ",
        rounded!("rdx", "
            mov [rdi + r9 + {se}], r10d
            .if {operands} == 2
            movzx r10d, byte ptr [rdi + {top}]
            .endif
            ", "movq rdx, xmm0"),
        "
    90: movq rdx, xmm0
        jmp {beside}
        ",
        operands = const OPERANDS,
        operand = const OPERAND,
        src = const offset_of!(Insn, src),
        eip = const offset_of!(Insn, eip),
        sig = const SIG,
        se = const SE,
        top = const TOP,
        trap = const TRAP,
        c1 = const C1,
        lost = const LOST,
        last = const LAST,
        last_cs = const LAST_CS,
        cs = const CS,
        empty = const EMPTY,
        unusual = const UNUSUAL,
        bias = const BIAS,
        exponent_max = const EXPONENT - 1,
        beside = sym beside::<O>,
    )
}

/// Destination by source, or source by destination.
///
/// # Safety
/// As for every handler: see the invariants of [`super`].
#[unsafe(naked)]
unsafe extern "sysv64-unwind" fn divide<O: Op, const OPERANDS: u8, const REVERSED: bool>(
    e: *mut Engine,
    i: *const Insn,
    b: i32,
    r: u64,
    c: u64,
) {
    naked_asm!(
        operands!(),
        "
        movq xmm0, rdx
        movq xmm1, rcx
        .if {reversed}
        mov r11d, [rdi + r10 + {se}]
        mov eax, [rdi + r9 + {se}]
        mov rdx, [rdi + r10 + {sig}]
        mov r10, [rdi + r9 + {sig}]
        .else
        mov r11d, [rdi + r9 + {se}]
        mov eax, [rdi + r10 + {se}]
        mov rdx, [rdi + r9 + {sig}]
        mov r10, [rdi + r10 + {sig}]
        .endif
        lea ecx, [rax + r11]
        add ecx, [rdi + {trap}]
        test ecx, {unusual}
        jnz 90f
        sub r11d, eax
        // The dividend is less than the divisor, or is halved: then the quotient has its top bit, and fits.
        xor eax, eax
        xor ecx, ecx
        cmp rdx, r10
        setae cl
        lea r11d, [r11 + rcx + {bias} - 1]
        shrd rax, rdx, cl
        shr rdx, cl
        div r10
        // In range, without its sign?
        lea ecx, [r11 + r11 - 2]
        cmp ecx, 2 * {exponent_max}
        jae 90f
        // Rounded up if more than half the divisor is left; it is never quite half, nor are all ones rounded up.
        sub r10, rdx
        cmp r10, rdx
        setc [rdi + {c1}]
        adc rax, 0
        or [rdi + {lost}], rdx
        mov [rdi + r9 + {sig}], rax
        mov [rdi + r9 + {se}], r11d
        .if {operands} == 2
        movzx r10d, byte ptr [rdi + {top}]
        .endif
        ",
        done!("
            movq rdx, xmm0
            movq rcx, xmm1
            "),
        "
    90: movq rdx, xmm0
        movq rcx, xmm1
        jmp {beside}
        ",
        operands = const OPERANDS,
        operand = const OPERAND,
        reversed = const REVERSED as usize,
        src = const offset_of!(Insn, src),
        eip = const offset_of!(Insn, eip),
        sig = const SIG,
        se = const SE,
        top = const TOP,
        trap = const TRAP,
        c1 = const C1,
        lost = const LOST,
        last = const LAST,
        last_cs = const LAST_CS,
        cs = const CS,
        empty = const EMPTY,
        unusual = const UNUSUAL,
        bias = const BIAS,
        exponent_max = const EXPONENT - 1,
        beside = sym beside::<O>,
    )
}
