; Tests of INT 10h/4F00h to 4F15h.

functions:
    check controller,       "00h: signature, version, modes, memory"
    check controller_old,   "00h: a caller of VBE 1 gets 256 bytes"
    check modes,            "01h, 02h, 03h: every mode is what 01h says of it"
    check modes_unknown,    "01h, 02h: a mode that is not there is refused"
    check frame_buffer,     "01h: the frame buffer is where base address 0 of the card says"
    check modes_plain,      "02h, 03h: modes of IBM's, and back from VBE"
    check memory_cleared,   "02h: the memory is cleared unless bit 15 is set"
    check windows,          "05h: the window moves, by interrupt and by far call"
    check line_lengths,     "06h: lines of other lengths"
    check starts,           "07h: the picture starts elsewhere"
    check dac_widths,       "08h: six or eight bits"
    check palettes,         "09h: colours"
    check states,           "04h: the state is saved and restored"
    check protected,        "0Ah: table and code for protected mode"
    check monitor,          "15h: the EDID's sum is zero"
    check power,            "10h: the monitor's power"
    check unknown,          "what is not there leaves AL another value than 4Fh"
    check kept,             "registers are as they were but for results"
    ret

%macro VBE 1                    ; function AX = 4F00h + %1 succeeds
    mov ax, 4F00h + (%1)
    int 10h
    cmp ax, 004Fh
    jne failed
%endmacro
%macro VBE_FAILS 1
    mov ax, 4F00h + (%1)
    int 10h
    cmp al, 4Fh
    jne failed
    test ah, ah
    jz failed
%endmacro
%macro IS 2
    mov ax, %1
    cmp ax, %2
    jne failed
%endmacro

fill_buffer:
    mov di, BUFFER
    mov cx, 512
    mov ax, 5AA5h
    rep stosw
    mov di, BUFFER
    ret

controller:
    call fill_buffer
    mov dword [di], "VBE2"
    VBE 0
    IS [di], "VE"
    IS [di+2], "SA"
    IS [di+4], 0300h
    IS [di+12h], 256            ; 16 MiB
    IS [di+14h], 0100h
    IS [di+200h], 5AA5h
    les si, [di+0Eh]
    xor cx, cx
.count:
    es lodsw
    inc cx
    cmp ax, 0FFFFh
    jne .count
    IS cx, 38
    les si, [di+6]
    cmp byte [es:si], 'o'
    jne failed
    jmp passed

controller_old:
    call fill_buffer
    VBE 0
    IS [di], "VE"
    IS [di+100h], 5AA5h
    jmp passed

; Sets each mode and looks whether the adapter shows it.
modes:
    call fill_buffer
    VBE 0
    les si, [di+0Eh]
.next:
    mov cx, [es:si]
    cmp cx, 0FFFFh
    je passed
    push es
    push ds
    pop es
    call fill_buffer_of_mode
    jne .bad
    test byte [di], 1
    jz .bad
    ; Bytes of a row are dots times bytes of a dot.
    movzx ax, byte [di+19h]
    add ax, 7
    shr ax, 3
    mul word [di+12h]
    cmp ax, [di+10h]
    jne .bad
    cmp ax, [di+32h]
    jne .bad
    cmp dword [di+28h], FRAME_BUFFER
    jne .bad
    mov bx, cx
    or bh, 40h
    mov ax, 4F02h
    int 10h
    cmp ax, 004Fh
    jne .bad
    mov ax, 4F03h
    int 10h
    and bh, 3Fh
    cmp bx, cx
    jne .bad
    mov al, 1
    call register
    cmp ax, [di+12h]
    jne .bad
    mov al, 2
    call register
    cmp ax, [di+14h]
    jne .bad
    mov al, 3
    call register
    cmp al, [di+19h]
    jne .bad
    mov al, 4
    call register
    cmp al, 41h
    jne .bad
    pop es
    add si, 2
    jmp .next
.bad:
    pop es
    mov ax, cx
    jmp failed

; The card is function 0 of device 2.
VGA_COMMAND     equ 80001004h
VGA_BAR0        equ 80001010h
FRAME_BUFFER    equ 0E0000000h

; Register %1 of the card's configuration space = %2.
%macro CONFIGURE 2
    mov eax, %1
    mov dx, 0CF8h
    out dx, eax
    mov eax, %2
    mov dx, 0CFCh
    out dx, eax
%endmacro

frame_buffer:
    mov cx, 101h
    call fill_buffer_of_mode
    jne failed
    IS [di], 009Bh
    cmp dword [di+28h], FRAME_BUFFER
    jne .bad
    CONFIGURE VGA_BAR0, 0F1000000h
    mov cx, 101h
    call fill_buffer_of_mode
    cmp dword [di+28h], 0F1000000h
    jne .bad
    mov dx, 0CF8h               ; which register was selected is not forgotten
    in eax, dx
    cmp eax, VGA_BAR0
    jne .bad
    CONFIGURE VGA_COMMAND, 1
    mov cx, 101h
    call fill_buffer_of_mode
    cmp dword [di+28h], 0
    jne .bad
    cmp word [di], 001Bh        ; through the window alone
    jne .bad
    call .restore
    jmp passed
