; The BIOS data area and the extended BIOS data area as POST finds them.

; Clears both and fills in what does not depend on the machine. Leaves DS = BDA.
init_bda:
    push BDA
    pop ds
    push ds
    pop es
    mov dx, [RESET_FLAG]
    xor di, di
    xor ax, ax
    mov cx, 100h/2
    rep stosw
    mov [RESET_FLAG], dx

    mov ax, EBDA_START
    mov [EBDA_SEGMENT], ax
    mov es, ax
    xor di, di
    xor ax, ax
    mov cx, EBDA_KIB*1024/2
    rep stosw
    mov byte [es:EB_SIZE], EBDA_KIB
    mov word [BASE_KIB], 640-EBDA_KIB

    mov word [EQUIPMENT], 0020h ; 80x25 colour, until a video BIOS knows better
    mov word [KB_HEAD], KB_BUFFER
    mov word [KB_TAIL], KB_BUFFER
    mov word [KB_BUFFER_FIRST], KB_BUFFER
    mov word [KB_BUFFER_LIMIT], KB_BUFFER_END
    mov dword [LPT_TIMEOUTS], 14141414h
    mov dword [COM_TIMEOUTS], 01010101h
    mov byte [KB_MODE], KBM_ENHANCED
    ret
