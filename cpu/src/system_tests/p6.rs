//! What the P6 and later processors added to the system: PAE, MONITOR, memory types, POPCNT and MOVBE.

use super::*;
use crate::{
    Activity, Cr4,
    fault::vector::{GP, PF, UD},
};

const WRMSR: [u8; 2] = [0x0f, 0x30];
const RDMSR: [u8; 2] = [0x0f, 0x32];

/// A newest processor about to execute `code` with these values of EAX, ECX and EDX.
fn machine(code: &[u8], eax: u32, ecx: u32, edx: u32) -> Machine {
    let mut m = Machine::with_model(code, "core");
    let mut core = m.state();
    core.set_gpr32(reg::EAX, eax);
    core.set_gpr32(reg::ECX, ecx);
    core.set_gpr32(reg::EDX, edx);
    drop(core);
    m
}

#[test]
fn monitor_and_mwait_need_ring_0_and_no_extension() {
    // SDM vol. 2B "MONITOR", "MWAIT"
    let (monitor, mwait) = ([0x0f, 0x01, 0xc8], [0x0f, 0x01, 0xc9]);
    machine(&monitor, 0x5000, 1, 0).faults(GP, Some(0));
    machine(&mwait, 0, 1, 0).faults(GP, Some(0));
    let mut m = Machine::with_model(&monitor, "core");
    m.enter_ring(3);
    m.faults(UD, None);
    let mut m = machine(&mwait, 0, 0, 0);
    m.step();
    assert_eq!((m.core().activity, m.core().eip), (Activity::Running, CODE + 3));
    let mut m = machine(&mwait, 0, 0, 0);
    m.state().set_flags_image(Eflags::IF, Eflags::IF);
    m.step();
    assert_eq!(m.core().activity, Activity::Halted);
}

#[test]
fn memory_types_are_checked_where_they_are_written() {
    // SDM vol. 3A §12.11, §12.12
    machine(&WRMSR, 0x0007_0406, 0x277, 0x0007_0406).step();
    machine(&WRMSR, 0x0002_0406, 0x277, 0).faults(GP, Some(0));
    machine(&WRMSR, 0x0c06, 0x2ff, 0).step();
    machine(&WRMSR, 0x0c02, 0x2ff, 0).faults(GP, Some(0));
    machine(&WRMSR, 0x1c06, 0x2ff, 0).faults(GP, Some(0));
    machine(&WRMSR, 0x0000_0006, 0x200, 0x10).faults(GP, Some(0));
    machine(&WRMSR, 0x0606_0607, 0x250, 0).faults(GP, Some(0));
    let mut m = machine(&RDMSR, 0, 0x277, 0);
    m.step();
    assert_eq!(m.core().gpr32(reg::EAX), 0x0007_0406, "after reset");
}

#[test]
fn registers_exist_with_their_feature() {
    let reads = |model: &str, number: u32| {
        let mut m = Machine::with_model(&RDMSR, model);
        m.state().set_gpr32(reg::ECX, number);
        m.step();
        m.core().eip == CODE + 2
    };
    assert!(reads("p2", 0x174) && !reads("p6", 0x174));
    assert!(reads("p3", 0x277) && !reads("p2", 0x277));
    assert!(reads("core", 0xc000_0080) && !reads("p4", 0xc000_0080));
    assert!(reads("pentium", 0x11) && !reads("pentium", 0x200) && !reads("pentium", 0x1b));
}

/// Identity page tables of 64 bits, 2 MiB a page, with pointers at 50000h.
fn with_pae(code: &[u8]) -> Machine {
    let mut m = machine(code, 0, 0, 0);
    m.put32(0x50000, &[0x51001, 0, 0, 0, 0, 0, 0, 0]);
    m.put32(0x51000, &[0xe3, 0]);
    let mut core = m.state();
    core.cr3 = 0x50000;
    core.cr4 = Cr4::PAE;
    drop(core);
    m
}

#[test]
fn turning_pae_paging_on_reads_the_pointers() {
    // mov cr0, eax; mov eax, [10000h] — SDM vol. 3A §4.4.1
    let mut m = with_pae(&[0x0f, 0x22, 0xc0, 0xa1, 0, 0, 1, 0]);
    m.state().set_gpr32(reg::EAX, 0x8000_0011);
    m.steps(2);
    assert_eq!(m.core().gpr32(reg::EAX), 0xa1c0_220f);
    // mov eax, [40000000h]: pointer 1 is not present
    let mut m = with_pae(&[0x0f, 0x22, 0xc0, 0xa1, 0, 0, 0, 0x40]);
    m.state().set_gpr32(reg::EAX, 0x8000_0011);
    m.step();
    m.faults(PF, Some(0));
    assert_eq!(m.core().cr2, 0x4000_0000);
    let mut m = with_pae(&[0x0f, 0x22, 0xc0]);
    m.put32(0x50008, &[0x51003]);
    m.state().set_gpr32(reg::EAX, 0x8000_0011);
    m.faults(GP, Some(0));
}

#[test]
fn popcnt_and_movbe_do_as_they_say() {
    let mut m = machine(&[0xf3, 0x0f, 0xb8, 0xd1], 0, 0xf000_0001, 7);
    m.step();
    assert_eq!(m.core().gpr32(reg::EDX), 5);
    let mut m = machine(&[0x66, 0xf3, 0x0f, 0xb8, 0xd1], 0, 0x1234_0000, 0x7777_7777);
    m.state().set_flags_image(Eflags::STATUS, Eflags::STATUS);
    m.step();
    assert_eq!(m.core().gpr32(reg::EDX), 0x7777_0000);
    assert_eq!(m.flags() & Eflags::STATUS, Eflags::ZF);
    // movbe [50000h], ecx; movbe ax, [50000h]
    let code = [
        0x0f, 0x38, 0xf1, 0x0d, 0, 0, 5, 0, 0x66, 0x0f, 0x38, 0xf0, 0x05, 0, 0, 5, 0,
    ];
    let mut m = Machine::new(&code);
    let model = CpuModel::parse("core,+movbe").unwrap();
    m.bench.cpu = {
        let mut cpu = Cpu::new(model);
        let from = m.core();
        let mut to = cpu.core_mut();
        to.segments = from.segments;
        to.cr0 = from.cr0;
        to.eip = from.eip;
        to.set_gpr32(reg::ECX, 0x1122_3344);
        drop(to);
        cpu
    };
    m.steps(2);
    assert_eq!(m.read32(0x50000), 0x4433_2211);
    assert_eq!(m.core().gpr32(reg::EAX) as u16, 0x1122);
}
