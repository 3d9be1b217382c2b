use super::*;
use crate::test_rig::{Prng, Rig, assert_damaged_states_do_no_harm, assert_round_trip};

const IRQ: IrqLine = IrqLine::new(4);

type Bench = Rig<Uart>;

fn cold() -> Bench {
    let mut rig = Rig::new(Uart::new(0, IRQ));
    rig.with(|uart, ctx| uart.reset(ResetKind::Cold, ctx));
    rig
}

/// 115200 8N1, interrupts of `ier`, FIFO control `fcr`, OUT2 on.
fn open(ier: u8, fcr: u8) -> Bench {
    let mut rig = cold();
    for (register, value) in [(3, 0x83), (0, 1), (1, 0), (3, 3), (2, fcr), (4, 0x0b), (1, ier)] {
        write(&mut rig, register, value);
    }
    rig
}

fn read(rig: &mut Bench, register: u16) -> u8 {
    rig.inb(0x3f8 + register)
}

fn write(rig: &mut Bench, register: u16, value: u8) {
    rig.out(0x3f8 + register, value);
}

fn receive(rig: &mut Bench, bytes: &[u8]) -> usize {
    rig.with(|uart, ctx| uart.receive(bytes, ctx))
}

fn sent(rig: &Bench) -> Vec<u8> {
    rig.out.serial.iter().map(|sent| sent.byte).collect()
}

#[test]
fn type_detection_finds_a_16550a() {
    let mut rig = cold();
    for value in [0x55, 0xaa] {
        write(&mut rig, 7, value);
        assert_eq!(read(&mut rig, 7), value);
    }
    write(&mut rig, 2, 0x01);
    assert_eq!(read(&mut rig, 2) & 0xc0, 0xc0);
    write(&mut rig, 2, 0x00);
    assert_eq!(read(&mut rig, 2) & 0xc0, 0x00);
}

#[test]
fn registers_have_their_values_after_reset() {
    let mut rig = cold();
    let values = [1, 2, 3, 4, 5, 6].map(|register| read(&mut rig, register));
    assert_eq!(values, [0x00, 0x01, 0x00, 0x00, 0x60, 0xb0]);
}

#[test]
fn reserved_bits_read_0() {
    let mut rig = cold();
    write(&mut rig, 1, 0xff);
    write(&mut rig, 4, 0xff);
    assert_eq!((read(&mut rig, 1), read(&mut rig, 4)), (0x0f, 0x1f));
}

#[test]
fn dlab_switches_the_divisor_in() {
    let mut rig = cold();
    write(&mut rig, 3, 0x80);
    write(&mut rig, 0, 0x34);
    write(&mut rig, 1, 0x12);
    assert_eq!((read(&mut rig, 0), read(&mut rig, 1)), (0x34, 0x12));
    write(&mut rig, 3, 0x00);
    assert_eq!(read(&mut rig, 1), 0);
    assert_eq!(sent(&rig), []);
}

#[test]
fn a_byte_sent_does_not_leave_in_zero_time() {
    let mut rig = open(0, 0);
    write(&mut rig, 0, b'x');
    assert_eq!(
        read(&mut rig, 5) & 0x60,
        0x00,
        "not even the holding register is free"
    );
    rig.wait_micros(1);
    assert_eq!(read(&mut rig, 5) & 0x60, 0x20);
    rig.wait_micros(3);
    assert_eq!(read(&mut rig, 5) & 0x60, 0x60);
    assert_eq!(sent(&rig), b"x");
    assert_eq!(rig.out.serial[0].port, 0);
}

#[test]
fn real_timing_takes_the_time_of_the_line() {
    let mut rig = open(0, 1);
    rig.timing = Timing::Real;
    for byte in b"abcdefghij" {
        write(&mut rig, 0, *byte);
    }
    let start = rig.now;
    while rig.step() {}
    assert_eq!(sent(&rig), b"abcdefghij");
    let micros = (rig.now - start) / rig.rate.micros(1);
    assert!((868..=880).contains(&micros), "{micros} µs for 100 bits");
}

#[test]
fn fast_timing_takes_2_us_a_character_and_never_longer_than_real() {
    let mut rig = open(0, 1);
    for byte in b"0123456789" {
        write(&mut rig, 0, *byte);
    }
    while rig.step() {}
    let gaps: Vec<u64> = rig
        .out
        .serial
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .collect();
    assert_eq!(gaps, [rig.rate.micros(2); 9]);
}

#[test]
fn the_fifo_takes_16_bytes_and_loses_more() {
    let mut rig = open(0, 1);
    for byte in 0..20 {
        write(&mut rig, 0, byte);
    }
    while rig.step() {}
    assert_eq!(sent(&rig), (0..16).collect::<Vec<u8>>());
}

