; INT 15h/C2h, the pointing device of PS/2 systems, and INT 74h (IRQ 12).
;
; The driver's handler gets status, X, Y and a zero word on the stack and returns by RETF.

MOUSE_INSTALLED equ 80h         ; EB_MOUSE_FLAGS2
MOUSE_OK        equ 00h
MOUSE_BAD_FUNCTION equ 01h
MOUSE_BAD_INPUT equ 02h
MOUSE_ERROR     equ 03h
MOUSE_RESEND    equ 04h
MOUSE_NO_HANDLER equ 05h

KBC_AUX_IRQ     equ 02h         ; command byte
KBC_AUX_OFF     equ 20h

int15_c2:
    sti
    mov es, [EBDA_SEGMENT]
    cmp al, 9
    mov ah, MOUSE_BAD_FUNCTION
    ja .status
    movzx bx, al
    add bx, bx
    call [cs:.functions+bx]
.status:
    mov [bp+regs.ah], ah
    CARRY_OFF
    test ah, ah
    jz .return
    CARRY_ON
.return:
    ret
.functions:
    dw .enable, .reset, .rate, .resolution, .type, .init, .extended, .set_handler, .write, .read

; 00h: BH = 0 disable, 1 enable.
.enable:
    mov al, 0F5h
    cmp byte [bp+regs.bh], 1
    ja .bad_input
    jb mouse_single
    mov ah, MOUSE_NO_HANDLER
    test byte [es:EB_MOUSE_FLAGS2], MOUSE_INSTALLED
    jz .return
    mov al, 0F4h
    jmp mouse_single
.bad_input:
    mov ah, MOUSE_BAD_INPUT
    ret

; 01h: BH = device, BL = AAh.
.reset:
    call mouse_begin
    mov al, 0FFh
    call mouse_send
    jnz .end
    call mouse_receive_late
    jnz .end
    mov [bp+regs.bl], al
    call mouse_receive
    jnz .end
    mov [bp+regs.bh], al
.end:
    jmp mouse_end

; 02h: BH = 0 to 6: 10 to 200 reports a second.
.rate:
    movzx bx, byte [bp+regs.bh]
    cmp bl, 6
    ja .bad_input
    mov cl, [cs:.rates+bx]
    mov al, 0F3h
    jmp mouse_double
.rates:
    db 10, 20, 40, 60, 80, 100, 200

; 03h: BH = 0 to 3: 1 to 8 counts a millimetre.
.resolution:
    mov cl, [bp+regs.bh]
    cmp cl, 3
    ja .bad_input
    mov al, 0E8h
    jmp mouse_double

; 04h: BH = device.
.type:
    call mouse_begin
    mov al, 0F2h
    call mouse_send
    jnz .end
    call mouse_receive
    jnz .end
    mov [bp+regs.bh], al
    jmp .end

; 05h: BH = bytes in a packet; the device is reset.
.init:
    mov al, [bp+regs.bh]
    dec al
    cmp al, 7
    ja .bad_input
    and byte [es:EB_MOUSE_FLAGS2], ~07h & 0FFh
    or [es:EB_MOUSE_FLAGS2], al
    mov byte [es:EB_MOUSE_FLAGS1], 0
    push word [bp+regs.bx]
    call .reset
    pop word [bp+regs.bx]
    ret

; 06h: BH = 0: BL, CL, DL = status, resolution, rate; 1: scaling 1:1; 2: scaling 2:1.
.extended:
    mov al, 0E6h
    cmp byte [bp+regs.bh], 1
    je mouse_single
    mov al, 0E7h
    ja .scaling
    call mouse_begin
    mov al, 0E9h
    call mouse_send
    jnz .end
    call mouse_receive
    jnz .end
    mov [bp+regs.bl], al
    call mouse_receive
    jnz .end
    mov [bp+regs.cl], al
    call mouse_receive
    jnz .end
    mov [bp+regs.dl], al
    jmp .end
.scaling:
    cmp byte [bp+regs.bh], 2
    je mouse_single
    jmp .bad_input

; 07h: ES:BX = handler, 0:0: none.
.set_handler:
    mov ax, [bp+regs.es]
    mov bx, [bp+regs.bx]
    cli
    mov [es:EB_MOUSE_CALL], bx
    mov [es:EB_MOUSE_CALL+2], ax
    and byte [es:EB_MOUSE_FLAGS2], ~MOUSE_INSTALLED & 0FFh
    or ax, bx
    jz .handler_set
    or byte [es:EB_MOUSE_FLAGS2], MOUSE_INSTALLED
.handler_set:
    mov ah, MOUSE_OK
    ret

; 08h: BL = byte for the device.
.write:
    mov al, [bp+regs.bl]
    jmp mouse_single

; 09h: BL, CL, DL = the next bytes from the device.
.read:
    call mouse_begin
    call mouse_receive
    jnz .end
    mov [bp+regs.bl], al
    call mouse_receive
    jnz .end
    mov [bp+regs.cl], al
    call mouse_receive
    jnz .end
    mov [bp+regs.dl], al
    jmp .end

