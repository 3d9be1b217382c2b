//! Quotients.

use core::{arch::naked_asm, mem::offset_of};

use super::*;

/// Destination by source, or source by destination.
///
/// # Safety
/// As for every handler: see the invariants of [`super`].
#[unsafe(naked)]
pub(super) unsafe extern "sysv64-unwind" fn divide<O: Op, const OPERANDS: u8, const REVERSED: bool>(
    e: *mut Engine,
    i: *const Insn,
    b: i32,
    r: u64,
    c: u64,
) {
    operation!(
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
        ";
        reversed = const REVERSED as usize,
        bias = const BIAS,
    )
}
