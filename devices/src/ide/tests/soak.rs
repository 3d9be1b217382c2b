//! Random traffic: whatever a guest or a saved state does, the channel must not panic.

use super::*;
use crate::Timing;
use crate::test_rig::{BadSector, Prng};

fn channel(random: &mut Prng) -> IdeChannel {
    let mut channel = IdeChannel::primary(IRQ);
    for device in 0..2 {
        let sectors = [1, 100, 5000, SECTORS][random.below(4) as usize];
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
    const COMMANDS: [u8; 23] = [
        0x20, 0x21, 0x30, 0x31, 0xc4, 0xc5, 0xc6, 0x40, 0x10, 0x50, 0x70, 0x90, 0x91, 0xe4, 0xe8, 0xe7, 0xec,
        0xef, 0xf8, 0xe5, 0xe0, 0xa1, 0xc8,
    ];
    let mut random = Prng(0xa7a_d15c);
    let mut rig = Rig::new(channel(&mut random));
    let (mut blocks, mut errors) = (0, 0);
    for round in 0..1_000_000u32 {
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
            25 if random.below(2000) == 0 => rig.chip = channel(&mut random),
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
        blocks > 5_000 && errors > 10,
        "the traffic reaches commands: {blocks}, {errors}"
    );
}
