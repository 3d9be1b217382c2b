//! The standard modes as the PC's BIOS programs them.

use super::{Bench, bench};

/// Register values of a mode.
pub(super) struct Mode {
    pub(super) name: &'static str,
    misc: u8,
    sequencer: [u8; 5],
    crtc: [u8; 25],
    graphics: [u8; 9],
    attribute: [u8; 21],
    colors: Colors,
}

#[derive(Clone, Copy, PartialEq)]
enum Colors {
    /// Index bits: rgbRGB, lower case a third.
    SixtyFour,
    /// Index bits: -I-RGB.
    Sixteen,
    /// Index bits 3 and 4: on and bright.
    Monochrome,
    /// 256 different ones.
    Many,
}

/// Programs `mode` on a fresh VGA and waits for the first vertical retrace.
pub(super) fn bench_in(mode: &Mode) -> Bench {
    let mut bench = bench();
    set(&mut bench, mode);
    bench
}

/// Programs `mode`.
pub(super) fn set(bench: &mut Bench, mode: &Mode) {
    bench.sequencer(0, 1);
    bench.out(0x3c2, mode.misc);
    for (index, &value) in (1..).zip(&mode.sequencer[1..]) {
        bench.sequencer(index, value);
    }
    bench.sequencer(0, mode.sequencer[0]);
    bench.crtc(0x11, 0);
    for (index, &value) in (0..).zip(&mode.crtc) {
        bench.crtc(index, value);
    }
    for (index, &value) in (0..).zip(&mode.graphics) {
        bench.graphics(index, value);
    }
    for (index, &value) in (0..).zip(&mode.attribute) {
        bench.attribute(index, value);
    }
    bench.out(0x3c6, 0xff);
    for index in 0..=255u8 {
        let bit = |n: u8, weight: u8| (index >> n & 1) * weight;
        let rgb = match mode.colors {
            Colors::SixtyFour => [0, 1, 2].map(|n| bit(2 - n, 42) + bit(5 - n, 21)),
            Colors::Sixteen => [0, 1, 2].map(|n| bit(2 - n, 42) + bit(4, 21)),
            Colors::Monochrome => [bit(3, 42) + bit(3, 21) * bit(4, 1); 3],
            Colors::Many => [index >> 2, index & 0x3f, (255 - index) >> 2],
        };
        bench.color(index, rgb);
    }
    bench.next_frame();
}

const EGA_PALETTE: [u8; 16] = [
    0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,
];
const CGA_PALETTE: [u8; 16] = [
    0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
];
const IDENTITY: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const fn attributes(palette: [u8; 16], mode: u8, planes: u8, panning: u8) -> [u8; 21] {
    let mut out = [0; 21];
    let mut at = 0;
    while at < 16 {
        out[at] = palette[at];
        at += 1;
    }
    out[16] = mode;
    out[18] = planes;
    out[19] = panning;
    out
}

/// CRTC values: horizontal timing, then registers 6 to 9, the cursor, 10h to 14h, 15h to 17h.
const fn crtc(
    horizontal: [u8; 6],
    low: [u8; 4],
    cursor: [u8; 2],
    vertical: [u8; 5],
    high: [u8; 3],
) -> [u8; 25] {
    let [h0, h1, h2, h3, h4, h5] = horizontal;
    let [r6, r7, r8, r9] = low;
    let [ra, rb] = cursor;
    let [r10, r11, r12, r13, r14] = vertical;
    let [r15, r16, r17] = high;
    [
        h0, h1, h2, h3, h4, h5, r6, r7, r8, r9, ra, rb, 0, 0, 0, 0, r10, r11, r12, r13, r14, r15, r16, r17,
        0xff,
    ]
}

const TEXT_80: [u8; 6] = [0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81];
const TEXT_40: [u8; 6] = [0x2d, 0x27, 0x28, 0x90, 0x2b, 0xa0];
const DOTS_640: [u8; 6] = [0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80];
const DOTS_320: [u8; 6] = [0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80];
const PLANAR: [u8; 9] = [0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff];

pub(super) const TEXT_40X25: Mode = Mode {
    name: "01h",
    misc: 0x67,
    sequencer: [3, 8, 3, 0, 2],
    crtc: crtc(
        TEXT_40,
        [0xbf, 0x1f, 0, 0x4f],
        [13, 14],
        [0x9c, 0x8e, 0x8f, 0x14, 0x1f],
        [0x96, 0xb9, 0xa3],
    ),
    graphics: [0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff],
    attribute: attributes(EGA_PALETTE, 0x0c, 0x0f, 8),
    colors: Colors::SixtyFour,
};

