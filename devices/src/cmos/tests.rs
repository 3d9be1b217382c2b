use super::*;
use crate::test_rig::{Prng, Rig, assert_damaged_states_do_no_harm, assert_round_trip};

const IRQ: IrqLine = IrqLine::new(8);

fn rig_at(start: DateTime) -> Rig<Cmos> {
    let mut rig = Rig::new(Cmos::new(IRQ, start));
    rig.now = 0;
    rig.with(|cmos, ctx| cmos.reset(ResetKind::Cold, ctx));
    rig
}

fn rig() -> Rig<Cmos> {
    rig_at(DateTime::default())
}

fn read(rig: &mut Rig<Cmos>, register: u8) -> u8 {
    rig.out(0x70, register);
    rig.inb(0x71)
}

fn write(rig: &mut Rig<Cmos>, register: u8, value: u8) {
    rig.out(0x70, register);
    rig.out(0x71, value);
}

/// Century, year, month, day, weekday, hours, minutes, seconds.
fn time(rig: &mut Rig<Cmos>) -> [u8; 8] {
    [0x32, 9, 8, 7, 6, 4, 2, 0].map(|register| read(rig, register))
}

#[test]
fn registers_have_their_values_after_power_on() {
    let mut rig = rig();
    assert_eq!(
        [0x0a, 0x0b, 0x0c, 0x0d].map(|r| read(&mut rig, r)),
        [0x26, 0x02, 0, 0x80]
    );
}

#[test]
fn register_d_keeps_bit_7_whatever_is_written() {
    let mut rig = rig();
    write(&mut rig, 0x0d, 0);
    assert_eq!(read(&mut rig, 0x0d), 0x80);
}

#[test]
fn the_index_port_reads_ffh_and_its_bit_7_masks_nmi() {
    let mut rig = rig();
    rig.out(0x70, 0x8f);
    assert_eq!(rig.inb(0x70), 0xff);
    assert!(rig.chip.nmi_masked());
    rig.out(0x71, 0x5a);
    rig.out(0x70, 0x0f);
    assert!(!rig.chip.nmi_masked());
    assert_eq!(rig.inb(0x71), 0x5a);
    assert_eq!(rig.chip.shutdown_code(), 0x5a);
}

#[test]
fn the_second_bank_is_memory_of_its_own() {
    let mut rig = rig();
    write(&mut rig, 0x20, 1);
    rig.out(0x72, 0x20);
    rig.out(0x73, 2);
    assert_eq!((rig.inb(0x73), read(&mut rig, 0x20)), (2, 1));
}

#[test]
fn the_clock_starts_with_its_date_and_counts_seconds() {
    let mut rig = rig_at(DateTime::new(1999, 12, 31, 23, 59, 58).unwrap());
    assert_eq!(time(&mut rig), [0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x58]);
    rig.wait_micros(1_000_100);
    assert_eq!(time(&mut rig), [0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x59]);
    rig.wait_micros(1_000_000);
    assert_eq!(time(&mut rig), [0x20, 0x00, 0x01, 0x01, 7, 0, 0, 0]);
}

#[test]
fn leap_days_follow_the_century() {
    for (century, year, leap) in [
        (20, 0x00, true),
        (20, 0x24, true),
        (21, 0x00, false),
        (20, 0x23, false),
    ] {
        let mut rig = rig();
        for (register, value) in [
            (0x32, bcd(century)),
            (9, year),
            (8, 2),
            (7, 0x28),
            (4, 0x23),
            (2, 0x59),
            (0, 0x59),
        ] {
            write(&mut rig, register, value);
        }
        rig.wait_micros(1_000_000);
        assert_eq!(read(&mut rig, 7), if leap { 0x29 } else { 1 });
    }
}

#[test]
fn binary_and_12_hour_modes_count_as_they_read() {
    let mut rig = rig();
    write(&mut rig, 0x0b, 0x04);
    for (from, to) in [(11, 0x8c), (0x8c, 0x81), (0x8b, 12), (12, 1), (9, 10)] {
        for (register, value) in [(4, from), (2, 59), (0, 59)] {
            write(&mut rig, register, value);
        }
        let day = read(&mut rig, 7);
        rig.wait_micros(1_000_000);
        assert_eq!(read(&mut rig, 4), to);
        assert_eq!(read(&mut rig, 7), day + u8::from(from == 0x8b), "midnight");
    }
    write(&mut rig, 0x0b, 0x00);
    for (register, value) in [(4, 0x09), (2, 0x59), (0, 0x59)] {
        write(&mut rig, register, value);
    }
    rig.wait_micros(1_000_000);
    assert_eq!(read(&mut rig, 4), 0x10);
}

