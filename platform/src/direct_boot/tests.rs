//! Whole machines with the built-in BIOS, booted directly.

use super::*;
use crate::{HostEvent, Machine, MachineBuilder, StopReason};

const SECONDS: u64 = 100_000_000;

fn file(name: &str, bytes: &[u8]) -> BootFile {
    BootFile {
        name: name.to_owned(),
        bytes: bytes.to_vec(),
    }
}

fn machine(boot: &DirectBoot) -> Machine {
    let builder = MachineBuilder::new().memory_mib(4).debug_console(true);
    builder.direct_boot(Some(boot.clone())).build().unwrap()
}

/// What the guest says after the BIOS, until it halts.
fn says(machine: &mut Machine) -> String {
    let until = machine.now() + 30 * SECONDS;
    assert_eq!(machine.run_until(until), StopReason::HaltedForever);
    let said = core::mem::take(&mut machine.outbox().debug_console);
    let said = String::from_utf8_lossy(&said).into_owned();
    let (_, guest) = said.rsplit_once("\r\n").unwrap();
    guest.to_owned()
}

/// 16- or 32-bit code: writes the string at SI or ESI to port E9h, and halts.
const SAY: [u8; 10] = [
    0xac, // again: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x04, // jz end
    0xe6, 0xe9, // out e9h, al
    0xeb, 0xf7, // jmp again
    0xfa, // end: cli
];
const HALT: [u8; 1] = [0xf4];

#[test]
fn a_program_starts_where_it_was_put_after_the_self_test() {
    let mut code = vec![0x0e, 0x1f, 0xbe, 0x10, 0x01]; // push cs; pop ds; mov si, 110h
    code.extend(SAY);
    code.extend(HALT);
    code.extend(b"in real mode\0");
    let boot = DirectBoot::program(vec![(0x2_0100, file("a.bin", &code))], (0x2000, 0x100)).unwrap();
    let mut machine = machine(&boot);
    assert_eq!(says(&mut machine), "in real mode");
    machine.post(HostEvent::Reset);
    assert_eq!(says(&mut machine), "in real mode", "and again after a reset");
}

fn multiboot() -> DirectBoot {
    let mut code = vec![0x3d, 0x02, 0xb0, 0xad, 0x2b, 0x75, 0x0c]; // cmp eax, 2BADB002h; jne the HLT
    code.extend([0x8b, 0x73, 16]); // mov esi, [ebx+16]
    code.extend(SAY);
    code.extend(HALT);
    let kernel = file("kernel.elf", &multiboot::tests::elf_kernel(3, &code));
    DirectBoot::kernel(kernel, vec![file("module", b"m")], "one two").unwrap()
}

#[test]
fn a_multiboot_kernel_starts_in_protected_mode_with_its_command_line() {
    assert_eq!(says(&mut machine(&multiboot())), "kernel.elf one two");
}

/// A setup that says its command line, as protocol 2.02 has it.
fn linux() -> Vec<u8> {
    let mut image = vec![0; 1024];
    for (at, bytes) in [
        (0x1f1, &[1][..]),
        (0x1f4, &[2, 0]),
        (
            0x1fe,
            &[0x55, 0xaa, 0xeb, 0x3e, b'H', b'd', b'r', b'S', 0x02, 0x02],
        ),
        (0x211, &[1]),
        (0x214, &[0, 0, 0x10, 0]),
        // mov esi, [228h]: 64 KiB and an offset; mov ax, 1000h; mov ds, ax; movzx esi, si
        (
            0x240,
            &[
                0x66, 0x8b, 0x36, 0x28, 0x02, 0xb8, 0x00, 0x10, 0x8e, 0xd8, 0x66, 0x0f, 0xb7, 0xf6,
            ],
        ),
        (0x24e, &SAY),
        (0x258, &HALT),
    ] {
        put(&mut image, at, bytes);
    }
    image.extend([0; 32]);
    image
}

#[test]
fn linux_starts_at_its_setup_with_its_command_line() {
    let boot = DirectBoot::kernel(file("bzImage", &linux()), Vec::new(), "quiet").unwrap();
    assert_eq!(boot.check(4), Ok(()));
    assert_eq!(says(&mut machine(&boot)), "quiet");
}

#[test]
fn a_state_fits_a_machine_with_the_same_files_only() {
    let mut first = machine(&multiboot());
    let mut tick = 0;
    // In steps, so that some states are from amid the handover.
    let states: Vec<_> = core::iter::from_fn(|| {
        tick += 777_777;
        (first.run_until(tick) == StopReason::Deadline).then(|| first.save_state().unwrap())
    })
    .collect();
    assert!(states.len() > 2, "{}", states.len());
    for state in &states {
        let mut other = machine(&multiboot());
        other.restore_state(state).unwrap();
        other.run_until(first.now());
        assert_eq!(other.state_hash(), first.state_hash());
    }
    let boot = DirectBoot::kernel(file("bzImage", &linux()), Vec::new(), "quiet").unwrap();
    let refused = machine(&boot).restore_state(&states[0]).unwrap_err().to_string();
    assert!(
        refused.contains("kernel, initial RAM disks or other files"),
        "{refused}"
    );
    let builder = MachineBuilder::new().memory_mib(4).debug_console(true);
    let mut without = builder.build().unwrap();
    assert!(
        without
            .restore_state(&states[0])
            .unwrap_err()
            .to_string()
            .contains("has none")
    );
}

#[test]
fn what_does_not_fit_the_memory_that_the_bios_reports_is_said_on_the_screen() {
    // Not checked beforehand: the port has the last word.
    let boot = DirectBoot::program(vec![(0x80_0000, file("a.bin", &HALT))], (0, 0)).unwrap();
    let mut machine = machine(&boot);
    machine.run_until(10 * SECONDS);
    let screen = machine.text_screen();
    assert!(
        screen.contains("a.bin: 1 bytes at 0x800000 are not in memory"),
        "{screen}"
    );
}

#[test]
fn files_that_are_no_kernels_are_refused_by_what_they_are() {
    let mut sector = vec![0; 512];
    put(&mut sector, 510, &[0x55, 0xaa]);
    for (bytes, words) in [
        (&b""[..], "an empty file"),
        (b"hello", "not a kernel"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\x7fELF", "without a multiboot header"),
        (&sector, "give a disk image without --kernel"),
    ] {
        let refused = DirectBoot::kernel(file("x", bytes), Vec::new(), "")
            .err()
            .unwrap();
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[test]
fn an_adapter_rom_is_found_by_the_bios_and_leaves_room_for_that_of_direct_boot() {
    // 55 AA, 512 bytes: mov al, 'R'; out e9h, al; retf
    let mut rom = vec![0x55, 0xaa, 1, 0xb0, b'R', 0xe6, 0xe9, 0xcb];
    rom.resize(512, 0);
    rom[511] = rom.iter().fold(0, |sum: u8, &byte| sum.wrapping_sub(byte));
    let boot = multiboot();
    let builder = MachineBuilder::new().memory_mib(4).debug_console(true);
    let builder = builder.adapter_rom(0xc_8800, rom.clone()).direct_boot(Some(boot));
    assert_eq!(says(&mut builder.build().unwrap()), "Rkernel.elf one two");
    for at in [0xc_0000, 0xc_7fff, 0xe_ff00, 0x10_0000] {
        let builder = MachineBuilder::new().memory_mib(1).adapter_rom(at, rom.clone());
        assert!(builder.build().is_err(), "{at:x}");
    }
}
