; Bochs's display interface: registers behind an index, by which the card shows a linear frame buffer.

DISPI_INDEX     equ 1CEh
DISPI_ID        equ 0
DISPI_X_RES     equ 1
DISPI_Y_RES     equ 2
DISPI_BPP       equ 3
DISPI_ENABLE    equ 4           ; 1: enabled, 20h: DAC of 8 bits, 40h: linear, 80h: memory is kept
DISPI_BANK      equ 5
DISPI_VIRT_WIDTH equ 6
DISPI_VIRT_HEIGHT equ 7
DISPI_X_OFFSET  equ 8
DISPI_Y_OFFSET  equ 9
DISPI_MEMORY    equ 0Ah         ; in units of 64 KiB


; Whether the card has it: Z. Keeps all registers.
dispi_there:
    push ax
    push dx
    mov al, DISPI_ID
    call dispi_read
    and al, 0F0h
    cmp ax, 0B0C0h
    pop dx
    pop ax
    ret

; AX = register AL.
dispi_read:
    push dx
    mov dx, DISPI_INDEX
    xor ah, ah
    out dx, ax
    inc dx
    in ax, dx
    pop dx
    ret

; Register AL = CX.
dispi_write:
    push ax
    push dx
    mov dx, DISPI_INDEX
    xor ah, ah
    out dx, ax
    inc dx
    mov ax, cx
    out dx, ax
    pop dx
    pop ax
    ret

; Register AL = CX. Z if it took that. Changes AX.
dispi_try:
    call dispi_write
    call dispi_read
    cmp ax, cx
    ret

; Whether a VBE mode is set: NZ. Keeps all registers.
vbe_is_on:
    push ax
    mov al, DISPI_ENABLE
    call dispi_read
    test al, 1
    pop ax
    ret

; Back to the VGA's own picture, before another mode is set. Keeps all registers.
vbe_off:
    call dispi_there
    jne .done
    push ax
    push cx
    mov al, DISPI_ENABLE
    xor cx, cx
    call dispi_write
    pop cx
    pop ax
.done:
    ret

; AX = bytes of a dot now.
vbe_dot_bytes:
    mov al, DISPI_BPP
    call dispi_read
    add ax, 7
    shr ax, 3
    ret
