; INT 10h/06h and 07h: scrolling a window, in all modes.
;
; Every kind of memory is a grid of cells here: a cell is some bytes wide and some scan lines high, scan lines are a
; fixed distance apart, and a CGA mode is two such grids. Rows move with one REP MOVS where they are adjacent.

; Shape of the grid, in the local frame of `scroll`.
struc grid
    .lines:     resw 1          ; scan lines of a cell
    .stride:    resw 1          ; bytes from line to line
    .cell:      resw 1          ; bytes of a line of a cell
    .width:     resw 1          ; bytes of a line of the window
    .move:      resw 1          ; scan lines that move
    .clear:     resw 1          ; scan lines that become empty
    .fill:      resw 1
    .by:        resw 1          ; bytes from a line to where it moves
    .bytewise:  resb 1          ; planar: each access carries four planes
    .down:      resb 1
endstruc

scroll_down:
    mov ah, 1
    jmp scroll
scroll_up:
    mov ah, 0

; Moves the window from row CH, column CL to row DH, column DL by AL rows (0: clears it) up, or down if AH is 1.
; BH: attribute or colour of the empty rows. In the active page.
scroll:
    push bp
    sub sp, grid_size
    mov bp, sp
    mov [bp+grid.down], ah
    cmp dh, [ROWS_LESS_1]
    jbe .row
    mov dh, [ROWS_LESS_1]
.row:
    cmp dl, [COLUMNS]
    jb .column
    mov dl, [COLUMNS]
    dec dl
.column:
    sub dh, ch                  ; DH, DL = rows, columns of the window
    jb .done
    inc dh
    sub dl, cl
    jb .done
    inc dl
    cmp al, dh
    jbe .distance
    xor al, al
.distance:
    test al, al
    jnz .grid
    mov al, dh

.grid:
    mov byte [bp+grid.bytewise], 0
    mov si, [COLUMNS]
    mov di, [PAGE_START]
    push bx
    call mode_kind
    mov ah, bl
    call video_segment
    pop bx
    mov bl, bh
    cmp ah, KIND_TEXT
    jne .cga2
    mov bl, ' '
    add si, si
    mov word [bp+grid.cell], 2
    mov word [bp+grid.lines], 1
    jmp .shaped
.cga2:
    cmp ah, KIND_CGA1
    ja .planar
    mov si, 80
    mov word [bp+grid.cell], 1
    mov word [bp+grid.lines], 4
    je .shaped
    inc word [bp+grid.cell]
    jmp .shaped
.planar:
    push word [CHAR_HEIGHT]
    pop word [bp+grid.lines]
    mov word [bp+grid.cell], 1
    cmp ah, KIND_PLANAR
    je .planes
    mov word [bp+grid.cell], 8
    mov si, 320
    jmp .shaped
.planes:
    inc byte [bp+grid.bytewise]
.shaped:
    mov [bp+grid.stride], si
    mov [bp+grid.fill], bx

    ; AX = rows to clear and distance, DX = rows and columns, CX = top left, DI = start of the page.
    push ax
    mov bl, al
    xor bh, bh
    movzx ax, dl
    push dx
    mul word [bp+grid.cell]
    mov [bp+grid.width], ax
    pop dx
    push dx
    movzx ax, dh
    sub ax, bx
    mul word [bp+grid.lines]
    mov [bp+grid.move], ax
    mov ax, bx
    mul word [bp+grid.lines]
    mov [bp+grid.clear], ax
    mul word [bp+grid.stride]
    mov [bp+grid.by], ax
    movzx ax, ch
    mul word [bp+grid.lines]
    mul word [bp+grid.stride]
    add di, ax
    movzx ax, cl
    mul word [bp+grid.cell]
    add di, ax
    pop dx
    cmp byte [bp+grid.down], 0
    je .first
    ; Downwards the last line moves first.
    movzx ax, dh
    mul word [bp+grid.lines]
    dec ax
    mul word [bp+grid.stride]
    add di, ax
    neg word [bp+grid.by]
    neg word [bp+grid.stride]
.first:
    pop ax

    cmp byte [bp+grid.bytewise], 0
    je .run
    push ax
    mov dx, SEQUENCER
    mov ax, 0F02h
    out dx, ax
    pop ax
.run:
    push ds
    push es
    pop ds
    cmp ah, KIND_CGA2
    je .two
    cmp ah, KIND_CGA1
    jne .one
.two:
    push di
    call scroll_grid
    pop di
    add di, 2000h               ; odd lines
.one:
    call scroll_grid
    pop ds
.done:
    add sp, grid_size
    pop bp
    ret

; Moves and clears one grid whose first line is at DI; DS = ES = display memory.
scroll_grid:
    cmp byte [bp+grid.bytewise], 0
    je .moving
    mov dx, GRAPHICS            ; write mode 1: the latches carry all planes
    mov al, 5
    out dx, al
    inc dx
    in al, dx
    and al, 0FCh
    mov bl, al
    or al, 1
    out dx, al
.moving:
    mov dx, [bp+grid.move]
    test dx, dx
    jz .clearing
    mov ax, [bp+grid.width]
    cmp ax, [bp+grid.stride]
    jne .lines
    mul dx                      ; adjacent lines: all in one go
    mov cx, ax
    mov si, di
    add si, [bp+grid.by]
    call move_line
    jmp .clearing
.lines:
    push di
    mov si, di
    add si, [bp+grid.by]
    mov cx, [bp+grid.width]
    call move_line
    pop di
    add di, [bp+grid.stride]
    dec dx
    jnz .lines

.clearing:
    mov dx, [bp+grid.clear]
    cmp byte [bp+grid.bytewise], 0
    jne .planes
    mov ax, [bp+grid.fill]
    cmp al, ' '
    je .fill                    ; a text cell; colour 20h fills both bytes with itself anyway
    mov ah, al
.fill:
    mov cx, [bp+grid.width]
    push di
    shr cx, 1
    rep stosw
    adc cx, cx
    rep stosb
    pop di
    add di, [bp+grid.stride]
    dec dx
    jnz .fill
    ret

.planes:
    push dx
    mov dx, GRAPHICS
    mov al, 5
    mov ah, bl                  ; write mode 0
    out dx, ax
    mov ah, [bp+grid.fill]
    mov al, 0                   ; set/reset: the colour, in all planes
    out dx, ax
    mov ax, 0F01h
    out dx, ax
    mov ax, 0FF08h
    out dx, ax
    mov ax, 0003h
    out dx, ax
    pop dx
.plane_line:
    mov cx, [bp+grid.width]
    push di
    rep stosb
    pop di
    add di, [bp+grid.stride]
    dec dx
    jnz .plane_line
    mov dx, GRAPHICS
    mov ax, 0001h
    out dx, ax
    mov ax, 0000h
    out dx, ax
    ret

; Moves CX bytes from SI to DI. Changes CX, SI, DI.
move_line:
    cmp byte [bp+grid.bytewise], 0
    jne .bytes
    push cx
    shr cx, 2
    rep movsd
    pop cx
    and cx, 3
.bytes:
    rep movsb
    ret
