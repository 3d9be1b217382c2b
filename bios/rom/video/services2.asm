; Tests of INT 10h/0Bh and up.

colour_select:
    mov ax, 0004h
    int 10h
    mov ax, 0B00h
    mov bx, 0009h
    int 10h
    mov al, 11h
    call attribute_read
    cmp al, 11h                 ; bright blue, in bits -I-RGB
    jne failed
    mov al, 00h
    call attribute_read
    cmp al, 11h
    jne failed
    mov ax, 0B00h
    mov bx, 0100h
    int 10h
    mov al, 01h
    call attribute_read
    and al, 0Fh
    cmp al, 2
    jne failed
    mov ax, 0B00h
    mov bx, 0101h
    int 10h
    mov al, 03h
    call attribute_read
    and al, 0Fh
    cmp al, 7
    jne failed
    mov al, [466h]
    cmp al, 29h
    jne failed
    jmp passed

palette_registers:
    call set_text
    mov ax, 1000h
    mov bx, 2B05h
    int 10h
    mov ax, 1001h
    mov bx, 1700h
    int 10h
    mov ax, 1007h
    mov bl, 5
    int 10h
    mov al, bh
    cmp al, 2Bh
    jne failed
    mov ax, 1008h
    int 10h
    mov al, bh
    cmp al, 17h
    jne failed
    mov ax, 1009h
    mov dx, BUFFER
    int 10h
    mov al, [BUFFER+5]
    mov ah, [BUFFER+16]
    cmp ax, 172Bh
    jne failed
    mov ax, 1002h
    mov dx, .new
    int 10h
    mov ax, 1009h
    mov dx, BUFFER
    int 10h
    mov si, .new
    mov di, BUFFER
    mov cx, 17
    repe cmpsb
    jne failed
    mov al, 11h
    call attribute_read
    cmp al, 21
    jne failed
    jmp passed
.new: db 15,14,13,12,11,10,9,8,7,6,5,4,3,2,1,0, 21

blinking:
    call set_text
    mov ax, 1003h
    mov bl, 0
    int 10h
    mov al, 10h
    call attribute_read
    test al, 08h
    jnz failed
    test byte [465h], 20h
    jnz failed
    mov ax, 1003h
    mov bl, 1
    int 10h
    mov al, 10h
    call attribute_read
    test al, 08h
    jz failed
    test byte [465h], 20h
    jz failed
    jmp passed

colours:
    call set_text
    mov ax, 1010h
    mov bx, 200
    mov dh, 10
    mov cx, 141Eh
    int 10h
    mov ax, 1015h
    xor cx, cx
    xor dx, dx
    int 10h
    mov ax, cx
    cmp ax, 141Eh
    jne failed
    mov ax, dx
    cmp ah, 10
    jne failed
    mov ax, 1012h
    mov bx, 254
    mov cx, 2
    mov dx, .two
    int 10h
    mov ax, 1017h
    mov bx, 254
    mov cx, 2
    mov dx, BUFFER
    int 10h
    mov si, .two
    mov di, BUFFER
    mov cx, 6
    repe cmpsb
    jne failed
    jmp passed
.two: db 1,2,3, 61,62,63

colour_pages:
    call set_text
    mov ax, 1013h
    mov bx, 0200h               ; page 2 of 64
    mov bl, 1
    int 10h
    mov al, 14h
    call attribute_read
    cmp al, 8
    jne failed
    mov ax, 1013h
    mov bx, 0100h               ; 16 pages of 16
    int 10h
    mov ax, 1013h
    mov bx, 0501h
    int 10h
    mov ax, 101Ah
    int 10h
    mov ax, bx
    cmp ax, 0501h
    jne failed
    jmp passed

mask_and_grey:
    call set_text
    mov ax, 1018h
    mov bl, 0Fh
    int 10h
    mov ax, 1019h
    xor bx, bx
    int 10h
    mov al, bl
    cmp al, 0Fh
    jne failed
    mov ax, 1010h
    mov bx, 7
    mov dh, 63
    xor cx, cx
    int 10h
    mov ax, 101Bh
    mov bx, 7
    mov cx, 1
    int 10h
    mov ax, 1015h
    mov bx, 7
    int 10h
    mov ax, cx
    cmp ax, 1313h               ; 30 % of 63
    jne failed
    cmp dh, al
    jne failed
    jmp passed

