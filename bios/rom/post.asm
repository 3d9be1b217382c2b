; Power-on self test: from the reset vector to INT 19h.
;
; Progress goes to port 80h:
;   01 reset           02 interrupt controllers, timer, DMA   03 vectors and data areas   04 keyboard controller
;   05 clock           06 processor and memory                07 video BIOS               08 ports
;   09 diskettes       0A fixed disks                         0B boot menu                0C adapter ROMs
;   19 boot

POST_STACK      equ 7C00h       ; grows down from where the boot sector will be

%macro post_code 1
    mov al, %1
    out POST_PORT, al
%endmacro

post:
    cli
    cld
    ; The shutdown code counts once, whatever happens from here on.
    mov al, CMOS_SHUTDOWN | 80h
    out CMOS_INDEX, al
    in al, CMOS_DATA
    mov bl, al
    mov al, CMOS_SHUTDOWN | 80h
    out CMOS_INDEX, al
    xor al, al
    out CMOS_DATA, al
    mov al, CMOS_D              ; and NMI enabled
    out CMOS_INDEX, al
    in al, CMOS_DATA
    cmp bl, 05h
    je shutdown_05
    cmp bl, 09h
    jb cold_start
    je shutdown_09
    cmp bl, 0Bh
    jb shutdown_0a
    je shutdown_0b
    cmp bl, 0Ch
    je shutdown_0c

cold_start:
    post_code 01h
    xor ax, ax
    mov ss, ax
    mov sp, POST_STACK

    post_code 02h
    call init_pic
    call init_timer
    call init_dma

    post_code 03h
    call init_vectors
    call init_bda
    call init_pci
    call init_acpi
    call init_apic

    post_code 04h
    call init_keyboard

    post_code 05h
    call init_clock
    sti

    post_code 06h
    call detect_cpu
    call detect_fpu
    call detect_memory

    post_code 07h
    push 0C000h
    pop es
    call init_adapter_rom
    mov ax, 0003h
    int 10h
    mov si, text_banner
    call put_text
    call show_cpu
    call show_memory

    post_code 08h
    call init_serial
    call init_printers

    post_code 09h
    call init_floppies

    post_code 0Ah
    call init_disks
    call show_drives

    post_code 0Bh
    call boot_menu

    post_code 0Ch
    call scan_adapter_roms

    post_code 19h
    int 19h
    jmp cold_start

; ---------------------------------------------------------------- chips

; 8259A: vectors 08h and 70h, cascade on IRQ 2. The timer, keyboard, cascade and diskette lines are open;
; others are opened by those who use them.
init_pic:
    mov al, 11h                 ; ICW1: edges, cascade, ICW4 follows
    out PIC1_COMMAND, al
    out PIC2_COMMAND, al
    mov al, 08h
    out PIC1_MASK, al
    mov al, 70h
    out PIC2_MASK, al
    mov al, 04h
    out PIC1_MASK, al
    mov al, 02h
    out PIC2_MASK, al
    mov al, 01h                 ; ICW4: 8086 mode
    out PIC1_MASK, al
    out PIC2_MASK, al
    mov al, 10111000b
    out PIC1_MASK, al
    mov al, 00011111b           ; coprocessor and the disk channels
    out PIC2_MASK, al
    ret

; 8254: 18.2 Hz, refresh, and the speaker's channel; speaker off, parity latches clear.
init_timer:
    mov al, 36h
    out PIT_CONTROL, al
    xor al, al
    out PIT_COUNTER0, al
    out PIT_COUNTER0, al
    mov al, 54h
    out PIT_CONTROL, al
    mov al, 18
    out PIT_COUNTER1, al
    mov al, 0B6h
    out PIT_CONTROL, al
    mov al, 33h                 ; about 896 Hz
    out PIT_COUNTER2, al
    mov al, 05h
    out PIT_COUNTER2, al
    in al, PORT_B
    and al, 0F0h
    or al, 0Ch
    out PORT_B, al
    and al, 0F3h
    out PORT_B, al
    ret

; 8237A: all channels masked but the cascade.
init_dma:
    xor al, al
    out 0Dh, al
    out 0DAh, al
    out 08h, al
    out 0D0h, al
    mov al, 0C0h
    out 0D6h, al
    xor al, al
    out 0D4h, al
    ret

; ---------------------------------------------------------------- adapter ROMs

; Calls the initialisation of the ROM at ES:0 if there is one. BX: its length in paragraphs, or 0.
init_adapter_rom:
    xor bx, bx
    cmp word [es:0], 0AA55h
    jne .none
    movzx ecx, byte [es:2]      ; in 512 bytes
    shl ecx, 9
    jz .none
    mov edx, ecx
    xor si, si
    xor ah, ah
    push es
    pop ds
.sum:
    lodsb
    add ah, al
    loop .sum, cx
    push BDA
    pop ds
    test ah, ah
    jnz .none
    shr edx, 4
    mov bx, dx
    pusha
    push ds
    push es
    push cs
    push .return
    push es
    push 3
    retf
.return:
    pop es
    pop ds
    popa
    cld
.none:
    ret

; From the end of the video BIOS to the end of the adapter area, in steps of 2 KiB.
scan_adapter_roms:
    mov dx, 0C800h
.next:
    mov es, dx
    push dx
    call init_adapter_rom
    pop dx
    test bx, bx
    jnz .found
    mov bx, 80h
.found:
    add bx, 7Fh                 ; up to the next step
    and bx, ~7Fh & 0FFFFh
    add dx, bx
    cmp dx, 0E000h
    jb .next
    ret

text_banner:
    db "oldiron BIOS", 13, 10, 13, 10, 0
