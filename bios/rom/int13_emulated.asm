; INT 13h while an image on a CD stands for the first diskette or the first fixed disk (El Torito, section 2.0): the
; drives that are there have the numbers from the second on.

; What was booted.
struc emu
    .state:     resb 1
    .cd:        resb 1          ; the CD-ROM drive
    .catalog:   resd 1          ; block of the boot catalog
    .cylinders: resw 1          ; of the image
    .heads:     resw 1
    .sectors:   resw 1
    .table:     resw 1          ; diskettes: the entry in the list of media
    .equipment: resb 1          ; what INT 11h says without the image
    .packet:    resb 13h        ; as function 4Bh has it
endstruc
EMU_NONE        equ 0           ; nothing
EMU_BOOTED      equ 1           ; without emulation, or no more
EMU_ON          equ 2

; Specification packet.
struc spec
    .size:      resb 1
    .media:     resb 1
    .drive:     resb 1
    .controller: resb 1
    .lba:       resd 1          ; block of the image
    .device:    resw 1          ; bit 0: the second on its channel
    .cache:     resw 1
    .segment:   resw 1
    .count:     resw 1          ; sectors of 512 bytes
    .cylinder:  resb 1          ; as INT 13h/08h: CH, CL, DH
    .sector:    resb 1
    .head:      resb 1
endstruc
SPEC_SIZE       equ 13h
EB_SPEC         equ EB_EMULATION + emu.packet
%if EB_EMULATION + emu_size > EB_CDS
  %error "what was booted reaches into the CD-ROM drives' entries"
%endif

MEDIA_NONE      equ 0
MEDIA_1200      equ 1
MEDIA_1440      equ 2
MEDIA_2880      equ 3
MEDIA_DISK      equ 4

; INT 13h for everything.
int13:
    push ds
    push fs
    push BDA
    pop ds
    mov fs, [EBDA_SEGMENT]
    cmp byte [fs:EB_EMULATION+emu.state], EMU_ON
    jne .not_ours
    cmp dl, 7Fh
    je .all
    cmp dl, [fs:EB_SPEC+spec.drive]
    je .ours
    jb .not_ours
    cmp dl, CD_DRIVE
    jae .not_ours
    ; From the drive on, but not disks for diskettes.
    push dx
    xor dl, [fs:EB_SPEC+spec.drive]
    test dl, 80h
    pop dx
    jnz .not_ours
    test dl, 80h
    jz .next_drive
    push dx                     ; the count has one disk more than there are
    and dl, 7Fh
    cmp dl, [HD_COUNT]
    pop dx
    jae .absent
.next_drive:
    pop fs
    pop ds
    dec dl
    cmp ah, 08h
    je .counts
    pushf
    push cs
    call int13_real
    inc dl                      ; keeps CF
    jmp .returned
; The number of drives comes back in DL.
.counts:
    pushf
    push cs
    call int13_real
.returned:
    push bp
    mov bp, sp
    jc .failed
    and byte [bp+6], ~FLAG_CARRY & 0FFh
    pop bp
    iret
.absent:
    pop fs
    pop ds
    mov ah, HD_BAD_REQUEST
    push bp
    mov bp, sp
.failed:
    or byte [bp+6], FLAG_CARRY
    pop bp
    iret
; 7Fh stands for all emulated drives, of function 4Bh.
.all:
    cmp ah, 4Bh
    je .ours
.not_ours:
    pop fs
    pop ds
    jmp int13_real
.ours:
    pop fs
    pop ds

int13_image:
    ENTER_SERVICE
    push fs
    sti
    mov fs, [EBDA_SEGMENT]
    mov al, [fs:EB_EMULATION+emu.cd]
    call cd_entry
    cmp ah, 4Ah
    jb .small
    cmp ah, 4Dh
    ja .bad
    movzx bx, ah
    sub bl, 4Ah
    add bx, bx
    call [cs:.torito+bx]
    jmp .status
