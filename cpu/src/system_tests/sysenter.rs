//! SYSENTER and SYSEXIT, and what bars MMX instructions.

use super::*;
use crate::{
    Eflags,
    vector::{GP, MF, NM, UD},
};

fn with_msrs(code: &[u8], level: u8, cs: u64) -> Machine {
    let mut m = Machine::with_model(code, "p2");
    m.enter_ring(level);
    let mut core = m.state();
    core.msrs.insert(0x174, cs);
    core.msrs.insert(0x175, 0x6000);
    core.msrs.insert(0x176, 0x7000);
    drop(core);
    m
}

#[test]
fn sysenter_goes_to_ring_0_with_interrupts_off_and_sysexit_comes_back() {
    let mut m = with_msrs(&[0x0f, 0x34], 3, 0x08);
    m.put(0x7000, &[0x0f, 0x35]);
    m.state().set_flags_image(Eflags::IF, Eflags::IF);
    m.step();
    assert_eq!((m.at(), m.esp()), ((0x08, 0x7000), 0x6000));
    assert_eq!((m.core().cpl, m.selector(seg::SS)), (0, 0x10));
    assert!(!m.flags().contains(Eflags::IF));
    let mut core = m.state();
    core.set_gpr32(reg::ECX, 0x1234);
    core.set_gpr32(reg::EDX, CODE);
    drop(core);
    m.step();
    assert_eq!((m.at(), m.esp()), ((0x1b, CODE), 0x1234));
    assert_eq!((m.core().cpl, m.selector(seg::SS)), (3, 0x23));
}

#[test]
fn sysenter_without_a_selector_and_sysexit_outside_ring_0_fault() {
    with_msrs(&[0x0f, 0x34], 3, 3).faults(GP, Some(0));
    with_msrs(&[0x0f, 0x35], 0, 0).faults(GP, Some(0));
    with_msrs(&[0x0f, 0x35], 3, 8).faults(GP, Some(0));
}

#[test]
fn models_without_mmx_or_sysenter_take_their_opcodes_for_undefined() {
    for code in [&[0x0f, 0x77][..], &[0x0f, 0xfc, 0xc1], &[0x0f, 0x34]] {
        Machine::with_model(code, "p6").faults(UD, None);
    }
}

#[test]
fn mmx_is_barred_by_em_ts_and_a_waiting_exception() {
    for (bit, number) in [(Cr0::EM, UD), (Cr0::TS, NM)] {
        // paddb mm0, mm1; emms
        for code in [&[0x0f, 0xfc, 0xc1][..], &[0x0f, 0x77]] {
            let mut m = Machine::with_model(code, "p2");
            m.state().cr0 |= bit;
            m.faults(number, None);
        }
    }
    let mut m = Machine::with_model(&[0x0f, 0xfc, 0xc1], "p2");
    // ZE, unmasked.
    m.state().fpu.set_state(0x37b, 4, 0, Default::default());
    m.faults(MF, None);
}

#[test]
fn mmx_instructions_fill_all_registers_and_emms_empties_them() {
    // movd mm3, eax; emms
    let mut m = Machine::with_model(&[0x0f, 0x6e, 0xd8, 0x0f, 0x77], "p2");
    let mut core = m.state();
    core.set_gpr32(reg::EAX, 0x8765_4321);
    core.fpu.set_state(0x37f, 5 << 11, 0x10, Default::default());
    drop(core);
    m.step();
    let fpu = &m.core().fpu;
    assert_eq!((fpu.status_word(), fpu.full_mask()), (0, 0xff));
    let register = fpu.stack_register(3);
    assert_eq!((register.sig, register.se), (0x8765_4321, 0xffff));
    m.step();
    assert_eq!(m.core().fpu.full_mask(), 0);
}
