//! The services of the system BIOS, tried by a floppy of our own: `bios/rom/selftest`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use oldiron_platform::{
    Dispatch, FloppyKind, HostEvent, Machine, MachineBuilder, MemoryImage, StopReason, Timing,
};

/// The first track of the floppy.
const SELFTEST: &[u8] = include_bytes!("../../bios/images/selftest.img");
const FLOPPY_BYTES: usize = 1440 << 10;
const DISK_BYTES: usize = 33 << 20;
const LAST_LINE: &str = "SELFTEST-DONE";

fn machine(dispatch: Dispatch, timing: Timing) -> Machine {
    let mut floppy = SELFTEST.to_vec();
    floppy.resize(FLOPPY_BYTES, 0);
    MachineBuilder::new()
        .memory_mib(16)
        .dispatch(dispatch)
        .timing(timing)
        .floppy(0, FloppyKind::Hd35, Some(Box::new(MemoryImage::new(floppy))))
        .disk(0, Box::new(MemoryImage::new(vec![0; DISK_BYTES])), None)
        .boot_order("ac")
        .build()
        .unwrap()
}

const SLICE: u64 = 10_000_000;

/// What the floppy writes to COM1 until `end` comes.
fn run(machine: &mut Machine, end: &str) -> String {
    const SLICES: u64 = 600;
    let mut said = String::new();
    for _ in 0..SLICES {
        let reason = machine.run_until(machine.now() + SLICE);
        let serial = std::mem::take(&mut machine.outbox().serial);
        said.extend(serial.iter().map(|byte| char::from(byte.byte)));
        if said.contains(end) {
            return said;
        }
        assert_eq!(reason, StopReason::Deadline, "{said}");
    }
    panic!("no end:\n{said}");
}

fn check(dispatch: Dispatch, timing: Timing) {
    let said = run(&mut machine(dispatch, timing), LAST_LINE);
    let failures: Vec<&str> = said.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert_eq!(failures, [LAST_LINE], "of {} lines", said.lines().count());
    assert!(said.lines().count() > 60);
}

#[test]
fn all_services_answer_as_the_manual_says() {
    check(Dispatch::Chained, Timing::Fast);
}

#[test]
fn they_do_with_the_reference_loop() {
    check(Dispatch::Loop, Timing::Fast);
}

#[test]
fn they_do_with_the_latencies_of_the_real_parts() {
    check(Dispatch::Chained, Timing::Real);
}

#[test]
fn post_takes_less_than_three_million_instructions() {
    let mut machine = machine(Dispatch::Chained, Timing::Fast);
    let mut end = 0;
    while !machine.text_screen().contains("F12: boot menu") {
        end += 100_000;
        machine.run_until(end);
        assert!(machine.instructions() < 3_000_000, "{}", machine.text_screen());
    }
    // The wait for F12 is slept.
    let before = machine.instructions();
    machine.run_until(end + 20_000_000);
    assert!(machine.instructions() - before < 10_000);
}

#[test]
fn the_mouse_handler_gets_status_and_movement() {
    let mut machine = machine(Dispatch::Chained, Timing::Fast);
    run(&mut machine, LAST_LINE);
    machine.post(HostEvent::Mouse {
        dx: 5,
        dy: 3,
        wheel: 0,
        buttons: 1,
    });
    // Up is positive for the mouse, down for the host. The ninth bit of Y is the sign in the status.
    let said = run(&mut machine, "mouse 0029 0005 00FD 0000");
    assert_eq!(said.matches("mouse").count(), 1, "{said}");
}
