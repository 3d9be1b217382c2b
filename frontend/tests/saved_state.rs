//! States that are saved, looked at, restored and removed.

#![allow(clippy::unwrap_used, reason = "the set-up of a test may fail the test")]

mod small_guest;

use std::fs;

use small_guest::{Guest, power_off};

/// Counts to 16 million, and powers off.
fn counts() -> Guest {
    // mov ecx, 1000000h; again: dec ecx; jnz again
    let count = [0x66, 0xb9, 0, 0, 0, 1, 0x66, 0x49, 0x75, 0xfc];
    Guest::new(&[&count, &power_off()])
}

/// Starts the program; it must end with `code`, and its two outputs are the result.
fn oldiron(guest: &Guest, args: &[&str], code: i32) -> (String, String) {
    let output = guest.oldiron(args);
    let [out, said] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.lines().count() <= 1, "{args:?}: {said}");
    (out, said)
}

fn state_hash(guest: &Guest, name: &str) -> Option<String> {
    let stats = guest.read(name);
    stats
        .lines()
        .find(|line| line.contains("state_hash"))
        .map(str::to_owned)
}

#[test]
fn a_saved_state_is_found_by_content_and_goes_on_to_the_same_end() {
    let guest = counts();
    guest.ends(
        &[
            "--save-at",
            "5M=five.snap",
            "--save-at",
            "9M=nine.snap",
            "--stats",
            "1.json",
        ],
        0,
    );
    oldiron(&guest, &["five.snap", "--headless", "--stats", "2.json"], 0);
    assert_eq!(state_hash(&guest, "1.json"), state_hash(&guest, "2.json"));
    // Its copy under another name, saved again on the way, recorded and replayed.
    fs::rename(guest.path("five.snap"), guest.path("renamed.img")).unwrap();
    let args = [
        "--restore",
        "renamed.img",
        "--headless",
        "-e",
        "save on.snap",
        "-e",
        "wait 0.01s",
    ];
    oldiron(
        &guest,
        &[
            &args[..],
            &["-e", "save on.snap", "-e", "quit", "--record", "r.rec"],
        ]
        .concat(),
        0,
    );
    oldiron(&guest, &["on.snap", "--headless", "--stats", "3.json"], 0);
    assert_eq!(state_hash(&guest, "1.json"), state_hash(&guest, "3.json"));
    oldiron(&guest, &["replay", "r.rec", "--check", "--headless"], 0);
    // --max-insns and --max-virtual count from where the run starts.
    oldiron(
        &guest,
        &[
            "nine.snap",
            "--headless",
            "--max-insns",
            "1000",
            "--stats",
            "4.json",
        ],
        12,
    );
    assert!(guest.read("4.json").contains("\"ticks\": 9001000,"));
}

#[test]
fn saved_states_are_listed_explained_and_removed() {
    let guest = counts();
    guest.ends(&["--save-at", "1M=one.snap"], 0);
    fs::write(
        guest.path("torn.snap"),
        &fs::read(guest.path("one.snap")).unwrap()[..200],
    )
    .unwrap();
    let (list, _) = oldiron(&guest, &["snapshot", "list", "."], 0);
    assert_eq!(list.lines().count(), 2, "{list}");
    assert!(list.contains("a.img") && list.contains("damaged"), "{list}");
    let (info, _) = oldiron(&guest, &["snapshot", "info", "one.snap"], 0);
    assert!(info.contains("tick 1000000") && info.contains("1 MiB"), "{info}");
    oldiron(&guest, &["snapshot", "info", "torn.snap"], 66);
    oldiron(&guest, &["snapshot", "delete", "a.img"], 66);
    oldiron(&guest, &["snapshot", "delete", "torn.snap"], 0);
    oldiron(&guest, &["snapshot", "delete", "torn.snap"], 66);
    assert!(guest.path("a.img").exists() && !guest.path("torn.snap").exists());
}

#[test]
fn a_state_that_does_not_fit_is_refused_in_one_line_that_says_what_differs() {
    let guest = counts();
    guest.ends(&["--save-at", "1M=one.snap"], 0);
    let refused = |args: &[&str], word: &str| {
        let (_, said) = oldiron(&guest, &[&["one.snap", "--headless"], args].concat(), 66);
        assert!(said.contains(word), "{said}");
    };
    refused(&["--mem", "2M"], "1 MiB");
    refused(&["--cpu", "386"], "processor");
    refused(&["--timing", "real"], "fast");
    refused(&["--hda", "a.img"], "--hda");
    oldiron(&guest, &["one.snap", "a.img", "--headless"], 2);
    oldiron(&guest, &["one.snap", "one.snap", "--headless"], 2);
    oldiron(
        &guest,
        &["one.snap", "--headless", "--save-at", "5=early.snap"],
        2,
    );
    // The image has moved, then changed, then gone.
    fs::copy(guest.path("a.img"), guest.path("moved.img")).unwrap();
    let image = fs::read(guest.path("a.img")).unwrap();
    fs::remove_file(guest.path("a.img")).unwrap();
    refused(&[], "--fda");
    oldiron(&guest, &["one.snap", "--headless", "--fda", "moved.img"], 0);
    fs::write(guest.path("a.img"), [&[1], &image[1..]].concat()).unwrap();
    refused(&[], "hash");
    fs::write(guest.path("a.img"), image).unwrap();
    let whole = fs::read(guest.path("one.snap")).unwrap();
    fs::write(guest.path("one.snap"), &whole[..whole.len() / 2]).unwrap();
    refused(&[], "damaged");
    let mut altered = whole;
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(guest.path("one.snap"), altered).unwrap();
    refused(&[], "damaged");
}
