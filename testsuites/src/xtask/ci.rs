//! `cargo xtask ci`: what must pass before a commit is sent in, as far as cargo can tell; and
//! `cargo xtask long`: the tests that take minutes.

use std::{env, process::Command};

/// A step: arguments of cargo, and additions to the environment.
type Step = (&'static [&'static str], &'static [(&'static str, &'static str)]);

const CI: &[Step] = &[
    (&["fmt", "--all", "--check"], &[]),
    (
        &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        &[],
    ),
    (&["test", "--workspace"], &[]),
    (&["build", "--release"], &[]),
    (&["xtask", "fast-handlers"], &[]),
    (
        &[
            "test",
            "--release",
            "--workspace",
            "--test",
            "boot",
            "--test",
            "kill",
            "--test",
            "state",
            "--test",
            "system",
        ],
        &[],
    ),
    (
        &[
            "clippy",
            "-p",
            "oldiron-frontend",
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ],
        &[],
    ),
    (
        &["doc", "--workspace", "--no-deps"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    ),
];

const LONG: &[Step] = &[
    (
        &[
            "test",
            "--profile",
            "soak",
            "-p",
            "oldiron-cpu",
            "--",
            "--ignored",
            "--nocapture",
            "oracle",
            "x87_tests",
        ],
        &[],
    ),
    (
        &[
            "test",
            "--profile",
            "soak",
            "--workspace",
            "--test",
            "soak",
            "--test",
            "board_soak",
            "--",
            "--ignored",
            "--nocapture",
        ],
        &[],
    ),
    (&["build", "--release"], &[]),
    (
        &[
            "test",
            "--release",
            "--workspace",
            "--test",
            "boot",
            "--test",
            "kill",
            "--test",
            "state",
            "--test",
            "replay",
            "--",
            "--ignored",
        ],
        &[],
    ),
];

/// The checks of every commit.
pub fn ci() -> Result<(), String> {
    run(CI)
}

/// The long suite.
pub fn long() -> Result<(), String> {
    run(LONG)
}

fn run(steps: &[Step]) -> Result<(), String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for (arguments, environment) in steps {
        let line = format!("cargo {}", arguments.join(" "));
        println!("== {line}");
        let status = Command::new(&cargo)
            .args(*arguments)
            .envs(environment.iter().copied())
            .status()
            .map_err(|error| format!("{line}: {error}"))?;
        if !status.success() {
            return Err(format!("{line}: {status}"));
        }
    }
    Ok(())
}
