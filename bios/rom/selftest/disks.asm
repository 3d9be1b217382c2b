; Tests of INT 11h, 12h and 13h: equipment, diskettes, fixed disks.

; ---------------------------------------------------------------- INT 11h, 12h

equipment:
    int 11h
    mov bx, ax
    and bx, 0035h
    cmp bx, 0025h
    jne failed
    test ax, 0E00h
    jz failed
    jmp passed
base_memory:
    int 12h
    cmp ax, 639
    jne failed
    jmp passed

; ---------------------------------------------------------------- INT 13h, floppy

fd_parameters:
    mov ah, 08h
    mov dl, 0
    int 13h
    jc failed
    mov ax, cx
    cmp cx, 4F12h
    jne failed
    cmp dx, 0101h
    jne failed
    cmp bl, 4
    jne failed
    cmp byte [es:di+4], 18
    jne failed
    jmp passed
fd_type:
    mov ah, 15h
    mov dl, 0
    int 13h
    jc failed
    cmp ah, 2
    jne failed
    jmp passed
fd_not_changed:
    mov ah, 16h
    mov dl, 0
    int 13h
    jc failed
    test ah, ah
    jnz failed
    jmp passed
; Reads AL sectors from sector CL, cylinder CH, head DH.
fd_read:
    mov bx, BUFFER_SEGMENT
    mov es, bx
    xor bx, bx
    mov dl, 0
    mov ah, 02h
    int 13h
    ret
fd_track_end:
    mov cx, 0012h
    mov dh, 1
    mov al, 1
    call fd_read
    jc failed
    cmp ax, 1
    jne failed
    jmp passed
fd_past_end:
    mov cx, 0013h
    mov dh, 0
    mov al, 1
    call fd_read
    jnc failed
    cmp ah, 04h
    jne failed
    mov cx, 0024h
    mov dh, 0
    mov al, 1
    call fd_read
    jnc failed
    cmp ah, 04h
    jne failed
    jmp passed
fd_across_end:
    mov cx, 0011h
    mov dh, 0
    mov al, 3
    call fd_read
    jnc failed
    cmp ax, 0402h
    jne failed
    jmp passed
fd_dma_boundary:
    mov bx, BUFFER_SEGMENT
    mov es, bx
    mov bx, 0FF00h
    mov cx, 0001h
    mov dx, 0
    mov ax, 0201h
    int 13h
    jnc failed
    cmp ah, 09h
    jne failed
    jmp passed
fd_verify:
    mov cx, 0001h
    mov dx, 0100h
    mov ax, 0412h
    int 13h
    jc failed
    cmp ax, 0012h
    jne failed
    jmp passed
fd_bad_head:
    mov cx, 0001h
    mov dh, 2
    mov al, 1
    call fd_read
    jnc failed
    cmp ah, 01h
    jne failed
    jmp passed
fd_absent:
    mov ax, 0201h
    mov bx, 4000h
    mov cx, 0001h
    mov dx, 0001h
    int 13h
    jnc failed
    jmp passed

; Fills the first CX words of BUFFER_SEGMENT with a pattern from AX.
fill:
    push es
    push di
    push BUFFER_SEGMENT
    pop es
    xor di, di
.next:
    stosw
    add ax, 1357h
    loop .next
    pop di
    pop es
    ret
; ZF: the first CX words of both buffers are equal.
compare:
    push ds
    push BUFFER_SEGMENT
    pop ds
    push BUFFER2_SEGMENT
    pop es
    xor si, si
    xor di, di
    repe cmpsw
    pop ds
    ret
fd_write:
    mov cx, 2*256
    mov ax, 1
    call fill
    push BUFFER_SEGMENT
    pop es
    xor bx, bx
    mov ax, 0302h
    mov cx, 4F11h
    mov dx, 0100h
    int 13h
    jc failed
    push BUFFER2_SEGMENT
    pop es
    mov ax, 0202h
    mov cx, 4F11h
    mov dx, 0100h
    int 13h
    jc failed
    mov cx, 2*256
    call compare
    jne failed
    jmp passed
fd_format:
    push BUFFER_SEGMENT
    pop es
    xor di, di
    mov cx, 1
.id:
    mov ax, 014Fh               ; cylinder, head
    stosw
    mov al, cl
    mov ah, 2
    stosw
    inc cx
    cmp cl, 18
    jbe .id
    mov ax, 0512h
    xor bx, bx
    mov cx, 4F01h
    mov dx, 0100h
    int 13h
    jc failed
    mov cx, 4F05h
    mov dh, 1
    mov al, 1
    call fd_read
    jc failed
    mov ax, [es:0]
    cmp ax, 0F6F6h
    jne failed
    jmp passed
