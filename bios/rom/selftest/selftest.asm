; A floppy that tries the services of the system BIOS and says what it finds on COM1: a line "ok NAME" or
; "FAIL NAME" for each, "SELFTEST-DONE" at the end. It wants a 1.44 MB drive with itself in it, a fixed disk of at
; least 16 heads of 63 sectors, 16 MiB, and no printer. It writes to the last track of the floppy and to sector 5
; of the disk.
;
; Build: nasm -f bin -O2 -I bios/rom/selftest/ selftest.asm. The image is the first track of a 1440 KiB floppy; the
; rest is zeros.

    cpu 386
    bits 16
    org 7C00h

BUFFER_SEGMENT  equ 2000h
BUFFER2_SEGMENT equ 3000h
EXPECTED_EXT    equ 15*1024

start:
    jmp 0:.home
.home:
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 7C00h
    mov [boot_drive], dl
    mov si, LOADED
    mov cx, 0002h
.load:
    mov ax, 0201h
    mov dx, 0
    mov bx, si
    int 13h
    jc .failed
    add si, 512
    inc cx
    cmp cl, 19
    jb .load
    jmp tests
.failed:
    mov si, text_load
    call put_text
.stop:
    hlt
    jmp .stop

; The byte AL to COM1.
put_char:
    push ax
    push dx
    mov ah, al
.wait:
    mov dx, 3FDh
    in al, dx
    test al, 20h
    jz .wait
    mov dx, 3F8h
    mov al, ah
    out dx, al
    pop dx
    pop ax
    ret
put_text:
    push ax
.next:
    cs lodsb
    test al, al
    jz .done
    call put_char
    jmp .next
.done:
    pop ax
    ret
; The word AX in hexadecimal.
put_word:
    xchg al, ah
    call .byte
    xchg al, ah
.byte:
    push ax
    shr al, 4
    call .digit
    pop ax
    push ax
    and al, 0Fh
    call .digit
    pop ax
    ret
.digit:
    cmp al, 10
    sbb al, 69h
    das
    jmp put_char

text_load: db "FAIL load", 13, 10, 0
boot_drive: db 0
    times 510-($-$$) db 0
    dw 0AA55h
LOADED:

; Runs test %1 named %2: it returns CF set if it fails, with what it saw in AX.
%macro check 2
    mov si, %%name
    mov cx, %1
    call run
    jmp %%end
%%name: db %2, 0
%%end:
%endmacro

run:
    push si
    push cs
    pop ds
    push cs
    pop es
    cld
    call cx
    push cs
    pop ds
    push cs
    pop es
    pop si
    push si
    pushf
    mov si, text_ok
    jnc .say
    mov si, text_fail
.say:
    call put_text
    popf
    pop si
    pushf
    call put_text
    popf
    jnc .end
    push ax
    mov al, ' '
    call put_char
    pop ax
    call put_word
.end:
    mov si, text_newline
    jmp put_text

passed:
    clc
    ret
failed:
    stc
    ret

