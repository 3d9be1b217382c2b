; Constant tables: modes, save pointers, display combinations.

; ---------------------------------------------------------------- modes

; What each mode's memory looks like; 0FFh where there is no such mode.
mode_kinds:
    db KIND_TEXT, KIND_TEXT, KIND_TEXT, KIND_TEXT, KIND_CGA2, KIND_CGA2, KIND_CGA1, KIND_TEXT
    times 5 db 0FFh
    db KIND_PLANAR, KIND_PLANAR, KIND_PLANAR, KIND_PLANAR, KIND_PLANAR, KIND_PLANAR, KIND_LINEAR
LAST_MODE equ $-mode_kinds-1

; Entry of the parameter table for each mode but the text modes with more than 200 lines.
mode_entries:
    db 0, 1, 2, 3, 4, 5, 6, 7
    times 5 db 0
    db 0Dh, 0Eh, 11h, 12h, 1Ah, 1Bh, 1Ch

; DAC contents for each mode (text modes with 200 lines use the CGA's).
DAC_EGA   equ 0                 ; 64 colours, two bits a gun
DAC_CGA   equ 1                 ; 16 colours for monitors with RGBI wires
DAC_MONO  equ 2
DAC_256   equ 3
mode_dacs:
    db DAC_EGA, DAC_EGA, DAC_EGA, DAC_EGA, DAC_CGA, DAC_CGA, DAC_CGA, DAC_MONO
    times 5 db 0
    db DAC_CGA, DAC_CGA, DAC_MONO, DAC_EGA, DAC_EGA, DAC_EGA, DAC_256

; What a CGA or MDA would have in its mode and colour registers.
mode_control_values:
    db 2Ch, 28h, 2Dh, 29h, 2Ah, 2Eh, 1Eh, 29h

%macro ATTRS_CGA 3              ; mode control, overscan, plane enable
    db 0,1,2,3,4,5,6,7, 10h,11h,12h,13h,14h,15h,16h,17h, %1, %2, %3
%endmacro
%macro ATTRS_EGA 1
    db 0,1,2,3,4,5,14h,7, 38h,39h,3Ah,3Bh,3Ch,3Dh,3Eh,3Fh, %1, 0, 0Fh
%endmacro
; Horizontal timing: 40 and 80 columns; then vertical timing of 200 (double scanned 400), 350 and 480 lines.
%define H40(x) 2Dh,27h,28h,90h,2Bh,x
%define H80(x,y) 5Fh,4Fh,50h,82h,x,y
%define NO_OFFSETS 0,0,0,0

video_parameters:
; 00h, 01h: modes 0 and 1, 200 lines
%rep 2
    db 40, 24, 8
    dw 800h
    db 09h,03h,00h,02h, 63h
    db H40(0A0h), 0BFh,1Fh,00h,0C7h,06h,07h, NO_OFFSETS, 9Ch,8Eh,8Fh,14h,1Fh,96h,0B9h,0A3h,0FFh
    ATTRS_CGA 08h, 0, 0Fh
    db 0
    db 0,0,0,0,0,10h,0Eh,0,0FFh
%endrep
; 02h, 03h: modes 2 and 3, 200 lines
%rep 2
    db 80, 24, 8
    dw 1000h
    db 01h,03h,00h,02h, 63h
    db H80(55h,81h), 0BFh,1Fh,00h,0C7h,06h,07h, NO_OFFSETS, 9Ch,8Eh,8Fh,28h,1Fh,96h,0B9h,0A3h,0FFh
    ATTRS_CGA 08h, 0, 0Fh
    db 0
    db 0,0,0,0,0,10h,0Eh,0,0FFh
%endrep
; 04h, 05h
%rep 2
    db 40, 24, 8
    dw 4000h
    db 09h,03h,00h,02h, 63h
    db H40(80h), 0BFh,1Fh,00h,0C1h,00h,00h, NO_OFFSETS, 9Ch,8Eh,8Fh,14h,00h,96h,0B9h,0A2h,0FFh
    db 0,13h,15h,17h,2,4,6,7, 10h,11h,12h,13h,14h,15h,16h,17h, 01h, 0, 03h, 0
    db 0,0,0,0,0,30h,0Fh,0,0FFh
%endrep
; 06h
    db 80, 24, 8
    dw 4000h
    db 01h,01h,00h,06h, 63h
    db H80(54h,80h), 0BFh,1Fh,00h,0C1h,00h,00h, NO_OFFSETS, 9Ch,8Eh,8Fh,28h,00h,96h,0B9h,0C2h,0FFh
    db 0
    times 15 db 17h
    db 01h, 0, 01h, 0
    db 0,0,0,0,0,00h,0Dh,0,0FFh
; 07h: mode 7, 350 lines
    db 80, 24, 14
    dw 1000h
    db 00h,03h,00h,02h, 0A6h
    db H80(55h,81h), 0BFh,1Fh,00h,4Dh,0Bh,0Ch, NO_OFFSETS, 83h,85h,5Dh,28h,0Dh,63h,0BAh,0A3h,0FFh
    db 0,8,8,8,8,8,8,8, 10h,18h,18h,18h,18h,18h,18h,18h, 0Eh, 0, 0Fh, 08h
    db 0,0,0,0,0,10h,0Ah,0,0FFh
; 08h-0Ch: not used
    times 5*64 db 0
; 0Dh
    db 40, 24, 8
    dw 2000h
    db 09h,0Fh,00h,06h, 63h
    db H40(80h), 0BFh,1Fh,00h,0C0h,00h,00h, NO_OFFSETS, 9Ch,8Eh,8Fh,14h,00h,96h,0B9h,0E3h,0FFh
    ATTRS_CGA 01h, 0, 0Fh
    db 0
    db 0,0,0,0,0,00h,05h,0Fh,0FFh
; 0Eh
    db 80, 24, 8
    dw 4000h
    db 01h,0Fh,00h,06h, 63h
    db H80(54h,80h), 0BFh,1Fh,00h,0C0h,00h,00h, NO_OFFSETS, 9Ch,8Eh,8Fh,28h,00h,96h,0B9h,0E3h,0FFh
    ATTRS_CGA 01h, 0, 0Fh
    db 0
    db 0,0,0,0,0,00h,05h,0Fh,0FFh
; 0Fh and 11h: mode 0Fh; 10h and 12h: mode 10h
%rep 2
    db 80, 24, 14
    dw 8000h
    db 01h,0Fh,00h,06h, 0A2h
    db H80(54h,80h), 0BFh,1Fh,00h,40h,00h,00h, NO_OFFSETS, 83h,85h,5Dh,28h,0Fh,63h,0BAh,0E3h,0FFh
    db 0,8,0,0,18h,18h,0,0, 0,8,0,0,0,18h,0,0, 0Bh, 0, 05h, 0
    db 0,0,0,0,0,00h,05h,05h,0FFh

    db 80, 24, 14
    dw 8000h
    db 01h,0Fh,00h,06h, 0A3h
    db H80(54h,80h), 0BFh,1Fh,00h,40h,00h,00h, NO_OFFSETS, 83h,85h,5Dh,28h,0Fh,63h,0BAh,0E3h,0FFh
    ATTRS_EGA 01h
    db 0
    db 0,0,0,0,0,00h,05h,0Fh,0FFh
%endrep
; 13h, 14h: modes 0 and 1, 350 lines
%rep 2
    db 40, 24, 14
    dw 800h
    db 09h,03h,00h,02h, 0A3h
    db H40(0A0h), 0BFh,1Fh,00h,4Dh,0Bh,0Ch, NO_OFFSETS, 83h,85h,5Dh,14h,1Fh,63h,0BAh,0A3h,0FFh
    ATTRS_EGA 08h
    db 0
    db 0,0,0,0,0,10h,0Eh,0,0FFh
%endrep
; 15h, 16h: modes 2 and 3, 350 lines
%rep 2
    db 80, 24, 14
    dw 1000h
    db 01h,03h,00h,02h, 0A3h
    db H80(55h,81h), 0BFh,1Fh,00h,4Dh,0Bh,0Ch, NO_OFFSETS, 83h,85h,5Dh,28h,1Fh,63h,0BAh,0A3h,0FFh
    ATTRS_EGA 08h
    db 0
    db 0,0,0,0,0,10h,0Eh,0,0FFh
%endrep
; 17h: modes 0 and 1, 400 lines
    db 40, 24, 16
    dw 800h
    db 08h,03h,00h,02h, 67h
    db H40(0A0h), 0BFh,1Fh,00h,4Fh,0Dh,0Eh, NO_OFFSETS, 9Ch,8Eh,8Fh,14h,1Fh,96h,0B9h,0A3h,0FFh
    ATTRS_EGA 0Ch
    db 08h
    db 0,0,0,0,0,10h,0Eh,0,0FFh
; 18h: modes 2 and 3, 400 lines
    db 80, 24, 16
    dw 1000h
    db 00h,03h,00h,02h, 67h
    db H80(55h,81h), 0BFh,1Fh,00h,4Fh,0Dh,0Eh, NO_OFFSETS, 9Ch,8Eh,8Fh,28h,1Fh,96h,0B9h,0A3h,0FFh
    ATTRS_EGA 0Ch
    db 08h
    db 0,0,0,0,0,10h,0Eh,0,0FFh
; 19h: mode 7, 400 lines
    db 80, 24, 16
    dw 1000h
    db 00h,03h,00h,02h, 66h
    db H80(55h,81h), 0BFh,1Fh,00h,4Fh,0Dh,0Eh, NO_OFFSETS, 9Ch,8Eh,8Fh,28h,0Fh,96h,0B9h,0A3h,0FFh
    db 0,8,8,8,8,8,8,8, 10h,18h,18h,18h,18h,18h,18h,18h, 0Eh, 0, 0Fh, 08h
    db 0,0,0,0,0,10h,0Ah,0,0FFh
; 1Ah: mode 11h
    db 80, 29, 16
    dw 0A000h
    db 01h,0Fh,00h,06h, 0E3h
    db H80(54h,80h), 0Bh,3Eh,00h,40h,00h,00h, NO_OFFSETS, 0EAh,8Ch,0DFh,28h,00h,0E7h,04h,0C3h,0FFh
    db 0
    times 15 db 3Fh
    db 01h, 0, 0Fh, 0
    db 0,0,0,0,0,00h,05h,01h,0FFh
; 1Bh: mode 12h
    db 80, 29, 16
    dw 0A000h
    db 01h,0Fh,00h,06h, 0E3h
    db H80(54h,80h), 0Bh,3Eh,00h,40h,00h,00h, NO_OFFSETS, 0EAh,8Ch,0DFh,28h,00h,0E7h,04h,0E3h,0FFh
    ATTRS_EGA 01h
    db 0
    db 0,0,0,0,0,00h,05h,0Fh,0FFh
; 1Ch: mode 13h
    db 40, 24, 8
    dw 2000h
    db 01h,0Fh,00h,0Eh, 63h
    db H80(54h,80h), 0BFh,1Fh,00h,41h,00h,00h, NO_OFFSETS, 9Ch,8Eh,8Fh,28h,40h,96h,0B9h,0A3h,0FFh
    db 0,1,2,3,4,5,6,7,8,9,0Ah,0Bh,0Ch,0Dh,0Eh,0Fh, 41h, 0, 0Fh, 0
    db 0,0,0,0,0,40h,05h,0Fh,0FFh
%if $-video_parameters != 29*64
%error "the video parameter table has 29 entries of 64 bytes"
%endif

; ---------------------------------------------------------------- colours

; Mode 13h, entries 10h to 1Fh: greys.
greys:
    db 00h,05h,08h,0Bh,0Eh,11h,14h,18h,1Ch,20h,24h,28h,2Dh,32h,38h,3Fh
; Entries 20h to F7h: nine wheels of 24 hues; five levels for each wheel, and a hue's guns as indices into them.
wheel_levels:
    db 00h,10h,1Fh,2Fh,3Fh, 1Fh,27h,2Fh,37h,3Fh, 2Dh,31h,36h,3Ah,3Fh
    db 00h,07h,0Eh,15h,1Ch, 0Eh,11h,15h,18h,1Ch, 14h,16h,18h,1Ah,1Ch
    db 00h,04h,08h,0Ch,10h, 08h,0Ah,0Ch,0Eh,10h, 0Bh,0Ch,0Dh,0Fh,10h
wheel_hues:                     ; red, green, blue
    db 0,0,4, 1,0,4, 2,0,4, 3,0,4, 4,0,4, 4,0,3, 4,0,2, 4,0,1
    db 4,0,0, 4,1,0, 4,2,0, 4,3,0, 4,4,0, 3,4,0, 2,4,0, 1,4,0
    db 0,4,0, 0,4,1, 0,4,2, 0,4,3, 0,4,4, 0,3,4, 0,2,4, 0,1,4

; ---------------------------------------------------------------- what programs find through the data area

save_pointers:
    dw video_parameters, 0C000h
    dd 0                        ; dynamic save area
    dd 0                        ; font override, text
    dd 0                        ; font override, graphics
    dw secondary_save_pointers, 0C000h
    dd 0, 0

secondary_save_pointers:
    dw 1Ah
    dw dcc_table, 0C000h
    dd 0, 0, 0, 0, 0

; Display combination codes: pairs of displays that may be present together.
DCC_COLOUR_VGA equ 0Bh
dcc_table:
    db 16, 1, 8, 0
    db 0,0, 0,1, 0,2, 2,1, 0,4, 4,1, 0,5, 2,5, 0,6, 1,6, 5,6, 0,8, 1,8, 0,7, 2,7, 6,7
DCC_ENTRIES equ 16

; INT 10h/1Bh's static table.
static_functionality:
    db 0FFh, 0E0h, 0Fh          ; modes 00h-07h, 0Dh-0Fh, 10h-13h
    db 0, 0, 0, 0
    db 07h                      ; 200, 350 and 400 lines in text modes
    db 8, 2                     ; font blocks: all, active at a time
    db 0FFh, 0Eh                ; everything but the light pen
    dw 0
    db 3Fh, 0                   ; save pointers: all are honoured

; INT 1Dh: what a 6845 wants, for programs written for the CGA and the MDA.
crt_tables:
    db 38h,28h,2Dh,0Ah,1Fh,06h,19h,1Ch,02h,07h,06h,07h,0,0,0,0
    db 71h,50h,5Ah,0Ah,1Fh,06h,19h,1Ch,02h,07h,06h,07h,0,0,0,0
    db 38h,28h,2Dh,0Ah,7Fh,06h,64h,70h,02h,01h,06h,07h,0,0,0,0
    db 61h,50h,52h,0Fh,19h,06h,19h,19h,02h,0Dh,0Bh,0Ch,0,0,0,0
    dw 2048, 4096, 16384, 16384
    db 40, 40, 80, 80, 40, 40, 80, 80
    db 2Ch, 28h, 2Dh, 29h, 2Ah, 2Eh, 1Eh, 29h

; Alternate glyphs for cells nine dots wide: none, the fonts need no correction.
no_alternates:
    db 0