fonts_text:
    call set_text
    mov ax, 1112h
    mov bl, 0
    int 10h
    BDA_IS 84h, 49
    BDA_IS 85h, 8
    mov al, 09h
    call crtc_read
    and al, 1Fh
    cmp al, 7
    jne failed
    mov ax, 1111h
    mov bl, 0
    int 10h
    BDA_IS 84h, 27
    BDA_IS 85h, 14
    mov ax, 1114h
    mov bl, 0
    int 10h
    BDA_IS 84h, 24
    BDA_IS 85h, 16
    mov al, 12h
    call crtc_read
    cmp al, 8Fh
    jne failed
    mov ax, 1110h               ; our own: 20 lines
    mov bx, 1400h
    mov cx, 1
    mov dx, 41h
    mov bp, .glyph
    int 10h
    BDA_IS 84h, 19
    BDA_IS 85h, 20
    jmp passed
.glyph: times 20 db 0F0h

; AL = byte DI of plane 2.
font_byte:
    push es
    push word 0A000h
    pop es
    mov dx, 3C4h
    mov ax, 0704h
    out dx, ax
    mov dx, 3CEh
    mov ax, 0204h
    out dx, ax
    mov ax, 0005h
    out dx, ax
    mov ax, 0406h
    out dx, ax
    mov bl, [es:di]
    mov ax, 0004h
    out dx, ax
    mov ax, 1005h
    out dx, ax
    mov ax, 0E06h
    out dx, ax
    mov dx, 3C4h
    mov ax, 0304h
    out dx, ax
    mov al, bl
    pop es
    ret

fonts_load:
    call set_text
    mov ax, 1100h
    mov bx, 1003h               ; block 3
    mov cx, 2
    mov dx, 80h
    mov bp, .glyphs
    int 10h
    mov di, 0C000h + 81h*32 + 15
    call font_byte
    cmp al, 5Ah
    jne failed
    mov ax, 1100h
    mov bx, 1004h               ; block 4 is between 0 and 1
    mov cx, 1
    mov dx, 80h
    mov bp, .glyphs+16
    int 10h
    mov di, 2000h + 80h*32 + 15
    call font_byte
    cmp al, 5Ah
    jne failed
    BDA_IS 85h, 16
    jmp passed
.glyphs:
    times 31 db 11h
    db 5Ah

fonts_blocks:
    call set_text
    mov ax, 1103h
    mov bl, 04h                 ; characters with attribute bit 3 from block 1
    int 10h
    mov dx, 3C4h
    mov al, 3
    out dx, al
    inc dx
    in al, dx
    cmp al, 04h
    jne failed
    jmp passed

fonts_graphics:
    mov ax, 0012h
    int 10h
    mov ax, 1123h
    mov bl, 0
    mov dl, 60
    int 10h
    BDA_IS 84h, 59
    BDA_IS 85h, 8
    mov ax, 1122h
    mov bl, 2
    int 10h
    BDA_IS 84h, 24
    BDA_IS 85h, 14
    mov ax, 1124h
    mov bl, 3
    int 10h
    BDA_IS 84h, 42
    BDA_IS 85h, 16
    mov ax, 1121h
    mov bl, 1
    mov cx, 9
    mov bp, 1234h
    int 10h
    BDA_IS 84h, 13
    BDA_IS 85h, 9
    mov ax, [43h*4]
    cmp ax, 1234h
    jne failed
    mov ax, 1120h
    mov bp, 4321h
    int 10h
    mov ax, [1Fh*4]
    cmp ax, 4321h
    jne failed
    jmp passed

fonts_information:
    call set_text
    mov bh, 7
.next:
    mov ax, 1130h
    push bx
    xor cx, cx
    int 10h
    pop bx
    mov ax, es
    cmp ax, 0C000h
    jne failed
    mov ax, cx
    cmp ax, 16
    jne failed
    mov al, dl
    cmp al, 24
    jne failed
    dec bh
    jns .next
    mov ax, 1130h
    mov bh, 6
    int 10h
    mov al, [es:bp+'A'*16+2]    ; a letter's first line with dots
    or al, [es:bp+'A'*16+3]
    jz failed
    cmp byte [es:bp+0DBh*16], 0FFh
    jne failed
    jmp passed

