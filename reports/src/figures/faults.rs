//! Sweeps of faults: what each launcher came to, side by side.

use crate::figures::answers::{Answer, Tone};
use crate::record::{Finding, Problem, Record, Sweep, SweepKind};
use crate::text::visible;

/// The launchers under faults of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// What was made to fail: `each system call fails`.
    pub title: &'static str,
    /// A launcher each.
    pub rows: Vec<Row>,
}

/// A launcher under faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub launcher: String,
    /// As in the record: how many injections there are, were tried, and happened.
    pub counts: [u64; 3],
    /// Of those that happened: an error was said; nothing was different; something was late; recovery was needed.
    pub ends: [u64; 4],
    /// Injections a second.
    pub rate: f64,
    /// Seed of the sample; `None` when all were tried.
    pub seed: Option<u64>,
    /// What must not be, by problem, the worst first.
    pub problems: Vec<Found>,
    /// What was tried and did not happen.
    pub not_reached: Vec<String>,
    /// What else was seen.
    pub notes: Vec<String>,
}

/// Findings with one problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What is wrong, in words.
    pub title: &'static str,
    /// Which injections, and what was seen.
    pub findings: Vec<Finding>,
}

/// The names of the columns of counts and ends.
pub const COLUMNS: [&str; 6] = ["tried", "hit", "refused", "same", "late", "recovered"];

impl Row {
    fn of(sweep: &Sweep) -> Row {
        let problems = [Problem::Weaker, Problem::Left, Problem::Hang, Problem::Silent, Problem::Unnamed];
        let found = |problem: Problem| {
            let with = sweep.findings.iter().filter(|finding| finding.problem == problem);
            let findings: Vec<Finding> = with.map(shown).collect();
            (!findings.is_empty()).then_some(Found { title: title(problem), findings })
        };
        Row {
            launcher: visible(&sweep.launcher),
            counts: [sweep.possible, sweep.tried, sweep.reached],
            ends: [sweep.refused, sweep.same, sweep.late, sweep.recovered],
            rate: if sweep.seconds > 0.0 { sweep.tried as f64 / sweep.seconds } else { 0.0 },
            seed: (sweep.tried < sweep.possible).then_some(sweep.seed),
            problems: problems.into_iter().filter_map(found).collect(),
            not_reached: sweep.not_reached.iter().map(|text| visible(text)).collect(),
            notes: sweep.notes.iter().map(|text| visible(text)).collect(),
        }
    }

    /// The values of [`COLUMNS`].
    pub fn cells(&self) -> [u64; 6] {
        let [_, tried, reached] = self.counts;
        let [refused, same, late, recovered] = self.ends;
        [tried, reached, refused, same, late, recovered]
    }

    /// How many findings there are.
    pub fn found(&self) -> usize {
        self.problems.iter().map(|found| found.findings.len()).sum()
    }

    /// Which of all were tried: `all 2037, 148 a second`.
    pub fn extent(&self) -> String {
        let [possible, tried, _] = self.counts;
        let which = match self.seed {
            None => format!("all {possible}"),
            Some(seed) => format!("{tried} of {possible}, seed {seed}"),
        };
        format!("{which}, {:.0} a second", self.rate)
    }
}

fn shown(finding: &Finding) -> Finding {
    Finding {
        injection: visible(&finding.injection),
        problem: finding.problem,
        evidence: finding.evidence.iter().map(|line| visible(line)).collect(),
    }
}

fn title(problem: Problem) -> &'static str {
    match problem {
        Problem::Left => "left something behind",
        Problem::Weaker => "a container that is not as asked",
        Problem::Hang => "took longer than its limit",
        Problem::Unnamed => "does not name what is wrong in the config",
        Problem::Silent => "no word of what happened",
    }
}

/// All sweeps of a record, by kind.
pub(super) fn of(record: &Record) -> Vec<Faults> {
    let kinds = [
        SweepKind::Errno,
        SweepKind::Kill,
        SweepKind::Resources,
        SweepKind::Inputs,
        SweepKind::Soak,
        SweepKind::Parallel,
    ];
    let one = |of: SweepKind| {
        let rows: Vec<Row> = record.sweeps.iter().filter(|sweep| sweep.kind == of).map(Row::of).collect();
        (!rows.is_empty()).then(|| Faults { title: of.title(), rows })
    };
    kinds.into_iter().filter_map(one).collect()
}

/// What do faults leave?
pub(super) fn answer(faults: &[Faults]) -> Answer {
    let rows = || faults.iter().flat_map(|faults| faults.rows.iter().map(move |row| (faults.title, row)));
    let found: usize = rows().map(|(_, row)| row.found()).sum();
    let line = |(title, row): (&str, &Row)| match row.found() {
        0 => format!("{}, {title}: no finding in {}", row.launcher, row.counts[2]),
        n => format!("{}, {title}: {n} findings in {}", row.launcher, row.counts[2]),
    };
    Answer {
        question: "Does it survive faults?".to_string(),
        short: if found == 0 { "All that was tried".into() } else { format!("No: {found} findings") },
        spread: String::new(),
        lines: rows().map(line).collect(),
        tone: if found == 0 { Tone::Good } else { Tone::Bad },
    }
}
