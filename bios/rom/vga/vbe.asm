; INT 10h/4Fh: VESA BIOS extension 3.0 over Bochs's display interface.
;
; Follows the VBE Core Functions Standard 3.0. Left out: planar modes, functions 10h (power) and the hardware
; stereoscopy and scheduled display starts of 07h, refresh rates of one's own (the CRTC block of 02h is not read).

DISPI_INDEX     equ 1CEh
DISPI_ID        equ 0
DISPI_X_RES     equ 1
DISPI_Y_RES     equ 2
DISPI_BPP       equ 3
DISPI_ENABLE    equ 4           ; 1: enabled, 20h: DAC of 8 bits, 40h: linear, 80h: memory is kept
DISPI_BANK      equ 5
DISPI_VIRT_WIDTH equ 6
DISPI_VIRT_HEIGHT equ 7
DISPI_X_OFFSET  equ 8
DISPI_Y_OFFSET  equ 9
DISPI_MEMORY    equ 0Ah         ; in units of 64 KiB

; In the BIOS data area: the number of the VBE mode with its bits 14 and 15, while one is set. VIDEO_MODE is then
; NO_MODE, which draws no text.
VBE_MODE        equ 0BAh
NO_MODE         equ 7Fh

VBE_DONE        equ 004Fh
VBE_FAILED      equ 014Fh
VBE_NOT_NOW     equ 034Fh       ; not in the present mode

; A mode: number, width, height, bits of a dot.
struc vbe_mode
    .number: resw 1
    .x:      resw 1
    .y:      resw 1
    .bpp:    resw 1
endstruc

vbe_modes:
    dw 100h,  640,  400,  8
    dw 101h,  640,  480,  8
    dw 103h,  800,  600,  8
    dw 105h, 1024,  768,  8
    dw 107h, 1280, 1024,  8
    dw 10Dh,  320,  200, 15
    dw 10Eh,  320,  200, 16
    dw 10Fh,  320,  200, 24
    dw 110h,  640,  480, 15
    dw 111h,  640,  480, 16
    dw 112h,  640,  480, 24
    dw 113h,  800,  600, 15
    dw 114h,  800,  600, 16
    dw 115h,  800,  600, 24
    dw 116h, 1024,  768, 15
    dw 117h, 1024,  768, 16
    dw 118h, 1024,  768, 24
    dw 119h, 1280, 1024, 15
    dw 11Ah, 1280, 1024, 16
    dw 11Bh, 1280, 1024, 24
    dw 11Ch, 1600, 1200,  8
    dw 11Dh, 1600, 1200, 15
    dw 11Eh, 1600, 1200, 16
    dw 11Fh, 1600, 1200, 24
    dw 140h,  320,  200, 32
    dw 141h,  640,  400, 32
    dw 142h,  640,  480, 32
    dw 143h,  800,  600, 32
    dw 144h, 1024,  768, 32
    dw 145h, 1280, 1024, 32
    dw 146h,  320,  200,  8
    dw 147h, 1600, 1200, 32
    dw 148h, 1152,  864,  8
    dw 149h, 1152,  864, 15
    dw 14Ah, 1152,  864, 16
    dw 14Bh, 1152,  864, 24
    dw 14Ch, 1152,  864, 32
    dw 0FFFFh

; Direct colours by bits of a dot: size and position of red, green, blue and what is left.
vbe_fields_15: db 5, 10, 5, 5, 5, 0, 1, 15
vbe_fields_16: db 5, 11, 6, 5, 5, 0, 0, 0
vbe_fields_24: db 8, 16, 8, 8, 8, 0, 0, 0
vbe_fields_32: db 8, 16, 8, 8, 8, 0, 8, 24

vbe_maker:   db "oldiron", 0
vbe_product: db "oldiron VGA", 0
vbe_release: db "1", 0

vbe_functions:
    dw vbe_controller           ; 00h
    dw vbe_mode_information
    dw vbe_set_mode
    dw vbe_get_mode
    dw vbe_state
    dw vbe_window
    dw vbe_line_length
    dw vbe_start
    dw vbe_dac                  ; 08h
    dw vbe_palette
    dw vbe_protected
VBE_LAST equ ($-vbe_functions)/2-1

; AL = function; as all handlers. They return AX.
vbe:
    call dispi_there
    jne .none
    cmp al, 15h
    je .ddc
    cmp al, VBE_LAST
    ja .none
    movzx si, al
    add si, si
    call [cs:vbe_functions+si]
    jmp .store
