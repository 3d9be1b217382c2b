use super::*;
use crate::test_rig::{Rig, assert_damaged_states_do_no_harm, assert_round_trip};

fn bare() -> Rig<PicPair> {
    Rig::new(PicPair::new())
}

/// The rig, initialized as the BIOS of an AT does: vectors 08h and 70h, nothing masked.
fn at() -> Rig<PicPair> {
    let mut rig = bare();
    init(&mut rig, 0x11, 0x01);
    rig
}

fn init(rig: &mut Rig<PicPair>, icw1: u8, icw4: u8) {
    for (port, base, cascade) in [(0x20, 0x08, 0x04), (0xa0, 0x70, 0x02)] {
        rig.out(port, icw1);
        rig.out(port + 1, base);
        if icw1 & 2 == 0 {
            rig.out(port + 1, cascade);
        }
        if icw1 & 1 != 0 {
            rig.out(port + 1, icw4);
        }
    }
}

/// Raises the lines of `mask`, which had been low.
fn rise(rig: &mut Rig<PicPair>, mask: u16) {
    let levels = levels(rig) | mask;
    rig.chip.sample(levels, mask);
}

fn fall(rig: &mut Rig<PicPair>, mask: u16) {
    let levels = levels(rig) & !mask;
    rig.chip.sample(levels, 0);
}

fn levels(rig: &Rig<PicPair>) -> u16 {
    u16::from_le_bytes([rig.chip.master.lines & !4, rig.chip.slave.lines])
}

fn isr(rig: &mut Rig<PicPair>, port: u16) -> u8 {
    rig.out(port, 0x0b);
    rig.inb(port)
}

fn irr(rig: &mut Rig<PicPair>, port: u16) -> u8 {
    rig.out(port, 0x0a);
    rig.inb(port)
}

#[test]
fn a_rising_line_interrupts_with_its_vector_once() {
    let mut rig = at();
    rise(&mut rig, 1 << 1);
    assert!(rig.chip.intr());
    assert_eq!(rig.chip.acknowledge(), 0x09);
    assert_eq!(isr(&mut rig, 0x20), 2);
    rig.out(0x20, 0x20);
    assert!(!rig.chip.intr(), "the line is still high, but has no new edge");
    fall(&mut rig, 2);
    rise(&mut rig, 2);
    assert!(rig.chip.intr(), "low to high again");
}

#[test]
fn the_slave_interrupts_through_irq2_and_needs_two_eois() {
    let mut rig = at();
    rise(&mut rig, 1 << 12);
    assert_eq!(rig.chip.acknowledge(), 0x74);
    assert_eq!((isr(&mut rig, 0x20), isr(&mut rig, 0xa0)), (0x04, 0x10));
    rise(&mut rig, 1 << 14);
    assert!(!rig.chip.intr());
    rig.out(0xa0, 0x20);
    assert!(!rig.chip.intr(), "the master still serves IRQ 2");
    rig.out(0x20, 0x20);
    assert_eq!(rig.chip.acknowledge(), 0x76);
}

#[test]
fn a_line_that_drops_before_the_acknowledge_gives_a_spurious_irq7_without_isr() {
    let mut rig = at();
    rise(&mut rig, 1 << 3);
    assert!(rig.chip.intr());
    fall(&mut rig, 1 << 3);
    assert!(!rig.chip.intr());
    assert_eq!(rig.chip.acknowledge(), 0x0f);
    assert_eq!(isr(&mut rig, 0x20), 0);
}

#[test]
fn a_spurious_irq15_sets_only_the_masters_isr() {
    let mut rig = at();
    rise(&mut rig, 1 << 10);
    // The slave loses its request between the two INTA cycles.
    rig.chip.slave.irr = 0;
    assert_eq!(rig.chip.acknowledge(), 0x77);
    assert_eq!((isr(&mut rig, 0x20), isr(&mut rig, 0xa0)), (0x04, 0));
    rig.out(0x20, 0x20);
    assert_eq!(isr(&mut rig, 0x20), 0);
}

#[test]
fn icw1_clears_imr_isr_irr_rotation_and_drops_int() {
    let mut rig = at();
    rig.out(0x21, 0x55);
    rise(&mut rig, 1 << 1);
    rig.chip.acknowledge();
    rig.out(0x20, 0xc3);
    rise(&mut rig, 1 << 5);
    rig.out(0x20, 0x11);
    assert!(!rig.chip.intr());
    assert_eq!(rig.inb(0x21), 0);
    assert_eq!((irr(&mut rig, 0x20), isr(&mut rig, 0x20)), (0, 0));
    for byte in [0x20, 0x04, 0x01] {
        rig.out(0x21, byte);
    }
    assert!(!rig.chip.intr(), "lines that are high have no edge");
    rise(&mut rig, 1 << 4);
    fall(&mut rig, 1 << 5);
    rise(&mut rig, 1 << 5);
    assert_eq!(rig.chip.acknowledge(), 0x24, "7 is lowest again");
}

