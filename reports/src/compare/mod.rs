//! Records of different times, compared: a verdict for each series, or the reason for which there is none.
//!
//! The unit is a [`Run`]; what the words mean stands in [`verdict`](crate::verdict). Pure and in a fixed order: the same runs give
//! the same comparison anywhere, in whatever order they are handed in.

mod figures;
mod guarantees;
mod hosts;
mod interval;
pub mod junit;
pub mod markdown;
mod row;
pub mod text;
mod why;
mod words;

use serde::Serialize;

use crate::run::Run;
use crate::stats::many;
use crate::verdict::{Rule, Verdict};

pub use guarantees::{Change, Kept};
pub use interval::Interval;
pub use row::{Measure, Of, Row};
pub use why::{Which, Why};

/// The share of false ones among the series that are called changed, at most.
pub const FALSE: f64 = 0.05;

/// Samples that a run's figure must stand for.
pub const FEWEST_SAMPLES: usize = 10;

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What the user called it.
    pub name: String,
    /// Its runs, in any order.
    pub runs: Vec<Run>,
    /// What wrote them, such as `isolab 0.1.0, format 2`; empty where that is not known.
    pub writers: Vec<String>,
}

impl Side {
    /// With its runs by time, each once: a run that is handed in twice is no second run.
    fn in_order(&self) -> Side {
        let mut side = self.clone();
        side.runs
            .sort_by(|a, b| (a.started, &a.command, &a.revision).cmp(&(b.started, &b.command, &b.revision)));
        side.runs.dedup();
        side
    }
}

/// What to ask of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Options {
    /// What is relevant, and how often a verdict may be wrong.
    pub rule: Rule,
    /// Whether runs of different hosts may be compared.
    pub across_hosts: bool,
}

/// Why there is nothing to compare.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The runs are of different machines.
    #[error("{base} and {new} are of different hosts ({}); --across-hosts compares them all the same", hosts.join("; "))]
    DifferentHosts {
        /// Name of a side.
        base: String,
        /// Name of the other.
        new: String,
        /// All machines there are.
        hosts: Vec<String>,
    },
    /// A side has no runs.
    #[error("{name} has no runs")]
    NoRuns {
        /// Name of the side.
        name: String,
    },
    /// No series and no guarantee is on both sides.
    #[error("{base} and {new} have neither a series nor a guarantee in common")]
    NothingInCommon {
        /// Name of a side.
        base: String,
        /// Name of the other.
        new: String,
    },
}

/// What two sides say, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The side that was there before.
    pub base: About,
    /// The side that is judged.
    pub new: About,
    /// What is relevant, and how often a verdict may be wrong.
    pub rule: Rule,
    /// What must be said with every verdict, a sentence each.
    pub notes: Vec<String>,
    /// The series, worst first.
    pub rows: Vec<Row>,
    /// The guarantees, worst first.
    pub guarantees: Vec<Kept>,
}

/// A side, for the page's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// What the user called it.
    pub name: String,
    /// Number of runs.
    pub runs: usize,
    /// When the first and the last of them started, in seconds since the epoch.
    pub started: [u64; 2],
    /// Their commits.
    pub revisions: Vec<String>,
}

impl Comparison {
    /// Compares. `past` are further runs of the host, by time; they show how far its runs spread.
    ///
    /// # Errors
    /// When a side has no runs, when they have nothing in common, and when they are of different hosts and that is not asked for.
    pub fn of(base: &Side, new: &Side, past: &[Run], options: Options) -> Result<Comparison, Error> {
        if let Some(side) = [base, new].into_iter().find(|side| side.runs.is_empty()) {
            return Err(Error::NoRuns { name: side.name.clone() });
        }
        let machines = hosts::machines(base, new);
        if machines.len() > 1 && !options.across_hosts {
            let hosts = machines.iter().map(|machine| (*machine).to_owned()).collect();
            return Err(Error::DifferentHosts { base: base.name.clone(), new: new.name.clone(), hosts });
        }
        let (base, new) = (&base.in_order(), &new.in_order());
        let past = interval::past(past, &machines, [base, new]);
        let rows = row::rows(base, new, &past, options.rule);
        let guarantees = guarantees::compare(base, new);
        let both = rows.iter().any(|row| row.verdict.is_some())
            || guarantees.iter().any(|kept| !kept.is_only_on_one_side());
        if !both {
            return Err(Error::NothingInCommon { base: base.name.clone(), new: new.name.clone() });
        }
        let mut comparison = Comparison {
            base: About::of(base),
            new: About::of(new),
            rule: options.rule,
            notes: hosts::notes(base, new),
            rows,
            guarantees,
        };
        comparison.judge();
        Ok(comparison)
    }

    /// Takes back what chance may have made among so many comparisons, and puts the worst first.
    fn judge(&mut self) {
        let mut chances: Vec<f64> =
            self.rows.iter().filter_map(|row| Some(row.interval.as_ref()?.chance)).collect();
        let (level, comparisons) = (many::level(&mut chances, FALSE), chances.len());
        for row in &mut self.rows {
            row.judge(level, comparisons);
        }
        self.rows.sort_by(Row::worse);
    }

    /// The series of this verdict, in their order.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.verdict == Some(verdict))
    }

    /// The guarantees of this kind, in their order.
    pub fn guarantees_with(&self, change: Change) -> impl Iterator<Item = &Kept> {
        self.guarantees.iter().filter(move |kept| kept.change == change)
    }

    /// Whether something is worse: slower, or broken where it held.
    #[must_use]
    pub fn is_worse(&self) -> bool {
        self.with(Verdict::Slower).next().is_some() || self.guarantees_with(Change::Broke).next().is_some()
    }

    /// Whether a series has no verdict.
    #[must_use]
    pub fn is_undecided(&self) -> bool {
        self.with(Verdict::Inconclusive).next().is_some()
    }

    /// Whether something is on one side only, or a guarantee was not tested on both.
    #[must_use]
    pub fn is_untested(&self) -> bool {
        self.rows.iter().any(|row| row.verdict.is_none())
            || self.guarantees_with(Change::Untested).next().is_some()
    }
}

impl About {
    fn of(side: &Side) -> About {
        let started = || side.runs.iter().map(|run| run.started);
        let mut revisions: Vec<String> = side.runs.iter().filter_map(|run| run.revision.clone()).collect();
        revisions.sort();
        revisions.dedup();
        About {
            name: side.name.clone(),
            runs: side.runs.len(),
            started: [started().min().unwrap_or_default(), started().max().unwrap_or_default()],
            revisions,
        }
    }
}
