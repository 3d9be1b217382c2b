; Tests of INT 15h/89h, and resets that programs come back from.

; ---------------------------------------------------------------- protected mode, resets

; To protected mode by the BIOS, back by hand.
protected_mode:
    push cs
    pop es
    mov [.sp], sp
    mov ah, 89h
    mov bx, 5058h
    mov si, .table
    int 15h
    ; PE is set, CS is 30h.
    jc .failed
    smsw ax
    test al, 1
    jz .failed
    mov ax, ds
    cmp ax, 18h
    jne .failed
    mov byte [.there], 1
.failed:
    mov eax, cr0
    and al, 0FEh
    mov cr0, eax
    jmp 0:.real
.real:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, [.sp]
    lidt [.real_idt]
    mov al, 11h
    out 20h, al
    out 0A0h, al
    mov al, 08h
    out 21h, al
    mov al, 70h
    out 0A1h, al
    mov al, 04h
    out 21h, al
    mov al, 02h
    out 0A1h, al
    mov al, 01h
    out 21h, al
    out 0A1h, al
    mov al, 0B8h
    out 21h, al
    mov al, 0Fh
    out 0A1h, al
    sti
    mov ax, 2400h
    int 15h
    mov al, [.there]
    mov ah, 0
    test al, al
    jz failed
    jmp passed
.sp: dw 0
.there: db 0
.real_idt:
    dw 3FFh
    dd 0
    align 8
.table:
    dq 0
    dw 3Fh, .table, 9300h, 0            ; 08h: itself
    dw 07FFh, 0, 9300h, 0               ; 10h: interrupt table
    dw 0FFFFh, 0, 9300h, 0              ; 18h: DS
    dw 0FFFFh, 0, 9300h, 0              ; 20h: ES
    dw 0FFFFh, 0, 9300h, 0              ; 28h: SS
    dw 0FFFFh, 0, 9B00h, 0              ; 30h: CS
    dq 0                                ; 38h: the BIOS


shutdown_0a:
    mov al, 0Ah
    jmp reset_with
shutdown_05:
    mov al, 05h
    jmp reset_with
shutdown_0c:
    mov al, 0Ch
    mov word [reset_with.stack], reset_with.back
    mov word [reset_with.stack+2], 0
    jmp reset_by_stack
shutdown_09:
    mov al, 09h
    mov word [reset_with.stack+20], reset_with.back     ; past DS, ES and eight registers
    mov word [reset_with.stack+22], 0
    mov word [reset_with.stack+24], 0
reset_by_stack:
    mov dword [reset_with.pointer], reset_with.stack    ; segment 0
    jmp reset_to
; Resets the processor with shutdown code AL; passes if execution comes back here with the code used up.
reset_with:
    mov dword [.pointer], .back                         ; segment 0
reset_to:
    cli
    mov ah, al
    mov al, 0Fh
    out 70h, al
    mov al, ah
    out 71h, al
    push 40h
    pop ds
    mov ebx, [cs:reset_with.pointer]
    mov [67h], ebx
    mov [cs:reset_with.sp], sp
.input:
    in al, 64h
    test al, 2
    jnz .input
    mov al, 0FEh
    out 64h, al
.wait:
    hlt
    jmp .wait
reset_with.back:
    push cs
    pop ss
    mov sp, [cs:reset_with.sp]
    push cs
    pop ds
    sti
    mov al, 0Fh
    out 70h, al
    in al, 71h
    mov ah, 0
    test al, al
    jnz failed
    jmp passed
reset_with.sp: dw 0
reset_with.pointer: dd 0
    times 64 db 0               ; room below the stack
reset_with.stack: times 26 db 0