information:
    call set_text
    mov ah, 12h
    mov bx, 0FF10h
    int 10h
    mov ax, bx
    cmp ax, 0003h
    jne failed
    mov ax, cx
    cmp al, 09h
    jne failed
    mov ax, 0007h
    int 10h
    mov ah, 12h
    mov bl, 10h
    int 10h
    mov ax, bx
    cmp ax, 0103h
    jne failed
    jmp passed

scan_lines:
    mov ax, 1200h
    mov bl, 30h
    int 10h
    cmp al, 12h
    jne failed
    call set_text
    BDA_IS 85h, 8
    mov ax, 1201h
    mov bl, 30h
    int 10h
    call set_text
    BDA_IS 85h, 14
    mov ax, 1202h
    mov bl, 30h
    int 10h
    call set_text
    BDA_IS 85h, 16
    jmp passed

default_palette:
    mov ax, 1201h
    mov bl, 31h
    int 10h
    mov ax, 1010h
    mov bx, 1
    mov dh, 33
    mov cx, 2122h
    int 10h
    call set_text
    mov ax, 1200h
    mov bl, 31h
    int 10h
    mov ax, 1015h
    mov bx, 1
    int 10h
    cmp dh, 33
    jne failed
    call set_text
    mov ax, 1015h
    mov bx, 1
    int 10h
    mov al, dh
    test al, al
    jnz failed
    jmp passed

video_access:
    call set_text
    push word 0B800h
    pop es
    mov word [es:0], 1234h
    mov ax, 1201h
    mov bl, 32h
    int 10h
    mov cx, [es:0]
    mov ax, 1200h
    mov bl, 32h
    int 10h
    cmp cx, 0FFFFh
    jne failed
    cmp word [es:0], 1234h
    jne failed
    jmp passed

grey_sums:
    mov ax, 1200h
    mov bl, 33h
    int 10h
    call set_text
    mov ax, 1015h
    mov bx, 4
    int 10h
    mov ax, 1201h
    mov bl, 33h
    push cx
    int 10h
    pop ax
    cmp al, ah
    jne failed
    cmp dh, al
    jne failed
    test al, al
    jz failed
    jmp set_text_passed

cursor_scaling:
    mov ax, 1201h
    mov bl, 34h
    int 10h
    call set_text
    mov ah, 01h
    mov cx, 0607h
    int 10h
    mov al, 0Ah
    call crtc_read
    push ax
    mov ax, 1200h
    mov bl, 34h
    int 10h
    pop ax
    cmp al, 6
    jne failed
set_text_passed:
    call set_text
    jmp passed

screen_off:
    mov ax, 1201h
    mov bl, 36h
    int 10h
    mov dx, 3C4h
    mov al, 1
    out dx, al
    inc dx
    in al, dx
    test al, 20h
    jz failed
    mov ax, 1200h
    mov bl, 36h
    int 10h
    in al, dx
    test al, 20h
    jnz failed
    jmp passed

print_screen:
    mov eax, [5*4]
    push eax
    mov ax, 1200h
    mov bl, 20h
    int 10h
    mov cx, [5*4+2]
    int 5                       ; there is no printer
    mov dl, [500h]
    pop dword [5*4]
    cmp cx, 0C000h
    jne failed
    cmp dl, 0FFh
    jne failed
    jmp passed

strings:
    call set_text
    push word 0B800h
    pop es
    mov bp, .plain
    push cs
    pop es
    mov ax, 1300h
    mov bx, 001Eh
    mov cx, 3
    mov dx, 0204h
    int 10h
    mov ah, 03h
    int 10h
    mov ax, dx
    test ax, ax
    jnz failed
    mov ax, 1303h
    mov bx, 0000h
    mov cx, 2
    mov dx, 0304h
    mov bp, .pairs
    int 10h
    mov ah, 03h
    int 10h
    mov ax, dx
    cmp ax, 0306h
    jne failed
    push word 0B800h
    pop es
    mov ax, [es:(2*80+6)*2]
    cmp ax, 1E00h + 'c'
    jne failed
    mov ax, [es:(3*80+5)*2]
    cmp ax, 2B00h + 'e'
    jne failed
    jmp passed
.plain: db "abc"
.pairs: db 'd', 1Ah, 'e', 2Bh

