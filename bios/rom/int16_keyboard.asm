; INT 16h, keyboard.

int16:
    sti
    cld
    push ds
    push bx
    push bp
    mov bp, sp                  ; flags at BP + 10
    push BDA
    pop ds
    cmp ah, 12h
    ja .unknown
    movzx bx, ah
    shl bx, 1
    call [cs:.functions+bx]
.unknown:
    pop bp
    pop bx
    pop ds
    iret
.functions:
    dw .read, .peek, .shift_state, .typematic
    dw .nothing, .write, .nothing, .nothing
    dw .nothing, .capabilities, .identity, .nothing
    dw .nothing, .nothing, .nothing, .nothing
    dw .read_enhanced, .peek_enhanced, .shift_state_enhanced
.nothing:
    ret

FLAGS_AT        equ 10

; 00h, 10h: AX = the next key, waiting for it.
.read:
    call .wait
    call .filter
    jc .read                    ; not a key of the 84-key keyboard
    ret
.read_enhanced:
    call .wait
    jmp .unmark

; AX = the next key, taken from the buffer.
.wait:
    cli
    mov bx, [KB_HEAD]
    cmp bx, [KB_TAIL]
    jne .take
    sti
    mov ax, 9002h               ; a multitasker may run something else
    int 15h
.sleep:
    cli
    mov bx, [KB_HEAD]
    cmp bx, [KB_TAIL]
    jne .take
    call idle
    jmp .sleep
.take:
    mov ax, [bx]
    call .advance
    sti
    ret

; Moves the head past the key at BX.
.advance:
    inc bx
    inc bx
    cmp bx, [KB_BUFFER_LIMIT]
    jb .inside
    mov bx, [KB_BUFFER_FIRST]
.inside:
    mov [KB_HEAD], bx
    ret

; 01h, 11h: ZF if no key waits, else AX = it.
.peek:
    cli
    mov bx, [KB_HEAD]
    cmp bx, [KB_TAIL]
    je .none
    push ax
    mov ax, [bx]
    call .filter
    jnc .some
    call .advance               ; 01h throws away what it cannot report
    pop ax
    jmp .peek
.peek_enhanced:
    cli
    mov bx, [KB_HEAD]
    cmp bx, [KB_TAIL]
    je .none
    push ax
    mov ax, [bx]
    call .unmark
.some:
    pop bx
    and byte [bp+FLAGS_AT], ~FLAG_ZERO & 0FFh
    sti
    ret
.none:
    or byte [bp+FLAGS_AT], FLAG_ZERO
    sti
    push dx
    mov dx, IDLE_HINT
    out dx, al                  ; the host may rest while programs do nothing but ask
    pop dx
    ret

; AX for programs that know 84 keys. CF: it is none of those keys.
.filter:
    cmp ah, 0E0h
    je .grey
    cmp al, 0F0h
    je .marked
    cmp ah, 84h
    ja .drop                    ; F11 and the like
    cmp al, 0E0h
    jne .keep
    test ah, ah
    jz .keep                    ; Alt number 224
    xor al, al
.keep:
    clc
    ret
.marked:
    test ah, ah
    jz .keep                    ; Alt number 240
.drop:
    stc
    ret
.grey:
    mov ah, 35h                 ; keypad /
    cmp al, '/'
    je .keep
    mov ah, 1Ch                 ; keypad Enter
    jmp .keep

; AX for programs that know 101 keys.
.unmark:
    cmp al, 0F0h
    jne .as_it_is
    test ah, ah
    jz .as_it_is
    xor al, al
.as_it_is:
    ret

; 02h: AL = shift states.
.shift_state:
    mov al, [KB_FLAGS]
    ret

; 12h: the same, and AH = which shift and lock keys are down.
.shift_state_enhanced:
    mov al, [KB_FLAGS]
    mov ah, [KB_FLAGS2]
    mov bh, ah
    and bh, KB2_CAPS | KB2_NUM | KB2_SCROLL | KB2_LALT | KB2_LCTRL
    test ah, KB2_SYSREQ
    jz .no_sysreq
    or bh, 80h
.no_sysreq:
    mov ah, [KB_MODE]
    and ah, KBM_RCTRL | KBM_RALT
    or ah, bh
    ret

; 03h: typematic. AL = 5: BH = delay, BL = rate; AL = 0: the defaults; AL = 6: BX = delay and rate set last,
; which only the keyboard knows.
.typematic:
    mov bx, [bp+2]
    cmp al, 5
    je .set_typematic
    mov bx, 010Bh
    cmp al, 0
    jne .return
.set_typematic:
    cmp bx, 0400h
    jae .return
    cmp bl, 20h
    jae .return
    push ax
    shl bh, 5
    or bl, bh
    mov al, 0F3h
    call keyboard_command
    jc .typematic_done
    mov al, bl
    call keyboard_command
.typematic_done:
    pop ax
.return:
    ret

; 05h: put CX into the buffer. AL = 1: it is full.
.write:
    push ax
    mov ax, cx
    call keyboard_store
    pop ax
    mov al, 0
    adc al, 0
    ret

; 09h: AL = what 03h and the enhanced functions can do here.
.capabilities:
    mov al, 35h                 ; 10h-12h, 0Ah, 0305h, 0300h
    ret

; 0Ah: BX = keyboard ID, in translated mode.
.identity:
    mov word [bp+2], 41ABh
    ret

; Sends AL to the keyboard and waits for the acknowledgement, which comes by INT 09h if that can run and else is
; read here. CF: none came.
keyboard_command:
    push cx
    and byte [KB_LEDS], ~(KBL_ACK | KBL_RESEND | KBL_UPDATE | KBL_DATA_SENT) & 0FFh
    call kbc_data
    jc .return
    mov cx, KBC_TIMEOUT
.wait:
    test byte [KB_LEDS], KBL_ACK
    jnz .return                 ; CF = 0
    push cx
    mov cx, 1
    call delay
    pop cx
    loop .wait
    stc
.return:
    pop cx
    ret
