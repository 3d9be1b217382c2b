//! Task switches by all four routes, with every fault of each: SDM vol. 3A §7.2–§7.4 and table 7-1.

use crate::{
    bench::Bench,
    op::Op,
    state::{Reg, flag, gpr, sreg, vector},
    world::*,
};

/// The vector of interrupts under test.
const N: u8 = 0x40;

/// Ways to a task. Those by gate name the TSS in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Jump,
    JumpGate,
    Call,
    CallGate,
    Int,
    External,
    /// An exception without error code, and one with.
    Plain,
    WithError,
    Return,
}

const ROUTES: [Route; 9] = [
    Route::Jump,
    Route::JumpGate,
    Route::Call,
    Route::CallGate,
    Route::Int,
    Route::External,
    Route::Plain,
    Route::WithError,
    Route::Return,
];
/// One of each kind.
const FOUR: [Route; 4] = [Route::Jump, Route::Call, Route::WithError, Route::Return];

const NOWHERE: Op = Op::Jump {
    selector: 0,
    offset: 0,
    wide: true,
};

impl Route {
    /// Has `world` go to the task of `tss` this way, and returns what starts it. A return goes to a busy task.
    fn arm(self, world: &mut World, tss: u16) -> Op {
        let task_gate = gate(TASK_GATE | DPL3, tss, 0, 0);
        let jump = |selector| Op::Jump {
            selector,
            offset: 0x1234,
            wide: true,
        };
        let call = |selector| Op::Call {
            selector,
            offset: 0x1234,
            wide: true,
        };
        match self {
            Self::Jump => jump(tss),
            Self::Call => call(tss),
            Self::JumpGate | Self::CallGate => {
                world.set_descriptor(SPARE, task_gate);
                if self == Self::JumpGate {
                    jump(SPARE)
                } else {
                    call(SPARE)
                }
            }
            Self::Int | Self::External => {
                world.set_gate(N, task_gate);
                world.s.eflags |= flag::IF;
                if self == Self::Int {
                    Op::Int(N)
                } else {
                    Op::External(N)
                }
            }
            Self::Plain => {
                world.set_gate(vector::UD, task_gate);
                Op::Undefined
            }
            Self::WithError => {
                world.set_gate(vector::GP, task_gate);
                NOWHERE
            }
            Self::Return => {
                world.s.eflags |= flag::NT;
                world.put16(TSS_A, tss);
                if tss < GDT_LIMIT && tss & 4 == 0 {
                    let raw = world.descriptor(tss);
                    world.set_descriptor(tss, raw | 2 << 40);
                }
                Op::Iret { wide: true }
            }
        }
    }
}

/// Where faults of the new task go: to ring 0 of that task, or to task C, as SDM vol. 3A §6.15 "Interrupt 10"
/// wants it.
fn with_handlers(world: &mut World, by_task: bool) {
    if by_task {
        for number in [vector::DF, vector::TS, vector::NP, vector::SS, vector::GP] {
            world.set_gate(number, gate(TASK_GATE, TASK_C, 0, 0));
        }
    }
}

#[test]
fn every_type_dpl_and_p_of_the_tss_by_every_route() {
    let mut bench = Bench::new();
    for access in 0..=255 {
        for route in ROUTES {
            for r in [0, 1, 3] {
                let mut world = World::ring(r);
                let base = if access & 8 != 0 { TSS_B } else { TSS_16 };
                let op = route.arm(&mut world, TASK_B);
                world.set_descriptor(TASK_B, segment(base, 0x67, access, 0));
                bench.check(&world, op, || format!("{route:?} to {access:02x} from ring {r}"));
            }
        }
    }
    bench.finish(256 * 9 * 3);
}

#[test]
fn limits_of_both_formats_by_every_route() {
    let mut bench = Bench::new();
    for route in ROUTES {
        for (access, base, limits) in [
            (0x89, TSS_B, [0, 0x2b, 0x66, 0x67, 0x68]),
            (0x81, TSS_16, [0, 0x1f, 0x2a, 0x2b, 0x2c]),
        ] {
            for limit in limits {
                let mut world = World::ring(0);
                world.set_descriptor(TASK_B, segment(base, limit, access, 0));
                let op = route.arm(&mut world, TASK_B);
                bench.check(&world, op, || {
                    format!("{route:?} to {access:02x}, limit {limit:x}")
                });
            }
        }
    }
    bench.finish(9 * 10);
}

