; Part 3: protected mode, paging, and a task in ring 3.
;
; The kernel is 32-bit code in this segment (base 10000h, so that its labels are those of the real-mode part). The task
; runs at 1 GiB, in pages of its own: code that it may only read, a work page, and a region that is filled in by the
; page-fault handler as it touches it. It tries what ring 3 must not do, then runs a fixed workload that is timed with
; the 8254, and with the time-stamp counter where there is one.

BASE            equ HOME*16
PAGE_DIRECTORY  equ 40000h      ; physical addresses
KERNEL_TABLE    equ 41000h
TASK_TABLE      equ 42000h
TASK_CODE       equ 50000h
TASK_DATA       equ 51000h
TASK_STACK      equ 52000h
DEMAND_MEMORY   equ 60000h

TASK_AT         equ 40000000h   ; linear addresses
TASK_DATA_AT    equ TASK_AT + 1000h
TASK_STACK_AT   equ TASK_AT + 2000h
DEMAND_AT       equ TASK_AT + 10000h
DEMAND_PAGES    equ 32

ROUNDS          equ 12000
ROUND_LENGTH    equ 2502        ; instructions, counted in `task`
EXPECTED        equ 06839A109h          ; the workload's checksum

; Selectors
CODE32  equ 08h
DATA    equ 10h                 ; base 10000h
FLAT    equ 18h
CODE16  equ 20h
DATA16  equ 28h
USER_CODE equ 30h|3
USER_DATA equ 38h|3
TSS     equ 40h

; What the kernel counted; cleared at each start.
absolute 0D000h
results:
ticks:          resd 1
demand_faults:  resd 1
gp_caught:      resd 1
write_caught:   resd 1
ring_seen:      resd 1
checksum:       resd 1
clocks:         resd 1          ; of the 8254
cycles:         resd 2          ; of the time-stamp counter
failure:        resd 1          ; vector + 1 of an exception that nobody expected
start_ticks:    resd 1
start_count:    resd 1
start_cycles:   resd 2
results_end:
kernel_esp:     resd 1
pic_masks:      resw 1
mips_tenths:    resd 1
idt:            resb 8*49
tss:            resb 104
section .text

protected_part:
    mov si, .line
    call serial_line
    mov bl, PAGE
    call text_screen
    mov si, .title
    mov ah, 0Fh
    mov di, AT(1, 3)
    call put_text
    mov si, .about
    mov ah, 07h
    mov di, AT(2, 3)
    call put_text
    mov ah, BORDER
    mov si, .checks_title
    mov di, AT(4, 2)
    mov dx, 10*256+76
    call put_box
    mov ah, BORDER
    mov si, .speed_title
    mov di, AT(15, 2)
    mov dx, 7*256+76
    call put_box
    mov si, .running
    mov ah, VALUE
    mov di, AT(16, 5)
    call put_text
    mov ax, 0B0h + (15h << 8)
    mov di, PROGRESS_AT
    mov cx, PROGRESS_CELLS
    call put_cells

    call run_protected
    call show_results
    cmp byte [unattended], 0
    jne .short
    mov si, .back
    mov ah, 07h
    mov di, AT(23, 3)
    call put_text
    xor ah, ah
    int 16h
    ret
.short:
    mov ax, 35
    jmp pause
.line:         db "DEMO: protected mode", 0
.title:        db "Protected mode", 0
.about:        db "A task in ring 3, in its own pages at 1 GiB, tries its limits and its speed.", 0
.checks_title: db COLOUR(TITLE), " Protection ", 0
.speed_title:  db COLOUR(TITLE), " Speed ", 0
.running:      db "running 30 million instructions ...", 0
.back:         db "Any key goes back.", 0

PROGRESS_AT    equ AT(17, 5)
PROGRESS_CELLS equ 70

; ---------------------------------------------------------------- there and back

run_protected:
    push ds
    pop es
    xor eax, eax
    mov di, results
    mov cx, results_end-results
    rep stosb
    call build_pages
    call build_idt
    mov di, tss
    mov cx, 104/2
    xor ax, ax
    rep stosw
    mov word [tss+8], DATA      ; SS0
    mov word [tss+102], 104     ; no I/O permission bitmap

    cli
    in al, 21h
    mov [pic_masks], al
    in al, 0A1h
    mov [pic_masks+1], al
    mov bx, 2820h               ; IRQs to 20h and 28h, away from the exceptions
    call set_pics
    mov al, 0FEh                ; only the timer
    out 21h, al
    mov al, 0FFh
    out 0A1h, al

    pushad
    push ds
    push es
    movzx eax, sp
    mov [kernel_esp], eax
    mov [tss+4], eax            ; ESP0
    lgdt [gdt_pointer]
    lidt [idt_pointer]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword CODE32:kernel

