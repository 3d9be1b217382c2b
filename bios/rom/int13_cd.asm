; INT 13h for CD-ROM drives, from E0h on: the Enhanced Disk Drive Services (T13/1386D) with blocks of 2048 bytes, and
; the functions of the El Torito specification (1.0, Phoenix and IBM, 1995).

CD_INFORMATION  equ 0014h       ; removable, and changes are noticed

int13_cd:
    ENTER_SERVICE
    push fs
    sti
    mov fs, [EBDA_SEGMENT]
    mov al, [bp+regs.dl]
    sub al, CD_DRIVE
    cmp al, [fs:EB_CD_COUNT]
    mov bl, ah
    mov ah, HD_BAD_REQUEST
    jae hd_finish
    call cd_entry
    mov ah, bl
    call .function
    jmp hd_finish

.function:
    mov di, .functions
.search:
    cmp byte [cs:di], 0
    je .found                   ; the last, which is for all others but 00h
    cmp ah, [cs:di]
    je .found
    add di, 3
    jmp .search
.found:
    test ah, ah
    jz hd_ok
    jmp [cs:di+1]
.functions:
    db 01h
    dw hd_status
    db 0Dh
    dw hd_ok
    db 10h
    dw cd_ready
    db 15h
    dw hd_type_cd
    db 41h
    dw hd_check_extensions
    db 42h
    dw cd_lba_read
    db 43h
    dw cd_protected
    db 44h
    dw cd_lba_read
    db 47h
    dw cd_lba_seek
    db 48h
    dw cd_parameters
    db 49h
    dw hd_ok
    db 4Ah
    dw et_begin
    db 4Bh
    dw et_status
    db 4Ch
    dw et_begin
    db 4Dh
    dw et_catalog
    db 0
    dw hd_bad

; 10h: a disc is there.
cd_ready:
    xor edi, edi
    mov al, 0                   ; TEST UNIT READY
    call cd_packet
    jmp cd_command

; 15h: AH = 0: no drive with cylinders.
hd_type_cd:
    mov byte [bp+regs.ah], 0
    NO_STATUS

; 43h, and writing to an image.
cd_protected:
    mov ah, HD_PROTECTED
    ret

; 42h read, 44h verify. The packet's count says how many blocks went.
cd_lba_read:
    mov dl, 44h
    sub dl, ah                  ; 0: no data
    call hd_packet
    jnz .return
    cmp cx, 127
    ja hd_bad
    call cd_sector
    jc .return
    test cx, cx
    jz hd_ok
    shl cx, 2
    call cd_read
    shr cx, 2
    jmp hd_packet_done
.return:
    ret

; 47h.
cd_lba_seek:
    call hd_packet
    jnz cd_lba_read.return
    mov edi, eax
    mov al, CD_SEEK
    call cd_packet
    jmp cd_command

; 48h: the buffer at DS:SI begins with its size. No geometry; the size of the disc, if there is one.
cd_parameters:
    push word [bp+regs.ds]
    pop es
    mov di, [bp+regs.si]
    cmp word [es:di], 1Ah
    jb hd_bad
    push es
    push di
    xor edi, edi
    mov al, CD_READ_CAPACITY
    call cd_packet
    mov word [fs:EB_CD_WANT], 8/2
    push fs
    pop es
    mov bx, EB_SENSE            ; room for the reply
    call cd_command
    pop di
    pop es
    mov eax, -1                 ; unknown
    mov edx, eax
    jnz .size
    mov eax, [fs:EB_SENSE]
    xchg al, ah
    rol eax, 16
    xchg al, ah
    xor edx, edx
    add eax, 1
    adc edx, edx
.size:
    mov ebx, eax
    mov ax, 1Ah
    stosw
    mov ax, CD_INFORMATION
    stosw
    mov eax, -1
    mov cx, 3
    rep stosd                   ; cylinders, heads, sectors
    mov eax, ebx
    stosd
    mov eax, edx
    stosd
    mov ax, CD_BLOCK
    stosw
    jmp hd_ok
