; INT 15h, system services.

int15:
    ; The hooks that interrupt handlers call answer with no more stack than this.
    cmp ah, 4Fh                 ; keyboard intercept: CF as it came, which is set
    je .intercept
    cmp ah, 85h                 ; SysReq
    je .ok
    cmp ah, 90h                 ; wait
    je .ok
    cmp ah, 91h                 ; post
    je .ok
    cmp ah, 53h
    je int15_apm

    ENTER_SERVICE
    mov si, .functions
.search:
    cs lodsb
    cmp al, ah
    je .found
    inc si
    inc si
    cmp si, .functions_end
    jb .search
    call int15_unknown
    jmp .return
.found:
    mov ax, [bp+regs.ax]
    call [cs:si]
.return:
    LEAVE_SERVICE

.intercept:
    push bp
    mov bp, sp
    or byte [bp+6], FLAG_CARRY
    pop bp
    iret
.ok:
    mov ah, 0
    push bp
    mov bp, sp
    and byte [bp+6], ~FLAG_CARRY & 0FFh
    pop bp
    iret

%macro service 2
    db %1
    dw %2
%endmacro
.functions:
    service 24h, int15_24
    service 52h, int15_ok       ; media eject: allowed
    service 80h, int15_ok       ; device open
    service 81h, int15_ok       ; device close
    service 82h, int15_ok       ; program end
    service 83h, int15_83
    service 84h, int15_84
    service 86h, int15_86
    service 87h, int15_87
    service 88h, int15_88
    service 89h, int15_89
    service 0C0h, int15_c0
    service 0C1h, int15_c1
    service 0C2h, int15_c2
    service 0E8h, int15_e8
.functions_end:

int15_unknown:
    mov byte [bp+regs.ah], 86h
    CARRY_ON
    ret
int15_ok:
    mov byte [bp+regs.ah], 0
    CARRY_OFF
    ret

; 24h: gate A20. AL = 0 close, 1 open, 2 AL = state, 3 BX = ways there are.
int15_24:
    cmp al, 1
    jb .off
    je .on
    cmp al, 3
    jb .state
    ja int15_unknown
    mov word [bp+regs.bx], 3    ; keyboard controller, port 92h
    jmp int15_ok
.off:
    call a20_off
    jmp int15_ok
.on:
    call a20_on
    jmp int15_ok
.state:
    cli
    call a20_query
    mov [bp+regs.al], al
    jmp int15_ok

; 83h: AL = 0: set bit 7 of ES:BX after CX:DX microseconds; 1: never mind.
int15_83:
    cmp al, 1
    ja int15_unknown
    je .cancel
    cli
    test byte [WAIT_ACTIVE], WAIT_BUSY
    jnz wait_is_busy
    mov bx, [bp+regs.bx]
    mov es, [bp+regs.es]
    call wait_start
    jmp int15_ok
.cancel:
    cli
    call wait_end
    jmp int15_ok
wait_is_busy:
    mov byte [bp+regs.ah], 83h
    CARRY_ON
    ret

; 86h: returns after CX:DX microseconds.
int15_86:
    cli
    test byte [WAIT_ACTIVE], WAIT_BUSY
    jnz wait_is_busy
    push ds
    pop es
    mov bx, WAIT_ACTIVE
    call wait_start
.wait:
    cli
    test byte [WAIT_ACTIVE], WAIT_OVER
    jnz .over
    call idle
    jmp .wait
.over:
    mov byte [WAIT_ACTIVE], 0
    jmp int15_ok

; Starts the count of the caller's CX:DX microseconds; ES:BX is the byte to mark.
wait_start:
    mov [WAIT_POINTER], bx
    mov [WAIT_POINTER+2], es
    mov ax, [bp+regs.dx]
    mov [WAIT_MICROS], ax
    mov ax, [bp+regs.cx]
    mov [WAIT_MICROS+2], ax
    mov byte [WAIT_ACTIVE], WAIT_BUSY
    call rtc_unmask
    mov al, CMOS_C              ; what is pending is old
    call cmos_read
    mov al, CMOS_B
    call cmos_read
    or al, RTC_PIE
    mov ah, al
    mov al, CMOS_B
    jmp cmos_write

; 84h: joystick. DX = 0: AL = switches; DX = 1: AX, BX, CX, DX = positions.
int15_84:
    mov bx, dx
    mov dx, GAME_PORT
    in al, dx
    cmp al, 0FFh
    je int15_unknown            ; no game port
    cmp bx, 1
    ja int15_unknown
    je .positions
    and al, 0F0h
    mov [bp+regs.al], al
    CARRY_OFF
    ret
.positions:
    mov word [bp+regs.ax], 0
    mov word [bp+regs.bx], 0
    mov word [bp+regs.cx], 0
    mov word [bp+regs.dx], 0
    xor cx, cx
    cli
    out dx, al                  ; fires the one-shots
.count:
    in al, dx
    test al, 0Fh
    jz .done
    inc cx
    test al, 01h
    jz .y1
    mov [bp+regs.ax], cx
.y1:
    test al, 02h
    jz .x2
    mov [bp+regs.bx], cx
.x2:
    test al, 04h
    jz .y2
    mov [bp+regs.cx], cx
.y2:
    test al, 08h
    jz .next
    mov [bp+regs.dx], cx
.next:
    cmp cx, 4000h
    jb .count
.done:
    CARRY_OFF
    ret

; C0h: ES:BX = configuration table.
int15_c0:
    mov word [bp+regs.bx], config_table
    mov [bp+regs.es], cs
    jmp int15_ok

; C1h: ES = extended BIOS data area.
int15_c1:
    mov ax, [EBDA_SEGMENT]
    mov [bp+regs.es], ax
    jmp int15_ok

; E8h: memory.
int15_e8:
    cmp al, 01h
    je int15_e801
    cmp al, 20h
    je int15_e820
    cmp al, 81h
    je int15_e881
    jmp int15_unknown
