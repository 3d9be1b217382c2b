; The 82077AA diskette controller: commands and results, the heads, DMA channel 2, INT 0Eh (IRQ 6), POST.
;
; There is no wait for spin-up: the controller waits for index pulses by itself.

FDC_SPECIFY     equ 03h
FDC_RECALIBRATE equ 07h
FDC_SENSE       equ 08h
FDC_SEEK        equ 0Fh
FDC_WRITE       equ 45h         ; MFM
FDC_READ        equ 66h         ; MFM, skip deleted sectors
FDC_READ_ID     equ 4Ah
FDC_FORMAT      equ 4Dh

DMA_READ        equ 4Ah         ; channel 2, memory to diskette
DMA_WRITE       equ 46h         ; diskette to memory
DMA_VERIFY      equ 42h

FD_TIMEOUT      equ 37          ; ticks: 2 s

; Sends AL. Silent if the controller does not listen: the wait that follows notices.
fdc_send:
    push bx
    push cx
    push dx
    push ax
    mov dx, FDC_MSR
    mov bx, 80C0h               ; ready, direction to the controller
    mov cx, 400                 ; 6 ms
    call wait_port
    pop ax
    jc .return
    inc dx
    out dx, al
.return:
    pop dx
    pop cx
    pop bx
    ret

; AL = next result byte. CF: there is none.
fdc_receive:
    push bx
    push cx
    push dx
    mov dx, FDC_MSR
    mov bx, 0C0C0h
    mov cx, 400
    call wait_port
    jc .return
    inc dx
    in al, dx
    clc
.return:
    pop dx
    pop cx
    pop bx
    ret

; Collects the result phase in FD_RESULT: at most seven bytes. CF: nothing came.
fdc_result:
    push cx
    push di
    mov di, FD_RESULT
    mov cx, 7
.next:
    call fdc_receive
    jc .end
    mov [di], al
    inc di
    push dx
    mov dx, FDC_MSR
    in al, dx
    pop dx
    test al, 10h                ; busy: more follows
    loopnz .next
.end:
    cmp di, FD_RESULT+1         ; CF if none
    pop di
    pop cx
    ret

; Waits for INT 0Eh. ZF: it came. Else AH = FD_TIME_OUT and the controller is reset. Uses AX.
fdc_wait:
    push cx
    mov cx, [TIMER]
.wait:
    cli
    test byte [FD_SEEK], 80h
    jnz .came
    mov ax, [TIMER]
    sub ax, cx
    cmp ax, FD_TIMEOUT
    jae .time_out
    call idle
    jmp .wait
.came:
    and byte [FD_SEEK], 7Fh
    sti
    xor ah, ah
    pop cx
    ret
.time_out:
    sti
    call fdc_reset
    mov ah, FD_TIME_OUT
    test ah, ah
    pop cx
    ret

; Before a command whose interrupt is awaited.
fdc_expect:
    and byte [FD_SEEK], 7Fh
    ret

; Resets the controller; the drives need recalibration. AH: status, ZF: FD_OK.
fdc_reset:
    push cx
    push dx
    mov byte [FD_SEEK], 0
    mov dx, FDC_DOR
    cli
    mov al, [FD_MOTOR]
    mov ah, al
    shl al, 4                   ; motors
    shr ah, 4
    and ah, 3                   ; drive
    or al, ah
    or al, 08h                  ; interrupts and DMA; reset
    out dx, al
    mov cx, 1
    call delay
    or al, 04h
    out dx, al
    sti
    mov cx, [TIMER]
.wait:
    cli
    test byte [FD_SEEK], 80h
    jnz .came
    mov ax, [TIMER]
    sub ax, cx
    cmp ax, FD_TIMEOUT
    jae .failed
    call idle
    jmp .wait
.came:
    and byte [FD_SEEK], 7Fh
    sti
    mov cx, 4                   ; each drive reports
.sense:
    mov al, FDC_SENSE
    call fdc_send
    call fdc_result
    jc .failed
    loop .sense
    xor ah, ah
    jmp .return
.failed:
    sti
    mov ah, FD_CONTROLLER
    test ah, ah
.return:
    pop dx
    pop cx
    ret

; Moves drive DL's head to track 0. AH: status, ZF: FD_OK.
fd_recalibrate:
    push cx
    mov cx, 2                   ; one RECALIBRATE steps 79 tracks at most
.again:
    call fdc_expect
    mov al, FDC_RECALIBRATE
    call fdc_send
    mov al, dl
    call fdc_send
    call fd_seek_end
    jz .done
    cmp ah, FD_TIME_OUT
    je .return
    loop .again
    jmp .return
