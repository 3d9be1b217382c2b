; What kind of PC is this? Fills in the strings that the menu shows.

absolute 0B800h
cpu_text:       resb 48
memory_text:    resb 48
drives_text:    resb 64
ports_text:     resb 48
video_text:     resb 48
bios_text:      resb 48
clock_text:     resb 32
cpu_family:     resb 1
has_cpuid:      resb 1
has_tsc:        resb 1
cpuid_text:     resb 16
section .text

detect:
    call detect_cpu
    call detect_memory
    call detect_drives
    call detect_ports
    call detect_video
    call detect_bios
    ret

; The family by what can be changed in EFLAGS: AC from the 486 on, ID where there is CPUID.
detect_cpu:
    push ds
    pop es
    mov byte [cpu_family], 3
    mov byte [has_cpuid], 0
    mov byte [has_tsc], 0
    mov ecx, 1 << 18
    call flag_changes
    jz .name
    inc byte [cpu_family]
    mov ecx, 1 << 21
    call flag_changes
    jz .name
    mov byte [has_cpuid], 1
    cpu 586
    xor eax, eax
    cpuid
    mov di, cpuid_text
    mov [di], ebx
    mov [di+4], edx
    mov [di+8], ecx
    mov byte [di+12], 0
    mov eax, 1
    cpuid
    cpu 386
    test dl, 10h
    setnz [has_tsc]
    mov [cpuid_text+13], al     ; model and stepping
    and ah, 0Fh
    mov [cpu_family], ah
.name:
    mov di, cpu_text
    movzx bx, byte [cpu_family]
    sub bx, 3
    cmp bx, 3
    jbe .known
    mov bx, 3
.known:
    add bx, bx
    mov si, [cpu_names+bx]
    call append_text
    cmp byte [has_cpuid], 0
    je .fpu
    mov si, comma
    call append_text
    mov si, cpuid_text
    call append_text
    mov al, ' '
    call append_char
    movzx ax, byte [cpu_family]
    call append_word
    mov al, '.'
    call append_char
    movzx ax, byte [cpuid_text+13]
    shr ax, 4
    call append_word
    mov al, '.'
    call append_char
    movzx ax, byte [cpuid_text+13]
    and ax, 0Fh
    call append_word
.fpu:
    ; Where there is no coprocessor, nothing stores the status word.
    mov word [number_buffer], 5A5Ah
    fninit
    fnstsw [number_buffer]
    mov si, with_fpu
    cmp byte [number_buffer], 0
    je .append
    mov si, without_fpu
.append:
    jmp append_text

; ZF clear if the bits ECX of EFLAGS can be changed.
flag_changes:
    pushfd
    pop eax
    mov ebx, eax
    xor eax, ecx
    push eax
    popfd
    pushfd
    pop eax
    push ebx
    popfd
    xor eax, ebx
    test eax, ecx
    ret

cpu_names:   dw .i386, .i486, .i586, .i686
.i386:       db "80386", 0
.i486:       db "80486", 0
.i586:       db "Pentium", 0
.i686:       db "P6", 0
comma:       db ", ", 0
with_fpu:    db ", FPU", 0
without_fpu: db ", no FPU", 0

detect_memory:
    mov di, memory_text
    int 12h
    push ax
    mov ax, 0E801h
    xor cx, cx
    xor dx, dx
    int 15h
    jc .old
    test cx, cx
    jnz .sizes
    mov cx, ax
    mov dx, bx
.sizes:
    movzx eax, cx               ; KiB from 1 to 16 MiB
    movzx edx, dx               ; 64 KiB units above
    shl edx, 6
    add eax, edx
    jmp .known
.old:
    mov ah, 88h
    int 15h
    movzx eax, ax
.known:
    pop bx
    push eax
    mov di, memory_text
    mov ax, bx
    call append_word
    mov si, .base
    call append_text
    pop eax
    push eax
    call append_number
    mov si, .extended
    call append_text
    pop eax
    add eax, 1024+512           ; the first megabyte counts whole; rounded
    shr eax, 10
    call append_number
    mov si, .total
    jmp append_text
.base:      db " + ", 0
.extended:  db " KiB  (", 0
.total:     db " MiB)", 0

detect_drives:
    mov di, drives_text
    mov byte [di], 0
    xor dl, dl
.floppy:
    push dx
    push di
    mov ah, 08h
    xor di, di
    mov es, di
    int 13h
    pop di
    jc .next
    movzx si, bl
    cmp si, 6
    ja .next
    add si, si
    mov si, [floppy_names+si]
    test si, si
    jz .next
    pop dx
    push dx
    mov al, 'A'
    add al, dl
    call append_char
    mov al, ' '
    call append_char
    call append_text
    mov al, ' '
    call append_char
    call append_char
