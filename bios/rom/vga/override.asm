; What programs put beside a mode through the save pointer table: fonts, colours, and a copy of the palette.
;
; Follows the IBM PS/2 BIOS Interface Technical Reference, "Save Pointer Table" and "Secondary Save Pointer Table".

; Offsets of pointers in the save pointer table and in the secondary one.
SAVED_PALETTE   equ 4           ; 17 bytes that follow the palette registers and the overscan
TEXT_FONT       equ 8
GRAPHICS_FONT   equ 0Ch
SECONDARY       equ 10h
SECOND_FONT     equ 6
PALETTE_PROFILE equ 0Ah

; A font for text modes, and a second one for attribute bit 3. Lists of modes end with 0FFh.
struc text_font
    .height:    resb 1
    .block:     resb 1
    .count:     resw 1
    .first:     resw 1
    .glyphs:    resd 1
    .rows:      resb 1          ; 0FFh: as many as fit
    .modes:
endstruc
struc second_font
    .height:    resb 1
    .block:     resb 1
    .reserved:  resb 1
    .glyphs:    resd 1
    .modes:
endstruc
struc graphics_font
    .rows:      resb 1
    .height:    resw 1
    .glyphs:    resd 1
    .modes:
endstruc
struc profile
    .underline: resb 1          ; 1: in all text modes, 0FFh: in none
    .reserved:  resb 3
    .registers: resw 1          ; of the attribute controller: count, first, values
    .register:  resw 1
    .values:    resd 1
    .colours:   resw 1          ; of the DAC, likewise
    .colour:    resw 1
    .guns:      resd 1
    .modes:
endstruc

; ES:DI = pointer BX of the save pointer table. ZF: there is none. Changes AX.
save_pointer:
    les di, [SAVE_POINTER]
follow_pointer:
    les di, [es:di+bx]
    mov ax, es
    or ax, di
    ret

; ES:DI = pointer BX of the secondary save pointer table. ZF: there is none. Changes AX.
secondary_pointer:
    push bx
    mov bx, SECONDARY
    call save_pointer
    pop bx
    jz .done
    cmp bx, [es:di]             ; a shorter table ends before it
    jb follow_pointer
    xor ax, ax
.done:
    ret

; ZF if the current mode is in the list at ES:SI. Changes AX, SI.
mode_listed:
    mov al, [VIDEO_MODE]
.next:
    mov ah, [es:si]
    inc si
    cmp ah, al
    je .done
    cmp ah, 0FFh
    jne .next
    test ah, ah
.done:
    ret

; Fonts of the mode just set instead of the ROM's.
override_fonts:
    call mode_kind
    cmp bl, KIND_TEXT
    jne .graphics

    xor bx, bx                  ; the block of attribute bit 3 clear
    push bx
    mov bx, TEXT_FONT
    call save_pointer
    jz .second
    lea si, [di+text_font.modes]
    call mode_listed
    jne .second
    pop bx
    movzx bx, byte [es:di+text_font.block]
    push bx
    mov bh, [es:di+text_font.height]
    mov cx, [es:di+text_font.count]
    mov dx, [es:di+text_font.first]
    push word [es:di+text_font.rows]
    les si, [es:di+text_font.glyphs]
    call load_font
    call resize_text
    pop ax
    cmp al, 0FFh
    je .rows
    dec al
    mov [ROWS_LESS_1], al
.rows:
    pop bx
    push bx
    call font_blocks

.second:
    mov bx, SECOND_FONT
    call secondary_pointer
    jz .done
    lea si, [di+second_font.modes]
    call mode_listed
    jne .done
    mov bl, [es:di+second_font.block]
    mov bh, [es:di+second_font.height]
    les si, [es:di+second_font.glyphs]
    push bx
    xor dx, dx
    mov cx, 256
    call load_font
    pop ax
    pop bx
    push bx
    mov bh, al
    call font_blocks.two
.done:
    pop bx
    ret

.graphics:
    mov bx, GRAPHICS_FONT
    call save_pointer
    jz .none
    lea si, [di+graphics_font.modes]
    call mode_listed
    jne .none
    mov al, [es:di+graphics_font.rows]
    dec ax
    mov [ROWS_LESS_1], al
    mov ax, [es:di+graphics_font.height]
    mov [CHAR_HEIGHT], ax
    mov eax, [es:di+graphics_font.glyphs]
    xor bx, bx
    mov es, bx
    mov [es:43h*4], eax
.none:
    ret

; Shows block BL for all characters, or (.two) block BH for those with attribute bit 3. Changes AX, DX.
font_blocks:
    mov bh, bl
.two:
    mov al, bl
    and ax, 0003h
    mov dl, bl                  ; the third bits of block numbers are apart
    and dl, 04h
    shl dl, 2
    or al, dl
    mov dl, bh
    and dl, 03h
    shl dl, 2
    or al, dl
    mov dl, bh
    and dl, 04h
    shl dl, 3
    or al, dl
    mov ah, al
    mov al, 3
    mov dx, SEQUENCER
    out dx, ax
    ret

; Colours and the underline of the mode just set instead of the ROM's.
override_colours:
    mov bx, PALETTE_PROFILE
    call secondary_pointer
    jz .done
    lea si, [di+profile.modes]
    call mode_listed
    jne .done

    push es
    push di
    mov cx, [es:di+profile.registers]
    mov bx, [es:di+profile.register]
    les si, [es:di+profile.values]
    jcxz .guns
.register:
    mov al, bl
    mov ah, [es:si]
    call set_attribute
    inc si
    inc bx
    loop .register
.guns:
    pop di
    pop es
    push es
    push di
    mov cx, [es:di+profile.colours]
    mov bx, [es:di+profile.colour]
    les dx, [es:di+profile.guns]
    call set_colours
    pop di
    pop es

    call mode_kind
    cmp bl, KIND_TEXT
    jne .done
    mov al, [es:di+profile.underline]
    mov ah, 1Fh                 ; below the cell: none
    cmp al, 0FFh
    je .underline
    cmp al, 1
    jne .done
    mov ah, [CHAR_HEIGHT]
    dec ah
.underline:
    mov dx, [CRTC_PORT]
    mov al, 14h
    out dx, ax
.done:
    ret

; The palette registers and the overscan to where a program wants them kept. Changes AX, BX, CX, DX, DI, ES.
keep_palette:
    mov bx, SAVED_PALETTE
    call save_pointer
    jz .done
    mov dx, di
    jmp get_registers
.done:
    ret

; AL = which of these pointers are set: INT 10h/1Bh, "save pointer state". Keeps ES, DI.
save_pointer_flags:
    push es
    push di
    mov cl, 20h                 ; display combinations
%macro FLAG_IF_SET 3            ; pointer %2, by %1, is bit %3
    mov bx, %2
    call %1
    jz %%none
    or cl, %3
%%none:
%endmacro
    FLAG_IF_SET secondary_pointer, SECOND_FONT, 01h
    FLAG_IF_SET save_pointer, SAVED_PALETTE, 02h
    FLAG_IF_SET save_pointer, TEXT_FONT, 04h
    FLAG_IF_SET save_pointer, GRAPHICS_FONT, 08h
    FLAG_IF_SET secondary_pointer, PALETTE_PROFILE, 10h
    mov al, cl
    pop di
    pop es
    ret
