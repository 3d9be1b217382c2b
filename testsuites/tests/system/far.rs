//! Far jumps and calls: direct, conforming, through call gates with and without a stack switch: SDM vol. 3A
//! §5.8, vol. 2A "JMP" and "CALL".

use crate::{
    bench::Bench,
    op::Op,
    state::{gpr, sreg, vector},
    world::*,
};

/// JMP and CALL, with 32- and 16-bit operands.
fn transfers(selector: u16, offset: u32) -> [Op; 4] {
    let jump = |wide| Op::Jump {
        selector,
        offset,
        wide,
    };
    let call = |wide| Op::Call {
        selector,
        offset,
        wide,
    };
    [jump(true), jump(false), call(true), call(false)]
}

#[test]
fn every_type_dpl_and_p_of_the_target_with_every_rpl_from_every_ring() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            for rpl in 0..4 {
                let mut world = World::ring(r);
                // Call gates lead to a conforming segment, so that one target does for all rings; task gates to a task.
                world.set_descriptor(SPARE2, flat(0x9e));
                let raw = match access & 0x1f {
                    4 | 12 => gate(access, SPARE2, ENTRY, 0),
                    5 => gate(access, TASK_B, 0, 0),
                    1 | 3 => segment(TSS_16, 0x2b, access, 0),
                    9 | 11 => segment(TSS_B, 0x67, access, 0),
                    _ => flat(access),
                };
                world.set_descriptor(SPARE, raw);
                for op in &transfers(SPARE | rpl, TARGET)[..] {
                    bench.check(&world, *op, || format!("target {access:02x} ring {r}"));
                }
            }
        }
    }
    bench.finish(256 * 4 * 4 * 4);
}

#[test]
fn every_code_segment_behind_a_call_gate_from_every_ring() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for r in 0..4 {
            for kind in [CALL_GATE32, CALL_GATE16] {
                let mut world = World::ring(r);
                world.set_descriptor(SPARE2, flat(access));
                world.set_descriptor(SPARE, gate(kind | DPL3, SPARE2 | 3, ENTRY, 0));
                for op in [transfers(SPARE, 0)[0], transfers(SPARE, 0)[2]] {
                    bench.check(&world, op, || format!("behind {kind:02x}: {access:02x} ring {r}"));
                }
            }
        }
    }
    bench.finish(256 * 4 * 2 * 2);
}

#[test]
fn selectors_null_beyond_and_local_directly_and_in_gates() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let odd = [
        0,
        1,
        3,
        BEYOND,
        0xfff8,
        IN_LDT,
        LDT_LIMIT as u16 + 5,
        (LDT_LIMIT as u16 + 1) | 4,
    ];
    for selector in odd {
        for r in 0..4 {
            let mut world = World::ring(r);
            world.put64(LDT + 8, flat(0x9b | r << 5));
            for op in transfers(selector, TARGET) {
                cases += 1;
                bench.check(&world, op, || format!("ring {r}"));
            }
            for kind in [CALL_GATE32, CALL_GATE16, TASK_GATE] {
                world.set_descriptor(SPARE, gate(kind | DPL3, selector, ENTRY, 0));
                for op in transfers(SPARE, TARGET) {
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("ring {r}, gate {kind:02x} to {selector:04x}")
                    });
                }
            }
        }
    }
    // Without an LDT, every local selector is beyond it.
    let mut world = World::ring(0);
    world.s.ldtr = crate::state::Reg::unusable(0);
    for op in transfers(IN_LDT, TARGET) {
        cases += 1;
        bench.check(&world, op, || "no LDT".into());
    }
    bench.finish(cases);
}

