; A boot sector that drives the PS/2 mouse by its ports, as a driver does, and shows a pointer: the test
; guest for mice. Build: cargo xtask rom.
;
; The first line says what was reported: sums of the movements to the right and downwards, buttons (1 left,
; 2 right, 4 middle), the sum of the wheel, and how many reports there were. The pointer is an inverse cell
; of 8 by 16 counts that stays on the screen.
;
; IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller", "Mouse".

        bits 16
        org 7C00h

KBC_DATA        equ 60h
KBC_COMMAND     equ 64h
KBC_OBF         equ 01h         ; status
KBC_IBF         equ 02h
KBC_AUX_IRQ     equ 02h         ; command byte
KBC_AUX_OFF     equ 20h
PIC1            equ 20h
PIC2            equ 0A0h
EOI             equ 20h
VECTOR_IRQ12    equ 74h
TEXT            equ 0B800h
COLUMNS         equ 80
ROWS            equ 25
NORMAL          equ 07h
INVERSE         equ 70h

start:
        xor ax, ax
        mov ds, ax
        mov ss, ax
        mov sp, 7C00h
        mov ax, TEXT
        mov es, ax
        mov ax, 0003h
        int 10h
        mov ah, 1               ; no text cursor
        mov cx, 2000h
        int 10h
        cli
        mov word [VECTOR_IRQ12*4], irq12
        mov [VECTOR_IRQ12*4+2], ds
        mov al, 0A8h
        call command
        mov al, 20h
        call command
        call receive
        or al, KBC_AUX_IRQ
        and al, ~KBC_AUX_OFF
        mov ah, al
        mov al, 60h
        call command
        call ready
        mov al, ah
        out KBC_DATA, al
        mov si, set_up
.next:
        lodsb
        test al, al
        jz .listen
        call to_mouse
        jmp .next
.listen:
        in al, PIC2+1
        and al, ~10h
        out PIC2+1, al
        in al, PIC1+1
        and al, ~04h
        out PIC1+1, al

show:
        sti
        hlt
        cli
        mov al, NORMAL
        call mark
        mov ax, [column]
        mov [shown], ax
        mov al, INVERSE
        call mark
        xor di, di
        mov si, values
.value:
        mov al, [si]
        call letter
        mov ax, [si+1]
        call number
        add si, 3
        cmp si, values.end
        jb .value
        mov cx, 16              ; the line before may have been longer
.rest:
        mov al, ' '
        call letter
        loop .rest
        jmp show

; AX, signed, and a space.
number:
        test ax, ax
        jns .positive
        push ax
        mov al, '-'
        call letter
        pop ax
        neg ax
.positive:
        mov bx, 10
        xor cx, cx
.digit:
        xor dx, dx
        div bx
        push dx
        inc cx
        test ax, ax
        jnz .digit
.print:
        pop ax
        add al, '0'
        call letter
        loop .print
        mov al, ' '

letter:
        mov ah, NORMAL
        stosw
        ret

; Attribute AL to the cell that is shown.
mark:
        mov cl, al
        mov al, COLUMNS
        mul byte [shown+1]
        xor bx, bx
        mov bl, [shown]
        add bx, ax
        add bx, bx
        mov [es:bx+1], cl
        ret

; ---- the controller ----

ready:
        in al, KBC_COMMAND
        test al, KBC_IBF
        jnz ready
        ret

command:
        push ax
        call ready
        pop ax
        out KBC_COMMAND, al
        ret

receive:
        in al, KBC_COMMAND
        test al, KBC_OBF
        jz receive
        in al, KBC_DATA
        ret

; AL to the mouse; its answer is taken.
to_mouse:
        push ax
        mov al, 0D4h
        call command
        call ready
        pop ax
        out KBC_DATA, al
        jmp receive

; ---- reports ----

irq12:
        pusha
        in al, KBC_DATA
        mov bx, [received]
        test bx, bx
        jnz .store
        test al, 08h            ; the first byte of a report has this bit
        jz .end
.store:
        mov [report+bx], al
        inc bx
        and bx, 3
        mov [received], bx
        jnz .end
        inc word [values.reports]
        mov al, [report]
        and ax, 7
        mov [values.buttons], ax
        mov al, [report+3]
        cbw
        add [values.wheel], ax
        mov al, [report+1]
        cbw
        add [values.x], ax
        mov si, x
        mov cx, COLUMNS*8-1
        call moved
        shr ax, 3
        mov [column], al
        mov al, [report+2]
        cbw
        neg ax
        add [values.y], ax
        mov si, y
        mov cx, ROWS*16-1
        call moved
        shr ax, 4
        mov [row], al
.end:
        mov al, EOI
        out PIC2, al
        out PIC1, al
        popa
        iret

; Adds AX to the word at SI and keeps it between 0 and CX. Out: AX = its value.
moved:
        add ax, [si]
        jns .low
        xor ax, ax
.low:
        cmp ax, cx
        jle .high
        mov ax, cx
.high:
        mov [si], ax
        ret

; The rates that turn on the wheel, 100 reports a second, and reports.
set_up  db 0F3h, 200, 0F3h, 100, 0F3h, 80, 0F3h, 100, 0F4h, 0

values:
        db 'X'
.x      dw 0
        db 'Y'
.y      dw 0
        db 'B'
.buttons dw 0
        db 'W'
.wheel  dw 0
        db 'N'
.reports dw 0
.end:
x       dw COLUMNS*8/2
y       dw ROWS*16/2
received dw 0
column  db COLUMNS/2
row     db ROWS/2
shown   db COLUMNS/2, ROWS/2
report  times 4 db 0

        times 510-($-$$) db 0
        dw 0AA55h
