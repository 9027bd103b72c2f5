//! Two groups of samples without pairs: how much larger one is, with an interval.
//!
//! The estimate is the median of all differences (or ratios) between a sample of one group and one of the other (Hodges
//! and Lehmann 1963). The interval is an order statistic of the same differences from both ends, by the exact
//! distribution of the Mann-Whitney statistic (Hollander, Wolfe, Chicken 2014, 4.3; also `conf.int` of R's
//! `wilcox.test`). It asks for independent samples and for groups that differ in their place, not in their shape. Ties
//! make it wider than it must be, never narrower.

use super::Sorted;

/// How one group compares with another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unpaired {
    /// Median over all pairs between the groups.
    pub median: f64,
    /// Lower bound of the interval; smallest of the pairs where the groups are too small for one.
    pub low: f64,
    /// Upper bound, likewise.
    pub high: f64,
    /// Probability that the interval covers the shift; `None` where `low` and `high` are just the range.
    pub coverage: Option<f64>,
    /// Probability that groups that are alike come to differ at least as clearly (two-sided, exact; a tie counts against a
    /// difference). At most `1 - coverage` exactly where the interval leaves "no change" out.
    pub chance: f64,
    /// Samples of the variant and of the baseline.
    pub sizes: [usize; 2],
}

impl Unpaired {
    /// Variant over baseline, with an interval of at least this confidence. `None` without samples, and where a sample
    /// of the baseline is not positive: nothing has a ratio to that.
    pub fn ratio(variant: &[f64], baseline: &[f64], confidence: f64) -> Option<Unpaired> {
        Unpaired::ratio_by(&Ranks::of([variant.len(), baseline.len()]), variant, baseline, confidence)
    }

    /// The same, by the ranks of groups of these sizes, which several comparisons may share.
    pub fn ratio_by(ranks: &Ranks, variant: &[f64], baseline: &[f64], confidence: f64) -> Option<Unpaired> {
        if baseline.iter().any(|sample| *sample <= 0.0) {
            return None;
        }
        Unpaired::of(ranks, variant, baseline, confidence, (1.0, |v, b| v / b))
    }

    /// Variant minus baseline.
    pub fn difference(variant: &[f64], baseline: &[f64], confidence: f64) -> Option<Unpaired> {
        let ranks = Ranks::of([variant.len(), baseline.len()]);
        Unpaired::of(&ranks, variant, baseline, confidence, (0.0, |v, b| v - b))
    }

    fn of(
        Ranks(distribution): &Ranks,
        variant: &[f64],
        baseline: &[f64],
        confidence: f64,
        (no_change, compare): (f64, fn(f64, f64) -> f64),
    ) -> Option<Unpaired> {
        let pairs = variant.iter().flat_map(|v| baseline.iter().map(|b| compare(*v, *b)));
        let pairs = Sorted::values(pairs);
        let (all, sizes) = (pairs.as_slice(), [variant.len(), baseline.len()]);
        let rank = rank(distribution, confidence).filter(|_| all.len() == sizes[0] * sizes[1]);
        let (k, coverage) = rank.map_or((1, None), |(k, coverage)| (k, Some(coverage)));
        let (at_most, at_least) = (
            all.iter().filter(|pair| **pair <= no_change).count(),
            all.iter().filter(|pair| **pair >= no_change).count(),
        );
        Some(Unpaired {
            chance: chance(distribution, at_most.min(at_least)),
            median: pairs.median()?,
            low: *all.get(k - 1)?,
            high: *all.get(all.len().checked_sub(k)?)?,
            coverage,
            sizes,
        })
    }

    /// Whether the interval leaves out `value`: with 1 for a ratio or 0 for a difference, whether the groups differ.
    /// Never without an interval.
    pub fn excludes(&self, value: f64) -> bool {
        self.coverage.is_some() && (self.low > value || self.high < value)
    }
}

/// How the ranks of two groups fall when both are alike: what takes long to compute for large groups, and depends on their sizes
/// alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranks(Vec<f64>);

impl Ranks {
    /// Of groups of these sizes, variant and baseline.
    #[must_use]
    pub fn of(sizes: [usize; 2]) -> Ranks {
        Ranks(mann_whitney(sizes[0], sizes[1]))
    }
}

