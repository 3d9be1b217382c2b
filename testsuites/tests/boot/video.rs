//! Programs that drive the VGA's registers, in a window.

use std::{path::Path, process::Output};

use super::{
    Outcome,
    desktop::{Desktop, installed, wait_for},
    expect,
    picture::{Area, Picture},
    program::Oldiron,
};

/// The first two tracks of the floppy.
const VIDEO: &[u8] = include_bytes!("../../../bios/images/video.img");
/// Pictures that come before the programs.
const BIOS_PICTURES: usize = 15;
const PROGRAMS: [&str; 5] = ["0Dh scroll", "10h discs", "12h lines", "13h rings", "mode X"];
/// Of 255: rows are averaged where a picture is not shown at a multiple of its height.
pub const TOLERANCE: u32 = 16;

/// Where in a window a picture is: as wide as a whole multiple of its dots may be, if that fills three quarters,
/// 4:3, in the middle.
pub fn picture_in(window: Area, dots: usize) -> Area {
    let fit = window.width.min(window.height * 4 / 3);
    let whole = fit / dots * dots;
    let width = if whole * 4 >= fit * 3 { whole } else { fit };
    let height = width * 3 / 4;
    Area {
        left: window.left + (window.width - width) / 2,
        top: window.top + (window.height - height) / 2,
        width,
        height,
    }
}

/// Every program comes to show in the window what its screenshot shows.
pub fn programs_in_a_window(_: &Path) -> Outcome {
    if !installed("Xvfb") || !installed("xdotool") {
        return Ok(());
    }
    let desktop = Desktop::start()?;
    let floppy = tempfile::tempdir().unwrap();
    let image = floppy.path().join("video.img");
    let mut bytes = VIDEO.to_vec();
    bytes.resize(1440 << 10, 0);
    std::fs::write(&image, bytes).unwrap();
    let oldiron = Oldiron::with(&["--display", "window", "--timeout", "240"]).volatile(&image);
    let mut lines = Vec::new();
    for _ in 0..BIOS_PICTURES {
        lines.extend([r"wait serial 'shown \S+\r'".to_owned(), "key space".to_owned()]);
    }
    let shots = PROGRAMS.map(|name| oldiron.path(&format!("{name}.png")));
    for (name, shot) in PROGRAMS.iter().zip(&shots) {
        lines.push(format!(r"wait serial 'shown {name}\r'"));
        lines.push("wait 0.1s".to_owned());
        lines.push(format!("screenshot '{}'", shot.display()));
    }
    lines.extend(["wait serial VIDEO-DONE".to_owned(), "quit 0".to_owned()]);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let oldiron = oldiron.script(&lines);
    let mut child = desktop.run(&oldiron);
    let mut failures = Vec::new();
    for (name, shot) in PROGRAMS.iter().zip(&shots) {
        wait_for(|| shot.exists() || !matches!(child.0.try_wait(), Ok(None)));
        if !shot.exists() {
            break;
        }
        let window = desktop.focus()?;
        let window = area_of(&desktop, &window)?;
        let mut difference = 0;
        // The window may be a frame late.
        let alike = wait_for(|| {
            let Some(expected) = Picture::read(shot) else {
                return false;
            };
            let there = picture_in(window, expected.width);
            difference = expected.difference(expected.whole(), &desktop.screen(), there);
            difference <= TOLERANCE
        });
        if !alike {
            failures.push(format!("{name}: the window differs by {difference}"));
        }
        desktop.xdotool(&["key", "space"]);
    }
    wait_for(|| !matches!(child.0.try_wait(), Ok(None)));
    let status = match child.0.try_wait() {
        Ok(Some(status)) => status,
        _ => return Err("the program does not end".into()),
    };
    let ended = oldiron.ended(Output {
        status,
        stdout: Vec::new(),
        stderr: Vec::new(),
    });
    expect(failures.is_empty(), &failures.join("\n"), &ended)?;
    ended.succeeded().map(drop)
}

pub fn area_of(desktop: &Desktop, window: &str) -> Result<Area, libtest_mimic::Failed> {
    let answer = desktop.xdotool(&["getwindowgeometry", "--shell", window]).stdout;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let value = |name: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim_start_matches('=').parse().ok())
    };
    match (value("X"), value("Y"), value("WIDTH"), value("HEIGHT")) {
        (Some(left), Some(top), Some(width), Some(height)) => Ok(Area {
            left,
            top,
            width,
            height,
        }),
        _ => Err(format!("no geometry of the window: {answer}").into()),
    }
}
