//! The services of the system BIOS, tried by a floppy of our own: `bios/rom/selftest`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod floppy;

use oldiron_platform::{Dispatch, HostEvent, Machine, Timing};

/// What the floppy begins with.
const SELFTEST: &[u8] = include_bytes!("../../bios/images/selftest.img");
const LAST_LINE: &str = "SELFTEST-DONE";

fn machine(dispatch: Dispatch, timing: Timing) -> Machine {
    floppy::machine(SELFTEST, dispatch, timing)
}

fn check(dispatch: Dispatch, timing: Timing) {
    let said = floppy::run(&mut machine(dispatch, timing), LAST_LINE);
    floppy::all_ok(&said, LAST_LINE, 60);
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
    floppy::run(&mut machine, LAST_LINE);
    machine.post(HostEvent::Mouse {
        dx: 5,
        dy: 3,
        wheel: 0,
        buttons: 1,
    });
    // Up is positive for the mouse, down for the host. The ninth bit of Y is the sign in the status.
    let said = floppy::run(&mut machine, "mouse 0029 0005 00FD 0000");
    assert_eq!(said.matches("mouse").count(), 1, "{said}");
}