#[test]
fn the_century_is_one_byte_at_32h_and_37h() {
    let mut rig = rig();
    write(&mut rig, 0x37, 0x19);
    assert_eq!(read(&mut rig, 0x32), 0x19);
    write(&mut rig, 0x32, 0x21);
    assert_eq!(read(&mut rig, 0x37), 0x21);
}

#[test]
fn nonsense_in_the_time_registers_does_no_harm() {
    let mut rig = rig();
    for value in [0xff, 0x7f, 0x9a] {
        for mode in [0x00, 0x02, 0x04, 0x06] {
            write(&mut rig, 0x0b, mode);
            for register in [0x32, 9, 8, 7, 6, 4, 2, 0] {
                write(&mut rig, register, value);
            }
            rig.wait_micros(3_000_000);
            assert!(read(&mut rig, 0) < 0x60);
        }
    }
}

#[test]
fn uip_is_set_244_us_before_the_update_cycle_and_until_the_new_time_shows() {
    let mut rig = rig();
    rig.wait_micros(997_700);
    assert_eq!(read(&mut rig, 0x0a) & 0x80, 0);
    rig.wait_micros(100);
    assert_eq!(read(&mut rig, 0x0a) & 0x80, 0x80);
    assert_eq!(read(&mut rig, 0), 0);
    rig.wait_micros(2_100);
    assert_eq!(read(&mut rig, 0x0a) & 0x80, 0x80);
    rig.wait_micros(200);
    assert_eq!(read(&mut rig, 0x0a) & 0x80, 0);
    assert_eq!(read(&mut rig, 0), 1);
}

#[test]
fn set_stops_updates_clears_uie_and_hides_uip() {
    let mut rig = rig();
    write(&mut rig, 0x0b, 0x92);
    assert_eq!(read(&mut rig, 0x0b), 0x82);
    rig.wait_micros(999_000);
    assert_eq!(read(&mut rig, 0x0a) & 0x80, 0);
    rig.wait_micros(5_000_000);
    assert_eq!(read(&mut rig, 0), 0);
    assert_eq!(read(&mut rig, 0x0c) & 0x10, 0);
    write(&mut rig, 0x0b, 0x02);
    rig.wait_micros(1_000_000);
    assert_eq!(read(&mut rig, 0), 1);
}

#[test]
fn divider_11x_stops_the_clock_and_the_first_update_comes_half_a_second_after_its_end() {
    let mut rig = rig();
    write(&mut rig, 0x0a, 0x76);
    rig.wait_micros(3_000_000);
    assert_eq!(read(&mut rig, 0), 0);
    write(&mut rig, 0x0a, 0x26);
    rig.wait_micros(499_000);
    assert_eq!(read(&mut rig, 0), 0);
    rig.wait_micros(2_000);
    assert_eq!(read(&mut rig, 0), 1);
}

#[test]
fn update_ended_interrupts_once_until_register_c_is_read() {
    let mut rig = rig();
    write(&mut rig, 0x0b, 0x12);
    rig.wait_micros(1_000_100);
    assert!(rig.irq.is_high(IRQ));
    rig.irq.take_rising();
    rig.wait_micros(3_000_000);
    assert_eq!(rig.irq.take_rising(), 0, "no read, no more IRQ 8");
    assert_eq!(read(&mut rig, 0x0c) & 0xb0, 0x90);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(read(&mut rig, 0x0c), 0);
    rig.wait_micros(1_000_000);
    assert!(rig.irq.is_high(IRQ));
}

#[test]
fn the_alarm_matches_hours_minutes_seconds_and_c0h_means_any() {
    for (alarm, seconds) in [
        ([0, 0, 5], 5),
        ([0xc0, 0xff, 7], 7),
        ([0xff, 0xff, 0xff], 1),
        ([0, 1, 0], 60),
    ] {
        let mut rig = rig();
        for (register, value) in [5, 3, 1].into_iter().zip(alarm) {
            write(&mut rig, register, value);
        }
        write(&mut rig, 0x0b, 0x22);
        rig.wait_micros(seconds * 1_000_000 - 100);
        assert!(!rig.irq.is_high(IRQ));
        rig.wait_micros(200);
        assert!(rig.irq.is_high(IRQ));
        assert_eq!(read(&mut rig, 0x0c) & 0xa0, 0xa0);
    }
}

