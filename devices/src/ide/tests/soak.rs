//! Random traffic: whatever a guest or a saved state does, the channel must not panic.

use super::*;
use crate::Timing;
use crate::test_rig::{BadSector, Prng};

fn channel(random: &mut Prng) -> IdeChannel {
    let mut channel = IdeChannel::primary(IRQ);
    for device in 0..2 {
        let sectors = [1, 100, 5000, SECTORS][random.below(4) as usize];
        if random.below(3) == 0 {
            channel.attach_cdrom(device, any_disc(random));
            continue;
        }
        let image: Box<dyn BlockImage> = match random.below(5) {
            0 => continue,
            1 => Box::new(MemoryImage::read_only(numbered_bytes(sectors))),
            2 => Box::new(BadSector {
                image: MemoryImage::new(numbered_bytes(sectors)),
                bad: 150,
            }),
            _ => disk(sectors),
        };
        let chs = (random.below(3) == 0).then_some(Chs {
            cylinders: random.next() as u16,
            heads: random.next() as u8,
            sectors: random.next() as u8,
        });
        channel.attach(device, image, chs).unwrap();
    }
    channel
}

fn any_disc(random: &mut Prng) -> Option<Box<dyn BlockImage>> {
    let image = MemoryImage::read_only(numbered_bytes(4 * random.below(200)));
    match random.below(4) {
        0 => None,
        1 | 2 => Some(Box::new(BadSector { image, bad: 10 })),
        _ => Some(Box::new(image)),
    }
}

/// A packet: any, or a command that there is with fields that mostly mean something.
fn any_packet(random: &mut Prng) -> [u8; 12] {
    const COMMANDS: [u8; 32] = [
        0x00, 0x03, 0x12, 0x15, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x4a,
        0x4b, 0x4e, 0x51, 0x52, 0x55, 0x5a, 0xa5, 0xa8, 0xb9, 0xba, 0xbb, 0xbd, 0xbe, 0x28, 0xbe,
    ];
    let mut packet = core::array::from_fn(|_| random.next() as u8);
    if random.below(8) > 0 {
        let kept = random.next() as u16;
        for (at, byte) in packet.iter_mut().enumerate() {
            if kept >> at & 1 == 0 {
                *byte = [0, 0, 0, 1, 2, 8, 0x10, 0xf8][random.below(8) as usize];
            }
        }
        packet[0] = COMMANDS[random.below(COMMANDS.len() as u64) as usize];
        // Addresses and lengths that exist.
        if matches!(packet[0], 0x28 | 0xa8 | 0xbe) {
            packet[1..5].fill(0);
            packet[6..8].fill(0);
        }
    }
    packet
}

fn any_width(random: &mut Prng) -> IoWidth {
    [IoWidth::Byte, IoWidth::Word, IoWidth::Dword][random.below(3) as usize]
}

/// Of runs, of which those of bytes move nothing.
fn run_width(random: &mut Prng) -> IoWidth {
    match random.below(10) {
        0 => IoWidth::Byte,
        n => [IoWidth::Word, IoWidth::Dword][n as usize % 2],
    }
}

