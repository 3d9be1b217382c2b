//! `cargo xtask x87-cost`: host instructions that an x87 instruction takes with chained handlers, from the first of
//! its handler to the jump to the next handler and with that, counted by valgrind's callgrind.
//!
//! The count is the difference of two runs of `benches/examples/x87_cost.rs`, which has the operands, with and
//! without the instruction. It is exact and the same on any machine with the same compiler.

use std::process::{Command, Stdio};

const PROGRAM: &str = "target/release/examples/x87_cost";
/// How often each run executes the instruction.
const TIMES: f64 = 10_240.0;

pub fn run() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = [
        "build",
        "--release",
        "-p",
        "oldiron-benches",
        "--example",
        "x87_cost",
    ];
    let status = Command::new(cargo).args(build).status();
    if !status.map_err(|error| format!("cargo: {error}"))?.success() {
        return Err("the example does not build".into());
    }
    let names = Command::new(PROGRAM).output();
    let names = names.map_err(|error| format!("{PROGRAM}: {error}"))?.stdout;
    println!("host instructions, mean of random operands");
    for name in String::from_utf8_lossy(&names).lines() {
        let cost = (count(name, "with")? - count(name, "without")?) / TIMES;
        println!("{name:<16}{cost:6.1}");
    }
    Ok(())
}

/// The host instructions of one run.
fn count(name: &str, with: &str) -> Result<f64, String> {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
            PROGRAM,
            name,
            with,
        ])
        .stdout(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines()
        .filter_map(|line| line.split("Collected :").nth(1))
        .find_map(|number| number.trim().parse().ok())
        .ok_or_else(|| format!("valgrind says nothing of {name}: {text}"))
}
