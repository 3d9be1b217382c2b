; Programs in 256 colours: chain 4 with colours that go round, and mode X with a split screen and panning.

; ---------------------------------------------------------------- 13h: rings

rings_13:
    mov ax, 0013h
    int 10h
    call at_a000
    xor di, di
    mov si, -100                ; y
.line:
    mov bp, -160                ; x
.dot:
    mov ax, bp
    imul ax
    mov cx, ax
    mov ax, si
    imul ax
    add ax, cx
    shr ax, 6
    mov bl, al
    add bp, 1
    mov ax, bp
    imul ax
    mov cx, ax
    mov ax, si
    imul ax
    add ax, cx
    shr ax, 6
    mov ah, al
    mov al, bl
    stosw                       ; two dots, two planes
    inc bp
    cmp bp, 160
    jl .dot
    inc si
    cmp si, 100
    jl .line
    ; A square of dwords in the middle, one of bytes in that.
    mov bp, 80
    mov di, 60*320+120
.square:
    mov cx, 20
    mov eax, 0C0804000h
    rep stosd
    add di, 320-80
    dec bp
    jnz .square
    mov di, 80*320+141          ; not on a boundary of four
    mov bp, 40
.inner:
    mov cx, 38
    mov al, 0FFh
    rep stosb
    add di, 320-38
    dec bp
    jnz .inner
    call retrace_on
    mov si, 41
.turn:
    call wait_retrace
    mov cx, 256
    mov bx, si
    mov dx, 3C8h
    mov al, 0
    out dx, al
    inc dx
.colour:
    mov al, bl                  ; up and down again, thrice as fast in the green
    call .wave
    out dx, al
    mov al, bl
    add al, al
    add al, bl
    call .wave
    out dx, al
    mov al, bl
    not al
    shr al, 2
    out dx, al
    inc bl
    loop .colour
    dec si
    jnz .turn
    jmp retrace_off
.wave:
    test al, al
    jns .rising
    not al
.rising:
    shr al, 1
    ret

; ---------------------------------------------------------------- mode X: a field of tiles goes by above a panel

; 320 by 240; 400 by 300 dots of tiles at FIELD, the panel of 40 lines at address 0.
FIELD        equ 2000h
FIELD_PITCH  equ 100
FIELD_LINES  equ 300
TILE         equ 0F000h         ; where the tiles wait: 16 of four bytes (times four planes) by 16 lines
PANEL_LINES  equ 40

mode_x:
    mov ax, 0013h
    int 10h
    call at_a000
    SEQ 04h, 06h                ; no chain 4
    SEQ 00h, 01h
    mov dx, 3C2h
    mov al, 0E3h                ; 480 lines
    out dx, al
    SEQ 00h, 03h
    mov dx, 3D4h
    mov ax, 2C11h               ; registers 0 to 7 can be written
    out dx, ax
    mov si, .crtc
.register:
    lodsw
    cmp al, 0FFh
    je .set
    out dx, ax
    jmp .register
.set:
    mov ax, 6110h               ; 256 colours; the panel does not move with the panning
    call attribute
    call make_tiles
    call lay_tiles
    call draw_panel_x
    call retrace_on
    xor si, si
.frame:
    imul bx, si, FIELD_PITCH    ; one line down, one dot to the right in each frame
    mov ax, si
    shr ax, 2
    add bx, ax
    add bx, FIELD
    call start_address
    call wait_retrace
    mov ax, si
    and al, 3
    add al, al
    mov ah, al
    mov al, 13h
    call attribute
    inc si
    cmp si, 60
    jb .frame
    jmp retrace_off
.crtc:
    db 06h, 0Dh, 07h, 3Eh, 10h, 0EAh, 11h, 0ACh & 7Fh, 12h, 0DFh, 13h, FIELD_PITCH/2, 14h, 00h
    db 15h, 0E7h, 16h, 06h, 17h, 0E3h
    db 09h, 01h                 ; line compare bit 9 clear: the split is after scan line 399
    db 18h, 08Fh, 11h, 0ACh
    dw 0FFh

; Sixteen tiles, dot by dot: the map mask chooses which of four dots of an address.
make_tiles:
    xor bp, bp                  ; plane
.plane:
    mov cx, bp
    mov ah, 1
    shl ah, cl
    mov al, 02h
    mov dx, 3C4h
    out dx, ax
    mov di, TILE
.byte:
    mov ax, di                  ; bits 0, 1: column of four; 2 to 5: line; 6 to 9: tile
    mov bx, di
    and bx, 3
    shl bx, 2
    add bx, bp                  ; BX = x
    mov cx, di
    shr cx, 2
    and cx, 15                  ; CX = y
    shr ax, 6
    and ax, 15                  ; AX = tile
    shl al, 4
    add al, 20h
    test bx, bx                 ; a border above and to the left
    jz .border
    jcxz .border
    mov dl, bl
    xor dl, cl
    and dl, 7
    add al, dl
    jmp .store
.border:
    mov al, 0Fh
.store:
    stosb
    cmp di, TILE + 16*64
    jb .byte
    inc bp
    cmp bp, 4
    jb .plane
    SEQ 02h, 0Fh
    ret

; The field from the tiles: each latch cycle carries four dots.
lay_tiles:
    GFX 05h, 41h
    xor bp, bp                  ; line of the field
    mov di, FIELD
.line:
    mov cx, 0                   ; tile column
.tile:
    mov ax, bp
    shr ax, 4
    add ax, cx
    add ax, cx
    and ax, 15
    shl ax, 6
    mov bx, bp
    and bx, 15
    shl bx, 2
    add bx, ax
    add bx, TILE
%rep 4
    mov al, [es:bx]
    stosb
    inc bx
%endrep
    inc cx
    cmp cx, FIELD_PITCH/4
    jb .tile
    inc bp
    cmp bp, FIELD_LINES
    jb .line
    GFX 05h, 40h
    ret

; The panel: all four planes at once, then a ramp of colours.
draw_panel_x:
    xor di, di
    mov cx, PANEL_LINES*FIELD_PITCH
    mov al, 01h
    rep stosb
    mov di, 12*FIELD_PITCH+8
    mov bx, 16
.line:
    mov cx, 64
    mov al, 20h
.byte:
    stosb
    add al, 3
    loop .byte
    add di, FIELD_PITCH-64
    dec bx
    jnz .line
    ret
