; The VGA BIOS of the oldiron PC: INT 10h for a plain VGA, mapped at C0000h.
;
; Follows the IBM PS/2 BIOS Interface Technical Reference (INT 10h) and the FreeVGA register notes. Drives the
; card through its ports only, so it also runs on any other VGA. Runtime services use nothing that a virtual-8086
; monitor could refuse but port accesses, change no interrupt flag and need about 60 bytes of stack.
;
; Left out: the light pen. Where the card has Bochs's display interface there are VESA BIOS extensions.
;
; Build: nasm -f bin -O2 -I bios/rom/vga/ vgabios.asm, then the last byte is set so that all bytes sum to 0.

    cpu 386
    bits 16
    org 0

%include "defs.inc"

    dw 0AA55h
    db 64                       ; 32 KiB in units of 512
    jmp init
    times 18h-($-$$) db 0
    dw pci_data
    times 1Eh-($-$$) db 0
    db "IBM VGA compatible BIOS", 0     ; where programs look for a VGA
    db "oldiron VGA BIOS, MIT or Apache-2.0; fonts: see NOTICE", 0

; By this BIOSes find out whether the ROM at a base address is for the function there (PCI 2.1 6.3.1.2).
    align 4, db 0
pci_data:
    db "PCIR"
    dw VGA_VENDOR, VGA_DEVICE
    dw 0                        ; no vital product data
    dw 18h                      ; bytes of this
    db 0                        ; revision
    db 0, 0, 3                  ; class: VGA
    dw 64                       ; 32 KiB in units of 512
    dw 1                        ; revision of the code
    db 0                        ; for the PC/AT
    db 80h                      ; the last image
    dw 0

; ---------------------------------------------------------------- start-up

; Called by the system BIOS's ROM scan. Keeps all registers.
init:
    pushf
    cld
    pusha
    push ds
    push es
    xor ax, ax
    mov ds, ax
    mov si, [10h*4]             ; the system BIOS's own INT 10h stays reachable as INT 42h
    mov di, [10h*4+2]
    mov [42h*4], si
    mov [42h*4+2], di
    mov ax, cs
    mov word [10h*4], int10
    mov [10h*4+2], ax
    mov word [6Dh*4], int10
    mov [6Dh*4+2], ax
    mov word [1Dh*4], crt_tables
    mov [1Dh*4+2], ax
    mov word [1Fh*4], font_8x8 + 128*8
    mov [1Fh*4+2], ax
    mov word [43h*4], font_8x16
    mov [43h*4+2], ax

    mov si, BDA_SEG
    mov ds, si
    mov word [SAVE_POINTER], save_pointers
    mov [SAVE_POINTER+2], ax
    mov byte [VIDEO_CONTROL], 60h       ; 256 KiB, cursor scaling on
    mov byte [VIDEO_SWITCHES], 0F9h
    mov byte [VGA_CONTROL], 51h         ; 400 lines, VGA active
    mov byte [DCC_INDEX], DCC_COLOUR_VGA
    and byte [EQUIPMENT], 0CFh
    or byte [EQUIPMENT], 20h            ; 80 by 25, colour
    mov dx, 3C3h                        ; video subsystem enable
    mov al, 1
    out dx, al
    mov ax, 0003h
    int 10h
    pop es
    pop ds
    popa
    popf
    retf

; ---------------------------------------------------------------- INT 10h

int10:
    cld
    cmp ah, LAST_FUNCTION
    jbe .known
    cmp ah, 4Fh
    jne .unknown
.known:
    push es
    push ds
    pusha
    mov bp, sp
    mov si, BDA_SEG
    mov ds, si
    cmp ah, 4Fh
    je .vbe
    movzx si, ah
    add si, si
    call [cs:functions+si]
.done:
    popa
    pop ds
    pop es
.unknown:
    iret
.vbe:
    call vbe
    jmp .done

; Handlers find AX, BX, CX, DX, DI and ES as the caller left them, DS = 0040h and BP at the frame. They may
; change everything but BP, DS and SP.
functions:
    dw set_mode                 ; 00h
    dw set_cursor_shape
    dw set_cursor
    dw get_cursor
    dw get_light_pen
    dw set_page
    dw scroll_up
    dw scroll_down
    dw read_char                ; 08h
    dw write_char_attribute
    dw write_char
    dw set_colour_select
    dw write_pixel
    dw read_pixel
    dw teletype
    dw get_mode
    dw palette_functions        ; 10h
    dw font_functions
    dw alternate_select
    dw write_string
    dw nothing
    dw nothing
    dw nothing
    dw nothing
    dw nothing                  ; 18h
    dw nothing
    dw display_combination
    dw functionality
    dw save_restore
LAST_FUNCTION equ ($-functions)/2-1

nothing:
    ret

%include "mode.asm"
%include "text.asm"
%include "scroll.asm"
%include "graphics.asm"
%include "palette.asm"
%include "font.asm"
%include "override.asm"
%include "info.asm"
%include "state.asm"
%include "vbe.asm"
%include "../int05_print_screen.asm"
%include "tables.asm"

font_8x16:  incbin "fonts/font8x16.bin"
font_8x14:  incbin "fonts/font8x14.bin"
font_8x8:   incbin "fonts/font8x8.bin"

    times 32768-($-$$) db 0
