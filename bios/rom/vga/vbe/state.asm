; Saving and restoring the state of the card.

; ---------------------------------------------------------------- 04h: state of the parts in CX, at ES:BX

; Ours, bit 3, comes first and takes a block of 64 bytes: VBE_MODE, then the registers 1 to 9. The others follow as
; INT 10h/1Ch keeps them.
vbe_state:
    cmp dl, 2
    ja .failed
    test cx, 0Fh
    jz .failed
    test dl, dl
    jnz .move
    push cx
    xor al, al
    call save_restore           ; without any of its parts it returns nothing
    pop cx
    mov bx, [bp+frame.bx]
    test cl, 7
    jnz .size
    xor bx, bx
.size:
    test cl, 8
    jz .store
    inc bx
.store:
    mov [bp+frame.bx], bx
    jmp .done
.move:
    test cl, 8
    jz .rest
    push bx
    push cx
    push dx
    cmp dl, 2
    je .restore
    mov ax, [VBE_MODE]
    mov [es:bx], ax
    mov cl, DISPI_X_RES
.save:
    mov al, cl
    call dispi_read
    add bx, 2
    mov [es:bx], ax
    inc cx
    cmp cl, DISPI_Y_OFFSET
    jbe .save
    jmp .moved
.restore:
    call vbe_off
    mov ax, [es:bx]
    mov [VBE_MODE], ax
    mov si, vbe_restored
.next:
    mov al, [cs:si]
    test al, al
    jz .moved
    movzx di, al
    add di, di
    mov cx, [es:bx+di]
    cmp al, DISPI_ENABLE
    jne .write
    or cl, 80h                  ; what memory holds is not ours to clear
.write:
    call dispi_write
    inc si
    jmp .next
.moved:
    pop dx
    pop cx
    pop bx
    add bx, 64
.rest:
    test cl, 7
    jz .done
    mov al, dl
    call save_restore
.done:
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; In which order registers are restored.
vbe_restored:
    db DISPI_X_RES, DISPI_Y_RES, DISPI_BPP, DISPI_ENABLE, DISPI_VIRT_WIDTH
    db DISPI_X_OFFSET, DISPI_Y_OFFSET, DISPI_BANK, 0
