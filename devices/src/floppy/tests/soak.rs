//! Random traffic: whatever a guest or a saved state does, the chip must not panic.

use super::*;
use crate::test_rig::Prng;

/// Bytes that make whole commands likely.
fn likely_byte(random: &mut Prng) -> u8 {
    const BYTES: [u8; 26] = [
        0x46, 0x45, 0xc6, 0xc5, 0xe6, 0x4a, 0x4d, 0x07, 0x08, 0x0f, 0x03, 0x13, 0x04, 0x56, 0xd6, 0x51, 0x42,
        0xcf, 0x8f, 0, 1, 2, 4, 18, 3, 0x57,
    ];
    match random.below(3) {
        0 => random.next() as u8,
        _ => BYTES[random.below(BYTES.len() as u64) as usize],
    }
}

#[test]
fn random_port_traffic_media_changes_and_restores_never_panic() {
    let mut random = Prng(0x0f10_9915);
    let mut rig = bench();
    let (mut sectors, mut results) = (0, 0);
    for round in 0..1_000_000u32 {
        rig.timing = if round & 0x10000 == 0 {
            Timing::Fast
        } else {
            Timing::Real
        };
        match random.below(64) {
            0 | 12 | 13 | 14 => drop(rig.step()),
            1 => rig.wait_micros(random.below(300)),
            2 => rig.dma.left = Some(random.below(2000) as usize),
            3 => {
                rig.dma.left = None;
                rig.dma.pos = 0;
            }
            4 if random.below(200) == 0 => {
                let format = FloppyFormat::ALL[random.below(11) as usize];
                let image = if random.below(4) != 0 {
                    image(format.total_sectors().into())
                } else {
                    None
                };
                rig.chip.insert(random.below(3) as u8, image);
            }
            5 if random.below(50) == 0 => {
                let bytes = saved(&rig.chip);
                load(&mut rig.chip, &bytes).unwrap();
                assert_eq!(saved(&rig.chip), bytes);
            }
            6 if random.below(500) == 0 => {
                // A damaged state is refused, or is harmless.
                let bytes = saved(&rig.chip);
                let mut damaged = bytes.clone();
                let at = random.below(damaged.len() as u64) as usize;
                damaged[at] ^= 1 << random.below(8);
                if load(&mut rig.chip, &damaged).is_ok() {
                    for _ in 0..20 {
                        rig.step();
                        rig.out(PORT_FIFO, likely_byte(&mut random));
                        rig.inb(PORT_FIFO);
                    }
                }
                load(&mut rig.chip, &bytes).unwrap();
            }
            7 if random.below(20) == 0 => rig.out(PORT_DOR, random.next() as u8 | 0x0c),
            8 if random.below(4) == 0 => {
                // A driver's time-out.
                rig.out(PORT_DOR, 0x38);
                rig.out(PORT_DOR, 0x3c);
                rig.step();
            }
            9 if random.below(4) == 0 => rig.out(PORT_DIR_CCR, 0),
            10 if random.below(100) == 0 => {
                let port = PORT_DOR + random.below(6) as u16;
                rig.out_wide(port, random.next() as u32, IoWidth::Byte);
            }
            15 if random.below(4) == 0 => {
                // A driver that starts afresh, and a transfer where the head is.
                rig.out(PORT_DOR, 0x38);
                rig.out(PORT_DOR, 0x3c);
                rig.step();
                rig.out(PORT_DIR_CCR, [0, 0, 0, 2, 3][random.below(5) as usize]);
                for byte in [0x03, 0xdf, 0x02 | random.below(2) as u8] {
                    rig.out(PORT_FIFO, byte);
                }
                rig.dma.left = Some(random.below(6000) as usize);
                let drive = random.below(2) as u8;
                let head = random.below(2) as u8;
                let c = rig.chip.drives[usize::from(drive)].state.cylinder;
                let opcode = [READ, WRITE, 0xc6, 0xc5, 0x4c, 0x56, 0x51, 0x59][random.below(8) as usize];
                let r = random.below(18) as u8 + 1;
                for byte in [
                    opcode,
                    head << 2 | drive,
                    c,
                    head,
                    r,
                    2,
                    18,
                    0x1b,
                    random.next() as u8,
                ] {
                    rig.out(PORT_FIFO, byte);
                }
            }
            11 => drop(rig.inb(PORT_DOR + random.below(6) as u16)),
            n if n < 40 => {
                let byte = likely_byte(&mut random);
                rig.out(PORT_FIFO, byte);
            }
            _ => {
                rig.inb(PORT_FIFO);
            }
        }
        sectors += u32::from(core::mem::take(&mut rig.out.activity) != 0);
        results += u32::from(rig.chip.s.phase == Phase::Result && rig.chip.s.result_pos == 0);
        if rig.chip.s.phase == Phase::Held && random.below(8) == 0 {
            rig.out(PORT_DOR, 0x3c);
        }
        rig.out.disk_errors.clear();
    }
    assert!(
        sectors > 1000 && results > 1000,
        "the traffic reaches commands: {sectors}, {results}"
    );
}
