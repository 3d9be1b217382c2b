//! The results as JSON, and as the XML that test reporters read (JUnit).

use std::fmt::Write;

use oldiron_testsuites::harness::{SuiteReport, Tally};
use serde_json::{Map, Value, json};

/// One object: suites with their instructions, everything together, and the first failures in words.
pub fn json(reports: &[SuiteReport]) -> String {
    let mut all = Tally::default();
    let mut suites = Vec::new();
    let mut failures = Vec::new();
    for report in reports {
        let total = report.total();
        all.add(&total);
        let mut suite = counts(&report.name, &total);
        let instructions = report.instructions.iter();
        suite.insert(
            "instructions".to_owned(),
            instructions
                .map(|(name, tally)| Value::Object(counts(name, tally)))
                .collect(),
        );
        suites.push(Value::Object(suite));
        failures.extend(report.failures.iter().map(|failure| {
            json!({
                "id": failure.id,
                "instruction": failure.instruction,
                "dispatch": format!("{:?}", failure.dispatch).to_lowercase(),
                "detail": failure.detail,
            })
        }));
    }
    let whole = json!({ "suites": suites, "total": counts("all", &all), "failures": failures });
    format!("{whole:#}\n")
}

fn counts(name: &str, tally: &Tally) -> Map<String, Value> {
    let skipped = tally.skipped.iter();
    let rules: Map<String, Value> = skipped
        .map(|(rule, &count)| (rule.to_string(), count.into()))
        .collect();
    let mut object = Map::new();
    object.insert("name".to_owned(), name.into());
    object.insert("vectors".to_owned(), tally.vectors().into());
    object.insert("passed".to_owned(), tally.passed.into());
    object.insert("failed".to_owned(), tally.failed.into());
    object.insert("skipped".to_owned(), tally.skipped_total().into());
    object.insert("skipped_by_rule".to_owned(), rules.into());
    object
}

/// One `testsuite` for each suite, one `testcase` for each instruction.
pub fn junit(reports: &[SuiteReport]) -> String {
    let mut text =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"oldiron cpu\">\n");
    for report in reports {
        let cases = report.instructions.values();
        let failed = cases.clone().filter(|tally| tally.failed > 0).count();
        let skipped = cases.filter(|tally| only_skipped(tally)).count();
        let _ = writeln!(
            text,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\">",
            escaped(&report.name),
            report.instructions.len()
        );
        for (instruction, tally) in &report.instructions {
            push_case(&mut text, report, instruction, tally);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn only_skipped(tally: &Tally) -> bool {
    tally.passed == 0 && tally.failed == 0
}

fn push_case(text: &mut String, report: &SuiteReport, instruction: &str, tally: &Tally) {
    let name = escaped(instruction);
    let _ = write!(
        text,
        "    <testcase classname=\"{}\" name=\"{name}\"",
        escaped(&report.name)
    );
    if tally.failed > 0 {
        let all = tally.vectors();
        let _ = writeln!(
            text,
            ">\n      <failure message=\"{} of {all} vectors failed\">",
            tally.failed
        );
        let failures = report.failures.iter();
        for failure in failures.filter(|failure| failure.instruction == instruction) {
            let line = format!("{} ({:?}): {}", failure.id, failure.dispatch, failure.detail);
            let _ = writeln!(text, "{}", escaped(&line));
        }
        text.push_str("      </failure>\n    </testcase>\n");
    } else if only_skipped(tally) {
        let rules: Vec<_> = tally.skipped.keys().map(ToString::to_string).collect();
        let _ = writeln!(
            text,
            ">\n      <skipped message=\"{}\"/>\n    </testcase>",
            escaped(&rules.join(", "))
        );
    } else {
        text.push_str("/>\n");
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
