//! Packets that no driver would send, with every operation code, and hosts that do not keep to the protocol. Each
//! command ends as the standard says, or waits for what it may wait for, and a reset always helps.

use super::*;
use crate::test_rig::Prng;

/// Random packets for each operation code.
const BODIES: u32 = 60;
const BLOCKS: u32 = 300;
const BSY: u8 = 0x80;
const DRQ: u8 = 0x08;
const ERR: u8 = 0x01;

/// The commands of SFF-8020i and MMC-3 that the drive has.
const KNOWN: [u8; 30] = [
    0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x4a,
    0x4b, 0x4e, 0x51, 0x52, 0x55, 0x5a, 0xa5, 0xa8, 0xb9, 0xba, 0xbb, 0xbd, 0xbe,
];

fn disc() -> Box<dyn BlockImage> {
    Box::new(MemoryImage::read_only(numbered_bytes(u64::from(BLOCKS) * 4)))
}

fn fresh() -> Bench {
    let mut channel = IdeChannel::primary(IRQ).with_bus_master();
    channel.attach_cdrom(0, Some(disc()));
    let mut rig = Rig::new(channel);
    rig.with(|chip, ctx| chip.reset(ResetKind::Cold, ctx));
    rig.wait_micros(100);
    rig
}

/// Until the drive waits for the host.
fn settle(rig: &mut Bench) -> u8 {
    for _ in 0..1000 {
        if rig.inb(CONTROL) & BSY == 0 || !rig.step() {
            break;
        }
    }
    rig.inb(STATUS)
}

/// Writes the command and the packet; the status after it.
fn send(rig: &mut Bench, packet: &[u8; 12], limit: u16, features: u8) -> u8 {
    let [low, high] = limit.to_le_bytes();
    rig.out(BASE + DEVICE_HEAD, 0xa0);
    rig.out(BASE + ERROR_FEATURES, features);
    rig.out(BASE + CYLINDER_LOW, low);
    rig.out(BASE + CYLINDER_HIGH, high);
    rig.out(COMMAND, 0xa0);
    if settle(rig) & (BSY | DRQ) == DRQ {
        write_words(rig, packet);
    }
    settle(rig)
}

fn count(rig: &mut Bench) -> usize {
    u16::from_le_bytes([rig.inb(BASE + CYLINDER_LOW), rig.inb(BASE + CYLINDER_HIGH)]).into()
}

/// Moves the data of a command the way that the drive asks for, up to `most` bytes; how many went, and the last status.
fn move_data(rig: &mut Bench, mut status: u8, most: usize) -> (usize, u8) {
    let mut moved = 0;
    while status & (BSY | DRQ) == DRQ && moved < most {
        let (bytes, to_host) = (count(rig), rig.inb(BASE + SECTOR_COUNT) & 2 != 0);
        assert!(bytes > 0, "a request for nothing");
        for _ in 0..bytes.div_ceil(2) {
            if to_host {
                rig.in_wide(BASE, IoWidth::Word);
            } else {
                rig.out_wide(BASE, 0x5a5a, IoWidth::Word);
            }
        }
        moved += bytes;
        status = settle(rig);
    }
    (moved, status)
}

/// The most data that a command may move.
fn most_bytes(p: &[u8; 12]) -> usize {
    let be =
        |range: core::ops::Range<usize>| p[range].iter().fold(0, |all, &byte| all << 8 | usize::from(byte));
    let msf = |at: usize| (usize::from(p[at]) * 60 + usize::from(p[at + 1])) * 75 + usize::from(p[at + 2]);
    match p[0] {
        0x03 | 0x12 | 0x15 | 0x1a => p[4].into(),
        0x25 => 8,
        0x28 => 2048 * be(7..9),
        0x42..=0x44 | 0x46 | 0x4a | 0x51 | 0x52 | 0x55 | 0x5a => be(7..9),
        0xa8 => 2048 * be(6..10),
        0xb9 => 2448 * msf(6).saturating_sub(msf(3)),
        0xbd => be(8..10),
        0xbe => 2448 * be(6..9),
        _ => 0,
    }
}

fn sense(rig: &mut Bench) -> (u8, u8) {
    let status = send(rig, &[3, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0], 0xfffe, 0);
    assert_eq!(status & (BSY | DRQ | ERR), DRQ, "REQUEST SENSE always answers");
    let bytes = read_words(rig, 9);
    assert_eq!(settle(rig) & (BSY | DRQ | ERR), 0);
    (bytes[2] & 0x0f, bytes[12])
}

