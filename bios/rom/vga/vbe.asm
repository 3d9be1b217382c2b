; INT 10h/4Fh: VESA BIOS extension 3.0 over Bochs's display interface.
;
; Follows the VBE Core Functions Standard 3.0, VBE/PM 1.0 and VBE/DDC 1.1. Left out: planar modes, the hardware
; stereoscopy and scheduled display starts of 07h, refresh rates of one's own (the CRTC block of 02h is not read).

VBE_DONE        equ 004Fh
VBE_FAILED      equ 014Fh
VBE_NOT_NOW     equ 034Fh       ; not in the present mode

; What code for 16 and for 32 bits shares.

; Until the next vertical retrace begins. Changes AL, DX.
%macro WAIT_FOR_RETRACE 0
    mov dx, 3DAh
%%over:
    in al, dx
    test al, 8
    jnz %%over
%%wait:
    in al, dx
    test al, 8
    jz %%wait
%endmacro

; (E)CX colours at ES:%1, from the one on whose index was written, through the data port DX.
%macro DAC_WRITE 1
%%next:
    mov al, [es:%1+2]
    out dx, al
    mov al, [es:%1+1]
    out dx, al
    mov al, [es:%1]
    out dx, al
    add %1, 4
    loop %%next
%endmacro

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
    cmp al, 10h
    je .power
    cmp al, 15h
    je .ddc
    cmp al, VBE_LAST
    ja .none
    movzx si, al
    add si, si
    call [cs:vbe_functions+si]
    jmp .store
.power:
    call vbe_power
    jmp .store
.ddc:
    call vbe_ddc
.store:
    mov [bp+frame.ax], ax
.none:
    ret

%include "vbe/dispi.asm"
%include "vbe/modes.asm"
%include "vbe/frame_buffer.asm"
%include "vbe/information.asm"
%include "vbe/set_mode.asm"
%include "vbe/state.asm"
%include "vbe/view.asm"
%include "vbe/colours.asm"
%include "vbe/protected.asm"
%include "vbe/monitor.asm"
