//! When what was written is made durable.

use super::*;
use crate::test_rig::CountedFlushes;

/// Writes a sector to the diskette in drive 0.
fn write(rig: &mut Bench) {
    dma(rig, 512);
    assert_eq!(run(rig, &[WRITE, 0, 0, 0, 1, 2, 18, 0x1b, 0xff])[..2], [0, 0]);
}

#[test]
fn a_motor_that_stops_and_a_hardware_reset_make_writes_durable() {
    let (image, flushes) = CountedFlushes::image(K1440);
    let mut rig = bench_with(FloppyKind::Hd35, Some(image));
    seek(&mut rig, 0);
    write(&mut rig);
    rig.out(PORT_DOR, 0x1c);
    assert_eq!(flushes.count(), 0, "the other drive");
    rig.out(PORT_DOR, 0x0c);
    assert_eq!(flushes.count(), 1);
    rig.out(PORT_DOR, 0x1c);
    rig.out(PORT_DOR, 0x0c);
    assert_eq!(flushes.count(), 1, "nothing was written");
    rig.out(PORT_DOR, 0x1c);
    write(&mut rig);
    rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
    assert_eq!(flushes.count(), 2);
}
