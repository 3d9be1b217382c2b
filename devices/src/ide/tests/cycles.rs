//! How cycles reach the channel: whole, quiet, or in runs. What comes of it must be the same.

use super::*;
use crate::test_rig::Prng;

#[test]
fn the_block_methods_stop_at_the_end_of_the_block() {
    let mut rig = bench();
    lba(&mut rig, 10, 2);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    let mut buf = [0; 2048];
    assert_eq!(
        rig.with(|chip, ctx| chip.read_data_block(&mut buf[..100], ctx)),
        100
    );
    assert_eq!(
        rig.with(|chip, ctx| chip.read_data_block(&mut buf[100..], ctx)),
        412
    );
    assert_eq!(lba_in(&buf), 10);
    assert_eq!(
        rig.with(|chip, ctx| chip.read_data_block(&mut buf, ctx)),
        0,
        "busy with the next sector"
    );
    assert!(rig.wait_irq(IRQ));
    assert_eq!(
        rig.with(|chip, ctx| chip.write_data_block(&buf, ctx)),
        0,
        "the wrong direction"
    );
    assert_eq!(rig.with(|chip, ctx| chip.read_data_block(&mut buf, ctx)), 512);
    assert_eq!(lba_in(&buf), 11);
    assert_eq!(rig.with(|chip, ctx| chip.read_data_block(&mut buf, ctx)), 0);

    lba(&mut rig, 10, 1);
    rig.out(COMMAND, 0x30);
    rig.wait_micros(10);
    assert_eq!(
        rig.with(|chip, ctx| chip.write_data_block(&[0x5a; 2048], ctx)),
        512
    );
    assert_eq!(rig.inb(CONTROL), 0x80);
}

/// Two channels in the same state, to be treated differently.
fn twins() -> [Bench; 2] {
    [bench(), bench()]
}

#[track_caller]
fn agree(twins: &[Bench; 2]) {
    let [a, b] = twins;
    assert_eq!(a.now, b.now);
    assert_eq!(a.irq, b.irq);
    assert_eq!(a.timers, b.timers);
    assert_eq!(saved(&a.chip), saved(&b.chip));
}

#[test]
fn a_quiet_cycle_reads_what_a_whole_one_would() {
    let mut twins = twins();
    let mut random = Prng(0x1de_5eed);
    let mut quiet_cycles = 0;
    for round in 0..50_000 {
        let (register, micros) = (random.below(8) as u16, random.below(30));
        let width = [IoWidth::Word, IoWidth::Dword][random.below(2) as usize];
        match random.below(50) {
            0 => twins.iter_mut().for_each(|rig| rig.wait_micros(micros)),
            1 => {
                for rig in &mut twins {
                    rig.out(CONTROL, if micros & 1 == 0 { 0x02 } else { 0 });
                    lba(rig, 10, 3);
                    rig.out(COMMAND, 0x20);
                }
            }
            action => {
                let (port, width) = match action {
                    2..20 => (BASE, width),
                    20..30 => (CONTROL, IoWidth::Byte),
                    _ => (BASE + register.max(1), IoWidth::Byte),
                };
                let [first, second] = &mut twins;
                let expected = first.in_wide(port, width);
                let value = match second.chip.quiet_read(port, width, second.now) {
                    Some(value) => {
                        second.now += 1;
                        quiet_cycles += 1;
                        value
                    }
                    None => second.in_wide(port, width),
                };
                assert_eq!(value, expected, "{port:x} {width:?}");
                first.run_timers();
                second.run_timers();
            }
        }
        if round % 50 == 0 {
            agree(&twins);
        }
    }
    assert!(quiet_cycles > 25_000, "{quiet_cycles}");
}

