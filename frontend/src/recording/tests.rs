//! Recordings that are whole, cut, altered or made up.

use std::{io::Cursor, path::Path};

use oldiron_platform::{KeyCode, MachineBuilder, Ticks};
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

fn check(bytes: &[u8]) -> Result<Recording, String> {
    Recording::check(Path::new("a.rec"), Box::new(Cursor::new(bytes.to_vec())))
}

/// The beginning and all entries.
fn parse(bytes: &[u8]) -> Result<(Beginning, Vec<(Ticks, What)>), String> {
    let (beginning, mut entries) = Entries::open(Box::new(Cursor::new(bytes.to_vec())))?;
    let mut all = Vec::new();
    while let Some(entry) = entries.next()? {
        all.push(entry);
    }
    Ok((beginning, all))
}

#[test]
fn what_was_written_is_read() {
    let (beginning, entries) = parse(&whole()).unwrap();
    assert_eq!(beginning.machine.memory, 32);
    let key = HostEvent::Key {
        code: KeyCode::Digit2,
        down: true,
    };
    let ticks: Vec<Ticks> = entries.iter().map(|&(at, _)| at).collect();
    assert_eq!(ticks, [35714286, 35714286, 40000000, 99999999]);
    assert_eq!(entries[0].1, What::Event(key));
}

#[test]
fn a_cut_recording_is_refused_or_goes_up_to_its_last_whole_line() {
    let whole = whole();
    let all = parse(&whole).unwrap().1;
    let header = FIRST_LINE.len() + 1 + SPEC.len() + 18;
    for len in 0..whole.len() {
        match parse(&whole[..len]) {
            Err(error) => {
                assert!(len < header, "{len}: {error}");
                assert!(!error.contains('\n'));
            }
            Ok((_, entries)) => {
                assert!(len >= header, "{len}");
                assert!(all.starts_with(&entries), "{len}");
                let lines = whole[..len].iter().filter(|&&byte| byte == b'\n').count();
                assert_eq!(entries.len(), lines - 2, "{len}");
                let last = entries.last().map_or(0, |&(at, _)| at);
                let cut = check(&whole[..len]).unwrap();
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
            let error = parse(&bad).expect_err(&format!("byte {at} ^ {change:02x}"));
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
        assert!(parse(&bad.concat()).is_err());
        bad = lines.clone();
        bad.insert(n, lines[n].clone());
        assert!(parse(&bad.concat()).is_err());
        bad = lines.clone();
        bad.swap(n, n + 1);
        assert!(parse(&bad.concat()).is_err());
    }
    assert!(parse(&[whole(), b"x".to_vec()].concat()).is_err());
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
        &[SPEC, r#"1 {"Frame":"123"}"#],
        &[SPEC, r#"1 {"Frame":"1g"}"#],
    ] {
        assert!(parse(&written(lines)).is_err(), "{lines:?}");
    }
    let deep = format!("1 {}", "[".repeat(100_000));
    assert!(parse(&written(&[SPEC, &deep])).is_err());
}

#[test]
fn a_recording_that_is_cut_in_the_middle_of_a_character_goes_up_to_the_line_before() {
    let path = SPEC.replace(
        r#""bios":null"#,
        r#""bios":{"path":"ä","absolute":"/ä","bytes":1,"hash":"0"}"#,
    );
    assert_ne!(path, SPEC);
    let bytes = written(&[&path, &KEY.replace("Digit2", "ä")]);
    let at = bytes.iter().rposition(|&byte| byte == 0xc3).unwrap();
    assert!(parse(&bytes[..=at]).unwrap().1.is_empty());
}

#[test]
fn frames_are_written_as_hexadecimal_digits_and_read_back() {
    let frame = What::Frame((0..=255).collect());
    let text = serde_json::to_string(&frame).unwrap();
    assert!(text.starts_with(r#"{"Frame":"000102"#) && text.ends_with(r#"feff"}"#));
    assert_eq!(serde_json::from_str::<What>(&text).unwrap(), frame);
    // As they were written before.
    let line = r#"7 {"Event":{"Frame":{"bytes":[1,2]}}}"#;
    let event = What::Event(HostEvent::Frame { bytes: vec![1, 2] });
    assert_eq!(parse(&written(&[SPEC, line])).unwrap().1, [(7, event)]);
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let endless = Box::new(std::io::BufReader::new(std::io::repeat(b'7')));
    assert!(Recording::check(Path::new("a.rec"), endless).is_err());
    let begun = Cursor::new(written(&[SPEC]));
    let endless = std::io::Read::chain(begun, std::io::repeat(b'7'));
    let error = Recording::check(Path::new("a.rec"), Box::new(std::io::BufReader::new(endless)));
    assert!(error.unwrap_err().contains("line 3"));
}

/// A download, as the recorder sees it.
#[test]
fn more_than_64_mib_of_frames_are_recorded_and_replayed_without_being_kept() {
    const FRAMES: u64 = 48_000;
    let frame = |n: u64| HostEvent::Frame {
        bytes: (0..1514).map(|at| (n >> (at % 3 * 8)) as u8 ^ at as u8).collect(),
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("long.rec");
    let (beginning, _) = parse(&whole()).unwrap();
    let mut machine = MachineBuilder::new().build().unwrap();
    let mut recorder = Recorder::create(&path, &beginning, &machine).unwrap();
    for n in 0..FRAMES {
        machine.post(frame(n));
        recorder.catch_up(&mut machine).unwrap();
        assert_eq!(machine.inputs().iter().count(), 0);
    }
    let end = crate::outcome::Outcome::new(0, "quit", "");
    recorder.finish(&mut machine, &end).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 2 * (64 << 20));

    let recording = Recording::read(&path).unwrap();
    assert_eq!(recording.reaches(None), Ok(()));
    let mut replay = Replay::new(&recording, true, None).unwrap();
    for n in 0..FRAMES {
        match replay.due(&machine) {
            Ok(Some(Due::Event(event))) => assert_eq!(event, frame(n)),
            _ => panic!("frame {n} is not there"),
        }
    }
    let over = replay.due(&machine).err().unwrap();
    assert!(
        over.message.contains("1 states compared equal"),
        "{}",
        over.message
    );
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
            kept += usize::from(parse(&written(&lines)).is_ok());
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