/// Two-sided probability of `U <= u` when both groups are alike.
fn chance(distribution: &[f64], u: usize) -> f64 {
    let below: f64 = distribution.iter().take(u + 1).sum();
    (2.0 * below).min(1.0)
}

/// The chances below which two groups of these sizes can come, ascending: the first is that of groups of which one is wholly
/// beyond the other.
pub fn chances(sizes: [usize; 2]) -> impl Iterator<Item = f64> {
    mann_whitney(sizes[0], sizes[1]).into_iter().scan(0.0, |below, probability| {
        *below += 2.0 * probability;
        Some(*below)
    })
}

/// The fewest samples a group, of two groups alike in size, that give an interval of this confidence.
pub fn fewest(confidence: f64) -> usize {
    (1..).find(|n| rank(&mann_whitney(*n, *n), confidence).is_some()).unwrap_or(usize::MAX)
}

/// The largest `k` such that the pairs `k` and `mn+1-k` in order (counted from 1) cover the shift with at least
/// `confidence`, and their coverage `1 - 2 P(U < k)`. `None` where not even the smallest and the largest pair do: for
/// 99 %, below 5 samples a group.
fn rank(distribution: &[f64], confidence: f64) -> Option<(usize, f64)> {
    let mut below = 0.0;
    let mut best = None;
    for (u, probability) in distribution.iter().enumerate() {
        below += probability;
        let coverage = 1.0 - 2.0 * below;
        if coverage < confidence {
            break;
        }
        best = Some((u + 1, coverage));
    }
    best
}

