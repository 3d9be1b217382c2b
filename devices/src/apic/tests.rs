//! Both controllers together, as the processor and the board's lines see them.

use oldiron_mmu::{IoWidth, StateReader, StateWriter};

use super::*;
use crate::test_rig::{Rig, assert_round_trip};

const P5: u32 = 0x0003_0010;
const P6: u32 = 0x0004_0011;
const CORE: u32 = 0x0005_0015;

const TPR: u32 = 0x80;
const PPR: u32 = 0xa0;
const EOI: u32 = 0xb0;
const LDR: u32 = 0xd0;
const DFR: u32 = 0xe0;
const SVR: u32 = 0xf0;
const ISR: u32 = 0x100;
const TMR: u32 = 0x180;
const IRR: u32 = 0x200;
const ESR: u32 = 0x280;
const ICR_LOW: u32 = 0x300;
const ICR_HIGH: u32 = 0x310;
const LVT_TIMER: u32 = 0x320;
const LVT_LINT0: u32 = 0x350;
const LVT_LINT1: u32 = 0x360;
const LVT_ERROR: u32 = 0x370;
const INITIAL_COUNT: u32 = 0x380;
const CURRENT_COUNT: u32 = 0x390;
const DIVIDE: u32 = 0x3e0;

const MASKED: u32 = 1 << 16;
const LEVEL: u32 = 1 << 15;
const ACTIVE_LOW: u32 = 1 << 13;
const REMOTE_IRR: u32 = 1 << 14;
/// All inputs of the I/O APIC as nobody drives them: the PIRQ lines are high.
const IDLE: u32 = 0x000f_0000;

/// A chip after reset whose local APIC software has enabled.
fn rig(version: u32) -> Rig<Apic> {
    let mut rig = disabled(version);
    rig.set(SVR, 0x1ff);
    rig
}

fn disabled(version: u32) -> Rig<Apic> {
    let mut rig = Rig::new(Apic::new(version));
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.chip.sample(IDLE, 0);
    rig
}

impl Rig<Apic> {
    fn get(&mut self, register: u32) -> u32 {
        self.with(|chip, ctx| chip.read_local(0xfee0_0000 + register, IoWidth::Dword, ctx))
    }

    fn set(&mut self, register: u32, value: u32) {
        self.with(|chip, ctx| chip.write_local(0xfee0_0000 + register, value, IoWidth::Dword, ctx));
    }

    /// The bit of a vector in one of the registers of 256.
    fn has(&mut self, register: u32, vector: u8) -> bool {
        self.get(register + u32::from(vector / 32) * 16) >> (vector % 32) & 1 != 0
    }

    /// Sends to itself.
    fn interrupt(&mut self, vector: u8) {
        self.set(ICR_LOW, 0x4_4000 | u32::from(vector));
    }

    /// What the core takes, if it is asked to.
    fn take(&mut self) -> Option<u8> {
        let asked = self.chip.intr(false);
        asked.then(|| self.chip.acknowledge(false)).flatten()
    }

    fn io(&mut self, index: u8) -> u32 {
        self.chip.write_io(Apic::IO_BASE, index.into(), IoWidth::Dword);
        self.chip.read_io(Apic::IO_BASE + 0x10, IoWidth::Dword)
    }

    fn set_io(&mut self, index: u8, value: u32) {
        self.chip.write_io(Apic::IO_BASE, index.into(), IoWidth::Dword);
        self.chip.write_io(Apic::IO_BASE + 0x10, value, IoWidth::Dword);
    }

    /// An entry for local APIC 0.
    fn redirect(&mut self, input: u8, low: u32) {
        self.set_io(0x11 + 2 * input, 0);
        self.set_io(0x10 + 2 * input, low);
    }
}

