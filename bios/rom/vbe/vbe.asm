; A floppy about INT 10h/4Fh. It tries its functions and says what it finds on COM1, as the self-test floppy does;
; then it shows a picture of every depth, through the window and through the linear frame buffer. A line
; "shown NAME" comes as a picture is complete; any key shows the next. "VBE-DONE" comes at the end.
;
; Build: nasm -f bin -O2 -I bios/rom/vbe/ vbe.asm. The image is the first two tracks of a 1440 KiB floppy; the rest is
; zeros.

IMAGE_SECTORS   equ 36
BUFFER          equ 0D000h      ; 1 KiB
INTERFACE       equ 0D800h      ; a copy of what 0Ah gives

%include "../selftest/floppy.inc"

loaded:
    call functions
    mov si, text_functions
    call put_text
    call flat
    mov si, pictures
.picture:
    push si
    call draw
    pop si
    push si
    mov ax, [si]
    call shown
    pop si
    add si, 4
    cmp si, pictures_end
    jb .picture
    call moved
    mov ax, 0003h
    int 10h
    mov si, text_done
    call put_text
.stop:
    hlt
    jmp .stop

; Says that the picture AX is complete and waits for a key.
shown:
    mov si, text_shown
    call put_text
    call put_word
    mov si, text_newline
    call put_text
    mov ah, 0
    int 16h
    ret

text_functions: db "FUNCTIONS-DONE", 13, 10, 0
text_shown:     db "shown ", 0
text_done:      db "VBE-DONE", 13, 10, 0

%include "functions.asm"
%include "pictures.asm"

    times IMAGE_SECTORS*512-($-$$) db 0