#[test]
fn enabling_thre_with_an_empty_register_interrupts_at_once() {
    let mut rig = open(0, 1);
    assert!(!rig.irq.is_high(IRQ));
    write(&mut rig, 1, 0x02);
    assert!(rig.irq.is_high(IRQ));
    assert_eq!(read(&mut rig, 2), 0xc2);
    assert!(!rig.irq.is_high(IRQ), "reading IIR took it back");
    assert_eq!(read(&mut rig, 2), 0xc1);
    write(&mut rig, 0, b'x');
    assert!(!rig.irq.is_high(IRQ));
    assert!(rig.wait_irq(IRQ), "a new edge after each time it runs empty");
}

#[test]
fn interrupt_driven_output_sends_everything() {
    let mut rig = open(0, 0);
    write(&mut rig, 1, 0x02);
    let text = b"all of this leaves one by one";
    let mut next = text.iter();
    while rig.wait_irq(IRQ) {
        assert_eq!(read(&mut rig, 2), 0x02);
        match next.next() {
            Some(&byte) => write(&mut rig, 0, byte),
            None => break,
        }
    }
    while rig.step() {}
    assert_eq!(sent(&rig), text);
}

#[test]
fn iir_read_clears_thre_only_if_it_is_the_one_reported() {
    let mut rig = open(0x03, 0);
    receive(&mut rig, b"r");
    rig.wait_micros(5);
    assert_eq!(read(&mut rig, 2), 0x04, "received data is more urgent");
    assert_eq!(read(&mut rig, 2), 0x04);
    assert_eq!(read(&mut rig, 0), b'r');
    assert_eq!(read(&mut rig, 2), 0x02);
    assert_eq!(read(&mut rig, 2), 0x01);
}

#[test]
fn priorities_are_line_status_data_timeout_thre_modem() {
    let mut rig = open(0, 0xc1);
    write(&mut rig, 4, 0x18);
    read(&mut rig, 6);
    write(&mut rig, 3, 0x43);
    write(&mut rig, 3, 0x03);
    write(&mut rig, 4, 0x1a);
    rig.wait_micros(50);
    write(&mut rig, 1, 0x0f);
    assert_eq!(read(&mut rig, 2), 0xc6);
    assert_eq!(read(&mut rig, 5) & 0x90, 0x90, "break");
    assert_eq!(read(&mut rig, 2), 0xcc);
    read(&mut rig, 0);
    assert_eq!(read(&mut rig, 2), 0xc2);
    assert_eq!(read(&mut rig, 2), 0xc0);
    assert_eq!(read(&mut rig, 6) & 0x0f, 0x01);
    assert_eq!(read(&mut rig, 2), 0xc1);
}

#[test]
fn out2_gates_the_interrupt() {
    let mut rig = open(0x02, 0);
    assert!(rig.irq.is_high(IRQ));
    write(&mut rig, 4, 0x03);
    assert!(!rig.irq.is_high(IRQ));
    write(&mut rig, 4, 0x0b);
    assert!(rig.irq.is_high(IRQ));
}

#[test]
fn the_receiver_triggers_at_1_4_8_14() {
    for (fcr, trigger) in [(0x01, 1), (0x41, 4), (0x81, 8), (0xc1, 14)] {
        let mut rig = open(0x01, fcr);
        receive(&mut rig, &[7; 14]);
        let mut steps = 0;
        while read(&mut rig, 2) != 0xc4 {
            rig.step();
            steps += 1;
        }
        assert_eq!((steps, rig.chip.s.received.len()), (trigger, trigger));
    }
}

#[test]
fn a_character_timeout_comes_after_4_character_times() {
    let mut rig = open(0x01, 0xc1);
    receive(&mut rig, b"abc");
    rig.wait_micros(6);
    assert!(!rig.irq.is_high(IRQ));
    rig.wait_micros(9);
    assert!(rig.irq.is_high(IRQ));
    assert_eq!(read(&mut rig, 2), 0xcc);
    assert_eq!(read(&mut rig, 0), b'a');
    assert!(!rig.irq.is_high(IRQ), "a read starts it anew");
    rig.wait_micros(9);
    assert_eq!(read(&mut rig, 2), 0xcc);
    assert_eq!((read(&mut rig, 0), read(&mut rig, 0)), (b'b', b'c'));
    rig.wait_micros(100);
    assert!(!rig.irq.is_high(IRQ), "nothing is left");
}

#[test]
fn fast_timing_receives_no_faster_than_the_guest_drains() {
    for fcr in [0x00, 0x01] {
        let mut rig = open(0, fcr);
        let text: Vec<u8> = (0..200).collect();
        assert_eq!(receive(&mut rig, &text), 200);
        let mut got = Vec::new();
        while got.len() < text.len() {
            rig.wait_micros(500);
            let lsr = read(&mut rig, 5);
            assert_eq!(lsr & 0x0f, 0x01, "no overrun");
            got.push(read(&mut rig, 0));
        }
        assert_eq!(got, text);
    }
}

