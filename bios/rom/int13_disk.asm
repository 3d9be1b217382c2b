; INT 13h for fixed disks: the functions of the AT by cylinder, head and sector, and those of the Enhanced Disk
; Drive Services (T13/1386D) by block number.
;
; Every access is LBA28 where the disk has it. A disk of more than 1024 cylinders is shown with 255 heads of 63
; sectors, as partition tools expect.

int13_disk:
    ENTER_SERVICE
    push fs
    sti
    mov fs, [EBDA_SEGMENT]
    call .find
    jc .absent
    movzx bx, ah
    cmp bl, 15h
    jbe .call
    sub bl, 41h
    cmp bl, 4Eh-41h
    ja .bad
    add bl, 16h
.call:
    add bx, bx
    call [cs:.functions+bx]
    jmp hd_finish
.bad:
    mov ah, HD_BAD_REQUEST
    jmp hd_finish

; A drive that is not there: only its type can be asked for, and the diskettes be reset.
.absent:
    test ah, ah
    jz .reset_only
    cmp ah, 15h
    je .no_type
    cmp ah, 08h
    jne .bad
    mov ah, 07h
    mov byte [bp+regs.al], 0
    jmp hd_finish
.no_type:
    mov byte [bp+regs.ah], 0
    CARRY_OFF
    jmp hd_return
.reset_only:
    call fd_function_00
    mov ah, HD_BAD_REQUEST
    jmp hd_finish

; SI = entry of drive DL. CF: there is none.
.find:
    mov bl, [bp+regs.dl]
    and bl, 7Fh
    cmp bl, [HD_COUNT]
    jae .none
    movzx si, bl
    imul si, si, disk_size
    add si, EB_DISKS
    clc
    ret
.none:
    stc
    ret

.functions:
    dw hd_reset, hd_status, hd_chs_transfer, hd_chs_transfer
    dw hd_chs_transfer, hd_format, hd_bad, hd_bad
    dw hd_parameters, hd_set_parameters, hd_bad, hd_bad
    dw hd_seek, hd_reset, hd_bad, hd_bad
    dw hd_ready, hd_recalibrate, hd_bad, hd_bad
    dw hd_ok, hd_type
    dw hd_check_extensions, hd_lba_transfer, hd_lba_transfer, hd_lba_transfer       ; 41h-44h
    dw hd_not_removable, hd_not_removable, hd_lba_seek, hd_extended_parameters      ; 45h-48h
    dw hd_ok, hd_bad, hd_bad, hd_bad                                                ; 49h-4Ch
    dw hd_bad, hd_hardware                                                          ; 4Dh-4Eh

; The end of INT 13h for disks and CD-ROM drives, with status AH.
hd_finish:
    mov [HD_STATUS], ah
    GIVE_STATUS
; What returns something else ends here.
hd_return:
    pop fs
    LEAVE_SERVICE

; A function that returns something else than a status leaves by this.
%macro NO_STATUS 0
    CARRY_OFF
    pop ax                      ; past the store of a status
    jmp hd_return
%endmacro

hd_bad:
    mov ah, HD_BAD_REQUEST
    ret
; 14h diagnostic, 49h changed: never.
hd_ok:
    mov ah, HD_OK
    ret

; 00h: resets the diskettes too; 0Dh.
hd_reset:
    cmp byte [bp+regs.ah], 0
    jne .disk
    call fd_function_00
.disk:
; 11h.
hd_recalibrate:
    mov al, ATA_RECALIBRATE
    xor edi, edi
    jmp hd_simple

; 01h: status of the last operation; reading clears it.
hd_status:
    mov al, [HD_STATUS]
    mov [bp+regs.al], al
    mov ah, al
    mov byte [bp+regs.ah], 0
    CARRY_OFF
    test al, al
    jz .store
    mov [bp+regs.ah], al
    CARRY_ON
.store:
    mov byte [HD_STATUS], HD_OK
    pop ax                      ; past the store of a status
    jmp hd_return

