//! The commands of an ATA disk.

use super::*;
use crate::test_rig::BadSector;

#[test]
fn a_read_interrupts_before_each_sector_and_not_after_the_last() {
    let mut rig = bench();
    lba(&mut rig, 100, 3);
    rig.out(COMMAND, 0x20);
    for i in 0..3 {
        assert_eq!(rig.inb(CONTROL), 0x80);
        assert!(rig.wait_irq(IRQ));
        assert_eq!(rig.inb(STATUS), 0x58);
        assert_eq!(lba_in(&read_words(&mut rig, 256)), 100 + i);
    }
    assert_eq!(rig.inb(CONTROL), 0x50);
    rig.wait_micros(1000);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(
        read_registers(&mut rig),
        [0, 102, 0, 0, 0xe0],
        "the last sector, and none left"
    );
    assert_eq!(rig.out.activity, 1 << 2);
}

#[test]
fn a_write_has_no_interrupt_before_the_first_sector_and_one_after_each() {
    let mut rig = bench();
    lba(&mut rig, 50, 2);
    rig.out(COMMAND, 0x30);
    rig.run_timers();
    assert_eq!(rig.inb(CONTROL), 0x58, "before the next instruction");
    rig.wait_micros(1000);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(rig.inb(STATUS), 0x58);
    for (i, status) in [0x58, 0x50].into_iter().enumerate() {
        write_words(&mut rig, &[i as u8 + 1; 512]);
        assert_eq!(rig.inb(CONTROL), 0x80);
        assert!(rig.wait_irq(IRQ));
        assert_eq!(rig.inb(STATUS), status);
    }
    assert_eq!(read_registers(&mut rig), [0, 51, 0, 0, 0xe0]);
    lba(&mut rig, 49, 4);
    command(&mut rig, 0x20);
    for fill in [None, Some(1), Some(2), None] {
        rig.wait_irq(IRQ);
        let data = read_words(&mut rig, 256);
        rig.inb(STATUS);
        assert!(fill.is_none_or(|fill| data.iter().all(|&byte| byte == fill)));
    }
}

#[test]
fn with_the_latencies_of_a_real_disk_the_first_data_request_of_a_write_takes_a_while() {
    let mut rig = bench();
    rig.timing = crate::Timing::Real;
    lba(&mut rig, 50, 1);
    rig.out(COMMAND, 0x30);
    rig.run_timers();
    assert_eq!(rig.inb(CONTROL), 0x80);
    rig.wait_micros(2);
    assert_eq!(rig.inb(CONTROL), 0x58);
}

#[test]
fn a_block_is_in_the_write_cache_at_once_and_without_it_takes_20_us() {
    for (feature, ready) in [(0x02, true), (0x82, false)] {
        let mut rig = bench();
        rig.out(BASE + 1, feature);
        command(&mut rig, 0xef);
        lba(&mut rig, 50, 1);
        rig.out(COMMAND, 0x30);
        rig.wait_micros(10);
        write_words(&mut rig, &[7; 512]);
        assert_eq!(rig.inb(CONTROL), 0x80, "not inside the OUT");
        rig.wait_micros(1);
        let status = if ready { 0x50 } else { 0x80 };
        assert_eq!(rig.inb(CONTROL), status, "feature {feature:#x}");
        rig.wait_micros(20);
        assert_eq!(rig.inb(STATUS), 0x50);
    }
}

#[test]
fn chs_addresses_count_through_the_geometry() {
    let mut rig = bench();
    // Cylinder 3, head 15, sectors 62 and 63, then cylinder 4.
    registers(&mut rig, [3, 62, 3, 0, 0xaf]);
    rig.out(COMMAND, 0x21);
    for expected in [[2, 62, 3, 0, 0xaf], [1, 63, 3, 0, 0xaf], [0, 1, 4, 0, 0xa0]] {
        assert!(rig.wait_irq(IRQ));
        assert_eq!(rig.inb(STATUS), 0x58);
        assert_eq!(read_registers(&mut rig), expected);
        let data = read_words(&mut rig, 256);
        assert_eq!(
            lba_in(&data),
            (3 * 16 + 15) * 63 + 61 + (2 - u32::from(expected[0]))
        );
    }
    for bad in [[1, 0, 0, 0, 0xa0], [1, 64, 0, 0, 0xa0], [1, 1, 20, 0, 0xa0]] {
        registers(&mut rig, bad);
        assert_eq!(command(&mut rig, 0x20), 0x51);
        assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
    }
}

