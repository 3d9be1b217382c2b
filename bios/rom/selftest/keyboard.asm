; Tests of INT 09h and 16h.

; ---------------------------------------------------------------- INT 16h

flush:
    mov ah, 11h
    int 16h
    jz .empty
    mov ah, 10h
    int 16h
    jmp flush
.empty:
    ret
; Puts CX into the buffer.
store:
    mov ah, 05h
    int 16h
    ret
keys_store:
    call flush
    mov cx, 1E61h
    call store
    test al, al
    jnz failed
    mov ah, 01h
    int 16h
    jz failed
    cmp ax, 1E61h
    jne failed
    mov ah, 00h
    int 16h
    cmp ax, 1E61h
    jne failed
    jmp passed
keys_filter:
    call flush
    mov cx, 8500h               ; F11: not for 00h
    call store
    mov cx, 48E0h
    call store
    mov ah, 00h
    int 16h
    cmp ax, 4800h
    jne failed
    mov cx, 48E0h
    call store
    mov ah, 10h
    int 16h
    cmp ax, 48E0h
    jne failed
    mov cx, 0E00Dh
    call store
    mov ah, 00h
    int 16h
    cmp ax, 1C0Dh
    jne failed
    mov cx, 01F0h
    call store
    mov ah, 10h
    int 16h
    cmp ax, 0100h
    jne failed
    jmp passed
keys_full:
    call flush
    mov cx, 15
.next:
    push cx
    mov cx, 1E61h
    call store
    pop cx
    test al, al
    jnz failed
    loop .next
    mov cx, 1E61h
    call store
    mov ah, al
    cmp al, 1
    jne failed
    call flush
    jmp passed
keys_empty:
    call flush
    mov ah, 01h
    int 16h
    jnz failed
    mov ah, 11h
    int 16h
    jnz failed
    jmp passed

; ---------------------------------------------------------------- INT 09h

; Lets the keyboard controller deliver AL as if it were a scan code.
scan:
    push ax
    push cx
    mov ah, al
    cli
.input:
    in al, 64h
    test al, 2
    jnz .input
    mov al, 0D2h
    out 64h, al
.data:
    in al, 64h
    test al, 2
    jnz .data
    mov al, ah
    out 60h, al
    mov cx, 100                 ; about 1.5 ms: the controller takes its time
.taken:
    sti
    in al, 61h
    mov ah, al
.same:
    in al, 80h
    in al, 61h
    xor al, ah
    test al, 10h
    jz .same
    loop .taken
    pop cx
    pop ax
    ret
; The scan codes at CS:SI up to FFh.
scans:
    mov al, [cs:si]
    inc si
    cmp al, 0FFh
    je .done
    call scan
    jmp scans
.done:
    ret
; Sends the codes at SI; fails unless the one key that comes of them is DX.
expect_key:
    push dx
    call flush
    call scans
    pop dx
    mov ah, 11h
    int 16h
    jz .none
    mov ah, 10h
    int 16h
    cmp ax, dx
    jne failed
    mov ah, 11h
    int 16h
    jnz failed
    jmp passed
.none:
    xor ax, ax
    jmp failed
%macro key 2+                   ; key code, scan codes
    mov si, %%codes
    mov dx, %1
    call expect_key
    jc failed
    jmp %%end
%%codes: db %2, 0FFh
%%end:
%endmacro
scan_codes:
    key 1E61h, 1Eh, 9Eh
    key 011Bh, 01h, 81h
    key 1C0Dh, 1Ch, 9Ch
    key 3B00h, 3Bh, 0BBh
    key 8500h, 57h, 0D7h
    key 4800h, 48h, 0C8h
    key 48E0h, 0E0h, 48h, 0E0h, 0C8h
    key 53E0h, 0E0h, 2Ah, 0E0h, 53h, 0E0h, 0D3h, 0E0h, 0AAh
    key 0E02Fh, 0E0h, 35h, 0E0h, 0B5h
    key 352Fh, 35h, 0B5h
    key 372Ah, 37h, 0B7h
    jmp passed