tests:
    check equipment,            "INT 11h: floppy, mouse, 80 columns, a serial port"
    check base_memory,          "INT 12h: 639 KiB"
    check fd_parameters,        "INT 13h/08h: geometry of the floppy drive"
    check fd_type,              "INT 13h/15h: floppy with change line"
    check fd_not_changed,       "INT 13h/16h: not changed"
    check fd_track_end,         "INT 13h/02h: the last sector of a track"
    check fd_past_end,          "INT 13h/02h: past the end of a track is 04h"
    check fd_across_end,        "INT 13h/02h: across the end of a track reads up to it"
    check fd_dma_boundary,      "INT 13h/02h: across 64 KiB is 09h"
    check fd_verify,            "INT 13h/04h: a whole track"
    check fd_bad_head,          "INT 13h/02h: head 2 is 01h"
    check fd_absent,            "INT 13h/02h: no drive 1 is an error"
    check fd_write,             "INT 13h/03h: what is written is read"
    check fd_format,            "INT 13h/05h: a track formatted reads as F6h"
    check fd_media_type,        "INT 13h/18h: 80 tracks of 18 sectors, not of 19"
    check fd_eot,               "INT 1Eh: the table's last sector is honoured"
    check if_preserved,         "INT 13h: IF as it was"
    check hd_parameters,        "INT 13h/08h: geometry of the disk"
    check hd_read_write,        "INT 13h/02h and 03h: disk by CHS"
    check hd_extensions,        "INT 13h/41h: extensions"
    check hd_packet_read,       "INT 13h/42h: the same sector by block number"
    check hd_packet_parameters, "INT 13h/48h: extended parameters"
    check hd_past_end,          "INT 13h/42h: past the end is an error"
    check hd_type,              "INT 13h/15h: fixed disk"
    check hd_absent,            "INT 13h: no disk 9"
    check serial_status,        "INT 14h/03h: transmitter empty"
    check keyboard_intercept,   "INT 15h/4Fh: CF and the code as they came"
    check wait_hooks,           "INT 15h/90h and 91h"
    check extended_memory,      "INT 15h/88h: KiB"
    check memory_e801,          "INT 15h/E801h"
    check memory_map,           "INT 15h/E820h: usable memory adds up"
    check a20_closed,           "A20 is closed at boot"
    check a20_gate,             "INT 15h/24h: opens, tells, closes"
    check block_move,           "INT 15h/87h: to 1 MiB and back, A20 as it was"
    check wait_86,              "INT 15h/86h: 200 ms are 3 to 5 ticks"
    check wait_83,              "INT 15h/83h: sets its byte"
    check configuration,        "INT 15h/C0h: model FCh"
    check ebda,                 "INT 15h/C1h: as 40:0Eh"
    check unknown_15,           "INT 15h: unknown is 86h"
    check mouse_init,           "INT 15h/C2h: mouse resets and identifies itself"
    check keys_store,           "INT 16h/05h, 01h, 00h"
    check keys_filter,          "INT 16h/00h and 10h: grey keys"
    check keys_full,            "INT 16h/05h: full after 15 keys"
    check keys_empty,           "INT 16h/01h and 11h: ZF when empty"
    check printer_absent,       "INT 17h: time out without a port"
    check ticks,                "INT 1Ah/00h: goes on while halted"
    check clock,                "INT 1Ah/02h and 04h: BCD"
    check alarm,                "INT 1Ah/06h and 07h: INT 4Ah in the next second"
    check stack_08,             "INT 08h uses less than 64 bytes of stack"
    check stack_09,             "INT 09h uses less than 64 bytes of stack"
    check stack_74,             "INT 74h uses less than 64 bytes of stack"
    check stack_76,             "INT 76h uses less than 64 bytes of stack"
    check high_halves,          "INT 13h, 15h, 16h, 1Ah keep the high halves of registers"
    check scan_codes,           "INT 09h: scan codes to key codes"
    check scan_shift,           "INT 09h: Shift, Caps Lock, Ctrl, Alt"
    check scan_alt_number,      "INT 09h: Alt and digits of the keypad"
    check scan_print,           "INT 09h: Print Screen calls INT 05h"
    check scan_break,           "INT 09h: Ctrl-Break calls INT 1Bh and empties the buffer"
    check scan_sysreq,          "INT 09h: SysReq calls INT 15h/85h"
    check shutdown_0a,          "reset with shutdown code 0Ah goes on at 40:67"
    check shutdown_05,          "reset with shutdown code 05h goes on at 40:67"
    mov si, text_done
    call put_text
.stop:
    hlt
    jmp .stop

; ---------------------------------------------------------------- INT 11h, 12h

equipment:
    int 11h
    mov bx, ax
    and bx, 0035h
    cmp bx, 0025h
    jne failed
    test ax, 0E00h
    jz failed
    jmp passed
base_memory:
    int 12h
    cmp ax, 639
    jne failed
    jmp passed

; ---------------------------------------------------------------- INT 13h, floppy

fd_parameters:
    mov ah, 08h
    mov dl, 0
    int 13h
    jc failed
    mov ax, cx
    cmp cx, 4F12h
    jne failed
    cmp dx, 0101h
    jne failed
    cmp bl, 4
    jne failed
    cmp byte [es:di+4], 18
    jne failed
    jmp passed
fd_type:
    mov ah, 15h
    mov dl, 0
    int 13h
    jc failed
    cmp ah, 2
    jne failed
    jmp passed
fd_not_changed:
    mov ah, 16h
    mov dl, 0
    int 13h
    jc failed
    test ah, ah
    jnz failed
    jmp passed
; Reads AL sectors from sector CL, cylinder CH, head DH.
fd_read:
    mov bx, BUFFER_SEGMENT
    mov es, bx
    xor bx, bx
    mov dl, 0
    mov ah, 02h
    int 13h
    ret
