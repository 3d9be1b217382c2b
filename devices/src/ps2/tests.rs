use super::*;
use crate::test_rig::{Prng, Rig, assert_damaged_states_do_no_harm, assert_round_trip};

const KEYBOARD: IrqLine = IrqLine::new(1);
const MOUSE: IrqLine = IrqLine::new(12);

const OBF: u8 = 1;
const AUX: u8 = 0x20;

type Bench = Rig<Ps2Controller>;

/// After power-on.
fn cold() -> Bench {
    let mut rig = Rig::new(Ps2Controller::new(KEYBOARD, MOUSE));
    rig.with(|ps2, ctx| ps2.reset(ResetKind::Cold, ctx));
    rig
}

/// As a BIOS leaves it, but with the mouse enabled too.
fn ready() -> Bench {
    let mut rig = cold();
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x47);
    rig
}

/// Reads everything that comes within a while.
fn drain(rig: &mut Bench) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(byte) = next(rig) {
        bytes.push(byte);
    }
    bytes
}

/// The next byte, if one comes within 20 ms.
fn next(rig: &mut Bench) -> Option<u8> {
    let end = rig.now + rig.rate.micros(20_000);
    while rig.inb(0x64) & OBF == 0 {
        if rig.timers.next_due() > end {
            return None;
        }
        rig.step();
    }
    Some(rig.inb(0x60))
}

fn key(rig: &mut Bench, code: KeyCode, down: bool) {
    rig.with(|ps2, ctx| ps2.key(code, down, ctx));
}

fn tap(rig: &mut Bench, code: KeyCode) {
    key(rig, code, true);
    key(rig, code, false);
}

fn keyboard(rig: &mut Bench, bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|&byte| {
            rig.out(0x60, byte);
            drain(rig)
        })
        .collect()
}

fn mouse(rig: &mut Bench, bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|&byte| {
            rig.out(0x64, 0xd4);
            rig.out(0x60, byte);
            drain(rig)
        })
        .collect()
}

fn command(rig: &mut Bench, byte: u8) -> Vec<u8> {
    rig.out(0x64, byte);
    drain(rig)
}

// ---- controller ----

#[test]
fn status_bits_are_those_of_the_at() {
    let mut rig = cold();
    assert_eq!(rig.inb(0x64), 0x10, "not locked, nothing in the buffers");
    rig.out(0x64, 0xaa);
    assert_eq!(
        rig.inb(0x64),
        0x1e,
        "input full, a command; the self-test sets SYS"
    );
    rig.wait_micros(10);
    assert_eq!(rig.inb(0x64), 0x1c);
    rig.wait_micros(200);
    assert_eq!(rig.inb(0x64), 0x1d);
    rig.out(0x60, 0xee);
    rig.wait_micros(10);
    assert_eq!(rig.inb(0x64), 0x15, "data");
}

#[test]
fn an_answer_takes_150_us() {
    let mut rig = cold();
    rig.out(0x64, 0xaa);
    rig.wait_micros(148);
    assert_eq!(rig.inb(0x64) & OBF, 0);
    rig.wait_micros(3);
    assert_eq!(rig.inb(0x64) & OBF, OBF);
}

#[test]
fn port_60h_returns_the_last_byte_again_when_it_is_empty() {
    let mut rig = ready();
    tap(&mut rig, KeyCode::A);
    assert_eq!(drain(&mut rig), [0x1e, 0x9e]);
    assert_eq!((rig.inb(0x60), rig.inb(0x60)), (0x9e, 0x9e));
}

#[test]
fn reading_60h_lowers_the_irq_and_the_next_byte_comes_later() {
    let mut rig = ready();
    tap(&mut rig, KeyCode::A);
    rig.wait_micros(160);
    assert!(rig.irq.is_high(KEYBOARD));
    rig.wait_micros(10_000);
    assert_eq!(rig.inb(0x60), 0x1e);
    assert!(!rig.irq.is_high(KEYBOARD));
    assert_eq!(rig.inb(0x64) & OBF, 0);
    rig.wait_micros(140);
    assert!(!rig.irq.is_high(KEYBOARD));
    rig.wait_micros(20);
    assert!(rig.irq.is_high(KEYBOARD));
    assert_eq!(rig.inb(0x60), 0x9e);
}

