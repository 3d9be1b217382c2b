; INT 19h, boot, and INT 18h, nothing to boot from.

BOOT_SECTOR     equ 7C00h
BOOT_FLOPPY     equ 1           ; as in the CMOS
BOOT_DISK       equ 2
BOOT_CD         equ 3
BOOT_RETRIES    equ 4

; Tries what the boot menu chose, else the devices in the order of the CMOS. A program may call it at any time.
int19:
    cli
    xor ax, ax
    mov ss, ax
    mov sp, BOOT_SECTOR
    sti
    cld
    push BDA
    pop ds
    mov fs, [EBDA_SEGMENT]
    call a20_off
    call et_end
    mov al, 0
    xchg al, [fs:EB_BOOT_CHOICE]        ; counts once
    test al, al
    jz .order
    call boot_device
.order:
    mov al, CMOS_BOOT_ORDER
    call cmos_read
    mov cl, al
    mov al, CMOS_BOOT_THIRD
    call cmos_read
    shr al, 4
    mov ch, al
    ; CX: CH the third, CL the second and the first
    test cx, 0FFFh
    jnz .first
    mov cl, BOOT_DISK << 4 | BOOT_FLOPPY
.first:
    mov byte [fs:EB_BOOT_DISK], 0
    mov al, cl
    and al, 0Fh
    call boot_device
    mov al, cl
    shr al, 4
    call boot_device
    mov al, ch
    call boot_device
    int 18h

; Boots from device AL; returns if it cannot. Keeps CX.
boot_device:
    cmp al, BOOT_FLOPPY
    je .floppy
    cmp al, BOOT_DISK
    je .disk
    cmp al, BOOT_CD
    je .cd
    ret
.floppy:
    test byte [EQUIPMENT], 01h
    jz .return
    push cx
    mov dl, 0
    call boot_read
    pop cx
    jc .floppy_failed
    mov al, CMOS_BOOT_THIRD
    call cmos_read
    test al, 01h
    jnz .go                     ; whatever it is
    mov dl, 0
    call boot_signature
    je .go
    mov si, text_floppy_not_bootable
    jmp put_text
.floppy_failed:
    mov si, text_floppy_failed
    jmp put_text
.disk:
    mov dl, [fs:EB_BOOT_DISK]
    cmp dl, [HD_COUNT]
    jae .return
    or dl, 80h
    push dx
    push cx
    call boot_read
    pop cx
    pop dx
    jc .disk_failed
    call boot_signature
    je .go
    mov si, text_disk_not_bootable
    jmp put_text
.disk_failed:
    mov si, text_disk_failed
    jmp put_text
.cd:
    mov al, [fs:EB_BOOT_DISK]
.next_cd:
    cmp al, [fs:EB_CD_COUNT]
    jae .return
    pusha
    call et_boot
    popa
    inc ax
    jmp .next_cd
.return:
    ret
.go:
    push 0
    pop es
    mov bx, BOOT_SECTOR
; Starts what is at 0:BX, or in ES:BX; DL: its drive.
boot_start:
    push es
    push bx
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov bx, ax
    mov cx, ax
    mov si, ax
    mov di, ax
    mov bp, ax
    mov dh, 0
    sti
    retf

; Reads the boot sector of drive DL. CF: it cannot be read.
boot_read:
    xor ax, ax
    mov es, ax
    mov cx, BOOT_RETRIES
.again:
    push cx
    mov ax, 0201h
    mov bx, BOOT_SECTOR
    mov cx, 0001h
    mov dh, 0
    int 13h
    pop cx
    jnc .return
    cmp ah, FD_TIME_OUT         ; no diskette
    je .failed
    mov ah, 00h
    int 13h
    loop .again
.failed:
    stc
.return:
    ret

; ZF: the sector is signed.
boot_signature:
    push ds
    push 0
    pop ds
    cmp word [BOOT_SECTOR+510], 0AA55h
    pop ds
    ret

; Without anything to boot: try again at a key.
int18:
    cli
    xor ax, ax
    mov ss, ax
    mov sp, BOOT_SECTOR
    sti
    mov si, text_nothing
    call put_text
    mov ah, 00h
    int 16h
    int 19h

text_floppy_failed:
    db "Diskette: no medium, or it cannot be read", 13, 10, 0
text_floppy_not_bootable:
    db "Diskette: not a boot diskette", 13, 10, 0
text_disk_failed:
    db "Fixed disk: it cannot be read", 13, 10, 0
text_disk_not_bootable:
    db "Fixed disk: not bootable", 13, 10, 0
text_nothing:
    db "Nothing to boot from. Press a key to try again", 13, 10, 0