#[test]
fn single_mode_expects_no_icw3_and_knows_no_slave() {
    let mut rig = bare();
    init(&mut rig, 0x13, 0x01);
    rise(&mut rig, 1 << 9);
    assert_eq!(rig.chip.acknowledge(), 0x0a, "IRQ 2 is an input like others");
}

#[test]
fn ltim_makes_all_inputs_level_triggered() {
    let mut rig = bare();
    init(&mut rig, 0x19, 0x01);
    rise(&mut rig, 1 << 5);
    assert_eq!(rig.chip.acknowledge(), 0x0d);
    rig.out(0x20, 0x20);
    assert!(rig.chip.intr(), "still high");
    fall(&mut rig, 1 << 5);
    assert!(!rig.chip.intr());
}

#[test]
fn without_icw4_the_sequence_is_shorter() {
    let mut rig = bare();
    init(&mut rig, 0x10, 0);
    rig.out(0x21, 0xfe);
    assert_eq!(rig.inb(0x21), 0xfe);
}

#[test]
fn ocw3_selects_irr_or_isr_until_changed() {
    let mut rig = at();
    rise(&mut rig, 1 << 1);
    rig.chip.acknowledge();
    rise(&mut rig, 1 << 4);
    rig.out(0x20, 0x0b);
    assert_eq!((rig.inb(0x20), rig.inb(0x20)), (0x02, 0x02));
    rig.out(0x20, 0x08);
    assert_eq!(rig.inb(0x20), 0x02, "without RR the choice stays");
    rig.out(0x20, 0x0a);
    assert_eq!((rig.inb(0x20), rig.inb(0x20)), (0x10, 0x10));
}

#[test]
fn after_poll_the_next_read_of_either_port_is_an_acknowledge() {
    let mut rig = at();
    for port in [0x20, 0x21] {
        rise(&mut rig, 1 << 6);
        rig.out(0x20, 0x0c);
        assert_eq!(rig.inb(port), 0x86);
        assert_eq!(isr(&mut rig, 0x20), 0x40);
        rig.out(0x20, 0x20);
        fall(&mut rig, 1 << 6);
    }
    rig.out(0x20, 0x0c);
    assert_eq!(rig.inb(0x20), 0, "nothing to acknowledge");
    rise(&mut rig, 1 << 11);
    rig.out(0x20, 0x0c);
    assert_eq!(rig.inb(0x20), 0x82);
    rig.out(0xa0, 0x0c);
    assert_eq!(rig.inb(0xa0), 0x83);
    assert_eq!((isr(&mut rig, 0x20), isr(&mut rig, 0xa0)), (0x04, 0x08));
}

#[test]
fn special_mask_mode_lets_lower_levels_through_at_once() {
    let mut rig = at();
    rise(&mut rig, 1 << 3);
    rig.chip.acknowledge();
    rise(&mut rig, 1 << 6);
    rig.out(0x21, 0x08);
    assert!(!rig.chip.intr());
    rig.out(0x20, 0x68);
    assert!(rig.chip.intr());
    rig.out(0x20, 0x48);
    assert!(!rig.chip.intr());
    rig.out(0x20, 0x68);
    assert_eq!(rig.chip.acknowledge(), 0x0e);
    rig.out(0x20, 0x20);
    assert_eq!(
        isr(&mut rig, 0x20),
        0x08,
        "the masked level is not ended unless named"
    );
    rig.out(0x20, 0x63);
    assert_eq!(isr(&mut rig, 0x20), 0);
}

#[test]
fn in_service_blocks_equal_and_lower_levels() {
    let mut rig = at();
    rise(&mut rig, 1 << 4);
    rig.chip.acknowledge();
    fall(&mut rig, 1 << 4);
    rise(&mut rig, 1 << 4 | 1 << 7);
    assert!(!rig.chip.intr());
    rise(&mut rig, 1 << 1);
    assert_eq!(rig.chip.acknowledge(), 0x09);
    assert_eq!(isr(&mut rig, 0x20), 0x12);
    rig.out(0x20, 0x20);
    assert_eq!(isr(&mut rig, 0x20), 0x10, "the most urgent ends first");
}

#[test]
fn specific_eoi_ends_the_level_it_names() {
    let mut rig = at();
    rise(&mut rig, 1 << 4);
    rig.chip.acknowledge();
    rise(&mut rig, 1 << 1);
    rig.chip.acknowledge();
    rig.out(0x20, 0x64);
    assert_eq!(isr(&mut rig, 0x20), 0x02);
    rig.out(0x20, 0x40);
    assert_eq!(isr(&mut rig, 0x20), 0x02, "40h is no operation");
}