fn periodic(rate: u8) -> usize {
    let mut rig = rig();
    write(&mut rig, 0x0a, 0x20 | rate);
    write(&mut rig, 0x0b, 0x42);
    let end = rig.now + rig.rate.micros(1_000_000);
    let mut count = 0;
    while rig.timers.next_due() <= end {
        rig.step();
        if rig.irq.is_high(IRQ) {
            count += 1;
            assert_eq!(read(&mut rig, 0x0c) & 0xc0, 0xc0);
        }
    }
    count
}

#[test]
fn periodic_rates_are_those_of_the_table_and_1_and_2_are_8_and_9() {
    for (rate, hz) in [
        (1, 256),
        (2, 128),
        (3, 8192),
        (6, 1024),
        (8, 256),
        (9, 128),
        (15, 2),
    ] {
        assert_eq!(periodic(rate), hz, "rate {rate}");
    }
    assert_eq!(periodic(0), 0);
}

#[test]
fn the_periodic_flag_rises_without_pie_and_needs_divider_010() {
    let mut rig = rig();
    read(&mut rig, 0x0c);
    rig.wait_micros(2_000);
    assert_eq!(read(&mut rig, 0x0c), 0x40, "PF, but no IRQF");
    write(&mut rig, 0x0a, 0x16);
    read(&mut rig, 0x0c);
    rig.wait_micros(100_000);
    assert_eq!(read(&mut rig, 0x0c) & 0x40, 0);
}

#[test]
fn without_a_read_of_register_c_there_are_no_more_periodic_interrupts() {
    let mut rig = rig();
    write(&mut rig, 0x0b, 0x42);
    rig.wait_micros(2_000);
    rig.irq.take_rising();
    rig.wait_micros(100_000);
    assert_eq!(rig.irq.take_rising(), 0);
    assert_eq!(
        rig.timers.due(TimerId::RtcPeriodic),
        None,
        "and none costs anything"
    );
    read(&mut rig, 0x0c);
    rig.wait_micros(1_000);
    assert!(rig.irq.is_high(IRQ));
}

#[test]
fn reset_disables_interrupts_and_keeps_time_and_memory() {
    let mut rig = rig();
    write(&mut rig, 0x0b, 0x7a);
    write(&mut rig, 0x40, 0x99);
    rig.wait_micros(5_000_100);
    rig.with(|cmos, ctx| cmos.reset(ResetKind::Hard, ctx));
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!((read(&mut rig, 0x0b), read(&mut rig, 0x40)), (0x02, 0x99));
    assert_eq!(read(&mut rig, 0), 5);
}

#[test]
fn the_checksum_is_high_byte_first_over_10h_to_2dh() {
    let mut rig = rig();
    for register in 0x0e..0x30 {
        rig.chip.set(register, 0xf0);
    }
    rig.chip.update_checksum();
    let sum = 30u16 * 0xf0;
    assert_eq!([rig.chip.get(0x2e), rig.chip.get(0x2f)], sum.to_be_bytes());
}

#[test]
fn state_survives_the_round_trip() {
    let mut rig = rig_at(DateTime::new(2024, 2, 28, 23, 59, 59).unwrap());
    write(&mut rig, 0x0b, 0x72);
    write(&mut rig, 0x0a, 0x2f);
    rig.out(0x72, 3);
    rig.out(0x73, 4);
    rig.wait_micros(1_300_000);
    assert_damaged_states_do_no_harm(&rig.chip, || Cmos::new(IRQ, DateTime::default()));
    assert_round_trip(&rig.chip, &mut Cmos::new(IRQ, DateTime::default()));
}

#[test]
fn random_accesses_never_panic() {
    let mut rig = rig();
    let mut random = Prng(5);
    for _ in 0..50_000 {
        let r = random.next();
        match random.below(4) {
            0 => rig.out(0x70 + (r as u16 >> 14), (r >> 24) as u8),
            1 => write(&mut rig, (r & 15) as u8, (r >> 8) as u8),
            2 => _ = rig.inb(0x70 + (r as u16 >> 14)),
            _ => {
                rig.now += random.below(200_000_000);
                rig.run_timers();
            }
        }
    }
}
