//! Whole-channel tests, named after the behaviours that guests rely on.

mod commands;
mod cycles;
mod dma;
mod durable;
mod hostile_packets;
mod old_commands;
mod packet;
mod power;
mod soak;

use super::*;
use crate::MemoryImage;
use crate::test_rig::{Rig, numbered_bytes};

const IRQ: IrqLine = IrqLine::new(14);
const BASE: u16 = 0x1f0;
const STATUS: u16 = BASE + STATUS_COMMAND;
const COMMAND: u16 = STATUS;
const CONTROL: u16 = BASE + ALTERNATE_CONTROL;

/// 20 cylinders, 16 heads, 63 sectors.
const SECTORS: u64 = 20 * 16 * 63;

type Bench = Rig<IdeChannel>;

fn disk(sectors: u64) -> Box<dyn BlockImage> {
    Box::new(MemoryImage::new(numbered_bytes(sectors)))
}

/// A channel with these disks, reset done.
fn bench_with(first: Option<Box<dyn BlockImage>>, second: Option<Box<dyn BlockImage>>) -> Bench {
    let mut channel = IdeChannel::primary(IRQ);
    for (device, image) in [first, second].into_iter().enumerate() {
        if let Some(image) = image {
            channel.attach(device as u8, image, None).unwrap();
        }
    }
    let mut rig = Rig::new(channel);
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.wait_micros(100);
    rig
}

/// One disk, as device 0.
fn bench() -> Bench {
    bench_with(Some(disk(SECTORS)), None)
}

fn registers(rig: &mut Bench, values: [u8; 5]) {
    for (register, value) in (SECTOR_COUNT..).zip(values) {
        rig.out(BASE + register, value);
    }
}

fn read_registers(rig: &mut Bench) -> [u8; 5] {
    core::array::from_fn(|i| rig.inb(BASE + SECTOR_COUNT + i as u16))
}

/// Registers for `count` sectors from `lba`, on device 0.
fn lba(rig: &mut Bench, lba: u32, count: u8) {
    let [a, b, c, d] = lba.to_le_bytes();
    registers(rig, [count, a, b, c, 0xe0 | d]);
}

/// Gives a command and waits for its interrupt; returns the status, which drops the interrupt.
fn command(rig: &mut Bench, opcode: u8) -> u8 {
    rig.out(COMMAND, opcode);
    assert_eq!(
        rig.inb(CONTROL),
        0x80,
        "busy, and nothing completes inside the OUT"
    );
    assert!(!rig.irq.is_high(IRQ));
    assert!(rig.wait_irq(IRQ));
    rig.inb(STATUS)
}

fn read_words(rig: &mut Bench, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..count {
        bytes.extend_from_slice(&(rig.in_wide(BASE, IoWidth::Word) as u16).to_le_bytes());
    }
    bytes
}

fn write_words(rig: &mut Bench, bytes: &[u8]) {
    for pair in bytes.chunks(2) {
        rig.out_wide(BASE, u16::from_le_bytes([pair[0], pair[1]]).into(), IoWidth::Word);
    }
}

fn lba_in(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().unwrap())
}

#[test]
fn reading_the_status_drops_the_interrupt_but_the_alternate_status_does_not() {
    let mut rig = bench();
    lba(&mut rig, 0, 1);
    rig.out(COMMAND, 0x40);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(CONTROL), 0x50);
    assert!(rig.irq.is_high(IRQ));
    assert_eq!(rig.inb(STATUS), 0x50);
    assert!(!rig.irq.is_high(IRQ));
}

#[test]
fn an_absent_slave_has_status_0_and_an_absent_channel_floats() {
    let mut rig = bench();
    rig.out(BASE + DEVICE_HEAD, 0xb0);
    assert_eq!(rig.inb(STATUS), 0);
    assert_eq!(rig.inb(CONTROL), 0);
    rig.out(COMMAND, 0xec);
    rig.wait_micros(1000);
    assert!(!rig.irq.is_high(IRQ), "a command to nobody");
    rig.out(BASE + DEVICE_HEAD, 0xa0);
    assert_eq!(rig.inb(STATUS), 0x50, "and device 0 did not hear it");

    let mut none = bench_with(None, None);
    for port in (0..8).map(|i| BASE + i).chain([CONTROL]) {
        assert_eq!(none.inb(port), 0xff);
    }
    assert_eq!(none.in_wide(BASE, IoWidth::Word), 0xffff);

    let mut only_slave = bench_with(None, Some(disk(SECTORS)));
    assert_eq!(only_slave.inb(STATUS), 0xff);
    only_slave.out(BASE + DEVICE_HEAD, 0xb0);
    assert_eq!(only_slave.inb(STATUS), 0x50);
}

