; Booting from a CD: the El Torito specification (1.0, Phoenix and IBM, 1995), and its functions 4Ah to 4Dh of INT 13h.
; The image is started as it is, or stands for a diskette or the first fixed disk.
;
; All keep DS = BDA, FS = EBDA, and SI = the entry of the drive.

ET_BOOT_RECORD  equ 17          ; block of the descriptor that says where the catalog is
ET_CATALOG_PLACE equ 47h        ; in it
ET_BUFFER       equ BOOT_SECTOR ; the catalog, before the image is there
; An image goes neither over vectors and BDA nor over the stack, which ends at BOOT_SECTOR.
ET_LOWEST       equ 60h         ; segment
ET_STACK        equ 0800h       ; bytes

; Boot catalog.
ET_ENTRY        equ 20h         ; bytes of an entry
ET_BOOTABLE     equ 88h
ET_HEADER       equ 90h         ; of a section; 91h: the last

struc entry
    .bootable:  resb 1
    .media:     resb 1
    .segment:   resw 1
    .system:    resb 1
    .zero:      resb 1
    .count:     resw 1
    .lba:       resd 1
endstruc

; Reads CX words behind AX words of block EDI to EB_SENSE. AH: status, ZF.
et_peek:
    push bx
    push es
    push ax
    mov al, CD_READ
    call cd_packet
    mov byte [fs:EB_PACKET+9], 1
    pop ax
    mov [fs:EB_CD_SKIP], ax
    mov [fs:EB_CD_WANT], cx
    push fs
    pop es
    mov bx, EB_SENSE
    call cd_command
    pop es
    pop bx
    ret

; emu.catalog of the disc. AH: status, ZF.
et_find_catalog:
    push cx
    push edi
    mov edi, ET_BOOT_RECORD
    xor ax, ax
    mov cx, 18/2
    call et_peek
    jnz .return
    push si
    push es
    push fs
    pop es
    mov si, .signature
    mov di, EB_SENSE
    mov cx, 18/2
    cs repe cmpsw
    pop es
    pop si
    mov ah, HD_NO_MARK
    jne .return
    mov edi, ET_BOOT_RECORD
    mov ax, ET_CATALOG_PLACE/2  ; the byte in front, too
    mov cx, 3
    call et_peek
    jnz .return
    mov edi, [fs:EB_SENSE+1]
    mov [fs:EB_EMULATION+emu.catalog], edi
.return:
    pop edi
    pop cx
    ret
.signature:
    db 0, "CD001", 1, "EL TORITO S"

; Boots from CD-ROM drive AL; returns if it cannot.
et_boot:
    call cd_entry
    mov [fs:EB_EMULATION+emu.cd], al
    call et_find_catalog
    jnz .failed
    mov eax, [fs:EB_EMULATION+emu.catalog]
    call cd_sector
    jc .failed
    mov cx, CD_BLOCK/512
    push 0
    pop es
    mov bx, ET_BUFFER
    mov dl, 1
    call cd_read
    jnz .failed
    call et_choose
    jnz .failed
    call et_start
    jnz .failed
    call et_load_and_go
.failed:
    mov si, text_cd_not_bootable
    cmp ah, HD_NO_MARK
    je put_text
    mov si, text_cd_too_large
    cmp ah, HD_BAD_REQUEST
    je put_text
    mov si, text_cd_failed
    jmp put_text

; The entry of the catalog at ET_BUFFER (ES = 0) that is for us: EB_SPEC. AH: status, ZF.
et_choose:
    push si
    mov di, ET_BUFFER
    cmp byte [es:di], 1
    jne .none
    cmp word [es:di+1Eh], 0AA55h
    jne .none
    xor ax, ax
    mov cx, ET_ENTRY/2
.sum:
    add ax, [es:di]
    inc di
    inc di
    loop .sum
    test ax, ax
    jnz .none
    mov al, [es:ET_BUFFER+1]    ; platform: 0 is ours
    call .fits
    je .found
    add di, ET_ENTRY
.section:
    cmp di, ET_BUFFER+CD_BLOCK
    jae .none
    mov bh, [es:di]
    mov al, bh
    and al, ~1 & 0FFh
    cmp al, ET_HEADER
    jne .none
    mov al, [es:di+1]
    mov cx, [es:di+2]
    add di, ET_ENTRY
    jcxz .sections
.entry:
    cmp di, ET_BUFFER+CD_BLOCK
    jae .none
    call .fits
    je .found
    add di, ET_ENTRY
    cmp byte [es:di], 44h       ; what belongs to the entry
    je .extension
.next:
    loop .entry
.sections:
    test bh, 1
    jz .section
.none:
    pop si
    mov ah, HD_NO_MARK
    test ah, ah
    ret
