; The interrupt vectors as POST leaves them.

; Vectors 00h-07h and 10h-6Fh that are not in the list return at once; 78h-FFh and the user vectors 60h-67h are 0.
init_vectors:
    push ds
    push es
    xor ax, ax
    mov es, ax
    push cs
    pop ds
    xor di, di
    mov cx, 78h
.default:
    mov ax, int_iret
    stosw
    mov ax, cs
    stosw
    loop .default
    xor ax, ax
    mov cx, (100h-78h)*2
    rep stosw
    mov di, 60h*4
    mov cx, 8*2
    rep stosw

    mov di, 08h*4               ; lines that nobody has claimed
    call .stray
    mov di, 70h*4
    call .stray

    mov si, vector_list
.set:
    lodsb
    movzx di, al
    shl di, 2
    lodsw
    test ax, ax
    jz .done
    stosw
    mov ax, cs
    stosw
    jmp .set
.done:
    pop es
    pop ds
    ret
.stray:
    mov cx, 8
.line:
    mov ax, irq_stray
    stosw
    mov ax, cs
    stosw
    loop .line
    ret

vector_list:
%macro vector 2
    db %1
    dw %2
%endmacro
    vector 02h, int02
    vector 05h, int05
    vector 08h, int08
    vector 09h, int09
    vector 0Eh, int0e
    vector 10h, int10
    vector 11h, int11
    vector 12h, int12
    vector 13h, int13
    vector 14h, int14
    vector 15h, int15
    vector 16h, int16
    vector 17h, int17
    vector 18h, int18
    vector 19h, int19
    vector 1Ah, int1a
    vector 1Eh, diskette_table
    vector 40h, int40
    vector 70h, int70
    vector 71h, int71
    vector 74h, int74
    vector 75h, int75
    vector 76h, int76
    vector 77h, int76
    db 0
    dw 0

; INT 10h before a video BIOS takes it.
int10:
    iret
