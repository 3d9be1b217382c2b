//! Far returns and IRET to the same and to outer rings: SDM vol. 3A §5.8.6, vol. 2B "RET", vol. 2A "IRET".

use crate::{
    bench::Bench,
    op::Op,
    state::{flag, gpr, sreg},
    world::*,
};

/// The four returns that take a selector from the stack.
const RETURNS: [Op; 4] = [
    Op::Retf {
        wide: true,
        release: 0,
    },
    Op::Retf {
        wide: false,
        release: 12,
    },
    Op::Iret { wide: true },
    Op::Iret { wide: false },
];

/// A frame for `op`: where it returns to, with which flags and stack.
fn frame(world: &mut World, op: Op, selector: u16, offset: u32, flags: u32, outer: (u16, u32)) {
    let (wide, is_iret, release) = match op {
        Op::Retf { wide, release } => (wide, false, release),
        Op::Iret { wide } => (wide, true, 0),
        _ => panic!("not a return"),
    };
    world.push_all(&[outer.0 as u32, outer.1], wide);
    world.push_all(&vec![0x77; (release / if wide { 4 } else { 2 }) as usize], wide);
    if is_iret {
        world.push_all(&[flags], wide);
    }
    world.push_all(&[selector as u32, offset], wide);
}

#[test]
fn every_type_dpl_and_p_of_the_code_segment_with_every_rpl_from_every_ring() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            for rpl in 0..4 {
                for op in RETURNS {
                    let mut world = World::ring(r);
                    world.set_descriptor(SPARE, flat(access));
                    let outer = (data(rpl as u8), stack(rpl as u8) - 0x800);
                    frame(&mut world, op, SPARE | rpl, TARGET, flag::ONE, outer);
                    bench.check(&world, op, || format!("code {access:02x}, RPL {rpl}, ring {r}"));
                }
            }
        }
    }
    bench.finish(256 * 4 * 4 * 4);
}