.ddc:
    call vbe_ddc
.store:
    mov [bp+frame.ax], ax
.none:
    ret

; ---------------------------------------------------------------- the display interface

; Whether the card has it: Z. Keeps all registers.
dispi_there:
    push ax
    push dx
    mov al, DISPI_ID
    call dispi_read
    and al, 0F0h
    cmp ax, 0B0C0h
    pop dx
    pop ax
    ret

; AX = register AL.
dispi_read:
    push dx
    mov dx, DISPI_INDEX
    xor ah, ah
    out dx, ax
    inc dx
    in ax, dx
    pop dx
    ret

; Register AL = CX.
dispi_write:
    push ax
    push dx
    mov dx, DISPI_INDEX
    xor ah, ah
    out dx, ax
    inc dx
    mov ax, cx
    out dx, ax
    pop dx
    pop ax
    ret

; Register AL = CX. Z if it took that. Changes AX.
dispi_try:
    call dispi_write
    call dispi_read
    cmp ax, cx
    ret

; Whether a VBE mode is set: NZ. Keeps all registers.
vbe_is_on:
    push ax
    mov al, DISPI_ENABLE
    call dispi_read
    test al, 1
    pop ax
    ret

; Back to the VGA's own picture, before another mode is set. Keeps all registers.
vbe_off:
    call dispi_there
    jne .done
    push ax
    push cx
    mov al, DISPI_ENABLE
    xor cx, cx
    call dispi_write
    pop cx
    pop ax
.done:
    ret

; AX = bytes of a dot now.
vbe_dot_bytes:
    mov al, DISPI_BPP
    call dispi_read
    add ax, 7
    shr ax, 3
    ret

; CS:SI = the mode CX; carry if there is none.
vbe_find:
    push cx
    and cx, 3FFFh
    mov si, vbe_modes
.next:
    cmp word [cs:si], 0FFFFh
    je .none
    cmp [cs:si], cx
    je .found
    add si, vbe_mode_size
    jmp .next
.none:
    stc
.found:
    pop cx
    ret

; AX = bytes of a row of the mode at CS:SI.
vbe_row_bytes:
    push dx
    mov ax, [cs:si+vbe_mode.bpp]
    add ax, 7
    shr ax, 3
    mul word [cs:si+vbe_mode.x]
    pop dx
    ret

; ---------------------------------------------------------------- 00h: the controller, to ES:DI

vbe_controller:
    xor si, si
    cmp word [es:di], "VB"
    jne .one
    cmp word [es:di+2], "E2"
    jne .one
    inc si                      ; the caller knows VBE 2.0: 512 bytes, the last 256 for the maker's data
.one:
    push di
    mov cx, 128
    xor ax, ax
    rep stosw
    test si, si
    jz .cleared
    mov cx, 128
    rep stosw
.cleared:
    pop di
    mov word [es:di], "VE"
    mov word [es:di+2], "SA"
    mov word [es:di+4], 0300h
    mov word [es:di+6], vbe_maker
    mov [es:di+8], cs
    mov byte [es:di+0Ah], 1     ; the DAC can have 8 bits
    mov word [es:di+0Eh], vbe_mode_numbers
    mov [es:di+10h], cs
    mov al, DISPI_MEMORY
    call dispi_read
    mov [es:di+12h], ax
    test si, si
    jz .done
    mov word [es:di+14h], 0100h
    mov word [es:di+16h], vbe_maker
    mov [es:di+18h], cs
    mov word [es:di+1Ah], vbe_product
    mov [es:di+1Ch], cs
    mov word [es:di+1Eh], vbe_release
    mov [es:di+20h], cs
.done:
    mov ax, VBE_DONE
    ret

; ---------------------------------------------------------------- 01h: mode CX, to ES:DI

