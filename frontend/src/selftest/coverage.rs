//! `--coverage`: which forms of instructions this emulator has that no case executed.

use std::fmt::Write;

use oldiron_platform::Coverage;
use oldiron_testsuites::{coverage::unexecuted, harness::SuiteReport};

/// How many forms there are, and those that were not executed: with a model that has them, and an instruction of each.
pub fn report(reports: &[SuiteReport]) -> String {
    let mut all = Coverage::new();
    for coverage in reports.iter().filter_map(|report| report.coverage.as_ref()) {
        all.add(coverage);
    }
    let missing = unexecuted(&all);
    let mut text = format!(
        "\nforms of instructions: {} in this emulator, {} executed, {} not executed\n",
        missing.forms,
        missing.forms - missing.missing.len(),
        missing.missing.len()
    );
    for form in &missing.missing {
        let bytes: Vec<_> = form
            .example
            .bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let _ = writeln!(
            text,
            "  {:<32}{:>9} {:>2}-bit  {}",
            form.form,
            form.model.name,
            form.example.bitness,
            bytes.join(" ")
        );
    }
    text
}
