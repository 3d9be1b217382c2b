; INT 09h (IRQ 1): scan codes of set 1 become key codes in the buffer at 40:1E.
;
; Every code passes INT 15h/4Fh first. The stack is the interrupted program's: registers are saved as 16 bits.
; Key codes are those of the enhanced keyboard: INT 16h/00h filters them for programs that expect 84 keys.

SCAN_ESC        equ 01h
SCAN_CTRL       equ 1Dh
SCAN_LSHIFT     equ 2Ah
SCAN_RSHIFT     equ 36h
SCAN_STAR       equ 37h         ; after E0h: Print Screen
SCAN_ALT        equ 38h
SCAN_CAPS       equ 3Ah
SCAN_NUM        equ 45h
SCAN_SCROLL     equ 46h         ; after E0h: Break
SCAN_KEYPAD     equ 47h
SCAN_INSERT     equ 52h
SCAN_DELETE     equ 53h
SCAN_SYSREQ     equ 54h
KEYBOARD_ACK    equ 0FAh
KEYBOARD_RESEND equ 0FEh
NO_KEY          equ 0           ; in the tables
; Specific, so that it may be given a second time while a lower interrupt is in service.
PIC_EOI_KEYBOARD equ 61h

int09:
    push ax
    push bx
    push ds
    push BDA
    pop ds
    cld
    in al, KBC_DATA
    sti
    mov ah, 4Fh
    stc
    int 15h
    jnc .end

    cmp al, KEYBOARD_ACK
    je .acknowledged
    cmp al, KEYBOARD_RESEND
    je .resend
    cmp al, 0E0h
    je .prefix_e0
    cmp al, 0E1h
    je .prefix_e1
    test al, al
    jz .end                     ; overrun of the keyboard's own buffer

    test byte [KB_MODE], KBM_E1
    jnz .pause_key
    call keyboard_code
    and byte [KB_MODE], ~(KBM_E0 | KBM_E1) & 0FFh
    call keyboard_leds
.end:
    cli
    mov al, PIC_EOI_KEYBOARD
    out PIC1_COMMAND, al
.return:
    pop ds
    pop bx
    pop ax
    iret

.prefix_e0:
    or byte [KB_MODE], KBM_E0
    jmp .end
.prefix_e1:
    or byte [KB_MODE], KBM_E1
    jmp .end
; E1h 1Dh 45h E1h 9Dh C5h: the second code of each half counts.
.pause_key:
    mov ah, al
    and ah, 7Fh
    cmp ah, SCAN_CTRL
    je .end
    and byte [KB_MODE], ~KBM_E1 & 0FFh
    cmp al, SCAN_NUM
    jne .end
    call keyboard_pause
    jmp .return                 ; which has ended the interrupt

.resend:
    or byte [KB_LEDS], KBL_RESEND
    and byte [KB_LEDS], ~(KBL_UPDATE | KBL_DATA_SENT) & 0FFh
    jmp .end
; The two acknowledgements of an LED update: to the command, to the data.
.acknowledged:
    or byte [KB_LEDS], KBL_ACK
    test byte [KB_LEDS], KBL_UPDATE
    jz .end
    test byte [KB_LEDS], KBL_DATA_SENT
    jnz .leds_done
    mov al, [KB_FLAGS]
    shr al, 4
    and al, KBL_LEDS
    and byte [KB_LEDS], ~KBL_LEDS & 0FFh
    or al, KBL_DATA_SENT
    or [KB_LEDS], al
    and al, KBL_LEDS
    call kbc_data
    jmp .end
.leds_done:
    and byte [KB_LEDS], ~(KBL_UPDATE | KBL_DATA_SENT) & 0FFh
    call keyboard_leds          ; they may have changed meanwhile
    jmp .end

; Starts an update of the LEDs if they show something else than the lock states. The answers come as interrupts.
keyboard_leds:
    push ax
    mov al, [KB_FLAGS]
    shr al, 4
    xor al, [KB_LEDS]
    test al, KBL_LEDS
    jz .return
    and byte [KB_LEDS], ~(KBL_DATA_SENT | KBL_ACK | KBL_RESEND) & 0FFh
    or byte [KB_LEDS], KBL_UPDATE
    mov al, 0EDh
    call kbc_data
