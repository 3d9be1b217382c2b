//! What a test program of ours says on COM1.

use oldiron_platform::{Machine, StopReason};

const SLICE: u64 = 10_000_000;

/// What the program writes to COM1 until `end` comes.
pub fn run(machine: &mut Machine, end: &str) -> String {
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

/// Checks that all lines but the last, `end`, say "ok", and that there are enough of them.
pub fn all_ok(said: &str, end: &str, at_least: usize) {
    let failures: Vec<&str> = said.lines().filter(|line| !line.starts_with("ok ")).collect();
    assert_eq!(failures, [end], "of {} lines", said.lines().count());
    assert!(said.lines().count() > at_least);
}
