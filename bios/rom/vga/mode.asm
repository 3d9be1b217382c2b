; INT 10h/00h and 0Fh, and access to the card's registers.

; ---------------------------------------------------------------- 00h: set mode AL (bit 7: keep memory)

set_mode:
    mov bl, al
    and bx, 7Fh
    cmp bl, LAST_MODE
    ja .none
    cmp byte [cs:mode_kinds+bx], 0FFh
    jne .known
.none:
    ret
.known:
    call vbe_off
    and al, 80h
    and byte [VIDEO_CONTROL], 7Fh
    or [VIDEO_CONTROL], al
    mov [VIDEO_MODE], bl

    ; The entry of the parameter table, and the DAC's contents.
    mov al, [cs:mode_entries+bx]
    mov ah, [cs:mode_dacs+bx]
    cmp byte [cs:mode_kinds+bx], KIND_TEXT
    jne .entry
    mov cl, [VGA_CONTROL]
    test cl, 10h
    jnz .lines400
    cmp bl, 7                   ; the entry of mode 7 is already the one with 350 lines
    je .entry
    test cl, cl
    js .lines200
    add al, 13h
    jmp .entry
.lines200:
    mov ah, DAC_CGA
    jmp .entry
.lines400:
    cmp bl, 7
    je .mono400
    shr al, 1
    add al, 17h
    jmp .entry
.mono400:
    mov al, 19h
.entry:
    push ax                     ; AH: the DAC's contents
    mov cl, 64
    mul cl
    les si, [SAVE_POINTER]
    les si, [es:si]
    add si, ax                  ; ES:SI = entry
    call load_registers
    pop ax
    call load_dac

    ; The data area.
    mov al, [es:si+param.columns]
    xor ah, ah
    mov [COLUMNS], ax
    mov al, [es:si+param.rows]
    mov [ROWS_LESS_1], al
    mov al, [es:si+param.height]
    mov [CHAR_HEIGHT], ax
    mov ax, [es:si+param.page_size]
    mov [PAGE_SIZE], ax
    xor ax, ax
    mov [PAGE_START], ax
    mov [ACTIVE_PAGE], al
    mov [CURSOR_SHAPE], ax
    push ds
    pop es
    mov di, CURSOR_POS
    mov cx, 8
    rep stosw
    movzx bx, byte [VIDEO_MODE]
    cmp bl, 7
    ja .kind
    mov al, [cs:mode_control_values+bx]
    mov [MODE_CONTROL], al
    mov al, 30h
    cmp bl, 6
    jne .colour
    mov al, 3Fh
.colour:
    mov [COLOUR_SELECT], al

.kind:
    mov ax, [CHAR_HEIGHT]
    call font_of_height
    xor ax, ax
    mov es, ax
    mov [es:43h*4], si
    mov [es:43h*4+2], cs
    mov word [es:1Fh*4], font_8x8 + 128*8
    mov [es:1Fh*4+2], cs
    cmp byte [cs:mode_kinds+bx], KIND_TEXT
    jne .overrides
    call load_mode_font
    mov cx, 0607h
    call set_cursor_shape
.overrides:
    call override_fonts
    call override_colours
    test byte [VIDEO_CONTROL], 80h
    jnz .show
    call video_segment
    push eax                    ; the caller's upper half
    xor eax, eax
    xor di, di
    mov cx, 4000h               ; 64 KiB
    call mode_kind
    cmp bl, KIND_PLANAR
    jae .fill
    mov cx, 2000h               ; 32 KiB
    cmp bl, KIND_TEXT
    jne .fill
    mov eax, 07200720h
.fill:
    rep stosd
    pop eax
.show:
    call attribute_reset
    mov al, 20h                 ; give the palette back to the display
    out dx, al
    jmp keep_palette

; ---------------------------------------------------------------- 0Fh: AH = columns, AL = mode, BH = page

get_mode:
    mov al, [VIDEO_CONTROL]
    and al, 80h
    or al, [VIDEO_MODE]
    mov ah, [COLUMNS]
    mov [bp+frame.ax], ax
    mov al, [ACTIVE_PAGE]
    mov [bp+frame.bh], al
    ret

; ---------------------------------------------------------------- helpers

; BL = what the current mode's memory looks like; an unknown mode counts as text. Changes BH.
mode_kind:
    movzx bx, byte [VIDEO_MODE]
    cmp bl, LAST_MODE
    ja .text
    mov bl, [cs:mode_kinds+bx]
    cmp bl, 0FFh
    jne .done
.text:
    mov bl, KIND_TEXT
.done:
    ret

; ES = segment of the display memory of the current mode. Changes BX.
video_segment:
    call mode_kind
    cmp bl, KIND_PLANAR
    mov bx, 0A000h
    jae .done
    mov bh, 0B8h
    cmp byte [CRTC_PORT], 0B4h
    jne .done
    mov bh, 0B0h
.done:
    mov es, bx
    ret

; Makes the attribute controller expect an index. Leaves DX = 3C0h; changes AL.
attribute_reset:
    mov dx, [CRTC_PORT]
    add dl, STATUS_OFFSET
    in al, dx
    mov dx, ATTRIBUTE
    ret

; Loads all registers but the DAC from the entry at ES:SI and sets CRTC_PORT. The screen stays off.
load_registers:
    push si
    mov dx, 3D4h
    test byte [es:si+param.misc], 1
    jnz .colour
    mov dl, 0B4h
.colour:
    mov [CRTC_PORT], dx

    mov dx, 3DAh                ; either place, since the card may be at the other one still
    in al, dx
    mov dl, 0BAh
    in al, dx
    mov dx, ATTRIBUTE
    xor al, al
    out dx, al

    add si, param.sequencer
    mov dx, SEQUENCER
    mov ax, 0100h               ; synchronous reset while the clock changes
    out dx, ax
    mov cx, 4
    mov bl, 1
.sequencer:
    mov al, bl
    mov ah, [es:si]
    out dx, ax
    inc si
    inc bx
    loop .sequencer
    mov dx, MISC_WRITE
    mov al, [es:si]
    out dx, al
    inc si
    mov dx, SEQUENCER
    mov ax, 0300h
    out dx, ax

    mov dx, [CRTC_PORT]
    mov ax, 0011h               ; registers 0 to 7 are protected by bit 7 of 11h
    out dx, ax
    mov cx, 25
    xor bl, bl
.crtc:
    mov al, bl
    mov ah, [es:si]
    out dx, ax
    inc si
    inc bx
    loop .crtc

    call attribute_reset
    mov cx, 20
    xor bl, bl
.attribute:
    mov al, bl
    out dx, al
    mov al, [es:si]
    out dx, al
    inc si
    inc bx
    loop .attribute
    mov al, bl                  ; colour select
    out dx, al
    xor al, al
    out dx, al

    mov dx, GRAPHICS
    mov cx, 9
    xor bl, bl
.graphics:
    mov al, bl
    mov ah, [es:si]
    out dx, ax
    inc si
    inc bx
    loop .graphics
    pop si
    ret
