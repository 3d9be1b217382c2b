//! Files on a hard disk go from the host to FreeDOS and back.

use std::{fs, io::Read, path::Path, process::Command};

use flate2::read::GzDecoder;
use libtest_mimic::Trial;

use super::{
    Outcome, expect, guests,
    program::{Oldiron, program},
};

const IMAGE: &str = "fdos-hd/fdhd-free.img.gz";
/// Where its partition begins.
const PARTITION: u32 = 63 * 512;

/// With the writes in the image, and in an overlay.
pub fn trials() -> Vec<Trial> {
    let image = guests().join(IMAGE);
    let absent = !image.exists();
    let trials = [("the image", false), ("an overlay", true)].map(|(place, overlay)| {
        let mut name = format!("files on a hard disk go in and out by img cp and mtools, through {place}");
        if absent {
            name += &format!(" (absent: {})", image.display());
        }
        let image = image.clone();
        Trial::test(name, move || in_and_out(&image, overlay))
            .with_ignored_flag(cfg!(debug_assertions) || absent)
    });
    trials.into()
}

fn img(arguments: &[&str]) -> Outcome {
    let output = Command::new(program()).arg("img").args(arguments).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("img {}: {said}", arguments.join(" ")).into()),
    }
}

fn in_and_out(image: &Path, overlay: bool) -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name).display().to_string();
    let (disk, after) = (path("c.img"), path("after.img"));
    let mut bytes = Vec::new();
    GzDecoder::new(fs::File::open(image)?).read_to_end(&mut bytes)?;
    fs::write(&disk, bytes)?;
    fs::write(path("in.txt"), "written by the host\r\n")?;
    img(&["cp", &path("in.txt"), &format!("{disk}:/IN.TXT")])?;
    img(&["cp", &format!("{disk}:/COMMAND.COM"), &path("command.com")])?;

    let mut oldiron = Oldiron::new().args(&["--mem", "32M", "--hda", &disk]);
    if overlay {
        oldiron = oldiron.args(&["--overlay", &path("c.ovl")]);
    }
    let ended = oldiron
        .script(&[
            "wait serial HD-READY",
            r"wait text '^C:\\>$'",
            r#"type "type in.txt\n""#,
            "wait text '^written by the host'",
            r#"type "md made\necho written by the guest>made\\kept.txt\ncopy command.com made\\copy.com\n""#,
            r#"type "echo COPIED>com1\n""#,
            "wait serial COPIED",
            "quit 0",
        ])
        .run();
    ended.succeeded()?;

    match overlay {
        true => img(&["convert", &path("c.ovl"), &after])?,
        false => drop(fs::copy(&disk, &after)?),
    }
    for name in ["kept.txt", "copy.com"] {
        img(&["cp", &format!("{after}:/MADE/{name}"), &path(name)])?;
    }
    let kept = fs::read_to_string(path("kept.txt"))?;
    expect(
        kept == "written by the guest\r\n",
        &format!("img cp: {kept:?}"),
        &ended,
    )?;
    let same = fs::read(path("copy.com"))? == fs::read(path("command.com"))?;
    expect(same, "copy.com is not command.com", &ended)?;
    let volume = format!("{after}@@{PARTITION}");
    for (name, contents) in [
        ("kept.txt", kept.into_bytes()),
        ("copy.com", fs::read(path("command.com"))?),
    ] {
        let shown = Command::new("mtype")
            .args(["-i", &volume])
            .arg(format!("::/made/{name}"))
            .output();
        match shown {
            Ok(output) => expect(
                output.stdout == contents,
                &format!("mtype {name}: {output:?}"),
                &ended,
            )?,
            Err(_) => eprintln!("mtools is not installed: only img cp was asked"),
        }
    }
    Ok(())
}
