//! Random register writes and memory cycles: nothing a guest does may panic or make huge pictures.

use oldiron_mmu::{IoWidth, StateReader};

use super::{bench, modes};
use crate::test_rig::Prng;

const OPERATIONS: u32 = 1_000_000;

#[test]
fn a_million_random_operations_do_no_harm() {
    let mut rng = Prng(0x5eed_0f0d_dba1_1000);
    let mut b = bench();
    let all: Vec<_> = modes::TEXT.into_iter().chain(modes::GRAPHICS).collect();
    for n in 0..OPERATIONS {
        let value = rng.next();
        match rng.below(64) {
            0..=23 => b.out(0x3b0 + rng.below(0x30) as u16, value as u8),
            24..=31 => {
                b.inb(0x3b0 + rng.below(0x30) as u16);
            }
            32..=36 => {
                let index = rng.below(0x19) as u8;
                b.crtc(0x11, 0);
                b.crtc(index, value as u8);
            }
            37..=47 => {
                let width = [IoWidth::Byte, IoWidth::Word, IoWidth::Dword][rng.below(3) as usize];
                b.chip
                    .mmio_write(0x9fff0 + rng.below(0x20020) as u32, value as u32, width);
            }
            48..=58 => {
                let width = [IoWidth::Byte, IoWidth::Word, IoWidth::Dword][rng.below(3) as usize];
                b.chip.mmio_read(0x9fff0 + rng.below(0x20020) as u32, width);
            }
            59 => {
                b.now += rng.below(100_000);
                b.run_timers();
            }
            60 => b.out(0x3c3, 1),
            61 if rng.below(8) == 0 => {
                modes::set(&mut b, all[rng.below(all.len() as u64) as usize]);
            }
            62 => {
                if let Some(cells) = b.chip.text_cells() {
                    assert!(cells.columns <= 256 && cells.rows.len() <= 2048);
                }
            }
            _ => {}
        }
        if n % 4096 == 0 {
            for look in [super::Vga::frame, super::Vga::displayed_frame] {
                let frame = look(&mut b.chip, &[]);
                assert!((1..=2304).contains(&frame.width) && (1..=2048).contains(&frame.height));
                assert_eq!(frame.pixels.len(), (frame.width * frame.height) as usize);
            }
        }
        if n % 50_000 == 0 {
            let picture = b.frame();
            b.reload();
            assert_eq!(b.frame(), picture);
        }
    }
}

#[test]
fn the_same_operations_give_the_same_state_at_any_time_of_looking() {
    let run = |look: bool| {
        let mut rng = Prng(77);
        let mut b = bench();
        modes::set(&mut b, &modes::VGA_640X480);
        for _ in 0..20_000 {
            b.out(0x3c0 + rng.below(0x20) as u16, rng.next() as u8);
            b.poke(0xa0000 + rng.below(0x20000) as u32, rng.next() as u8);
            b.now += 500;
            b.run_timers();
            if rng.below(64) == 0 && look {
                b.frame();
                b.chip.text_screen();
            }
        }
        (b.state(), b.frame())
    };
    assert!(run(false) == run(true));
}

#[test]
fn a_damaged_state_is_refused_or_harmless() {
    let mut rng = Prng(0xbad_5eed);
    let bytes = modes::bench_in(&modes::TEXT_80X25).state();
    for _ in 0..300 {
        let mut damaged = bytes.clone();
        // Mostly the registers, which come before the planes.
        for _ in 0..=rng.below(3) {
            let end = if rng.below(8) == 0 {
                bytes.len() as u64
            } else {
                900
            };
            let at = rng.below(end);
            damaged[at as usize] = rng.next() as u8;
        }
        let mut b = bench();
        if StateReader::new("machine", &damaged)
            .component(&mut b.chip)
            .is_err()
        {
            continue;
        }
        let frame = b.chip.frame(&[]);
        assert!(frame.width <= 2304 && frame.height <= 2048);
        b.chip.text_cells();
        b.inb(0x3da);
        b.next_frame();
        b.reload();
    }
}
