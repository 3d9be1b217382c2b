; Part 1, second half: mode 13h in motion. All draw into BACK_SEGMENT and copy that right after a retrace.

graphics_mode:
    mov ax, 0013h
    int 10h
    ret

; 256 colours from the table at SI: pairs of (first index, red, green, blue), blended between; the last entry's index
; is 255.
blend_palette:
    mov dx, 3C8h
    mov al, 0
    out dx, al
    inc dx
.segment:
    movzx cx, byte [si+4]       ; steps to the next entry
    movzx ax, byte [si]
    sub cx, ax
    mov [.steps], cx
    xor bp, bp
.step:
    mov bx, 1
.gun:
    movzx ax, byte [si+bx+4]
    movzx cx, byte [si+bx]
    sub ax, cx
    imul bp
    idiv word [.steps]
    add ax, cx
    mov dx, 3C9h
    out dx, al
    inc bx
    cmp bx, 4
    jb .gun
    inc bp
    cmp bp, [.steps]
    jb .step
    add si, 4
    cmp byte [si], 255
    jne .segment
    mov al, [si+1]
    out dx, al
    mov al, [si+2]
    out dx, al
    mov al, [si+3]
    out dx, al
    ret
.steps: dw 0

; Waits for the next frame, shows BACK_SEGMENT; CF set if the part is over.
show_back:
    call show_over
    pushf
    push ds
    push es
    push word BACK_SEGMENT
    pop ds
    push word 0A000h
    pop es
    xor si, si
    xor di, di
    mov cx, 16000
    rep movsd
    pop es
    pop ds
    popf
    ret

clear_back:
    push word BACK_SEGMENT
    pop es
    xor di, di
    xor eax, eax
    mov cx, 16000
    rep stosd
    ret

; ---------------------------------------------------------------- plasma

absolute 0BC00h
columns_sum:    resb 320
diagonals_sum:  resb 520
plasma_row:     resw 1
section .text

; A dot is the sum of a wave across, one down and one along the diagonals; colours go round.
plasma:
    call graphics_mode
    mov si, .palette
    call blend_palette
    call timer_to_retrace
.frame:
    push ds
    pop es
    mov bp, [frames]
    mov di, columns_sum
    xor cx, cx
.column:
    mov bx, cx
    add bx, bp
    call .wave
    mov dl, al
    mov bx, cx
    shl bx, 1
    mov ax, bp
    shl ax, 1
    sub bx, ax
    call .wave
    sar al, 1
    add al, dl
    stosb
    inc cx
    cmp cx, 320
    jb .column
    mov di, diagonals_sum
    xor cx, cx
.diagonal:
    mov bx, cx
    sub bx, bp
    sub bx, bp
    sub bx, bp
    call .wave
    add ax, bp                  ; and all colours drift
    stosb
    inc cx
    cmp cx, 520
    jb .diagonal

    push word BACK_SEGMENT
    pop es
    xor di, di
    mov word [plasma_row], 0
.row:
    mov bx, [plasma_row]
    add bx, bx
    add bx, bp
    call .wave
    mov dl, al
    mov bx, [plasma_row]
    sub bx, bp
    call .wave
    add dl, al
    mov si, diagonals_sum
    add si, [plasma_row]
    mov bx, columns_sum
    mov cx, 320/4
.dots:
%assign i 0
%rep 4
    mov al, [bx+i]
    add al, [si+i]
    add al, dl
    mov [es:di+i], al
%assign i i+1
%endrep
    add bx, 4
    add si, 4
    add di, 4
    dec cx
    jnz .dots
    inc word [plasma_row]
    cmp word [plasma_row], 200
    jb .row
    call show_back
    jnc .frame
    push ds
    pop es
    ret

; AL = sine of BX, -32 to 31. Changes AH, BX.
.wave:
    and bx, 0FFh
    add bx, bx
    mov ax, [sines+bx]
    sar ax, 2
    ret
.palette:
    db   0,  4, 2,18
    db  44, 30, 4,40
    db  88, 63,20,20
    db 120, 63,56,20
    db 150, 28,60,40
    db 190,  4,40,58
    db 226,  6,12,44
    db 255,  4, 2,18

; ---------------------------------------------------------------- fire

; The name burns: its dots and the lowest row get random heat each frame, and heat rises, spreads and cools.
fire:
    call graphics_mode
    mov si, .palette
    call blend_palette
    call load_glyphs
    call clear_back
    call timer_to_retrace
.frame:
    push word BACK_SEGMENT
    pop es
    mov di, 200*320             ; embers, eight dots wide, below the picture
    mov cx, 320/8
.ember:
    call random
    mov al, 0FFh
    cmp ah, 70h
    jb .hot
    mov al, 18h
.hot:
    mov ah, al
