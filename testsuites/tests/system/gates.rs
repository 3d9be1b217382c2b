//! Interrupt, trap and task gates: SDM vol. 3A §6.10–§6.14, vol. 2A "INT n".

use crate::{
    bench::Bench,
    op::Op,
    state::{flag, gpr, sreg, vector},
    world::*,
};

/// The vector of interrupts under test.
const N: u8 = 0x40;

/// Events that reach vector `n` in different ways: by an instruction, and from outside.
fn software_and_external(n: u8) -> [Op; 2] {
    [Op::Int(n), Op::External(n)]
}

fn ring_with_interrupts(r: u8) -> World {
    let mut world = World::ring(r);
    world.s.eflags |= flag::IF | 1;
    world
}

#[test]
fn every_type_dpl_and_p_of_an_idt_entry_from_every_ring() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            let mut world = ring_with_interrupts(r);
            world.set_gate(N, gate(access, code(0), ENTRY, 0));
            if access & 0x1f == 5 {
                world.set_gate(N, gate(access, TASK_B, 0, 0));
            }
            for op in software_and_external(N) {
                bench.check(&world, op, || format!("access {access:02x} ring {r}"));
            }
        }
    }
    bench.finish(256 * 4 * 2);
}

#[test]
fn int3_into_and_int1_look_at_the_gate_as_they_should() {
    let mut bench = Bench::new();
    for (n, op) in [
        (vector::BP, Op::Int3),
        (vector::OF, Op::Into),
        (vector::DB, Op::Int1),
    ] {
        for dpl in 0..4 {
            for r in 0..4 {
                for kind in [INTERRUPT_GATE32, TRAP_GATE32, INTERRUPT_GATE16, TASK_GATE] {
                    for overflow in [0, 1 << 11] {
                        let mut world = ring_with_interrupts(r);
                        world.s.eflags |= overflow;
                        let target = if kind == TASK_GATE { TASK_B } else { code(0) };
                        world.set_gate(n, gate(kind | dpl << 5, target, ENTRY, 0));
                        bench.check(&world, op, || format!("gate {kind:02x} dpl {dpl} ring {r}"));
                    }
                }
            }
        }
    }
    bench.finish(3 * 4 * 4 * 4 * 2);
}

#[test]
fn every_kind_of_target_through_every_gate_from_every_ring() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            for kind in [INTERRUPT_GATE32, TRAP_GATE16] {
                let mut world = ring_with_interrupts(r);
                world.set_descriptor(SPARE2, flat(access));
                world.set_gate(N, gate(kind | DPL3, SPARE2, ENTRY, 0));
                for op in software_and_external(N) {
                    bench.check(&world, op, || {
                        format!("target {access:02x} ring {r} gate {kind:02x}")
                    });
                }
            }
        }
    }
    bench.finish(256 * 4 * 2 * 2);
}

#[test]
fn the_selector_of_a_gate_may_be_null_or_beyond_or_local() {
    let mut bench = Bench::new();
    for selector in [
        0,
        3,
        BEYOND,
        0xffff,
        IN_LDT,
        LDT_LIMIT as u16 + 5,
        code(0) | 3,
        code(3),
    ] {
        for r in 0..4 {
            for kind in [INTERRUPT_GATE32, INTERRUPT_GATE16, TASK_GATE] {
                let mut world = ring_with_interrupts(r);
                world.put64(LDT + 8, flat(0x9a));
                world.set_gate(N, gate(kind | DPL3, selector, ENTRY, 0));
                for op in software_and_external(N) {
                    bench.check(&world, op, || {
                        format!("selector {selector:04x} ring {r} gate {kind:02x}")
                    });
                }
            }
        }
    }
    bench.finish(8 * 4 * 3 * 2);
}

#[test]
fn an_entry_point_beyond_the_limit_is_gp_0() {
    let mut bench = Bench::new();
    // Room for `jmp $`, or for nothing at all.
    for limit in [0, ENTRY - 1, ENTRY + 1] {
        for r in 0..4 {
            for target_dpl in 0..4 {
                let mut world = ring_with_interrupts(r);
                world.set_descriptor(SPARE2, segment(0, limit, 0x9b | target_dpl << 5, 4));
                world.set_gate(N, gate(INTERRUPT_GATE32 | DPL3, SPARE2, ENTRY, 0));
                for op in software_and_external(N) {
                    bench.check(&world, op, || {
                        format!("limit {limit:x} ring {r} target {target_dpl}")
                    });
                }
            }
        }
    }
    bench.finish(3 * 4 * 4 * 2);
}

