//! The silicon vectors replayed inside a guest, as tasks of an operating system: one test for each family, of the sample
//! with both dispatchers, and of the whole set with `--ignored`. Each prints its figures.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use libtest_mimic::{Arguments, Failed, Trial};
use oldiron_cpu::{CpuModel, Dispatch};
use oldiron_testsuites::{
    harness::{Suite, SuiteReport},
    hwx::{HwxSuite, replay::replay},
    source::FAMILIES,
};

use ruzstd::decoding::StreamingDecoder;

/// Failures that a message names.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let whole = std::env::var_os("OLDIRON_VECTORS")
        .map_or_else(|| package.join("../../shared/vectors"), PathBuf::from);
    let mut trials = Vec::new();
    for family in FAMILIES {
        let file = format!("{family}.hwx.zst");
        for (dispatch, name) in [(Dispatch::Chained, "chained"), (Dispatch::Loop, "loop")] {
            let path = package.join("data").join(&file);
            trials.push(Trial::test(format!("sample {family}, {name}"), move || {
                check(&path, dispatch)
            }));
        }
        let path = whole.join(&file);
        let name = format!("whole {family}");
        trials.push(Trial::test(name, move || check(&path, Dispatch::Chained)).with_ignored_flag(true));
    }
    trials.push(Trial::test("vectors that were changed fail", doctored));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Two vectors whose records were changed are two failures, and no others.
fn doctored() -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/priv.hwx.zst");
    let mut data = Vec::new();
    StreamingDecoder::new(std::fs::read(&path)?.as_slice())?.read_to_end(&mut data)?;
    let original = HwxSuite::new(&path, &data, CpuModel::newest()).map_err(|error| error.to_string())?;
    // #GP vectors that are compared: their numbers, and where their records begin.
    let mut at = u32::from_le_bytes([data[8], data[9], data[10], data[11]]) as usize;
    let mut found = Vec::new();
    for case in 0..original.count() {
        if data[at + 7] == 13 && original.skip(case).is_none() {
            found.push((case, at));
        }
        at += 2 + u16::from_le_bytes([data[at], data[at + 1]]) as usize;
    }
    let (first, second) = (found[1], found[3]);
    // The exception of one, and the error code of the other.
    data[first.1 + 7] = 6;
    data[second.1 + 8] ^= 8;
    let suite = HwxSuite::new(&path, &data, CpuModel::newest()).map_err(|error| error.to_string())?;
    let report = replay(&suite, Dispatch::Chained)?;
    let failed: Vec<_> = report.failures.iter().map(|failure| failure.case).collect();
    let wanted = [first.0, second.0];
    if failed != wanted {
        return Err(format!("{failed:?} failed, not {wanted:?}\n{}", failures(&report)).into());
    }
    Ok(())
}

fn check(path: &Path, dispatch: Dispatch) -> Result<(), Failed> {
    let suite = HwxSuite::open(path, CpuModel::newest()).map_err(|error| error.to_string())?;
    let report = replay(&suite, dispatch)?;
    let total = report.total();
    println!("{}", figures(&report));
    if total.failed > 0 {
        return Err(failures(&report).into());
    }
    if total.passed == 0 {
        return Err("nothing was compared".into());
    }
    Ok(())
}

fn figures(report: &SuiteReport) -> String {
    let total = report.total();
    let rules = total
        .skipped
        .iter()
        .map(|(rule, count)| format!(", {count} {rule}"));
    format!(
        "{} in a guest: {} vectors, {} passed, {} failed, {} skipped{}",
        report.name,
        total.vectors(),
        total.passed,
        total.failed,
        total.skipped_total(),
        rules.collect::<String>()
    )
}

fn failures(report: &SuiteReport) -> String {
    let mut text = format!("{} of {} failed", report.total().failed, report.name);
    for failure in report.failures.iter().take(SHOWN) {
        text += &format!(
            "\n{} {} ({:?}): {}",
            failure.id, failure.instruction, failure.dispatch, failure.detail
        );
    }
    text
}
