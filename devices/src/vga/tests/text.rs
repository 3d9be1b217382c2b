//! Text modes: the picture dot by dot, and the characters for scripts and terminals.

use super::modes::{self, Mode, bench_in};
use super::{Bench, hash};

fn glyph(code: u8, row: u32) -> u8 {
    code.rotate_left(row) ^ (row as u8).wrapping_mul(0x1d)
}

/// Loads a font whose glyphs are all different into `base` of plane 2; `invert` makes another one.
fn load_font(b: &mut Bench, base: u32, invert: u8) {
    b.sequencer(2, 4);
    b.sequencer(4, 6);
    b.graphics(5, 0);
    b.graphics(6, 4);
    for code in 0..=255u8 {
        for row in 0..32 {
            b.poke(
                0xa0000 + base + u32::from(code) * 32 + row,
                glyph(code, row) ^ invert,
            );
        }
    }
    b.sequencer(2, 3);
    b.sequencer(4, 2);
    b.graphics(5, 0x10);
    let map = if b.crtc_port() == 0x3b4 { 0x0a } else { 0x0e };
    b.graphics(6, map);
}

fn text_base(b: &mut Bench) -> u32 {
    if b.crtc_port() == 0x3b4 { 0xb0000 } else { 0xb8000 }
}

/// All characters in all attributes, the cursor somewhere.
fn bench_with_text(mode: &Mode) -> Bench {
    let mut b = bench_in(mode);
    load_font(&mut b, 0, 0);
    let base = text_base(&mut b);
    for cell in 0..4000u32 {
        b.poke_all(base + cell * 2, &[cell as u8, (cell + cell / 256 * 37) as u8]);
    }
    b.crtc(0x0e, 0);
    b.crtc(0x0f, 83);
    b
}

#[test]
fn every_dot_of_every_text_mode_is_where_the_manual_puts_it() {
    for (mode, columns, width, rows, height) in [
        (&modes::TEXT_40X25, 40, 9, 25, 16),
        (&modes::TEXT_80X25, 80, 9, 25, 16),
        (&modes::TEXT_80X25_EGA, 80, 8, 25, 14),
        (&modes::TEXT_80X50, 80, 9, 50, 8),
        (&modes::TEXT_MONO, 80, 9, 25, 16),
    ] {
        let mut b = bench_with_text(mode);
        while b.chip.frame_number() & 31 != 0 {
            b.next_frame();
        }
        let mono = mode.name == "07h";
        let cursor_start = u32::from(b.crtc_read(0x0a) & 31);
        let cursor_end = u32::from(b.crtc_read(0x0b) & 31);
        let colors: Vec<u32> = (0..16u8)
            .map(|color| {
                b.inb(if mono { 0x3ba } else { 0x3da });
                b.out(0x3c0, color | 0x20);
                let entry = b.inb(0x3c1);
                b.chip.palette()[usize::from(entry)]
            })
            .collect();
        let line_graphics = width == 9;
        for phase in [0, 8, 16, 24] {
            let frame = b.frame();
            assert_eq!(
                (frame.width, frame.height),
                (columns * width, rows * height),
                "{}",
                mode.name
            );
            assert!(!frame.double_rows);
            for y in 0..frame.height {
                for x in 0..frame.width {
                    let cell = y / height * columns + x / width;
                    let (code, attribute) = (cell as u8, (cell + cell / 256 * 37) as u8);
                    let (row, dot) = (y % height, x % width);
                    let font = glyph(code, row);
                    let mut on = match dot {
                        8 => line_graphics && (0xc0..0xe0).contains(&code) && font & 1 != 0,
                        _ => font >> (7 - dot) & 1 != 0,
                    };
                    if mono && row == 15 && attribute & 0x77 == 1 {
                        on = true;
                    }
                    if attribute & 0x80 != 0 && phase & 16 != 0 {
                        on = false;
                    }
                    if cell == 83 && (cursor_start..=cursor_end).contains(&row) && phase & 8 == 0 {
                        on = true;
                    }
                    let color = if on { attribute & 15 } else { attribute >> 4 & 7 };
                    let dot = frame.pixels[(y * frame.width + x) as usize];
                    assert_eq!(
                        dot,
                        colors[usize::from(color)],
                        "{} {x},{y} phase {phase}",
                        mode.name
                    );
                }
            }
            for _ in 0..8 {
                b.next_frame();
            }
        }
    }
}

#[test]
fn golden_pictures_of_the_text_modes() {
    let hashes: Vec<(&str, u64)> = modes::TEXT
        .into_iter()
        .map(|mode| {
            let mut b = bench_with_text(mode);
            while b.chip.frame_number() & 31 != 0 {
                b.next_frame();
            }
            (mode.name, hash(&b.frame()))
        })
        .collect();
    assert_eq!(
        hashes,
        [
            ("01h", 0x22b11d20258c1865),
            ("03h", 0x73566a84327de5dc),
            ("03h*", 0x1bde2f9ed14c6b9f),
            ("03h, 50 rows", 0xf4ab647ba6fa92fb),
            ("07h", 0x8be920dde2ed5047),
        ]
    );
}

#[test]
fn without_blink_attribute_bit_7_brightens_the_background() {
    let mut b = bench_in(&modes::TEXT_80X25);
    b.poke_all(0xb8000, &[0, 0xf0]);
    let background = |b: &mut Bench| b.pixel(0, 0);
    assert_eq!(background(&mut b), 0xaaaaaa);
    b.attribute(0x10, 0x04);
    assert_eq!(background(&mut b), 0xffffff);
}

