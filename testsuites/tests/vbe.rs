//! The linear frame buffer and the VESA BIOS extension, tried by a floppy of our own: `bios/rom/vbe`.
//!
//! A picture's hash was taken down after the picture had been looked at. If one changes, look at it again:
//! `oldiron --fda` an image that begins with `bios/images/vbe.img`, and press a key for each next picture.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod floppy;
mod picture;

use oldiron_platform::{Dispatch, Timing};

/// The first two tracks of the floppy.
const VBE: &[u8] = include_bytes!("../../bios/images/vbe.img");

/// Mode (bit 14: through the linear frame buffer) and hash of every picture, in the order of the floppy.
const PICTURES: [(&str, u64); 14] = [
    ("0101", 0x0c8765ee79c249b5),
    ("4101", 0x0c8765ee79c249b5),
    ("0111", 0x4a80119aee3d474a),
    ("410D", 0xc77c63cbe61b30fe),
    ("4111", 0x4a80119aee3d474a),
    ("0112", 0xfd2528eca87c9a5e),
    ("4112", 0xfd2528eca87c9a5e),
    ("4118", 0x8b52510fef0ebc6a),
    ("0142", 0xfd2528eca87c9a5e),
    ("4144", 0x8b52510fef0ebc6a),
    ("4147", 0x3fcb01e9ef37bc25),
    ("411C", 0x6bdc4f6f89ffcc9c),
    // Moved by 07h, and by the code for protected mode.
    ("1111", 0xfefab17800c7bfea),
    ("0005", 0xa991f08b974c4910),
];

#[test]
fn the_picture_of_every_depth_is_the_one_that_was_looked_at() {
    let mut machine = floppy::machine(VBE, Dispatch::Chained, Timing::Fast);
    assert_eq!(
        picture::hashes(&mut machine, PICTURES.map(|(name, _)| name)),
        PICTURES
    );
    floppy::run(&mut machine, "VBE-DONE");
}

#[test]
fn all_functions_of_int_10h_4fh_answer_as_the_standard_says() {
    const LAST_LINE: &str = "FUNCTIONS-DONE";
    for dispatch in [Dispatch::Chained, Dispatch::Loop] {
        let mut machine = floppy::machine(VBE, dispatch, Timing::Fast);
        let said = floppy::run(&mut machine, LAST_LINE);
        let said = said.split_inclusive(LAST_LINE).next().unwrap();
        floppy::all_ok(said, LAST_LINE, 15);
    }
}
