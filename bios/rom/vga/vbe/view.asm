; Which part of the memory is seen: through the window, and on the monitor.

; ---------------------------------------------------------------- 05h: window BL at bank DX

; For programs that call it themselves, with BX and DX as for the interrupt.
vbe_window_far:
    call vbe_window_move
    retf

vbe_window:
    test bh, bh
    jnz vbe_window_get
    call vbe_is_on
    jz .not_now
    call vbe_window_move
    ret
.not_now:
    mov ax, VBE_NOT_NOW
    ret

; BH = 0: moves the window. BH = 1: DX = its bank. AX = result.
vbe_window_move:
    cmp bx, 0100h
    je .get
    test bx, bx
    jnz .failed
    push cx
    mov cx, dx
    mov al, DISPI_BANK
    call dispi_try
    pop cx
    jne .failed
    mov ax, VBE_DONE
    ret
.get:
    mov al, DISPI_BANK
    call dispi_read
    mov dx, ax
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

vbe_window_get:
    call vbe_is_on
    jz vbe_window.not_now
    call vbe_window_move
    mov [bp+frame.dx], dx
    ret

; ---------------------------------------------------------------- 06h: length of a line in memory

; BL = 0: CX dots, 2: CX bytes, 1: what it is, 3: the most. BX = bytes, CX = dots, DX = lines.
vbe_line_length:
    call vbe_is_on
    jz vbe_window.not_now
    cmp bl, 3
    ja .failed
    cmp bl, 1
    je .get
    cmp bl, 3
    je .most
    test bl, bl
    jz .set
    call vbe_dot_bytes
    xchg ax, cx                 ; bytes in AX, bytes of a dot in CX
    xor dx, dx
    add ax, cx
    adc dx, dx
    sub ax, 1
    sbb dx, 0
    div cx
    mov cx, ax
.set:
    add cx, 7                   ; in characters of eight dots
    jc .failed
    and cl, 0F8h
    mov al, DISPI_VIRT_WIDTH
    call dispi_try
    jne .failed
.get:
    mov al, DISPI_VIRT_WIDTH
    call dispi_read
    mov cx, ax
    mov al, DISPI_VIRT_HEIGHT
    call dispi_read
    mov dx, ax
.store:
    mov [bp+frame.cx], cx
    mov [bp+frame.dx], dx
    call vbe_dot_bytes
    mul cx
    mov [bp+frame.bx], ax
    mov ax, VBE_DONE
    ret
.most:
    ; As many dots as 64 KiB less a character have, or as leave room for the picture's lines.
    mov al, DISPI_Y_RES
    call dispi_read
    mov cx, ax
    mov al, DISPI_MEMORY
    call dispi_read
    mov dx, ax
    xor ax, ax
    cmp dx, cx
    jae .widest                 ; a line of 64 KiB would do
    div cx                      ; bytes that a line may have
    jmp .dots
.widest:
    mov ax, 0FFF8h
.dots:
    mov bx, ax
    call vbe_dot_bytes
    xchg ax, bx
    xor dx, dx
    div bx
    and al, 0F8h
    mov cx, ax
    mov al, DISPI_Y_RES
    call dispi_read
    mov dx, ax
    jmp .store
.failed:
    mov ax, 024Fh               ; not with this hardware
    ret

; ---------------------------------------------------------------- 07h: start of the picture

; BL = 0, 80h: dot CX of line DX is the first; 1: which it is.
vbe_start:
    call vbe_is_on
    jz vbe_window.not_now
    cmp bl, 1
    je .get
    test bl, 7Fh
    jnz .failed
    test bl, bl
    jns .set
    call vbe_wait_retrace
.set:
    mov al, DISPI_X_OFFSET
    call dispi_try
    jne .failed
    mov cx, dx
    mov al, DISPI_Y_OFFSET
    call dispi_try
    jne .failed
    mov ax, VBE_DONE
    ret
.get:
    mov al, DISPI_X_OFFSET
    call dispi_read
    mov [bp+frame.cx], ax
    mov al, DISPI_Y_OFFSET
    call dispi_read
    mov [bp+frame.dx], ax
    mov byte [bp+frame.bh], 0
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; Waits for the next vertical retrace.
vbe_wait_retrace:
    push ax
    push dx
    WAIT_FOR_RETRACE
    pop dx
    pop ax
    ret