#[test]
fn a_run_of_cycles_is_one_after_the_other_to_the_tick() {
    let mut random = Prng(0x05ee_d1de);
    for _ in 0..500 {
        let mut twins = twins();
        let width = [IoWidth::Byte, IoWidth::Word, IoWidth::Dword][random.below(3) as usize];
        let write = random.below(2) == 0;
        for rig in &mut twins {
            rig.out(BASE + SECTOR_COUNT, 2);
            command(rig, 0xc6);
            lba(rig, 30, 5);
            rig.out(COMMAND, if write { 0xc5 } else { 0xc4 });
            rig.wait_micros(30);
        }
        let [first, second] = &mut twins;
        for _ in 0..4 {
            let mut buf = vec![0; random.below(1500) as usize];
            buf.fill_with(|| random.next() as u8);
            let done = if write {
                first.with(|chip, ctx| chip.port_write_run(BASE, width, &buf, ctx))
            } else {
                first.with(|chip, ctx| chip.port_read_run(BASE, width, &mut buf, ctx))
            };
            let size = width.bytes() as usize;
            assert_eq!(done % size, 0);
            for element in buf[..done].chunks(size) {
                let mut bytes = [0; 4];
                bytes[..size].copy_from_slice(element);
                let value = u32::from_le_bytes(bytes);
                if write {
                    second.out_wide(BASE, value, width);
                } else {
                    assert_eq!(second.in_wide(BASE, width), value);
                }
            }
            first.now += (done / size) as u64;
            assert_eq!(saved(&first.chip), saved(&second.chip));
            let wait = random.below(2);
            first.wait_micros(wait);
            second.wait_micros(wait);
        }
        agree(&twins);
    }
}

#[test]
fn the_next_block_was_read_ahead_but_never_comes_inside_the_in() {
    for (feature, read_ahead) in [(0xaa, true), (0x55, false)] {
        let mut rig = bench();
        rig.out(BASE + ERROR_FEATURES, feature);
        command(&mut rig, 0xef);
        lba(&mut rig, 8, 2);
        rig.out(COMMAND, 0x20);
        rig.wait_micros(19);
        assert_eq!(rig.inb(CONTROL), 0x80, "the first comes from the disk");
        assert!(rig.wait_irq(IRQ));
        rig.inb(STATUS);
        read_words(&mut rig, 256);
        assert_eq!(rig.inb(CONTROL), 0x80);
        assert!(!rig.irq.is_high(IRQ));
        rig.wait_micros(1);
        assert_eq!(rig.irq.is_high(IRQ), read_ahead, "feature {feature:#x}");
        rig.wait_micros(20);
        assert_eq!(rig.inb(STATUS), 0x58);
        assert_eq!(lba_in(&read_words(&mut rig, 256)), 9);
    }
}

#[test]
fn under_nien_a_block_of_a_read_comes_in_time_without_a_timer() {
    let mut rig = bench();
    rig.out(CONTROL, 0x02);
    lba(&mut rig, 8, 2);
    rig.out(COMMAND, 0x20);
    assert_eq!(rig.timers.next_due(), Ticks::MAX);
    rig.wait_micros(19);
    assert_eq!(rig.inb(STATUS), 0x80);
    rig.wait_micros(1);
    assert_eq!(lba_in(&read_words(&mut rig, 256)), 8, "also if nobody asks first");
    assert_eq!(rig.inb(STATUS), 0x80);
    rig.out(CONTROL, 0);
    assert!(rig.wait_irq(IRQ), "who listens again hears of it");
    assert_eq!(lba_in(&read_words(&mut rig, 256)), 9);

    rig.out(CONTROL, 0x02);
    lba(&mut rig, 20, 1);
    rig.out(COMMAND, 0x20);
    rig.wait_micros(50);
    rig.out(CONTROL, 0);
    assert!(rig.irq.is_high(IRQ), "also if it came before");

    rig.out(CONTROL, 0x02);
    lba(&mut rig, 20, 1);
    rig.out(COMMAND, 0x30);
    assert_ne!(
        rig.timers.next_due(),
        Ticks::MAX,
        "writes do not wait to be looked at"
    );
}