; ---------------------------------------------------------------- the device

; Sends AL, and for mouse_double CL after it. AH: status.
mouse_single:
    call mouse_begin
    call mouse_send
    jmp mouse_end
mouse_double:
    call mouse_begin
    call mouse_send
    jnz mouse_end
    mov al, cl
    call mouse_send
    ; fall through

; Ends an exchange: keyboard and mouse interrupt as they should be. Keeps AH and its flags.
mouse_end:
    push ax
    mov al, 20h
    call kbc_command
    call kbc_read_own
    and al, ~(KBC_AUX_OFF | 10h) & 0FFh
    or al, KBC_AUX_IRQ | 01h
    mov ah, al
    mov al, 60h
    call kbc_command
    mov al, ah
    call kbc_data
    sti
    in al, PIC2_MASK
    and al, 0EFh
    out PIC2_MASK, al
    in al, PIC1_MASK
    and al, 0FBh
    out PIC1_MASK, al
    pop ax
    test ah, ah
    ret

; Begins an exchange: the keyboard is silent, the mouse is not interrupting. Leaves interrupts off. Keeps AX
; and CX.
mouse_begin:
    push ax
    push cx
    mov byte [es:EB_MOUSE_FLAGS1], 0
    mov al, 0ADh                ; keyboard off
    call kbc_command
    mov cx, 8
.drain:
    sti                         ; a key that came before goes its way
    nop
    nop
    cli
    in al, KBC_STATUS
    test al, KBC_OBF
    jz .drained
    push cx
    mov cx, 2
    call delay
    pop cx
    loop .drain
    in al, KBC_DATA             ; nobody takes it
.drained:
    mov al, 0A8h                ; mouse on
    call kbc_command
    mov al, 20h
    call kbc_command
    call kbc_read_own
    and al, ~(KBC_AUX_OFF | KBC_AUX_IRQ | 01h) & 0FFh
    or al, 10h
    mov ah, al
    mov al, 60h
    call kbc_command
    mov al, ah
    call kbc_data
    pop cx
    pop ax
    ret

; AL = the controller's own answer, past bytes of the devices.
kbc_read_own:
    push cx
    mov cx, 8
.next:
    call kbc_read
    jc .return
    push ax
    in al, KBC_STATUS
    test al, KBC_OBF
    pop ax
    jz .return
    loop .next
.return:
    pop cx
    ret

; Sends AL to the mouse. AH: status, ZF: acknowledged.
mouse_send:
    push ax
    mov al, 0D4h
    call kbc_command
    pop ax
    call kbc_data
    call mouse_receive
    jnz .return
    cmp al, KEYBOARD_ACK
    je .return
    mov ah, MOUSE_RESEND
    cmp al, KEYBOARD_RESEND
    je .failed
    mov ah, MOUSE_ERROR
.failed:
    test ah, ah
.return:
    ret

; AL = the next byte from the mouse. AH: status, ZF: one came.
mouse_receive_late:
    push cx
    mov cx, 50                  ; a reset takes up to a second
    jmp mouse_receive_wait
mouse_receive:
    push cx
    mov cx, 2
mouse_receive_wait:
    call kbc_read
    mov ah, MOUSE_OK
    jnc .came
    loop mouse_receive_wait
    mov ah, MOUSE_ERROR
.came:
    test ah, ah
    pop cx
    ret

; ---------------------------------------------------------------- INT 74h

int74:
    push ax
    push bx
    push ds
    push es
    push BDA
    pop ds
    mov es, [EBDA_SEGMENT]
    in al, KBC_STATUS
    and al, KBC_OBF | KBC_AUX
    cmp al, KBC_OBF | KBC_AUX
    jne .end
    in al, KBC_DATA
    test byte [es:EB_MOUSE_FLAGS2], MOUSE_INSTALLED
    jz .end
    movzx bx, byte [es:EB_MOUSE_FLAGS1]
    and bl, 07h
    jnz .store
    test al, 08h                ; a first byte has this bit: drop what is out of step
    jz .end
.store:
    mov [es:bx+EB_MOUSE_DATA], al
    inc bl
    mov al, [es:EB_MOUSE_FLAGS2]
    and al, 07h
    cmp bl, al
    mov [es:EB_MOUSE_FLAGS1], bl
    jbe .end
    mov byte [es:EB_MOUSE_FLAGS1], 0
    mov ah, 0
    mov al, [es:EB_MOUSE_DATA]
    push ax
    mov al, [es:EB_MOUSE_DATA+1]
    push ax
    mov al, [es:EB_MOUSE_DATA+2]
    push ax
    mov al, 0
    cmp bl, 4
    jb .z
    mov al, [es:EB_MOUSE_DATA+3]
.z:
    push ax
    sti
    call far [es:EB_MOUSE_CALL]
    add sp, 8
    cld
.end:
    cli
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    out PIC1_COMMAND, al
    pop es
    pop ds
    pop bx
    pop ax
    iret
