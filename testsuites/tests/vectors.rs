//! The silicon vectors, one test for each suite: the sample in this repository, and the whole set where
//! it lies beside the checkout. What is absent is listed as ignored, with the path that was looked for.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use libtest_mimic::{Arguments, Failed, Trial};
use oldiron_cpu::CpuModel;
use oldiron_testsuites::{
    harness::{SuiteReport, run_suite},
    source::{FAMILIES, Source},
};

/// Failures that a message names.
const SHOWN: usize = 10;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = package.join("../../shared");
    let whole = std::env::var_os("OLDIRON_VECTORS").map_or_else(|| shared.join("vectors"), PathBuf::from);
    let mut trials = Vec::new();
    for family in FAMILIES {
        let file = format!("{family}.hwx.zst");
        trials.push(trial(
            format!("sample {family}"),
            package.join("data").join(&file),
        ));
        trials.push(trial(format!("whole {family}"), whole.join(&file)));
    }
    trials.push(trial("whole 286".to_owned(), shared.join("vectors286")));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: String, path: PathBuf) -> Trial {
    if path.exists() {
        Trial::test(name, move || check(&path))
    } else {
        Trial::test(format!("{name} (absent: {})", path.display()), || Ok(())).with_ignored_flag(true)
    }
}

fn check(path: &Path) -> Result<(), Failed> {
    let suite = Source::Path(path.to_path_buf())
        .open(CpuModel::newest())
        .map_err(|error| error.to_string())?;
    let report = run_suite(suite.as_ref(), &|_| true);
    let total = report.total();
    if total.failed > 0 {
        return Err(failures(&report).into());
    }
    if total.vectors() == 0 {
        return Err("there are no vectors in it".into());
    }
    Ok(())
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
