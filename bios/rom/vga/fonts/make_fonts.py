#!/usr/bin/env python3
"""Makes font8x8.bin, font8x14.bin and font8x16.bin: code page 437, 256 glyphs, one byte per row.

Needed only to change the fonts; the .bin files are checked in and the VGA BIOS is assembled from them.

  8x14, 8x16  the bold faces of Terminus Font 4.48 (Debian package xfonts-terminus), SIL OFL 1.1
  8x8         ASCII from the bold 8x8 face of the Schumacher "clean" fonts (Debian package xfonts-base),
              all other glyphs from extra8x8.txt and from the two composing functions below

    make_fonts.py [--fonts DIR] [--sheet OUT.pgm]     DIR: default /usr/share/fonts/X11/misc
"""

import argparse
import gzip
import pathlib
import struct

HERE = pathlib.Path(__file__).parent
CONTROLS = "\0☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
CP437 = CONTROLS + bytes(range(32, 127)).decode("ascii") + "⌂" + bytes(range(128, 256)).decode("cp437")


def read_pcf(path, height):
    """The glyphs of an X11 "portable compiled font", by code: lists of `height` rows of eight bits."""
    data = gzip.open(path).read()
    tables = {}
    for i in range(struct.unpack_from("<I", data, 4)[0]):
        kind, _, _, offset = struct.unpack_from("<IIII", data, 8 + 16 * i)
        tables[kind] = offset

    def open_table(kind):
        offset = tables[kind]
        form = struct.unpack_from("<I", data, offset)[0]
        return offset + 4, form, ">" if form & 4 else "<"

    at, form, order = open_table(4)  # metrics: left, right, width, ascent, descent
    if form & 0x100:
        count = struct.unpack_from(order + "H", data, at)[0]
        metrics = [[b - 128 for b in data[at + 2 + 5 * i : at + 7 + 5 * i]] for i in range(count)]
    else:
        count = struct.unpack_from(order + "I", data, at)[0]
        metrics = [struct.unpack_from(order + "5h", data, at + 4 + 12 * i) for i in range(count)]

    at, form, order = open_table(2)  # accelerators
    ascent = struct.unpack_from(order + "i", data, at + 8)[0]

    at, form, order = open_table(8)  # bitmaps
    offsets = struct.unpack_from(order + "%dI" % count, data, at + 4)
    bits = at + 4 + 4 * count + 16
    padding = 1 << (form & 3)
    glyphs = []
    for (left, right, _, up, down), offset in zip(metrics, offsets):
        stride = ((right - left + 7) // 8 + padding - 1) // padding * padding
        rows = [0] * height
        for y in range(up + down):
            byte = data[bits + offset + y * stride]
            if not form & 8:
                byte = int(f"{byte:08b}"[::-1], 2)
            if 0 <= ascent - up + y < height:
                rows[ascent - up + y] = (byte >> left if left >= 0 else byte << -left) & 0xFF
        glyphs.append(rows)

    at, form, order = open_table(32)  # encodings
    low, high, first, last, _ = struct.unpack_from(order + "5h", data, at)
    codes = {}
    for row in range(first, last + 1):
        for column in range(low, high + 1):
            cell = (row - first) * (high - low + 1) + column - low
            glyph = struct.unpack_from(order + "H", data, at + 10 + 2 * cell)[0]
            if glyph != 0xFFFF:
                codes[row << 8 | column] = glyphs[glyph]
    return codes


# Box drawing of 8x8: for left, right, up, down the weight of the arm (0 none, 1 single, 2 double), B3h to DAh.
BOXES = {
    "│": "0011", "┤": "1011", "╡": "2011", "╢": "1022", "╖": "1002", "╕": "2001", "╣": "2022", "║": "0022",
    "╗": "2002", "╝": "2020", "╜": "1020", "╛": "2010", "┐": "1001", "└": "0110", "┴": "1110", "┬": "1101",
    "├": "0111", "─": "1100", "┼": "1111", "╞": "0211", "╟": "0122", "╚": "0220", "╔": "0202", "╩": "2220",
    "╦": "2202", "╠": "0222", "═": "2200", "╬": "2222", "╧": "2210", "╨": "1120", "╤": "2201", "╥": "1102",
    "╙": "0120", "╘": "0210", "╒": "0201", "╓": "0102", "╫": "1122", "╪": "2211", "┘": "1010", "┌": "0101",
}
BLOCKS = {
    "░": [0x22, 0x88] * 4, "▒": [0x55, 0xAA] * 4, "▓": [0xDD, 0x77] * 4, "█": [0xFF] * 8,
    "▄": [0] * 4 + [0xFF] * 4, "▀": [0xFF] * 4 + [0] * 4, "▌": [0xF0] * 8, "▐": [0x0F] * 8,
}


def box8x8(arms):
    """A single line is columns 3 and 4 or row 3; a double one is columns 2, 3 and 5, 6 or rows 2 and 4."""
    left, right, up, down = (int(c) for c in arms)
    vertical, horizontal = max(up, down), max(left, right)
    dots = [[False] * 8 for _ in range(8)]

    def fill(xs, ys):
        for y in ys:
            for x in xs:
                dots[y][x] = True

    columns = {0: (3, 4), 1: (3, 4), 2: (2, 6)}[vertical]   # outer extent of the upright lines
    rows = {0: (3, 3), 1: (3, 3), 2: (2, 4)}[horizontal]    # and of the level ones
    if vertical == 1:
        fill((3, 4), range(0 if up else rows[0], 8 if down else rows[1] + 1))
    if horizontal == 1:
        fill(range(0 if left else columns[0], 8 if right else columns[1] + 1), (3,))
    if vertical == 2:
        for side, xs, inner in ((left, (2, 3), 0), (right, (5, 6), 1)):
            if side == 2:       # the near line stops at the level lines and leaves the crossing open
                fill(xs, list(range(0, rows[0] + 1)) * bool(up) + list(range(rows[1], 8)) * bool(down))
            else:
                fill(xs, range(0 if up else rows[0], 8 if down else rows[1] + 1))
    if horizontal == 2:
        for side, y in ((up, 2), (down, 4)):
            xs = list(range(0, columns[0] + 2)) * bool(left) + list(range(columns[1] - 1, 8)) * bool(right)
            if side == 2:
                fill(xs, (y,))
            else:
                fill(range(0 if left else columns[0], 8 if right else columns[1] + 1), (y,))
    return [sum(1 << (7 - x) for x in range(8) if row[x]) for row in dots]


ACCENTS = {
    "´": (0x0C, 0x18), "`": (0x30, 0x18), "^": (0x18, 0x66), "¨": (0x66, 0x00), "°": (0x18, 0x24), "~": (0x76, 0xDC),
}
ACCENTED = {
    "ü": "u¨", "é": "e´", "â": "a^", "ä": "a¨", "à": "a`", "å": "a°", "ê": "e^", "ë": "e¨", "è": "e`", "ï": "i¨",
    "î": "i^", "ì": "i`", "ô": "o^", "ö": "o¨", "ò": "o`", "û": "u^", "ù": "u`", "ÿ": "y¨", "á": "a´", "í": "i´",
    "ó": "o´", "ú": "u´", "ñ": "n~",
}


def accented8x8(ascii_glyphs, letter, accent):
    """A small letter, which is rows 2 to 7, under an accent in rows 0 and 1; i loses its dot."""
    return list(ACCENTS[accent]) + ascii_glyphs[ord(letter)][2:]


def read_extra(path):
    glyphs, codes, row = {}, [], 0
    for line in path.read_text().splitlines():
        fields = line.split()
        if line.startswith("="):
            codes, row = [int(c, 16) for c in fields[1:]], 0
            glyphs.update((c, []) for c in codes)
        elif fields and not line.startswith("# "):
            assert len(fields) == len(codes), line
            for code, field in zip(codes, fields):
                glyphs[code].append(int(field.ljust(8, ".").replace("#", "1").replace(".", "0"), 2))
    assert all(len(rows) == 8 for rows in glyphs.values())
    return glyphs


def font8x8(fonts):
    ascii_glyphs = read_pcf(fonts / "clB8x8.pcf.gz", 8)
    extra = read_extra(HERE / "extra8x8.txt")
    result = []
    for code, char in enumerate(CP437):
        if code in extra:
            glyph = extra[code]
        elif char in BOXES:
            glyph = box8x8(BOXES[char])
        elif char in BLOCKS:
            glyph = BLOCKS[char]
        elif char in ACCENTED:
            glyph = accented8x8(ascii_glyphs, *ACCENTED[char])
        elif char == "ç":
            glyph = ascii_glyphs[ord("c")][:6] + [0x0C, 0x38]
        elif code == 0:
            glyph = [0] * 8
        else:
            glyph = ascii_glyphs[code]
        result.append(glyph)
    return result


def font_of_terminus(path, height):
    glyphs = read_pcf(path, height)
    return [[0] * height if code in (0, 0xFF) else glyphs[ord(char)] for code, char in enumerate(CP437)]


def write_sheet(path, fonts):
    width, rows = 32 * 9, []
    for font in fonts:
        height = len(font[0])
        for line in range(8):
            for y in range(height + 1):
                row = bytearray(width)
                for column in range(32):
                    bits = font[line * 32 + column][y] if y < height else 0
                    for x in range(8):
                        row[column * 9 + x] = 255 * (bits >> (7 - x) & 1)
                rows.append(bytes(row))
    path.write_bytes(b"P5 %d %d 255\n" % (width, len(rows)) + b"".join(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fonts", type=pathlib.Path, default=pathlib.Path("/usr/share/fonts/X11/misc"))
    parser.add_argument("--sheet", type=pathlib.Path)
    options = parser.parse_args()
    fonts = {
        "font8x8.bin": font8x8(options.fonts),
        "font8x14.bin": font_of_terminus(options.fonts / "ter-u14b_unicode.pcf.gz", 14),
        "font8x16.bin": font_of_terminus(options.fonts / "ter-u16b_unicode.pcf.gz", 16),
    }
    for name, font in fonts.items():
        (HERE / name).write_bytes(b"".join(bytes(glyph) for glyph in font))
    if options.sheet:
        write_sheet(options.sheet, fonts.values())


if __name__ == "__main__":
    main()
