; Tests of INT 10h.

%macro BDA_IS 2                 ; the byte at 40:%1 is %2
    mov al, [400h+%1]
    cmp al, %2
    jne failed
%endmacro

services:
    check modes_set,            "00h, 0Fh: every mode, and what the data area says of it"
    check modes_unknown,        "00h: an unknown mode changes nothing"
    check mode_keeps_memory,    "00h: bit 7 keeps the memory"
    check vectors,              "INT 10h, 1Dh, 1Fh, 43h, 6Dh point into the ROM"
    check cursor_shape,         "01h, 03h: cursor lines are scaled and read back"
    check cursor_pages,         "02h, 03h: each page has its cursor"
    check page_shown,           "05h: start address and cursor of the page shown"
    check text_scroll,          "06h, 07h: a window of text moves and is cleared"
    check text_cells,           "08h, 09h, 0Ah: characters and attributes"
    check graphics_characters,  "08h, 09h: characters are found again in all graphics modes"
    check graphics_xor,         "09h: exclusive or twice changes nothing, in all modes with it"
    check graphics_pixels,      "0Ch, 0Dh: pixels in all graphics modes"
    check graphics_scroll,      "06h, 07h: a window scrolls in all graphics modes"
    check graphics_teletype,    "0Eh: teletype scrolls in all graphics modes"
    check teletype,             "0Eh: CR, LF, BS, and the end of a row"
    check colour_select,        "0Bh: border and palette of mode 4"
    check palette_registers,    "10h/00h, 01h, 02h, 07h, 08h, 09h: palette registers"
    check blinking,             "10h/03h: blinking or bright background"
    check colours,              "10h/10h, 12h, 15h, 17h: colours"
    check colour_pages,         "10h/13h, 1Ah: pages of colours"
    check mask_and_grey,        "10h/18h, 19h, 1Bh: mask and greys"
    check fonts_text,           "11h/10h, 11h, 12h, 14h: rows follow the font"
    check fonts_load,           "11h/00h: a character of our own in plane 2"
    check fonts_blocks,         "11h/03h: 512 characters"
    check fonts_graphics,       "11h/20h to 24h: fonts of graphics modes"
    check fonts_information,    "11h/30h: where fonts are"
    check information,          "12h/10h: memory, colour, switches"
    check scan_lines,           "12h/30h: 200, 350 and 400 lines"
    check default_palette,      "12h/31h: a mode set keeps the palette"
    check video_access,         "12h/32h: the memory closes and opens"
    check grey_sums,            "12h/33h: colours become greys"
    check cursor_scaling,       "12h/34h: the cursor is taken as it is"
    check screen_off,           "12h/36h: the screen is off and on"
    check print_screen,         "12h/20h: print screen through the video BIOS"
    check strings,              "13h: strings, the cursor moved or not"
    check combination,          "1Ah: display combination"
    check functionality,        "1Bh: state and static tables"
    check save_and_restore,     "1Ch: all is saved and restored"
    check save_pointers,        "40:A8: fonts and colours through the save pointer table"
    check registers_kept,       "registers are as they were but for results"
    mov ax, 0003h
    int 10h
    ret

; Mode, columns, rows less one, height, page size, CRTC port (low byte).
mode_facts:
    db 00h, 40, 24, 16
    dw 0800h, 3D4h
    db 01h, 40, 24, 16
    dw 0800h, 3D4h
    db 02h, 80, 24, 16
    dw 1000h, 3D4h
    db 03h, 80, 24, 16
    dw 1000h, 3D4h
    db 04h, 40, 24, 8
    dw 4000h, 3D4h
    db 05h, 40, 24, 8
    dw 4000h, 3D4h
    db 06h, 80, 24, 8
    dw 4000h, 3D4h
    db 07h, 80, 24, 16
    dw 1000h, 3B4h
    db 0Dh, 40, 24, 8
    dw 2000h, 3D4h
    db 0Eh, 80, 24, 8
    dw 4000h, 3D4h
    db 0Fh, 80, 24, 14
    dw 8000h, 3B4h
    db 10h, 80, 24, 14
    dw 8000h, 3D4h
    db 11h, 80, 29, 16
    dw 0A000h, 3D4h
    db 12h, 80, 29, 16
    dw 0A000h, 3D4h
    db 13h, 40, 24, 8
    dw 2000h, 3D4h