#[test]
fn tests_answer_55h_and_00h() {
    let mut rig = cold();
    assert_eq!(command(&mut rig, 0xaa), [0x55]);
    assert_eq!(command(&mut rig, 0xab), [0x00]);
    assert_eq!(command(&mut rig, 0xa9), [0x00]);
    assert_eq!(command(&mut rig, 0xa4), [0xf1]);
    assert_eq!(command(&mut rig, 0xca), [0x01]);
    assert_eq!(command(&mut rig, 0xc0)[0] & 0x80, 0x80);
}

#[test]
fn the_command_byte_and_the_memory_behind_it_read_back() {
    let mut rig = cold();
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x65);
    assert_eq!(command(&mut rig, 0x20), [0x65]);
    rig.out(0x64, 0x7f);
    rig.out(0x60, 0x12);
    assert_eq!(command(&mut rig, 0x3f), [0x12]);
    rig.out(0x64, 0xad);
    assert_eq!(command(&mut rig, 0x20), [0x75]);
    rig.out(0x64, 0xae);
    rig.out(0x64, 0xa7);
    assert_eq!(command(&mut rig, 0x20), [0x65 | 0x20]);
    rig.out(0x64, 0xa8);
    assert_eq!(command(&mut rig, 0x20), [0x45]);
}

#[test]
fn a20_goes_by_the_output_port_and_by_ddh_and_dfh() {
    let mut rig = cold();
    assert_eq!(rig.out.a20.take(), Some(true));
    for (bytes, open) in [([0xd1, 0xdd], false), ([0xd1, 0xdf], true)] {
        rig.out(0x64, bytes[0]);
        rig.out(0x60, bytes[1]);
        assert_eq!(rig.out.a20.take(), Some(open));
        assert_eq!(rig.chip.a20(), open);
        assert_eq!(command(&mut rig, 0xd0), [if open { 0xc3 } else { 0xc1 }]);
    }
    rig.out(0x64, 0xdd);
    assert_eq!(rig.out.a20.take(), Some(false));
    rig.out(0x64, 0xdf);
    assert_eq!(rig.out.a20.take(), Some(true));
    assert!(!rig.out.cpu_reset);
}

#[test]
fn bit_0_of_the_output_port_and_feh_reset_the_processor() {
    let mut rig = cold();
    rig.out(0x64, 0xff);
    assert!(!rig.out.cpu_reset, "a pulse on no line");
    rig.out(0x64, 0xfe);
    assert!(core::mem::take(&mut rig.out.cpu_reset));
    rig.out(0x64, 0xd1);
    rig.out(0x60, 0xde);
    assert!(rig.out.cpu_reset);
}

#[test]
fn d2_and_d3_inject_bytes_with_the_right_irq() {
    let mut rig = ready();
    for (inject, irq, aux) in [(0xd2, KEYBOARD, 0), (0xd3, MOUSE, AUX)] {
        rig.out(0x64, inject);
        rig.out(0x60, 0x1c);
        rig.wait_micros(200);
        assert!(rig.irq.is_high(irq));
        assert_eq!(rig.inb(0x64) & (AUX | OBF), aux | OBF);
        assert_eq!(rig.inb(0x60), 0x1c, "not translated");
    }
}

#[test]
fn a_command_while_the_output_buffer_is_full_is_queued() {
    let mut rig = ready();
    tap(&mut rig, KeyCode::Q);
    rig.wait_micros(200);
    rig.out(0x64, 0x20);
    assert_eq!(drain(&mut rig), [0x10, 0x47, 0x90]);
    for odd in [0xe0, 0xc1, 0xc2, 0x00, 0xac] {
        command(&mut rig, odd);
    }
}

#[test]
fn a_disabled_keyboard_waits_and_a_byte_to_it_enables_it() {
    let mut rig = ready();
    rig.out(0x64, 0xad);
    key(&mut rig, KeyCode::A, true);
    assert_eq!(drain(&mut rig), []);
    rig.out(0x60, 0xee);
    assert_eq!(drain(&mut rig), [0xee, 0x1e]);
    assert_eq!(command(&mut rig, 0x20), [0x47]);
}

#[test]
fn interrupts_follow_the_command_byte() {
    let mut rig = ready();
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x44);
    key(&mut rig, KeyCode::A, true);
    rig.wait_micros(1000);
    assert_eq!(rig.inb(0x64) & OBF, OBF);
    assert!(!rig.irq.is_high(KEYBOARD));
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x45);
    assert!(rig.irq.is_high(KEYBOARD));
}

// ---- keyboard ----

