//! The quick matrix, three times: what it finds, how long it takes, and how often one run's interval holds what the others found.
//! The record is that of the last run.
//!
//! The bench's own binary is what runs in the containers.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group};
use isolab_benches::{Recording, inside_or, program};
use isolab_core::host::Host;
use isolab_reports::figures::interference::{Condition, Interference, Victim};
use isolab_reports::stats::Paired;
use isolab_scenarios::cancel::Cancel;
use isolab_scenarios::interference::{self, Options, catalog};
use isolab_scenarios::progress::Quiet;

const RUNS: u64 = 3;

fn interference(_: &mut Criterion) {
    let Some(matrix) = catalog::find("quick") else { return };
    let (host, program) = (Host::probe(), program());
    let mut runs = Vec::new();
    for seed in 1..=RUNS {
        let mut recording = Recording::begin("interference");
        let begun = Instant::now();
        let time = Duration::from_secs(600);
        let options = Options { rounds: None, seconds: None, time, seed, program: &program, journal: None };
        let found = interference::run(&matrix, &options, &host, &Quiet, &Cancel::new())
            .unwrap_or_else(|error| panic!("the matrix: {error}"));
        found
            .not_tested
            .iter()
            .for_each(|gap| println!("interference: not tested: {}: {}", gap.what, gap.reason));
        println!(
            "interference/quick: {} cells in {:.1} s, goal 60 s",
            found.cells.len(),
            begun.elapsed().as_secs_f64()
        );
        recording.add_interference(found);
        runs.push(recording.figures().interference);
        recording.write();
    }
    for finding in runs.iter().take(1).flat_map(|run| &run.findings) {
        println!("interference/finding: {}", finding.text);
    }
    for (percentile, of) in [("that decides", Condition::slowdown as Percentile), ("p50", p50), ("p99", p99)]
    {
        let (within, of) = repeated(&runs, of);
        println!(
            "interference/repeatable: {percentile}: {within} of {of} within the interval of another run, goal 95 %"
        );
    }
}

/// One of a cell's slowdowns.
type Percentile = fn(&Condition) -> Option<&Paired>;

fn p50(condition: &Condition) -> Option<&Paired> {
    condition.p50.as_ref()
}

fn p99(condition: &Condition) -> Option<&Paired> {
    condition.p99.as_ref()
}

/// Every cell's slowdown by each run against the interval of each other run.
fn repeated(runs: &[Interference], percentile: Percentile) -> (usize, usize) {
    let slowdowns: Vec<Vec<Option<Paired>>> = runs.iter().map(|run| slowdowns(run, percentile)).collect();
    let (mut within, mut of) = (0, 0);
    for (one, other) in pairs(slowdowns.len()) {
        for (stated, again) in slowdowns[one].iter().zip(&slowdowns[other]) {
            let (Some(stated), Some(again)) = (stated, again) else { continue };
            of += 1;
            within += usize::from((stated.low..=stated.high).contains(&again.median));
        }
    }
    (within, of)
}

fn slowdowns(run: &Interference, percentile: Percentile) -> Vec<Option<Paired>> {
    let conditions = run.victims.iter().flat_map(Victim::beside);
    conditions.map(|(_, condition)| percentile(condition).copied()).collect()
}

/// Every ordered pair of different runs.
fn pairs(runs: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..runs).flat_map(move |one| (0..runs).filter(move |&other| other != one).map(move |other| (one, other)))
}

criterion_group!(benches, interference);

fn main() -> ExitCode {
    inside_or(benches)
}