vbe_mode_information:
    call vbe_find
    jc .none
    push di
    mov cx, 128
    xor ax, ax
    rep stosw
    pop di
    mov word [es:di], 009Bh     ; there, colour, graphics, linear frame buffer
    mov byte [es:di+2], 7       ; window A can be moved, read and written
    mov word [es:di+4], 64      ; granularity and size in KiB
    mov word [es:di+6], 64
    mov word [es:di+8], 0A000h
    mov word [es:di+0Ch], vbe_window_far
    mov [es:di+0Eh], cs
    call vbe_row_bytes
    mov [es:di+10h], ax
    mov [es:di+32h], ax         ; of the linear mode
    mov bx, ax
    mov ax, [cs:si+vbe_mode.x]
    mov [es:di+12h], ax
    mov ax, [cs:si+vbe_mode.y]
    mov [es:di+14h], ax
    mov word [es:di+16h], 1008h ; characters of 8 by 16
    mov byte [es:di+18h], 1     ; planes
    mov byte [es:di+1Ah], 1     ; banks
    mov byte [es:di+1Eh], 1
    push eax                    ; its upper half is the caller's
    call vbe_frame_buffer
    mov [es:di+28h], eax
    test eax, eax
    pop eax
    jnz .linear
    and byte [es:di], ~80h      ; only through the window
.linear:
    mov word [es:di+3Eh], 0FE80h        ; the EDID's 170 MHz, in Hz
    mov word [es:di+40h], 0A21h

    ; Whole pictures behind the first: 64-KiB units of memory over those of a picture, rounded up.
    mov ax, bx
    mul word [cs:si+vbe_mode.y]
    add ax, 0FFFFh
    adc dx, 0
    mov cx, dx
    mov al, DISPI_MEMORY
    call dispi_read
    xor dx, dx
    div cx
    dec ax
    cmp ax, 255
    jbe .images
    mov ax, 255
.images:
    mov [es:di+1Dh], al
    mov [es:di+34h], al
    mov [es:di+35h], al

    mov ax, [cs:si+vbe_mode.bpp]
    mov [es:di+19h], al
    mov byte [es:di+1Bh], 4     ; packed dots
    cmp al, 8
    je .done
    mov byte [es:di+1Bh], 6     ; direct colour
    mov si, vbe_fields_15
    cmp al, 16
    jb .fields
    mov si, vbe_fields_16
    je .fields
    mov si, vbe_fields_24
    cmp al, 24
    je .fields
    mov si, vbe_fields_32
    mov byte [es:di+27h], 2     ; the program may use what is left
.fields:
    xor bx, bx
.field:
    mov al, [cs:si+bx]
    mov [es:di+bx+1Fh], al
    mov [es:di+bx+36h], al
    inc bx
    cmp bl, 8
    jb .field
.done:
    mov ax, VBE_DONE
    ret
.none:
    mov ax, VBE_FAILED
    ret

; ---------------------------------------------------------------- 02h: set mode BX (bit 14: linear, 15: keep memory)

vbe_set_mode:
    test bx, 3E00h & ~0800h     ; bit 11, a CRTC block, changes nothing here
    jnz .none
    mov cx, bx
    and cx, ~0800h
    test ch, 3Fh
    jnz .extended
    mov al, cl                  ; a mode of IBM's; bit 15 there is bit 7 here
    cmp al, LAST_MODE
    ja .none
    test ch, 40h
    jnz .none
    movzx si, al
    cmp byte [cs:mode_kinds+si], 0FFh
    je .none
    mov ah, ch
    and ah, 80h
    or al, ah
    call set_mode
    mov ax, VBE_DONE
    ret
.none:
    mov ax, VBE_FAILED
    ret
.extended:
    push cx
    and ch, 1
    call vbe_find
    pop cx
    jc .none
    push cx
    push si
    mov al, 93h                 ; timing and colours; its memory is not ours
    call set_mode
    pop si
    pop cx
    and byte [VIDEO_CONTROL], 7Fh
    mov [VBE_MODE], cx
    mov byte [VIDEO_MODE], NO_MODE
    mov bx, cx
    mov cx, [cs:si+vbe_mode.x]
    mov al, DISPI_X_RES
    call dispi_write
    shr cx, 3
    mov [COLUMNS], cx
    mov cx, [cs:si+vbe_mode.y]
    mov al, DISPI_Y_RES
    call dispi_write
    shr cx, 4
    dec cx
    mov [ROWS_LESS_1], cl
    mov byte [CHAR_HEIGHT], 16
    mov cx, [cs:si+vbe_mode.bpp]
    mov al, DISPI_BPP
    call dispi_write
    mov cx, 1
    test bh, 40h
    jz .banked
    or cl, 40h
.banked:
    test bh, 80h
    jz .enable
    or cl, 80h
    or byte [VIDEO_CONTROL], 80h
.enable:
    mov al, DISPI_ENABLE
    call dispi_write
    mov ax, VBE_DONE
    ret

; ---------------------------------------------------------------- 03h: BX = mode

