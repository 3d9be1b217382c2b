//! When what was written is made durable.

use super::*;
use crate::test_rig::{CountedFlushes, Flushes};

/// A disk that counts, and its counter.
fn counted() -> (Bench, Flushes) {
    let (image, flushes) = CountedFlushes::image(SECTORS);
    (bench_with(Some(image), None), flushes)
}

fn write(rig: &mut Bench, count: u8) {
    lba(rig, 9, count);
    rig.out(COMMAND, 0x30);
    for _ in 0..count {
        rig.wait_micros(100);
        write_words(rig, &[9; 512]);
    }
    rig.wait_micros(100);
    assert_eq!(rig.inb(STATUS), 0x50);
}

#[test]
fn commands_that_stop_the_disk_or_its_cache_make_writes_durable() {
    for opcode in [0xe7, 0xe0, 0xe2, 0xe6, 0x94, 0x96, 0x99] {
        let (mut rig, flushes) = counted();
        write(&mut rig, 2);
        assert_eq!(flushes.count(), 0);
        rig.out(BASE + SECTOR_COUNT, 0);
        assert_eq!(command(&mut rig, opcode), 0x50);
        assert_eq!(flushes.count(), 1, "{opcode:#04x}");
    }
    let (mut rig, flushes) = counted();
    write(&mut rig, 1);
    rig.out(BASE + ERROR_FEATURES, 0x82);
    assert_eq!(command(&mut rig, 0xef), 0x50);
    assert_eq!(flushes.count(), 1, "write cache off");
}

#[test]
fn resets_make_writes_durable() {
    let (mut rig, flushes) = counted();
    write(&mut rig, 1);
    rig.out(CONTROL, 0x04);
    assert_eq!(flushes.count(), 1, "software");
    rig.out(CONTROL, 0x00);
    rig.wait_micros(100);
    rig.inb(STATUS);
    write(&mut rig, 1);
    rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
    assert_eq!(flushes.count(), 2, "hardware");
}

#[test]
fn without_a_write_cache_a_write_is_durable_before_it_ends() {
    let (mut rig, flushes) = counted();
    rig.out(BASE + ERROR_FEATURES, 0x82);
    assert_eq!(command(&mut rig, 0xef), 0x50);
    for n in 1..=3 {
        write(&mut rig, 3);
        assert_eq!(flushes.count(), n);
    }
    rig.out(BASE + ERROR_FEATURES, 0x02);
    assert_eq!(command(&mut rig, 0xef), 0x50);
    write(&mut rig, 3);
    assert_eq!(flushes.count(), 3);
}