fd_track_end:
    mov cx, 0012h
    mov dh, 1
    mov al, 1
    call fd_read
    jc failed
    cmp ax, 1
    jne failed
    jmp passed
fd_past_end:
    mov cx, 0013h
    mov dh, 0
    mov al, 1
    call fd_read
    jnc failed
    cmp ah, 04h
    jne failed
    mov cx, 0024h
    mov dh, 0
    mov al, 1
    call fd_read
    jnc failed
    cmp ah, 04h
    jne failed
    jmp passed
fd_across_end:
    mov cx, 0011h
    mov dh, 0
    mov al, 3
    call fd_read
    jnc failed
    cmp ax, 0402h
    jne failed
    jmp passed
fd_dma_boundary:
    mov bx, BUFFER_SEGMENT
    mov es, bx
    mov bx, 0FF00h
    mov cx, 0001h
    mov dx, 0
    mov ax, 0201h
    int 13h
    jnc failed
    cmp ah, 09h
    jne failed
    jmp passed
fd_verify:
    mov cx, 0001h
    mov dx, 0100h
    mov ax, 0412h
    int 13h
    jc failed
    cmp ax, 0012h
    jne failed
    jmp passed
fd_bad_head:
    mov cx, 0001h
    mov dh, 2
    mov al, 1
    call fd_read
    jnc failed
    cmp ah, 01h
    jne failed
    jmp passed
fd_absent:
    mov ax, 0201h
    mov bx, 4000h
    mov cx, 0001h
    mov dx, 0001h
    int 13h
    jnc failed
    jmp passed

; Fills the first CX words of BUFFER_SEGMENT with a pattern from AX.
fill:
    push es
    push di
    push BUFFER_SEGMENT
    pop es
    xor di, di
.next:
    stosw
    add ax, 1357h
    loop .next
    pop di
    pop es
    ret
; ZF: the first CX words of both buffers are equal.
compare:
    push ds
    push BUFFER_SEGMENT
    pop ds
    push BUFFER2_SEGMENT
    pop es
    xor si, si
    xor di, di
    repe cmpsw
    pop ds
    ret
fd_write:
    mov cx, 2*256
    mov ax, 1
    call fill
    push BUFFER_SEGMENT
    pop es
    xor bx, bx
    mov ax, 0302h
    mov cx, 4F11h
    mov dx, 0100h
    int 13h
    jc failed
    push BUFFER2_SEGMENT
    pop es
    mov ax, 0202h
    mov cx, 4F11h
    mov dx, 0100h
    int 13h
    jc failed
    mov cx, 2*256
    call compare
    jne failed
    jmp passed
fd_format:
    push BUFFER_SEGMENT
    pop es
    xor di, di
    mov cx, 1
.id:
    mov ax, 014Fh               ; cylinder, head
    stosw
    mov al, cl
    mov ah, 2
    stosw
    inc cx
    cmp cl, 18
    jbe .id
    mov ax, 0512h
    xor bx, bx
    mov cx, 4F01h
    mov dx, 0100h
    int 13h
    jc failed
    mov cx, 4F05h
    mov dh, 1
    mov al, 1
    call fd_read
    jc failed
    mov ax, [es:0]
    cmp ax, 0F6F6h
    jne failed
    jmp passed
fd_media_type:
    mov ah, 18h
    mov cx, 4F12h
    mov dl, 0
    int 13h
    jc failed
    cmp byte [es:di+4], 18
    jne failed
    mov ah, 18h
    mov cx, 4F13h
    mov dl, 0
    int 13h
    jnc failed
    cmp ah, 0Ch
    jne failed
    jmp passed
fd_eot:
    push ds
    xor ax, ax
    mov es, ax
    lds si, [es:1Eh*4]
    push ds
    push si
    mov di, own_table
    mov cx, 11
    rep movsb
    mov byte [es:own_table+4], 9
    mov word [es:1Eh*4], own_table
    mov [es:1Eh*4+2], es
    mov cx, 0009h
    mov dh, 0
    mov al, 2
    call fd_read
    mov cx, 0                   ; CF stays
    mov es, cx
    pop word [es:1Eh*4]
    pop word [es:1Eh*4+2]
    pop ds
    jnc failed
    cmp ax, 0401h
    jne failed
    jmp passed
own_table: times 11 db 0
if_preserved:
    cli
    mov ah, 01h
    mov dl, 0
    int 13h
    pushf
    sti
    pop ax
    test ah, 02h
    jnz failed
    mov ah, 01h
    mov dl, 0
    int 13h
    pushf
    pop ax
    test ah, 02h
    jz failed
    jmp passed

