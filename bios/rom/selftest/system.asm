; Tests of INT 14h, 15h, 17h and 1Ah.

; ---------------------------------------------------------------- INT 14h

serial_status:
    call now
    mov bx, ax
.wait:
    mov ah, 03h
    mov dx, 0
    int 14h
    and ah, 60h
    cmp ah, 60h
    je passed
    call now
    sub ax, bx
    cmp ax, 2
    jb .wait
    jmp failed

; ---------------------------------------------------------------- INT 15h

keyboard_intercept:
    mov ax, 4F1Eh
    stc
    int 15h
    jnc failed
    cmp ax, 4F1Eh
    jne failed
    jmp passed
wait_hooks:
    mov ax, 9002h
    stc
    int 15h
    jc failed
    test ah, ah
    jnz failed
    mov ax, 9102h
    stc
    int 15h
    jc failed
    jmp passed
extended_memory:
    mov ah, 88h
    int 15h
    jc failed
    cmp ax, EXPECTED_EXT
    jne failed
    jmp passed
memory_e801:
    mov ax, 0E801h
    int 15h
    jc failed
    cmp ax, EXPECTED_EXT
    jne failed
    cmp cx, ax
    jne failed
    test bx, bx
    jnz failed
    jmp passed
memory_map:
    push cs
    pop es
    xor ebx, ebx
    xor esi, esi
.next:
    mov eax, 0E820h
    mov edx, 'PAMS'
    mov ecx, 20
    mov di, .entry
    int 15h
    jc failed
    cmp eax, 'PAMS'
    jne failed
    cmp dword [.entry+16], 1
    jne .other
    add esi, [.entry+8]
.other:
    test ebx, ebx
    jnz .next
    mov ax, si
    cmp esi, (639+EXPECTED_EXT)*1024
    jne failed
    jmp passed
.entry: times 20 db 0

; AL = 1 if 1 MiB is not 0.
look_a20:
    push es
    push 0FFFFh
    pop es
    mov ax, [es:510h]
    cmp ax, [500h]
    jne .open
    not word [500h]
    mov ax, [es:510h]
    cmp ax, [500h]
    jne .open
    mov al, 0
    jmp .done
.open:
    mov al, 1
.done:
    pop es
    test al, al
    ret
a20_closed:
    call look_a20
    jnz failed
    jmp passed
a20_gate:
    mov ax, 2401h
    int 15h
    jc failed
    call look_a20
    jz failed
    mov ax, 2402h
    int 15h
    jc failed
    cmp al, 1
    jne failed
    mov ax, 2400h
    int 15h
    jc failed
    call look_a20
    jnz failed
    mov ax, 2402h
    int 15h
    jc failed
    test al, al
    jnz failed
    jmp passed
block_move:
    mov cx, 1000h
    mov ax, 77h
    call fill
    mov dword [move_source], BUFFER_SEGMENT*16 | 93000000h
    mov dword [move_target], 93100000h
    mov cx, 1000h
    mov ah, 87h
    mov si, move_table
    int 15h
    jc failed
    push BUFFER2_SEGMENT
    pop es
    xor di, di
    mov cx, 1000h
    xor ax, ax
    rep stosw
    push cs
    pop es
    mov dword [move_source], 93100000h
    mov dword [move_target], BUFFER2_SEGMENT*16 | 93000000h
    mov cx, 1000h
    mov ah, 87h
    mov si, move_table
    int 15h
    jc failed
    mov cx, 1000h
    call compare
    jne failed
    call look_a20
    jnz failed
    jmp passed
    align 8
move_table:
    times 10h db 0
    dw 0FFFFh
move_source:
    dd 0
    dw 0
    dw 0FFFFh
move_target:
    dd 0
    dw 0
    times 10h db 0

; AX = low word of the tick count.
now:
    push ds
    push 40h
    pop ds
    mov ax, [6Ch]
    pop ds
    ret
wait_86:
    call now
    mov bx, ax
    mov ah, 86h
    mov cx, 3
    mov dx, 0D40h
    int 15h
    jc failed
    call now
    sub ax, bx
    cmp ax, 3
    jb failed
    cmp ax, 5
    ja failed
    jmp passed
wait_83:
    mov byte [.flag], 0
    mov ax, 8300h
    mov bx, .flag
    xor cx, cx
    mov dx, 10000
    int 15h
    jc failed
    call now
    mov bx, ax
.wait:
    hlt
    test byte [.flag], 80h
    jnz passed
    call now
    sub ax, bx
    cmp ax, 4
    jb .wait
    jmp failed
