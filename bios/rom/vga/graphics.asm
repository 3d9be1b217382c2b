; Characters and pixels in graphics modes.

; ES:DI = cell at the cursor of page BH, DX = bytes from a scan line to the next (in CGA modes: of the same parity),
; AL = the mode's kind. Changes AH, SI.
graphics_cell:
    push bx
    push cx
    movzx bx, bh
    and bl, 7
    mov ax, bx
    mul word [PAGE_SIZE]
    mov di, ax
    add bx, bx
    mov si, [CURSOR_POS+bx]
    mov cx, si
    shr cx, 8                   ; CX = row, SI = column
    and si, 0FFh
    call mode_kind
    cmp bl, KIND_PLANAR
    jb .cga
    mov ax, [CHAR_HEIGHT]
    mul cx
    mov dx, [COLUMNS]
    cmp bl, KIND_PLANAR
    je .row
    xor di, di                  ; there is one page of mode 13h only
    shl si, 3
    mov dx, 320
    jmp .row
.cga:
    xor di, di
    mov dx, 80
    cmp bl, KIND_CGA1
    je .lines
    add si, si
.lines:
    mov ax, cx
    shl ax, 2
.row:
    push dx
    mul dx
    pop dx
    add di, ax
    add di, si
    mov al, bl
    call video_segment
    pop cx
    pop bx
    ret

; DS:SI = glyph of character AL. Changes AH.
load_glyph:
    push bx
    call mode_kind
    mov ah, [CHAR_HEIGHT]
    xor si, si
    mov ds, si
    mov si, 43h*4
    cmp bl, KIND_PLANAR
    jae .font
    test al, al                 ; CGA modes have their upper half elsewhere
    jns .font
    and al, 7Fh
    mov si, 1Fh*4
.font:
    mul ah
    lds si, [si]
    add si, ax
    pop bx
    ret

; ---------------------------------------------------------------- 09h, 0Ah: character AL, colour BL, page BH, CX times

write_char_graphics:
    jcxz .done
    push bp
    push ds
    push ax
    call graphics_cell
    movzx si, al
    add si, si
    push word [cs:.cells-2+si]
    push word [cs:.drawers-2+si]
    mov bp, sp
    mov al, [bp+4]
    mov bp, [CHAR_HEIGHT]
    call load_glyph
    pop ax                      ; the drawer
.next:
    push cx
    push si
    push di
    push ax
    call ax
    pop ax
    pop di
    pop si
    mov cx, sp
    xchg bp, cx
    add di, [bp+2]
    xchg bp, cx
    pop cx
    loop .next
    pop ax
    pop ax
    pop ds
    pop bp
.done:
    ret
.drawers: dw draw_cga2, draw_cga1, draw_planar, draw_linear
.cells:   dw 2, 1, 1, 8

; The drawers: glyph of BP lines at DS:SI to ES:DI, line distance DX, colour BL (bit 7: exclusive or). They may
; change AX, CX, SI, DI.

draw_linear:
    push bp
.line:
    lodsb
    mov ah, al
    mov cx, 8
.dot:
    mov al, 0
    add ah, ah
    jnc .store
    mov al, bl
.store:
    stosb
    loop .dot
    add di, dx
    sub di, 8
    dec bp
    jnz .line
    pop bp
    ret

draw_planar:
    push bp
    push dx
    mov cx, dx
    test bl, bl
    js .xor
    push si
    push di
    push bp
    mov dx, SEQUENCER
    mov al, 2                   ; the glyph into the planes that the colour has
    mov ah, bl
    and ah, 0Fh
    out dx, ax
.set:
    lodsb
    mov [es:di], al
    add di, cx
    dec bp
    jnz .set
    pop bp
    pop di
    pop si
    mov al, 2                   ; and nothing into the others
    mov ah, bl
    not ah
    and ah, 0Fh
    out dx, ax
    xor al, al
.reset:
    mov [es:di], al
    add di, cx
    dec bp
    jnz .reset
    mov ax, 0F02h
    out dx, ax
    jmp .done
.xor:
    mov dx, GRAPHICS
    mov ax, 1803h
    out dx, ax
    mov al, 0
    mov ah, bl
    out dx, ax
    mov ax, 0F01h
    out dx, ax
.xor_line:
    lodsb
    mov ah, al
    mov al, 8
    out dx, ax
    xchg al, [es:di]            ; loads the latches; set/reset makes the value that is written
    add di, cx
    dec bp
    jnz .xor_line
    call planar_defaults
.done:
    pop dx
    pop bp
    ret

; Graphics controller as the mode tables leave it. Changes AX, DX.
planar_defaults:
    mov dx, GRAPHICS
    mov ax, 0000h
    out dx, ax
    mov ax, 0001h
    out dx, ax
    mov ax, 0003h
    out dx, ax
    mov ax, 0FF08h
    out dx, ax
    ret

draw_cga1:
    mov cx, 4
.pair:
    lodsb
    call .line
    lodsb
    add di, 2000h
    call .line
    sub di, 2000h
    add di, dx
    loop .pair
    ret
.line:
    test bl, 1
    jnz .colour
    xor al, al
.colour:
    test bl, bl
    js .xor
    mov [es:di], al
    ret
.xor:
    xor [es:di], al
    ret

draw_cga2:
    mov cx, 4
.pair:
    call .line
    add di, 2000h
    call .line
    sub di, 2000h
    add di, dx
    loop .pair
    ret
.line:
    push cx
    mov bh, [si]
    inc si
    mov cx, 8
    xor ax, ax
.dot:
    shl ax, 2
    add bh, bh
    jnc .empty
    mov ch, bl
    and ch, 3
    or al, ch
    xor ch, ch
.empty:
    loop .dot
    xchg al, ah
    pop cx
    test bl, bl
    js .xor
    mov [es:di], ax
    ret
