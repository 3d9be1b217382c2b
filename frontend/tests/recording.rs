//! A run that is recorded and repeated.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

mod small_guest;

use std::fs;

use small_guest::{Guest, power_off};

/// Lets the keyboard send, waits for a key, and powers off when one comes.
fn waits_for_a_key() -> Guest {
    let enable = [0xb0, 0xae, 0xe6, 0x64]; // mov al, AEh; out 64h, al
    let wait = [0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa]; // again: in al, 64h; test al, 1; jz again
    Guest::new(&[&enable, &wait, &power_off()])
}

/// Lines with the hashes that make a recording of them, as the program documents them.
fn recording_of(bodies: &[String]) -> String {
    let mut text = "oldiron recording 1\n".to_owned();
    let mut hash = 0u64;
    for body in bodies {
        let hashed = [&hash.to_le_bytes()[..], body.as_bytes()].concat();
        hash = oldiron_platform::hash::hash_bytes(&hashed);
        text += &format!("{body} {hash:016x}\n");
    }
    text
}

#[test]
fn a_recorded_key_comes_again_at_its_tick_and_a_run_that_differs_is_exit_20() {
    let guest = waits_for_a_key();
    // The script does not get to let go of the key.
    let before = fs::read(guest.path("a.img")).unwrap();
    guest.ends(
        &[
            "-e",
            "wait 0.01s",
            "-e",
            "key a",
            "--record",
            "key.rec",
            "--stats",
            "1.json",
        ],
        10,
    );
    assert_eq!(fs::read(guest.path("a.img")).unwrap(), before);
    let replay = |name: &str, arguments: &[&str], code: i32| {
        let output = guest.oldiron(&[&["replay", name, "--headless"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    };
    replay("key.rec", &["--check", "--stats", "2.json"], 0);
    let hash = |name: &str| {
        guest
            .read(name)
            .lines()
            .find(|line| line.contains("state_hash"))
            .map(str::to_owned)
    };
    assert_eq!(hash("1.json"), hash("2.json"));
    assert!(replay("key.rec", &["--to", "500K"], 0).contains("tick 500000"));
    replay("key.rec", &["-e", "key b"], 2);
    replay("key.rec", &["--mem", "2M"], 66);
    replay("missing.rec", &[], 66);

    // The same with another key: the keyboard controller is the first to differ.
    let bodies: Vec<String> = guest
        .read("key.rec")
        .lines()
        .skip(1)
        .map(|line| line[..line.len() - 17].to_owned())
        .collect();
    let bodies: Vec<String> = bodies
        .iter()
        .map(|body| body.replace(r#""code":"A""#, r#""code":"B""#))
        .collect();
    fs::write(guest.path("other.rec"), recording_of(&bodies)).unwrap();
    replay("other.rec", &[], 0);
    let said = replay("other.rec", &["--check"], 20);
    assert!(
        said.contains("differs at tick") && said.contains("keyboard controller"),
        "{said}"
    );

    fs::write(guest.path("a.img"), [before, vec![0; 360 * 1024]].concat()).unwrap();
    assert!(replay("key.rec", &[], 66).contains("a.img"));
    fs::remove_file(guest.path("a.img")).unwrap();
    assert!(replay("key.rec", &[], 66).contains("--fda"));
}
