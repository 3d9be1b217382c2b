; CD-ROM drives on the ATA channels, by programmed I/O: detection in POST, packet commands, reading.
;
; Follows ATA/ATAPI-4 (T13/1153D) and SFF-8020i. An entry is a disk's of which base, control, device and model count,
; so that it is waited for as a disk is. All keep DS = BDA and FS = EBDA.

ATA_PACKET      equ 0A0h
ATA_IDENTIFY_PACKET equ 0A1h

CD_REQUEST_SENSE equ 03h
CD_READ_CAPACITY equ 25h
CD_SEEK         equ 2Bh
CD_READ         equ 0A8h        ; READ (12)

CD_BLOCK        equ 2048        ; bytes, also of a block of data on the cable
CD_CHUNK        equ 64          ; sectors of 512 bytes that one command reads at most
CD_TRIES        equ 50          ; with 100 ms between them while a disc spins up

SENSE_NOT_READY equ 2
SENSE_MEDIUM    equ 3
SENSE_ILLEGAL   equ 5
SENSE_ATTENTION equ 6
SENSE_BECOMING  equ 04h         ; additional code: becoming ready
SENSE_RANGE     equ 21h         ; block out of range

HD_PROTECTED    equ 03h
HD_NO_MEDIA     equ 31h
HD_CHECK        equ 0FFh        ; there is sense data; of no service

; SI = entry of CD-ROM drive AL.
cd_entry:
    push ax
    movzx si, al
    imul si, si, disk_size
    add si, EB_CDS
    pop ax
    ret

; Sends the packet at FS:AX to the drive at FS:SI and moves its data to ES:BX: EB_CD_SKIP words are left out first,
; EB_CD_WANT words are taken, the rest is left out. AH: status, ZF: HD_OK. Uses AX.
cd_try:
    push cx
    push dx
    push di
    push ax
    mov di, bx
    mov dx, [fs:si+disk.base]
    add dx, ATA_DEVICE
    mov al, [fs:si+disk.device]
    out dx, al
    call ata_settle
    mov cx, ATA_TIMEOUT
    call ata_poll
    jnz .no_packet
    mov dx, [fs:si+disk.control]
    mov al, 08h                 ; interrupts on
    out dx, al
    mov dx, [fs:si+disk.base]
    inc dx
    mov al, 0                   ; no DMA, no overlap
    out dx, al
    add dx, ATA_LBA1-ATA_ERROR
    mov al, CD_BLOCK & 0FFh
    out dx, al
    inc dx
    mov al, CD_BLOCK >> 8
    out dx, al
    add dx, ATA_COMMAND-ATA_LBA2
    mov byte [HD_INTERRUPT], 0
    mov al, ATA_PACKET
    out dx, al
    call ata_settle
    mov cx, ATA_TIMEOUT
    call ata_poll
    jnz .no_packet
    test al, ATA_DRQ
    mov ah, HD_CONTROLLER
    jz .no_packet
    pop ax
    push si
    push ds
    mov dx, [fs:si+disk.base]
    push fs
    pop ds
    mov si, ax
    mov cx, 6
    rep outsw
    pop ds
    pop si
    call ata_settle
.wait:
    mov cx, ATA_TIMEOUT
    call ata_wait
    jnz .end
    test al, ATA_DRQ
    jz .over
    mov dx, [fs:si+disk.base]
    add dx, ATA_LBA2
    in al, dx
    mov ch, al
    dec dx
    in al, dx
    mov cl, al
    inc cx
    shr cx, 1                   ; words of this block
    mov dx, [fs:si+disk.base]
    mov ax, [fs:EB_CD_SKIP]
    call .part
    sub [fs:EB_CD_SKIP], ax
    call .leave_out
    mov ax, [fs:EB_CD_WANT]
    call .part
    sub [fs:EB_CD_WANT], ax
    xchg ax, cx
    rep insw
    call .leave_out             ; AX: what is left
    jmp .wait
.over:
    test al, ATA_ERR
    mov ah, HD_OK
    jz .end
    mov ah, HD_CHECK
.end:
    test ah, ah
    pop di
    pop dx
    pop cx
    ret
.no_packet:
    add sp, 2
    jmp .end
; AX = the smaller of AX and CX; CX = CX less that.
.part:
    cmp ax, cx
    jbe .fits
    mov ax, cx
.fits:
    sub cx, ax
    ret
; Reads AX words.
.leave_out:
    push cx
    mov cx, ax
    jcxz .none
.next:
    in ax, dx
    loop .next
.none:
    pop cx
    ret

; The same with the packet at EB_PACKET, again after attentions, which say that a disc was changed or the drive reset,
; and while the drive gets ready. AH: status, ZF: HD_OK. Uses AX.
cd_command:
    push cx
    mov cx, CD_TRIES
.again:
    push dword [fs:EB_CD_SKIP]  ; and EB_CD_WANT
    mov ax, EB_PACKET
    call cd_try
    pop dword [fs:EB_CD_SKIP]
    jz .return
    cmp ah, HD_CHECK
    jne .return
    call cd_sense
    jnz .return
    mov al, [fs:EB_SENSE+2]
    and al, 0Fh
    mov ah, HD_UNCORRECTABLE
    cmp al, SENSE_MEDIUM
    je .return_error
    cmp al, SENSE_ATTENTION
    je .retry
    cmp al, SENSE_ILLEGAL
    je .illegal
    cmp al, SENSE_NOT_READY
    mov ah, HD_CONTROLLER
    jne .return_error
    mov ah, HD_NO_MEDIA
    cmp byte [fs:EB_SENSE+12], SENSE_BECOMING
    jne .return_error
    push cx
    mov cx, 6600
    call delay
    pop cx
