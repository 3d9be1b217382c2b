//! Kernels and programs without a disk, as a user starts them.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use tempfile::TempDir;

const USAGE: i32 = 2;
const FILE: i32 = 66;

/// 16- or 32-bit code that writes the string at SI or ESI to port E9h, and goes on behind itself.
const SAY: [u8; 9] = [0xac, 0x84, 0xc0, 0x74, 0x04, 0xe6, 0xe9, 0xeb, 0xf7];

/// 16-bit code that powers off through port 8900h. In 32-bit code the port is in a wider register.
fn power_off(bits: u8) -> Vec<u8> {
    let mut code = vec![0xba, 0x00, 0x89]; // mov dx, 8900h
    if bits == 32 {
        code.extend([0, 0]);
    }
    code.extend(b"Shutdown".iter().flat_map(|&byte| [0xb0, byte, 0xee])); // mov al, byte; out dx, al
    code.extend([0xeb, 0xfe]); // jmp $
    code
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

/// A bzImage of protocol 2.02 whose setup says its command line and powers off.
fn linux() -> Vec<u8> {
    let mut image = vec![0; 1024];
    put(&mut image, 0x1f1, &[1]);
    put(&mut image, 0x1f4, &[2, 0]);
    put(&mut image, 0x1fe, b"\x55\xaa\xeb\x3eHdrS\x02\x02");
    put(&mut image, 0x211, &[1]);
    put(&mut image, 0x214, &[0, 0, 0x10, 0]);
    // mov esi, [228h]; movzx esi, si
    put(
        &mut image,
        0x240,
        &[0x66, 0x8b, 0x36, 0x28, 0x02, 0x66, 0x0f, 0xb7, 0xf6],
    );
    put(&mut image, 0x249, &SAY);
    put(&mut image, 0x252, &power_off(16));
    image.extend([0; 32]);
    image
}

/// A multiboot kernel of flat code at 2 MiB that says its command line and powers off.
fn multiboot(flags: u32, bss_end: u32) -> Vec<u8> {
    const MAGIC: u32 = 0x1bad_b002;
    let flags = 1 << 16 | flags;
    let checksum = 0u32.wrapping_sub(MAGIC).wrapping_sub(flags);
    let fields = [
        MAGIC, flags, checksum, 0x20_0000, 0x20_0000, 0, bss_end, 0x20_0020,
    ];
    let mut image: Vec<u8> = fields.into_iter().flat_map(u32::to_le_bytes).collect();
    image.extend([0x8b, 0x73, 16]); // mov esi, [ebx+16]
    image.extend(SAY);
    image.extend(power_off(32));
    image
}

struct Bench {
    dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        bench.file("bzImage", &linux());
        bench.file("kernel.bin", &multiboot(3, 0));
        bench.file("initrd", &[1; 5000]);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn oldiron(&self, args: &[&str]) -> Output {
        let mut command = Command::cargo_bin("oldiron").unwrap();
        command.env_remove("DISPLAY").current_dir(self.dir.path());
        command.args(args).output().unwrap()
    }

    /// Ends with `code` and one line, which is the result.
    fn ends(&self, args: &[&str], code: i32) -> String {
        let output = self.oldiron(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
        said
    }

    /// Runs to the power-off; what the guest said in its last line is the result.
    fn says(&self, args: &[&str]) -> String {
        let rest = ["--headless", "--timeout", "60", "--debugcon", "file:said"];
        self.ends(&[&rest, args].concat(), 0);
        let said = fs::read_to_string(self.path("said")).unwrap();
        // The BIOS speaks there too.
        said.rsplit("\r\n").next().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_kernel_is_booted_with_its_command_line() {
    let bench = Bench::new();
    let append = ["--initrd", "initrd", "--append", "console=ttyS0 -v"];
    assert_eq!(
        bench.says(&[&["--kernel", "bzImage"], &append[..]].concat()),
        "console=ttyS0 -v"
    );
    assert_eq!(
        bench.says(&[&["--kernel", "kernel.bin"], &append[..]].concat()),
        "kernel.bin console=ttyS0 -v"
    );
    assert_eq!(
        bench.says(&["-kernel", "bzImage", "-append", "as in QEMU"]),
        "as in QEMU"
    );
}

#[test]
fn a_kernel_without_an_option_is_found_by_what_is_inside() {
    let bench = Bench::new();
    fs::copy(bench.path("bzImage"), bench.path("a.img")).unwrap();
    bench.file("disk.img", &[0; 1440 * 1024]);
    assert_eq!(
        bench.says(&["disk.img", "a.img", "--volatile", "--append", "x"]),
        "x"
    );
    assert_eq!(bench.says(&["kernel.bin"]), "kernel.bin");
    assert!(
        bench
            .ends(&["kernel.bin", "a.img"], USAGE)
            .contains("a second kernel")
    );
    assert!(
        bench
            .ends(&["--fda", "a.img"], FILE)
            .contains("give it with --kernel")
    );
}

#[test]
fn a_program_is_entered_where_the_user_says_and_a_rom_is_found() {
    let bench = Bench::new();
    let mut program = vec![0x0e, 0x1f, 0xbe, 0x40, 0x00]; // push cs; pop ds; mov si, 40h
    program.extend(SAY);
    program.extend(power_off(16));
    program.resize(0x40, 0);
    program.extend(b"program\0");
    bench.file("p@1.bin", &program);
    assert_eq!(
        bench.says(&["--load", "p@1.bin@0x30000", "--entry", "3000:0"]),
        "program"
    );

    // 512 bytes: mov al, 'R'; out e9h, al; retf
    let mut rom = vec![0x55, 0xaa, 1, 0xb0, b'R', 0xe6, 0xe9, 0xcb];
    rom.resize(512, 0);
    rom[511] = rom.iter().fold(0, |sum: u8, &byte| sum.wrapping_sub(byte));
    bench.file("rom.bin", &rom);
    assert_eq!(
        bench.says(&["--load", "rom.bin@d0000", "--kernel", "bzImage"]),
        "R"
    );
    let refused = bench.ends(&["--load", "rom.bin@effff", "--kernel", "bzImage"], FILE);
    assert!(
        refused.contains("rom.bin: there is no room for it as a ROM at effff"),
        "{refused}"
    );
}

#[test]
fn what_cannot_be_booted_is_one_line_that_names_the_file() {
    let bench = Bench::new();
    bench.file("short", &linux()[..1030]);
    bench.file("header", &linux()[..0x210]);
    let mut long_mode = linux();
    long_mode.resize(0x8000, 0);
    put(&mut long_mode, 0x206, &[0x0f, 0x02]);
    put(&mut long_mode, 0x236, &[1]);
    bench.file("amd64", &long_mode);
    bench.file("video", &multiboot(1 << 5, 0));
    bench.file("huge", &multiboot(0, 0x1000_0000));
    bench.file("text", b"hello");
    bench.file("empty", b"");
    bench.file(
        "elf64",
        &[b"\x7fELF\x02\x01\x01", &[0; 57][..], &multiboot(0, 0)[..12]].concat(),
    );
    fs::create_dir(bench.path("directory")).unwrap();
    let big = fs::File::create(bench.path("big")).unwrap();
    big.set_len(5 << 30).unwrap();
    for (line, code, words) in [
        (
            "--kernel short",
            FILE,
            "short: 1030 bytes, and its header promises 1056",
        ),
        ("short", FILE, "cut short"),
        ("--kernel header", FILE, "header: 528 bytes"),
        (
            "--kernel amd64",
            FILE,
            "amd64: a 64-bit Linux kernel, and this processor has no long mode",
        ),
        (
            "--kernel video",
            FILE,
            "video: its multiboot header asks for feature 5",
        ),
        (
            "--kernel huge",
            FILE,
            "huge: the kernel goes from 0x200000 to 0x10000000",
        ),
        ("--kernel text", FILE, "text: not a kernel; --kernel takes"),
        ("--kernel empty", FILE, "empty: the file is empty"),
        ("--kernel directory", FILE, "directory: is a directory"),
        ("--kernel missing", FILE, "missing"),
        ("--kernel bzImage --initrd missing", FILE, "missing"),
        (
            "--kernel bzImage --initrd big",
            FILE,
            "big: does not fit the guest's 64 MiB of memory",
        ),
        (
            "--kernel kernel.bin --initrd big --mem 3G",
            FILE,
            "big: does not fit",
        ),
        ("--kernel bzImage --mem 1M", FILE, "--mem"),
        ("--initrd initrd", USAGE, "--kernel"),
        ("--append x", USAGE, "--kernel"),
        ("--load text@8000", USAGE, "--entry"),
        ("--entry 0:8000", USAGE, "--load"),
        (
            "--load text@8000 --entry 0:8000 --kernel bzImage",
            USAGE,
            "leave one out",
        ),
        (
            "--load text@9fbfe --entry 0:0",
            FILE,
            "text: 5 bytes at 0x9fbfe are not in memory",
        ),
        ("--load text@8000 --load text@8004 --entry 0:0", FILE, "overlap"),
        ("--load text --entry 0:0", USAGE, "FILE@ADDR"),
        ("--load text@100000000 --entry 0:0", USAGE, "FILE@ADDR"),
        ("--load text@8000 --entry 8000", USAGE, "SEG:OFF"),
        ("--load text@8000 --entry 0:12345", USAGE, "SEG:OFF"),
    ] {
        let said = bench.ends(&line.split(' ').collect::<Vec<_>>(), code);
        assert!(
            said.starts_with("oldiron: ") && said.contains(words),
            "{line}: {said}"
        );
    }
    let long = "a".repeat(256);
    let said = bench.ends(&["--kernel", "bzImage", "--append", &long], USAGE);
    assert!(
        said.contains("256 characters, and bzImage takes at most 255"),
        "{said}"
    );
}

#[test]
fn recordings_and_saved_states_know_the_files() {
    let bench = Bench::new();
    let run = [
        "--kernel", "bzImage", "--initrd", "initrd", "--append", "recorded",
    ];
    let record = ["--record", "a.rec", "--save-at", "1M=a.snap", "--stats", "1.json"];
    assert_eq!(bench.says(&[&run[..], &record].concat()), "recorded");
    let hash = |name: &str| {
        let stats = fs::read_to_string(bench.path(name)).unwrap();
        stats
            .lines()
            .find(|line| line.contains("state_hash"))
            .map(str::to_owned)
    };
    bench.ends(
        &["replay", "a.rec", "--check", "--headless", "--stats", "2.json"],
        0,
    );
    assert_eq!(hash("1.json"), hash("2.json"));
    assert_eq!(bench.says(&["a.snap", "--stats", "3.json"]), "recorded");
    assert_eq!(hash("1.json"), hash("3.json"));

    // Moved, the files are found where the user says.
    fs::rename(bench.path("bzImage"), bench.path("moved")).unwrap();
    assert!(bench.ends(&["a.snap", "--headless"], FILE).contains("--kernel"));
    assert_eq!(bench.says(&["a.snap", "--kernel", "moved"]), "recorded");
    // Others are refused.
    for args in [
        &["a.snap", "--kernel", "kernel.bin"][..],
        &["a.snap", "--kernel", "moved", "--append", "x"],
        &["a.snap", "--kernel", "moved", "--load", "moved@8000"],
        &["replay", "a.rec", "--kernel", "kernel.bin"],
    ] {
        bench.ends(&[args, &["--headless"]].concat(), FILE);
    }
}

#[test]
fn test_programs_ask_the_firmware_configuration_device_how_many_processors_there_are() {
    let bench = Bench::new();
    // mov dx, 510h; mov ax, 5; out dx, ax; inc dx; in al, dx; out 0f4h, al; jmp $
    let program = [
        0xba, 0x10, 0x05, 0xb8, 0x05, 0x00, 0xef, 0x42, 0xec, 0xe6, 0xf4, 0xeb, 0xfe,
    ];
    bench.file("count.bin", &program);
    let run = [
        "--load",
        "count.bin@0x30000",
        "--entry",
        "3000:0",
        "--headless",
        "--timeout",
        "60",
        "--debug-exit",
    ];
    bench.ends(&run, 255);
    bench.ends(&[&run[..], &["--fw-cfg", "--record", "a.rec"]].concat(), 3);
    bench.ends(&["replay", "a.rec", "--check", "--headless"], 0);
}
