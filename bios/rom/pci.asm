; The PCI bus in POST: interrupts routed, base addresses given, and functions let answer.
;
; Follows the PCI Local Bus Specification 2.1 (configuration mechanism 1, chapter 6) and the data sheet of the PIIX3
; (Intel 290550). There is one bus. Without PCI nothing is done.

PCI_ADDRESS     equ 0CF8h
PCI_DATA        equ 0CFCh
PCI_ENABLE      equ 80000000h
ELCR2           equ 4D1h

; Configuration registers.
PCI_ID          equ 00h
PCI_COMMAND     equ 04h
PCI_CLASS       equ 0Ah         ; class and subclass
PCI_HEADER      equ 0Eh
PCI_BAR0        equ 10h
PCI_BAR_END     equ 28h
PCI_IRQ_LINE    equ 3Ch
PCI_IRQ_PIN     equ 3Dh
PIIX_PIRQ       equ 60h
PIIX_IDETIM     equ 40h         ; of the first channel; the second's is next

PCI_MULTI       equ 80h         ; header: more functions than the first
PCI_COMMAND_IO  equ 01h
PCI_COMMAND_MEM equ 02h
PCI_COMMAND_BM  equ 04h

ID_PIIX3        equ 70008086h
CLASS_IDE       equ 0101h
CLASS_VGA       equ 0300h
IDE_DECODE      equ 8000h

; Where addresses that POST gives begin.
PCI_FIRST_PORT  equ 0C000h
PCI_FIRST_MEM   equ 0E0000000h     ; the display adapter's frame buffer is first
; Interrupts of PIRQA# to PIRQD#, level-triggered.
PCI_IRQ_A       equ 10
PCI_IRQ_B       equ 10
PCI_IRQ_C       equ 11
PCI_IRQ_D       equ 11

; ---------------------------------------------------------------- configuration cycles

; Selects register DI of function BX (bus, then device and function). DX: the port of its first byte.
pci_select:
    push eax
    movzx eax, bx
    shl eax, 8
    mov dx, di
    and dl, 0FCh
    mov al, dl
    or eax, PCI_ENABLE
    mov dx, PCI_ADDRESS
    out dx, eax
    mov dx, di
    and dx, 3
    or dx, PCI_DATA
    pop eax
    ret

; EAX, AX or AL = register DI of function BX.
pci_read_dword:
    push dx
    call pci_select
    in eax, dx
    pop dx
    ret
pci_read_word:
    push dx
    call pci_select
    in ax, dx
    pop dx
    ret
pci_read_byte:
    push dx
    call pci_select
    in al, dx
    pop dx
    ret

; Register DI of function BX = EAX, AX or AL.
pci_write_dword:
    push dx
    call pci_select
    out dx, eax
    pop dx
    ret
pci_write_word:
    push dx
    call pci_select
    out dx, ax
    pop dx
    ret
pci_write_byte:
    push dx
    call pci_select
    out dx, al
    pop dx
    ret

; ZF: there is PCI.
pci_present:
    push eax
    push dx
    mov dx, PCI_ADDRESS
    mov eax, PCI_ENABLE
    out dx, eax
    in eax, dx
    cmp eax, PCI_ENABLE
    pop dx
    pop eax
    ret

; ---------------------------------------------------------------- POST

; Changes all registers but segments.
init_pci:
    call pci_present
    jne .return
    call route_pci_interrupts
    mov ebp, PCI_FIRST_MEM
    mov si, PCI_FIRST_PORT
    xor bx, bx
.device:
    mov di, PCI_HEADER
    call pci_read_byte
    mov cl, al                  ; bit 7: all eight functions may be there
.function:
    mov di, PCI_ID
    call pci_read_word
    cmp ax, 0FFFFh
    je .next
    call init_pci_function
.next:
    inc bl
    jz .return
    test bl, 7
    jz .device
    test cl, PCI_MULTI
    jnz .function
    add bl, 7                   ; the last device has one function
    and bl, ~7 & 0FFh
    jnz .device
.return:
    ret

; PIRQ lines to the interrupts above, which become level-triggered.
route_pci_interrupts:
    mov bx, 1 << 3
    mov di, PCI_ID
    call pci_read_dword
    cmp eax, ID_PIIX3
    jne .return
    mov eax, PCI_IRQ_A | PCI_IRQ_B << 8 | PCI_IRQ_C << 16 | PCI_IRQ_D << 24
    mov di, PIIX_PIRQ
    call pci_write_dword
    mov dx, ELCR2
    in al, dx
    or al, (1 << PCI_IRQ_A | 1 << PCI_IRQ_B | 1 << PCI_IRQ_C | 1 << PCI_IRQ_D) >> 8
    out dx, al
.return:
    ret

pci_irqs:
    db PCI_IRQ_A, PCI_IRQ_B, PCI_IRQ_C, PCI_IRQ_D

; Base addresses, interrupt and command register of function BX. SI: next free port; EBP: next free memory.
init_pci_function:
    push cx
    xor cx, cx                  ; what it may answer
    mov di, PCI_BAR0
.bar:
    call init_pci_bar
    add di, 4
    cmp di, PCI_BAR_END
    jb .bar

    mov di, PCI_IRQ_PIN
    call pci_read_byte
    test al, al
    jz .no_interrupt
    ; The line of a pin moves on by one with each slot: PIRQA# is pin 1 of device 1.
    mov dl, bl
    shr dl, 3
    add al, dl
    sub al, 2
    and ax, 3
    mov di, ax
    mov al, [cs:pci_irqs+di]
    mov di, PCI_IRQ_LINE
    call pci_write_byte
.no_interrupt:
    mov di, PCI_CLASS
    call pci_read_word
    cmp ax, CLASS_VGA
    je .vga
    cmp ax, CLASS_IDE
    jne .enable
    ; Both channels decode their old ports.
    mov eax, IDE_DECODE << 16 | IDE_DECODE
    mov di, PIIX_IDETIM
    call pci_write_dword
    or cl, PCI_COMMAND_IO | PCI_COMMAND_BM
    jmp .enable
.vga:
    or cl, PCI_COMMAND_IO | PCI_COMMAND_MEM
.enable:
    mov di, PCI_COMMAND
    call pci_read_word
    or ax, cx
    call pci_write_word
    pop cx
    ret

; Base address register DI of function BX. CX: adds what the function may answer. Base addresses of 64 bits are left
; out.
init_pci_bar:
    mov eax, 0FFFFFFFFh
    call pci_write_dword
    call pci_read_dword
    test eax, eax
    jz .return                  ; there is none
    test al, 1
    jz .memory

    or eax, 0FFFF0000h          ; the upper half may not be there (PCI 2.1 6.2.5.1)
    and al, 0FCh
    neg eax
    mov edx, eax                ; how many
    dec eax
    add si, ax
    not ax
    and si, ax
    movzx eax, si
    call pci_write_dword
    add si, dx
    or cl, PCI_COMMAND_IO
    ret
.memory:
    and al, 0F0h
    neg eax
    mov edx, eax
    dec eax
    add ebp, eax
    not eax
    and ebp, eax
    mov eax, ebp
    call pci_write_dword
    add ebp, edx
    or cl, PCI_COMMAND_MEM
.return:
    ret
