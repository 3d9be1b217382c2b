; A boot sector that asks a question over the network and halts until the answer is there: the test guest for
; networks. Build: cargo xtask rom.
;
; An NE2000 at 300h on interrupt 9 sends one UDP datagram from 10.0.2.15 to port 53 of 10.0.2.3, by way of the card
; 52:55:0A:00:02:02. COM1 gets the text that comes back, up to a zero byte, and how many seconds of the guest's clock that
; took; or TIMEOUT after five.
;
; National Semiconductor DP8390D, sections 7 and 10.

        bits 16
        org 7C00h

NIC             equ 300h
DATA            equ 310h
CR              equ 0
BNRY            equ 3
ISR             equ 7
PRX             equ 01h
TX_PAGE         equ 40h
RX_START        equ 46h
RX_STOP         equ 80h
; In the ring, behind its own header and those of Ethernet, IP and UDP.
ANSWER          equ (RX_START+1)*256+4+14+20+8
MOST_ANSWER     equ 64
COM1            equ 3F8h
PIC1            equ 20h
PIC2            equ 0A0h
EOI             equ 20h
VECTOR_IRQ9     equ 71h
CLOCK           equ 46Ch
TICKS_A_SECOND  equ 18
PATIENCE        equ 5*TICKS_A_SECOND+1

start:
        cli
        cld
        xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 7C00h
        mov word [VECTOR_IRQ9*4], irq9
        mov [VECTOR_IRQ9*4+2], ds
        in al, PIC2+1
        and al, ~02h
        out PIC2+1, al
        in al, PIC1+1
        and al, ~04h
        out PIC1+1, al
        mov si, set_up
        call registers
        mov si, frame
        mov cx, FRAME_BYTES/2
        mov dx, DATA
        rep outsw
        mov bx, [CLOCK]
        mov si, send
        call registers
.wait:
        sti
        hlt
        cli
        mov dx, NIC+ISR
        in al, dx
        test al, PRX
        jnz .answer
        mov ax, [CLOCK]
        sub ax, bx
        cmp ax, PATIENCE
        jb .wait
        mov si, late
        call print
        jmp .end
.answer:
        mov si, read
        call registers
        mov di, 8000h
        mov cx, MOST_ANSWER/2
        mov dx, DATA
        rep insw
        mov byte [8000h+MOST_ANSWER], 0
        mov si, 8000h
        call print
        mov ax, [CLOCK]
        sub ax, bx
        mov cl, TICKS_A_SECOND
        div cl
        add [seconds], al
        mov si, after
        call print
.end:
        hlt
        jmp .end

; Writes the registers of a list at SI: number and value, to a number of FFh.
registers:
        lodsb
        cmp al, 0FFh
        je .done
        mov dx, NIC
        add dl, al
        lodsb
        out dx, al
        jmp registers
.done:
        ret

; Sends the text at SI, with a zero behind it, to COM1.
print:
        mov dx, COM1+5
.busy:
        in al, dx
        test al, 20h
        jz .busy
        lodsb
        test al, al
        jz .done
        mov dx, COM1
        out dx, al
        jmp print
.done:
        ret

irq9:
        push ax
        mov al, EOI
        out PIC2, al
        out PIC1, al
        pop ax
        iret

set_up: db CR, 21h, 0Eh, 49h, 0Ah, 0, 0Bh, 0, 0Ch, 04h, 0Dh, 0
        db 1, RX_START, 2, RX_STOP, BNRY, RX_START, ISR, 0FFh, 0Fh, PRX
        db CR, 61h, 1, 52h, 2, 54h, 3, 00h, 4, 12h, 5, 34h, 6, 56h, 7, RX_START+1
        db CR, 22h
        db 08h, 0, 09h, TX_PAGE, 0Ah, FRAME_BYTES, 0Bh, 0, CR, 12h, 0FFh
send:   db 4, TX_PAGE, 5, FRAME_BYTES, 6, 0, CR, 26h, 0FFh
read:   db ISR, PRX, 08h, ANSWER & 0FFh, 09h, ANSWER >> 8, 0Ah, MOST_ANSWER, 0Bh, 0, CR, 0Ah, 0FFh

%macro be16 1
        db (%1) >> 8 & 0FFh, (%1) & 0FFh
%endmacro

IP_BYTES        equ frame.end-frame.ip
IP_SUM          equ 4500h+IP_BYTES+0001h+4011h+0A00h+020Fh+0A00h+0203h
IP_CHECK        equ ~((IP_SUM & 0FFFFh)+(IP_SUM >> 16)) & 0FFFFh

        align 2
frame:  db 52h,55h,0Ah,00h,02h,02h, 52h,54h,00h,12h,34h,56h, 08h,00h
.ip:    db 45h,00h
        be16 IP_BYTES
        be16 0001h
        be16 0
        db 64, 17
        be16 IP_CHECK
        db 10,0,2,15, 10,0,2,3
.udp:   be16 1234
        be16 53
        be16 frame.end-frame.udp
        be16 0
        db "what is the answer?"
.end:   db 0
FRAME_BYTES     equ 62

late:   db "TIMEOUT", 13, 10, 0
after:  db " after "
seconds: db "0 s", 13, 10, 0

        times 510-($-$$) db 0
        dw 0AA55h