mode_facts_end:

set_text:
    mov ax, 0003h
    int 10h
    ret

modes_set:
    mov si, mode_facts
.next:
    mov al, [si]
    mov ah, 0
    int 10h
    mov ah, 0Fh
    mov bh, 0FFh
    int 10h
    cmp ax, [si]                ; columns in AH
    jne .bad
    test bh, bh
    jnz .bad
    cmp [449h], al
    jne .bad
    mov al, [si+2]
    cmp [484h], al
    jne .bad
    mov al, [si+3]
    cmp [485h], al
    jne .bad
    mov ax, [si+4]
    cmp [44Ch], ax
    jne .bad
    mov ax, [si+6]
    cmp [463h], ax
    jne .bad
    mov dx, 3CCh
    in al, dx
    test al, 1
    setnz al
    cmp byte [si+6], 0D4h
    sete ah
    cmp al, ah
    jne .bad
    add si, 8
    cmp si, mode_facts_end
    jb .next
    clc
    ret
.bad:
    mov ax, [si]
    jmp failed

modes_unknown:
    call set_text
    mov si, .numbers
.next:
    lodsb
    mov ah, 0
    int 10h
    mov ah, 0Fh
    int 10h
    cmp al, 03h
    jne failed
    cmp si, .end
    jb .next
    jmp passed
.numbers: db 08h, 09h, 0Ah, 0Bh, 0Ch, 14h, 40h, 7Fh
.end:

mode_keeps_memory:
    mov ax, 0013h
    int 10h
    push word 0A000h
    pop es
    mov byte [es:1234h], 77h
    mov ax, 0093h
    int 10h
    cmp byte [es:1234h], 77h
    jne failed
    mov ah, 0Fh
    int 10h
    cmp al, 93h
    jne failed
    test byte [487h], 80h
    jz failed
    mov ax, 0013h
    int 10h
    cmp byte [es:1234h], 0
    jne failed
    test byte [487h], 80h
    jnz failed
    jmp passed

vectors:
    mov si, .numbers
.next:
    lodsb
    movzx bx, al
    shl bx, 2
    mov ax, [bx+2]
    cmp ax, 0C000h
    jne failed
    cmp si, .end
    jb .next
    cmp word [4AAh], 0C000h
    jne failed
    jmp passed
.numbers: db 10h, 1Dh, 1Fh, 43h, 6Dh
.end:

; AL = CRTC register AL.
crtc_read:
    push dx
    mov dx, [463h]
    out dx, al
    inc dx
    in al, dx
    pop dx
    ret
; AL = attribute register AL.
attribute_read:
    push dx
    push ax
    mov dx, [463h]
    add dx, 6
    in al, dx
    pop ax
    mov dx, 3C0h
    out dx, al
    inc dx
    in al, dx
    push ax
    mov dx, [463h]
    add dx, 6
    in al, dx
    mov dx, 3C0h
    mov al, 20h
    out dx, al
    pop ax
    pop dx
    ret

cursor_shape:
    call set_text
    mov al, 0Ah
    call crtc_read
    cmp al, 13
    jne failed
    mov ah, 01h
    mov cx, 0007h               ; a block
    int 10h
    mov al, 0Ah
    call crtc_read
    test al, al
    jnz failed
    mov al, 0Bh
    call crtc_read
    cmp al, 15
    jne failed
    mov ah, 03h
    mov bh, 0
    int 10h
    mov ax, cx
    cmp ax, 0007h
    jne failed
    mov ah, 01h
    mov cx, 2000h
    int 10h
    mov al, 0Ah
    call crtc_read
    cmp al, 20h
    jne failed
    jmp passed

cursor_pages:
    call set_text
    mov bh, 7
.set:
    mov dh, bh
    mov dl, bh
    add dl, 20
    mov ah, 02h
    int 10h
    dec bh
    jns .set
    mov bh, 7
