//! Small guests, a BIOS of a few instructions each, that end a run in every way there is.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

mod small_guest;

use std::fs;

use small_guest::{FOREVER, Guest, power_off};

/// Sets COM1 to 115200 baud, 8 data bits.
const INIT_COM1: [u8; 24] = [
    0xba, 0xfb, 0x03, 0xb0, 0x83, 0xee, // mov dx, 3FBh; mov al, 83h; out dx, al
    0xba, 0xf8, 0x03, 0xb0, 0x01, 0xee, // mov dx, 3F8h; mov al, 1; out dx, al
    0xba, 0xf9, 0x03, 0xb0, 0x00, 0xee, // mov dx, 3F9h; mov al, 0; out dx, al
    0xba, 0xfb, 0x03, 0xb0, 0x03, 0xee, // mov dx, 3FBh; mov al, 3; out dx, al
];

/// Sends text to COM1, after setting it up, until its last bit has left.
fn print(text: &str) -> Vec<u8> {
    let send = |byte: u8| {
        [
            &[0xba, 0xfd, 0x03][..], // mov dx, 3FDh
            &[0xec, 0xa8, 0x20],     // again: in al, dx; test al, 20h
            &[0x74, 0xfb],           // jz again
            &[0xb0, byte],           // mov al, byte
            &[0xba, 0xf8, 0x03],     // mov dx, 3F8h
            &[0xee],                 // out dx, al
        ]
        .concat()
    };
    // mov dx, 3FDh; again: in al, dx; test al, 40h; jz again
    let drain = [0xba, 0xfd, 0x03, 0xec, 0xa8, 0x40, 0x74, 0xfb];
    let text = text.bytes().flat_map(send);
    INIT_COM1.into_iter().chain(text).chain(drain).collect()
}

const HALT: [u8; 2] = [0xfa, 0xf4]; // cli; hlt
const RESET: [u8; 6] = [0xb0, 0xfe, 0xe6, 0x64, 0xeb, 0xfe]; // mov al, FEh; out 64h, al; jmp $

#[test]
fn power_off_is_exit_0_unless_something_was_awaited() {
    let guest = Guest::new(&[&print("bye\n"), &power_off()]);
    assert!(guest.ends(&[], 0).contains("powered off"));
    guest.ends(&["--until-serial", "bye"], 0);
    guest.ends(&["--until-serial", "hello"], 10);
    guest.ends(&["--until-text", "hello"], 10);
    guest.ends(&["--fail-serial", "b.e"], 10);
    guest.ends(&["--fail-serial", "bye", "--until-serial", "bye"], 10);
    guest.ends(&["-e", "wait serial bye"], 0);
    guest.ends(&["-e", "wait serial bye", "-e", "wait serial bye"], 10);
    guest.ends(&["-e", "wait serial '^b'", "-e", "quit 7"], 7);
}

#[test]
fn the_debug_exit_port_is_there_only_when_asked_for() {
    let guest = Guest::new(&[&[0xb0, 0x31, 0xe6, 0xf4], &power_off()]);
    guest.ends(&["--debug-exit"], 0x63);
    guest.ends(&["--debug-exit=0xf4"], 0x63);
    guest.ends(&["--debug-exit=f5"], 0);
    guest.ends(&[], 0);
}

#[test]
fn a_dead_processor_ends_a_headless_run_and_says_where() {
    let guest = Guest::new(&[&HALT]);
    assert!(guest.ends(&[], 16).contains("F000:"));
    // lidt cs:[7]; int3; a descriptor of zeros
    let guest = Guest::new(&[&[0x2e, 0x0f, 0x01, 0x1e, 7, 0, 0xcc, 0, 0, 0, 0, 0, 0]]);
    assert!(guest.ends(&[], 14).contains("triple fault"));
    guest.ends(&["--on-triple-fault", "reset", "--max-virtual", "0.1"], 12);
    guest.ends(&["--on-triple-fault", "reset", "--on-reset", "exit"], 0);
}

#[test]
fn limits_are_exact_and_exit_12() {
    let guest = Guest::new(&[&FOREVER]);
    let said = guest.ends(&["--max-insns", "1000", "--stats", "s.json"], 12);
    assert!(said.contains("F000:0000"), "{said}");
    assert!(guest.read("s.json").contains("\"instructions\": 1000,"));
    guest.ends(&["--max-virtual", "0.25", "--stats", "s.json"], 12);
    assert!(guest.read("s.json").contains("\"ticks\": 25000000,"));
    let said = guest.ends(&["-e", "wait text never 0.1s"], 12);
    assert!(said.contains("-e line 1:") && said.contains("never"), "{said}");
    guest.ends(&["-e", "wait serial never 1M"], 12);
    guest.ends(&["--timeout", "0.2"], 124);
}

