//! Events between instructions, and their order: SDM vol. 3A §6.7 (NMI), §6.8 (masking), §6.9 (priorities), vol. 3B
//! §17.3.1.1 (RF in images).

use crate::{
    bench::{BOARD_INTERRUPT, Bench, Events, FIRST_WRITE_IS_NMI, THIRD_WRITE_INTERRUPTS},
    model::Model,
    op::Op,
    state::{flag, gpr, vector},
    world::*,
};

/// The vector of interrupts under test.
const N: u8 = 0x40;
const TICKS: u64 = 70;

const INTERRUPT: Events = Events {
    interrupt: Some(N),
    nmi: false,
};

/// Interrupts on, and a gate for them.
fn open(r: u8) -> World {
    let mut world = World::ring(r);
    world.s.eflags |= flag::IF;
    world.set_gate(N, gate(INTERRUPT_GATE32, code(0), ENTRY, 0));
    world
}

/// What `event` does to `world`.
fn after(world: &World, number: u8) -> World {
    Model::run(world, &Op::External(number))
}

#[test]
fn sti_holds_off_interrupts_for_an_instruction_and_cli_for_good() {
    let mut bench = Bench::new();
    // sti; inc eax / sti; cli / nop
    let programs: [(&[u8], u32, bool); 3] = [
        (&[0xfb, 0x40], 1, true),
        (&[0xfb, 0xfa], 0, false),
        (&[0x90], 0, false),
    ];
    for (bytes, added, taken) in programs {
        let mut world = open(0);
        world.s.eflags &= !flag::IF;
        world.put(CODE, bytes);
        world.spin(CODE + bytes.len() as u32);
        let mut wanted = world.clone();
        wanted.s.eip += bytes.len() as u32;
        wanted.s.gpr[gpr::EAX] += added;
        if taken {
            // A0A1A2A4h: SF; its low byte has an odd number of ones.
            wanted.s.eflags |= flag::IF | 0x80;
            wanted = after(&wanted, N);
        }
        bench.expect_events(&world, INTERRUPT, &wanted, TICKS, || format!("{bytes:02x?}"));
    }
    bench.finish(3);
}

#[test]
fn loading_ss_holds_off_interrupts_for_an_instruction() {
    let mut bench = Bench::new();
    // sti; mov ss, ax; nop / sti; pop ss; nop / sti; sti; mov ss, ax; nop
    let programs: [&[u8]; 3] = [
        &[0xfb, 0x8e, 0xd0, 0x90],
        &[0xfb, 0x17, 0x90],
        &[0xfb, 0xfb, 0x8e, 0xd0, 0x90],
    ];
    for program in programs {
        let mut world = open(0);
        world.s.eflags &= !flag::IF;
        world.s.gpr[gpr::EAX] = data(0) as u32;
        world.push_all(&[data(0) as u32], true);
        world.put(CODE, program);
        world.spin(CODE + program.len() as u32);
        let mut done = world.clone();
        done.s.eip += program.len() as u32;
        done.s.eflags |= flag::IF;
        if program[1] == 0x17 {
            done.s.gpr[gpr::ESP] += 4;
        }
        if program[1] == 0xfb {
            // The second STI finds IF set and holds nothing off: the interrupt comes before MOV SS.
            done.s.eip = CODE + 2;
        }
        let wanted = after(&done, N);
        bench.expect_events(&world, INTERRUPT, &wanted, TICKS, || format!("{program:02x?}"));
    }
    bench.finish(3);
}

#[test]
fn nmi_goes_before_interrupts_and_does_not_ask_for_if() {
    let mut bench = Bench::new();
    for interrupt in [None, Some(N)] {
        for masked in [false, true] {
            for r in [0, 3] {
                let mut world = open(r);
                if masked {
                    world.s.eflags &= !flag::IF;
                }
                world.spin(CODE);
                let wanted = after(&world, vector::NMI);
                let events = Events { interrupt, nmi: true };
                bench.expect_events(&world, events, &wanted, TICKS, || {
                    format!("{interrupt:?}, masked {masked}, ring {r}")
                });
            }
        }
    }
    bench.finish(8);
}