.extension:
    cmp di, ET_BUFFER+CD_BLOCK
    jae .none
    mov dl, [es:di+1]
    add di, ET_ENTRY
    test dl, 20h                ; another one follows
    jnz .extension
    jmp .next
; ZF: the entry at ES:DI, of platform AL, can be booted.
.fits:
    test al, al
    jnz .not
    cmp byte [es:di+entry.bootable], ET_BOOTABLE
.not:
    ret
.found:
    pop si
    mov al, [es:di+entry.media]
    and al, 0Fh
    cmp al, MEDIA_DISK
    mov ah, HD_NO_MARK
    ja .return
    mov byte [fs:EB_SPEC+spec.size], SPEC_SIZE
    mov [fs:EB_SPEC+spec.media], al
    mov ah, [fs:EB_EMULATION+emu.cd]
    add ah, CD_DRIVE
    cmp al, MEDIA_NONE
    je .drive
    mov ah, 0
    cmp al, MEDIA_DISK
    jb .drive
    mov ah, 80h
.drive:
    mov [fs:EB_SPEC+spec.drive], ah
    mov al, 0
    test byte [fs:si+disk.base], 80h
    jnz .controller
    inc ax
.controller:
    mov [fs:EB_SPEC+spec.controller], al
    mov al, [fs:si+disk.device]
    shr al, 4
    and ax, 1
    mov [fs:EB_SPEC+spec.device], ax
    mov word [fs:EB_SPEC+spec.cache], 0
    mov eax, [es:di+entry.lba]
    mov [fs:EB_SPEC+spec.lba], eax
    mov ax, [es:di+entry.segment]
    mov [fs:EB_SPEC+spec.segment], ax
    mov ax, [es:di+entry.count]
    mov [fs:EB_SPEC+spec.count], ax
    cmp ax, ax
.return:
    ret

; Begins what EB_SPEC says: the geometry of the image, and the number of drives. AH: status, ZF.
et_start:
    mov byte [fs:EB_EMULATION+emu.state], EMU_BOOTED
    xor eax, eax
    mov [fs:EB_SPEC+spec.cylinder], ax
    mov [fs:EB_SPEC+spec.head], al
    mov al, [fs:EB_SPEC+spec.media]
    test al, al
    jz .started
    cmp al, MEDIA_DISK
    je .disk
    movzx bx, al
    dec bx
    add bx, bx
    mov bx, [cs:.media+bx]
    mov [fs:EB_EMULATION+emu.table], bx
    mov ax, 80
    mov dx, 2
    movzx cx, byte [cs:bx+medium.table+dpt.last]
    call .geometry
    mov al, [EQUIPMENT]
    mov [fs:EB_EMULATION+emu.equipment], al
    test al, 01h
    jz .first
    cmp al, 0C0h                ; bits 7-6: their number, less one
    jae .on
    add al, 40h
.first:
    or al, 01h
    mov [EQUIPMENT], al
.on:
    mov byte [fs:EB_EMULATION+emu.state], EMU_ON
.started:
    xor ah, ah
    ret
; A fixed disk has the geometry that its first partition ends with.
.disk:
    mov edi, [fs:EB_SPEC+spec.lba]
    mov ax, 1BEh/2
    mov cx, 8/2
    call et_peek
    jnz .return
    movzx dx, byte [fs:EB_SENSE+5]
    inc dx
    mov al, [fs:EB_SENSE+7]
    mov cl, [fs:EB_SENSE+6]
    mov ah, cl
    shr ah, 6
    inc ax
    and cx, 3Fh
    jz .no_mark
    call .geometry
    inc byte [HD_COUNT]
    jmp .on
.no_mark:
    mov ah, HD_NO_MARK
    test ah, ah
.return:
    ret
.media:
    dw media_1200, media_1440, media_2880
; AX cylinders, DX heads, CX sectors.
.geometry:
    mov [fs:EB_EMULATION+emu.cylinders], ax
    mov [fs:EB_EMULATION+emu.heads], dx
    mov [fs:EB_EMULATION+emu.sectors], cx
    dec ax
    dec dx
    mov [fs:EB_SPEC+spec.cylinder], al
    shl ah, 6
    or ah, cl
    mov [fs:EB_SPEC+spec.sector], ah
    mov [fs:EB_SPEC+spec.head], dl
    ret

; The image stands for nothing any more.
et_end:
    cmp byte [fs:EB_EMULATION+emu.state], EMU_ON
    jne .return
    mov byte [fs:EB_EMULATION+emu.state], EMU_BOOTED
    test byte [fs:EB_SPEC+spec.drive], 80h
    jnz .disk
    push ax
    mov al, [fs:EB_EMULATION+emu.equipment]
    mov [EQUIPMENT], al
    pop ax
.return:
    ret
.disk:
    dec byte [HD_COUNT]
    ret

