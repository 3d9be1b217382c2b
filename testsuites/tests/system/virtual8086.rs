//! Virtual-8086 mode: interrupts out of it with and without VME, flags, ports: SDM vol. 3A §20.2, vol. 3B §20.3,
//! vol. 1 §19.5.

use crate::{
    bench::Bench,
    op::Op,
    state::{control, flag, sreg},
    world::*,
};

/// The vector of interrupts under test.
const N: u8 = 0x40;

#[test]
fn every_type_dpl_and_p_of_an_idt_entry_from_virtual_8086_mode() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for iopl in 0..4 {
            let mut world = World::v86(iopl, 0);
            world.s.eflags |= flag::IF;
            let target = if access & 0x1f == 5 { TASK_B } else { code(0) };
            world.set_gate(N, gate(access, target, ENTRY, 0));
            for op in [Op::Int(N), Op::External(N)] {
                bench.check(&world, op, || format!("gate {access:02x}, IOPL {iopl}"));
            }
        }
    }
    bench.finish(256 * 4 * 2);
}

#[test]
fn every_kind_of_target_from_virtual_8086_mode() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for kind in [INTERRUPT_GATE32, TRAP_GATE16] {
            let mut world = World::v86(3, 0);
            world.s.eflags |= flag::IF;
            world.set_descriptor(SPARE2, flat(access));
            world.set_gate(N, gate(kind | DPL3, SPARE2, ENTRY, 0));
            for op in [Op::Int(N), Op::External(N)] {
                bench.check(&world, op, || format!("target {access:02x}, gate {kind:02x}"));
            }
        }
    }
    bench.finish(256 * 2 * 2);
}