/// Probabilities of the Mann-Whitney statistic `U = 0, 1, …, mn/2` when both groups are alike, by the recurrence
/// `(m+n) p(u; m, n) = m p(u-n; m-1, n) + n p(u; m, n-1)` (Mann, Whitney 1947).
fn mann_whitney(m: usize, n: usize) -> Vec<f64> {
    let length = m * n / 2 + 1;
    let none = || {
        let mut certain = vec![0.0; length];
        certain[0] = 1.0;
        certain
    };
    // Row i holds p(u; i, j) for j = 0, 1, …, n.
    let mut row: Vec<Vec<f64>> = (0..=n).map(|_| none()).collect();
    for i in 1..=m {
        let mut next = vec![none()];
        for j in 1..=n {
            let (a, b) = (i as f64 / (i + j) as f64, j as f64 / (i + j) as f64);
            let shifted = |u: usize| u.checked_sub(j).map_or(0.0, |u| row[j][u]);
            next.push((0..length).map(|u| a * shifted(u) + b * next[j - 1][u]).collect());
        }
        row = next;
    }
    row.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::*;

    #[test]
    fn distribution_agrees_with_counting() {
        // R: dwilcox(0:8, 4, 4) * choose(8, 4).
        let counts: Vec<f64> = mann_whitney(4, 4).iter().map(|p| (p * 70.0).round()).collect();
        assert_eq!(counts, [1.0, 1.0, 2.0, 3.0, 5.0, 5.0, 7.0, 7.0, 8.0]);
        // Both tails and the middle of an odd number of values are all there is: u = 0..=7 of 0..=15.
        let half: f64 = mann_whitney(3, 5).iter().sum();
        assert!((half - 0.5).abs() < 1e-12, "{half}");
    }

    #[test]
    fn ranks_agree_with_tables() {
        // Critical values of U for two-sided 0.01: 7 for 8 and 8, 0 for 5 and 5, none for 4 and 5.
        let (k, coverage) = rank(&mann_whitney(8, 8), 0.99).unwrap();
        assert_eq!(k, 8);
        // 45 of the 12870 ways to deal out the ranks have U < 8.
        assert!((coverage - (1.0 - 2.0 * 45.0 / 12_870.0)).abs() < 1e-12, "{coverage}");
        // Counted likewise: 2870319 of 601080390 have U < 61.
        let (k, coverage) = rank(&mann_whitney(16, 16), 0.99).unwrap();
        assert_eq!(k, 61);
        assert!((coverage - (1.0 - 2.0 * 2_870_319.0 / 601_080_390.0)).abs() < 1e-12, "{coverage}");
        assert_eq!(rank(&mann_whitney(5, 5), 0.99).unwrap().0, 1);
        assert_eq!(rank(&mann_whitney(4, 5), 0.99), None);
        assert_eq!(rank(&mann_whitney(0, 8), 0.99), None);
    }

    #[test]
    fn a_shift_is_found_without_pairs() {
        let baseline = [100.0, 104.0, 101.0, 103.0, 102.0, 100.5, 103.5, 101.5];
        let variant: Vec<f64> = baseline.iter().rev().map(|b| b * 1.1).collect();
        let ratio = Unpaired::ratio(&variant, &baseline, 0.99).unwrap();
        assert!((ratio.median - 1.1).abs() < 0.002 && ratio.excludes(1.0), "{ratio:?}");
        let same = Unpaired::difference(&baseline, &baseline, 0.99).unwrap();
        assert_eq!((same.median, same.excludes(0.0)), (0.0, false));
        // Ratios and differences order the pairs around no change alike, so they never disagree.
        let difference = Unpaired::difference(&variant, &baseline, 0.99).unwrap();
        assert_eq!(difference.excludes(0.0), ratio.excludes(1.0));
    }

    #[test]
    fn small_groups_give_a_range_and_decide_nothing() {
        let few = Unpaired::ratio(&[2.0, 3.0, 4.0], &[1.0, 2.0], 0.99).unwrap();
        assert_eq!((few.low, few.high, few.coverage, few.excludes(0.5)), (1.0, 4.0, None, false));
        assert_eq!(Unpaired::ratio(&[], &[1.0], 0.99), None);
        assert_eq!(Unpaired::ratio(&[1.0], &[0.0], 0.99), None);
        assert_eq!(Unpaired::difference(&[1.0], &[0.0], 0.99).unwrap().median, 1.0);
    }

    #[test]
    fn chance_agrees_with_counting_and_with_the_interval() {
        let low: Vec<f64> = (0..8).map(f64::from).collect();
        // Wholly apart: 2 of the 12870 ways to deal out the ranks; one pair the wrong way round: 4 of them.
        let apart: Vec<f64> = low.iter().map(|sample| sample + 100.0).collect();
        let chance_of =
            |variant: &[f64]| Unpaired::difference(variant, &low, 0.99).unwrap().chance * 12_870.0;
        assert!((chance_of(&apart) - 2.0).abs() < 1e-9);
        let crossed: Vec<f64> = low.iter().map(|sample| sample + 7.0 - 0.5).collect();
        assert!((chance_of(&crossed) - 4.0).abs() < 1e-9);
        assert_eq!(chance_of(&low), 12_870.0, "what is alike is no difference at all");
        let firsts: Vec<f64> = chances([8, 8]).take(3).map(|chance| (chance * 12_870.0).round()).collect();
        assert_eq!((firsts, fewest(0.99)), (vec![2.0, 4.0, 8.0], 5));
        for shift in 0..9 {
            let variant: Vec<f64> = low.iter().map(|sample| sample + f64::from(shift)).collect();
            let it = Unpaired::difference(&variant, &low, 0.99).unwrap();
            assert_eq!(it.excludes(0.0), it.chance <= 1.0 - it.coverage.unwrap() + 1e-12, "{shift}: {it:?}");
        }
    }

    #[test]
    fn interval_covers_as_often_as_it_says() {
        // Skewed samples (squares of uniform ones) from a fixed generator, and no shift between the groups.
        let mut dice = Dice::new();
        let mut skewed = || 1.0 + dice.uniform().powi(2);
        let mut misses = 0;
        for _ in 0..5000 {
            let [a, b]: [Vec<f64>; 2] = std::array::from_fn(|_| (0..8).map(|_| skewed()).collect());
            let ratio = Unpaired::ratio(&a, &b, 0.99).unwrap();
            misses += usize::from(ratio.excludes(1.0));
        }
        // The exact rate for 8 and 8 is 1 - coverage = 0.70 %: 35 of 5000, ± 3 standard deviations of 5.9.
        let expected = (1.0 - rank(&mann_whitney(8, 8), 0.99).unwrap().1) * 5000.0;
        assert!((misses as f64 - expected).abs() < 18.0, "{misses} of 5000, expected {expected}");
    }
}