; ---------------------------------------------------------------- INT 13h, disk

hd_parameters:
    mov ah, 08h
    mov dl, 80h
    int 13h
    jc failed
    mov ax, cx
    and cl, 3Fh
    cmp cl, 63
    jne failed
    cmp dl, 1
    jne failed
    cmp dh, 15
    jb failed
    jmp passed
hd_read_write:
    mov cx, 256
    mov ax, 4711h
    call fill
    push BUFFER_SEGMENT
    pop es
    mov ax, 0301h
    xor bx, bx
    mov cx, 0006h
    mov dx, 0080h
    int 13h
    jc failed
    push BUFFER2_SEGMENT
    pop es
    mov ax, 0201h
    mov cx, 0006h
    mov dx, 0080h
    int 13h
    jc failed
    cmp ax, 1
    jne failed
    mov cx, 256
    call compare
    jne failed
    jmp passed
hd_extensions:
    mov ah, 41h
    mov bx, 55AAh
    mov dl, 80h
    int 13h
    jc failed
    mov ax, bx
    cmp bx, 0AA55h
    jne failed
    test cl, 1
    jz failed
    jmp passed
hd_packet_read:
    push BUFFER2_SEGMENT
    pop es
    xor di, di
    mov cx, 256
    xor ax, ax
    rep stosw
    mov dword [packet_block], 5
    mov ah, 42h
    mov si, packet
    mov dl, 80h
    int 13h
    jc failed
    mov cx, 256
    call compare
    jne failed
    jmp passed
packet:
    db 16, 0
    dw 1
    dw 0, BUFFER2_SEGMENT
packet_block:
    dd 0, 0
hd_packet_parameters:
    push cs
    pop es
    mov word [parameters], 1Eh
    mov ah, 48h
    mov si, parameters
    mov dl, 80h
    int 13h
    jc failed
    mov ax, [parameters+18h]
    cmp ax, 512
    jne failed
    mov eax, [parameters+10h]
    test eax, eax
    jz failed
    les bx, [parameters+1Ah]
    mov ax, [es:bx]
    cmp ax, 1F0h
    jne failed
    jmp passed
parameters: times 1Eh db 0
hd_past_end:
    mov eax, [parameters+10h]
    mov [packet_block], eax
    mov ah, 42h
    mov si, packet
    mov dl, 80h
    int 13h
    jnc failed
    jmp passed
hd_type:
    mov ah, 15h
    mov dl, 80h
    int 13h
    jc failed
    cmp ah, 3
    jne failed
    jmp passed
hd_absent:
    mov ax, 0201h
    mov bx, 4000h
    mov cx, 0001h
    mov dx, 0089h
    int 13h
    jnc failed
    mov ah, 15h
    mov dl, 89h
    int 13h
    jc failed
    test ah, ah
    jnz failed
    jmp passed

; ---------------------------------------------------------------- INT 14h

serial_status:
    call now
    mov bx, ax
.wait:
    mov ah, 03h
    mov dx, 0
    int 14h
    and ah, 60h
    cmp ah, 60h
    je passed
    call now
    sub ax, bx
    cmp ax, 2
    jb .wait
    jmp failed

; ---------------------------------------------------------------- INT 15h

keyboard_intercept:
    mov ax, 4F1Eh
    stc
    int 15h
    jnc failed
    cmp ax, 4F1Eh
    jne failed
    jmp passed
wait_hooks:
    mov ax, 9002h
    stc
    int 15h
    jc failed
    test ah, ah
    jnz failed
    mov ax, 9102h
    stc
    int 15h
    jc failed
    jmp passed
extended_memory:
    mov ah, 88h
    int 15h
    jc failed
    cmp ax, EXPECTED_EXT
    jne failed
    jmp passed
memory_e801:
    mov ax, 0E801h
    int 15h
    jc failed
    cmp ax, EXPECTED_EXT
    jne failed
    cmp cx, ax
    jne failed
    test bx, bx
    jnz failed
    jmp passed
memory_map:
    push cs
    pop es
    xor ebx, ebx
    xor esi, esi
.next:
    mov eax, 0E820h
    mov edx, 'PAMS'
    mov ecx, 20
    mov di, .entry
    int 15h
    jc failed
    cmp eax, 'PAMS'
    jne failed
    cmp dword [.entry+16], 1
    jne .other
    add esi, [.entry+8]
