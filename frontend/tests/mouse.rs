//! The mouse as scripts move it, seen by a guest that drives it by its ports.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

use std::fs;

use assert_cmd::Command;

/// Shows what its mouse reports: `bios/rom/pointer`.
const POINTER: &[u8] = include_bytes!("../../bios/images/pointer.img");

#[test]
fn script_lines_move_the_mouse_and_press_its_buttons() {
    let dir = tempfile::tempdir().unwrap();
    let mut floppy = POINTER.to_vec();
    floppy.resize(1440 << 10, 0);
    let image = dir.path().join("pointer.img");
    fs::write(&image, floppy).unwrap();
    let lines = [
        "wait text '^X0 Y0 B0 W0 N0$'",
        "mouse move 10 -4",
        "wait text '^X10 Y-4 B0 W0 N1$'",
        // More than a report holds.
        "mouse move -300 200",
        "wait text '^X-290 Y196 B0 '",
        "mouse move 290 -196",
        "wait text '^X0 Y0 B0 '",
        "mouse down left",
        "wait text ' B1 '",
        "mouse down right",
        "wait text ' B3 '",
        "mouse up left",
        "mouse up right",
        "wait text ' B0 '",
        "mouse down middle",
        "wait text ' B4 '",
        "mouse up middle",
        "wait text '^X0 Y0 B0 W0 N13$'",
        // A press and a release are a report each.
        "mouse click left",
        "wait text '^X0 Y0 B0 W0 N15$'",
        "mouse click right",
        "wait text '^X0 Y0 B0 W0 N17$'",
        "mouse move 1 1",
        "wait text '^X1 Y1 B0 W0 N18$'",
        "quit 0",
    ];
    let mut oldiron = Command::cargo_bin("oldiron").unwrap();
    oldiron.args(["--headless", "--timeout", "120"]).arg(&image);
    for line in lines {
        oldiron.args(["-e", line]);
    }
    oldiron.assert().success();
}
