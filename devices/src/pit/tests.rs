use oldiron_mmu::TickRate;

use super::*;
use crate::test_rig::{Prng, Rig, assert_damaged_states_do_no_harm, assert_round_trip};

const IRQ: IrqLine = IrqLine::new(0);

/// A counter that was programmed at pulse 0.
fn counter(control: u8, count: u16, gate: bool) -> Channel {
    let mut counter = Channel::new(gate);
    counter.program(control | 0x30, 0);
    for byte in count.to_le_bytes() {
        counter.write(byte, 0);
    }
    counter
}

/// OUT from pulse `from` on.
fn wave(counter: &mut Channel, from: u64, pulses: usize) -> String {
    (from..)
        .take(pulses)
        .map(|clk| {
            counter.advance(clk);
            if counter.out(clk) { 'H' } else { 'L' }
        })
        .collect()
}

fn word(counter: &mut Channel, clk: u64) -> u16 {
    counter.advance(clk);
    u16::from_le_bytes([counter.read(clk), counter.read(clk)])
}

fn words(counter: &mut Channel, from: u64, n: usize) -> Vec<u16> {
    (from..).take(n).map(|clk| word(counter, clk)).collect()
}

/// Every change that `next_change` promises, and no other.
fn assert_changes_are_announced(counter: &Channel, to: u64) {
    let mut counter = counter.clone();
    let mut next = counter.next_change(0);
    for clk in 1..to {
        let before = counter.out(clk - 1);
        counter.advance(clk);
        assert_eq!(next == Some(clk), counter.out(clk) != before, "pulse {clk}");
        if next == Some(clk) {
            next = counter.next_change(clk);
        }
    }
}

// ---- modes ----

#[test]
fn mode0_goes_high_n_plus_1_pulses_after_the_count_was_written() {
    let mut c = counter(0x00, 4, true);
    assert_eq!(wave(&mut c, 0, 8), "LLLLLHHH");
    assert_eq!(words(&mut c, 1, 6), [4, 3, 2, 1, 0, 0xffff]);
}

#[test]
fn mode0_first_byte_of_a_count_stops_it_with_out_low() {
    let mut c = counter(0x00, 3, true);
    assert!(c.out(10));
    c.write(5, 10);
    assert_eq!(wave(&mut c, 10, 20), "L".repeat(20));
    c.write(0, 30);
    assert_eq!(wave(&mut c, 30, 8), "LLLLLLHH");
}

#[test]
fn mode0_gate_low_stops_and_gate_high_goes_on() {
    let mut c = counter(0x00, 10, true);
    c.set_gate(false, 5);
    assert_eq!(words(&mut c, 5, 3), [6, 6, 6]);
    c.set_gate(true, 100);
    assert_eq!(words(&mut c, 100, 3), [6, 5, 4]);
    assert_eq!(wave(&mut c, 104, 4), "LLHH");
    let mut c = counter(0x00, 4, false);
    assert_eq!(words(&mut c, 5, 2), [4, 4], "loaded even with the gate low");
    c.set_gate(true, 20);
    assert_eq!(wave(&mut c, 22, 4), "LLHH");
}

#[test]
fn mode1_is_started_and_restarted_by_the_gates_edge() {
    let mut c = counter(0x02, 3, false);
    assert_eq!(wave(&mut c, 0, 5), "HHHHH");
    c.set_gate(true, 10);
    assert_eq!(wave(&mut c, 10, 6), "HLLLHH");
    c.set_gate(false, 20);
    c.set_gate(true, 21);
    c.set_gate(false, 23);
    c.set_gate(true, 23);
    assert_eq!(wave(&mut c, 22, 7), "LLLLLHH");
}

#[test]
fn mode2_is_low_for_one_pulse_of_n() {
    let mut c = counter(0x04, 3, true);
    assert_eq!(wave(&mut c, 0, 10), "HHHLHHLHHL");
    assert_eq!(words(&mut c, 1, 7), [3, 2, 1, 3, 2, 1, 3]);
}

#[test]
fn mode2_takes_a_new_count_at_the_end_of_the_period() {
    let mut c = counter(0x04, 4, true);
    for byte in [2, 0] {
        c.write(byte, 6);
    }
    assert_eq!(words(&mut c, 6, 8), [3, 2, 1, 2, 1, 2, 1, 2]);
}

#[test]
fn mode2_gate_low_raises_out_and_gate_high_reloads() {
    let mut c = counter(0x04, 3, true);
    assert!(!c.out(3));
    c.set_gate(false, 3);
    assert_eq!(wave(&mut c, 3, 4), "HHHH");
    c.set_gate(true, 10);
    assert_eq!(wave(&mut c, 10, 6), "HHHLHH");
}

