//! Hardware task switches: SDM vol. 3A chapter 7.

use super::*;
use crate::vector::{DB, DF, GP, NP, TS, UD};

const IRETD: u8 = 0xcf;
const START_B: u32 = CODE + 0x200;
const TSS_C: u32 = 0x3c00;

/// A machine whose task B is filled in: ring 0 at `START_B`.
fn machine(code: &[u8]) -> Machine {
    let mut m = Machine::new(code);
    fill_task_b(&mut m);
    m
}

fn fill_task_b(m: &mut Machine) {
    m.put32(TSS_B + 0x20, &[START_B, 0x402]);
    let registers = [0xa0, 0xc0, 0xd0, 0xb0, 0x2_8000, 0xe0, 0xe1, 0xe2];
    m.put32(TSS_B + 0x28, &registers);
    let data = DATA0 as u32;
    m.put32(TSS_B + 0x48, &[data, CODE0 as u32, data, data, 0, 0]);
    m.put32(TSS_B + 0x60, &[LOCAL as u32, 0]);
}

fn type_of(m: &Machine, selector: u16) -> u32 {
    m.read32(GDT + selector as u32 + 4) >> 8 & 0x1f
}

#[test]
fn a_jump_to_a_tss_saves_the_old_task_and_loads_the_new_one() {
    let mut m = machine(&jmp(TASK_B, 0));
    m.state().set_gpr32(reg::EDI, 0x7777);
    m.step();
    assert_eq!(m.at(), (CODE0, START_B));
    assert_eq!((m.core().gpr32(reg::EAX), m.esp()), (0xa0, 0x2_8000));
    assert_eq!(m.flags(), Eflags::DF | Eflags::ONE);
    assert!(m.core().cr0.contains(Cr0::TS));
    assert_eq!((m.core().tr.selector, m.core().ldtr.selector), (TASK_B, LOCAL));
    assert_eq!((type_of(&m, TASK_A), type_of(&m, TASK_B)), (9, 11));
    assert_eq!(m.read32(TSS_A + 0x20), CODE + 7);
    assert_eq!(m.read32(TSS_A + 0x44), 0x7777);
    assert_eq!(m.read16(TSS_A + 0x4c), CODE0);
    assert_eq!(m.read16(TSS_B), 0, "a jump leaves no back link");
}

#[test]
fn a_call_nests_and_iret_returns() {
    let mut m = machine(&call(TASK_B, 0));
    m.put(START_B, &[IRETD]);
    m.step();
    assert!(m.flags().contains(Eflags::NT));
    assert_eq!(m.read16(TSS_B), TASK_A);
    assert_eq!((type_of(&m, TASK_A), type_of(&m, TASK_B)), (11, 11));
    m.step();
    assert_eq!(m.at(), (CODE0, CODE + 7));
    assert_eq!((type_of(&m, TASK_A), type_of(&m, TASK_B)), (11, 9));
    assert_eq!(m.read32(TSS_B + 0x24) & 0x4000, 0, "the saved NT is clear");
    assert_eq!(m.core().tr.selector, TASK_A);
}

#[test]
fn a_task_gate_in_the_gdt_and_in_the_idt_lead_to_the_task() {
    let mut m = machine(&jmp(SPARE, 0));
    m.set_descriptor(SPARE, gate(TASK_GATE, TASK_B, 0, 0));
    m.step();
    assert_eq!(m.at(), (CODE0, START_B));

    // A fault with an error code pushes it onto the new task's stack; the old task resumes at the fault, with RF.
    let mut m = machine(&jmp(0, 0));
    m.set_gate(GP, gate(TASK_GATE, TASK_B, 0, 0));
    m.step();
    assert_eq!(m.at(), (CODE0, START_B));
    assert_eq!((m.esp(), m.stack()), (0x2_7ffc, [0]));
    assert_eq!((m.read32(TSS_A + 0x20), m.read32(TSS_A + 0x24)), (CODE, 0x10002));
    assert_eq!(m.read16(TSS_B), TASK_A);
}

#[test]
fn a_16_bit_task_has_words_and_no_fs_or_gs() {
    let mut m = Machine::new(&jmp(TASK_16, 0));
    let words = [
        0x1234u16, 0x0402, 1, 2, 3, 4, 0x8000, 6, 7, 8, DATA0, CODE0_16, DATA0, DATA0, 0,
    ];
    for (n, word) in (0..).zip(words) {
        m.put(TSS_16 + 0x0e + 2 * n, &word.to_le_bytes());
    }
    m.step();
    assert_eq!(m.at(), (CODE0_16, 0x1234));
    assert_eq!(m.core().gpr32(reg::EAX), 0xffff_0001);
    assert_eq!((m.selector(seg::DS), m.selector(seg::FS)), (DATA0, 0));
    assert!(m.core().ldtr.is_null());
}

#[test]
fn the_trap_bit_of_the_new_task_raises_db_before_its_first_instruction() {
    let mut m = machine(&jmp(TASK_B, 0));
    m.put(TSS_B + 0x64, &[1]);
    m.steps(2);
    assert_eq!(m.at(), (CODE0, HANDLERS + DB as u32 * 16));
    assert_eq!(m.stack(), [START_B]);
    assert_eq!(m.core().dr[6], 0xffff_8ff0);
}

#[test]
fn the_switch_clears_the_local_breakpoints() {
    let mut m = machine(&jmp(TASK_B, 0));
    m.state().dr[7] = 0x4ff;
    m.step();
    assert_eq!(m.core().dr[7], 0x4aa);
}

