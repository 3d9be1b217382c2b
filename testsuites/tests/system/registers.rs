//! Instructions that only ring 0 may execute, and what control and debug registers accept: SDM vol. 3A §2.5,
//! §2.8, §5.9, vol. 3B §17.2; vol. 2B "MOV—Move to/from Control Registers", "MOV—Move to/from Debug Registers".

use crate::{
    bench::{Bench, Outcome},
    model::{Model, gp, plain},
    state::{control, gpr, sreg, vector},
    world::*,
};

/// A place for operands, pointed at by EBX.
const OPERAND: u32 = 0x1_e000;

/// Every mode and ring: its name, its world, whether it may do everything.
fn places() -> [(&'static str, World, bool); 6] {
    [
        ("ring 0", World::ring(0), true),
        ("ring 1", World::ring(1), false),
        ("ring 2", World::ring(2), false),
        ("ring 3", World::ring(3), false),
        ("virtual-8086 mode", World::v86(3, 0), false),
        ("real mode", World::real(), true),
    ]
}

/// SDM vol. 3A §5.9.
#[test]
fn privileged_instructions_are_gp_0_outside_ring_0() {
    let mut bench = Bench::new();
    type Effect = fn(&mut World);
    let nothing: Effect = |_| {};
    // Operands in memory are DS:[EDI], or DS:[BX] where addresses have 16 bits: the same ModRM byte.
    let instructions: [(&str, &[u8], Effect); 11] = [
        ("clts", &[0x0f, 0x06], |w| w.s.cr0 &= !control::TS),
        ("lmsw ax", &[0x0f, 0x01, 0xf0], |w| {
            w.s.cr0 = w.s.cr0 & !control::TS | control::MP | control::EM;
        }),
        ("lgdt", &[0x0f, 0x01, 0x17], |w| {
            (w.s.gdtr.base, w.s.gdtr.limit) = (0x34_5678, 0x1234)
        }),
        ("lidt", &[0x0f, 0x01, 0x1f], |w| {
            (w.s.idtr.base, w.s.idtr.limit) = (0x34_5678, 0x1234)
        }),
        ("invlpg", &[0x0f, 0x01, 0x3f], nothing),
        ("invd", &[0x0f, 0x08], nothing),
        ("wbinvd", &[0x0f, 0x09], nothing),
        ("mov esi, cr0", &[0x0f, 0x20, 0xc6], |w| w.s.gpr[6] = w.s.cr0),
        ("mov esi, dr7", &[0x0f, 0x21, 0xfe], |w| w.s.gpr[6] = w.s.dr[7]),
        ("mov dr0, esi", &[0x0f, 0x23, 0xc6], |w| w.s.dr[0] = w.s.gpr[6]),
        ("rdpmc", &[0x0f, 0x33], |w| {
            (w.s.gpr[gpr::EAX], w.s.gpr[gpr::EDX]) = (0, 0)
        }),
    ];
    for (place, mut world, allowed) in places() {
        // LMSW can set PE but not clear it: real mode stays what it is.
        world.s.gpr[gpr::EAX] = control::MP | control::EM | world.s.cr0 & control::PE;
        world.s.gpr[1] = 0;
        let protected = world.s.is_protected();
        (world.s.gpr[7], world.s.gpr[gpr::EBX]) = (OPERAND, 0x20);
        let ds = if protected {
            OPERAND
        } else {
            world.s.seg[sreg::DS].base + 0x20
        };
        world.put(ds, &[0x34, 0x12, 0x78, 0x56, 0x34, 0x00]);
        world.s.cr0 |= control::TS;
        for (name, bytes, effect) in &instructions {
            let outcome: Outcome<'_> = if allowed { Ok(effect) } else { Err(gp(0)) };
            bench.check_bytes(&world, bytes, outcome, || format!("{name} in {place}"));
        }
    }
    bench.finish(6 * 11);
}

#[test]
fn hlt_stops_in_ring_0_alone() {
    let mut bench = Bench::new();
    for (place, world, allowed) in places() {
        let halt = |w: &mut World| w.s.halted = true;
        let outcome: Outcome<'_> = if allowed { Ok(&halt) } else { Err(gp(0)) };
        bench.check_bytes(&world, &[0xf4], outcome, || format!("hlt in {place}"));
    }
    bench.finish(6);
}

#[test]
fn lgdt_and_lidt_load_24_or_32_bits_of_base() {
    let mut bench = Bench::new();
    for (prefix, mask) in [(&[][..], u32::MAX), (&[0x66][..], 0xff_ffff)] {
        for is_idt in [false, true] {
            let mut world = World::ring(0);
            world.s.gpr[gpr::EBX] = OPERAND;
            world.put(OPERAND, &[0x34, 0x12, 0x78, 0x56, 0x34, 0x12]);
            let mut bytes = prefix.to_vec();
            bytes.extend([0x0f, 0x01, if is_idt { 0x1b } else { 0x13 }]);
            let load = |w: &mut World| {
                let table = if is_idt { &mut w.s.idtr } else { &mut w.s.gdtr };
                (table.base, table.limit) = (0x1234_5678 & mask, 0x1234);
            };
            bench.check_bytes(&world, &bytes, Ok(&load), || {
                format!("IDT {is_idt}, mask {mask:x}")
            });
        }
    }
    bench.finish(4);
}

/// CR1 and CR5 to CR7 do not exist, for nobody.
#[test]
fn control_registers_by_number_and_ring() {
    let mut bench = Bench::new();
    for (place, world, allowed) in places() {
        for number in 0..8u8 {
            let read = [0x0f, 0x20, 0xc0 | number << 3 | 7];
            let write = [0x0f, 0x22, 0xc0 | number << 3 | 7];
            let mut world = world.clone();
            let s = &mut world.s;
            s.gpr[7] = match number {
                0 => s.cr0,
                3 => 0x1_9000,
                4 => 0,
                _ => 0x1234_5678,
            };
            let value = s.gpr[7];
            let wrote = |w: &mut World| match number {
                2 => w.s.cr2 = value,
                3 => w.s.cr3 = value,
                _ => {}
            };
            let reads = |w: &mut World| {
                w.s.gpr[7] = match number {
                    0 => w.s.cr0,
                    2 => w.s.cr2,
                    3 => w.s.cr3,
                    _ => w.s.cr4,
                };
            };
            let outcome = |effect| -> Outcome<'_> {
                match number {
                    1 | 5.. => Err(plain(vector::UD)),
                    _ if allowed => Ok(effect),
                    _ => Err(gp(0)),
                }
            };
            bench.check_bytes(&world, &read, outcome(&reads), || format!("read in {place}"));
            bench.check_bytes(&world, &write, outcome(&wrote), || format!("write in {place}"));
        }
    }
    bench.finish(6 * 8 * 2);
}

