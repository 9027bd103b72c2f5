//! When a difference between two kernels is called a change.
//!
//! One report makes some hundred comparisons: 60 metrics, up to three parts each, on three kernels. With an interval of 99 % for
//! each of them, several would "differ" on a kernel where nothing changed, so the interval alone does not decide. A part of
//! a metric differs when all three hold:
//!
//! 1. Its interval of 99 % leaves no change out, so there are at least 5 boots a side.
//! 2. It is large enough to matter: time on CPU by more than [`LEAST`] of itself, total and waiting by [`LEAST`] of the total.
//!    A microsecond more of waiting within two milliseconds, however sure, matters to nobody.
//! 3. It is surer than chance gives among as many: of all comparisons between the two kernels together, those are called
//!    changes that keep the expected share of false ones below [`FALSE`] (Benjamini, Hochberg 1995; what is too small to
//!    matter counts as no evidence, which only makes the rule stricter). On a kernel where nothing changed, that means that
//!    at most this share of reports calls anything a change. Where much did change, it asks for less than a bound on any
//!    single false alarm would: a change of 1 % in the launcher, which is in every launch, is found with 8 boots.
//!
//! Few boots cannot be as sure as that: 5 against 5 that are wholly apart come about by chance in 2 of 252 cases, 8 against 8
//! in 2 of 12870. There, being wholly apart is enough, and [`Family::by_chance`] says what that costs.
//!
//! Simulated with 8 boots (`tests/lab_rule.rs`, run longer): 7 of 450 unchanged kernels showed any change; 1 % planted in every
//! launch was found 100 of 100 times where boots differ by 0.2 or 0.3 % (standard deviation), 81 times where by 0.5 %.

use std::collections::BTreeMap;

use super::CONFIDENCE;
use super::changes::Change;
use super::metrics::Figure;
use crate::stats::{chances, many};

/// The share below which a change does not matter, and below which time on CPU is not found again with other seeds.
pub const LEAST: f64 = 0.005;

/// The share of false ones among what is called a change, at most, as far as the number of boots allows.
pub const FALSE: f64 = 0.05;

/// Comparisons that were judged together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Family {
    /// Those that have an interval.
    pub comparisons: usize,
    /// How many of them would be called changes if no kernel had changed, at most.
    pub by_chance: f64,
}

impl Family {
    /// Both together.
    pub(super) fn and(self, other: Family) -> Family {
        Family {
            comparisons: self.comparisons + other.comparisons,
            by_chance: self.by_chance + other.by_chance,
        }
    }
}

/// The changes of all metrics between two kernels, judged together. `None` where one of them has no figure.
pub(super) fn judge(pairs: &[Option<(&Figure, &Figure)>]) -> (Vec<Option<Change>>, Family) {
    let mut changes: Vec<Option<Change>> =
        pairs.iter().map(|pair| pair.and_then(|(from, to)| Change::between(from, to))).collect();
    let parts = || changes.iter().flatten().flat_map(Change::parts).flatten();
    let with_interval = || parts().filter(|delta| delta.difference.coverage.is_some());
    let family = with_interval().map(|delta| if delta.matters { delta.difference.chance } else { 1.0 });
    let mut family: Vec<f64> = family.collect();
    let mut bounds = Bounds::default();
    let single = FALSE / family.len().max(1) as f64;
    let by_chance = with_interval().map(|delta| bounds.reached(single, delta.difference.sizes)).sum();
    let level = many::level(&mut family, FALSE);
    for (change, pair) in changes.iter_mut().zip(pairs) {
        if let (Some(change), Some((from, to))) = (change, pair) {
            change.judge(from, to, |sizes| bounds.at(level, sizes));
        }
    }
    (changes, Family { comparisons: family.len(), by_chance })
}

/// The chances that groups of some sizes can come to; the same few sizes are asked for again and again.
#[derive(Default)]
struct Bounds(BTreeMap<[usize; 2], Vec<f64>>);

impl Bounds {
    fn chances(&mut self, sizes: [usize; 2]) -> &[f64] {
        self.0.entry(sizes).or_insert_with(|| chances(sizes).collect())
    }

    /// The chance up to which something of these sizes is a change: `level`, or as near as so many boots come, but never
    /// beyond what the interval allows.
    fn at(&mut self, level: f64, sizes: [usize; 2]) -> f64 {
        let least = self.chances(sizes).first().copied().unwrap_or(1.0);
        level.max(least).min(1.0 - CONFIDENCE)
    }

    /// How likely it is that something of these sizes, alike, comes to be called a change at this level.
    fn reached(&mut self, level: f64, sizes: [usize; 2]) -> f64 {
        let bound = self.at(level, sizes);
        self.chances(sizes).iter().copied().take_while(|chance| *chance <= bound).last().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_boots_need_only_be_apart_and_never_less_than_the_interval() {
        let mut bounds = Bounds::default();
        assert!((bounds.at(1e-9, [5, 5]) - 2.0 / 252.0).abs() < 1e-12);
        assert!((bounds.at(1e-9, [8, 8]) - 2.0 / 12_870.0).abs() < 1e-12);
        assert!((bounds.at(0.05, [8, 8]) - 0.01).abs() < 1e-12);
        // Between the chances of one and of two pairs the wrong way round, it is that of one.
        assert!((bounds.reached(5.0 / 12_870.0, [8, 8]) - 4.0 / 12_870.0).abs() < 1e-12);
    }
}
