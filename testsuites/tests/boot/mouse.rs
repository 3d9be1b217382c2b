//! The window's mouse, moved by `xdotool`.

use std::{fs, path::Path};

use super::{
    Outcome,
    desktop::{Desktop, finish, installed, wait_for},
    expect,
    program::Oldiron,
};

/// Shows what its mouse reports: `bios/rom/pointer`.
const POINTER: &[u8] = include_bytes!("../../../bios/images/pointer.img");

/// What the guest must have seen before the user's next step.
const SEEN: [&str; 6] = [
    "X0 Y0 B0 W0",
    "X80 Y-40 B0 W0",
    "X0 Y0 B0 W0",
    "X0 Y0 B1 W0",
    "X0 Y0 B0 W0",
    "X0 Y0 B0 W2",
];

/// The pointer of the desktop moves the guest's while it is captured, and back.
pub fn pointer_moves(_: &Path) -> Outcome {
    move_in("window")
}

/// The same with minifb's window.
pub fn pointer_moves_minifb(_: &Path) -> Outcome {
    move_in("minifb")
}

fn move_in(display: &str) -> Outcome {
    if !installed("Xvfb") || !installed("xdotool") {
        return Ok(());
    }
    let desktop = Desktop::start()?;
    let oldiron = Oldiron::with(&["--display", display, "--timeout", "120", "--ips", "50M"]);
    let image = oldiron.path("pointer.img");
    let mut floppy = POINTER.to_vec();
    floppy.resize(1440 << 10, 0);
    fs::write(&image, floppy).unwrap();
    let steps = SEEN
        .iter()
        .enumerate()
        .map(|(n, _)| oldiron.path(&format!("step{n}.png")));
    let steps: Vec<_> = steps.collect();
    let mut oldiron = oldiron.volatile(&image);
    for (text, step) in SEEN.iter().zip(&steps) {
        let wait = format!("wait text '^{text} '");
        let screenshot = format!("screenshot '{}'", step.display());
        oldiron = oldiron.script(&[&wait, &screenshot]);
    }
    let oldiron = oldiron.script(&["wait 2s", "expect text '^X0 Y0 B0 W2 '", "quit 0"]);
    let mut child = desktop.run(&oldiron);
    let mut wait = |step: usize| wait_for(|| steps[step].exists() || !matches!(child.0.try_wait(), Ok(None)));
    wait(0);
    let window = desktop.focus()?;
    // All that follows is on the screen: at its edges the pointer would be put back into the middle.
    desktop.xdotool(&["windowmove", &window, "280", "240"]);
    let move_to = |x: &str, y: &str| desktop.xdotool(&["mousemove", "--window", &window, x, y]);
    let named = |title: &str| {
        let name = desktop.xdotool(&["getwindowname", &window]).stdout;
        String::from_utf8_lossy(&name).contains(title)
    };
    move_to("300", "300");
    let offered = wait_for(|| named("click: mouse"));
    desktop.xdotool(&["click", "1"]);
    let captured = wait_for(|| named("F11: frees the mouse"));
    move_to("390", "255");
    wait(1);
    // Out of the window and back.
    for (x, y) in [("800", "-100"), ("-150", "600"), ("1", "1"), ("300", "300")] {
        move_to(x, y);
    }
    wait(2);
    desktop.xdotool(&["mousedown", "1"]);
    wait(3);
    desktop.xdotool(&["mouseup", "1"]);
    wait(4);
    desktop.xdotool(&["click", "--repeat", "2", "5"]);
    wait(5);
    desktop.xdotool(&["key", "F11"]);
    let freed = wait_for(|| !named("frees"));
    move_to("10", "10");
    let ended = finish(child, oldiron);
    expect(offered, "the title did not offer to capture the mouse", &ended)?;
    expect(captured, "the title did not say how to free the mouse", &ended)?;
    expect(freed, "F11 did not free the mouse", &ended)?;
    ended.succeeded().map(drop)
}
