//! How far a neighbour reaches: slowdowns against the victim alone, with the price of each protection.
//!
//! Latencies within a round depend on each other, so a slowdown is computed round by round and the rounds are
//! compared: its interval says how it varies from round to round, which is what a reader will meet.

use crate::record::{Cell, Record};
use crate::stats::{Paired, Sorted, Summary, Tail};
use crate::text::visible;

/// One measured workload beside all its neighbours.
#[derive(Debug, Clone, PartialEq)]
pub struct Victim {
    /// `timer latency`, …
    pub name: String,
    /// What its samples are.
    pub measures: String,
    /// The victim alone; `None` when that was not measured, and then there are no slowdowns.
    pub alone: Option<Condition>,
    /// Its neighbours in the record's order.
    pub aggressors: Vec<Aggressor>,
}

/// A victim beside one neighbour.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggressor {
    /// `cpu hog`, …
    pub name: String,
    /// Unprotected first, then each protection in the record's order.
    pub conditions: Vec<Condition>,
}

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
    /// The same for p99; `None` where even all rounds together are too short for one.
    pub p99: Option<Paired>,
    /// The aggressor's work in units per second, over rounds.
    pub work: Option<Summary>,
    /// That work against the unprotected case: what the protection takes from the neighbour.
    pub price: Option<Paired>,
    /// Asked against got.
    pub enforced: String,
    /// Latency by percentile: share below (0 to 1) and nanoseconds, ascending.
    pub curve: Vec<(f64, f64)>,
}

/// How many points a percentile curve has for each factor of ten in `1 / (1 - p)`.
const POINTS_A_DECADE: usize = 12;

impl Victim {
    /// Every condition in the order of the pages, with the aggressor that it belongs to.
    pub fn beside(&self) -> impl Iterator<Item = (&Aggressor, &Condition)> {
        self.aggressors.iter().flat_map(|aggressor| aggressor.conditions.iter().map(move |c| (aggressor, c)))
    }
}

impl Condition {
    /// Whether the neighbour runs without any protection against it.
    pub fn is_unprotected(&self) -> bool {
        self.name == UNPROTECTED
    }

    /// The slowdowns at p50 and p99.
    pub fn slowdowns(&self) -> [Option<&Paired>; 2] {
        [self.p50.as_ref(), self.p99.as_ref()]
    }

    /// The slowdown that decides: at p99 where there is one, else at p50.
    pub fn slowdown(&self) -> Option<&Paired> {
        self.p99.as_ref().or(self.p50.as_ref())
    }
}

const UNPROTECTED: &str = "unprotected";

/// Derives the matrix.
pub(super) fn of(record: &Record) -> Vec<Victim> {
    let mut names: Vec<&str> = Vec::new();
    for cell in &record.interference {
        if !names.contains(&cell.victim.as_str()) {
            names.push(&cell.victim);
        }
    }
    names.into_iter().map(|name| victim(record, name)).collect()
}

fn victim(record: &Record, name: &str) -> Victim {
    let cells: Vec<&Cell> = record.interference.iter().filter(|cell| cell.victim == name).collect();
    let alone = cells.iter().find(|cell| cell.aggressor.is_none()).copied();
    let mut aggressors: Vec<&str> = Vec::new();
    for aggressor in cells.iter().filter_map(|cell| cell.aggressor.as_deref()) {
        if !aggressors.contains(&aggressor) {
            aggressors.push(aggressor);
        }
    }
    let beside = |aggressor: &&str| {
        let mut with: Vec<&Cell> =
            cells.iter().filter(|cell| cell.aggressor.as_deref() == Some(*aggressor)).copied().collect();
        with.sort_by_key(|cell| cell.protection.is_some());
        let bare = with.first().filter(|cell| cell.protection.is_none()).copied();
        Aggressor {
            name: visible(aggressor),
            conditions: with.iter().filter_map(|cell| condition(cell, alone, bare)).collect(),
        }
    };
    Victim {
        name: visible(name),
        measures: cells.first().map_or(String::new(), |cell| visible(&cell.measures)),
        alone: alone.and_then(|cell| condition(cell, None, None)),
        aggressors: aggressors.iter().map(beside).collect(),
    }
}

/// `None` for a cell without samples.
fn condition(cell: &Cell, alone: Option<&Cell>, bare: Option<&Cell>) -> Option<Condition> {
    let sorted = Sorted::nanos(&cell.samples);
    let name = match (&cell.aggressor, &cell.protection) {
        (None, _) => "alone".to_string(),
        (Some(_), None) => UNPROTECTED.to_string(),
        (Some(_), Some(protection)) => visible(protection),
    };
    let slowdown = |per_mille| alone.and_then(|alone| slowdown(cell, alone, per_mille));
    let price = bare.filter(|_| cell.protection.is_some());
    Some(Condition {
        name,
        tail: sorted.tail()?,
        rounds: rounds(cell).len(),
        p50: slowdown(500),
        p99: slowdown(990),
        work: Sorted::values(cell.aggressor_work.iter().copied()).summary(),
        price: price.and_then(|bare| Paired::ratio(&cell.aggressor_work, &bare.aggressor_work)),
        enforced: visible(&cell.enforced),
        curve: curve(&sorted),
    })
}

/// A percentile against the same one of the victim alone, round by round; over all rounds at once, as a single pair,
/// where a round alone is too short for that percentile.
fn slowdown(cell: &Cell, alone: &Cell, per_mille: usize) -> Option<Paired> {
    let by_round = |cell: &Cell| -> Option<Vec<f64>> {
        rounds(cell).into_iter().map(|round| Sorted::nanos(round).percentile(per_mille)).collect()
    };
    match (by_round(cell), by_round(alone)) {
        (Some(variant), Some(baseline)) => Paired::ratio(&variant, &baseline),
        _ => {
            let pooled = |cell: &Cell| Sorted::nanos(&cell.samples).percentile(per_mille);
            Paired::ratio(&[pooled(cell)?], &[pooled(alone)?])
        }
    }
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