; EAX = sector number of the caller's cylinder, head and sector on a drive that has as many of each as the words at
; FS:DI say; ECX = the sector. CF: it has not, and AH says what of it. Changes EBX, EDX.
chs_sector:
    movzx eax, byte [bp+regs.ch]
    mov cl, [bp+regs.cl]
    mov ah, cl
    shr ah, 6
    and cl, 3Fh
    jz .bad
    movzx ecx, cl
    cmp cx, [fs:di+4]
    ja .absent
    cmp ax, [fs:di]
    jae .absent
    movzx edx, byte [bp+regs.dh]
    movzx ebx, word [fs:di+2]
    cmp dx, bx
    jae .bad
    imul eax, ebx
    add eax, edx
    movzx ebx, word [fs:di+4]
    imul eax, ebx
    lea eax, [eax+ecx-1]
    clc
    ret
.bad:
    mov ah, HD_BAD_REQUEST
    stc
    ret
.absent:
    mov ah, HD_NO_SECTOR
    stc
    ret

; EAX = sectors of a drive that has as many cylinders, heads and sectors as the words at FS:DI say. Changes ECX.
chs_total:
    movzx eax, word [fs:di]
    movzx ecx, word [fs:di+2]
    imul eax, ecx
    movzx ecx, word [fs:di+4]
    imul eax, ecx
    ret

; EAX = sector number of the caller's place on the disk at FS:SI. AH: status if CF.
hd_chs:
    lea di, [si+disk.lcyls]
    call chs_sector
    jnc .return
    mov ah, HD_BAD_REQUEST
.return:
    ret

; 02h read, 03h write, 04h verify.
hd_chs_transfer:
    call hd_chs
    jc .return
    movzx cx, byte [bp+regs.al]
    jcxz .bad
    cmp cx, 128
    ja .bad                     ; more than a segment
    movzx bx, byte [bp+regs.ah]
    mov dl, [cs:hd_commands-2+bx]
    mov es, [bp+regs.es]
    mov bx, [bp+regs.bx]
    call hd_transfer
    mov [bp+regs.al], cl
    ret
.bad:
    mov ah, HD_BAD_REQUEST
.return:
    mov byte [bp+regs.al], 0
    ret
hd_commands:
    db ATA_READ, ATA_WRITE, ATA_VERIFY

; ata_transfer within the disk.
hd_transfer:
    push ecx
    movzx ecx, cx
    add ecx, eax
    jc .outside
    cmp ecx, [fs:si+disk.total]
    pop ecx
    ja .bad
    push eax
    mov ax, 9000h               ; a multitasker may run something else
    int 15h
    pop eax
    jmp ata_transfer
.outside:
    pop ecx
.bad:
    xor cx, cx
    mov ah, HD_NO_SECTOR
    test ah, ah
    ret

; 05h: an ATA disk needs no format. The request is checked.
hd_format:
    mov byte [bp+regs.cl], 1
    call hd_chs
    jc .return
    mov ah, HD_OK
.return:
    ret

; 08h: geometry. The last cylinder is shown, too.
hd_parameters:
    mov cx, [fs:si+disk.lcyls]
    dec cx
    xchg cl, ch
    shl cl, 6
    mov al, [fs:si+disk.lsectors]
    and al, 3Fh
    or cl, al
    mov [bp+regs.cx], cx
    mov al, [fs:si+disk.lheads]
    dec al
    mov [bp+regs.dh], al
    mov al, [HD_COUNT]
    mov [bp+regs.dl], al
    mov byte [bp+regs.al], 0
    mov ah, HD_OK
    ret

; 09h: the geometry of the disk is set since POST; 91h is given again for a program that reset the channel.
hd_set_parameters:
    test byte [fs:si+disk.flags], DISK_LBA
    jnz hd_ok
    mov cx, ATA_TIMEOUT
    call ata_set_geometry
    jnz .return
    jmp ata_result
