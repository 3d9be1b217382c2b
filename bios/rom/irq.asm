; Interrupt lines without a service of their own, and NMI.

; NMI: memory parity or channel check. Anything else on this machine is software's own.
int02:
    push ax
    in al, PORT_B
    test al, 0C0h
    jz .return
    push si
    mov si, .text
    call put_text
    pop si
    cli
    hlt
.return:
    pop ax
    iret
.text:
    db "Memory or channel check", 13, 10, 0

; A line that nobody claimed: acknowledge it, mask it, and note it in 40:6B.
irq_stray:
    push ax
    push dx
    push ds
    push BDA
    pop ds
    mov al, PIC_READ_ISR
    out PIC1_COMMAND, al
    in al, PIC1_COMMAND
    mov ah, al
    test al, al
    jz .return                  ; spurious: nothing is in service
    test al, 04h
    jz .first
    mov al, PIC_READ_ISR
    out PIC2_COMMAND, al
    in al, PIC2_COMMAND
    test al, al
    jz .acknowledge             ; spurious on the second controller
    mov ah, al
    in al, PIC2_MASK
    or al, ah
    out PIC2_MASK, al
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    jmp .acknowledge
.first:
    ; Only the line in service with the highest priority is the one that brought us here.
    neg al
    and ah, al
    in al, PIC1_MASK
    or al, ah
    out PIC1_MASK, al
.acknowledge:
    mov al, PIC_EOI
    out PIC1_COMMAND, al
    mov [STRAY_IRQ], ah
.return:
    pop ds
    pop dx
    pop ax
    iret

; IRQ 9, which adapters for the IBM PC call IRQ 2.
int71:
    push ax
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    pop ax
    int 0Ah
    iret

; IRQ 13: the coprocessor's error line, which 8086 programs know as NMI.
int75:
    push ax
    xor al, al
    out FPU_CLEAR_BUSY, al
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    out PIC1_COMMAND, al
    pop ax
    int 02h
    iret
