; The first screen: name, machine, choices.

LOGO_ROW    equ 1
LOGO_WIDTH  equ 56
CLOCK_AT    equ AT(17, 15)

absolute 0BA00h
glyphs:         resb 7*16       ; the logo's letters from the BIOS's font
logo_colours:   resb 21
last_second:    resb 1
section .text

logo_text: db "oldiron"

; The letters of the logo from the 8x16 font into `glyphs`.
load_glyphs:
    push es
    push bp
    mov ax, 1130h
    mov bh, 6
    int 10h
    mov bx, bp
    pop bp
    push es
    pop fs
    push ds
    pop es
    mov di, glyphs
    xor dx, dx
.letter:
    mov si, dx
    movzx si, byte [logo_text+si]
    shl si, 4
    add si, bx
    mov cx, 16
.row:
    fs lodsb
    stosb
    loop .row
    inc dx
    cmp dl, 7
    jb .letter
    pop es
    ret

; Two dots of the logo share a cell: the upper half block has the colour of one and the background of the other.
draw_logo:
    call load_glyphs
    push word 0B800h
    pop es
    mov di, AT(LOGO_ROW, (80-LOGO_WIDTH)/2)
    mov si, glyphs+2            ; small letters without descender: rows 2 to 13
    xor bp, bp                  ; row of cells
.row:
    push di
    xor bx, bx                  ; letter
.letter:
    mov dl, [si+bx]
    mov dh, [si+bx+1]
    mov cx, 8
.dot:
    push cx
    mov cx, bp                  ; colours 8 to 14 from the upper to the lower edge
    imul ax, bp, 14
    mov cl, 12
    div cl
    mov ch, al
    imul ax, bp, 14
    add ax, 7
    div cl
    mov cl, al
    add cx, 0808h               ; CH = upper, CL = lower
    mov ax, 0020h
    add dl, dl
    jnc .no_upper
    add dh, dh
    jc .both
    mov al, 0DFh
    mov ah, ch
    jmp .store
.both:
    mov al, 0DFh
    mov ah, cl
    shl ah, 4
    or ah, ch
    jmp .store
.no_upper:
    add dh, dh
    jnc .store
    mov al, 0DCh
    mov ah, cl
.store:
    stosw
    pop cx
    loop .dot
    add bx, 16
    cmp bx, 7*16
    jb .letter
    pop di
    add di, 160
    add si, 2
    inc bp
    cmp bp, 6
    jb .row
    push ds
    pop es
    ret

draw_menu:
    mov bl, PAGE
    call text_screen
    call draw_logo
    mov si, .tagline
    mov ah, 03h
    mov di, AT(8, (80-48)/2)
    call put_text

    mov si, .machine_title
    mov ah, BORDER
    mov di, AT(10, 2)
    mov dx, 9*256+47
    call put_box
    mov bx, machine_rows
    mov di, AT(11, 4)
.row:
    push di
    mov si, [bx]
    mov ah, LABEL
    call put_text
    pop di
    push di
    add di, 22
    mov si, [bx+2]
    mov ah, VALUE
    call put_text
    pop di
    add di, 160
    add bx, 4
    cmp bx, machine_rows.end
    jb .row

    mov si, .menu_title
    mov ah, BORDER
    mov di, AT(10, 51)
    mov dx, 9*256+27
    call put_box
    mov bx, .choices
    mov di, AT(12, 53)
.choice:
    mov si, [bx]
    mov ah, PANEL
    push di
    call put_text
    pop di
    add di, 160
    add bx, 2
    cmp bx, .choices_end
    jb .choice

    mov si, .own_title
    mov ah, BORDER
    mov di, AT(20, 2)
    mov dx, 4*256+76
    call put_box
    mov si, .own_1
    mov ah, PANEL
    mov di, AT(21, 4)
    call put_text
    mov si, .own_2
    mov ah, PANEL
    mov di, AT(22, 4)
    call put_text
    mov si, .bottom
    mov ah, 05h
    mov di, AT(24, 4)
    call put_text
    mov byte [last_second], 0FFh
    call timer_to_retrace
    ret

.tagline:       db "a PC of the nineties, written from nothing in Rust", 0
.machine_title: db COLOUR(TITLE), " This machine ", 0
.menu_title:    db COLOUR(TITLE), " Press a key ", 0
.own_title:     db COLOUR(TITLE), " Boot your own disk ", 0
.choices:       dw .choice_1, .choice_2, .choice_3, .blank, .choice_a
.choices_end:
.choice_1:      db COLOUR(KEYCAP), " 1 ", COLOUR(PANEL), " Text and graphics", 0
.choice_2:      db COLOUR(KEYCAP), " 2 ", COLOUR(PANEL), " Keyboard", 0
.choice_3:      db COLOUR(KEYCAP), " 3 ", COLOUR(PANEL), " Protected mode, MIPS", 0
.blank:         db 0
.choice_a:      db COLOUR(KEYCAP), " A ", COLOUR(PANEL), " All, then power off", 0
.own_1:         db COLOUR(VALUE), "oldiron IMAGE", COLOUR(PANEL), "   or   ", COLOUR(VALUE)
                db "cargo run --release -- IMAGE", 0
.own_2:         db "where IMAGE is a floppy or disk, say FreeDOS.  Options: ", COLOUR(VALUE)
                db "oldiron --help", 0
.bottom:        db "F11: window menu     Ctrl-]: terminal menu     F12 at start: boot menu", 0

; One frame of the first screen: a gleam runs over the logo, the clock ticks.
animate_menu:
    mov ax, [frames]
    add ax, ax
    mov bp, ax
    mov si, screen_colours + 8*3
    mov di, logo_colours
    mov cx, 7
.colour:
    mov bx, bp
    and bx, 0FFh
    add bx, bx
    mov ax, [sines+bx]          ; brightness 96 to 128 of 128
    sar ax, 3
    add ax, 112
    mov bx, ax
    mov dl, 3
.gun:
    lodsb
    xor ah, ah
    push dx
    mul bx
    pop dx
    shr ax, 7
    stosb
    dec dl
    jnz .gun
    sub bp, 22
    loop .colour
    push ds
    pop es
    mov ax, 1012h
    mov bx, 8
    mov cx, 7
    mov dx, logo_colours
    int 10h

    test byte [frames], 7
    jnz .done
    call read_clock
    jc .done
    mov al, [di-1]
    cmp al, [last_second]
    je .done
    mov [last_second], al
    mov si, clock_text
    mov ah, VALUE
    mov di, CLOCK_AT
    call put_text
.done:
    ret

say_goodbye:
    mov bl, PAGE
    call text_screen
    call draw_logo
    mov si, .done
    mov ah, 07h
    mov di, AT(10, 25)
    call put_text
    mov ax, 35
    jmp pause
.done: db "All parts done. Switching off ...", 0