#[test]
fn registers_after_reset_are_those_of_the_manual() {
    let mut rig = disabled(CORE);
    for (register, value) in [
        (0x20, 0),
        (0x30, CORE),
        (TPR, 0),
        (PPR, 0),
        (LDR, 0),
        (DFR, 0xffff_ffff),
        (SVR, 0xff),
        (ISR, 0),
        (TMR, 0),
        (IRR + 0x70, 0),
        (ESR, 0),
        (ICR_LOW, 0),
        (ICR_HIGH, 0),
        (LVT_TIMER, MASKED),
        (0x330, MASKED),
        (0x340, MASKED),
        (LVT_LINT0, 0x700),
        (LVT_LINT1, 0x400),
        (LVT_ERROR, MASKED),
        (INITIAL_COUNT, 0),
        (CURRENT_COUNT, 0),
        (DIVIDE, 0),
    ] {
        assert_eq!(rig.get(register), value, "{register:#x}");
    }
    assert_eq!(rig.chip.local_page(), Some(0xfee0_0000));
}

#[test]
fn registers_keep_the_bits_that_they_have() {
    for (register, core, p6) in [
        (0x20, 0xff00_0000, 0x0f00_0000),
        (TPR, 0xff, 0xff),
        (LDR, 0xff00_0000, 0xff00_0000),
        (DFR, 0xffff_ffff, 0xffff_ffff),
        (SVR, 0x3ff, 0x3ff),
        (ICR_HIGH, 0xff00_0000, 0xff00_0000),
        (LVT_TIMER, 0x3_00ff, 0x3_00ff),
        (0x340, 0x1_07ff, 0x1_07ff),
        (LVT_LINT0, 0x1_a7ff, 0x1_a7ff),
        (LVT_ERROR, 0x1_00ff, 0x1_00ff),
        (INITIAL_COUNT, 0xffff_ffff, 0xffff_ffff),
        (DIVIDE, 0xb, 0xb),
    ] {
        for (version, bits) in [(CORE, core), (P6, p6)] {
            let mut rig = rig(version);
            rig.set(register, 0xffff_ffff);
            assert_eq!(rig.get(register), bits, "{register:#x} of {version:#x}");
        }
    }
    let mut p6 = rig(P6);
    p6.set(SVR, 0x100);
    assert_eq!(p6.get(SVR), 0x10f, "the lowest bits of its vector are ones");
}

#[test]
fn the_table_has_the_entries_of_its_version() {
    for (version, thermal, performance) in [(P5, false, false), (P6, false, true), (CORE, true, true)] {
        let mut rig = rig(version);
        rig.set(0x330, 0x40);
        rig.set(0x340, 0x41);
        assert_eq!(
            (rig.get(0x330) == 0x40, rig.get(0x340) == 0x41),
            (thermal, performance)
        );
    }
}

#[test]
fn narrow_cycles_reach_the_bytes_of_a_register() {
    let mut rig = rig(CORE);
    rig.with(|chip, ctx| chip.write_local(0xfee0_0000 + TPR, 0x35, IoWidth::Byte, ctx));
    rig.with(|chip, ctx| chip.write_local(0xfee0_0000 + LDR + 3, 0x02, IoWidth::Byte, ctx));
    assert_eq!((rig.get(TPR), rig.get(LDR)), (0x35, 0x0200_0000));
    let top = rig.with(|chip, ctx| chip.read_local(0xfee0_0000 + LDR + 2, IoWidth::Word, ctx));
    assert_eq!(top, 0x0200);
    assert_eq!(rig.get(LDR + 4), 0, "nothing between registers");
}

#[test]
fn the_most_urgent_vector_comes_first_and_blocks_its_class() {
    let mut rig = rig(CORE);
    rig.interrupt(0x41);
    rig.interrupt(0x53);
    rig.interrupt(0x51);
    assert!(rig.has(IRR, 0x41) && rig.has(IRR, 0x51) && rig.has(IRR, 0x53));
    assert_eq!(rig.take(), Some(0x53));
    assert!(rig.has(ISR, 0x53) && !rig.has(IRR, 0x53));
    assert_eq!(rig.get(PPR), 0x50);
    assert_eq!(rig.take(), None, "51h is of the same class");
    rig.interrupt(0x60);
    assert_eq!(rig.take(), Some(0x60));
    rig.set(EOI, 0);
    rig.set(EOI, 0);
    assert_eq!(rig.take(), Some(0x51));
    rig.set(EOI, 0);
    assert_eq!(rig.take(), Some(0x41));
    rig.set(EOI, 0);
    assert_eq!((rig.take(), rig.get(PPR)), (None, 0));
    rig.set(EOI, 0);
}

