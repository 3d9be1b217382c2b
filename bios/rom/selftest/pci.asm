; Tests of the PCI BIOS: INT 1Ah/B1xxh, BIOS32, and the $PIR table. The machine is an i440FX with a PIIX3.

PCI_HOST        equ 0000h       ; bus, device and function
PCI_ISA         equ 0008h
PCI_IDE         equ 0009h
PCI_BUFFER      equ 5000h       ; of segment 0: nothing else is there

%macro pci 1
    mov ax, 0B100h + %1
    int 1Ah
%endmacro
%macro expect 3                 ; a comparison, and the condition on which it fails
    cmp %1, %2
    %3 failed
%endmacro

pci_present:
    pci 01h
    jc failed
    expect edx, 'PCI ', jne
    expect bx, 0210h, jne
    expect ax, 0011h, jne
    expect cl, 0, jne
    jmp passed

pci_find:
    mov cx, 7000h
    mov dx, 8086h
    xor si, si
    pci 02h
    jc failed
    expect bx, PCI_ISA, jne
    expect ah, 0, jne
    mov si, 1
    pci 02h
    jnc failed
    expect ah, 86h, jne
    mov dx, 0FFFFh
    pci 02h
    jnc failed
    expect ah, 83h, jne
    xor si, si
    mov ecx, 060000h
    pci 03h
    jc failed
    expect bx, PCI_HOST, jne
    mov ecx, 0FFFFFFh
    pci 03h
    jnc failed
    jmp passed

pci_registers:
    mov bx, PCI_HOST
    xor di, di
    pci 0Ah
    jc failed
    expect ecx, 12378086h, jne
    mov di, 2
    pci 09h
    jc failed
    expect cx, 1237h, jne
    mov di, 0Bh
    pci 08h
    jc failed
    expect cl, 06h, jne
    mov di, 0Dh                 ; latency
    mov cl, 40h
    pci 0Bh
    jc failed
    mov cl, 0
    pci 08h
    expect cl, 40h, jne
    mov di, 60h
    mov ecx, 04030201h
    pci 0Dh
    jc failed
    mov cx, 0605h
    mov di, 62h
    pci 0Ch
    jc failed
    mov di, 60h
    pci 0Ah
    expect ecx, 06050201h, jne
    ; Registers that are not there.
    mov di, 61h
    pci 09h
    jnc failed
    expect ah, 87h, jne
    mov di, 62h
    pci 0Dh
    jnc failed
    mov di, 100h
    pci 08h
    jnc failed
    expect ah, 87h, jne
    ; A function that is not there reads as ones.
    mov bx, 00F8h
    xor di, di
    pci 0Ah
    expect ecx, 0FFFFFFFFh, jne
    pci 05h
    jnc failed
    expect ah, 81h, jne
    jmp passed

pci_set_up:                     ; by POST
    mov bx, PCI_IDE
    mov di, 40h
    pci 0Ah
    and ecx, 80008000h
    expect ecx, 80008000h, jne
    mov di, 04h
    pci 08h
    and cl, 05h
    expect cl, 05h, jne
    mov dx, 4D1h
    in al, dx
    and al, 0Ch
    expect al, 0Ch, jne
    jmp passed

pci_routing:
    push cs
    pop es
    mov di, .buffer
    mov word [.buffer], 15
    mov word [.buffer+2], PCI_BUFFER
    mov [.buffer+4], cs
    xor bx, bx
    pci 0Eh
    jnc failed
    expect ah, 89h, jne
    expect word [.buffer], 80, jne
    pci 0Eh
    jc failed
    expect bx, 0, jne
    expect dword [PCI_BUFFER+32], 00621800h, jne  ; device 3: PIRQC#
    ; INTA# of device 3 to interrupt 11, and not to 8.
    mov bx, 0018h
    mov cx, 0B0Ah
    pci 0Fh
    jc failed
    mov bx, PCI_ISA
    mov di, 62h
    pci 08h
    expect cl, 0Bh, jne
    mov cx, 080Ah
    pci 0Fh
    jnc failed
    expect ah, 88h, jne
    jmp passed
.buffer:  times 6 db 0

; The table begins on a paragraph and its bytes add up to zero; so do those of the directory.
pci_tables:
    mov eax, '$PIR'
    call find_paragraph
    jc failed
    mov cx, [es:si+6]
    call add_up
    jnz failed
    mov eax, '_32_'
    call find_paragraph
    jc failed
    mov cx, 16
    call add_up
    jnz failed
    mov eax, [es:si+4]
    mov [bios32], eax
    push cs
    pop es
    jmp passed

; ES:SI: where in the BIOS a paragraph begins with EAX. CF: nowhere.
find_paragraph:
    mov si, 0F000h
    mov es, si
    xor si, si
.next:
    cmp [es:si], eax
    je .found
    add si, 10h
    jnz .next
    stc
    ret
.found:
    clc
    ret
; ZF: the CX bytes at ES:SI add up to zero.
add_up:
    push si
    mov al, 0
.next:
    add al, [es:si]
    inc si
    loop .next
    pop si
    test al, al
    ret

