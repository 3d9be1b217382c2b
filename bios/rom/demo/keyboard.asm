; Part 2: a picture of the keyboard whose keys light up. The scan codes come from INT 15h/4Fh, through which the BIOS
; offers every byte of the keyboard, so its own services go on working.

absolute 0CE00h
key_down:       resb 256        ; by scan code; 80h added for those after E0h
scan_ring:      resb 16
old_int15:      resd 1
scan_count:     resw 1
scan_prefix:    resb 1
scan_skip:      resb 1
escapes:        resb 1
typed_at:       resw 1
line_buffer:    resb 64
section .text

KEY_UP      equ 5Fh
KEY_LIT     equ 60h
KEYS_ROW    equ 5
KEYS_COLUMN equ 3

keyboard_test:
    mov si, .line
    call serial_line
    mov bl, PAGE
    call text_screen
    mov si, .title
    mov ah, 0Fh
    mov di, AT(1, 3)
    call put_text
    mov si, .help
    mov ah, 07h
    mov di, AT(2, 3)
    call put_text
    mov ah, BORDER
    mov si, .no_title
    mov di, AT(KEYS_ROW-1, 1)
    mov dx, 9*256+78
    call put_box
    mov ah, BORDER
    mov si, .codes_title
    mov di, AT(14, 1)
    mov dx, 4*256+78
    call put_box
    mov ah, BORDER
    mov si, .text_title
    mov di, AT(19, 1)
    mov dx, 4*256+78
    call put_box

    push ds
    pop es
    xor ax, ax
    mov di, key_down
    mov cx, (256+16)/2
    rep stosw
    mov [scan_count], ax
    mov [scan_prefix], al
    mov [scan_skip], al
    mov [escapes], al
    mov word [typed_at], AT(20, 3)
    mov es, ax
    cli
    mov eax, [es:15h*4]
    mov [old_int15], eax
    mov word [es:15h*4], scan_code
    mov [es:15h*4+2], cs
    sti
    push ds
    pop es
    mov word [.step], 0

.frame:
    call wait_frame
    cmp byte [unattended], 0
    je .attended
    call .next_injected
    jc .over
.attended:
    call draw_keys
    call draw_codes
    mov ah, 1
    int 16h
    jz .frame
    xor ah, ah
    int 16h
    cmp al, 27
    jne .typed
    inc byte [escapes]
    cmp byte [escapes], 2
    jae .over
    jmp .frame
.typed:
    mov byte [escapes], 0
    call type_char
    jmp .frame

.over:
    xor ax, ax
    mov es, ax
    cli
    mov eax, [old_int15]
    mov [es:15h*4], eax
    sti
    push ds
    pop es
    mov si, .result
    call serial_text
    mov di, line_buffer
    mov ax, [scan_count]
    call append_word
    mov si, .unit
    call append_text
    mov si, line_buffer
    jmp serial_line

; Unattended, the keyboard controller is told to send a few keys itself (command D2h). CF set after the last.
.next_injected:
    inc word [.step]
    mov ax, [.step]
    test al, 1
    jz .injected
    shr ax, 1
    mov si, ax
    cmp si, .keys_end-.keys+4
    jae .last
    cmp si, .keys_end-.keys
    jae .injected
    call .controller_ready
    jnz .injected
    mov al, 0D2h
    out 64h, al
    call .controller_ready
    jnz .injected
    mov al, [.keys+si]
    out 60h, al
.injected:
    clc
    ret
.last:
    stc
    ret
.controller_ready:              ; ZF set once the controller takes a byte
    mov cx, 0FFFFh
.busy:
    in al, 64h
    test al, 2
    loopnz .busy
    ret

.line:        db "DEMO: keyboard", 0
.result:      db "DEMO: keyboard bytes ", 0
.unit:        db " seen", 0
.title:       db "Keyboard", 0
.help:        db "Keys light up while they are down.  Press ", COLOUR(KEYCAP), " Esc ", COLOUR(07h)
              db " twice to go back.", 0
