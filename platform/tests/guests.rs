//! Whole machines that run a few bytes of code from a ROM of their own.

use oldiron_platform::{Dispatch, HostEvent, KeyCode, Machine, MachineBuilder, StopReason, TickRate};

/// A system BIOS with `code` at F000:0000, where the reset vector jumps to.
fn rom(code: &[u8]) -> Vec<u8> {
    let mut rom = vec![0xf4; 0x10000];
    rom[..code.len()].copy_from_slice(code);
    rom[0xfff0..0xfff5].copy_from_slice(&[0xea, 0x00, 0x00, 0x00, 0xf0]);
    rom
}

fn builder(code: &[u8]) -> MachineBuilder {
    MachineBuilder::new()
        .memory_mib(1)
        .bios(rom(code))
        .vga_bios(vec![0; 512])
        .debug_console(true)
}

#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn machine(code: &[u8]) -> Machine {
    builder(code).build().unwrap()
}

fn console(machine: &mut Machine) -> String {
    String::from_utf8_lossy(&machine.outbox().debug_console).into_owned()
}

fn word(machine: &Machine, addr: u32) -> u16 {
    let mut buf = [0; 2];
    machine.read_memory(addr, &mut buf);
    u16::from_le_bytes(buf)
}

/// Writes "hi" to port E9h and halts with interrupts off.
const HELLO: &[u8] = &[
    0xb0, b'h', 0xe6, 0xe9, // mov al, 'h'; out e9h, al
    0xb0, b'i', 0xe6, 0xe9, // mov al, 'i'; out e9h, al
    0xfa, 0xf4, // cli; hlt
];

/// Counts timer interrupts at 0:0500, 1 kHz; the main loop counts at 0:0502 and then does `idle`.
fn timer_guest(idle: u8) -> Vec<u8> {
    const HANDLER: u8 = 0x50;
    let mut code = vec![
        0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, // xor ax, ax; mov ds, ax; mov ss, ax
        0xbc, 0x00, 0x7c, // mov sp, 7c00h
        0xc7, 0x06, 0x20, 0x00, HANDLER, 0x00, // mov word [8 * 4], handler
        0xc7, 0x06, 0x22, 0x00, 0x00, 0xf0, // mov word [8 * 4 + 2], f000h
        0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21, // ICW1, ICW2: vectors from 8
        0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21, // ICW3, ICW4
        0xb0, 0xfe, 0xe6, 0x21, // unmask IRQ 0 alone
        0xb0, 0x34, 0xe6, 0x43, // channel 0, both bytes, mode 2
        0xb0, 0xa9, 0xe6, 0x40, 0xb0, 0x04, 0xe6, 0x40, // every 1193 clocks
        0xfb, // sti
        0xff, 0x06, 0x02, 0x05, // loop: inc word [502h]
        idle, 0xeb, 0xf9, // idle; jmp loop
    ];
    code.resize(HANDLER.into(), 0x90);
    code.extend([
        0x50, 0xff, 0x06, 0x00, 0x05, // handler: push ax; inc word [500h]
        0xb0, 0x20, 0xe6, 0x20, // end of interrupt
        0x58, 0xcf, // pop ax; iret
    ]);
    code
}

const HLT: u8 = 0xf4;
const NOP: u8 = 0x90;
const SECOND: u64 = 100_000_000;

#[test]
fn a_guest_speaks_and_halts_for_ever_at_an_exact_tick() {
    let mut machine = machine(HELLO);
    assert_eq!(machine.run_until(1000), StopReason::HaltedForever);
    assert_eq!(console(&mut machine), "hi");
    assert_eq!(
        (machine.now(), machine.instructions()),
        (7, 7),
        "jmp, 4 to speak, cli, hlt"
    );
    assert_eq!(machine.run_until(1000), StopReason::HaltedForever, "it stays so");
    assert_eq!(machine.now(), 7);
}

#[test]
fn a_run_ends_exactly_where_it_was_asked_to() {
    for idle in [NOP, HLT] {
        let mut machine = machine(&timer_guest(idle));
        for until in [1, 2, 3, 50, 51, 1000, 99_999, 100_000, 123_457, 5_000_000] {
            assert_eq!(machine.run_until(until), StopReason::Deadline);
            assert_eq!(machine.now(), until);
        }
    }
}