; The service directory and the PCI BIOS, called in protected mode with flat segments.
pci_bios32:
    cli
    lgdt [.gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 08h:.protected
    bits 32
.protected:
    mov ax, 10h
    mov ds, ax
    mov es, ax
    mov [.result], dword 0
    mov eax, '$PCI'
    xor ebx, ebx
    push cs
    call .call_directory
    test al, al
    jnz .leave
    add edx, ebx
    mov [.entry], edx
    mov ax, 0B102h
    mov cx, 7010h
    mov dx, 8086h
    xor esi, esi
    push cs
    call .call_pci
    jc .leave
    cmp bx, PCI_IDE
    jne .leave
    mov edi, .buffer32
    mov word [edi], 80
    mov dword [edi+2], PCI_BUFFER
    mov word [edi+6], 10h
    mov ax, 0B10Eh
    push cs
    call .call_pci
    jc .leave
    cmp dword [PCI_BUFFER+32], 00621800h
    jne .leave
    mov eax, 'NONE'
    xor ebx, ebx
    push cs
    call .call_directory
    cmp al, 80h
    jne .leave
    inc dword [.result]
.leave:
    jmp 18h:.sixteen
.call_directory:
    jmp [bios32]
.call_pci:
    jmp [.entry]
    bits 16
.sixteen:
    mov ax, 20h
    mov ds, ax
    mov es, ax
    mov eax, cr0
    and al, 0FEh
    mov cr0, eax
    jmp 0:.real
.real:
    xor ax, ax
    mov ds, ax
    mov es, ax
    sti
    cmp byte [.result], 0
    je failed
    jmp passed
.result:    dd 0
.entry:     dd 0
.buffer32:  times 8 db 0
    align 8
.gdt:
    dq 0
    dw 0FFFFh, 0, 9B00h, 00CFh          ; 08h: code of 32 bits
    dw 0FFFFh, 0, 9300h, 00CFh          ; 10h: data
    dw 0FFFFh, 0, 9B00h, 0              ; 18h: code of 16 bits
    dw 0FFFFh, 0, 9300h, 0              ; 20h: data
.gdt_pointer:
    dw 5*8-1
    dd .gdt

bios32:     dd 0

; The root pointer is on a paragraph of the extended BIOS data area; the others are in the ROM.
acpi_tables:
    push 40h
    pop es
    mov es, [es:0Eh]
    xor si, si
.next:
    cmp dword [es:si], 'RSD '
    je .found
    add si, 10h
    cmp si, 400h
    jb .next
.failed:
    push cs
    pop es
    jmp failed
.found:
    mov cx, 20
    call add_up
    jnz .failed
    mov eax, [es:si+16]         ; RSDT
    call .table
    jnz .failed
    mov eax, [es:si+36]         ; FADT
    call .table
    jnz .failed
    cmp dword [es:si], 'FACP'
    jne .failed
    mov eax, [es:si+56]
    mov [pm_base], ax
    mov eax, [es:si+40]
    call .table
    jnz .failed
    cmp dword [es:si], 'DSDT'
    jne .failed
    push cs
    pop es
    jmp passed
; ES:SI: the table at EAX in the ROM. ZF: it adds up.
.table:
    mov si, ax
    push 0F000h
    pop es
    mov cx, [es:si+4]
    jmp add_up

; The floating pointer structure is on a paragraph of the extended BIOS data area, too, and so is the table.
mp_tables:
    push 40h
    pop es
    mov es, [es:0Eh]
    xor si, si
.next:
    cmp dword [es:si], '_MP_'
    je .found
    add si, 10h
    cmp si, 400h
    jb .next
.failed:
    push cs
    pop es
    jmp failed
.found:
    mov cx, 16
    call add_up
    jnz .failed
    mov eax, [es:si+4]
    mov si, ax
    and si, 0Fh
    shr eax, 4
    mov es, ax
    cmp dword [es:si], 'PCMP'
    jne .failed
    mov cx, [es:si+4]
    call add_up
    jnz .failed
    cmp dword [es:si+36], 0FEE00000h    ; local APICs
    jne .failed
    cmp word [es:si+44], 0              ; the first entry is the processor
    jne .failed
    mov eax, 1
    cpu 586
    push si
    cpuid
    pop si
    cpu 386
    cmp [es:si+48], eax
    jne .failed
    cmp [es:si+52], edx
    jne .failed
    push cs
    pop es
    jmp passed

acpi_registers:
    mov dx, [pm_base]
    add dx, 4
    in ax, dx
    test al, 1
    jz failed
    add dx, 4
    in eax, dx
    mov ebx, eax
    call now
    mov cx, ax
.wait:
    call now
    sub ax, cx
    cmp ax, 2
    jb .wait
    in eax, dx
    sub eax, ebx
    and eax, 0FFFFFFh
    cmp eax, 3579545/20         ; one to two ticks of 55 ms
    jb failed
    cmp eax, 3579545/8
    ja failed
    jmp passed
pm_base:    dw 0

apm:
    mov ax, 5300h
    xor bx, bx
    int 15h
    jc failed
    expect ax, 0102h, jne
    expect bx, 'MP', jne
    mov ax, 530Ah
    mov bx, 1
    int 15h
    jc failed
    expect bh, 1, jne
    mov ax, 530Bh
    int 15h
    jnc failed
    expect ah, 80h, jne
    mov ax, 5307h
    mov bx, 1
    mov cx, 4
    int 15h
    jnc failed
    expect ah, 0Ah, jne
    jmp passed