#[test]
fn real_timing_overruns_a_guest_that_does_not_read() {
    let mut rig = open(0x04, 0x01);
    rig.timing = Timing::Real;
    receive(&mut rig, &(0..20).collect::<Vec<u8>>());
    rig.wait_micros(3_000);
    assert!(rig.irq.is_high(IRQ));
    assert_eq!(read(&mut rig, 5) & 0x03, 0x03);
    assert_eq!(read(&mut rig, 5) & 0x03, 0x01, "errors are cleared by the read");
    let got: Vec<u8> = (0..16).map(|_| read(&mut rig, 0)).collect();
    assert_eq!(got, (0..16).collect::<Vec<u8>>());
}

#[test]
fn the_queue_of_received_bytes_is_bounded() {
    let mut rig = open(0, 0);
    assert_eq!(receive(&mut rig, &[1; 1000]), MAX_WAITING);
    assert_eq!(rig.chip.receive_room(), 0);
    assert_eq!(receive(&mut rig, &[1]), 0);
}

#[test]
fn loopback_sends_to_itself_and_connects_the_modem_lines() {
    let mut rig = open(0, 0);
    receive(&mut rig, b"o");
    write(&mut rig, 4, 0x10);
    write(&mut rig, 0, b'l');
    rig.wait_micros(10);
    assert_eq!(read(&mut rig, 0), b'l');
    assert_eq!(sent(&rig), []);
    for (mcr, msr) in [
        (0x11, 0x20),
        (0x12, 0x10),
        (0x14, 0x40),
        (0x18, 0x80),
        (0x1f, 0xf0),
    ] {
        write(&mut rig, 4, mcr);
        assert_eq!(read(&mut rig, 6) & 0xf0, msr);
    }
    write(&mut rig, 4, 0x0b);
    rig.wait_micros(10);
    assert_eq!(read(&mut rig, 6) & 0xf0, 0xb0);
    assert_eq!(read(&mut rig, 0), b'o', "what came in meanwhile");
}

#[test]
fn msr_deltas_are_cleared_by_a_read_and_ri_counts_only_its_end() {
    let mut rig = open(0x08, 0);
    write(&mut rig, 4, 0x10);
    assert_eq!(read(&mut rig, 6), 0x0b);
    assert_eq!(read(&mut rig, 6), 0x00);
    write(&mut rig, 4, 0x14);
    assert_eq!(read(&mut rig, 6), 0x40);
    write(&mut rig, 4, 0x10);
    assert_eq!(read(&mut rig, 6), 0x04);
    write(&mut rig, 4, 0x11);
    write(&mut rig, 4, 0x10);
    assert_eq!(read(&mut rig, 6), 0x02);
}

#[test]
fn turning_the_fifo_on_or_off_or_resetting_it_empties_it() {
    let mut rig = open(0, 1);
    receive(&mut rig, b"abc");
    rig.wait_micros(10);
    write(&mut rig, 2, 0x03);
    assert_eq!(read(&mut rig, 5) & 1, 0);
    write(&mut rig, 0, b'1');
    write(&mut rig, 0, b'2');
    write(&mut rig, 2, 0x05);
    assert_eq!(read(&mut rig, 5) & 0x20, 0x20);
    while rig.step() {}
    assert_eq!(sent(&rig), []);
    receive(&mut rig, b"d");
    rig.wait_micros(10);
    write(&mut rig, 2, 0x00);
    assert_eq!(read(&mut rig, 5) & 1, 0);
}

#[test]
fn short_words_lose_their_high_bits() {
    let mut rig = open(0, 0);
    write(&mut rig, 3, 0x02);
    write(&mut rig, 0, 0xff);
    while rig.step() {}
    assert_eq!(sent(&rig), [0x7f]);
}

#[test]
fn com2_is_at_2f8h_with_timers_of_its_own() {
    let mut rig = Rig::new(Uart::new(1, IRQ));
    rig.out(0x2f8, b'2');
    assert!(rig.timers.due(TimerId::Uart1Tx).is_some());
    while rig.step() {}
    assert_eq!(rig.out.serial[0].port, 1);
}

#[test]
fn state_survives_the_round_trip() {
    let mut rig = open(0x0f, 0x81);
    receive(&mut rig, b"hello, world");
    for byte in b"abc" {
        write(&mut rig, 0, *byte);
    }
    rig.wait_micros(5);
    assert_damaged_states_do_no_harm(&rig.chip, || Uart::new(0, IRQ));
    assert_round_trip(&rig.chip, &mut Uart::new(0, IRQ));
}

#[test]
fn random_accesses_never_panic() {
    let mut rig = cold();
    let mut random = Prng(13);
    for _ in 0..200_000 {
        let r = random.next();
        match random.below(5) {
            0 | 1 => write(&mut rig, r as u16 & 7, (r >> 20) as u8),
            2 => _ = read(&mut rig, r as u16 & 7),
            3 => _ = receive(&mut rig, &[r as u8; 5]),
            _ => rig.wait_micros(random.below(20)),
        }
        rig.timing = if r >> 60 == 0 { Timing::Real } else { Timing::Fast };
        rig.out.serial.clear();
    }
}