#[test]
fn mode3_even_reload_is_symmetric() {
    let mut c = counter(0x06, 4, true);
    assert_eq!(wave(&mut c, 1, 10), "HHLLHHLLHH");
}

#[test]
fn mode3_odd_reload_is_high_for_one_tick_longer() {
    let mut c = counter(0x06, 5, true);
    assert_eq!(wave(&mut c, 1, 10), "HHHLLHHHLL");
}

#[test]
fn mode3_counts_by_2_and_reads_even_values() {
    let mut c = counter(0x06, 5, true);
    assert_eq!(words(&mut c, 1, 10), [4, 2, 0, 4, 2, 4, 2, 0, 4, 2]);
    let mut c = counter(0x06, 6, true);
    assert_eq!(words(&mut c, 1, 7), [6, 4, 2, 6, 4, 2, 6]);
}

#[test]
fn mode3_takes_a_new_count_at_the_end_of_the_half_period() {
    let mut c = counter(0x06, 8, true);
    for byte in [4, 0] {
        c.write(byte, 2);
    }
    assert_eq!(wave(&mut c, 1, 12), "HHHHLLHHLLHH");
    let mut c = counter(0x06, 8, true);
    for byte in [4, 0] {
        c.write(byte, 6);
    }
    assert_eq!(wave(&mut c, 1, 12), "HHHHLLLLHHLL");
}

#[test]
fn mode4_strobes_low_for_one_pulse_once() {
    let mut c = counter(0x08, 3, true);
    assert_eq!(wave(&mut c, 0, 8), "HHHHLHHH");
    assert_eq!(wave(&mut c, 4 + 0x10000, 2), "HH");
    for byte in [2, 0] {
        c.write(byte, 20);
    }
    assert_eq!(wave(&mut c, 20, 6), "HHHLHH");
}

#[test]
fn mode4_gate_low_only_stops_the_count() {
    let mut c = counter(0x08, 3, true);
    c.set_gate(false, 2);
    assert_eq!(wave(&mut c, 2, 5), "HHHHH");
    assert_eq!(words(&mut c, 7, 2), [2, 2]);
    c.set_gate(true, 10);
    assert_eq!(wave(&mut c, 10, 5), "HHLHH");
}

#[test]
fn mode5_strobes_after_the_gates_edge() {
    let mut c = counter(0x0a, 3, false);
    assert_eq!(wave(&mut c, 0, 8), "HHHHHHHH");
    c.set_gate(true, 10);
    assert_eq!(wave(&mut c, 10, 7), "HHHHLHH");
}

#[test]
fn modes_6_and_7_are_2_and_3() {
    assert_eq!(
        wave(&mut counter(0x0c, 3, true), 0, 9),
        wave(&mut counter(0x04, 3, true), 0, 9)
    );
    assert_eq!(
        wave(&mut counter(0x0e, 5, true), 0, 9),
        wave(&mut counter(0x06, 5, true), 0, 9)
    );
}

#[test]
fn count_0_is_65536_or_10000_in_bcd() {
    let mut c = counter(0x00, 0, true);
    assert_eq!(c.next_change(0), Some(65537));
    assert_eq!(words(&mut c, 1, 2), [0, 0xffff]);
    let mut c = counter(0x01, 0, true);
    assert_eq!(c.next_change(0), Some(10001));
    assert_eq!(words(&mut c, 1, 2), [0, 0x9999]);
}

#[test]
fn bcd_counts_in_decimal() {
    let mut c = counter(0x05, 0x1000, true);
    assert_eq!(words(&mut c, 1, 3), [0x1000, 0x0999, 0x0998]);
    assert_eq!(word(&mut c, 1001), 0x1000);
}

#[test]
fn a_count_of_1_in_the_periodic_modes_is_no_interrupt_storm() {
    for control in [0x04, 0x06] {
        let c = counter(control, 1, true);
        assert_eq!(c.next_change(5), None);
    }
}

#[test]
fn every_change_of_out_is_announced() {
    for control in [0x00, 0x02, 0x04, 0x06, 0x08, 0x0a] {
        for count in 1..9 {
            assert_changes_are_announced(&counter(control, count, true), 100);
            let mut c = counter(control, count, true);
            c.write(5, 0);
            c.write(0, 0);
            assert_changes_are_announced(&c, 100);
        }
    }
}

// ---- reading ----

