; Programs in sixteen colours: write modes, set/reset, bit mask, ALU, latches; scrolling with a split screen.

; ---------------------------------------------------------------- 0Dh: a landscape goes by above a panel

; Twice as wide in memory as on the screen. The panel is at address 0, where the split starts.
WORLD       equ 1000h
WORLD_PITCH equ 80
SPLIT_LINE  equ 160

scroll_0d:
    mov ax, 000Dh
    int 10h
    call at_a000
    CRTC 13h, WORLD_PITCH/2
    ; The line compare, in scan lines, of which each line has two.
    CRTC 18h, (SPLIT_LINE*2-1) & 0FFh
    CRTC 11h, 8Eh & 7Fh
    CRTC 07h, 1Fh & ~10h | ((SPLIT_LINE*2-1)>>8 & 1)<<4
    CRTC 09h, 0C0h & ~40h
    CRTC 11h, 8Eh
    mov ax, 2110h               ; the panel does not move with the panning
    call attribute
    call draw_panel
    call draw_world
    call retrace_on
    xor si, si
.frame:
    mov bx, si
    shr bx, 3
    add bx, WORLD
    call start_address
    call wait_retrace
    mov ax, si
    and al, 7
    mov ah, al
    mov al, 13h
    call attribute
    add si, 3
    cmp si, 3*61
    jb .frame
    jmp retrace_off

; The panel: write mode 2 puts a colour into all planes at once.
draw_panel:
    GFX 05h, 02h
    GFX 08h, 0FFh
    xor di, di
    mov cx, 40*WORLD_PITCH
    mov al, 1
    rep stosb
    mov bx, 0                   ; sixteen boxes of two bytes by 24 lines
.box:
    mov di, bx
    add di, bx
    add di, 8*WORLD_PITCH + 4
    mov cx, 24
.line:
    mov [es:di], bl
    mov [es:di+1], bl
    add di, WORLD_PITCH
    loop .line
    inc bx
    cmp bx, 16
    jb .box
    ret

; Sky, two ranges of hills and a meadow, dot by dot: the bit mask chooses the dot, write mode 2 its colour.
draw_world:
    mov dx, 3CEh
    mov al, 08h
    out dx, al
    inc dx
    xor si, si                  ; x
.column:
    mov cx, si
    and cl, 7
    mov al, 80h
    shr al, cl
    out dx, al
    mov bx, si
    shr bx, 3
    add bx, WORLD
    ; Where the ranges begin at this x: two zigzags.
    mov ax, si
    and ax, 127
    sub ax, 64
    jns .far
    neg ax
.far:
    add ax, 40
    mov [.far_top], ax
    mov ax, si
    add ax, 50
    and ax, 63
    sub ax, 32
    jns .near
    neg ax
.near:
    add ax, 96
    mov [.near_top], ax
    xor di, di                  ; y
.dot:
    mov al, 3                   ; sky, darker above
    cmp di, 30
    ja .above_far
    mov al, 9
.above_far:
    cmp di, [.far_top]
    jb .put
    mov al, 8
    cmp di, [.near_top]
    jb .put
    mov al, 2
    cmp di, 140
    jb .put
    mov al, 10
    mov cx, si
    xor cx, di
    and cl, 3
    jnz .put
    mov al, 14
.put:
    mov ah, [es:bx]             ; the latches keep the other dots
    mov [es:bx], al
    add bx, WORLD_PITCH
    inc di
    cmp di, SPLIT_LINE
    jb .dot
    inc si
    cmp si, WORLD_PITCH*8
    jb .column
    ret
.far_top:   dw 0
.near_top:  dw 0

; ---------------------------------------------------------------- 10h: discs in exclusive or, in colours of 64

discs_10:
    mov ax, 0010h
    int 10h
    call at_a000
    mov cx, 16                  ; sixteen of the 64
    mov si, .palette
    mov bl, 0
.register:
    mov ah, [si]
    mov al, bl
    call attribute
    inc si
    inc bx
    loop .register
    GFX 00h, 01h                ; set/reset fills with a colour whatever the processor writes
    GFX 01h, 0Fh
    xor di, di
    mov cx, 80*350
    rep stosb
    GFX 03h, 18h                ; exclusive or
    mov word [disc_x], 110
    mov bp, 1
.disc:
    mov ax, bp                  ; colour: one plane, so that overlaps add up
    mov cl, al
    dec cl
    and cl, 3
    mov ah, 1
    shl ah, cl
    mov al, 0
    mov dx, 3CEh
    out dx, ax
    mov word [disc_y], 120
    test bp, 1
    jnz .row
    mov word [disc_y], 230
.row:
    call disc
    add word [disc_x], 60
    inc bp
    cmp bp, 9
    jb .disc
    GFX 03h, 00h
    GFX 01h, 00h
    GFX 08h, 0FFh
    ; Write mode 1: the upper left quarter of the first disc to the lower right corner, plane by plane at once.
    GFX 05h, 01h
    mov si, 40*80+4
    mov di, 290*80+64
    mov bx, 50
.copy:
    mov cx, 12
