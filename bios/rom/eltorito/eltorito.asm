; A program on a CD about El Torito (1.0, Phoenix and IBM, 1995): the CD boots it as it is, as a diskette or as a fixed
; disk. It tries INT 13h/4Ah to 4Dh and what the emulated drive answers, says what it finds on COM1, and has itself
; booted again without emulation. "EL-TORITO-DONE" comes at the end.
;
; The image on the CD is these sectors and, for emulation, the rest of the medium, where each sector begins with its
; number. The machine has a floppy and a hard disk, too, which begin with "REAL".
;
; Build: nasm -f bin -O2 -I bios/rom/eltorito/ eltorito.asm

    cpu 386
    bits 16
    org 7C00h

IMAGE_SECTORS   equ 8           ; loaded by the BIOS, as the boot catalog says

; Blocks of the CD.
BOOT_RECORD     equ 17
IMAGE           equ 20

CD              equ 0E0h
AGAIN           equ 600h        ; a mark for the second time
BUFFER          equ 0A000h

MEDIA_NONE      equ 0
MEDIA_DISK      equ 4
SPEC_SIZE       equ 13h

; Of the fixed disk, which its partition table says.
DISK_CYLINDERS  equ 10
DISK_HEADS      equ 4
DISK_SECTORS    equ 32

start:
    jmp 0:.home
.home:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 7C00h
    cld
    mov [boot_drive], dl
    jmp loaded

%include "../selftest/report.inc"

boot_drive: db 0

    times 1BEh-($-$$) db 0
    db 80h, 1, 1, 0, 06h, DISK_HEADS-1, DISK_SECTORS, DISK_CYLINDERS-1
    dd DISK_SECTORS, (DISK_CYLINDERS*DISK_HEADS-1)*DISK_SECTORS
    times 510-($-$$) db 0
    dw 0AA55h

%include "../selftest/checks.inc"

%macro IS 2
    mov ax, %1
    cmp ax, %2
    jne failed
%endmacro
; CF, and AH = %1.
%macro REFUSED 1
    jnc failed
    cmp ah, %1
    jne failed
%endmacro

loaded:
    cmp dword [AGAIN], "AGAI"
    je again
    check packet,           "4Bh: the packet says what was booted"
    check other_drive,      "4Bh: another drive was not booted"
    check catalog,          "4Dh: the boot catalog"
    check catalog_refused,  "4Dh: a packet of another size is refused"
    check cd,               "42h, 48h: the CD itself"
    cmp byte [spec.media], MEDIA_NONE
    je .begin
    check all_drives,       "4Bh: 7Fh stands for all emulated drives"
    check geometry,         "08h: the geometry of the medium"
    check kind,             "15h: the kind of drive"
    check middle,           "02h: sectors that begin and end inside blocks"
    check last,             "02h, 04h: the last sector"
    check past,             "02h: sectors, heads and cylinders that are not there"
    check protected,        "03h, 05h: the image cannot be written"
    check ends,             "4Bh: emulation ends"
    check begins,           "4Ah: emulation begins again"
.begin:
    check real_drives,      "the drives that are there come behind the image"
    check refused,          "4Ah: packets that are none"
    ; Booted again, as it is.
    mov dword [AGAIN], "AGAI"
    mov byte [spec.media], MEDIA_NONE
    mov byte [spec.drive], CD
    mov ax, 4C00h
    mov si, spec
    mov dl, CD
    int 13h
    mov si, text_back
    call put_text
    jmp done
again:
    mov dl, [boot_drive]
    mov [spec.drive], dl
    check packet_again,     "4Ch: booted again, without emulation"
    check real_drives,      "4Ch: no drive is emulated any more"
done:
    mov si, text_done
    call put_text
.stop:
    hlt
    jmp .stop

text_back: db "FAIL 4Ch came back", 13, 10, 0
text_done: db "EL-TORITO-DONE", 13, 10, 0

; ---------------------------------------------------------------- the packet and the catalog