#[test]
fn a_halted_guest_sleeps_from_timer_to_timer() {
    let mut machine = machine(&timer_guest(HLT));
    assert_eq!(machine.run_until(SECOND), StopReason::Deadline);
    assert_eq!(word(&machine, 0x500), 1000);
    assert_eq!(word(&machine, 0x502), 1001);
    assert!(machine.idle_hint());
    assert!(machine.instructions() < 20_000);
}

#[test]
fn a_busy_guest_retires_one_instruction_per_tick_less_deliveries() {
    let mut machine = machine(&timer_guest(NOP));
    assert_eq!(machine.run_until(SECOND / 10), StopReason::Deadline);
    assert_eq!(word(&machine, 0x500), 100);
    assert_eq!(machine.instructions() + 100, SECOND / 10);
    assert!(!machine.idle_hint());
}

/// Pseudo-random numbers, the same every time.
fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn it_does_not_matter_how_the_time_is_divided() {
    const UNTIL: u64 = 3_000_000;
    for idle in [NOP, HLT] {
        for dispatch in [Dispatch::Chained, Dispatch::Loop] {
            let build = || builder(&timer_guest(idle)).dispatch(dispatch).build().unwrap();
            let mut whole = build();
            assert_eq!(whole.run_until(UNTIL), StopReason::Deadline);
            let mut random = 0x1234_5678_9abc_def1;
            for longest in [40, 5000, 700_000] {
                let mut pieces = build();
                while pieces.now() < UNTIL {
                    let piece = 1 + xorshift(&mut random) % longest;
                    pieces.run_until((pieces.now() + piece).min(UNTIL));
                }
                assert_eq!(pieces.instructions(), whole.instructions());
                assert_eq!(pieces.state_hash(), whole.state_hash());
            }
        }
    }
}

#[test]
fn a_state_saved_in_the_middle_continues_in_another_machine() {
    for idle in [NOP, HLT] {
        let guest = timer_guest(idle);
        let (mut first, mut second) = (machine(&guest), machine(&guest));
        first.run_until(1_234_567);
        let state = first.save_state().unwrap();
        second.run_until(77_777);
        second.restore_state(&state).unwrap();
        assert_eq!(second.now(), 1_234_567);
        assert_eq!(second.state_hash(), first.state_hash());
        assert!(
            second.save_state().unwrap() == state,
            "saving what was restored gives the same bytes"
        );
        for machine in [&mut first, &mut second] {
            assert_eq!(machine.run_until(3_000_000), StopReason::Deadline);
        }
        assert_eq!(first.state_hash(), second.state_hash());
    }
}

#[test]
fn a_state_of_another_machine_is_refused() {
    let state = machine(HELLO).save_state().unwrap();
    let mut larger = builder(HELLO).memory_mib(2).build().unwrap();
    assert!(larger.restore_state(&state).is_err());
    let mut other_rom = machine(&timer_guest(HLT));
    assert!(other_rom.restore_state(&state).is_err());
    let mut same = machine(HELLO);
    assert!(same.restore_state(&state[..state.len() - 1]).is_err());
}

#[test]
fn the_guest_can_reset_the_processor_in_three_ways_and_memory_survives() {
    let count_then = |code: &[u8]| {
        let mut guest = vec![0x31, 0xc0, 0x8e, 0xd8, 0xff, 0x06, 0x00, 0x05]; // ds = 0; inc word [500h]
        guest.extend(code);
        guest.push(HLT);
        guest
    };
    // Only a change to 1 resets: bit 0 survives the reset that it makes.
    let port_92: &[u8] = &[0xb0, 0x00, 0xe6, 0x92, 0xb0, 0x01, 0xe6, 0x92]; // out 92h, 0; out 92h, 1
    let keyboard_controller: &[u8] = &[0xb0, 0xfe, 0xe6, 0x64]; // mov al, feh; out 64h, al
    for code in [port_92, keyboard_controller] {
        let mut machine = machine(&count_then(code));
        machine.set_stop_on_reset(true);
        for count in 1..4 {
            assert_eq!(machine.run_until(SECOND), StopReason::Reset);
            assert_eq!(word(&machine, 0x500), count);
        }
        machine.set_stop_on_reset(false);
        let now = machine.now();
        assert_eq!(machine.run_until(now + 100_000), StopReason::Deadline);
        assert!(word(&machine, 0x500) > 4);
    }
}

