; ACPI: the power management function is given its ports, and the tables say where they are.
;
; Follows ACPI 1.0b. The tables that never change are in the ROM, which the memory map reserves; POST puts the root
; pointer and the FACS, which the guest may write to, into the extended BIOS data area, where there is such a function:
; without it nothing points to the tables. There is no SMI command: the machine is in ACPI mode always. The DSDT is
; bios/rom/acpi/dsdt.asl.

ID_PIIX4_PM     equ 71138086h
PIIX_PM         equ 1 << 3 | 3  ; bus 0, device 1, function 3
PIIX_PMBA       equ 40h
PIIX_PMREGMISC  equ 80h

PM_BASE         equ 0B000h
SCI_IRQ         equ 9
FACS_ADDRESS    equ (EBDA_START << 4) + EB_FACS
FACS_SIZE       equ 64
RSDP_SIZE       equ 20

; FADT flags: WBINVD works, C1 works, no fixed sleep button, no fixed RTC wake-up.
FADT_FLAGS      equ 1 << 0 | 1 << 2 | 1 << 5 | 1 << 6

init_acpi:
    mov bx, PIIX_PM
    mov di, PCI_ID
    call pci_read_dword
    cmp eax, ID_PIIX4_PM
    jne .return
    mov eax, PM_BASE
    mov di, PIIX_PMBA
    call pci_write_dword
    mov al, 1
    mov di, PIIX_PMREGMISC
    call pci_write_byte
    call apic_present
    mov si, acpi_rsdp
    jc .no_apic
    mov si, acpi_rsdp_apic
.no_apic:
    push ds
    push es
    call load_ebda
    push cs
    pop ds
    cld
    mov di, EB_RSDP
    mov cx, RSDP_SIZE
    rep movsb
    mov si, acpi_facs
    mov di, EB_FACS
    mov cx, FACS_SIZE
    rep movsb
    pop es
    pop ds
.return:
    ret

; ---------------------------------------------------------------- tables

; Bytes of a table, and their sum: `acpi_sum` of what is known at once, `acpi_addresses` of what is an address.
%macro acpi_begin 0
%assign acpi_sum 0
%define acpi_addresses 0
%endmacro
%macro acpi_bytes 1-*
%rep %0
    db %1
%assign acpi_sum (acpi_sum + ((%1) & 0FFh)) & 0FFh
%rotate 1
%endrep
%endmacro
%macro acpi_dword 1
    acpi_bytes (%1) & 0FFh, (%1) >> 8 & 0FFh, (%1) >> 16 & 0FFh, (%1) >> 24 & 0FFh
%endmacro
; The address of a label of this segment.
%macro acpi_address 1
    dd 0F0000h + (%1-$$)
%xdefine acpi_addresses acpi_addresses + ((%1-$$) & 0FFh) + ((%1-$$) >> 8) + 0Fh
%endmacro
; Signature (four letters), revision, length, name of the checksum.
%macro acpi_header 7
    acpi_begin
    acpi_bytes %1, %2, %3, %4
    acpi_dword %6
    acpi_bytes %5
    db %7
    acpi_bytes 'O', 'L', 'D', 'I', 'R', 'N'
    acpi_bytes 'O', 'L', 'D', 'I', 'R', 'O', 'N', ' '
    acpi_dword 1
    acpi_bytes 'O', 'L', 'D', 'I'
    acpi_dword 1
%endmacro
%macro acpi_end 1
%1 equ -(acpi_sum + acpi_addresses) & 0FFh
%endmacro

; Copied by POST. It is not on a paragraph here, so that nobody finds it on a machine without power management.
    align 16, db 0FFh
    db 0FFh
acpi_rsdp:
    acpi_begin
    acpi_bytes 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '
    db RSDP_CHECKSUM
    acpi_bytes 'O', 'L', 'D', 'I', 'R', 'N', 0
    acpi_address acpi_rsdt
    acpi_end RSDP_CHECKSUM

; The same on a machine with APICs.
    align 16, db 0FFh
    db 0FFh
acpi_rsdp_apic:
    acpi_begin
    acpi_bytes 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' '
    db RSDP_APIC_CHECKSUM
    acpi_bytes 'O', 'L', 'D', 'I', 'R', 'N', 0
    acpi_address acpi_rsdt_apic
    acpi_end RSDP_APIC_CHECKSUM

acpi_facs:
    db 'FACS'
    dd FACS_SIZE
    times FACS_SIZE-8 db 0

    align 16, db 0FFh
acpi_rsdt:
    acpi_header 'R', 'S', 'D', 'T', 1, 36+4, RSDT_CHECKSUM
    acpi_address acpi_fadt
    acpi_end RSDT_CHECKSUM

    align 16, db 0FFh
acpi_rsdt_apic:
    acpi_header 'R', 'S', 'D', 'T', 1, 36+8, RSDT_APIC_CHECKSUM
    acpi_address acpi_fadt
    acpi_address acpi_madt
    acpi_end RSDT_APIC_CHECKSUM

; What apic.asm sets up: ISA interrupts are the inputs of these numbers but for the timer, and the SCI stays while it is
; asserted.
    align 16, db 0FFh
acpi_madt:
    acpi_header 'A', 'P', 'I', 'C', 1, 36+8+8+12+10+10+6, MADT_CHECKSUM
    acpi_dword LOCAL_APIC
    acpi_dword 1                ; there are two 8259s, too
    acpi_bytes 0, 8, 0, 0       ; processor 0: local APIC 0,
    acpi_dword 1                ; enabled
    acpi_bytes 1, 12, IO_APIC_ID, 0
    acpi_dword IO_APIC
    acpi_dword 0
    acpi_bytes 2, 10, 0, 0      ; override: ISA interrupt 0
    acpi_dword TIMER_INPUT
    acpi_bytes 0, 0             ; as on ISA
    acpi_bytes 2, 10, 0, SCI_IRQ
    acpi_dword SCI_IRQ
    acpi_bytes 0Dh, 0           ; level-triggered, active high
    acpi_bytes 4, 6, 0FFh, 0, 0, 1      ; NMI: LINT1 of all processors
    acpi_end MADT_CHECKSUM

    align 16, db 0FFh
acpi_fadt:
    acpi_header 'F', 'A', 'C', 'P', 1, 116, FADT_CHECKSUM
    acpi_dword FACS_ADDRESS
    acpi_address acpi_dsdt
    acpi_bytes 0, 0             ; two 8259s; reserved
    acpi_bytes SCI_IRQ, 0
    acpi_dword 0                ; SMI_CMD and what is written to it
    acpi_dword 0
    acpi_dword PM_BASE          ; PM1a event block, PM1b
    acpi_dword 0
    acpi_dword PM_BASE+4        ; PM1a control block, PM1b
    acpi_dword 0
    acpi_dword 0                ; PM2 control block
    acpi_dword PM_BASE+8        ; timer
    acpi_dword 0                ; general-purpose events
    acpi_dword 0
    acpi_bytes 4, 2, 0, 4, 0, 0, 0, 0   ; lengths of these blocks
    acpi_bytes 0FFh, 0FFh       ; C2 and C3 do not work
    acpi_bytes 0FFh, 0FFh
    acpi_bytes 0, 0, 0, 0       ; flush size and stride
    acpi_bytes 0, 0             ; duty cycle
    acpi_bytes 0, 0, 32h        ; CMOS: no day and month of the alarm; century
    acpi_bytes 0, 0, 0
    acpi_dword FADT_FLAGS
    acpi_end FADT_CHECKSUM

    align 16, db 0FFh
acpi_dsdt:
    incbin "acpi/dsdt.aml"