packet:
    mov ax, 4B01h
    mov dl, [boot_drive]
    mov si, spec
    int 13h
    jc failed
    cmp byte [spec.size], SPEC_SIZE
    jne failed
    mov al, [spec.drive]
    cmp al, [boot_drive]
    jne failed
    movzx bx, byte [spec.media]
    cmp bx, MEDIA_DISK
    ja failed
    cmp al, [.drives+bx]
    jne failed
    IS [spec.lba], IMAGE
    IS [spec.segment], 0
    IS [spec.count], IMAGE_SECTORS
    ; The CD-ROM drive is the first on the second channel.
    IS [spec.device], 0
    cmp byte [spec.controller], 1
    jne failed
    jmp passed
.drives: db CD, 0, 0, 0, 80h

other_drive:
    mov ax, 4B01h
    mov dl, CD+1
    mov si, spec
    int 13h
    REFUSED 01h
    jmp passed

all_drives:
    mov byte [spec.size], 0
    mov ax, 4B01h
    mov dl, 7Fh
    mov si, spec
    int 13h
    jc failed
    cmp byte [spec.size], SPEC_SIZE
    jne failed
    jmp passed

packet_again:
    mov byte [AGAIN], 0
    mov al, [boot_drive]
    cmp al, CD
    jne failed
    mov ax, 4B01h
    mov dl, CD
    mov si, spec
    int 13h
    jc failed
    cmp byte [spec.media], MEDIA_NONE
    jne failed
    jmp passed

catalog:
    mov ax, 4D00h
    mov dl, [boot_drive]
    mov si, catalog_packet
    int 13h
    jc failed
    cmp byte [BUFFER], 1
    jne failed
    IS [BUFFER+1Eh], 0AA55h
    cmp byte [BUFFER+20h], 88h
    jne failed
    jmp passed

catalog_refused:
    mov byte [catalog_packet], 7
    mov ax, 4D00h
    mov dl, [boot_drive]
    mov si, catalog_packet
    int 13h
    mov byte [catalog_packet], 8
    REFUSED 01h
    jmp passed

catalog_packet:
    db 8, 1
    dw BUFFER, 0
    dw 0

cd:
    mov ah, 42h
    mov dl, CD
    mov si, .packet
    int 13h
    jc failed
    cmp dword [BUFFER+1], "CD00"
    jne failed
    mov word [BUFFER], 1Ah
    mov ah, 48h
    mov dl, CD
    mov si, BUFFER
    int 13h
    jc failed
    IS [BUFFER+18h], 2048
    jmp passed
.packet:
    db 16, 0
    dw 1
    dw BUFFER, 0
    dd BOOT_RECORD, 0

; ---------------------------------------------------------------- the emulated drive

; By the medium: what 08h gives in CX and DH, and for diskettes in BL.
geometries:
    dw 4F0Fh, 0102h
    dw 4F12h, 0104h
    dw 4F24h, 0105h
    dw (DISK_CYLINDERS-1) << 8 | DISK_SECTORS, (DISK_HEADS-1) << 8

; CX, DH = the last sector, DL = the drive; BX = what else 08h says.
load_geometry:
    movzx bx, byte [spec.media]
    shl bx, 2
    mov cx, [geometries-4+bx]
    mov bx, [geometries-4+bx+2]
    mov dh, bh
    mov dl, [boot_drive]
    ret

geometry:
    mov ah, 08h
    mov dl, [boot_drive]
    int 13h
    jc failed
    mov [.place], cx
    mov [.drives], dx
    mov [.type], bl
    call load_geometry
    IS [.place], cx
    cmp [.drives+1], dh
    jne failed
    cmp byte [.drives], 2       ; with the real one
    jne failed
    test dl, dl
    js passed
    cmp [.type], bl
    jne failed
    jmp passed
.place:     dw 0
.drives:    dw 0
.type:      db 0

kind:
    mov ah, 15h
    mov dl, [boot_drive]
    int 13h
    jc failed
    cmp byte [boot_drive], 0
    jne .disk
    cmp ah, 1                   ; no change line
    jne failed
    jmp passed
.disk:
    cmp ah, 3
    jne failed
    IS cx, 0
    IS dx, DISK_CYLINDERS*DISK_HEADS*DISK_SECTORS
    jmp passed

