//! Delivery: SDM vol. 2A "INT n", vol. 3A chapter 6.

use super::*;
use crate::{
    Activity, Exit, Shadow,
    interrupt::{Delivered, Source, raise},
    vector::{BP, DB, DE, DF, GP, NP, OF, PF, SS, UD},
};

const INT80: [u8; 2] = [0xcd, 0x80];

#[test]
fn int_n_through_a_gate_of_ring_3_pushes_the_next_instruction() {
    let mut m = Machine::user(&INT80);
    m.set_gate(0x80, gate(TRAP_GATE32 | USER, CODE0, CODE + 0x90, 0));
    m.state().set_flags_image(Eflags::IF | Eflags::CF, Eflags::all());
    m.step();
    assert_eq!(m.at(), (CODE0, CODE + 0x90));
    assert_eq!(m.stack(), [CODE + 2, CODE3 as u32, 0x203, STACK3, DATA3 as u32]);
    assert!(m.flags().contains(Eflags::IF), "a trap gate leaves IF");
}

#[test]
fn an_interrupt_gate_clears_if_tf_nt_and_rf() {
    let mut m = Machine::new(&INT80);
    m.set_gate(0x80, gate(INTERRUPT_GATE32, CODE0, CODE + 0x90, 0));
    m.state().set_flags_image(Eflags::IF | Eflags::NT, Eflags::all());
    m.step();
    assert_eq!(m.flags(), Eflags::ONE);
    assert_eq!(m.stack(), [CODE + 2, CODE0 as u32, 0x4202]);
}

#[test]
fn a_16_bit_gate_pushes_words() {
    let mut m = Machine::new(&INT80);
    m.set_gate(0x80, gate(INTERRUPT_GATE16, CODE0_16, 0x90, 0));
    m.step();
    assert_eq!((m.at(), m.esp()), ((CODE0_16, 0x90), STACK0 - 6));
}

#[test]
fn int_n_checks_limit_type_privilege_and_presence_of_its_gate_in_this_order() {
    let check = |raw: u64, number, error| {
        let mut m = Machine::user(&INT80);
        m.set_gate(0x80, raw);
        m.faults(number, Some(error));
    };
    let error = 0x80 * 8 + 2;
    check(0, GP, error);
    check(gate(CALL_GATE32 | USER, CODE0, CODE, 0), GP, error);
    check(gate(INTERRUPT_GATE32, CODE0, CODE, 0), GP, error);
    check(gate(INTERRUPT_GATE32 & !0x80, CODE0, CODE, 0), GP, error);
    check(gate((INTERRUPT_GATE32 | USER) & !0x80, CODE0, CODE, 0), NP, error);
    check(gate(INTERRUPT_GATE32 | USER, 0, CODE, 0), GP, 0);
    check(gate(INTERRUPT_GATE32 | USER, DATA0, CODE, 0), GP, DATA0 as u32);
    check(
        gate(INTERRUPT_GATE32 | USER, ABSENT_CODE, CODE, 0),
        NP,
        ABSENT_CODE as u32,
    );
    check(gate(INTERRUPT_GATE32 | USER, SHORT_CODE, 0x10000, 0), GP, 0);
    let mut m = Machine::user(&INT80);
    m.state().idtr.limit = 0x3ff;
    m.faults(GP, Some(error));
}

#[test]
fn a_gate_may_not_lead_outward() {
    let mut m = Machine::new(&INT80);
    m.set_gate(0x80, gate(INTERRUPT_GATE32, CODE3, CODE, 0));
    m.faults(GP, Some(0x18));
}

#[test]
fn exceptions_ignore_the_gates_privilege_but_int3_and_into_do_not() {
    Machine::user(&[0x0f, 0x0b]).faults(UD, None);
    let mut m = Machine::user(&[0xcc]);
    m.faults(GP, Some(BP as u32 * 8 + 2));
    let mut m = Machine::user(&[0xce]);
    m.state().set_flags_image(Eflags::OF, Eflags::all());
    m.faults(GP, Some(OF as u32 * 8 + 2));
    // INT1 does not look at the DPL, and pushes the next instruction.
    let mut m = Machine::user(&[0xf1]);
    m.step();
    assert_eq!(m.at(), (CODE0, HANDLERS + 16));
    assert_eq!(m.stack(), [CODE + 1]);
    assert_eq!(m.core().dr[6], 0xffff_0ff0);
}

#[test]
fn faults_push_rf_and_traps_do_not() {
    let mut m = Machine::new(&[0x0f, 0x0b]);
    m.step();
    assert_eq!(m.stack(), [CODE, CODE0 as u32, 0x10002]);
    let mut m = Machine::new(&[0xcc]);
    m.step();
    assert_eq!(m.stack(), [CODE + 1, CODE0 as u32, 2]);
}

#[test]
fn errors_while_delivering_an_exception_have_ext_set() {
    let mut m = Machine::new(&[0x0f, 0x0b]);
    m.set_gate(UD, gate(INTERRUPT_GATE32 & !0x80, CODE0, CODE, 0));
    m.step();
    assert_eq!(m.at(), (CODE0, HANDLERS + NP as u32 * 16));
    assert_eq!(m.stack(), [UD as u32 * 8 + 3, CODE]);
}