.return:
    ret

; 0Ch.
hd_seek:
    call hd_chs
    jc hd_format.return
hd_seek_to:
    mov edi, eax
    mov al, ATA_SEEK
; A command AL without data, at sector EDI. AH: status.
hd_simple:
    mov cl, 1
    call ata_command
    jnz .return
    mov cx, ATA_TIMEOUT
    call ata_wait
    jnz .return
    jmp ata_result
.return:
    ret

; 10h.
hd_ready:
    mov dx, [fs:si+disk.base]
    add dx, ATA_DEVICE
    mov al, [fs:si+disk.device]
    out dx, al
    call ata_settle
    inc dx
    in al, dx
    and al, ATA_BSY | ATA_DRDY
    cmp al, ATA_DRDY
    mov ah, HD_OK
    je .return
    mov ah, HD_NOT_READY
.return:
    ret

; 15h: AH = 3, CX:DX = sectors. Not a status.
hd_type:
    lea di, [si+disk.lcyls]
    call give_type
    mov byte [HD_STATUS], HD_OK
    NO_STATUS

; That for a drive that has what the words at FS:DI say.
give_type:
    call chs_total
    mov [bp+regs.dx], ax
    shr eax, 16
    mov [bp+regs.cx], ax
    mov byte [bp+regs.ah], 3
    ret

; ---------------------------------------------------------------- 41h-48h, 4Eh

struc packet                    ; disk address packet, at the caller's DS:SI
    .size:      resb 1
    .zero:      resb 1
    .count:     resw 1
    .buffer:    resd 1
    .block:     resq 1
endstruc

; 41h: BX = AA55h, AH = 30h (EDD 3.0), CX = packet access and enhanced parameters.
hd_check_extensions:
    cmp word [bp+regs.bx], 55AAh
    jne hd_bad
    mov word [bp+regs.bx], 0AA55h
    mov word [bp+regs.cx], 0005h
    mov byte [bp+regs.ah], 30h
    NO_STATUS

; 42h read, 43h write, 44h verify. The packet's count says how many went.
hd_lba_transfer:
    call hd_packet
    jnz .return
    cmp cx, 127
    ja .bad
    movzx di, byte [bp+regs.ah]
    mov dl, [cs:hd_commands-42h+di]
    test cx, cx
    jz hd_ok
    call hd_transfer
    jmp hd_packet_done
.bad:
    mov ah, HD_BAD_REQUEST
.return:
    ret

; 47h.
hd_lba_seek:
    call hd_packet
    jnz hd_lba_transfer.return
    cmp eax, [fs:si+disk.total]
    jb hd_seek_to
    mov ah, HD_NO_SECTOR
    ret

; EAX = block, CX = count and ES:BX = buffer of the packet. ZF clear: AH says what is wrong with it.
hd_packet:
    push ds
    mov ds, [bp+regs.ds]
    mov bx, [bp+regs.si]
    cmp byte [bx], 10h
    mov ah, HD_BAD_REQUEST
    jb .bad
    cmp dword [bx+packet.block+4], 0
    mov ah, HD_NO_SECTOR
    jne .bad
    mov cx, [bx+packet.count]
    mov eax, [bx+packet.block]
    les bx, [bx+packet.buffer]
    pop ds
    cmp ax, ax
    ret
.bad:
    pop ds
    test ah, ah
    ret

; The packet says that CX blocks went. Keeps AH. Changes BX.
hd_packet_done:
    push ds
    mov ds, [bp+regs.ds]
    mov bx, [bp+regs.si]
    mov [bx+packet.count], cx
    pop ds
    ret

; 45h lock, 46h eject.
hd_not_removable:
    mov ah, 0B2h
    ret

; 48h: the buffer at DS:SI begins with its size.
hd_extended_parameters:
    mov es, [bp+regs.ds]
    mov di, [bp+regs.si]
    mov cx, [es:di]
    cmp cx, 1Ah
    jb hd_bad
    cmp cx, 42h
    jae .path
    cmp cx, 1Eh
    mov ax, 1Ah
    jb .size
    mov ax, 1Eh
    jmp .size
