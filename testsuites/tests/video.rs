//! The VGA and its BIOS, tried by a floppy of our own: `bios/rom/video`.
//!
//! A picture's hash was taken down after the picture had been looked at. If one changes, look at it again:
//! `oldiron --fda` an image that begins with `bios/images/video.img`, and press a key for each next picture.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod floppy;
mod picture;

use oldiron_platform::{Dispatch, Timing};

/// The first two tracks of the floppy.
const VIDEO: &[u8] = include_bytes!("../../bios/images/video.img");

/// Name and hash of every picture, in the order that the floppy shows them.
const PICTURES: [(&str, u64); 20] = [
    ("00h", 0x66b9d8d3c92dc350),
    ("01h", 0xe19d00db35378af1),
    ("02h", 0x369c0ce364ad43b1),
    ("03h", 0xf9d7222a07a22441),
    ("07h", 0xe31fbcab2ec7ba8f),
    ("04h", 0x34b2b1b870329a60),
    ("05h", 0x81d7fec886155640),
    ("06h", 0xaa474f66c11f9486),
    ("0Dh", 0x478360fb1466e335),
    ("0Eh", 0xd2e8bf9e9370f128),
    ("0Fh", 0xc4fae2188886b39b),
    ("10h", 0x647491d0de43ef31),
    ("11h", 0xc8bd70afd08889ed),
    ("12h", 0x4eceb838ecfe4ded),
    ("13h", 0x829bc1e3ebabf224),
    ("0Dh scroll", 0x7b6778ec55082883),
    ("10h discs", 0xaed1acfdfefce5f3),
    ("12h lines", 0xa758fb296554f18f),
    ("13h rings", 0x8fbe18c59b2f2202),
    ("mode X", 0x45752ac964ddcc9b),
];

fn check_pictures(dispatch: Dispatch, timing: Timing) {
    let mut machine = floppy::machine(VIDEO, dispatch, timing);
    assert_eq!(
        picture::hashes(&mut machine, PICTURES.map(|(name, _)| name)),
        PICTURES
    );
    floppy::run(&mut machine, "VIDEO-DONE");
}

#[test]
fn the_picture_of_every_mode_is_the_one_that_was_looked_at() {
    check_pictures(Dispatch::Chained, Timing::Fast);
}

#[test]
fn it_is_with_the_reference_loop_and_the_latencies_of_the_real_parts() {
    check_pictures(Dispatch::Loop, Timing::Real);
}

#[test]
fn all_services_of_int_10h_answer_as_the_manual_says() {
    const LAST_LINE: &str = "SERVICES-DONE";
    let mut machine = floppy::machine(VIDEO, Dispatch::Chained, Timing::Fast);
    let said = floppy::run(&mut machine, LAST_LINE);
    let said = said.split_inclusive(LAST_LINE).next().unwrap();
    floppy::all_ok(said, LAST_LINE, 35);
}
