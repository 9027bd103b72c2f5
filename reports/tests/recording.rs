//! The recording that the rates in `verdicts.md` rest on: they are what the rule makes of it, and they are within their bounds.

// A panic is how a test reports.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use isolab_reports::Record;
use isolab_reports::record::Cost;
use isolab_reports::verdict::{Pair, Rule, Tally, windows};

const RECORDING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/recordings/spawn.json.gz");
const PAGE: &str = include_str!("../verdicts.md");

/// Comparisons of A with a lane, of at most so many seconds.
fn tally(costs: &[Cost], lane: &str, seconds: f64) -> Tally {
    let cost = costs.iter().find(|cost| cost.id == format!("verdicts, {lane}")).unwrap();
    let [a, b] = [0, 1].map(|at| cost.series[at].samples.iter());
    let pairs: Vec<Pair> = a.zip(b).map(|(a, b)| Pair::of([*a, *b])).collect();
    Tally::of(&windows(Rule::default(), &pairs, seconds, 1.0))
}

#[test]
fn the_page_says_what_the_recording_shows() {
    let record = Record::read(Path::new(RECORDING)).unwrap();
    let all = [("A again", 13.0), ("+2 %", 120.0), ("+5 %", 30.0)].map(|(lane, seconds)| {
        let tally = tally(&record.costs, lane, seconds);
        let row = format!("| {lane} | {seconds} | {} |", tally.cells().join(" | "));
        assert!(PAGE.contains(&row), "verdicts.md has no row\n{row}");
        tally
    });
    let [alike, two, five] = all;
    assert!(alike.changed().share() <= Some(0.01), "{alike:?}");
    assert!(two.slower.share() >= Some(0.9) && five.slower.share() >= Some(0.95), "{two:?} {five:?}");
}
