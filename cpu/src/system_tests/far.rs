//! Far transfers: SDM vol. 2 "JMP", "CALL", "RET", "IRET", vol. 3A §5.8.

use super::*;
use crate::vector::{GP, NP, SS, TS};

const RETF: u8 = 0xcb;
const RETF_IMM: u8 = 0xca;
const IRETD: u8 = 0xcf;

#[test]
fn a_far_jump_loads_cs_and_sets_the_accessed_bit() {
    let mut m = Machine::new(&jmp(SPARE, CODE + 0x100));
    m.set_descriptor(SPARE, FLAT_CODE0 & !(1 << 40));
    m.step();
    assert_eq!(m.at(), (SPARE, CODE + 0x100));
    assert_eq!(m.read32(GDT + SPARE as u32 + 4) >> 8 & 0xff, 0x9b);
}

#[test]
fn far_jumps_check_selector_type_privilege_presence_and_limit() {
    let check = |selector, offset, number, error| {
        Machine::new(&jmp(selector, offset)).faults(number, Some(error));
    };
    check(0, 0, GP, 0);
    check(3, 0, GP, 0);
    check(GDT_LIMIT + 1, 0, GP, 0x78);
    check(DATA0, 0, GP, DATA0 as u32);
    check(LOCAL, 0, GP, LOCAL as u32);
    check(CODE3, 0, GP, 0x18);
    check(CODE0 | 3, 0, GP, CODE0 as u32);
    check(ABSENT_CODE, 0, NP, ABSENT_CODE as u32);
    check(SHORT_CODE, 0x10000, GP, 0);
    check(4, 0, GP, 4);
}

#[test]
fn user_code_reaches_conforming_code_and_stays_in_ring_3() {
    let mut m = Machine::user(&jmp(CONFORMING0, CODE + 0x40));
    m.step();
    assert_eq!(m.at(), (CONFORMING0 | 3, CODE + 0x40));
    assert_eq!(m.core().cpl, 3);
    Machine::user(&jmp(CODE0, CODE)).faults(GP, Some(CODE0 as u32));
}

#[test]
fn a_far_call_pushes_cs_and_the_next_instruction() {
    let mut m = Machine::new(&call(CODE0, CODE + 0x80));
    m.step();
    assert_eq!(m.stack(), [CODE + 7, CODE0 as u32]);
    m.put(CODE + 0x80, &[RETF]);
    m.step();
    assert_eq!((m.at(), m.esp()), ((CODE0, CODE + 7), STACK0));
}

#[test]
fn a_call_gate_leads_inward_with_parameters_and_retf_leads_back() {
    let mut m = Machine::user(&call(SPARE | 3, 0xdead));
    m.set_descriptor(SPARE, gate(CALL_GATE32 | USER, CODE0, CODE + 0x80, 2));
    m.put32(STACK3, &[0x1111, 0x2222]);
    m.step();
    assert_eq!(m.at(), (CODE0, CODE + 0x80));
    assert_eq!(
        (m.core().cpl, m.selector(seg::SS), m.esp()),
        (0, DATA0, STACK0 - 24)
    );
    let frame = [CODE + 7, CODE3 as u32, 0x1111, 0x2222, STACK3, DATA3 as u32];
    assert_eq!(m.stack(), frame);
    m.put(CODE + 0x80, &[RETF_IMM, 8, 0]);
    m.step();
    assert_eq!(m.at(), (CODE3, CODE + 7));
    assert_eq!(
        (m.core().cpl, m.selector(seg::SS), m.esp()),
        (3, DATA3, STACK3 + 8)
    );
}

#[test]
fn a_16_bit_call_gate_pushes_words() {
    let mut m = Machine::user(&call(SPARE, 0));
    m.set_descriptor(SPARE, gate(CALL_GATE16 | USER, CODE0_16, 0x80, 1));
    m.put32(STACK3, &[0x3333_1111]);
    m.step();
    assert_eq!(m.at(), (CODE0_16, 0x80));
    assert_eq!(m.esp(), STACK0 - 10);
    let words: [u16; 5] = core::array::from_fn(|n| m.read16(m.esp() + 2 * n as u32));
    assert_eq!(words, [(CODE + 7) as u16, CODE3, 0x1111, STACK3 as u16, DATA3]);
}

