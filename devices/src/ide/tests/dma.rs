//! Bus-master DMA and addresses of 48 bits (ATA/ATAPI-6; PIIX3 §4.6).

use super::*;
use crate::test_rig::BadSector;

/// Where the bus master's registers are.
const MASTER: u16 = 0xc000;
const BM_STATUS: u16 = MASTER + 2;
const TABLE: u32 = 0x1000;
const START: u8 = 1;
const TO_MEMORY: u8 = 8;
const LAST: u32 = 1 << 31;

const READ_DMA: u8 = 0xc8;
const WRITE_DMA: u8 = 0xca;

fn bench_of(image: Box<dyn BlockImage>) -> Bench {
    let mut channel = IdeChannel::primary(IRQ).with_bus_master();
    channel.attach(0, image, None).unwrap();
    let mut rig = Rig::new(channel);
    rig.dma.ram = vec![0xee; 0x10_0000];
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.wait_micros(100);
    rig
}

fn bench() -> Bench {
    bench_of(disk(SECTORS))
}

/// Puts a table of regions, each an address, a count and flags, into memory, and tells the bus master.
fn table(rig: &mut Bench, regions: &[(u32, u32)]) {
    let bytes: Vec<u8> = regions
        .iter()
        .flat_map(|(address, count)| [address.to_le_bytes(), count.to_le_bytes()])
        .flatten()
        .collect();
    rig.dma.ram[TABLE as usize..][..bytes.len()].copy_from_slice(&bytes);
    for (port, byte) in (MASTER + 4..).zip(TABLE.to_le_bytes()) {
        rig.out(port, byte);
    }
}

/// Gives a command and starts the bus master; waits for the interrupt, if one comes.
fn transfer(rig: &mut Bench, opcode: u8, direction: u8) -> bool {
    rig.out(BM_STATUS, 0x06);
    rig.out(COMMAND, opcode);
    rig.out(MASTER, direction | START);
    rig.wait_irq(IRQ)
}

#[test]
fn read_dma_scatters_sectors_and_ends_with_one_interrupt() {
    let mut rig = bench();
    table(&mut rig, &[(0x2000, 1024), (0x8000, LAST + 18 * 512)]);
    lba(&mut rig, 5, 20);
    rig.out(BM_STATUS, 0x06);
    rig.out(COMMAND, READ_DMA);
    assert_eq!(rig.inb(CONTROL), 0x80);
    rig.out(MASTER, TO_MEMORY);
    rig.wait_micros(1000);
    assert_eq!(rig.inb(BM_STATUS), 0, "waits for the start");
    assert!(!rig.irq.is_high(IRQ));
    rig.out(MASTER, TO_MEMORY | START);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(BM_STATUS), 0x04, "all regions used, and the line rose");
    assert_eq!(rig.inb(STATUS), 0x50);
    rig.wait_micros(1000);
    assert!(!rig.irq.is_high(IRQ), "no second one");
    for (sector, at) in (5..7)
        .zip([0x2000, 0x2200])
        .chain((7..25).zip((0x8000..).step_by(512)))
    {
        assert_eq!(lba_in(&rig.dma.ram[at..]), sector);
    }
    assert_eq!(rig.dma.ram[0x2400], 0xee);
    assert_eq!(read_registers(&mut rig), [0, 24, 0, 0, 0xe0], "the last sector");
    rig.out(BM_STATUS, 0x04);
    assert_eq!(rig.inb(BM_STATUS), 0);
}

#[test]
fn write_dma_gathers_what_read_dma_returns() {
    let mut rig = bench();
    let data: Vec<u8> = (0..40 * 512u32).map(|n| (n * 7 / 8) as u8).collect();
    rig.dma.ram[0x4000..][..data.len()].copy_from_slice(&data);
    table(&mut rig, &[(0x4000, 2), (0x4002, 510), (0x4200, LAST + 39 * 512)]);
    lba(&mut rig, 100, 40);
    assert!(transfer(&mut rig, WRITE_DMA, 0));
    assert_eq!((rig.inb(STATUS), rig.inb(BM_STATUS)), (0x50, 0x04));
    table(&mut rig, &[(0x1_8000, LAST + 40 * 512)]);
    rig.out(MASTER, 0);
    lba(&mut rig, 100, 40);
    assert!(transfer(&mut rig, READ_DMA, TO_MEMORY));
    assert_eq!(&rig.dma.ram[0x1_8000..][..data.len()], &data);
}