#[test]
fn faults_before_the_switch_belong_to_the_old_task() {
    let check = |selector: u16, raw: u64, number, error| {
        let mut m = machine(&jmp(selector, 0));
        m.set_descriptor(SPARE, raw);
        m.faults(number, Some(error));
        assert_eq!(m.core().tr.selector, TASK_A);
    };
    let spare = SPARE as u32;
    check(SPARE, system(0x8b, TSS_B, 0x67), GP, spare);
    check(SPARE, system(0x09, TSS_B, 0x67), NP, spare);
    check(SPARE, system(0x89, TSS_B, 0x66), TS, spare);
    check(SPARE, system(0x81, TSS_B, 0x2a), TS, spare);
    check(SPARE | 3, system(0x89, TSS_B, 0x67), GP, spare);
    check(SPARE, gate(TASK_GATE & !0x80, TASK_B, 0, 0), NP, spare);
    check(SPARE, gate(TASK_GATE, 4, 0, 0), GP, 4);
    check(SPARE, gate(TASK_GATE, CODE0, 0, 0), GP, CODE0 as u32);
    check(TASK_A, 0, GP, TASK_A as u32);
}

#[test]
fn bad_segments_fault_in_the_new_task() {
    let check = |offset: u32, selector: u16, number: u8, error: u16| {
        let mut m = machine(&jmp(TASK_B, 0));
        m.put(TSS_B + offset, &selector.to_le_bytes());
        m.step();
        assert_eq!(m.core().tr.selector, TASK_B);
        assert_eq!(
            m.at(),
            (CODE0, HANDLERS + number as u32 * 16),
            "{offset:x} {selector:x}"
        );
        assert_eq!(m.stack(), [error as u32, START_B]);
    };
    const DS: u32 = 0x54;
    check(DS, CODE0 | 1, TS, CODE0);
    check(DS, LOCAL, TS, LOCAL);
    check(DS, GDT_LIMIT + 1, TS, 0x78);
    check(DS, ABSENT_DATA, NP, ABSENT_DATA);
}

#[test]
fn a_task_without_usable_ldt_code_or_stack_cannot_handle_its_own_fault() {
    const CS: u32 = 0x4c;
    const SS: u32 = 0x50;
    const LDT: u32 = 0x60;
    for (offset, selector) in [
        (LDT, 4),
        (LDT, CODE0),
        (CS, 0),
        (CS, DATA0),
        (CS, CODE0 | 3),
        (CS, ABSENT_CODE),
        (SS, 0),
        (SS, CODE0),
        (SS, DATA3),
        (SS, ABSENT_DATA),
    ] {
        // The double fault goes to a task that is all right.
        let mut m = machine(&jmp(TASK_B, 0));
        m.put(TSS_B + offset, &u16::to_le_bytes(selector));
        m.set_gate(DF, gate(TASK_GATE, SPARE, 0, 0));
        m.set_descriptor(SPARE, system(0x89, TSS_C, 0x67));
        let mut image = [0; 0x68];
        m.bench.mem.phys_read(TSS_B, &mut image);
        m.put(TSS_C, &image);
        m.put(TSS_C + CS, &CODE0.to_le_bytes());
        m.put(TSS_C + SS, &DATA0.to_le_bytes());
        m.put(TSS_C + LDT, &[0, 0]);
        m.put32(TSS_C + 0x20, &[CODE + 0x300]);
        m.step();
        assert_eq!(
            (m.core().tr.selector, m.core().eip),
            (SPARE, CODE + 0x300),
            "{offset:x} {selector:x}"
        );
        assert_eq!(m.stack(), [0]);
        assert_eq!((m.read16(TSS_C), m.read32(TSS_B + 0x20)), (TASK_B, START_B));
    }
}

#[test]
fn iret_with_nt_checks_the_back_link() {
    let check = |link: u16, number, error| {
        let mut m = Machine::new(&[IRETD]);
        m.put(TSS_A, &link.to_le_bytes());
        m.state().set_flags_image(Eflags::NT, Eflags::all());
        m.faults(number, Some(error));
    };
    check(0, TS, 0);
    check(4, TS, 4);
    check(TASK_B, TS, TASK_B as u32);
    check(GDT_LIMIT + 1, TS, 0x78);
}

#[test]
fn a_task_may_run_in_virtual_8086_mode() {
    let mut m = machine(&jmp(TASK_B, 0));
    m.put32(TSS_B + 0x20, &[0x100, 0x20002]);
    m.put32(TSS_B + 0x48, &[0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000]);
    m.step();
    assert_eq!((m.at(), m.core().cpl), ((0x2000, 0x100), 3));
    assert_eq!(m.core().segments[seg::GS].base, 0x60000);
}

#[test]
fn ltr_marks_the_task_busy_and_takes_available_ones_only() {
    // ltr ax
    let ltr = |selector: u16| {
        let mut m = Machine::new(&[0x0f, 0x00, 0xd8]);
        m.state().set_gpr32(reg::EAX, selector as u32);
        m
    };
    let mut m = ltr(TASK_B);
    m.step();
    assert_eq!((m.core().tr.selector, type_of(&m, TASK_B)), (TASK_B, 11));
    ltr(0).faults(GP, Some(0));
    ltr(TASK_A).faults(GP, Some(TASK_A as u32));
    ltr(CODE0).faults(GP, Some(CODE0 as u32));
    ltr(4).faults(GP, Some(4));
    let mut bench = Bench::new(&[0x0f, 0x00, 0xd8], Dispatch::Loop);
    bench.mem.phys_write(UD as u32 * 4, &[0x44, 0x44, 0, 0]);
    bench.run(1);
    assert_eq!(bench.cpu.core().eip, 0x4444, "#UD in real mode");
}