#[test]
fn a_transfer_past_the_end_stops_with_idnf_at_the_bad_address() {
    let mut rig = bench();
    lba(&mut rig, SECTORS as u32 - 1, 2);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    read_words(&mut rig, 256);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
    let [a, b, c, _] = (SECTORS as u32).to_le_bytes();
    assert_eq!(read_registers(&mut rig), [1, a, b, c, 0xe0]);
    assert!(
        rig.out.disk_errors.is_empty(),
        "the guest's mistake, not the host's"
    );
}

#[test]
fn a_count_of_zero_is_256_sectors() {
    let mut rig = bench();
    lba(&mut rig, 0, 0);
    rig.out(COMMAND, 0x20);
    for i in 0..256 {
        assert!(rig.wait_irq(IRQ));
        rig.inb(STATUS);
        assert_eq!(lba_in(&read_words(&mut rig, 256)), i);
    }
    rig.wait_micros(1000);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(read_registers(&mut rig), [0, 255, 0, 0, 0xe0]);
}

#[test]
fn multiple_mode_moves_blocks_with_one_interrupt_each() {
    let mut rig = bench();
    lba(&mut rig, 0, 4);
    assert_eq!(command(&mut rig, 0xc4), 0x51, "not before SET MULTIPLE MODE");
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x04);
    for (count, status) in [(3, 0x51), (32, 0x51), (0, 0x50), (4, 0x50)] {
        rig.out(BASE + SECTOR_COUNT, count);
        assert_eq!(command(&mut rig, 0xc6), status);
    }
    lba(&mut rig, 200, 10);
    rig.out(COMMAND, 0xc4);
    for sectors in [4, 4, 2] {
        assert!(rig.wait_irq(IRQ));
        assert_eq!(rig.inb(STATUS), 0x58);
        read_words(&mut rig, 256 * sectors);
    }
    assert_eq!(rig.inb(CONTROL), 0x50);
    assert_eq!(read_registers(&mut rig), [0, 209, 0, 0, 0xe0]);

    lba(&mut rig, 200, 6);
    rig.out(COMMAND, 0xc5);
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ));
    for (sectors, status) in [(4, 0x58), (2, 0x50)] {
        write_words(&mut rig, &vec![0x77; 512 * sectors]);
        assert!(rig.wait_irq(IRQ));
        assert_eq!(rig.inb(STATUS), status);
    }
}

#[test]
fn initialize_device_parameters_changes_the_translation() {
    let mut rig = bench();
    registers(&mut rig, [17, 0, 0, 0, 0xa3]);
    assert_eq!(command(&mut rig, 0x91), 0x50);
    registers(&mut rig, [1, 2, 5, 0, 0xa1]);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    assert_eq!(lba_in(&read_words(&mut rig, 256)), (5 * 4 + 1) * 17 + 1);
    registers(&mut rig, [1, 18, 5, 0, 0xa1]);
    assert_eq!(command(&mut rig, 0x20), 0x51);
    let words = identify(&mut rig);
    let cylinders = (SECTORS / 68) as u16;
    assert_eq!(
        words[1..7],
        [20, 0xc837, 16, 512 * 63, 512, 63],
        "the default stays"
    );
    assert_eq!(words[54..57], [cylinders, 4, 17]);
    assert_eq!(
        u32::from(words[57]) | u32::from(words[58]) << 16,
        u32::from(cylinders) * 68
    );
    registers(&mut rig, [0, 0, 0, 0, 0xa3]);
    assert_eq!(command(&mut rig, 0x91), 0x51);
}