#[test]
fn the_task_priority_holds_its_class_and_those_below() {
    let mut rig = rig(CORE);
    rig.set(TPR, 0x4f);
    assert_eq!(rig.get(PPR), 0x4f);
    rig.interrupt(0x4f);
    assert_eq!(rig.take(), None);
    rig.interrupt(0x50);
    assert_eq!(rig.take(), Some(0x50));
    rig.set(EOI, 0);
    rig.set(TPR, 0x30);
    assert_eq!(rig.take(), Some(0x4f));
}

#[test]
fn a_request_that_is_gone_gets_the_spurious_vector() {
    let mut rig = rig(CORE);
    rig.set(SVR, 0x1e7);
    assert_eq!(rig.chip.acknowledge(false), Some(0xe7));
    assert_eq!(rig.chip.acknowledge(true), None, "but the 8259s come first");
    assert!((0..8).all(|word| rig.get(ISR + word * 16) == 0));
}

#[test]
fn commands_reach_the_processor_where_they_name_it() {
    for (high, low, reached) in [
        (0x0000_0000, 0x0_4041, true),
        (0x0100_0000, 0x0_4041, false),
        (0xff00_0000, 0x0_4041, true),
        (0x0000_0000, 0x4_4041, true),
        (0x0000_0000, 0x8_4041, true),
        (0x0000_0000, 0xc_4041, false),
        (0x0400_0000, 0x0_4841, true),
        (0x0b00_0000, 0x0_4841, false),
        (0xff00_0000, 0x0_4841, true),
        (0x0000_0000, 0x0_4141, true),
    ] {
        let mut rig = rig(CORE);
        rig.set(LDR, 0x0400_0000);
        rig.set(ICR_HIGH, high);
        rig.set(ICR_LOW, low);
        assert_eq!(rig.has(IRR, 0x41), reached, "{high:#x} {low:#x}");
        assert_eq!(rig.get(ICR_LOW), low, "delivered at once");
    }
}

#[test]
fn clusters_are_named_by_the_upper_half_of_a_logical_destination() {
    for (destination, reached) in [
        (0x24, true),
        (0x28, false),
        (0x34, false),
        (0xff, true),
        (0xf4, true),
    ] {
        let mut rig = rig(CORE);
        rig.set(DFR, 0x0fff_ffff);
        rig.set(LDR, 0x2600_0000);
        rig.set(ICR_HIGH, destination << 24);
        rig.set(ICR_LOW, 0x4841);
        assert_eq!(rig.has(IRR, 0x41), reached, "{destination:#x}");
    }
}

#[test]
fn nmi_and_init_are_for_the_core() {
    let mut rig = rig(CORE);
    rig.set(ICR_LOW, 0x4400);
    assert!(rig.chip.nmi(false));
    rig.chip.acknowledge_nmi();
    assert!(!rig.chip.nmi(false));
    rig.set(ICR_LOW, 0x8_8500);
    assert!(!rig.chip.take_init(), "de-assert only synchronizes");
    rig.set(ICR_LOW, 0x4608);
    assert!(!rig.chip.take_init(), "a processor that runs needs no start-up");
    rig.set(ICR_LOW, 0x4500);
    assert!(rig.chip.take_init());
    assert!(!rig.chip.take_init());
}

#[test]
fn errors_show_after_a_write_and_interrupt_once() {
    let mut rig = rig(CORE);
    rig.set(LVT_ERROR, 0x33);
    rig.interrupt(0x0f);
    assert_eq!(rig.get(ESR), 0, "not yet");
    assert_eq!(rig.take(), Some(0x33));
    rig.set(EOI, 0);
    rig.interrupt(0x0e);
    assert_eq!(rig.take(), None);
    rig.get(0x40);
    assert_eq!(rig.take(), Some(0x33));
    rig.set(ESR, 0);
    assert_eq!(rig.get(ESR), 0xa0);
    rig.set(ESR, 0);
    assert_eq!(rig.get(ESR), 0);
}

