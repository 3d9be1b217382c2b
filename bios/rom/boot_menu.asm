; The boot menu: F12 during POST.

KEY_F12         equ 8600h
MENU_TICKS      equ 6           ; how long F12 is waited for: 0.3 s

; Offers the menu, lets the user choose: EB_BOOT_CHOICE and EB_BOOT_DISK. CMOS 3Fh bit 0 saves the wait.
boot_menu:
    mov si, .text_hint
    call put_text
    mov bx, [TIMER]
.wait:
    call .pressed
    jc .menu
    mov al, CMOS_FAST_BOOT
    call cmos_read
    test al, 1
    jnz .skip
    mov ax, [TIMER]
    sub ax, bx
    cmp ax, MENU_TICKS
    jae .skip
    cli
    call idle
    jmp .wait
.skip:
    ret

; CF: F12 is among the keys that wait. Others stay for whoever boots.
.pressed:
    mov si, [KB_HEAD]
.key:
    cmp si, [KB_TAIL]
    je .not_pressed             ; CF = 0
    cmp word [si], KEY_F12
    je .found
    inc si
    inc si
    cmp si, [KB_BUFFER_LIMIT]
    jb .key
    mov si, [KB_BUFFER_FIRST]
    jmp .key
.found:
    mov ax, [KB_TAIL]
    mov [KB_HEAD], ax
    stc
.not_pressed:
    ret

.menu:
    push fs
    mov fs, [EBDA_SEGMENT]
    mov si, .text_title
    call put_text
    ; Entry 1: the diskette. Entry n + 2: disk n; behind them the CD-ROM drives.
    mov al, '1'
    call .number
    mov si, .text_diskette
    call put_text
    mov di, EB_DISKS
    xor dx, dx
.disk:
    cmp dl, [HD_COUNT]
    jae .disks_listed
    mov al, dl
    add al, '2'
    call .number
    mov si, .text_disk
    call put_text
    call show_disk
    call put_newline
    add di, disk_size
    inc dx
    jmp .disk
.disks_listed:
    mov di, EB_CDS
    xor dx, dx
.cd:
    cmp dl, [fs:EB_CD_COUNT]
    jae .listed
    mov al, dl
    add al, [HD_COUNT]
    add al, '2'
    call .number
    mov si, .text_cd
    call put_text
    call show_drive
    call put_newline
    add di, disk_size
    inc dx
    jmp .cd
.listed:
    mov si, .text_choose
    call put_text
.choose:
    mov ah, 00h
    int 16h
    cmp al, 27
    je .chosen                  ; as configured
    sub al, '1'
    jz .diskette
    jb .choose
    dec al
    mov bl, al
    add bl, '2'
    mov ah, BOOT_DISK
    cmp al, [HD_COUNT]
    jb .drive
    mov ah, BOOT_CD
    sub al, [HD_COUNT]
    cmp al, [fs:EB_CD_COUNT]
    jae .choose
.drive:
    mov [fs:EB_BOOT_DISK], al
    mov [fs:EB_BOOT_CHOICE], ah
    mov al, bl
    jmp .echo
.diskette:
    mov byte [fs:EB_BOOT_CHOICE], BOOT_FLOPPY
    mov al, '1'
.echo:
    call put_char
.chosen:
    call put_newline
    call put_newline
    pop fs
    ret
; "  n  "
.number:
    push ax
    mov si, .text_indent
    call put_text
    pop ax
    call put_char
    mov si, .text_indent
    jmp put_text

.text_hint:     db "F12: boot menu", 13, 10, 0
.text_title:    db 13, 10, "Boot from", 13, 10, 0
.text_indent:   db "  ", 0
.text_diskette: db "Diskette", 13, 10, 0
.text_disk:     db "Fixed disk ", 0
.text_cd:       db "CD-ROM ", 0
.text_choose:   db "Number, or Esc for the configured order: ", 0