.no_title:    db 0
.codes_title: db COLOUR(TITLE), " Bytes from the keyboard ", 0
.text_title:  db COLOUR(TITLE), " Characters from the BIOS ", 0
.step:        dw 0
.keys:        db 18h,98h, 26h,0A6h, 20h,0A0h, 17h,97h, 13h,93h, 18h,98h, 31h,0B1h, 2Ah,02h,82h,0AAh, 0E0h,4Dh,0E0h,0CDh
.keys_end:

; INT 15h/4Fh: AL = byte from the keyboard. Notes it and goes on to the BIOS.
scan_code:
    cmp ah, 4Fh
    jne .chain
    push ax
    push bx
    push ds
    push cs
    pop ds
    mov bx, [scan_count]
    inc word [scan_count]
    and bx, 15
    mov [scan_ring+bx], al
    cmp byte [scan_skip], 0
    jne .skipped
    cmp al, 0E1h                ; Pause sends E1 1D 45 and later E1 9D C5
    je .pause
    cmp al, 0E0h
    je .prefix
    mov bl, al
    and bl, 7Fh
    or bl, [scan_prefix]
    mov byte [scan_prefix], 0
    cmp bl, 80h+2Ah             ; shifts that the keyboard makes up
    je .done
    cmp bl, 80h+36h
    je .done
    xor bh, bh
    rol al, 1
    not al
    and al, 1
    mov [key_down+bx], al
    jmp .done
.prefix:
    mov byte [scan_prefix], 80h
    jmp .done
.pause:
    mov byte [scan_skip], 2
    jmp .done
.skipped:
    dec byte [scan_skip]
    jnz .done
    xor al, 0C5h                ; its last byte: 45h down, C5h up
    mov [key_down], al
.done:
    pop ds
    pop bx
    pop ax
.chain:
    jmp far [cs:old_int15]

; One pass over the table of keys.
draw_keys:
    mov si, key_table
.row:
    lodsb
    cmp al, 0FFh
    je .done
    movzx bp, al
    add bp, KEYS_ROW
    imul bp, bp, 160            ; BP = start of the line
.key:
    lodsb
    test al, al
    jz .row
    movzx bx, al
    cmp al, 01h+80h             ; stands for code 0, Pause
    jne .code
    xor bx, bx
.code:
    mov ah, KEY_UP
    cmp byte [key_down+bx], 0
    je .colour
    mov ah, KEY_LIT
.colour:
    lodsb
    movzx di, al
    add di, KEYS_COLUMN
    add di, di
    add di, bp
    call put_text
    jmp .key
.done:
    ret

; Rows of the picture: row, then keys (code, column, label), 0; the table ends with 0FFh.
%macro KEY 3
    db %1, %2, %3, 0
