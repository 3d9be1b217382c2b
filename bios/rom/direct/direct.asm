; The adapter ROM of direct boot: takes INT 19h over, and puts a kernel or program into memory by the ports of
; platform/src/direct_boot/port.rs, which has the parsing. It runs wherever 2 KiB of the adapter area are free.
;
; Nothing here touches memory once it is loaded, not even the stack, but for the caller's new one.

    cpu 386
    bits 16
    org 0

PORT_DATA       equ 0E80h
PORT_COMMAND    equ 0E84h
COMMAND_BEGIN   equ 1
COMMAND_PLAN    equ 2
COMMAND_LOAD    equ 3
REAL_MODE       equ 1
PROTECTED_MODE  equ 2

STACK           equ 7C00h
BUFFER          equ 7C00h       ; as a boot sector it would be overwritten
SMAP            equ 534D4150h
ENTRY_BYTES     equ 20
MOST_ENTRIES    equ 128
USABLE          equ 1
MULTIBOOT       equ 2BADB002h

    db 55h, 0AAh, 2             ; 1 KiB
    jmp init
    times 1Ch-($-$$) db 0       ; no PCI data structure, no PnP header

init:
    push ds
    push 0
    pop ds
    mov word [19h*4], boot
    mov [19h*4+2], cs
    pop ds
    retf

boot:
    cli
    xor ax, ax
    mov ss, ax
    mov sp, STACK
    mov ds, ax
    mov es, ax
    sti
    cld
    mov ax, 2400h               ; A20 is off when something boots
    int 15h
    mov eax, COMMAND_BEGIN
    call command
    call send_map
    mov eax, COMMAND_PLAN
    call command
    call answer
    cmp al, REAL_MODE
    je enter_real
    cmp al, PROTECTED_MODE
    je enter_protected
.refused:
    call answer
    test al, al
    jz .end
    mov ah, 0Eh
    mov bx, 0007h
    int 10h
    jmp .refused
.end:
    int 18h
    jmp boot

command:
    mov dx, PORT_COMMAND
    out dx, eax
    ret

answer:
    mov dx, PORT_DATA
    in eax, dx
    ret

; Sends the memory map: from INT 15h/E820h, or two entries from INT 12h and INT 15h/88h.
send_map:
    xor ebx, ebx
    xor bp, bp
.next:
    mov eax, 0E820h
    mov edx, SMAP
    mov ecx, ENTRY_BYTES
    push ds
    pop es
    mov di, BUFFER
    push bp
    int 15h
    pop bp
    jc .end
    cmp eax, SMAP
    jne .end
    call send_entry
    inc bp
    cmp bp, MOST_ENTRIES
    jae .end
    test ebx, ebx
    jnz .next
.end:
    test bp, bp
    jnz .return
    int 12h
    xor ebx, ebx
    call send_kib
    mov ah, 88h
    int 15h
    mov ebx, 100000h
    call send_kib
.return:
    ret

; AX KiB from EBX on.
send_kib:
    movzx eax, ax
    shl eax, 10
    mov [BUFFER], ebx
    mov [BUFFER+8], eax
    xor eax, eax
    mov [BUFFER+4], eax
    mov [BUFFER+12], eax
    mov dword [BUFFER+16], USABLE
send_entry:
    mov si, BUFFER
    mov cx, ENTRY_BYTES
    mov dx, PORT_DATA
    rep outsb
    ret

enter_real:
    cli
    mov eax, COMMAND_LOAD
    mov dx, PORT_COMMAND
    out dx, eax
    mov dx, PORT_DATA
    in eax, dx
    mov ss, ax
    in eax, dx
    mov esp, eax
    in eax, dx                  ; for IRET: FLAGS, CS, IP
    push ax
    in eax, dx
    push ax
    in eax, dx
    push ax
    in eax, dx
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    xor eax, eax
    xor ebx, ebx
    xor ecx, ecx
    xor edx, edx
    xor esi, esi
    xor edi, edi
    xor ebp, ebp
    iret

enter_protected:
    mov ax, 2401h
    int 15h
    jnc .open
    in al, 92h
    or al, 2
    and al, 0FEh
    out 92h, al
.open:
    cli
    xor ebp, ebp
    mov bp, cs
    shl ebp, 4
    mov word [BUFFER], gdt_end - gdt - 1
    lea eax, [ebp+gdt]
    mov [BUFFER+2], eax
    o32 lgdt [BUFFER]
    lea eax, [ebp+flat]
    push dword 8
    push eax
    mov eax, cr0
    or al, 1
    mov cr0, eax
    o32 retf

    bits 32
flat:
    mov ax, 10h
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    mov eax, COMMAND_LOAD
    mov edx, PORT_COMMAND
    out dx, eax
    mov edx, PORT_DATA
    in eax, dx
    mov esi, eax
    in eax, dx
    mov ebx, eax
    xor ecx, ecx
    xor edx, edx
    xor edi, edi
    xor ebp, ebp
    mov eax, MULTIBOOT
    jmp esi

    align 8
gdt:
    dq 0
    dq 00CF9A000000FFFFh
    dq 00CF92000000FFFFh
gdt_end:

    times 1023-($-$$) db 0
    db 0                        ; the checksum
