//! The window, on a virtual X server, with keys from `xdotool`.

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::Duration,
};

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::{
    Outcome, expect,
    picture::Picture,
    program::{Ended, Oldiron},
};

/// A process that ends with its owner.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn installed(program: &str) -> bool {
    let found = Command::new("which").arg(program).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("{program} is not installed: the window was not tried");
    }
    found
}

/// Waits up to a minute for something to become true.
pub fn wait_for(mut condition: impl FnMut() -> bool) -> bool {
    (0..600).any(|_| {
        sleep(Duration::from_millis(100));
        condition()
    })
}

/// An X server of our own. Its screen is a file.
pub struct Desktop {
    display: String,
    screen: TempDir,
    _server: Running,
}

impl Desktop {
    pub fn start() -> Result<Self, Failed> {
        // Tests of several files may run at once, and each file has several.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = 200 + std::process::id() % 5000 + 5000 * STARTED.fetch_add(1, Ordering::Relaxed);
        let display = format!(":{number}");
        let screen = tempfile::tempdir().unwrap();
        let server = Command::new("Xvfb")
            .args([
                &display,
                "-screen",
                "0",
                "1280x1024x24",
                "-nolisten",
                "tcp",
                "-fbdir",
            ])
            .arg(screen.path())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let desktop = Self {
            display,
            screen,
            _server: Running(server),
        };
        if !wait_for(|| desktop.xdotool(&["getdisplaygeometry"]).status.success()) {
            return Err("Xvfb does not answer".into());
        }
        Ok(desktop)
    }

    /// A program of this desktop.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display);
        command
    }

    pub fn xdotool(&self, arguments: &[&str]) -> Output {
        self.command("xdotool").args(arguments).output().unwrap()
    }

    /// Starts the program.
    pub fn run(&self, oldiron: &Oldiron) -> Running {
        let child = oldiron
            .command()
            .env("DISPLAY", &self.display)
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Running(child)
    }

    /// The program's window, which gets the keys from now on.
    pub fn focus(&self) -> Result<String, Failed> {
        let found = self.xdotool(&["search", "--name", "oldiron"]).stdout;
        let found = String::from_utf8_lossy(&found).into_owned();
        let window = found.lines().next().ok_or("no window of that name")?;
        self.xdotool(&["windowfocus", window]);
        Ok(window.to_owned())
    }

    /// What the screen shows now.
    pub fn screen(&self) -> Picture {
        // An XWD file: a header of big-endian words (X11/XWDFile.h), colours of twelve bytes, pixels.
        let file = std::fs::read(self.screen.path().join("Xvfb_screen0")).unwrap();
        let word = |index: usize| u32::from_be_bytes(file[4 * index..][..4].try_into().unwrap()) as usize;
        let (width, height, stride) = (word(4), word(5), word(12));
        let pixels = &file[word(0) + 12 * word(19)..];
        let pixels = (0..width * height).map(|at| {
            let at = at / width * stride + at % width * 4;
            let bytes = pixels[at..][..4].try_into().unwrap();
            let pixel = if word(7) == 0 {
                u32::from_le_bytes(bytes)
            } else {
                u32::from_be_bytes(bytes)
            };
            pixel & 0xffffff
        });
        Picture {
            width,
            pixels: pixels.collect(),
        }
    }
}

/// What is left of a run. One that does not end is ended, so that it leaves its files.
pub fn finish(mut child: Running, oldiron: Oldiron) -> Ended {
    if !wait_for(|| !matches!(child.0.try_wait(), Ok(None))) {
        let id = child.0.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        wait_for(|| !matches!(child.0.try_wait(), Ok(None)));
    }
    let status = child.0.wait().unwrap();
    let mut stderr = Vec::new();
    if let Some(mut pipe) = child.0.stderr.take() {
        let _ = std::io::Read::read_to_end(&mut pipe, &mut stderr);
    }
    oldiron.ended(Output {
        status,
        stdout: Vec::new(),
        stderr,
    })
}

/// Letters and digits to type: four lines of fifty.
const LINES: [&str; 4] = [
    "the quick brown fox jumps over the lazy dog 123456",
    "pack my box with five dozen liquor jugs and 789012",
    "how vexingly quick daft zebras jump 34567890123456",
    "sphinx of black quartz judge my vow 78901234567890",
];

/// FreeDOS in a window; 200 characters from a very fast typist all arrive, in order.
pub fn typing_arrives(image: &Path) -> Outcome {
    type_at("window", image)
}

/// The same with minifb's window.
pub fn typing_arrives_at_minifb(image: &Path) -> Outcome {
    type_at("minifb", image)
}

fn type_at(display: &str, image: &Path) -> Outcome {
    if !installed("Xvfb") || !installed("xdotool") {
        return Ok(());
    }
    let desktop = Desktop::start()?;
    let oldiron = Oldiron::with(&["--display", display, "--timeout", "120"]).volatile(image);
    let ready = oldiron.path("ready.png");
    let screenshot = format!("screenshot '{}'", ready.display());
    let last = LINES[3];
    let oldiron = oldiron.script(&[
        r"wait text '^A:\\>$'",
        r#"type "copy con typed.txt\n""#,
        "wait 1s",
        &screenshot,
        &format!("wait text '^{last}'"),
        "wait 1s",
        "quit 0",
    ]);
    let mut child = desktop.run(&oldiron);
    wait_for(|| ready.exists() || !matches!(child.0.try_wait(), Ok(None)));
    desktop.focus()?;
    for line in LINES {
        desktop.xdotool(&["type", "--delay", "1", line]);
        desktop.xdotool(&["key", "Return"]);
    }
    let ended = finish(child, oldiron);
    for line in LINES {
        expect(
            ended.text().contains(line),
            &format!("{line:?} did not arrive"),
            &ended,
        )?;
    }
    ended.succeeded().map(drop)
}