%assign i 0
%rep 4
    mov [es:di+i], ax
    mov [es:di+320+i], ax
    mov [es:di+640+i], ax
%assign i i+2
%endrep
    add di, 8
    loop .ember

    mov di, 92*320 + 20         ; the logo, five by five dots a dot
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
    jnc .dark
    call random
    or al, 0E0h
    mov ah, al
    mov [es:di], ax
    mov [es:di+2], ax
    mov [es:di+640], ax
    mov [es:di+642], ax
    rol ax, 3
    or ax, 0D0D0h
    mov [es:di+320], ax
    mov [es:di+322], ax
    mov [es:di+960], ax
    mov [es:di+962], ax
    mov [es:di+4], al
    mov [es:di+644], al
    mov [es:di+1280], ax
    mov [es:di+1282], ax
.dark:
    add di, 5
    loop .dot
    add bx, 16
    cmp bx, 7*16
    jb .letter
    pop di
    add di, 5*320
    inc si
    dec dh
    jnz .logo_row

    ; Each dot becomes the mean of three below it and one two below, a little cooler.
    push ds
    push es
    pop ds
    mov di, 20*320
    mov cx, (200-20)*320/2
    xor bx, bx
    xor ax, ax
    xor dx, dx
.cool:
%assign i 0
%rep 2
    mov al, [di+319+i]
    mov bl, [di+320+i]
    mov dl, [di+321+i]
    add ax, bx
    mov bl, [di+640+i]
    add ax, dx
    add ax, bx
    shr ax, 2
    sub al, 4
    sbb ah, ah                  ; not below 0
    not ah
    and al, ah
    mov [di+i], al
    xor ah, ah
%assign i i+1
%endrep
    add di, 2
    dec cx
    jnz .cool
    pop ds
    call show_back
    jnc .frame
    push ds
    pop es
    ret
.palette:
    db   0,  0, 0, 0
    db  24,  8, 0, 6
    db  64, 40, 4, 2
    db 110, 62,26, 2
    db 160, 63,54,12
    db 210, 63,63,44
    db 255, 63,63,63

; ---------------------------------------------------------------- stars

STAR_COUNT  equ 300
RING_STEPS  equ 32              ; points of the torus: around
TUBE_STEPS  equ 14              ; and around its tube

absolute 0C000h
star_x:     resw STAR_COUNT
star_y:     resw STAR_COUNT
star_z:     resw STAR_COUNT
torus:      resw RING_STEPS*TUBE_STEPS*3
sin_a:      resw 1
cos_a:      resw 1
sin_b:      resw 1
cos_b:      resw 1
scroll_at:  resw 1
section .text

; Stars come closer behind a turning torus of dots, a text swings below.
stars:
    call graphics_mode
    mov si, .palette
    call blend_palette
    mov cx, STAR_COUNT
    xor si, si
.new:
    call random
    mov [star_x+si], ax
    call random
    mov [star_y+si], ax
    call random
    and ax, 1FFh
    inc ax
    mov [star_z+si], ax
    add si, 2
    loop .new
    call make_torus
    mov word [scroll_at], 0
    call timer_to_retrace
.frame:
    call clear_back
    call draw_stars
    call draw_torus
    call draw_scroller
    call show_back
    jnc .frame
    push ds
    pop es
    ret
.palette:                       ; stars to 63, torus 64 to 191, text above
    db   0,  1, 1, 6
    db   1,  2, 2, 8
    db  63, 56,58,63
    db  64,  8, 3, 3
    db 140, 56,24, 6
    db 190, 63,52,22
    db 192, 10,30,50
    db 224, 40,58,63
    db 255, 63,63,63

draw_stars:
    xor si, si
.star:
    sub word [star_z+si], 3
    jg .keep
    call random
    mov [star_x+si], ax
    call random
    mov [star_y+si], ax
    add word [star_z+si], 511
.keep:
    mov cx, [star_z+si]
    mov ax, [star_x+si]
    call .project
    jo .next
    add bx, 160
    cmp bx, 320
    jae .next
    mov di, bx
    mov ax, [star_y+si]
    call .project
    jo .next
    add bx, 100
    cmp bx, 199
    jae .next
    imul bx, bx, 320
    add di, bx
    mov ax, 511
    sub ax, cx
    shr ax, 3
    mov [es:di], al
    cmp al, 44
    jb .next
    mov ah, al                  ; near ones are larger
    mov [es:di], ax
    mov [es:di+320], ax
.next:
    add si, 2
    cmp si, STAR_COUNT*2
    jb .star
    ret
; BX = AX / CX in dots; OF set if far outside.
.project:
    cwd
    idiv cx
    mov bx, ax
    add ax, 16000
    sub ax, 16000
    ret

make_torus:
    mov di, torus
    xor cx, cx                  ; CL = around, CH = around the tube
