; Pictures by depth: red grows to the right, green downwards, blue along the diagonals; in 256 colours the same in the
; levels that 3, 3 and 2 bits have. The frame is white.

; Mode with bit 14, and what to draw through: 0 the window, 1 the linear frame buffer.
pictures:
    dw  0101h, 0
    dw  4101h, 1
    dw  0111h, 0
    dw  410Dh, 1
    dw  4111h, 1
    dw  0112h, 0
    dw  4112h, 1
    dw  4118h, 1
    dw  0142h, 0
    dw  4144h, 1
    dw  4147h, 1
    dw  411Ch, 1
pictures_end:

; GS reaches 4 GiB from here on, and address line 20 is let through.
flat:
    mov ax, 2401h
    int 15h
    cli
    lgdt [.gdt]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 8
    mov gs, bx
    and al, 0FEh
    mov cr0, eax
    sti
    ret
    align 8
.gdt:
    dw 31
    dd .gdt
    dw 0
    dd 0000FFFFh, 00CF9300h     ; 08h: data
    dd 0000FFFFh, 00CF9B00h     ; 10h: code of 32 bits
    dd 0000FFFFh, 00009B00h     ; 18h: code of 16 bits

; Draws the picture at SI.
draw:
    mov ax, [si+2]
    mov [linear], ax
    mov bx, [si]
    mov cx, bx
    and ch, 3Fh
    mov di, BUFFER
    mov ax, 4F01h
    int 10h
    mov ax, 4F02h
    int 10h
    mov word [bank], 0FFFFh
    mov al, [BUFFER+19h]
    mov [bits_of_dot], al
    add al, 7
    shr al, 3
    mov [dot], al
    cmp al, 1
    jne .paint
    call colors
.paint:
    xor edi, edi                ; byte in the frame buffer
    xor dx, dx                  ; line
.line:
    xor cx, cx                  ; dot
.dot:
    call color                  ; EAX
    call put_dot
    inc cx
    cmp cx, [BUFFER+12h]
    jb .dot
    inc dx
    cmp dx, [BUFFER+14h]
    jb .line
    ret

; 256 colours: 3 bits of red, 3 of green, 2 of blue.
colors:
    mov dx, 3C8h
    mov al, 0
    out dx, al
    inc dx
    xor cx, cx
.next:
    mov al, cl
    shr al, 2
    and al, 38h
    out dx, al
    mov al, cl
    add al, al
    and al, 38h
    out dx, al
    mov al, cl
    shl al, 4
    and al, 30h
    out dx, al
    inc cx
    cmp cx, 255
    jb .next
    mov al, 3Fh                 ; the last is white
    out dx, al
    out dx, al
    out dx, al
    ret

; EAX = the dot at CX, DX.
color:
    mov eax, 0FFFFFFFFh
    jcxz .done
    test dx, dx
    jz .done
    mov bx, [BUFFER+12h]
    dec bx
    cmp cx, bx
    je .done
    mov bx, [BUFFER+14h]
    dec bx
    cmp dx, bx
    je .done
    mov bl, cl                  ; red
    mov bh, dl                  ; green
    mov ah, cl
    add ah, dl                  ; blue
    cmp byte [dot], 1
    je .packed
    cmp byte [dot], 2
    je .word
    movzx eax, ah
    mov ah, bh
    shl ebx, 16
    and ebx, 0FF0000h
    or eax, ebx
.done:
    ret
.packed:
    mov al, bl
    and al, 0E0h
    shr bh, 3
    and bh, 1Ch
    or al, bh
    shr ah, 6
    or al, ah
    ret
.word:
    movzx eax, ah
    shr ax, 3
    push cx
    mov cl, 3
    cmp byte [bits_of_dot], 15
    je .green
    dec cl
.green:
    shr bh, cl
    pop cx
    push bx
    movzx bx, bh
    shl bx, 5
    or ax, bx
    pop bx
    shr bl, 3
    mov bh, bl
    mov bl, 0
    shl bx, 2
    cmp byte [bits_of_dot], 15
    je .red
    add bx, bx
.red:
    or ax, bx
    ret

; The dot EAX at EDI, which moves on.
put_dot:
    cmp word [linear], 0
    je .window
    movzx ebx, byte [dot]
    cmp bl, 2
    jb .byte
    je .word
    cmp bl, 4
    je .dword
    mov [gs:edi+0E0000000h], ax
    push eax
    shr eax, 16
    mov [gs:edi+0E0000002h], al
    pop eax
    add edi, ebx
    ret
.byte:
    mov [gs:edi+0E0000000h], al
    add edi, ebx
    ret
.word:
    mov [gs:edi+0E0000000h], ax
    add edi, ebx
    ret
.dword:
    mov [gs:edi+0E0000000h], eax
    add edi, ebx
    ret
.window:
    ; Byte by byte: a dot of three bytes may lie across two banks.
    push cx
    movzx cx, byte [dot]
.next:
    push eax
    mov eax, edi
    shr eax, 16
    cmp ax, [bank]
    je .there
    mov [bank], ax
    push bx
    push dx
    mov dx, ax
    xor bx, bx
    mov ax, 4F05h
    int 10h
    pop dx
    pop bx
.there:
    pop eax
    push word 0A000h
    pop es
    mov [es:di], al
    shr eax, 8
    inc edi
    loop .next
    pop cx
    push ds
    pop es
    ret

; A wider line and a start inside it, then another start by the code for protected mode.
moved:
    mov si, .picture
    call draw
    mov bx, 0000h
    mov cx, 1024
    mov ax, 4F06h
    int 10h
    mov bx, 0000h
    mov cx, 104
    mov dx, 200
    mov ax, 4F07h
    int 10h
    mov ax, 1111h
    call shown

    mov bl, 0
    mov ax, 4F0Ah
    int 10h
    push ds
    push es
    pop ds
    pop es
    mov si, di
    mov di, INTERFACE
    rep movsb
    push es
    pop ds
    cli
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 10h:.protected
    bits 32
.protected:
    mov ax, 8
    mov ds, ax
    mov es, ax
    mov ss, ax
    movzx esp, sp
    movzx eax, word [INTERFACE+2]
    add eax, INTERFACE
    mov bl, 80h
    mov edx, START >> 18
    mov ecx, START >> 2 & 0FFFFh
    call eax
    movzx eax, word [INTERFACE]
    add eax, INTERFACE
    mov ebx, 0
    mov edx, 5
    call eax
    jmp 18h:.narrow
    bits 16
.narrow:
    mov eax, cr0
    and al, 0FEh
    mov cr0, eax
    jmp 0:.real
.real:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    sti
    mov bx, 0100h
    mov ax, 4F05h
    int 10h
    mov ax, dx                  ; 0005h
    jmp shown
.picture: dw 4111h, 1
START equ 40*2048 + 16*2        ; dot 16 of line 40

linear:      dw 0
bank:        dw 0
dot:         db 0
bits_of_dot: db 0
