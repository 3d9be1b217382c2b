//! The CPU's path to video memory.

use oldiron_mmu::IoWidth;

use super::modes::{self, bench_in};
use super::{Bench, bench};
use crate::test_rig::Prng;

const A0000: u32 = 0xa0000;

/// Planar addressing at A0000h, all planes, all data-path registers neutral.
fn planar() -> Bench {
    bench_in(&modes::VGA_640X480)
}

/// The four planes' bytes at `addr`, read one by one.
fn planes_at(bench: &mut Bench, addr: u32) -> [u8; 4] {
    bench.graphics(5, 0);
    [0, 1, 2, 3].map(|plane| {
        bench.graphics(4, plane);
        bench.peek(addr)
    })
}

fn set_planes(bench: &mut Bench, addr: u32, bytes: [u8; 4]) {
    for (plane, byte) in bytes.into_iter().enumerate() {
        bench.sequencer(2, 1 << plane);
        bench.poke(addr, byte);
    }
    bench.sequencer(2, 0x0f);
}

#[test]
fn the_map_mask_selects_the_planes_that_are_written() {
    let mut b = planar();
    set_planes(&mut b, A0000 + 5, [1, 2, 3, 4]);
    assert_eq!(planes_at(&mut b, A0000 + 5), [1, 2, 3, 4]);
    b.sequencer(2, 0);
    b.poke(A0000 + 5, 0xee);
    assert_eq!(planes_at(&mut b, A0000 + 5), [1, 2, 3, 4]);
}

#[test]
fn every_read_loads_all_four_latches_and_write_mode_1_stores_them() {
    let mut b = planar();
    set_planes(&mut b, A0000, [0x12, 0x34, 0x56, 0x78]);
    b.peek(A0000);
    b.graphics(5, 1);
    b.poke(A0000 + 9, 0xff);
    assert_eq!(planes_at(&mut b, A0000 + 9), [0x12, 0x34, 0x56, 0x78]);
    set_planes(&mut b, A0000, [1, 2, 3, 4]);
    b.graphics(5, 9);
    b.peek(A0000);
    b.poke(A0000 + 10, 0);
    assert_eq!(
        planes_at(&mut b, A0000 + 10),
        [1, 2, 3, 4],
        "read mode 1 loads them too"
    );
}

#[test]
fn crtc_22h_reads_the_latch_of_the_selected_plane() {
    let mut b = planar();
    set_planes(&mut b, A0000, [0x12, 0x34, 0x56, 0x78]);
    b.peek(A0000);
    for (plane, latch) in [(0, 0x12), (1, 0x34), (2, 0x56), (3, 0x78)] {
        b.graphics(4, plane);
        assert_eq!(b.crtc_read(0x22), latch);
    }
}

#[test]
fn write_mode_0_takes_set_reset_where_enabled_and_rotated_data_elsewhere() {
    let mut b = planar();
    b.graphics(0, 0b0101);
    b.graphics(1, 0b0011);
    b.graphics(3, 3);
    b.poke(A0000, 0b1000_0001);
    assert_eq!(planes_at(&mut b, A0000), [0xff, 0x00, 0b0011_0000, 0b0011_0000]);
}

#[test]
fn the_alu_combines_data_with_the_latches_and_the_bit_mask_chooses_bits() {
    for (function, expected) in [(0, 0x0f), (1, 0x0c), (2, 0x3f), (3, 0x33)] {
        let mut b = planar();
        set_planes(&mut b, A0000, [0x3c; 4]);
        b.peek(A0000);
        b.graphics(3, function << 3);
        b.poke(A0000, 0x0f);
        assert_eq!(planes_at(&mut b, A0000), [expected; 4]);
        set_planes(&mut b, A0000, [0; 4]);
    }
    let mut b = planar();
    set_planes(&mut b, A0000, [0x3c; 4]);
    b.peek(A0000);
    b.graphics(8, 0xf0);
    b.poke(A0000 + 1, 0x55);
    assert_eq!(planes_at(&mut b, A0000 + 1), [0x5c; 4]);
}

#[test]
fn write_mode_2_spreads_the_low_bits_over_the_planes() {
    let mut b = planar();
    b.graphics(5, 2);
    b.graphics(8, 0x18);
    b.poke(A0000, 0xfa);
    assert_eq!(planes_at(&mut b, A0000), [0, 0x18, 0, 0x18]);
}

