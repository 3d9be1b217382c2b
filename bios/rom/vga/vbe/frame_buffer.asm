; Where the linear frame buffer is: on PCI where base address 0 of the card says, else where it is on the ISA bus.
;
; Follows the PCI Local Bus Specification 2.1 §3.7.4.1 and §6.2.5.1. Asked for each time, since the guest may move it.

PCI_ADDRESS     equ 0CF8h
PCI_DATA        equ 0CFCh
PCI_ENABLE      equ 80000000h
PCI_COMMAND     equ 04h
PCI_BAR0        equ 10h
PCI_COMMAND_MEM equ 02h
PCI_NEXT_DEVICE equ 8 << 8
PCI_BUS_END     equ PCI_ENABLE + (32 << 11)

; What the card's configuration space says of itself.
VGA_VENDOR      equ 1234h
VGA_DEVICE      equ 1111h

ISA_FRAME_BUFFER equ 0E0000000h

; EAX = physical address, 0: it is nowhere. Leaves the configuration address as it was. Changes DX.
vbe_frame_buffer:
    push ebx
    push ecx
    mov dx, PCI_ADDRESS
    in eax, dx
    mov ecx, eax
    mov ebx, PCI_ENABLE
    mov eax, ebx
    out dx, eax
    in eax, dx
    cmp eax, ebx
    mov eax, ISA_FRAME_BUFFER
    jne .return                 ; no PCI
.device:
    mov eax, ebx
    call .read
    cmp eax, VGA_DEVICE << 16 | VGA_VENDOR
    je .found
    add ebx, PCI_NEXT_DEVICE
    cmp ebx, PCI_BUS_END
    jb .device
    mov eax, ISA_FRAME_BUFFER
    jmp .restore
.found:
    lea eax, [ebx+PCI_COMMAND]
    call .read
    and al, PCI_COMMAND_MEM
    mov eax, 0
    jz .restore
    lea eax, [ebx+PCI_BAR0]
    call .read
    and al, 0F0h
.restore:
    push eax
    mov eax, ecx
    mov dx, PCI_ADDRESS
    out dx, eax
    pop eax
.return:
    pop ecx
    pop ebx
    ret

; EAX = the register that EAX selects.
.read:
    mov dx, PCI_ADDRESS
    out dx, eax
    mov dx, PCI_DATA
    in eax, dx
    ret
