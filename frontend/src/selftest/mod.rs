//! `oldiron selftest cpu`: the processor against vectors that real silicon executed.

mod coverage;
mod export;
mod table;

use std::{fmt::Write, path::Path};

use oldiron_platform::CpuModel;
use oldiron_testsuites::{
    harness::{Outcome, Suite, run_case},
    parallel::run_all,
    source::{Source, SuiteError, sample, sources_at},
};

use crate::{
    cli::SelftestArgs,
    outcome::{Failure, code},
};

impl From<SuiteError> for Failure {
    fn from(error: SuiteError) -> Self {
        Self::file(error.to_string())
    }
}

/// Runs the command and returns what to print and the exit code.
pub fn run(args: &SelftestArgs) -> Result<(String, u8), Failure> {
    let sources = find_suites(args)?;
    if let Some(id) = &args.show {
        return show(&sources, id);
    }
    let accepts = |text: &str| args.filter.as_ref().is_none_or(|filter| filter.is_match(text));
    if args.list {
        return Ok((list(&sources, &accepts)?, code::OK));
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let reports = run_all(&sources, CpuModel::newest(), threads, &accepts, args.coverage)?;
    if let Some(path) = &args.json {
        write_file(path, &export::json(&reports))?;
    }
    if let Some(path) = &args.junit {
        write_file(path, &export::junit(&reports))?;
    }
    let failed: u64 = reports.iter().map(|report| report.total().failed).sum();
    let code = if failed == 0 { code::OK } else { code::SELFTEST };
    let mut text = table::table(&reports);
    if args.coverage {
        text += &coverage::report(&reports);
    }
    Ok((text, code))
}

/// What to run: the files and directories asked for, or the sample inside the program. The programs of our own are part of
/// that, and of what is covered.
fn find_suites(args: &SelftestArgs) -> Result<Vec<Source>, Failure> {
    if args.suite.is_empty() {
        return Ok(sample());
    }
    let mut sources = Vec::new();
    for place in &args.suite {
        sources.extend(sources_at(place)?);
    }
    if args.coverage {
        sources.push(Source::Programs);
    }
    Ok(sources)
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::file(format!("{}: cannot be written: {error}", path.display())))
}

fn list(sources: &[Source], accepts: &dyn Fn(&str) -> bool) -> Result<String, Failure> {
    let mut text = String::new();
    for source in sources {
        let suite = source.open(CpuModel::newest())?;
        for case in 0..suite.count() {
            let line = format!("{} {}", suite.id(case), suite.instruction(case));
            if accepts(&line) {
                let _ = writeln!(text, "{line}");
            }
        }
    }
    Ok(text)
}

fn show(sources: &[Source], id: &str) -> Result<(String, u8), Failure> {
    for source in sources.iter().filter(|source| source.may_hold(id)) {
        let suite = source.open(CpuModel::newest())?;
        if let Some(case) = (0..suite.count()).find(|&case| suite.id(case) == id) {
            return Ok(show_case(suite.as_ref(), case));
        }
    }
    Err(Failure::usage(format!(
        "no case is called {id}; --list prints their names"
    )))
}

fn show_case(suite: &dyn Suite, case: usize) -> (String, u8) {
    let mut text = suite.describe(case);
    let mut runner = suite.runner();
    let outcome = run_case(suite, runner.as_mut(), case);
    if !matches!(outcome, Ok(Outcome::Skipped(_))) {
        let _ = write!(text, "got: {}", runner.got());
    }
    let code = match outcome {
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

#[cfg(test)]
mod tests;
