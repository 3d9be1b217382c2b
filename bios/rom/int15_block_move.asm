; INT 15h/87h and 89h: the two services that enter protected mode. A virtual-8086 monitor has to offer them itself.

; 87h: moves CX words. ES:SI is a descriptor table of the caller: 10h describes the source, 18h the destination; the
; others are filled in here.
int15_87:
    smsw ax
    test al, 1
    jnz int15_unknown
    cli
    call a20_query
    pushf
    call a20_on
    push ds
    mov es, [bp+regs.es]
    mov si, [bp+regs.si]
    mov cx, [bp+regs.cx]

    ; 08h: the table itself
    xor eax, eax
    mov ax, es
    shl eax, 4
    movzx ebx, si
    add eax, ebx
    mov word [es:si+08h], 2Fh
    mov [es:si+0Ah], eax
    mov byte [es:si+0Dh], 93h
    mov word [es:si+0Eh], 0
    ; 20h: this code
    mov dword [es:si+20h], 0000FFFFh
    mov dword [es:si+24h], 00009B0Fh
    ; 28h: the stack
    xor eax, eax
    mov ax, ss
    shl eax, 4
    mov word [es:si+28h], 0FFFFh
    mov [es:si+2Ah], eax
    mov byte [es:si+2Dh], 93h
    mov word [es:si+2Eh], 0

    lgdt [es:si+08h]
    mov bx, ss
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 20h:.protected
.protected:
    mov ax, 10h
    mov ds, ax
    mov ax, 18h
    mov es, ax
    mov ax, 28h
    mov ss, ax
    xor si, si
    xor di, di
    rep movsw
    mov ax, 28h                 ; limits of 64 KiB for real mode
    mov ds, ax
    mov es, ax
    mov eax, cr0
    and al, 0FEh
    mov cr0, eax
    jmp 0F000h:.real
.real:
    mov ss, bx
    pop ds
    popf                        ; ZF: A20 was closed
    jnz int15_ok
    call a20_off
    jmp int15_ok

; 89h: ends in protected mode at the caller's return address. ES:SI is a descriptor table: 08h describes itself,
; 10h the interrupt table, 18h, 20h, 28h and 30h become DS, ES, SS and CS; 38h is filled in here. BH and BL are the
; interrupt numbers of IRQ 0 and IRQ 8. All lines are masked.
int15_89:
    smsw ax
    test al, 1
    jnz int15_unknown
    cli
    mov bx, [bp+regs.bx]
    mov al, 11h
    out PIC1_COMMAND, al
    out PIC2_COMMAND, al
    mov al, bh
    out PIC1_MASK, al
    mov al, bl
    out PIC2_MASK, al
    mov al, 04h
    out PIC1_MASK, al
    mov al, 02h
    out PIC2_MASK, al
    mov al, 01h
    out PIC1_MASK, al
    out PIC2_MASK, al
    mov al, 0FFh
    out PIC1_MASK, al
    out PIC2_MASK, al
    call a20_on
    mov es, [bp+regs.es]
    mov si, [bp+regs.si]
    mov dword [es:si+38h], 0000FFFFh
    mov dword [es:si+3Ch], 00009B0Fh
    lgdt [es:si+08h]
    lidt [es:si+10h]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 38h:.protected
.protected:
    mov ax, 18h
    mov ds, ax
    mov ax, 20h
    mov es, ax
    mov ax, 28h
    mov ss, ax
    add sp, 2                   ; the return into int15
    popad
    add sp, 4                   ; DS and ES are the new ones
    mov ah, 0
    ; IP stays, CS is 30h, the flags go.
    push bp
    mov bp, sp
    mov word [bp+4], 30h
    pop bp
    retf 2
