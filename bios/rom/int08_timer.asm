; INT 08h, the timer tick: the clock at 40:6C, the diskette motors, INT 1Ch.

TICKS_PER_DAY   equ 1800B0h

; Sets 40:6C from the clock chip. POST.
init_clock:
    mov al, CMOS_A
    mov ah, 26h                 ; 32768 Hz, periodic rate 1024 Hz
    call cmos_write
    mov al, CMOS_B
    call cmos_read
    mov ah, al
    and ah, 05h                 ; keep binary mode and daylight saving
    or ah, 02h                  ; 24 hours, no interrupts
    mov al, CMOS_B
    call cmos_write
    mov al, CMOS_C
    call cmos_read
    call rtc_wait
    mov al, CMOS_HOURS
    call .part
    mov bx, 60
    mul bx
    mov cx, ax
    mov al, CMOS_MINUTES
    call .part
    add ax, cx
    mov bx, 60
    mul bx                      ; DX:AX = minutes * 60
    shl edx, 16
    mov dx, ax
    mov al, CMOS_SECONDS
    call .part
    movzx eax, ax
    add eax, edx
    mov edx, 1193182            ; ticks = seconds * 1193182 / 65536
    mul edx
    shrd eax, edx, 16
    mov [TIMER], eax
    ret
; AX = clock register AL in binary, 0 if it holds nonsense.
.part:
    call cmos_read
    mov ah, al
    mov al, CMOS_B
    push ax
    call cmos_read
    test al, 04h
    pop ax
    mov al, ah
    jnz .binary
    shr al, 4
    and ah, 0Fh
    xchg al, ah
    aad
.binary:
    cmp al, 60
    jb .sane
    xor al, al
.sane:
    xor ah, ah
    ret

int08:
    push ax
    push dx
    push ds
    push BDA
    pop ds
    inc word [TIMER]
    jnz .day
    inc word [TIMER+2]
.day:
    cmp word [TIMER+2], TICKS_PER_DAY >> 16
    jb .motor
    cmp word [TIMER], TICKS_PER_DAY & 0FFFFh
    jb .motor
    xor ax, ax
    mov [TIMER], ax
    mov [TIMER+2], ax
    inc ax
    mov [TIMER_MIDNIGHT], al
.motor:
    cmp byte [FD_MOTOR_TIME], 0
    je .user
    dec byte [FD_MOTOR_TIME]
    jnz .user
    and byte [FD_MOTOR], 0F0h
    mov al, 0Ch                 ; no drive's motor, out of reset, interrupt on
    mov dx, FDC_DOR
    out dx, al
.user:
    int 1Ch
    cli
    mov al, PIC_EOI
    out PIC1_COMMAND, al
    pop ds
    pop dx
    pop ax
    iret