; From the kernel, paging off, in 16-bit segments.
back_16:
    mov eax, cr0
    and al, 0FEh
    mov cr0, eax
    jmp HOME:.real
.real:
    mov ax, cs
    mov ds, ax
    mov ss, ax
    mov sp, [kernel_esp]
    lidt [real_idt]
    pop es
    pop ds
    popad
    mov bx, 7008h               ; IRQs back to where the BIOS has them
    call set_pics
    mov al, [pic_masks]
    out 21h, al
    mov al, [pic_masks+1]
    out 0A1h, al
    ; A byte that came meanwhile raised its line before the controllers were initialised again, and a line that
    ; stays high is no edge: fetch it.
    in al, 64h
    test al, 1
    jz .no_byte
    test al, 20h
    jnz .mouse
    int 09h
    jmp .no_byte
.mouse:
    int 74h
.no_byte:
    mov ax, [frames]            ; the frames of the meantime are not owed
    mov [last_frame], ax
    sti
    ret

; Initialises both interrupt controllers with the bases BL and BH.
set_pics:
    mov al, 11h
    out 20h, al
    out 0A0h, al
    mov al, bl
    out 21h, al
    mov al, bh
    out 0A1h, al
    mov al, 4
    out 21h, al
    mov al, 2
    out 0A1h, al
    mov al, 1
    out 21h, al
    out 0A1h, al
    ret

; Page directory and tables, and the task's memory.
build_pages:
    push word PAGE_DIRECTORY >> 4
    pop es
    xor di, di
    xor eax, eax
    mov cx, 3*1024
    rep stosd
    mov dword [es:0], KERNEL_TABLE | 3
    mov dword [es:(TASK_AT >> 22)*4], TASK_TABLE | 7
    mov di, KERNEL_TABLE - PAGE_DIRECTORY
    mov eax, 3                  ; the first 4 MiB as they are, for the kernel alone
    mov cx, 1024
.page:
    stosd
    add eax, 1000h
    loop .page
    mov di, TASK_TABLE - PAGE_DIRECTORY
    mov eax, TASK_CODE | 5      ; user, read only
    stosd
    mov eax, TASK_DATA | 7
    stosd
    mov eax, TASK_STACK | 7
    stosd

    push word TASK_CODE >> 4
    pop es
    xor di, di
    mov si, task
    mov cx, task_end-task
    rep movsb
    push word TASK_DATA >> 4
    pop es
    xor di, di
    xor eax, eax
    mov cx, 2*1024
    rep stosd
    push ds
    pop es
    ret

build_idt:
    mov di, idt
    mov ax, exception_entries
    mov cx, 32
.exception:
    mov [di], ax
    mov word [di+2], CODE32
    mov word [di+4], 8E00h      ; interrupt gate
    mov word [di+6], 0
    add di, 8
    add ax, EXCEPTION_ENTRY
    loop .exception
    mov ax, timer_32
    call .gate
    mov cx, 15
    mov ax, stray_irq
.stray:
    call .gate
    loop .stray
    mov ax, system_call
    call .gate
    mov word [idt+48*8+4], 0EE00h   ; open to ring 3
    ret
.gate:
    mov [di], ax
    mov word [di+2], CODE32
    mov word [di+4], 8E00h
    mov word [di+6], 0
    add di, 8
    ret
SYSTEM_CALL equ 30h

gdt:
    dq 0
    dw 0FFFFh, BASE & 0FFFFh, 9A00h | (BASE >> 16), 0040h
    dw 0FFFFh, BASE & 0FFFFh, 9200h | (BASE >> 16), 0040h
    dw 0FFFFh, 0, 9200h, 00CFh
    dw 0FFFFh, BASE & 0FFFFh, 9A00h | (BASE >> 16), 0000h
    dw 0FFFFh, BASE & 0FFFFh, 9200h | (BASE >> 16), 0000h
    dw 0FFFFh, 0, 0FA00h, 00CFh
    dw 0FFFFh, 0, 0F200h, 00CFh
    dw 103, (BASE + tss) & 0FFFFh, 8900h | ((BASE + tss) >> 16), 0
