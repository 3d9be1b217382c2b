//! Paging structures that change while translations are cached.

use super::{CODE, Machine};
use crate::{Cr0, Dispatch, reg};

const DIRECTORY: u32 = 0x50000;
const TABLE: u32 = 0x51000;
/// The page that is mapped elsewhere, and its entry.
const PAGE: u32 = 0x60000;
const ENTRY: u32 = TABLE + (PAGE >> 12) * 4;

fn store(addr: u32, value: u32) -> Vec<u8> {
    [&[0xc7, 0x05][..], &addr.to_le_bytes(), &value.to_le_bytes()].concat()
}

/// A machine with its first MiB mapped to itself, whose code changes the entry of [`PAGE`] twice and never
/// drops a translation by itself.
fn machine(dispatch: Dispatch) -> Machine {
    let code = [
        &[0xa1][..],
        &PAGE.to_le_bytes(), // mov eax, [PAGE]
        &store(ENTRY, 0x61003),
        &[0x8b, 0x1d],
        &PAGE.to_le_bytes(), // mov ebx, [PAGE]
        &[0x89, 0x1d],
        &(PAGE + 4).to_le_bytes(), // mov [PAGE + 4], ebx
        &store(ENTRY, 0x61023),
        &[0x89, 0x1d],
        &(PAGE + 8).to_le_bytes(), // mov [PAGE + 8], ebx
        &[0xeb, 0xfe],             // jmp $
    ];
    let mut machine = Machine::new(&code.concat());
    machine.bench.cpu.set_dispatch(dispatch);
    let identity: Vec<u32> = (0..256).map(|page| page << 12 | 3).collect();
    machine.put32(TABLE, &identity);
    machine.put32(DIRECTORY, &[TABLE | 3]);
    machine.put32(PAGE, &[1]);
    machine.put32(PAGE + 0x1000, &[2]);
    let mut core = machine.state();
    core.cr3 = DIRECTORY;
    core.cr0 |= Cr0::PG;
    drop(core);
    machine
}

fn check(machine: &Machine) {
    let core = machine.core();
    assert_eq!((core.gpr32(reg::EAX), core.gpr32(reg::EBX)), (1, 2));
    assert_eq!(machine.read32(PAGE + 0x1008), 2);
    assert_eq!(machine.read32(ENTRY), 0x61063, "accessed and dirty are set again");
    assert_eq!(core.eip, CODE + 43);
}

#[test]
fn a_changed_entry_counts_from_the_next_instruction_on() {
    for dispatch in [Dispatch::Loop, Dispatch::Chained] {
        let mut machine = machine(dispatch);
        machine.bench.run(500);
        check(&machine);
    }
}

#[test]
fn it_makes_no_difference_when_translations_are_dropped() {
    for at in 0..8 {
        let mut machine = machine(Dispatch::Loop);
        machine.bench.run(at);
        machine.bench.cpu.flush_tlb();
        machine.bench.run(500);
        check(&machine);
    }
}
