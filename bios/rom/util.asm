; Helpers that several services share. All keep the registers they do not return something in.

; Waits for an interrupt. Called with interrupts off, after the last look at what is waited for; returns with
; them on. Sleeps where that is possible: not under a virtual-8086 monitor (PE reads 1) and not while the timer,
; which bounds the sleep, is masked.
idle:
    push ax
    smsw ax
    test al, 1
    jnz .poll
    in al, PIC1_MASK
    test al, 1
    jnz .poll
    sti
    hlt
    pop ax
    ret
.poll:
    sti
    nop
    nop
    pop ax
    ret

; Waits until (port DX AND BL) = BH, at most CX times 15 us. CF: time is up. AL: what the port read last.
wait_port:
    push cx
    push si
    xor si, si
.poll:
    in al, dx
    mov ah, al
    and al, bl
    cmp al, bh
    je .done
    in al, PORT_B
    and ax, PORT_B_REFRESH
    cmp ax, si
    je .poll
    mov si, ax
    loop .poll
    in al, dx
    stc
    jmp .return
.done:
    mov al, ah
    clc
.return:
    pop si
    pop cx
    ret

; Waits CX times 15 us.
delay:
    push ax
    push bx
    push dx
    mov dx, POST_PORT           ; any port but PORT_B, whose bit some machines toggle by reading
    mov bx, 0FF00h              ; no value of a port ANDed with 0 is FFh
    call wait_port
    pop dx
    pop bx
    pop ax
    ret

; AL = CMOS register AL. Leaves NMI enabled.
cmos_read:
    pushf
    cli
    out CMOS_INDEX, al
    in al, CMOS_DATA
    popf
    ret

; CMOS register AL = AH.
cmos_write:
    pushf
    cli
    out CMOS_INDEX, al
    xchg al, ah
    out CMOS_DATA, al
    xchg al, ah
    popf
    ret

; AX = CMOS registers AL and AL + 1, low byte first.
cmos_read_word:
    push bx
    mov bl, al
    inc al
    call cmos_read
    mov bh, al
    mov al, bl
    call cmos_read
    mov ah, bh
    pop bx
    ret

; ES = extended BIOS data area. DS must be the BIOS data area.
load_ebda:
    mov es, [EBDA_SEGMENT]
    ret

; ---------------------------------------------------------------- text output, to the screen and to port E9h

; The character AL.
put_char:
    pusha
    out DEBUG_PORT, al
    mov ah, 0Eh
    mov bx, 0007h
    int 10h
    popa
    ret

; The text at CS:SI up to its zero.
put_text:
    push ax
    push si
.next:
    cs lodsb
    test al, al
    jz .done
    call put_char
    jmp .next
.done:
    pop si
    pop ax
    ret

put_newline:
    push ax
    mov al, 13
    call put_char
    mov al, 10
    call put_char
    pop ax
    ret

; EAX in decimal.
put_decimal:
    pushad
    mov ebx, 10
    xor cx, cx
.divide:
    xor edx, edx
    div ebx
    push dx
    inc cx
    test eax, eax
    jnz .divide
.digit:
    pop ax
    add al, '0'
    call put_char
    loop .digit
    popad
    ret

; AL in two hexadecimal digits.
put_hex:
    push ax
    push ax
    shr al, 4
    call .digit
    pop ax
    and al, 0Fh
    call .digit
    pop ax
    ret
.digit:
    cmp al, 10
    sbb al, 69h
    das
    jmp put_char
