; The APICs: set up as the MultiProcessor Specification 1.4 wants them before an operating system takes over, and its
; tables for one processor.
;
; "Virtual wire" mode (3.6.2.2): the 8259s interrupt by LINT0 of the local APIC, NMI comes by LINT1, and all inputs of the
; I/O APIC are masked. The floating pointer structure and the configuration table, which says what CPUID says, are in the
; extended BIOS data area. Where CPUID shows no local APIC there is no I/O APIC either, and nothing is done.

LOCAL_APIC      equ 0FEE00000h
IO_APIC         equ 0FEC00000h
IO_APIC_ID      equ 1
IO_APIC_VERSION equ 11h
TIMER_INPUT     equ 2           ; of the I/O APIC
PIRQ_INPUT      equ 16          ; that of PIRQA#

APIC_VERSION    equ 030h
APIC_SVR        equ 0F0h
APIC_LINT0      equ 350h
APIC_LINT1      equ 360h

; Interrupt types of the table.
MP_INT          equ 0
MP_NMI          equ 1
MP_EXTINT       equ 3
MP_PCI_BUS      equ 0
MP_ISA_BUS      equ 1
MP_ALL          equ 0FFh        ; local APICs

; CF: no local APIC. Else EAX and EDX are those of CPUID 1. Changes EBX and ECX.
apic_present:
    mov eax, 1 << 21
    call detect_cpu.can_toggle
    jz .none
    mov eax, 1
    cpu 586
    cpuid
    cpu 386
    test dh, 2
    jz .none
    clc
    ret
.none:
    stc
    ret

init_apic:
    call apic_present
    jc .return
    push ds
    push es
    call load_ebda
    push cs
    pop ds
    cld
    mov si, mp_pointer
    mov di, EB_MP_POINTER
    mov cx, MP_POINTER_SIZE
    rep movsb
    mov si, mp_table
    mov di, EB_MP_TABLE
    mov cx, MP_TABLE_SIZE
    rep movsb
    mov [es:EB_MP_TABLE+mp_table.signature-mp_table], eax
    mov [es:EB_MP_TABLE+mp_table.features-mp_table], edx
    call write_apics
    mov [es:EB_MP_TABLE+mp_table.version-mp_table], al
    mov si, EB_MP_TABLE
    mov cx, MP_TABLE_SIZE
    call .sum
    sub [es:si+mp_table.checksum-mp_table], al
    mov si, EB_MP_POINTER
    mov cx, MP_POINTER_SIZE
    call .sum
    sub [es:si+mp_pointer.checksum-mp_pointer], al
    pop es
    pop ds
.return:
    ret
; AL = the sum of CX bytes at ES:SI.
.sum:
    push si
    xor al, al
.byte:
    add al, [es:si]
    inc si
    loop .byte
    pop si
    ret

; Writes their registers, which are out of reach of real mode. DS: this segment. AL = version of the local APIC.
write_apics:
    push es
    lgdt [.gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov dx, 8
    mov es, dx
    mov si, .registers
    mov cx, (.registers_end-.registers)/8
.next:
    mov edi, [si]
    mov edx, [si+4]
    mov [es:edi], edx
    add si, 8
    loop .next
    mov edi, LOCAL_APIC+APIC_VERSION
    mov edx, [es:edi]
    mov si, 10h                 ; a limit of 64 KiB for real mode
    mov es, si
    and al, 0FEh
    mov cr0, eax
    mov al, dl
    pop es
    ret

    align 4, db 0FFh
.registers:
    dd LOCAL_APIC+APIC_SVR, 10Fh        ; on; vector of spurious interrupts
    dd LOCAL_APIC+APIC_LINT0, 700h      ; ExtINT
    dd LOCAL_APIC+APIC_LINT1, 400h      ; NMI
    dd IO_APIC, 0                       ; its ID
    dd IO_APIC+10h, IO_APIC_ID << 24
.registers_end:
.gdt:
    dq 0
    dw 0FFFFh, 0, 9300h, 00CFh          ; 08h: all memory
    dw 0FFFFh, 0, 9300h, 0              ; 10h: 64 KiB
.gdt_pointer:
    dw 3*8-1
    dd 0F0000h+(.gdt-$$)

; ---------------------------------------------------------------- tables, copied by POST

; Type, flags, bus, interrupt there, APIC, input. No flags: as on that bus.
%macro mp_interrupt 5
    db 3, %1
    dw 0
    db %2, %3, %4, %5
%endmacro

; On a paragraph only where it is copied to.
    align 16, db 0FFh
    db 0FFh
mp_pointer:
    db '_MP_'
    dd (EBDA_START << 4) + EB_MP_TABLE
    db 1                        ; paragraphs
    db 4                        ; MultiProcessor Specification 1.4
.checksum:
    db 0
    db 0                        ; there is a configuration table
    db 0                        ; virtual wire mode: no IMCR
    db 0, 0, 0
MP_POINTER_SIZE equ $-mp_pointer

mp_table:
    db 'PCMP'
    dw MP_TABLE_SIZE
    db 4
.checksum:
    db 0
    db 'OLDIRON '
    db 'OLDIRON PC  '
    dd 0                        ; no table of the manufacturer
    dw 0
    dw MP_ENTRIES
    dd LOCAL_APIC
    dw 0                        ; no extended table
    db 0, 0

    db 0, 0                     ; processor, local APIC 0
.version:
    db 0
    db 3                        ; enabled, bootstrap processor
.signature:
    dd 0
.features:
    dd 0
    dd 0, 0

    db 1, MP_PCI_BUS, 'PCI   '
    db 1, MP_ISA_BUS, 'ISA   '

    db 2, IO_APIC_ID, IO_APIC_VERSION, 1
    dd IO_APIC

    mp_interrupt MP_EXTINT, MP_ISA_BUS, 0, IO_APIC_ID, 0
    mp_interrupt MP_INT, MP_ISA_BUS, 0, IO_APIC_ID, TIMER_INPUT
    mp_interrupt MP_INT, MP_ISA_BUS, 1, IO_APIC_ID, 1
%assign isa_irq 3
%rep 13
    mp_interrupt MP_INT, MP_ISA_BUS, isa_irq, IO_APIC_ID, isa_irq
%assign isa_irq isa_irq+1
%endrep

; Each slot's INTA# is one PIRQ line further; device 1 begins with PIRQA#.
%assign pci_device 1
%rep 5
%assign pci_pin 0
%rep 4
    mp_interrupt MP_INT, MP_PCI_BUS, pci_device << 2 | pci_pin, IO_APIC_ID, PIRQ_INPUT + ((pci_device - 1 + pci_pin) & 3)
%assign pci_pin pci_pin+1
%endrep
%assign pci_device pci_device+1
%endrep

    db 4, MP_EXTINT, 0, 0, MP_ISA_BUS, 0, MP_ALL, 0
    db 4, MP_NMI, 0, 0, MP_ISA_BUS, 0, MP_ALL, 1
MP_TABLE_SIZE   equ $-mp_table
MP_ENTRIES      equ 1 + 2 + 1 + 16 + 20 + 2
%if MP_TABLE_SIZE > EB_RSDP - EB_MP_TABLE
%error "the MP table does not fit"
%endif
