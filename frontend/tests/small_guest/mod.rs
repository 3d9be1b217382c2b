//! A guest that is nothing but a BIOS of a few instructions.

use std::{fs, path::PathBuf, process::Output};

use assert_cmd::Command;
use tempfile::TempDir;

/// Code at F000:0000, and a jump to it at the reset vector.
fn rom(code: &[&[u8]]) -> Vec<u8> {
    let mut rom = vec![0xf4; 0x10000];
    let code = code.concat();
    rom[..code.len()].copy_from_slice(&code);
    rom[0xfff0..0xfff5].copy_from_slice(&[0xea, 0, 0, 0, 0xf0]); // jmp F000:0000
    rom
}

/// Powers off through port 8900h.
pub fn power_off() -> Vec<u8> {
    let mut code = vec![0xba, 0x00, 0x89]; // mov dx, 8900h
    for byte in b"Shutdown" {
        code.extend([0xb0, *byte, 0xee]); // mov al, byte; out dx, al
    }
    code.extend(FOREVER);
    code
}

/// Runs for ever.
pub const FOREVER: [u8; 2] = [0xeb, 0xfe]; // jmp $

/// The guest, and a directory for what its runs write.
pub struct Guest {
    dir: TempDir,
}

impl Guest {
    /// A guest that runs `code`.
    pub fn new(code: &[&[u8]]) -> Self {
        let guest = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::write(guest.path("guest.rom"), rom(code)).unwrap();
        fs::write(guest.path("vga.rom"), [&[0x55, 0xaa, 1][..], &[0; 509]].concat()).unwrap();
        fs::write(guest.path("a.img"), vec![0; 360 * 1024]).unwrap();
        guest
    }

    /// A file in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What is in such a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs it.
    pub fn run(&self, args: &[&str]) -> Output {
        let machine = ["--headless", "--volatile", "--mem", "1M"];
        let images = ["--bios", "guest.rom", "--vga-bios", "vga.rom", "a.img"];
        let limit: &[&str] = match args.contains(&"--timeout") {
            true => &[],
            false => &["--timeout", "60"],
        };
        self.oldiron(&[&machine[..], &images, limit, args].concat())
    }

    /// Starts the program in its directory.
    pub fn oldiron(&self, args: &[&str]) -> Output {
        let mut command = Command::cargo_bin("oldiron").unwrap();
        command.current_dir(self.dir.path()).args(args).output().unwrap()
    }

    /// Runs to exit code `code`; the one line on standard error is the result.
    pub fn ends(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{args:?}: {said}");
        said
    }
}