#[test]
fn call_gates_check_their_own_and_the_targets_rights() {
    let check = |raw, selector: u16, number, error| {
        let mut m = Machine::user(&call(selector, 0));
        m.set_descriptor(SPARE, raw);
        m.faults(number, Some(error));
    };
    let spare = SPARE as u32;
    let user_gate = CALL_GATE32 | USER;
    check(gate(CALL_GATE32, CODE0, CODE, 0), SPARE, GP, spare);
    check(gate(user_gate & !0x80, CODE0, CODE, 0), SPARE, NP, spare);
    check(gate(user_gate, 0, CODE, 0), SPARE, GP, 0);
    check(gate(user_gate, DATA0, CODE, 0), SPARE, GP, DATA0 as u32);
    check(gate(user_gate, GDT_LIMIT + 1, CODE, 0), SPARE, GP, 0x78);
    check(
        gate(user_gate, ABSENT_CODE, CODE, 0),
        SPARE,
        NP,
        ABSENT_CODE as u32,
    );
    check(gate(user_gate, SHORT_CODE, 0x10000, 0), SPARE, GP, 0);
}

#[test]
fn a_jump_through_a_call_gate_does_not_change_the_ring() {
    let mut m = Machine::user(&jmp(SPARE, 0));
    m.set_descriptor(SPARE, gate(CALL_GATE32 | USER, CODE0, CODE, 0));
    m.faults(GP, Some(CODE0 as u32));
    let mut m = Machine::user(&jmp(SPARE, 0));
    m.set_descriptor(SPARE, gate(CALL_GATE32 | USER, CONFORMING0, CODE + 9, 0));
    m.step();
    assert_eq!(m.at(), (CONFORMING0 | 3, CODE + 9));
}

/// A ring 3 call into ring 0 with another SS0 in the TSS; the fault itself arrives through a gate to conforming code, which
/// needs no ring 0 stack.
fn inner_stack_fault(ss0: u16, esp0: u32, tss_limit: Option<u32>) -> (u32, u32) {
    let mut m = Machine::user(&call(SPARE, 0));
    m.set_descriptor(SPARE, gate(CALL_GATE32 | USER, CODE0, CODE, 0));
    m.put(TSS_A + 8, &ss0.to_le_bytes());
    m.put32(TSS_A + 4, &[esp0]);
    for number in [TS, SS, GP] {
        m.set_gate(
            number,
            gate(INTERRUPT_GATE32, CONFORMING0, HANDLERS + number as u32 * 16, 0),
        );
    }
    if let Some(limit) = tss_limit {
        m.state().tr.limit = limit;
    }
    m.step();
    assert_eq!(m.core().cpl, 3);
    ((m.core().eip - HANDLERS) / 16, m.stack::<1>()[0])
}

#[test]
fn a_bad_inner_stack_is_ts_and_an_absent_or_full_one_ss() {
    let (ts, ss) = (TS as u32, SS as u32);
    assert_eq!(inner_stack_fault(0, STACK0, None), (ts, 0));
    assert_eq!(inner_stack_fault(CODE0, STACK0, None), (ts, CODE0 as u32));
    assert_eq!(inner_stack_fault(DATA3, STACK0, None), (ts, 0x20));
    assert_eq!(inner_stack_fault(DATA0 | 1, STACK0, None), (ts, DATA0 as u32));
    assert_eq!(inner_stack_fault(GDT_LIMIT + 1, STACK0, None), (ts, 0x78));
    assert_eq!(
        inner_stack_fault(ABSENT_DATA, STACK0, None),
        (ss, ABSENT_DATA as u32)
    );
    assert_eq!(inner_stack_fault(DATA0, STACK0, Some(8)), (ts, TASK_A as u32));
    assert_eq!(inner_stack_fault(DATA0, 2, None), (ss, DATA0 as u32));
}

#[test]
fn a_return_outward_empties_segments_that_the_outer_ring_may_not_use() {
    let mut m = Machine::new(&[RETF]);
    let mut core = m.state();
    core.segments[seg::FS] = Segment::from_descriptor(CONFORMING0, 0x00cf_9f00_0000_ffff);
    core.segments[seg::GS] = Segment::from_descriptor(DATA3, FLAT_DATA0 | DPL3);
    core.set_gpr32(reg::ESP, STACK0 - 16);
    drop(core);
    m.put32(STACK0 - 16, &[CODE + 5, CODE3 as u32, STACK3, DATA3 as u32]);
    m.step();
    let selectors = [seg::DS, seg::ES, seg::FS, seg::GS].map(|register| m.selector(register));
    assert_eq!(selectors, [0, 0, CONFORMING0, DATA3]);
    assert!(m.core().segments[seg::DS].is_null());
}

