//! What the pages conclude from a matrix.

use isolab_reports::figures::Figures;
use isolab_reports::record::{Cell, Question, Record, Usage};
use isolab_reports::{Style, html, terminal};

#[path = "sample/mod.rs"]
mod sample;

/// Six rounds of 300 latencies around `micros`.
fn cell(victim: &str, aggressor: Option<&str>, protection: Option<&str>, micros: u64, work: f64) -> Cell {
    let usage = Usage { seconds: 0.3, served: 300, cpu: 30_000_000, voluntary: 300, ..Usage::default() };
    Cell {
        matrix: "small".into(),
        victim: victim.into(),
        measures: "delay".into(),
        aggressor: aggressor.map(Into::into),
        protection: protection.map(Into::into),
        unit: "loop".into(),
        period: 1_000_000,
        samples: (0..1800).map(|at| micros * 1000 + at % 7).collect(),
        rounds: (0..6).map(|round| round * 300).collect(),
        aggressor_work: aggressor.map_or(Vec::new(), |_| vec![work; 6]),
        usage: vec![usage; 6],
        enforced: "enforced".into(),
        ..Cell::default()
    }
}

fn record(reached: u64) -> Record {
    Record {
        guarantees: Vec::new(),
        costs: Vec::new(),
        sweeps: Vec::new(),
        interference: vec![
            cell("timer", None, None, 10, 0.0),
            cell("timer", Some("hog"), None, reached, 100.0),
            cell("timer", Some("hog"), Some("memory.max"), reached, 90.0),
            cell("timer", Some("hog"), Some("cpu.max"), 16, 40.0),
            cell("request", None, None, 10, 0.0),
            cell("request", Some("hog"), None, 11, 100.0),
        ],
        questions: vec![Question {
            matrix: "small".into(),
            asks: "Does it reach?".into(),
            matters: 1.7,
            yes: "it does".into(),
            no: "it does not".into(),
        }],
        ..sample::record()
    }
}

#[test]
fn a_finding_says_what_does_not_help_what_does_and_its_price() {
    let figures = Figures::of(&record(140)).interference;
    assert_eq!(figures.findings.len(), 1, "a tenth more is no finding: {:?}", figures.findings);
    assert_eq!(
        figures.findings[0].text,
        "hog slows timer down: p99 ×14.0; memory.max does not protect from it here; \
         cpu.max brings it to ×1.60, at 40.0\u{a0}% of the neighbour's work"
    );
}

#[test]
fn a_question_is_answered_by_its_matrix() {
    let yes = &Figures::of(&record(140)).interference.questions[0];
    assert_eq!((yes.answer.as_str(), yes.reaches), ("it does", true));
    assert!(yes.because[0].starts_with("timer beside hog, unprotected: p99 ×14.0"), "{:?}", yes.because);
    let no = &Figures::of(&record(11)).interference.questions[0];
    assert_eq!((no.answer.as_str(), no.reaches), ("it does not", false));
    let nothing = Record { interference: Vec::new(), ..record(11) };
    assert!(Figures::of(&nothing).interference.questions[0].answer.starts_with("not answered"));
}

#[test]
fn a_heatmap_has_every_pair_of_its_protection() {
    let heat = Figures::of(&record(140)).interference.heat;
    let names: Vec<&str> = heat.iter().map(|map| map.protection.as_str()).collect();
    assert_eq!(names, ["unprotected", "memory.max", "cpu.max"]);
    assert_eq!((heat[0].reached(), heat[2].reached()), ((1, 2), (1, 1)));
    assert_eq!(heat[1].rows[1].1, [None], "that pair was not measured under it");
}

#[test]
fn every_form_has_the_finding() {
    let record = record(140);
    let page = html::render(&record).unwrap();
    let text = terminal::render(&record, &Style::PLAIN, 200, None);
    for form in [&page, &text] {
        assert!(form.contains("memory.max does not protect from it here"), "{form}");
        assert!(form.contains("Does it reach?") && form.contains("it does"), "{form}");
    }
    assert!(page.contains("class=\"pairs\""));
    assert!(page.contains("1000 waits/s"), "of 300 in 0.3 s");
}
