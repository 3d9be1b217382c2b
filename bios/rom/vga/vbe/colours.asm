; The DAC in VBE modes.

; ---------------------------------------------------------------- 08h: bits of the DAC

; BL = 0: BH bits, 1: how many. BH = bits.
vbe_dac:
    call vbe_is_on
    jz vbe_window.not_now
    mov al, DISPI_BPP
    call dispi_read
    cmp al, 8
    jne .not_now                ; direct colours do not pass it
    cmp bl, 1
    ja .failed
    mov al, DISPI_ENABLE
    call dispi_read
    test bl, bl
    jnz .bits
    or al, 80h
    and al, ~20h
    cmp bh, 8
    jb .write
    or al, 20h
.write:
    mov cx, ax
    mov al, DISPI_ENABLE
    call dispi_write
    mov ax, cx
.bits:
    mov bh, 6
    test al, 20h
    jz .store
    mov bh, 8
.store:
    mov [bp+frame.bh], bh
    mov ax, VBE_DONE
    ret
.not_now:
    mov ax, VBE_NOT_NOW
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; ---------------------------------------------------------------- 09h: CX colours from DX on, at ES:DI

; BL = 0, 80h: set; 1: get. Four bytes each: blue, green, red, one unused.
vbe_palette:
    cmp dx, 0FFh
    ja .failed
    mov ax, dx
    add ax, cx
    jc .failed
    cmp ax, 100h
    ja .failed
    cmp bl, 1
    je .get
    test bl, bl
    jz .set
    cmp bl, 80h
    jne .second
    call vbe_wait_retrace
.set:
    mov al, dl
    mov dx, DAC_WRITE_INDEX
    out dx, al
    inc dx
    jcxz .done
    DAC_WRITE di
    jmp .done
.get:
    mov al, dl
    mov dx, DAC_READ_INDEX
    out dx, al
    mov dl, DAC_DATA & 0FFh
    jcxz .done
.read:
    in al, dx
    mov [es:di+2], al
    in al, dx
    mov [es:di+1], al
    in al, dx
    mov [es:di], al
    mov byte [es:di+3], 0
    add di, 4
    loop .read
.done:
    mov ax, VBE_DONE
    ret
.second:
    mov ax, 024Fh               ; there is no secondary palette
    ret
.failed:
    mov ax, VBE_FAILED
    ret