gdt_end:
gdt_pointer:
    dw gdt_end-gdt-1
    dd BASE + gdt
idt_pointer:
    dw 8*49-1
    dd BASE + idt
real_idt:
    dw 3FFh
    dd 0

; ---------------------------------------------------------------- kernel

    bits 32
kernel:
    mov ax, DATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, [kernel_esp]
    mov ax, FLAT
    mov fs, ax
    mov gs, ax
    mov eax, PAGE_DIRECTORY
    mov cr3, eax
    mov eax, cr0
    or eax, 80000000h
    mov cr0, eax
    jmp short .paging
.paging:
    mov ax, TSS
    ltr ax
    push dword USER_DATA
    push dword TASK_STACK_AT + 1000h
    push dword 0202h            ; interrupts on, I/O privilege 0
    push dword USER_CODE
    push dword TASK_AT
    mov ax, USER_DATA
    mov ds, ax
    mov es, ax
    iretd

; Back to real mode, from any depth.
leave_32:
    cli
    mov eax, cr0
    and eax, 7FFFFFFFh
    mov cr0, eax
    jmp short .flat
.flat:
    xor eax, eax
    mov cr3, eax
    mov ax, DATA16
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    mov ss, ax
    jmp CODE16:back_16

exception_entries:
%assign vector 0
%rep 32
%if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
    nop
    nop
%else
    push byte 0
%endif
    push byte vector
    jmp near exception
%assign vector vector+1
%endrep
EXCEPTION_ENTRY equ ($-exception_entries)/32

; Exceptions: frame is EDI ESI EBP ESP EBX EDX ECX EAX, DS, vector, error, EIP, CS, EFLAGS, ...
exception:
    push ds
    pushad
    mov ax, DATA
    mov ds, ax
    mov ax, FLAT                ; IRETD to ring 3 leaves none of the kernel's selectors behind
    mov fs, ax
    mov eax, [esp+36]
    cmp eax, 14
    je .page_fault
    cmp eax, 13
    jne .unexpected
    ; The task tries CLI and OUT DX,AL, one byte each: step over them.
    test byte [esp+48], 3
    jz .unexpected
    inc dword [gp_caught]
    inc dword [esp+44]
    jmp .return
.page_fault:
    mov eax, cr2
    mov edx, [esp+40]
    test dl, 4
    jz .unexpected
    test dl, 1
    jnz .protection
    sub eax, DEMAND_AT
    cmp eax, DEMAND_PAGES*1000h
    jae .unexpected
    shr eax, 12                 ; a page for the task, the next free one
    mov ecx, [demand_faults]
    shl ecx, 12
    add ecx, DEMAND_MEMORY | 7
    mov [fs:TASK_TABLE + ((DEMAND_AT >> 12) & 3FFh)*4 + eax*4], ecx
    inc dword [demand_faults]
    mov eax, cr3
    mov cr3, eax
    jmp .return
.protection:                    ; the write to its own code, a two-byte instruction
    cmp eax, TASK_AT
    jne .unexpected
    inc dword [write_caught]
    add dword [esp+44], 2
.return:
    popad
    pop ds
    add esp, 8
    iretd
.unexpected:
    mov eax, [esp+36]
    inc eax
    mov [failure], eax
    jmp leave_32

stray_irq:
    iretd

; IRQ 0: counts, and draws how far the task is.
timer_32:
    push eax
    push ecx
    push edx
    push edi
    push ds
    mov ax, DATA
    mov ds, ax
    mov ax, FLAT
    mov fs, ax
    inc dword [ticks]
    inc word [frames]           ; as in real mode
    mov ecx, ROUNDS
    sub ecx, [fs:TASK_DATA + 0FFCh]
    imul eax, ecx, PROGRESS_CELLS
    xor edx, edx
    mov ecx, ROUNDS
    div ecx
    mov ecx, eax
    mov edi, 0B8000h + PROGRESS_AT
    jecxz .drawn
    cmp dword [start_count], 0
    je .drawn
.cell:
    mov word [fs:edi], 16DBh
    add edi, 2
    loop .cell
.drawn:
    mov al, 20h
    out 20h, al
    pop ds
    pop edi
    pop edx
    pop ecx
    pop eax
    iretd

