; The interface for protected mode.

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
    call vbe_pm_retrace
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
    call vbe_pm_retrace
    movzx ecx, cx
    mov al, dl
    mov dx, DAC_WRITE_INDEX
    out dx, al
    inc edx
    jecxz .done
    DAC_WRITE edi
.done:
    popad
    mov ax, VBE_DONE
    ret

; With bit 7 of BL: waits for the next vertical retrace. Changes AL.
vbe_pm_retrace:
    test bl, 80h
    jz .return
    push edx
    WAIT_FOR_RETRACE
    pop edx
.return:
    ret
vbe_pm_end:

    bits 16
