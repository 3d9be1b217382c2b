use std::path::PathBuf;

use oldiron_testsuites::harness::{SkipRule, Tally};

use super::{table::push_row, *};

fn args(suite: PathBuf) -> SelftestArgs {
    SelftestArgs {
        suite: vec![suite],
        ..SelftestArgs::default()
    }
}

/// The unpacked contents of a family of the sample.
fn unpacked(family: &str) -> Vec<u8> {
    let packed = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../testsuites/data/{family}.hwx.zst"));
    let packed = std::fs::read(packed).unwrap();
    let mut decoder = ruzstd::decoding::StreamingDecoder::new(packed.as_slice()).unwrap();
    let mut data = Vec::new();
    std::io::Read::read_to_end(&mut decoder, &mut data).unwrap();
    data
}

/// What the command says about a file with these contents.
fn refusal(name: &str, contents: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join(name);
    std::fs::write(&bad, contents).unwrap();
    let failure = run(&args(bad)).unwrap_err();
    assert_eq!(failure.code, code::FILE);
    let text = failure.to_string();
    assert!(!text.contains('\n'));
    assert!(text.contains(name));
    text
}

#[test]
fn a_damaged_file_is_a_file_error() {
    assert!(refusal("bad.hwx.zst", b"nothing of the kind").contains("not zstd data"));
    assert!(refusal("bad.hwx", b"nothing of the kind").contains("does not begin as a vector file"));
}

#[test]
fn damaged_moo_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join("90.MOO");
    std::fs::write(&bad, b"MOO \x0c\0\0\0\x02\0\0\0\0\0\0\0C286").unwrap();
    let failure = run(&args(bad.clone())).unwrap_err();
    assert_eq!(failure.code, code::FILE);
    assert!(failure.to_string().contains("metadata.json"), "{failure}");
    std::fs::write(directory.path().join("metadata.json"), "{}").unwrap();
    let failure = run(&args(bad.clone())).unwrap_err();
    let said = "90.MOO: MOO version 2.0 is unknown; this program reads version 1";
    assert!(failure.to_string().ends_with(said), "{failure}");
    std::fs::write(&bad, b"MOO \x0c\0\0").unwrap();
    let failure = run(&args(bad)).unwrap_err();
    assert_eq!(failure.code, code::FILE);
    assert!(failure.to_string().contains("ends within a record"), "{failure}");
}

#[test]
fn an_unknown_version_is_named() {
    let mut data = unpacked("priv");
    data[6..8].copy_from_slice(b"02");
    assert!(refusal("new.hwx", &data).contains("HWX version 02 is unknown; this program reads version 01"));
}

#[test]
fn truncated_files_and_archives_are_refused() {
    let data = unpacked("priv");
    assert!(refusal("short.hwx", &data[..data.len() - 7]).contains("ends within a record"));
    let packed = include_bytes!("../../../testsuites/data/priv.hwx.zst");
    assert!(refusal("short.hwx.zst", &packed[..packed.len() / 2]).contains("cannot be unpacked"));
}

#[test]
fn a_directory_without_vectors_is_a_file_error() {
    let directory = tempfile::tempdir().unwrap();
    let failure = run(&args(directory.path().to_path_buf())).unwrap_err();
    assert_eq!(failure.code, code::FILE);
    assert!(!failure.to_string().contains('\n'));
}

/// The first record with an exception: its number, and where the vector is.
fn first_exception(data: &[u8]) -> (usize, usize) {
    let mut at = u32::from_le_bytes(data[8..12].try_into().unwrap()) as usize;
    let mut case = 0;
    loop {
        let len = u16::from_le_bytes(data[at..at + 2].try_into().unwrap()) as usize;
        let (flags, exception) = (data[at + 3], at + 7);
        if data[exception] != 0xff && flags == 0 {
            return (case, exception);
        }
        at += 2 + len;
        case += 1;
    }
}

#[test]
fn a_doctored_vector_fails_with_exit_22_in_every_report() {
    let mut data = unpacked("int32");
    let (case, exception) = first_exception(&data);
    data[exception] ^= 1;

    let directory = tempfile::tempdir().unwrap();
    let (file, json, junit) = (
        directory.path().join("doctored.hwx"),
        directory.path().join("r.json"),
        directory.path().join("r.xml"),
    );
    std::fs::write(&file, &data).unwrap();
    let mut asked = args(file);
    asked.json = Some(json.clone());
    asked.junit = Some(junit.clone());
    asked.filter = Some(regex::Regex::new(&format!("^int32/{case} ")).unwrap());
    let (text, code) = run(&asked).unwrap();
    assert_eq!(code, code::SELFTEST, "{text}");
    assert!(text.contains(&format!("FAILED int32/{case} ")));
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(json["total"]["failed"], 1);
    assert_eq!(json["failures"][0]["id"], format!("int32/{case}"));
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains("<failure message=\"1 of 1 vectors failed\">"));

    asked.filter = None;
    asked.json = None;
    asked.junit = None;
    asked.show = Some(format!("int32/{case}"));
    let (text, code) = run(&asked).unwrap();
    assert_eq!(code, code::SELFTEST);
    assert!(
        text.contains("got: ") && text.contains("failed with Chained dispatch"),
        "{text}"
    );
}

#[test]
fn the_sample_is_inside_the_program() {
    let asked = SelftestArgs {
        filter: Some(regex::Regex::new("^priv/").unwrap()),
        ..SelftestArgs::default()
    };
    let (text, code) = run(&asked).unwrap();
    assert_eq!(code, code::OK, "{text}");
    assert!(
        text.contains("\npriv                  500      500        0        0\n"),
        "{text}"
    );
}

#[test]
fn the_sample_and_the_programs_execute_every_form() {
    let asked = SelftestArgs {
        coverage: true,
        ..SelftestArgs::default()
    };
    let (text, code) = run(&asked).unwrap();
    assert_eq!(code, code::OK, "{text}");
    assert!(text.ends_with(", 0 not executed\n"), "{text}");
}

#[test]
fn rows_name_each_reason_for_skipping() {
    let mut tally = Tally {
        passed: 3,
        ..Tally::default()
    };
    tally.skipped.insert(SkipRule::UndefinedResult, 2);
    let mut text = String::new();
    push_row(&mut text, "int16", &tally);
    assert_eq!(
        text,
        "int16                   5        3        0        2  2 result undefined by the manual\n"
    );
}
