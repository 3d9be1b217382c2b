; What the programs that drive the registers themselves share.

; Index and value in one OUT.
%macro SEQ 2
    mov dx, 3C4h
    mov ax, (%2)<<8 | (%1)
    out dx, ax
%endmacro
%macro GFX 2
    mov dx, 3CEh
    mov ax, (%2)<<8 | (%1)
    out dx, ax
%endmacro
%macro CRTC 2
    mov dx, 3D4h
    mov ax, (%2)<<8 | (%1)
    out dx, ax
%endmacro

; ES = display memory.
at_a000:
    push word 0A000h
    pop es
    ret

; Attribute register AL = AH. Changes AX, DX.
attribute:
    push ax
    mov dx, 3DAh
    in al, dx
    pop ax
    mov dx, 3C0h
    out dx, al
    mov al, ah
    out dx, al
    mov al, 20h
    out dx, al
    ret

; Start address = BX. Taken over at the next retrace. Changes AX, DX.
start_address:
    mov dx, 3D4h
    mov al, 0Ch
    mov ah, bh
    out dx, ax
    mov al, 0Dh
    mov ah, bl
    out dx, ax
    ret

; The VGA's own interrupt at the vertical retrace, IRQ 2 of the bus, which arrives as 9.
retrace_on:
    push es
    push word 0
    pop es
    cli
    mov word [es:71h*4], retrace_interrupt
    mov [es:71h*4+2], cs
    in al, 0A1h
    and al, 0FDh
    out 0A1h, al
    mov al, 20h                 ; off and cleared, then armed
    call retrace_control
    mov al, 00h
    call retrace_control
    mov al, 10h
    call retrace_control
    sti
    pop es
    ret
retrace_off:
    cli
    mov al, 20h
    call retrace_control
    in al, 0A1h
    or al, 02h
    out 0A1h, al
    sti
    ret

; Bits 4 and 5 of CRTC 11h = AL. Changes AX, DX.
retrace_control:
    mov ah, al
    mov dx, 3D4h
    mov al, 11h
    out dx, al
    inc dx
    in al, dx
    and al, 0CFh
    or al, ah
    out dx, al
    ret

retrace_interrupt:
    push ax
    push dx
    inc word [cs:retraces]
    mov al, 00h
    call retrace_control
    mov al, 10h
    call retrace_control
    mov al, 20h
    out 0A0h, al
    out 20h, al
    pop dx
    pop ax
    iret

; Waits, halted, for the next retrace.
wait_retrace:
    mov ax, [cs:retraces]
.wait:
    hlt
    cmp ax, [cs:retraces]
    je .wait
    ret

retraces: dw 0
