; Tests of what services leave alone: the stack, the high halves of registers.

; ---------------------------------------------------------------- stack and registers

STACK_FILL      equ 0CCCCh
STACK_TOP       equ 0400h       ; of BUFFER_SEGMENT

; AX = bytes of stack that INT 08h + DL uses, with other interrupts off.
stack_use:
    mov [cs:.number+1], dl
    cli
    push BUFFER_SEGMENT
    pop es
    xor di, di
    mov cx, STACK_TOP/2
    mov ax, STACK_FILL
    rep stosw
    mov [cs:.sp], sp
    in al, 21h
    mov ah, al
    in al, 0A1h
    mov [cs:.masks], ax
    mov al, 0FFh
    out 21h, al
    out 0A1h, al
    push es
    pop ss
    mov sp, STACK_TOP
.number:
    int 0
    push cs
    pop ss
    mov sp, [cs:.sp]
    mov ax, [cs:.masks]
    out 0A1h, al
    mov al, ah
    out 21h, al
    sti
    xor di, di
    mov cx, STACK_TOP/2
    mov ax, STACK_FILL
    repe scasw
    mov ax, STACK_TOP+2
    sub ax, di
    cmp ax, 64
    ja failed
    jmp passed
.sp: dw 0
.masks: dw 0
stack_08:
    push 40h
    pop ds
    mov byte [40h], 1           ; the motors go off, too
    mov dl, 08h
    jmp stack_use
stack_09:
    push 40h
    pop ds
    xor byte [17h], 40h         ; the LEDs change, too
    mov dl, 09h
    call stack_use
    pushf
    push ax
    push 40h
    pop ds
    xor byte [17h], 40h
    mov byte [18h], 0           ; whatever byte was there to read
    call flush
    pop ax
    popf
    ret
stack_74:
    mov dl, 74h
    jmp stack_use
stack_76:
    mov dl, 76h
    jmp stack_use

high_halves:
    mov eax, 12340000h
    mov ebx, 23450000h
    mov ecx, 34560000h
    mov edx, 45670000h
    mov esi, 56780000h
    mov edi, 67890000h
    mov ebp, 789A0000h
    mov ah, 01h
    int 13h
    mov ah, 88h
    int 15h
    mov ah, 02h
    int 16h
    mov ah, 00h
    int 1Ah
    mov ax, 0201h
    mov bx, BUFFER_SEGMENT
    mov es, bx
    mov bx, 0
    mov cx, 1
    mov dx, 0
    int 13h
    mov ax, 0201h
    mov cx, 1
    mov dx, 80h
    int 13h
    shr eax, 16
    cmp ax, 1234h
    jne failed
    mov eax, ebx
    shr eax, 16
    cmp ax, 2345h
    jne failed
    mov eax, ecx
    shr eax, 16
    cmp ax, 3456h
    jne failed
    mov eax, edx
    shr eax, 16
    cmp ax, 4567h
    jne failed
    mov eax, esi
    shr eax, 16
    cmp ax, 5678h
    jne failed
    mov eax, edi
    shr eax, 16
    cmp ax, 6789h
    jne failed
    mov eax, ebp
    shr eax, 16
    cmp ax, 789Ah
    jne failed
    jmp passed