#[test]
fn a_second_latch_is_ignored_until_the_first_was_read() {
    let mut c = counter(0x04, 1000, true);
    c.latch_count(11);
    c.latch_count(50);
    assert_eq!(word(&mut c, 60), 990);
    c.latch_count(70);
    assert_eq!(word(&mut c, 80), 931);
    assert_eq!(word(&mut c, 80), 921, "live again");
}

#[test]
fn lsb_and_msb_have_flip_flops_of_their_own_for_reading_and_writing() {
    let mut c = counter(0x04, 0x1234, true);
    assert_eq!(c.read(1), 0x34);
    c.write(0x78, 1);
    assert_eq!(c.read(1), 0x12);
    c.write(0x56, 1);
    assert_eq!(word(&mut c, 1 + 0x1234), 0x5678);
}

#[test]
fn one_byte_counts_leave_the_other_byte_0() {
    let mut c = Channel::new(true);
    c.program(0x14, 0);
    c.write(0x20, 0);
    assert_eq!((c.read(1), c.read(2)), (0x20, 0x1f));
    c.program(0x24, 10);
    c.write(0x20, 10);
    assert_eq!((c.read(11), c.read(12)), (0x20, 0x1f));
}

#[test]
fn read_back_status_comes_before_the_latched_count() {
    let mut c = counter(0x06, 0x100, true);
    c.latch_count(1);
    c.latch_status(1);
    assert_eq!(c.read(99), 0xb6);
    assert_eq!(word(&mut c, 99), 0x100);
}

#[test]
fn null_count_is_set_until_the_count_is_loaded() {
    let status = |c: &mut Channel, clk| {
        c.advance(clk);
        c.latch_status(clk);
        c.read(clk)
    };
    let mut c = Channel::new(true);
    c.program(0x34, 0);
    assert_eq!(status(&mut c, 5), 0xf4);
    c.write(10, 5);
    c.write(0, 5);
    assert_eq!(status(&mut c, 5), 0xf4);
    assert_eq!(status(&mut c, 6), 0xb4);
    c.write(20, 8);
    c.write(0, 8);
    assert_eq!(status(&mut c, 15), 0x74, "and OUT is low");
    assert_eq!(status(&mut c, 16), 0xb4);
}

// ---- on the board ----

fn rig() -> Rig<Pit> {
    let mut rig = Rig::new(Pit::new(IRQ));
    rig.with(|pit, ctx| pit.reset(ResetKind::Cold, ctx));
    rig
}

fn program(rig: &mut Rig<Pit>, control: u8, count: u16) {
    rig.out(0x43, control);
    for byte in count.to_le_bytes() {
        rig.out(0x40 + u16::from(control >> 6), byte);
    }
}

/// Rising edges of IRQ 0 in so much time.
fn irqs(rig: &mut Rig<Pit>, micros: u64) -> usize {
    let end = rig.now + rig.rate.micros(micros);
    let mut edges = 0;
    rig.irq.take_rising();
    while rig.timers.next_due() <= end {
        rig.step();
        edges += usize::from(rig.irq.take_rising() != 0);
    }
    rig.now = end;
    edges
}

#[test]
fn channel_0_interrupts_18_2_times_a_second_in_mode_3_and_mode_2() {
    for control in [0x36, 0x34] {
        let mut rig = rig();
        program(&mut rig, control, 0);
        assert_eq!(irqs(&mut rig, 100_000_000), 1820);
        program(&mut rig, control, 1193);
        assert!((1000..=1001).contains(&irqs(&mut rig, 1_000_000)));
    }
}

#[test]
fn irq_edges_are_at_the_exact_ticks_forever() {
    let mut rig = rig();
    program(&mut rig, 0x34, 1193);
    let start = rig.rate.count_at(rig.now, CLK_HZ);
    irqs(&mut rig, 3_600_000_000 / 10);
    let next = rig.timers.due(TimerId::PitChannel0).unwrap();
    let clk = rig.rate.count_at(next, CLK_HZ);
    assert_eq!(next, rig.rate.tick_of(clk, CLK_HZ));
    assert_eq!((clk - start) % 1193, 1);
}

#[test]
fn channel_0_in_mode_0_interrupts_once() {
    let mut rig = rig();
    program(&mut rig, 0x30, 1000);
    assert!(!rig.irq.is_high(IRQ));
    assert_eq!(irqs(&mut rig, 1_000_000), 1);
    assert!(rig.irq.is_high(IRQ), "the level stays");
}

#[test]
fn the_irq_line_is_low_in_the_low_half_of_mode_3() {
    let mut rig = rig();
    program(&mut rig, 0x36, 0);
    assert!(rig.irq.is_high(IRQ));
    rig.wait_micros(40_000);
    assert!(!rig.irq.is_high(IRQ));
}