.retry:
    loop .again
    mov ah, HD_NOT_READY
    jmp .return_error
.illegal:
    mov ah, HD_NO_SECTOR
    cmp byte [fs:EB_SENSE+12], SENSE_RANGE
    je .return_error
    mov ah, HD_BAD_REQUEST
.return_error:
    test ah, ah
.return:
    pop cx
    ret

; Sense data of the drive at FS:SI to EB_SENSE. AH, ZF.
cd_sense:
    push bx
    push es
    push dword [fs:EB_CD_SKIP]
    push fs
    pop es
    mov word [fs:EB_CD_SKIP], 0
    mov word [fs:EB_CD_WANT], 18/2
    mov dword [fs:EB_SENSE_PACKET], CD_REQUEST_SENSE
    mov dword [fs:EB_SENSE_PACKET+4], 18
    mov dword [fs:EB_SENSE_PACKET+8], 0
    mov bx, EB_SENSE
    mov ax, EB_SENSE_PACKET
    call cd_try
    pop dword [fs:EB_CD_SKIP]
    pop es
    pop bx
    jz .return
    mov ah, HD_CONTROLLER
    test ah, ah
.return:
    ret

; EB_PACKET = command AL with block number EDI, nothing else. No data is wanted.
cd_packet:
    push eax
    push edi
    mov byte [fs:EB_PACKET], al
    mov byte [fs:EB_PACKET+1], 0
    call .big_endian
    mov [fs:EB_PACKET+2], edi
    xor eax, eax
    mov [fs:EB_PACKET+6], eax
    mov [fs:EB_PACKET+10], ax
    mov [fs:EB_CD_SKIP], eax    ; and EB_CD_WANT
    pop edi
    pop eax
    ret
.big_endian:
    mov eax, edi
    xchg al, ah
    rol eax, 16
    xchg al, ah
    mov edi, eax
    ret

; EAX = the first sector of 512 bytes of block EAX. CF, AH, ZF off: its number has no 32 bits.
cd_sector:
    cmp eax, 3FFFFFFFh
    ja .outside
    shl eax, 2                  ; CF off
    ret
.outside:
    mov ah, HD_NO_SECTOR
    test ah, ah
    stc
    ret

; Reads CX sectors of 512 bytes from sector EAX on, from the drive at FS:SI to ES:BX. With DL = 0 they are only
; read. AH: status, ZF: HD_OK; CX: sectors read.
cd_read:
    push edi
    push ebp
    push bx
    push es
    mov edi, eax
    mov ax, bx                  ; normalised: a chunk fits from any offset
    shr ax, 4
    push dx
    mov dx, es
    add ax, dx
    mov es, ax
    pop dx
    and bx, 0Fh
    xor bp, bp                  ; sectors read
.next:
    cmp bp, cx
    je .done
    push cx
    sub cx, bp
    cmp cx, CD_CHUNK
    jbe .chunk
    mov cx, CD_CHUNK
.chunk:
    push edi
    push cx
    mov eax, edi
    shr edi, 2
    and ax, 3
    add cx, ax
    add cx, 3
    shr cx, 2                   ; blocks
    push ax
    mov al, CD_READ
    call cd_packet
    pop ax
    mov [fs:EB_PACKET+9], cl
    pop cx
    shl ax, 8
    mov [fs:EB_CD_SKIP], ax
    test dl, dl
    jz .no_data
    mov ax, cx
    shl ax, 8
    mov [fs:EB_CD_WANT], ax
.no_data:
    call cd_command
    pop edi
    jnz .failed
    movzx eax, cx
    add edi, eax
    add bp, cx
    shl ax, 5                   ; paragraphs
    push dx
    mov dx, es
    add ax, dx
    mov es, ax
    pop dx
    pop cx
    jmp .next
.failed:
    pop cx
.done:
    mov cx, bp
    je .ok                      ; of cmp, or the jump's own
    jmp .return
.ok:
    mov ah, HD_OK
.return:
    test ah, ah
    pop es
    pop bx
    pop ebp
    pop edi
    ret

; ---------------------------------------------------------------- POST

; Makes an entry of the packet device that disk.device at FS:SI selects, if it is a CD-ROM drive. Keeps BX, SI.
cd_detect:
    cmp byte [fs:EB_CD_COUNT], MAX_CDS
    jae .return
    mov al, ATA_IDENTIFY_PACKET
    call ata_identify
    jne .return
    push es
    push 0
    pop es
    mov al, [es:IDENTIFY_BUFFER+1]
    and al, 9Fh
    cmp al, 85h                 ; a packet device, a CD-ROM drive
    jne .other
    push si
    push bx
    mov edx, [fs:si+disk.base]  ; and control
    mov bl, [fs:si+disk.device]
    mov al, [fs:EB_CD_COUNT]
    call cd_entry
    mov [fs:si+disk.base], edx
    mov [fs:si+disk.device], bl
    mov bx, IDENTIFY_BUFFER
    call ata_take_name
    inc byte [fs:EB_CD_COUNT]
    pop bx
    pop si
.other:
    pop es
.return:
    ret