#[test]
fn coverage_has_a_line_for_each_form_and_adds_up_to_the_instructions() {
    let guest = Guest::new(&[&FOREVER]);
    guest.ends(&["--max-insns", "1000", "--coverage", "forms"], 12);
    assert_eq!(guest.read("forms"), "Jmp_ptr1616 1 0\nJmp_rel8_16 999 0\n");
    // ud2, whose vector leads back to it: faults alone.
    let guest = Guest::new(&[&[
        0x31, 0xc0, 0x8e, 0xd8, 0xc7, 6, 24, 0, 14, 0, 0x8c, 0x0e, 26, 0, 0x90, 0x0f, 0x0b,
    ]]);
    guest.ends(
        &["--max-insns", "20", "--coverage", "forms", "--stats", "s.json"],
        12,
    );
    let forms = guest.read("forms");
    let columns = forms.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let columns: Vec<_> = columns.collect();
    assert!(columns.is_sorted());
    let retired: u64 = columns.iter().map(|line| line[1].parse::<u64>().unwrap()).sum();
    let stats = guest.read("s.json");
    assert!(
        stats.contains(&format!("\"instructions\": {retired},")),
        "{forms}{stats}"
    );
    assert!(
        columns
            .iter()
            .any(|line| line[0] == "Ud2" && line[1] == "0" && line[2] != "0"),
        "{forms}"
    );
}

#[test]
fn a_reset_goes_on_or_ends_the_run() {
    let guest = Guest::new(&[&print("x"), &RESET]);
    guest.ends(&["--until-serial", "xxx"], 0);
    guest.ends(&["--on-reset", "exit"], 0);
    guest.ends(&["-no-reboot"], 0);
    guest.ends(&["--on-reset", "exit", "--until-serial", "xx"], 10);
}

#[test]
fn output_reaches_its_files() {
    let code = [
        &print("one\r\ntwo")[..],
        &[0xb0, 0x55, 0xe6, 0x80, 0xb0, 0xaa, 0xe6, 0x80], // mov al, 55h; out 80h, al; mov al, AAh; out 80h, al
        &[0xb0, b'!', 0xe6, 0xe9],                         // mov al, '!'; out E9h, al
        &power_off(),
    ];
    let guest = Guest::new(&code);
    let outputs = [
        "--serial",
        "file:com1",
        "--debugcon",
        "file:e9",
        "--port-log",
        "80=post",
    ];
    guest.ends(&outputs, 0);
    assert_eq!(guest.read("com1"), "one\r\ntwo");
    assert_eq!(guest.read("post"), "55\naa\n");
    assert_eq!(guest.read("e9"), "!");
    let output = guest.run(&["--serial", "stdio"]);
    assert_eq!(output.stdout, b"one\r\ntwo");
}

#[test]
fn results_are_written_whatever_ended_the_run() {
    let guest = Guest::new(&[&HALT]);
    guest.ends(
        &[
            "--screenshot",
            "a.png",
            "--dump-text",
            "a.txt",
            "--stats",
            "a.json",
        ],
        16,
    );
    assert!(fs::read(guest.path("a.png")).unwrap().starts_with(b"\x89PNG"));
    assert!(guest.path("a.txt").exists());
    let stats = guest.read("a.json");
    for key in [
        "reason",
        "exit",
        "instructions",
        "ticks",
        "virtual_seconds",
        "host_seconds",
        "mips",
        "trace_lookups",
        "trace_misses",
        "tlb_misses",
        "smc_flushes",
        "interrupts",
        "screen_hash",
        "memory_hash",
        "state_hash",
    ] {
        assert!(stats.contains(&format!("\"{key}\":")), "{key}: {stats}");
    }
}

