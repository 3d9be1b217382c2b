; Fonts: INT 10h/11h.

font_functions:
    cmp al, 30h
    je font_information
    mov ah, al
    and al, 0Fh
    and ah, 0F0h
    cmp ah, 20h
    je graphics_fonts
    ja .none
    cmp al, 3                   ; 03h, but no 13h
    je .blocks
    cmp al, 4
    ja .none
    push ax
    call .load
    pop ax
    cmp ah, 10h
    je resize_text
.none:
    ret

; 00h: CX characters from DX on, BH bytes each, from ES:BP, into block BL; 01h, 02h, 04h: ROM fonts. BH = height after.
.load:
    test al, al
    jnz .rom
    mov si, [bp+frame.bp]
    jmp load_font
.rom:
    mov bh, 14
    cmp al, 1
    je load_rom_font
    mov bh, 8
    cmp al, 2
    je load_rom_font
    mov bh, 16
    jmp load_rom_font

; 03h: blocks for attribute bit 3 clear and set
.blocks:
    mov dx, SEQUENCER
    mov al, 3
    mov ah, bl
    out dx, ax
    ret

; Loads the ROM font that is [CHAR_HEIGHT] lines high into block 0.
load_mode_font:
    mov bh, [CHAR_HEIGHT]
    xor bl, bl

; Loads the ROM font BH lines high into block BL. Keeps BX.
load_rom_font:
    movzx ax, bh
    call font_of_height
    push cs
    pop es
    xor dx, dx
    mov cx, 256

; Loads CX characters from DX on, BH bytes each, from ES:SI into block BL of plane 2. Keeps BX.
load_font:
    jcxz .done
    cmp bh, 32
    ja .done
    push ds
    push es
    pop ds

    ; Block n begins at n * 4000h, blocks 4 to 7 between those.
    mov di, bx
    and di, 3
    shl di, 14
    test bl, 4
    jz .lower
    add di, 2000h
.lower:
    xor dh, dh
    shl dx, 5
    add di, dx

    push di
    mov di, .open
    call write_registers
    pop di
    mov ax, 0A000h
    mov es, ax
    mov dx, cx
.next:
    movzx cx, bh
    push di
    rep movsb
    pop di
    add di, 32
    dec dx
    jnz .next

    pop ds
    mov di, .close
    call write_registers
    cmp byte [CRTC_PORT], 0B4h
    jne .done
    mov dx, GRAPHICS            ; the monochrome display's memory is at B0000h
    mov ax, 0A06h
    out dx, ax
.done:
    ret

; Pairs of register and value, sequencer first and then graphics controller, each list ended by 0FFh.
.open:
    db 0,01h, 2,04h, 4,07h, 0,03h, 0FFh         ; plane 2 only, addresses not divided among planes
    db 4,02h, 5,00h, 6,04h, 0FFh                ; at A0000h
.close:
    db 0,01h, 2,03h, 4,03h, 0,03h, 0FFh
    db 4,00h, 5,10h, 6,0Eh, 0FFh

; Writes the register lists at CS:DI. Changes AX, DX, DI.
write_registers:
    mov dx, SEQUENCER
    call .list
    mov dx, GRAPHICS
.list:
    mov ax, [cs:di]
    inc di
    cmp al, 0FFh
    je .done
    out dx, ax
    inc di
    jmp .list
.done:
    ret

; SI = ROM font AX lines high (16 for any other height). Changes no other register.
font_of_height:
    mov si, font_8x8
    cmp al, 8
    je .done
    mov si, font_8x14
    cmp al, 14
    je .done
    mov si, font_8x16
.done:
    ret

; 10h, 11h, 12h, 14h: adapts rows, cursor and page size to characters BH lines high.
resize_text:
    test bh, bh
    jz .done
    cmp bh, 32
    ja .done
    movzx cx, bh
    mov [CHAR_HEIGHT], cx

    mov dx, [CRTC_PORT]
    mov al, 7                   ; lines of the display: register 12h, bits 8 and 9 in 07h
    out dx, al
    inc dx
    in al, dx
    dec dx
    xor bx, bx
    test al, 02h
    jz .bit9
    inc bh
.bit9:
    test al, 40h
    jz .low
    or bh, 2
.low:
    mov al, 12h
    out dx, al
    inc dx
    in al, dx
    dec dx
    mov bl, al
    inc bx
    mov si, 480                 ; what an earlier font left unused at the lower end counts again
    cmp bx, 400
    ja .lines
    mov si, 400
    cmp bx, 350
    ja .lines
    mov si, 350
.lines:
    mov al, 9
    out dx, al
    inc dx
    in al, dx
    test al, 80h
    jz .height
    shr si, 1                   ; scanned twice
.height:
    and al, 0E0h
    mov ah, cl
    dec ah
    or al, ah
    out dx, al

    xchg ax, si
    xor dx, dx
    div cx                      ; rows
    mov bx, ax
    dec al
    mov [ROWS_LESS_1], al
    mov ax, bx
    mul cx
    test si, 80h
    jz .end
    add ax, ax
.end:
    dec ax
    mov ah, al
    mov al, 12h
    mov dx, [CRTC_PORT]
    out dx, ax

    mov ax, bx
    mul word [COLUMNS]
    add ax, ax
    add ax, 0FFh                ; whole 256 bytes
    xor al, al
    mov [PAGE_SIZE], ax
    mov cx, 0607h
    jmp set_cursor_shape
.done:
    ret

; ---------------------------------------------------------------- 20h-24h: fonts of graphics modes

; 20h: upper half at ES:BP for CGA modes; 21h: ES:BP, CX bytes a character; 22h 8x14, 23h 8x8, 24h 8x16. BL gives the
; rows: 0 as in DL, 1: 14, 2: 25, 3: 43.
graphics_fonts:
    mov di, [bp+frame.bp]
    mov si, 1Fh*4
    test al, al
    jz .vector
    mov si, 43h*4
    cmp al, 1
    je .rows
    push ax
    push cs
    pop es
    mov cx, 14
    mov di, font_8x14
    cmp al, 2
    je .rom
    mov cx, 8
    mov di, font_8x8
    cmp al, 3
    je .rom
    mov cx, 16
    mov di, font_8x16
.rom:
    pop ax
    cmp al, 4
    ja .done
.rows:
    mov [CHAR_HEIGHT], cx
    and bx, 3
    jz .given
    mov dl, [cs:.row_counts-1+bx]
.given:
    dec dl
    mov [ROWS_LESS_1], dl
.vector:
    push ds
    xor ax, ax
    mov ds, ax
    mov [si], di
    mov [si+2], es
    pop ds
.done:
    ret
.row_counts: db 14, 25, 43

; ---------------------------------------------------------------- 30h: ES:BP = font BH, CX = height, DL = rows less one

font_information:
    cmp bh, 7
    ja .none
    mov cx, [CHAR_HEIGHT]
    mov [bp+frame.cx], cx
    mov al, [ROWS_LESS_1]
    mov [bp+frame.dl], al
    cmp bh, 1
    ja .rom
    mov si, 1Fh*4
    jb .vector
    mov si, 43h*4
.vector:
    xor ax, ax
    mov ds, ax
    lds ax, [si]
    mov [bp+frame.bp], ax
    mov [bp+frame.es], ds
    push BDA_SEG
    pop ds
.none:
    ret
.rom:
    movzx si, bh
    add si, si
    mov ax, [cs:.fonts-4+si]
    mov [bp+frame.bp], ax
    mov [bp+frame.es], cs
    ret
.fonts: dw font_8x14, font_8x8, font_8x8+128*8, no_alternates, font_8x16, no_alternates