; INT 30h: EAX = 0: end; 1: start the clock; 2: stop it, EBX = checksum. Changes no other register.
system_call:
    push ds
    pushad
    mov cx, DATA
    mov ds, ecx
    mov ecx, [esp+40]           ; CS of the task
    and ecx, 3
    mov [ring_seen], ecx
    cmp eax, 1
    je .start
    cmp eax, 2
    jne leave_32
    mov [checksum], ebx
    call read_clocks
    sub eax, [start_ticks]
    mov [clocks], eax
    cmp byte [has_tsc], 0
    je .done
    cpu 586
    rdtsc
    cpu 386
    sub eax, [start_cycles]
    sbb edx, [start_cycles+4]
    mov [cycles], eax
    mov [cycles+4], edx
    jmp .done
.start:
    call read_clocks
    mov [start_ticks], eax
    mov dword [start_count], 1
    cmp byte [has_tsc], 0
    je .done
    cpu 586
    rdtsc
    cpu 386
    mov [start_cycles], eax
    mov [start_cycles+4], edx
.done:
    popad
    pop ds
    iretd

; EAX = clocks of the 8254 since the kernel began. A tick that has come but was not yet counted (interrupts are off) shows
; in the interrupt controller.
read_clocks:
    mov al, 0
    out 43h, al
    in al, 40h
    mov cl, al
    in al, 40h
    mov ch, al
    movzx ecx, cx
    mov al, 0Ah
    out 20h, al
    in al, 20h
    mov edx, [ticks]
    test al, 1
    jz .counted
    cmp ecx, TIMER_DIVISOR/2    ; it came before the count was read
    jb .counted
    inc edx
.counted:
    imul eax, edx, TIMER_DIVISOR
    add eax, TIMER_DIVISOR
    sub eax, ecx
    ret

; ---------------------------------------------------------------- the task, copied to its own page

task:
    cli                         ; must not work here
    out dx, al
    mov edi, TASK_AT
    mov [edi], al               ; its own code: two bytes
    mov edi, DEMAND_AT          ; memory that is not there yet
    mov ecx, DEMAND_PAGES
.touch:
    mov [edi], ecx
    add edi, 1000h
    dec ecx
    jnz .touch

    mov dword [TASK_DATA_AT + 0FFCh], ROUNDS
    mov eax, 1
    int SYSTEM_CALL

    ; The workload: ROUNDS rounds of ROUND_LENGTH instructions.
    mov ebp, ROUNDS
    mov eax, 1
    xor ebx, ebx
    mov edi, TASK_DATA_AT
.round:
    mov ecx, 256                ; 1
.mix:                           ; 256 * 8: arithmetic on a kilobyte
    imul eax, eax, 1103515245
    add eax, 12345
    mov edx, eax
    shr edx, 16
    xor [edi+ecx*4-4], edx
    add ebx, [edi+ecx*4-4]
    dec ecx
    jnz .mix
    mov ecx, 64                 ; 1
.calls:                         ; 64 * 7: calls and returns
    call .rotate
    dec ecx
    jnz .calls
    dec ebp                     ; 4
    mov [TASK_DATA_AT + 0FFCh], ebp
    test ebp, ebp
    jnz .round

    mov eax, 2
    int SYSTEM_CALL
    xor eax, eax
    int SYSTEM_CALL
.rotate:
    lea edx, [ebx+ecx*2]
    rol edx, 5
    xor ebx, edx
    ret
task_end:
    bits 16

; ---------------------------------------------------------------- results

