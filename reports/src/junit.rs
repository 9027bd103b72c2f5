//! JUnit: a suite for each launcher, a case for each guarantee; mutants and sweeps of faults have suites of their own.
//!
//! What a launcher does not offer and what cannot be tested here is skipped, with the reason: it is no success.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::figures::Figures;
use crate::figures::answers::Tone;
use crate::figures::guarantees::{Check, Finding};
use crate::figures::verdict::Verdict;
use crate::record::Record;

/// Renders the record.
///
/// # Errors
/// When the XML cannot be written, which into memory does not happen.
pub fn render(record: &Record) -> Result<String, quick_junit::SerializeError> {
    let figures = Figures::of(record);
    let mut report = Report::new(format!("isolab {}", figures.command));
    report.set_time(Duration::try_from_secs_f64(record.seconds).unwrap_or_default());
    for (column, launcher) in figures.guarantees.launchers.iter().enumerate() {
        let mut suite = TestSuite::new(format!("guarantees on {}", launcher.name));
        for group in &figures.guarantees.groups {
            let of_launcher = |check: &'_ Check| check.cells[column].clone();
            let found = group.checks.iter().filter_map(|check| Some((check, of_launcher(check)?)));
            suite.add_test_cases(found.map(|(check, finding)| guarantee(check, &finding, &group.primitive)));
        }
        report.add_test_suite(suite);
    }
    if !figures.mutants.is_empty() {
        let mut suite = TestSuite::new("mutants");
        suite.add_test_cases(figures.mutants.iter().map(mutant));
        report.add_test_suite(suite);
    }
    for faults in &figures.faults {
        let mut suite = TestSuite::new(format!("faults: {}", faults.title));
        suite.add_test_cases(faults.rows.iter().map(|row| {
            let status = match row.found() {
                0 => TestCaseStatus::success(),
                found => failed(&format!("{found} findings"), ""),
            };
            TestCase::new(row.launcher.as_str(), status)
        }));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn guarantee(check: &Check, finding: &Finding, primitive: &str) -> TestCase {
    let status = match finding.verdict {
        Verdict::Holds => TestCaseStatus::success(),
        Verdict::Broken => {
            let line = |fact: &crate::record::Evidence| {
                format!("{}: expected: {}; found: {}\n", fact.fact, fact.expected, fact.found)
            };
            let mut text: String = finding.against().map(line).collect();
            text.extend(finding.remedy.as_deref().map(|remedy| format!("remedy: {remedy}\n")));
            text.extend(
                finding.again.as_ref().map(|(command, config)| format!("again: {command}\n{config}\n")),
            );
            failed(&check.promise, &text)
        }
        Verdict::Unproven => failed(finding.control, ""),
        Verdict::NotOffered | Verdict::NotTestable => {
            skipped(&format!("{}: {}", finding.verdict.word(), finding.reason.as_deref().unwrap_or_default()))
        }
    };
    let mut case = TestCase::new(check.id.as_str(), status);
    case.set_classname(format!("{}.{primitive}", finding.launcher));
    case.set_time(Duration::from_millis(finding.millis));
    case
}

fn mutant(row: &crate::figures::mutants::Row) -> TestCase {
    let status = match row.tone {
        Tone::Good => TestCaseStatus::success(),
        Tone::Wary | Tone::Plain => skipped(&row.seen),
        Tone::Bad => failed(row.verdict, &row.seen),
    };
    let mut case = TestCase::new(format!("{} without {}", row.guarantee, row.without), status);
    case.set_classname(row.launcher.as_str());
    case
}

pub(crate) fn failed(message: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    if !text.is_empty() {
        status.set_description(text);
    }
    status
}

pub(crate) fn skipped(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(reason);
    status
}
