use std::path::Path;

use oldiron_platform::{MachineBuilder, TickRate};
use oldiron_testsuites::rng::Rng;

use super::*;
use crate::{snapshot::Header, spec::Spec, typing::KeyQueue};

fn header() -> Header {
    let machine: Spec = serde_json::from_str(
        r#"{"cpu":"486","memory":1,"ips":100000000,"real_timing":false,"rtc":"2000-01-01T00:00:00","boot":"acd",
            "bios":null,"vga_bios":null,"floppies":[{"kind":"Hd35","medium":null},null],
            "disks":[null,null,null,null],"debug_exit":null,"debug_console":false,"isa":false}"#,
    )
    .unwrap();
    Header {
        machine,
        tick: 5,
        instructions: 4,
        saved: "2026-01-01 00:00:00".to_owned(),
        screen: "A:\\>".to_owned(),
        keys: KeyQueue::new(TickRate::new(100_000_000)),
    }
}

fn read(bytes: &[u8]) -> Result<(Header, Vec<u8>), String> {
    decode(bytes, bytes.len() as u64)
}

/// Makes the hash at the end right again.
fn reseal(bytes: &mut [u8]) {
    let end = bytes.len() - 8;
    let hash = oldiron_platform::hash::hash_bytes(&bytes[..end]);
    bytes[end..].copy_from_slice(&hash.to_le_bytes());
}

#[test]
fn what_was_written_is_read_and_zeros_take_no_room() {
    let state: Vec<u8> = (0..100_000u32)
        .map(|n| if n % 5000 == 0 { n as u8 } else { 0 })
        .collect();
    let bytes = encode(&header(), &state).unwrap();
    assert!(bytes.len() < 3000, "{}", bytes.len());
    let (back, unpacked) = read(&bytes).unwrap();
    assert_eq!((back.machine, back.tick, unpacked), (header().machine, 5, state));
}

#[test]
fn a_file_that_is_cut_or_altered_anywhere_is_refused_in_one_line() {
    let state: Vec<u8> = (0..3000u32).map(|n| ((n * n) >> 7) as u8).collect();
    let whole = encode(&header(), &state).unwrap();
    for len in 0..whole.len() {
        let error = read(&whole[..len]).unwrap_err();
        assert!(!error.contains('\n'), "{error}");
        // The file is shorter than it was when it was looked at.
        assert!(decode(&whole[..len], whole.len() as u64).is_err());
    }
    for at in 0..whole.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 0xff] {
            let mut bad = whole.clone();
            bad[at] ^= change;
            let error = read(&bad).expect_err(&format!("byte {at} ^ {change:02x}"));
            assert!(!error.contains('\n'), "{error}");
        }
    }
    assert!(read(&[&whole[..], &[0]].concat()).is_err());
}

#[test]
fn lengths_that_cannot_be_are_refused_even_with_the_right_hash() {
    let whole = encode(&header(), &[1; 1000]).unwrap();
    let header_len = u32::from_le_bytes(whole[21..25].try_into().unwrap()) as usize;
    for at in [21, 25 + header_len, 25 + header_len + 8] {
        for value in [0xff, 0x7f, 1, 0] {
            let mut bad = whole.clone();
            let len = if at == 21 { 4 } else { 8 };
            bad[at..at + len].fill(value);
            reseal(&mut bad);
            assert!(read(&bad).is_err(), "{value:02x} at {at}");
        }
    }
    let mut large = header();
    large.machine.memory = 4096;
    assert!(read(&encode(&large, &[1; 10]).unwrap()).is_err());
}

/// A small machine: a BIOS that halts.
fn machine() -> oldiron_platform::Machine {
    let mut bios = vec![0xf4; 0x10000];
    bios[0xfff0..0xfff5].copy_from_slice(&[0xea, 0, 0, 0, 0xf0]);
    let builder = MachineBuilder::new()
        .memory_mib(1)
        .bios(bios)
        .vga_bios(vec![0; 512]);
    builder.build().unwrap()
}

/// Files that were worth keeping, with random changes that their hashes do not tell.
#[test]
fn changed_files_are_refused_or_make_sense_and_never_panic() {
    let mut rng = Rng::new(20_260_822);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testsuites/data/corpus/snapshots");
    for file in fs::read_dir(corpus).unwrap() {
        let whole = fs::read(file.unwrap().path()).unwrap();
        for _ in 0..600 {
            let mut bad = whole.clone();
            for _ in 0..=rng.below(3) {
                change(&mut bad, &mut rng);
            }
            if bad.len() >= 8 {
                reseal(&mut bad);
            }
            if let Ok((header, state)) = read(&bad) {
                assert!(state.len() as u64 <= most_state(&header.machine));
            }
        }
    }
}

fn change(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if bytes.is_empty() {
        return;
    }
    // The header and the lengths behind it are a small part of the file, and get half of the changes.
    let span = if rng.one_in(2) {
        bytes.len().min(1200)
    } else {
        bytes.len()
    };
    let at = rng.below(span as u32) as usize;
    match rng.below(5) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, rng.u32() as u8),
        2 => drop(bytes.remove(at)),
        _ => bytes[at] = rng.pick(&[0, 1, 0x7f, 0x80, 0xff, b'9', b'"', b'{', rng.clone().u32() as u8]),
    }
}

/// The state inside a file, with changes that no hash tells: the machine refuses it and stays as it was, or
/// takes it and runs on.
#[test]
fn changed_states_leave_a_running_machine_untouched_or_run_on() {
    let mut rng = Rng::new(20_260_823);
    let mut running = machine();
    running.run_until(1_000_000);
    let before = running.state_hash();
    let state = running.save_state().unwrap();
    for _ in 0..300 {
        let mut bad = state.clone();
        change(&mut bad, &mut rng);
        match running.restore_state(&bad) {
            Err(error) => assert!(!error.to_string().contains('\n')),
            // Nothing that counts was changed.
            Ok(()) => assert!(bad == state),
        }
        assert_eq!(running.state_hash(), before);
    }
}