.return:
    pop ax
    ret

; Holds the machine until a key is pressed. Ends the interrupt in service first.
keyboard_pause:
    test byte [KB_FLAGS2], KB2_PAUSE
    jnz .end
    or byte [KB_FLAGS2], KB2_PAUSE
    cli
    mov al, PIC_EOI_KEYBOARD
    out PIC1_COMMAND, al
.wait:
    cli
    test byte [KB_FLAGS2], KB2_PAUSE
    jz .return
    call idle
    jmp .wait
.end:
    cli
    mov al, PIC_EOI_KEYBOARD
    out PIC1_COMMAND, al
.return:
    ret

; ---------------------------------------------------------------- one scan code

; AL: the code, E0h before it noted in KB_MODE. Uses AX, BX.
keyboard_code:
    mov bl, al
    and bx, 7Fh                 ; the key
    test al, 80h
    jnz .release

; -------- pressed
    cmp bl, SCAN_LSHIFT
    je .press_lshift
    cmp bl, SCAN_RSHIFT
    je .press_rshift
    cmp bl, SCAN_CTRL
    je .press_ctrl
    cmp bl, SCAN_ALT
    je .press_alt
    cmp bl, SCAN_CAPS
    je .press_caps
    cmp bl, SCAN_NUM
    je .press_num
    cmp bl, SCAN_SCROLL
    je .press_scroll
    cmp bl, SCAN_DELETE
    ja .not_insert
    je .press_delete
    cmp bl, SCAN_INSERT
    je .press_insert
.not_insert:
    cmp bl, SCAN_SYSREQ
    je .press_sysreq
    cmp bl, SCAN_STAR
    je .press_star
.key:
    test byte [KB_FLAGS2], KB2_PAUSE
    jnz .unpause
    cmp bl, SCAN_KEYPAD
    jb .translate
    cmp bl, SCAN_DELETE
    ja .translate
    test byte [KB_FLAGS], KBF_ALT
    jz .translate
    test byte [KB_MODE], KBM_E0
    jnz .translate
    mov bl, [cs:keypad_digits+bx-SCAN_KEYPAD]
    cmp bl, 10
    jae .alt_grey
    mov al, [KB_ALT_NUMBER]     ; Alt and digits of the keypad: a character code
    mov ah, 10
    mul ah
    add al, bl
    mov [KB_ALT_NUMBER], al
    ret
.alt_grey:                      ; minus and plus
    mov bl, al
.translate:
    mov byte [KB_ALT_NUMBER], 0
    call translate_key
    jc .return
    call keyboard_store
.return:
    ret

; Any key but the modifiers ends a pause and is lost.
.unpause:
    and byte [KB_FLAGS2], ~KB2_PAUSE & 0FFh
    ret

; E0h before a shift code only says that the key after it is one of the grey ones.
.press_lshift:
    mov al, KBF_LSHIFT
    jmp .press_shift
.press_rshift:
    mov al, KBF_RSHIFT
.press_shift:
    test byte [KB_MODE], KBM_E0
    jnz .return
    or [KB_FLAGS], al
    ret
.press_ctrl:
    or byte [KB_FLAGS], KBF_CTRL
    test byte [KB_MODE], KBM_E0
    jnz .press_rctrl
    or byte [KB_FLAGS2], KB2_LCTRL
    ret
.press_rctrl:
    or byte [KB_MODE], KBM_RCTRL
    ret
.press_alt:
    or byte [KB_FLAGS], KBF_ALT
    test byte [KB_MODE], KBM_E0
    jnz .press_ralt
    or byte [KB_FLAGS2], KB2_LALT
    ret
.press_ralt:
    or byte [KB_MODE], KBM_RALT
    ret
.press_caps:
    mov ax, KBF_CAPS << 8 | KB2_CAPS
    jmp .lock
.press_num:
    test byte [KB_FLAGS], KBF_CTRL
    jnz keyboard_ctrl_num
    mov ax, KBF_NUM << 8 | KB2_NUM
    jmp .lock
