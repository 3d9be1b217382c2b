; INT 05h, print screen: the text on the active page goes to the first printer. 50:00 says how it went:
; 0 done, 1 under way, FFh failed. The VGA BIOS has this too, for INT 10h/12h/20h.

PRINT_STATUS    equ 100h        ; 50:00 seen from 40:00

int05:
    push ds
    pusha
    push BDA
    pop ds
    cmp byte [PRINT_STATUS], 1
    je .return
    mov byte [PRINT_STATUS], 1
    sti
    mov ah, 0Fh
    int 10h                     ; AH = columns, BH = page
    mov cl, ah
    mov ch, [84h]               ; rows less one; 0 before a video BIOS of the EGA or later
    test ch, ch
    jnz .rows
    mov ch, 24
.rows:
    mov ah, 03h
    push cx
    int 10h                     ; DX = cursor
    pop cx
    push dx
    xor dx, dx
    call .newline
    jc .end
.next:
    mov ah, 02h
    int 10h
    mov ah, 08h
    int 10h
    test al, al
    jnz .character
    mov al, ' '
.character:
    call .print
    jc .end
    inc dl
    cmp dl, cl
    jb .next
    call .newline
    jc .end
    mov dl, 0
    inc dh
    cmp dh, ch
    jbe .next
    clc
.end:
    sbb al, al                  ; FFh if it failed
    mov [PRINT_STATUS], al
    pop dx
    mov ah, 02h
    int 10h
.return:
    popa
    pop ds
    iret

.newline:
    mov al, 13
    call .print
    jc .done
    mov al, 10
; Prints AL. CF: the printer does not take it.
.print:
    push dx
    xor dx, dx
    mov ah, 0
    int 17h
    pop dx
    test ah, 29h                ; out of paper, error, time out
    jz .done                    ; CF = 0
    stc
.done:
    ret