combination:
    mov ax, 1A00h
    int 10h
    cmp al, 1Ah
    jne failed
    mov ax, bx
    cmp ax, 0008h
    jne failed
    mov ax, 1A01h
    mov bx, 0007h
    int 10h
    cmp al, 1Ah
    jne failed
    mov ax, 1A00h
    int 10h
    push bx
    mov ax, 1A01h
    mov bx, 0008h
    int 10h
    pop ax
    cmp ax, 0007h
    jne failed
    jmp passed

functionality:
    call set_text
    mov ax, 1B00h
    xor bx, bx
    mov di, BUFFER
    int 10h
    cmp al, 1Bh
    jne failed
    mov al, [BUFFER+4]
    cmp al, 03h
    jne failed
    mov ax, [BUFFER+5]
    cmp ax, 80
    jne failed
    mov al, [BUFFER+22h]        ; rows
    cmp al, 25
    jne failed
    mov ax, [BUFFER+23h]
    cmp ax, 16
    jne failed
    mov ax, [BUFFER+25h]
    cmp ax, 0008h
    jne failed
    mov ax, [BUFFER+27h]        ; colours
    cmp ax, 16
    jne failed
    mov ax, [BUFFER+29h]        ; pages; 400 lines
    cmp ax, 0208h
    jne failed
    mov al, [BUFFER+31h]
    cmp al, 3
    jne failed
    les di, [BUFFER]
    mov ax, [es:di]
    cmp ax, 0E0FFh
    jne failed
    mov al, [es:di+2]
    cmp al, 0Fh
    jne failed
    jmp passed

save_and_restore:
    mov ax, 0010h
    int 10h
    mov ax, 1010h
    mov bx, 3
    mov dh, 9
    mov cx, 0807h
    int 10h
    mov ax, 1000h
    mov bx, 1506h
    int 10h
    push word BUFFER_SEGMENT
    pop es
    mov ax, 1C00h
    mov cx, 7
    int 10h
    cmp al, 1Ch
    jne failed
    mov ax, bx
    cmp ax, 16
    jne failed
    xor bx, bx
    mov ax, 1C01h
    int 10h
    mov ax, 0013h
    int 10h
    xor bx, bx
    mov cx, 7
    mov ax, 1C02h
    int 10h
    mov ah, 0Fh
    int 10h
    cmp al, 10h
    jne failed
    mov al, 06h
    call attribute_read
    cmp al, 15h
    jne failed
    mov ax, 1015h
    mov bx, 3
    int 10h
    mov ax, cx
    cmp ax, 0807h
    jne failed
    ; Saved again it is the same, but for what reading changed.
    push word BUFFER2_SEGMENT
    pop es
    mov ax, 1C01h
    mov cx, 7
    xor bx, bx
    int 10h
    push ds
    push word BUFFER_SEGMENT
    pop ds
    mov si, 5
    mov di, 5
    mov cx, 16*64-5
    repe cmpsb
    pop ds
    mov ax, di
    jne failed
    jmp passed

registers_kept:
    call set_text
    mov eax, 0AAAA0300h
    mov ebx, 0BBBB0000h
    mov ecx, 0CCCC1234h
    mov edx, 0DDDD4321h
    mov esi, 11115678h
    mov edi, 22228765h
    mov ebp, 33339ABCh
    push ds
    push es
    push word 5555h
    pop es
    int 10h
    mov [cs:.ax], ax
    mov ax, es
    cmp ax, 5555h
    pop es
    pop ds
    jne failed
    mov ax, [.ax]
    cmp ax, 0300h
    jne failed
    cmp edx, 0DDDD0000h
    jne failed
    cmp ecx, 0CCCC0D0Eh
    je .scaled
    cmp ecx, 0CCCC0607h
    jne failed
.scaled:
    shr ebx, 16
    cmp bx, 0BBBBh
    jne failed
    cmp esi, 11115678h
    jne failed
    cmp edi, 22228765h
    jne failed
    cmp ebp, 33339ABCh
    jne failed
    ; Nothing changes under a mode set, a string and a scroll.
    mov esi, .calls