#[test]
fn sets_1_2_and_3_can_be_selected_and_asked_for() {
    let mut rig = ready();
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x05);
    assert_eq!(keyboard(&mut rig, &[0xf0, 0]), [0xfa, 0xfa, 2]);
    for (set, bytes) in [
        (1, vec![0xe0, 0x48, 0xe0, 0xc8]),
        (2, vec![0xe0, 0x75, 0xe0, 0xf0, 0x75]),
        (3, vec![0x63, 0xf0, 0x63]),
    ] {
        assert_eq!(keyboard(&mut rig, &[0xf0, set]), [0xfa, 0xfa]);
        assert_eq!(keyboard(&mut rig, &[0xf0, 0]), [0xfa, 0xfa, set]);
        assert_eq!(keyboard(&mut rig, &[0xfa]), [0xfa], "all keys make and break");
        tap(&mut rig, KeyCode::ArrowUp);
        assert_eq!(drain(&mut rig), bytes);
    }
    assert_eq!(keyboard(&mut rig, &[0xf0, 4]), [0xfa, 0xfe]);
}

#[test]
fn translation_makes_set_1_of_set_2() {
    let mut rig = ready();
    tap(&mut rig, KeyCode::ArrowUp);
    assert_eq!(drain(&mut rig), [0xe0, 0x48, 0xe0, 0xc8]);
    tap(&mut rig, KeyCode::Pause);
    assert_eq!(drain(&mut rig), [0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5], "make only");
    tap(&mut rig, KeyCode::PrintScreen);
    assert_eq!(drain(&mut rig), [0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa]);
}

#[test]
fn print_screen_and_pause_change_with_control_and_alt() {
    let mut rig = ready();
    key(&mut rig, KeyCode::AltLeft, true);
    key(&mut rig, KeyCode::PrintScreen, true);
    key(&mut rig, KeyCode::AltLeft, false);
    key(&mut rig, KeyCode::PrintScreen, false);
    assert_eq!(
        drain(&mut rig),
        [0x38, 0x54, 0xb8, 0xd4],
        "released as it was pressed"
    );
    key(&mut rig, KeyCode::ControlRight, true);
    tap(&mut rig, KeyCode::Pause);
    tap(&mut rig, KeyCode::PrintScreen);
    assert_eq!(
        drain(&mut rig),
        [0xe0, 0x1d, 0xe0, 0x46, 0xe0, 0xc6, 0xe0, 0x37, 0xe0, 0xb7]
    );
}

#[test]
fn commands_are_acknowledged_byte_by_byte() {
    let mut rig = ready();
    assert_eq!(keyboard(&mut rig, &[0xed, 0x05]), [0xfa, 0xfa]);
    assert_eq!(rig.out.keyboard_leds.take(), Some(5));
    assert_eq!(keyboard(&mut rig, &[0xed, 0x05]), [0xfa, 0xfa]);
    assert_eq!(rig.out.keyboard_leds.take(), None, "only when they change");
    assert_eq!(keyboard(&mut rig, &[0xf3, 0x20]), [0xfa, 0xfa]);
    assert_eq!(keyboard(&mut rig, &[0xee]), [0xee]);
    assert_eq!(keyboard(&mut rig, &[0xf4]), [0xfa]);
    assert_eq!(keyboard(&mut rig, &[0xef]), [0xfe]);
    assert_eq!(
        keyboard(&mut rig, &[0xed, 0xf4]),
        [0xfa, 0xfa],
        "a command instead of a parameter"
    );
}

#[test]
fn read_id_gives_ab_83_or_41_if_translated() {
    let mut rig = ready();
    assert_eq!(keyboard(&mut rig, &[0xf2]), [0xfa, 0xab, 0x41]);
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x05);
    assert_eq!(keyboard(&mut rig, &[0xf2]), [0xfa, 0xab, 0x83]);
}

#[test]
fn reset_acknowledges_and_passes_its_test_later() {
    let mut rig = ready();
    keyboard(&mut rig, &[0xed, 7]);
    rig.out(0x60, 0xff);
    rig.wait_micros(200);
    assert_eq!(rig.inb(0x60), 0xfa);
    rig.wait_micros(400);
    assert_eq!(rig.inb(0x64) & OBF, 0);
    assert_eq!(drain(&mut rig), [0xaa]);
    assert_eq!(rig.out.keyboard_leds, Some(0));
}

#[test]
fn resend_repeats_the_last_byte() {
    let mut rig = ready();
    key(&mut rig, KeyCode::Z, true);
    drain(&mut rig);
    assert_eq!(keyboard(&mut rig, &[0xfe, 0xfe]), [0x2c, 0x2c]);
}