.path:
    mov ax, 42h
.size:
    mov dx, ax
    stosw
    mov ax, 0002h               ; the geometry is valid
    stosw
    movzx eax, word [fs:si+disk.cylinders]
    stosd
    movzx eax, word [fs:si+disk.heads]
    stosd
    movzx eax, word [fs:si+disk.sectors]
    stosd
    mov eax, [fs:si+disk.total]
    stosd
    xor eax, eax
    stosd
    mov ax, 512
    stosw
    cmp dx, 1Eh
    jb .done
    call hd_edd_table
    mov ax, EB_EDD_TABLE
    stosw
    mov ax, fs
    stosw
    cmp dx, 42h
    jb .done
    ; Device path: host bus ISA, interface ATA.
    mov bx, di
    mov ax, 0BEDDh
    stosw
    mov ax, 0024h
    stosw
    xor ax, ax
    stosw
    push si
    mov si, .bus
    mov cx, 6
    cs rep movsw
    pop si
    mov ax, [fs:si+disk.base]
    stosw
    xor ax, ax
    stosw
    stosw
    stosw
    mov al, [fs:si+disk.device]
    shr al, 4
    and ax, 1
    stosw
    xor ax, ax
    stosw
    stosw
    stosw
    stosb                       ; reserved
    mov cx, di
    sub cx, bx
    xor al, al
.sum:
    sub al, [es:bx]
    inc bx
    loop .sum
    stosb
.done:
    mov ah, HD_OK
    ret
.bus:
    db "ISA ATA     "

; The device parameter table extension of the disk at FS:SI, at FS:EB_EDD_TABLE.
hd_edd_table:
    push es
    push di
    push fs
    pop es
    mov di, EB_EDD_TABLE
    mov ax, [fs:si+disk.base]
    stosw
    mov ax, [fs:si+disk.control]
    stosw
    mov al, [fs:si+disk.device]
    or al, 0A0h
    stosb
    mov al, 0
    stosb
    mov al, 14                  ; interrupt
    cmp byte [fs:si+disk.base], 0F0h
    je .irq
    inc ax
.irq:
    stosb
    mov al, 1                   ; sectors a block
    stosb
    xor ax, ax                  ; no DMA, no PIO mode
    stosw
    mov ax, 0010h               ; LBA
    test byte [fs:si+disk.flags], DISK_LBA
    jnz .lba
    xor ax, ax
.lba:
    cmp word [fs:si+disk.lheads], 16
    jbe .options
    or al, 08h                  ; translated
.options:
    stosw
    xor ax, ax
    stosw
    mov al, 30h                 ; revision
    stosb
    xor al, al
    mov bx, EB_EDD_TABLE
.sum:
    sub al, [fs:bx]
    inc bx
    cmp bx, EB_EDD_TABLE+15
    jb .sum
    stosb
    pop di
    pop es
    ret

; 4Eh: AL = 1, 3, 4, 6: switch things off that are off; others would need more than programmed I/O.
hd_hardware:
    mov al, [bp+regs.al]
    cmp al, 1
    je .nothing
    cmp al, 3
    je .nothing
    cmp al, 4
    je .nothing
    cmp al, 6
    je .nothing
    jmp hd_bad
.nothing:
    mov byte [bp+regs.al], 0    ; this device only
    jmp hd_ok

; ---------------------------------------------------------------- POST

; Logical geometry of the disks found, and the tables of INT 41h and INT 46h.
init_disk_tables:
    push fs
    mov fs, [EBDA_SEGMENT]
    mov si, EB_DISKS
    xor bx, bx
.next:
    cmp bl, [HD_COUNT]
    jae .done
    call .geometry
    cmp bl, 2
    jae .no_table
    call .table
.no_table:
    add si, disk_size
    inc bx
    jmp .next