.other:
    test ebx, ebx
    jnz .next
    mov ax, si
    cmp esi, (639+EXPECTED_EXT)*1024
    jne failed
    jmp passed
.entry: times 20 db 0

; AL = 1 if 1 MiB is not 0.
look_a20:
    push es
    push 0FFFFh
    pop es
    mov ax, [es:510h]
    cmp ax, [500h]
    jne .open
    not word [500h]
    mov ax, [es:510h]
    cmp ax, [500h]
    jne .open
    mov al, 0
    jmp .done
.open:
    mov al, 1
.done:
    pop es
    test al, al
    ret
a20_closed:
    call look_a20
    jnz failed
    jmp passed
a20_gate:
    mov ax, 2401h
    int 15h
    jc failed
    call look_a20
    jz failed
    mov ax, 2402h
    int 15h
    jc failed
    cmp al, 1
    jne failed
    mov ax, 2400h
    int 15h
    jc failed
    call look_a20
    jnz failed
    mov ax, 2402h
    int 15h
    jc failed
    test al, al
    jnz failed
    jmp passed
block_move:
    mov cx, 1000h
    mov ax, 77h
    call fill
    mov dword [move_source], BUFFER_SEGMENT*16 | 93000000h
    mov dword [move_target], 93100000h
    mov cx, 1000h
    mov ah, 87h
    mov si, move_table
    int 15h
    jc failed
    push BUFFER2_SEGMENT
    pop es
    xor di, di
    mov cx, 1000h
    xor ax, ax
    rep stosw
    push cs
    pop es
    mov dword [move_source], 93100000h
    mov dword [move_target], BUFFER2_SEGMENT*16 | 93000000h
    mov cx, 1000h
    mov ah, 87h
    mov si, move_table
    int 15h
    jc failed
    mov cx, 1000h
    call compare
    jne failed
    call look_a20
    jnz failed
    jmp passed
    align 8
move_table:
    times 10h db 0
    dw 0FFFFh
move_source:
    dd 0
    dw 0
    dw 0FFFFh
move_target:
    dd 0
    dw 0
    times 10h db 0

; AX = low word of the tick count.
now:
    push ds
    push 40h
    pop ds
    mov ax, [6Ch]
    pop ds
    ret
wait_86:
    call now
    mov bx, ax
    mov ah, 86h
    mov cx, 3
    mov dx, 0D40h
    int 15h
    jc failed
    call now
    sub ax, bx
    cmp ax, 3
    jb failed
    cmp ax, 5
    ja failed
    jmp passed
wait_83:
    mov byte [.flag], 0
    mov ax, 8300h
    mov bx, .flag
    xor cx, cx
    mov dx, 10000
    int 15h
    jc failed
    call now
    mov bx, ax
.wait:
    hlt
    test byte [.flag], 80h
    jnz passed
    call now
    sub ax, bx
    cmp ax, 4
    jb .wait
    jmp failed
.flag: db 0
configuration:
    mov ah, 0C0h
    int 15h
    jc failed
    mov ax, [es:bx+2]
    cmp al, 0FCh
    jne failed
    jmp passed
ebda:
    mov ah, 0C1h
    int 15h
    jc failed
    push 40h
    pop ds
    mov ax, es
    cmp ax, [0Eh]
    jne failed
    cmp byte [es:0], 1
    jne failed
    jmp passed
unknown_15:
    mov ah, 77h
    int 15h
    jnc failed
    cmp ah, 86h
    jne failed
    jmp passed
mouse_init:
    mov ax, 0C205h
    mov bh, 3
    int 15h
    jc failed
    mov ax, 0C201h
    int 15h
    jc failed
    mov ax, bx
    cmp bx, 00AAh
    jne failed
    mov ax, 0C204h
    int 15h
    jc failed
    test bh, bh
    jnz failed
    mov ax, 0C207h
    mov bx, mouse_handler
    int 15h
    jc failed
    mov ax, 0C200h
    mov bh, 1
    int 15h
    jc failed
    mov ax, 0C206h
    mov bh, 0
    int 15h
    jc failed
    mov al, bl
    mov ah, dl
    cmp ax, 6420h               ; enabled; 100 reports a second
    jne failed
    jmp passed
mouse_handler:
    retf

; ---------------------------------------------------------------- INT 16h

flush:
    mov ah, 11h
    int 16h
    jz .empty
    mov ah, 10h
    int 16h
    jmp flush
.empty:
    ret
; Puts CX into the buffer.
store:
    mov ah, 05h
    int 16h
    ret
