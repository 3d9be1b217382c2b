; Part 1, first half: text mode in motion. Then the graphics parts.

; The frames that a part of the show lasts: in AX.
show_length:
    mov ax, 45
    cmp byte [unattended], 0
    jne .done
    mov ax, 8*70
.done:
    ret

; After each frame: CF set if the part is over. A key ends it; Escape ends the show.
show_over:
    call wait_frame
    cmp byte [unattended], 0
    jne .count
    mov ah, 1
    int 16h
    jz .count
    xor ah, ah
    int 16h
    cmp al, 27
    jne .over
    mov byte [show_ended], 1
.over:
    stc
    ret
.count:
    dec word [show_left]
    jz .over
    clc
    ret
show_left:  dw 0
show_ended: db 0

show_all:
    mov byte [show_ended], 0
    mov bx, .parts
.next:
    push bx
    call show_length
    mov [show_left], ax
    mov si, [bx+2]
    call serial_line
    call [bx]
    pop bx
    add bx, 4
    cmp byte [show_ended], 0
    jne .done
    cmp bx, .parts_end
    jb .next
.done:
    ret
.parts:
    dw text_show, .text, plasma, .plasma, fire, .fire, stars, .stars
.parts_end:
.text:   db "DEMO: text mode", 0
.plasma: db "DEMO: mode 13h plasma", 0
.fire:   db "DEMO: mode 13h fire", 0
.stars:  db "DEMO: mode 13h stars", 0

; Waves of shaded blocks over the whole screen, the logo bobbing in front of them.
text_show:
    mov bl, PAGE
    call text_screen
    push ds
    pop es
    mov ax, 1012h
    xor bx, bx
    mov cx, 16
    mov dx, .colours
    int 10h
    call load_glyphs
    call timer_to_retrace
.frame:
    push word BACK_SEGMENT
    pop es
    xor di, di
    mov bp, [frames]
    xor dx, dx                  ; DH = row, DL = column
.cell:
    mov bl, dl                  ; three waves
    shl bl, 2
    add bx, bp
    and bx, 0FFh
    add bx, bx
    mov cx, [sines+bx]
    mov bl, dh
    shl bl, 3
    mov ax, bp
    add ax, ax
    sub bl, al
    xor bh, bh
    add bx, bx
    add cx, [sines+bx]
    mov al, dl
    add al, dl
    mov bl, dh
    shl bl, 2
    add bl, al
    add bx, bp
    and bx, 0FFh
    add bx, bx
    add cx, [sines+bx]
    add cx, 381                 ; 0 to 762
    mov ax, cx
    shr ax, 3                   ; 0 to 95; beyond 59 the colours go back
    cmp al, 60
    jb .rising
    neg al
    add al, 119
.rising:
    mov bx, ax                  ; a colour and four steps of its mixture with the next
    and bx, 3
    mov bl, [.shades+bx]
    shr ax, 2
    movzx si, al
    mov ah, [.attributes+si]
    mov al, bl
    stosw
    inc dl
    cmp dl, 80
    jb .cell
    mov dl, 0
    inc dh
    cmp dh, 25
    jb .cell

    ; The logo, one cell a dot, up and down.
    mov bx, bp
    add bx, bx
    add bx, bx
    and bx, 0FFh
    add bx, bx
    mov ax, [sines+bx]
    sar ax, 5
    add ax, 6
    imul ax, ax, 160
    add ax, (80-LOGO_WIDTH)/2*2
    mov di, ax
    mov si, glyphs+2
    mov dh, 12
.logo_row:
    push di
    xor bx, bx
.letter:
    mov dl, [si+bx]
    mov cx, 8
.dot:
    add dl, dl
    jnc .clear
    mov word [es:di], 0FDBh
.clear:
    add di, 2
    loop .dot
    add bx, 16
    cmp bx, 7*16
    jb .letter
    pop di
    add di, 160
    inc si
    dec dh
    jnz .logo_row

    push ds
    push es
    pop ds
    push word 0B800h
    pop es
    xor si, si
    xor di, di
    mov cx, 1000
    rep movsd
    pop ds
    call show_over
    jnc .frame
    push ds
    pop es
    ret
.shades:     db 20h, 0B0h, 0B1h, 0B2h
.attributes: db 01h, 12h, 23h, 34h, 45h, 56h, 67h, 78h, 89h, 9Ah, 0ABh, 0BCh, 0CDh, 0DEh, 0EEh
.colours:    ; one slow wheel
    db  3, 3,12,   5, 4,18,   9, 5,25,  15, 6,31,  22, 7,35,  30, 8,36,  38,10,34,  46,13,29
    db 52,18,22,  57,25,16,  60,33,12,  61,41,13,  60,49,20,  57,55,32,  50,58,46,  63,63,63
