//! Breakpoints, single steps and the resume flag: SDM vol. 3B §17.2, §17.3; vol. 3A §6.8.3, §6.9.

use crate::{
    bench::Bench,
    model::Model,
    state::{control, flag, gpr, sreg},
    world::*,
};

/// Where data breakpoints are tried; pointed at by EBX.
const OPERAND: u32 = 0x1_e000;
/// B0 and BS of DR6.
const B0: u32 = 1 << 0;
const BS: u32 = 1 << 14;
const TICKS: u64 = 70;

/// DR7 with breakpoint `n` enabled locally or globally.
fn dr7(n: u32, enable: u32, condition: u32, length: u32) -> u32 {
    let field = condition | (length - 1).min(3) << 2;
    0x400 | enable << (2 * n) | field << (16 + 4 * n)
}

/// The trap after `bytes`, which did `effect`.
fn trap(world: &World, bytes: &[u8], bits: u32, effect: impl Fn(&mut World)) -> World {
    let mut done = world.clone();
    done.s.eip += bytes.len() as u32;
    effect(&mut done);
    done.s.dr[6] = done.s.dr[6] & !0xf | bits;
    Model::debug(&done, false)
}

#[test]
fn data_breakpoints_by_length_alignment_condition_and_access() {
    let mut bench = Bench::new();
    // mov [ebx], al / ax / eax and mov al / ax / eax, [ebx]
    let stores: [(u32, &[u8]); 3] = [(1, &[0x88, 0x03]), (2, &[0x66, 0x89, 0x03]), (4, &[0x89, 0x03])];
    let loads: [(u32, &[u8]); 3] = [(1, &[0x8a, 0x03]), (2, &[0x66, 0x8b, 0x03]), (4, &[0x8b, 0x03])];
    for r in [0, 3] {
        for length in [1, 2, 4] {
            for condition in [1, 3] {
                for at in 0..8 {
                    for access in 0..10 {
                        for (write, (size, bytes)) in stores
                            .map(|s| (true, s))
                            .into_iter()
                            .chain(loads.map(|l| (false, l)))
                        {
                            let mut world = World::ring(r);
                            world.s.dr[0] = OPERAND + at;
                            world.s.dr[7] = dr7(0, 2, condition, length);
                            world.s.gpr[gpr::EBX] = OPERAND + access;
                            world.put(CODE, bytes);
                            world.spin(CODE + bytes.len() as u32);
                            // The lower bits of the address that the length covers are ignored.
                            let start = at & !(length - 1);
                            let overlaps = access < start + length && start < access + size;
                            let hit = overlaps && (write || condition == 3);
                            let effect = |w: &mut World| {
                                let mask = u32::MAX >> (32 - 8 * size);
                                let eax = w.s.gpr[gpr::EAX];
                                if write {
                                    w.put(OPERAND + access, &eax.to_le_bytes()[..size as usize]);
                                } else {
                                    w.s.gpr[gpr::EAX] = eax & !mask | w.get32(OPERAND + access) & mask;
                                }
                            };
                            let wanted = if hit {
                                trap(&world, bytes, B0, effect)
                            } else {
                                let mut wanted = world.clone();
                                wanted.s.eip += bytes.len() as u32;
                                effect(&mut wanted);
                                wanted
                            };
                            bench.expect(&world, None, &wanted, TICKS, || {
                                format!("DR0 +{at} length {length} R/W {condition}, {bytes:x?} at +{access}")
                            });
                        }
                    }
                }
            }
        }
    }
    bench.finish(2 * 3 * 2 * 8 * 10 * 6);
}

#[test]
fn each_register_is_enabled_by_either_of_its_bits() {
    let mut bench = Bench::new();
    for n in 0..4 {
        for enable in 0..4 {
            let mut world = World::ring(0);
            world.s.dr[n as usize] = OPERAND;
            world.s.dr[7] = dr7(n, enable, 1, 4);
            world.s.gpr[gpr::EBX] = OPERAND;
            world.put(CODE, &[0x89, 0x03, 0xeb, 0xfe]);
            let store = |w: &mut World| w.put32(OPERAND, w.s.gpr[gpr::EAX]);
            let wanted = if enable == 0 {
                let mut wanted = world.clone();
                wanted.s.eip += 2;
                store(&mut wanted);
                wanted
            } else {
                trap(&world, &[0x89, 0x03], B0 << n, store)
            };
            bench.expect(&world, None, &wanted, TICKS, || {
                format!("DR{n}, enabled by {enable}")
            });
        }
    }
    bench.finish(16);
}

