; What POST shows of the drives. The processor and memory are shown where they are found.

show_drives:
    xor dl, dl
.floppy:
    call fd_type_of
    jz .no_floppy
    mov si, text_diskette
    call put_text
    push ax
    mov al, dl
    add al, 'A'
    call put_char
    pop ax
    mov si, text_colon
    call put_text
    movzx bx, al
    dec bx
    add bx, bx
    mov si, [cs:diskette_names+bx]
    call put_text
    call put_newline
.no_floppy:
    inc dl
    cmp dl, 2
    jb .floppy

    push fs
    mov fs, [EBDA_SEGMENT]
    mov di, EB_DISKS
    xor dx, dx
.disk:
    cmp dl, [HD_COUNT]
    jae .done
    mov si, text_disk
    call put_text
    call show_disk
    call put_newline
    add di, disk_size
    inc dx
    jmp .disk
.done:
    mov di, EB_CDS
    xor dx, dx
.cd:
    cmp dl, [fs:EB_CD_COUNT]
    jae .shown
    mov si, text_cd
    call put_text
    call show_drive
    call put_newline
    add di, disk_size
    inc dx
    jmp .cd
.shown:
    pop fs
    call put_newline
    ret

; "0: NAME, n MiB" of disk DL with its entry at FS:DI.
show_disk:
    call show_drive
    push ax
    mov si, text_comma
    call put_text
    mov eax, [fs:di+disk.total]
    shr eax, 11
    call put_decimal
    mov si, text_mib
    call put_text
    pop ax
    ret

; "0: NAME" of drive DL with its entry at FS:DI.
show_drive:
    push ax
    push bx
    mov al, dl
    add al, '0'
    call put_char
    mov si, text_colon
    call put_text
    xor bx, bx
.name:
    mov al, [fs:di+bx+disk.model]
    cmp al, ' '
    jb .named
    call put_char
    inc bx
    cmp bx, 10
    jb .name
.named:
    pop bx
    pop ax
    ret

text_diskette:  db "Diskette       ", 0
text_disk:      db "Fixed disk     ", 0
text_cd:        db "CD-ROM         ", 0
text_colon:     db ": ", 0
text_comma:     db ", ", 0
text_mib:       db " MiB", 0
diskette_names:
    dw .n360, .n1200, .n720, .n1440, .n2880
.n360:          db '360 KB, 5.25"', 0
.n1200:         db '1.2 MB, 5.25"', 0
.n720:          db '720 KB, 3.5"', 0
.n1440:         db '1.44 MB, 3.5"', 0
.n2880:         db '2.88 MB, 3.5"', 0