/// SDM vol. 3A §2.5: PG needs PE, NW needs CD; bits that do not exist stay clear.
#[test]
fn every_combination_of_cr0() {
    let mut bench = Bench::new();
    use control::*;
    // The table stays where it is when paging comes on.
    let bits = [MP, EM, TS, NE, WP, 1 << 18, NW, CD, PG, 1 << 6, 1 << 28];
    for set in 0..1u32 << bits.len() {
        let chosen = (0..bits.len()).filter(|n| set >> n & 1 != 0);
        let value = chosen.fold(PE, |value, n| value | bits[n]);
        let mut world = World::ring(0);
        identity_pages(&mut world);
        world.s.gpr[7] = value;
        let kept = PE | MP | EM | TS | ET | NE | WP | 1 << 18 | NW | CD | PG;
        let effect = |w: &mut World| w.s.cr0 = value & kept | ET;
        let bad = value & NW != 0 && value & CD == 0;
        let outcome: Outcome<'_> = if bad { Err(gp(0)) } else { Ok(&effect) };
        bench.check_bytes(&world, &[0x0f, 0x22, 0xc7], outcome, || {
            format!("CR0 {value:08x}")
        });
    }
    for value in [PG, PG | NE, NW | PE, NW] {
        let mut world = World::real();
        world.s.gpr[7] = value;
        bench.check_bytes(&world, &[0x0f, 0x22, 0xc7], Err(gp(0)), || {
            format!("CR0 {value:08x}")
        });
    }
    bench.finish((1 << 11) + 4);
}

/// A directory and a table that map low memory to itself, all bits set that the processor would set.
fn identity_pages(world: &mut World) {
    world.s.cr3 = 0x1_9000;
    world.put32(0x1_9000, 0x1_a067);
    for page in 0..RAM / 0x1000 {
        world.put32(0x1_a000 + 4 * page, page << 12 | 0x67);
    }
}

/// SDM vol. 3A §2.5: which bits of CR4 there are, by model; others are #GP(0).
#[test]
fn every_bit_of_cr4_by_model() {
    let mut cases = 0;
    for (model, bits) in [
        ("386", None),
        ("486", None),
        ("pentium", Some(0x05fu32)),
        ("pentium-mmx", Some(0x15f)),
        ("p6", Some(0x1ff)),
        ("p2", Some(0x1ff)),
        ("p3", Some(0x7ff)),
        ("p4", Some(0x7ff)),
        ("core", Some(0x7ff)),
    ] {
        let mut bench = Bench::named(model);
        for bit in 0..32 {
            let mut world = World::ring(0);
            if model == "386" {
                world.s.cr0 &= !control::NE;
            }
            world.s.gpr[7] = 1 << bit;
            let effect = |w: &mut World| w.s.cr4 = 1 << bit;
            let outcome: Outcome<'_> = match bits {
                None => Err(plain(vector::UD)),
                Some(bits) if bits >> bit & 1 != 0 => Ok(&effect),
                Some(_) => Err(gp(0)),
            };
            cases += 1;
            bench.check_bytes(&world, &[0x0f, 0x22, 0xe7], outcome, || {
                format!("{model}: bit {bit}")
            });
        }
        bench.finish(32);
    }
    assert_eq!(cases, 9 * 32);
}

