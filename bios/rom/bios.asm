; The system BIOS of the oldiron PC: 64 KiB at F0000h, also mapped at FFFF0000h for the reset vector.
;
; Follows the interface of the IBM PC/AT and PS/2 BIOS (IBM Personal System/2 and Personal Computer BIOS Interface
; Technical Reference, 1991). Chips are driven through their ports only, as on a real PC.
;
; Rules for services, which may run under a virtual-8086 monitor or on a boot sector's small stack:
; - no privileged instruction but in INT 15h/87h and 89h; what waits sleeps by STI + HLT, or polls in V86 mode;
; - results in flags go to the caller's FLAGS image, so its IF stays; high halves of registers stay;
; - interrupt handlers use less than 64 bytes of the interrupted program's stack;
; - the extended BIOS data area is always found through 40:0Eh, since DOS moves it.
;
; Left out: PnP services, cassette.
;
; Build: cargo xtask rom (nasm -f bin -O2 -I bios/rom/ bios.asm).

    cpu 386
    bits 16
    org 0

%include "defs.inc"

    db "oldiron system BIOS, MIT or Apache-2.0", 0

%include "post.asm"
%include "ivt.asm"
%include "bda.asm"
%include "util.asm"
%include "kbc.asm"
%include "pci.asm"
%include "memory.asm"
%include "cpu.asm"
%include "shutdown.asm"
%include "int05_print_screen.asm"
%include "int08_timer.asm"
%include "int09_keyboard.asm"
%include "int11_12_equipment.asm"
%include "int13_floppy.asm"
%include "fdc.asm"
%include "int13_disk.asm"
%include "ata.asm"
%include "atapi.asm"
%include "int13_cd.asm"
%include "int13_emulated.asm"
%include "el_torito.asm"
%include "int14_serial.asm"
%include "int15_system.asm"
%include "int15_block_move.asm"
%include "int15_mouse.asm"
%include "int15_apm.asm"
%include "int16_keyboard.asm"
%include "int17_printer.asm"
%include "int18_19_boot.asm"
%include "int1a_time.asm"
%include "pci_functions.inc"
%include "int1a_pci.asm"
%include "apic.asm"
%include "acpi.asm"
%include "irq.asm"
%include "summary.asm"
%include "boot_menu.asm"

; ---------------------------------------------------------------- addresses that programs know

    fixed 0E05Bh
    jmp post
    fixed 0E2C3h
    jmp int02
    fixed 0E3FEh
    jmp int13
    fixed 0E6F2h
    jmp int19

    fixed 0E6F5h
config_table:                   ; INT 15h/C0h
    dw 8                        ; bytes that follow
    db 0FCh, 01h, 00h           ; model, submodel: AT; revision
    db 01110100b                ; second 8259, clock, INT 15h/4Fh, extended BIOS data area
    db 01000000b                ; INT 16h/09h
    db 0, 0, 0

    fixed 0E739h
    jmp int14
    fixed 0E82Eh
    jmp int16
    fixed 0E987h
    jmp int09
    fixed 0EC59h
    jmp int40
    fixed 0EF57h
    jmp int0e

    fixed 0EFC7h
diskette_table:                 ; INT 1Eh: 1.44 MB
    db 0AFh, 02h, 25h, 2, 18, 1Bh, 0FFh, 6Ch, 0F6h, 0Fh, 08h

    fixed 0EFD2h
    jmp int17
    fixed 0F065h
    jmp int10
    fixed 0F841h
    jmp int12
    fixed 0F84Dh
    jmp int11
    fixed 0F859h
    jmp int15

    fixed 0FA6Eh                ; the lower half of the 8x8 font, which graphics programs read here
    incbin "vga/fonts/font8x8.bin", 0, 1024

    fixed 0FE6Eh
    jmp int1a
    fixed 0FEA5h
    jmp int08
    fixed 0FF53h
int_iret:
    iret
    jmp int05                   ; FF54h

    fixed 0FFF0h
    jmp 0F000h:post
    db "11/21/26"
    db 0
    db 0FCh                     ; model: AT
    db 0
