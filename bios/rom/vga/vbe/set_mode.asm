; Setting a mode, and which one is set.

; In the BIOS data area: the number of the VBE mode with its bits 14 and 15, while one is set. VIDEO_MODE is then
; NO_MODE, which draws no text.
VBE_MODE        equ 0BAh
NO_MODE         equ 7Fh

; ---------------------------------------------------------------- 02h: set mode BX (bit 14: linear, 15: keep memory)

vbe_set_mode:
    test bx, 3E00h & ~0800h     ; bit 11, a CRTC block, changes nothing here
    jnz .none
    mov cx, bx
    and cx, ~0800h
    test ch, 3Fh
    jnz .extended
    mov al, cl                  ; a mode of IBM's; bit 15 there is bit 7 here
    cmp al, LAST_MODE
    ja .none
    test ch, 40h
    jnz .none
    movzx si, al
    cmp byte [cs:mode_kinds+si], 0FFh
    je .none
    mov ah, ch
    and ah, 80h
    or al, ah
    call set_mode
    mov ax, VBE_DONE
    ret
.none:
    mov ax, VBE_FAILED
    ret
.extended:
    push cx
    and ch, 1
    call vbe_find
    pop cx
    jc .none
    push cx
    push si
    mov al, 93h                 ; timing and colours; its memory is not ours
    call set_mode
    pop si
    pop cx
    and byte [VIDEO_CONTROL], 7Fh
    mov [VBE_MODE], cx
    mov byte [VIDEO_MODE], NO_MODE
    mov bx, cx
    mov cx, [cs:si+vbe_mode.x]
    mov al, DISPI_X_RES
    call dispi_write
    shr cx, 3
    mov [COLUMNS], cx
    mov cx, [cs:si+vbe_mode.y]
    mov al, DISPI_Y_RES
    call dispi_write
    shr cx, 4
    dec cx
    mov [ROWS_LESS_1], cl
    mov byte [CHAR_HEIGHT], 16
    mov cx, [cs:si+vbe_mode.bpp]
    mov al, DISPI_BPP
    call dispi_write
    mov cx, 1
    test bh, 40h
    jz .banked
    or cl, 40h
.banked:
    test bh, 80h
    jz .enable
    or cl, 80h
    or byte [VIDEO_CONTROL], 80h
.enable:
    mov al, DISPI_ENABLE
    call dispi_write
    mov ax, VBE_DONE
    ret

; ---------------------------------------------------------------- 03h: BX = mode

vbe_get_mode:
    call vbe_is_on
    mov bx, [VBE_MODE]
    jnz .store
    movzx bx, byte [VIDEO_MODE]
.store:
    mov [bp+frame.bx], bx
    mov ax, VBE_DONE
    ret