keys_store:
    call flush
    mov cx, 1E61h
    call store
    test al, al
    jnz failed
    mov ah, 01h
    int 16h
    jz failed
    cmp ax, 1E61h
    jne failed
    mov ah, 00h
    int 16h
    cmp ax, 1E61h
    jne failed
    jmp passed
keys_filter:
    call flush
    mov cx, 8500h               ; F11: not for 00h
    call store
    mov cx, 48E0h
    call store
    mov ah, 00h
    int 16h
    cmp ax, 4800h
    jne failed
    mov cx, 48E0h
    call store
    mov ah, 10h
    int 16h
    cmp ax, 48E0h
    jne failed
    mov cx, 0E00Dh
    call store
    mov ah, 00h
    int 16h
    cmp ax, 1C0Dh
    jne failed
    mov cx, 01F0h
    call store
    mov ah, 10h
    int 16h
    cmp ax, 0100h
    jne failed
    jmp passed
keys_full:
    call flush
    mov cx, 15
.next:
    push cx
    mov cx, 1E61h
    call store
    pop cx
    test al, al
    jnz failed
    loop .next
    mov cx, 1E61h
    call store
    mov ah, al
    cmp al, 1
    jne failed
    call flush
    jmp passed
keys_empty:
    call flush
    mov ah, 01h
    int 16h
    jnz failed
    mov ah, 11h
    int 16h
    jnz failed
    jmp passed

; ---------------------------------------------------------------- INT 17h, 1Ah

printer_absent:
    mov ax, 0041h
    mov dx, 1
    int 17h
    test ah, 01h
    jz failed
    jmp passed
ticks:
    mov ah, 00h
    int 1Ah
    mov bx, dx
    mov cx, 100
.wait:
    hlt
    push cx
    mov ah, 00h
    int 1Ah
    pop cx
    cmp dx, bx
    jne passed
    loop .wait
    jmp failed
; CF: AL is not BCD.
is_bcd:
    push ax
    and al, 0Fh
    cmp al, 10
    cmc
    pop ax
    jc .done
    cmp al, 9Ah
    cmc
.done:
    ret
clock:
    mov ah, 02h
    int 1Ah
    jc failed
    mov al, ch
    call is_bcd
    jc failed
    mov al, cl
    call is_bcd
    jc failed
    mov ah, 04h
    int 1Ah
    jc failed
    mov ax, cx
    cmp ch, 19h
    je .century
    cmp ch, 20h
    jne failed
.century:
    mov al, dh
    call is_bcd
    jc failed
    test dl, dl
    jz failed
    jmp passed
alarm:
    mov byte [.came], 0
    push 0
    pop es
    mov word [es:4Ah*4], .handler
    mov [es:4Ah*4+2], cs
    mov ah, 02h
    int 1Ah
    jc failed
    mov al, dh
    add al, 2
    daa
    cmp al, 60h
    jb .same_minute
    sub al, 60h
    das
.same_minute:
    mov dh, al
    mov cx, 0FFFFh              ; any hour, any minute
    mov ah, 06h
    int 1Ah
    jc failed
    mov ah, 06h
    int 1Ah
    jnc failed                  ; only one at a time
    call now
    mov bx, ax
.wait:
    hlt
    cmp byte [.came], 1
    je .rang
    call now
    sub ax, bx
    cmp ax, 18*4
    jb .wait
    jmp failed
.rang:
    mov ah, 07h
    int 1Ah
    jc failed
    jmp passed
.handler:
    mov byte [cs:.came], 1
    iret
.came: db 0

; ---------------------------------------------------------------- stack and registers

STACK_FILL      equ 0CCCCh
STACK_TOP       equ 0400h       ; of BUFFER_SEGMENT

; AX = bytes of stack that INT 08h + DL uses, with other interrupts off.
stack_use:
    mov [cs:.number+1], dl
    cli
    push BUFFER_SEGMENT
    pop es
    xor di, di
    mov cx, STACK_TOP/2
    mov ax, STACK_FILL
    rep stosw
    mov [cs:.sp], sp
    in al, 21h
    mov ah, al
    in al, 0A1h
    mov [cs:.masks], ax
    mov al, 0FFh
    out 21h, al
    out 0A1h, al
    push es
    pop ss
    mov sp, STACK_TOP