#[test]
fn selectors_null_local_and_beyond_by_every_route() {
    let mut bench = Bench::new();
    for route in ROUTES {
        for selector in [
            0,
            3,
            4,
            IN_LDT,
            BEYOND,
            0xfff8,
            TASK_B | 3,
            TASK_A,
            code(0),
            LOCAL,
        ] {
            for busy in [0x89, 0x8b] {
                let mut world = World::ring(0);
                // A TSS in the LDT is none.
                world.put64(LDT + 8, segment(TSS_B, 0x67, busy, 0));
                // Where a far pointer that names code leads.
                world.spin(0x1234);
                let op = route.arm(&mut world, selector);
                bench.check(&world, op, || format!("{route:?} to {selector:04x}"));
            }
        }
    }
    bench.finish(9 * 10 * 2);
}

#[test]
fn from_and_to_tasks_of_both_formats_in_both_directions() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for route in ROUTES {
        for from_16 in [false, true] {
            for to in [TASK_B, TASK_16] {
                for flags in [0, flag::STATUS | flag::DF, flag::IOPL | flag::AC | flag::ID] {
                    for r in [0, 3] {
                        let mut world = World::ring(r);
                        if from_16 {
                            world.s.tr = loaded(TASK_A, segment(TSS_A, 0x2ff, 0x83, 0));
                            world.set_descriptor(TASK_A, segment(TSS_A, 0x2ff, 0x83, 0));
                            for inner in 0..3u8 {
                                world.put16(TSS_A + 2 + 4 * inner as u32, 0x8000);
                                world.put16(TSS_A + 4 + 4 * inner as u32, data(inner));
                            }
                        }
                        world.s.eflags |= flags;
                        let op = route.arm(&mut world, to);
                        cases += 1;
                        bench.check(&world, op, || {
                            format!("{route:?} from 16 bits {from_16} to {to:x}, flags {flags:x}, ring {r}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

/// What the new task's TSS names, one thing at a time, is any descriptor there can be.
fn every_descriptor_in(field: u32, rings: &[u8], flat_of: fn(u8) -> u64) {
    let mut bench = Bench::new();
    let mut cases = 0;
    for access in 0..=255 {
        for &r in rings {
            for rpl in 0..4 {
                for route in FOUR {
                    let mut world = World::ring(0);
                    with_handlers(&mut world, access & 1 == 0);
                    task_of_ring(&mut world, r);
                    world.set_descriptor(SPARE2, flat_of(access));
                    world.put16(TSS_B + field, SPARE2 | rpl);
                    let op = route.arm(&mut world, TASK_B);
                    cases += 1;
                    bench.check(&world, op, || {
                        format!("{access:02x} RPL {rpl} at {field:x}, ring {r}, by {route:?}")
                    });
                }
            }
        }
    }
    bench.finish(cases);
}

/// Makes task B one of ring `r`.
fn task_of_ring(world: &mut World, r: u8) {
    let data = data(r) as u32;
    world.put32s(TSS_B + 0x48, &[data, code(r) as u32, data, data, data, 0]);
}

const CS: u32 = 0x4c;
const SS: u32 = 0x50;
const ES: u32 = 0x48;
const GS: u32 = 0x5c;
const LDT_FIELD: u32 = 0x60;

#[test]
fn every_code_segment_of_the_new_task() {
    every_descriptor_in(CS, &[0], flat);
}

#[test]
fn every_stack_segment_of_the_new_task() {
    every_descriptor_in(SS, &[0, 3], flat);
}

#[test]
fn every_data_segment_of_the_new_task() {
    every_descriptor_in(ES, &[0, 3], flat);
}

#[test]
fn every_ldt_of_the_new_task() {
    every_descriptor_in(LDT_FIELD, &[0], |access| segment(LDT, LDT_LIMIT, access, 0));
}

#[test]
fn every_field_of_selectors_null_local_and_beyond() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for field in (ES..=GS).step_by(4).chain([LDT_FIELD]) {
        for selector in [
            0,
            3,
            IN_LDT,
            IN_LDT | 3,
            LDT_LIMIT as u16 + 5,
            BEYOND,
            0xfff8,
            0xffff,
        ] {
            for r in [0, 3] {
                for by_task in [false, true] {
                    for route in FOUR {
                        let mut world = World::ring(0);
                        with_handlers(&mut world, by_task);
                        task_of_ring(&mut world, r);
                        // A local code segment for CS, a data segment for the rest.
                        let access = if field == CS { 0x9b } else { 0x93 };
                        world.put64(LDT + 8, flat(access | r << 5));
                        world.put16(TSS_B + field, selector);
                        let op = route.arm(&mut world, TASK_B);
                        cases += 1;
                        bench.check(&world, op, || {
                            format!("{selector:04x} at {field:x}, ring {r}, tasks {by_task}, by {route:?}")
                        });
                    }
                }
            }
        }
    }
    bench.finish(cases);
}

#[test]
fn an_eip_beyond_the_limit_is_gp_0_in_the_new_task() {
    let mut bench = Bench::new();
    for limit in [START_B - 1, START_B + 1] {
        for route in ROUTES {
            for by_task in [false, true] {
                let mut world = World::ring(0);
                world.set_descriptor(SPARE2, segment(0, limit, 0x9b, 4));
                world.put16(TSS_B + CS, SPARE2);
                with_handlers(&mut world, by_task);
                let op = route.arm(&mut world, TASK_B);
                bench.check(&world, op, || {
                    format!("limit {limit:x} by {route:?}, tasks {by_task}")
                });
            }
        }
    }
    bench.finish(2 * 9 * 2);
}

#[test]
fn an_error_code_needs_room_on_the_new_tasks_stack() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for tss in [TASK_B, TASK_16] {
        for pointer in 0..6 {
            for route in [Route::WithError, Route::Plain] {
                let mut world = World::ring(0);
                world.set_gate(vector::SS, gate(TASK_GATE, TASK_C, 0, 0));
                world.set_gate(vector::DF, gate(TASK_GATE, TASK_C, 0, 0));
                world.set_descriptor(SPARE3, segment(0x10000, 0xfff, 0x93, 4));
                world.put16(TSS_B + SS, SPARE3);
                world.put32(TSS_B + 0x38, pointer);
                world.put16(TSS_16 + 0x26, SPARE3);
                world.put16(TSS_16 + 0x1a, pointer as u16);
                let op = route.arm(&mut world, tss);
                cases += 1;
                bench.check(&world, op, || format!("ESP {pointer} in {tss:x} by {route:?}"));
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3A §7.3: accessed bits of the new task's descriptors, TS, and the local breakpoints.
#[test]
fn a_switch_sets_accessed_bits_and_ts_and_clears_local_breakpoints() {
    let mut bench = Bench::new();
    for route in ROUTES {
        for r in [0, 3] {
            let mut world = World::ring(0);
            task_of_ring(&mut world, r);
            world.set_descriptor(SPARE2, flat(0x92 | r << 5));
            world.put16(TSS_B + GS, SPARE2 | r as u16);
            world.set_descriptor(code(r), flat(0x9a | r << 5));
            world.set_descriptor(data(r), flat(0x92 | r << 5));
            world.s.dr[7] = 0x400 | 0xff;
            world.s.dr[..4].copy_from_slice(&[0x1_f000; 4]);
            let op = route.arm(&mut world, TASK_B);
            bench.check(&world, op, || format!("{route:?} to ring {r}"));
        }
    }
    bench.finish(9 * 2);
}

/// SDM vol. 3A §20.2.2, §20.2.6: a task may be one of virtual-8086 mode.
#[test]
fn tasks_enter_and_leave_virtual_8086_mode() {
    let mut bench = Bench::new();
    for route in ROUTES {
        for flags in [flag::VM, flag::VM | flag::IOPL | flag::IF] {
            let mut world = World::ring(0);
            world.put32s(TSS_B + 0x20, &[0x100, flag::ONE | flags]);
            world.put32s(TSS_B + 0x48, &[0x1000, 0x0a00, 0x1100, 0x1200, 0x1300, 0xffff]);
            let op = route.arm(&mut world, TASK_B);
            bench.check(&world, op, || format!("{route:?} to virtual-8086 mode"));
        }
    }
    for route in [Route::Int, Route::External, Route::Plain] {
        let mut world = World::v86(3, 0);
        let op = route.arm(&mut world, TASK_B);
        bench.check(&world, op, || format!("{route:?} from virtual-8086 mode"));
    }
    bench.finish(9 * 2 + 3);
}

/// A double fault's handler can be a task, whatever has become of the stack (SDM vol. 3A §6.15 "Interrupt 8").
#[test]
fn a_double_fault_by_task_gate_survives_any_stack() {
    let mut bench = Bench::new();
    for pointer in [0, 1, 2, 3, 5, 0x1001] {
        for usable in [true, false] {
            let mut world = World::ring(0);
            world.set_gate(vector::DF, gate(TASK_GATE, TASK_C, 0, 0));
            world.s.seg[sreg::SS] = if usable {
                loaded(SPARE3, segment(0x10000, 0xfff, 0x93, 4))
            } else {
                Reg::unusable(0)
            };
            world.s.gpr[gpr::ESP] = pointer;
            for op in [Op::Undefined, NOWHERE] {
                bench.check(&world, op, || format!("ESP {pointer:x}, stack {usable}"));
            }
        }
    }
    bench.finish(6 * 2 * 2);
}