#[test]
fn disable_stops_scanning_until_enable() {
    let mut rig = ready();
    assert_eq!(keyboard(&mut rig, &[0xf5]), [0xfa]);
    tap(&mut rig, KeyCode::A);
    assert_eq!(drain(&mut rig), []);
    assert_eq!(keyboard(&mut rig, &[0xf4]), [0xfa]);
    tap(&mut rig, KeyCode::B);
    assert_eq!(drain(&mut rig), [0x30, 0xb0]);
}

#[test]
fn typematic_repeats_in_guest_time() {
    let mut rig = ready();
    key(&mut rig, KeyCode::X, true);
    assert_eq!(next(&mut rig), Some(0x2d));
    rig.wait_micros(499_000);
    assert_eq!(rig.inb(0x64) & OBF, 0);
    let mut repeats = 0;
    let end = rig.now + rig.rate.micros(1_000_000);
    while rig.now < end {
        rig.wait_micros(1_000);
        repeats += usize::from(rig.inb(0x64) & OBF != 0);
        rig.inb(0x60);
    }
    assert_eq!(repeats, 11);
    key(&mut rig, KeyCode::X, true);
    key(&mut rig, KeyCode::X, true);
    rig.wait_micros(1_000);
    assert_eq!(rig.inb(0x64) & OBF, 0, "the host's repeats are ignored");
    key(&mut rig, KeyCode::X, false);
    assert_eq!(drain(&mut rig), [0xad]);
    rig.wait_micros(1_000_000);
    assert_eq!(rig.inb(0x64) & OBF, 0);
}

#[test]
fn typematic_rate_and_delay_are_those_of_f3() {
    let mut rig = ready();
    keyboard(&mut rig, &[0xf3, 0x00]);
    key(&mut rig, KeyCode::X, true);
    next(&mut rig);
    let mut repeats = 0;
    let end = rig.now + rig.rate.micros(1_250_000);
    while rig.now < end {
        rig.wait_micros(500);
        repeats += usize::from(rig.inb(0x64) & OBF != 0);
        rig.inb(0x60);
    }
    assert!((30..=31).contains(&repeats), "{repeats}");
}

#[test]
fn repeats_do_not_pile_up_when_nobody_reads() {
    let mut rig = ready();
    key(&mut rig, KeyCode::X, true);
    rig.wait_micros(5_000_000);
    key(&mut rig, KeyCode::X, false);
    assert_eq!(drain(&mut rig), [0x2d, 0x2d, 0xad]);
}

#[test]
fn a_full_queue_never_loses_a_release() {
    let mut rig = ready();
    key(&mut rig, KeyCode::ShiftLeft, true);
    drain(&mut rig);
    for _ in 0..500 {
        for &code in &[KeyCode::A, KeyCode::B, KeyCode::C] {
            tap(&mut rig, code);
        }
    }
    key(&mut rig, KeyCode::D, true);
    rig.with(|ps2, ctx| ps2.release_all_keys(ctx));
    let bytes = drain(&mut rig);
    assert!(bytes.contains(&0xaa), "Shift went up");
    assert!(!bytes.contains(&0x20), "D never went down");
    let count = |wanted: u8| bytes.iter().filter(|&&byte| byte == wanted).count();
    for make in [0x1e, 0x30, 0x2e] {
        assert!(count(make) > 0);
        assert_eq!(count(make), count(make | 0x80));
    }
}

#[test]
fn a_key_released_while_scanning_is_off_goes_up_later() {
    let mut rig = ready();
    key(&mut rig, KeyCode::ControlLeft, true);
    drain(&mut rig);
    keyboard(&mut rig, &[0xf5]);
    key(&mut rig, KeyCode::ControlLeft, false);
    assert_eq!(drain(&mut rig), []);
    assert_eq!(keyboard(&mut rig, &[0xf4]), [0xfa, 0x9d]);
}

#[test]
fn answers_come_before_keys_that_wait() {
    let mut rig = ready();
    rig.out(0x64, 0xad);
    tap(&mut rig, KeyCode::A);
    rig.out(0x60, 0xf3);
    assert_eq!(next(&mut rig), Some(0xfa));
    rig.out(0x60, 0x2b);
    let rest = drain(&mut rig);
    assert_eq!(rest, [0xfa, 0x1e, 0x9e]);
}

