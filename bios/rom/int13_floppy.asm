; INT 13h for diskettes (also INT 40h).
;
; The table of INT 1Eh says how: step rate, sector size, last sector of a track,
; gaps, fill byte, motor time. The medium in a drive of more than one density is found by READ ID.

FD_OK           equ 00h
FD_BAD_REQUEST  equ 01h
FD_NO_MARK      equ 02h
FD_PROTECTED    equ 03h
FD_NO_SECTOR    equ 04h
FD_CHANGED      equ 06h
FD_OVERRUN      equ 08h
FD_DMA_BOUNDARY equ 09h
FD_NO_MEDIA     equ 0Ch
FD_CRC          equ 10h
FD_CONTROLLER   equ 20h
FD_SEEK_FAILED  equ 40h
FD_TIME_OUT     equ 80h

; Drive types, as the CMOS and function 08h have them.
FD_TYPE_360     equ 1
FD_TYPE_1200    equ 2
FD_TYPE_720     equ 3
FD_TYPE_1440    equ 4
FD_TYPE_2880    equ 5

; Data rates in bits 7-6, as in FD_MEDIA.
RATE_500        equ 00h
RATE_300        equ 40h
RATE_250        equ 80h
RATE_1000       equ 0C0h

; Diskette parameter table.
struc dpt
    .specify:   resw 1
    .motor_off: resb 1          ; ticks
    .size:      resb 1          ; code of the sector size
    .last:      resb 1          ; sectors on a track
    .gap:       resb 1
    .length:    resb 1
    .format_gap: resb 1
    .fill:      resb 1
    .settle:    resb 1
    .start:     resb 1
endstruc
DPT_SIZE        equ 11

; What a drive can read: first the best.
struc medium
    .rate:      resb 1
    .low_bits:  resb 1          ; of FD_MEDIA once established
    .cylinder:  resb 1          ; the last
    .table:     resb DPT_SIZE
endstruc
MEDIUM_SIZE     equ 14

media_360:
    db RATE_250, 3, 39,  0DFh, 02h, 25h, 2,  9, 2Ah, 0FFh, 50h, 0F6h, 0Fh, 08h
    db 0FFh
media_1200:
    db RATE_500, 5, 79,  0DFh, 02h, 25h, 2, 15, 1Bh, 0FFh, 54h, 0F6h, 0Fh, 08h
    db RATE_300, 4, 39,  0DFh, 02h, 25h, 2,  9, 23h, 0FFh, 50h, 0F6h, 0Fh, 08h
    db 0FFh
media_720:
    db RATE_250, 7, 79,  0DFh, 02h, 25h, 2,  9, 2Ah, 0FFh, 50h, 0F6h, 0Fh, 08h
    db 0FFh
media_2880:
    db RATE_1000, 7, 79, 0AFh, 02h, 25h, 2, 36, 38h, 0FFh, 53h, 0F6h, 0Fh, 08h
media_1440:
    db RATE_500, 7, 79,  0AFh, 02h, 25h, 2, 18, 1Bh, 0FFh, 6Ch, 0F6h, 0Fh, 08h
    db RATE_250, 7, 79,  0DFh, 02h, 25h, 2,  9, 2Ah, 0FFh, 50h, 0F6h, 0Fh, 08h
    db 0FFh
media_of_type:
    dw media_360, media_1200, media_720, media_1440, media_2880

; ---------------------------------------------------------------- entry

int13_real:
    cmp dl, CD_DRIVE
    jae int13_cd
    test dl, 80h
    jnz int13_disk
int40:
    ENTER_SERVICE
    sti
    movzx bx, ah
    cmp bl, 18h
    ja .bad
    add bx, bx
    call [cs:.functions+bx]
    jmp .status
.bad:
    mov ah, FD_BAD_REQUEST
.status:
    mov [FD_STATUS], ah
    GIVE_STATUS
.return:
    LEAVE_SERVICE
.functions:
    dw fd_function_00, fd_function_01, fd_transfer, fd_transfer, fd_transfer, fd_format
    dw fd_bad, fd_bad, fd_function_08, fd_bad, fd_bad, fd_bad, fd_bad, fd_bad, fd_bad, fd_bad
    dw fd_bad, fd_bad, fd_bad, fd_bad, fd_bad, fd_function_15, fd_function_16, fd_function_17, fd_function_18
fd_bad:
    mov ah, FD_BAD_REQUEST
    ret

; 00h: reset; the drives recalibrate when they are used next.
fd_function_00:
    call fdc_reset
    ret

; 01h: status of the last operation.
fd_function_01:
    mov ah, [FD_STATUS]
    ret

