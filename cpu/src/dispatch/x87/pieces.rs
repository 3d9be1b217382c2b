//! What the operations share: where operands are, rounding, and the way to the next handler.

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

/// A handler of an operation: sets the places of its operands, does what the pieces say, and has a name for each
/// constant that they speak of; those after the semicolon are the operation's own.
macro_rules! operation {
    ($($piece:expr),+ ; $($name:ident = const $value:expr),* $(,)?) => {
        naked_asm!(
            operands!(),
            $($piece,)+
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
            exponent_max = const EXPONENT - 1,
            beside = sym beside::<O>,
            $($name = const $value,)*
        )
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