#[test]
fn targets_beyond_the_limit() {
    let mut bench = Bench::new();
    let mut cases = 0;
    // Room for `jmp $`, or for nothing at all.
    for limit in [TARGET - 1, TARGET + 1] {
        for r in 0..4 {
            for dpl in 0..4 {
                for conforming in [0, 4] {
                    let mut world = World::ring(r);
                    world.set_descriptor(SPARE2, segment(0, limit, 0x9b | conforming | dpl << 5, 4));
                    for kind in [CALL_GATE32, CALL_GATE16] {
                        world.set_descriptor(SPARE, gate(kind | DPL3, SPARE2, TARGET, 0));
                        for selector in [SPARE, SPARE2] {
                            for op in transfers(selector, TARGET) {
                                cases += 1;
                                bench.check(&world, op, || format!("limit {limit:x} ring {r} DPL {dpl}"));
                            }
                        }
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn a_16_bit_gate_has_a_16_bit_entry_point() {
    let mut bench = Bench::new();
    for kind in [CALL_GATE32, CALL_GATE16] {
        for op in [transfers(SPARE, 0)[0], transfers(SPARE, 0)[2]] {
            let mut world = World::ring(0);
            // The upper half would lead into the second 64 KiB.
            world.set_descriptor(SPARE, gate(kind, code(0), 0x1_0000 | ENTRY, 0));
            world.spin(0x1_0000 | ENTRY);
            bench.check(&world, op, || format!("gate {kind:02x}"));
        }
    }
    bench.finish(4);
}

/// SDM vol. 3A §5.8.5: the stack switch of a call gate, with its parameters.
#[test]
fn call_gates_copy_their_parameters() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for kind in [CALL_GATE32, CALL_GATE16] {
        for parameters in 0..32 {
            for r in 1..4 {
                for inner in 0..r {
                    let mut world = World::ring(r);
                    let values: Vec<u32> = (0..40).map(|n| 0x0101_0101 * (n + 1)).collect();
                    world.push_all(&values, true);
                    world.set_descriptor(SPARE, gate(kind | DPL3, code(inner), ENTRY, parameters));
                    cases += 1;
                    bench.check(&world, transfers(SPARE, 0)[2], || {
                        format!("{parameters} parameters, gate {kind:02x}, ring {r} to {inner}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn call_gates_check_the_new_stack() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let call = transfers(SPARE, 0)[2];
    for r in 1..4 {
        for inner in 0..r {
            let mut world = World::ring(r);
            world.set_descriptor(SPARE, gate(CALL_GATE32 | DPL3, code(inner), ENTRY, 2));
            for selector in [
                0,
                3,
                BEYOND | inner as u16,
                data(inner) ^ 1,
                IN_LDT | inner as u16,
            ] {
                let mut world = world.clone();
                world.put16(TSS_A + 8 + 8 * inner as u32, selector);
                cases += 1;
                bench.check(&world, call, || format!("SS {selector:04x}, ring {r} to {inner}"));
            }
            for access in 0..=255 {
                let mut world = world.clone();
                world.set_descriptor(SPARE2, flat(access | 1));
                world.put16(TSS_A + 8 + 8 * inner as u32, SPARE2 | inner as u16);
                cases += 1;
                bench.check(&world, call, || {
                    format!("stack {access:02x}, ring {r} to {inner}")
                });
            }
        }
    }
    for kind in [CALL_GATE32, CALL_GATE16] {
        for big in [0, 4] {
            for pointer in 0..48 {
                let mut world = World::ring(3);
                world.push_all(&[1, 2, 3, 4, 5], true);
                world.set_descriptor(SPARE, gate(kind | DPL3, code(0), ENTRY, 3));
                world.set_descriptor(SPARE2, segment(0x10000, 0xfff, 0x93, big));
                world.put32s(TSS_A + 4, &[pointer, SPARE2 as u32]);
                cases += 1;
                bench.check(&world, call, || {
                    format!("ESP {pointer}, gate {kind:02x}, big {big}")
                });
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn calls_without_a_stack_switch_need_room_on_the_stack() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for wide in [false, true] {
        for big in [0, 4] {
            for pointer in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x1000, 0x1002, 0x1004] {
                let mut world = World::ring(0);
                world.set_gate(vector::SS, gate(TASK_GATE, TASK_C, 0, 0));
                world.s.seg[sreg::SS] = loaded(SPARE3, segment(0x10000, 0xfff, 0x93, big));
                world.s.gpr[gpr::ESP] = pointer;
                let call = Op::Call {
                    selector: code(0),
                    offset: TARGET,
                    wide,
                };
                cases += 1;
                bench.check(&world, call, || format!("ESP {pointer:x} big {big}"));
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn real_mode_transfers_take_any_selector_and_check_the_offset() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for selector in [0x0a40, 0x0a00, 0, 0x0940] {
        for offset in [0, 0x10, 0x400, 0xfffe, 0x1_0000] {
            for op in transfers(selector, offset) {
                let mut world = World::real();
                world.mem[0x9000..0xb000].copy_from_slice(&[0xeb, 0xfe].repeat(0x1000));
                world.spin(0xfffe);
                world.mem[0x10000..0x1b000].copy_from_slice(&[0xeb, 0xfe].repeat(0x5800));
                let wide = matches!(op, Op::Jump { wide: true, .. } | Op::Call { wide: true, .. });
                if (selector == 0 && offset < 0xfffe) || (!wide && offset > 0xffff) {
                    continue;
                }
                cases += 1;
                bench.check(&world, op, || "real mode".into());
            }
        }
    }
    bench.finish(cases);
}
