; What there is: the controller and each mode.

vbe_maker:   db "oldiron", 0
vbe_product: db "oldiron VGA", 0
vbe_release: db "1", 0

; ---------------------------------------------------------------- 00h: the controller, to ES:DI

vbe_controller:
    xor si, si
    cmp word [es:di], "VB"
    jne .one
    cmp word [es:di+2], "E2"
    jne .one
    inc si                      ; the caller knows VBE 2.0: 512 bytes, the last 256 for the maker's data
.one:
    push di
    mov cx, 128
    xor ax, ax
    rep stosw
    test si, si
    jz .cleared
    mov cx, 128
    rep stosw
.cleared:
    pop di
    mov word [es:di], "VE"
    mov word [es:di+2], "SA"
    mov word [es:di+4], 0300h
    mov word [es:di+6], vbe_maker
    mov [es:di+8], cs
    mov byte [es:di+0Ah], 1     ; the DAC can have 8 bits
    mov word [es:di+0Eh], vbe_mode_numbers
    mov [es:di+10h], cs
    mov al, DISPI_MEMORY
    call dispi_read
    mov [es:di+12h], ax
    test si, si
    jz .done
    mov word [es:di+14h], 0100h
    mov word [es:di+16h], vbe_maker
    mov [es:di+18h], cs
    mov word [es:di+1Ah], vbe_product
    mov [es:di+1Ch], cs
    mov word [es:di+1Eh], vbe_release
    mov [es:di+20h], cs
.done:
    mov ax, VBE_DONE
    ret

; ---------------------------------------------------------------- 01h: mode CX, to ES:DI

vbe_mode_information:
    call vbe_find
    jc .none
    push di
    mov cx, 128
    xor ax, ax
    rep stosw
    pop di
    mov word [es:di], 009Bh     ; there, colour, graphics, linear frame buffer
    mov byte [es:di+2], 7       ; window A can be moved, read and written
    mov word [es:di+4], 64      ; granularity and size in KiB
    mov word [es:di+6], 64
    mov word [es:di+8], 0A000h
    mov word [es:di+0Ch], vbe_window_far
    mov [es:di+0Eh], cs
    call vbe_row_bytes
    mov [es:di+10h], ax
    mov [es:di+32h], ax         ; of the linear mode
    mov bx, ax
    mov ax, [cs:si+vbe_mode.x]
    mov [es:di+12h], ax
    mov ax, [cs:si+vbe_mode.y]
    mov [es:di+14h], ax
    mov word [es:di+16h], 1008h ; characters of 8 by 16
    mov byte [es:di+18h], 1     ; planes
    mov byte [es:di+1Ah], 1     ; banks
    mov byte [es:di+1Eh], 1
    push eax                    ; its upper half is the caller's
    call vbe_frame_buffer
    mov [es:di+28h], eax
    test eax, eax
    pop eax
    jnz .linear
    and byte [es:di], ~80h      ; only through the window
.linear:
    mov word [es:di+3Eh], 0FE80h        ; the EDID's 170 MHz, in Hz
    mov word [es:di+40h], 0A21h

    ; Whole pictures behind the first: 64-KiB units of memory over those of a picture, rounded up.
    mov ax, bx
    mul word [cs:si+vbe_mode.y]
    add ax, 0FFFFh
    adc dx, 0
    mov cx, dx
    mov al, DISPI_MEMORY
    call dispi_read
    xor dx, dx
    div cx
    dec ax
    cmp ax, 255
    jbe .images
    mov ax, 255
.images:
    mov [es:di+1Dh], al
    mov [es:di+34h], al
    mov [es:di+35h], al

    mov ax, [cs:si+vbe_mode.bpp]
    mov [es:di+19h], al
    mov byte [es:di+1Bh], 4     ; packed dots
    cmp al, 8
    je .done
    mov byte [es:di+1Bh], 6     ; direct colour
    mov si, vbe_fields_15
    cmp al, 16
    jb .fields
    mov si, vbe_fields_16
    je .fields
    mov si, vbe_fields_24
    cmp al, 24
    je .fields
    mov si, vbe_fields_32
    mov byte [es:di+27h], 2     ; the program may use what is left
.fields:
    xor bx, bx
.field:
    mov al, [cs:si+bx]
    mov [es:di+bx+1Fh], al
    mov [es:di+bx+36h], al
    inc bx
    cmp bl, 8
    jb .field
.done:
    mov ax, VBE_DONE
    ret
.none:
    mov ax, VBE_FAILED
    ret