/// SDM vol. 3B §17.3.1.1: a fault before the instruction, which RF holds off once.
#[test]
fn instruction_breakpoints_fault_unless_rf_is_set() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let worlds = [
        World::ring(0),
        World::ring(2),
        World::ring(3),
        World::v86(3, 0),
        World::real(),
    ];
    for mut world in worlds {
        for resume in [0, flag::RF] {
            for distance in [0, 1, 2] {
                let at = world.s.seg[sreg::CS].base + world.s.eip;
                // mov al, 5
                world.put(at, &[0xb0, 5, 0xeb, 0xfe]);
                world.s.eflags = world.s.eflags & !flag::RF | resume;
                world.s.dr[1] = at + distance;
                world.s.dr[7] = dr7(1, 1, 0, 1);
                let mut wanted = world.clone();
                let al_is_5 = |w: &mut World| {
                    w.s.gpr[gpr::EAX] = w.s.gpr[gpr::EAX] & !0xff | 5;
                    w.s.eip += 2;
                    w.s.eflags &= !flag::RF;
                };
                if distance == 0 && resume == 0 {
                    wanted.s.dr[6] |= B0 << 1;
                    wanted = Model::debug(&wanted, false);
                } else {
                    al_is_5(&mut wanted);
                }
                if distance == 2 {
                    // The next instruction's.
                    wanted.s.dr[6] |= B0 << 1;
                    wanted = Model::debug(&wanted, false);
                }
                cases += 1;
                bench.expect(&world, None, &wanted, TICKS, || {
                    format!("breakpoint +{distance}, RF {resume:x}, CPL {}", world.s.cpl)
                });
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 2A "IRET", vol. 3B §17.3.1.1: IRETD brings RF back, for the instruction that it returns to.
#[test]
fn iretd_with_rf_in_its_image_passes_a_breakpoint() {
    let mut bench = Bench::new();
    for (wide, resume) in [(true, flag::RF), (true, 0)] {
        for r in [0, 3] {
            let mut world = World::ring(0);
            if r == 3 {
                world.push_all(&[data(3) as u32, stack(3) - 0x800], wide);
            }
            world.push_all(&[flag::ONE | resume, code(r) as u32, TARGET], wide);
            world.put(CODE, &[0xcf]);
            world.put(TARGET, &[0x90, 0xeb, 0xfe]);
            world.s.dr[0] = TARGET;
            world.s.dr[7] = dr7(0, 2, 0, 1);
            let mut wanted = Model::run(&world, &crate::op::Op::Iret { wide });
            if resume != 0 {
                wanted.s.eflags &= !flag::RF;
                wanted.s.eip += 1;
            } else {
                wanted.s.dr[6] |= B0;
                wanted = Model::debug(&wanted, false);
            }
            bench.expect(&world, None, &wanted, TICKS, || {
                format!("RF {resume:x} to ring {r}")
            });
        }
    }
    bench.finish(4);
}

/// SDM vol. 3B §17.3.1.4: a trap after each instruction that began with TF set.
#[test]
fn single_steps() {
    let mut bench = Bench::new();
    type Effect = fn(&mut World);
    let instructions: [(&str, &[u8], Effect); 6] = [
        ("mov al, 5", &[0xb0, 5], |w| {
            w.s.gpr[gpr::EAX] = w.s.gpr[gpr::EAX] & !0xff | 5
        }),
        ("jmp short", &[0xeb, 0x10], |w| w.s.eip += 0x10),
        ("pushf; TF is in the image", &[0x9c], |w| {
            w.push_all(&[w.s.eflags], true)
        }),
        ("popf that clears TF", &[0x9d], |w| {
            w.s.gpr[gpr::ESP] += 4;
            w.s.eflags = flag::ONE;
        }),
        ("out dx, al", &[0xee], |_| {}),
        ("fnop", &[0xd9, 0xd0], |_| {}),
    ];
    for r in [0, 3] {
        for (name, bytes, effect) in instructions {
            let mut world = World::ring(r);
            world.push_all(&[flag::ONE], true);
            world.s.eflags |= flag::TF | flag::IOPL & 0x3000;
            world.put(CODE, bytes);
            let wanted = trap(&world, bytes, BS, |w| {
                let iopl = w.s.eflags & flag::IOPL;
                effect(w);
                if name.starts_with("popf") && r == 3 {
                    w.s.eflags |= iopl;
                }
            });
            bench.expect(&world, None, &wanted, TICKS, || format!("{name} in ring {r}"));
        }
    }
    bench.finish(12);
}

/// SDM vol. 3B §17.3.1.4: the handler of INT n runs without TF; the trap is lost with it.
#[test]
fn a_software_interrupt_clears_tf_before_its_handler() {
    let mut bench = Bench::new();
    for (op, vector) in [
        (crate::op::Op::Int(0x40), 0x40),
        (crate::op::Op::Int3, 3),
        (crate::op::Op::Int1, 1),
    ] {
        let mut world = World::ring(3);
        world.s.eflags |= flag::TF;
        world.set_gate(vector, gate(TRAP_GATE32 | DPL3, code(0), ENTRY, 0));
        world.put(CODE, &op.bytes(&world.s));
        let wanted = Model::run(&world, &op);
        bench.expect(&world, None, &wanted, TICKS, || format!("{op:?}"));
    }
    bench.finish(3);
}

/// SDM vol. 3A §6.8.3: a load of SS holds off the trap of its own breakpoint and step until after the next
/// instruction.
#[test]
fn loading_ss_delays_debug_traps_by_an_instruction() {
    let mut bench = Bench::new();
    // mov ss, ax; nop / pop ss; nop
    for bytes in [&[0x8e, 0xd0, 0x90][..], &[0x17, 0x90]] {
        let mut world = World::ring(0);
        world.s.gpr[gpr::EAX] = data(0) as u32;
        world.push_all(&[data(0) as u32], true);
        world.s.eflags |= flag::TF;
        world.put(CODE, bytes);
        let wanted = trap(&world, bytes, BS, |w| {
            if bytes[0] == 0x17 {
                w.s.gpr[gpr::ESP] += 4;
            }
        });
        bench.expect(&world, None, &wanted, TICKS, || format!("{bytes:02x?}"));
    }
    bench.finish(2);
}

/// SDM vol. 3B §17.2.4: R/W 10 with CR4.DE is a breakpoint on ports.
#[test]
fn io_breakpoints_need_de() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for de in [0, control::DE] {
        for length in [1, 2, 4] {
            for port in 0x40..0x48 {
                for at in [0x42, 0x43, 0x44] {
                    // out dx, eax
                    let mut world = World::ring(0);
                    world.s.cr4 = de;
                    world.s.dr[2] = at;
                    world.s.dr[7] = dr7(2, 1, 2, length);
                    world.s.gpr[gpr::EDX] = port;
                    world.put(CODE, &[0xef, 0xeb, 0xfe]);
                    let start = at & !(length - 1);
                    let hit = de != 0 && port < start + length && start < port + 4;
                    let wanted = if hit {
                        trap(&world, &[0xef], B0 << 2, |_| {})
                    } else {
                        let mut wanted = world.clone();
                        wanted.s.eip += 1;
                        wanted
                    };
                    cases += 1;
                    bench.expect(&world, None, &wanted, TICKS, || {
                        format!("DE {de:x}, DR2 {at:x} length {length}, port {port:x}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3A §7.2.1: the T bit of the new task's TSS traps before its first instruction.
#[test]
fn the_t_bit_of_a_tss_traps_in_the_new_task() {
    let mut bench = Bench::new();
    for t in [0, 1] {
        let mut world = World::ring(0);
        world.put16(TSS_B + 0x64, t);
        let op = crate::op::Op::Jump {
            selector: TASK_B,
            offset: 0,
            wide: true,
        };
        world.put(CODE, &op.bytes(&world.s));
        let mut wanted = Model::run(&world, &op);
        if t != 0 {
            wanted.s.dr[6] |= 1 << 15;
            wanted = Model::debug(&wanted, false);
        }
        bench.expect(&world, None, &wanted, TICKS, || format!("T {t}"));
    }
    bench.finish(2);
}