#[test]
fn write_mode_3_uses_rotated_data_as_another_bit_mask_for_set_reset() {
    let mut b = planar();
    b.graphics(0, 0b0110);
    b.graphics(3, 4);
    b.graphics(5, 3);
    b.graphics(8, 0x3f);
    b.poke(A0000, 0x8f);
    assert_eq!(planes_at(&mut b, A0000), [0, 0x38, 0x38, 0]);
}

#[test]
fn read_mode_1_compares_colours_and_ignores_dont_care_planes() {
    let mut b = planar();
    set_planes(
        &mut b,
        A0000,
        [0b1111_0000, 0b1100_1100, 0b1010_1010, 0b0000_0001],
    );
    b.graphics(5, 8);
    b.graphics(2, 0b0011);
    b.graphics(7, 0b0011);
    assert_eq!(b.peek(A0000), 0b1100_0000);
    b.graphics(7, 0b0111);
    assert_eq!(b.peek(A0000), 0b0100_0000);
    b.graphics(7, 0);
    assert_eq!(b.peek(A0000), 0xff);
}

#[test]
fn the_window_moves_with_the_memory_map_and_outside_it_reads_are_ff() {
    let mut b = planar();
    for (map, inside, outside) in [
        (0x00, vec![0xa0000, 0xaffff, 0xb0000, 0xbffff], vec![]),
        (0x04, vec![0xa0000, 0xaffff], vec![0xb0000, 0xbffff]),
        (0x08, vec![0xb0000, 0xb7fff], vec![0xa0000, 0xaffff, 0xb8000]),
        (0x0c, vec![0xb8000, 0xbffff], vec![0xa0000, 0xb0000, 0xb7fff]),
    ] {
        b.graphics(6, 1 | map);
        for addr in inside {
            b.poke(addr, 0x5a);
            assert_eq!(b.peek(addr), 0x5a, "{map:#x} {addr:#x}");
            b.poke(addr, 0);
        }
        for addr in outside {
            b.poke(addr, 0x5a);
            assert_eq!(b.peek(addr), 0xff, "{map:#x} {addr:#x}");
        }
    }
}

#[test]
fn the_window_is_closed_while_miscellaneous_output_says_so() {
    let mut b = planar();
    b.poke(A0000, 0x11);
    b.out(0x3c2, 0xe1);
    assert_eq!(b.peek(A0000), 0xff);
    b.poke(A0000, 0x22);
    b.out(0x3c2, 0xe3);
    assert_eq!(b.peek(A0000), 0x11);
}

#[test]
fn chain_4_puts_consecutive_bytes_into_planes_of_every_fourth_address() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.poke_all(A0000 + 0x1234, &[1, 2, 3, 4, 5]);
    assert_eq!(b.peek(A0000 + 0x1236), 3);
    b.sequencer(4, 6);
    assert_eq!(planes_at(&mut b, A0000 + 0x1234), [1, 2, 3, 4]);
    assert_eq!(planes_at(&mut b, A0000 + 0x1235), [0; 4]);
    assert_eq!(planes_at(&mut b, A0000 + 0x1238), [5, 0, 0, 0]);
}

#[test]
fn chain_4_and_doubleword_mode_agree_on_all_64_kib_and_the_picture_wraps_there() {
    let mut b = bench_in(&modes::VGA_320X200);
    for at in 0..0x10000u32 {
        b.poke(A0000 + at, (at ^ at >> 8) as u8);
    }
    let palette = b.chip.palette();
    for start in [0u16, 0x1000, 0x2800, 0x3ff0] {
        let [high, low] = start.to_be_bytes();
        b.crtc(0x0c, high);
        b.crtc(0x0d, low);
        b.next_frame();
        let frame = b.frame();
        for (at, &dot) in (u32::from(start) * 4..).zip(&frame.pixels) {
            let at = at & 0xffff;
            assert_eq!(
                dot,
                palette[usize::from((at ^ at >> 8) as u8)],
                "{start:#x} {at:#x}"
            );
        }
    }
    // Seen without chain 4, each quarter of the window has its own remainder of four.
    b.sequencer(4, 6);
    for (quarter, at) in [(0, 0x0004), (1, 0x4005), (2, 0x8006), (3, 0xc007)] {
        let first = (quarter << 14 | 4) as u32;
        let expected = [0, 1, 2, 3].map(|plane| ((first + plane) ^ (first + plane) >> 8) as u8);
        assert_eq!(planes_at(&mut b, A0000 + at), expected);
    }
}