%endmacro
key_table:
    db 0
    KEY 01h,0,"Esc"
    KEY 3Bh,6,"F1"
    KEY 3Ch,9,"F2"
    KEY 3Dh,12,"F3"
    KEY 3Eh,15,"F4"
    KEY 3Fh,19,"F5"
    KEY 40h,22,"F6"
    KEY 41h,25,"F7"
    KEY 42h,28,"F8"
    KEY 43h,32,"F9"
    KEY 44h,35,"10"
    KEY 57h,38,"11"
    KEY 58h,41,"12"
    KEY 0B7h,47,"Prt"
    KEY 46h,51,"Scr"
    KEY 81h,55,"Pau"
    db 0
    db 2
    KEY 29h,0,"` "
    KEY 02h,3,"1 "
    KEY 03h,6,"2 "
    KEY 04h,9,"3 "
    KEY 05h,12,"4 "
    KEY 06h,15,"5 "
    KEY 07h,18,"6 "
    KEY 08h,21,"7 "
    KEY 09h,24,"8 "
    KEY 0Ah,27,"9 "
    KEY 0Bh,30,"0 "
    KEY 0Ch,33,"- "
    KEY 0Dh,36,"= "
    KEY 0Eh,39,"Back"
    KEY 0D2h,47,"Ins"
    KEY 0C7h,51,"Hom"
    KEY 0C9h,55,"PgU"
    KEY 45h,61,"Num"
    KEY 0B5h,65,"/ "
    KEY 37h,68,"* "
    KEY 4Ah,71,"- "
    db 0
    db 3
    KEY 0Fh,0,"Tab"
    KEY 10h,4,"Q "
    KEY 11h,7,"W "
    KEY 12h,10,"E "
    KEY 13h,13,"R "
    KEY 14h,16,"T "
    KEY 15h,19,"Y "
    KEY 16h,22,"U "
    KEY 17h,25,"I "
    KEY 18h,28,"O "
    KEY 19h,31,"P "
    KEY 1Ah,34,"[ "
    KEY 1Bh,37,"] "
    KEY 2Bh,40,"\  "
    KEY 0D3h,47,"Del"
    KEY 0CFh,51,"End"
    KEY 0D1h,55,"PgD"
    KEY 47h,61,"7 "
    KEY 48h,65,"8 "
    KEY 49h,68,"9 "
    KEY 4Eh,71,"+ "
    db 0
    db 4
    KEY 3Ah,0,"Caps"
    KEY 1Eh,5,"A "
    KEY 1Fh,8,"S "
    KEY 20h,11,"D "
    KEY 21h,14,"F "
    KEY 22h,17,"G "
    KEY 23h,20,"H "
    KEY 24h,23,"J "
    KEY 25h,26,"K "
    KEY 26h,29,"L "
    KEY 27h,32,"; "
    KEY 28h,35,"' "
    KEY 1Ch,38,"Enter"
    KEY 4Bh,61,"4 "
    KEY 4Ch,65,"5 "
    KEY 4Dh,68,"6 "
    db 0
    db 5
    KEY 2Ah,0,"Shift"
    KEY 2Ch,6,"Z "
    KEY 2Dh,9,"X "
    KEY 2Eh,12,"C "
    KEY 2Fh,15,"V "
    KEY 30h,18,"B "
    KEY 31h,21,"N "
    KEY 32h,24,"M "
    KEY 33h,27,", "
    KEY 34h,30,". "
    KEY 35h,33,"/ "
    KEY 36h,36,"Shift  "
    db 0C8h,51," ",18h," ",0
    KEY 4Fh,61,"1 "
    KEY 50h,65,"2 "
    KEY 51h,68,"3 "
    KEY 9Ch,71,"En"
    db 0
    db 6
    KEY 1Dh,0,"Ctrl"
    KEY 0DBh,5,"Win"
    KEY 38h,9,"Alt"
    KEY 39h,13,"     Space     "
    KEY 0B8h,29,"Alt"
    KEY 0DCh,33,"Win"
    KEY 0DDh,37,"Mn"
    KEY 9Dh,40,"Ctl"
    db 0CBh,47," ",1Bh," ",0
    db 0D0h,51," ",19h," ",0
    db 0CDh,55," ",1Ah," ",0
    KEY 52h,61,"0     "
    KEY 53h,68,". "
    db 0
    db 0FFh

; The last sixteen bytes from the keyboard in hexadecimal.
draw_codes:
    mov dx, [scan_count]
    mov cx, 16
    sub dx, cx
    jns .from
    add cx, dx
    xor dx, dx
.from:
    jcxz .done
    mov di, line_buffer
.next:
    mov bx, dx
    and bx, 15
    mov al, [scan_ring+bx]
    call append_hex
    mov al, ' '
    call append_char
    inc dx
    loop .next
    mov si, line_buffer
    mov ah, VALUE
    mov di, AT(15, 3)
    jmp put_text
.done:
    ret

; Shows the character AL, in a line that starts again when it is full.
type_char:
    test al, al
    jz .done
    cmp al, 0E0h
    je .done
    cmp al, ' '
    jae .put
    mov al, 0FAh
.put:
    mov di, [typed_at]
    mov ah, WARM
    mov cx, 1
    call put_cells
    cmp di, AT(20, 76)
    jb .store
    mov ax, 1720h
    mov di, AT(20, 3)
    mov cx, 74
    call put_cells
    mov di, AT(20, 3)
.store:
    mov [typed_at], di
.done:
    ret
