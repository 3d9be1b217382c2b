//! Segment, control, debug and model-specific registers: SDM vol. 2 under the instructions' names.

use super::*;
use crate::{
    Cr4, Shadow,
    vector::{GP, NM, NP, SS, UD},
};

/// `mov sreg, ax` with `selector` in AX.
fn mov_sreg(mut m: Machine, register: usize, selector: u16) -> Machine {
    m.put(CODE, &[0x8e, 0xc0 | (register as u8) << 3]);
    m.state().set_gpr32(reg::EAX, selector as u32);
    m
}

#[test]
fn data_segment_loads_check_type_privilege_and_presence() {
    let kernel = |selector| mov_sreg(Machine::new(&[]), seg::DS, selector);
    let user = |selector| mov_sreg(Machine::user(&[]), seg::DS, selector);
    let mut m = kernel(3);
    m.step();
    assert!(m.core().segments[seg::DS].is_null());
    assert_eq!(m.selector(seg::DS), 3);
    kernel(TASK_B).faults(GP, Some(TASK_B as u32));
    kernel(GDT_LIMIT + 1).faults(GP, Some(0x78));
    kernel(ABSENT_DATA).faults(NP, Some(ABSENT_DATA as u32));
    kernel(DATA0 | 3).faults(GP, Some(DATA0 as u32));
    user(DATA0).faults(GP, Some(DATA0 as u32));
    let mut m = user(CONFORMING0);
    m.step();
    assert_eq!(m.selector(seg::DS), CONFORMING0);
}

#[test]
fn stack_segment_loads_want_exactly_the_current_level() {
    let load = |selector| mov_sreg(Machine::new(&[]), seg::SS, selector);
    load(0).faults(GP, Some(0));
    load(DATA3).faults(GP, Some(0x20));
    load(DATA0 | 1).faults(GP, Some(DATA0 as u32));
    load(CODE0).faults(GP, Some(CODE0 as u32));
    load(ABSENT_DATA).faults(SS, Some(ABSENT_DATA as u32));
    let mut m = load(DATA0);
    m.step();
    assert_eq!(m.core().shadow, Shadow::MovSs);
}

#[test]
fn clearing_pe_keeps_the_limits_of_unreal_mode() {
    // mov eax, cr0; and al, ~1; mov cr0, eax; mov ds, bx
    let mut m = Machine::new(&[0x0f, 0x20, 0xc0, 0x24, 0xfe, 0x0f, 0x22, 0xc0, 0x8e, 0xdb]);
    m.state().set_gpr32(reg::EBX, 0x1234);
    m.steps(4);
    let ds = m.core().segments[seg::DS];
    assert_eq!((ds.base, ds.limit), (0x12340, u32::MAX));
}

#[test]
fn a_null_register_becomes_usable_again_in_real_mode() {
    let mut bench = Bench::new(&[0x8e, 0xd8], Dispatch::Loop);
    bench.cpu.core_mut().segments[seg::DS] = Segment::null(0);
    bench.cpu.core_mut().set_gpr32(reg::EAX, 0x40);
    bench.run(1);
    assert_eq!(bench.cpu.core().segments[seg::DS], Segment::real(0x40, 0));
}

#[test]
fn control_registers_need_ring_0_and_consistent_bits() {
    let to_cr0 = |value| {
        let mut m = Machine::new(&[0x0f, 0x22, 0xc0]);
        m.state().set_gpr32(reg::EAX, value);
        m
    };
    Machine::user(&[0x0f, 0x20, 0xc0]).faults(GP, Some(0));
    to_cr0(0x8000_0000).faults(GP, Some(0));
    to_cr0(0x2000_0001).faults(GP, Some(0));
    let mut m = to_cr0(0x6000_0001 | 1 << 10);
    m.step();
    assert_eq!(m.core().cr0.bits(), 0x6000_0011);
    let mut m = Machine::new(&[0x0f, 0x22, 0xe0]);
    m.state().set_gpr32(reg::EAX, 1 << 11);
    m.faults(GP, Some(0));
    Machine::with_model(&[0x0f, 0x22, 0xe0], "486").faults(UD, None);
}

#[test]
fn lmsw_sets_pe_but_cannot_clear_it() {
    // lmsw ax
    let mut m = Machine::new(&[0x0f, 0x01, 0xf0]);
    m.state().set_gpr32(reg::EAX, 0x000a);
    m.step();
    assert_eq!(m.core().cr0, Cr0::PE | Cr0::MP | Cr0::TS | Cr0::ET | Cr0::NE);
}