#[test]
fn chain_4_reads_load_the_latches_and_writes_obey_the_map_mask() {
    let mut b = bench_in(&modes::VGA_320X200);
    b.poke_all(A0000, &[1, 2, 3, 4]);
    assert_eq!(b.peek(A0000 + 2), 3);
    b.graphics(4, 1);
    assert_eq!(b.crtc_read(0x22), 2);
    b.sequencer(2, 0x0a);
    b.poke_all(A0000, &[9, 9, 9, 9]);
    b.chip.mmio_write(A0000 + 4, 0x07070707, IoWidth::Dword);
    b.sequencer(2, 0x0f);
    assert_eq!(b.chip.mmio_read(A0000, IoWidth::Dword), 0x09030901);
    assert_eq!(b.chip.mmio_read(A0000 + 4, IoWidth::Dword), 0x07000700);
}

#[test]
fn odd_even_addresses_reach_characters_and_attributes() {
    let mut b = bench_in(&modes::TEXT_80X25);
    b.poke_all(0xb8000, &[b'A', 0x1e, b'B', 0x2f]);
    assert_eq!(b.peek(0xb8002), b'B');
    assert_eq!(b.peek(0xb8003), 0x2f);
    b.sequencer(4, 6);
    b.graphics(6, 4);
    b.graphics(5, 0);
    assert_eq!(planes_at(&mut b, A0000), [b'A', 0x1e, 0, 0]);
    assert_eq!(planes_at(&mut b, A0000 + 2), [b'B', 0x2f, 0, 0]);
    assert_eq!(planes_at(&mut b, A0000 + 1), [0; 4]);
}

#[test]
fn the_page_bit_replaces_address_bit_0_in_odd_even_addressing() {
    let mut b = bench_in(&modes::TEXT_80X25);
    b.out(0x3c2, 0x47);
    b.poke_all(0xb8000, &[b'X', 0x1e]);
    b.out(0x3c2, 0x67);
    assert_eq!(b.peek(0xb8000), 0, "the other page");
    // In the 128 KiB window address bit 16 takes the place of bit 0.
    b.graphics(6, 2);
    assert_eq!(b.peek(0xb0000), b'X');
    assert_eq!(b.peek(0xb0001), 0x1e);
}