; Reads AL sectors from the place in CX and DX to the buffer.
read:
    mov bx, BUFFER
    mov ah, 02h
    int 13h
    ret

middle:
    mov ax, 4
    mov cx, 000Bh
    mov dh, 0
    mov dl, [boot_drive]
    call read
    jc failed
    cmp ax, 4
    jne failed
    IS [BUFFER], 10
    IS [BUFFER+0200h], 11
    IS [BUFFER+0400h], 12
    IS [BUFFER+0600h], 13
    jmp passed

; EAX = number of sectors.
total:
    call load_geometry
    movzx eax, ch
    inc ax
    movzx edx, dh
    inc dx
    mul edx
    movzx ecx, cl
    mul ecx
    ret

last:
    call load_geometry
    mov al, 1
    call read
    jc failed
    call total
    dec eax
    cmp eax, [BUFFER]
    jne failed
    call load_geometry
    mov ax, 0401h
    int 13h
    jc failed
    cmp al, 1
    jne failed
    jmp passed

past:
    call load_geometry
    inc cx
    mov al, 1
    call read
    REFUSED 04h
    call load_geometry
    inc ch
    mov al, 1
    call read
    REFUSED 04h
    call load_geometry
    inc dh
    mov al, 1
    call read
    REFUSED 01h
    call load_geometry
    mov cl, 0
    mov al, 1
    call read
    REFUSED 01h
    jmp passed

protected:
    mov bx, BUFFER
    mov cx, 0009h
    mov dh, 0
    mov dl, [boot_drive]
    mov ax, 0301h
    int 13h
    REFUSED 03h
    mov dh, 0
    mov dl, [boot_drive]
    mov ax, 0501h
    int 13h
    REFUSED 03h
    jmp passed

; ZF: drive DL begins with "REAL". A diskette drive says once that its diskette was changed.
is_real:
    mov dword [BUFFER], 0
    mov ax, 1
    mov cx, 0001h
    mov dh, 0
    call read
    jnc .compare
    cmp ah, 06h
    je is_real
.compare:
    cmp dword [BUFFER], "REAL"
    ret

ends:
    mov ax, 4B00h
    mov dl, [boot_drive]
    mov si, spec
    int 13h
    jc failed
    mov dl, [boot_drive]
    call is_real
    jne failed
    jmp passed

begins:
    mov ax, 4A00h
    mov dl, CD
    mov si, spec
    int 13h
    jc failed
    call middle
    ret

; A diskette is behind an emulated one, a fixed disk behind an emulated one.
real_drives:
    mov al, [spec.media]
    dec al
    cmp al, MEDIA_DISK-1        ; CF: a diskette is emulated
    mov dx, 0080h
    adc dh, 0
    cmp byte [spec.media], MEDIA_DISK
    jne .there
    inc dx
.there:
    push dx
    call is_real
    pop dx
    jne failed
    xchg dl, dh
    push dx
    call is_real
    pop dx
    jne failed
    int 11h                     ; bits 7-6: diskette drives, less one
    shr al, 6
    cmp al, dl
    jne failed
    jmp passed

; Packets: too short; a medium that there is not; a diskette that is not the first; a disk that is not the first.
refused:
    mov di, .bad
.next:
    mov eax, [di]
    mov [.packet], eax
    mov ax, 4A00h
    mov dl, CD
    mov si, .packet
    int 13h
    REFUSED 01h
    add di, 4
    cmp di, .end
    jb .next
    jmp passed
.bad:
    db SPEC_SIZE-1, 2, 0, 0
    db SPEC_SIZE, 5, 0, 0
    db SPEC_SIZE, 2, 1, 0
    db SPEC_SIZE, 4, 81h, 0
.end:
.packet:
    times SPEC_SIZE db 0

spec:
.size:      db 0
.media:     db 0
.drive:     db 0
.controller: db 0
.lba:       dd 0
.device:    dw 0
.cache:     dw 0
.segment:   dw 0
.count:     dw 0
.geometry:  db 0, 0, 0

    times IMAGE_SECTORS*512-($-$$) db 0
