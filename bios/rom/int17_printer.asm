; INT 17h, printers.

LPT_COUNT       equ 3
LPT_STATUS      equ 1
LPT_CONTROL     equ 2

int17:
    ENTER_SERVICE
    sti
    cmp dx, LPT_COUNT
    jae .return
    mov bx, dx
    add bx, bx
    mov dx, [bx+LPT_BASES]
    test dx, dx
    jz .none
    cmp ah, 1
    jb .print
    je .init
    cmp ah, 2
    je .status
    jmp .return
; Without a port: time out.
.none:
    mov byte [bp+regs.ah], 01h
    jmp .return

; 00h: prints AL.
.print:
    mov al, [bp+regs.al]
    out dx, al
    inc dx
    mov si, [bp+regs.dx]
    movzx si, byte [si+LPT_TIMEOUTS]
.second:
    mov bx, 8080h               ; not busy
    mov cx, 65535               ; times 15 us
    call wait_port
    jnc .strobe
    dec si
    jg .second
    call .read_status
    or ah, 01h
    jmp .store
.strobe:
    inc dx
    mov al, 0Dh                 ; selected, not in reset, strobe
    out dx, al
    in al, PORT_B
    in al, PORT_B
    mov al, 0Ch
    out dx, al
    sub dx, LPT_CONTROL
    jmp .status
; 01h: resets the printer.
.init:
    add dx, LPT_CONTROL
    mov al, 08h
    out dx, al
    mov cx, 4
    call delay
    mov al, 0Ch
    out dx, al
    sub dx, LPT_CONTROL
; 02h: AH = status.
.status:
    inc dx
    call .read_status
.store:
    mov [bp+regs.ah], ah
.return:
    LEAVE_SERVICE

; AH = status of the printer whose status port is DX.
.read_status:
    in al, dx
    mov ah, al
    and ah, 0F8h
    xor ah, 48h                 ; acknowledge and error are active low
    ret

; POST: a port holds what is written to it.
init_printers:
    xor bx, bx
    xor si, si
.next:
    mov dx, [cs:.bases+si]
    mov al, 0AAh
    out dx, al
    out POST_PORT, al           ; something else on the bus
    in al, dx
    cmp al, 0AAh
    jne .absent
    mov al, 55h
    out dx, al
    out POST_PORT, al
    in al, dx
    cmp al, 55h
    jne .absent
    mov [bx+LPT_BASES], dx
    inc bx
    inc bx
    add dx, LPT_CONTROL
    mov al, 0Ch
    out dx, al
.absent:
    inc si
    inc si
    cmp si, LPT_COUNT*2
    jb .next
    shl bx, 13                  ; two a port: bits 14-15
    or [EQUIPMENT], bx
    ret
.bases:
    dw 3BCh, 378h, 278h