scan_shift:
    key 1E41h, 2Ah, 1Eh, 9Eh, 0AAh
    key 1E41h, 36h, 1Eh, 9Eh, 0B6h
    key 0221h, 2Ah, 02h, 82h, 0AAh
    key 1E01h, 1Dh, 1Eh, 9Eh, 9Dh
    key 1E01h, 0E0h, 1Dh, 1Eh, 9Eh, 0E0h, 9Dh
    key 1E00h, 38h, 1Eh, 9Eh, 0B8h
    key 6800h, 38h, 3Bh, 0BBh, 0B8h
    key 4838h, 2Ah, 48h, 0C8h, 0AAh
    key 1E41h, 3Ah, 0BAh, 1Eh, 9Eh
    key 1E61h, 2Ah, 1Eh, 9Eh, 0AAh
    key 1E61h, 3Ah, 0BAh, 1Eh, 9Eh
    key 4737h, 45h, 0C5h, 47h, 0C7h
    key 4700h, 45h, 0C5h, 47h, 0C7h
    mov ah, 02h
    int 16h
    mov ah, 0
    test al, 7Fh
    jnz failed
    jmp passed
scan_alt_number:
    key 0041h, 38h, 4Dh, 0CDh, 4Ch, 0CCh, 0B8h
    jmp passed
; Points vector DL at a handler that counts.
count_vector:
    mov byte [cs:counted], 0
    push 0
    pop es
    movzx bx, dl
    shl bx, 2
    mov eax, [es:bx]
    mov [cs:old_vector], eax
    mov word [es:bx], counter
    mov [es:bx+2], cs
    ret
restore_vector:
    push 0
    pop es
    movzx bx, dl
    shl bx, 2
    mov eax, [cs:old_vector]
    mov [es:bx], eax
    ret
counter:
    inc byte [cs:counted]
    mov [cs:counted_ax], ax
    iret
old_vector: dd 0
counted_ax: dw 0
counted: db 0
scan_print:
    mov dl, 05h
    call count_vector
    mov si, .codes
    call scans
    mov dl, 05h
    call restore_vector
    mov al, [counted]
    cmp al, 1
    jne failed
    jmp passed
.codes: db 0E0h, 2Ah, 0E0h, 37h, 0E0h, 0B7h, 0E0h, 0AAh, 0FFh
scan_break:
    call flush
    mov cx, 1E61h
    call store
    mov dl, 1Bh
    call count_vector
    mov si, .codes
    call scans
    mov dl, 1Bh
    call restore_vector
    mov al, [counted]
    cmp al, 1
    jne failed
    mov ah, 10h
    int 16h
    test ax, ax
    jnz failed
    jmp passed
.codes: db 1Dh, 0E0h, 46h, 0E0h, 0C6h, 9Dh, 0FFh
; INT 15h is for all: the handler looks for its function.
scan_sysreq:
    mov dl, 15h
    call count_vector
    push 0
    pop es
    mov word [es:15h*4], .handler
    mov si, .codes
    call scans
    mov dl, 15h
    call restore_vector
    mov al, [counted]
    cmp al, 2
    jne failed
    jmp passed
.handler:
    cmp ah, 85h
    jne .chain
    inc byte [cs:counted]
.chain:
    jmp far [cs:old_vector]
.codes: db 54h, 0D4h, 0FFh

; A key comes five ticks after Pause.
scan_pause:
    call flush
    mov byte [.ticks], 0
    mov dl, 1Ch
    call count_vector
    push 0
    pop es
    mov word [es:1Ch*4], .handler
    mov si, .codes
    call scans
    mov dl, 1Ch
    call restore_vector
    mov al, [.ticks]
    mov ah, 0
    cmp al, 5
    jb failed
    mov ah, 11h
    int 16h
    jnz failed
    jmp passed
.handler:
    inc byte [cs:.ticks]
    cmp byte [cs:.ticks], 5
    jne .return
    push ax
    mov al, 0D2h
    out 64h, al
    mov al, 1Eh
    out 60h, al
    pop ax
.return:
    iret
.codes: db 0E1h, 1Dh, 45h, 0E1h, 9Dh, 0C5h, 0FFh
.ticks: db 0
