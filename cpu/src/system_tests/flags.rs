//! EFLAGS under privilege, and ports: SDM vol. 2 "POPF", "CLI", vol. 1 §19.5, vol. 3B §20.4.

use super::*;
use crate::{Cr4, Shadow, vector::GP};

const PUSHF: u8 = 0x9c;
const POPF: u8 = 0x9d;
const CLI: u8 = 0xfa;
const STI: u8 = 0xfb;

fn pop_flags(m: &mut Machine, image: u32) -> Eflags {
    let esp = m.esp() - 4;
    m.state().set_gpr32(reg::ESP, esp);
    m.put32(esp, &[image]);
    m.step();
    m.flags()
}

#[test]
fn popf_changes_iopl_in_ring_0_only_and_if_up_to_iopl() {
    let everything = 0x003f_ffff & !0x100;
    let kept = Eflags::VM | Eflags::RF | Eflags::VIF | Eflags::VIP;
    let flags = pop_flags(&mut Machine::new(&[POPF]), everything);
    assert_eq!(flags, Eflags::all() & !kept & !Eflags::TF);
    let flags = pop_flags(&mut Machine::user(&[POPF]), everything);
    assert_eq!(
        flags,
        Eflags::all() & !kept & !Eflags::TF & !Eflags::IOPL & !Eflags::IF
    );
    let mut m = Machine::user(&[POPF]);
    m.state().set_flags_image(Eflags::IOPL, Eflags::all());
    assert_eq!(pop_flags(&mut m, 0x202), Eflags::IF | Eflags::IOPL | Eflags::ONE);
}

#[test]
fn older_models_have_fewer_flags() {
    for (model, wanted) in [
        ("386", Eflags::empty()),
        ("486", Eflags::AC),
        ("pentium", Eflags::AC | Eflags::ID),
    ] {
        let mut m = Machine::with_model(&[POPF], model);
        let flags = pop_flags(&mut m, 0x0024_0002);
        assert_eq!(flags & (Eflags::AC | Eflags::ID), wanted, "{model}");
    }
}

#[test]
fn pushf_shows_neither_vm_nor_rf() {
    let mut m = Machine::new(&[PUSHF]);
    m.state()
        .set_flags_image(Eflags::RF | Eflags::IOPL, Eflags::all());
    m.step();
    assert_eq!(m.stack(), [0x3002]);
}

#[test]
fn cli_and_sti_need_iopl_or_pvi() {
    Machine::user(&[CLI]).faults(GP, Some(0));
    Machine::user(&[STI]).faults(GP, Some(0));
    let mut m = Machine::user(&[STI, CLI]);
    m.state().cr4 = Cr4::PVI;
    m.step();
    assert_eq!(m.flags(), Eflags::VIF | Eflags::ONE);
    m.step();
    assert_eq!(m.flags(), Eflags::ONE);
    let mut m = Machine::user(&[STI]);
    m.state().cr4 = Cr4::PVI;
    m.state().set_flags_image(Eflags::VIP, Eflags::all());
    m.faults(GP, Some(0));
}

#[test]
fn sti_casts_a_shadow_only_when_it_sets_if() {
    let mut m = Machine::new(&[STI, STI]);
    m.step();
    assert_eq!(m.core().shadow, Shadow::Sti);
    m.step();
    assert_eq!(m.core().shadow, Shadow::None);
}

#[test]
fn the_io_bitmap_must_reach_one_byte_further_than_its_port() {
    // in eax, dx
    let run = |port: u32, limit: u32, bytes: &[u8]| {
        let mut m = Machine::user(&[0xed]);
        m.state().set_gpr32(reg::EDX, port);
        m.put(TSS_A + 0x88 + port / 8, bytes);
        m.state().tr.limit = limit;
        m
    };
    let mut m = run(0x3c6, 0x88 + 0x3c6 / 8 + 1, &[0x3f, 0xfc]);
    m.step();
    assert_eq!(m.core().gpr32(reg::EAX), u32::MAX);
    run(0x3c6, 0x88 + 0x3c6 / 8, &[0x3f, 0xfc]).faults(GP, Some(0));
    run(0x3c6, 0x200, &[0x3f, 0xfe]).faults(GP, Some(0));
    run(0x3c6, 0x66, &[0, 0]).faults(GP, Some(0));
}

#[test]
fn iopl_lets_protected_mode_programs_at_all_ports() {
    // out 0x80, al
    let mut m = Machine::user(&[0xe6, 0x80]);
    m.state().set_flags_image(Eflags::IOPL, Eflags::all());
    m.step();
    assert_eq!(m.bench.ports.written, [(0x80, 0)]);
}