fn identify(rig: &mut Bench) -> Vec<u16> {
    assert_eq!(command(rig, 0xec), 0x58);
    let bytes = read_words(rig, 256);
    assert_eq!(
        bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)),
        0,
        "integrity word"
    );
    assert_eq!(rig.inb(CONTROL), 0x50);
    bytes
        .chunks(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

#[test]
fn identify_device_describes_the_disk() {
    let mut rig = bench();
    rig.out(BASE + SECTOR_COUNT, 8);
    command(&mut rig, 0xc6);
    let words = identify(&mut rig);
    assert_eq!(words[0], 0x0040);
    assert_eq!(words[1..7], [20, 0xc837, 16, 512 * 63, 512, 63]);
    let text: Vec<u8> = words[27..47].iter().flat_map(|word| word.to_be_bytes()).collect();
    assert_eq!(String::from_utf8(text).unwrap().trim_end(), "OLDIRON HARDDISK");
    assert_eq!(words[47], 0x8010);
    assert_eq!(words[48], 1);
    assert_eq!(words[49], 0x2e00, "LBA, IORDY and the standby timer, no DMA");
    assert_eq!(words[53], 3);
    assert_eq!(words[54..57], [20, 16, 63]);
    assert_eq!(words[57], SECTORS as u16);
    assert_eq!(words[59], 0x0108);
    assert_eq!(words[60..62], [SECTORS as u16, (SECTORS >> 16) as u16]);
    assert_eq!(words[63], 0);
    assert_eq!(words[64], 3);
    assert_eq!(words[83], 0x7400);
    assert_eq!(words[88], 0);
    assert_eq!(words[93], 0x600b);
}

#[test]
fn seek_recalibrate_and_verify_complete_without_data() {
    let mut rig = bench();
    lba(&mut rig, 5, 9);
    assert_eq!(command(&mut rig, 0x40), 0x50);
    assert_eq!(read_registers(&mut rig), [0, 13, 0, 0, 0xe0]);
    lba(&mut rig, SECTORS as u32 - 2, 9);
    assert_eq!(command(&mut rig, 0x41), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
    for opcode in [0x10, 0x1f] {
        assert_eq!(command(&mut rig, opcode), 0x50);
    }
    lba(&mut rig, 77, 0);
    assert_eq!(command(&mut rig, 0x70), 0x50);
    lba(&mut rig, SECTORS as u32, 0);
    assert_eq!(command(&mut rig, 0x7f), 0x51);
}

#[test]
fn set_features_accepts_pio_modes_cache_and_look_ahead_only() {
    let mut rig = bench();
    for (feature, count, status) in [
        (0x03, 0x00, 0x50),
        (0x03, 0x0c, 0x50),
        (0x03, 0x0d, 0x51),
        (0x03, 0x22, 0x51),
        (0x03, 0x45, 0x51),
        (0x82, 0, 0x50),
        (0x55, 0, 0x50),
        (0x66, 0, 0x50),
        (0x5d, 0, 0x51),
    ] {
        rig.out(BASE + ERROR_FEATURES, feature);
        rig.out(BASE + SECTOR_COUNT, count);
        assert_eq!(command(&mut rig, 0xef), status, "{feature:#04x} {count:#04x}");
    }
    assert_eq!(identify(&mut rig)[85] & 0x60, 0);
    for feature in [0x02, 0xaa] {
        rig.out(BASE + ERROR_FEATURES, feature);
        assert_eq!(command(&mut rig, 0xef), 0x50);
    }
    assert_eq!(identify(&mut rig)[85] & 0x60, 0x60);
}

#[test]
fn power_commands_change_what_check_power_mode_reports() {
    let mut rig = bench();
    for (opcode, mode) in [
        (0xe0, 0x00),
        (0xe1, 0x80),
        (0x96, 0x00),
        (0x97, 0x80),
        (0xe4, 0x80),
        (0x94, 0x00),
        (0xec, 0x00),
        (0x40, 0xff),
    ] {
        lba(&mut rig, 0, 0);
        assert_eq!(command(&mut rig, opcode) & !0x08, 0x50);
        assert_eq!(command(&mut rig, 0xe5), 0x50);
        assert_eq!(rig.inb(BASE + SECTOR_COUNT), mode, "after {opcode:#04x}");
    }
}

#[test]
fn read_native_max_address_returns_the_last_sector() {
    let mut rig = bench();
    lba(&mut rig, 0, 0);
    assert_eq!(command(&mut rig, 0xf8), 0x50);
    let [a, b, c, _] = (SECTORS as u32 - 1).to_le_bytes();
    assert_eq!(read_registers(&mut rig)[1..], [a, b, c, 0xe0]);
}

#[test]
fn unknown_commands_abort_with_an_interrupt() {
    let mut rig = bench();
    // Among them PACKET, IDENTIFY PACKET DEVICE, READ DMA without a bus master, READ LONG, and SMART.
    for opcode in [
        0x00, 0x08, 0x22, 0x26, 0x2f, 0x32, 0xa0, 0xa1, 0xb0, 0xc8, 0xca, 0xf5, 0xff,
    ] {
        assert_eq!(command(&mut rig, opcode), 0x51);
        assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x04);
    }
}

#[test]
fn the_sector_buffer_is_written_and_read() {
    let mut rig = bench();
    rig.out(COMMAND, 0xe8);
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ));
    let data: Vec<u8> = (0..512).map(|i| (i * 5) as u8).collect();
    write_words(&mut rig, &data);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(command(&mut rig, 0xe4), 0x58);
    assert_eq!(read_words(&mut rig, 256), data);
}