.press_scroll:
    test byte [KB_MODE], KBM_E0
    jnz keyboard_break
    test byte [KB_FLAGS], KBF_CTRL
    jnz keyboard_break
    mov ax, KBF_SCROLL << 8 | KB2_SCROLL
; AH: the state to toggle, AL: the key held down, which repeats without effect.
.lock:
    test [KB_FLAGS2], al
    jnz .return
    or [KB_FLAGS2], al
    xor [KB_FLAGS], ah
    ret
.press_insert:
    test byte [KB_FLAGS], KBF_ALT
    jnz .key
    test byte [KB_MODE], KBM_E0
    jnz .toggle_insert
    call keypad_shifted
    jnz .key                    ; it types 0
.toggle_insert:
    test byte [KB_FLAGS], KBF_CTRL
    jnz .key
    mov ax, KBF_INSERT << 8 | KB2_INSERT
    call .lock
    mov al, SCAN_INSERT
    jmp .key
.press_delete:
    mov ah, [KB_FLAGS]
    and ah, KBF_CTRL | KBF_ALT
    cmp ah, KBF_CTRL | KBF_ALT
    jne .key
    jmp warm_reset
.press_sysreq:
    mov ax, 8500h
    jmp .sysreq
.press_star:
    test byte [KB_MODE], KBM_E0
    jz .key
    test byte [KB_FLAGS], KBF_CTRL | KBF_ALT
    jnz .key
    test byte [KB_FLAGS2], KB2_PAUSE
    jnz .unpause
    ; Printing takes long: end this interrupt for its time.
    and byte [KB_MODE], ~(KBM_E0 | KBM_E1) & 0FFh
    mov al, PIC_EOI_KEYBOARD
    out PIC1_COMMAND, al
    int 05h
    ret

; -------- released
.release:
    cmp bl, SCAN_LSHIFT
    je .release_lshift
    cmp bl, SCAN_RSHIFT
    je .release_rshift
    cmp bl, SCAN_CTRL
    je .release_ctrl
    cmp bl, SCAN_ALT
    je .release_alt
    cmp bl, SCAN_SYSREQ
    je .release_sysreq
    mov al, KB2_CAPS
    cmp bl, SCAN_CAPS
    je .release_lock
    mov al, KB2_NUM
    cmp bl, SCAN_NUM
    je .release_lock
    mov al, KB2_SCROLL
    cmp bl, SCAN_SCROLL
    je .release_lock
    mov al, KB2_INSERT
    cmp bl, SCAN_INSERT
    je .release_lock
    ret
.release_lock:
    not al
    and [KB_FLAGS2], al
    ret
.release_lshift:
    mov al, ~KBF_LSHIFT & 0FFh
    jmp .release_shift
.release_rshift:
    mov al, ~KBF_RSHIFT & 0FFh
.release_shift:
    test byte [KB_MODE], KBM_E0
    jnz .return
    and [KB_FLAGS], al
    ret
.release_ctrl:
    test byte [KB_MODE], KBM_E0
    jnz .release_rctrl
    and byte [KB_FLAGS2], ~KB2_LCTRL & 0FFh
    jmp .ctrl_left
.release_rctrl:
    and byte [KB_MODE], ~KBM_RCTRL & 0FFh
.ctrl_left:
    test byte [KB_FLAGS2], KB2_LCTRL
    jnz .return
    test byte [KB_MODE], KBM_RCTRL
    jnz .return
    and byte [KB_FLAGS], ~KBF_CTRL & 0FFh
    ret
.release_alt:
    test byte [KB_MODE], KBM_E0
    jnz .release_ralt
    and byte [KB_FLAGS2], ~KB2_LALT & 0FFh
    jmp .alt_left
.release_ralt:
    and byte [KB_MODE], ~KBM_RALT & 0FFh
.alt_left:
    test byte [KB_FLAGS2], KB2_LALT
    jnz .held
    test byte [KB_MODE], KBM_RALT
    jnz .held
    and byte [KB_FLAGS], ~KBF_ALT & 0FFh
    xor ax, ax
    xchg al, [KB_ALT_NUMBER]
    test al, al
    jnz keyboard_store          ; scan code 0 and the character