#[test]
fn rotation_moves_the_ended_or_named_level_to_the_bottom() {
    let mut rig = at();
    rise(&mut rig, 1 << 3);
    rig.chip.acknowledge();
    rig.out(0x20, 0xa0);
    assert_eq!(rig.chip.master.lowest, 3);
    rise(&mut rig, 1 << 1 | 1 << 5);
    assert_eq!(rig.chip.acknowledge(), 0x0d, "4, 5, 6, 7 come before 0");
    rise(&mut rig, 1 << 4);
    rig.chip.acknowledge();
    rig.out(0x20, 0x20);
    assert_eq!(
        isr(&mut rig, 0x20),
        0x20,
        "non-specific EOI under the present rotation"
    );
    rig.out(0x20, 0xe5);
    assert_eq!((isr(&mut rig, 0x20), rig.chip.master.lowest), (0, 5));
    rig.out(0x20, 0xc0);
    assert_eq!(rig.chip.master.lowest, 0);
}

#[test]
fn automatic_eoi_leaves_nothing_in_service_and_may_rotate() {
    let mut rig = bare();
    init(&mut rig, 0x11, 0x03);
    rise(&mut rig, 1 << 3);
    assert_eq!(rig.chip.acknowledge(), 0x0b);
    assert_eq!(isr(&mut rig, 0x20), 0);
    rig.out(0x20, 0x80);
    rise(&mut rig, 1 << 4);
    rig.chip.acknowledge();
    assert_eq!(rig.chip.master.lowest, 4);
    rig.out(0x20, 0x00);
    rise(&mut rig, 1 << 5);
    rig.chip.acknowledge();
    assert_eq!(rig.chip.master.lowest, 4);
}

#[test]
fn two_requests_of_a_slave_with_automatic_eoi_are_two_edges() {
    let mut rig = bare();
    init(&mut rig, 0x11, 0x03);
    rise(&mut rig, 1 << 9 | 1 << 13);
    assert_eq!(rig.chip.acknowledge(), 0x71);
    assert!(rig.chip.intr());
    assert_eq!(rig.chip.acknowledge(), 0x75);
    assert!(!rig.chip.intr());
}

#[test]
fn special_fully_nested_mode_lets_the_slave_interrupt_itself() {
    for (icw4, nests) in [(0x01, false), (0x11, true)] {
        let mut rig = bare();
        init(&mut rig, 0x11, icw4);
        rise(&mut rig, 1 << 12);
        rig.chip.acknowledge();
        rise(&mut rig, 1 << 8);
        assert_eq!(rig.chip.intr(), nests);
        rise(&mut rig, 1 << 4);
        assert_eq!(rig.chip.intr(), nests, "below IRQ 2");
    }
}

#[test]
fn elcr_makes_a_line_level_triggered_and_its_fixed_bits_stay_0() {
    let mut rig = at();
    rig.out(0x4d0, 0xff);
    rig.out(0x4d1, 0xff);
    assert_eq!((rig.inb(0x4d0), rig.inb(0x4d1)), (0xf8, 0xde));
    rise(&mut rig, 1 << 11);
    assert_eq!(rig.chip.acknowledge(), 0x73);
    assert_eq!(irr(&mut rig, 0xa0), 0x08, "IRR follows the line");
    rig.out(0xa0, 0x20);
    rig.out(0x20, 0x20);
    assert!(rig.chip.intr());
    fall(&mut rig, 1 << 11);
    assert!(!rig.chip.intr());
}

#[test]
fn a_masked_request_waits_and_unmasking_delivers_it() {
    let mut rig = at();
    rig.out(0x21, 0x02);
    rise(&mut rig, 1 << 1);
    assert!(!rig.chip.intr());
    assert_eq!(irr(&mut rig, 0x20), 2);
    rig.out(0x21, 0x00);
    assert_eq!(rig.chip.acknowledge(), 0x09);
}

#[test]
fn nothing_interrupts_before_the_chips_are_initialized() {
    let mut rig = bare();
    rise(&mut rig, 0xffff);
    assert!(!rig.chip.intr());
    rig.out(0x20, 0x11);
    rig.out(0x21, 0x08);
    assert!(!rig.chip.intr());
}

#[test]
fn state_survives_the_round_trip() {
    let mut rig = at();
    rig.out(0x20, 0xc2);
    rig.out(0x4d1, 0x0a);
    rise(&mut rig, 1 << 1 | 1 << 9);
    rig.chip.acknowledge();
    assert_damaged_states_do_no_harm(&rig.chip, PicPair::new);
    assert_round_trip(&rig.chip, &mut PicPair::new());
    let mut broken = rig.chip.clone();
    broken.slave.lowest = 8;
    let mut w = StateWriter::new();
    w.component(&broken);
    let bytes = w.into_bytes();
    assert!(
        StateReader::new("test", &bytes)
            .component(&mut PicPair::new())
            .is_err()
    );
}

#[test]
fn random_accesses_never_panic() {
    let mut rig = bare();
    let mut random = crate::test_rig::Prng(1);
    for _ in 0..100_000 {
        let r = random.next();
        let port = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1][random.below(6) as usize];
        match random.below(4) {
            0 => rig.out(port, r as u8),
            1 => _ = rig.inb(port),
            2 => rig.chip.sample(r as u16, (r >> 16) as u16),
            _ => _ = rig.chip.acknowledge(),
        }
    }
}
