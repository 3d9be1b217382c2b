//! Graphics modes: a test picture drawn the way programs draw in each mode, checked dot by dot.

use oldiron_mmu::IoWidth;

use super::modes::{self, Mode, bench_in};
use super::{Bench, hash};

/// Colour of the test picture: bars, a diagonal, a frame around it.
fn color_at(x: u32, y: u32, width: u32, height: u32, colors: u32) -> u8 {
    if x == 0 || y == 0 || x == width - 1 || y == height - 1 || x * height / width == y {
        return (colors - 1) as u8;
    }
    ((x * colors / width + y * 4 / height * 3) % colors) as u8
}

/// Draws one dot with the CPU.
fn draw(b: &mut Bench, mode: &Mode, x: u32, y: u32, width: u32, color: u8) {
    match mode.name {
        "04h" => {
            let addr = 0xb8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 4;
            let shift = 6 - 2 * (x & 3);
            let old = b.peek(addr) & !(3 << shift);
            b.poke(addr, old | color << shift);
        }
        "06h" => {
            let addr = 0xb8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 8;
            let old = b.peek(addr) & !(0x80 >> (x & 7));
            b.poke(addr, old | color << (7 - (x & 7)));
        }
        "13h" => b.poke(0xa0000 + y * 320 + x, color),
        "mode X" | "320x400" => {
            if y == 0 && x < 4 || x == 0 {
                b.out(0x3c4, 2);
            }
            b.out(0x3c5, 1 << (x & 3));
            b.poke(0xa0000 + y * 80 + x / 4, color);
        }
        _ => {
            // Write mode 2 with the bit mask.
            b.out(0x3cf, 0x80 >> (x & 7));
            let addr = 0xa0000 + y * (width / 8) + x / 8;
            b.peek(addr);
            b.poke(addr, color);
        }
    }
}

fn bench_with_picture(mode: &Mode, width: u32, height: u32, colors: u32) -> Bench {
    let mut b = bench_in(mode);
    b.graphics(
        5,
        if mode.name.ends_with('h') && !matches!(mode.name, "04h" | "06h" | "13h") {
            2
        } else {
            0x40
        },
    );
    if matches!(mode.name, "04h" | "06h") {
        b.graphics(5, if mode.name == "04h" { 0x30 } else { 0 });
    }
    b.out(0x3ce, 8);
    for y in 0..height {
        for x in 0..width {
            draw(&mut b, mode, x, y, width, color_at(x, y, width, height, colors));
        }
    }
    b
}

/// Name, size, colours, whether each line is shown twice.
const SHAPES: [(&Mode, u32, u32, u32, bool); 11] = [
    (&modes::CGA_4, 320, 200, 4, true),
    (&modes::CGA_2, 640, 200, 2, true),
    (&modes::EGA_320X200, 320, 200, 16, true),
    (&modes::EGA_640X200, 640, 200, 16, true),
    (&modes::EGA_MONO, 640, 350, 2, false),
    (&modes::EGA_640X350, 640, 350, 16, false),
    (&modes::VGA_MONO, 640, 480, 2, false),
    (&modes::VGA_640X480, 640, 480, 16, false),
    (&modes::VGA_320X200, 320, 200, 256, true),
    (&modes::MODE_X, 320, 240, 256, true),
    (&modes::MODE_320X400, 320, 400, 256, false),
];

#[test]
fn every_dot_of_every_graphics_mode_is_where_the_program_put_it() {
    for (mode, width, height, colors, double_rows) in SHAPES {
        let mut b = bench_with_picture(mode, width, height, colors);
        let palette = b.chip.palette();
        let wide = colors == 256;
        let status = b.crtc_port() + 6;
        let entries: Vec<u32> = (0..colors)
            .map(|color| {
                if wide {
                    return palette[color as usize];
                }
                b.inb(status);
                b.out(0x3c0, color as u8 | 0x20);
                palette[usize::from(b.inb(0x3c1))]
            })
            .collect();
        let frame = b.frame();
        assert_eq!((frame.width, frame.height), (width, height), "{}", mode.name);
        assert_eq!(frame.double_rows, double_rows, "{}", mode.name);
        for y in 0..height {
            for x in 0..width {
                let color = color_at(x, y, width, height, colors);
                let dot = frame.pixels[(y * width + x) as usize];
                assert_eq!(dot, entries[usize::from(color)], "{} {x},{y}", mode.name);
            }
        }
    }
}

