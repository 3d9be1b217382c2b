//! Power modes, and what resets keep.

use super::*;

const STANDBY: u8 = 0x00;
const IDLE: u8 = 0x80;
const ACTIVE: u8 = 0xff;

fn mode(rig: &mut Bench) -> u8 {
    assert_eq!(command(rig, 0xe5), 0x50);
    rig.inb(BASE + SECTOR_COUNT)
}

fn software_reset(rig: &mut Bench) {
    rig.out(CONTROL, 0x04);
    rig.wait_micros(10);
    rig.out(CONTROL, 0x00);
    rig.wait_micros(100);
    assert_eq!(rig.inb(STATUS), 0x50);
}

#[test]
fn a_sleeping_drive_hears_only_a_reset() {
    for opcode in [0xe6, 0x99] {
        let mut rig = bench();
        assert_eq!(command(&mut rig, opcode), 0x50);
        for other in [0xe5, 0xec, 0x40] {
            rig.out(COMMAND, other);
            rig.wait_micros(1000);
            assert!(!rig.irq.is_high(IRQ), "{other:#04x}");
            assert_eq!(rig.inb(STATUS) & 0x80, 0);
        }
        software_reset(&mut rig);
        assert_eq!(mode(&mut rig), STANDBY);
        lba(&mut rig, 0, 1);
        assert_eq!(command(&mut rig, 0x40), 0x50);
        assert_eq!(mode(&mut rig), ACTIVE);

        assert_eq!(command(&mut rig, opcode), 0x50);
        rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
        rig.wait_micros(100);
        assert_eq!(mode(&mut rig), ACTIVE);
    }
}

#[test]
fn the_standby_timer_counts_from_the_last_command() {
    let mut rig = bench();
    // Two units of 5 seconds.
    rig.out(BASE + SECTOR_COUNT, 2);
    assert_eq!(command(&mut rig, 0xe3), 0x50);
    rig.wait_micros(9_000_000);
    assert_eq!(mode(&mut rig), IDLE);
    lba(&mut rig, 0, 1);
    assert_eq!(command(&mut rig, 0x40), 0x50);
    rig.wait_micros(9_000_000);
    assert_eq!(mode(&mut rig), ACTIVE, "the command came between");
    rig.wait_micros(2_000_000);
    assert_eq!(mode(&mut rig), STANDBY, "asking does not count");
    rig.out(BASE + SECTOR_COUNT, 0);
    assert_eq!(command(&mut rig, 0x97), 0x50);
    rig.wait_micros(60_000_000);
    assert_eq!(mode(&mut rig), IDLE, "zero turns it off");
}

#[test]
fn settings_survive_a_software_reset_unless_set_features_says_otherwise() {
    let settings = |rig: &mut Bench| -> (u16, u16) {
        assert_eq!(command(rig, 0xec), 0x58);
        let words = read_words(rig, 256);
        let word = |n: usize| u16::from_le_bytes([words[2 * n], words[2 * n + 1]]);
        rig.inb(STATUS);
        (word(59), word(85) & 0x60)
    };
    for (feature, after) in [
        (None, (0x0108, 0)),
        (Some(0x66), (0x0108, 0)),
        (Some(0xcc), (0, 0x60)),
    ] {
        let mut rig = bench();
        for feature in [Some(0x82), Some(0x55), Some(0xcc), Some(0x66), feature]
            .into_iter()
            .flatten()
        {
            rig.out(BASE + ERROR_FEATURES, feature);
            assert_eq!(command(&mut rig, 0xef), 0x50);
        }
        rig.out(BASE + SECTOR_COUNT, 8);
        assert_eq!(command(&mut rig, 0xc6), 0x50);
        software_reset(&mut rig);
        assert_eq!(settings(&mut rig), after, "{feature:02x?}");
        rig.with(|chip, ctx| chip.reset(ResetKind::Hard, ctx));
        rig.wait_micros(100);
        assert_eq!(settings(&mut rig), (0, 0x60), "a hardware reset restores all");
    }
}
