//! Virtual-8086 mode with and without VME: SDM vol. 3A §20.2, vol. 3B §20.3.

use super::*;
use crate::{Cr4, vector::GP};

const INT21: [u8; 2] = [0xcd, 0x21];
const PUSHF: u8 = 0x9c;
const POPF: u8 = 0x9d;
const IRET: u8 = 0xcf;
const CLI: u8 = 0xfa;
const STI: u8 = 0xfb;
const OPERAND32: u8 = 0x66;

fn with_vme(code: &[u8], iopl: u32) -> Machine {
    let mut m = Machine::virtual8086(code, iopl);
    m.state().cr4 = Cr4::VME;
    m
}

/// The top word of the virtual-8086 program's stack.
fn top(m: &Machine) -> u16 {
    m.read16(STACK3 + m.esp())
}

#[test]
fn an_exception_leaves_for_ring_0_with_all_segments_on_the_stack() {
    let mut m = Machine::virtual8086(&[0x0f, 0x0b], 3);
    m.step();
    assert_eq!(
        (m.at(), m.core().cpl, m.esp()),
        ((CODE0, HANDLERS + 6 * 16), 0, STACK0 - 36)
    );
    assert!(!m.flags().contains(Eflags::VM));
    let frame = m.stack::<9>();
    assert_eq!(
        frame,
        [
            0, 0x1000, 0x3_3202, 0x1000, 0x3000, 0x2000, 0x2003, 0x2004, 0x2005
        ]
    );
    assert!(m.core().segments[seg::DS].is_null());

    m.put(HANDLERS + 6 * 16, &[IRET]);
    m.step();
    assert_eq!((m.at(), m.core().cpl, m.esp()), ((0x1000, 0), 3, 0x1000));
    assert_eq!(m.core().segments[seg::FS].base, 0x20040);
    assert!(m.flags().contains(Eflags::VM));
}

#[test]
fn iopl_below_3_makes_the_sensitive_instructions_fault() {
    for code in [
        &[CLI][..],
        &[STI],
        &[PUSHF],
        &[POPF],
        &[IRET],
        &INT21,
        &[OPERAND32, PUSHF],
    ] {
        Machine::virtual8086(code, 0).faults(GP, Some(0));
    }
    for code in [[OPERAND32, PUSHF], [OPERAND32, POPF], [OPERAND32, IRET]] {
        with_vme(&code, 0).faults(GP, Some(0));
    }
    let mut m = Machine::virtual8086(&[CLI], 3);
    m.step();
    assert!(!m.flags().contains(Eflags::IF));
}

#[test]
fn int_n_with_iopl_3_goes_through_the_idt() {
    let mut m = Machine::virtual8086(&INT21, 3);
    m.set_gate(0x21, gate(INTERRUPT_GATE32 | USER, CODE0, CODE + 0x500, 0));
    m.step();
    assert_eq!(m.at(), (CODE0, CODE + 0x500));
    assert_eq!(m.stack::<2>(), [2, 0x1000]);
    let mut m = Machine::virtual8086(&INT21, 3);
    m.set_gate(0x21, gate(INTERRUPT_GATE32, CODE0, CODE + 0x500, 0));
    m.faults(GP, Some(0x21 * 8 + 2));
    // A handler outside ring 0 cannot be entered from virtual-8086 mode.
    let mut m = Machine::virtual8086(&INT21, 3);
    m.set_gate(0x21, gate(INTERRUPT_GATE32 | USER, CONFORMING0, CODE + 0x500, 0));
    m.faults(GP, Some(CONFORMING0 as u32));
}

#[test]
fn vme_redirects_int_n_whose_bit_is_clear() {
    for (iopl, pushed, cleared) in [(0, 0x3202, Eflags::VIF), (3, 0x3202, Eflags::IF)] {
        let mut m = with_vme(&INT21, iopl);
        m.put(TSS_A + 0x68 + 4, &[!0x02]);
        m.put(0x21 * 4, &[0x10, 0, 0x00, 0x50]);
        let flags = m.flags();
        m.state().set_flags_image(flags | Eflags::VIF, Eflags::all());
        m.step();
        assert_eq!((m.at(), m.core().cpl), ((0x5000, 0x10), 3));
        assert_eq!(m.esp(), 0x1000 - 6);
        assert_eq!(m.read16(STACK3 + m.esp() + 4), pushed);
        assert_eq!(
            m.flags() & (Eflags::IF | Eflags::VIF) ^ Eflags::IF ^ Eflags::VIF,
            cleared
        );
    }
    let mut m = with_vme(&INT21, 0);
    m.put(TSS_A + 0x68 + 4, &[0x02]);
    m.faults(GP, Some(0));
}

#[test]
fn vme_gives_the_program_vif_for_if() {
    let mut m = with_vme(&[STI, PUSHF, CLI, PUSHF], 0);
    m.steps(2);
    assert!(m.flags().contains(Eflags::VIF | Eflags::IF));
    assert_eq!(top(&m) & 0x3200, 0x3200);
    m.steps(2);
    assert!(!m.flags().contains(Eflags::VIF) && m.flags().contains(Eflags::IF));
    assert_eq!(top(&m) & 0x3200, 0x3000);
}

#[test]
fn vme_faults_when_a_pending_interrupt_would_become_deliverable() {
    let pending = |code: &[u8]| {
        let mut m = with_vme(code, 0);
        let flags = m.flags() | Eflags::VIP;
        m.state().set_flags_image(flags, Eflags::all());
        m.put(STACK3 + 0x1000, &[0, 0, 0, 0x10, 0, 0x02]);
        m
    };
    pending(&[STI]).faults(GP, Some(0));
    pending(&[IRET]).faults(GP, Some(0));
    let mut m = pending(&[POPF]);
    m.put(STACK3 + 0x1000, &[0, 0x02]);
    m.faults(GP, Some(0));
    // TF in the image faults whether or not anything is pending.
    let mut m = with_vme(&[POPF], 0);
    m.put(STACK3 + 0x1000, &[0, 0x01]);
    m.faults(GP, Some(0));
}

#[test]
fn segment_loads_give_64_kib_and_far_jumps_stay_in_the_mode() {
    // mov ds, ax; jmp 1234:0010
    let mut m = Machine::virtual8086(&[0x8e, 0xd8, 0xea, 0x10, 0, 0x34, 0x12], 0);
    m.state().set_gpr32(reg::EAX, 0xabcd);
    m.state().segments[seg::DS].limit = 0xf_ffff;
    m.steps(2);
    let ds = m.core().segments[seg::DS];
    assert_eq!((ds.selector, ds.base, ds.limit), (0xabcd, 0xabcd0, 0xffff));
    assert_eq!((m.at(), m.core().cpl), ((0x1234, 0x10), 3));
}

#[test]
fn the_io_bitmap_counts_in_virtual_8086_mode_whatever_iopl_says() {
    // in al, dx
    let mut m = Machine::virtual8086(&[0xec], 3);
    m.state().set_gpr32(reg::EDX, 0x60);
    m.faults(GP, Some(0));
    let mut m = Machine::virtual8086(&[0xec], 0);
    m.state().set_gpr32(reg::EDX, 0x60);
    m.put(TSS_A + 0x88 + 0x60 / 8, &[0xfe]);
    m.step();
    assert_eq!(m.core().gpr32(reg::EAX), 0xff);
}
