//! A machine with a test floppy of ours in it, and what it says on COM1.

use oldiron_platform::{Dispatch, FloppyKind, Machine, MachineBuilder, MemoryImage, StopReason, Timing};

const FLOPPY_BYTES: usize = 1440 << 10;
const DISK_BYTES: usize = 33 << 20;

/// A PC that boots the floppy whose first tracks are `image`.
pub fn machine(image: &[u8], dispatch: Dispatch, timing: Timing) -> Machine {
    let mut floppy = image.to_vec();
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
