; A floppy that tries the services of the system BIOS and says what it finds on COM1: a line "ok NAME" or
; "FAIL NAME" for each, "SELFTEST-DONE" at the end. It wants a 1.44 MB drive with itself in it, a fixed disk of at
; least 16 heads of 63 sectors, 16 MiB, PCI, and no printer. It writes to the last track of the floppy and to sector 5
; of the disk.
;
; Build: nasm -f bin -O2 -I bios/rom/selftest/ selftest.asm. The image begins a 1440 KiB floppy; the
; rest is zeros.

BUFFER_SEGMENT  equ 2000h
BUFFER2_SEGMENT equ 3000h
EXPECTED_EXT    equ 15*1024
SECOND_START    equ 7000h       ; nothing else is there
IMAGE_SECTORS   equ 20

%include "floppy.inc"

loaded:
    cmp dword [SECOND_START], 'AGIN'
    je second_start
tests:
    check equipment,            "INT 11h: floppy, mouse, 80 columns, a serial port"
    check base_memory,          "INT 12h: 639 KiB"
    check fd_parameters,        "INT 13h/08h: geometry of the floppy drive"
    check fd_type,              "INT 13h/15h: floppy with change line"
    check fd_not_changed,       "INT 13h/16h: not changed"
    check fd_track_end,         "INT 13h/02h: the last sector of a track"
    check fd_past_end,          "INT 13h/02h: past the end of a track is 04h"
    check fd_across_end,        "INT 13h/02h: across the end of a track reads up to it"
    check fd_dma_boundary,      "INT 13h/02h: across 64 KiB is 09h"
    check fd_verify,            "INT 13h/04h: a whole track"
    check fd_bad_head,          "INT 13h/02h: head 2 is 01h"
    check fd_absent,            "INT 13h/02h: no drive 1 is an error"
    check fd_write,             "INT 13h/03h: what is written is read"
    check fd_format,            "INT 13h/05h: a track formatted reads as F6h"
    check fd_media_type,        "INT 13h/18h: 80 tracks of 18 sectors, not of 19"
    check fd_eot,               "INT 1Eh: the table's last sector is honoured"
    check if_preserved,         "INT 13h: IF as it was"
    check hd_parameters,        "INT 13h/08h: geometry of the disk"
    check hd_read_write,        "INT 13h/02h and 03h: disk by CHS"
    check hd_extensions,        "INT 13h/41h: extensions"
    check hd_packet_read,       "INT 13h/42h: the same sector by block number"
    check hd_packet_parameters, "INT 13h/48h: extended parameters"
    check hd_past_end,          "INT 13h/42h: past the end is an error"
    check hd_type,              "INT 13h/15h: fixed disk"
    check hd_absent,            "INT 13h: no disk 9"
    check serial_status,        "INT 14h/03h: transmitter empty"
    check keyboard_intercept,   "INT 15h/4Fh: CF and the code as they came"
    check wait_hooks,           "INT 15h/90h and 91h"
    check extended_memory,      "INT 15h/88h: KiB"
    check memory_e801,          "INT 15h/E801h"
    check memory_map,           "INT 15h/E820h: usable memory adds up"
    check a20_closed,           "A20 is closed at boot"
    check a20_gate,             "INT 15h/24h: opens, tells, closes"
    check block_move,           "INT 15h/87h: to 1 MiB and back, A20 as it was"
    check wait_86,              "INT 15h/86h: 200 ms are 3 to 5 ticks"
    check wait_83,              "INT 15h/83h: sets its byte"
    check configuration,        "INT 15h/C0h: model FCh"
    check ebda,                 "INT 15h/C1h: as 40:0Eh"
    check unknown_15,           "INT 15h: unknown is 86h"
    check mouse_init,           "INT 15h/C2h: mouse resets and identifies itself"
    check mouse_rates,          "INT 15h/C2h: mouse takes resolution and rate"
    check keys_store,           "INT 16h/05h, 01h, 00h"
    check keys_filter,          "INT 16h/00h and 10h: grey keys"
    check keys_full,            "INT 16h/05h: full after 15 keys"
    check keys_empty,           "INT 16h/01h and 11h: ZF when empty"
    check printer_absent,       "INT 17h: time out without a port"
    check ticks,                "INT 1Ah/00h: goes on while halted"
    check clock,                "INT 1Ah/02h and 04h: BCD"
    check alarm,                "INT 1Ah/06h and 07h: INT 4Ah in the next second"
    check stack_08,             "INT 08h uses less than 64 bytes of stack"
    check stack_09,             "INT 09h uses less than 64 bytes of stack"
    check stack_74,             "INT 74h uses less than 64 bytes of stack"
    check stack_76,             "INT 76h uses less than 64 bytes of stack"
    check pci_present,          "INT 1Ah/B101h: PCI 2.10, mechanism 1"
    check pci_find,             "INT 1Ah/B102h and B103h: functions by device and class"
    check pci_registers,        "INT 1Ah/B108h to B10Dh: registers"
    check pci_set_up,           "POST: the IDE channels and the interrupts of PCI"
    check pci_routing,          "INT 1Ah/B10Eh and B10Fh: interrupt routing"
    check pci_tables,           "$PIR and BIOS32 tables add up"
    check pci_bios32,           "BIOS32: PCI services in protected mode"
    check acpi_tables,          "ACPI: the tables are found and add up"
    check acpi_registers,       "ACPI: SCI_EN, and a timer that goes on"
    check mp_tables,            "MP: the tables are found and add up"
    check apm,                  "INT 15h/53h: APM 1.2"
    check high_halves,          "INT 13h, 15h, 16h, 1Ah keep the high halves of registers"
    check scan_codes,           "INT 09h: scan codes to key codes"
    check scan_shift,           "INT 09h: Shift, Caps Lock, Ctrl, Alt"
    check scan_alt_number,      "INT 09h: Alt and digits of the keypad"
    check scan_print,           "INT 09h: Print Screen calls INT 05h"
    check scan_break,           "INT 09h: Ctrl-Break calls INT 1Bh and empties the buffer"
    check scan_sysreq,          "INT 09h: SysReq calls INT 15h/85h"
    check scan_pause,           "INT 09h: Pause holds the machine until a key, which is lost"
    check protected_mode,       "INT 15h/89h: ends in protected mode"
    check shutdown_0a,          "reset with shutdown code 0Ah goes on at 40:67"
    check shutdown_05,          "reset with shutdown code 05h goes on at 40:67"
    check shutdown_0c,          "reset with shutdown code 0Ch returns by the stack at 40:67"
    check shutdown_09,          "reset with shutdown code 09h returns to the caller of INT 15h/87h"
    ; The CMOS cannot be believed: restart.
    mov dword [SECOND_START], 'AGIN'
    mov al, 2Fh
    out 70h, al
    in al, 71h
    xor al, 55h
    mov ah, al
    mov al, 2Fh
    out 70h, al
    mov al, ah
    out 71h, al
    cli
    mov al, 0FEh
    out 64h, al
.wait:
    hlt
    jmp .wait

second_start:
    mov dword [SECOND_START], 0
    check extended_memory,      "POST: memory found without the CMOS"
    check a20_closed,           "POST: and A20 is closed"
    check mouse_init,           "INT 15h/C2h: mouse after a restart"
    mov si, text_done
    call put_text
; The mouse is the host's: each packet is a line.
.packet:
    cli
    cmp byte [mouse_came], 0
    jne .show
    sti
    hlt
    jmp .packet
.show:
    mov byte [mouse_came], 0
    sti
    mov si, text_mouse
    call put_text
    mov bx, mouse_packet+6      ; status was pushed first
    mov cx, 4
.word:
    mov al, ' '
    call put_char
    mov ax, [bx]
    call put_word
    dec bx
    dec bx
    loop .word
    mov si, text_newline
    call put_text
    jmp .packet

%include "disks.asm"
%include "system.asm"
%include "keyboard.asm"
%include "stack.asm"
%include "protected.asm"
%include "pci.asm"

text_mouse:     db "mouse", 0
text_done:      db "SELFTEST-DONE", 13, 10, 0

    times 20*512-($-$$) db 0
