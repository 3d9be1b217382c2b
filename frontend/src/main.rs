//! oldiron: a PC in software. This crate is the only one that knows the host: command line, window,
//! terminal, files, clocks and signals.

// Time, locks and hash maps are kept away from the machine, not from the host's side.
#![allow(clippy::disallowed_types)]

mod calibrate;
mod chaos;
mod cli;
mod coverage;
mod direct_boot;
mod disk_file;
mod display;
mod fat;
mod headless;
mod image;
mod img;
mod iso;
mod log_sink;
mod matcher;
mod media_lists;
mod net;
mod outcome;
mod overlay_file;
mod pacer;
mod recording;
mod replay;
mod run;
mod screenshot;
mod script;
mod script_run;
mod selftest;
mod serial;
mod session;
mod setup;
mod snapshot;
mod sound;
mod spec;
mod stats;
mod term;
mod typing;
mod units;
#[cfg(feature = "window")]
mod window;

use std::{io::Write, process::ExitCode};

use oldiron_platform::{CpuModel, MODELS};

use crate::{
    cli::{Command, CpuCommand, Parsed, SelftestCommand, SnapshotCommand},
    outcome::{Failure, code, one_line},
};

fn main() -> ExitCode {
    install_panic_hook();
    let code = match cli::parse(std::env::args_os()) {
        Parsed::Text(text) => print(&text),
        Parsed::Usage(message) => {
            complain(&message);
            code::USAGE
        }
        Parsed::Command(Command::Cpu {
            command: CpuCommand::List,
        }) => print(&cpu_list()),
        Parsed::Command(Command::Selftest {
            command: SelftestCommand::Cpu(args),
        }) => match selftest::run(&args) {
            Ok((text, code)) => {
                print(&text);
                code
            }
            Err(failure) => {
                complain(&failure.to_string());
                failure.code
            }
        },
        Parsed::Command(Command::Snapshot { command }) => answer(match &command {
            SnapshotCommand::List { path } => snapshot::command::list(path),
            SnapshotCommand::Info { path } => snapshot::command::info(path),
            SnapshotCommand::Delete { path } => snapshot::command::delete(path),
        }),
        Parsed::Command(Command::Img { command }) => answer(img::run(&command)),
        Parsed::Command(Command::Run(args)) => run::run(&args),
        Parsed::Command(Command::Replay(args)) => replay::run(&args),
    };
    ExitCode::from(code)
}

/// A bug of ours, on any thread: the terminal is put right, one line, exit 70.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        term::restore();
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = info
            .location()
            .map(|at| format!(" at {}:{}", at.file(), at.line()));
        complain(&format!(
            "internal error: {}{}; please report it with the command line",
            text.unwrap_or("panic"),
            place.unwrap_or_default()
        ));
        std::process::exit(code::INTERNAL.into());
    }));
}

/// One line on standard error.
fn complain(message: &str) {
    term::say(&format!("oldiron: {}", one_line(message)));
}

/// Prints the result of a command, or why there is none.
fn answer(result: Result<String, Failure>) -> u8 {
    match result {
        Ok(text) => print(&text),
        Err(failure) => {
            complain(&failure.to_string());
            failure.code
        }
    }
}

/// Prints to standard output; a reader that has gone away is no error.
fn print(text: &str) -> u8 {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    code::OK
}

/// The models with their features, and what each lacks.
fn cpu_list() -> String {
    let default = CpuModel::newest_complete().name;
    let mut text = String::new();
    for model in &MODELS {
        let note = if model.name == default { " (default)" } else { "" };
        text += &format!("{:13}{}{note}\n", model.name, model.description);
        let mut line = |what: &str, names: &[&str]| {
            if !names.is_empty() {
                text += &format!("{:13}{what}: {}\n", "", names.join(" "));
            }
        };
        line("features", &model.features.names());
        line("not complete, lacks", &model.lacking.names());
    }
    text
}