#[test]
fn an_error_entry_without_a_vector_is_no_endless_error() {
    let mut rig = rig(CORE);
    rig.set(LVT_ERROR, 0);
    rig.interrupt(1);
    rig.set(ESR, 0);
    assert_eq!(rig.get(ESR), 0x20);
    assert_eq!(rig.take(), None);
}

#[test]
fn a_command_that_nobody_takes_is_an_error_on_a_bus_of_its_own() {
    for (version, error) in [(P6, 0x04), (CORE, 0)] {
        let mut rig = rig(version);
        rig.set(ICR_HIGH, 0x0500_0000);
        rig.set(ICR_LOW, 0x4041);
        rig.set(ESR, 0);
        assert_eq!(rig.get(ESR), error, "{version:#x}");
    }
    let mut pentium = rig(P5);
    pentium.interrupt(1);
    assert_eq!(pentium.get(ESR), 0x20, "which needs no write first");
}

#[test]
fn the_timer_interrupts_when_its_count_is_at_zero() {
    let mut rig = rig(CORE);
    rig.set(DIVIDE, 0xb);
    rig.set(LVT_TIMER, 0x40);
    rig.set(INITIAL_COUNT, 100);
    let start = rig.now;
    rig.now += 30;
    assert_eq!(rig.get(CURRENT_COUNT), 70);
    assert!(rig.step());
    assert_eq!(rig.now, start + 100, "a count of 100 MHz is a tick here");
    assert_eq!((rig.take(), rig.get(CURRENT_COUNT)), (Some(0x40), 0));
    assert!(!rig.step(), "once");
    rig.set(EOI, 0);
    rig.set(LVT_TIMER, 0x2_0041);
    rig.set(INITIAL_COUNT, 100);
    for n in 1..4 {
        assert!(rig.step());
        assert_eq!(rig.now, start + 100 + n * 100);
        assert_eq!(rig.take(), Some(0x41));
        rig.set(EOI, 0);
    }
    rig.set(LVT_TIMER, 0x3_0041);
    assert!(!rig.step(), "masked");
    rig.now += 250;
    assert_eq!(rig.get(CURRENT_COUNT), 50, "but it counts");
    rig.set(LVT_TIMER, 0x2_0041);
    rig.step();
    assert_eq!(rig.take(), Some(0x41));
    rig.set(INITIAL_COUNT, 0);
    assert!(!rig.step(), "a count of zero stops it");
}

#[test]
fn the_8259s_interrupt_through_lint0_as_after_reset() {
    for mut rig in [disabled(CORE), rig(CORE)] {
        rig.chip.set_pins(true, true);
        assert!(rig.chip.intr(true) && rig.chip.nmi(true));
        assert_eq!(rig.chip.acknowledge(true), None, "the vector is theirs");
        rig.set(LVT_LINT0, 0x700 | MASKED);
        rig.set(LVT_LINT1, 0x400 | MASKED);
        assert!(!rig.chip.intr(true) && !rig.chip.nmi(true));
    }
    let mut rig = rig(CORE);
    rig.set(SVR, 0xff);
    assert_eq!(rig.get(LVT_LINT0), 0x700 | MASKED, "disabled by software");
    rig.set(LVT_LINT0, 0x700);
    assert!(!rig.chip.intr(true));
}

#[test]
fn a_pin_with_a_vector_of_its_own_interrupts_at_its_edge() {
    let mut rig = rig(CORE);
    rig.set(LVT_LINT0, 0x45);
    rig.set(LVT_LINT1, 0x46);
    rig.chip.set_pins(true, false);
    assert!(!rig.chip.intr(false) || rig.take() == Some(0x45));
    rig.set(EOI, 0);
    rig.chip.set_pins(true, true);
    assert_eq!(rig.take(), Some(0x46));
    rig.set(EOI, 0);
    rig.chip.set_pins(false, false);
    assert_eq!(rig.take(), None);
    rig.set(LVT_LINT0, 0x400);
    rig.chip.set_pins(true, false);
    assert!(rig.chip.nmi(false), "LINT0 as NMI");
}

