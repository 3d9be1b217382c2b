//! Programs of several instructions: the fast system calls, and a way through all modes and back.

use crate::{
    bench::Bench,
    model::{Model, gp},
    op::Op,
    state::{Reg, control, flag, gpr, sreg},
    world::*,
};

const TICKS: u64 = 100;

/// mov ecx, number; mov eax, value; mov edx, 0; wrmsr
fn wrmsr(number: u32, value: u32) -> Vec<u8> {
    let mut bytes = vec![0xb9];
    bytes.extend(number.to_le_bytes());
    bytes.push(0xb8);
    bytes.extend(value.to_le_bytes());
    bytes.extend([0xba, 0, 0, 0, 0, 0x0f, 0x30]);
    bytes
}

/// Ring 0 sets the three registers of SYSENTER and returns to ring `r` at [`TARGET`], where `last` is.
fn fast_call(r: u8, selector: u32, last: &[u8]) -> (World, World) {
    let mut world = World::ring(0);
    if r > 0 {
        world.push_all(&[data(r) as u32, stack(r) - 0x800], true);
    }
    world.push_all(&[flag::ONE | flag::IF, code(r) as u32, TARGET], true);
    let before = world.clone();
    let mut program = wrmsr(0x175, stack(0) - 0x600);
    program.extend(wrmsr(0x176, ENTRY));
    program.extend(wrmsr(0x174, selector));
    // The pointer and address that SYSEXIT takes: mov ecx, ...; mov edx, ...
    program.push(0xb9);
    program.extend((stack(3) - 0x700).to_le_bytes());
    program.push(0xba);
    program.extend(START_B.to_le_bytes());
    program.push(0xcf);
    world.put(CODE, &program);
    world.put(TARGET, last);
    let mut arrived = Model::run(&before, &Op::Iret { wide: true });
    // Model::run puts nothing into memory but what the instruction does.
    arrived.mem = world.mem.clone();
    arrived.s.gpr[gpr::EAX] = selector;
    arrived.s.gpr[1] = stack(3) - 0x700;
    arrived.s.gpr[gpr::EDX] = START_B;
    (world, arrived)
}

/// A flat segment as SYSENTER and SYSEXIT make it up: no descriptor is read.
fn made_up(selector: u32, access: u16) -> Reg {
    Reg {
        selector: selector as u16,
        attr: 0xc000 | access,
        base: 0,
        limit: u32::MAX,
    }
}

/// SDM vol. 2B "SYSENTER", "SYSEXIT".
#[test]
fn sysenter_and_sysexit_from_every_ring() {
    let mut bench = Bench::new();
    for r in 0..4 {
        for selector in [0, 8, 0x0b] {
            let (world, arrived) = fast_call(r, selector, &[0x0f, 0x34]);
            let wanted = if selector == 0 {
                Model::fault(&arrived, gp(0))
            } else {
                let mut wanted = arrived;
                let s = &mut wanted.s;
                s.seg[sreg::CS] = made_up(8, 0x9b);
                s.seg[sreg::SS] = made_up(0x10, 0x93);
                (s.eip, s.gpr[gpr::ESP], s.cpl) = (ENTRY, stack(0) - 0x600, 0);
                s.eflags &= !flag::IF;
                wanted
            };
            bench.expect(&world, None, &wanted, TICKS, || {
                format!("sysenter, ring {r}, CS {selector:x}")
            });

            let (world, arrived) = fast_call(r, selector, &[0x0f, 0x35]);
            let wanted = if selector == 0 || r != 0 {
                Model::fault(&arrived, gp(0))
            } else {
                let mut wanted = arrived;
                let s = &mut wanted.s;
                s.seg[sreg::CS] = made_up(0x1b, 0xfb);
                s.seg[sreg::SS] = made_up(0x23, 0xf3);
                (s.eip, s.gpr[gpr::ESP], s.cpl) = (START_B, stack(3) - 0x700, 3);
                wanted
            };
            bench.expect(&world, None, &wanted, TICKS, || {
                format!("sysexit, ring {r}, CS {selector:x}")
            });
        }
    }
    bench.finish(4 * 3 * 2);
}