.held:
    ret
.release_sysreq:
    mov ax, 8501h
.sysreq:
    test al, al
    jnz .sysreq_up
    test byte [KB_FLAGS2], KB2_SYSREQ
    jnz .held
    or byte [KB_FLAGS2], KB2_SYSREQ
    jmp .sysreq_call
.sysreq_up:
    and byte [KB_FLAGS2], ~KB2_SYSREQ & 0FFh
.sysreq_call:
    push ax
    mov al, PIC_EOI_KEYBOARD
    out PIC1_COMMAND, al
    pop ax
    int 15h
    ret

; Ctrl and Num Lock: the Pause of keyboards without one.
keyboard_ctrl_num:
    and byte [KB_MODE], ~(KBM_E0 | KBM_E1) & 0FFh
    jmp keyboard_pause

; Break: empty the buffer, tell INT 1Bh, leave a key that wakes whoever waits.
keyboard_break:
    mov ax, [KB_BUFFER_FIRST]
    mov [KB_HEAD], ax
    mov [KB_TAIL], ax
    mov byte [BREAK_FLAG], 80h
    and byte [KB_FLAGS2], ~KB2_PAUSE & 0FFh
    int 1Bh
    xor ax, ax
    ; fall through

; Puts key AX into the buffer; a full one loses it. CF: it was full. Uses BX.
keyboard_store:
    pushf
    cli
    mov bx, [KB_TAIL]
    push bx
    inc bx
    inc bx
    cmp bx, [KB_BUFFER_LIMIT]
    jb .inside
    mov bx, [KB_BUFFER_FIRST]
.inside:
    cmp bx, [KB_HEAD]
    je .full
    xchg bx, [KB_TAIL]
    mov [bx], ax
    pop bx
    popf
    push ax
    mov ax, 9102h               ; a key has come
    int 15h
    pop ax
    clc
    ret
.full:
    pop bx
    popf
    stc
    ret

; Ctrl-Alt-Del: through the reset line, which also leaves protected and virtual-8086 mode.
warm_reset:
    cli
    mov word [RESET_FLAG], WARM_RESET
    mov ax, CMOS_SHUTDOWN       ; code 0
    call cmos_write
    mov al, 0FEh
    call kbc_command
    mov cx, 1000
    call delay
    in al, PORT_92
    and al, 0FEh
    out PORT_92, al
    or al, 1
    out PORT_92, al
.wait:
    hlt
    jmp .wait

; ---------------------------------------------------------------- translation

; ZF clear: the keypad types digits: Num Lock or a shift key, not both. Uses AH.
keypad_shifted:
    mov ah, [KB_FLAGS]
    test ah, KBF_LSHIFT | KBF_RSHIFT
    jz .unshifted
    or ah, KBF_RSHIFT | KBF_LSHIFT
    test ah, KBF_NUM
    jz .shifted
    cmp ah, ah                  ; both: ZF
    ret
.shifted:
    test ah, KBF_LSHIFT
    ret
.unshifted:
    test ah, KBF_NUM
    ret

; AX = key code of the key BL with the modifiers as they are. CF: it has none. Uses BX.
translate_key:
    test byte [KB_MODE], KBM_E0
    jnz .grey
    cmp bl, KEY_COUNT
    jae .none
    shl bx, 3
    add bx, key_table
    call .column
    jnz .fixed                  ; Ctrl or Alt: nothing else counts
    cmp bx, key_table+SCAN_KEYPAD*8
    jb .typewriter
    cmp bx, key_table+SCAN_SYSREQ*8
    jae .shift
    call keypad_shifted
    jmp .shift_if
.typewriter:
    mov al, [cs:bx]             ; letters: Caps Lock turns the shift keys round
    cmp al, 'a'
    jb .shift
    cmp al, 'z'
    ja .shift
    mov al, [KB_FLAGS]
    test al, KBF_LSHIFT | KBF_RSHIFT
    jz .caps
    test al, KBF_CAPS
    jz .shifted
    jmp .base
.caps:
    test al, KBF_CAPS
    jmp .shift_if
.shift:
    test byte [KB_FLAGS], KBF_LSHIFT | KBF_RSHIFT
