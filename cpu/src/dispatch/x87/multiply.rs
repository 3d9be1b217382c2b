//! Products.

use core::{arch::naked_asm, mem::offset_of};

use super::*;

/// Destination times source.
///
/// # Safety
/// As for every handler: see the invariants of [`super`].
#[unsafe(naked)]
pub(super) unsafe extern "sysv64-unwind" fn multiply<O: Op, const OPERANDS: u8>(
    e: *mut Engine,
    i: *const Insn,
    b: i32,
    r: u64,
    c: u64,
) {
    operation!(
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
        ";
        bias = const BIAS,
    )
}