.flag: db 0
configuration:
    mov ah, 0C0h
    int 15h
    jc failed
    mov ax, [es:bx+2]
    cmp al, 0FCh
    jne failed
    jmp passed
ebda:
    mov ah, 0C1h
    int 15h
    jc failed
    push 40h
    pop ds
    mov ax, es
    cmp ax, [0Eh]
    jne failed
    cmp byte [es:0], 1
    jne failed
    jmp passed
unknown_15:
    mov ah, 77h
    int 15h
    jnc failed
    cmp ah, 86h
    jne failed
    jmp passed
mouse_init:
    mov ax, 0C205h
    mov bh, 3
    int 15h
    jc failed
    mov ax, 0C201h
    int 15h
    jc failed
    mov ax, bx
    cmp bx, 00AAh
    jne failed
    mov ax, 0C204h
    int 15h
    jc failed
    test bh, bh
    jnz failed
    mov ax, 0C207h
    mov bx, mouse_handler
    int 15h
    jc failed
    mov ax, 0C200h
    mov bh, 1
    int 15h
    jc failed
    mov ax, 0C206h
    mov bh, 0
    int 15h
    jc failed
    mov al, bl
    mov ah, dl
    cmp ax, 6420h               ; enabled; 100 reports a second
    jne failed
    jmp passed
mouse_rates:
    mov ax, 0C203h
    mov bh, 3                   ; 8 counts a millimetre
    int 15h
    jc failed
    mov ax, 0C202h
    mov bh, 2                   ; 40 reports a second
    int 15h
    jc failed
    mov ax, 0C206h
    mov bh, 0
    int 15h
    jc failed
    mov al, cl
    mov ah, dl
    cmp ax, 2803h
    jne failed
    mov ax, 0C202h
    mov bh, 5
    int 15h
    jc failed
    mov ax, 0C202h
    mov bh, 7                   ; there is no such rate
    int 15h
    jnc failed
    cmp ah, 02h
    jne failed
    jmp passed
mouse_handler:
    push bp
    mov bp, sp
    push ax
    mov ax, [bp+6]              ; Z, Y, X, status
    mov [cs:mouse_packet], ax
    mov ax, [bp+8]
    mov [cs:mouse_packet+2], ax
    mov ax, [bp+10]
    mov [cs:mouse_packet+4], ax
    mov ax, [bp+12]
    mov [cs:mouse_packet+6], ax
    mov byte [cs:mouse_came], 1
    pop ax
    pop bp
    retf
mouse_packet: times 4 dw 0
mouse_came: db 0

; ---------------------------------------------------------------- INT 17h, 1Ah

printer_absent:
    mov ax, 0041h
    mov dx, 1
    int 17h
    test ah, 01h
    jz failed
    jmp passed
ticks:
    mov ah, 00h
    int 1Ah
    mov bx, dx
    mov cx, 100
.wait:
    hlt
    push cx
    mov ah, 00h
    int 1Ah
    pop cx
    cmp dx, bx
    jne passed
    loop .wait
    jmp failed
; CF: AL is not BCD.
is_bcd:
    push ax
    and al, 0Fh
    cmp al, 10
    cmc
    pop ax
    jc .done
    cmp al, 9Ah
    cmc
.done:
    ret
clock:
    mov ah, 02h
    int 1Ah
    jc failed
    mov al, ch
    call is_bcd
    jc failed
    mov al, cl
    call is_bcd
    jc failed
    mov ah, 04h
    int 1Ah
    jc failed
    mov ax, cx
    cmp ch, 19h
    je .century
    cmp ch, 20h
    jne failed
.century:
    mov al, dh
    call is_bcd
    jc failed
    test dl, dl
    jz failed
    jmp passed
alarm:
    mov byte [.came], 0
    push 0
    pop es
    mov word [es:4Ah*4], .handler
    mov [es:4Ah*4+2], cs
    mov ah, 02h
    int 1Ah
    jc failed
    mov al, dh
    add al, 2
    daa
    cmp al, 60h
    jb .same_minute
    sub al, 60h
    das
.same_minute:
    mov dh, al
    mov cx, 0FFFFh              ; any hour, any minute
    mov ah, 06h
    int 1Ah
    jc failed
    mov ah, 06h
    int 1Ah
    jnc failed                  ; only one at a time
    call now
    mov bx, ax
.wait:
    hlt
    cmp byte [.came], 1
    je .rang
    call now
    sub ax, bx
    cmp ax, 18*4
    jb .wait
    jmp failed
.rang:
    mov ah, 07h
    int 1Ah
    jc failed
    jmp passed
.handler:
    mov byte [cs:.came], 1
    iret
.came: db 0
