//! The forms that CI systems read: Markdown and JUnit.

// A panic is how a test reports; the sample holds what other tests need.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

mod sample;

use isolab_reports::record::{Evidence, Mutant, MutantIs, Record};
use isolab_reports::{html, junit, markdown};
use quick_junit::{Report, TestCaseStatus};

fn record() -> Record {
    let mutant = |is: MutantIs, others: &[&str]| Mutant {
        guarantee: "umask-exact".into(),
        without: "the configured | mask".into(),
        subtle: true,
        launcher: "core".into(),
        is,
        evidence: vec![Evidence {
            fact: "outside.status.umask".into(),
            expected: "is \"0077\"".into(),
            found: "\"0022\"".into(),
            agrees: false,
        }],
        others: others.iter().map(|&id| id.to_owned()).collect(),
    };
    let mut record = sample::record();
    record.mutants = vec![
        mutant(MutantIs::Red, &[]),
        mutant(MutantIs::Red, &["env-exact"]),
        mutant(MutantIs::Green, &[]),
        mutant(MutantIs::NotTestable { reason: "no guest".into(), remedy: "use one".into() }, &[]),
    ];
    record
}

#[test]
fn junit_has_a_case_for_each_result_and_reads_back() {
    let record = record();
    let text = junit::render(&record).unwrap();
    let report = Report::deserialize_from_str(&text).unwrap();
    let suites = || report.test_suites.iter();
    let cases: usize = suites()
        .filter(|suite| suite.name.as_str().starts_with("guarantees"))
        .map(|suite| suite.test_cases.len())
        .sum();
    assert_eq!(cases, record.guarantees.len());
    let mutants = suites().find(|suite| suite.name.as_str() == "mutants").unwrap();
    let failed = |status: &TestCaseStatus| matches!(status, TestCaseStatus::NonSuccess { .. });
    let states: Vec<bool> = mutants.test_cases.iter().map(|case| failed(&case.status)).collect();
    // Defects come first.
    assert_eq!(states, [true, true, false, false]);
    assert!(matches!(mutants.test_cases[3].status, TestCaseStatus::Skipped { .. }));
    assert!(text.contains("isolab check") && text.contains("remedy:"));
}

#[test]
fn markdown_puts_what_is_broken_first_and_markup_stays_text() {
    let text = markdown::render(&record());
    let (broken, all) = (text.find("### Broken first").unwrap(), text.find("All checks").unwrap());
    assert!(broken < all && text.len() < 1_000_000);
    assert!(text.contains("again: `isolab check") && text.contains("the configured \\| mask"));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn the_page_shows_mutants_and_how_to_see_it_again() {
    let page = html::render(&record()).unwrap();
    for part in ["id=\"mutants\"", "red, and others", "See it again", "<strong>Remedy:</strong>"] {
        assert!(page.contains(part), "{part}");
    }
}
