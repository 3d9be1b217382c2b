//! What bars x87 instructions, and how a waiting exception is reported. What they compute is tested beside
//! `crate::fpu`.

use super::*;
use crate::{
    Dispatch, Eflags,
    vector::{MF, NM},
};

/// Where control words and images lie.
const DATA: u32 = 0x50000;

/// `fldcw [DATA]; fld1; fldz; fdivp; nop; fld1`: divides by zero with that unmasked.
const DIVIDE_BY_ZERO: [u8; 15] = [
    0xd9, 0x2d, 0, 0, 5, 0, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0x90, 0xd9, 0xe8,
];
/// Offset of its last instruction.
const WAITING: u32 = CODE + 13;

fn after_division(last: &[u8]) -> Machine {
    let mut code = DIVIDE_BY_ZERO[..13].to_vec();
    code.extend(last);
    let mut m = Machine::new(&code);
    m.put32(DATA, &[0x37b]);
    m.steps(5);
    assert_eq!(m.core().eip, WAITING);
    m
}

#[test]
fn em_and_ts_bar_every_instruction_and_clts_lets_them_pass() {
    for bit in [Cr0::EM, Cr0::TS] {
        // fninit; fnstsw ax
        for code in [[0xdb, 0xe3], [0xdf, 0xe0]] {
            let mut m = Machine::new(&code);
            m.state().cr0 |= bit;
            m.faults(NM, None);
        }
    }
    let mut m = Machine::new(&[0x0f, 0x06, 0xdb, 0xe3]);
    m.state().cr0 |= Cr0::TS;
    m.steps(2);
    assert_eq!(m.core().eip, CODE + 4);
}

#[test]
fn detection_finds_an_x87_only_where_there_is_one() {
    // fninit; fnstsw [DATA]; fnstcw [DATA + 4]
    let code = [0xdb, 0xe3, 0xdd, 0x3d, 0, 0, 5, 0, 0xd9, 0x3d, 4, 0, 5, 0];
    for model in &MODELS {
        let mut m = Machine::with_model(&code, model.name);
        m.put32(DATA, &[0x5a5a, 0x5a5a]);
        m.steps(3);
        let found = (m.read16(DATA), m.read16(DATA + 4));
        let expected = if model.fpu { (0, 0x37f) } else { (0x5a5a, 0x5a5a) };
        assert_eq!(found, expected, "{}", model.name);
    }
}

#[test]
fn an_unmasked_exception_waits_for_the_next_waiting_instruction() {
    let mut m = after_division(&[0xd9, 0xe8]);
    m.faults(MF, None);
    let mut m = after_division(&[0x9b]);
    m.faults(MF, None);
    // fnclex; fld1
    let mut m = after_division(&[0xdb, 0xe2, 0xd9, 0xe8]);
    m.steps(2);
    assert_eq!(m.core().eip, WAITING + 4);
}

#[test]
fn fnstsw_shows_the_exception_and_fnstenv_where_it_was() {
    // fnstsw ax; fnstenv [DATA + 16]
    let mut m = after_division(&[0xdf, 0xe0, 0xd9, 0x35, 0x10, 0, 5, 0]);
    m.steps(2);
    // TOP 6, ES, B and ZE.
    assert_eq!(m.core().gpr32(reg::EAX), 0xb084);
    assert_eq!(m.read32(DATA + 16 + 12), CODE + 10);
    assert_eq!(m.read32(DATA + 16 + 16), 0x6f9 << 16 | CODE0 as u32);
    assert_eq!(m.read16(DATA + 16), 0x37b);
    assert_eq!(m.core().fpu.control_word(), 0x37f, "masked afterwards");
}

#[test]
fn without_ne_ferr_goes_up_and_the_instruction_waits_for_an_interrupt() {
    let mut m = after_division(&[0xd9, 0xe8]);
    m.state().cr0.remove(Cr0::NE);
    m.steps(3);
    assert_eq!(m.core().eip, WAITING);
    assert!(m.bench.ports.ferr);
    m.state().set_flags_image(Eflags::IF, Eflags::IF);
    m.bench.ports.intr = Some(5);
    m.step();
    assert_eq!(m.core().eip, HANDLERS + 5 * 16);
    let [eip]: [u32; 1] = m.stack();
    assert_eq!(eip, WAITING);
}

