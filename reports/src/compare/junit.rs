//! The comparison as JUnit: a case for each series and each guarantee.
//!
//! What is worse is a failure. What has no verdict is skipped, with the reason: it is no success. It is a failure as well where the
//! exit status says so ([`Asked`]).

use quick_junit::{Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{Change, Comparison, Kept, Row};
use crate::junit::{failed, skipped};
use crate::text::{visible, visible_lines};
use crate::verdict::Verdict;

/// What the user wants to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asked {
    /// What is inconclusive.
    pub strict: bool,
    /// What is not on both sides.
    pub must_run: bool,
}

/// Renders the comparison.
///
/// # Errors
/// When the XML cannot be written, which into memory does not happen.
pub fn render(comparison: &Comparison, asked: Asked) -> Result<String, SerializeError> {
    let mut report = Report::new("isolab compare");
    let sides = [&comparison.new, &comparison.base].map(|side| visible(&side.name));
    let mut suite = TestSuite::new(sides.join(" against "));
    suite.add_test_cases(comparison.rows.iter().map(|row| series(row, asked)));
    suite.set_system_out(visible_lines(&comparison.notes.join("\n")));
    report.add_test_suite(suite);
    if !comparison.guarantees.is_empty() {
        let mut suite = TestSuite::new("guarantees");
        suite.add_test_cases(comparison.guarantees.iter().map(|kept| guarantee(kept, asked)));
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn series(row: &Row, asked: Asked) -> TestCase {
    let said = visible(&format!("{}: {}", row.word(), row.line()));
    let status = match row.verdict {
        Some(Verdict::Equal | Verdict::Faster) => TestCaseStatus::success(),
        Some(Verdict::Slower) => failed(&said, ""),
        Some(Verdict::Inconclusive) => unsure(&said, asked.strict),
        None => unsure(&said, asked.must_run),
    };
    case(&row.name, "series", status)
}

fn guarantee(kept: &Kept, asked: Asked) -> TestCase {
    let said = visible(&format!("{}: BASE {}, NEW {}", kept.change.words(), kept.base, kept.new));
    let status = match kept.change {
        Change::Broke => failed(&said, ""),
        Change::Untested => unsure(&said, asked.must_run),
        Change::StillBroken => skipped(&said),
        Change::Repaired | Change::Holds => TestCaseStatus::success(),
    };
    case(&kept.name, "guarantees", status)
}

fn unsure(said: &str, fails: bool) -> TestCaseStatus {
    if fails { failed(said, "") } else { skipped(said) }
}

fn case(name: &str, class: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(visible(name), status);
    case.set_classname(format!("isolab.{class}"));
    case
}