#[test]
fn pacing_and_dispatch_change_nothing_that_the_guest_sees() {
    let guest = Guest::new(&[
        &print("slow\n"),
        &[0xb9, 0x00, 0x40, 0x49, 0x75, 0xfd],
        &print("done"),
        &FOREVER,
    ]);
    let results = |args: &[&str]| {
        let script = [
            "-e",
            "wait serial slow",
            "-e",
            "type ab",
            "-e",
            "wait insns 123456",
            "-e",
            "quit",
        ];
        guest.ends(&[&["--stats", "s.json"][..], args, &script].concat(), 0);
        let varies = ["host_seconds", "mips", "trace_", "tlb_", "smc_"];
        let stats = guest.read("s.json");
        let lines = stats
            .lines()
            .filter(|line| !varies.iter().any(|key| line.contains(key)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let reference = results(&[]);
    assert!(reference.len() > 8);
    assert_eq!(results(&["--speed", "realtime"]), reference);
    assert_eq!(results(&["--speed", "37.5"]), reference);
    assert_eq!(results(&["--dispatch", "loop"]), reference);
    assert_eq!(results(&["--coverage", "forms"]), reference);
}

/// Reads the first sector of the first hard disk over and over.
const READ_DISK: [u8; 53] = [
    0xba, 0xf7, 0x01, 0xec, 0xa8, 0x80, 0x75,
    0xfb, // again: mov dx, 1F7h; busy: in al, dx; test al, 80h; jnz busy
    0xba, 0xf6, 0x01, 0xb0, 0xe0, 0xee, // mov dx, 1F6h; mov al, E0h; out dx, al
    0xba, 0xf2, 0x01, 0xb0, 0x01, 0xee, // mov dx, 1F2h; mov al, 1; out dx, al
    0x42, 0x30, 0xc0, 0xee, // inc dx; xor al, al; out dx, al
    0x42, 0xee, 0x42, 0xee, // inc dx; out dx, al; inc dx; out dx, al
    0xba, 0xf7, 0x01, 0xb0, 0x20, 0xee, // mov dx, 1F7h; mov al, 20h; out dx, al
    0xec, 0xa8, 0x08, 0x74, 0xfb, // wait: in al, dx; test al, 8; jz wait
    0xba, 0xf0, 0x01, 0xb9, 0x00, 0x01, // mov dx, 1F0h; mov cx, 256
    0xbf, 0x00, 0x10, 0xf3, 0x6d, // mov di, 1000h; rep insw
    0x90, 0xeb, 0xcb, // nop; jmp again
];

#[test]
fn an_image_that_fails_during_the_run_is_exit_74_and_named() {
    let guest = Guest::new(&[&print("go"), &READ_DISK]);
    fs::write(guest.path("c.img"), vec![0; 1 << 20]).unwrap();
    let child = std::process::Command::new(assert_cmd::cargo::cargo_bin("oldiron"))
        .current_dir(guest.path(""))
        .args([
            "--headless",
            "--bios",
            "guest.rom",
            "--vga-bios",
            "vga.rom",
            "--hda",
            "c.img",
        ])
        .args(["--timeout", "60"])
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    fs::write(guest.path("c.img"), []).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert!(said.contains("c.img") && said.lines().count() == 1, "{said}");
}

#[cfg(unix)]
#[test]
fn a_signal_is_exit_130_with_files_flushed() {
    let guest = Guest::new(&[&print("here"), &FOREVER]);
    for signal in ["-INT", "-TERM"] {
        let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("oldiron"))
            .current_dir(guest.path(""))
            .args([
                "--headless",
                "--bios",
                "guest.rom",
                "--vga-bios",
                "vga.rom",
                "--volatile",
                "a.img",
            ])
            .args([
                "--serial",
                "file:com1",
                "--port-log",
                "80=ready",
                "--timeout",
                "60",
            ])
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
        // The shell's own kill: a bare system has no program of that name.
        assert!(
            std::process::Command::new("sh")
                .args(["-c", &format!("kill {signal} {}", child.id())])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(guest.read("com1"), "here");
    }
}

#[test]
fn the_log_of_interrupts_has_those_that_programs_in_real_mode_ask_for() {
    // Vector 40h is F000:0015h, an IRET, and is called 100 times.
    let guest = Guest::new(&[
        &[0x31, 0xc0, 0x8e, 0xd8],             // xor ax, ax; mov ds, ax
        &[0xc7, 0x06, 0x00, 0x01, 0x15, 0x00], // mov word [100h], 15h
        &[0xc7, 0x06, 0x02, 0x01, 0x00, 0xf0], // mov word [102h], F000h
        &[0xbc, 0x00, 0x80],                   // mov sp, 8000h
        &[0xeb, 0x01, 0xcf],                   // jmp over; iret
        &[0xb9, 0x64, 0x00],                   // over: mov cx, 100
        &[0xcd, 0x40, 0xe2, 0xfc],             // again: int 40h; loop again
        &power_off(),
    ]);
    for dispatch in ["chained", "loop"] {
        let output = guest.run(&["--log", "cpu::int=debug", "--dispatch", dispatch]);
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stderr).unwrap();
        let lines = said
            .lines()
            .filter(|line| line.contains("Software 0x40") && line.contains("f000:00000019"));
        assert_eq!(lines.count(), 100, "{dispatch}: {said}");
    }
    guest.ends(&[], 0);
}