pub(super) const TEXT_80X25: Mode = Mode {
    name: "03h",
    sequencer: [3, 0, 3, 0, 2],
    crtc: crtc(
        TEXT_80,
        [0xbf, 0x1f, 0, 0x4f],
        [13, 14],
        [0x9c, 0x8e, 0x8f, 0x28, 0x1f],
        [0x96, 0xb9, 0xa3],
    ),
    ..TEXT_40X25
};

/// Mode 3 with EGA's 350 lines and 8x14 characters of eight dots.
pub(super) const TEXT_80X25_EGA: Mode = Mode {
    name: "03h*",
    misc: 0xa3,
    sequencer: [3, 1, 3, 0, 2],
    crtc: crtc(
        TEXT_80,
        [0xbf, 0x1f, 0, 0x4d],
        [11, 12],
        [0x83, 0x85, 0x5d, 0x28, 0x1f],
        [0x63, 0xba, 0xa3],
    ),
    attribute: attributes(EGA_PALETTE, 0x08, 0x0f, 0),
    ..TEXT_80X25
};

/// Mode 3 with 8x8 characters.
pub(super) const TEXT_80X50: Mode = Mode {
    name: "03h, 50 rows",
    crtc: crtc(
        TEXT_80,
        [0xbf, 0x1f, 0, 0x47],
        [6, 7],
        [0x9c, 0x8e, 0x8f, 0x28, 0x1f],
        [0x96, 0xb9, 0xa3],
    ),
    ..TEXT_80X25
};

pub(super) const TEXT_MONO: Mode = Mode {
    name: "07h",
    misc: 0x66,
    crtc: crtc(
        TEXT_80,
        [0xbf, 0x1f, 0, 0x4f],
        [13, 14],
        [0x9c, 0x8e, 0x8f, 0x28, 0x0f],
        [0x96, 0xb9, 0xa3],
    ),
    graphics: [0, 0, 0, 0, 0, 0x10, 0x0a, 0, 0xff],
    attribute: attributes(
        [
            0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18,
        ],
        0x0e,
        0x0f,
        8,
    ),
    colors: Colors::Monochrome,
    ..TEXT_80X25
};

pub(super) const CGA_4: Mode = Mode {
    name: "04h",
    misc: 0x63,
    sequencer: [3, 9, 3, 0, 2],
    crtc: crtc(
        DOTS_320,
        [0xbf, 0x1f, 0, 0xc1],
        [0, 0],
        [0x9c, 0x8e, 0x8f, 0x14, 0],
        [0x96, 0xb9, 0xa2],
    ),
    graphics: [0, 0, 0, 0, 0, 0x30, 0x0f, 0, 0xff],
    attribute: attributes(
        [
            0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
        ],
        1,
        3,
        0,
    ),
    colors: Colors::Sixteen,
};

pub(super) const CGA_2: Mode = Mode {
    name: "06h",
    misc: 0x63,
    sequencer: [3, 1, 1, 0, 6],
    crtc: crtc(
        DOTS_640,
        [0xbf, 0x1f, 0, 0xc1],
        [0, 0],
        [0x9c, 0x8e, 0x8f, 0x28, 0],
        [0x96, 0xb9, 0xc2],
    ),
    graphics: [0, 0, 0, 0, 0, 0, 0x0d, 0, 0xff],
    attribute: attributes(
        [
            0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
        ],
        1,
        1,
        0,
    ),
    colors: Colors::Sixteen,
};

pub(super) const EGA_320X200: Mode = Mode {
    name: "0Dh",
    misc: 0x63,
    sequencer: [3, 9, 0x0f, 0, 6],
    crtc: crtc(
        DOTS_320,
        [0xbf, 0x1f, 0, 0xc0],
        [0, 0],
        [0x9c, 0x8e, 0x8f, 0x14, 0],
        [0x96, 0xb9, 0xe3],
    ),
    graphics: PLANAR,
    attribute: attributes(CGA_PALETTE, 1, 0x0f, 0),
    colors: Colors::Sixteen,
};

pub(super) const EGA_640X200: Mode = Mode {
    name: "0Eh",
    sequencer: [3, 1, 0x0f, 0, 6],
    crtc: crtc(
        DOTS_640,
        [0xbf, 0x1f, 0, 0xc0],
        [0, 0],
        [0x9c, 0x8e, 0x8f, 0x28, 0],
        [0x96, 0xb9, 0xe3],
    ),
    ..EGA_320X200
};