#[test]
fn a_vector_beyond_the_idt_is_gp_with_its_number() {
    let mut bench = Bench::new();
    for limit in [0x206, 0x207, 0x1ff] {
        for r in 0..4 {
            let mut world = ring_with_interrupts(r);
            world.s.idtr.limit = limit;
            world.set_gate(N, gate(INTERRUPT_GATE32 | DPL3, code(0), ENTRY, 0));
            for op in software_and_external(N) {
                bench.check(&world, op, || format!("limit {limit:x} ring {r}"));
            }
        }
    }
    bench.finish(3 * 4 * 2);
}

/// Every way in which the stack of an inner ring can be wrong (SDM vol. 3A §6.12.1, vol. 2A "INT n").
#[test]
fn stack_switches_check_the_new_stack() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for r in 1..4 {
        for inner in 0..r {
            for kind in [INTERRUPT_GATE32, INTERRUPT_GATE16] {
                let mut world = ring_with_interrupts(r);
                let target = code(inner);
                world.set_gate(N, gate(kind | DPL3, target, ENTRY, 0));
                for (text, selector) in [
                    ("null", 0),
                    ("null with RPL", 3),
                    ("beyond", BEYOND | inner as u16),
                    ("RPL", data(inner) ^ 1),
                    ("local", IN_LDT | inner as u16),
                ] {
                    let mut world = world.clone();
                    world.put16(TSS_A + 8 + 8 * inner as u32, selector);
                    for op in software_and_external(N) {
                        cases += 1;
                        bench.check(&world, op, || format!("{text}: ring {r} to {inner}"));
                    }
                }
                for access in 0..=255 {
                    let mut world = world.clone();
                    world.set_descriptor(SPARE, flat(access | 1));
                    world.put16(TSS_A + 8 + 8 * inner as u32, SPARE | inner as u16);
                    for op in software_and_external(N) {
                        cases += 1;
                        bench.check(&world, op, || format!("stack {access:02x}: ring {r} to {inner}"));
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn the_new_stack_needs_room_and_the_tss_a_stack() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for kind in [INTERRUPT_GATE32, INTERRUPT_GATE16] {
        for big in [0, 4] {
            for pointer in 0..40 {
                let mut world = ring_with_interrupts(3);
                world.set_gate(N, gate(kind | DPL3, code(0), ENTRY, 0));
                world.set_descriptor(SPARE, segment(0x10000, 0xfff, 0x93, big));
                world.put32s(TSS_A + 4, &[pointer, SPARE as u32]);
                for op in software_and_external(N) {
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("ESP {pointer}, gate {kind:02x}, big {big}")
                    });
                }
            }
        }
    }
    for (access, limits) in [(0x8b, 0..0x70), (0x83, 0..0x30)] {
        for limit in limits {
            for inner in 0..3 {
                let mut world = ring_with_interrupts(3);
                world.set_gate(N, gate(INTERRUPT_GATE32 | DPL3, code(inner), ENTRY, 0));
                // As a TSS of 16 bits: SP and SS of each ring from 2 on.
                if access == 0x83 {
                    for r in 0..3u8 {
                        world.put16(TSS_A + 2 + 4 * r as u32, 0x8000);
                        world.put16(TSS_A + 4 + 4 * r as u32, data(r));
                    }
                }
                world.s.tr = loaded(TASK_A, segment(TSS_A, limit, access, 0));
                cases += 1;
                bench.check(&world, Op::Int(N), || {
                    format!("TSS {access:02x} limit {limit:x} ring {inner}")
                });
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn the_current_stack_needs_room() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for kind in [INTERRUPT_GATE32, INTERRUPT_GATE16] {
        for (access, limit) in [(0x93, 0xffff), (0x97, 0x7ff)] {
            for big in [0, 4] {
                for pointer in [0, 1, 2, 3, 4, 6, 8, 11, 12, 0x800, 0x802, 0x806, 0x80c, 0x80d] {
                    let mut world = ring_with_interrupts(0);
                    world.set_gate(N, gate(kind, code(0), ENTRY, 0));
                    // Without a double fault's way out, too small a stack would shut down.
                    world.set_gate(vector::DF, gate(TASK_GATE, TASK_C, 0, 0));
                    world.s.seg[sreg::SS] = loaded(SPARE, segment(0x10000, limit, access, big));
                    world.s.gpr[gpr::ESP] = pointer;
                    for op in software_and_external(N) {
                        cases += 1;
                        bench.check(&world, op, || {
                            format!("ESP {pointer:x}, gate {kind:02x}, stack {access:02x} big {big}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn interrupt_gates_mask_interrupts_and_all_clear_tf_nt_rf_and_vm() {
    let mut bench = Bench::new();
    for kind in [INTERRUPT_GATE32, TRAP_GATE32, INTERRUPT_GATE16, TRAP_GATE16] {
        for bits in 0..32u32 {
            for r in [0, 3] {
                let mut world = World::ring(r);
                let flags = [flag::IF, flag::NT, flag::AC, flag::IOPL, flag::DF];
                for (n, flag) in (0..).zip(flags) {
                    world.s.eflags |= if bits >> n & 1 != 0 { flag } else { 0 };
                }
                world.set_gate(N, gate(kind | DPL3, code(0), ENTRY, 0));
                bench.check(&world, Op::Int(N), || {
                    format!("gate {kind:02x} flags {bits:x} ring {r}")
                });
            }
        }
    }
    bench.finish(4 * 32 * 2);
}

/// SDM vol. 3A table 6-5: what becomes of two exceptions in a row, for every class of both.
#[test]
fn an_exception_during_delivery_is_handled_or_becomes_a_double_fault() {
    let mut bench = Bench::new();
    let mut cases = 0;
    // First events: benign (#UD, INT n, external), contributory (#GP, by a null selector).
    let firsts = [
        (vector::UD, Op::Undefined),
        (
            vector::GP,
            Op::Jump {
                selector: 0,
                offset: 0,
                wide: true,
            },
        ),
        (N, Op::Int(N)),
        (N, Op::External(N)),
    ];
    for (number, op) in firsts {
        for (text, broken) in broken_gates() {
            for r in [0, 3] {
                for double in ["handler", "task", "absent", "null"] {
                    let mut world = ring_with_interrupts(r);
                    world.set_descriptor(SPARE, flat(0x92));
                    world.set_descriptor(SPARE2, flat(0x1b));
                    world.set_gate(number, broken);
                    match double {
                        "handler" => {}
                        "task" => world.set_gate(vector::DF, gate(TASK_GATE, TASK_C, 0, 0)),
                        "absent" => world.set_gate(vector::DF, gate(0x0e, code(0), ENTRY, 0)),
                        _ => world.set_gate(vector::DF, 0),
                    }
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("{text} at {number:02x}, ring {r}, #DF {double}")
                    });
                    // And the handlers of what that causes, broken too.
                    for second in [vector::NP, vector::GP, vector::TS, vector::SS] {
                        let mut world = world.clone();
                        world.set_gate(second, gate(0x0e, code(0), ENTRY, 0));
                        cases += 1;
                        bench.check(&world, op, || {
                            format!("{text} at {number:02x} and {second:02x} absent, ring {r}, #DF {double}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

/// Gates that cannot be entered.
fn broken_gates() -> [(&'static str, u64); 6] {
    [
        ("no gate", 0),
        ("absent gate", gate(0x6e, code(0), ENTRY, 0)),
        ("data as target", gate(INTERRUPT_GATE32 | DPL3, SPARE, ENTRY, 0)),
        ("absent target", gate(INTERRUPT_GATE32 | DPL3, SPARE2, ENTRY, 0)),
        ("busy task", gate(TASK_GATE | DPL3, TASK_A, 0, 0)),
        ("beyond the GDT", gate(INTERRUPT_GATE32 | DPL3, BEYOND, ENTRY, 0)),
    ]
}