; 08h: parameters of drive DL. A drive that is not there has none, which is no error.
fd_function_08:
    call fd_type
    mov dl, al
    call fd_count
    xor cx, cx
    mov [bp+regs.dl], al
    mov [bp+regs.dh], cl
    mov [bp+regs.ax], cx
    mov [bp+regs.bx], cx
    mov [bp+regs.cx], cx
    mov [bp+regs.di], cx
    mov [bp+regs.es], cx
    mov al, dl
    test al, al
    jz .return
    mov [bp+regs.bl], al
    mov byte [bp+regs.dh], 1
    call fd_media_list
    mov ch, [cs:si+medium.cylinder]
    mov cl, [cs:si+medium.table+dpt.last]
    mov [bp+regs.cx], cx
    add si, medium.table
    mov [bp+regs.di], si
    mov [bp+regs.es], cs
.return:
    mov ah, FD_OK
    ret

; 15h: AH = 0 no drive, 1 without change line, 2 with. Not a status.
fd_function_15:
    call fd_type
    jz .store
    cmp al, FD_TYPE_360
    mov al, 1
    je .store
    mov al, 2
.store:
    mov [bp+regs.ah], al
    CARRY_OFF
    mov byte [FD_STATUS], FD_OK
    pop ax                      ; past the store of a status
    jmp int40.return

; 16h: has the diskette been changed. The line stays as it is until a read or write looks at it.
fd_function_16:
    call fd_type
    mov ah, FD_TIME_OUT
    jz .return
    cmp al, FD_TYPE_360
    mov ah, FD_CHANGED          ; without a line, who knows
    je .return
    call fd_motor_on
    call fd_change_line
    mov ah, FD_OK
    jz .motor
    mov ah, FD_CHANGED
.motor:
    call fd_motor_timer
.return:
    ret

; 17h: the next format is for diskette AL: 1 360K in its drive, 2 360K in a 1.2M drive, 3 1.2M, 4 720K.
fd_function_17:
    call fd_type
    mov ah, FD_TIME_OUT
    jz .return
    movzx bx, byte [bp+regs.al]
    dec bx
    mov ah, FD_BAD_REQUEST
    cmp bl, 3
    ja .return
    mov al, [cs:.states+bx]
    call fd_set_media
    mov ah, FD_OK
.return:
    ret
.states:
    db RATE_250 | FDM_ESTABLISHED | 3, RATE_300 | FDM_DOUBLE_STEP | FDM_ESTABLISHED | 4
    db RATE_500 | FDM_ESTABLISHED | 5, RATE_250 | FDM_ESTABLISHED | 7

; 18h: the next format is for CH+1 cylinders of CL sectors; ES:DI = its parameter table.
fd_function_18:
    call fd_type
    mov ah, FD_TIME_OUT
    jz .return
    mov bl, al
    call fd_media_list
    mov cx, [bp+regs.cx]
    and cl, 3Fh
.search:
    cmp byte [cs:si], 0FFh
    mov ah, FD_NO_MEDIA
    je .return
    cmp ch, [cs:si+medium.cylinder]
    jne .next
    cmp cl, [cs:si+medium.table+dpt.last]
    je .found
.next:
    add si, MEDIUM_SIZE
    jmp .search
.found:
    call fd_media_state
    call fd_set_media
    add si, medium.table
    mov [bp+regs.di], si
    mov [bp+regs.es], cs
    mov ah, FD_OK
.return:
    ret

; ---------------------------------------------------------------- drives and media

; AL = type of drive DL, ZF: there is none. DL is the caller's.
fd_type:
    mov dl, [bp+regs.dl]
fd_type_of:
    cmp dl, 1
    ja .none
    mov al, CMOS_FLOPPIES
    call cmos_read
    test dl, dl
    jnz .second
    shr al, 4
.second:
    and al, 0Fh
    cmp al, FD_TYPE_2880
    ja .none
    test al, al
    ret
.none:
    xor al, al
    ret

; AL = number of drives.
fd_count:
    mov al, [EQUIPMENT]
    test al, 1
    jz .none
    shr al, 6
    inc al
    ret
.none:
    mov al, 0
    ret

; SI = media of drive type AL.
fd_media_list:
    movzx si, al
    dec si
    add si, si
    mov si, [cs:media_of_type+si]
    ret

; AL = FD_MEDIA of the medium at SI, as established.
fd_media_state:
    mov al, [cs:si+medium.rate]
    or al, [cs:si+medium.low_bits]
    or al, FDM_ESTABLISHED
    cmp byte [cs:si+medium.low_bits], 4
    jne .return
    or al, FDM_DOUBLE_STEP
.return:
    ret

; FD_MEDIA of drive DL = AL. BX = DL.
fd_set_media:
    movzx bx, dl
    mov [FD_MEDIA+bx], al
    ret

