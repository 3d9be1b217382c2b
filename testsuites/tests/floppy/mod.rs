//! A machine with a test floppy of ours in it, and what it says on COM1.

mod said;

use oldiron_platform::{Dispatch, FloppyKind, Machine, MachineBuilder, MemoryImage, Timing};
pub use said::{all_ok, run};

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