.bad:
    call .restore
    jmp failed
.restore:
    CONFIGURE VGA_BAR0, FRAME_BUFFER
    CONFIGURE VGA_COMMAND, 3
    ret

; The clocking mode register of the sequencer: bit 5, the screen is off.
power:
    mov bl, 0
    VBE 10h
    IS bx, 0710h
    mov dx, 3C4h
    mov al, 1
    out dx, al
    mov bx, 0401h               ; off
    VBE 10h
    mov dx, 3C5h
    in al, dx
    test al, 20h
    jz failed
    mov bl, 2
    VBE 10h
    IS bx, 0402h
    mov bx, 0301h               ; two states at once
    VBE_FAILS 10h
    mov bx, 0801h               ; reduced
    VBE_FAILS 10h
    mov bl, 3
    VBE_FAILS 10h
    mov ax, 0003h               ; a mode that is set turns it on
    int 10h
    mov bl, 2
    VBE 10h
    IS bx, 0002h
    mov bx, 0101h               ; standby, and on again
    VBE 10h
    mov bx, 0001h
    VBE 10h
    mov bl, 2
    VBE 10h
    IS bx, 0002h
    jmp passed

; Information about mode CX at DI = BUFFER. Z if it is there.
fill_buffer_of_mode:
    push cx
    call fill_buffer
    pop cx
    mov ax, 4F01h
    int 10h
    cmp ax, 004Fh
    ret

; AX = register AL of the display interface.
register:
    mov dx, 1CEh
    mov ah, 0
    out dx, ax
    inc dx
    in ax, dx
    ret

modes_unknown:
    call fill_buffer
    mov cx, 150h
    VBE_FAILS 1
    IS [di], 5AA5h
    mov bx, 4150h
    VBE_FAILS 2
    mov bx, 4003h               ; no linear memory in mode 3
    VBE_FAILS 2
    mov bx, 0008h
    VBE_FAILS 2
    jmp passed

modes_plain:
    mov bx, 101h
    VBE 2
    mov bx, 0003h
    VBE 2
    VBE 3
    IS bx, 0003h
    mov al, 4
    call register
    test al, 1
    jnz failed
    mov bx, 101h
    VBE 2
    mov ax, 0012h
    int 10h
    VBE 3
    IS bx, 0012h
    mov bx, 101h
    VBE_FAILS 5
    jmp passed

memory_cleared:
    mov bx, 101h
    VBE 2
    call at_window
    mov word [es:1234h], 5678h
    mov bx, 8101h
    VBE 2
    IS [es:1234h], 5678h
    mov ax, 0F00h
    int 10h
    test byte [487h], 80h
    jz failed
    mov bx, 0101h
    VBE 2
    IS [es:1234h], 0
    jmp passed

at_window:
    push word 0A000h
    pop es
    ret

windows:
    mov cx, 112h
    call fill_buffer_of_mode
    jne failed
    mov bx, 112h
    VBE 2
    call at_window
    mov cx, 14
.write:
    mov bx, 0
    mov dx, cx
    VBE 5
    mov [es:0], cx
    mov [es:0FFFEh], cx
    loop .write
    mov cx, 14
.read:
    mov bx, 0
    mov dx, cx
    call far [BUFFER+0Ch]
    cmp ax, 004Fh
    jne failed
    IS [es:0], cx
    IS [es:0FFFEh], cx
    xor dx, dx
    mov bx, 0100h
    VBE 5
    IS dx, cx
    loop .read
    mov bx, 0
    mov dx, 256
    VBE_FAILS 5
    mov bx, 1
    xor dx, dx
    VBE_FAILS 5
    IS [es:0], 1
    push word 0B800h            ; nothing of the VGA's own answers
    pop es
    mov word [es:0], 0
    IS [es:0], 0FFFFh
    jmp passed

line_lengths:
    mov bx, 111h
    VBE 2
    mov bx, 0001h
    VBE 6
    IS bx, 1280
    IS cx, 640
    IS dx, 13107
    mov bx, 0000h
    mov cx, 1001
    VBE 6
    IS bx, 2016
    IS cx, 1008
    IS dx, 8322
    mov bx, 0002h
    mov cx, 2047
    VBE 6
    IS bx, 2048
    IS cx, 1024
    mov bx, 0000h
    mov cx, 632
    VBE_FAILS 6
    mov bx, 0001h
    VBE 6
    IS cx, 1024
    mov bx, 0003h
    VBE 6
    IS cx, 17472                ; 16 MiB over 480 lines of two bytes a dot
    IS dx, 480
    mov bx, 0000h
    VBE 6
    mov bx, 0004h
    VBE_FAILS 6
    jmp passed

