//! The kernels themselves: where each came from, and how its boots went.

use super::CONFIDENCE;
use crate::lab::record::{Boot, Kernel, Lab, Outcome, Purpose};
use crate::record::Record;
use crate::stats::fewest;
use crate::text::visible;

/// One kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// As it was asked for.
    pub name: String,
    /// Where it came from.
    pub source: String,
    /// `uname -r`; `None` when no boot told.
    pub release: Option<String>,
    /// Whether the others are compared with it.
    pub is_baseline: bool,
    /// Measuring boots that ran to their end, and how many were planned.
    pub measured: [usize; 2],
    /// Whether guarantees were checked.
    pub checked: bool,
    /// Boots that failed, one entry for each way in which they did.
    pub failures: Vec<Failure>,
    /// How far its column can be read.
    pub state: State,
}

/// How far a kernel's column can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// No boot ran to its end.
    Failed,
    /// Some boots failed, or were not done.
    Partial,
    /// Every boot that was planned ran to its end.
    Complete,
}

/// Boots that failed in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Which: `check`, `seed 3`, …
    pub boots: Vec<String>,
    /// What happened, in one line.
    pub how: String,
    /// Last lines of the first one's kernel log.
    pub tail: Vec<String>,
    /// Its whole log, relative to the report.
    pub log: Option<String>,
}

impl Column {
    /// How many boots failed.
    pub fn failed(&self) -> usize {
        self.failures.iter().map(|failure| failure.boots.len()).sum()
    }

    /// How far it came, in a few words: `8 boots`, `5 of 8 boots`, `failed: the kernel panicked`.
    pub fn status(&self) -> String {
        let [done, planned] = self.measured;
        let s = if planned == 1 { "" } else { "s" };
        match (self.state, self.failures.first()) {
            (State::Failed, Some(failure)) => format!("failed: {}", failure.how),
            (State::Failed, None) => "not booted".to_string(),
            (State::Complete, _) if planned == 0 => "checked".to_string(),
            (State::Complete, _) => format!("{done} boot{s}"),
            (State::Partial, None) => format!("{done} of {planned} boot{s} so far"),
            (State::Partial, Some(_)) => {
                format!("{done} of {planned} boot{s}, {} failed", self.failed())
            }
        }
    }
}

/// Records of the kernel's boots for this purpose that ran to their end.
pub(super) fn records(kernel: &Kernel, purpose: Purpose) -> impl Iterator<Item = &Record> {
    kernel.boots.iter().filter(move |boot| boot.purpose == purpose).filter_map(|boot| match &boot.outcome {
        Outcome::Done { record } => Some(record.as_ref()),
        Outcome::Failed { .. } => None,
    })
}

/// A record that tells what the guest is: the checking boot's, because it has every feature probed beside it.
pub(super) fn guest(kernel: &Kernel) -> Option<&Record> {
    records(kernel, Purpose::Check).chain(records(kernel, Purpose::Measure)).next()
}

pub(super) fn of(lab: &Lab, baseline: usize) -> Vec<Column> {
    let column = |(place, kernel): (usize, &Kernel)| {
        let measured = records(kernel, Purpose::Measure).count();
        let failures = failures(kernel);
        let done = kernel.boots.iter().filter(|boot| matches!(boot.outcome, Outcome::Done { .. })).count();
        Column {
            name: visible(&kernel.name),
            source: visible(&kernel.source),
            release: guest(kernel).map(|record| visible(&record.host.kernel)),
            is_baseline: place == baseline,
            measured: [measured, lab.seeds.len()],
            checked: records(kernel, Purpose::Check).next().is_some(),
            state: match (done, failures.len()) {
                (0, _) => State::Failed,
                (_, 0) if measured >= lab.seeds.len() => State::Complete,
                _ => State::Partial,
            },
            failures,
        }
    };
    lab.kernels.iter().enumerate().map(column).collect()
}

/// Which kernels have too few boots, or a baseline that has, for a change to be judged; `None` when all have enough.
pub(super) fn not_judged(columns: &[Column], baseline: usize) -> Option<String> {
    let needed = fewest(CONFIDENCE);
    let done = |column: &Column| column.measured[0];
    let [base, planned] = columns.get(baseline)?.measured;
    let measured = columns.iter().filter(|column| !column.is_baseline && done(column) > 0 && base > 0);
    let few: Vec<&Column> = measured.filter(|column| done(column).min(base) < needed).collect();
    let names: Vec<&str> = few.iter().map(|column| column.name.as_str()).collect();
    let fewest = few.iter().map(|column| done(column).min(base)).min()?;
    let s = if fewest == 1 { "" } else { "s" };
    let plan = match planned >= needed {
        true => format!("{planned} are planned"),
        false => format!("ask for them with --seeds {needed} or more"),
    };
    Some(format!("{}: {fewest} boot{s} a side, no interval; {needed} are needed, {plan}", names.join(", ")))
}

fn failures(kernel: &Kernel) -> Vec<Failure> {
    let mut failures: Vec<Failure> = Vec::new();
    for Boot { purpose, layout, log, outcome, .. } in &kernel.boots {
        let Outcome::Failed { how, tail } = outcome else { continue };
        let boot = match purpose {
            Purpose::Check => "check".to_string(),
            Purpose::Measure => format!("seed {}", layout.seed),
        };
        let how = visible(how);
        match failures.iter_mut().find(|failure| failure.how == how) {
            Some(failure) => failure.boots.push(boot),
            None => failures.push(Failure {
                boots: vec![boot],
                how,
                tail: tail.iter().map(|line| visible(line)).collect(),
                log: log.as_deref().map(visible),
            }),
        }
    }
    failures
}