pub(super) const EGA_MONO: Mode = Mode {
    name: "0Fh",
    misc: 0xa2,
    sequencer: [3, 1, 0x0f, 0, 6],
    crtc: crtc(
        DOTS_640,
        [0xbf, 0x1f, 0, 0x40],
        [0, 0],
        [0x83, 0x85, 0x5d, 0x28, 0x0f],
        [0x63, 0xba, 0xe3],
    ),
    graphics: [0, 0, 0, 0, 0, 0, 5, 5, 0xff],
    attribute: attributes(
        [0, 8, 0, 0, 0x18, 0x18, 0, 0, 0, 8, 0, 0, 0, 0x18, 0, 0],
        0x0b,
        5,
        0,
    ),
    colors: Colors::Monochrome,
};

pub(super) const EGA_640X350: Mode = Mode {
    name: "10h",
    misc: 0xa3,
    graphics: PLANAR,
    attribute: attributes(EGA_PALETTE, 1, 0x0f, 0),
    colors: Colors::SixtyFour,
    ..EGA_MONO
};

pub(super) const VGA_MONO: Mode = Mode {
    name: "11h",
    misc: 0xe3,
    crtc: crtc(
        DOTS_640,
        [0x0b, 0x3e, 0, 0x40],
        [0, 0],
        [0xea, 0x8c, 0xdf, 0x28, 0],
        [0xe7, 4, 0xc3],
    ),
    graphics: [0, 0, 0, 0, 0, 0, 5, 1, 0xff],
    attribute: attributes(
        [
            0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f, 0, 0x3f,
        ],
        1,
        0x0f,
        0,
    ),
    ..EGA_640X350
};

pub(super) const VGA_640X480: Mode = Mode {
    name: "12h",
    crtc: crtc(
        DOTS_640,
        [0x0b, 0x3e, 0, 0x40],
        [0, 0],
        [0xea, 0x8c, 0xdf, 0x28, 0],
        [0xe7, 4, 0xe3],
    ),
    graphics: PLANAR,
    attribute: attributes(EGA_PALETTE, 1, 0x0f, 0),
    ..VGA_MONO
};

pub(super) const VGA_320X200: Mode = Mode {
    name: "13h",
    misc: 0x63,
    sequencer: [3, 1, 0x0f, 0, 0x0e],
    crtc: crtc(
        DOTS_640,
        [0xbf, 0x1f, 0, 0x41],
        [0, 0],
        [0x9c, 0x8e, 0x8f, 0x28, 0x40],
        [0x96, 0xb9, 0xa3],
    ),
    graphics: [0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff],
    attribute: attributes(IDENTITY, 0x41, 0x0f, 0),
    colors: Colors::Many,
};

/// 320x240 in 256 colours, unchained.
pub(super) const MODE_X: Mode = Mode {
    name: "mode X",
    misc: 0xe3,
    sequencer: [3, 1, 0x0f, 0, 6],
    crtc: crtc(
        DOTS_640,
        [0x0d, 0x3e, 0, 0x41],
        [0, 0],
        [0xea, 0xac, 0xdf, 0x28, 0],
        [0xe7, 6, 0xe3],
    ),
    ..VGA_320X200
};

/// 320x400 in 256 colours, unchained: mode X's sibling without doubled lines.
pub(super) const MODE_320X400: Mode = Mode {
    name: "320x400",
    misc: 0x63,
    sequencer: [3, 1, 0x0f, 0, 6],
    crtc: crtc(
        DOTS_640,
        [0xbf, 0x1f, 0, 0x40],
        [0, 0],
        [0x9c, 0x8e, 0x8f, 0x28, 0],
        [0x96, 0xb9, 0xe3],
    ),
    ..VGA_320X200
};

/// All text modes.
pub(super) const TEXT: [&Mode; 5] = [&TEXT_40X25, &TEXT_80X25, &TEXT_80X25_EGA, &TEXT_80X50, &TEXT_MONO];

/// All graphics modes.
pub(super) const GRAPHICS: [&Mode; 11] = [
    &CGA_4,
    &CGA_2,
    &EGA_320X200,
    &EGA_640X200,
    &EGA_MONO,
    &EGA_640X350,
    &VGA_MONO,
    &VGA_640X480,
    &VGA_320X200,
    &MODE_X,
    &MODE_320X400,
];