/// SDM vol. 3A §9.9.1, §9.9.2: real mode, protected mode of 32 bits, ring 3, virtual-8086 mode, ring 0, and real mode
/// again, each entered by the program itself.
#[test]
fn a_program_goes_through_all_modes_and_back() {
    let mut world = World::real();
    let (descriptors, result) = (0x1_d000, 0x1_e000);
    // Real mode, 16-bit code at 0800:0000: DS is 1D00h.
    world.s.seg[sreg::DS] = Reg::real((descriptors >> 4) as u16, 0);
    world.put(descriptors, &GDT_LIMIT.to_le_bytes());
    world.put32(descriptors + 2, GDT);
    world.put(descriptors + 8, &0x7ffu16.to_le_bytes());
    world.put32(descriptors + 10, IDT);
    let task = segment(TSS_A, 0x2ff, 0x89, 0);
    world.set_descriptor(TASK_A, task);
    world.set_gate(0x40, gate(INTERRUPT_GATE32 | DPL3, code(0), ENTRY, 0));
    world.set_gate(0x41, gate(INTERRUPT_GATE32 | DPL3, code(0), ENTRY + 0x80, 0));
    // 16-bit code from 8000h, to leave protected mode from.
    world.set_descriptor(SPARE, segment(CODE, 0xffff, 0x9b, 0));
    world.set_descriptor(SPARE2, segment(0, 0xffff, 0x93, 0));
    let program: &[&[u8]] = &[
        &[0xfa],                               // cli
        &[0x66, 0x0f, 0x01, 0x16, 0, 0],       // o32 lgdt [0]
        &[0x66, 0x0f, 0x01, 0x1e, 8, 0],       // o32 lidt [8]
        &[0x0f, 0x20, 0xc0],                   // mov eax, cr0
        &[0x0c, 1],                            // or al, 1
        &[0x0f, 0x22, 0xc0],                   // mov cr0, eax
        &[0x66, 0xea, 0x00, 0xa1, 0, 0, 8, 0], // jmp 0008:0000A100h
    ];
    world.put(CODE, &program.concat());
    let protected: &[&[u8]] = &[
        &[0x66, 0xb8, 0x10, 0],       // mov ax, 10h
        &[0x8e, 0xd8],                // mov ds, ax
        &[0x8e, 0xd0],                // mov ss, ax
        &[0xbc, 0x00, 0x10, 0x01, 0], // mov esp, 11000h
        &[0x66, 0xb8, 0x48, 0],       // mov ax, 48h
        &[0x0f, 0x00, 0xd8],          // ltr ax
        &[0x6a, 0x43],                // push 43h: SS of ring 3
        &[0x68, 0x00, 0x60, 0x01, 0], // push 16000h
        &[0x6a, 0x02],                // push 2: EFLAGS
        &[0x6a, 0x3b],                // push 3Bh: CS of ring 3
        &[0x68, 0x00, 0xa4, 0, 0],    // push A400h
        &[0xcf],                      // iretd, to ring 3
    ];
    world.put(START_B, &protected.concat());
    // Ring 3: int 40h.
    world.put(TARGET, &[0xcd, 0x40]);
    // Ring 0: into virtual-8086 mode at 0A30:0000.
    let handler: &[&[u8]] = &[
        &[0xc7, 0x05, 0x00, 0xe0, 0x01, 0, 3, 0, 0, 0], // mov dword [1E000h], 3
        &[0x6a, 0, 0x6a, 0, 0x6a, 0, 0x6a, 0],          // push 0, four times: GS, FS, DS, ES
        &[0x68, 0x00, 0x16, 0, 0],                      // push 1600h: SS
        &[0x68, 0x00, 0x08, 0, 0],                      // push 800h: ESP
        &[0x68, 0x02, 0x30, 0x02, 0],                   // push 23002h: VM, IOPL 3
        &[0x68, 0x30, 0x0a, 0, 0],                      // push 0A30h: CS
        &[0x6a, 0],                                     // push 0
        &[0xcf],                                        // iretd
    ];
    // DS is null after a stay in an outer ring or in virtual-8086 mode: mov ax, 10h; mov ds, ax.
    let load: &[u8] = &[0x66, 0xb8, 0x10, 0, 0x8e, 0xd8];
    world.put(ENTRY, &[load, &handler.concat()].concat());
    // Virtual-8086 mode: int 41h.
    world.put(0xa300, &[0xcd, 0x41]);
    // Ring 0: to 16 bits, PE off, and real mode at 0940:0000.
    let leave: &[&[u8]] = &[
        &[0xc7, 0x05, 0x04, 0xe0, 0x01, 0, 5, 0, 0, 0], // mov dword [1E004h], 5
        &[0xea, 0x00, 0x01, 0, 0, 0x80, 0],             // jmp 0080:00000100h
    ];
    world.put(ENTRY + 0x80, &[load, &leave.concat()].concat());
    let sixteen: &[&[u8]] = &[
        &[0xb8, 0x88, 0],          // mov ax, 88h: 64 KiB of data
        &[0x8e, 0xd8, 0x8e, 0xd0], // mov ds, ax; mov ss, ax
        &[0x0f, 0x20, 0xc0],       // mov eax, cr0
        &[0x24, 0xfe],             // and al, ~1
        &[0x0f, 0x22, 0xc0],       // mov cr0, eax
        &[0xea, 0, 0, 0x40, 0x09], // jmp 0940:0000
    ];
    world.put(CODE + 0x100, &sixteen.concat());
    world.spin(0x9400);

    let mut bench = Bench::new();
    let mut wanted = world.clone();
    wanted.put32s(result, &[3, 5]);
    wanted.set_descriptor(TASK_A, task | 2 << 40);
    // What the stacks held: the way into ring 3, the frame of INT 40h and the way into virtual-8086 mode under it, and
    // the frame of INT 41h over both.
    wanted.put32s(0x1_1000 - 20, &[0xa400, 0x3b, 2, 0x1_6000, 0x43]);
    let top = stack(0) - 0x400;
    wanted.put32s(top - 20, &[TARGET + 2, 0x3b, 2, 0x1_6000, 0x43]);
    wanted.put32s(top - 56, &[0, 0xa30, 0x2_3002, 0x800, 0x1600, 0, 0, 0, 0]);
    wanted.put32s(top - 36, &[2, 0xa30, 0x2_3002, 0x800, 0x1600, 0, 0, 0, 0]);
    let s = &mut wanted.s;
    s.gpr[gpr::EAX] = control::ET | control::NE;
    s.gpr[gpr::ESP] = top - 36;
    s.eip = 0;
    // AND: EAX is 30h, whose low byte has two ones. IOPL is still virtual-8086 mode's: no gate clears it.
    s.eflags = flag::ONE | flag::IOPL | 1 << 2;
    s.seg[sreg::CS] = Reg::real(0x940, 0);
    for register in [sreg::SS, sreg::DS] {
        s.seg[register] = loaded(SPARE2, segment(0, 0xffff, 0x93, 0));
    }
    for register in [sreg::ES, sreg::FS, sreg::GS] {
        s.seg[register] = Reg::unusable(0);
    }
    (s.gdtr.base, s.gdtr.limit) = (GDT, GDT_LIMIT);
    (s.idtr.base, s.idtr.limit) = (IDT, 0x7ff);
    s.tr = loaded(TASK_A, task | 2 << 40);
    bench.expect(&world, None, &wanted, TICKS, || "all modes".into());
    bench.finish(1);
}