starts:
    mov bx, 111h
    VBE 2
    mov bx, 0000h
    mov cx, 1024
    VBE 6
    mov bx, 0000h
    mov cx, 384
    mov dx, 100
    VBE 7
    mov bx, 0080h
    mov dx, 101
    VBE 7
    xor cx, cx
    mov bx, 0FF01h
    VBE 7
    IS bx, 0001h
    IS cx, 384
    IS dx, 101
    mov bx, 0000h
    mov cx, 385
    VBE_FAILS 7
    mov bx, 0000h
    mov cx, 0
    mov dx, 8192-479
    VBE_FAILS 7
    mov bx, 0002h
    VBE_FAILS 7
    jmp passed

dac_widths:
    mov bx, 101h
    VBE 2
    mov bx, 0001h
    VBE 8
    IS bx, 0601h
    mov bx, 0800h
    VBE 8
    IS bx, 0800h
    mov dx, 3C8h
    mov al, 7
    out dx, al
    inc dx
    mov al, 0FEh
    out dx, al
    out dx, al
    out dx, al
    mov dx, 3C7h
    mov al, 7
    out dx, al
    mov dx, 3C9h
    in al, dx
    cmp al, 0FEh
    jne failed
    mov bx, 0001h
    VBE 8
    IS bx, 0801h
    mov bx, 0700h               ; 7 is not to be had: 6
    VBE 8
    IS bx, 0600h
    mov bx, 111h
    VBE 2
    mov bx, 0001h
    VBE_FAILS 8
    jmp passed

palettes:
    mov bx, 101h
    VBE 2
    mov bx, 0000h
    mov cx, 3
    mov dx, 253
    mov di, .colors
    VBE 9
    mov bx, 0001h
    mov cx, 3
    mov dx, 253
    mov di, BUFFER
    VBE 9
    mov si, .colors
    mov cx, 6
    repe cmpsw
    jne failed
    mov bx, 0000h
    mov cx, 4
    mov dx, 253
    VBE_FAILS 9
    mov bx, 0002h
    mov cx, 1
    VBE_FAILS 9
    jmp passed
.colors: db 1,2,3,0, 4,5,6,0, 63,62,61,0

states:
    mov cx, 000Fh
    mov dl, 0
    VBE 4
    IS bx, 17
    mov cx, 0008h
    VBE 4
    IS bx, 1
    mov bx, 4111h
    VBE 2
    mov bx, 0000h
    mov cx, 1024
    VBE 6
    mov bx, 0000h
    mov cx, 8
    mov dx, 9
    VBE 7
    mov bx, BUFFER
    mov cx, 000Fh
    mov dx, 1
    VBE 4
    mov ax, 0003h
    int 10h
    mov bx, BUFFER
    mov cx, 000Fh
    mov dx, 2
    VBE 4
    VBE 3
    IS bx, 4111h
    mov bx, 0001h
    VBE 6
    IS cx, 1024
    mov bx, 0001h
    VBE 7
    IS cx, 8
    IS dx, 9
    mov ax, 0003h
    int 10h
    mov bx, BUFFER
    mov cx, 000Fh
    mov dx, 1
    VBE 4
    mov bx, 4118h
    VBE 2
    mov bx, BUFFER
    mov cx, 000Fh
    mov dx, 2
    VBE 4
    VBE 3
    IS bx, 0003h
    jmp passed

protected:
    mov bx, 0000h
    VBE 0Ah
    IS [es:di+6], 8
    cmp cx, 40h
    jb failed
    mov ax, [es:di]
    cmp ax, cx
    jae failed
    mov ax, [es:di+4]
    cmp ax, cx
    jae failed
    jmp passed

monitor:
    mov bx, 0000h
    VBE 15h
    IS bx, 0102h
    call fill_buffer
    mov bx, 0001h
    xor dx, dx
    VBE 15h
    IS [di], 0FF00h
    IS [di+128], 5AA5h
    mov si, di
    mov cx, 128
    xor ah, ah
.sum:
    lodsb
    add ah, al
    loop .sum
    test ah, ah
    jnz failed
    mov bx, 0001h
    mov dx, 1
    VBE_FAILS 15h
    jmp passed

unknown:
    mov ax, 4F0Bh
    int 10h
    cmp al, 4Fh
    je failed
    mov ax, 4FFFh
    int 10h
    cmp al, 4Fh
    je failed
    jmp passed

kept:
    mov di, BUFFER
    mov ebx, 11110101h
    mov ecx, 22220112h
    mov edx, 33330000h
    mov esi, 44445555h
    mov ebp, 66667777h
    VBE 1
    cmp ebx, 11110101h
    jne failed
    cmp ecx, 22220112h
    jne failed
    VBE 2
    cmp ebx, 11110101h
    jne failed
    cmp ecx, 22220112h
    jne failed
    cmp edx, 33330000h
    jne failed
    cmp esi, 44445555h
    jne failed
    cmp ebp, 66667777h
    jne failed
    cmp di, BUFFER
    jne failed
    jmp passed
