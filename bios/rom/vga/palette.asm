; Colours: INT 10h/0Bh and 10h, and the DAC's contents after a mode set.

; ---------------------------------------------------------------- 0Bh: BH = 0: border BL; BH = 1: CGA palette BL

set_colour_select:
    mov al, [COLOUR_SELECT]
    mov ah, bl
    test bh, bh
    jnz .palette
    and ax, 1FE0h
    or al, ah
    mov [COLOUR_SELECT], al
    mov ah, bl                  ; bit 3 is intensity, which the palettes of 200-line modes have in bit 4
    and ax, 0800h
    add ah, ah
    mov al, bl
    and al, 7
    or al, ah
    cmp byte [VIDEO_MODE], 3
    jbe .border
    push ax
    mov ah, al
    xor al, al
    call set_attribute          ; in graphics modes also the background
    pop ax
.border:
    mov ah, al
    mov al, 11h
    jmp set_attribute
.palette:
    and ax, 01DFh
    shl ah, 5
    or al, ah
    mov [COLOUR_SELECT], al
    cmp byte [VIDEO_MODE], 4
    jb .done
    cmp byte [VIDEO_MODE], 5
    ja .done
    mov ah, al                  ; palette 0: green, red, brown; 1: cyan, magenta, white
    shr ah, 5
    and ah, 1
    add ah, 12h
    mov al, 1
.next:
    push ax
    call set_attribute
    pop ax
    add ax, 0201h
    cmp al, 4
    jb .next
.done:
    ret

; Attribute controller register AL = AH. Changes AX, DX.
set_attribute:
    push ax
    call attribute_reset
    pop ax
    out dx, al
    mov al, ah
    out dx, al
    mov al, 20h
    out dx, al
    ret

; AL = attribute controller register AL. Changes AH, DX.
get_attribute:
    mov ah, al
    call attribute_reset
    mov al, ah
    out dx, al
    inc dx
    in al, dx
    mov ah, al
    call attribute_reset
    mov al, 20h
    out dx, al
    call attribute_reset
    mov al, ah
    ret

; ---------------------------------------------------------------- 10h

palette_functions:
    cmp al, 1Bh
    ja .none
    movzx si, al
    add si, si
    jmp [cs:.table+si]
.none:
    ret
.table:
    dw set_register, set_overscan, set_registers, set_blinking
    dw nothing, nothing, nothing, get_register
    dw get_overscan, get_registers, nothing, nothing
    dw nothing, nothing, nothing, nothing
    dw set_colour, nothing, set_colours, select_colour_page
    dw nothing, get_colour, nothing, get_colours
    dw set_pel_mask, get_pel_mask, get_colour_page, sum_to_grey

; 00h: register BL = BH
set_register:
    mov al, bl
    cmp al, 14h
    ja nothing
.set:
    mov ah, bh
    call set_attribute
    jmp keep_palette

; 01h: overscan = BH
set_overscan:
    mov al, 11h
    jmp set_register.set

; 02h: all from ES:DX, 16 registers and the overscan
set_registers:
    mov si, dx
    call attribute_reset
    xor ah, ah
    mov cx, 17
.next:
    mov al, ah
    cmp al, 10h
    jb .register
    inc ax                      ; 11h
.register:
    out dx, al
    mov al, [es:si]
    out dx, al
    inc si
    inc ah
    loop .next
    mov al, 20h
    out dx, al
    jmp keep_palette

; 03h: attribute bit 7 means blinking (BL = 1) or bright background (BL = 0)
set_blinking:
    mov al, 10h
    call get_attribute
    and al, 0F7h
    and byte [MODE_CONTROL], 0DFh
    and bl, 1
    jz .set
    or al, 08h
    or byte [MODE_CONTROL], 20h
.set:
    mov ah, al
    mov al, 10h
    jmp set_attribute

; 07h: BH = register BL
get_register:
    mov al, bl
    cmp al, 14h
    ja nothing
.get:
    call get_attribute
    mov [bp+frame.bh], al
    ret

; 08h: BH = overscan
get_overscan:
    mov al, 11h
    jmp get_register.get

; 09h: all to ES:DX
get_registers:
    mov di, dx
    xor cx, cx
.next:
    mov al, cl
    call get_attribute
    stosb
    inc cx
    cmp cl, 10h
    jb .next
    mov al, 11h
    call get_attribute
    stosb
    ret

; 10h: colour BX = DH red, CH green, CL blue
set_colour:
    mov ah, dh
    mov dx, DAC_WRITE_INDEX
    mov al, bl
    out dx, al
    inc dx
    mov al, ah
    out dx, al
    mov al, ch
    out dx, al
    mov al, cl
    out dx, al
    test byte [VGA_CONTROL], 2
    jz .done
    mov cx, 1
    jmp sum_to_grey
.done:
    ret

; 12h: CX colours from BX on from ES:DX
set_colours:
    jcxz .done
    mov si, dx
    push cx
    mov dx, DAC_WRITE_INDEX
    mov al, bl
    out dx, al
    inc dx
.next:
    mov al, [es:si]
    out dx, al
    mov al, [es:si+1]
    out dx, al
    mov al, [es:si+2]
    out dx, al
    add si, 3
    loop .next
    pop cx
    test byte [VGA_CONTROL], 2
    jnz sum_to_grey
.done:
    ret

; 13h: BL = 0: four pages of 64 (BH = 0) or 16 of 16 colours (BH = 1); BL = 1: show page BH
select_colour_page:
    mov al, 10h
    call get_attribute
    test bl, bl
    jnz .page
    and al, 7Fh
    shl bh, 7
    or al, bh
    mov ah, al
    mov al, 10h
    jmp set_attribute
