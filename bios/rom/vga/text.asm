; Cursor, pages, reading and writing characters, teletype, strings.

; ---------------------------------------------------------------- 01h: cursor shape CH, CL

; Programs give lines of an eight-line cell, so unless cursor scaling is off the lines are moved: a cursor near
; the bottom keeps its distance from there, one that starts in the upper half becomes a block.
set_cursor_shape:
    mov [CURSOR_SHAPE], cx
    test byte [VIDEO_CONTROL], 1
    jnz .write
    test ch, 0E0h               ; 20h: hidden
    jnz .write
    mov al, [CHAR_HEIGHT]
    sub al, 9                   ; an underline stays one line above the lower edge, as in the mode tables
    jbe .write
    cmp cl, 8
    jae .write
    cmp ch, cl
    ja .write
    cmp cl, 4
    jb .write
    cmp ch, 4
    jae .underline
    add cl, al
    inc cl
    jmp .write
.underline:
    add cl, al
    cmp ch, 4
    je .half
    add ch, al
    jmp .write
.half:
    inc cl
    mov ch, [CHAR_HEIGHT]
    shr ch, 1
.write:
    mov dx, [CRTC_PORT]
    mov al, 0Ah
    mov ah, ch
    out dx, ax
    mov al, 0Bh
    mov ah, cl
    out dx, ax
    ret

; ---------------------------------------------------------------- 02h, 03h: cursor of page BH at row DH, column DL

set_cursor:
    mov si, bx
    shr si, 8
    and si, 7
    add si, si
    mov [CURSOR_POS+si], dx
    and bh, 7
    cmp bh, [ACTIVE_PAGE]
    je show_cursor
    ret

; Puts the hardware cursor at row DH, column DL of the active page. Changes AX, CX, DX.
show_cursor:
    mov al, [COLUMNS]
    mul dh
    xor dh, dh
    add ax, dx
    mov cx, [PAGE_START]
    shr cx, 1
    add cx, ax
    mov dx, [CRTC_PORT]
    mov al, 0Eh
    mov ah, ch
    out dx, ax
    inc ax                      ; 0Fh
    mov ah, cl
    out dx, ax
    ret

get_cursor:
    mov si, bx
    shr si, 8
    and si, 7
    add si, si
    mov ax, [CURSOR_POS+si]
    mov [bp+frame.dx], ax
    mov ax, [CURSOR_SHAPE]
    mov [bp+frame.cx], ax
    ret

; ---------------------------------------------------------------- 04h: light pen

get_light_pen:
    mov byte [bp+frame.ah], 0   ; not triggered
    ret

; ---------------------------------------------------------------- 05h: show page AL

set_page:
    cmp al, 7
    ja .done
    mov [ACTIVE_PAGE], al
    cbw
    mov si, ax
    mul word [PAGE_SIZE]
    mov [PAGE_START], ax
    mov cx, ax
    cmp byte [VIDEO_MODE], 7    ; beyond: the address counts bytes
    ja .bytes
    shr cx, 1
.bytes:
    mov dx, [CRTC_PORT]
    mov al, 0Ch
    mov ah, ch
    out dx, ax
    inc ax                      ; 0Dh
    mov ah, cl
    out dx, ax
    add si, si
    mov dx, [CURSOR_POS+si]
    jmp show_cursor
.done:
    ret

; ---------------------------------------------------------------- cells

; ES:DI = cell at the cursor of page BH in text modes. Changes AX, SI.
text_cell:
    movzx si, bh
    and si, 7
    add si, si
    mov si, [CURSOR_POS+si]     ; column, row
    mov ax, si
    mov al, [COLUMNS]
    mul ah
    and si, 0FFh
    add si, ax
    add si, si
    mov ax, [PAGE_START]
    cmp bh, [ACTIVE_PAGE]
    je .page
    push dx
    movzx ax, bh
    and al, 7
    mul word [PAGE_SIZE]
    pop dx
.page:
    add ax, si
    mov di, ax
    mov ax, 0B800h
    cmp byte [CRTC_PORT], 0B4h
    jne .colour
    mov ah, 0B0h
.colour:
    mov es, ax
    ret

; ---------------------------------------------------------------- 08h: AL = character, AH = attribute at the cursor of page BH

read_char:
    push bx
    call mode_kind
    cmp bl, KIND_TEXT
    pop bx
    jne read_char_graphics
    call text_cell
    mov ax, [es:di]
    mov [bp+frame.ax], ax
    ret

; ---------------------------------------------------------------- 09h: character AL, attribute BL, page BH, CX times