#[test]
fn a_triple_fault_stops_the_run_until_the_processor_is_reset() {
    // lidt [cs:9]; int 3 - with a table of no bytes.
    let mut machine = machine(&[
        0x2e, 0x0f, 0x01, 0x1e, 0x09, 0x00, 0xcc, HLT, HLT, 0, 0, 0, 0, 0, 0,
    ]);
    assert_eq!(machine.run_until(1000), StopReason::TripleFault);
    assert_eq!(machine.run_until(1000), StopReason::TripleFault);
    let at = machine.now();
    machine.reset_cpu();
    assert_eq!(machine.run_until(1000), StopReason::TripleFault);
    assert!(machine.now() > at);
}

#[test]
fn the_shutdown_port_turns_the_machine_off() {
    let mut code = vec![0xba, 0x00, 0x89]; // mov dx, 8900h
    for letter in b"Shutdown" {
        code.extend([0xb0, *letter, 0xee]); // mov al, letter; out dx, al
    }
    let mut machine = machine(&code);
    assert_eq!(machine.run_until(1000), StopReason::PowerOff);
    assert_eq!(machine.now(), 18);
    assert_eq!(machine.run_until(1000), StopReason::PowerOff);
    machine.post(HostEvent::Reset);
    assert_eq!(machine.run_until(1000), StopReason::PowerOff);
    assert_eq!(machine.now(), 36, "it went through all of it again");
}

#[test]
fn the_debug_exit_port_is_there_only_if_asked_for() {
    let code = [0xb8, 0x34, 0x12, 0xe7, 0xf4, 0xfa, HLT]; // mov ax, 1234h; out f4h, ax; cli; hlt
    let mut with = builder(&code).debug_exit(Some(0xf4)).build().unwrap();
    assert_eq!(with.run_until(1000), StopReason::DebugExit(0x34));
    assert_eq!(
        with.run_until(1000),
        StopReason::HaltedForever,
        "the guest may go on"
    );
    assert_eq!(machine(&code).run_until(1000), StopReason::HaltedForever);
}

#[test]
fn bytes_written_to_logged_ports_are_collected_in_order() {
    let code = [0xb8, 0x34, 0x12, 0xe7, 0x80, 0xe6, 0x81, 0xfa, HLT]; // out 80h, ax; out 81h, al
    let mut machine = builder(&code).port_log(vec![0x81, 0x80]).build().unwrap();
    assert_eq!(machine.run_until(1000), StopReason::HaltedForever);
    assert_eq!(
        machine.outbox().port_log,
        [(0x80, 0x34), (0x81, 0x12), (0x81, 0x34)]
    );
}

#[test]
fn ports_that_nobody_claims_read_all_ones() {
    let code = [
        0x31, 0xc0, 0x8e, 0xd8, 0xba, 0x00, 0x03, // ds = 0; mov dx, 300h
        0xec, 0xa2, 0x00, 0x05, // in al, dx; mov [500h], al
        0x66, 0xed, 0x66, 0xa3, 0x04, 0x05, // in eax, dx; mov [504h], eax
        0xfa, HLT,
    ];
    let mut machine = machine(&code);
    assert_eq!(machine.run_until(1000), StopReason::HaltedForever);
    assert_eq!(word(&machine, 0x500), 0x00ff);
    assert_eq!((word(&machine, 0x504), word(&machine, 0x506)), (0xffff, 0xffff));
}