#[test]
fn debug_registers_have_fixed_bits_and_aliases_without_de() {
    // mov dr7, eax; mov ebx, dr5
    let mut m = Machine::new(&[0x0f, 0x23, 0xf8, 0x0f, 0x21, 0xeb]);
    m.state().set_gpr32(reg::EAX, 0xdc00);
    m.steps(2);
    assert_eq!((m.core().dr[7], m.core().gpr32(reg::EBX)), (0x400, 0x400));
    let mut m = Machine::new(&[0x0f, 0x21, 0xeb]);
    m.state().cr4 = Cr4::DE;
    m.faults(UD, None);
    Machine::user(&[0x0f, 0x21, 0xeb]).faults(GP, Some(0));
}

#[test]
fn lgdt_with_16_bit_operands_loads_24_bits_of_base() {
    for (code, base) in [
        (&[0x0f, 0x01, 0x15][..], 0x1234_5678),
        (&[0x66, 0x0f, 0x01, 0x15], 0x0034_5678),
    ] {
        let mut m = Machine::new(code);
        m.put(CODE + code.len() as u32, &0x50000u32.to_le_bytes());
        m.put(0x50000, &[0xff, 0x01, 0x78, 0x56, 0x34, 0x12]);
        m.step();
        assert_eq!(m.core().gdtr, TableRegister { base, limit: 0x1ff });
    }
}

#[test]
fn lldt_takes_ldts_of_the_gdt_and_null() {
    let lldt = |selector: u16| {
        let mut m = Machine::new(&[0x0f, 0x00, 0xd0]);
        m.state().set_gpr32(reg::EAX, selector as u32);
        m
    };
    let mut m = lldt(0);
    m.step();
    assert!(m.core().ldtr.is_null());
    lldt(4).faults(GP, Some(4));
    lldt(TASK_B).faults(GP, Some(TASK_B as u32));
    let mut m = lldt(SPARE);
    m.set_descriptor(SPARE, system(0x02, LDT, 7));
    m.faults(NP, Some(SPARE as u32));
}

#[test]
fn msrs_that_guests_read_exist_and_others_fault() {
    for number in [
        0x10, 0x17, 0x1b, 0x2a, 0x8b, 0xfe, 0x119, 0x11e, 0x1a0, 0x200, 0x2ff,
    ] {
        let mut m = Machine::new(&[0x0f, 0x32]);
        m.state().set_gpr32(reg::ECX, number);
        m.step();
        assert_eq!(m.core().eip, CODE + 2, "{number:#x}");
    }
    let mut m = Machine::new(&[0x0f, 0x32]);
    m.state().set_gpr32(reg::ECX, 0x1234);
    m.faults(GP, Some(0));
    Machine::user(&[0x0f, 0x32]).faults(GP, Some(0));
    Machine::with_model(&[0x0f, 0x32], "486").faults(UD, None);
}

/// A machine whose local APIC is connected, before an instruction that writes `value` to IA32_APIC_BASE.
fn before_apic_base(code: &[u8], model: &str, value: u32) -> Machine {
    let mut m = Machine::with_model(code, model);
    let mut core = m.state();
    core.apic_connected = true;
    core.set_gpr32(reg::ECX, 0x1b);
    core.set_gpr32(reg::EDX, 0);
    core.set_gpr32(reg::EAX, value);
    drop(core);
    m
}

/// IA32_APIC_BASE of a model whose local APIC the machine has connected, after writing `value`, and whether CPUID shows
/// the APIC then.
fn apic_base_after(model: &str, value: u32) -> (u32, bool) {
    // wrmsr; rdmsr; mov esi, eax; mov eax, 1; cpuid
    let code = [
        0x0f, 0x30, 0x0f, 0x32, 0x89, 0xc6, 0xb8, 0x01, 0, 0, 0, 0x0f, 0xa2,
    ];
    let mut m = before_apic_base(&code, model, value);
    m.steps(5);
    (m.core().gpr32(reg::ESI), m.core().gpr32(reg::EDX) >> 9 & 1 != 0)
}

