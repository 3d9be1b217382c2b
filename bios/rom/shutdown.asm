; What a reset does when register 0Fh of the CMOS holds a code: the way back from protected mode on a 286
; (IBM PC/AT Technical Reference, "Shutdown"). No stack is known here.

; End the interrupt that is in service, drop a waiting key, go on at [40:67].
shutdown_05:
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    out PIC1_COMMAND, al
    in al, KBC_DATA
; Go on at [40:67].
shutdown_0a:
    mov ax, BDA
    mov ds, ax
    jmp far [RESUME_POINTER]

; The end of a block move by a program that does INT 15h/87h's work itself: [40:67] is the stack with DS, ES,
; the general registers and the interrupt frame.
shutdown_09:
    mov ax, BDA
    mov ds, ax
    lss sp, [RESUME_POINTER]
    call a20_off
    pop ds
    pop es
    popa
    push bp
    mov bp, sp
    and byte [bp+6], ~FLAG_CARRY & 0FFh
    pop bp
    mov ah, 0
    iret

; [40:67] is a stack with an interrupt frame.
shutdown_0b:
    mov ax, BDA
    mov ds, ax
    lss sp, [RESUME_POINTER]
    iret

; [40:67] is a stack with a far return address.
shutdown_0c:
    mov ax, BDA
    mov ds, ax
    lss sp, [RESUME_POINTER]
    retf