#[test]
fn port_61h_bit_4_toggles_every_15_us() {
    let mut rig = rig();
    let mut toggles = 0;
    let mut last = rig.inb(0x61) & 0x10;
    let end = rig.now + rig.rate.micros(15_085);
    while rig.now < end {
        let bit = rig.inb(0x61) & 0x10;
        toggles += u32::from(bit != last);
        last = bit;
    }
    assert!((999..=1001).contains(&toggles), "{toggles}");
}

#[test]
fn port_61h_reads_back_its_bits_and_out2_but_no_parity_errors() {
    let mut rig = rig();
    rig.out(0x61, 0xff);
    assert_eq!(rig.inb(0x61) & 0xcf, 0x0f);
    program(&mut rig, 0xb0, 100);
    assert_eq!(rig.inb(0x61) & 0x20, 0);
    rig.wait_micros(100);
    assert_eq!(rig.inb(0x61) & 0x20, 0x20);
}

#[test]
fn port_61h_bit_0_is_the_gate_that_restarts_channel_2() {
    let mut rig = rig();
    program(&mut rig, 0xb2, 1193);
    assert_eq!(rig.inb(0x61) & 0x20, 0x20);
    rig.out(0x61, 1);
    rig.wait_micros(10);
    assert_eq!(rig.inb(0x61) & 0x20, 0, "the one-shot runs");
    rig.wait_micros(1000);
    assert_eq!(rig.inb(0x61) & 0x20, 0x20);
}

#[test]
fn speed_tests_by_gate_and_count_of_channel_2_are_exact() {
    let mut rig = rig();
    program(&mut rig, 0xb0, 0xffff);
    rig.out(0x61, 1);
    rig.wait_micros(10_000);
    rig.out(0x61, 0);
    let count = u16::from_le_bytes([rig.inb(0x42), rig.inb(0x42)]);
    assert!((11931..=11933).contains(&(0xffff - count)), "{count:#x}");
}

#[test]
fn the_speaker_sounds_with_edges_at_their_exact_ticks() {
    let mut rig = rig();
    program(&mut rig, 0xb6, 1194);
    rig.out(0x61, 3);
    rig.wait_micros(500_000);
    rig.out(0x61, 0);
    let edges = core::mem::take(&mut rig.out.speaker);
    assert!((997..=1002).contains(&edges.len()), "{}", edges.len());
    assert!(edges.windows(2).all(|pair| pair[0].level != pair[1].level));
    for pair in edges[1..edges.len() - 1].windows(2) {
        let half = pair[1].at - pair[0].at;
        assert!(
            half.abs_diff(rig.rate.ticks_for(597, CLK_HZ)) <= 1,
            "{half} ticks"
        );
    }
    assert_eq!(edges.last().map(|edge| edge.level), Some(0));
    rig.wait_micros(100_000);
    assert!(rig.out.speaker.is_empty());
    assert_eq!(rig.timers.due(TimerId::PitSpeaker), None);
}

#[test]
fn the_speaker_is_bit_1_and_out2_so_that_bits_alone_can_play() {
    let mut rig = rig();
    for value in [2, 0, 2] {
        rig.out(0x61, value);
        rig.wait_micros(1);
    }
    program(&mut rig, 0x90, 0);
    assert_eq!(levels(&rig), [255, 0, 255, 0], "mode 0 drops OUT");
}

fn levels(rig: &Rig<Pit>) -> Vec<u8> {
    rig.out.speaker.iter().map(|edge| edge.level).collect()
}

#[test]
fn a_tone_above_hearing_is_its_mean_until_a_lower_one_takes_effect() {
    let mut rig = rig();
    program(&mut rig, 0xb6, 5);
    rig.out(0x61, 3);
    rig.wait_micros(100_000);
    assert_eq!(levels(&rig), [153]);
    assert_eq!(rig.timers.due(TimerId::PitSpeaker), None);
    rig.out(0x42, 0x52);
    rig.out(0x42, 0x04);
    rig.wait_micros(10_000);
    assert!((18..=24).contains(&levels(&rig).len()), "{:?}", levels(&rig));
    program(&mut rig, 0xb4, 10);
    assert_eq!(levels(&rig).last(), Some(&229), "mode 2 is low for one in ten");
}