; Selects drive DL with its motor on. It stays on while an operation lasts.
fd_motor_on:
    push ax
    push cx
    push dx
    mov byte [FD_MOTOR_TIME], 0FFh
    mov cl, dl
    mov al, 1
    shl al, cl
    cli
    or al, [FD_MOTOR]
    and al, 0Fh
    mov ah, cl
    shl ah, 4
    or ah, al
    mov [FD_MOTOR], ah
    shl al, 4
    or al, cl
    or al, 0Ch
    mov dx, FDC_DOR
    out dx, al
    sti
    pop dx
    pop cx
    pop ax
    ret

; The motors go off a while after the operation.
fd_motor_timer:
    push ax
    push es
    push si
    call fd_load_dpt
    mov al, [es:si+dpt.motor_off]
    mov [FD_MOTOR_TIME], al
    pop si
    pop es
    pop ax
    ret

; ES:SI = the diskette parameter table.
fd_load_dpt:
    push 0
    pop es
    les si, [es:1Eh*4]
    ret

; ZF clear: the change line of the selected drive is active.
fd_change_line:
    push ax
    push dx
    mov dx, FDC_DIR
    in al, dx
    test al, 80h
    pop dx
    pop ax
    ret

; Makes drive DL of type AL ready for a transfer: motor, change line, medium. AH: status, ZF: it is FD_OK.
fd_prepare:
    call fd_motor_on
    mov ch, al
    cmp al, FD_TYPE_360
    je .same
    call fd_change_line
    jz .same
    ; A step with a diskette in the drive clears the line.
    mov al, 0
    call fd_set_media
    call fdc_reset
    jnz .return
    call fd_motor_on
    mov al, 1
    call fd_seek
    jnz .return
    call fd_recalibrate
    jnz .return
    mov ah, FD_CHANGED
    call fd_change_line
    jz .return_error
    mov ah, FD_TIME_OUT         ; no diskette
.return_error:
    test ah, ah
.return:
    ret
.same:
    movzx bx, dl
    mov al, [FD_MEDIA+bx]
    test al, FDM_ESTABLISHED
    jz .find
    call fd_set_rate
    xor ah, ah
    ret

; One medium after the other, until an ID can be read.
.find:
    mov al, ch
    call fd_media_list
.next:
    mov al, [cs:si+medium.rate]
    call fd_set_rate
    push si
    mov al, 0
    call fd_seek
    jnz .failed
    call fd_read_id
    jz .found
    cmp ah, FD_TIME_OUT
    je .failed
    pop si
    add si, MEDIUM_SIZE
    cmp byte [cs:si], 0FFh
    jne .next
    test ah, ah
    ret
.failed:
    pop si
    test ah, ah
    ret
.found:
    pop si
    call fd_media_state
    test al, FDM_DOUBLE_STEP
    jz .store
    ; Which tracks of a 360K diskette lie under the head of a 1.2M drive: 48 tpi, or 96 tpi if it was made there.
    push ax
    mov al, 2
    call fd_seek
    jnz .guess
    call fd_read_id
    jnz .guess
    pop ax
    cmp byte [FD_RESULT+3], 2   ; cylinder
    jne .store
    and al, ~FDM_DOUBLE_STEP & 0FFh
    jmp .store
.guess:
    pop ax
.store:
    call fd_set_media
    xor ah, ah
    ret

; Data rate of FD_MEDIA byte AL, and step rate and head times of the parameter table.
fd_set_rate:
    push ax
    push dx
    push es
    push si
    and al, FDM_RATE
    mov [FD_LAST_RATE], al
    shr al, 6
    mov dx, FDC_CCR
    out dx, al
    call fd_load_dpt
    mov al, FDC_SPECIFY
    call fdc_send
    mov al, [es:si+dpt.specify]
    call fdc_send
    mov al, [es:si+dpt.specify+1]
    call fdc_send
    pop si
    pop es
    pop dx
    pop ax
    ret

; ---------------------------------------------------------------- 02h read, 03h write, 04h verify

fd_transfer:
    call fd_type
    mov ah, FD_TIME_OUT
    jz .failed
    mov ah, FD_BAD_REQUEST
    cmp byte [bp+regs.al], 0
    je .failed
    cmp byte [bp+regs.dh], 1
    ja .failed
    cmp byte [bp+regs.cl], 0
    je .failed
    call fd_try
    jz .done
    ; The medium may be of another density than the last: look once more.
    cmp ah, FD_NO_MARK
    jne .some
    call fd_type
    cmp al, FD_TYPE_360
    je .some
    cmp al, FD_TYPE_720
    je .some
    mov al, 0
    call fd_set_media
    call fd_type
    call fd_try
    jz .done
