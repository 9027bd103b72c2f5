//! One cell of a matrix: a victim beside one neighbour under one protection.

use super::burst::Burst;
use super::usage::Usage;
use crate::record::Cell;
use crate::stats::{Paired, Sorted, Summary, Tail, again};
use crate::text::visible;

/// One cell of the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// `alone`, `unprotected`, or the protection.
    pub name: String,
    /// Latencies in nanoseconds, all rounds together.
    pub tail: Tail,
    /// Number of rounds.
    pub rounds: usize,
    /// Median over rounds of the victim's p50 against that of the victim alone.
    pub p50: Option<Paired>,
    /// Whether each of its rounds has a p99 of its own.
    has_tails: bool,
    /// The same for p99; over all rounds together where a round is too short, and `None` where even they are.
    pub p99: Option<Paired>,
    /// p99.9 over all rounds together; `None` where they are too short.
    pub p999: Option<Paired>,
    /// Whether its slowest requests came in few stalls; `None` with too few of them.
    pub burst: Option<Burst>,
    /// What the kernel counted; `None` in older records.
    pub usage: Option<Usage>,
    /// The aggressor's work in units per second, over rounds.
    pub work: Option<Summary>,
    /// That work against the unprotected case: what the protection takes from the neighbour.
    pub price: Option<Paired>,
    /// CPU time of victim and neighbour together against the unprotected case: what it takes from both.
    pub together: Option<Paired>,
    /// Asked against got.
    pub enforced: String,
    /// Latency by percentile: share below (0 to 1) and nanoseconds, ascending.
    pub curve: Vec<(f64, f64)>,
}

/// How many points a percentile curve has for each factor of ten in `1 / (1 - p)`.
const POINTS_A_DECADE: usize = 12;
pub(super) const UNPROTECTED: &str = "unprotected";
pub(super) const ALONE: &str = "alone";

impl Condition {
    /// Whether the neighbour runs without any protection against it.
    pub fn is_unprotected(&self) -> bool {
        self.name == UNPROTECTED
    }

    /// The slowdowns at p50, p99 and p99.9.
    pub fn slowdowns(&self) -> [Option<&Paired>; 3] {
        [self.p50.as_ref(), self.p99.as_ref(), self.p999.as_ref()]
    }

    /// The slowdown that decides: at p99 where each round is long enough for one, else at p50.
    pub fn slowdown(&self) -> Option<&Paired> {
        if self.has_tails { self.p99.as_ref() } else { self.p50.as_ref() }
    }

    /// The percentile of [`Condition::slowdown`].
    pub fn decides(&self) -> &'static str {
        if self.has_tails { "p99" } else { "p50" }
    }

    /// Of a cell against the victim alone, and against the unprotected case; `None` for a cell without samples.
    pub(super) fn of(cell: &Cell, alone: Option<&Cell>, bare: Option<&Cell>) -> Option<Condition> {
        let sorted = Sorted::nanos(&cell.samples);
        let name = match (&cell.aggressor, &cell.protection) {
            (None, None) => ALONE.to_string(),
            (Some(_), None) => UNPROTECTED.to_string(),
            (_, Some(protection)) => visible(protection),
        };
        let slowdown = |per_mille| alone.and_then(|alone| slowdown(cell, alone, per_mille));
        let bare = bare.filter(|_| cell.protection.is_some());
        let rounds = rounds(cell);
        Some(Condition {
            name,
            tail: sorted.tail()?,
            rounds: rounds.len(),
            p50: slowdown(500),
            has_tails: has_tails(&rounds) && alone.is_some_and(|alone| has_tails(&self::rounds(alone))),
            p99: slowdown(990),
            p999: slowdown(999),
            burst: Burst::of(&rounds, cell.period),
            usage: Usage::of(&cell.usage),
            work: Sorted::values(cell.aggressor_work.iter().copied()).summary(),
            price: bare.and_then(|bare| Paired::ratio(&cell.aggressor_work, &bare.aggressor_work)),
            together: bare.and_then(|bare| Paired::ratio(&together(cell), &together(bare))),
            enforced: visible(&cell.enforced),
            curve: curve(&sorted),
        })
    }
}

/// CPU time per second of victim and aggressor together, round by round.
fn together(cell: &Cell) -> Vec<f64> {
    let both = |usage: &crate::record::Usage| usage.cpu as f64 / usage.seconds + usage.aggressor_cpu as f64;
    cell.usage.iter().map(both).collect()
}

/// A percentile against the same one of the victim alone, round by round; over all rounds at once where a round alone is too
/// short for that percentile.
fn slowdown(cell: &Cell, alone: &Cell, per_mille: usize) -> Option<Paired> {
    let by_round = |cell: &Cell| -> Option<Vec<f64>> {
        rounds(cell).into_iter().map(|round| Sorted::nanos(round).percentile(per_mille)).collect()
    };
    match (by_round(cell), by_round(alone)) {
        (Some(variant), Some(baseline)) => again::rounds(&variant, &baseline),
        _ => again::together(&rounds(cell), &rounds(alone), per_mille),
    }
}

/// Whether each round is long enough for a p99.
fn has_tails(rounds: &[&[u64]]) -> bool {
    !rounds.is_empty() && rounds.iter().all(|round| round.len() >= 100)
}

/// The samples round by round. Bounds that do not fit the samples (a cut record) end where the samples end.
fn rounds(cell: &Cell) -> Vec<&[u64]> {
    let mut bounds: Vec<usize> = cell.rounds.iter().map(|&begin| begin.min(cell.samples.len())).collect();
    if bounds.first() != Some(&0) {
        bounds.insert(0, 0);
    }
    bounds.push(cell.samples.len());
    bounds.windows(2).filter(|pair| pair[0] < pair[1]).map(|pair| &cell.samples[pair[0]..pair[1]]).collect()
}

/// Points at even steps of `log 1/(1-p)`, as far as the samples reach, and the maximum.
fn curve(sorted: &Sorted) -> Vec<(f64, f64)> {
    let samples = sorted.as_slice();
    let reach = (samples.len() as f64).log10();
    let points = (reach * POINTS_A_DECADE as f64).floor() as usize;
    let mut curve: Vec<(f64, f64)> = (0..=points)
        .map(|point| {
            let share = 1.0 - 10_f64.powf(-(point as f64) / POINTS_A_DECADE as f64);
            let rank = ((share * samples.len() as f64).ceil() as usize).clamp(1, samples.len());
            (share, samples[rank - 1])
        })
        .collect();
    let last = 1.0 - 1.0 / samples.len() as f64;
    curve.extend(samples.last().map(|&max| (last, max)));
    curve
}