#[test]
fn in_set_3_keys_have_types() {
    let mut rig = ready();
    rig.out(0x64, 0x60);
    rig.out(0x60, 0x05);
    keyboard(&mut rig, &[0xf0, 3]);
    tap(&mut rig, KeyCode::A);
    tap(&mut rig, KeyCode::ShiftLeft);
    assert_eq!(drain(&mut rig), [0x1c, 0x12, 0xf0, 0x12]);
    assert_eq!(keyboard(&mut rig, &[0xfc, 0x1c, 0x1b, 0xf4]), [0xfa; 4]);
    tap(&mut rig, KeyCode::A);
    assert_eq!(drain(&mut rig), [0x1c, 0xf0, 0x1c]);
}

// ---- mouse ----

fn moved(rig: &mut Bench, dx: i16, dy: i16, wheel: i8, buttons: u8) {
    rig.with(|ps2, ctx| ps2.mouse(dx, dy, wheel, buttons, ctx));
}

#[test]
fn the_mouse_passes_its_test_and_has_id_0() {
    let mut rig = ready();
    assert_eq!(mouse(&mut rig, &[0xff]), [0xfa, 0xaa, 0x00]);
    assert_eq!(mouse(&mut rig, &[0xf2]), [0xfa, 0x00]);
}

#[test]
fn sample_rates_200_100_80_turn_on_the_wheel() {
    let mut rig = ready();
    mouse(&mut rig, &[0xf3, 200, 0xf3, 100, 0xf3, 80]);
    assert_eq!(mouse(&mut rig, &[0xf2]), [0xfa, 0x03]);
    mouse(&mut rig, &[0xf4]);
    moved(&mut rig, 0, 0, -1, 0);
    assert_eq!(drain(&mut rig), [0x08, 0, 0, 0xff]);
    mouse(&mut rig, &[0xff]);
    assert_eq!(mouse(&mut rig, &[0xf2]), [0xfa, 0x00]);
}

#[test]
fn streaming_starts_with_f4_and_packets_have_bit_3() {
    let mut rig = ready();
    moved(&mut rig, 5, 5, 0, 0);
    assert_eq!(drain(&mut rig), []);
    assert_eq!(mouse(&mut rig, &[0xf4]), [0xfa]);
    moved(&mut rig, 5, -3, 0, 1);
    rig.wait_micros(200);
    assert!(rig.irq.is_high(MOUSE) && !rig.irq.is_high(KEYBOARD));
    assert_eq!(rig.inb(0x64) & (AUX | OBF), AUX | OBF);
    assert_eq!(drain(&mut rig), [0x09, 5, 3]);
    moved(&mut rig, -2, 4, 0, 0);
    assert_eq!(drain(&mut rig), [0x38, 0xfe, 0xfc], "sign bits");
    mouse(&mut rig, &[0xf5]);
    moved(&mut rig, 1, 1, 0, 7);
    assert_eq!(drain(&mut rig), []);
}

#[test]
fn long_movements_and_fast_clicks_are_not_lost() {
    let mut rig = ready();
    mouse(&mut rig, &[0xf4]);
    moved(&mut rig, 300, 0, 0, 0);
    moved(&mut rig, 0, 0, 0, 2);
    moved(&mut rig, 0, 0, 0, 0);
    let mut packets = Vec::new();
    for _ in 0..10 {
        packets.extend(drain(&mut rig));
        rig.wait_micros(20_000);
    }
    assert_eq!(packets, [8, 127, 0, 8, 127, 0, 8, 46, 0, 0x0a, 0, 0, 8, 0, 0]);
}

#[test]
fn reports_come_at_the_sample_rate() {
    let mut rig = ready();
    mouse(&mut rig, &[0xf3, 10, 0xf4]);
    let mut reports = 0;
    for _ in 0..1000 {
        moved(&mut rig, 1, 0, 0, 0);
        rig.wait_micros(1_000);
        while rig.inb(0x64) & OBF != 0 {
            reports += 1;
            rig.inb(0x60);
            rig.wait_micros(160);
        }
    }
    assert!((30..=36).contains(&reports), "{reports} bytes");
}

#[test]
fn remote_mode_reports_when_asked() {
    let mut rig = ready();
    assert_eq!(mouse(&mut rig, &[0xf0]), [0xfa]);
    moved(&mut rig, 3, 0, 0, 4);
    assert_eq!(drain(&mut rig), []);
    assert_eq!(mouse(&mut rig, &[0xeb]), [0xfa, 0x0c, 3, 0]);
    assert_eq!(mouse(&mut rig, &[0xeb]), [0xfa, 0x0c, 0, 0]);
    assert_eq!(mouse(&mut rig, &[0xea]), [0xfa]);
}