.get:
    mov ah, 03h
    int 10h
    mov ax, dx
    cmp ah, bh
    jne failed
    sub al, 20
    cmp al, bh
    jne failed
    dec bh
    jns .get
    mov al, 0Fh                 ; page 0 is shown: 0, 20
    call crtc_read
    cmp al, 20
    jne failed
    jmp passed

page_shown:
    call set_text
    mov ah, 02h
    mov bx, 0300h
    mov dx, 0102h
    int 10h
    mov ax, 0503h
    int 10h
    BDA_IS 62h, 3
    mov ax, [44Eh]
    cmp ax, 3000h
    jne failed
    mov al, 0Ch
    call crtc_read
    cmp al, 18h
    jne failed
    mov al, 0Fh
    call crtc_read
    cmp al, 82
    jne failed
    mov al, 0Eh
    call crtc_read
    cmp al, 18h
    jne failed
    mov ax, 0E00h + 'q'         ; teletype goes to the page shown
    mov bh, 0
    int 10h
    push word 0B800h
    pop es
    mov ax, [es:3000h+82*2]
    cmp ax, 0700h + 'q'
    jne failed
    mov ax, 0500h
    int 10h
    jmp passed

text_scroll:
    call set_text
    push word 0B800h
    pop es
    mov word [es:(5*80+10)*2], 1E41h
    mov word [es:(5*80+9)*2], 1E42h
    mov ax, 0602h
    mov bh, 4Fh
    mov cx, 030Ah
    mov dx, 0614h
    int 10h
    mov ax, [es:(3*80+10)*2]
    cmp ax, 1E41h
    jne failed
    mov ax, [es:(5*80+9)*2]
    cmp ax, 1E42h
    jne failed
    mov ax, [es:(6*80+20)*2]
    cmp ax, 4F20h
    jne failed
    mov ax, [es:(6*80+21)*2]
    cmp ax, 0720h
    jne failed
    mov ax, 0701h
    int 10h
    mov ax, [es:(4*80+10)*2]
    cmp ax, 1E41h
    jne failed
    mov ax, 0600h
    int 10h
    mov ax, [es:(4*80+10)*2]
    cmp ax, 4F20h
    jne failed
    jmp passed

text_cells:
    call set_text
    mov ah, 02h
    mov bh, 2
    mov dx, 184Eh
    int 10h
    mov ax, 0900h + 'w'
    mov bx, 021Ah
    mov cx, 2
    int 10h
    mov ax, 0A00h + 'v'
    mov cx, 1
    int 10h
    mov ah, 08h
    int 10h
    cmp ax, 1A00h + 'v'
    jne failed
    push word 0B800h
    pop es
    mov ax, [es:2000h+(24*80+79)*2]
    cmp ax, 1A00h + 'w'
    jne failed
    jmp passed

; Calls BX with the mode set, SI at its facts, for every graphics mode. A failure ends it with the mode in AH.
each_graphics_mode:
    mov si, mode_facts + 4*8
.next:
    cmp byte [si], 07h
    je .skip
    mov al, [si]
    mov ah, 0
    int 10h
    push bx
    push si
    push cs
    pop es
    call bx
    pop si
    pop bx
    jc .failed
.skip:
    add si, 8
    cmp si, mode_facts_end
    jb .next
    clc
    ret
.failed:
    mov ah, [si]
    stc
    ret

; The colour to draw with in the mode at SI: one that all modes can tell from the background.
bright:
    mov bl, 3
    cmp byte [si], 06h
    jne .done
    mov bl, 1
.done:
    ret

graphics_characters:
    mov bx, .mode
    jmp each_graphics_mode
.mode:
    mov ah, 02h
    mov bh, 0
    mov dx, 1726h
    int 10h
    call bright
    mov bp, .codes
.next:
    mov al, [bp]
    mov ah, 09h
    mov bh, 0
    mov cx, 1
    int 10h
    mov ah, 08h
    int 10h
    cmp al, [bp]
    jne failed
    inc bp
    cmp bp, .end
    jb .next
    jmp passed
.codes: db 'A', 'z', 1, 7Fh, 0C5h, 0E3h
.end:

graphics_xor:
    mov bx, .mode
    jmp each_graphics_mode
