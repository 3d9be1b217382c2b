; A floppy about the VGA. It tries the services of INT 10h and says what it finds on COM1, as the self-test floppy
; does; then it shows a picture in each mode of the BIOS, drawn by INT 10h alone, and programs that drive the registers
; themselves. A line "shown NAME" comes as a picture is complete; any key shows the next. "VIDEO-DONE" comes at the end.
;
; Build: nasm -f bin -O2 -I bios/rom/video/ video.asm. The image is the first two tracks of a 1440 KiB floppy; the
; rest is zeros.

IMAGE_SECTORS   equ 36
BUFFER_SEGMENT  equ 2000h
BUFFER2_SEGMENT equ 3000h

%include "../selftest/floppy.inc"

loaded:
    call services
    mov si, text_services
    call put_text
    mov si, pictures
.picture:
    push si
    call draw_picture
    pop si
    push si
    mov al, [si+picture.mode]
    call name_of_mode
    mov si, mode_name
    call shown
    pop si
    add si, picture_size
    cmp si, pictures_end
    jb .picture
    mov si, programs
.program:
    push si
    call [si]
    push cs
    pop ds
    pop si
    push si
    mov si, [si+2]
    call shown
    pop si
    add si, 4
    cmp si, programs_end
    jb .program
    mov ax, 0003h
    int 10h
    mov si, text_done
    call put_text
.stop:
    hlt
    jmp .stop

; Says that the picture named at SI is complete and waits for a key.
shown:
    push si
    mov si, text_shown
    call put_text
    pop si
    call put_text
    mov si, text_newline
    call put_text
    mov ah, 0
    int 16h
    ret

; The programs and their names.
programs:
    dw scroll_0d,  .scroll
    dw discs_10,   .discs
    dw lines_12,   .lines
    dw rings_13,   .rings
    dw mode_x,     .mode_x
programs_end equ .scroll
.scroll:  db "0Dh scroll", 0
.discs:   db "10h discs", 0
.lines:   db "12h lines", 0
.rings:   db "13h rings", 0
.mode_x:  db "mode X", 0

text_services:  db "SERVICES-DONE", 13, 10, 0
text_shown:     db "shown ", 0
text_done:      db "VIDEO-DONE", 13, 10, 0

%include "services.asm"
%include "pictures.asm"
%include "registers.asm"
%include "planar.asm"
%include "dots256.asm"

    times IMAGE_SECTORS*512-($-$$) db 0