#[test]
fn wrap_mode_echoes_all_but_reset_and_its_end() {
    let mut rig = ready();
    assert_eq!(
        mouse(&mut rig, &[0xee, 0xf2, 0x55, 0xec]),
        [0xfa, 0xf2, 0x55, 0xfa]
    );
    assert_eq!(mouse(&mut rig, &[0xf2]), [0xfa, 0x00]);
}

#[test]
fn status_tells_buttons_modes_resolution_and_rate() {
    let mut rig = ready();
    mouse(&mut rig, &[0xe8, 3, 0xe7, 0xf3, 40, 0xf4]);
    moved(&mut rig, 0, 0, 0, 1);
    drain(&mut rig);
    assert_eq!(mouse(&mut rig, &[0xe9]), [0xfa, 0x34, 3, 40]);
    assert_eq!(mouse(&mut rig, &[0xe6, 0xf6]), [0xfa, 0xfa]);
    assert_eq!(mouse(&mut rig, &[0xe9]), [0xfa, 0x04, 2, 100]);
    assert_eq!(mouse(&mut rig, &[0xe8, 9]), [0xfa, 0xfc]);
    assert_eq!(mouse(&mut rig, &[0xd0]), [0xfe]);
}

#[test]
fn scaling_2_1_follows_its_table() {
    let mut rig = ready();
    mouse(&mut rig, &[0xe7, 0xf4]);
    for (dx, scaled) in [(1, 1), (2, 1), (3, 3), (4, 6), (5, 9), (6, 12)] {
        moved(&mut rig, dx, 0, 0, 0);
        assert_eq!(drain(&mut rig)[1], scaled);
    }
}

// ---- both ----

#[test]
fn real_timing_sends_a_byte_a_millisecond() {
    let mut rig = ready();
    rig.timing = Timing::Real;
    tap(&mut rig, KeyCode::A);
    rig.wait_micros(800);
    assert_eq!(rig.inb(0x64) & OBF, 0);
    rig.wait_micros(200);
    assert_eq!(rig.inb(0x60), 0x1e);
}

#[test]
fn a_reset_empties_everything_and_opens_a20() {
    let mut rig = ready();
    tap(&mut rig, KeyCode::A);
    rig.out(0x64, 0xdd);
    rig.wait_micros(1000);
    rig.with(|ps2, ctx| ps2.reset(ResetKind::Hard, ctx));
    assert!(!rig.irq.is_high(KEYBOARD));
    assert_eq!(drain(&mut rig), []);
    assert_eq!(rig.out.a20, Some(true));
}

#[test]
fn state_survives_the_round_trip() {
    let mut rig = ready();
    mouse(&mut rig, &[0xf3, 200, 0xf4]);
    keyboard(&mut rig, &[0xed, 2, 0xf3]);
    moved(&mut rig, 400, 3, 0, 1);
    rig.wait_micros(200);
    key(&mut rig, KeyCode::PrintScreen, true);
    rig.out(0x64, 0xd1);
    assert_damaged_states_do_no_harm(&rig.chip, || Ps2Controller::new(KEYBOARD, MOUSE));
    assert_round_trip(&rig.chip, &mut Ps2Controller::new(KEYBOARD, MOUSE));
}

#[test]
fn random_accesses_never_panic() {
    let mut rig = ready();
    let mut random = Prng(11);
    for _ in 0..200_000 {
        let r = random.next();
        match random.below(8) {
            0 => rig.out(0x60, r as u8),
            1 => rig.out(0x64, r as u8),
            2 => {
                rig.out(0x64, 0xd4);
                rig.out(0x60, r as u8);
            }
            3 => _ = rig.inb(0x60),
            4 => {
                let code = KeyCode::ALL[random.below(KeyCode::ALL.len() as u64) as usize];
                key(&mut rig, code, r & 1 != 0);
            }
            5 => moved(
                &mut rig,
                r as i16,
                (r >> 16) as i16,
                (r >> 32) as i8,
                (r >> 40) as u8,
            ),
            6 => rig.wait_micros(random.below(2000)),
            _ => _ = rig.inb(0x64),
        }
    }
    assert!(rig.chip.s.keyboard.is_sane() && rig.chip.s.mouse.is_sane());
}
