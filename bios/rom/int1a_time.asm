; INT 1Ah, time of day, and INT 70h (IRQ 8), the clock chip's interrupt.

RTC_UIP         equ 80h         ; register A
RTC_SET         equ 80h         ; register B
RTC_PIE         equ 40h
RTC_AIE         equ 20h
RTC_PERIOD      equ 976         ; us between periodic interrupts

int1a:
    cmp ah, 0B1h
    je int1a_pci
    cmp ah, 07h
    ja .unknown
    ENTER_SERVICE
    movzx bx, ah
    add bx, bx
    CARRY_OFF
    call [cs:.functions+bx]
    LEAVE_SERVICE
.functions:
    dw .get_ticks, .set_ticks, .get_time, .set_time, .get_date, .set_date, .set_alarm, .reset_alarm
.unknown:
    push bp
    mov bp, sp
    or byte [bp+6], FLAG_CARRY
    pop bp
    iret

; 00h: CX:DX = ticks since midnight, AL = midnight has passed since the last call.
.get_ticks:
    cli
    mov ax, [TIMER]
    mov [bp+regs.dx], ax
    mov ax, [TIMER+2]
    mov [bp+regs.cx], ax
    mov al, 0
    xchg al, [TIMER_MIDNIGHT]
    mov [bp+regs.al], al
    ret
; 01h
.set_ticks:
    cli
    mov ax, [bp+regs.dx]
    mov [TIMER], ax
    mov ax, [bp+regs.cx]
    mov [TIMER+2], ax
    mov byte [TIMER_MIDNIGHT], 0
    ret

; 02h: CH, CL, DH = hours, minutes, seconds in BCD, DL = daylight saving.
.get_time:
    call rtc_wait
    jc .stopped
    mov al, CMOS_SECONDS
    call cmos_read
    mov [bp+regs.dh], al
    mov al, CMOS_MINUTES
    call cmos_read
    mov [bp+regs.cl], al
    mov al, CMOS_HOURS
    call cmos_read
    mov [bp+regs.ch], al
    mov al, CMOS_B
    call cmos_read
    and al, 1
    mov [bp+regs.dl], al
    mov byte [bp+regs.ah], 0
    mov al, [bp+regs.ch]
    mov [bp+regs.al], al
    ret
.stopped:
    CARRY_ON
    ret
; 03h
.set_time:
    call .stop
    mov al, CMOS_SECONDS
    mov ah, [bp+regs.dh]
    call cmos_write
    mov al, CMOS_MINUTES
    mov ah, [bp+regs.cl]
    call cmos_write
    mov al, CMOS_HOURS
    mov ah, [bp+regs.ch]
    call cmos_write
    mov al, CMOS_B
    call cmos_read
    and al, 62h                 ; interrupts as they were
    mov ah, [bp+regs.dl]
    and ah, 1
    or ah, al
    or ah, 02h                  ; 24 hours
    mov al, CMOS_B
    call cmos_write
    mov byte [bp+regs.ah], 0
    mov [bp+regs.al], ah
    ret

; 04h: CH, CL, DH, DL = century, year, month, day in BCD.
.get_date:
    call rtc_wait
    jc .stopped
    mov al, CMOS_CENTURY
    call cmos_read
    mov [bp+regs.ch], al
    mov al, CMOS_YEAR
    call cmos_read
    mov [bp+regs.cl], al
    mov al, CMOS_MONTH
    call cmos_read
    mov [bp+regs.dh], al
    mov al, CMOS_DAY
    call cmos_read
    mov [bp+regs.dl], al
    mov byte [bp+regs.ah], 0
    ret