#[test]
fn a_font_is_loaded_into_plane_2_at_a0000_with_sequential_addresses() {
    for memory_mode in [6, 7] {
        let mut b = bench_in(&modes::TEXT_80X25);
        b.poke_all(0xb8000, &[b'A', 0x07]);
        b.sequencer(2, 4);
        b.sequencer(4, memory_mode);
        b.graphics(4, 2);
        b.graphics(5, 0);
        b.graphics(6, 0);
        b.poke_all(A0000 + 32 * u32::from(b'A'), &[0x81, 0x42, 0x24]);
        assert_eq!(b.peek(A0000 + 32 * u32::from(b'A') + 1), 0x42);
        b.sequencer(2, 3);
        b.sequencer(4, 2);
        b.graphics(4, 0);
        b.graphics(5, 0x10);
        b.graphics(6, 0x0e);
        assert_eq!(b.peek(0xb8000), b'A');
        let row = |b: &mut Bench, y| (0..9).map(|x| u8::from(b.pixel(x, y) != 0)).collect::<Vec<_>>();
        assert_eq!(row(&mut b, 0), [1, 0, 0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(row(&mut b, 1), [0, 1, 0, 0, 0, 0, 1, 0, 0]);
    }
}

/// The data path plane by plane and bit by bit, straight from the manual.
struct Reference {
    planes: Vec<[u8; 4]>,
    latches: [u8; 4],
    sequencer: [u8; 5],
    graphics: [u8; 9],
    misc: u8,
}

impl Reference {
    fn offset(&self, addr: u32) -> Option<u32> {
        let (base, size) = match self.graphics[6] >> 2 & 3 {
            0 => (0xa0000, 0x20000),
            1 => (0xa0000, 0x10000),
            2 => (0xb0000, 0x8000),
            _ => (0xb8000, 0x8000),
        };
        (self.misc & 2 != 0 && (base..base + size).contains(&addr)).then(|| addr - base)
    }

    fn cell(&self, offset: u32) -> usize {
        if self.sequencer[4] & 8 != 0 {
            return (offset & 0xfffc | offset >> 14 & 3) as usize;
        }
        if self.graphics[6] & 2 == 0 {
            return (offset & 0xffff) as usize;
        }
        let page = match self.graphics[6] >> 2 & 3 {
            0 => offset >> 16,
            _ => u32::from(self.misc & 0x20 == 0),
        };
        (offset & 0xfffe | page) as usize
    }

    fn read(&mut self, addr: u32) -> u8 {
        let Some(offset) = self.offset(addr) else {
            return 0xff;
        };
        self.latches = self.planes[self.cell(offset)];
        if self.graphics[5] & 8 != 0 {
            let mut result = 0;
            for bit in 0..8 {
                let equal = (0..4).all(|plane| {
                    self.graphics[7] >> plane & 1 == 0
                        || self.latches[plane] >> bit & 1 == self.graphics[2] >> plane & 1
                });
                result |= u8::from(equal) << bit;
            }
            return result;
        }
        let plane = if self.sequencer[4] & 8 != 0 {
            offset & 3
        } else if self.graphics[5] & 0x10 != 0 {
            u32::from(self.graphics[4]) & 2 | offset & 1
        } else {
            u32::from(self.graphics[4])
        };
        self.latches[plane as usize]
    }

    fn write(&mut self, addr: u32, value: u8) {
        let Some(offset) = self.offset(addr) else {
            return;
        };
        let cell = self.cell(offset);
        for plane in 0..4u32 {
            let at = plane as usize;
            let addressed = if self.sequencer[4] & 8 != 0 {
                offset & 3 == plane
            } else if self.sequencer[4] & 4 == 0 {
                offset & 1 == plane & 1
            } else {
                true
            };
            if !addressed || self.sequencer[2] >> plane & 1 == 0 {
                continue;
            }
            let latch = self.latches[at];
            let rotated = value.rotate_right(u32::from(self.graphics[3] & 7));
            let set = if self.graphics[0] >> plane & 1 != 0 {
                0xff
            } else {
                0
            };
            let (data, mask) = match self.graphics[5] & 3 {
                0 if self.graphics[1] >> plane & 1 != 0 => (set, self.graphics[8]),
                0 => (rotated, self.graphics[8]),
                1 => {
                    self.planes[cell][at] = latch;
                    continue;
                }
                2 => (if value >> plane & 1 != 0 { 0xff } else { 0 }, self.graphics[8]),
                _ => (set, self.graphics[8] & rotated),
            };
            let result = match self.graphics[3] >> 3 & 3 {
                0 => data,
                1 => data & latch,
                2 => data | latch,
                _ => data ^ latch,
            };
            self.planes[cell][at] = result & mask | latch & !mask;
        }
    }
}

#[test]
fn random_cycles_of_all_widths_agree_with_the_manual_byte_by_byte() {
    const GRAPHICS_MASK: [u8; 9] = [0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff];
    let mut rng = Prng(0x1234_5678_9abc_def1);
    let mut b = bench();
    let mut model = Reference {
        planes: vec![[0; 4]; 0x10000],
        latches: [0; 4],
        sequencer: [0; 5],
        graphics: [0; 9],
        misc: 0,
    };
    for _ in 0..300_000 {
        let value = rng.next();
        match rng.below(16) {
            0 => {
                let index = if rng.below(2) == 0 { 2 } else { 4 };
                let value = if rng.below(2) == 0 { 0x0f } else { value as u8 };
                b.sequencer(index, value);
                model.sequencer[usize::from(index)] = value & 0x0f;
            }
            1 | 2 => {
                let index = rng.below(9) as usize;
                // Plain values often, so that the short cuts are taken.
                let plain = [0, 0, 0, 0, 0, 0, 5, 15, 0xff][index];
                let value = if rng.below(2) == 0 { plain } else { value as u8 };
                b.graphics(index as u8, value);
                model.graphics[index] = value & GRAPHICS_MASK[index];
            }
            3 => {
                let value = if rng.below(8) == 0 { value as u8 } else { 0x63 };
                b.out(0x3c2, value);
                model.misc = value;
            }
            op => {
                // Few addresses, so that they meet again; the ends of the windows among them.
                let base = [0xa0000, 0xb0000, 0xb8000, 0xafff8, 0xb7ff8][rng.below(5) as usize];
                let addr = base + rng.below(32) as u32;
                let width = [IoWidth::Byte, IoWidth::Word, IoWidth::Dword][rng.below(3) as usize];
                if op & 1 == 0 {
                    let read = (0..width.bytes()).map(|at| u32::from(model.read(addr + at)) << (8 * at));
                    let expected: u32 = read.sum();
                    assert_eq!(b.chip.mmio_read(addr, width), expected);
                } else {
                    b.chip.mmio_write(addr, value as u32, width);
                    for at in 0..width.bytes() {
                        model.write(addr + at, (value >> (8 * at)) as u8);
                    }
                }
            }
        }
    }
    for (word, planes) in b.chip.memory.words().iter().zip(&model.planes) {
        assert_eq!(word.to_le_bytes(), *planes);
    }
    assert_eq!(b.chip.memory.latches().to_le_bytes(), model.latches);
}
