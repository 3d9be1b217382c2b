//! The program under test: how it is started, and what is left when it has ended.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use libtest_mimic::Failed;
use tempfile::TempDir;

/// The program, built with the same profile as this test.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("OLDIRON") {
        return path.into();
    }
    // This test is target/PROFILE/deps/boot-HASH.
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("oldiron");
    assert!(
        program.exists(),
        "build the program first: {} is absent",
        program.display()
    );
    program
}

/// A command line of the program, with a directory for what it writes.
pub struct Oldiron {
    dir: TempDir,
    arguments: Vec<String>,
}

impl Oldiron {
    /// Without a window, and with a limit of host time.
    pub fn new() -> Self {
        Self::with(&["--headless", "--timeout", "300"])
    }

    /// With other arguments to begin with.
    pub fn with(arguments: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        let files = [
            ("--dump-text", path("text")),
            ("--stats", path("stats")),
            ("--serial", format!("file:{}", path("serial"))),
        ];
        let mut all: Vec<String> = arguments.iter().map(|argument| argument.to_string()).collect();
        for (option, value) in files {
            all.extend([option.to_owned(), value]);
        }
        Self { dir, arguments: all }
    }

    /// More arguments.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| argument.to_string()));
        self
    }

    /// Boots an image and writes to it.
    pub fn image(self, image: &Path) -> Self {
        self.args(&[&image.display().to_string()])
    }

    /// Boots an image, which stays as it is.
    pub fn volatile(self, image: &Path) -> Self {
        self.image(image).args(&["--volatile"])
    }

    /// Lines of a script.
    pub fn script(self, lines: &[&str]) -> Self {
        lines
            .iter()
            .fold(self, |oldiron, line| oldiron.args(&["-e", line]))
    }

    /// Where the run's files go.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The command, ready to start.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.args(&self.arguments);
        command
    }

    /// Runs to the end.
    pub fn run(self) -> Ended {
        let output = self.command().output().unwrap();
        self.ended(output)
    }

    /// What is left after a run that gave `output`.
    pub fn ended(self, output: Output) -> Ended {
        Ended {
            dir: self.dir,
            arguments: self.arguments,
            output,
        }
    }
}

/// A run that has ended.
pub struct Ended {
    dir: TempDir,
    arguments: Vec<String>,
    output: Output,
}

impl Ended {
    fn file(&self, name: &str) -> String {
        let bytes = fs::read(self.dir.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The screen at the end.
    pub fn text(&self) -> String {
        self.file("text")
    }

    /// What COM1 sent.
    pub fn serial(&self) -> String {
        self.file("serial")
    }

    /// What the program said on standard error.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The statistics.
    pub fn stats(&self) -> serde_json::Value {
        serde_json::from_str(&self.file("stats")).unwrap_or_default()
    }

    /// The exit code.
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// Fails the test unless the exit code is 0.
    pub fn succeeded(&self) -> Result<&Self, Failed> {
        if self.output.status.success() {
            Ok(self)
        } else {
            Err(self.to_string().into())
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "oldiron {}: {}", self.arguments.join(" "), self.output.status)?;
        writeln!(f, "{}", self.said())?;
        writeln!(f, "---- screen\n{}", self.text())
    }
}