#[test]
fn registers_are_written_to_both_devices_and_commands_to_the_selected_one() {
    let mut rig = bench_with(Some(disk(SECTORS)), Some(disk(5000)));
    registers(&mut rig, [5, 6, 7, 8, 0xe3]);
    rig.out(BASE + DEVICE_HEAD, 0xf3);
    assert_eq!(read_registers(&mut rig), [5, 6, 7, 8, 0xf3]);
    assert_eq!(command(&mut rig, 0xf8), 0x50);
    assert_eq!(
        read_registers(&mut rig),
        [5, 0x87, 0x13, 0, 0xf0],
        "4999 in device 1"
    );
    rig.out(BASE + DEVICE_HEAD, 0xe0);
    assert_eq!(
        read_registers(&mut rig),
        [5, 6, 7, 8, 0xe0],
        "device 0 keeps its own"
    );
}

#[test]
fn software_reset_is_busy_then_leaves_the_signature_and_selects_device_0() {
    let mut rig = bench_with(Some(disk(SECTORS)), Some(disk(5000)));
    registers(&mut rig, [5, 6, 7, 8, 0xf3]);
    rig.out(CONTROL, 0x04);
    assert_eq!(rig.inb(CONTROL), 0x80);
    rig.wait_micros(10_000);
    assert_eq!(rig.inb(STATUS), 0x80, "as long as SRST is set");
    rig.out(CONTROL, 0);
    assert_eq!(rig.inb(STATUS), 0x80);
    rig.wait_micros(100);
    for device in [0xa0, 0xb0] {
        assert_eq!(rig.inb(STATUS), 0x50);
        assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x01);
        assert_eq!(read_registers(&mut rig), [1, 1, 0, 0, device]);
        rig.out(BASE + DEVICE_HEAD, 0xb0);
    }
    assert!(!rig.irq.is_high(IRQ), "a reset does not interrupt");
}

#[test]
fn software_reset_stops_a_transfer() {
    let mut rig = bench();
    lba(&mut rig, 0, 8);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    rig.out(CONTROL, 0x04);
    rig.out(CONTROL, 0x00);
    rig.wait_micros(100);
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(rig.in_wide(BASE, IoWidth::Word), 0xffff);
}

#[test]
fn nien_masks_the_wire_but_not_the_state() {
    let mut rig = bench();
    rig.out(CONTROL, 0x02);
    lba(&mut rig, 0, 1);
    rig.out(COMMAND, 0x20);
    rig.wait_micros(100);
    assert_eq!(rig.inb(CONTROL), 0x58);
    assert!(!rig.irq.is_high(IRQ));
    rig.out(CONTROL, 0x00);
    assert!(rig.irq.is_high(IRQ));
}

#[test]
fn the_wire_is_that_of_the_selected_device() {
    let mut rig = bench_with(Some(disk(SECTORS)), Some(disk(5000)));
    lba(&mut rig, 0, 1);
    rig.out(COMMAND, 0x40);
    rig.out(BASE + DEVICE_HEAD, 0xf0);
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ));
    rig.out(BASE + DEVICE_HEAD, 0xe0);
    assert!(rig.irq.is_high(IRQ));
}

#[test]
fn execute_diagnostic_runs_on_both_and_interrupts_once() {
    let mut rig = bench_with(Some(disk(SECTORS)), Some(disk(5000)));
    registers(&mut rig, [5, 6, 7, 8, 0xf3]);
    assert_eq!(command(&mut rig, 0x90), 0x50);
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0x01);
    assert_eq!(read_registers(&mut rig), [1, 1, 0, 0, 0xa0]);
    rig.out(BASE + DEVICE_HEAD, 0xb0);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(rig.inb(STATUS), 0x50);

    let mut rig = bench();
    rig.out(BASE + DEVICE_HEAD, 0xb0);
    assert_eq!(
        command(&mut rig, 0x90),
        0x50,
        "also when an absent device 1 was selected"
    );
}

