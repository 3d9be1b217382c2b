//! Maintenance tasks: `cargo xtask TASK`.

#[path = "../xtask/rom.rs"]
mod rom;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask TASK

  rom            rebuild the ROM images and the demo disk from their NASM sources
  rom --check    fail if an image differs from its source";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["rom"] => rom::run(rom::Mode::Write),
        ["rom", "--check"] => rom::run(rom::Mode::Check),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