.byte:
    mov al, [es:si]
    mov [es:di], al
    inc si
    inc di
    loop .byte
    add si, 80-12
    add di, 80-12
    dec bx
    jnz .copy
    GFX 05h, 00h
    ret
.palette: db 00h,01h,0Ch,2Ch,12h,13h,16h,36h,22h,0Bh,1Ah,3Ah,24h,2Dh,36h,3Fh

DISC_RADIUS equ 90
disc_x: dw 0
disc_y: dw 0

; A filled disc around (disc_x, disc_y). Keeps BP.
disc:
    push bp
    mov si, -DISC_RADIUS        ; y
    xor bp, bp                  ; half the width of the line
.line:
    mov ax, si
    imul ax
    mov bx, DISC_RADIUS*DISC_RADIUS
    sub bx, ax                  ; half width squared, at most
.wider:
    lea ax, [bp+1]
    mul ax
    cmp ax, bx
    ja .narrower
    inc bp
    jmp .wider
.narrower:
    mov ax, bp
    mul ax
    cmp ax, bx
    jbe .draw
    dec bp
    jmp .narrower
.draw:
    mov ax, [disc_x]
    sub ax, bp
    mov bx, [disc_x]
    add bx, bp
    mov cx, [disc_y]
    add cx, si
    call span
    inc si
    cmp si, DISC_RADIUS
    jle .line
    pop bp
    ret

; Writes dots AX to BX of line CX through the bit mask. Keeps SI, BP.
span:
    push si
    imul di, cx, 80
    mov si, ax
    shr si, 3
    add di, si                  ; DI = first byte
    mov cx, bx
    shr cx, 3
    sub cx, si                  ; CX = bytes behind the first
    push cx
    mov cl, al
    and cl, 7
    mov ah, 0FFh
    shr ah, cl                  ; dots of the first byte
    mov cl, bl
    and cl, 7
    mov bl, 80h
    sar bl, cl                  ; dots of the last one
    pop cx
    mov dx, 3CEh
    mov al, 08h
    jcxz .one
    out dx, ax
    xchg al, [es:di]
    inc di
    mov ax, 0FF08h
    out dx, ax
    dec cx
    jz .last
.middle:
    xchg al, [es:di]
    inc di
    loop .middle
.last:
    mov al, 08h
    mov ah, 0FFh
.one:
    and ah, bl
    mov al, 08h
    out dx, ax
    xchg al, [es:di]
    pop si
    ret

; ---------------------------------------------------------------- 12h: lines from the centre to the border

lines_12:
    mov ax, 0012h
    int 10h
    call at_a000
    GFX 05h, 03h                ; write mode 3: the processor gives the dots, set/reset the colour
    xor bp, bp
.across:
    mov ax, bp
    mov bx, 0
    call ray
    mov ax, bp
    mov bx, 479
    call ray
    add bp, 7
    cmp bp, 640
    jb .across
    xor bp, bp
.down:
    mov ax, 0
    mov bx, bp
    call ray
    mov ax, 639
    mov bx, bp
    call ray
    add bp, 7
    cmp bp, 480
    jb .down
    ; Read mode 1 finds the dots of colour 2; where they are, colour 15 comes.
    GFX 02h, 02h
    GFX 07h, 0Fh
    GFX 00h, 0Fh
    GFX 05h, 0Bh
    xor di, di
    mov cx, 80*120
.search:
    mov al, [es:di]
    stosb
    loop .search
    GFX 05h, 00h
    GFX 00h, 00h
    ret

; A line from the centre to (AX, BX), its colour from its end. Keeps BP.
ray:
    push bp
    mov cx, ax
    add cx, bx
    shr cx, 5
    and cl, 0Fh
    jnz .colour
    mov cl, 7
.colour:
    push ax
    mov dx, 3CEh
    mov ah, cl
    mov al, 0
    out dx, ax
    pop ax
    mov word [.step_x], 1
    sub ax, 320
    jns .right
    neg ax
    neg word [.step_x]
.right:
    mov word [.step_y], 1
    sub bx, 240
    jns .below
    neg bx
    neg word [.step_y]
.below:
    mov [.dx], ax
    mov [.dy], bx
    mov si, ax                  ; error = dx - dy
    sub si, bx
    cmp ax, bx
    jae .steps
    mov ax, bx
.steps:
    mov bp, ax
    mov ax, 320
    mov bx, 240
.dot:
    push ax
    imul di, bx, 80
    mov cx, ax
    shr ax, 3
    add di, ax
    and cl, 7
    mov al, 80h
    shr al, cl
    mov ah, [es:di]
    mov [es:di], al
    pop ax
    mov cx, si
    add cx, cx                  ; twice the error
    mov dx, [.dy]
    neg dx
    cmp cx, dx
    jle .same_x
    add si, dx
    add ax, [.step_x]
.same_x:
    cmp cx, [.dx]
    jge .same_y
    add si, [.dx]
    add bx, [.step_y]
.same_y:
    dec bp
    jns .dot
    pop bp
    ret
.dx:        dw 0
.dy:        dw 0
.step_x:    dw 0
.step_y:    dw 0
