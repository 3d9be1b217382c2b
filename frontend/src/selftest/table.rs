//! The results as text.

use std::fmt::Write;

use oldiron_testsuites::harness::{SkipRule, SuiteReport, Tally};

/// Failures that are shown in words.
const SHOWN_FAILURES: usize = 40;
/// Width of the first column.
const NAME: usize = 16;

/// A row for each suite and each of its instructions, one for all, and the first failures in words.
pub fn table(reports: &[SuiteReport]) -> String {
    let mut text = format!(
        "{:NAME$}{:>9}{:>9}{:>9}{:>9}\n",
        "suite", "vectors", "passed", "failed", "skipped"
    );
    let mut all = Tally::default();
    for report in reports {
        let total = report.total();
        push_row(&mut text, &report.name, &total);
        all.add(&total);
        for (instruction, tally) in &report.instructions {
            push_row(&mut text, &format!("  {instruction}"), tally);
        }
    }
    text.push('\n');
    for report in reports {
        push_row(&mut text, &report.name, &report.total());
    }
    push_row(&mut text, "all", &all);
    let failures = reports.iter().flat_map(|report| &report.failures);
    for failure in failures.take(SHOWN_FAILURES) {
        let _ = writeln!(
            text,
            "FAILED {} {} ({:?}): {}",
            failure.id, failure.instruction, failure.dispatch, failure.detail
        );
    }
    text
}

/// One row, with the rules that skip cases.
pub fn push_row(text: &mut String, name: &str, tally: &Tally) {
    let reason = |(rule, count): (&SkipRule, &u64)| format!("{count} {rule}");
    let reasons: Vec<_> = tally.skipped.iter().map(reason).collect();
    let row = format!(
        "{name:NAME$}{:>9}{:>9}{:>9}{:>9}  {}",
        tally.vectors(),
        tally.passed,
        tally.failed,
        tally.skipped_total(),
        reasons.join(", ")
    );
    let _ = writeln!(text, "{}", row.trim_end());
}