.next:
    pop dx
    inc dl
    cmp dl, 2
    jb .floppy
    push ds
    pop es
    ; Hard disks by the BIOS's count.
    push word 40h
    pop fs
    mov cl, [fs:75h]
    mov dl, 80h
.disk:
    test cl, cl
    jz .done
    push cx
    push dx
    push di
    mov ah, 08h
    int 13h
    pop di
    jc .skip
    movzx eax, cl
    and al, 3Fh
    movzx ebx, dh
    inc bx
    mul ebx
    movzx ebx, ch
    mov bh, cl
    shr bh, 6
    inc bx
    mul ebx
    shr eax, 11                 ; MiB
    pop dx
    push dx
    push eax
    mov al, dl
    sub al, 80h - 'C'
    call append_char
    mov al, ' '
    call append_char
    pop eax
    call append_number
    mov si, .mib
    call append_text
.skip:
    pop dx
    pop cx
    inc dl
    dec cl
    jmp .disk
.done:
    push ds
    pop es
    cmp byte [drives_text], 0
    jne .some
    mov si, .none
    call append_text
.some:
    ret
.mib:  db "M  ", 0
.none: db "none", 0
floppy_names: dw 0, .k360, .m12, .k720, .m144, .m288, .m288
.k360: db "360K", 0
.m12:  db "1.2M", 0
.k720: db "720K", 0
.m144: db "1.44M", 0
.m288: db "2.88M", 0

detect_ports:
    mov di, ports_text
    push word 40h
    pop fs
    int 11h
    push ax
    shr ax, 9
    and ax, 7
    call append_word
    mov si, .serial
    call append_text
    pop ax
    push ax
    shr ax, 14
    call append_word
    mov si, .parallel
    call append_text
    pop ax
    test al, 4
    jz .done
    mov si, .mouse
    call append_text
.done:
    ret
.serial:   db " serial, ", 0
.parallel: db " parallel", 0
.mouse:    db ", PS/2 mouse", 0

detect_video:
    mov di, video_text
    mov byte [di], 0
    mov ax, 1A00h
    xor bx, bx
    int 10h
    cmp al, 1Ah
    mov si, .other
    jne .append
    mov si, .colour
    cmp bl, 8
    je .append
    mov si, .mono
.append:
    jmp append_text
.colour: db "VGA, colour, 256 KiB", 0
.mono:   db "VGA, monochrome", 0
.other:  db "older than a VGA", 0

; The date that every BIOS has in its last paragraph.
detect_bios:
    mov di, bios_text
    mov byte [di], 0
    push ds
    push word 0F000h
    pop ds
    mov si, 0FFF5h
    mov cx, 8
.next:
    lodsb
    cmp al, '/'
    jb .bad
    cmp al, '9'
    ja .bad
    mov [es:di], al
    inc di
    loop .next
.bad:
    mov byte [es:di], 0
    pop ds
    cmp byte [bios_text], 0
    jne .done
    mov si, .unknown
    call append_text
.done:
    ret
.unknown: db "no date", 0

; The real-time clock into clock_text. CF set if it stands still.
read_clock:
    mov di, clock_text
    mov byte [di], 0
    mov ah, 04h
    int 1Ah
    jc .done
    push dx
    mov al, ch
    call append_bcd
    mov al, cl
    call append_bcd
    pop dx
    push dx
    mov al, '-'
    call append_char
    mov al, dh
    call append_bcd
    mov al, '-'
    call append_char
    pop dx
    mov al, dl
    call append_bcd
    mov al, ' '
    call append_char
    call append_char
    mov ah, 02h
    int 1Ah
    jc .done
    push dx
    mov al, ch
    call append_bcd
    mov al, ':'
    call append_char
    mov al, cl
    call append_bcd
    mov al, ':'
    call append_char
    pop dx
    mov al, dh
    call append_bcd
    clc
.done:
    ret

report_machine:
    call read_clock
    mov bx, machine_rows
.next:
    mov si, .line
    call serial_text
    mov si, [bx]
    call serial_text
    mov al, ' '
    call serial_char
    mov si, [bx+2]
    call serial_line
    add bx, 4
    cmp bx, machine_rows.end
    jb .next
    ret
.line: db "DEMO: ", 0
machine_rows:
    dw .cpu, cpu_text, .memory, memory_text, .drives, drives_text, .ports, ports_text, .video, video_text
    dw .bios, bios_text, .clock, clock_text
.end:
.cpu:    db "Processor", 0
.memory: db "Memory", 0
.drives: db "Drives", 0
.ports:  db "Ports", 0
.video:  db "Video", 0
.bios:   db "BIOS", 0
.clock:  db "Clock", 0
