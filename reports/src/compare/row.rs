//! One series on both sides.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::figures::{Figures, Found};
use super::interval::{self, Interval, Known, Spread};
use super::{Side, Which, Why};
use crate::run::{Figure, Run};
use crate::stats::fewest;
use crate::verdict::{Rule, Verdict};

/// What of a run is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The median time.
    Time,
    /// The median ratio to the series that it took turns with.
    Against,
}

impl Measure {
    /// Of a figure, where it has it.
    pub(super) fn of(self, figure: &Figure) -> Option<f64> {
        match self {
            Measure::Time => Some(figure.median),
            Measure::Against => figure.against,
        }
    }
}

/// A series on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What is compared.
    pub by: Measure,
    /// What BASE has of it.
    pub base: Option<Of>,
    /// What NEW has of it.
    pub new: Option<Of>,
    /// NEW over BASE.
    #[serde(serialize_with = "maybe_rounded")]
    pub ratio: Option<f64>,
    /// The ratios that the runs do not contradict.
    pub interval: Option<Interval>,
    /// What is concluded; `None` where only one side has the series.
    pub verdict: Option<Verdict>,
    /// Why not more.
    pub why: Option<Why>,
}

/// A series on one side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Of {
    /// Runs that count.
    pub runs: usize,
    /// Their samples.
    pub samples: usize,
    /// Median over the runs: nanoseconds, or a ratio.
    #[serde(serialize_with = "rounded")]
    pub value: f64,
}

/// All series of both sides.
pub(super) fn rows(base: &Side, new: &Side, past: &BTreeMap<&str, Vec<&Run>>, rule: Rule) -> Vec<Row> {
    let runs = base.runs.iter().chain(&new.runs);
    let names: BTreeSet<&String> = runs.flat_map(|run| run.figures.keys()).collect();
    let mut judge = Judge { past, rule, known: Known::default() };
    let row = |name: &String| match (Found::of(base, Which::Base, name), Found::of(new, Which::New, name)) {
        (Some(base), Some(new)) => match (base.counting, new.counting) {
            (Ok(base), Ok(new)) => judge.compare(name, &base, &new),
            (Err(why), _) | (_, Err(why)) => undecided(name, &base.all, &new.all, why),
        },
        (Some(_), None) => alone(name, Which::Base),
        (None, _) => alone(name, Which::New),
    };
    names.into_iter().map(row).collect()
}

/// What series with figures on both sides are compared by.
struct Judge<'r> {
    past: &'r BTreeMap<&'r str, Vec<&'r Run>>,
    rule: Rule,
    known: Known,
}

impl Judge<'_> {
    fn compare(&mut self, name: &str, base: &Figures, new: &Figures) -> Row {
        let (by, error) = (common(base, new), self.rule.error);
        let (of_base, of_new) = (base.values(by), new.values(by));
        let empty = Row::empty(name, Some(Verdict::Inconclusive), Why::NoRatio);
        let row = Row { by, base: base.about(by), new: new.about(by), ..empty };
        let Some((ratio, by_ranks)) = self.known.compare(&of_base, &of_new, error) else { return row };
        if let Some(interval) = by_ranks {
            return row.with(ratio, interval, self.rule);
        }
        let row = Row { ratio: self::ratio(row.base, row.new), ..row };
        let runs = [of_base.len(), of_new.len()];
        let mut lists = interval::history(self.past, name, by);
        lists.extend([of_base, of_new]);
        match (Spread::of(&lists), row.ratio) {
            (Some(spread), _) if spread.is_none() => Row { why: Some(Why::NoSpread), ..row },
            (Some(spread), Some(ratio)) => row.with(ratio, spread.interval(ratio, runs, error), self.rule),
            _ => Row { why: Some(Why::FewRuns { needs: fewest(1.0 - error) }), ..row },
        }
    }
}

impl Row {
    fn empty(name: &str, verdict: Option<Verdict>, why: Why) -> Row {
        let by = Measure::Time;
        Row {
            name: name.to_owned(),
            by,
            base: None,
            new: None,
            ratio: None,
            interval: None,
            verdict,
            why: Some(why),
        }
    }

    /// Takes back a change that is no surer than `level`, among so many comparisons.
    pub(super) fn judge(&mut self, level: f64, comparisons: usize) {
        let changed = matches!(self.verdict, Some(Verdict::Slower | Verdict::Faster));
        if changed && self.interval.is_some_and(|interval| interval.chance > level) {
            self.verdict = Some(Verdict::Inconclusive);
            self.why = Some(Why::ByChance { comparisons });
        }
    }

    /// The order of the report: worst first.
    pub(super) fn worse(&self, other: &Row) -> Ordering {
        let ratio = |row: &Row| row.ratio.unwrap_or(0.0);
        let ratios = ratio(other).total_cmp(&ratio(self));
        self.rank().cmp(&other.rank()).then(ratios).then_with(|| self.name.cmp(&other.name))
    }

    fn rank(&self) -> u8 {
        match (self.verdict, self.interval) {
            (Some(Verdict::Slower), _) => 0,
            (Some(Verdict::Inconclusive), Some(_)) => 1,
            (Some(Verdict::Inconclusive), None) => 2,
            (None, _) => 3,
            (Some(Verdict::Faster), _) => 4,
            (Some(Verdict::Equal), _) => 5,
        }
    }
}

fn alone(name: &str, side: Which) -> Row {
    Row::empty(name, None, Why::OnlyIn { side })
}

/// A series of which one side has nothing that counts: what was measured is shown all the same.
fn undecided(name: &str, base: &Figures, new: &Figures, why: Why) -> Row {
    let (by, empty) = (common(base, new), Row::empty(name, Some(Verdict::Inconclusive), why));
    let (base, new) = (base.about(by), new.about(by));
    Row { by, base, new, ratio: ratio(base, new), ..empty }
}

/// The ratio to what the series took turns with, where all runs have it.
fn common(base: &Figures, new: &Figures) -> Measure {
    let both = base.have(Measure::Against) && new.have(Measure::Against);
    if both { Measure::Against } else { Measure::Time }
}

/// Of the sides' medians, where they have one.
fn ratio(base: Option<Of>, new: Option<Of>) -> Option<f64> {
    let (base, new) = (base?.value, new?.value);
    (base > 0.0 && new > 0.0).then(|| new / base)
}

impl Row {
    /// With what its interval says.
    fn with(self, ratio: f64, interval: Interval, rule: Rule) -> Row {
        let ends = [interval.low, interval.high];
        let verdict = rule.decide(ends);
        let runs = self.base.iter().chain(&self.new).map(|of| of.runs).min().unwrap_or(1);
        let wide = || {
            let times = rule.needs(ratio, ends).map(|times| (times * runs as f64).ceil() as usize);
            Why::Wide { runs: times.map(|needs| needs.max(runs + 1)) }
        };
        let why = (verdict == Verdict::Inconclusive).then(wide);
        Row { ratio: Some(ratio), interval: Some(interval), verdict: Some(verdict), why, ..self }
    }
}

/// Six significant digits: what is beyond differs between machines' mathematics.
pub(super) fn rounded<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(six_digits(*value))
}

fn maybe_rounded<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(six_digits).serialize(serializer)
}

fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