#[test]
fn a_table_that_is_too_long_stays_active_and_one_that_is_too_short_stops_the_device() {
    let mut rig = bench();
    table(&mut rig, &[(0x2000, LAST)]);
    lba(&mut rig, 0, 8);
    assert!(transfer(&mut rig, READ_DMA, TO_MEMORY));
    assert_eq!(rig.inb(BM_STATUS), 0x05, "64 KiB, of which 4 KiB were used");
    rig.out(MASTER, 0);
    assert_eq!(rig.inb(BM_STATUS), 0x04);
    rig.inb(STATUS);

    table(&mut rig, &[(0x2000, 512 | LAST)]);
    lba(&mut rig, 0, 2);
    assert!(!transfer(&mut rig, READ_DMA, TO_MEMORY));
    assert_eq!(rig.inb(BM_STATUS), 0);
    assert_eq!(rig.inb(STATUS), 0x80, "the device waits");
    rig.out(CONTROL, 0x04);
    rig.out(CONTROL, 0x00);
    rig.wait_micros(100);
    assert_eq!(rig.inb(STATUS), 0x50, "until it is reset");
}

#[test]
fn the_wrong_direction_moves_nothing() {
    let mut rig = bench();
    table(&mut rig, &[(0x2000, 512 | LAST)]);
    lba(&mut rig, 0, 1);
    assert!(!transfer(&mut rig, READ_DMA, 0));
    assert_eq!(rig.inb(BM_STATUS), 0x01);
    assert_eq!(rig.dma.ram[0x2000], 0xee);
}

#[test]
fn regions_and_tables_outside_memory_do_no_harm() {
    let mut rig = bench();
    for region in [
        (0xffff_fffe, 0xffff_fffe | LAST),
        (0xffff_fff1, LAST),
        (0xf_ff00, 512 | LAST),
    ] {
        table(&mut rig, &[region]);
        lba(&mut rig, 0, 1);
        assert!(transfer(&mut rig, READ_DMA, TO_MEMORY), "{region:x?}");
        rig.inb(STATUS);
        rig.out(MASTER, 0);
    }
    for byte in 0..4 {
        rig.out(MASTER + 4 + byte, 0xff);
    }
    lba(&mut rig, 0, 0);
    transfer(&mut rig, READ_DMA, TO_MEMORY);
    assert_eq!(rig.inb(MASTER + 4), 0xfc, "tables are aligned");
}

#[test]
fn an_error_ends_the_command_at_its_sector() {
    let image = MemoryImage::new(numbered_bytes(SECTORS));
    let mut rig = bench_of(Box::new(BadSector { image, bad: 200 }));
    table(&mut rig, &[(0x2000, LAST + 40 * 512)]);
    lba(&mut rig, 182, 40);
    assert!(transfer(&mut rig, READ_DMA, TO_MEMORY));
    assert_eq!(rig.inb(BM_STATUS), 0x05);
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x40);
    assert_eq!(read_registers(&mut rig), [22, 200, 0, 0, 0xe0]);
}

#[test]
fn dma_is_offered_and_selected_where_there_is_a_bus_master_alone() {
    let words = |rig: &mut Bench| {
        registers(rig, [0, 0, 0, 0, 0xa0]);
        assert_eq!(command(rig, 0xec), 0x58);
        let bytes = read_words(rig, 256);
        [49, 63, 65].map(|word| u16::from_le_bytes([bytes[2 * word], bytes[2 * word + 1]]))
    };
    let mut rig = bench();
    assert_eq!(words(&mut rig), [0x2f00, 0x0007, 120]);
    rig.out(BASE + ERROR_FEATURES, 3);
    registers(&mut rig, [0x22, 0, 0, 0, 0xa0]);
    assert_eq!(command(&mut rig, 0xef), 0x50);
    assert_eq!(words(&mut rig)[1], 0x0407);
    rig.out(BASE + ERROR_FEATURES, 3);
    registers(&mut rig, [0x42, 0, 0, 0, 0xa0]);
    assert_eq!(command(&mut rig, 0xef), 0x51, "no Ultra DMA");

    let mut isa = super::bench();
    assert_eq!(words(&mut isa), [0x2e00, 0, 0]);
    lba(&mut isa, 0, 1);
    assert_eq!(command(&mut isa, READ_DMA), 0x51);
}

/// Writes registers twice: the upper halves first.
fn lba48(rig: &mut Bench, lba: u64, count: u16) {
    let [a, b, c, d, e, f, ..] = lba.to_le_bytes();
    let [low, high] = count.to_le_bytes();
    for (register, value) in (SECTOR_COUNT..).zip([high, d, e, f]) {
        rig.out(BASE + register, value);
    }
    registers(rig, [low, a, b, c, 0x40]);
}