#[test]
fn a_level_at_lint0_interrupts_again_after_its_eoi() {
    let mut rig = rig(CORE);
    rig.set(LVT_LINT0, 0x45 | LEVEL);
    rig.chip.set_pins(true, false);
    assert_eq!(rig.take(), Some(0x45));
    assert!(rig.has(TMR, 0x45));
    assert_eq!(rig.get(LVT_LINT0), 0x45 | LEVEL | REMOTE_IRR);
    rig.set(EOI, 0);
    assert_eq!(rig.take(), Some(0x45));
    rig.chip.set_pins(false, false);
    rig.set(EOI, 0);
    assert_eq!(rig.take(), None);
    assert_eq!(rig.get(LVT_LINT0), 0x45 | LEVEL);
}

#[test]
fn an_apic_that_is_off_lets_the_pins_through_and_forgets() {
    let mut rig = rig(CORE);
    rig.set(LVT_LINT0, 0x700 | MASKED);
    rig.interrupt(0x41);
    rig.with(|chip, ctx| chip.set_base(0xfee0_0100, ctx));
    assert_eq!(rig.chip.local_page(), None);
    assert!(!rig.chip.intr(false) && rig.chip.intr(true) && rig.chip.nmi(true));
    rig.with(|chip, ctx| chip.set_base(0x8000_0900, ctx));
    assert_eq!(rig.chip.local_page(), Some(0x8000_0000));
    assert_eq!(rig.get(SVR), 0xff);
    rig.with(|chip, ctx| chip.set_base(0x1_fee0_0900, ctx));
    assert_eq!(rig.chip.local_page(), None, "beyond 4 GiB");
}

#[test]
fn io_apic_registers_are_those_of_the_data_sheet() {
    let mut rig = rig(CORE);
    assert_eq!(rig.io(1), 0x0017_0011);
    rig.set_io(0, 0xffff_ffff);
    assert_eq!((rig.io(0), rig.io(2)), (0x0f00_0000, 0x0f00_0000));
    for input in 0..24 {
        assert_eq!((rig.io(0x10 + 2 * input), rig.io(0x11 + 2 * input)), (MASKED, 0));
        rig.set_io(0x11 + 2 * input, 0xffff_ffff);
        rig.set_io(0x10 + 2 * input, 0xffff_ffff);
        assert_eq!(
            (rig.io(0x10 + 2 * input), rig.io(0x11 + 2 * input)),
            (0x1_afff, 0xff00_0000)
        );
    }
    rig.set_io(0x40, 1);
    assert_eq!((rig.io(0x40), rig.io(0xff)), (0, 0));
    rig.chip.write_io(Apic::IO_BASE, 0x0101, IoWidth::Word);
    assert_eq!(rig.chip.read_io(Apic::IO_BASE, IoWidth::Dword), 1);
    assert_eq!(rig.chip.read_io(Apic::IO_BASE + 0x12, IoWidth::Byte), 0x17);
}

#[test]
fn an_edge_interrupts_once_and_is_lost_while_masked() {
    let mut rig = rig(CORE);
    rig.redirect(1, 0x31);
    rig.chip.sample(IDLE | 2, 2);
    assert_eq!(rig.take(), Some(0x31));
    assert!(!rig.has(TMR, 0x31));
    rig.set(EOI, 0);
    rig.chip.sample(IDLE | 2, 0);
    assert_eq!(rig.take(), None);
    rig.chip.sample(IDLE, 2);
    assert_eq!(rig.take(), Some(0x31), "a pulse that is over");
    rig.set(EOI, 0);
    rig.redirect(1, 0x31 | MASKED);
    rig.chip.sample(IDLE | 2, 2);
    rig.redirect(1, 0x31);
    assert_eq!(rig.take(), None);
    rig.redirect(1, 0x31 | ACTIVE_LOW);
    rig.chip.sample(IDLE, 0);
    assert_eq!(rig.take(), Some(0x31), "the other edge");
}