; 05h
.set_date:
    call .stop
    mov al, CMOS_YEAR
    mov ah, [bp+regs.cl]
    call cmos_write
    mov al, CMOS_MONTH
    mov ah, [bp+regs.dh]
    call cmos_write
    mov al, CMOS_DAY
    mov ah, [bp+regs.dl]
    call cmos_write
    mov al, CMOS_CENTURY
    mov ah, [bp+regs.ch]
    call cmos_write
    mov al, CMOS_B
    call cmos_read
    and al, ~RTC_SET & 0FFh
    mov ah, al
    mov al, CMOS_B
    call cmos_write
    mov byte [bp+regs.ah], 0
    mov [bp+regs.al], ah
    ret

; Stops the clock for setting, and starts one that was never set.
.stop:
    mov al, CMOS_A
    mov ah, 26h
    call cmos_write
    mov al, CMOS_B
    call cmos_read
    or al, RTC_SET
    mov ah, al
    mov al, CMOS_B
    jmp cmos_write

; 06h: INT 4Ah at CH:CL:DH. CF if an alarm is set already.
.set_alarm:
    mov al, CMOS_B
    call cmos_read
    test al, RTC_AIE
    jnz .stopped
    call rtc_wait
    mov al, CMOS_SECONDS+1
    mov ah, [bp+regs.dh]
    call cmos_write
    mov al, CMOS_MINUTES+1
    mov ah, [bp+regs.cl]
    call cmos_write
    mov al, CMOS_HOURS+1
    mov ah, [bp+regs.ch]
    call cmos_write
    call rtc_unmask
    mov al, CMOS_B
    call cmos_read
    and al, ~RTC_SET & 0FFh
    or al, RTC_AIE
    mov ah, al
    mov al, CMOS_B
    call cmos_write
    mov byte [bp+regs.ah], 0
    ret
; 07h
.reset_alarm:
    mov al, CMOS_B
    call cmos_read
    and al, ~RTC_AIE & 0FFh
    mov ah, al
    mov al, CMOS_B
    call cmos_write
    mov byte [bp+regs.ah], 0
    ret

; Waits for a moment without an update of the clock under way: the next 244 us are free. CF: the clock stands.
rtc_wait:
    push ax
    push cx
    mov cx, 200                 ; times 15 us
.again:
    mov al, CMOS_A
    call cmos_read
    test al, RTC_UIP
    jz .free                    ; CF = 0
    push cx
    mov cx, 1
    call delay
    pop cx
    loop .again
    stc
.free:
    pop cx
    pop ax
    ret

; Lets IRQ 8 through.
rtc_unmask:
    push ax
    pushf
    cli
    in al, PIC2_MASK
    and al, 0FEh
    out PIC2_MASK, al
    in al, PIC1_MASK
    and al, 0FBh
    out PIC1_MASK, al
    popf
    pop ax
    ret

; IRQ 8: counts the waits of INT 15h/83h and 86h, raises INT 4Ah. It uses 16-bit registers on the program's stack.
int70:
    push ax
    push bx
    push ds
    push BDA
    pop ds
    mov al, CMOS_B
    call cmos_read
    mov ah, al
    mov al, CMOS_C
    call cmos_read              ; which lets the next one come
    and al, ah
    test al, RTC_PIE
    jz .alarm
    sub word [WAIT_MICROS], RTC_PERIOD
    sbb word [WAIT_MICROS+2], 0
    jae .alarm
    push ax
    call wait_end
    pop ax
    push es
    les bx, [WAIT_POINTER]
    or byte [es:bx], 80h
    pop es
.alarm:
    test al, RTC_AIE
    jz .end
    int 4Ah
.end:
    cli
    mov al, PIC_EOI
    out PIC2_COMMAND, al
    out PIC1_COMMAND, al
    pop ds
    pop bx
    pop ax
    iret

; Stops the periodic interrupt. Uses AX. WAIT_ACTIVE says that nobody waits.
wait_end:
    mov al, CMOS_B
    call cmos_read
    and al, ~RTC_PIE & 0FFh
    mov ah, al
    mov al, CMOS_B
    call cmos_write
    and byte [WAIT_ACTIVE], ~WAIT_BUSY & 0FFh
    ret
