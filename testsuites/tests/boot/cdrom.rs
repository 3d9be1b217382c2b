//! Systems that boot from a CD, and discs that are changed while they run.

use std::path::Path;

use super::{FDBD, Outcome, expect, guests, program::Oldiron};

/// Floppy emulation: the image on the CD is drive A.
pub fn mikeos(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .image(image)
        .script(&[
            "wait text 'Thanks for trying out MikeOS!'",
            "expect text 'Version 4.5'",
            "key right",
            "key enter",
            "wait text '^>'",
            r#"type "dir\n""#,
            "wait text 'KERNEL.BIN'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}

/// Without emulation: ISOLINUX reads its files and the kernel through INT 13h with blocks of 2048 bytes.
pub fn isolinux(image: &Path) -> Outcome {
    let ended = Oldiron::new()
        .image(image)
        .args(&[
            "--until-serial",
            "Loading initrd.gz...ok",
            "--fail-text",
            "not found|rror",
        ])
        .script(&["wait text 'ISOLINUX-READY  labels: deb shell memtest ipxe'"])
        .run();
    ended.succeeded().map(drop)
}

/// `--boot` decides; the drive that was started from is 00h, and the real one behind it.
pub fn order(image: &Path) -> Outcome {
    let floppy = guests().join(FDBD).display().to_string();
    let cd = image.display().to_string();
    for (order, seen) in [("ad", r"^A:\\>$"), ("da", "Thanks for trying out MikeOS!")] {
        let ended = Oldiron::new()
            .args(&["--volatile", "--fda", &floppy, "--cdrom", &cd, "--boot", order])
            .args(&["--until-text", seen])
            .run();
        ended.succeeded()?;
        expect(
            ended.text().contains("MikeOS") == (order == "da"),
            "the wrong one",
            &ended,
        )?;
    }
    Ok(())
}

/// The BIOS looks again at a disc that was put in after it said that there is none.
pub fn change(image: &Path) -> Outcome {
    let cd = image.display().to_string();
    let insert = format!("insert cdrom {cd}");
    let ended = Oldiron::new()
        .image(image)
        .args(&["--boot", "d"])
        .script(&[
            "eject cdrom",
            "wait text 'CD-ROM: no disc'",
            "wait text 'Press a key to try again'",
            &insert,
            "key enter",
            "wait text 'Thanks for trying out MikeOS!'",
            "quit 0",
        ])
        .run();
    ended.succeeded().map(drop)
}
