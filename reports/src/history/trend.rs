//! Series over time, and where they changed.
//!
//! Runs of different machines are different series. A new kernel on the same machine stays in the series: it may be why it changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Kept;
use crate::compare::FEWEST_SAMPLES;
use crate::run::Figure;
use crate::stats::changes::{Change, changes};
use crate::verdict::{Rule, Verdict};

/// One series of one machine over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// The machine.
    pub machine: String,
    /// The series' name.
    pub series: String,
    /// Whether the values are ratios to the series that this one took turns with; else they are nanoseconds.
    pub is_ratio: bool,
    /// Its runs that count, by time: on a quiet host, of 10 samples or more.
    pub points: Vec<Point>,
    /// Runs that have the series and do not count.
    pub left_out: usize,
    /// Where its level changed, by time.
    pub shifts: Vec<Shift>,
}

/// One run of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Point {
    /// The run's number in the history.
    pub run: i64,
    /// Seconds since the epoch.
    pub started: u64,
    /// Commit, where it is known.
    pub revision: Option<String>,
    /// `uname -r`.
    pub kernel: String,
    /// The median, or the ratio.
    pub value: f64,
}

/// A change of a level.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shift {
    /// Number of the first point after it, counted from 0.
    pub at: usize,
    /// Level after over level before.
    pub ratio: f64,
    /// The ratio's interval; see [`Change::interval`].
    pub interval: Option<[f64; 2]>,
    /// Slower or faster by more than the margin, equal within it, or neither for sure.
    pub verdict: Verdict,
    /// The last run before it.
    pub before: Point,
    /// The first run after it.
    pub after: Point,
    /// Whether the level after it is the series' newest.
    pub is_newest: bool,
}

/// Which changes count.
#[derive(Debug, Clone, Copy, Default)]
pub struct Scope<'a> {
    /// Those after the last run of these.
    pub since: Option<&'a [crate::run::Run]>,
    /// Those among the last so many runs of a series.
    pub last: Option<usize>,
}

impl Trend {
    /// All series of these runs, by machine and name. `runs` are by time.
    #[must_use]
    pub fn all(runs: &[Kept], rule: Rule) -> Vec<Trend> {
        let mut names: BTreeSet<(&str, &str)> = BTreeSet::new();
        let mut by_machine: BTreeMap<&str, Vec<&Kept>> = BTreeMap::new();
        for kept in runs {
            let machine = kept.run.place.machine.as_str();
            by_machine.entry(machine).or_default().push(kept);
            names.extend(kept.run.figures.keys().map(|series| (machine, series.as_str())));
        }
        let trend = |(machine, series)| Trend::of(machine, series, &by_machine[machine], rule);
        names.into_iter().map(trend).collect()
    }

    fn of(machine: &str, series: &str, runs: &[&Kept], rule: Rule) -> Trend {
        let having: Vec<(&Kept, &Figure)> =
            runs.iter().filter_map(|kept| Some((*kept, kept.run.figures.get(series)?))).collect();
        let counts = |(kept, figure): &&(&Kept, &Figure)| {
            kept.run.busy.is_empty() && figure.samples >= FEWEST_SAMPLES && figure.median.is_finite()
        };
        let counting: Vec<&(&Kept, &Figure)> = having.iter().filter(counts).collect();
        let is_ratio = !counting.is_empty() && counting.iter().all(|(_, figure)| figure.against.is_some());
        let value = |figure: &Figure| figure.against.filter(|_| is_ratio).unwrap_or(figure.median);
        let points: Vec<Point> =
            counting.iter().map(|(kept, figure)| Point::of(kept, value(figure))).collect();
        let values: Vec<f64> = points.iter().map(|point| point.value).collect();
        let found = changes(&values);
        let newest = found.last().map(|change| change.at);
        let shift = |change: &Change| Shift {
            at: change.at,
            ratio: change.ratio,
            interval: change.interval,
            verdict: verdict(change, rule),
            before: points[change.at - 1].clone(),
            after: points[change.at].clone(),
            is_newest: Some(change.at) == newest,
        };
        Trend {
            machine: machine.into(),
            series: series.into(),
            is_ratio,
            left_out: having.len() - counting.len(),
            shifts: found.iter().map(shift).collect(),
            points,
        }
    }

    /// Its changes that are in the scope.
    pub fn within<'a>(&'a self, scope: Scope<'a>) -> impl Iterator<Item = &'a Shift> {
        let first = scope.last.map_or(0, |last| self.points.len().saturating_sub(last));
        let since = scope.since.and_then(|runs| runs.iter().map(|run| run.started).max());
        self.shifts.iter().filter(move |shift| {
            shift.at >= first && since.is_none_or(|started| shift.after.started > started)
        })
    }
}

impl Point {
    fn of(kept: &Kept, value: f64) -> Point {
        Point {
            run: kept.id,
            started: kept.run.started,
            revision: kept.run.revision.clone(),
            kernel: kept.run.place.kernel.clone(),
            value,
        }
    }

    /// The commit, short enough to read, or the run's number.
    #[must_use]
    pub fn name(&self) -> String {
        self.revision.as_deref().map_or_else(|| format!("run #{}", self.run), short)
    }
}

impl Shift {
    /// Whether a level became slower that is the newest.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        self.is_newest && self.verdict == Verdict::Slower
    }

    /// The kernels before and after, where they differ.
    #[must_use]
    pub fn kernels(&self) -> Option<[&str; 2]> {
        let kernels = [self.before.kernel.as_str(), self.after.kernel.as_str()];
        (kernels[0] != kernels[1]).then_some(kernels)
    }

    /// Whether the code is another after it, as far as is known.
    #[must_use]
    pub fn is_of_code(&self) -> bool {
        self.before.revision != self.after.revision
    }

    /// What it fell on, in few words: the commit, the kernel, or both.
    #[must_use]
    pub fn cause(&self) -> String {
        let code = || self.after.name();
        match self.kernels() {
            Some([_, after]) if self.is_of_code() => format!("{}, Linux {after}", code()),
            Some([_, after]) => format!("Linux {after}"),
            None => code(),
        }
    }

    /// Between which runs it lies: `last before abc, first after def`, and the kernels where they differ.
    #[must_use]
    pub fn range(&self) -> String {
        let runs = match self.is_of_code() {
            true => format!("last before {}, first after {}", self.before.name(), self.after.name()),
            false if self.after.revision.is_some() => format!("within revision {}", self.after.name()),
            false => format!("last before run #{}, first after run #{}", self.before.run, self.after.run),
        };
        let kernels = self.kernels().map(|[before, after]| format!("; Linux {before} before, {after} after"));
        runs + &kernels.unwrap_or_default()
    }
}

/// By the interval, where there are runs enough for one. Before that a change that was found is there, and its size is the estimate.
fn verdict(change: &Change, rule: Rule) -> Verdict {
    rule.decide(change.interval.unwrap_or([change.ratio; 2]))
}

/// Ten characters of a commit, and the mark of other changes.
fn short(revision: &str) -> String {
    let (commit, mark) = match revision.strip_suffix('+') {
        Some(commit) => (commit, "+"),
        None => (revision, ""),
    };
    commit.chars().take(10).chain(mark.chars()).collect()
}