.page:
    test al, al
    js .small
    shl bh, 2
.small:
    mov ah, bh
    and ah, 0Fh
    mov al, 14h
    jmp set_attribute

; 15h: colour BL to DH, CH, CL
get_colour:
    mov dx, DAC_READ_INDEX
    mov al, bl
    out dx, al
    mov dx, DAC_DATA
    in al, dx
    mov [bp+frame.dh], al
    in al, dx
    mov [bp+frame.ch], al
    in al, dx
    mov [bp+frame.cl], al
    ret

; 17h: CX colours from BX on to ES:DX
get_colours:
    jcxz .done
    mov di, dx
    mov dx, DAC_READ_INDEX
    mov al, bl
    out dx, al
    mov dx, DAC_DATA
.next:
    in al, dx
    stosb
    in al, dx
    stosb
    in al, dx
    stosb
    loop .next
.done:
    ret

; 18h, 19h: PEL mask BL
set_pel_mask:
    mov dx, PEL_MASK
    mov al, bl
    out dx, al
    ret
get_pel_mask:
    mov dx, PEL_MASK
    in al, dx
    mov ah, 0
    mov [bp+frame.bx], ax
    ret

; 1Ah: BL = paging mode, BH = page
get_colour_page:
    mov al, 10h
    call get_attribute
    mov bl, al
    shr bl, 7
    mov al, 14h
    call get_attribute
    and al, 0Fh
    test bl, bl
    jnz .store
    shr al, 2
.store:
    mov bh, al
    mov [bp+frame.bx], bx
    ret

; 1Bh: CX colours from BX on become greys of the same brightness: 30 % red, 59 % green, 11 % blue
sum_to_grey:
    jcxz .done
.next:
    mov dx, DAC_READ_INDEX
    mov al, bl
    out dx, al
    mov dx, DAC_DATA
    in al, dx
    mov ah, 77
    mul ah
    mov si, ax
    in al, dx
    mov ah, 151
    mul ah
    add si, ax
    in al, dx
    mov ah, 28
    mul ah
    add si, ax
    lea ax, [si+80h]            ; rounded
    mov dx, DAC_WRITE_INDEX
    mov al, bl
    out dx, al
    inc dx
    mov al, ah
    out dx, al
    out dx, al
    out dx, al
    inc bx
    loop .next
.done:
    ret

; ---------------------------------------------------------------- after a mode set

; Loads the DAC with contents AH (DAC_...), unless programs asked for it to be kept. Keeps ES, SI.
load_dac:
    mov dx, PEL_MASK
    mov al, 0FFh
    out dx, al
    test byte [VGA_CONTROL], 8
    jnz .kept
    push si
    mov dx, DAC_WRITE_INDEX
    xor al, al
    out dx, al
    inc dx
    xor bx, bx
    cmp ah, DAC_256
    je .wheels
    cmp ah, DAC_CGA
    je .cga
    cmp ah, DAC_MONO
    je .mono
.ega:                           ; bits rgbRGB
    mov bh, bl
    call dac_guns
    inc bx
    cmp bl, 64
    jb .ega
    jmp .black
.cga:                           ; bits IxRGB: intensity is bit 4
    call cga_guns
    inc bx
    cmp bl, 64
    jb .cga
    jmp .black
.mono:                          ; bits 4, 3: 01 normal, 11 bright
    xor al, al
    test bl, 8
    jz .mono_store
    mov al, 2Ah
    test bl, 10h
    jz .mono_store
    mov al, 3Fh
.mono_store:
    out dx, al
    out dx, al
    out dx, al
    inc bx
    cmp bl, 64
    jb .mono
.black:
    mov cx, 256-64
    jmp .rest
.wheels:
    push bx                     ; 16 colours as a CGA's, whose intensity is bit 3 here
    mov al, bl
    and al, 8
    add al, al
    and bl, 7
    or bl, al
    call cga_guns
    pop bx
    inc bx
    cmp bl, 16
    jb .wheels
    xor si, si
.grey:
    mov al, [cs:greys+si]
    out dx, al
    out dx, al
    out dx, al
    inc si
    cmp si, 16
    jb .grey
    mov si, wheel_levels
.wheel:
    mov di, wheel_hues
    mov cx, 24*3
.gun:
    movzx bx, byte [cs:di]
    mov al, [cs:bx+si]
    out dx, al
    inc di
    loop .gun
    add si, 5
    cmp si, wheel_hues
    jb .wheel
    mov cx, 8
.rest:
    xor al, al
.zero:
    out dx, al
    out dx, al
    out dx, al
    loop .zero
    test byte [VGA_CONTROL], 2
    jz .done
    xor bx, bx
    mov cx, 256
    call sum_to_grey
.done:
    pop si
.kept:
    ret

; Writes the colour of IxRGB in BL. Changes AX, BH.
cga_guns:
    mov bh, bl
    and bh, 7
    mov al, bl
    and al, 17h
    cmp al, 6                   ; dark yellow is brown
    jne .intensity
    mov bh, 14h
.intensity:
    test bl, 10h
    jz dac_guns
    or bh, 38h

; Writes the colour of rgbRGB in BH: capitals give two thirds, small letters one third. Changes AX, BH.
dac_guns:
    mov ah, 3
    shl bh, 2
.gun:
    xor al, al
    test bh, 10h                ; R, then G and B
    jz .dark
    mov al, 2Ah
.dark:
    test bh, 80h                ; r, g, b
    jz .store
    add al, 15h
.store:
    out dx, al
    add bh, bh
    dec ah
    jnz .gun
    ret
