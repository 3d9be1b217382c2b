; What all parts use: timer, serial port, numbers, text on the screen.

; Variables that need no initial value live behind the program.
absolute 0B000h
frames:         resw 1          ; counts up 70 times a second
last_frame:     resw 1
timer_sum:      resw 1
old_timer:      resd 1
seed:           resd 1
text_attribute: resb 1
number_buffer:  resb 12
sines:          resw 256+64     ; 127 * sin(i * 2 pi / 256)
section .text

; ---------------------------------------------------------------- time

; IRQ 0 comes 70.09 times a second, as often as the VGA draws a picture; every 65536 clocks the BIOS gets it too, so
; that the time of day stays right.
TIMER_DIVISOR equ 17024
PIT_HZ        equ 1193182

timer_init:
    xor ax, ax
    mov [frames], ax
    mov [last_frame], ax
    mov [timer_sum], ax
    mov dword [seed], 12345
    mov es, ax
    cli
    mov eax, [es:8*4]
    mov [old_timer], eax
    mov word [es:8*4], timer_interrupt
    mov [es:8*4+2], cs
    call timer_program
    sti
    ret

timer_program:
    mov al, 34h                 ; counter 0, rate generator
    out 43h, al
    mov ax, TIMER_DIVISOR
    out 40h, al
    mov al, ah
    out 40h, al
    ret

timer_interrupt:
    push ax
    inc word [cs:frames]
    add word [cs:timer_sum], TIMER_DIVISOR
    jc .bios
    mov al, 20h
    out 20h, al
    pop ax
    iret
.bios:
    pop ax
    jmp far [cs:old_timer]

; Waits, halted, for the next tick of the timer; returns at once if that was missed already.
wait_frame:
    mov ax, [frames]
    cmp ax, [last_frame]
    jne .done
    hlt
    jmp wait_frame
.done:
    mov [last_frame], ax
    ret

; Waits AX ticks, or for a key unless running unattended.
pause:
    mov cx, ax
.next:
    call wait_frame
    cmp byte [unattended], 0
    jne .tick
    mov ah, 1
    int 16h
    jnz .key
.tick:
    loop .next
    ret
.key:
    xor ah, ah
    int 16h
    ret

; Starts the timer's period at a vertical retrace, so that waiting for one is waiting for the other.
timer_to_retrace:
    mov dx, 3DAh
    mov cx, 0FFFFh
.display:
    in al, dx
    test al, 8
    loopnz .display
    mov cx, 0FFFFh
.retrace:
    in al, dx
    test al, 8
    loopz .retrace
    cli
    call timer_program
    sti
    ret

; AX = pseudo-random number. Changes nothing else.
random:
    push edx
    mov eax, [seed]
    imul eax, eax, 1103515245
    add eax, 12345
    mov [seed], eax
    shr eax, 16
    pop edx
    ret

; The sine table from a quarter wave.
make_sines:
    push ds
    pop es
    xor bx, bx
.next:
    mov si, bx
    mov al, bl
    test al, 40h
    jz .rising
    not al
    inc al
    and ax, 7Fh
.rising:
    and ax, 7Fh
    mov si, ax
    movzx ax, byte [quarter+si]
    test bl, 80h
    jz .positive
    neg ax
.positive:
    mov di, bx
    add di, di
    mov [sines+di], ax
    inc bl
    jnz .next
    mov si, sines               ; and a quarter again, for the cosine
    mov di, sines+512
    mov cx, 64
    rep movsw
    ret
quarter:
    db 0,3,6,9,12,16,19,22,25,28,31,34,37,40,43,46,49,51,54,57,60,63,65,68,71,73,76,78,81,83,85,88
    db 90,92,94,96,98,100,102,104,106,107,109,111,112,113,115,116,117,118,120,121,122,122,123,124,125,125,126,126,126
    db 127,127,127,127

; ---------------------------------------------------------------- COM1

serial_init:
    mov dx, 3FBh
    mov al, 83h
    out dx, al
    mov dx, 3F8h
    mov al, 1                   ; 115200 baud
    out dx, al
    inc dx
    mov al, 0
    out dx, al
    mov dx, 3FBh
    mov al, 03h
    out dx, al
    inc dx
    out dx, al
    ret

; Sends AL. Gives up on a port that never becomes ready. Keeps all registers.
serial_char:
    pusha
    mov ah, al
    mov dx, 3FDh
    mov cx, 0FFFFh
.wait:
    in al, dx
    test al, 20h
    loopz .wait
    mov dx, 3F8h
    mov al, ah
    out dx, al
    popa
    ret