.mode:
    cmp byte [si], 13h          ; there bit 7 is part of the colour
    je passed
    call bright
    mov bh, 0
    mov ax, 0900h + 'Q'
    mov cx, 1
    int 10h
    or bl, 80h
    mov ax, 0900h + 0B2h
    int 10h
    mov ah, 08h
    int 10h
    cmp al, 'Q'
    je failed
    mov ax, 0900h + 0B2h
    int 10h
    mov ah, 08h
    int 10h
    cmp al, 'Q'
    jne failed
    jmp passed

graphics_pixels:
    mov bx, .mode
    jmp each_graphics_mode
.mode:
    call bright
    mov cx, 203
    mov dx, 101
.next:
    mov al, bl
    mov bh, 0
    mov ah, 0Ch
    int 10h
    mov ah, 0Dh
    int 10h
    cmp byte [si], 11h          ; its colours are one plane's worth to the eye, four to the processor
    je .compare
    cmp byte [si], 0Fh
.compare:
    cmp al, bl
    jne failed
    mov ah, 0Dh
    inc cx
    int 10h
    test al, al
    jnz failed
    dec cx
    cmp byte [si], 13h
    je .same
    mov al, bl
    or al, 80h
    mov ah, 0Ch
    int 10h
    mov ah, 0Dh
    int 10h
    test al, al
    jnz failed
.same:
    add cx, 13
    dec dx
    cmp dx, 97
    ja .next
    jmp passed

graphics_scroll:
    mov bx, .mode
    jmp each_graphics_mode
.mode:
    call bright
    mov bh, 0
    mov dx, 0A05h
    mov al, 'A'
.row:
    mov ah, 02h
    int 10h
    mov cx, 8
    mov ah, 09h
    int 10h
    inc dh
    inc ax
    cmp al, 'F'
    jb .row
    mov ax, 0602h
    mov bh, 0
    mov cx, 0A06h
    mov dx, 0E08h
    int 10h
    mov dx, 0A06h
    mov al, 'C'
    call .is
    mov dx, 0A05h
    mov al, 'A'
    call .is
    mov dx, 0C08h
    mov al, 'E'
    call .is
    mov dx, 0D07h
    mov al, ' '
    call .is
    mov dx, 0A09h
    mov al, 'A'
    call .is
    mov ax, 0703h
    mov bh, 0
    mov cx, 0A06h
    mov dx, 0E08h
    int 10h
    mov dx, 0D06h
    mov al, 'C'
    call .is
    mov dx, 0A08h
    mov al, ' '
    call .is
    jmp passed
; Returns to the caller's caller if the character at DX is not AL. An empty cell may be a 0, whose glyph is empty too.
.is:
    mov ah, 02h
    mov bh, 0
    int 10h
    push ax
    mov ah, 08h
    int 10h
    pop dx
    test al, al
    jnz .given
    mov al, ' '
.given:
    cmp al, dl
    je passed
    pop dx
    jmp failed

graphics_teletype:
    mov bx, .mode
    jmp each_graphics_mode
.mode:
    call bright
    mov bh, 0
    mov dh, [484h]
    mov dl, [44Ah]
    dec dx
    mov ah, 02h
    int 10h
    mov ax, 0E00h + 'K'
    int 10h
    mov ah, 03h
    int 10h
    mov al, [484h]
    cmp dh, al
    jne failed
    test dl, dl
    jnz failed
    dec dh                      ; it has moved up by a row
    mov dl, [44Ah]
    dec dx
    mov ah, 02h
    int 10h
    mov ah, 08h
    int 10h
    cmp al, 'K'
    jne failed
    jmp passed

teletype:
    call set_text
    mov si, .text
    mov bh, 0
.next:
    lodsb
    mov ah, 0Eh
    int 10h
    cmp si, .end
    jb .next
    push word 0B800h
    pop es
    cmp byte [es:0], 'a'
    jne failed
    cmp byte [es:2], 'x'
    jne failed
    cmp byte [es:164], 'c'
    jne failed
    mov ah, 03h
    int 10h
    mov ax, dx
    cmp ax, 0100h
    jne failed
    jmp passed
.text: db "ab", 8, "x", 10, "c", 13
.end:

%include "services2.asm"
