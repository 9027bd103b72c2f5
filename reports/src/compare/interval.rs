//! How far a ratio may be from what was measured.
//!
//! Runs enough are compared by their ranks. Fewer are compared by how far the host's runs spread, which the runs before them say;
//! the differences between consecutive runs are taken, so that a step in the history counts once and not in every run after it.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::{PI, SQRT_2};

use serde::Serialize;

use super::figures::is_enough;
use super::{Measure, Side};
use crate::run::Run;
use crate::stats::{Ranks, Sorted, Unpaired, student};

/// Differences between consecutive runs that say how far they spread, at least: fewer give less than one degree of freedom.
pub(super) const FEWEST_DIFFERENCES: usize = 3;

/// Median of the absolute value of a normal variable of deviation 1.
const NORMAL_MEDIAN: f64 = 0.674_489_750_196_081_7;

/// The ratios that the runs do not contradict.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    #[serde(serialize_with = "super::row::rounded")]
    pub low: f64,
    /// Upper end.
    #[serde(serialize_with = "super::row::rounded")]
    pub high: f64,
    /// Probability that runs of the same code come to differ as much.
    #[serde(serialize_with = "super::row::rounded")]
    pub chance: f64,
    /// What it rests on.
    pub by: By,
}

/// What an interval rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum By {
    /// The ranks of both sides' runs.
    Ranks,
    /// The spread between consecutive runs.
    Spread {
        /// Number of differences.
        differences: usize,
    },
}

/// Runs before those that are compared: of their machines, on a quiet host, by machine and time.
pub(super) fn past<'r>(
    runs: &'r [Run],
    machines: &BTreeSet<&str>,
    sides: [&Side; 2],
) -> BTreeMap<&'r str, Vec<&'r Run>> {
    let compared = |run: &Run| sides.iter().any(|side| side.runs.contains(run));
    let counting =
        |run: &&Run| machines.contains(run.place.machine.as_str()) && run.busy.is_empty() && !compared(run);
    let mut by_machine: BTreeMap<&str, Vec<&Run>> = BTreeMap::new();
    for run in runs.iter().filter(counting) {
        by_machine.entry(&run.place.machine).or_default().push(run);
    }
    for runs in by_machine.values_mut() {
        runs.sort_by_key(|run| run.started);
    }
    by_machine
}

/// A series in the runs of one machine, by time.
pub(super) fn history(past: &BTreeMap<&str, Vec<&Run>>, series: &str, measure: Measure) -> Vec<Vec<f64>> {
    let value =
        |run: &&Run| run.figures.get(series).filter(|figure| is_enough(figure)).and_then(|f| measure.of(f));
    past.values().map(|runs| runs.iter().filter_map(value).collect()).collect()
}

/// Ranks by the numbers of runs that were met.
#[derive(Default)]
pub(super) struct Known(BTreeMap<[usize; 2], Ranks>);

impl Known {
    /// NEW over BASE by ranks, with an interval where there are runs enough; `None` where there is no ratio.
    pub(super) fn compare(
        &mut self,
        base: &[f64],
        new: &[f64],
        error: f64,
    ) -> Option<(f64, Option<Interval>)> {
        let sizes = [new.len(), base.len()];
        let ranks = self.0.entry(sizes).or_insert_with(|| Ranks::of(sizes));
        let ratio = Unpaired::ratio_by(ranks, new, base, 1.0 - error).filter(|ratio| ratio.low > 0.0)?;
        let interval = Interval { low: ratio.low, high: ratio.high, chance: ratio.chance, by: By::Ranks };
        Some((ratio.median, ratio.coverage.map(|_| interval)))
    }
}

/// How far the runs of a host spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    /// Deviation of the logarithm of a run's figure.
    deviation: f64,
    /// Number of differences between consecutive runs.
    differences: usize,
}

impl Spread {
    /// Of lists of runs, each by time; `None` with too few.
    pub(super) fn of(lists: &[Vec<f64>]) -> Option<Spread> {
        let steps = lists.iter().flat_map(|list| list.windows(2)).map(|pair| (pair[1] / pair[0]).ln().abs());
        let steps = Sorted::values(steps.filter(|step| step.is_finite()));
        let deviation = steps.median()? / (SQRT_2 * NORMAL_MEDIAN);
        (steps.len() >= FEWEST_DIFFERENCES).then_some(Spread { deviation, differences: steps.len() })
    }

    /// Whether there is any.
    pub(super) fn is_none(&self) -> bool {
        self.deviation <= 0.0
    }

    /// The interval of the ratio of two sides' medians, of so many runs.
    pub(super) fn interval(&self, ratio: f64, runs: [usize; 2], error: f64) -> Interval {
        // Overlapping differences, and their median instead of their mean square, count for a third.
        let degrees = (self.differences / 3).max(1);
        let deviation = self.deviation * runs.map(variance).iter().sum::<f64>().sqrt();
        let reach = (student::quantile(error, degrees) * deviation).exp();
        Interval {
            low: ratio / reach,
            high: ratio * reach,
            chance: student::chance(ratio.ln() / deviation, degrees),
            by: By::Spread { differences: self.differences },
        }
    }
}

/// Variance of the median of so many normal variables, at most: beyond two it nears π/2 times that of the mean from below.
fn variance(runs: usize) -> f64 {
    if runs <= 2 { 1.0 / runs as f64 } else { PI / 2.0 / runs as f64 }
}