#[test]
fn image_errors_become_status_and_are_reported() {
    let bad = BadSector {
        image: MemoryImage::new(numbered_bytes(SECTORS)),
        bad: 1001,
    };
    let mut rig = bench_with(Some(Box::new(bad)), None);
    lba(&mut rig, 1000, 4);
    command(&mut rig, 0x20);
    read_words(&mut rig, 256);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x40);
    assert_eq!(
        read_registers(&mut rig),
        [3, 0xe9, 3, 0, 0xe0],
        "the bad sector, and how many are missing"
    );
    assert_eq!(rig.out.disk_errors.len(), 1);
    lba(&mut rig, 1001, 1);
    rig.out(COMMAND, 0x30);
    rig.wait_micros(10);
    write_words(&mut rig, &[0; 512]);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x71, "device fault");
    assert_eq!(rig.out.disk_errors.len(), 2);
}

#[test]
fn a_write_to_a_protected_image_is_aborted_and_not_a_host_error() {
    let image = MemoryImage::read_only(numbered_bytes(SECTORS));
    let mut rig = bench_with(Some(Box::new(image)), None);
    lba(&mut rig, 0, 1);
    rig.out(COMMAND, 0x30);
    rig.wait_micros(10);
    write_words(&mut rig, &[0; 512]);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x04);
    assert!(rig.out.disk_errors.is_empty());
}

/// Fails to write once it has been flushed, so that a write after the flush shows.
struct Journal {
    image: MemoryImage,
    next: u64,
    flushed: bool,
}

impl BlockImage for Journal {
    fn sectors(&self) -> u64 {
        self.image.sectors()
    }

    fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
        self.image.read(lba, buf)
    }

    fn write(&mut self, lba: u64, data: &[u8]) -> Result<(), DiskError> {
        assert_eq!(
            (lba, self.flushed),
            (self.next, false),
            "in order, before the flush"
        );
        self.next += 1;
        self.image.write(lba, data)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        if self.next == 30 {
            // The reset as it is turned on.
            return Ok(());
        }
        assert_eq!(self.next, 35);
        self.flushed = true;
        Err(DiskError::Host("full".to_owned()))
    }
}

#[test]
fn writes_reach_the_image_in_order_and_flush_cache_flushes_it() {
    let journal = Journal {
        image: MemoryImage::new(numbered_bytes(SECTORS)),
        next: 30,
        flushed: false,
    };
    let mut rig = bench_with(Some(Box::new(journal)), None);
    lba(&mut rig, 30, 5);
    rig.out(COMMAND, 0x30);
    for _ in 0..5 {
        rig.wait_micros(100);
        write_words(&mut rig, &[9; 512]);
    }
    rig.wait_micros(100);
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(command(&mut rig, 0xe7), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x04);
    assert_eq!(
        rig.out.disk_errors,
        [DiskError::Host("full".to_owned())],
        "the image was asked"
    );
}

#[test]
fn a_disk_takes_its_time_in_real_time() {
    let mut rig = bench();
    rig.timing = crate::Timing::Real;
    lba(&mut rig, 5000, 1);
    let start = rig.now;
    command(&mut rig, 0x20);
    let millis = (rig.now - start) / rig.rate.micros(1000);
    assert_eq!(millis, 9);
}