#[test]
fn a_level_interrupts_again_at_its_eoi_until_it_is_gone() {
    let mut rig = rig(CORE);
    rig.redirect(17, 0x71 | LEVEL | ACTIVE_LOW);
    assert_eq!(rig.take(), None);
    rig.chip.sample(IDLE & !(1 << 17), 0);
    assert_eq!(rig.io(0x10 + 34), 0x71 | LEVEL | ACTIVE_LOW | REMOTE_IRR);
    assert_eq!(rig.take(), Some(0x71));
    assert!(rig.has(TMR, 0x71));
    rig.chip.sample(IDLE, 0);
    rig.chip.sample(IDLE & !(1 << 17), 0);
    assert!(!rig.has(IRR, 0x71), "not before the EOI");
    rig.set(EOI, 0);
    assert_eq!(rig.take(), Some(0x71));
    rig.chip.sample(IDLE, 0);
    rig.set(EOI, 0);
    assert_eq!(rig.take(), None);
    assert_eq!(rig.io(0x10 + 34), 0x71 | LEVEL | ACTIVE_LOW);
}

#[test]
fn a_level_that_was_there_first_interrupts_when_it_is_unmasked() {
    let mut rig = rig(CORE);
    rig.chip.sample(IDLE | 1 << 9, 1 << 9);
    rig.redirect(9, 0x39 | LEVEL);
    assert_eq!(rig.take(), Some(0x39));
    rig.redirect(9, 0x39);
    assert_eq!(rig.io(0x10 + 18), 0x39, "an edge has no remote IRR");
}

#[test]
fn messages_go_where_entries_say() {
    let mut rig = rig(CORE);
    rig.set(LDR, 0x0100_0000);
    rig.set_io(0x11 + 8, 0x0200_0000);
    rig.set_io(0x10 + 8, 0x34);
    rig.chip.sample(IDLE | 1 << 4, 0);
    assert_eq!(rig.take(), None, "to another APIC");
    rig.chip.sample(IDLE, 0);
    rig.set_io(0x11 + 8, 0x0300_0000);
    rig.set_io(0x10 + 8, 0x934);
    rig.chip.sample(IDLE | 1 << 4, 0);
    assert_eq!(rig.take(), Some(0x34), "logically, lowest priority");
    rig.redirect(5, 0x400);
    rig.chip.sample(IDLE | 1 << 5, 0);
    assert!(rig.chip.nmi(false));
}

#[test]
fn the_8259s_interrupt_through_the_first_input_too() {
    let mut rig = rig(CORE);
    rig.set(LVT_LINT0, 0x700 | MASKED);
    rig.chip.set_pins(true, false);
    assert!(!rig.chip.intr(true));
    rig.redirect(0, 0x700);
    assert!(rig.chip.intr(true));
    assert_eq!(rig.chip.acknowledge(true), None);
    rig.set_io(0x11, 0x0100_0000);
    assert!(!rig.chip.intr(true), "for another processor");
    rig.redirect(0, 0x42);
    rig.chip.set_pins(false, false);
    rig.chip.set_pins(true, false);
    assert_eq!(rig.take(), Some(0x42), "like any other input");
}

#[test]
fn state_survives_the_round_trip() {
    let mut rig = rig(CORE);
    rig.set(LVT_TIMER, 0x2_0041);
    rig.set(INITIAL_COUNT, 1000);
    rig.redirect(17, 0x71 | LEVEL | ACTIVE_LOW);
    rig.chip.sample(IDLE & !(1 << 17), 0);
    rig.interrupt(0x50);
    rig.take();
    let mut copy = Apic::new(CORE);
    assert_round_trip(&rig.chip, &mut copy);
    assert_eq!(copy.intr(false), rig.chip.intr(false));
}

#[test]
fn a_damaged_state_does_no_harm() {
    let mut w = StateWriter::new();
    rig(CORE).chip.save(&mut w);
    let bytes = w.into_bytes();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] = 0xff;
        let mut rig = rig(CORE);
        if rig.chip.load(&mut StateReader::new("APIC", &bad)).is_ok() {
            rig.set(LVT_TIMER, 0x2_0040);
            rig.step();
            rig.get(CURRENT_COUNT);
            rig.take();
            rig.set(EOI, 0);
        }
    }
}