#[test]
fn gate_a20_is_opened_by_either_of_its_two_owners() {
    // ds = 0; es = ffffh; [500h] = 1111h; opcode(s); mov word [es:510h], 2222h; cli; hlt
    let guest = |gate: &[u8]| {
        let mut code = vec![0x31, 0xc0, 0x8e, 0xd8, 0x48, 0x8e, 0xc0];
        code.extend([0xc7, 0x06, 0x00, 0x05, 0x11, 0x11]);
        code.extend(gate);
        code.extend([0x26, 0xc7, 0x06, 0x10, 0x05, 0x22, 0x22, 0xfa, HLT]);
        let mut machine = builder(&code).memory_mib(2).build().unwrap();
        assert_eq!(machine.run_until(SECOND), StopReason::HaltedForever);
        (word(&machine, 0x500), word(&machine, 0x10_0500))
    };
    let off = &[0xb0, 0x00, 0xe6, 0x92][..]; // port 92h = 0
    let on = &[0xb0, 0x02, 0xe6, 0x92][..]; // port 92h = 2
    let wait = &[0xb9, 0xff, 0xff, 0xe2, 0xfe][..]; // mov cx, ffffh; loop $
    let keyboard_off = [
        &[0xb0, 0xd1, 0xe6, 0x64][..],
        wait,
        &[0xb0, 0xdd, 0xe6, 0x60],
        wait,
    ]
    .concat();
    let keyboard_on = [
        &[0xb0, 0xd1, 0xe6, 0x64][..],
        wait,
        &[0xb0, 0xdf, 0xe6, 0x60],
        wait,
    ]
    .concat();
    let (wrapped, straight) = ((0x2222, 0), (0x1111, 0x2222));
    assert_eq!(guest(&[&keyboard_off, off].concat()), wrapped);
    assert_eq!(guest(&[&keyboard_off, on].concat()), straight);
    assert_eq!(guest(&[&keyboard_on, off].concat()), straight);
}

/// Sends back what COM1 receives.
const ECHO: &[u8] = &[
    0xba, 0xfb, 0x03, 0xb0, 0x03, 0xee, // LCR: 8 bits
    0xba, 0xfd, 0x03, // mov dx, 3fdh
    0xec, 0xa8, 0x01, 0x74, 0xfb, // wait for a byte
    0xb2, 0xf8, 0xec, 0x88, 0xc3, // bl = it
    0xb2, 0xfd, 0xec, 0xa8, 0x20, 0x74, 0xfb, // wait until the transmitter has room
    0x88, 0xd8, 0xb2, 0xf8, 0xee, // send it
    0xb2, 0xfd, 0xeb, 0xe6, // back to the first wait
];

#[test]
fn serial_bytes_arrive_as_fast_as_the_guest_takes_them_and_each_can_end_a_run() {
    const END: u64 = 2_000_000;
    let text: Vec<u8> = (0..500u32).map(|i| (i * 7) as u8).collect();
    let run = |longest: u64| {
        let mut machine = machine(ECHO);
        machine.set_stop_on_serial(true);
        machine.run_until(1000);
        machine.post(HostEvent::SerialRx {
            port: 0,
            bytes: text.clone(),
        });
        let mut random = 99;
        let mut sent = Vec::new();
        while sent.len() < text.len() && machine.now() < END {
            let until = machine.now() + 1 + xorshift(&mut random) % longest;
            let reason = machine.run_until(until);
            let bytes = std::mem::take(&mut machine.outbox().serial);
            assert_eq!(reason == StopReason::Serial, !bytes.is_empty());
            assert!(
                bytes.iter().all(|byte| byte.at == machine.now()),
                "the run ends at the tick of the byte"
            );
            sent.extend(bytes);
        }
        let bytes: Vec<u8> = sent.iter().map(|sent| sent.byte).collect();
        assert_eq!(bytes.len(), text.len());
        assert_eq!(bytes, text);
        machine.run_until(END);
        (sent, machine.state_hash())
    };
    let whole = run(END);
    assert_eq!(run(50), whole);
    assert_eq!(run(3000), whole);
}

/// Copies what the keyboard sends to port E9h.
const KEYS: &[u8] = &[
    0xb0, 0xae, 0xe6, 0x64, // enable the keyboard
    0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa, // wait for a byte
    0xe4, 0x60, 0xe6, 0xe9, 0xeb, 0xf4, // copy it, and so on
];