.xor:
    xor [es:di], ax
    ret

; ---------------------------------------------------------------- 08h: AL = character at the cursor of page BH

GLYPH_LIMIT equ 32

read_char_graphics:
    push bp
    sub sp, GLYPH_LIMIT
    mov bp, sp
    call graphics_cell
    mov cx, [CHAR_HEIGHT]
    cmp cx, GLYPH_LIMIT
    ja .unknown
    push cx
    push bp
    mov ah, al
    cmp ah, KIND_LINEAR
    je .linear
    cmp ah, KIND_PLANAR
    je .planar
    ; CGA: lines alternate between the halves.
.cga_line:
    mov bx, [es:di]
    cmp ah, KIND_CGA1
    je .cga_store
    xchg bl, bh
    push cx
    mov cx, 8
.cga_dot:
    shl al, 1
    test bh, 0C0h
    jz .cga_empty
    inc ax
.cga_empty:
    shl bx, 2
    loop .cga_dot
    pop cx
    mov bl, al
.cga_store:
    mov [bp], bl
    inc bp
    xor di, 2000h
    test di, 2000h
    jnz .cga_next
    add di, dx
.cga_next:
    loop .cga_line
    jmp .search

.linear:
    push cx
    mov cx, 8
.linear_dot:
    add al, al
    cmp byte [es:di], 0
    je .linear_empty
    inc ax
.linear_empty:
    inc di
    loop .linear_dot
    pop cx
    mov [bp], al
    inc bp
    add di, dx
    sub di, 8
    loop .linear
    jmp .search

.planar:
    mov bx, dx
    mov dx, GRAPHICS
    mov ax, 0002h               ; colour compare: bits are 1 where all planes are 0
    out dx, ax
    mov al, 7
    out dx, al
    inc dx
    in al, dx
    dec dx
    push ax
    mov ax, 0F07h
    out dx, ax
    mov ax, 0805h
    out dx, ax
.planar_line:
    mov al, [es:di]
    not al
    mov [bp], al
    inc bp
    add di, bx
    loop .planar_line
    mov ax, 0005h
    out dx, ax
    pop ax
    mov ah, al
    mov al, 7
    out dx, ax

.search:
    pop bp
    pop cx
    push ss
    pop es
    xor al, al
.candidate:
    push ax
    push ds
    push cx
    call load_glyph
    mov di, bp
    repe cmpsb
    pop cx
    pop ds
    pop ax
    je .found
    inc al
    jnz .candidate
.unknown:
    xor al, al
.found:
    add sp, GLYPH_LIMIT
    pop bp
    mov [bp+frame.al], al
    ret

; ---------------------------------------------------------------- 0Ch, 0Dh: pixel at column CX, line DX of page BH

; ES:DI = byte, CL = bits of the pixel in it, CH = how far the pixel is from bit 0, BL = kind, BH = page. In mode
; 13h CL and CH mean nothing. Keeps AX.
pixel_address:
    push ax
    push bx
    push dx
    call mode_kind
    cmp bl, KIND_PLANAR
    jb .cga
    je .planar
    mov ax, 320
    mul dx
    add ax, cx
    mov di, ax
    jmp .done
.planar:
    mov ax, [COLUMNS]
    mul dx
    mov di, ax
    mov si, sp
    mov al, [ss:si+3]           ; page
    and ax, 7
    mul word [PAGE_SIZE]
    add di, ax
    mov ax, cx
    shr ax, 3
    add di, ax
    not cl
    and cl, 7
    mov ch, cl
    mov al, 1
    jmp .mask
.cga:
    mov di, dx
    shr di, 1
    imul di, di, 80
    test dl, 1
    jz .even
    add di, 2000h
.even:
    mov ax, cx
    shr ax, 2
    not cl
    cmp bl, KIND_CGA2
    je .cga2
    shr ax, 1
    and cl, 7
    add di, ax
    mov ch, cl
    mov al, 1
    jmp .mask
.cga2:
    add di, ax
    and cl, 3
    add cl, cl
    mov ch, cl
    mov al, 3
.mask:
    shl al, cl
    mov cl, al
.done:
    pop dx
    call video_segment
    call mode_kind
    mov al, bl
    pop bx
    mov bl, al
    pop ax
    ret

write_pixel:
    call pixel_address
    cmp bl, KIND_TEXT
    je .done
    cmp bl, KIND_PLANAR
    je .planar
    ja .linear
    mov ah, al
    xchg cl, ch
    shl al, cl
    and al, ch
    test ah, ah
    js .xor
    not ch
    and [es:di], ch
    or [es:di], al
.done:
    ret
.xor:
    xor [es:di], al
    ret
.linear:
    mov [es:di], al
    ret
.planar:
    mov dx, GRAPHICS
    test al, al
    mov ah, al
    jns .set
    push ax
    mov ax, 1803h
    out dx, ax
    pop ax
.set:
    mov al, 0
    out dx, ax
    mov ax, 0F01h
    out dx, ax
    mov al, 8
    mov ah, cl
    out dx, ax
    xchg al, [es:di]
    jmp planar_defaults

read_pixel:
    call pixel_address
    cmp bl, KIND_TEXT
    je .done
    cmp bl, KIND_PLANAR
    je .planar
    mov al, [es:di]
    ja .store
    and al, cl
    mov cl, ch
    shr al, cl
.store:
    mov [bp+frame.al], al
.done:
    ret
.planar:
    mov dx, GRAPHICS
    xor bl, bl
    mov ax, 0304h               ; planes 3 to 0
.plane:
    out dx, ax
    add bl, bl
    test [es:di], cl
    jz .next
    inc bx
.next:
    dec ah
    jns .plane
    mov al, bl
    jmp .store