#[test]
fn attribute_bit_3_selects_one_of_two_fonts() {
    let mut b = bench_in(&modes::TEXT_80X25);
    load_font(&mut b, 0, 0);
    load_font(&mut b, 0x6000, 0xff);
    b.sequencer(3, 0x24);
    b.poke_all(0xb8000, &[0x5a, 0x07, 0x5a, 0x0f]);
    for x in 0..8 {
        assert_ne!(b.pixel(x, 1) != 0, b.pixel(x + 9, 1) != 0, "{x}");
        assert_eq!(b.pixel(x, 1) != 0, glyph(0x5a, 1) >> (7 - x) & 1 != 0);
    }
}

#[test]
fn the_cursor_can_be_late_by_its_skew() {
    let mut b = bench_in(&modes::TEXT_80X25);
    for cell in 0..80 {
        b.poke_all(0xb8000 + 2 * cell, &[b' ', 0x07]);
    }
    while b.chip.frame_number() & 8 != 0 {
        b.next_frame();
    }
    let column = |b: &mut Bench| (0..80).find(|&column| b.pixel(column * 9, 13) != 0);
    b.crtc(0x0f, 10);
    assert_eq!(column(&mut b), Some(10));
    b.crtc(0x0b, 0x4e);
    assert_eq!(column(&mut b), Some(12));
    b.crtc(0x0a, 0x2d);
    assert_eq!(column(&mut b), None);
}

fn print(b: &mut Bench, at: u32, text: &[u8]) {
    for (n, &code) in text.iter().enumerate() {
        b.poke_all(0xb8000 + (at + n as u32) * 2, &[code, 0x1e]);
    }
}

#[test]
fn the_text_screen_is_unicode_with_rows_trimmed() {
    let mut b = bench_in(&modes::TEXT_80X25);
    print(&mut b, 0, b"A:\\>dir  ");
    print(&mut b, 80 + 2, &[0xc9, 0xcd, 0xbb, 0xff, 0x00]);
    print(&mut b, 24 * 80 + 79, b"x");
    let screen = b.chip.text_screen().unwrap();
    let rows: Vec<&str> = screen.split('\n').collect();
    assert_eq!(rows.len(), 25);
    assert_eq!(rows[0], "A:\\>dir");
    assert_eq!(rows[1], "  ╔═╗");
    assert_eq!(rows[2], "");
    assert_eq!(rows[24].chars().count(), 80);
    let mut graphics = bench_in(&modes::VGA_320X200);
    assert_eq!(graphics.chip.text_screen(), None);
    assert_eq!(graphics.chip.text_cells(), None);
    graphics.next_frame();
}

#[test]
fn the_text_screen_follows_the_start_address_from_the_next_retrace_on() {
    let mut b = bench_in(&modes::TEXT_80X25);
    print(&mut b, 0, b"first page");
    print(&mut b, 2048, b"second page");
    b.crtc(0x0c, 0x08);
    assert!(b.chip.text_screen().unwrap().starts_with("first"));
    b.next_frame();
    assert!(b.chip.text_screen().unwrap().starts_with("second"));
}

#[test]
fn all_rows_of_other_text_sizes_are_on_the_text_screen() {
    for (mode, rows) in [
        (&modes::TEXT_80X50, 50),
        (&modes::TEXT_80X25_EGA, 25),
        (&modes::TEXT_40X25, 25),
        (&modes::TEXT_MONO, 25),
    ] {
        let b = bench_in(mode);
        assert_eq!(b.chip.text_screen().unwrap().split('\n').count(), rows);
    }
}

#[test]
fn text_cells_carry_colours_blink_and_the_cursor() {
    let mut b = bench_in(&modes::TEXT_80X25);
    print(&mut b, 81, b"Q");
    b.poke(0xb8000 + 81 * 2 + 1, 0x9e);
    b.crtc(0x0f, 81);
    let cells = b.chip.text_cells().unwrap();
    assert_eq!((cells.columns, cells.rows.len(), cells.cell_height), (80, 25, 16));
    let cell = cells.rows[1][1];
    assert_eq!((cell.code, cell.character), (b'Q', 'Q'));
    assert_eq!((cell.foreground, cell.background, cell.blink), (14, 1, true));
    let cursor = cells.cursor.unwrap();
    assert_eq!((cursor.row, cursor.column), (1, 1));
    assert_eq!((cursor.first_line, cursor.last_line), (13, 14));
    assert_eq!((cells.palette[1], cells.palette[14]), (0x0000aa, 0xffff55));
    b.crtc(0x0e, 0xff);
    assert_eq!(b.chip.text_cells().unwrap().cursor, None, "off the screen");
}

#[test]
fn smooth_scrolling_moves_rows_up_and_panning_moves_them_left() {
    let mut b = bench_in(&modes::TEXT_80X25);
    load_font(&mut b, 0, 0);
    for cell in 0..30 * 80u32 {
        b.poke_all(0xb8000 + cell * 2, &[cell as u8, 0x07]);
    }
    b.crtc(0x0a, 0x20);
    let plain = b.frame();
    let at = |x: u32, y: u32| plain.pixels[(y * 720 + x) as usize];
    b.crtc(0x08, 5);
    for (panning, dots) in [(8, 0), (0, 1), (3, 4), (7, 8)] {
        b.attribute(0x13, panning);
        let moved = b.frame();
        for y in 0..390 {
            for x in 0..700 {
                assert_eq!(moved.pixels[(y * 720 + x) as usize], at(x + dots, y + 5));
            }
        }
    }
}