#[test]
fn pulse_widths_of_mode_0_are_the_counts_written() {
    let mut rig = rig();
    rig.out(0x61, 3);
    rig.out(0x43, 0x90);
    rig.out(0x42, 1);
    rig.wait_micros(60);
    for count in [20u8, 50, 35] {
        rig.inb(0x61);
        rig.out.speaker.clear();
        rig.out(0x42, count);
        rig.wait_micros(60);
        rig.inb(0x61);
        let edges = &rig.out.speaker;
        assert_eq!(levels(&rig), [0, 255]);
        // The load takes a pulse.
        let low = rig.rate.ticks_for(u64::from(count) + 1, CLK_HZ);
        assert!((edges[1].at - edges[0].at).abs_diff(low) <= 1);
    }
}

#[test]
fn what_was_not_handed_out_yet_is_known_about_and_can_be_had() {
    let mut rig = rig();
    program(&mut rig, 0xb6, 1194);
    rig.out(0x61, 3);
    let mut handed_out = Vec::new();
    for _ in 0..1000 {
        rig.wait_micros(77);
        handed_out.append(&mut rig.out.speaker);
        let known_to = rig.chip.speaker_known_to(rig.now, rig.rate);
        assert!(known_to <= rig.now);
        let rest = rig.chip.speaker_rest(rig.now, rig.rate);
        assert!(rest.iter().all(|edge| known_to <= edge.at));
        let all: Vec<_> = handed_out.iter().chain(&rest).collect();
        assert!(all.windows(2).all(|pair| pair[0].level != pair[1].level));
        let halves = rig.rate.count_at(rig.now, CLK_HZ) as usize / 597;
        assert!(all.len().abs_diff(halves) <= 2, "{} {halves}", all.len());
    }
}

#[test]
fn toggling_as_fast_as_the_processor_can_gives_one_edge_for_each_pulse_of_the_clock() {
    let mut rig = rig();
    for n in 0..100_000u32 {
        rig.out(0x61, (n % 3) as u8);
        rig.now += 1;
    }
    let pulses = rig.rate.count_at(rig.now, CLK_HZ) as usize;
    assert!(rig.out.speaker.len() <= pulses + 1);
    assert!(rig.out.speaker.windows(2).all(|pair| pair[0].at < pair[1].at));
}

#[test]
fn reads_between_instructions_are_monotonic_within_a_period() {
    let mut rig = rig();
    rig.rate = TickRate::new(3_000_017);
    program(&mut rig, 0x34, 0);
    rig.now += 100;
    let mut last = u16::MAX;
    for _ in 0..5000 {
        rig.out(0x43, 0x00);
        let count = u16::from_le_bytes([rig.inb(0x40), rig.inb(0x40)]);
        assert!(count <= last);
        last = count;
    }
}

#[test]
fn read_back_latches_several_counters_and_port_43h_reads_as_nothing() {
    let mut rig = rig();
    program(&mut rig, 0x34, 1000);
    program(&mut rig, 0x74, 18);
    rig.wait_micros(10);
    rig.out(0x43, 0xe6);
    assert_eq!((rig.inb(0x40), rig.inb(0x41)), (0xb4, 0xb4));
    assert_eq!(rig.inb(0x43), 0xff);
}

#[test]
fn what_happens_does_not_depend_on_when_one_looks() {
    let run = |looks: bool| {
        let mut rig = rig();
        program(&mut rig, 0xb6, 500);
        rig.out(0x61, 3);
        rig.now += 777_777;
        for byte in [0x20, 0x03] {
            rig.out(0x42, byte);
        }
        for step in 0..200 {
            if looks && step % 3 == 0 {
                rig.with(|pit, ctx| pit.port_read(0x61, IoWidth::Byte, ctx));
            }
            rig.wait_micros(100);
        }
        rig.out(0x61, 0);
        rig.out.speaker
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn state_survives_the_round_trip() {
    let mut rig = rig();
    program(&mut rig, 0x36, 1234);
    program(&mut rig, 0xb7, 0x500);
    rig.out(0x61, 3);
    rig.out(0x43, 0xc2);
    rig.out(0x42, 7);
    rig.wait_micros(1234);
    assert_damaged_states_do_no_harm(&rig.chip, || Pit::new(IRQ));
    assert_round_trip(&rig.chip, &mut Pit::new(IRQ));
}

#[test]
fn random_accesses_never_panic() {
    let mut rig = rig();
    let mut random = Prng(3);
    for _ in 0..100_000 {
        let r = random.next();
        let port = [0x40, 0x41, 0x42, 0x43, 0x61][random.below(5) as usize];
        match random.below(3) {
            0 => rig.out(port, r as u8),
            1 => _ = rig.inb(port),
            _ => {
                rig.now += random.below(100_000);
                rig.run_timers();
            }
        }
        rig.out.speaker.clear();
    }
}
