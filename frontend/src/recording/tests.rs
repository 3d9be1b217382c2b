//! Recordings that are whole, cut, altered or made up.

use std::path::Path;

use oldiron_platform::{KeyCode, Ticks};
use oldiron_testsuites::rng::Rng;

use super::*;

/// A recording as [`Recorder`] writes it.
fn written(lines: &[&str]) -> Vec<u8> {
    let mut text = format!("{FIRST_LINE}\n");
    let mut hash = 0;
    for line in lines {
        hash = line_hash(hash, line);
        text += &format!("{line} {hash:016x}\n");
    }
    text.into_bytes()
}

const SPEC: &str = r#"{"machine":{"cpu":"486","memory":32,"ips":100000000,"real_timing":false,"rtc":"2000-01-01T00:00:00","boot":"acd","bios":null,"vga_bios":null,"floppies":[{"kind":"Hd35","medium":"Demo"},null],"disks":[null,null,null,null],"debug_exit":null,"debug_console":false,"isa":false},"restored":null}"#;
const KEY: &str = r#"35714286 {"Event":{"Key":{"code":"Digit2","down":true}}}"#;
const CHECK: &str = r#"35714286 {"Check":{"parts":[["memory","0123456789abcdef"]]}}"#;
const EJECT: &str = r#"40000000 {"Floppy":{"drive":0,"medium":null}}"#;
const END: &str = r#"99999999 {"End":{"reason":"quit"}}"#;

fn whole() -> Vec<u8> {
    written(&[SPEC, KEY, CHECK, EJECT, END])
}

#[test]
fn what_was_written_is_read() {
    let recording = Recording::parse(&whole()).unwrap();
    assert_eq!(recording.beginning.machine.memory, 32);
    let key = HostEvent::Key {
        code: KeyCode::Digit2,
        down: true,
    };
    let ticks: Vec<Ticks> = recording.entries.iter().map(|&(at, _)| at).collect();
    assert_eq!(ticks, [35714286, 35714286, 40000000, 99999999]);
    assert_eq!(recording.entries[0].1, What::Event(key));
}

#[test]
fn a_cut_recording_is_refused_or_goes_up_to_its_last_whole_line() {
    let whole = whole();
    let all = Recording::parse(&whole).unwrap().entries;
    let header = FIRST_LINE.len() + 1 + SPEC.len() + 18;
    for len in 0..whole.len() {
        match Recording::parse(&whole[..len]) {
            Err(error) => {
                assert!(len < header, "{len}: {error}");
                assert!(!error.contains('\n'));
            }
            Ok(cut) => {
                assert!(len >= header, "{len}");
                assert!(all.starts_with(&cut.entries), "{len}");
                let lines = whole[..len].iter().filter(|&&byte| byte == b'\n').count();
                assert_eq!(cut.entries.len(), lines - 2, "{len}");
                let last = cut.entries.last().map_or(0, |&(at, _)| at);
                assert_eq!(cut.reaches(None), Err(last), "{len}");
                assert_eq!(cut.reaches(Some(last)), Ok(()));
                assert_eq!(cut.reaches(Some(last + 1)), Err(last));
            }
        }
    }
}

#[test]
fn a_byte_that_is_altered_anywhere_is_found() {
    let whole = whole();
    for at in 0..whole.len() {
        for change in [
            1,
            0x20,
            0x80,
            0xff,
            whole[at] ^ b'\n',
            whole[at] ^ b' ',
            whole[at] ^ b'0',
        ] {
            if change == 0 {
                continue;
            }
            let mut bad = whole.clone();
            bad[at] ^= change;
            let error = Recording::parse(&bad).expect_err(&format!("byte {at} ^ {change:02x}"));
            assert!(!error.contains('\n'), "{error}");
        }
    }
}

#[test]
fn lines_that_are_left_out_added_or_exchanged_are_found() {
    let lines: Vec<Vec<u8>> = whole()
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    for n in 1..lines.len() - 1 {
        let mut bad = lines.clone();
        bad.remove(n);
        assert!(Recording::parse(&bad.concat()).is_err());
        bad = lines.clone();
        bad.insert(n, lines[n].clone());
        assert!(Recording::parse(&bad.concat()).is_err());
        bad = lines.clone();
        bad.swap(n, n + 1);
        assert!(Recording::parse(&bad.concat()).is_err());
    }
    assert!(Recording::parse(&[whole(), b"x".to_vec()].concat()).is_err());
}

#[test]
fn lines_with_right_hashes_that_make_no_sense_are_refused() {
    for lines in [
        &["{}"][..],
        &[SPEC, "key"],
        &[SPEC, "1 {}"],
        &[SPEC, "-1 {\"End\":{\"reason\":\"\"}}"],
        &[SPEC, KEY, "5 {\"End\":{\"reason\":\"\"}}"],
        &[SPEC, END, END],
        &[SPEC, r#"1 {"Event":{"Key":{"code":"NoKey","down":true}}}"#],
        &[SPEC, r#"1 {"Event":{"SerialRx":{"port":0,"bytes":[256]}}}"#],
    ] {
        assert!(Recording::parse(&written(lines)).is_err(), "{lines:?}");
    }
    let deep = format!("1 {}", "[".repeat(100_000));
    assert!(Recording::parse(&written(&[SPEC, &deep])).is_err());
}

/// Recordings that were worth keeping, and what random changes make of them.
#[test]
fn changed_recordings_are_refused_or_make_sense_and_never_panic() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testsuites/data/corpus/recordings");
    let mut rng = Rng::new(20_260_821);
    let mut kept = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let bodies: Vec<String> = text.lines().map(str::to_owned).collect();
        for _ in 0..400 {
            let mut bodies = bodies.clone();
            for _ in 0..=rng.below(3) {
                change(&mut bodies, &mut rng);
            }
            let lines: Vec<&str> = bodies.iter().map(String::as_str).collect();
            kept += usize::from(Recording::parse(&written(&lines)).is_ok());
        }
    }
    assert!(kept > 100, "{kept}: the changes are too coarse");
}

/// Changes one thing: a line or a byte of one, to what a parser may stumble over.
fn change(lines: &mut Vec<String>, rng: &mut Rng) {
    if lines.is_empty() {
        return;
    }
    let at = rng.below(lines.len() as u32) as usize;
    let other = rng.below(lines.len() as u32) as usize;
    match rng.below(7) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[other].clone()),
        2 => lines.swap(at, other),
        3 => {
            let number = rng.pick(&["0", "-1", "1e400", "18446744073709551616", "18446744073709551615"]);
            let digits = |c: char| c.is_ascii_digit();
            let fields: Vec<(usize, &str)> = lines[at].match_indices(digits).collect();
            if !fields.is_empty() {
                let (place, _) = fields[rng.below(fields.len() as u32) as usize];
                lines[at].replace_range(place..place + 1, number);
            }
        }
        _ => {
            let mut bytes = lines[at].clone().into_bytes();
            if !bytes.is_empty() {
                let place = rng.below(bytes.len() as u32) as usize;
                bytes[place] = rng.pick(b"\"{}[],: 09-.eE\\uaz");
            }
            lines[at] = String::from_utf8_lossy(&bytes).into_owned();
        }
    }
}