.point:
    mov bl, ch
    mov al, 256/TUBE_STEPS
    xchg al, bl
    mul bl
    mov bl, al
    xor bh, bh
    add bx, bx
    mov ax, [sines+bx+128]
    mov dx, [sines+bx]          ; y in the ring's plane: thickness
    imul ax, ax, 36
    sar ax, 7
    add ax, 82                  ; distance from the axis
    mov bp, ax
    imul dx, dx, 36
    sar dx, 7
    movzx bx, cl
    shl bx, 4                   ; 256 / 32 steps, in words
    mov ax, [sines+bx+128]
    imul ax, bp
    sar ax, 7
    mov [di], ax
    mov ax, [sines+bx]
    imul ax, bp
    sar ax, 7
    mov [di+2], ax
    mov [di+4], dx
    add di, 6
    inc cl
    cmp cl, RING_STEPS
    jb .point
    mov cl, 0
    inc ch
    cmp ch, TUBE_STEPS
    jb .point
    ret

draw_torus:
    mov bx, [frames]
    mov ax, bx
    and bx, 0FFh
    add bx, bx
    mov cx, [sines+bx]
    mov [sin_a], cx
    mov cx, [sines+bx+128]
    mov [cos_a], cx
    mov bx, ax
    add bx, bx
    add bx, ax
    shr bx, 1
    and bx, 0FFh
    add bx, bx
    mov cx, [sines+bx]
    mov [sin_b], cx
    mov cx, [sines+bx+128]
    mov [cos_b], cx
    mov si, torus
.point:
    ; Around the x axis: y, z; around the y axis: x, z.
    mov ax, [si+2]
    imul ax, [cos_a]
    mov bx, [si+4]
    imul bx, [sin_a]
    sub ax, bx
    sar ax, 7
    mov di, ax                  ; y
    mov ax, [si+2]
    imul ax, [sin_a]
    mov bx, [si+4]
    imul bx, [cos_a]
    add ax, bx
    sar ax, 7
    mov bp, ax                  ; z
    mov ax, [si]
    imul ax, [cos_b]
    mov bx, bp
    imul bx, [sin_b]
    sub ax, bx
    sar ax, 7
    mov cx, ax                  ; x
    mov ax, [si]
    imul ax, [sin_b]
    mov bx, bp
    imul bx, [cos_b]
    add ax, bx
    sar ax, 7                   ; z
    mov bp, ax
    add ax, 300
    mov bx, ax
    mov ax, cx
    mov cx, 220
    imul cx
    idiv bx
    add ax, 160
    xchg ax, di
    imul cx
    idiv bx
    add ax, 88
    imul ax, ax, 320
    add di, ax
    mov ax, 128                 ; nearer is brighter
    sub ax, bp
    sar ax, 1
    add ax, 64
    mov ah, al
    cmp al, [es:di]
    jb .hidden
    mov [es:di], ax
    mov [es:di+320], ax
.hidden:
    add si, 6
    cmp si, torus + RING_STEPS*TUBE_STEPS*6
    jb .point
    ret

; The text moves two dots a frame, each of its columns at a height of its own.
draw_scroller:
    add word [scroll_at], 2
    push bp
    push es
    mov ax, 1130h
    mov bh, 6
    int 10h
    push es
    pop fs
    pop es
    mov bx, bp
    pop bp
    mov [.font], bx
    xor cx, cx                  ; column of the screen
.column:
    mov ax, cx
    add ax, [scroll_at]
    sub ax, 200
    jb .next
    mov si, ax
    and ax, 7
    shr si, 3
    cmp si, .text_end-.text
    jae .next
    movzx si, byte [.text+si]
    shl si, 4
    add si, [.font]
    mov dx, cx
    mov cl, al
    mov ch, 80h
    shr ch, cl
    mov bx, dx
    add bx, [frames]
    add bx, [frames]
    and bx, 0FFh
    add bx, bx
    mov ax, [sines+bx]
    sar ax, 4
    add ax, 174
    imul di, ax, 320
    add di, dx
    mov al, 200
    mov bl, 16
.dot:
    test [fs:si], ch
    jz .empty
    mov [es:di], al
.empty:
    add al, 3
    add di, 320
    inc si
    dec bl
    jnz .dot
    mov cx, dx
.next:
    inc cx
    cmp cx, 320
    jb .column
    mov ax, [scroll_at]
    cmp ax, (.text_end-.text)*8 + 220
    jb .done
    mov word [scroll_at], 0
.done:
    ret
.font: dw 0
.text: db "oldiron  ", 4, "  a PC of the nineties, written from nothing in Rust  ", 4
       db "  every dot here went through VGA registers  ", 4, "  boot your own disk:  oldiron IMAGE", 0
.text_end:
