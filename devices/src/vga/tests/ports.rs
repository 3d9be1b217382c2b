//! Registers and input status, as seen at the ports.

use super::modes::{self, bench_in};
use super::{Bench, IRQ, bench};

#[test]
fn registers_read_back_the_bits_that_exist() {
    let mut b = bench();
    b.out(0x3c2, 0xef);
    for (index, mask) in (0..).zip([0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0]) {
        b.sequencer(index, 0xff);
        assert_eq!(b.inb(0x3c5), mask, "sequencer {index:#x}");
        assert_eq!(b.inb(0x3c4), index);
    }
    for (index, mask) in (0..).zip([0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff, 0]) {
        b.graphics(index, 0xff);
        assert_eq!(b.inb(0x3cf), mask, "graphics {index:#x}");
        assert_eq!(b.inb(0x3ce), index);
    }
    for index in 0..0x19 {
        let mask = match index {
            0x08 | 0x0b | 0x14 => 0x7f,
            0x0a => 0x3f,
            0x11 => 0x7f,
            0x17 => 0xef,
            _ => 0xff,
        };
        let value = if index == 0x11 { 0x7f } else { 0xff };
        b.crtc(index, value);
        assert_eq!(b.crtc_read(index), mask, "crtc {index:#x}");
        assert_eq!(b.inb(0x3d4), index);
    }
    for index in 0..0x15 {
        let mask = match index {
            0x10 => 0xef,
            0x11 => 0xff,
            0x13 | 0x14 => 0x0f,
            _ => 0x3f,
        };
        b.inb(0x3da);
        b.out(0x3c0, index);
        b.out(0x3c0, 0xff);
        assert_eq!(b.inb(0x3c1), mask, "attribute {index:#x}");
        assert_eq!(b.inb(0x3c0), index);
    }
    b.out(0x3da, 0xff);
    assert_eq!(b.inb(0x3ca), 3, "feature control");
    assert_eq!(b.inb(0x3cc), 0xef, "miscellaneous output");
    for port in [0x3c3, 0x3cb, 0x3cd, 0x3d0, 0x3d8, 0x3df] {
        let expected = if port == 0x3c3 { 1 } else { 0xff };
        assert_eq!(b.inb(port), expected, "{port:#x}");
    }
}

#[test]
fn the_attribute_flip_flop_is_reset_by_reading_input_status_1() {
    let mut b = bench_in(&modes::TEXT_80X25);
    b.inb(0x3da);
    b.out(0x3c0, 0x31);
    assert_eq!(b.crtc_read(0x24), 0x80, "data is next");
    b.inb(0x3da);
    assert_eq!(b.crtc_read(0x24), 0);
    b.out(0x3c0, 0x33);
    assert_eq!(b.crtc_read(0x26), 0x33);
    b.out(0x3c0, 0x05);
    assert_eq!(b.inb(0x3c1), 0x05);
    b.inb(0x3c1);
    b.out(0x3c0, 0x31);
    assert_eq!(b.inb(0x3c1), 0, "reading 3C1h leaves the flip-flop alone");
}

#[test]
fn index_bit_5_clear_shows_the_overscan_colour() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.color(0x42, [0x3f, 0, 0]);
    b.attribute(0x11, 0x42);
    b.poke(0xa0000, 7);
    assert_eq!(b.pixel(0, 0), b.chip.palette()[7]);
    b.inb(0x3da);
    b.out(0x3c0, 0);
    assert_eq!(b.pixel(0, 0), 0xff0000);
    b.inb(0x3da);
    b.out(0x3c0, 0x20);
    assert_eq!(b.pixel(0, 0), b.chip.palette()[7]);
    b.sequencer(1, 0x21);
    assert_eq!(b.pixel(0, 0), 0, "screen off");
}

#[test]
fn without_sync_pulses_or_with_the_sequencer_in_reset_the_screen_is_dark() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.poke(0xa0000, 7);
    let shown = b.chip.palette()[7];
    assert_eq!(b.pixel(0, 0), shown);
    for held in [0, 1, 2] {
        b.sequencer(0, held);
        assert_eq!(b.pixel(0, 0), 0);
    }
    b.sequencer(0, 3);
    b.crtc(0x17, 0x23);
    assert_eq!(b.pixel(0, 0), 0);
    assert_eq!(edges_per_second(&mut b, 8, 1000), 0);
    b.crtc(0x17, 0xa3);
    assert_eq!(b.pixel(0, 0), shown);
    assert_eq!(edges_per_second(&mut b, 8, 1000), 70);
}

#[test]
fn only_the_selected_of_3bx_and_3dx_is_decoded() {
    let mut b = bench_in(&modes::TEXT_80X25);
    b.out(0x3d4, 0x0e);
    b.out(0x3d5, 0x12);
    assert_eq!([0x3b4, 0x3b5, 0x3ba].map(|port| b.inb(port)), [0xff; 3]);
    b.out(0x3b5, 0x34);
    assert_eq!(b.inb(0x3d5), 0x12);
    b.out(0x3c2, 0x66);
    assert_eq!([0x3d4, 0x3d5, 0x3da].map(|port| b.inb(port)), [0xff; 3]);
    assert_eq!(b.inb(0x3b5), 0x12);
    b.out(0x3d5, 0x34);
    assert_eq!(b.inb(0x3b5), 0x12);
    assert_ne!(b.inb(0x3ba), 0xff);
}

#[test]
fn a_disabled_video_subsystem_answers_only_at_3c3h() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.poke(0xa0000, 5);
    b.out(0x3c3, 0);
    assert_eq!(b.inb(0x3c4), 0xff);
    assert_eq!(b.peek(0xa0000), 0xff);
    assert_eq!(b.inb(0x3c3), 0);
    b.out(0x3c3, 1);
    assert_eq!(b.peek(0xa0000), 5);
}

#[test]
fn the_switch_sense_bit_sees_a_monitor_through_the_dac() {
    let mut b = bench();
    b.color(0, [0, 0, 0]);
    assert_eq!(b.inb(0x3c2) & 0x10, 0x10);
    b.color(0, [0x12, 0x12, 0x12]);
    assert_eq!(b.inb(0x3c2) & 0x10, 0x10);
    b.color(0, [0x2d, 0x14, 0x14]);
    assert_eq!(b.inb(0x3c2) & 0x10, 0);
}

/// Rising edges of a bit of 3DAh in a second, looked at every `step` ticks.
fn edges_per_second(b: &mut Bench, mask: u8, step: u64) -> u32 {
    let end = b.now + b.rate.per_second();
    let (mut edges, mut before) = (0, true);
    while b.now < end {
        b.now += step - 1;
        let high = b.inb(0x3da) & mask != 0;
        edges += u32::from(high && !before);
        before = high;
    }
    edges
}

#[test]
fn input_status_1_follows_the_crtc_without_any_rendering() {
    for (mode, frames) in [
        (&modes::TEXT_80X25, 70),
        (&modes::TEXT_40X25, 70),
        (&modes::VGA_320X200, 70),
        (&modes::EGA_640X350, 70),
        (&modes::VGA_640X480, 59),
        (&modes::MODE_X, 59),
    ] {
        let mut b = bench_in(mode);
        let vertical = edges_per_second(&mut b, 8, 1000);
        assert!(
            (frames..=frames + 1).contains(&vertical),
            "{}: {vertical}",
            mode.name
        );
        // 31.47 kHz, for 400 of 449, 350 of 449 or 480 of 525 lines; the rest is one long blank.
        let horizontal = edges_per_second(&mut b, 1, 250);
        let lines = if mode.name == "10h" {
            24_000..25_000
        } else {
            27_500..29_000
        };
        assert!(lines.contains(&horizontal), "{}: {horizontal}", mode.name);
    }
}

#[test]
fn display_disable_covers_horizontal_and_vertical_blank_and_retrace_is_inside_it() {
    let mut b = bench_in(&modes::VGA_640X480);
    let (mut samples, mut blanked) = (0, 0);
    for _ in 0..100_000 {
        b.now += 332;
        let status = b.inb(0x3da);
        assert!(status & 8 == 0 || status & 1 != 0);
        samples += 1;
        blanked += i32::from(status & 1);
    }
    let shown = f64::from(samples - blanked) / f64::from(samples);
    let expected = 640.0 * 480.0 / (800.0 * 525.0);
    assert!((shown - expected).abs() < 0.01, "{shown}");
}

#[test]
fn the_border_colour_is_fed_back_in_input_status_1() {
    let mut b = bench_in(&modes::VGA_640X480);
    b.attribute(0x11, 0b0100_0001);
    for (mux, bits) in [(0x00, 0x10), (0x10, 0), (0x20, 0), (0x30, 0x10)] {
        b.attribute(0x12, 0x0f | mux);
        while b.inb(0x3da) & 8 == 0 {
            b.now += 100;
        }
        assert_eq!(b.inb(0x3da) & 0x30, bits, "{mux:#x}");
    }
}

#[test]
fn frames_are_counted_once_per_vertical_retrace() {
    let mut b = bench_in(&modes::TEXT_80X25);
    let before = b.chip.frame_number();
    b.wait_micros(1_000_000);
    assert_eq!(b.chip.frame_number() - before, 70);
    b.next_frame();
    assert_eq!(b.inb(0x3da) & 8, 8, "a frame is counted as its retrace starts");
}

#[test]
fn the_vertical_interrupt_is_raised_at_retrace_until_it_is_cleared() {
    let mut b = bench_in(&modes::TEXT_80X25);
    let end = b.crtc_read(0x11) & 0x4f;
    b.crtc(0x11, end | 0x20);
    b.next_frame();
    assert!(!b.irq.is_high(IRQ));
    b.crtc(0x11, end);
    b.crtc(0x11, end | 0x10);
    assert_eq!(b.inb(0x3c2) & 0x80, 0);
    b.next_frame();
    assert!(b.irq.is_high(IRQ));
    assert_eq!(b.inb(0x3c2) & 0x80, 0x80);
    b.next_frame();
    assert!(b.irq.is_high(IRQ), "it stays until it is cleared");
    b.crtc(0x11, end);
    assert!(!b.irq.is_high(IRQ));
    assert_eq!(b.inb(0x3c2) & 0x80, 0);
    b.crtc(0x11, end | 0x30);
    b.next_frame();
    assert!(!b.irq.is_high(IRQ), "disabled");
    assert_eq!(b.inb(0x3c2) & 0x80, 0x80, "but pending");
}

#[test]
fn dac_colours_go_through_the_ports_and_the_state_tells_the_direction() {
    let mut b = bench();
    b.color(200, [1, 2, 3]);
    assert_eq!(b.inb(0x3c7), 0);
    b.out(0x3c7, 200);
    assert_eq!(b.inb(0x3c7), 3);
    assert_eq!([(); 3].map(|()| b.inb(0x3c9)), [1, 2, 3]);
    for _ in 0..5 {
        assert_eq!(b.inb(0x3c6), 0xff, "no hidden register");
    }
}

#[test]
fn a_reset_closes_the_window_and_a_hard_one_keeps_the_memory() {
    use crate::{Device, ResetKind};
    for (kind, byte) in [(ResetKind::Hard, 5), (ResetKind::Cold, 0)] {
        let mut b = bench_in(&modes::VGA_320X200);
        b.poke(0xa0000, 5);
        b.with(|vga, ctx| vga.reset(kind, ctx));
        assert_eq!(b.peek(0xa0000), 0xff);
        modes::set(&mut b, &modes::VGA_320X200);
        assert_eq!(b.peek(0xa0000), byte);
    }
}

#[test]
fn the_state_survives_a_round_trip_and_a_cut_one_is_refused() {
    use oldiron_mmu::StateReader;
    let mut b = bench_in(&modes::VGA_320X200);
    for at in 0..64000 {
        b.poke(0xa0000 + at, (at * 7) as u8);
    }
    b.out(0x3c8, 3);
    b.out(0x3c9, 9);
    b.out(0x3c0, 0x31);
    let picture = b.frame();
    b.reload();
    assert_eq!(b.frame(), picture);
    let (mut twin, now) = (bench(), b.now);
    twin.chip = super::Vga::new(IRQ);
    let bytes = b.state();
    StateReader::new("machine", &bytes)
        .component(&mut twin.chip)
        .unwrap();
    twin.now = now;
    for _ in 0..1000 {
        b.now += 777;
        twin.now = b.now;
        assert_eq!(b.inb(0x3da), twin.inb(0x3da));
    }
    for length in [0, 1, 10, 100, 1000, bytes.len() - 1] {
        let cut = StateReader::new("machine", &bytes[..length]).component(&mut twin.chip);
        assert!(cut.is_err());
    }
}
