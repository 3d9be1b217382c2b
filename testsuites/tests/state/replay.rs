//! `--record` and `oldiron replay`: a recorded run is repeated exactly, however it is run.

use std::{fs, path::Path};

use super::{
    Outcome,
    guest::{Guest, JEMM386, same},
    program::{Ended, Oldiron},
};

/// Boots FreeDOS with JEMM386 and works at its prompt: 60 keys, and a file is written.
fn session(recording: &Path) -> Oldiron {
    let oldiron = Oldiron::new().args(&["--cpu", "486", "--mem", "32M"]);
    let oldiron = oldiron.args(&["--record", &recording.display().to_string()]);
    let oldiron = JEMM386.with_files(oldiron);
    oldiron.script(&[
        "wait text 'Select from Menu'",
        r#"type "2\n""#,
        "wait serial TEST-DONE-OK",
        "wait 1s",
        r#"type "dir /w\n""#,
        "wait text 'bytes free'",
        r#"type "echo hello > kept.txt\n""#,
        "wait 2s",
        r#"type "type kept.txt\n""#,
        "wait text ^hello",
        "quit 0",
    ])
}

fn replay(recording: &Path, arguments: &[&str]) -> Ended {
    let path = recording.display().to_string();
    Oldiron::with(&["replay", &path, "--headless", "--check", "--timeout", "1200"])
        .args(arguments)
        .run()
}

/// Records the session and repeats it with each of `ways`.
fn repeat(ways: &[&[&str]]) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("session.rec");
    let recorded = session(&recording).run();
    let recorded = recorded.succeeded()?.stats();
    for &way in ways {
        let repeated = replay(&recording, way);
        same(
            &recorded,
            &repeated.succeeded()?.stats(),
            &format!("replay {way:?}"),
        )?;
    }
    Ok(())
}

pub fn twice(_: &Guest) -> Outcome {
    repeat(&[&[], &["--dispatch", "loop"]])
}

pub fn twenty_times(_: &Guest) -> Outcome {
    let chained: &[&str] = &[];
    let all: [&[&str]; 5] = [
        chained,
        &["--dispatch", "loop"],
        &["--speed", "150"],
        &["--speed", "90", "--dispatch", "loop"],
        &["--chaos", "5"],
    ];
    repeat(&all.repeat(4))
}

/// A boot that came to its end by itself, with all that it had from the network, is repeated without one.
pub fn boot(guest: &Guest) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("boot.rec");
    let recorded = guest
        .oldiron()
        .args(&["--record", &recording.display().to_string()])
        .run();
    let stats = recorded.succeeded()?.stats();
    if !recorded.serial().contains("3 packets received") {
        return Err(format!("no answer to a ping\n{}", recorded.serial()).into());
    }
    for way in [&[][..], &["--dispatch", "loop"]] {
        let repeated = replay(&recording, way);
        same(&stats, &repeated.succeeded()?.stats(), &format!("replay {way:?}"))?;
    }
    Ok(())
}

/// A recording that breaks off is refused; as far as it goes it is repeated when asked for.
pub fn cut(_: &Guest) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let recording = dir.path().join("session.rec");
    session(&recording).run().succeeded()?;
    let bytes = fs::read(&recording).unwrap();
    fs::write(&recording, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let refused = replay(&recording, &[]);
    let said = refused.said();
    let tick = said
        .split_once("--to ")
        .and_then(|(_, rest)| rest.split_once(' '));
    let Some((tick, _)) = tick.filter(|_| refused.code() == Some(66)) else {
        return Err(said.into());
    };
    let repeated = replay(&recording, &["--to", tick]);
    repeated.succeeded()?;
    let said = repeated.said();
    if said.contains("compared equal") {
        Ok(())
    } else {
        Err(said.into())
    }
}
