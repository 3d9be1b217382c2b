; A floppy that replays vectors recorded from silicon as an operating system sees them: tasks at CPL 3 or in virtual-8086
; mode, entered with IRETD under PAE page tables, that end in an exception which ring 0 handles.
;
; The vectors are on the first hard disk, as testsuites/src/hwx/replay.rs writes them:
;
;   0000h  'RPLY', sectors on the disk in use, bytes of the LDT
;   0040h  descriptors 0 to 7 of the GDT
;   1000h  the LDT (one page)
;   2000h  records: length, frame for IRETD (21 doublewords), FXSAVE image, page table entries (count; address, low, high),
;          memory (count; address, length, bytes padded to 4). A length of 0 ends them.
;
; The results go to port E9h, behind what the BIOS writes there: 0, 'REPLAY', 0, and for each vector length, vector, doublewords
; on the stack of ring 0, ten of these, GS FS ES DS, EDI to EAX, CR2, FXSAVE image, and how many doublewords of memory differ
; from the base image, each with address and value. Length 0 and the number of records end that; then COM1 says REPLAY-DONE.
;
; Which pages a task changed is read from the dirty bits of their page table entries.
;
; Build: nasm -f bin -O2 -I bios/rom/replay/ replay.asm. The image is the first track of a 1440 KiB floppy; the rest is zeros.

IMAGE_SECTORS   equ 18

%include "../selftest/floppy.inc"

; ---------------------------------------------------------------- memory, physical

TABLES          equ 100000h     ; page directory pointers, and a table each of what follows
DIRECTORY_LOW   equ TABLES + 1000h
DIRECTORY_HIGH  equ TABLES + 2000h
TABLE_LOW       equ TABLES + 3000h
TABLE_PLAIN     equ TABLES + 4000h      ; what TABLE_LOW is before each record
KERNEL          equ 110000h
SYSTEM          equ 120000h
REFERENCE       equ 200000h     ; the base image of RAM
RESULT          equ 300000h
INPUT           equ 1000000h
RAM_PAGES       equ 80h         ; RAM of the vectors: 0 to 7FFFFh

; Linear: RAM at 0, for the tasks; everything once more here, for ring 0 alone.
WINDOW          equ 0F8000000h
WINDOW_MIB      equ 64

GDT             equ WINDOW + SYSTEM
LDT             equ WINDOW + SYSTEM + 1000h
IDT             equ WINDOW + SYSTEM + 2000h
TSS             equ WINDOW + SYSTEM + 2800h
STACK           equ WINDOW + SYSTEM + 6000h
FX              equ WINDOW + SYSTEM + 7000h
TOUCHED         equ WINDOW + SYSTEM + 7400h     ; a byte for each page of RAM

SELECTOR_TSS    equ 40h
SELECTOR_LDT    equ 48h
SELECTOR_CODE   equ 50h
SELECTOR_DATA   equ 58h
SELECTOR_FRAME  equ 60h         ; the stack of IRETD, see `enter_task`

PAGE_PRESENT    equ 01h
PAGE_WRITABLE   equ 02h
PAGE_USER       equ 04h
PAGE_DIRTY      equ 40h
PAGE_LARGE      equ 80h

; ---------------------------------------------------------------- to protected mode with paging

    cpu p3