#[test]
fn addresses_of_48_bits_reach_past_those_of_28() {
    struct Huge;
    impl BlockImage for Huge {
        fn sectors(&self) -> u64 {
            0x1_2345_6789
        }
        fn read(&mut self, lba: u64, buf: &mut [u8]) -> Result<(), DiskError> {
            buf.fill(0);
            buf[..8].copy_from_slice(&lba.to_le_bytes());
            Ok(())
        }
        fn write(&mut self, _: u64, _: &[u8]) -> Result<(), DiskError> {
            Ok(())
        }
        fn flush(&mut self) -> Result<(), DiskError> {
            Ok(())
        }
    }
    let mut rig = bench_of(Box::new(Huge));
    let last = 0x1_2345_6788u64;
    lba48(&mut rig, last - 2, 1);
    assert_eq!(command(&mut rig, 0x24), 0x58);
    assert_eq!(read_words(&mut rig, 256)[..8], (last - 2).to_le_bytes());
    table(&mut rig, &[(0x2000, 1024 | LAST)]);
    lba48(&mut rig, last - 1, 2);
    assert!(transfer(&mut rig, 0x25, TO_MEMORY));
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(rig.dma.ram[0x2200..0x2208], last.to_le_bytes());
    assert_eq!(read_registers(&mut rig)[..4], [0, 0x88, 0x67, 0x45]);
    rig.out(CONTROL, 0x80);
    assert_eq!(
        read_registers(&mut rig)[..4],
        [0, 0x23, 0x01, 0x00],
        "the upper halves"
    );
    rig.out(BASE + SECTOR_COUNT, 0);
    assert_eq!(rig.inb(BASE + SECTOR_NUMBER), 0x88, "HOB is cleared by a write");
    lba48(&mut rig, last + 1, 1);
    assert_eq!(command(&mut rig, 0x24), 0x51);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x10);
    rig.out(BASE + DEVICE_HEAD, 0x40);
    assert_eq!(command(&mut rig, 0x27), 0x50);
    assert_eq!(read_registers(&mut rig)[1..4], [0x88, 0x67, 0x45]);
    registers(&mut rig, [0, 0, 0, 0, 0xa0]);
    assert_eq!(command(&mut rig, 0xec), 0x58);
    let bytes = read_words(&mut rig, 256);
    assert_eq!(bytes[200..208], (last + 1).to_le_bytes());
    assert_eq!(bytes[120..124], [0xff, 0xff, 0xff, 0x0f]);
}

#[test]
fn a_packet_with_dma_reads_a_disc() {
    let mut channel = IdeChannel::primary(IRQ).with_bus_master();
    channel.attach_cdrom(0, Some(disk(400)));
    let mut rig = Rig::new(channel);
    rig.dma.ram = vec![0xee; 0x2_0000];
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.wait_micros(100);
    table(&mut rig, &[(0x4000, 0x8000), (0xc000, LAST + 0xc000)]);
    // The first commands after a reset are told of it.
    for packet in [[0u8; 12], [0; 12], [0x28, 0, 0, 0, 0, 3, 0, 0, 40, 0, 0, 0]] {
        rig.out(BASE + ERROR_FEATURES, 1);
        registers(&mut rig, [0, 0, 0, 0, 0xa0]);
        rig.out(COMMAND, 0xa0);
        rig.wait_micros(10);
        assert_eq!(rig.inb(CONTROL) & 0x88, 0x08);
        write_words(&mut rig, &packet);
        rig.out(MASTER, TO_MEMORY | START);
        assert!(rig.wait_irq(IRQ));
        rig.inb(STATUS);
    }
    assert_eq!(rig.inb(CONTROL) & 0x89, 0);
    assert_eq!(rig.inb(BM_STATUS), 0x04);
    assert_eq!(lba_in(&rig.dma.ram[0x4000..]), 12);
    assert_eq!(lba_in(&rig.dma.ram[0x4000 + 39 * 2048..]), 12 + 39 * 4);
}

#[test]
fn a_state_in_the_middle_of_a_transfer_goes_on() {
    use crate::test_rig::{assert_damaged_states_do_no_harm, assert_round_trip};
    let fresh = || bench_of(disk(200)).chip;
    let mut rig = bench_of(disk(200));
    table(&mut rig, &[(0x2000, 256), (0x8000, LAST + 40 * 512)]);
    lba(&mut rig, 0, 40);
    rig.out(COMMAND, READ_DMA);
    rig.out(MASTER, TO_MEMORY | START);
    rig.step();
    assert_damaged_states_do_no_harm(&rig.chip, fresh);
    assert_round_trip(&rig.chip, &mut fresh());
}
