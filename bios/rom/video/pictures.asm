; A picture in each mode of the BIOS, drawn by INT 10h alone: title, all characters, teletype, scrolled windows; in text
; modes all attributes, in graphics modes lines of pixels, exclusive-or and all colours.

struc picture
    .mode:      resb 1
    .colour:    resb 1          ; the brightest
    .width:     resw 1          ; in dots, 0 in text modes
    .height:    resw 1
endstruc

%macro PICTURE 4
    db %1, %2
    dw %3, %4
%endmacro
pictures:
    PICTURE 00h, 0Fh, 0, 0
    PICTURE 01h, 0Fh, 0, 0
    PICTURE 02h, 0Fh, 0, 0
    PICTURE 03h, 0Fh, 0, 0
    PICTURE 07h, 0Fh, 0, 0
    PICTURE 04h, 3, 320, 200
    PICTURE 05h, 3, 320, 200
    PICTURE 06h, 1, 640, 200
    PICTURE 0Dh, 0Fh, 320, 200
    PICTURE 0Eh, 0Fh, 640, 200
    PICTURE 0Fh, 5, 640, 350
    PICTURE 10h, 0Fh, 640, 350
    PICTURE 11h, 1, 640, 480
    PICTURE 12h, 0Fh, 640, 480
    PICTURE 13h, 0Fh, 320, 200
pictures_end:

mode_name: db "00h", 0

; mode_name = mode AL.
name_of_mode:
    mov ah, al
    shr al, 4
    call .digit
    mov [mode_name], al
    mov al, ah
    and al, 0Fh
    call .digit
    mov [mode_name+1], al
    ret
.digit:
    cmp al, 10
    sbb al, 69h
    das
    ret

; Draws the picture of the entry at SI.
draw_picture:
    mov al, [si+picture.mode]
    mov ah, 0
    int 10h
    mov ah, 0Fh
    int 10h
    mov [columns], ah
    mov ah, 01h                 ; no cursor, no blinking: nothing that time would change
    mov cx, 2000h
    int 10h
    mov ax, 1003h
    mov bl, 0
    int 10h
    mov al, [si+picture.mode]
    call name_of_mode
    mov ax, 1301h
    mov bh, 0
    mov bl, [si+picture.colour]
    mov cx, 8
    xor dx, dx
    mov bp, .title
    int 10h
    mov ax, 1300h
    mov cx, 3
    mov dx, 0005h
    mov bp, mode_name
    int 10h
    call characters
    call lines_of_text
    cmp word [si+picture.width], 0
    jne dots
    jmp attributes
.title: db "mode ", 0, 0, 0

; All characters in rows 2 to 9, 32 in each.
characters:
    xor di, di
.next:
    mov ax, di
    mov dl, al
    and dl, 31
    mov dh, al
    shr dh, 5
    add dh, 2
    mov bh, 0
    mov ah, 02h
    int 10h
    mov bx, di
    mov al, bl
    and bl, [si+picture.colour]
    jnz .colour
    mov bl, [si+picture.colour]
.colour:
    mov bh, 0
    mov cx, 1
    mov ah, 09h
    int 10h
    inc di
    cmp di, 256
    jb .next
    ret

; Teletype in row 11, over the end of the row; then two windows of the letters A to E, one scrolled up by two rows
; and the other down by one.
lines_of_text:
    mov ah, 02h
    mov bh, 0
    mov dh, 11
    mov dl, [columns]
    sub dl, 8
    int 10h
    mov bp, .teletype
    mov bl, [si+picture.colour]
.write:
    mov al, [bp]
    inc bp
    test al, al
    jz .windows
    mov ah, 0Eh
    int 10h
    jmp .write
.windows:
    mov dx, 0D02h
    call letters
    mov dl, 16
    call letters
    mov ax, 0602h
    mov bh, 0
    mov cx, 0D03h
    mov dx, 1108h
    int 10h
    mov ax, 0701h
    mov bh, [si+picture.colour]
    mov cx, 0D11h
    mov dx, 1116h
    int 10h
    ret
.teletype: db "teletype", 8, "E", 13, 10, "on", 0

; Rows of ten letters from row DH, column DL on.
letters:
    push dx
    mov al, 'A'
.row:
    mov ah, 02h
    mov bh, 0
    int 10h
    mov bl, [si+picture.colour]
    mov cx, 10
    mov ah, 09h
    int 10h
    inc dh
    inc ax
    cmp al, 'F'
    jb .row
    pop dx
    ret

; All attributes in rows 19 to 22 from column 0 on, and 0Ah, which keeps them.
attributes:
    xor di, di
.next:
    mov ax, di
    movzx cx, byte [columns]
    div cl
    mov dl, ah
    mov dh, al
    add dh, 18
    mov ah, 02h
    mov bh, 0
    int 10h
    mov bx, di
    mov al, 'x'
    mov bh, 0
    mov cx, 1
    mov ah, 09h
    int 10h
    inc di
    cmp di, 256
    jb .next
    mov ah, 02h
    mov dx, 1200h
    int 10h
    mov ax, 0A00h + '#'
    mov cx, 16
    int 10h
    ret

; Pixels: a frame and diagonals in the lower right corner, a line of exclusive or through them, all colours, and
; characters in exclusive or.
dots:
    mov ax, [si+picture.width]
    shr ax, 1
    mov [left], ax
    mov ax, [si+picture.height]
    shr ax, 1
    mov [top], ax
    xor di, di
.across:
    mov cx, [left]
    add cx, di
    mov dx, [top]
    call .bright
    mov dx, [si+picture.height]
    dec dx
    call .bright
    mov ax, di                  ; the diagonals: y = x * height / width
    mul word [si+picture.height]
    div word [si+picture.width]
    mov dx, [top]
    add dx, ax
    call .bright
    neg ax
    add ax, [si+picture.height]
    dec ax
    mov dx, ax
    call .bright
    mov dx, [si+picture.height]
    shr dx, 2
    add dx, [top]
    mov ax, di
    and al, [si+picture.colour]
    or al, 80h
    mov bh, 0
    mov ah, 0Ch
    int 10h
    inc di
    cmp di, [left]
    jb .across
    xor di, di
.down:
    mov dx, [top]
    add dx, di
    mov cx, [left]
    call .bright
    mov cx, [si+picture.width]
    dec cx
    call .bright
    inc di
    mov ax, [si+picture.height]
    sub ax, [top]
    cmp di, ax
    jb .down
    xor di, di
.colours:
    mov cx, di                  ; 256 blocks of two dots by four; dark in modes with fewer colours than bits
    and cx, 15
    shl cx, 1
    add cx, [left]
    add cx, 8
    mov dx, di
    shr dx, 4
    shl dx, 2
    add dx, [top]
    add dx, 4
    mov bp, 4
.block:
    mov ax, di
    cmp byte [si+picture.mode], 13h
    je .whole
    and al, 0Fh
.whole:
    mov bh, 0
    mov ah, 0Ch
    int 10h
    inc cx
    int 10h
    dec cx
    inc dx
    dec bp
    jnz .block
    inc di
    cmp di, 256
    jb .colours
    mov ah, 02h
    mov bh, 0
    mov dx, 0506h
    int 10h
    mov ax, 0900h + 0B1h
    mov bl, [si+picture.colour]
    or bl, 80h
    mov cx, 6
    int 10h
    ret
.bright:
    push ax
    mov al, [si+picture.colour]
    mov bh, 0
    mov ah, 0Ch
    int 10h
    pop ax
    ret

columns:    db 0
left:       dw 0
top:        dw 0