/// A packet of this operation code: any, or mostly zeros and small numbers.
fn body(opcode: u8, random: &mut Prng) -> [u8; 12] {
    let sparse = random.below(2) == 0;
    let mut packet = core::array::from_fn(|_| match sparse && random.below(3) > 0 {
        true => [0, 0, 1, 2, 8, 0x10][random.below(6) as usize],
        false => random.next() as u8,
    });
    packet[0] = opcode;
    packet
}

#[test]
fn every_operation_code_with_any_packet_ends_or_asks_for_no_more_than_it_may() {
    let mut random = Prng(0xcdb0_cdb0);
    let mut rig = fresh();
    let (mut data, mut errors) = (0, 0);
    for opcode in 0..=255u8 {
        for _ in 0..BODIES {
            let packet = body(opcode, &mut random);
            let limit = [0, 1, 2, 511, 2048, 0x8000, 0xffff][random.below(7) as usize];
            let status = send(&mut rig, &packet, limit, 0);
            let (moved, status) = move_data(&mut rig, status, 0x4_0000);
            assert_eq!(status & BSY, 0, "{packet:02x?}");
            assert!(moved <= most_bytes(&packet), "{packet:02x?}: {moved} bytes");
            assert!(
                status & DRQ == 0 || moved >= 0x4_0000,
                "{packet:02x?}: status {status:02x} after {moved} bytes"
            );
            data += u32::from(moved > 0);
            if status & ERR != 0 && limit != 0 {
                errors += 1;
                let (key, code) = sense(&mut rig);
                assert!(key != 0, "{packet:02x?}: an error without a reason");
                if !KNOWN.contains(&opcode) {
                    assert_eq!((key, code), (5, 0x20), "{packet:02x?}");
                }
            } else {
                assert!(KNOWN.contains(&opcode) || limit == 0, "{packet:02x?}: was taken");
            }
            if status & DRQ != 0 {
                rig.out(COMMAND, 0x08);
                settle(&mut rig);
            }
            // The tray may be open now, or locked.
            if random.below(20) == 0 {
                rig.chip.insert_cd(0, Some(disc()));
            }
        }
    }
    assert!(data > 200 && errors > 5000, "{data} with data, {errors} errors");
}

#[test]
fn hosts_that_do_not_keep_to_the_protocol_can_always_reset_the_drive() {
    let mut random = Prng(0x0bad_4057);
    let mut rig = fresh();
    rig.dma.ram = vec![0; 0x1_0000];
    for round in 0..20_000u32 {
        let opcode = match random.below(4) {
            0 => random.next() as u8,
            _ => KNOWN[random.below(KNOWN.len() as u64) as usize],
        };
        let packet = body(opcode, &mut random);
        let features = [0, 0, 1, 2, 3, 0xff][random.below(6) as usize];
        // Instead of a packet, anything; instead of its data, too much, too little, or the other direction.
        rig.out(BASE + ERROR_FEATURES, features);
        rig.out(BASE + CYLINDER_HIGH, random.next() as u8);
        rig.out(COMMAND, 0xa0);
        if random.below(3) > 0 {
            settle(&mut rig);
        }
        let words = random.below(10) as usize;
        write_words(&mut rig, &packet[..(2 * words).min(12)]);
        if random.below(4) == 0 {
            rig.out(0xc000, 0x01 | random.next() as u8 & 8);
        }
        for _ in 0..random.below(6) {
            match random.below(6) {
                0 => drop(rig.step()),
                1 => drop(rig.in_wide(BASE, IoWidth::Dword)),
                2 => rig.out_wide(BASE, random.next() as u32, IoWidth::Dword),
                3 => drop(read_words(&mut rig, 1 + random.below(1100) as usize)),
                4 => rig.out(BASE + random.below(8) as u16, random.next() as u8),
                _ => write_words(&mut rig, &[0xff; 64]),
            }
        }
        rig.out(0xc000, 0);
        // DEVICE RESET, or the bit of the control register.
        if round % 2 == 0 {
            rig.out(BASE + DEVICE_HEAD, 0xa0);
            rig.out(COMMAND, 0x08);
        } else {
            rig.out(CONTROL, 0x04);
            rig.out(CONTROL, 0x00);
        }
        rig.wait_micros(100);
        assert_eq!(rig.inb(STATUS) & (BSY | DRQ), 0, "round {round}, {packet:02x?}");
        sense(&mut rig);
    }
}
