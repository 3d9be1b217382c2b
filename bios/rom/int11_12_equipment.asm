; INT 11h, equipment list, and INT 12h, memory below 640 KiB.

int11:
    push ds
    push BDA
    pop ds
    mov ax, [EQUIPMENT]
    pop ds
    iret

int12:
    push ds
    push BDA
    pop ds
    mov ax, [BASE_KIB]
    pop ds
    iret