vbe_get_mode:
    call vbe_is_on
    mov bx, [VBE_MODE]
    jnz .store
    movzx bx, byte [VIDEO_MODE]
.store:
    mov [bp+frame.bx], bx
    mov ax, VBE_DONE
    ret

; ---------------------------------------------------------------- 04h: state of the parts in CX, at ES:BX

; Ours, bit 3, comes first and takes a block of 64 bytes: VBE_MODE, then the registers 1 to 9. The others follow as
; INT 10h/1Ch keeps them.
vbe_state:
    cmp dl, 2
    ja .failed
    test cx, 0Fh
    jz .failed
    test dl, dl
    jnz .move
    push cx
    xor al, al
    call save_restore           ; without any of its parts it returns nothing
    pop cx
    mov bx, [bp+frame.bx]
    test cl, 7
    jnz .size
    xor bx, bx
.size:
    test cl, 8
    jz .store
    inc bx
.store:
    mov [bp+frame.bx], bx
    jmp .done
.move:
    test cl, 8
    jz .rest
    push bx
    push cx
    push dx
    cmp dl, 2
    je .restore
    mov ax, [VBE_MODE]
    mov [es:bx], ax
    mov cl, DISPI_X_RES
.save:
    mov al, cl
    call dispi_read
    add bx, 2
    mov [es:bx], ax
    inc cx
    cmp cl, DISPI_Y_OFFSET
    jbe .save
    jmp .moved
.restore:
    call vbe_off
    mov ax, [es:bx]
    mov [VBE_MODE], ax
    mov si, vbe_restored
.next:
    mov al, [cs:si]
    test al, al
    jz .moved
    movzx di, al
    add di, di
    mov cx, [es:bx+di]
    cmp al, DISPI_ENABLE
    jne .write
    or cl, 80h                  ; what memory holds is not ours to clear
.write:
    call dispi_write
    inc si
    jmp .next
.moved:
    pop dx
    pop cx
    pop bx
    add bx, 64
.rest:
    test cl, 7
    jz .done
    mov al, dl
    call save_restore
.done:
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; In which order registers are restored.
vbe_restored:
    db DISPI_X_RES, DISPI_Y_RES, DISPI_BPP, DISPI_ENABLE, DISPI_VIRT_WIDTH
    db DISPI_X_OFFSET, DISPI_Y_OFFSET, DISPI_BANK, 0

; ---------------------------------------------------------------- 05h: window BL at bank DX

; For programs that call it themselves, with BX and DX as for the interrupt.
vbe_window_far:
    call vbe_window_move
    retf

vbe_window:
    test bh, bh
    jnz vbe_window_get
    call vbe_is_on
    jz .not_now
    call vbe_window_move
    ret
.not_now:
    mov ax, VBE_NOT_NOW
    ret

; BH = 0: moves the window. BH = 1: DX = its bank. AX = result.
vbe_window_move:
    cmp bx, 0100h
    je .get
    test bx, bx
    jnz .failed
    push cx
    mov cx, dx
    mov al, DISPI_BANK
    call dispi_try
    pop cx
    jne .failed
    mov ax, VBE_DONE
    ret
.get:
    mov al, DISPI_BANK
    call dispi_read
    mov dx, ax
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

vbe_window_get:
    call vbe_is_on
    jz vbe_window.not_now
    call vbe_window_move
    mov [bp+frame.dx], dx
    ret

; ---------------------------------------------------------------- 06h: length of a line in memory

; BL = 0: CX dots, 2: CX bytes, 1: what it is, 3: the most. BX = bytes, CX = dots, DX = lines.
vbe_line_length:
    call vbe_is_on
    jz vbe_window.not_now
    cmp bl, 3
    ja .failed
    cmp bl, 1
    je .get
    cmp bl, 3
    je .most
    test bl, bl
    jz .set
    call vbe_dot_bytes
    xchg ax, cx                 ; bytes in AX, bytes of a dot in CX
    xor dx, dx
    add ax, cx
    adc dx, dx
    sub ax, 1
    sbb dx, 0
    div cx
    mov cx, ax
.set:
    add cx, 7                   ; in characters of eight dots
    jc .failed
    and cl, 0F8h
    mov al, DISPI_VIRT_WIDTH
    call dispi_try
    jne .failed
.get:
    mov al, DISPI_VIRT_WIDTH
    call dispi_read
    mov cx, ax
    mov al, DISPI_VIRT_HEIGHT
    call dispi_read
    mov dx, ax