; Loads the sectors of the image that EB_SPEC says, and starts them. Returns if it cannot. AH: status.
et_load_and_go:
    mov bx, [fs:EB_SPEC+spec.segment]
    test bx, bx
    jnz .segment
    mov bx, BOOT_SECTOR >> 4
.segment:
    mov cx, [fs:EB_SPEC+spec.count]
    test cx, cx
    jnz .count
    mov cl, CD_BLOCK/512        ; none: a block
.count:
    movzx eax, cx
    shl eax, 5
    movzx edx, bx
    add eax, edx
    movzx edx, word [EBDA_SEGMENT]
    cmp eax, edx
    ja .no_room
    cmp bx, ET_LOWEST
    jb .no_room
    cmp bx, BOOT_SECTOR >> 4
    jae .free
    cmp eax, (BOOT_SECTOR - ET_STACK) >> 4
    ja .no_room
.free:
    mov es, bx
    push bx
    xor bx, bx
    mov eax, [fs:EB_SPEC+spec.lba]
    call cd_sector
    jc .not_read
    mov dl, 1
    call cd_read
.not_read:
    pop bx
    jnz .failed
    mov dl, [fs:EB_SPEC+spec.drive]
    ; 07C0h:0 is started as 0:7C00h, as a diskette's sector.
    mov ax, bx
    and ax, 0F000h
    mov es, ax
    shl bx, 4
    jmp boot_start
.no_room:
    mov ah, HD_BAD_REQUEST
.failed:
    jmp et_end

; ---------------------------------------------------------------- INT 13h

; 4Ah, 4Ch: emulation as the packet at DS:SI says; 4Ch boots, too.
et_begin:
    push ds
    mov es, [bp+regs.ds]
    mov di, [bp+regs.si]
    cmp byte [es:di+spec.size], SPEC_SIZE
    jb .bad
    mov al, [es:di+spec.media]
    and al, 0Fh
    mov ah, [es:di+spec.drive]
    cmp al, MEDIA_DISK
    ja .bad
    je .disk
    test al, al
    jz .known                   ; started as it is, whatever it is called
    test ah, ah
    jz .known
    jmp .bad
.disk:
    cmp ah, 80h
    jne .bad
.known:
    call et_end
    mov bx, si
    sub bx, EB_CDS
    mov ax, bx
    mov bl, disk_size
    div bl
    mov [fs:EB_EMULATION+emu.cd], al
    push si
    push es
    pop ds
    mov si, di
    push fs
    pop es
    mov di, EB_SPEC
    mov cx, SPEC_SIZE
    rep movsb
    and byte [fs:EB_SPEC+spec.media], 0Fh
    pop si
    pop ds
    call et_find_catalog        ; for 4Dh; a disc without one may be emulated as well
    call et_start
    jnz .return
    cmp byte [bp+regs.ah], 4Ch
    jne hd_ok
    jmp et_load_and_go
.bad:
    pop ds
    mov ah, HD_BAD_REQUEST
.return:
    ret

; 4Bh: the packet to DS:SI; with AL = 0 the emulation ends.
et_status:
    cmp byte [fs:EB_EMULATION+emu.state], EMU_NONE
    je hd_bad
    mov al, [bp+regs.dl]
    cmp al, 7Fh
    je .ours
    cmp al, [fs:EB_SPEC+spec.drive]
    jne hd_bad
.ours:
    push si
    push ds
    mov es, [bp+regs.ds]
    mov di, [bp+regs.si]
    push fs
    pop ds
    mov si, EB_SPEC
    mov cx, SPEC_SIZE
    rep movsb
    pop ds
    pop si
    cmp byte [bp+regs.al], 0
    jne hd_ok
    call et_end
    jmp hd_ok

; 4Dh: blocks of the boot catalog, as the packet at DS:SI says: its size (8), their number, where to (dword), the first
; (word).
et_catalog:
    cmp byte [fs:EB_EMULATION+emu.state], EMU_NONE
    je hd_bad
    push ds
    mov ds, [bp+regs.ds]
    mov bx, [bp+regs.si]
    cmp byte [bx], 8
    movzx cx, byte [bx+1]
    movzx eax, word [bx+6]
    les bx, [bx+2]
    pop ds
    jb hd_bad
    cmp cx, 64
    ja hd_bad
    add eax, [fs:EB_EMULATION+emu.catalog]
    sbb edx, edx
    or eax, edx                 ; past 32 bits: none
    call cd_sector
    jc .return
    shl cx, 2
    mov dl, 1
    jmp cd_read
.return:
    ret

text_cd_failed:
    db "CD-ROM: no disc, or it cannot be read", 13, 10, 0
text_cd_not_bootable:
    db "CD-ROM: not bootable", 13, 10, 0
text_cd_too_large:
    db "CD-ROM: what it boots does not fit into memory", 13, 10, 0