.some:
    mov al, cl                  ; sectors done
    mov [bp+regs.al], al
    jmp fd_motor_timer
.failed:
    mov byte [bp+regs.al], 0
    ret
.done:
    jmp fd_motor_timer

; One attempt on drive DL of type AL. AH: status, ZF: FD_OK; CL: sectors done if not.
fd_try:
    call fd_prepare
    mov cl, 0
    jnz .return
    call fd_load_dpt

    ; DMA
    mov cl, [es:si+dpt.size]
    and cl, 7
    add cl, 7
    movzx ebx, byte [bp+regs.al]
    shl ebx, cl
    mov ecx, ebx                ; bytes
    movzx bx, byte [bp+regs.ah]
    mov al, [cs:.dma_modes-2+bx]
    call fd_dma
    mov cl, 0
    jnz .return

    ; seek
    movzx bx, dl
    mov al, [bp+regs.ch]
    test byte [FD_MEDIA+bx], FDM_DOUBLE_STEP
    jz .single
    add al, al
.single:
    call fd_seek
    mov cl, 0
    jnz .return

    ; command
    call fdc_expect
    mov ax, 9001h               ; a multitasker may run something else
    int 15h
    mov al, FDC_READ
    cmp byte [bp+regs.ah], 3
    jne .read
    mov al, FDC_WRITE
.read:
    call fdc_send
    mov al, [bp+regs.dh]
    shl al, 2
    or al, dl
    call fdc_send
    mov al, [bp+regs.ch]
    call fdc_send
    mov al, [bp+regs.dh]
    call fdc_send
    mov al, [bp+regs.cl]
    call fdc_send
    mov al, [es:si+dpt.size]
    call fdc_send
    call .last_sector
    call fdc_send
    mov al, [es:si+dpt.gap]
    call fdc_send
    mov al, [es:si+dpt.length]
    call fdc_send
    call fdc_end
    jnz .count
.return:
    ret

; What the DMA controller has still to move says how many sectors went.
.count:
    push ax
    cli
    out 0Ch, al
    in al, 05h
    mov cl, al
    in al, 05h
    mov ch, al
    sti
    inc cx                      ; bytes left, 0 if all (terminal count)
    movzx eax, cx
    mov cl, [es:si+dpt.size]
    and cl, 7
    add cl, 7
    movzx ebx, byte [bp+regs.al]
    shl ebx, cl
    sub ebx, eax
    jae .sane
    xor ebx, ebx
.sane:
    shr ebx, cl
    mov cl, bl
    pop ax
    test ah, ah
    ret
.dma_modes:
    db DMA_WRITE, DMA_READ, DMA_VERIFY

; AL = the sector number to stop after. A program with a table of its own decides; the ROM's table stands for
; whatever medium there is, so there the request decides.
.last_sector:
    mov al, [es:si+dpt.last]
    push cx
    mov cx, es
    cmp cx, 0F000h
    pop cx
    jne .return
    cmp si, diskette_table
    jne .return
    push cx
    mov cl, [bp+regs.cl]
    add cl, [bp+regs.al]
    dec cl
    cmp al, cl
    jae .table
    mov al, cl
.table:
    pop cx
    ret

; ---------------------------------------------------------------- 05h format a track

fd_format:
    call fd_type
    mov ah, FD_TIME_OUT
    jz .return
    call fd_motor_on
    mov ch, al
    movzx bx, dl
    mov al, [FD_MEDIA+bx]
    test al, FDM_ESTABLISHED
    jnz .established
    mov al, ch                  ; the best that the drive can do
    call fd_media_list
    call fd_media_state
    call fd_set_media
.established:
    call fd_set_rate
    call fd_load_dpt
    movzx ecx, byte [es:si+dpt.last]
    shl cx, 2                   ; four bytes of ID a sector
    mov ah, FD_BAD_REQUEST
    jz .end
    mov al, DMA_READ
    call fd_dma
    jnz .end
    movzx bx, dl
    mov al, [bp+regs.ch]
    test byte [FD_MEDIA+bx], FDM_DOUBLE_STEP
    jz .single
    add al, al
.single:
    call fd_seek
    jnz .end
    call fdc_expect
    mov al, FDC_FORMAT
    call fdc_send
    mov al, [bp+regs.dh]
    and al, 1
    shl al, 2
    or al, dl
    call fdc_send
    mov al, [es:si+dpt.size]
    call fdc_send
    mov al, [es:si+dpt.last]
    call fdc_send
    mov al, [es:si+dpt.format_gap]
    call fdc_send
    mov al, [es:si+dpt.fill]
    call fdc_send
    call fdc_end
.end:
    call fd_motor_timer
.return:
    ret