.shift_if:
    jz .base
.shifted:
    inc bx
    inc bx
.base:
    mov ax, [cs:bx]
    jmp .check
.fixed:
    mov ax, [cs:bx]
.check:
    test ax, ax
    jz .none
    clc
    ret
.none:
    stc
    ret

; Moves BX to the column of Alt or Ctrl and clears ZF if one of them is down.
.column:
    test byte [KB_FLAGS], KBF_ALT
    jnz .alt
    test byte [KB_FLAGS], KBF_CTRL
    jz .plain
    add bx, 4
    ret
.alt:
    add bx, 6
    ret
.plain:
    ret

; After E0h: the keys between typewriter and keypad, and two of the keypad.
.grey:
    mov al, bl
    mov bx, grey_table
.search:
    cmp byte [cs:bx], 0
    je .none
    cmp al, [cs:bx]
    je .found
    add bx, GREY_SIZE
    jmp .search
.found:
    inc bx
    mov ax, [cs:bx]
    call .grey_column
    mov ax, [cs:bx]
    jmp .check
.grey_column:
    test byte [KB_FLAGS], KBF_ALT
    jnz .grey_alt
    test byte [KB_FLAGS], KBF_CTRL
    jz .plain
    add bx, 2
    ret
.grey_alt:
    add bx, 4
    ret

; What the keys of the keypad add to an Alt number; 10: nothing.
keypad_digits:
    db 7, 8, 9, 10, 4, 5, 6, 10, 1, 2, 3, 0, 10

; Key codes: plain, with Shift (keypad: or Num Lock), with Ctrl, with Alt. F0h in the low byte marks codes that
; the 84-key keyboard does not have; INT 16h turns it into 0.
key_table:
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; 00
    dw 011Bh, 011Bh, 011Bh, 01F0h               ; Esc
    dw 0231h, 0221h, NO_KEY, 7800h              ; 1 !
    dw 0332h, 0340h, 0300h, 7900h               ; 2 @
    dw 0433h, 0423h, NO_KEY, 7A00h              ; 3 #
    dw 0534h, 0524h, NO_KEY, 7B00h              ; 4 $
    dw 0635h, 0625h, NO_KEY, 7C00h              ; 5 %
    dw 0736h, 075Eh, 071Eh, 7D00h               ; 6 ^
    dw 0837h, 0826h, NO_KEY, 7E00h              ; 7 &
    dw 0938h, 092Ah, NO_KEY, 7F00h              ; 8 *
    dw 0A39h, 0A28h, NO_KEY, 8000h              ; 9 (
    dw 0B30h, 0B29h, NO_KEY, 8100h              ; 0 )
    dw 0C2Dh, 0C5Fh, 0C1Fh, 8200h               ; - _
    dw 0D3Dh, 0D2Bh, NO_KEY, 8300h              ; = +
    dw 0E08h, 0E08h, 0E7Fh, 0EF0h               ; Backspace
    dw 0F09h, 0F00h, 9400h, 0A5F0h              ; Tab
%macro letter 2                                 ; scan code, character
    dw %1 << 8 | %2, %1 << 8 | (%2 - 20h), %1 << 8 | (%2 & 1Fh), %1 << 8
