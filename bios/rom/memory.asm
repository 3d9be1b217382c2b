; How much memory there is: POST asks the CMOS, and looks for itself where that cannot be believed.

MAX_PROBE_MIB   equ 3072
PROBE_CELL      equ 0500h       ; nothing lives there during POST

; EB_EXT_KIB = memory above 1 MiB in KiB.
detect_memory:
    call load_ebda
    call cmos_checksum
    cmp ax, bx
    jne .probe
    mov al, CMOS_ABOVE_16M
    call cmos_read_word
    movzx eax, ax
    shl eax, 6
    jz .below_16m
    add eax, 15*1024
    jmp .store
.below_16m:
    mov al, CMOS_EXT_FOUND
    call cmos_read_word
    test ax, ax
    jnz .found
    mov al, CMOS_EXT_KIB
    call cmos_read_word
.found:
    movzx eax, ax
    jmp .store
.probe:
    call probe_memory
.store:
    mov [es:EB_EXT_KIB], eax
    ret

; AX = the checksum that the CMOS should hold, BX = the one it holds.
cmos_checksum:
    push cx
    push dx
    xor dx, dx
    mov cx, 10h                 ; CH = 0
.next:
    mov al, cl
    call cmos_read
    xor ah, ah
    add dx, ax
    inc cl
    cmp cl, CMOS_CHECKSUM
    jb .next
    mov al, CMOS_CHECKSUM
    call cmos_read_word
    xchg al, ah
    mov bx, ax
    mov ax, dx
    pop dx
    pop cx
    ret

; Stores the checksum over the CMOS as it is now.
cmos_set_checksum:
    pusha
    call cmos_checksum
    mov bx, ax
    mov ah, bh
    mov al, CMOS_CHECKSUM
    call cmos_write
    mov ah, bl
    mov al, CMOS_CHECKSUM+1
    call cmos_write
    popa
    ret

; EAX = KiB above 1 MiB, found by writing to the first dword of each MiB. POST only: it enters protected mode
; for a flat segment in FS, whose limit stays when it leaves.
probe_memory:
    push fs
    pushf
    cli
    in al, PORT_92
    push ax
    or al, PORT_92_A20
    and al, 0FEh
    out PORT_92, al
    lgdt [cs:.gdt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov bx, 8
    mov fs, bx
    and al, 0FEh
    mov cr0, eax
    mov esi, 100000h
    xor ecx, ecx
.next:
    mov edx, [fs:esi]
    mov ebx, esi
    xor ebx, 5AA5C33Ch
    mov [fs:esi], ebx
    mov [fs:PROBE_CELL], ecx    ; another value on the bus
    cmp [fs:esi], ebx
    mov [fs:esi], edx
    jne .end
    inc ecx
    add esi, 100000h
    cmp ecx, MAX_PROBE_MIB-1
    jb .next
.end:
    mov bx, 10h
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov fs, bx
    and al, 0FEh
    mov cr0, eax
    pop ax
    and al, 0FEh
    out PORT_92, al
    mov eax, ecx
    shl eax, 10
    popf
    pop fs
    ret
    align 8
.gdt:
    dq 0
    dq 00CF92000000FFFFh
    dq 000092000000FFFFh
.gdt_pointer:
    dw 23
    dd 0F0000h + .gdt

show_memory:
    mov si, .text
    call put_text
    movzx eax, word [BASE_KIB]
    call put_decimal
    mov si, .text_plus
    call put_text
    call load_ebda
    mov eax, [es:EB_EXT_KIB]
    call put_decimal
    mov si, .text_kib
    call put_text
    ret
.text:      db "Memory         ", 0
.text_plus: db " + ", 0
.text_kib:  db " KiB", 13, 10, 0

; ---------------------------------------------------------------- INT 15h/88h, E801h, E820h, E881h

; AX = KiB above 1 MiB, at most 63 MiB.
int15_88:
    call load_ebda
    mov eax, [es:EB_EXT_KIB]
    cmp eax, 63*1024
    jbe .store
    mov eax, 63*1024
.store:
    mov [bp+regs.ax], ax
    CARRY_OFF
    ret

; AX = CX = KiB between 1 and 16 MiB, BX = DX = 64 KiB blocks above. E881h: the same in 32 bits.
int15_e801:
    call memory_e801
    mov [bp+regs.ax], ax
    mov [bp+regs.cx], ax
    mov [bp+regs.bx], dx
    mov [bp+regs.dx], dx
    CARRY_OFF
    ret
int15_e881:
    call memory_e801
    mov [bp+regs.eax], eax
    mov [bp+regs.ecx], eax
    mov [bp+regs.ebx], edx
    mov [bp+regs.edx], edx
    CARRY_OFF
    ret

; EAX = KiB between 1 and 16 MiB, EDX = 64 KiB blocks above.
memory_e801:
    call load_ebda
    mov eax, [es:EB_EXT_KIB]
    xor edx, edx
    cmp eax, 15*1024
    jbe .return
    mov edx, eax
    sub edx, 15*1024
    shr edx, 6
    mov eax, 15*1024
.return:
    ret

; The memory map, an entry a call: EBX is the number of the entry, ES:DI receives 20 bytes of base, length and type.
int15_e820:
    cmp dword [bp+regs.edx], 'PAMS'
    jne .error
    cmp dword [bp+regs.ecx], 20
    jb .error
    mov ebx, [bp+regs.ebx]
    cmp ebx, MEMORY_MAP_ENTRIES
    jae .error
    call load_ebda
    mov ecx, [es:EB_EXT_KIB]
    shl ecx, 10                 ; at most 3 GiB
    imul si, bx, 12
    add si, memory_map
    mov es, [bp+regs.es]
    mov di, [bp+regs.di]
    inc ebx
    cs lodsd                    ; base
    stosd
    xor eax, eax
    stosd
    cs lodsd                    ; length, 0: what there is above 1 MiB
    test eax, eax
    jnz .length
    mov eax, ecx
.length:
    stosd
    xor eax, eax
    stosd
    cs lodsd                    ; type
    stosd
    test ecx, ecx
    jnz .next
    cmp bl, MEMORY_MAP_ABOVE_1M
    jne .next
    inc bx                      ; a machine with 1 MiB
.next:
    cmp bl, MEMORY_MAP_ENTRIES
    jb .more
    xor ebx, ebx
.more:
    mov [bp+regs.ebx], ebx
    mov dword [bp+regs.eax], 'PAMS'
    mov dword [bp+regs.ecx], 20
    CARRY_OFF
    ret
.error:
    mov byte [bp+regs.ah], 86h
    CARRY_ON
    ret

MEMORY_USABLE   equ 1
MEMORY_RESERVED equ 2
memory_map:
    dd 00000000h, EBDA_START*16, MEMORY_USABLE
    dd EBDA_START*16, EBDA_KIB*1024, MEMORY_RESERVED
    dd 000F0000h, 00010000h, MEMORY_RESERVED
    dd 00100000h, 0, MEMORY_USABLE
    dd 0FFFF0000h, 00010000h, MEMORY_RESERVED
MEMORY_MAP_ABOVE_1M equ 3
MEMORY_MAP_ENTRIES equ ($-memory_map)/12