#[test]
fn returns_check_the_code_segment_and_then_the_stack() {
    let check = |frame: [u32; 4], number, error| {
        let mut m = Machine::new(&[RETF]);
        m.state().set_gpr32(reg::ESP, STACK0 - 16);
        m.put32(STACK0 - 16, &frame);
        m.faults(number, Some(error));
    };
    let (code3, data3) = (CODE3 as u32, DATA3 as u32);
    check([CODE, 0, 0, 0], GP, 0);
    check([CODE, DATA0 as u32, 0, 0], GP, DATA0 as u32);
    check([CODE, ABSENT_CODE as u32, 0, 0], NP, ABSENT_CODE as u32);
    check([CODE, 0x18, 0, 0], GP, 0x18);
    check([0x10000, SHORT_CODE as u32, 0, 0], GP, 0);
    check([CODE, code3, STACK3, 0], GP, 0);
    check([CODE, code3, STACK3, DATA0 as u32], GP, DATA0 as u32);
    check(
        [CODE, code3, STACK3, ABSENT_DATA as u32 | 3],
        GP,
        ABSENT_DATA as u32,
    );
    check([CODE, code3, STACK3, data3 & !3], GP, data3 & !3);
}

#[test]
fn iret_to_ring_3_takes_iopl_and_if_only_from_ring_0() {
    let mut m = Machine::new(&[IRETD]);
    m.state().set_gpr32(reg::ESP, STACK0 - 20);
    m.put32(
        STACK0 - 20,
        &[CODE + 0x20, CODE3 as u32, 0x3202, STACK3, DATA3 as u32],
    );
    m.step();
    assert_eq!(m.at(), (CODE3, CODE + 0x20));
    assert_eq!(m.esp(), STACK3);
    assert_eq!(m.flags(), Eflags::IF | Eflags::IOPL | Eflags::ONE);

    let mut m = Machine::user(&[IRETD]);
    m.state().set_gpr32(reg::ESP, STACK3 - 12);
    m.put32(STACK3 - 12, &[CODE + 0x20, CODE3 as u32, 0x3ed7]);
    m.step();
    assert_eq!(m.flags() & (Eflags::IF | Eflags::IOPL), Eflags::empty());
    assert!(m.flags().contains(Eflags::CF | Eflags::DF | Eflags::OF));
}

#[test]
fn iret_restores_rf_and_ret_into_16_bit_stacks_leaves_the_upper_half() {
    let mut m = Machine::new(&[IRETD]);
    m.state().set_gpr32(reg::ESP, STACK0 - 12);
    m.put32(STACK0 - 12, &[CODE + 0x20, CODE0 as u32, 0x10002]);
    m.step();
    assert!(m.core().eflags.contains(Eflags::RF));

    let mut m = Machine::new(&[IRETD]);
    m.set_descriptor(SPARE, 0x0000_f300_0000_ffff);
    m.state().set_gpr32(reg::ESP, STACK0 - 20);
    m.put32(
        STACK0 - 20,
        &[CODE, CODE3 as u32, 2, 0x1234_5678, SPARE as u32 | 3],
    );
    m.step();
    assert_eq!(m.esp(), (STACK0 - 20) & 0xffff_0000 | 0x5678);
}

#[test]
fn real_mode_far_transfers_keep_a_big_limit_on_p6_and_reset_it_on_a_386() {
    for (model, limit) in [("p6", u32::MAX), ("386", 0xffff)] {
        let mut m = Machine::with_model(&[0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0], model);
        m.put(CODE + 8, &jmp(0x1000, 0x100));
        m.steps(4);
        assert_eq!(m.at(), (0x1000, 0x100), "{model}");
        let cs = m.core().segments[seg::CS];
        assert_eq!((cs.base, cs.limit), (0x10000, limit));
        assert!(cs.attr.is_writable());
    }
}