; Sends the string at SI; colours are left out. Changes SI, AL.
serial_text:
    lodsb
    test al, al
    jz .done
    cmp al, 1Fh
    je .colour
    call serial_char
    jmp serial_text
.colour:
    inc si
    jmp serial_text
.done:
    ret

serial_line:
    call serial_text
serial_end:
    mov al, 13
    call serial_char
    mov al, 10
    jmp serial_char

; ---------------------------------------------------------------- numbers

; Appends to the string at DI (and ends it, DI staying at the end): AX or EAX in decimal, AL as two digits.
append_word:
    movzx eax, ax
append_number:
    push ebx
    push edx
    push cx
    xor cx, cx
    mov ebx, 10
.digit:
    xor edx, edx
    div ebx
    push dx
    inc cx
    test eax, eax
    jnz .digit
.store:
    pop ax
    add al, '0'
    mov [di], al
    inc di
    loop .store
    mov byte [di], 0
    pop cx
    pop edx
    pop ebx
    ret

append_bcd:
    push ax
    shr al, 4
    call .digit
    pop ax
    and al, 0Fh
.digit:
    add al, '0'
append_char:
    mov [di], al
    inc di
    mov byte [di], 0
    ret

append_hex:
    push ax
    shr al, 4
    call .digit
    pop ax
    and al, 0Fh
.digit:
    cmp al, 10
    jb append_bcd.digit
    add al, 'A'-10
    jmp append_char

; Appends the string at SI.
append_text:
    lodsb
    test al, al
    jz .done
    call append_char
    jmp append_text
.done:
    ret

; ---------------------------------------------------------------- text on the screen

; Screen addresses are offsets into B800h.
%define AT(row, column) ((row)*80+(column))*2

; Writes the string at SI with attribute AH at DI. Leaves DI behind it. Changes AX, SI.
put_text:
    push es
    push word 0B800h
    pop es
.next:
    lodsb
    test al, al
    jz .done
    cmp al, 1Fh
    je .colour
    stosw
    jmp .next
.colour:
    lodsb
    mov ah, al
    jmp .next
.done:
    pop es
    ret

; Fills CX cells at DI with AX.
put_cells:
    push es
    push word 0B800h
    pop es
    rep stosw
    pop es
    ret

; A frame with attribute AH at DI, DH rows high and DL columns wide, filled with spaces; the title at SI.
put_box:
    push bx
    push si
    push di
    push dx
    mov bl, 0DAh
    mov bh, 0BFh
    mov al, 0C4h
    call .row
    dec dh
.middle:
    dec dh
    jz .bottom
    mov bl, 0B3h
    mov bh, 0B3h
    mov al, ' '
    call .row
    jmp .middle
.bottom:
    mov bl, 0C0h
    mov bh, 0D9h
    mov al, 0C4h
    call .row
    pop dx
    pop di
    pop si
    pop bx
    push di
    add di, 4
    call put_text
    pop di
    ret
.row:
    push es
    push word 0B800h
    pop es
    push di
    push ax
    mov al, bl
    stosw
    pop ax
    movzx cx, dl
    sub cx, 2
    rep stosw
    push ax
    mov al, bh
    stosw
    pop ax
    pop di
    add di, 160
    pop es
    ret

; Text mode without cursor, with the demo's own 16 colours and bright backgrounds, filled with attribute BL.
text_screen:
    push bx
    mov ax, 0003h
    int 10h
    mov ah, 1
    mov cx, 2000h
    int 10h
    mov ax, 1003h
    mov bl, 0
    int 10h
    push ds
    pop es
    mov ax, 1002h               ; palette registers in order
    mov dx, plain_palette
    int 10h
    mov ax, 1012h
    xor bx, bx
    mov cx, 16
    mov dx, screen_colours
    int 10h
    pop bx
    mov ah, bl
    mov al, ' '
    xor di, di
    mov cx, 2000
    jmp put_cells

plain_palette: db 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15, 0
; 8 to 14 are the logo's.
screen_colours:
    db  2, 3, 6,   5, 7,14,  14,50,26,  22,46,54,  52,22,10,  20,24,38,  62,46,14,  46,49,54
    db 63,60,40,  63,54,24,  63,44,14,  60,34, 9,  54,25, 7,  46,18, 6,  38,13, 6,  63,63,63
; Attributes on these colours.
PAGE    equ 07h
PANEL   equ 17h
BORDER  equ 15h
TITLE   equ 13h
VALUE   equ 1Fh
LABEL   equ 13h
KEYCAP  equ 4Fh
GOOD    equ 12h
WARM    equ 16h