fd_media_type:
    mov ah, 18h
    mov cx, 4F12h
    mov dl, 0
    int 13h
    jc failed
    cmp byte [es:di+4], 18
    jne failed
    mov ah, 18h
    mov cx, 4F13h
    mov dl, 0
    int 13h
    jnc failed
    cmp ah, 0Ch
    jne failed
    jmp passed
fd_eot:
    push ds
    xor ax, ax
    mov es, ax
    lds si, [es:1Eh*4]
    push ds
    push si
    mov di, own_table
    mov cx, 11
    rep movsb
    mov byte [es:own_table+4], 9
    mov word [es:1Eh*4], own_table
    mov [es:1Eh*4+2], es
    mov cx, 0009h
    mov dh, 0
    mov al, 2
    call fd_read
    mov cx, 0                   ; CF stays
    mov es, cx
    pop word [es:1Eh*4]
    pop word [es:1Eh*4+2]
    pop ds
    jnc failed
    cmp ax, 0401h
    jne failed
    jmp passed
own_table: times 11 db 0
if_preserved:
    cli
    mov ah, 01h
    mov dl, 0
    int 13h
    pushf
    sti
    pop ax
    test ah, 02h
    jnz failed
    mov ah, 01h
    mov dl, 0
    int 13h
    pushf
    pop ax
    test ah, 02h
    jz failed
    jmp passed

; ---------------------------------------------------------------- INT 13h, disk

hd_parameters:
    mov ah, 08h
    mov dl, 80h
    int 13h
    jc failed
    mov ax, cx
    and cl, 3Fh
    cmp cl, 63
    jne failed
    cmp dl, 1
    jne failed
    cmp dh, 15
    jb failed
    jmp passed
hd_read_write:
    mov cx, 256
    mov ax, 4711h
    call fill
    push BUFFER_SEGMENT
    pop es
    mov ax, 0301h
    xor bx, bx
    mov cx, 0006h
    mov dx, 0080h
    int 13h
    jc failed
    push BUFFER2_SEGMENT
    pop es
    mov ax, 0201h
    mov cx, 0006h
    mov dx, 0080h
    int 13h
    jc failed
    cmp ax, 1
    jne failed
    mov cx, 256
    call compare
    jne failed
    jmp passed
hd_extensions:
    mov ah, 41h
    mov bx, 55AAh
    mov dl, 80h
    int 13h
    jc failed
    mov ax, bx
    cmp bx, 0AA55h
    jne failed
    test cl, 1
    jz failed
    jmp passed
hd_packet_read:
    push BUFFER2_SEGMENT
    pop es
    xor di, di
    mov cx, 256
    xor ax, ax
    rep stosw
    mov dword [packet_block], 5
    mov ah, 42h
    mov si, packet
    mov dl, 80h
    int 13h
    jc failed
    mov cx, 256
    call compare
    jne failed
    jmp passed
packet:
    db 16, 0
    dw 1
    dw 0, BUFFER2_SEGMENT
packet_block:
    dd 0, 0
hd_packet_parameters:
    push cs
    pop es
    mov word [parameters], 1Eh
    mov ah, 48h
    mov si, parameters
    mov dl, 80h
    int 13h
    jc failed
    mov ax, [parameters+18h]
    cmp ax, 512
    jne failed
    mov eax, [parameters+10h]
    test eax, eax
    jz failed
    les bx, [parameters+1Ah]
    mov ax, [es:bx]
    cmp ax, 1F0h
    jne failed
    jmp passed
parameters: times 1Eh db 0
hd_past_end:
    mov eax, [parameters+10h]
    mov [packet_block], eax
    mov ah, 42h
    mov si, packet
    mov dl, 80h
    int 13h
    jnc failed
    jmp passed
hd_type:
    mov ah, 15h
    mov dl, 80h
    int 13h
    jc failed
    cmp ah, 3
    jne failed
    jmp passed
hd_absent:
    mov ax, 0201h
    mov bx, 4000h
    mov cx, 0001h
    mov dx, 0089h
    int 13h
    jnc failed
    mov ah, 15h
    mov dl, 89h
    int 13h
    jc failed
    test ah, ah
    jnz failed
    jmp passed
