//! Task switches under paging: page faults at each of the processor's own accesses, before anything has changed, and
//! the new task's directory: SDM vol. 3A §7.3 step 5, §7.5.

use crate::{
    bench::Bench,
    model::{Exception, Model},
    op::Op,
    paging::{A, D, DIRECTORY, LOW_TABLE, P, RW, paged},
    state::{control, flag, vector},
    world::*,
};

/// A page for the new task's TSS alone, one for the old one's, one for the GDT.
const NEW_TSS: u32 = 0x1_d000;
const OLD_TSS: u32 = 0x1_e000;
const OWN_GDT: u32 = 0x1_f000;
const TICKS: u64 = 70;

/// What the fault stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Jump,
    Call,
    Gate,
    Return,
}

/// A world whose TSSs and GDT have pages to themselves.
fn apart() -> World {
    let mut world = paged(0);
    for (from, to, len) in [
        (TSS_B, NEW_TSS, 0x68),
        (TSS_A, OLD_TSS, 0x300),
        (GDT, OWN_GDT, 0x200),
    ] {
        for n in 0..len {
            world.mem[(to + n) as usize] = world.mem[(from + n) as usize];
        }
    }
    world.put32(NEW_TSS + 0x1c, DIRECTORY);
    world.s.gdtr.base = OWN_GDT;
    let own = |selector: u16| OWN_GDT + selector as u32;
    world.put64(own(TASK_A), segment(OLD_TSS, 0x2ff, 0x8b, 0));
    world.put64(own(TASK_B), segment(NEW_TSS, 0x67, 0x89, 0));
    world.s.tr = loaded(TASK_A, segment(OLD_TSS, 0x2ff, 0x8b, 0));
    world
}

fn arm(world: &mut World, route: Route) -> Op {
    let (selector, offset, wide) = (TASK_B, 0, true);
    match route {
        Route::Jump => Op::Jump {
            selector,
            offset,
            wide,
        },
        Route::Call => Op::Call {
            selector,
            offset,
            wide,
        },
        Route::Gate => {
            world.set_gate(0x40, gate(TASK_GATE, TASK_B, 0, 0));
            Op::Int(0x40)
        }
        Route::Return => {
            world.s.eflags |= flag::NT;
            world.put16(OLD_TSS, TASK_B);
            world.put64(OWN_GDT + TASK_B as u32, segment(NEW_TSS, 0x67, 0x8b, 0));
            Op::Iret { wide: true }
        }
    }
}

#[test]
fn page_faults_of_the_switch_leave_the_old_task_as_it_was() {
    let mut bench = Bench::new();
    let routes = [Route::Jump, Route::Call, Route::Gate, Route::Return];
    for route in routes {
        for (name, page) in [("old TSS", OLD_TSS), ("new TSS", NEW_TSS), ("GDT", OWN_GDT)] {
            for (state, entry) in [
                ("absent", 0),
                ("read-only", P | A | D),
                ("supervisor", P | RW | A | D),
            ] {
                let mut world = apart();
                world.s.cr0 |= control::WP;
                let op = arm(&mut world, route);
                world.put32(
                    LOW_TABLE + 4 * (page >> 12),
                    if entry == 0 { 0 } else { page | entry },
                );
                // The handlers' task has its own directory entry to find; they are gates, which need the GDT.
                world.put(CODE, &op.bytes(&world.s));
                let nests = matches!(route, Route::Call | Route::Gate);
                let code = match (name, state) {
                    (_, "supervisor") => None,
                    // The old TSS is written; an IRET first reads its link.
                    ("old TSS", "absent") => Some((OLD_TSS, if route == Route::Return { 0 } else { 2 })),
                    ("old TSS", _) => Some((OLD_TSS, 3)),
                    ("new TSS", "absent") => Some((NEW_TSS, 0)),
                    // Only a nested task's link is written.
                    ("new TSS", _) => nests.then_some((NEW_TSS, 3)),
                    ("GDT", "absent") => continue,
                    // A call leaves the old task busy, a return the new one.
                    (_, _) if nests => Some((OWN_GDT + TASK_B as u32 + 5, 3)),
                    (_, _) => Some((OWN_GDT + TASK_A as u32 + 5, 3)),
                };
                let wanted = match code {
                    Some((addr, code)) => {
                        let mut faulting = world.clone();
                        faulting.s.cr2 = addr;
                        Model::fault(
                            &faulting,
                            Exception {
                                vector: vector::PF,
                                error: Some(code),
                            },
                        )
                    }
                    None => {
                        let mut wanted = Model::run(&world, &op);
                        wanted.s.cr3 = DIRECTORY;
                        wanted
                    }
                };
                bench.expect(&world, Some(op), &wanted, TICKS, || {
                    format!("{name} {state} by {route:?}")
                });
            }
        }
    }
    bench.finish(4 * 9 - 4);
}

#[test]
fn the_new_task_runs_under_its_own_directory_unless_it_has_16_bits() {
    let mut bench = Bench::new();
    let (other, table) = (0x1_c000, 0x1_b000);
    for route in [Route::Jump, Route::Call, Route::Gate, Route::Return] {
        let mut world = apart();
        // There, the page of START_B is another frame, whose code is `inc eax; jmp $`.
        world.put32(other, table | 0x67);
        for page in 0..RAM / 0x1000 {
            world.put32(table + 4 * page, page << 12 | 0x67);
        }
        let frame = 0x1_8000;
        world.put32(table + 4 * (START_B >> 12), frame | 0x67);
        world.put(frame + (START_B & 0xfff), &[0x40, 0xeb, 0xfe]);
        world.put32(NEW_TSS + 0x1c, other);
        let op = arm(&mut world, route);
        world.put(CODE, &op.bytes(&world.s));
        let mut wanted = Model::run(&world, &op);
        wanted.s.cr3 = other;
        wanted.s.gpr[0] += 1;
        wanted.s.eip += 1;
        // EAX is B1h: nothing but ZF, SF, PF, AF and OF could have been set, and the parity of B1h is even.
        wanted.s.eflags |= 1 << 2;
        bench.expect(&world, Some(op), &wanted, TICKS, || format!("{route:?}"));
    }
    bench.finish(4);
}