/// SDM vol. 3A §4.4.1: the pointers of PAE are read and checked by MOV to CR3, and to CR0 and CR4 as they turn
/// PAE paging on.
#[test]
fn reserved_bits_of_page_directory_pointers_are_gp_0_when_they_are_loaded() {
    const RESERVED: u64 = 0xffff_fff0_0000_01e6;
    let (old, new) = (0x1_9000, 0x1_9020);
    let mut bench = Bench::new();
    let mut cases = 0;
    for n in 0..4u32 {
        for (bit, present) in (1..64).flat_map(|bit| [(bit, 0), (bit, 1)]) {
            let pointer = 0x1_c000 | present | 1u64 << bit;
            let loads = present == 0 || pointer & RESERVED == 0;
            if loads && n == 0 && pointer & !0xfff | present != 0x1_c001 {
                // The program itself would be gone.
                continue;
            }
            let mut world = World::ring(0);
            // The first 2 MiB are one page.
            world.put64(0x1_c000, 0xe7);
            for table in [old, new] {
                world.put64(table, 0x1_c001);
            }
            world.put64(new + 8 * n, pointer);
            world.s.cr4 = control::PAE;
            let case = || format!("pointer {n} {pointer:x}");
            let outcome = |effect| -> Outcome<'_> { if loads { Ok(effect) } else { Err(gp(0)) } };

            let mut on = world.clone();
            on.s.cr0 |= control::PG;
            on.s.cr3 = old;
            on.s.gpr[7] = new;
            let effect = |w: &mut World| w.s.cr3 = new;
            bench.check_bytes(&on, &[0x0f, 0x22, 0xdf], outcome(&effect), case);

            world.s.cr3 = new;
            world.s.gpr[7] = world.s.cr0 | control::PG;
            let effect = |w: &mut World| w.s.cr0 |= control::PG;
            bench.check_bytes(&world, &[0x0f, 0x22, 0xc7], outcome(&effect), case);
            cases += 2;
        }
    }
    // An entry that 32-bit paging uses has its accessed bit set, which is reserved in a pointer.
    let mut world = World::ring(0);
    identity_pages(&mut world);
    world.s.cr0 |= control::PG;
    world.s.gpr[7] = control::PAE;
    bench.check_bytes(&world, &[0x0f, 0x22, 0xe7], Err(gp(0)), || "CR4".into());
    bench.finish(cases + 1);
}

/// SDM vol. 3B §17.2: DR4 and DR5, DE, GD, and the bits of DR6 and DR7 that can be written.
#[test]
fn debug_registers_by_number_ring_de_and_gd() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for (place, world, allowed) in places() {
        for number in 0..8u8 {
            for (de, gd) in [(0, 0), (control::DE, 0), (0, 1 << 13), (control::DE, 1 << 13)] {
                for value in [0, u32::MAX, 0x1234_5678] {
                    let mut world = world.clone();
                    world.s.cr4 = de;
                    world.s.dr = [0x11, 0x22, 0x33, 0x44, 0, 0, 0xffff_0ff0, 0x400 | gd];
                    // No breakpoint may come of it: they would be met at once, or watch every access.
                    world.s.gpr[7] = if matches!(number, 5 | 7) {
                        value & !0xff
                    } else {
                        value
                    };
                    let value = world.s.gpr[7];
                    let register = match number {
                        4 => 6,
                        5 => 7,
                        other => other as usize,
                    };
                    let written = |w: &mut World| {
                        w.s.dr[register] = match register {
                            6 => value & 0xe00f | 0xffff_0ff0,
                            7 => value & !0xd800 | 0x400,
                            _ => value,
                        };
                    };
                    let read = |w: &mut World| w.s.gpr[7] = w.s.dr[register];
                    let undefined = matches!(number, 4 | 5) && de != 0;
                    let effects: [(u8, Outcome<'_>); 2] = [(0x21, Ok(&read)), (0x23, Ok(&written))];
                    for (opcode, effect) in effects {
                        let bytes = [0x0f, opcode, 0xc0 | number << 3 | 7];
                        let case = || format!("{place}, CR4 {de:x}, DR7 {gd:x}, value {value:x}");
                        cases += 1;
                        if undefined {
                            bench.check_bytes(&world, &bytes, Err(plain(vector::UD)), case);
                        } else if !allowed {
                            bench.check_bytes(&world, &bytes, Err(gp(0)), case);
                        } else if gd != 0 {
                            // General detect: a fault before the instruction, with RF in the image.
                            let mut world = world.clone();
                            world.put(place_of(&world), &bytes);
                            let mut wanted = world.clone();
                            wanted.s.dr[6] |= 1 << 13;
                            wanted.s.dr[7] &= !gd;
                            let wanted = Model::debug(&wanted, true);
                            bench.expect(&world, None, &wanted, 70, case);
                        } else {
                            bench.check_bytes(&world, &bytes, effect, case);
                        }
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

/// Linear address of the next instruction.
fn place_of(world: &World) -> u32 {
    world.s.seg[sreg::CS].base + world.s.eip
}
