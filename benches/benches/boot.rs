//! A whole machine from power-on, through the BIOS, to the menu of the demo disk.
#![allow(
    missing_docs,
    reason = "criterion's macros make functions without documentation"
)]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use oldiron_platform::{FloppyKind, MachineBuilder, MemoryImage, StopReason};

const FLOPPY_SIZE: usize = 1440 << 10;
/// The menu is there after less than a guest second.
const GUEST_SECONDS: u64 = 1;

/// Boots to the menu; gives back what the screen says.
fn demo() -> Option<String> {
    let mut image = oldiron_bios::DEMO_DISK.to_vec();
    image.resize(FLOPPY_SIZE, 0);
    let image = Box::new(MemoryImage::new(image));
    let mut machine = MachineBuilder::new()
        .memory_mib(8)
        .floppy(0, FloppyKind::Hd35, Some(image))
        .build()
        .ok()?;
    let second = machine.rate().per_second();
    let reason = machine.run_until(GUEST_SECONDS * second);
    (reason == StopReason::Deadline).then(|| machine.text_screen())
}

fn boot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("boot");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("demo disk", |b| b.iter(demo));
    group.finish();
}

criterion_group!(benches, boot);
criterion_main!(benches);