/// SDM vol. 3A §6.9: the trap of the previous instruction comes before an interrupt, which then comes before the first
/// instruction of its handler, where that leaves IF alone.
#[test]
fn a_debug_trap_goes_before_an_interrupt() {
    let mut bench = Bench::new();
    for kind in [INTERRUPT_GATE32, TRAP_GATE32] {
        let mut world = open(3);
        world.s.eflags = flag::ONE | flag::TF;
        world.set_gate(vector::DB, gate(kind, code(0), HANDLERS + 16, 0));
        // popf: sets IF with TF on.
        world.push_all(&[flag::ONE | flag::IF | flag::TF], true);
        world.s.eflags |= flag::IOPL;
        world.put(CODE, &[0x9d]);
        world.spin(CODE + 1);
        let mut done = world.clone();
        done.s.eip += 1;
        done.s.gpr[gpr::ESP] += 4;
        done.s.eflags |= flag::IF;
        done.s.dr[6] |= 1 << 14;
        let mut wanted = Model::debug(&done, false);
        if kind == TRAP_GATE32 {
            wanted = after(&wanted, N);
        }
        bench.expect_events(&world, INTERRUPT, &wanted, TICKS, || format!("gate {kind:02x}"));
    }
    bench.finish(2);
}

/// The image has RF set if the rest of a repeated instruction is still to come.
#[test]
fn rf_in_the_image_of_an_interrupted_rep() {
    let mut bench = Bench::new();
    // rep movsb, stopped by a breakpoint on its destination after element 3 of 5, or of 3.
    for count in [5u32, 3] {
        let mut world = World::ring(0);
        let (from, to) = (0x1_d000, 0x1_e000);
        world.put(from, b"abcdefgh");
        world.s.gpr[1] = count;
        (world.s.gpr[6], world.s.gpr[7]) = (from, to);
        world.s.dr[0] = to + 2;
        world.s.dr[7] = 0x400 | 2 | 1 << 16;
        world.put(CODE, &[0xf3, 0xa4]);
        world.spin(CODE + 2);
        let mut done = world.clone();
        done.put(to, b"abc");
        done.s.gpr[1] = count - 3;
        (done.s.gpr[6], done.s.gpr[7]) = (from + 3, to + 3);
        done.s.dr[6] |= 1;
        let ended = count == 3;
        if ended {
            done.s.eip += 2;
        }
        let wanted = Model::debug(&done, !ended);
        bench.expect(&world, None, &wanted, TICKS, || format!("{count} elements"));
    }
    // rep outsb: the third write makes the board interrupt.
    for count in [5u32, 3] {
        let mut world = open(0);
        let from = 0x1_d000;
        world.put(from, b"abcdefgh");
        world.s.gpr[1] = count;
        world.s.gpr[6] = from;
        world.s.gpr[gpr::EDX] = THIRD_WRITE_INTERRUPTS as u32;
        world.put(CODE, &[0xf3, 0x6e]);
        world.spin(CODE + 2);
        let mut done = world.clone();
        done.s.gpr[1] = count - 3;
        done.s.gpr[6] = from + 3;
        let ended = count == 3;
        if ended {
            done.s.eip += 2;
        }
        // RF is in the image, not in the register.
        let image = if ended { 0 } else { flag::RF };
        let mut wanted = after(&done, BOARD_INTERRUPT);
        let at = wanted.s.gpr[gpr::ESP] + 8;
        let flags = wanted.get32(at) | image;
        wanted.put32(at, flags);
        bench.expect(&world, None, &wanted, TICKS, || {
            format!("{count} elements of outs")
        });
    }
    bench.finish(4);
}