#[test]
fn two_contributory_faults_are_a_double_fault_with_code_0() {
    // div cl with CL = 0, #DE's gate not present.
    let mut m = Machine::new(&[0xf6, 0xf1]);
    m.set_gate(DE, 0);
    m.step();
    assert_eq!(m.at(), (CODE0, HANDLERS + DF as u32 * 16));
    assert_eq!(m.stack(), [0, CODE, CODE0 as u32]);
}

#[test]
fn a_failing_double_fault_shuts_the_processor_down() {
    let mut m = Machine::new(&[0x0f, 0x0b]);
    m.state().idtr.limit = 0;
    let run = m.bench.run(10);
    assert_eq!(run.exit, Exit::Shutdown);
    assert_eq!(m.core().activity, Activity::Shutdown);
}

#[test]
fn a_page_fault_records_cr2_and_its_error_code() {
    // mov [0x00800000], eax, in a directory that maps the first 4 MiB only.
    let mut m = Machine::new(&[0xa3, 0, 0, 0x80, 0]);
    m.put32(0x50000, &[0x51007]);
    let pages: Vec<u32> = (0..512).map(|n| n << 12 | 7).collect();
    m.put32(0x51000, &pages);
    let mut core = m.state();
    core.cr3 = 0x50000;
    core.cr0 |= Cr0::PG;
    drop(core);
    m.faults(PF, Some(2));
    assert_eq!(m.core().cr2, 0x0080_0000);
}

#[test]
fn single_step_traps_after_the_instruction_and_sets_dr6() {
    let mut m = Machine::new(&[0x90, 0x90]);
    m.state().set_flags_image(Eflags::TF, Eflags::all());
    m.steps(2);
    assert_eq!(m.at(), (CODE0, HANDLERS + DB as u32 * 16));
    assert_eq!(m.stack(), [CODE + 1, CODE0 as u32, 0x102]);
    assert_eq!(m.core().dr[6], 0xffff_4ff0);
    assert!(!m.flags().contains(Eflags::TF));
}

#[test]
fn mov_ss_inhibits_the_single_step_trap_for_one_instruction() {
    // mov ss, ax; nop
    let mut m = Machine::new(&[0x8e, 0xd0, 0x90]);
    m.state().set_gpr32(reg::EAX, DATA0 as u32);
    m.state().set_flags_image(Eflags::TF, Eflags::all());
    m.step();
    assert_eq!((m.core().eip, m.core().shadow), (CODE + 2, Shadow::MovSs));
    m.steps(2);
    assert_eq!(m.at(), (CODE0, HANDLERS + DB as u32 * 16));
    assert_eq!(m.stack(), [CODE + 3]);
}

#[test]
fn debug_register_access_under_gd_faults_before_it() {
    // mov eax, dr0
    let mut m = Machine::new(&[0x0f, 0x21, 0xc0]);
    m.state().dr[7] |= 1 << 13;
    m.faults(DB, None);
    assert_eq!(m.core().dr[6], 0xffff_2ff0);
    assert_eq!(m.core().dr[7], 0x400);
}

#[test]
fn real_mode_pushes_three_words_and_checks_the_limit_of_the_table() {
    let mut bench = Bench::new(&[0xcd, 0x20], Dispatch::Loop);
    bench.mem.phys_write(0x80, &[0x34, 0x12, 0x00, 0x05]);
    let flags = Eflags::IF | Eflags::AC | Eflags::CF;
    bench.cpu.core_mut().set_flags_image(flags, Eflags::all());
    bench.run(1);
    let core = bench.cpu.core();
    assert_eq!((core.segments[seg::CS].selector, core.eip), (0x500, 0x1234));
    assert_eq!(core.flags_image(), Eflags::CF | Eflags::ONE);
    let mut frame = [0; 6];
    bench.mem.phys_read(0x7ffa, &mut frame);
    assert_eq!(frame, [0x02, 0x10, 0, 0, 0x03, 0x02]);

    let mut bench = Bench::new(&[0xcd, 0x20], Dispatch::Loop);
    bench.mem.phys_write(13 * 4, &[0x78, 0x56, 0, 0]);
    bench.cpu.core_mut().idtr.limit = 0x7f;
    bench.run(1);
    assert_eq!(bench.cpu.core().eip, 0x5678);
}

#[test]
fn an_interrupt_from_ring_3_with_a_full_stack_is_ss_of_the_new_stack() {
    let mut m = Machine::user(&[]);
    m.put32(TSS_A + 4, &[2]);
    m.set_gate(SS, gate(INTERRUPT_GATE32, CONFORMING0, HANDLERS, 0));
    let fault = crate::Fault::plain(0x20, crate::FaultRule::ExternalInterrupt);
    m.set_gate(0x20, gate(INTERRUPT_GATE32, CODE0, CODE, 0));
    let mut core = m.bench.cpu.core_mut();
    let mut bus = oldiron_mmu::Bus::new(&mut m.bench.mem, &mut m.bench.ports);
    assert_eq!(
        raise(&mut core, &mut bus, fault, Source::External),
        Delivered::Entered
    );
    drop(core);
    assert_eq!(m.at(), (CONFORMING0 | 3, HANDLERS));
    assert_eq!(m.stack(), [DATA0 as u32 | 1, CODE]);
}