#[test]
fn the_local_apic_is_turned_off_and_moved_by_its_base_register() {
    assert_eq!(apic_base_after("core", 0xfee0_0900), (0xfee0_0900, true));
    assert_eq!(apic_base_after("core", 0x1234_5800), (0x1234_5900, true));
    assert_eq!(apic_base_after("core", 0xfee0_0000), (0xfee0_0100, false));
    for (model, on_again) in [("p3", false), ("core", true)] {
        let mut m = before_apic_base(&[0x0f, 0x30, 0x0f, 0x30], model, 0xfee0_0000);
        m.step();
        m.state().set_gpr32(reg::EAX, 0xfee0_0800);
        m.step();
        assert_eq!(m.core().apic_is_on(), on_again, "{model}");
    }
    for (model, value) in [
        ("core", 0xfee0_0a00),
        ("core", 0xfee0_0c00),
        ("pentium", 0xfee0_0900),
    ] {
        before_apic_base(&[0x0f, 0x30], model, value).faults(GP, Some(0));
    }
}

#[test]
fn cpuid_shows_the_local_apic_where_the_machine_has_connected_it() {
    for (model, connected, shown) in [
        ("pentium", true, true),
        ("core", true, true),
        ("core", false, false),
        ("core,-apic", true, false),
    ] {
        let mut m = Machine::with_model(&[0x0f, 0xa2], model);
        let mut core = m.state();
        core.apic_connected = connected;
        core.set_gpr32(reg::EAX, 1);
        drop(core);
        m.step();
        assert_eq!(m.core().gpr32(reg::EDX) >> 9 & 1 != 0, shown, "{model}");
    }
}

#[test]
fn the_tsc_counts_ticks_and_can_be_written() {
    // wrmsr; rdtsc
    let mut m = Machine::new(&[0x0f, 0x30, 0x0f, 0x31]);
    let mut core = m.state();
    core.set_gpr32(reg::ECX, 0x10);
    core.set_gpr32(reg::EAX, 1000);
    core.set_gpr32(reg::EDX, 5);
    drop(core);
    m.steps(2);
    assert_eq!((m.core().gpr32(reg::EAX), m.core().gpr32(reg::EDX)), (1001, 0));
    let mut m = Machine::user(&[0x0f, 0x31]);
    m.state().cr4 = Cr4::TSD;
    m.faults(GP, Some(0));
}

#[test]
fn cpuid_names_the_vendor_and_exists_from_the_pentium_on() {
    let mut m = Machine::new(&[0x0f, 0xa2]);
    m.step();
    let text = [reg::EBX, reg::EDX, reg::ECX].map(|register| m.core().gpr32(register).to_le_bytes());
    assert_eq!(&text.concat(), b"GenuineIntel");
    Machine::with_model(&[0x0f, 0xa2], "386").faults(UD, None);
}

#[test]
fn without_an_x87_its_opcodes_do_nothing_until_em_or_ts_is_set() {
    // fnstsw [0x50000]
    let code = [0xdd, 0x3d, 0, 0, 5, 0];
    let mut m = Machine::with_model(&code, "386");
    m.put32(0x50000, &[0x5a5a]);
    m.step();
    assert_eq!((m.core().eip, m.read32(0x50000)), (CODE + 6, 0x5a5a));
    for bit in [Cr0::EM, Cr0::TS] {
        let mut m = Machine::with_model(&code, "386");
        m.state().cr0 |= bit;
        m.faults(NM, None);
    }
}

#[test]
fn wait_faults_only_with_mp_and_ts() {
    for (bits, faults) in [(Cr0::MP, false), (Cr0::TS, false), (Cr0::MP | Cr0::TS, true)] {
        let mut m = Machine::new(&[0x9b]);
        m.state().cr0 |= bits;
        if faults {
            m.faults(NM, None);
        } else {
            m.step();
            assert_eq!(m.core().eip, CODE + 1);
        }
    }
}

#[test]
fn an_inner_ring_sees_what_lar_and_lsl_show_it() {
    // lar eax, bx; lsl ecx, bx
    let mut m = Machine::user(&[0x0f, 0x02, 0xc3, 0x0f, 0x03, 0xcb]);
    m.state().set_gpr32(reg::EBX, CODE3 as u32);
    m.steps(2);
    assert!(m.flags().contains(Eflags::ZF));
    assert_eq!(
        (m.core().gpr32(reg::EAX), m.core().gpr32(reg::ECX)),
        (0x00cf_fb00, u32::MAX)
    );
    let mut m = Machine::user(&[0x0f, 0x02, 0xc3]);
    m.state().set_gpr32(reg::EBX, TASK_A as u32);
    m.step();
    assert!(!m.flags().contains(Eflags::ZF));
    let mut m = Machine::new(&[0x0f, 0x02, 0xc3]);
    m.state().set_gpr32(reg::EBX, TASK_A as u32);
    m.step();
    assert_eq!(m.core().gpr32(reg::EAX), 0x8b00);
}