.store:
    mov [bp+frame.cx], cx
    mov [bp+frame.dx], dx
    call vbe_dot_bytes
    mul cx
    mov [bp+frame.bx], ax
    mov ax, VBE_DONE
    ret
.most:
    ; As many dots as 64 KiB less a character have, or as leave room for the picture's lines.
    mov al, DISPI_Y_RES
    call dispi_read
    mov cx, ax
    mov al, DISPI_MEMORY
    call dispi_read
    mov dx, ax
    xor ax, ax
    cmp dx, cx
    jae .widest                 ; a line of 64 KiB would do
    div cx                      ; bytes that a line may have
    jmp .dots
.widest:
    mov ax, 0FFF8h
.dots:
    mov bx, ax
    call vbe_dot_bytes
    xchg ax, bx
    xor dx, dx
    div bx
    and al, 0F8h
    mov cx, ax
    mov al, DISPI_Y_RES
    call dispi_read
    mov dx, ax
    jmp .store
.failed:
    mov ax, 024Fh               ; not with this hardware
    ret

; ---------------------------------------------------------------- 07h: start of the picture

; BL = 0, 80h: dot CX of line DX is the first; 1: which it is.
vbe_start:
    call vbe_is_on
    jz vbe_window.not_now
    cmp bl, 1
    je .get
    test bl, 7Fh
    jnz .failed
    test bl, bl
    jns .set
    call vbe_wait_retrace
.set:
    mov al, DISPI_X_OFFSET
    call dispi_try
    jne .failed
    mov cx, dx
    mov al, DISPI_Y_OFFSET
    call dispi_try
    jne .failed
    mov ax, VBE_DONE
    ret
.get:
    mov al, DISPI_X_OFFSET
    call dispi_read
    mov [bp+frame.cx], ax
    mov al, DISPI_Y_OFFSET
    call dispi_read
    mov [bp+frame.dx], ax
    mov byte [bp+frame.bh], 0
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; Waits for the next vertical retrace.
vbe_wait_retrace:
    push ax
    push dx
    mov dx, 3DAh
.over:
    in al, dx
    test al, 8
    jnz .over
.wait:
    in al, dx
    test al, 8
    jz .wait
    pop dx
    pop ax
    ret

; ---------------------------------------------------------------- 08h: bits of the DAC

; BL = 0: BH bits, 1: how many. BH = bits.
vbe_dac:
    call vbe_is_on
    jz vbe_window.not_now
    mov al, DISPI_BPP
    call dispi_read
    cmp al, 8
    jne .not_now                ; direct colours do not pass it
    cmp bl, 1
    ja .failed
    mov al, DISPI_ENABLE
    call dispi_read
    test bl, bl
    jnz .bits
    or al, 80h
    and al, ~20h
    cmp bh, 8
    jb .write
    or al, 20h
.write:
    mov cx, ax
    mov al, DISPI_ENABLE
    call dispi_write
    mov ax, cx
.bits:
    mov bh, 6
    test al, 20h
    jz .store
    mov bh, 8
.store:
    mov [bp+frame.bh], bh
    mov ax, VBE_DONE
    ret
.not_now:
    mov ax, VBE_NOT_NOW
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; ---------------------------------------------------------------- 09h: CX colours from DX on, at ES:DI

; BL = 0, 80h: set; 1: get. Four bytes each: blue, green, red, one unused.
vbe_palette:
    cmp dx, 0FFh
    ja .failed
    mov ax, dx
    add ax, cx
    jc .failed
    cmp ax, 100h
    ja .failed
    cmp bl, 1
    je .get
    test bl, bl
    jz .set
    cmp bl, 80h
    jne .second
    call vbe_wait_retrace
.set:
    mov al, dl
    mov dx, DAC_WRITE_INDEX
    out dx, al
    inc dx
    jcxz .done
.write:
    mov al, [es:di+2]
    out dx, al
    mov al, [es:di+1]
    out dx, al
    mov al, [es:di]
    out dx, al
    add di, 4
    loop .write
    jmp .done
.get:
    mov al, dl
    mov dx, DAC_READ_INDEX
    out dx, al
    mov dl, DAC_DATA & 0FFh
    jcxz .done
.read:
    in al, dx
    mov [es:di+2], al
    in al, dx
    mov [es:di+1], al
    in al, dx
    mov [es:di], al
    mov byte [es:di+3], 0
    add di, 4
    loop .read
