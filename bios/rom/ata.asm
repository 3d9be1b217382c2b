; ATA disks on the two channels, by programmed I/O: detection in POST, and the transfer of sectors.
;
; Follows ATA/ATAPI-4 (T13/1153D). A wait ends by the interrupt of the channel (or the timer's), never before BSY
; is clear.

; Offsets from the command block.
ATA_DATA        equ 0
ATA_ERROR       equ 1
ATA_COUNT       equ 2
ATA_LBA0        equ 3
ATA_LBA1        equ 4
ATA_LBA2        equ 5
ATA_DEVICE      equ 6
ATA_STATUS      equ 7
ATA_COMMAND     equ 7

ATA_BSY         equ 80h
ATA_DRDY        equ 40h
ATA_DF          equ 20h
ATA_DRQ         equ 08h
ATA_ERR         equ 01h

ATA_RECALIBRATE equ 10h
ATA_READ        equ 20h
ATA_WRITE       equ 30h
ATA_VERIFY      equ 40h
ATA_SEEK        equ 70h
ATA_PARAMETERS  equ 91h
ATA_IDENTIFY    equ 0ECh

ATA_SRST        equ 04h
ATA_TIMEOUT     equ 182         ; ticks: 10 s
ATA_POST_TIMEOUT equ 18         ; a reset in POST

HD_OK           equ 00h
HD_BAD_REQUEST  equ 01h
HD_NO_MARK      equ 02h
HD_NO_SECTOR    equ 04h
HD_BAD_SECTOR   equ 0Ah
HD_UNCORRECTABLE equ 10h
HD_CONTROLLER   equ 20h
HD_SEEK_FAILED  equ 40h
HD_TIME_OUT     equ 80h
HD_NOT_READY    equ 0AAh
HD_WRITE_FAULT  equ 0CCh

; IDENTIFY DEVICE data, in bytes.
ID_CYLINDERS    equ 1*2
ID_HEADS        equ 3*2
ID_SECTORS      equ 6*2
ID_MODEL        equ 27*2
ID_CAPABILITIES equ 49*2
ID_LBA_SECTORS  equ 60*2

IDENTIFY_BUFFER equ 0600h       ; segment 0, POST only

; ---------------------------------------------------------------- waiting

; Waits until the channel of the disk at FS:SI is not busy, at most CX ticks. AL: status, which ends the interrupt.
; AH: HD_OK or HD_TIME_OUT, ZF accordingly. DS = BDA.
ata_wait:
    push dx
    push bx
    mov bx, [TIMER]
.wait:
    mov dx, [fs:si+disk.control]
    cli
    in al, dx
    test al, ATA_BSY
    jz .ready
    mov ax, [TIMER]
    sub ax, bx
    cmp ax, cx
    jae .time_out
    call idle
    jmp .wait
.ready:
    sti                         ; the channel's interrupt comes before its cause goes
    nop
    mov dx, [fs:si+disk.base]
    add dx, ATA_STATUS
    in al, dx
    mov ah, HD_OK
.return:
    test ah, ah
    pop bx
    pop dx
    ret
.time_out:
    sti
    mov ah, HD_TIME_OUT
    jmp .return

; The same for what ends without an interrupt: polls for up to 100 ms first.
ata_poll:
    push bx
    push cx
    push dx
    mov dx, [fs:si+disk.control]
    mov bx, ATA_BSY             ; BH = 0
    mov cx, 6600
    call wait_port
    pop dx
    pop cx
    pop bx
    jmp ata_wait

; 400 ns after a device was selected or a command given, before its status counts.
ata_settle:
    push ax
    push dx
    mov dx, [fs:si+disk.control]
    in al, dx
    in al, dx
    in al, dx
    in al, dx
    pop dx
    pop ax
    ret

; AH: status of INT 13h for ATA status AL, ZF: HD_OK.
ata_result:
    push dx
    mov ah, HD_OK
    test al, ATA_DF | ATA_ERR
    jz .return
    mov ah, HD_WRITE_FAULT
    test al, ATA_DF
    jnz .return
    mov dx, [fs:si+disk.base]
    add dx, ATA_ERROR
    in al, dx
    push si
    mov si, .errors
    mov dl, al
.next:
    cs lodsw
    test al, al
    jz .found
    test dl, al
    jz .next
.found:
    pop si
.return:
    test ah, ah
    pop dx
    ret
.errors:
    db 80h, HD_BAD_SECTOR
    db 40h, HD_UNCORRECTABLE
    db 10h, HD_NO_SECTOR
    db 04h, HD_BAD_REQUEST
    db 02h, HD_SEEK_FAILED
    db 01h, HD_NO_MARK
    db 00h, HD_CONTROLLER

; ---------------------------------------------------------------- commands

; Gives command AL with sector number EDI and count CL to the disk at FS:SI. AH: status, ZF: HD_OK.
; Uses AX, DX.
ata_command:
    push ax
    push cx
    mov dx, [fs:si+disk.control]
    mov al, 08h                 ; interrupts on
    out dx, al
    mov cx, ATA_TIMEOUT
    call ata_poll               ; whichever device had the last command
    jnz .failed
    pop cx
    call ata_address
    call ata_settle
    push cx
    mov cx, ATA_TIMEOUT
    call ata_poll
    jnz .failed
    pop cx
    test al, ATA_DRDY
    pop ax
    mov ah, HD_NOT_READY
    jz .not_ready
    mov dx, [fs:si+disk.base]
    add dx, ATA_COMMAND
    mov byte [HD_INTERRUPT], 0
    out dx, al
    call ata_settle
    xor ah, ah
    ret
.failed:
    pop cx
    add sp, 2
.not_ready:
    test ah, ah
    ret

; The device and its address registers: sector EDI, count CL. Uses AX, DX.
ata_address:
    push bx
    push ecx
    push edi
    test byte [fs:si+disk.flags], DISK_LBA
    jnz .address
    call ata_chs
.address:
    mov dx, [fs:si+disk.base]
    add dx, ATA_DEVICE
    mov eax, edi
    shr eax, 24
    and al, 0Fh
    or al, [fs:si+disk.device]
    out dx, al
    mov dx, [fs:si+disk.base]
    add dx, ATA_COUNT
    mov al, cl
    out dx, al
    inc dx
    mov eax, edi
    out dx, al
    inc dx
    shr eax, 8
    out dx, al
    inc dx
    shr eax, 8
    out dx, al
    pop edi
    pop ecx
    pop bx
    ret

; EDI = head, cylinder and sector, laid out as LBA, of sector EDI on a disk without LBA.
ata_chs:
    push ecx
    push edx
    mov eax, edi
    xor edx, edx
    movzx ecx, word [fs:si+disk.sectors]
    jecxz .return
    div ecx
    lea edi, [edx+1]            ; sector
    xor edx, edx
    movzx ecx, word [fs:si+disk.heads]
    jecxz .return
    div ecx
    shl edx, 24
    or edi, edx
    and eax, 0FFFFh
    shl eax, 8
    or edi, eax
.return:
    pop edx
    pop ecx
    ret

; Reads CX (1 to 256) sectors from EAX on to ES:BX, or writes, or verifies: command DL. FS:SI: the disk.
; AH: status, ZF: HD_OK; CX: sectors done. ES:BX is normalised, so 64 KiB fit from any offset.
ata_transfer:
    push edi
    push bx
    push es
    mov edi, eax
    mov ax, bx
    shr ax, 4
    push dx
    mov dx, es
    add ax, dx
    mov es, ax
    pop dx
    and bx, 0Fh
    push bp
    mov bp, cx
    mov al, dl
    mov dh, dl
    push dx
    call ata_command
    pop dx
    jnz .end
    cmp dh, ATA_VERIFY
    je .verify
    cmp dh, ATA_WRITE
    je .write

.read:
    call .wait
    jnz .end
    test al, ATA_DRQ
    mov ah, HD_CONTROLLER
    jz .end
    push cx
    mov di, bx
    mov cx, 256
    mov dx, [fs:si+disk.base]
    rep insw
    pop cx
    call .advance
    jnz .read
    jmp .done

.write:
    push cx
    mov cx, ATA_TIMEOUT
    call ata_poll               ; the first block is asked for without an interrupt
    pop cx
    jnz .end
    call ata_result
    jnz .end
    test al, ATA_DRQ
    mov ah, HD_CONTROLLER
    jz .end
.write_next:
    push cx
    push si
    push ds
    mov dx, [fs:si+disk.base]
    push es
    pop ds
    mov si, bx
    mov cx, 256
    rep outsw
    pop ds
    pop si
    pop cx
    call ata_settle
    call .wait
    jnz .end
    call .advance
    jz .done
    test al, ATA_DRQ
    jnz .write_next
    mov ah, HD_CONTROLLER
    jmp .end

.verify:
    call .wait
    jnz .end
    xor bp, bp
.done:
    xor ah, ah
.end:
    sub cx, bp                  ; BP: sectors left
    pop bp
    pop es
    pop bx
    pop edi
    test ah, ah
    ret

; Status of the command so far. AH, ZF.
.wait:
    push cx
    mov cx, ATA_TIMEOUT
    call ata_wait
    pop cx
    jnz .waited
    jmp ata_result
.waited:
    ret
; To the next sector. ZF: that was the last.
.advance:
    push dx
    mov dx, es
    add dx, 20h
    mov es, dx
    pop dx
    dec bp
    ret

; ---------------------------------------------------------------- INT 76h and 77h

; IRQ 14 and IRQ 15.
int76:
    push ax
    push ds
    push BDA
    pop ds
    mov byte [HD_INTERRUPT], 0FFh
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    out PIC1_COMMAND, al
    mov ax, 9100h
    int 15h
    pop ds
    pop ax
    iret

; ---------------------------------------------------------------- POST

; Finds the disks and their geometry: EB_DISKS, 40:75, INT 41h and INT 46h.
init_disks:
    push fs
    call load_ebda
    push es
    pop fs
    mov si, EB_DISKS
    mov bx, .channels
.channel:
    mov al, 0A0h
    call .entry
    call ata_reset
    jc .next_channel
    call ata_detect
    mov al, 0B0h
    call .entry
    call ata_detect
.next_channel:
    add bx, 4
    cmp bx, .channels+8
    jb .channel
    pop fs
    jmp init_disk_tables
; Begins the entry at FS:SI: the channel at CS:BX, device AL.
.entry:
    mov dx, [cs:bx]
    mov [fs:si+disk.base], dx
    mov dx, [cs:bx+2]
    mov [fs:si+disk.control], dx
    mov [fs:si+disk.device], al
    ret
.channels:
    dw 1F0h, 3F6h, 170h, 376h

; Resets the channel of the entry at FS:SI. CF: nobody is there.
ata_reset:
    push bx
    mov bl, 0A0h
.look:
    call .select
    mov dx, [fs:si+disk.base]
    add dx, ATA_STATUS
    in al, dx
    cmp al, 0FFh                ; the bus floats
    jne .present
    xor bl, 10h                 ; a second device may be alone
    cmp bl, 0B0h
    je .look
    jmp .absent
.present:
    mov dx, [fs:si+disk.control]
    mov al, 08h | ATA_SRST
    out dx, al
    mov cx, 1
    call delay
    mov al, 08h
    out dx, al
    mov cx, 2
    call delay
    call .select                ; whoever was there
    mov cx, ATA_POST_TIMEOUT
    call ata_poll
    jnz .absent
    pop bx
    clc
    ret
.absent:
    pop bx
    stc
    ret
.select:
    mov dx, [fs:si+disk.base]
    add dx, ATA_DEVICE
    mov al, bl
    out dx, al
    jmp ata_settle

; Completes the entry at FS:SI if disk.device is an ATA disk and moves SI to the next one. CD-ROM drives have entries
; of their own.
ata_detect:
    push bx
    cmp byte [HD_COUNT], MAX_DISKS
    jae .return
    mov dx, [fs:si+disk.base]
    add dx, ATA_DEVICE
    mov al, [fs:si+disk.device]
    out dx, al
    call ata_settle
    inc dx                      ; status
    in al, dx
    cmp al, 0FFh
    je .return
    mov cx, ATA_POST_TIMEOUT
    call ata_poll
    jnz .return
    mov bl, al
    mov dx, [fs:si+disk.base]
    add dx, ATA_LBA1
    in al, dx
    mov ah, al
    inc dx
    in al, dx
    cmp ax, 14EBh               ; signature of a packet device, which is not ready for commands of ATA
    je .packet
    test bl, bl
    jz .return
    ; Registers that hold what is written to them.
    sub dx, ATA_LBA2-ATA_COUNT
    mov al, 55h
    out dx, al
    inc dx
    mov al, 0AAh
    out dx, al
    in al, dx
    cmp al, 0AAh
    jne .return
    dec dx
    in al, dx
    cmp al, 55h
    jne .return
    mov al, ATA_IDENTIFY
    call ata_identify
    jne .return
    push es
    push 0
    pop es
    call ata_take_identity
    pop es
    inc byte [HD_COUNT]
    add si, disk_size
.return:
    pop bx
    ret
.packet:
    call cd_detect
    jmp .return

; Command AL, one of those that identify, to the device that is selected: its data to 0:IDENTIFY_BUFFER. ZF: it is
; there. Changes AX, CX, DX, DI.
ata_identify:
    mov dx, [fs:si+disk.base]
    add dx, ATA_COMMAND
    out dx, al
    call ata_settle
    mov cx, ATA_POST_TIMEOUT
    call ata_wait
    jnz .return
    and al, ATA_ERR | ATA_DF | ATA_DRQ
    cmp al, ATA_DRQ
    jne .return
    push es
    push 0
    pop es
    mov di, IDENTIFY_BUFFER
    mov dx, [fs:si+disk.base]
    mov cx, 256
    rep insw                    ; keeps ZF
    pop es
.return:
    ret

; Fills the entry at FS:SI from the IDENTIFY data at ES:IDENTIFY_BUFFER (ES = 0).
ata_take_identity:
    mov bx, IDENTIFY_BUFFER
    mov ax, [es:bx+ID_CYLINDERS]
    mov [fs:si+disk.cylinders], ax
    mov ax, [es:bx+ID_HEADS]
    mov [fs:si+disk.heads], ax
    mov ax, [es:bx+ID_SECTORS]
    mov [fs:si+disk.sectors], ax
    mov byte [fs:si+disk.flags], 0
    test byte [es:bx+ID_CAPABILITIES+1], 02h
    jz .no_lba
    or byte [fs:si+disk.flags], DISK_LBA
    or byte [fs:si+disk.device], 40h
    mov eax, [es:bx+ID_LBA_SECTORS]
    jmp .total
.no_lba:
    lea di, [si+disk.cylinders]
    call chs_total
.total:
    mov [fs:si+disk.total], eax
    call ata_take_name
    test byte [fs:si+disk.flags], DISK_LBA
    jnz .return
    mov cx, ATA_POST_TIMEOUT
    call ata_set_geometry
.return:
    ret

; The first characters of the name, from IDENTIFY data at ES:BX to the entry at FS:SI. Uses AX, BX, CX.
ata_take_name:
    push si
    mov cx, 5
.name:
    mov ax, [es:bx+ID_MODEL]
    xchg al, ah
    mov [fs:si+disk.model], ax
    inc bx
    inc bx
    inc si
    inc si
    loop .name
    pop si
    ret

; Tells the disk at FS:SI its own geometry, which a disk without LBA keeps to. Waits CX ticks at most. As ata_wait.
ata_set_geometry:
    mov dx, [fs:si+disk.base]
    add dx, ATA_DEVICE
    mov al, [fs:si+disk.heads]
    dec al
    and al, 0Fh
    or al, [fs:si+disk.device]
    out dx, al
    call ata_settle
    mov dx, [fs:si+disk.base]
    add dx, ATA_COUNT
    mov al, [fs:si+disk.sectors]
    out dx, al
    mov dx, [fs:si+disk.base]
    add dx, ATA_COMMAND
    mov al, ATA_PARAMETERS
    out dx, al
    call ata_settle
    jmp ata_wait
