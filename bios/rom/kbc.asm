; The 8042 keyboard controller: bytes to and from it, its start-up, and gate A20.

KBC_TIMEOUT     equ 1400        ; 20 ms in units of 15 us
; Command byte: translation, system flag, keyboard interrupt; mouse off.
KBC_MODE        equ 65h

; Sends command AL to the controller. CF: it does not listen.
kbc_command:
    push dx
    mov dx, KBC_COMMAND
    jmp kbc_write
; Sends byte AL to the keyboard, or the parameter of a command to the controller.
kbc_data:
    push dx
    mov dx, KBC_DATA
kbc_write:
    push bx
    push cx
    push ax
    push dx
    mov dx, KBC_STATUS
    mov bx, KBC_IBF             ; BH = 0
    mov cx, KBC_TIMEOUT
    call wait_port
    pop dx
    pop ax
    jc .return
    out dx, al
.return:
    pop cx
    pop bx
    pop dx
    ret

; AL = the next byte from the controller, whosever it is. CF: none came.
kbc_read:
    push bx
    push cx
    push dx
    mov dx, KBC_STATUS
    mov bx, KBC_OBF << 8 | KBC_OBF
    mov cx, KBC_TIMEOUT
    call wait_port
    jc .return
    in al, KBC_DATA
    clc
.return:
    pop dx
    pop cx
    pop bx
    ret

; POST, interrupts off: test the controller, set translation, bring the keyboard to its defaults.
init_keyboard:
    mov cx, 32                  ; what the last program left
.flush:
    in al, KBC_STATUS
    test al, KBC_OBF
    jz .flushed
    in al, KBC_DATA
    loop .flush
.flushed:
    mov al, 0AAh
    call kbc_command
    jc .return
    call kbc_read
    mov al, 60h
    call kbc_command
    mov al, KBC_MODE
    call kbc_data
    mov al, 0F6h                ; defaults
    call .keyboard
    jc .return
    mov al, 0F0h                ; scan code set 2, which the controller translates
    call .keyboard
    mov al, 2
    call .keyboard
    mov al, 0EDh
    call .keyboard
    mov al, 0
    call .keyboard
    mov al, 0F4h
    call .keyboard
    mov al, 0A9h                ; is there a mouse port
    call kbc_command
    call kbc_read
    jc .return
    test al, al
    jnz .return
    or byte [EQUIPMENT], 04h
.return:
    ret
; Sends AL to the keyboard and waits for its answer. CF: none came.
.keyboard:
    call kbc_data
    jc .done
    call kbc_read
.done:
    ret

; ---------------------------------------------------------------- gate A20

; Both ways that open the gate, closed.
a20_off:
    push ax
    in al, PORT_92
    and al, ~(PORT_92_A20 | 1) & 0FFh
    out PORT_92, al
    mov al, 0D1h
    call kbc_command
    mov al, 0DDh                ; output port: reset inactive, A20 closed, interrupts on, clock and data high
    call kbc_data
    pop ax
    ret

a20_on:
    push ax
    in al, PORT_92
    or al, PORT_92_A20
    and al, 0FEh
    out PORT_92, al
    pop ax
    ret

; AL = 1 if the gate is open: is the word at 1 MiB the one at 0? ZF accordingly. Call with interrupts off.
a20_query:
    push bx
    push ds
    push es
    push 0
    pop ds
    push 0FFFFh
    pop es
    mov bx, [0]
    mov al, 0
    cmp bx, [es:10h]
    jne .open
    not word [0]
    cmp bx, [es:10h]
    mov [0], bx
    jne .closed
.open:
    mov al, 1
.closed:
    test al, al
    pop es
    pop ds
    pop bx
    ret