.done:
    pop fs
    ret

; The CMOS may know better than the disk what its first two are to look like.
.geometry:
    mov ax, [fs:si+disk.cylinders]
    mov dx, [fs:si+disk.heads]
    mov cx, [fs:si+disk.sectors]
    call .from_cmos
    test cx, cx
    jz .assist
    cmp cx, 63
    ja .assist
    test dx, dx
    jz .assist
    cmp ax, 1024
    jbe .store
.assist:
    mov ecx, 255*63
    mov eax, [fs:si+disk.total]
    xor edx, edx
    div ecx
    cmp eax, 1024
    jbe .clamped
    mov eax, 1024
.clamped:
    test ax, ax
    jnz .cylinders
    inc ax                      ; less than one cylinder
.cylinders:
    mov dx, 255
    mov cx, 63
.store:
    mov [fs:si+disk.lcyls], ax
    mov [fs:si+disk.lheads], dx
    mov [fs:si+disk.lsectors], cx
    ret

; AX, DX, CX from the CMOS if disk BX is a user-defined type there.
.from_cmos:
    cmp bl, 2
    jae .no
    test byte [fs:si+disk.base], 80h
    jz .no                      ; the second channel is not in the CMOS
    push ax
    push cx
    mov al, [fs:si+disk.device]
    shr al, 4
    and al, 1                   ; 0 master, 1 slave
    mov ch, al
    mov al, CMOS_DISKS
    call cmos_read
    test ch, ch
    jnz .slave
    shr al, 4
.slave:
    and al, 0Fh
    cmp al, 0Fh
    jne .no_pop
    mov al, ch
    mov ah, 9
    mul ah
    add al, CMOS_DISK0_CHS
    mov ch, al
    call cmos_read_word
    test ax, ax
    jz .no_pop
    push ax
    mov al, ch
    add al, 2
    call cmos_read
    movzx dx, al
    mov al, ch
    add al, 8
    call cmos_read
    movzx cx, al
    pop ax
    add sp, 4
.no:
    ret
.no_pop:
    pop cx
    pop ax
    ret

; Fixed disk parameter table of disk BX, and its vector.
.table:
    push es
    push bx
    push fs
    pop es
    mov di, EB_FDPT0
    mov dx, 41h*4
    test bl, bl
    jz .first
    mov di, EB_FDPT1
    mov dx, 46h*4
.first:
    push di
    mov ax, [fs:si+disk.lcyls]
    stosw
    mov al, [fs:si+disk.lheads]
    stosb
    cmp word [fs:si+disk.cylinders], 1024
    ja .translated
    xor ax, ax
    stosw
    dec ax
    stosw                       ; no precompensation
    inc ax
    stosb
    mov al, 0
    cmp word [fs:si+disk.lheads], 8
    jbe .control
    mov al, 08h
.control:
    stosb
    xor ax, ax
    stosw
    stosb
    mov ax, [fs:si+disk.lcyls]
    stosw
    mov al, [fs:si+disk.lsectors]
    stosb
    xor al, al
    stosb
    jmp .vector
; EDD: A0h marks a table with the physical geometry after the logical one.
.translated:
    mov al, 0A0h
    stosb
    mov al, [fs:si+disk.sectors]
    stosb
    mov ax, 0FFFFh
    stosw
    xor al, al
    stosb
    mov al, 08h
    stosb
    mov ax, [fs:si+disk.cylinders]
    stosw
    mov al, [fs:si+disk.heads]
    stosb
    xor ax, ax
    stosw
    mov al, [fs:si+disk.lsectors]
    stosb
    pop bx
    push bx
    xor al, al
    mov cx, 15
.sum:
    sub al, [es:bx]
    inc bx
    loop .sum
    stosb
.vector:
    pop di
    mov bx, dx
    push 0
    pop es
    mov [es:bx], di
    mov [es:bx+2], fs
    pop bx
    pop es
    ret