.done:
    mov ax, VBE_DONE
    ret
.second:
    mov ax, 024Fh               ; there is no secondary palette
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; ---------------------------------------------------------------- 0Ah: the protected-mode interface

; BL = 0: ES:DI = table, CX = length of table and code.
vbe_protected:
    test bl, bl
    jnz .failed
    mov [bp+frame.es], cs
    mov word [bp+frame.di], vbe_pm
    mov word [bp+frame.cx], vbe_pm_end - vbe_pm
    mov ax, VBE_DONE
    ret
.failed:
    mov ax, VBE_FAILED
    ret

; Offsets from the table, then the ports that the code uses. It may be copied anywhere and runs as 32-bit code.
vbe_pm:
    dw vbe_pm_window - vbe_pm
    dw vbe_pm_start - vbe_pm
    dw vbe_pm_palette - vbe_pm
    dw vbe_pm_ports - vbe_pm
vbe_pm_ports:
    dw DISPI_INDEX, DISPI_INDEX+1, DAC_WRITE_INDEX, DAC_DATA, 3DAh, 0FFFFh
    dw 0FFFFh                   ; no memory besides the frame buffer and the window

    bits 32

; As 05h with BH = 0: bank DX.
vbe_pm_window:
    push eax
    push edx
    push edx
    mov dx, DISPI_INDEX
    mov ax, DISPI_BANK
    out dx, ax
    inc edx
    pop eax
    out dx, ax
    pop edx
    pop eax
    mov ax, VBE_DONE
    ret

; As 07h, BL = 0 or 80h: DX:CX = first byte of the picture / 4.
vbe_pm_start:
    pushad
    test bl, 80h
    jz .now
    push edx
    mov dx, 3DAh
.over:
    in al, dx
    test al, 8
    jnz .over
.wait:
    in al, dx
    test al, 8
    jz .wait
    pop edx
.now:
    shl edx, 16
    mov dx, cx
    lea esi, [edx*4]            ; the byte
    mov dx, DISPI_INDEX
    mov ax, DISPI_BPP
    out dx, ax
    inc edx
    in ax, dx
    movzx ebx, ax
    add ebx, 7
    shr ebx, 3                  ; bytes of a dot
    dec edx
    mov ax, DISPI_VIRT_WIDTH
    out dx, ax
    inc edx
    in ax, dx
    movzx ecx, ax
    imul ecx, ebx               ; bytes of a line
    mov eax, esi
    xor edx, edx
    div ecx
    push eax                    ; line
    mov eax, edx
    xor edx, edx
    div ebx
    mov ebx, eax                ; dot
    pop ecx
    mov dx, DISPI_INDEX
    mov ax, DISPI_Y_OFFSET
    out dx, ax
    inc edx
    mov eax, ecx
    out dx, ax
    dec edx
    mov ax, DISPI_X_OFFSET
    out dx, ax
    inc edx
    mov eax, ebx
    out dx, ax
    popad
    mov ax, VBE_DONE
    ret

; As 09h, BL = 0 or 80h: CX colours from DX on, at ES:EDI.
vbe_pm_palette:
    pushad
    test bl, 80h
    jz .now
    push edx
    mov dx, 3DAh
.over:
    in al, dx
    test al, 8
    jnz .over
.wait:
    in al, dx
    test al, 8
    jz .wait
    pop edx
.now:
    movzx ecx, cx
    mov al, dl
    mov dx, DAC_WRITE_INDEX
    out dx, al
    inc edx
    jecxz .done
.write:
    mov al, [es:edi+2]
    out dx, al
    mov al, [es:edi+1]
    out dx, al
    mov al, [es:edi]
    out dx, al
    add edi, 4
    loop .write
.done:
    popad
    mov ax, VBE_DONE
    ret
vbe_pm_end:

    bits 16

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

; The numbers in vbe_modes, as 00h hands them out.
vbe_mode_numbers:
    dw 100h, 101h, 103h, 105h, 107h, 10Dh, 10Eh, 10Fh, 110h, 111h, 112h, 113h
    dw 114h, 115h, 116h, 117h, 118h, 119h, 11Ah, 11Bh, 11Ch, 11Dh, 11Eh, 11Fh
    dw 140h, 141h, 142h, 143h, 144h, 145h, 146h, 147h, 148h, 149h, 14Ah, 14Bh
    dw 14Ch
    dw 0FFFFh

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