#[test]
fn golden_pictures_of_the_graphics_modes() {
    let hashes: Vec<(&str, u64)> = SHAPES
        .into_iter()
        .map(|(mode, width, height, colors, _)| {
            let mut b = bench_with_picture(mode, width, height, colors);
            (mode.name, hash(&b.frame()))
        })
        .collect();
    assert_eq!(
        hashes,
        [
            ("04h", 0xb60644895dc490bc),
            ("06h", 0xdb4091ae004114ab),
            ("0Dh", 0x24b52a8c5a93ec5a),
            ("0Eh", 0x6e2fa321936b9c8b),
            ("0Fh", 0xd573662738124120),
            ("10h", 0xd009cd68417b559d),
            ("11h", 0xef4fb53e238ed6cd),
            ("12h", 0xfcf9124a9d6a8c95),
            ("13h", 0xc235d842dc44ebdb),
            ("mode X", 0x68bb4f594db4a48b),
            ("320x400", 0x02db14deccf8aef4),
        ]
    );
}

#[test]
fn every_mode_survives_a_round_trip_of_its_state() {
    for mode in modes::TEXT.into_iter().chain(modes::GRAPHICS) {
        let mut b = bench_in(mode);
        let picture = b.frame();
        b.reload();
        assert_eq!(b.frame(), picture);
    }
}

#[test]
fn mode_0fh_blinks_where_only_plane_2_is_set() {
    let mut b = bench_in(&modes::EGA_MONO);
    b.sequencer(2, 4);
    b.poke(0xa0000, 0xff);
    b.sequencer(2, 5);
    b.poke(0xa0001, 0xff);
    let mut seen = Vec::new();
    for _ in 0..64 {
        b.next_frame();
        assert_eq!(b.pixel(8, 0), 0xffffff);
        assert_eq!(b.pixel(16, 0), 0);
        seen.push(b.pixel(0, 0) != 0);
    }
    assert_eq!(seen.iter().filter(|&&on| on).count(), 32);
}

#[test]
fn an_unchanged_picture_is_not_drawn_again() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.frame();
    let before = b.chip.frame_generation();
    for _ in 0..100 {
        b.next_frame();
        b.frame();
    }
    b.peek(0xa0000);
    b.out(0x3ce, 8);
    b.out(0x3cf, 0xff);
    b.frame();
    assert_eq!(b.chip.frame_generation(), before);
    b.poke(0xa0000, 1);
    assert_eq!(b.pixel(0, 0), b.chip.palette()[1]);
    assert_eq!(b.chip.frame_generation(), before + 1);
    b.color(1, [0x3f, 0, 0]);
    assert_eq!(b.pixel(0, 0), 0xff0000);
}

#[test]
fn the_text_picture_is_drawn_again_only_as_things_blink() {
    let mut b = bench_in(&modes::TEXT_80X25);
    b.frame();
    let before = b.chip.frame_generation();
    for _ in 0..64 {
        b.next_frame();
        b.frame();
    }
    assert_eq!(b.chip.frame_generation(), before + 8);
}

/// Mode X with each line in its own colour, 480 lines of memory.
fn lines() -> Bench {
    let mut b = bench_in(&modes::MODE_X);
    for line in 0..480u32 {
        for column in 0..80 {
            b.poke(0xa0000 + line * 80 + column, line as u8 | 1);
        }
        b.poke(0xa0000 + line * 80, line as u8 & 0xfe);
    }
    b
}

fn start_at_line(b: &mut Bench, line: u16) {
    let [high, low] = (line * 80).to_be_bytes();
    b.crtc(0x0c, high);
    b.crtc(0x0d, low);
}

fn row_color(line: u32) -> usize {
    (line as usize & 255) | 1
}

#[test]
fn the_start_address_is_taken_over_at_the_vertical_retrace_and_panning_at_once() {
    let mut b = lines();
    let palette = b.chip.palette();
    start_at_line(&mut b, 100);
    assert_eq!(b.pixel(100, 0), palette[row_color(0)]);
    b.next_frame();
    assert_eq!(b.pixel(100, 0), palette[row_color(100)]);
    assert_eq!(b.pixel(3, 0), palette[100]);
    b.attribute(0x13, 4);
    assert_eq!(b.pixel(1, 0), palette[100]);
    assert_eq!(b.pixel(2, 0), palette[row_color(100)]);
}