/// IRETD with that image goes on with the rest, breakpoint or not.
#[test]
fn a_rep_that_returns_with_rf_goes_on_over_its_own_breakpoint() {
    let mut bench = Bench::new();
    for armed in [0, 2] {
        let mut world = World::ring(0);
        let (from, to) = (0x1_d000, 0x1_e000);
        world.put(from, b"abcdefgh");
        world.s.gpr[1] = 8;
        (world.s.gpr[6], world.s.gpr[7]) = (from, to);
        world.s.dr[0] = TARGET;
        world.s.dr[7] = 0x400 | armed;
        world.push_all(&[flag::ONE | flag::RF, code(0) as u32, TARGET], true);
        world.put(CODE, &[0xcf]);
        world.put(TARGET, &[0xf3, 0xa4, 0xeb, 0xfe]);
        let mut wanted = world.clone();
        wanted.put(to, b"abcdefgh");
        wanted.s.gpr[gpr::ESP] += 12;
        wanted.s.gpr[1] = 0;
        (wanted.s.gpr[6], wanted.s.gpr[7]) = (from + 8, to + 8);
        wanted.s.eip = TARGET + 2;
        bench.expect(&world, None, &wanted, TICKS, || format!("DR7 {armed:x}"));
    }
    bench.finish(2);
}

/// SDM vol. 3A §6.7.1: an NMI waits until IRET has ended the handling of the last one.
#[test]
fn a_second_nmi_waits_for_iret() {
    let mut bench = Bench::new();
    for returns in [false, true] {
        let mut world = World::ring(0);
        world.spin(CODE);
        let handler = HANDLERS + 16 * vector::NMI as u32;
        // Another NMI by a port, then jmp $, or IRETD: then the handler runs again, with no port left to write.
        let port = FIRST_WRITE_IS_NMI as u32;
        world.s.gpr[gpr::EDX] = port;
        let end: &[u8] = if returns { &[0xcf] } else { &[0xeb, 0xfe] };
        // inc ecx; out dx, al; iretd
        world.put(handler, &[0x41, 0xee]);
        world.put(handler + 2, end);
        let mut wanted = world.clone();
        let entered = after(&wanted, vector::NMI);
        if returns {
            // Twice in, twice out: the frames are gone, their words are still there.
            wanted.mem = entered.mem;
            wanted.s.gpr[1] += 2;
        } else {
            wanted = entered;
            wanted.s.eip += 2;
            wanted.s.gpr[1] += 1;
        }
        // INC's flags: ECX is C0C1C2C4h or C5h, negative; C5h has an even number of ones.
        if returns {
            wanted.s.eflags = world.s.eflags;
        } else {
            wanted.s.eflags |= 0x80;
        }
        let events = Events {
            interrupt: None,
            nmi: true,
        };
        bench.expect_events(&world, events, &wanted, TICKS, || format!("IRET {returns}"));
    }
    bench.finish(2);
}

#[test]
fn hlt_ends_with_an_interrupt_whose_frame_points_behind_it() {
    let mut bench = Bench::new();
    let mut world = open(0);
    // sti; hlt: STI's shadow lets HLT begin, the interrupt ends it.
    world.s.eflags &= !flag::IF;
    world.put(CODE, &[0xfb, 0xf4]);
    let mut done = world.clone();
    done.s.eip += 2;
    done.s.eflags |= flag::IF;
    let wanted = after(&done, N);
    bench.expect_events(&world, INTERRUPT, &wanted, TICKS, || "sti; hlt".into());
    bench.finish(1);
}

/// SDM vol. 2A "HLT", vol. 3B §17.3.1.4: a step over HLT traps behind it.
#[test]
fn a_step_over_hlt_does_not_halt() {
    let mut bench = Bench::new();
    let mut world = World::ring(0);
    world.s.eflags |= flag::TF;
    world.put(CODE, &[0xf4, 0xeb, 0xfe]);
    let mut done = world.clone();
    done.s.eip += 1;
    done.s.dr[6] |= 1 << 14;
    let wanted = Model::debug(&done, false);
    bench.expect(&world, None, &wanted, TICKS, || "hlt".into());
    bench.finish(1);
}