#[test]
fn the_ring_0_stack_needs_room_for_nine_slots_or_ten() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for kind in [INTERRUPT_GATE32, INTERRUPT_GATE16] {
        for pointer in 0..48 {
            let mut world = World::v86(3, 0);
            world.set_gate(N, gate(kind | DPL3, code(0), ENTRY, 0));
            world.set_descriptor(SPARE, segment(0x10000, 0xfff, 0x93, 4));
            world.put32s(TSS_A + 4, &[pointer, SPARE as u32]);
            for op in [Op::Int(N), Op::Undefined] {
                cases += 1;
                bench.check(&world, op, || format!("ESP {pointer}, gate {kind:02x}"));
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3B table 20-2: what INT n, INT3 and INTO do by IOPL, CR4.VME and the redirection bitmap.
#[test]
fn software_interrupts_by_iopl_vme_and_the_redirection_bitmap() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for vme in [0, control::VME] {
        for iopl in 0..4 {
            for redirected in [false, true] {
                for flags in [
                    0,
                    flag::IF,
                    flag::VIF,
                    flag::VIF | flag::VIP | flag::NT,
                    flag::STATUS,
                ] {
                    let mut world = World::v86(iopl, vme);
                    world.s.eflags |= flags;
                    if redirected {
                        world.put(TSS_A + 0x68, &[0; 32]);
                    }
                    for n in [N, 3, 4] {
                        world.set_gate(n, gate(INTERRUPT_GATE32 | DPL3, code(0), ENTRY, 0));
                    }
                    for op in [Op::Int(N), Op::Int(3), Op::Int3, Op::Into, Op::Int1] {
                        cases += 1;
                        bench.check(&world, op, || {
                            format!("VME {vme}, IOPL {iopl}, redirected {redirected}, flags {flags:x}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn the_redirection_bitmap_has_a_bit_for_each_vector_within_the_tss() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for n in 0..=255 {
        for limit in [0x66, 0x67, 0x67 + n as u32 / 8, 0x68 + n as u32 / 8, 0x2ff] {
            let mut world = World::v86(0, control::VME);
            world.put(TSS_A + 0x68, &[0xff; 32]);
            let bit = 1 << (n % 8);
            world.mem[(TSS_A + 0x68 + n as u32 / 8) as usize] &= !bit;
            world.s.tr = loaded(TASK_A, segment(TSS_A, limit, 0x8b, 0));
            cases += 1;
            bench.check(&world, Op::Int(n), || format!("limit {limit:x}"));
        }
    }
    bench.finish(cases);
}

/// SDM vol. 2A "CLI" table 3-7, vol. 2B "STI" table 4-20, "PUSHF", "POPF" table 4-16, vol. 2A "IRET".
#[test]
fn flags_by_mode_ring_iopl_vme_and_pvi() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let images = [
        0,
        flag::IF,
        flag::ALL & !(flag::TF | flag::NT),
        flag::STATUS | flag::IOPL,
    ];
    for cr4 in [0, control::VME, control::PVI, control::VME | control::PVI] {
        for iopl in 0..4 {
            for ring in 0..6u8 {
                for before in [
                    0,
                    flag::IF | flag::VIF,
                    flag::VIP,
                    flag::VIP | flag::VIF | flag::DF,
                ] {
                    let mut world = match ring {
                        4 => World::v86(iopl, cr4),
                        5 => World::real(),
                        r => World::ring(r),
                    };
                    world.s.cr4 = cr4;
                    world.s.eflags |= before | iopl << 12;
                    let mut ops = vec![Op::Cli, Op::Pushf { wide: false }, Op::Pushf { wide: true }];
                    // Setting IF holds off one instruction: that is another state, but not another flag.
                    ops.push(Op::Sti);
                    for op in ops {
                        cases += 1;
                        bench.check(&world, op, || {
                            format!("CR4 {cr4:x} IOPL {iopl} ring {ring} {before:x}")
                        });
                    }
                    for image in images {
                        for wide in [false, true] {
                            let mut world = world.clone();
                            world.push_all(&[image], wide);
                            let op = Op::Popf { wide };
                            cases += 1;
                            bench.check(&world, op, || {
                                format!("CR4 {cr4:x} IOPL {iopl} ring {ring} {before:x}, image {image:x}")
                            });
                        }
                    }
                    if ring == 4 {
                        for image in images {
                            for wide in [false, true] {
                                let mut world = world.clone();
                                world.spin(0xa000);
                                world.push_all(&[image & !flag::RF, 0x0a00, 0], wide);
                                let op = Op::Iret { wide };
                                cases += 1;
                                bench.check(&world, op, || {
                                    format!("CR4 {cr4:x} IOPL {iopl} {before:x}, image {image:x}")
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3B §20.3.2: entering with VIF and VIP set, by IRET and by a task switch.
#[test]
fn a_pending_virtual_interrupt_is_gp_0_at_the_first_instruction() {
    let mut bench = Bench::new();
    for vme in [0, control::VME] {
        for iopl in 0..4 {
            for flags in [0, flag::VIF, flag::VIP, flag::VIF | flag::VIP] {
                let image = flag::ONE | flag::VM | iopl << 12 | flags;
                let mut world = World::ring(0);
                world.s.cr4 = vme;
                world.spin(0xa000);
                world.push_all(&[0x1005, 0x1004, 0x1003, 0x1000, 0x1600, 0x800], true);
                world.push_all(&[image, 0x0a00, 0], true);
                let case = || format!("VME {vme}, image {image:x}");
                bench.check(&world, Op::Iret { wide: true }, case);
                let mut world = World::ring(0);
                world.s.cr4 = vme;
                world.spin(0xa000);
                world.put32s(TSS_B + 0x20, &[0, image]);
                world.put32s(TSS_B + 0x48, &[0x1000, 0x0a00, 0x1100, 0x1200, 0x1300, 0x1400]);
                let jump = Op::Jump {
                    selector: TASK_B,
                    offset: 0,
                    wide: true,
                };
                bench.check(&world, jump, case);
            }
        }
    }
    bench.finish(2 * 4 * 4 * 2);
}

#[test]
fn flags_that_ask_for_a_trap_are_refused_under_vme() {
    let mut bench = Bench::new();
    for wide in [false, true] {
        let mut world = World::v86(0, control::VME);
        world.push_all(&[flag::TF, 0x0a00, 0], wide);
        bench.check(&world, Op::Iret { wide }, || "TF".into());
        let mut world = World::v86(0, control::VME);
        world.push_all(&[flag::TF], wide);
        bench.check(&world, Op::Popf { wide }, || "TF".into());
    }
    bench.finish(4);
}

/// SDM vol. 1 §19.5.2: IOPL and the I/O permission bitmap.
#[test]
fn ports_by_mode_ring_iopl_and_bitmap() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for ring in 0..6u8 {
        for iopl in 0..4 {
            for port in [0x40, 0x41, 0x43, 0x46, 0x47] {
                for width in [1, 2, 4] {
                    // One bit set somewhere around, or none.
                    for closed in (0x3e..0x4c).chain([0x500]) {
                        let mut world = match ring {
                            4 => World::v86(iopl, 0),
                            5 => World::real(),
                            r => World::ring(r),
                        };
                        world.s.eflags |= iopl << 12;
                        world.put(TSS_A + 0x88, &[0; 0x100]);
                        world.mem[(TSS_A + 0x88 + closed / 8) as usize] |= 1 << (closed % 8);
                        cases += 1;
                        let op = Op::In { port, width };
                        bench.check(&world, op, || {
                            format!("ring {ring} IOPL {iopl}, closed {closed:x}")
                        });
                        if closed % 5 == 0 {
                            cases += 1;
                            let op = Op::Out { port, width };
                            let open = matches!(ring, 0 | 5)
                                || ring < 4 && ring as u32 <= iopl
                                || !(port as u32..port as u32 + width).contains(&closed);
                            bench.check(&world, op, || {
                                format!("ring {ring} IOPL {iopl}, closed {closed:x}")
                            });
                            let value = world.s.gpr[0] & u32::MAX >> (32 - 8 * width);
                            let wanted = if open { vec![(port, value, width)] } else { vec![] };
                            assert_eq!(bench.ports(), wanted, "{op:x?} ring {ring} IOPL {iopl}");
                        }
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn the_bitmap_ends_with_the_tss_and_16_bit_tasks_have_none() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for (access, limits) in [(0x8b, 0x60..0xa0), (0x83, 0x80..0xa0)] {
        for limit in limits {
            for map in [0x68, 0x88, 0xdfff] {
                for port in [0, 7, 8, 0x3c] {
                    let mut world = World::ring(3);
                    world.put(TSS_A + 0x68, &[0; 0x100]);
                    world.put16(TSS_A + 0x66, map);
                    world.s.tr = loaded(TASK_A, segment(TSS_A, limit, access, 0));
                    cases += 1;
                    bench.check(&world, Op::In { port, width: 1 }, || {
                        format!("TSS {access:02x} limit {limit:x} map {map:x}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn segments_of_the_program_are_null_in_the_handler_and_on_its_stack() {
    let mut bench = Bench::new();
    let mut world = World::v86(3, 0);
    world.set_gate(N, gate(INTERRUPT_GATE32 | DPL3, code(0), ENTRY, 0));
    let mut wanted = world.clone();
    let esp = stack(0) - 0x400 - 36;
    let s = &world.s;
    let (next, flags) = (s.eip + 2, s.eflags);
    let selector = |n: usize| s.seg[n].selector as u32;
    let frame = [next, selector(sreg::CS), flags, s.gpr[4], selector(sreg::SS)];
    wanted.put32s(esp, &frame);
    let data = [sreg::ES, sreg::DS, sreg::FS, sreg::GS].map(selector);
    wanted.put32s(esp + 20, &data);
    wanted.put(CODE, &[0xcd, N]);
    world.put(CODE, &[0xcd, N]);
    let w = &mut wanted.s;
    w.seg = Default::default();
    w.seg[sreg::CS] = loaded(code(0), flat(0x9b));
    w.seg[sreg::SS] = loaded(data_selector(), flat(0x93));
    w.gpr[4] = esp;
    (w.eip, w.cpl, w.eflags) = (ENTRY, 0, flags & !flag::VM);
    bench.expect(&world, None, &wanted, 70, || {
        "the frame of SDM vol. 3A figure 20-4".into()
    });
    bench.finish(1);
}

fn data_selector() -> u16 {
    data(0)
}
