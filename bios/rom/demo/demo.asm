; The built-in demo disk of oldiron: what a newcomer sees first, and a self-test that CI runs.
;
; A boot sector that reads the rest of this program from the disk's reserved sectors, and an empty FAT volume behind
; it. The program shows the machine it finds and offers four parts: text and graphics in motion, a keyboard test, a
; protected-mode part with paging and a ring-3 task, and all of them followed by a power-off. Progress goes to COM1 as
; lines that begin with "DEMO:"; "DEMO-DONE" is the last. It runs on any PC from the 386 up.
;
; Build: nasm -f bin -O2 -I bios/rom/demo/ demo.asm. The image is the first 64 KiB of a 1440 KiB floppy; the rest
; is zeros.

    cpu 386
    bits 16
    org 0

HOME            equ 1000h       ; where the program runs, a whole 64 KiB for the sake of the DMA controller; its
                                ; stack is at the end
BACK_SEGMENT    equ 2000h       ; picture under construction
TABLE_SEGMENT   equ 3000h       ; tables of the graphics parts
RESERVED        equ 96          ; sectors of the program
SECTORS_PER_FAT equ 9
TRACK           equ 18

%define COLOUR(x) 1Fh, x        ; inside a string: the attribute of what follows

; ---------------------------------------------------------------- boot sector

    jmp short boot
    nop
    db "OLDIRON "
    dw 512
    db 1                        ; sectors per cluster
    dw RESERVED
    db 2                        ; FATs
    dw 224                      ; root directory entries
    dw 2880
    db 0F0h
    dw SECTORS_PER_FAT
    dw TRACK
    dw 2                        ; heads
    dd 0, 0
    db 0, 0, 29h
    dd 19931105h
    db "OLDIRONDEMO"
    db "FAT12   "

; The boot sector runs at 0000:7C00 until all sectors, itself included, are at HOME:0000.
boot:
    cli
    xor ax, ax
    mov ss, ax
    mov sp, 7C00h
    sti
    cld
    mov ax, HOME
    mov es, ax
    xor bx, bx
    xor di, di                  ; sector counted from 0
.track:
    mov ax, di
    xor dx, dx
    mov cx, TRACK
    div cx
    mov cl, dl                  ; sector in the track
    inc cx
    mov dh, al
    and dh, 1                   ; head
    shr al, 1
    mov ch, al                  ; cylinder
    mov ax, TRACK+1
    sub al, cl                  ; up to the end of the track
    mov si, RESERVED
    sub si, di
    cmp ax, si
    jbe .count
    mov ax, si
.count:
    mov si, 5
.try:
    push ax
    mov ah, 02h
    mov dl, 0
    int 13h
    pop ax
    jnc .read
    push ax
    xor ah, ah
    int 13h
    pop ax
    dec si
    jnz .try
    mov si, 7C00h + read_error
    xor bx, bx
.message:
    cs lodsb
    test al, al
    jz .halt
    mov ah, 0Eh
    int 10h
    jmp .message
.halt:
    sti
    hlt
    jmp .halt
.read:
    add di, ax
    shl ax, 9
    add bx, ax
    cmp di, RESERVED
    jb .track
    jmp HOME:start
read_error: db "The demo disk could not be read.", 0
    times 510-($-$$) db 0
    dw 0AA55h

; ---------------------------------------------------------------- the program

start:
    cli
    mov ax, cs
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0FFFEh
    sti
    call serial_init
    mov si, line_start
    call serial_line
    call timer_init
    call make_sines
    call detect
    call report_machine

main_menu:
    call draw_menu
    mov si, line_menu
    call serial_line
.wait:
    call wait_frame
    call animate_menu
    mov ah, 1
    int 16h
    jz .wait
    xor ah, ah
    int 16h
    or al, 20h
    mov byte [unattended], 0
    cmp al, '1'
    jne .2
    call show_all
    jmp main_menu
.2:
    cmp al, '2'
    jne .3
    call keyboard_test
    jmp main_menu
.3:
    cmp al, '3'
    jne .a
    call protected_part
    jmp main_menu
.a:
    cmp al, 'a'
    jne .wait

; Everything in turn, each part of limited length, then the power-off.
run_all:
    mov byte [unattended], 1
    call show_all
    call keyboard_test
    call protected_part
    mov si, line_done
    call serial_line
    call say_goodbye
    mov dx, 8900h               ; the power switch of this machine, and of Bochs
    mov si, shutdown_word
.byte:
    lodsb
    test al, al
    jz .still_on
    out dx, al
    jmp .byte
.still_on:
    hlt
    jmp .still_on

shutdown_word: db "Shutdown", 0
line_start: db "DEMO: oldiron demo disk", 0
line_menu:  db "DEMO: menu", 0
line_done:  db "DEMO-DONE", 0
unattended: db 0

%include "lib.asm"
%include "detect.asm"
%include "menu.asm"
%include "text_show.asm"
%include "graphics.asm"
%include "keyboard.asm"
%include "protected.asm"

; ---------------------------------------------------------------- the rest of the disk

program_end:
%if program_end-$$ > 0B000h
%error "the program leaves too little room for its variables and the stack"
%endif
    times RESERVED*512-($-$$) db 0
%rep 2
    db 0F0h, 0FFh, 0FFh         ; an empty FAT
    times SECTORS_PER_FAT*512-3 db 0
%endrep
    db "OLDIRONDEMO", 08h       ; root directory: the label
    times 65536-($-$$) db 0