.small:
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
    pop fs
    LEAVE_SERVICE
.torito:
    dw et_begin, et_status, et_begin, et_catalog
.functions:
    dw hd_ok, fd_function_01, image_transfer, cd_protected, image_transfer, cd_protected
    dw fd_bad, fd_bad, image_parameters, hd_ok, fd_bad, fd_bad, image_seek, hd_ok, fd_bad, fd_bad
    dw cd_ready, hd_ok, fd_bad, fd_bad, hd_ok, image_type, hd_ok, fd_bad, fd_bad

; EAX = sector number in the image of the caller's cylinder, head and sector; CX = sectors left on the track from it
; on. AH: status if CF.
image_chs:
    mov di, EB_EMULATION+emu.cylinders
    call chs_sector
    jc .return
    neg cx
    add cx, [fs:EB_EMULATION+emu.sectors]
    inc cx
    clc
.return:
    ret

; 02h read, 04h verify. A diskette's track is not left, as the controller does not.
image_transfer:
    mov dl, 4
    sub dl, ah                  ; 0: no data
    push dx
    call image_chs
    pop dx
    jc .failed
    test byte [fs:EB_SPEC+spec.drive], 80h
    jz .diskette
    mov cx, 128
.diskette:
    movzx bx, byte [bp+regs.al]
    test bx, bx
    jz .bad
    cmp bx, cx
    jbe .fits
    test byte [fs:EB_SPEC+spec.drive], 80h
    jnz .bad
.fits:
    xchg bx, cx                 ; CX: wanted; BX: there
    push cx
    cmp cx, bx
    jbe .whole
    mov cx, bx
.whole:
    mov ebx, eax
    mov eax, [fs:EB_SPEC+spec.lba]
    call cd_sector
    jc .outside
    add eax, ebx
    jc .outside
    mov es, [bp+regs.es]
    mov bx, [bp+regs.bx]
    call cd_read
    pop bx
    mov [bp+regs.al], cl
    jnz .return
    cmp cx, bx
    mov ah, HD_OK
    je .return
    mov ah, FD_NO_SECTOR
.return:
    ret
.outside:
    pop bx
    mov ah, HD_NO_SECTOR
    jmp .failed
.bad:
    mov ah, FD_BAD_REQUEST
.failed:
    mov byte [bp+regs.al], 0
    ret

; 0Ch.
image_seek:
    call image_chs
    jc .return
    mov ah, HD_OK
.return:
    ret

; 08h: geometry, as the specification packet has it.
image_parameters:
    mov ch, [fs:EB_SPEC+spec.cylinder]
    mov cl, [fs:EB_SPEC+spec.sector]
    mov [bp+regs.cx], cx
    mov al, [fs:EB_SPEC+spec.head]
    mov [bp+regs.dh], al
    mov byte [bp+regs.al], 0
    mov al, [HD_COUNT]
    test byte [fs:EB_SPEC+spec.drive], 80h
    jnz .count
    movzx bx, byte [fs:EB_SPEC+spec.media]
    mov al, [cs:.types-1+bx]
    mov [bp+regs.bx], al
    mov byte [bp+regs.bh], 0
    mov di, [fs:EB_EMULATION+emu.table]
    add di, medium.table
    mov [bp+regs.di], di
    mov [bp+regs.es], cs
    call fd_count
.count:
    mov [bp+regs.dl], al
    mov ah, HD_OK
    ret
.types:
    db FD_TYPE_1200, FD_TYPE_1440, FD_TYPE_2880

; 15h: a diskette drive without a change line, or a disk of CX:DX sectors. Not a status.
image_type:
    mov byte [bp+regs.ah], 1
    test byte [fs:EB_SPEC+spec.drive], 80h
    jz .done
    mov di, EB_EMULATION+emu.cylinders
    call give_type
.done:
    CARRY_OFF
    mov byte [FD_STATUS], FD_OK
    pop ax                      ; past the store of a status
    jmp int13_image.return