#[test]
fn the_data_port_is_16_and_32_bits_wide() {
    let mut rig = bench();
    assert!(rig.chip.wide_ports(BASE));
    assert!(!rig.chip.wide_ports(BASE + 1));
    lba(&mut rig, 300, 1);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    assert_eq!(rig.in_wide(BASE, IoWidth::Dword), 300);
    let rest = read_words(&mut rig, 254);
    assert!(rest.iter().all(|&byte| byte == 300u32.wrapping_mul(7) as u8));
    assert_eq!(rig.inb(STATUS), 0x50);

    lba(&mut rig, 300, 1);
    rig.out(COMMAND, 0x30);
    rig.wait_micros(10);
    for i in 0..128 {
        rig.out_wide(BASE, i * 0x01010101, IoWidth::Dword);
    }
    assert!(rig.wait_irq(IRQ));
    lba(&mut rig, 300, 1);
    command(&mut rig, 0x20);
    let data = read_words(&mut rig, 256);
    assert!((0..512).all(|i| data[i] == (i / 4) as u8));
}

#[test]
fn a_cycle_of_eight_bits_at_the_data_port_moves_a_word_and_loses_half_of_it() {
    let mut rig = bench();
    lba(&mut rig, 0x12345 % SECTORS as u32, 1);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    let number = (0x12345 % SECTORS as u32).to_le_bytes();
    assert_eq!([rig.inb(BASE), rig.inb(BASE)], [number[0], number[2]]);
    read_words(&mut rig, 254);
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(rig.inb(BASE), 0xff, "nothing to read");

    rig.out(COMMAND, 0xe8);
    rig.wait_micros(100);
    for i in 0..=255 {
        rig.out(BASE, i);
    }
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x50);
    assert_eq!(command(&mut rig, 0xe4), 0x58);
    let data = read_words(&mut rig, 256);
    assert!((0..256).all(|i| data[2 * i..2 * i + 2] == [i as u8, 0xff]));
}

#[test]
fn a_double_word_at_the_end_of_a_block_is_half_undriven() {
    let mut rig = bench();
    lba(&mut rig, 300, 1);
    assert_eq!(command(&mut rig, 0x20), 0x58);
    read_words(&mut rig, 255);
    assert_eq!(rig.in_wide(BASE, IoWidth::Dword) >> 16, 0xffff);
    assert_eq!(rig.inb(STATUS), 0x50);
}

#[test]
fn a_new_command_takes_the_interrupt_of_the_last_back() {
    let mut rig = bench();
    lba(&mut rig, 0, 1);
    rig.out(COMMAND, 0x40);
    assert!(rig.wait_irq(IRQ));
    rig.out(COMMAND, 0x40);
    assert!(!rig.irq.is_high(IRQ));
    assert!(rig.wait_irq(IRQ));
    rig.out(COMMAND, 0xff);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(rig.inb(STATUS), 0x51);
    assert_eq!(command(&mut rig, 0x40), 0x50, "and its error");
    assert_eq!(rig.inb(BASE + ERROR_FEATURES), 0);
}

#[test]
fn a_busy_device_takes_no_command_and_no_register_but_selection() {
    let mut rig = bench_with(Some(disk(SECTORS)), Some(disk(5000)));
    lba(&mut rig, 4, 1);
    rig.out(COMMAND, 0x20);
    rig.out(BASE + SECTOR_NUMBER, 9);
    rig.out(COMMAND, 0xec);
    assert!(rig.wait_irq(IRQ));
    rig.inb(STATUS);
    assert_eq!(lba_in(&read_words(&mut rig, 256)), 4);
}

fn saved(chip: &IdeChannel) -> Vec<u8> {
    let mut w = StateWriter::new();
    w.component(chip);
    w.into_bytes()
}

fn load(chip: &mut IdeChannel, bytes: &[u8]) -> Result<(), SnapshotError> {
    StateReader::new("test", bytes).component(chip)
}

#[test]
fn state_survives_the_round_trip_in_the_middle_of_a_transfer() {
    let mut rig = bench();
    lba(&mut rig, 7, 3);
    command(&mut rig, 0x20);
    read_words(&mut rig, 100);
    let bytes = saved(&rig.chip);
    let mut other = IdeChannel::primary(IRQ);
    other.attach(0, disk(SECTORS), None).unwrap();
    load(&mut other, &bytes).unwrap();
    assert_eq!(saved(&other), bytes);
    rig.chip = other;
    read_words(&mut rig, 156);
    assert!(rig.wait_irq(IRQ));
    assert_eq!(lba_in(&read_words(&mut rig, 256)), 8);

    let mut wrong = IdeChannel::primary(IRQ);
    assert!(load(&mut wrong, &bytes).is_err());
    wrong.attach(0, disk(100), None).unwrap();
    assert!(load(&mut wrong, &bytes).is_err());
}
