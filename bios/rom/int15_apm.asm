; INT 15h/53h, advanced power management, and its entry for protected mode of 32 bits.
;
; Follows the APM BIOS Interface Specification 1.2 (Intel and Microsoft, 1996). The machine can be turned off and has
; nothing else to manage: it is on line, it has no battery, and no events come. Left out: the interface for protected
; mode of 16 bits; functions are carried out whether an interface is connected or not.

APM_VERSION     equ 0102h
APM_32_BIT      equ 02h         ; of the installation check
APM_ALL_DEVICES equ 0001h
APM_BIOS        equ 0000h
APM_STATE_OFF   equ 3

APM_NO_16_BIT   equ 06h
APM_BAD_DEVICE  equ 09h
APM_BAD_PARAMETER equ 0Ah
APM_UNKNOWN     equ 0Ch
APM_CANNOT      equ 60h
APM_NO_EVENT    equ 80h

POWER_PORT      equ 8900h       ; takes the word "Shutdown"

; APM_FUNCTIONS name: defines name, which does function AL for a code segment of either width. Returns CF, and then AH: the
; error. It names no address.
%macro APM_FUNCTIONS 1
%1:
    cmp al, 05h
    je %1_idle
    cmp al, 07h
    je %1_set_state
    cmp al, 0Ah
    je %1_power_status
    cmp al, 0Bh
    je %1_event
    cmp al, 0Ch
    je %1_get_state
    cmp al, 0Eh
    je %1_version
    cmp al, 10h
    je %1_capabilities
    cmp al, 04h                 ; disconnect
    je %1_ok
    cmp al, 06h                 ; busy
    jb %1_unknown
    cmp al, 0Fh                 ; enable, restore, engage: there is nothing to do
    jbe %1_ok
%1_unknown:
    mov ah, APM_UNKNOWN
    stc
    ret
%1_ok:
    clc
    ret
%1_idle:
    sti
    hlt
    clc
    ret
%1_set_state:
    cmp bx, APM_ALL_DEVICES
    jne %1_bad_device
    cmp cx, APM_STATE_OFF
    ja %1_bad_parameter
    je %1_off
    test cx, cx                 ; ready
    jz %1_ok
    mov ah, APM_CANNOT
    stc
    ret
%1_off:
    push eax
    push edx
    mov dx, POWER_PORT
    mov eax, 'Shut'
    call %1_four
    mov eax, 'down'
    call %1_four
    pop edx
    pop eax
    clc
    ret
%1_four:
    out dx, al
    shr eax, 8
    out dx, al
    shr eax, 8
    out dx, al
    shr eax, 8
    out dx, al
    ret
%1_bad_device:
    mov ah, APM_BAD_DEVICE
    stc
    ret
%1_bad_parameter:
    mov ah, APM_BAD_PARAMETER
    stc
    ret
%1_power_status:
    cmp bx, APM_ALL_DEVICES
    jne %1_bad_device
    mov bx, 01FFh               ; on line; battery unknown
    mov cx, 80FFh               ; there is none
    mov dx, 0FFFFh
    clc
    ret
%1_event:
    mov ah, APM_NO_EVENT
    stc
    ret
%1_get_state:
    cmp bx, APM_ALL_DEVICES
    jne %1_bad_device
    xor cx, cx
    clc
    ret
%1_version:
    mov ax, APM_VERSION
    clc
    ret
%1_capabilities:
    xor bx, bx                  ; no batteries
    xor cx, cx
    clc
    ret
%endmacro

APM_FUNCTIONS apm16

int15_apm:
    cmp al, 03h
    ja .function
    cmp bx, APM_BIOS
    jne .bad_device
    cmp al, 02h
    je .no_16_bit
    ja .connect_32
    test al, al
    jnz .ok                     ; 01h: connect
    mov ax, APM_VERSION
    mov bx, 'MP'                ; BH = 'P'
    mov cx, APM_32_BIT
    jmp .ok
.connect_32:
    mov ax, 0F000h
    mov ebx, apm32_entry-$$
    mov cx, ax
    mov dx, BDA
    mov esi, 0FFFFFFFFh         ; lengths of the code segments
    mov di, 100h
.ok:
    clc
    jmp .return
.no_16_bit:
    mov ah, APM_NO_16_BIT
    stc
    jmp .return
.bad_device:
    mov ah, APM_BAD_DEVICE
    stc
    jmp .return
.function:
    call apm16
.return:
    push bp
    mov bp, sp
    jc .failed
    and byte [bp+6], ~FLAG_CARRY & 0FFh
    pop bp
    iret
.failed:
    or byte [bp+6], FLAG_CARRY
    pop bp
    iret

    bits 32
apm32_entry:
    call apm32
    retf
APM_FUNCTIONS apm32
    bits 16
