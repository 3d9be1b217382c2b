; INT 14h, serial ports.

COM_COUNT       equ 4
COM_DATA        equ 0
COM_IER         equ 1
COM_IIR         equ 2
COM_LCR         equ 3
COM_MCR         equ 4
COM_LSR         equ 5
COM_MSR         equ 6
LCR_DLAB        equ 80h
LSR_READY       equ 01h
LSR_ERRORS      equ 1Eh
LSR_EMPTY       equ 20h
COM_TIME_OUT    equ 80h

int14:
    ENTER_SERVICE
    sti
    cmp dx, COM_COUNT
    jae .return
    mov bx, dx
    add bx, bx
    mov dx, [bx+COM_BASES]
    test dx, dx
    jz .return
    movzx si, ah
    cmp si, 5
    ja .return
    add si, si
    call [cs:.functions+si]
.return:
    LEAVE_SERVICE
.functions:
    dw .init, .send, .receive, .status, .init_extended, .modem_control

; 00h: AL: rate in 7-5, parity in 4-3, stop bits in 2, length in 1-0. AX = status.
.init:
    mov al, [bp+regs.al]
    movzx bx, al
    shr bx, 4
    and bl, 0Eh
    mov cx, [cs:.divisors+bx]
    and al, 1Fh
    call .set_line
; 03h: AX = status.
.status:
    add dx, COM_LSR
    in al, dx
    mov ah, al
    inc dx
    in al, dx
    mov [bp+regs.ax], ax
    ret

; Divisor CX, line control AL.
.set_line:
    push ax
    add dx, COM_LCR
    mov al, LCR_DLAB
    out dx, al
    sub dx, COM_LCR
    mov al, cl
    out dx, al
    inc dx
    mov al, ch
    out dx, al
    add dx, COM_LCR-1
    pop ax
    out dx, al
    sub dx, COM_LCR-COM_IER
    mov al, 0
    out dx, al
    dec dx
    ret
.divisors:
    dw 1047, 768, 384, 192, 96, 48, 24, 12          ; 110 to 9600

; 01h: sends AL. AH = line status, bit 7 if time ran out.
.send:
    add dx, COM_MCR
    mov al, 03h                 ; DTR, RTS
    out dx, al
    add dx, COM_MSR-COM_MCR
    mov cx, 3030h               ; DSR, CTS
    call .wait
    jc .failed
    dec dx                      ; line status
    mov cx, LSR_EMPTY << 8 | LSR_EMPTY
    call .wait
    jc .failed
    sub dx, COM_LSR
    mov ah, al
    mov al, [bp+regs.al]
    out dx, al
    mov [bp+regs.ah], ah
    ret
.failed:
    or al, COM_TIME_OUT
    mov [bp+regs.ah], al
    ret

; 02h: AL = the byte received, AH = its errors.
.receive:
    add dx, COM_MCR
    mov al, 01h                 ; DTR
    out dx, al
    add dx, COM_MSR-COM_MCR
    mov cx, 2020h               ; DSR
    call .wait
    jc .failed
    dec dx
    mov cx, LSR_READY << 8 | LSR_READY
    call .wait
    jc .failed
    and al, LSR_ERRORS
    mov ah, al
    sub dx, COM_LSR
    in al, dx
    mov [bp+regs.ax], ax
    ret

; 04h: AL = break, BH = parity, BL = stop bits, CH = length, CL = rate. AX = status.
.init_extended:
    cmp byte [bp+regs.cl], 8
    ja .status
    movzx bx, byte [bp+regs.cl]
    add bx, bx
    mov cx, [cs:.extended_divisors+bx]
    movzx bx, byte [bp+regs.bh]
    cmp bl, 4
    ja .status
    mov al, [cs:.parities+bx]
    cmp byte [bp+regs.bl], 0
    je .one_stop
    or al, 04h
.one_stop:
    mov ah, [bp+regs.ch]
    and ah, 3
    or al, ah
    cmp byte [bp+regs.al], 0
    je .no_break
    or al, 40h
.no_break:
    call .set_line
    jmp .status
.extended_divisors:
    dw 1047, 768, 384, 192, 96, 48, 24, 12, 6
.parities:
    db 00h, 08h, 18h, 28h, 38h

; 05h: AL = 0: BL = modem control; AL = 1: set it to BL. Both: AX = status.
.modem_control:
    add dx, COM_MCR
    cmp byte [bp+regs.al], 1
    ja .modem_done
    je .set_modem
    in al, dx
    mov [bp+regs.bl], al
    jmp .modem_done
.set_modem:
    mov al, [bp+regs.bl]
    out dx, al
.modem_done:
    sub dx, COM_MCR
    jmp .status

; Waits until (port DX AND CL) = CH, as long as 40:7C says for this port. AL: what was read. CF: time ran out.
.wait:
    push bx
    push cx
    push si
    mov si, [bp+regs.dx]
    movzx si, byte [si+COM_TIMEOUTS]
    mov bx, cx
.second:
    mov cx, 65535               ; times 15 us
    call wait_port
    jnc .came
    dec si
    jg .second
    stc
.came:
    pop si
    pop cx
    pop bx
    ret

; POST: which ports are there. A UART's interrupt identification has two zero bits. They start at 9600 bit/s with
; eight data bits, for programs that take them as they are.
init_serial:
    xor bx, bx
    xor si, si
.next:
    mov dx, [cs:.bases+si]
    add dx, COM_IIR
    in al, dx
    test al, 30h
    jnz .absent
    sub dx, COM_IIR
    mov [bx+COM_BASES], dx
    mov cx, 12
    mov al, 03h
    call int14.set_line
    inc bx
    inc bx
.absent:
    inc si
    inc si
    cmp si, COM_COUNT*2
    jb .next
    shl bx, 8                   ; two a port: bits 9-11
    or [EQUIPMENT], bx
    ret
.bases:
    dw 3F8h, 2F8h, 3E8h, 2E8h
