; INT 10h/12h, 1Ah and 1Bh: choices and information.

; ---------------------------------------------------------------- 12h: function BL

alternate_select:
    cmp bl, 10h
    je .information
    cmp bl, 20h
    je .print_screen
    sub bl, 30h
    cmp bl, 6
    ja .none
    movzx si, bl
    add si, si
    jmp [cs:.table+si]
.none:
    ret
.table:
    dw .scan_lines, .default_palette, .video_access, .grey_sums, .cursor_scaling, .display_switch, .refresh

; 10h: BH = 0 colour, 1 mono; BL = 3: 256 KiB; CH = feature bits; CL = switches
.information:
    mov bx, 0003h
    cmp byte [CRTC_PORT], 0B4h
    jne .colour
    inc bh
.colour:
    mov [bp+frame.bx], bx
    mov al, [VIDEO_SWITCHES]
    mov ah, al
    shr ah, 4
    and al, 0Fh
    mov [bp+frame.cl], al
    mov [bp+frame.ch], ah
    ret

; 20h: INT 05h prints as many rows as the screen has, whatever the system BIOS's own can do
.print_screen:
    xor ax, ax
    mov es, ax
    mov word [es:05h*4], int05
    mov [es:05h*4+2], cs
    ret

; 30h: 200, 350 or 400 lines (AL = 0, 1, 2) from the next setting of a text mode on
.scan_lines:
    cmp al, 2
    ja .none
    mov ah, 80h
    mov bl, 08h
    jb .not400
    mov ah, 10h
    mov bl, 09h
.not400:
    cmp al, 1
    jne .store
    mov ah, 0
    mov bl, 09h
.store:
    and byte [VGA_CONTROL], 6Fh
    or [VGA_CONTROL], ah
    and byte [VIDEO_SWITCHES], 0F0h
    or [VIDEO_SWITCHES], bl
    jmp .done

; 31h: default colours loaded by a mode set or not (AL = 1)
.default_palette:
    mov ah, 08h
    jmp .control_bit

; 33h: sums to greys (AL = 0) or not
.grey_sums:
    mov ah, 02h
    xor al, 1
.control_bit:
    cmp al, 1
    ja .none
    not ah
    and [VGA_CONTROL], ah
    not ah
    test al, al
    jz .done
    or [VGA_CONTROL], ah
    jmp .done

; 32h: the processor reaches the display memory (AL = 0) or not
.video_access:
    cmp al, 1
    ja .none
    mov ah, al
    mov dx, MISC_READ
    in al, dx
    and al, 0FDh
    xor ah, 1
    add ah, ah
    or al, ah
    mov dx, MISC_WRITE
    out dx, al
    jmp .done

; 34h: cursor lines are scaled (AL = 0) or not
.cursor_scaling:
    cmp al, 1
    ja .none
    and byte [VIDEO_CONTROL], 0FEh
    or [VIDEO_CONTROL], al
    jmp .done

; 35h: there is no second adapter to switch to
.display_switch:
    ret

; 36h: the display is refreshed (AL = 0) or not
.refresh:
    cmp al, 1
    ja .none
    mov ah, al
    shl ah, 5
    mov dx, SEQUENCER
    mov al, 1
    out dx, al
    inc dx
    in al, dx
    and al, 0DFh
    or al, ah
    out dx, al
.done:
    mov byte [bp+frame.al], 12h
    ret

; ---------------------------------------------------------------- 1Ah: display combination code

display_combination:
    les di, [SAVE_POINTER]
    les di, [es:di+SECONDARY]
    les di, [es:di+2]           ; display combination table: entries, version, largest code, 0, pairs
    cmp al, 1
    je .set
    ja .done
    movzx si, byte [DCC_INDEX]
    mov bx, 0FFFFh
    mov ax, si
    cmp al, [es:di]
    jae .store
    add si, si
    add di, si
    mov bx, [es:di+4]           ; active in the low byte or, where that is empty, in the high one
    test bl, bl
    jnz .store
    xchg bl, bh
.store:
    mov [bp+frame.bx], bx
    mov byte [bp+frame.al], 1Ah
.done:
    ret
.set:
    movzx cx, byte [es:di]
    xor si, si
.next:
    cmp bx, [es:di+4]
    je .found
    xchg bl, bh
    cmp bx, [es:di+4]
    je .found
    xchg bl, bh
    inc si
    inc di
    inc di
    loop .next
    ret
.found:
    mov ax, si
    mov [DCC_INDEX], al
    mov byte [bp+frame.al], 1Ah
    ret

; ---------------------------------------------------------------- 1Bh: functionality and state to ES:DI, BX = 0

functionality:
    test bx, bx
    jnz .done
    push di
    mov ax, static_functionality
    stosw
    mov ax, cs
    stosw
    mov si, VIDEO_MODE          ; 449h to 466h
    mov cx, 30
    rep movsb
    mov al, [ROWS_LESS_1]
    inc ax
    stosb
    mov ax, [CHAR_HEIGHT]
    stosw
    push es
    push di
    mov al, 0
    call display_combination    ; into the frame's BX
    pop di
    pop es
    mov ax, [bp+frame.bx]
    mov word [bp+frame.bx], 0
    stosw
    movzx bx, byte [VIDEO_MODE]
    cmp bl, LAST_MODE
    jbe .known
    xor bx, bx
.known:
    add bx, bx
    mov ax, [cs:.colours+bx]
    stosw
    shr bx, 1
    mov al, [cs:.pages+bx]
    stosb
    mov al, [cs:.lines+bx]
    cmp al, 0FFh
    jne .scan_lines
    mov ah, [VGA_CONTROL]
    mov al, 0
    test ah, ah
    js .scan_lines
    mov al, 2
    test ah, 10h
    jnz .scan_lines
    dec ax
.scan_lines:
    stosb
    mov dx, SEQUENCER           ; font blocks
    mov al, 3
    out dx, al
    inc dx
    in al, dx
    mov bl, al
    and al, 03h
    mov ah, bl
    shr ah, 2
    and ah, 04h
    or al, ah
    mov ah, bl
    shr ah, 2
    and ah, 03h
    shr bl, 3
    and bl, 04h
    or ah, bl
    stosw
    mov al, [VGA_CONTROL]       ; grey sums, palette loading and cursor scaling; bits 0 and 5 (blinking)
    mov ah, al
    and al, 0Eh
    inc ax
    test byte [VIDEO_CONTROL], 1
    jnz .unscaled
    or al, 10h
.unscaled:
    mov ah, [MODE_CONTROL]
    and ah, 20h
    or al, ah
    stosb
    xor ax, ax
    stosb
    stosw
    mov al, 3                   ; 256 KiB
    stosb
    call save_pointer_flags
    stosb
    pop cx
    add cx, 64
    sub cx, di
    xor al, al
    rep stosb
    mov byte [bp+frame.al], 1Bh
.done:
    ret
.colours: dw 16,16,16,16, 4,4,2, 0, 0,0,0,0,0, 16,16,0,16,2,16,256
.pages:   db 8,8,8,8, 1,1,1, 8, 0,0,0,0,0, 8,4,2,2,1,1,1
.lines:   db 0FFh,0FFh,0FFh,0FFh, 0,0,0, 0FFh, 0,0,0,0,0, 0,0,1,1,3,3,0
