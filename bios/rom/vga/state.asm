; INT 10h/1Ch: saving and restoring the state of the card.

; The parts in a buffer, in this order, each only if its bit of CX is set.
STATE_HARDWARE  equ 1           ; registers, 128 bytes
STATE_BDA       equ 2           ; data area and vectors, 64 bytes
STATE_DAC       equ 4           ; mask and 256 colours, 832 bytes

save_restore:
    cmp al, 2
    ja .none
    and cx, 7
    jz .none
    cmp al, 1
    je .save
    ja .restore
    xor bx, bx                  ; 00h: BX = size in units of 64
    test cl, STATE_HARDWARE
    jz .bda
    add bx, 2
.bda:
    test cl, STATE_BDA
    jz .dac
    inc bx
.dac:
    test cl, STATE_DAC
    jz .size
    add bx, 13
.size:
    mov [bp+frame.bx], bx
.done:
    mov byte [bp+frame.al], 1Ch
.none:
    ret

; 01h: save to ES:BX
.save:
    mov di, bx
    test cl, STATE_HARDWARE
    jz .save_bda
    push cx
    push di
    call save_hardware
    pop di
    add di, 128
    pop cx
.save_bda:
    test cl, STATE_BDA
    jz .save_dac
    push cx
    push di
    call save_bda
    pop di
    add di, 64
    pop cx
.save_dac:
    test cl, STATE_DAC
    jz .done
    mov dx, PEL_MASK
    in al, dx
    stosb
    inc dx
    mov al, 0
    out dx, al
    mov dx, DAC_DATA
    mov cx, 768
.colour:
    in al, dx
    stosb
    loop .colour
    jmp .done

; 02h: restore from ES:BX
.restore:
    mov si, bx
    test cl, STATE_HARDWARE
    jz .restore_bda
    push cx
    push si
    call restore_hardware
    pop si
    add si, 128
    pop cx
.restore_bda:
    test cl, STATE_BDA
    jz .restore_dac
    push cx
    push si
    call restore_bda
    pop si
    add si, 64
    pop cx
.restore_dac:
    test cl, STATE_DAC
    jz .done
    mov dx, PEL_MASK
    mov al, [es:si]
    inc si
    out dx, al
    mov dx, DAC_WRITE_INDEX
    mov al, 0
    out dx, al
    inc dx
    mov cx, 768
.restore_colour:
    mov al, [es:si]
    inc si
    out dx, al
    loop .restore_colour
    jmp .done

; ---------------------------------------------------------------- hardware

; CRTC port, indices of sequencer, CRTC and graphics controller; then as an entry of the parameter table: sequencer 1-4,
; misc, CRTC, attribute, graphics; then attribute 14h and sequencer 0.
save_hardware:
    mov ax, [CRTC_PORT]
    stosw
    mov dx, SEQUENCER
    in al, dx
    stosb
    push ax
    mov dx, [CRTC_PORT]
    in al, dx
    stosb
    push ax
    mov dx, GRAPHICS
    in al, dx
    stosb
    push ax
    mov dx, SEQUENCER
    mov bx, 0401h
    call .registers
    mov dx, MISC_READ
    in al, dx
    stosb
    mov dx, [CRTC_PORT]
    mov bx, 1900h
    call .registers
    xor cx, cx
.attribute:
    mov al, cl
    call get_attribute
    stosb
    inc cx
    cmp cl, 14h
    jb .attribute
    mov dx, GRAPHICS
    mov bx, 0900h
    call .registers
    mov al, 14h
    call get_attribute
    stosb
    pop ax                      ; the indices as they were
    mov dx, GRAPHICS
    out dx, al
    pop ax
    mov dx, [CRTC_PORT]
    out dx, al
    pop ax
    mov dx, SEQUENCER
    out dx, al
    ret

; Stores BH registers from BL on of the indexed device at DX.
.registers:
    mov al, bl
    out dx, al
    inc dx
    in al, dx
    dec dx
    stosb
    inc bl
    dec bh
    jnz .registers
    ret

restore_hardware:
    push si
    add si, 5 - param.sequencer
    call load_registers
    pop si
    mov al, 14h
    mov ah, [es:si+5+64-param.sequencer]
    call set_attribute
    mov ax, [es:si]
    mov [CRTC_PORT], ax
    mov dx, SEQUENCER
    mov al, [es:si+2]
    out dx, al
    mov dx, [CRTC_PORT]
    mov al, [es:si+3]
    out dx, al
    mov dx, GRAPHICS
    mov al, [es:si+4]
    out dx, al
    ret

; ---------------------------------------------------------------- data area

; 449h-466h, 484h-48Ah, 4A8h-4ABh and vectors 1Fh, 43h.
save_bda:
    mov si, VIDEO_MODE
    mov cx, 30
    rep movsb
    mov si, ROWS_LESS_1
    mov cx, 7
    rep movsb
    mov si, SAVE_POINTER
    movsw
    movsw
    push ds
    xor ax, ax
    mov ds, ax
    mov si, 1Fh*4
    movsw
    movsw
    mov si, 43h*4
    movsw
    movsw
    pop ds
    ret

restore_bda:
    push ds
    push es
    push ds
    pop es
    pop ds                      ; from the buffer to segment 0040h
    mov di, VIDEO_MODE
    mov cx, 30
    rep movsb
    mov di, ROWS_LESS_1
    mov cx, 7
    rep movsb
    mov di, SAVE_POINTER
    movsw
    movsw
    push es
    xor ax, ax
    mov es, ax
    mov di, 1Fh*4
    movsw
    movsw
    mov di, 43h*4
    movsw
    movsw
    pop es
    push ds
    pop es
    pop ds
    ret
