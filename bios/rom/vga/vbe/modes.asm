; The modes, and what is known of each.

; A mode: number, width, height, bits of a dot.
struc vbe_mode
    .number: resw 1
    .x:      resw 1
    .y:      resw 1
    .bpp:    resw 1
endstruc

; Every mode: %1 is a macro that takes a number, width, height and bits of a dot.
%macro vbe_for_modes 1
    %1 100h,  640,  400,  8
    %1 101h,  640,  480,  8
    %1 103h,  800,  600,  8
    %1 105h, 1024,  768,  8
    %1 107h, 1280, 1024,  8
    %1 10Dh,  320,  200, 15
    %1 10Eh,  320,  200, 16
    %1 10Fh,  320,  200, 24
    %1 110h,  640,  480, 15
    %1 111h,  640,  480, 16
    %1 112h,  640,  480, 24
    %1 113h,  800,  600, 15
    %1 114h,  800,  600, 16
    %1 115h,  800,  600, 24
    %1 116h, 1024,  768, 15
    %1 117h, 1024,  768, 16
    %1 118h, 1024,  768, 24
    %1 119h, 1280, 1024, 15
    %1 11Ah, 1280, 1024, 16
    %1 11Bh, 1280, 1024, 24
    %1 11Ch, 1600, 1200,  8
    %1 11Dh, 1600, 1200, 15
    %1 11Eh, 1600, 1200, 16
    %1 11Fh, 1600, 1200, 24
    %1 140h,  320,  200, 32
    %1 141h,  640,  400, 32
    %1 142h,  640,  480, 32
    %1 143h,  800,  600, 32
    %1 144h, 1024,  768, 32
    %1 145h, 1280, 1024, 32
    %1 146h,  320,  200,  8
    %1 147h, 1600, 1200, 32
    %1 148h, 1152,  864,  8
    %1 149h, 1152,  864, 15
    %1 14Ah, 1152,  864, 16
    %1 14Bh, 1152,  864, 24
    %1 14Ch, 1152,  864, 32
%endmacro
%macro vbe_row 4
    dw %1, %2, %3, %4
%endmacro
%macro vbe_number 4
    dw %1
%endmacro

vbe_modes:
    vbe_for_modes vbe_row
    dw 0FFFFh

; The numbers alone, as 00h hands them out.
vbe_mode_numbers:
    vbe_for_modes vbe_number
    dw 0FFFFh

; Direct colours by bits of a dot: size and position of red, green, blue and what is left.
vbe_fields_15: db 5, 10, 5, 5, 5, 0, 1, 15
vbe_fields_16: db 5, 11, 6, 5, 5, 0, 0, 0
vbe_fields_24: db 8, 16, 8, 8, 8, 0, 0, 0
vbe_fields_32: db 8, 16, 8, 8, 8, 0, 8, 24

; CS:SI = the mode CX; carry if there is none.
vbe_find:
    push cx
    and cx, 3FFFh
    mov si, vbe_modes
.next:
    cmp word [cs:si], 0FFFFh
    je .none
    cmp [cs:si], cx
    je .found
    add si, vbe_mode_size
    jmp .next
.none:
    stc
.found:
    pop cx
    ret

; AX = bytes of a row of the mode at CS:SI.
vbe_row_bytes:
    push dx
    mov ax, [cs:si+vbe_mode.bpp]
    add ax, 7
    shr ax, 3
    mul word [cs:si+vbe_mode.x]
    pop dx
    ret
