; What processor this is, and whether it has a floating-point unit.

; EB_CPU_FAMILY = 3, 4, or what CPUID says. Flag AC exists from the 486, flag ID where CPUID does.
detect_cpu:
    call load_ebda
    mov cl, 3
    mov eax, 1 << 18
    call .can_toggle
    jz .done
    inc cl
    mov eax, 1 << 21
    call .can_toggle
    jz .done
    mov eax, 1
    cpu 586
    push cx
    cpuid
    pop cx
    cpu 386
    mov cl, ah
    and cl, 0Fh
.done:
    mov [es:EB_CPU_FAMILY], cl
    ret

; ZF: the flag in EAX cannot be changed.
.can_toggle:
    pushfd
    pop edx
    mov ebx, edx
    xor ebx, eax
    push ebx
    popfd
    pushfd
    pop ebx
    push edx
    popfd
    xor ebx, edx
    test ebx, eax
    ret

; An empty socket leaves the word alone, a unit stores a status word of 0. CR0 stays as reset left it.
detect_fpu:
    push 5A5Ah
    mov bp, sp
    fninit
    fnstsw [bp]
    pop bx
    mov al, CMOS_EQUIPMENT
    call cmos_read
    mov ah, al
    and ah, ~2 & 0FFh
    test bx, bx
    jnz .store
    or ah, 2
    or byte [EQUIPMENT], 2
.store:
    mov dl, ah
    cmp ah, al
    je .return
    call cmos_checksum          ; a wrong checksum stays wrong, so that detect_memory sees it
    cmp ax, bx
    pushf
    mov al, CMOS_EQUIPMENT
    mov ah, dl
    call cmos_write
    popf
    jne .return
    call cmos_set_checksum
.return:
    ret

show_cpu:
    mov si, .text
    call put_text
    call load_ebda
    movzx bx, byte [es:EB_CPU_FAMILY]
    cmp bl, 4
    ja .cpuid
    mov si, .text_386
    jb .name
    mov si, .text_486
    jmp .name
.cpuid:
    mov si, .text_586
    cmp bl, 5
    je .name
    mov si, .text_686
.name:
    call put_text
    mov si, .text_fpu
    test byte [EQUIPMENT], 2
    jnz .fpu
    mov si, .text_no_fpu
.fpu:
    call put_text
    ret
.text:          db "Processor      ", 0
.text_386:      db "386", 0
.text_486:      db "486", 0
.text_586:      db "Pentium", 0
.text_686:      db "P6", 0
.text_fpu:      db " with FPU", 13, 10, 0
.text_no_fpu:   db ", no FPU", 13, 10, 0
