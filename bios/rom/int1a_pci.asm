; The PCI BIOS: INT 1Ah/B1xxh, the BIOS32 service directory with its protected-mode entry, and the $PIR table.
;
; Follows the PCI BIOS Specification 2.1, the Standard BIOS 32-bit Service Directory Proposal 0.4 (Phoenix, 1993) and
; Microsoft's PCI IRQ Routing Table Specification 1.0. Without PCI the functions are unknown and the directory has no
; service.

PCI_ROUTING_OPTIONS equ 0Eh

PCI_FUNCTIONS pci16

; INT 1Ah with AH = B1h.
int1a_pci:
    call pci16_probe
    jne int1a.unknown
    cmp al, PCI_ROUTING_OPTIONS
    je .routing
    call pci16
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

; 0Eh: the entries of the table to the buffer that is described at ES:DI: its size, and where it is. BX: interrupts
; that only PCI uses.
.routing:
    push cx
    mov cx, PIR_ENTRIES_SIZE
    xchg cx, [es:di]
    cmp cx, PIR_ENTRIES_SIZE
    jb .small
    push ds
    push es
    push si
    push di
    les di, [es:di+2]
    push cs
    pop ds
    mov si, pir_entries
    mov cx, PIR_ENTRIES_SIZE
    cld
    rep movsb
    pop di
    pop si
    pop es
    pop ds
    pop cx
    mov bx, PIR_PCI_ONLY
    mov ah, PCI_OK
    clc
    jmp .return
.small:
    pop cx
    mov ah, PCI_SMALL_BUFFER
    stc
    jmp .return

; ---------------------------------------------------------------- BIOS32

BIOS32_PCI      equ '$PCI'
BIOS32_OK       equ 00h
BIOS32_NO_SERVICE equ 80h
BIOS32_NO_FUNCTION equ 81h

    bits 32

; Far call at any base of CS. EAX: service, BL: function. Returns AL: status, EBX: physical base, ECX: length, EDX: offset of
; the entry.
bios32_entry:
    test bl, bl
    jnz .no_function
    cmp eax, BIOS32_PCI
    jne .no_service
    call pci32_probe
    jne .no_service
    mov ebx, 0F0000h
    mov ecx, 10000h
    mov edx, pci32_entry-$$
    mov al, BIOS32_OK
    retf
.no_function:
    mov al, BIOS32_NO_FUNCTION
    retf
.no_service:
    mov al, BIOS32_NO_SERVICE
    retf

PCI_FUNCTIONS pci32

; Far call, with the registers of INT 1Ah.
pci32_entry:
    cmp ah, 0B1h
    jne .unknown
    cmp al, PCI_ROUTING_OPTIONS
    je .routing
    call pci32
    retf
.unknown:
    mov ah, PCI_UNKNOWN_FUNCTION
    stc
    retf
.routing:
    push ecx
    mov cx, PIR_ENTRIES_SIZE
    xchg cx, [es:edi]
    cmp cx, PIR_ENTRIES_SIZE
    jb .small
    push es
    push esi
    push edi
    les edi, [es:edi+2]
    call .here
.here:
    pop esi
    add esi, pir_entries-.here
    mov ecx, PIR_ENTRIES_SIZE
    cld
    cs rep movsb
    pop edi
    pop esi
    pop es
    pop ecx
    mov bx, PIR_PCI_ONLY
    mov ah, PCI_OK
    clc
    retf
.small:
    pop ecx
    mov ah, PCI_SMALL_BUFFER
    stc
    retf

    bits 16

    align 16, db 0FFh
bios32_directory:
    db '_32_'
    dd 0F0000h + (bios32_entry-$$)
    db 0, 1                     ; revision, length in paragraphs
    db -('_' + '3' + '2' + '_' + ((bios32_entry-$$) & 0FFh) + ((bios32_entry-$$) >> 8) + 0Fh + 1) & 0FFh
    times 5 db 0

; ---------------------------------------------------------------- $PIR

PIR_DEVICES     equ 5
PIR_ENTRIES_SIZE equ PIR_DEVICES*16
PIR_SIZE        equ 32+PIR_ENTRIES_SIZE
PIR_PCI_ONLY    equ 0000h
PIR_CHOICES     equ 0C00h       ; 10 and 11

; A byte of the table, and its sum.
%assign pir_sum 0
%macro pir_bytes 1-*
%rep %0
    db %1
%assign pir_sum (pir_sum + (%1)) & 0FFh
%rotate 1
%endrep
%endmacro
%macro pir_word 1
    pir_bytes (%1) & 0FFh, (%1) >> 8 & 0FFh
%endmacro
; Pin %2 (0: INTA#) of device %1: the register of its PIRQ line, and the interrupts that this may have.
%macro pir_pin 2
    pir_bytes PIIX_PIRQ + ((%1 + %2 - 1) & 3)
    pir_word PIR_CHOICES
%endmacro
; Device %1 in slot %2 (0: on the board).
%macro pir_device 2
    pir_bytes 0, %1 << 3
    pir_pin %1, 0
    pir_pin %1, 1
    pir_pin %1, 2
    pir_pin %1, 3
    pir_bytes %2, 0
%endmacro

    align 16, db 0FFh
pir_table:
    pir_bytes '$', 'P', 'I', 'R'
    pir_word 0100h              ; version
    pir_word PIR_SIZE
    pir_bytes 0, 1 << 3         ; the router
    pir_word PIR_PCI_ONLY
    pir_word ID_PIIX3 & 0FFFFh
    pir_word ID_PIIX3 >> 16
    times 4+11 db 0
    db PIR_CHECKSUM
pir_entries:
    pir_device 1, 0
    pir_device 2, 1
    pir_device 3, 2
    pir_device 4, 3
    pir_device 5, 4
PIR_CHECKSUM    equ -pir_sum & 0FFh