.next:
    mov edi, 22228765h
    mov ebp, 3333F000h
    mov ebx, 0BBBB0007h
    mov ecx, 0CCCC0001h
    mov edx, 0DDDD0105h
    mov eax, 0AAAA0000h
    mov ax, [si]
    int 10h
    cmp ax, [si]
    jne failed
    cmp edi, 22228765h
    jne failed
    cmp ebp, 3333F000h
    jne failed
    cmp ebx, 0BBBB0007h
    jne failed
    cmp ecx, 0CCCC0001h
    jne failed
    cmp edx, 0DDDD0105h
    jne failed
    shr eax, 16
    cmp ax, 0AAAAh
    jne failed
    inc si
    inc si
    cmp si, .end
    jb .next
    jmp passed
.ax: dw 0
.calls: dw 0013h, 0941h, 0E42h, 0601h, 0703h, 1300h, 0012h, 0941h, 0E42h, 0601h, 0C05h, 1000h, 0003h, 0501h, 1302h, 0500h
.end:

save_pointers:
    call set_text
    mov ax, 1130h               ; the 8x8 font
    mov bh, 3
    int 10h
    mov [.glyphs], bp
    mov [.glyphs+2], es
    mov [.second_glyphs], bp
    mov [.second_glyphs+2], es
    mov [.graphics_glyphs], bp
    mov [.graphics_glyphs+2], es
    push ds
    pop es
    mov eax, [4A8h]
    mov [.old], eax
    lds si, [4A8h]              ; our tables: the ROM's, with additions
    mov di, .primary
    mov cx, 4
    rep movsb
    add si, 12
    push word [si]
    push word [si+2]
    pop ds
    pop si
    add si, 2
    mov di, .secondary+2
    mov cx, 4
    rep movsb
    push cs
    pop ds
    mov word [4A8h], .primary
    mov [4AAh], cs
    call set_text
    mov eax, [.old]             ; whatever fails, the ROM's table is back
    mov [4A8h], eax
    call .look_at_text
    jc .end
    mov word [4A8h], .primary
    mov [4AAh], cs
    mov ax, 0012h
    int 10h
    mov ax, 1B00h
    xor bx, bx
    mov di, BUFFER
    int 10h
    mov eax, [.old]
    mov [4A8h], eax
    BDA_IS 84h, 58
    BDA_IS 85h, 8
    mov eax, [.graphics_glyphs]
    cmp eax, [43h*4]
    jne failed
    mov al, [BUFFER+32h]
    cmp al, 3Fh
    jne failed
    call set_text
    BDA_IS 84h, 24
    jmp passed
.end:
    ret
.look_at_text:
    BDA_IS 84h, 39
    BDA_IS 85h, 8
    mov dx, 3C4h
    mov al, 3
    out dx, al
    inc dx
    in al, dx
    cmp al, 19h                 ; blocks 5 and 2
    jne failed
    mov al, 03h
    call attribute_read
    cmp al, 2Ah
    jne failed
    mov al, [.kept+3]
    cmp al, 2Ah
    jne failed
    mov al, 14h
    call crtc_read
    cmp al, 7
    jne failed
    mov ax, 1015h
    mov bx, 100
    int 10h
    mov ax, cx
    cmp ax, 0203h
    jne failed
    mov di, 0A000h - 4000h + 0DBh*32    ; block 5
    call font_byte
    cmp al, 0FFh
    jne failed
    mov di, 8000h + 0DBh*32     ; block 2
    call font_byte
    cmp al, 0FFh
    jne failed
    jmp passed
.old:       dd 0
.primary:
    dd 0
    dw .kept, 0
    dw .text, 0
    dw .graphics, 0
    dw .secondary, 0
    dd 0, 0
.secondary:
    dw 26
    dd 0
    dw .second, 0
    dw .profile, 0
    dd 0, 0, 0
.kept:      times 17 db 0
.text:
    db 8, 5
    dw 256, 0
.glyphs:    dw 0, 0
    db 40, 03h, 0FFh
.second:
    db 8, 2, 0
.second_glyphs: dw 0, 0
    db 02h, 03h, 0FFh
.graphics:
    db 59
    dw 8
.graphics_glyphs: dw 0, 0
    db 10h, 12h, 0FFh
.profile:
    db 1, 0, 0, 0
    dw 1, 3
    dw .value, 0
    dw 1, 100
    dw .guns, 0
    db 03h, 0FFh
.value: db 2Ah
.guns:  db 1, 2, 3

BUFFER: times 64 db 0