#[test]
fn the_monitor_shows_a_scroll_by_start_address_and_panning_in_one_step() {
    let mut b = lines();
    let palette = b.chip.palette();
    let shown = |b: &mut Bench, x: usize| b.chip.displayed_frame(&[]).pixels[x];
    b.next_frame();
    assert!(b.step(), "a frame begins");
    start_at_line(&mut b, 100);
    b.color(99, [0x3f, 0, 0]);
    b.next_frame();
    assert_eq!(b.pixel(100, 0), palette[row_color(100)], "the registers' picture");
    assert_eq!(shown(&mut b, 100), palette[row_color(0)], "the monitor's picture");
    b.attribute(0x13, 4);
    assert_eq!(shown(&mut b, 1), palette[0]);
    let before = b.chip.displayed_generation();
    assert!(b.step());
    assert_eq!(shown(&mut b, 1), palette[100]);
    assert_eq!(shown(&mut b, 2), palette[row_color(100)]);
    assert_eq!(b.chip.displayed_generation(), before + 1);
    b.next_frame();
    assert!(b.step());
    assert_eq!(shown(&mut b, 1), palette[100]);
    assert_eq!(b.chip.displayed_generation(), before + 1, "nothing changed");
    b.poke(0xa0000 + 8001, 9);
    assert_eq!(shown(&mut b, 2), palette[9], "memory is as it is");
    start_at_line(&mut b, 200);
    b.chip.show_next_frame();
    assert_eq!(
        shown(&mut b, 100),
        palette[row_color(200)],
        "though no time passes"
    );
}

#[test]
fn the_line_compare_starts_a_second_picture_at_address_0() {
    let mut b = lines();
    let palette = b.chip.palette();
    start_at_line(&mut b, 200);
    b.next_frame();
    // After scan line 399, that is 200 doubled lines.
    b.crtc(0x18, 0x8f);
    b.crtc(0x07, 0x3e);
    b.crtc(0x09, 0x01);
    assert_eq!(b.pixel(100, 199), palette[row_color(399)]);
    assert_eq!(b.pixel(100, 200), palette[row_color(0)]);
    assert_eq!(b.pixel(100, 239), palette[row_color(39)]);
    b.attribute(0x13, 4);
    assert_eq!(b.pixel(1, 0), palette[200]);
    assert_eq!(b.pixel(1, 200), palette[0], "panned as well");
    assert_eq!(b.pixel(2, 200), palette[1]);
    b.attribute(0x10, 0x61);
    assert_eq!(
        b.pixel(2, 200),
        palette[0],
        "not panned with pel panning compatibility"
    );
    b.crtc(0x18, 0x8e);
    let frame = b.frame();
    assert!(!frame.double_rows, "a split between the two scan lines of a line");
    assert_eq!(frame.height, 480);
}

#[test]
fn the_offset_register_makes_a_wider_virtual_screen() {
    let mut b = lines();
    let palette = b.chip.palette();
    b.crtc(0x13, 80);
    assert_eq!(b.pixel(100, 10), palette[row_color(20)]);
    b.crtc(0x13, 40);
    b.crtc(0x08, 0x60);
    assert_eq!(b.pixel(310, 10), palette[10], "byte panning by three");
}

#[test]
fn preset_row_scan_and_double_scan_count_lines_of_a_character_row() {
    let mut b = lines();
    let palette = b.chip.palette();
    b.crtc(0x09, 0x40);
    assert_eq!(b.frame().height, 480);
    assert_eq!(b.pixel(100, 479), palette[row_color(479)]);
    b.crtc(0x09, 0xc0);
    assert_eq!(b.frame().height, 240);
    assert_eq!(b.pixel(100, 200), palette[row_color(200)]);
    b.crtc(0x09, 0x43);
    b.crtc(0x08, 2);
    assert_eq!(b.frame().height, 240, "four scan lines, shown as two pairs");
    assert_eq!(b.pixel(100, 0), palette[row_color(0)]);
    assert_eq!(b.pixel(100, 1), palette[row_color(1)]);
}

#[test]
fn switching_mode_13h_to_mode_x_spreads_the_picture_over_every_fourth_address() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.chip.mmio_write(0xa0000, 0x04030201, IoWidth::Dword);
    b.chip.mmio_write(0xa0004, 0x08070605, IoWidth::Dword);
    let palette = b.chip.palette();
    assert_eq!([3, 4].map(|x| b.pixel(x, 0)), [palette[4], palette[5]]);
    b.sequencer(4, 6);
    b.crtc(0x14, 0);
    b.crtc(0x17, 0xe3);
    assert_eq!(
        [3, 4, 15, 16].map(|x| b.pixel(x, 0)),
        [palette[4], palette[0], palette[0], palette[5]]
    );
}

#[test]
fn the_pixel_mask_applies_to_all_dots() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.poke(0xa0000, 0xf5);
    let palette = b.chip.palette();
    b.out(0x3c6, 0x0f);
    assert_eq!(b.pixel(0, 0), palette[5]);
}
