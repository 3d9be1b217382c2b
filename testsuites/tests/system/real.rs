//! Real mode: interrupts and exceptions, their table and their stack: SDM vol. 3A §20.1.4, table 20-1.

use crate::{
    bench::Bench,
    op::Op,
    state::{Table, flag, gpr, sreg},
    world::*,
};

#[test]
fn every_vector_by_instruction_and_from_outside() {
    let mut bench = Bench::new();
    for n in 0..=255 {
        for flags in [flag::IF, flag::IF | flag::DF | flag::STATUS | flag::NT | flag::AC] {
            let mut world = World::real();
            world.s.eflags |= flags;
            let mut landing = HANDLERS;
            while landing < HANDLERS + 0x200 {
                world.spin(landing);
                landing += 16;
            }
            for op in [Op::Int(n), Op::External(n)] {
                bench.check(&world, op, || format!("flags {flags:x}"));
            }
        }
    }
    bench.finish(256 * 2 * 2);
}

#[test]
fn exceptions_push_no_error_code() {
    let mut bench = Bench::new();
    let far = |offset| Op::Jump {
        selector: 0x0a00,
        offset,
        wide: true,
    };
    for op in [Op::Undefined, far(0x1_0000), Op::Into, Op::Int3, Op::Int1] {
        for overflow in [0, 1 << 11] {
            let mut world = World::real();
            world.s.eflags |= overflow;
            bench.check(&world, op, || format!("OF {overflow:x}"));
        }
    }
    bench.finish(10);
}

#[test]
fn the_table_may_be_anywhere_and_ends_with_its_limit() {
    let mut bench = Bench::new();
    for limit in [0x3ff, 0x103, 0x102, 0x101, 0x100, 0xff, 0x37, 0x23, 0x22, 0x17, 0] {
        for base in [0, 0x1_e000] {
            let mut world = World::real();
            for at in 0..0x400 {
                world.mem[base + at] = world.mem[at];
            }
            world.s.idtr = Table {
                base: base as u32,
                limit,
            };
            world.s.eflags |= flag::IF;
            // Vector 40h ends with byte 103h; #GP with 37h; #DF with 23h.
            for op in [Op::Int(0x40), Op::External(0x40), Op::Undefined] {
                bench.check(&world, op, || format!("table at {base:x}, limit {limit:x}"));
            }
        }
    }
    bench.finish(11 * 2 * 3);
}

/// SDM vol. 3A §6.15 "Interrupt 12": pushes wrap at 64 KiB, but a value may not straddle the end.
#[test]
fn the_frame_wraps_or_shuts_down() {
    let mut bench = Bench::new();
    for pointer in [0, 1, 2, 3, 4, 5, 6, 7, 0xffff, 0x1_0002] {
        for op in [Op::Int(0x40), Op::External(0x40), Op::Undefined, Op::Int3] {
            let mut world = World::real();
            world.s.seg[sreg::SS] = crate::state::Reg::real(0x0c00, 0);
            world.s.eflags |= flag::IF;
            world.s.gpr[gpr::ESP] = pointer;
            bench.check(&world, op, || format!("ESP {pointer:x}"));
        }
    }
    bench.finish(40);
}

/// Unreal mode: limits and D/B outlive protected mode (SDM vol. 3A §9.9.2).
#[test]
fn large_limits_stay_in_real_mode() {
    let mut bench = Bench::new();
    let mut cases = 0;
    for big in [0, 4] {
        for op in [Op::Int(0x40), Op::Iret { wide: true }, Op::Iret { wide: false }] {
            let mut world = World::real();
            let mut stack = loaded(0, segment(0, 0xfffff, 0x93, 8 | big));
            stack.selector = 0x0c00;
            stack.base = 0xc000;
            world.s.seg[sreg::SS] = stack;
            world.s.gpr[gpr::ESP] = 0x1_2000;
            world.spin(0xa000);
            if let Op::Iret { wide } = op {
                // Where the pointer is depends on B.
                world.s.gpr[gpr::ESP] = if big == 0 { 0x2000 } else { 0x1_2000 };
                world.push_all(&[flag::ONE, 0x0a00, 0], wide);
                world.s.gpr[gpr::ESP] |= 0x1_0000;
            }
            cases += 1;
            bench.check(&world, op, || format!("B {big}"));
        }
    }
    bench.finish(cases);
}
