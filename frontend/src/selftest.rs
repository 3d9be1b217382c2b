//! `oldiron selftest cpu`: the processor against vectors that real silicon executed.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::Mutex,
};

use oldiron_platform::{CpuModel, MODELS};
use oldiron_testsuites::harness::{
    self, Outcome, SkipRule, Suite, SuiteError, SuiteReport, Tally, open, run_case, run_suite,
};

use crate::{
    cli::SelftestArgs,
    outcome::{Failure, code},
};

/// Names the directory of the HWX vectors.
const VECTORS_VARIABLE: &str = "OLDIRON_VECTORS";
/// Where the vectors are without it, beside a checkout.
const VECTORS: &str = "../shared/vectors";
const VECTORS_286: &str = "../shared/vectors286";
/// Failures that are shown in words.
const SHOWN_FAILURES: usize = 40;

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        Self::file(error.to_string())
    }
}

/// Runs the command and returns what to print and the exit code.
pub fn run(args: &SelftestArgs) -> Result<(String, u8), Failure> {
    let suites = find_suites(&args.suite)?;
    if let Some(id) = &args.show {
        return show(&suites, id);
    }
    let accepts = |text: &str| args.filter.as_ref().is_none_or(|filter| filter.is_match(text));
    if args.list {
        return Ok((list(&suites, &accepts)?, code::OK));
    }
    let reports = run_all(&suites, &accepts)?;
    let failed: u64 = reports.iter().map(|report| report.total().failed).sum();
    let code = if failed == 0 { code::OK } else { code::SELFTEST };
    Ok((table(&reports), code))
}

/// The newest model.
fn model() -> Result<&'static CpuModel, Failure> {
    MODELS
        .last()
        .ok_or_else(|| Failure::usage("there is no processor model"))
}

/// The files and directories to run: those asked for, or the usual places.
fn find_suites(asked: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let usual = || {
        let vectors =
            std::env::var_os(VECTORS_VARIABLE).map_or_else(|| PathBuf::from(VECTORS), PathBuf::from);
        let beside = vectors.parent().map(|parent| parent.join("vectors286"));
        let old = beside
            .filter(|path| path.exists())
            .unwrap_or_else(|| PathBuf::from(VECTORS_286));
        vec![vectors, old]
    };
    let places = if asked.is_empty() { usual() } else { asked.to_vec() };
    let mut suites = Vec::new();
    for place in places {
        if asked.is_empty() && !place.exists() {
            return Err(Failure::file(format!(
                "{}: no vectors here; name their directory with --suite or {VECTORS_VARIABLE}",
                place.display()
            )));
        }
        suites.extend(harness::suites_at(&place)?);
    }
    Ok(suites)
}

/// Runs all suites, on as many threads as the host has processors. The order of the reports is that of
/// the suites.
fn run_all(suites: &[PathBuf], accepts: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<SuiteReport>, Failure> {
    let model = model()?;
    let next = Mutex::new(0..suites.len());
    let results = Mutex::new(Vec::new());
    let work = || {
        // A poisoned lock means that another thread has panicked, which ends the program.
        while let Some(n) = next.lock().ok().and_then(|mut next| next.next()) {
            let result = open(&suites[n], model).map(|mut suite| run_suite(suite.as_mut(), accepts));
            if let Ok(mut results) = results.lock() {
                results.push((n, result));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(suites.len()) {
            scope.spawn(work);
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(n, _)| *n);
    results
        .into_iter()
        .map(|(_, result)| result.map_err(Failure::from))
        .collect()
}

fn list(suites: &[PathBuf], accepts: &dyn Fn(&str) -> bool) -> Result<String, Failure> {
    let mut text = String::new();
    for path in suites {
        let suite = open(path, model()?)?;
        for case in 0..suite.count() {
            let line = format!("{} {}", suite.id(case), suite.instruction(case));
            if accepts(&line) {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    Ok(text)
}

fn show(suites: &[PathBuf], id: &str) -> Result<(String, u8), Failure> {
    for path in suites.iter().filter(|path| may_hold(path, id)) {
        let mut suite = open(path, model()?)?;
        if let Some(case) = (0..suite.count()).find(|&case| suite.id(case) == id) {
            return Ok(show_case(suite.as_mut(), case));
        }
    }
    Err(Failure::usage(format!(
        "no case is called {id}; --list prints their names"
    )))
}

/// Whether the file's name allows that it holds the case: spares unpacking all of them.
fn may_hold(path: &Path, id: &str) -> bool {
    let family = id.split('/').next().unwrap_or_default();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    !name.ends_with(".hwx.zst") || name.starts_with(family)
}

fn show_case(suite: &mut dyn Suite, case: usize) -> (String, u8) {
    let mut text = suite.describe(case);
    let code = match run_case(suite, case) {
        Ok(Outcome::Skipped(rule)) => {
            let _ = writeln!(text, "skipped: {rule}");
            code::OK
        }
        Ok(_) => {
            text.push_str("passed with both dispatchers\n");
            code::OK
        }
        Err((dispatch, detail)) => {
            let _ = writeln!(text, "failed with {dispatch:?} dispatch: {detail}");
            code::SELFTEST
        }
    };
    (text, code)
}

fn table(reports: &[SuiteReport]) -> String {
    let mut text = format!("{:10}{:>9}{:>9}{:>9}\n", "suite", "passed", "failed", "skipped");
    let mut all = Tally::default();
    for report in reports {
        let total = report.total();
        push_row(&mut text, &report.name, &total);
        all.add(&total);
    }
    push_row(&mut text, "all", &all);
    let shown = reports
        .iter()
        .flat_map(|report| &report.failures)
        .take(SHOWN_FAILURES);
    for failure in shown {
        let _ = writeln!(
            text,
            "FAILED {} {} ({:?}): {}",
            failure.id, failure.instruction, failure.dispatch, failure.detail
        );
    }
    text
}

fn push_row(text: &mut String, name: &str, tally: &Tally) {
    let reason = |(rule, count): (&SkipRule, &u64)| format!("{count} {rule}");
    let reasons: Vec<_> = tally.skipped.iter().map(reason).collect();
    let row = format!(
        "{name:10}{:>9}{:>9}{:>9}  {}",
        tally.passed,
        tally.failed,
        tally.skipped_total(),
        reasons.join(", ")
    );
    let _ = writeln!(text, "{}", row.trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_is_a_file_error() {
        let directory = tempfile::tempdir().unwrap();
        let bad = directory.path().join("bad.hwx.zst");
        std::fs::write(&bad, b"nothing of the kind").unwrap();
        let args = SelftestArgs {
            suite: vec![bad],
            ..SelftestArgs::default()
        };
        assert_eq!(run(&args).unwrap_err().code, code::FILE);
    }

    #[test]
    fn a_directory_without_vectors_is_a_file_error() {
        let directory = tempfile::tempdir().unwrap();
        let args = SelftestArgs {
            suite: vec![directory.path().to_path_buf()],
            ..SelftestArgs::default()
        };
        let failure = run(&args).unwrap_err();
        assert_eq!(failure.code, code::FILE);
        assert!(!failure.to_string().contains('\n'));
    }

    #[test]
    fn rows_name_each_reason_for_skipping() {
        let mut tally = Tally {
            passed: 3,
            ..Tally::default()
        };
        tally.skipped.insert(SkipRule::NotInModel, 2);
        let mut text = String::new();
        push_row(&mut text, "int16", &tally);
        assert_eq!(
            text,
            "int16             3        0        2  2 needs x87, MMX or SSE that the model lacks\n"
        );
    }
}