.number:
    int 0
    push cs
    pop ss
    mov sp, [cs:.sp]
    mov ax, [cs:.masks]
    out 0A1h, al
    mov al, ah
    out 21h, al
    sti
    xor di, di
    mov cx, STACK_TOP/2
    mov ax, STACK_FILL
    repe scasw
    mov ax, STACK_TOP+2
    sub ax, di
    cmp ax, 64
    ja failed
    jmp passed
.sp: dw 0
.masks: dw 0
stack_08:
    push 40h
    pop ds
    mov byte [40h], 1           ; the motors go off, too
    mov dl, 08h
    jmp stack_use
stack_09:
    push 40h
    pop ds
    xor byte [17h], 40h         ; the LEDs change, too
    mov dl, 09h
    call stack_use
    pushf
    push ax
    push 40h
    pop ds
    xor byte [17h], 40h
    mov byte [18h], 0           ; whatever byte was there to read
    call flush
    pop ax
    popf
    ret
stack_74:
    mov dl, 74h
    jmp stack_use
stack_76:
    mov dl, 76h
    jmp stack_use

high_halves:
    mov eax, 12340000h
    mov ebx, 23450000h
    mov ecx, 34560000h
    mov edx, 45670000h
    mov esi, 56780000h
    mov edi, 67890000h
    mov ebp, 789A0000h
    mov ah, 01h
    int 13h
    mov ah, 88h
    int 15h
    mov ah, 02h
    int 16h
    mov ah, 00h
    int 1Ah
    mov ax, 0201h
    mov bx, BUFFER_SEGMENT
    mov es, bx
    mov bx, 0
    mov cx, 1
    mov dx, 0
    int 13h
    mov ax, 0201h
    mov cx, 1
    mov dx, 80h
    int 13h
    shr eax, 16
    cmp ax, 1234h
    jne failed
    mov eax, ebx
    shr eax, 16
    cmp ax, 2345h
    jne failed
    mov eax, ecx
    shr eax, 16
    cmp ax, 3456h
    jne failed
    mov eax, edx
    shr eax, 16
    cmp ax, 4567h
    jne failed
    mov eax, esi
    shr eax, 16
    cmp ax, 5678h
    jne failed
    mov eax, edi
    shr eax, 16
    cmp ax, 6789h
    jne failed
    mov eax, ebp
    shr eax, 16
    cmp ax, 789Ah
    jne failed
    jmp passed

; ---------------------------------------------------------------- INT 09h

; Lets the keyboard controller deliver AL as if it were a scan code.
scan:
    push ax
    push cx
    mov ah, al
    cli
.input:
    in al, 64h
    test al, 2
    jnz .input
    mov al, 0D2h
    out 64h, al
.data:
    in al, 64h
    test al, 2
    jnz .data
    mov al, ah
    out 60h, al
    mov cx, 100                 ; about 1.5 ms: the controller takes its time
.taken:
    sti
    in al, 61h
    mov ah, al
.same:
    in al, 80h
    in al, 61h
    xor al, ah
    test al, 10h
    jz .same
    loop .taken
    pop cx
    pop ax
    ret
; The scan codes at CS:SI up to FFh.
scans:
    mov al, [cs:si]
    inc si
    cmp al, 0FFh
    je .done
    call scan
    jmp scans
.done:
    ret
; Sends the codes at SI; fails unless the one key that comes of them is DX.
expect_key:
    push dx
    call flush
    call scans
    pop dx
    mov ah, 11h
    int 16h
    jz .none
    mov ah, 10h
    int 16h
    cmp ax, dx
    jne failed
    mov ah, 11h
    int 16h
    jnz failed
    jmp passed
.none:
    xor ax, ax
    jmp failed
%macro key 2+                   ; key code, scan codes
    mov si, %%codes
    mov dx, %1
    call expect_key
    jc failed
    jmp %%end
%%codes: db %2, 0FFh
%%end:
%endmacro
scan_codes:
    key 1E61h, 1Eh, 9Eh
    key 011Bh, 01h, 81h
    key 1C0Dh, 1Ch, 9Ch
    key 3B00h, 3Bh, 0BBh
    key 8500h, 57h, 0D7h
    key 4800h, 48h, 0C8h
    key 48E0h, 0E0h, 48h, 0E0h, 0C8h
    key 53E0h, 0E0h, 2Ah, 0E0h, 53h, 0E0h, 0D3h, 0E0h, 0AAh
    key 0E02Fh, 0E0h, 35h, 0E0h, 0B5h
    key 352Fh, 35h, 0B5h
    key 372Ah, 37h, 0B7h
    jmp passed
