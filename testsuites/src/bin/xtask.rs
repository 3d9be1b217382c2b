//! Maintenance tasks: `cargo xtask TASK`.

#[path = "../xtask/ci.rs"]
mod ci;
#[path = "../xtask/fast_handlers.rs"]
mod fast_handlers;
#[path = "../xtask/rom.rs"]
mod rom;
#[path = "../xtask/x87_cost.rs"]
mod x87_cost;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask TASK

  ci             everything that must pass before a commit, as far as cargo can tell
  long           the tests that take minutes
  fast-handlers [PROGRAM]
                 fail if a fast handler of the release program calls anything
  rom            rebuild the ROM images and the demo disk from their NASM sources
  rom --check    fail if an image differs from its source
  x87-cost       count the host instructions of x87 arithmetic (needs valgrind)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["ci"] => ci::ci(),
        ["long"] => ci::long(),
        ["fast-handlers"] => fast_handlers::run("target/release/oldiron"),
        ["fast-handlers", program] => fast_handlers::run(program),
        ["rom"] => rom::run(rom::Mode::Write),
        ["rom", "--check"] => rom::run(rom::Mode::Check),
        ["x87-cost"] => x87_cost::run(),
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
