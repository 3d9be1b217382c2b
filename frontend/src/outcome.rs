//! How a run ends: exit codes and the one line that says why.

use std::fmt;

/// The exit codes of the program.
pub mod code {
    /// Done.
    pub const OK: u8 = 0;
    /// The command line or a script is wrong.
    pub const USAGE: u8 = 2;
    /// A fail pattern matched, an `expect` failed, or the guest left before what was awaited came.
    pub const FAILED: u8 = 10;
    /// A limit was reached.
    pub const LIMIT: u8 = 12;
    /// Triple fault.
    pub const TRIPLE_FAULT: u8 = 14;
    /// Halted with interrupts off.
    pub const HALTED: u8 = 16;
    /// A replay did something else than what was recorded.
    pub const REPLAY: u8 = 20;
    /// A self-test failed.
    pub const SELFTEST: u8 = 22;
    /// A file is missing, wrong or damaged.
    pub const FILE: u8 = 66;
    /// Our own bug.
    pub const INTERNAL: u8 = 70;
    /// Host I/O failed during the run.
    pub const HOST_IO: u8 = 74;
    /// `--timeout`.
    pub const TIMEOUT: u8 = 124;
    /// SIGINT or SIGTERM.
    pub const SIGNAL: u8 = 130;
}

/// Something that keeps a run from starting, or ends it: an exit code and one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Exit code.
    pub code: u8,
    /// One line: what, where, how to fix.
    pub message: String,
}

impl Failure {
    /// A mistake on the command line or in a script.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: code::USAGE,
            message: message.into(),
        }
    }

    /// A missing, wrong or damaged file.
    pub fn file(message: impl Into<String>) -> Self {
        Self {
            code: code::FILE,
            message: message.into(),
        }
    }

    /// The host failed during the run.
    pub fn host_io(message: impl Into<String>) -> Self {
        Self {
            code: code::HOST_IO,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&self.message))
    }
}

/// The end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Exit code.
    pub code: u8,
    /// A fixed word for programs: `reason` of `--stats`.
    pub reason: &'static str,
    /// One line for people.
    pub message: String,
}

impl Outcome {
    /// An end.
    pub fn new(code: u8, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        let reason = if failure.code == code::HOST_IO {
            "host-io"
        } else {
            "error"
        };
        Self::new(failure.code, reason, failure.message)
    }
}

/// `text` without line breaks and other control characters, so that it stays one line on a terminal.
pub fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