#[test]
fn a_pasted_text_reaches_the_guest_complete_and_in_order() {
    const SECOND: u64 = 1_000_000;
    use KeyCode::{A, B, C, ShiftLeft};
    let run = |longest: u64| {
        let mut machine = builder(KEYS).rate(TickRate::new(SECOND)).build().unwrap();
        // Past the keyboard's self-test.
        machine.run_until(SECOND);
        machine.outbox().debug_console.clear();
        for code in [A, B, ShiftLeft, C].into_iter().cycle().take(200) {
            machine.post(HostEvent::Key { code, down: true });
            machine.post(HostEvent::Key { code, down: false });
        }
        let mut random = 5;
        while machine.now() < 3 * SECOND {
            let until = machine.now() + 1 + xorshift(&mut random) % longest;
            machine.run_until(until.min(3 * SECOND));
        }
        (machine.outbox().debug_console.clone(), machine.state_hash())
    };
    let (codes, state) = run(SECOND);
    let one_round: &[u8] = if codes.contains(&0xf0) {
        &[
            0x1c, 0xf0, 0x1c, 0x32, 0xf0, 0x32, 0x12, 0xf0, 0x12, 0x21, 0xf0, 0x21,
        ]
    } else {
        &[0x1e, 0x9e, 0x30, 0xb0, 0x2a, 0xaa, 0x2e, 0xae]
    };
    assert_eq!(codes.len(), one_round.len() * 50);
    assert_eq!(codes, one_round.repeat(50));
    assert_eq!(run(20_000), (codes, state));
}

#[test]
fn a_coprocessor_error_comes_by_irq_13_and_port_f0h_takes_it_back() {
    const HANDLER: u8 = 0x80;
    let mut code = vec![
        0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, // xor ax, ax; mov ds, ax; mov ss, ax
        0xbc, 0x00, 0x7c, // mov sp, 7c00h
        0xc7, 0x06, 0xd4, 0x01, HANDLER, 0x00, // mov word [75h * 4], handler
        0xc7, 0x06, 0xd6, 0x01, 0x00, 0xf0, // mov word [75h * 4 + 2], f000h
        0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x08, 0xe6, 0x21, // first controller: ICW1, ICW2
        0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6, 0x21, // ICW3, ICW4
        0xb0, 0x11, 0xe6, 0xa0, 0xb0, 0x70, 0xe6, 0xa1, // second controller: ICW1, ICW2
        0xb0, 0x02, 0xe6, 0xa1, 0xb0, 0x01, 0xe6, 0xa1, // ICW3, ICW4
        0xb0, 0xfb, 0xe6, 0x21, 0xb0, 0xdf, 0xe6, 0xa1, // unmask the cascade and IRQ 13
        0xc7, 0x06, 0x00, 0x06, 0x7b, 0x03, // mov word [600h], 37bh
        0xdb, 0xe3, 0xd9, 0x2e, 0x00, 0x06, // fninit; fldcw [600h]: division by zero unmasked
        0xfb, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, // sti; fld1; fldz; fdivp
        0x9b, // wait
        0xff, 0x06, 0x02, 0x05, // inc word [502h]
        0xfa, 0xf4, // cli; hlt
    ];
    code.resize(HANDLER.into(), NOP);
    code.extend([
        0x50, 0xff, 0x06, 0x00, 0x05, // push ax; inc word [500h]
        0x30, 0xc0, 0xe6, 0xf0, // xor al, al; out f0h, al
        0xdf, 0xe0, 0xa3, 0x04, 0x05, // fnstsw ax; mov [504h], ax
        0xd9, 0xe8, 0xdb, 0xe2, // fld1, which goes on; fnclex
        0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, // end of interrupt, both
        0x58, 0xcf, // pop ax; iret
    ]);
    let mut machine = machine(&code);
    assert_eq!(machine.run_until(1_000_000), StopReason::HaltedForever);
    assert_eq!((word(&machine, 0x500), word(&machine, 0x502)), (1, 1));
    assert_eq!(word(&machine, 0x504) & 0x84, 0x84, "division by zero, summary");
}