show_results:
    mov word [.at], AT(5, 5)
    cmp dword [failure], 0
    jne .failed
    mov dl, 1
    mov si, .paging
    call .check
    cmp dword [ring_seen], 3
    sete dl
    mov si, .ring
    call .check
    cmp dword [gp_caught], 2
    sete dl
    mov si, .gp
    call .check
    cmp dword [write_caught], 1
    sete dl
    mov si, .write
    call .check
    cmp dword [demand_faults], DEMAND_PAGES
    sete dl
    mov si, .demand
    call .check
    cmp dword [ticks], 0
    setne dl
    mov si, .timer
    call .check
    cmp dword [checksum], EXPECTED
    sete dl
    mov si, .sum
    call .check

    mov ax, 16DBh
    mov di, PROGRESS_AT
    mov cx, PROGRESS_CELLS
    call put_cells
    ; Instructions * clock frequency / clocks, in tenths of a million.
    mov eax, ROUNDS*ROUND_LENGTH
    mov edx, PIT_HZ
    mul edx
    mov ecx, [clocks]
    cmp edx, ecx
    jae .unmeasured
    div ecx
    xor edx, edx
    mov ecx, 100000
    div ecx
    mov [mips_tenths], eax
    mov di, line_buffer
    mov dword [di], "DEMO"
    mov dword [di+4], ": mi"
    mov word [di+8], "ps"
    mov byte [di+10], ' '
    add di, 11
    xor edx, edx
    mov ecx, 10
    div ecx
    push dx
    call append_number
    mov al, '.'
    call append_char
    pop ax
    add al, '0'
    call append_char
    mov si, line_buffer
    call serial_line

    mov ax, 1720h               ; over "running"
    mov di, AT(16, 5)
    mov cx, 40
    call put_cells
    mov si, .times
    mov ah, PANEL
    mov di, AT(16, 5)
    call put_text
    mov si, line_buffer+11
    mov ah, 16h
    mov di, AT(19, 5)
    call put_text
    mov si, .mips
    call put_text
    mov eax, [clocks]           ; milliseconds
    mov edx, 1000
    mul edx
    mov ecx, PIT_HZ
    div ecx
    push di
    mov di, line_buffer
    call append_number
    pop di
    mov si, line_buffer
    mov ah, VALUE
    call put_text
    mov si, .ms
    mov ah, PANEL
    call put_text
    cmp byte [has_tsc], 0
    je .no_tsc
    push di
    mov di, line_buffer
    mov eax, [cycles]
    mov edx, [cycles+4]
    mov ecx, 10000
    cmp edx, ecx
    jae .long
    div ecx
    xor edx, edx
    mov ecx, 100
    div ecx
    call append_number
.long:
    pop di
    mov di, AT(20, 5)
    mov si, .tsc
    mov ah, PANEL
    call put_text
    mov si, line_buffer
    mov ah, VALUE
    call put_text
    mov si, .cycles
    mov ah, PANEL
    call put_text
.no_tsc:
    mov si, .all
    jmp serial_line
.unmeasured:
    mov si, .too_fast
    mov ah, VALUE
    mov di, AT(19, 5)
    jmp put_text
.failed:
    mov di, line_buffer
    mov si, .exception
    call append_text
    mov eax, [failure]
    dec eax
    call append_number
    mov si, line_buffer
    mov ah, 14h
    mov di, AT(5, 5)
    call put_text
    mov si, line_buffer
    jmp serial_line

; A line with a tick or a cross (DL = 0), on the screen and on COM1.
.check:
    push si
    mov si, .line
    call serial_text
    mov si, .good
    mov ah, GOOD
    test dl, dl
    jnz .mark
    mov si, .bad
    mov ah, 14h
.mark:
    push si
    mov di, [.at]
    add word [.at], 160
    call put_text
    pop si
    pop bx
    push si
    mov si, bx
    mov ah, PANEL
    call put_text
    mov si, bx
    call serial_text
    pop si
    cmp si, .good
    mov si, .passed
    je .say
    mov si, .wrong
.say:
    jmp serial_line

.at:        dw 0
.line:      db "DEMO: ", 0
.good:      db 0FBh, "  ", 0
.bad:       db "x  ", 0
.passed:    db " - ok", 0
.wrong:     db " - WRONG", 0
.all:       db "DEMO: protected mode done", 0
.exception: db "DEMO: unexpected exception ", 0
.paging:    db "protected mode with paging, and back", 0
.ring:      db "a task runs in ring 3", 0
.gp:        db "it may not execute CLI or OUT (#GP)", 0
.write:     db "it may not write to its own code (#PF)", 0
.demand:    db "32 pages were given to it when it touched them (#PF)", 0
.timer:     db "timer interrupts came through the task state segment", 0
.sum:       db "the workload's result is right", 0
.mips:      db " MIPS", COLOUR(PANEL), "    30 million instructions took ", 0
.ms:        db " ms", 0
.tsc:       db "the time-stamp counter moved ", 0
.cycles:    db " million", 0
.times:     db "in the time of the machine that you see, not of the host", 0
.too_fast:  db "too fast to measure", 0