#[test]
fn every_type_dpl_and_p_of_the_outer_stack() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for r in 0..3 {
        for level in r + 1..4 {
            for op in RETURNS {
                for access in 0..=255 {
                    let mut world = World::ring(r);
                    world.set_descriptor(SPARE, flat(access));
                    let outer = (SPARE | level as u16, stack(level) - 0x800);
                    frame(&mut world, op, code(level), TARGET, flag::ONE, outer);
                    cases += 1;
                    bench.check(&world, op, || format!("stack {access:02x}, ring {r} to {level}"));
                }
                for selector in [
                    0,
                    3,
                    BEYOND | level as u16,
                    data(level) ^ 1,
                    IN_LDT | level as u16,
                ] {
                    let mut world = World::ring(r);
                    world.put64(LDT + 8, flat(0x93 | level << 5));
                    let outer = (selector, stack(level) - 0x800);
                    frame(&mut world, op, code(level), TARGET, flag::ONE, outer);
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("stack {selector:04x}, ring {r} to {level}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn selectors_null_beyond_and_local_and_offsets_beyond_the_limit() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for r in 0..4 {
        for op in RETURNS {
            for selector in [0, 3, BEYOND | r as u16, IN_LDT | r as u16, LDT_LIMIT as u16 + 5] {
                let mut world = World::ring(r);
                world.put64(LDT + 8, flat(0x9a | r << 5));
                frame(&mut world, op, selector, TARGET, flag::ONE, (data(r), stack(r)));
                cases += 1;
                bench.check(&world, op, || format!("selector {selector:04x}, ring {r}"));
            }
            for limit in [TARGET - 1, TARGET + 1] {
                for level in r..4 {
                    let mut world = World::ring(r);
                    world.set_descriptor(SPARE, segment(0, limit, 0x9b | level << 5, 4));
                    let outer = (data(level), stack(level) - 0x800);
                    frame(&mut world, op, SPARE | level as u16, TARGET, flag::ONE, outer);
                    cases += 1;
                    bench.check(&world, op, || format!("limit {limit:x}, ring {r} to {level}"));
                }
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3A §5.8.6: data segments that the outer ring may not use are made null.
#[test]
fn a_return_to_an_outer_ring_clears_segments_that_it_may_not_use() {
    let mut bench = Bench::new();
    for r in 0..3 {
        for access in (0x90..=0xff).filter(|access| access & 0x11 == 0x11) {
            for register in [sreg::ES, sreg::DS, sreg::FS, sreg::GS] {
                for op in [RETURNS[0], RETURNS[2]] {
                    let mut world = World::ring(r);
                    world.s.seg[register] = loaded(SPARE, flat(access));
                    // A null selector loses its RPL only if it is cleared, which null segments are not.
                    let other = if register == sreg::ES { sreg::DS } else { sreg::ES };
                    world.s.seg[other] = crate::state::Reg::unusable(2);
                    frame(
                        &mut world,
                        op,
                        code(3),
                        TARGET,
                        flag::ONE,
                        (data(3), stack(3) - 0x800),
                    );
                    bench.check(&world, op, || {
                        format!("{access:02x} in {register}, ring {r} to 3")
                    });
                }
            }
        }
    }
    bench.finish(3 * 4 * 2 * (0x90..=0xffu32).filter(|a| a & 0x11 == 0x11).count() as u64);
}

#[test]
fn stacks_of_both_widths_on_both_sides() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for inner_big in [0, 4] {
        for outer_big in [0, 4] {
            for op in RETURNS {
                for pointer in [0x2_0ffc, 0x1_fffe, 0xffff_fff0, 0xfff0, 0x8] {
                    let mut world = World::ring(0);
                    world.set_descriptor(SPARE, segment(0x10000, 0xffff, 0x93, inner_big));
                    world.set_descriptor(SPARE2, segment(0x10000, 0xffff, 0xf3, outer_big));
                    world.s.seg[sreg::SS] = loaded(SPARE, world.descriptor(SPARE));
                    world.s.gpr[gpr::ESP] = 0x8000;
                    frame(&mut world, op, code(3), TARGET, flag::ONE, (SPARE2 | 3, pointer));
                    world.s.gpr[gpr::ESP] |= if inner_big == 0 { 0x5555_0000 } else { 0 };
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("big inside {inner_big}, outside {outer_big}, ESP {pointer:x}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn returns_read_no_further_than_the_stack_goes() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for op in RETURNS {
        for level in [0, 3] {
            for pointer in 0xfd0..0x1002 {
                let mut world = World::ring(0);
                world.set_gate(crate::state::vector::SS, gate(TASK_GATE, TASK_C, 0, 0));
                world.s.gpr[gpr::ESP] = 0x10000 + pointer + 40;
                frame(
                    &mut world,
                    op,
                    code(level),
                    TARGET,
                    flag::ONE,
                    (data(level), 0x12000),
                );
                let used = world.s.gpr[gpr::ESP];
                let bytes = world.mem[used as usize..used as usize + 64].to_vec();
                world.put(0x10000 + pointer, &bytes);
                world.s.seg[sreg::SS] = loaded(SPARE, segment(0x10000, 0xfff, 0x93, 4));
                world.s.gpr[gpr::ESP] = pointer;
                cases += 1;
                bench.check(&world, op, || format!("ESP {pointer:x}, to ring {level}"));
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 2A "IRET": which flags each ring may change, for every IOPL.
#[test]
fn iret_changes_the_flags_that_it_may() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let images = [
        flag::ALL & !(flag::TF | flag::NT | flag::VM),
        flag::IF | flag::IOPL,
        flag::RF | flag::AC | flag::ID | flag::VIF | flag::VIP,
        0,
        flag::STATUS | flag::DF,
    ];
    for wide in [false, true] {
        for r in 0..4 {
            for level in r..4 {
                for iopl in 0..4 {
                    for image in images {
                        for before in [0, flag::IF | flag::AC | flag::VIF | flag::STATUS] {
                            let op = Op::Iret { wide };
                            let mut world = World::ring(r);
                            world.s.eflags = flag::ONE | before | iopl << 12;
                            // RF would make the instruction after the return special.
                            let outer = (data(level), stack(level) - 0x800);
                            frame(&mut world, op, code(level), TARGET, image & !flag::RF, outer);
                            cases += 1;
                            bench.check(&world, op, || {
                                format!("image {image:x} over {before:x}, IOPL {iopl}, ring {r} to {level}")
                            });
                        }
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3A §20.2.2; from an outer ring the image's VM bit is ignored (vol. 2A "IRET").
#[test]
fn iret_enters_virtual_8086_mode_from_ring_0_alone() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for r in 0..4 {
        for wide in [false, true] {
            for offset in [0x400, 0xfffe, 0x1_0000] {
                for flags in [
                    0,
                    flag::IOPL | flag::IF,
                    flag::VIF | flag::AC,
                    flag::STATUS | flag::VIP,
                ] {
                    let op = Op::Iret { wide };
                    let mut world = World::ring(r);
                    // GS, FS, DS, ES, SS, ESP, and the frame of an ordinary return in front of it.
                    world.push_all(&[0x1005, 0x1004, 0x1003, 0x1000, 0x1600, 0x1_0800], true);
                    let selector = if r == 0 { 0x0a00 } else { code(r) };
                    let target = if r == 0 { offset } else { TARGET };
                    world.spin(0xa000 + offset);
                    world.push_all(&[flag::ONE | flag::VM | flags, selector as u32, target], wide);
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("offset {offset:x}, flags {flags:x}, ring {r}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn real_mode_returns_check_the_offset() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for op in RETURNS {
        for offset in [0x10, 0x400, 0xfffe, 0x1_0000] {
            for image in [
                0,
                flag::IF | flag::IOPL,
                flag::STATUS | flag::DF | flag::NT,
                flag::AC | flag::ID,
            ] {
                let mut world = World::real();
                world.spin(0xa000 + (offset & 0xffff));
                frame(&mut world, op, 0x0a00, offset, image, (0x1000, 0));
                cases += 1;
                bench.check(&world, op, || format!("offset {offset:x} image {image:x}"));
            }
        }
    }
    bench.finish(cases);
}
