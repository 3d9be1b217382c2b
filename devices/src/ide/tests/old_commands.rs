//! Commands of ATA-1 and ATA-2 that later standards dropped, and addresses that do not exist.

use super::*;

fn sector_at(rig: &mut Bench, at: u32) -> Vec<u8> {
    lba(rig, at, 1);
    assert_eq!(command(rig, 0x20), 0x58);
    let data = read_words(rig, 256);
    rig.inb(STATUS);
    data
}

/// Gives FORMAT TRACK its table, whose first descriptors are these, and returns the status.
fn format(rig: &mut Bench, descriptors: &[u8]) -> u8 {
    rig.out(COMMAND, 0x50);
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ), "no interrupt before the table");
    assert_eq!(rig.inb(CONTROL), 0x58);
    let mut table = [0; 512];
    for (number, pair) in (1..=63).zip(table.chunks_mut(2)) {
        pair[0] = descriptors.get(number - 1).copied().unwrap_or_default();
        pair[1] = number as u8;
    }
    write_words(rig, &table);
    assert!(rig.wait_irq(IRQ));
    rig.inb(STATUS)
}

#[test]
fn format_track_takes_a_table_and_clears_one_track() {
    let mut rig = bench();
    // Cylinder 2, head 3; the sector does not count.
    registers(&mut rig, [1, 200, 2, 0, 0xa3]);
    assert_eq!(format(&mut rig, &[]), 0x50);
    let first = (2 * 16 + 3) * 63;
    for (at, cleared) in [
        (first - 1, false),
        (first, true),
        (first + 62, true),
        (first + 63, false),
    ] {
        assert_eq!(
            sector_at(&mut rig, at).iter().all(|&byte| byte == 0),
            cleared,
            "{at}"
        );
    }
    // With LBA: the track that the sector is on.
    lba(&mut rig, 5 * 63 + 7, 1);
    assert_eq!(format(&mut rig, &[]), 0x50);
    assert!(sector_at(&mut rig, 5 * 63).iter().all(|&byte| byte == 0));
    assert_eq!(lba_in(&sector_at(&mut rig, 6 * 63)), 6 * 63);
}

#[test]
fn format_track_marks_no_sector_bad_and_finds_no_track_that_is_not_there() {
    let mut rig = bench();
    registers(&mut rig, [1, 1, 2, 0, 0xa3]);
    assert_eq!(format(&mut rig, &[0, 0x80]), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x04);
    assert_eq!(
        lba_in(&sector_at(&mut rig, (2 * 16 + 3) * 63)),
        (2 * 16 + 3) * 63,
        "nothing was written"
    );
    registers(&mut rig, [1, 1, 20, 0, 0xa3]);
    assert_eq!(command(&mut rig, 0x50), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
}

#[test]
fn a_write_that_begins_past_the_end_is_refused_before_it_asks_for_data() {
    let mut rig = bench();
    for opcode in [0x20, 0x30, 0x40, 0x70] {
        lba(&mut rig, SECTORS as u32, 1);
        assert_eq!(command(&mut rig, opcode), 0x51, "{opcode:#04x}");
        assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
        let [a, b, c, _] = (SECTORS as u32).to_le_bytes();
        assert_eq!(read_registers(&mut rig), [1, a, b, c, 0xe0]);
    }
}

#[test]
fn a_write_that_goes_past_the_end_keeps_what_came_before_and_names_the_sector() {
    let mut rig = bench();
    registers(&mut rig, [3, 62, 19, 0, 0xaf]);
    rig.out(COMMAND, 0x30);
    for _ in 0..3 {
        rig.wait_micros(100);
        write_words(&mut rig, &[0xee; 512]);
    }
    rig.wait_micros(100);
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
    assert_eq!(read_registers(&mut rig), [1, 1, 20, 0, 0xa0]);
    assert_eq!(sector_at(&mut rig, SECTORS as u32 - 1), [0xee; 512]);
}

#[test]
fn a_block_with_an_error_does_not_come_but_those_before_it_do() {
    let mut rig = bench();
    rig.out(BASE + SECTOR_COUNT, 4);
    assert_eq!(command(&mut rig, 0xc6), 0x50);
    lba(&mut rig, SECTORS as u32 - 6, 8);
    assert_eq!(command(&mut rig, 0xc4), 0x58);
    assert_eq!(lba_in(&read_words(&mut rig, 4 * 256)), SECTORS as u32 - 6);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x51, "no data");
    let [a, b, c, _] = (SECTORS as u32).to_le_bytes();
    assert_eq!(read_registers(&mut rig), [2, a, b, c, 0xe0]);
}

#[test]
fn write_verify_writes() {
    let mut rig = bench();
    lba(&mut rig, 8, 1);
    rig.out(COMMAND, 0x3c);
    rig.wait_micros(100);
    write_words(&mut rig, &[0x3c; 512]);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(sector_at(&mut rig, 8), [0x3c; 512]);
}