scan_shift:
    key 1E41h, 2Ah, 1Eh, 9Eh, 0AAh
    key 1E41h, 36h, 1Eh, 9Eh, 0B6h
    key 0221h, 2Ah, 02h, 82h, 0AAh
    key 1E01h, 1Dh, 1Eh, 9Eh, 9Dh
    key 1E01h, 0E0h, 1Dh, 1Eh, 9Eh, 0E0h, 9Dh
    key 1E00h, 38h, 1Eh, 9Eh, 0B8h
    key 6800h, 38h, 3Bh, 0BBh, 0B8h
    key 4838h, 2Ah, 48h, 0C8h, 0AAh
    key 1E41h, 3Ah, 0BAh, 1Eh, 9Eh
    key 1E61h, 2Ah, 1Eh, 9Eh, 0AAh
    key 1E61h, 3Ah, 0BAh, 1Eh, 9Eh
    key 4737h, 45h, 0C5h, 47h, 0C7h
    key 4700h, 45h, 0C5h, 47h, 0C7h
    mov ah, 02h
    int 16h
    mov ah, 0
    test al, 7Fh
    jnz failed
    jmp passed
scan_alt_number:
    key 0041h, 38h, 4Dh, 0CDh, 4Ch, 0CCh, 0B8h
    jmp passed
; Points vector DL at a handler that counts.
count_vector:
    mov byte [cs:counted], 0
    push 0
    pop es
    movzx bx, dl
    shl bx, 2
    mov eax, [es:bx]
    mov [cs:old_vector], eax
    mov word [es:bx], counter
    mov [es:bx+2], cs
    ret
restore_vector:
    push 0
    pop es
    movzx bx, dl
    shl bx, 2
    mov eax, [cs:old_vector]
    mov [es:bx], eax
    ret
counter:
    inc byte [cs:counted]
    mov [cs:counted_ax], ax
    iret
old_vector: dd 0
counted_ax: dw 0
counted: db 0
scan_print:
    mov dl, 05h
    call count_vector
    mov si, .codes
    call scans
    mov dl, 05h
    call restore_vector
    mov al, [counted]
    cmp al, 1
    jne failed
    jmp passed
.codes: db 0E0h, 2Ah, 0E0h, 37h, 0E0h, 0B7h, 0E0h, 0AAh, 0FFh
scan_break:
    call flush
    mov cx, 1E61h
    call store
    mov dl, 1Bh
    call count_vector
    mov si, .codes
    call scans
    mov dl, 1Bh
    call restore_vector
    mov al, [counted]
    cmp al, 1
    jne failed
    mov ah, 10h
    int 16h
    test ax, ax
    jnz failed
    jmp passed
.codes: db 1Dh, 0E0h, 46h, 0E0h, 0C6h, 9Dh, 0FFh
; INT 15h is for all: the handler looks for its function.
scan_sysreq:
    mov dl, 15h
    call count_vector
    push 0
    pop es
    mov word [es:15h*4], .handler
    mov si, .codes
    call scans
    mov dl, 15h
    call restore_vector
    mov al, [counted]
    cmp al, 2
    jne failed
    jmp passed
.handler:
    cmp ah, 85h
    jne .chain
    inc byte [cs:counted]
.chain:
    jmp far [cs:old_vector]
.codes: db 54h, 0D4h, 0FFh

; ---------------------------------------------------------------- resets

shutdown_0a:
    mov al, 0Ah
    jmp reset_with
shutdown_05:
    mov al, 05h
; Resets the processor with shutdown code AL; passes if execution comes back here with the code used up.
reset_with:
    cli
    mov ah, al
    mov al, 0Fh
    out 70h, al
    mov al, ah
    out 71h, al
    push 40h
    pop ds
    mov word [67h], .back
    mov [69h], cs
    mov [cs:.sp], sp
.input:
    in al, 64h
    test al, 2
    jnz .input
    mov al, 0FEh
    out 64h, al
.wait:
    hlt
    jmp .wait
.back:
    push cs
    pop ss
    mov sp, [cs:.sp]
    sti
    mov al, 0Fh
    out 70h, al
    in al, 71h
    mov ah, 0
    test al, al
    jnz failed
    jmp passed
.sp: dw 0

text_ok:        db "ok ", 0
text_fail:      db "FAIL ", 0
text_newline:   db 13, 10, 0
text_done:      db "SELFTEST-DONE", 13, 10, 0

    times 18*512-($-$$) db 0