write_char_attribute:
    push bx
    call mode_kind
    cmp bl, KIND_TEXT
    pop bx
    jne write_char_graphics
    push ax
    call text_cell
    pop ax
    mov ah, bl
    rep stosw
    ret

; ---------------------------------------------------------------- 0Ah: as 09h, keeping the attributes

write_char:
    push bx
    call mode_kind
    cmp bl, KIND_TEXT
    pop bx
    jne write_char_graphics
    jcxz .done
    push ax
    call text_cell
    pop ax
.next:
    mov [es:di], al
    inc di
    inc di
    loop .next
.done:
    ret

; ---------------------------------------------------------------- 0Eh: teletype AL, in graphics modes with colour BL

; Always writes to the active page: programs leave anything in BH.
teletype:
    mov bh, [ACTIVE_PAGE]
    xor cx, cx

; Writes AL at the cursor of page BH and moves on; BL is the colour in graphics modes. If CX is 0FFFFh, BL is the
; attribute in text modes too. Changes all but BP.
put_char:
    movzx si, bh
    add si, si
    mov dx, [CURSOR_POS+si]
    cmp al, 0Dh
    ja .print
    je .return
    cmp al, 0Ah
    je .line_feed
    cmp al, 08h
    je .backspace
    cmp al, 07h
    je beep
.print:
    push si
    push dx
    push ax
    push bx
    call mode_kind
    cmp bl, KIND_TEXT
    pop bx
    jne .graphics
    call text_cell
    pop ax
    mov [es:di], al
    cmp cx, 0FFFFh
    jne .printed
    mov [es:di+1], bl
    jmp .printed
.graphics:
    pop ax
    push bx
    push cx
    mov cx, 1
    call write_char_graphics
    pop cx
    pop bx
.printed:
    pop dx
    pop si
    inc dl
    cmp dl, [COLUMNS]
    jb .move
    xor dl, dl
.line_feed:
    cmp dh, [ROWS_LESS_1]
    jae .scroll
    inc dh
.move:
    mov [CURSOR_POS+si], dx
    cmp bh, [ACTIVE_PAGE]
    je show_cursor
    ret
.return:
    xor dl, dl
    jmp .move
.backspace:
    sub dl, 1
    jnc .move
    ret

.scroll:
    mov dh, [ROWS_LESS_1]
    mov [CURSOR_POS+si], dx
    push dx
    push bx
    call mode_kind
    cmp bl, KIND_TEXT
    pop bx
    mov ah, 0                   ; graphics modes scroll in colour 0
    jne .fill
    call text_cell
    mov ah, [es:di+1]           ; text modes in the attribute under the cursor
.fill:
    push bx
    mov bh, ah
    mov al, 1
    xor cx, cx
    mov dl, [COLUMNS]
    dec dx
    call scroll_up
    pop bx
    pop dx
    cmp bh, [ACTIVE_PAGE]
    je show_cursor
    ret

; A short 900 Hz tone. The time is counted in changes of the refresh bit (15 microseconds each), so that it works
; with interrupts off; the count of reads is limited for machines on which that bit never changes.
beep:
    mov al, 0B6h                ; counter 2, square wave
    out 43h, al
    mov ax, 1193182/900
    out 42h, al
    mov al, ah
    out 42h, al
    in al, 61h
    mov bl, al
    or al, 3
    out 61h, al
    mov bh, al
    and bh, 10h
    mov cx, 4000                ; 60 ms
    mov dx, 0FFFFh
.wait:
    in al, 61h
    and al, 10h
    cmp al, bh
    jne .changed
    dec dx
    jnz .wait
    jmp .off
.changed:
    mov bh, al
    mov dx, 0FFFFh
    loop .wait
.off:
    mov al, bl
    out 61h, al
    ret

; ---------------------------------------------------------------- 13h: string ES:BP, CX long, at DH, DL of page BH

; AL bit 0: move the cursor; bit 1: the string holds pairs of character and attribute, else BL is the attribute.
write_string:
    jcxz .done
    and bh, 7
    movzx si, bh
    add si, si
    push word [CURSOR_POS+si]
    mov [CURSOR_POS+si], dx
    mov di, [bp+frame.bp]
    push ax
.next:
    push cx
    push ax
    mov ah, [es:di]             ; character
    inc di
    test al, 2
    jz .colour
    mov bl, [es:di]
    inc di
.colour:
    mov al, ah
    push di
    push bx
    push es
    mov cx, 0FFFFh
    call put_char
    pop es
    pop bx
    pop di
    pop ax
    pop cx
    loop .next
    pop ax
    pop dx                      ; where the cursor was
    test al, 1
    jnz .done
    jmp set_cursor
.done:
    ret