#[test]
fn ignne_lets_instructions_pass_and_ferr_falls_when_the_exception_is_gone() {
    // fld1; fnclex
    let mut m = after_division(&[0xd9, 0xe8, 0xdb, 0xe2]);
    m.state().cr0.remove(Cr0::NE);
    m.step();
    m.bench.ports.ignne = true;
    m.step();
    assert_eq!(m.core().eip, WAITING + 2);
    assert!(m.bench.ports.ferr);
    m.step();
    assert!(!m.bench.ports.ferr);
}

#[test]
fn an_environment_comes_back_from_all_four_forms() {
    for (prefix, wide) in [(&[][..], true), (&[0x66][..], false)] {
        // fld qword [DATA]; fnstenv [DATA + 64]; fldenv [DATA + 64]; fnstenv [DATA + 128]
        let mut code = vec![0xdd, 0x05, 0, 0, 5, 0];
        for (reg, at) in [(0x35, 0x40), (0x25, 0x40), (0x35, 0x80)] {
            code.extend(prefix);
            code.extend([0xd9, reg, at, 0, 5, 0]);
        }
        let mut m = Machine::new(&code);
        m.steps(4);
        let len = if wide { 28 } else { 14 };
        for at in (0..len).step_by(2) {
            assert_eq!(m.read16(DATA + 128 + at), m.read16(DATA + 64 + at), "{wide} {at}");
        }
        let operand = if wide { 20 } else { 10 };
        assert_eq!(m.read16(DATA + 64 + operand), DATA as u16);
    }
    // The same in virtual-8086 mode: linear addresses. DS is 2003h.
    let mut m = Machine::virtual8086(
        &[0xdd, 0x06, 0x34, 0x12, 0xd9, 0x36, 0, 2, 0x66, 0xd9, 0x36, 0, 3],
        0,
    );
    m.steps(3);
    assert_eq!(m.read16(0x20030 + 0x200 + 6), 0);
    assert_eq!(m.read16(0x20030 + 0x200 + 8), 1 << 12 | 0x506);
    assert_eq!(m.read16(0x20030 + 0x200 + 10), 0x1264);
    assert_eq!(m.read16(0x20030 + 0x200 + 12), 2 << 12);
    assert_eq!(m.read32(0x20030 + 0x300 + 12), 0xffff_0000);
    assert_eq!(m.read32(0x20030 + 0x300 + 16), 1 << 12 | 0x506);
}

#[test]
fn the_x87_is_part_of_a_saved_state() {
    use oldiron_mmu::{Snapshot, StateReader, StateWriter};
    let mut m = after_division(&[0x90]);
    let mut writer = StateWriter::default();
    m.bench.cpu.save(&mut writer);
    let bytes = writer.into_bytes();
    let saved = m.core().fpu.saved();
    let mut other = Cpu::new(m.bench.cpu.model());
    other.load(&mut StateReader::new("cpu", &bytes)).unwrap();
    assert_eq!(other.core().fpu, saved);
    assert!(m.state().fpu.is_pending());
}

#[test]
fn the_x87_and_mmx_take_turns_on_the_same_registers() {
    // fninit; mov ecx, 200
    let mut code = vec![0xdb, 0xe3, 0xb9, 200, 0, 0, 0];
    // fld1; movq mm1, mm0; paddb mm1, mm1; fld1; emms; fld1; fldpi; faddp; fstp st0; dec ecx; jnz
    code.extend([
        0xd9, 0xe8, 0x0f, 0x6f, 0xc8, 0x0f, 0xfc, 0xc9, 0xd9, 0xe8, 0x0f, 0x77,
    ]);
    code.extend([0xd9, 0xe8, 0xd9, 0xeb, 0xde, 0xc1, 0xdd, 0xd8, 0x49, 0x75, 0xe9]);
    let after = |dispatch| {
        let mut m = Machine::with_model(&code, "p2");
        m.bench.cpu.set_dispatch(dispatch);
        let end = m.bench.now + 2 + 200 * 11;
        m.bench.run(end);
        assert_eq!(m.core().eip, CODE + code.len() as u32);
        m.core().fpu.saved()
    };
    let fpu = after(Dispatch::Chained);
    assert_eq!(fpu, after(Dispatch::Loop));
    // EMMS leaves TOP at 0. FLD1 finds all registers full while MMX has them: its push is a stack fault. The sum is
    // inexact.
    assert_eq!((fpu.full_mask(), fpu.status_word() & 0x3861), (0, 0x61));
}