.done:
    push cx
    mov cl, dl
    mov al, 1
    shl al, cl
    or [FD_SEEK], al
    pop cx
    movzx bx, dl
    mov [FD_TRACK+bx], ah       ; 0
    test ah, ah
.return:
    pop cx
    ret

; Moves drive DL's head to track AL, recalibrated if need be. AH: status, ZF: FD_OK. Uses BX.
fd_seek:
    push cx
    mov ch, al
    mov cl, dl
    mov al, 1
    shl al, cl
    test [FD_SEEK], al
    jnz .calibrated
    call fd_recalibrate
    jnz .return
.calibrated:
    movzx bx, dl
    xor ah, ah
    cmp [FD_TRACK+bx], ch
    je .return
    call fdc_expect
    mov al, FDC_SEEK
    call fdc_send
    mov al, dl
    call fdc_send
    mov al, ch
    call fdc_send
    call fd_seek_end
    jnz .return
    mov [FD_TRACK+bx], ch
    test ah, ah
.return:
    pop cx
    ret

; The end of a RECALIBRATE or SEEK. AH: status, ZF: FD_OK.
fd_seek_end:
    call fdc_wait
    jnz .return
    mov al, FDC_SENSE
    call fdc_send
    call fdc_result
    mov ah, FD_CONTROLLER
    jc .error
    mov ah, [FD_RESULT]
    and ah, 0C0h
    jz .return
    mov ah, FD_SEEK_FAILED
.error:
    test ah, ah
.return:
    ret

; Reads an ID on head 0 of drive DL. AH: status, ZF: FD_OK.
fd_read_id:
    call fdc_expect
    mov al, FDC_READ_ID
    call fdc_send
    mov al, dl
    call fdc_send
; The end of a command with a result of seven bytes. AH: status, ZF: FD_OK.
fdc_end:
    call fdc_wait
    jnz .return
    call fdc_result
    mov ah, FD_CONTROLLER
    jc .error
    test byte [FD_RESULT], 0C0h
    mov ah, FD_OK
    jz .error
    push si
    mov si, .errors
.next:
    cs lodsw                    ; AL: bit of ST1, AH: status
    test al, al
    jz .found
    test [FD_RESULT+1], al
    jz .next
.found:
    pop si
.error:
    test ah, ah
.return:
    ret
.errors:
    db 80h, FD_NO_SECTOR        ; end of track
    db 20h, FD_CRC
    db 10h, FD_OVERRUN
    db 04h, FD_NO_SECTOR
    db 02h, FD_PROTECTED
    db 01h, FD_NO_MARK
    db 00h, FD_CONTROLLER

; Programs DMA channel 2: mode AL, ECX bytes at the caller's ES:BX. AH: status, ZF: FD_OK.
fd_dma:
    push edx
    push ecx
    mov ah, al
    movzx edx, word [bp+regs.es]
    shl edx, 4
    movzx ebx, word [bp+regs.bx]
    add edx, ebx
    dec ecx
    cmp al, DMA_VERIFY
    je .inside                  ; nothing is moved
    movzx ebx, dx
    add ebx, ecx
    cmp ebx, 10000h
    mov bl, FD_DMA_BOUNDARY
    jae .return
.inside:
    cli
    mov al, 06h                 ; mask
    out 0Ah, al
    out 0Ch, al                 ; first byte next
    mov al, ah
    out 0Bh, al
    mov al, dl
    out 04h, al
    mov al, dh
    out 04h, al
    mov al, cl
    out 05h, al
    mov al, ch
    out 05h, al
    shr edx, 16
    mov al, dl
    out 81h, al
    mov al, 02h                 ; unmask
    out 0Ah, al
    sti
    mov bl, FD_OK
.return:
    mov ah, bl
    pop ecx
    pop edx
    test ah, ah
    ret

; ---------------------------------------------------------------- INT 0Eh, POST

; IRQ 6.
int0e:
    push ax
    push ds
    push BDA
    pop ds
    or byte [FD_SEEK], 80h
    mov al, PIC_EOI
    out PIC1_COMMAND, al
    mov ax, 9101h
    int 15h
    pop ds
    pop ax
    iret

; POST: resets the controller, counts the drives for INT 11h.
init_floppies:
    mov al, CMOS_FLOPPIES
    call cmos_read
    test al, al
    jz .return
    test al, 0F0h
    jz .first
    or byte [EQUIPMENT], 01h
    test al, 0Fh
    jz .first
    or byte [EQUIPMENT], 41h
.first:
    call fdc_reset
.return:
    ret
