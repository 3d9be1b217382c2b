; The monitor: its power and what it says of itself.

; ---------------------------------------------------------------- 10h: power (VBE/PM 1.0)

; In the BIOS data area: the state that was asked for while the sequencer keeps the screen dark.
VBE_POWER       equ 0BCh
POWER_STATES    equ 07h         ; standby 1, suspend 2, off 4; on is 0
VBE_PM_VERSION  equ 10h

SEQ_CLOCKING    equ 1
SEQ_SCREEN_OFF  equ 20h

; BL = 0: what there is, 1: state BH, 2: the present state to BH. The next mode that is set turns the monitor on.
vbe_power:
    cmp bl, 2
    ja .failed
    je .get
    test bl, bl
    jnz .set
    mov word [bp+frame.bx], POWER_STATES << 8 | VBE_PM_VERSION
    jmp .done
.set:
    mov al, bh
    test al, ~POWER_STATES & 0FFh
    jnz .failed
    mov ah, al                  ; one bit at most
    dec ah
    test ah, al
    jnz .failed
    mov [VBE_POWER], al
    call .clocking
    and al, ~SEQ_SCREEN_OFF & 0FFh
    test bh, bh
    jz .write
    or al, SEQ_SCREEN_OFF
.write:
    out dx, al
    jmp .done
.get:
    call .clocking
    and al, SEQ_SCREEN_OFF
    jz .store
    mov al, [VBE_POWER]
.store:
    mov [bp+frame.bh], al
.done:
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret
; AL = clocking mode register, DX = its port.
.clocking:
    mov dx, SEQUENCER
    mov al, SEQ_CLOCKING
    out dx, al
    inc dx
    in al, dx
    ret

; ---------------------------------------------------------------- 15h: the monitor

; BL = 0: what DDC there is; 1: block DX of the EDID to ES:DI.
vbe_ddc:
    cmp bl, 1
    je .edid
    ja .failed
    mov word [bp+frame.bx], 0102h       ; a block takes up to a second; DDC2
    mov ax, VBE_DONE
    ret
.edid:
    test dx, dx
    jnz .failed
    push ds
    push cs
    pop ds
    mov si, edid
    mov cx, 64
    rep movsw
    pop ds
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; The EDID 1.3 of the monitor (VESA E-EDID Standard, release A): 128 bytes whose sum is 0.
edid:
    ; header
    db 00h,0FFh,0FFh,0FFh,0FFh,0FFh,0FFh,00h
    ; manufacturer "OIR", product 1, serial 0, made 2026, EDID 1.3
    db 3Dh,32h,01h,00h,00h,00h,00h,00h,01h,24h,01h,03h
    ; analogue, 32 by 24 cm, gamma 2.2, RGB, preferred timing first
    db 0Eh,20h,18h,78h,0EAh
    ; sRGB's colours
    db 0EEh,91h,0A3h,54h,4Ch,99h,26h,0Fh,50h,54h
    ; 720x400@70, 640x480@60, 800x600@60, 1024x768@60
    db 0A1h,08h,00h
    ; standard timings at 60 Hz: 640, 800, 1024, 1280, 1600 dots wide
    db 31h,40h,45h,40h,61h,40h,81h,80h,0A9h,40h,01h,01h,01h,01h,01h,01h
    ; 1024x768@60: 65.00 MHz, blanking 320 and 38, sync 24+136 and 3+6 negative
    db 64h,19h,00h,40h,41h,00h,26h,30h,18h,88h,36h,00h,40h,0F0h,10h,00h,00h,18h
    ; name
    db 00h,00h,00h,0FCh,00h,6Fh,6Ch,64h,69h,72h,6Fh,6Eh,20h,56h,47h,41h,0Ah,20h
    ; 50 to 76 Hz, 30 to 96 kHz, 170 MHz
    db 00h,00h,00h,0FDh,00h,32h,4Ch,1Eh,60h,11h,00h,0Ah,20h,20h,20h,20h,20h,20h
    ; nothing
    db 00h,00h,00h,10h,00h,00h,00h,00h,00h,00h,00h,00h,00h,00h,00h,00h,00h,00h
    ; no extension; checksum
    db 00h,0E0h