%endmacro
    letter 10h, 'q'
    letter 11h, 'w'
    letter 12h, 'e'
    letter 13h, 'r'
    letter 14h, 't'
    letter 15h, 'y'
    letter 16h, 'u'
    letter 17h, 'i'
    letter 18h, 'o'
    letter 19h, 'p'
    dw 1A5Bh, 1A7Bh, 1A1Bh, 1AF0h               ; [ {
    dw 1B5Dh, 1B7Dh, 1B1Dh, 1BF0h               ; ] }
    dw 1C0Dh, 1C0Dh, 1C0Ah, 1CF0h               ; Enter
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; Ctrl
    letter 1Eh, 'a'
    letter 1Fh, 's'
    letter 20h, 'd'
    letter 21h, 'f'
    letter 22h, 'g'
    letter 23h, 'h'
    letter 24h, 'j'
    letter 25h, 'k'
    letter 26h, 'l'
    dw 273Bh, 273Ah, NO_KEY, 27F0h              ; ; :
    dw 2827h, 2822h, NO_KEY, 28F0h              ; ' "
    dw 2960h, 297Eh, NO_KEY, 29F0h              ; ` ~
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; left Shift
    dw 2B5Ch, 2B7Ch, 2B1Ch, 2BF0h               ; \ |
    letter 2Ch, 'z'
    letter 2Dh, 'x'
    letter 2Eh, 'c'
    letter 2Fh, 'v'
    letter 30h, 'b'
    letter 31h, 'n'
    letter 32h, 'm'
    dw 332Ch, 333Ch, NO_KEY, 33F0h              ; , <
    dw 342Eh, 343Eh, NO_KEY, 34F0h              ; . >
    dw 352Fh, 353Fh, NO_KEY, 35F0h              ; / ?
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; right Shift
    dw 372Ah, 372Ah, 9600h, 37F0h               ; keypad *
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; Alt
    dw 3920h, 3920h, 3920h, 3920h               ; space
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; Caps Lock
%assign f 0
%rep 10                                         ; F1 to F10
    dw (3Bh+f) << 8, (54h+f) << 8, (5Eh+f) << 8, (68h+f) << 8
%assign f f+1
%endrep
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; Num Lock
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; Scroll Lock
    dw 4700h, 4737h, 7700h, NO_KEY              ; 7 Home
    dw 4800h, 4838h, 8D00h, NO_KEY              ; 8 up
    dw 4900h, 4939h, 8400h, NO_KEY              ; 9 page up
    dw 4A2Dh, 4A2Dh, 8E00h, 4AF0h               ; -
    dw 4B00h, 4B34h, 7300h, NO_KEY              ; 4 left
    dw 4CF0h, 4C35h, 8F00h, NO_KEY              ; 5
    dw 4D00h, 4D36h, 7400h, NO_KEY              ; 6 right
    dw 4E2Bh, 4E2Bh, 9000h, 4EF0h               ; +
    dw 4F00h, 4F31h, 7500h, NO_KEY              ; 1 End
    dw 5000h, 5032h, 9100h, NO_KEY              ; 2 down
    dw 5100h, 5133h, 7600h, NO_KEY              ; 3 page down
    dw 5200h, 5230h, 9200h, NO_KEY              ; 0 Ins
    dw 5300h, 532Eh, 9300h, NO_KEY              ; . Del
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; SysReq
    dw NO_KEY, NO_KEY, NO_KEY, NO_KEY           ; 55
    dw 565Ch, 567Ch, NO_KEY, NO_KEY             ; the 102nd key
    dw 8500h, 8700h, 8900h, 8B00h               ; F11
    dw 8600h, 8800h, 8A00h, 8C00h               ; F12
KEY_COUNT equ ($-key_table)/8

; Scan code after E0h; key codes plain, with Ctrl, with Alt.
grey_table:
    db 1Ch
    dw 0E00Dh, 0E00Ah, 0A6F0h                   ; Enter
GREY_SIZE equ $-grey_table
    db 35h
    dw 0E02Fh, 95F0h, 0A4F0h                    ; /
    db SCAN_STAR
    dw NO_KEY, 7200h, NO_KEY                    ; Print Screen
    db 47h
    dw 47E0h, 77E0h, 97F0h                      ; Home
    db 48h
    dw 48E0h, 8DE0h, 98F0h                      ; up
    db 49h
    dw 49E0h, 84E0h, 99F0h                      ; page up
    db 4Bh
    dw 4BE0h, 73E0h, 9BF0h                      ; left
    db 4Dh
    dw 4DE0h, 74E0h, 9DF0h                      ; right
    db 4Fh
    dw 4FE0h, 75E0h, 9FF0h                      ; End
    db 50h
    dw 50E0h, 91E0h, 0A0F0h                     ; down
    db 51h
    dw 51E0h, 76E0h, 0A1F0h                     ; page down
    db 52h
    dw 52E0h, 92E0h, 0A2F0h                     ; Ins
    db 53h
    dw 53E0h, 93E0h, 0A3F0h                     ; Del
    db 0