loaded:
    mov ax, 2401h
    int 15h
    cli
    mov al, 0FFh                ; no interrupt: the tasks run with IF set
    out 21h, al
    out 0A1h, al
    lgdt [first_gdtr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp 8:.protected
    bits 32
.protected:
    mov ax, 10h
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 7C00h
    mov esi, kernel_image
    mov edi, KERNEL
    mov ecx, KERNEL_BYTES/4
    rep movsd
    mov edi, TABLES
    xor eax, eax
    mov ecx, 5*1000h/4
    rep stosd
    mov edi, SYSTEM
    mov ecx, 8000h/4
    rep stosd
    mov dword [TABLES], DIRECTORY_LOW + PAGE_PRESENT
    mov dword [TABLES + (WINDOW >> 30)*8], DIRECTORY_HIGH + PAGE_PRESENT
    mov dword [DIRECTORY_LOW], TABLE_LOW + PAGE_PRESENT + PAGE_WRITABLE + PAGE_USER
    mov edi, DIRECTORY_HIGH + (WINDOW >> 21 & 1FFh)*8
    mov eax, PAGE_PRESENT + PAGE_WRITABLE + PAGE_LARGE
    mov ecx, WINDOW_MIB/2
.large:
    mov [edi], eax
    add edi, 8
    add eax, 200000h
    loop .large
    mov edi, TABLE_PLAIN
    mov eax, PAGE_PRESENT + PAGE_WRITABLE + PAGE_USER
    mov ecx, RAM_PAGES
.small:
    mov [edi], eax
    mov [edi + TABLE_LOW - TABLE_PLAIN], eax
    add edi, 8
    add eax, 1000h
    loop .small
    mov eax, TABLES
    mov cr3, eax
    mov eax, 620h               ; PAE, OSFXSR, OSXMMEXCPT
    mov cr4, eax
    mov ecx, 0C0000080h         ; EFER
    rdmsr
    or eax, 800h                ; NXE
    wrmsr
    mov eax, 80050033h          ; PG, AM, WP, NE, ET, MP, PE
    mov cr0, eax
    jmp kernel

    align 8
first_gdt:
    dq 0, 0CF9B000000FFFFh, 0CF93000000FFFFh
first_gdtr:
    dw 23
    dd first_gdt
    times 4*512-($-$$) db 0
kernel_image:

; ---------------------------------------------------------------- the kernel

section .kernel follows=.text vstart=WINDOW+KERNEL
KERNEL_BYTES equ 14*512

kernel:
    mov esp, STACK
    call read_disk
    mov esi, WINDOW + INPUT + 40h
    mov edi, GDT
    mov ecx, 64/4
    rep movsd
    mov esi, own_descriptors
    mov ecx, own_descriptors.end - own_descriptors
    rep movsb
    mov eax, [WINDOW + INPUT + 8]
    dec eax
    mov [GDT + SELECTOR_LDT], ax
    mov esi, WINDOW + INPUT + 1000h
    mov edi, LDT
    mov ecx, 1000h/4
    rep movsd
    mov edi, IDT
    mov esi, stubs
    xor ecx, ecx
.gate:
    mov eax, esi
    mov word [edi], ax
    mov word [edi+2], SELECTOR_CODE
    mov ax, 8E00h               ; interrupt gate
    cmp cl, 3
    je .open
    cmp cl, 4
    jne .closed
.open:
    or ax, 6000h                ; DPL 3
.closed:
    mov [edi+4], eax
    add edi, 8
    add esi, STUB_BYTES
    inc cl
    jnz .gate
    mov dword [TSS + 4], STACK
    mov dword [TSS + 8], SELECTOR_DATA
    mov word [TSS + 102], 104   ; no bitmap of ports
    lgdt [gdtr]
    lidt [idtr]
    jmp SELECTOR_CODE:.home
.home:
    mov ax, SELECTOR_DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov ax, SELECTOR_LDT
    lldt ax
    mov ax, SELECTOR_TSS
    ltr ax
    call base_image
    mov dword [record], WINDOW + INPUT + 2000h
    mov esi, results_begin
    mov ecx, 8
    mov dx, 0E9h
    rep outsb

next_record:
    mov esp, STACK
    mov esi, [record]
    mov eax, [esi]
    test eax, eax
    jz done
    add [record], eax
    inc dword [records]
    ; The task's first state.
    add esi, 4
    mov edi, STACK - FRAME_BYTES
    mov ecx, FRAME_BYTES/4
    rep movsd
    mov edi, FX
    mov ecx, 512/4
    rep movsd
    ; Its pages.
    lodsd
    mov ecx, eax
    jecxz .memory
.page:
    lodsd
    shr eax, 12
    lea edi, [WINDOW + TABLE_LOW + eax*8]
    movsd
    movsd
    loop .page
.memory:
    lodsd
    mov edx, eax
.run:
    test edx, edx
    jz enter_task
    lodsd
    mov edi, eax
    shr eax, 12
    mov byte [TOUCHED + eax], 1
    mov ecx, [esi]
    lea eax, [edi + ecx - 1]
    shr eax, 12
    mov byte [TOUCHED + eax], 1 ; a run is at most a page long
    lodsd
    add edi, WINDOW
    rep movsb
    neg eax
    and eax, 3
    add esi, eax
    dec edx
    jmp .run

; IRETD to a 16-bit stack segment loads SP alone, and the upper half of ESP stays what it was in ring 0. It is made the
; task's by a stack segment whose base makes up for it.
enter_task:
    mov eax, cr3
    mov cr3, eax
    fxrstor [FX]
    mov eax, [STACK - FRAME_BYTES + FRAME_ESP]
    and eax, 0FFFF0000h
    mov ecx, STACK - FRAME_BYTES
    movzx edx, cx
    or edx, eax                 ; ESP
    sub ecx, edx                ; base
    shr ecx, 16                 ; its lower half is 0
    mov [GDT + SELECTOR_FRAME + 4], cl
    mov [GDT + SELECTOR_FRAME + 7], ch
    mov [frame_esp], edx
    lss esp, [frame_esp]
    pop gs
    pop fs
    pop es
    pop ds
    popad
    iretd

FRAME_BYTES     equ 21*4
FRAME_ESP       equ (4+8+3)*4

; A task ended. On the stack: GS FS ES DS, EDI to EAX, the vector, and what the processor pushed.
task_ended:
    pushad
    push ds
    push es
    push fs
    push gs
    mov eax, SELECTOR_DATA
    mov ds, eax
    mov es, eax
    mov ss, eax
    cld
    fxsave [FX]
    mov ebx, esp
    mov ebp, WINDOW + RESULT
    mov eax, [ebx + 12*4]
    mov [ebp + 4], eax
    lea edx, [ebx + 13*4]       ; what the processor pushed
    mov eax, STACK
    sub eax, edx
    shr eax, 2
    mov [ebp + 8], eax
    mov esi, edx
    lea edi, [ebp + 12]
    mov ecx, 10
    rep movsd
    mov esi, ebx
    mov ecx, 12
    rep movsd
    mov eax, cr2
    stosd
    mov esi, FX
    mov ecx, 512/4
    rep movsd
    mov edx, edi                ; number of differences
    and dword [edx], 0
    lea ebp, [edi + 4]
    xor ebx, ebx
.page:
    cmp byte [TOUCHED + ebx], 0
    jne .compare
    test byte [WINDOW + TABLE_LOW + ebx*8], PAGE_DIRTY
    jz .next_page
.compare:
    mov byte [TOUCHED + ebx], 0
    mov esi, ebx
    shl esi, 12
    lea edi, [esi + WINDOW + REFERENCE]
    add esi, WINDOW
    mov ecx, 1000h/4
.same:
    jecxz .next_page
    repe cmpsd
    je .next_page
    lea eax, [esi - 4 - WINDOW]
    mov [ebp], eax
    mov eax, [esi - 4]
    mov [ebp + 4], eax
    add ebp, 8
    inc dword [edx]
    mov eax, [edi - 4]
    mov [esi - 4], eax
    jmp .same
.next_page:
    inc ebx
    cmp ebx, RAM_PAGES
    jb .page
    mov esi, WINDOW + TABLE_PLAIN
    mov edi, WINDOW + TABLE_LOW
    mov ecx, RAM_PAGES*2
    rep movsd
    mov esi, WINDOW + RESULT
    mov ecx, ebp
    sub ecx, esi
    mov [esi], ecx
    mov dx, 0E9h
    rep outsb
    jmp next_record

done:
    and dword [WINDOW + RESULT], 0
    mov eax, [records]
    mov [WINDOW + RESULT + 4], eax
    mov esi, WINDOW + RESULT
    mov ecx, 8
    mov dx, 0E9h
    rep outsb
    mov esi, text_finished
say:
    lodsb
    test al, al
    jz .stop
    mov ah, al
    mov dx, 3FDh
.wait:
    in al, dx
    test al, 20h
    jz .wait
    mov al, ah
    mov dx, 3F8h
    out dx, al
    jmp say
.stop:
    cli
    hlt
    jmp .stop

; ---------------------------------------------------------------- the base image of RAM (FORMAT.md "Memory")

base_image:
    mov edi, WINDOW + REFERENCE
    xor ebx, ebx                ; number of the doubleword
.next:
    mov eax, 0F4F4F4F4h
    cmp ebx, 10000h/4
    jb .hash
    cmp ebx, 20000h/4
    jb .store
.hash:
    imul eax, ebx, 9E3779B1h
    mov edx, eax
    shr edx, 15
    xor eax, edx
    imul eax, eax, 85EBCA6Bh
    mov edx, eax
    shr edx, 13
    xor eax, edx
.store:
    stosd
    inc ebx
    cmp ebx, RAM_PAGES*1000h/4
    jb .next
    mov esi, WINDOW + REFERENCE
    mov edi, WINDOW
    mov ecx, RAM_PAGES*1000h/4
    rep movsd
    ret

; ---------------------------------------------------------------- the disk (ATA: READ SECTORS)

read_disk:
    mov edi, WINDOW + INPUT
    xor ebx, ebx
    mov ecx, 1
    call read_sectors
    cmp dword [WINDOW + INPUT], 'RPLY'
    mov esi, text_no_vectors
    jne say
.next:
    mov ecx, [WINDOW + INPUT + 4]
    sub ecx, ebx
    jz .end
    cmp ecx, 256
    jbe .read
    mov ecx, 256
.read:
    call read_sectors
    jmp .next
.end:
    ret

; ECX sectors (1 to 256) from EBX on to EDI; both move on.
read_sectors:
    push ecx
    mov dx, 1F2h
    mov al, cl
    out dx, al
    mov eax, ebx
    inc edx
    out dx, al
    inc edx
    mov al, ah
    out dx, al
    shr eax, 16
    inc edx
    out dx, al
    inc edx
    mov al, ah
    and al, 0Fh
    or al, 0E0h
    out dx, al
    inc edx
    mov al, 20h
    out dx, al
.sector:
    in al, dx
    test al, 80h
    jnz .sector
    test al, 21h                ; DF, ERR
    mov esi, text_disk
    jnz say
    test al, 8
    jz .sector
    push ecx
    push edx
    mov dx, 1F0h
    mov ecx, 256
    rep insw
    pop edx
    pop ecx
    loop .sector
    pop ecx
    add ebx, ecx
    ret

; ---------------------------------------------------------------- data

results_begin:  db 0, "REPLAY", 0
text_finished:  db "REPLAY-DONE", 13, 10, 0
text_no_vectors: db "REPLAY-FAILED: no vectors on the first hard disk", 13, 10, 0
text_disk:      db "REPLAY-FAILED: the first hard disk cannot be read", 13, 10, 0

    align 8
%define BASE(b) ((((b) & 0FFFFFFh) << 16) | (((b) >> 24) << 56))
own_descriptors:
    dq 67h | BASE(TSS) | (89h << 40)
    dq BASE(LDT) | (82h << 40)
    dq 00CF9B000000FFFFh
    dq 00CF93000000FFFFh
    dq 00CF93000000FFFFh
.end:
gdtr:
    dw 7Fh
    dd GDT
idtr:
    dw 7FFh
    dd IDT
    align 4
frame_esp:      dd 0
                dw SELECTOR_FRAME
    align 4
record:         dd 0
records:        dd 0

    align 4
STUB_BYTES      equ 10
stubs:
%assign n 0
%rep 256
    db 68h
    dd n                        ; push n
    db 0E9h
    dd task_ended - ($ + 4)     ; jmp task_ended
%assign n n+1
%endrep

    times KERNEL_BYTES-($-$$) db 0
