//! The window, on a virtual X server, with keys from `xdotool`.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::Duration,
};

use super::{Outcome, expect, program::Oldiron};

/// A process that ends with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn installed(program: &str) -> bool {
    let found = Command::new("which").arg(program).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("{program} is not installed: the window was not tried");
    }
    found
}

/// Waits up to a minute for something to become true.
fn wait_for(mut condition: impl FnMut() -> bool) -> bool {
    (0..600).any(|_| {
        sleep(Duration::from_millis(100));
        condition()
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
    if !installed("Xvfb") || !installed("xdotool") {
        return Ok(());
    }
    let display = format!(":{}", 200 + std::process::id() % 5000);
    let server = Command::new("Xvfb")
        .args([&display, "-screen", "0", "1280x1024x24", "-nolisten", "tcp"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Running(server);
    let xdotool = |arguments: &[&str]| {
        Command::new("xdotool")
            .args(arguments)
            .env("DISPLAY", &display)
            .output()
            .unwrap()
    };
    if !wait_for(|| xdotool(&["getdisplaygeometry"]).status.success()) {
        return Err("Xvfb does not answer".into());
    }
    let oldiron = Oldiron::with(&["--display", "window", "--timeout", "120"]).volatile(image);
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
    let child = oldiron
        .command()
        .env("DISPLAY", &display)
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = Running(child);
    wait_for(|| ready.exists() || !matches!(child.0.try_wait(), Ok(None)));
    let found = xdotool(&["search", "--name", "oldiron"]).stdout;
    let found = String::from_utf8_lossy(&found).into_owned();
    let Some(window) = found.lines().next() else {
        return Err("no window of that name".into());
    };
    xdotool(&["windowfocus", window]);
    for line in LINES {
        xdotool(&["type", "--delay", "1", line]);
        xdotool(&["key", "Return"]);
    }
    let status = wait_for(|| !matches!(child.0.try_wait(), Ok(None)));
    if !status {
        // The text that was waited for did not come: end the run so that it leaves its files.
        let id = child.0.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        wait_for(|| !matches!(child.0.try_wait(), Ok(None)));
    }
    let status = child.0.wait().unwrap();
    let mut stderr = Vec::new();
    if let Some(mut pipe) = child.0.stderr.take() {
        let _ = std::io::Read::read_to_end(&mut pipe, &mut stderr);
    }
    let ended = oldiron.ended(std::process::Output {
        status,
        stdout: Vec::new(),
        stderr,
    });
    for line in LINES {
        expect(
            ended.text().contains(line),
            &format!("{line:?} did not arrive"),
            &ended,
        )?;
    }
    ended.succeeded().map(drop)
}
