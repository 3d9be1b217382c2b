//! `cargo xtask fast-handlers`: the disassembly of the release program must show that chained
//! handlers jump to one another, and that their fast forms call nothing.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

/// How the functions `fast` and `fused` of `dispatch::chain`, and those of `dispatch::x87`, are called in a symbol,
/// by either mangling of Rust.
const FAST: [&str; 3] = ["8dispatch5chain4fast", "8dispatch5chain5fused", "8dispatch3x87"];
/// Fewer would mean that the search found the wrong functions.
const FEWEST: usize = 500;

/// Looks through `program`, by default the release program.
pub fn run(program: &str) -> Result<(), String> {
    let mut objdump = Command::new("objdump")
        .args(["-d", "--no-show-raw-insn", program])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("objdump: {error}"))?;
    let lines = objdump.stdout.take().ok_or("objdump has no output")?;
    let (mut handlers, mut jumps) = (0, 0);
    let mut symbol: Option<String> = None;
    let mut offenders = Vec::new();
    for line in BufReader::new(lines).lines() {
        let line = line.map_err(|error| error.to_string())?;
        if line.ends_with(">:") {
            symbol = FAST.iter().any(|name| line.contains(name)).then(|| line.clone());
            handlers += usize::from(symbol.is_some());
        } else if let Some(symbol) = &symbol {
            let mut words = line.split_whitespace().skip(1);
            let mnemonic = words.next().unwrap_or_default();
            if mnemonic.starts_with("call") {
                offenders.push(format!("{symbol}{line}"));
            }
            jumps += usize::from(mnemonic == "jmp" && words.next().is_some_and(|to| to.starts_with('*')));
        }
    }
    let status = objdump.wait().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("objdump {program}: {status}"));
    }
    for offender in offenders.iter().take(20) {
        eprintln!("{offender}");
    }
    match (handlers, offenders.len()) {
        (0..FEWEST, _) => Err(format!("only {handlers} fast handlers found in {program}")),
        (_, 0) if jumps < handlers => Err(format!(
            "{handlers} fast handlers, but only {jumps} indirect jumps"
        )),
        (_, 0) => {
            println!("{handlers} fast handlers, {jumps} indirect jumps, no call");
            Ok(())
        }
        (_, calls) => Err(format!("{calls} calls in {handlers} fast handlers")),
    }
}
