//! Page faults of the processor's own accesses: descriptors, and frames on stacks that are not there: SDM vol. 3A §4.6,
//! §6.15 "Interrupt 8" and "Interrupt 14".

use crate::{
    bench::{Bench, Outcome},
    model::{Exception, Model},
    op::Op,
    paging::{A, D, DIRECTORY, LOW_TABLE, P, RW, page_fault, paged},
    state::{control, gpr, sreg, vector},
    world::*,
};

/// SDM vol. 3A §4.6: the processor's own accesses to tables are those of a supervisor, whatever the CPL.
#[test]
fn accesses_to_system_tables_are_supervisor_accesses() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let page_of = |addr: u32| LOW_TABLE + 4 * (addr >> 12);
    for r in [0, 3] {
        for wp in [0, control::WP] {
            for (name, entry) in [
                ("absent", 0),
                ("supervisor", P | RW | A | D),
                ("read-only", P | A | D),
            ] {
                // GDT, IDT and TSS share pages 1 to 3; handlers and code stay open.
                let mut world = paged(r);
                world.s.cr0 |= wp;
                // A second GDT in a page of its own, with a data segment that was not accessed.
                let gdt = 0x1_d000;
                for n in 0..0x200 {
                    world.mem[(gdt + n) as usize] = world.mem[(GDT + n) as usize];
                }
                let unused = flat(0x92 | r << 5);
                world.put64(gdt + SPARE as u32, unused);
                world.s.gdtr.base = gdt;
                world.put32(page_of(gdt), gdt | entry);
                // The page fault's own gate must not need the GDT that is absent: it is a task's, then.
                let op = Op::LoadSegment {
                    register: sreg::GS,
                    selector: SPARE | r as u16,
                };
                world.s.gpr[gpr::EAX] = (SPARE | r as u16) as u32;
                if entry == 0 {
                    // No handler can be reached: #PF, then #PF for the GDT again, #DF, shutdown.
                    world.put(CODE, &op.bytes(&world.s));
                    let mut wanted = world.clone();
                    wanted.s.shutdown = true;
                    wanted.s.cr2 = gdt + code(0) as u32;
                    cases += 1;
                    bench.expect(&world, None, &wanted, 70, || format!("{name} GDT, ring {r}"));
                    continue;
                }
                let denied = entry & RW == 0 && wp != 0;
                cases += 1;
                let loads = |w: &mut World| {
                    w.s.seg[sreg::GS] = loaded(SPARE | r as u16, unused | 1 << 40);
                    w.mem[(gdt + SPARE as u32 + 5) as usize] |= 1;
                };
                let outcome: Outcome<'_> = if denied { Err(page_fault(3)) } else { Ok(&loads) };
                if denied {
                    world.s.cr2 = gdt + SPARE as u32 + 5;
                }
                bench.check_bytes(&world, &op.bytes(&world.s), outcome, || {
                    format!("{name} GDT, WP {wp:x}, ring {r}")
                });
            }
        }
    }
    bench.finish(cases);
}

/// SDM vol. 3A §6.15: exceptions while the frame of another one is pushed onto a page that is not there.
#[test]
fn page_faults_during_delivery_are_delivered_or_double() {
    let mut bench = Bench::new();
    let mut cases = 0;
    let stack_top = stack(0) - 0x400;
    let stack_page = (stack_top - 1) & !0xfff;
    // Only the last is itself a page fault: with it, the second is a double fault.
    let events: [(&str, &[u8], bool); 4] = [
        ("#UD", &[0x0f, 0x0b], false),
        ("#GP", &[0xea, 0, 0, 0, 0, 0, 0], false),
        ("INT n", &[0xcd, 0x40], false),
        ("#PF", &[0x8a, 0x03], true),
    ];
    for (name, bytes, pages) in events {
        for handler in ["task", "same stack", "nothing"] {
            let mut world = paged(3);
            world.set_gate(0x40, gate(INTERRUPT_GATE32 | DPL3, code(0), ENTRY, 0));
            world.put32(LOW_TABLE + 4 * (stack_page >> 12), 0);
            world.put(CODE, bytes);
            match handler {
                "task" => {
                    // Only page faults are a task; the double fault is another's.
                    world.set_gate(vector::PF, gate(TASK_GATE, TASK_B, 0, 0));
                    world.set_gate(vector::DF, gate(TASK_GATE, TASK_C, 0, 0));
                    if pages {
                        world.set_gate(vector::PF, gate(INTERRUPT_GATE32, code(0), ENTRY, 0));
                    }
                    for tss in [TSS_B, TSS_C] {
                        world.put32(tss + 0x1c, DIRECTORY);
                    }
                }
                "same stack" => {}
                _ => {
                    world.set_gate(vector::DF, 0);
                }
            }
            let mut faulting = world.clone();
            // The first push of the frame.
            faulting.s.cr2 = stack_top - 4;
            let wanted = match handler {
                "task" if pages => Model::fault(
                    &faulting,
                    Exception {
                        vector: vector::DF,
                        error: Some(0),
                    },
                ),
                "task" => Model::fault(&faulting, page_fault(2)),
                _ => {
                    faulting.s.shutdown = true;
                    faulting
                }
            };
            cases += 1;
            bench.expect(&world, None, &wanted, 70, || {
                format!("{name}, handled by {handler}")
            });
        }
    }
    bench.finish(cases);
}
