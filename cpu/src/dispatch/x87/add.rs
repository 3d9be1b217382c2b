//! Sums and differences.

use core::{arch::naked_asm, mem::offset_of};

use super::*;

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
pub(super) unsafe extern "sysv64-unwind" fn add<
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
    operation!(
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
        ";
        negate_a = const NEGATE_A as usize,
        negate_b = const NEGATE_B as usize,
        sign = const SIGN,
    )
}