#[test]
fn random_port_traffic_and_restores_never_panic() {
    const COMMANDS: [u8; 26] = [
        0x20, 0x21, 0x30, 0x31, 0xc4, 0xc5, 0xc6, 0x40, 0x10, 0x50, 0x70, 0x90, 0x91, 0xe4, 0xe8, 0xe7, 0xec,
        0xef, 0xf8, 0xe5, 0xe0, 0xa1, 0xc8, 0xa0, 0xa0, 0x08,
    ];
    let mut random = Prng(0xa7a_d15c);
    let mut rig = Rig::new(channel(&mut random));
    let (mut blocks, mut errors, mut packets) = (0, 0, 0);
    for round in 0..2_000_000u32 {
        rig.timing = if round & 0x10000 == 0 {
            Timing::Fast
        } else {
            Timing::Real
        };
        match random.below(32) {
            0..=4 => drop(rig.step()),
            5..=7 => {
                let opcode = match random.below(8) {
                    0 => random.next() as u8,
                    _ => COMMANDS[random.below(COMMANDS.len() as u64) as usize],
                };
                rig.out(COMMAND, opcode);
            }
            8 => {
                // A sensible address.
                let at = random.below(200) as u32;
                lba(&mut rig, at, random.below(20) as u8);
                rig.out(BASE + DEVICE_HEAD, 0xa0 | (random.next() as u8 & 0x50));
            }
            9 => {
                let register = random.below(7) as u16 + 1;
                rig.out(BASE + register, random.next() as u8);
            }
            10 if random.below(50) == 0 => rig.out(CONTROL, random.next() as u8),
            11 if random.below(20) == 0 => rig.out(CONTROL, 0),
            12..=16 => {
                let mut buf = [0; 4096];
                let n = random.below(4097) as usize;
                let width = run_width(&mut random);
                if rig.with(|chip, ctx| chip.port_read_run(BASE, width, &mut buf[..n], ctx)) > 0 {
                    blocks += 1;
                }
            }
            17..=21 => {
                let n = random.below(4097) as usize;
                let (width, data) = (run_width(&mut random), [0x5a; 4096]);
                if rig.with(|chip, ctx| chip.port_write_run(BASE, width, &data[..n], ctx)) > 0 {
                    blocks += 1;
                }
            }
            22 => {
                let width = any_width(&mut random);
                rig.out_wide(BASE, random.next() as u32, width);
                rig.in_wide(BASE, width);
            }
            23 if random.below(50) == 0 => {
                let bytes = saved(&rig.chip);
                load(&mut rig.chip, &bytes).unwrap();
                assert_eq!(saved(&rig.chip), bytes);
            }
            24 if random.below(500) == 0 => {
                // A damaged state is refused, or is harmless.
                let bytes = saved(&rig.chip);
                let mut damaged = bytes.clone();
                let at = random.below(damaged.len() as u64) as usize;
                damaged[at] ^= 1 << random.below(8);
                if load(&mut rig.chip, &damaged).is_ok() {
                    for _ in 0..20 {
                        rig.step();
                        rig.out(COMMAND, COMMANDS[random.below(COMMANDS.len() as u64) as usize]);
                        let mut buf = [0; 4096];
                        rig.with(|chip, ctx| chip.read_data_block(&mut buf, ctx));
                    }
                }
                load(&mut rig.chip, &bytes).unwrap();
            }
            29 => {
                // A packet for whom it may concern.
                rig.out(
                    BASE + ERROR_FEATURES,
                    (random.below(16) == 0) as u8 * random.next() as u8,
                );
                rig.out(BASE + CYLINDER_LOW, random.next() as u8);
                rig.out(BASE + CYLINDER_HIGH, [0, 8, 0xff][random.below(3) as usize]);
                rig.out(COMMAND, 0xa0);
                rig.wait_micros(3);
                let packet = any_packet(&mut random);
                let taken = rig.with(|chip, ctx| chip.port_write_run(BASE, IoWidth::Word, &packet, ctx));
                packets += u32::from(taken == packet.len());
            }
            31 if random.below(100) == 0 => {
                let disc = any_disc(&mut random);
                rig.chip.insert_cd(random.below(2) as u8, disc);
            }
            25 if random.below(1000) == 0 => rig.chip = channel(&mut random),
            26 if random.below(500) == 0 => rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx)),
            // Wakes drives that sleep.
            28 if random.below(200) == 0 => {
                rig.out(CONTROL, 0x04);
                rig.out(CONTROL, 0x00);
            }
            27 => rig.wait_micros(random.below(100)),
            _ => {
                let port = if random.below(2) == 0 {
                    CONTROL
                } else {
                    BASE + random.below(8) as u16
                };
                let now = rig.now;
                if rig.chip.quiet_read(port, IoWidth::Byte, now).is_none() {
                    rig.inb(port);
                }
            }
        }
        errors += rig.out.disk_errors.len();
        rig.out.disk_errors.clear();
    }
    assert!(
        blocks > 5_000 && errors > 10 && packets > 5_000,
        "the traffic reaches commands: {blocks}, {errors}, {packets}"
    );
}
