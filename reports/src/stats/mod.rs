//! Statistics without assumptions about the shape of a distribution.
//!
//! Launch times and latencies are skewed, have several modes and heavy tails, so means and standard deviations say
//! little about them. Everything here is an order statistic of the samples, or a count of signs:
//!
//! | what | formula | source |
//! | --- | --- | --- |
//! | median, quartiles | linear interpolation between order statistics, "type 7" | Hyndman, Fan 1996 |
//! | percentiles of a tail | nearest rank, so that the value is one that was seen, "type 1" | Hyndman, Fan 1996 |
//! | spread | median of the distances from the median (MAD), unscaled | Hampel 1974 |
//! | interval of a median | order statistics `k` and `n+1-k`, `P(Bin(n, ½) < k) ≤ α/2` | David, Nagaraja 2003, 7.1 |
//! | paired comparison | median of the pairs' ratios or differences, the same interval over the pairs (the sign test turned round) | Conover 1999, 3.4 |
//! | unpaired comparison | [`Unpaired`]: median of all ratios or differences between the two sides, interval by counting ranks | Hodges, Lehmann 1963 |
//! | another run of as many rounds | `again`: Student's interval of the difference of two estimates | Hahn, Meeker 1991, 4 |
//! | percentile over all rounds, compared | the same, by leaving out each round in turn | Efron, Tibshirani 1993, 11 |
//! | comparison that is looked at all the time | [`sequential`]: a bet on the signs of the pairs | Ville 1939 |
//! | share that was counted | [`rate`] | Clopper, Pearson 1934 |
//! | spread between runs, in a few of them | [`student`]: how far chance reaches | Student 1908 |
//! | many comparisons at once | [`many`]: share of false ones among those that are named | Benjamini, Hochberg 1995 |
//! | levels over many runs | [`changes`]: steps of ranks, beside chance and drift | Olshen, Venkatraman, Lucito, Wigler 2004 |
//!
//! The intervals need independent samples. Rounds are independent enough, consecutive latencies within one are not:
//! give them one number a round.

pub(crate) mod again;
pub mod changes;
#[cfg(test)]
mod dice;
pub mod many;
pub mod rate;
pub mod sequential;
pub mod student;
mod unpaired;

use isolab_core::planted::planted;

pub use unpaired::{Ranks, Unpaired, chances, fewest};

/// How sure an interval must be, at least.
pub const CONFIDENCE: f64 = 0.95;

/// Samples in ascending order, without NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Sorted(Vec<f64>);

/// An interval that covers a median with at least the asked probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower bound, a sample.
    pub low: f64,
    /// Upper bound, a sample.
    pub high: f64,
    /// Probability that the interval covers the median, known exactly.
    pub coverage: f64,
}

/// What the pages say about a handful of samples, in the samples' unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Number of samples.
    pub n: usize,
    /// Median.
    pub median: f64,
    /// Median absolute deviation: half of the samples lie within this distance of the median.
    pub mad: f64,
    /// First and third quartile.
    pub quartiles: [f64; 2],
    /// Smallest and largest sample.
    pub range: [f64; 2],
    /// Interval of the median; `None` with too few samples.
    pub interval: Option<Interval>,
}

/// The tail of a latency distribution. A percentile is absent where fewer than one sample is expected beyond it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    /// Number of samples.
    pub n: usize,
    /// Median.
    pub p50: f64,
    /// 90th percentile; needs 10 samples.
    pub p90: Option<f64>,
    /// 99th percentile; needs 100 samples.
    pub p99: Option<f64>,
    /// 99.9th percentile; needs 1000 samples.
    pub p999: Option<f64>,
    /// Largest sample.
    pub max: f64,
}

/// A comparison of pairs: sample `i` of both sides was taken in the same round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paired {
    /// Median over the pairs.
    pub median: f64,
    /// Lower bound of the interval; of the pairs themselves where they are too few for one.
    pub low: f64,
    /// Upper bound, likewise.
    pub high: f64,
    /// Probability that the interval covers the median; `None` where `low` and `high` are just the range of the pairs.
    pub coverage: Option<f64>,
    /// Number of pairs.
    pub pairs: usize,
}

impl Sorted {
    /// Sorts samples of nanoseconds.
    pub fn nanos(samples: &[u64]) -> Sorted {
        Sorted::values(samples.iter().map(|&sample| sample as f64))
    }

    /// Sorts values; NaN (a ratio over nothing) is no sample and is left out.
    pub fn values(samples: impl IntoIterator<Item = f64>) -> Sorted {
        let mut sorted: Vec<f64> = samples.into_iter().filter(|sample| !sample.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        Sorted(sorted)
    }

    /// The samples, ascending.
    pub fn as_slice(&self) -> &[f64] {
        &self.0
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Median: the middle sample, or the mean of the two in the middle.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The value below which the share `p` (0 to 1) lies, interpolated (type 7).
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let last = self.0.len().checked_sub(1)?;
        let place = p.clamp(0.0, 1.0) * last as f64;
        let (below, above) = (self.0[place.floor() as usize], self.0[place.ceil() as usize]);
        Some(below + (above - below) * place.fract())
    }

    /// The percentile in tenths of a percent (999 is p99.9) by nearest rank: the smallest sample that at least this
    /// share of the samples does not exceed. `None` unless at least one sample is expected beyond it, so p99.9 needs
    /// 1000 samples: below that it would be the maximum under a finer name.
    pub fn percentile(&self, per_mille: usize) -> Option<f64> {
        let n = self.0.len();
        if per_mille == 0 || per_mille >= 1000 || n * (1000 - per_mille) < 1000 {
            return None;
        }
        let rank = match planted("rank-rounded-down") {
            true => (n * per_mille / 1000).max(1),
            false => (n * per_mille).div_ceil(1000),
        };
        self.0.get(rank - 1).copied()
    }

    /// Median absolute deviation, unscaled: half of the samples lie within this distance of the median.
    pub fn mad(&self) -> Option<f64> {
        let median = self.median()?;
        Sorted::values(self.0.iter().map(|sample| (sample - median).abs())).median()
    }

    /// The narrowest symmetric pair of order statistics that covers the median with at least [`CONFIDENCE`].
    /// `None` below 6 samples, where not even smallest and largest do.
    pub fn median_interval(&self) -> Option<Interval> {
        let (k, coverage) = median_rank(self.0.len(), CONFIDENCE)?;
        Some(Interval { low: self.0[k - 1], high: self.0[self.0.len() - k], coverage })
    }

    /// Median, spread and interval; `None` without samples.
    pub fn summary(&self) -> Option<Summary> {
        Some(Summary {
            n: self.0.len(),
            median: self.median()?,
            mad: self.mad()?,
            quartiles: [self.quantile(0.25)?, self.quantile(0.75)?],
            range: [*self.0.first()?, *self.0.last()?],
            interval: self.median_interval(),
        })
    }

    /// Percentiles up to the maximum; `None` without samples.
    pub fn tail(&self) -> Option<Tail> {
        Some(Tail {
            n: self.0.len(),
            p50: self.median()?,
            p90: self.percentile(900),
            p99: self.percentile(990),
            p999: self.percentile(999),
            max: *self.0.last()?,
        })
    }
}

impl Paired {
    /// Variant over baseline, pair by pair. A baseline of zero has no ratio and its pair is left out; when a run was
    /// cut short, what one side has more than the other is left out.
    pub fn ratio(variant: &[f64], baseline: &[f64]) -> Option<Paired> {
        if planted("pairs-shift-after-a-zero") {
            let kept = baseline.iter().filter(|b| **b != 0.0);
            return Paired::of(variant.iter().zip(kept).map(|(v, b)| v / b));
        }
        let pairs = variant.iter().zip(baseline).filter(|(_, b)| **b != 0.0);
        Paired::of(pairs.map(|(v, b)| v / b))
    }

    /// Variant minus baseline, pair by pair.
    pub fn difference(variant: &[f64], baseline: &[f64]) -> Option<Paired> {
        Paired::of(variant.iter().zip(baseline).map(|(v, b)| v - b))
    }

    fn of(pairs: impl IntoIterator<Item = f64>) -> Option<Paired> {
        let summary = Sorted::values(pairs).summary()?;
        let [low, high] = summary.interval.map_or(summary.range, |interval| [interval.low, interval.high]);
        let coverage = summary.interval.map(|interval| interval.coverage);
        Some(Paired { median: summary.median, low, high, coverage, pairs: summary.n })
    }

    /// Whether the interval leaves out `value`: with 1 for a ratio or 0 for a difference, whether there is an effect.
    /// Never without an interval.
    pub fn excludes(&self, value: f64) -> bool {
        self.coverage.is_some() && (self.low > value || self.high < value)
    }
}

/// The largest `k` such that order statistics `k` and `n+1-k` (counted from 1) cover the median with at least
/// `confidence`, and their coverage `1 - 2 P(Bin(n, ½) < k)`.
fn median_rank(n: usize, confidence: f64) -> Option<(usize, f64)> {
    // Logarithms, because ½ⁿ leaves the range of f64 at n = 1075.
    let mut log_term = -(n as f64) * std::f64::consts::LN_2;
    let mut below = 0.0;
    let mut best = None;
    for k in 1..=n / 2 {
        below += log_term.exp();
        let coverage = 1.0 - 2.0 * below;
        if coverage < confidence {
            break;
        }
        best = Some((k, coverage));
        log_term += ((n - k + 1) as f64 / k as f64).ln();
    }
    best
}

#[cfg(test)]
mod tests {
    use super::dice::Dice;
    use super::*;

    fn one_to(n: u64) -> Sorted {
        Sorted::nanos(&(1..=n).rev().collect::<Vec<_>>())
    }

    #[test]
    fn median_of_odd_and_even() {
        assert_eq!(Sorted::nanos(&[3, 1, 2]).median(), Some(2.0));
        assert_eq!(Sorted::nanos(&[4, 1, 3, 2]).median(), Some(2.5));
        assert_eq!(Sorted::nanos(&[]).median(), None);
        assert_eq!(Sorted::values([f64::NAN, 1.0]).median(), Some(1.0));
    }

    #[test]
    fn quartiles_agree_with_python() {
        // Python: statistics.quantiles([2, 4, 4, 5, 7, 9, 11, 12], method="inclusive") is [4.0, 6.0, 9.5].
        let sorted = Sorted::nanos(&[12, 2, 4, 9, 4, 5, 11, 7]);
        assert_eq!((sorted.quantile(0.25), sorted.quantile(0.75)), (Some(4.0), Some(9.5)));
    }

    #[test]
    fn mad_ignores_an_outlier() {
        // Deviations from 2: 1 1 0 0 2 4 7.
        assert_eq!(Sorted::nanos(&[1, 1, 2, 2, 4, 6, 9]).mad(), Some(1.0));
        assert_eq!(Sorted::nanos(&[1, 1, 2, 2, 4, 6, 900_000]).mad(), Some(1.0));
    }

    #[test]
    fn percentiles_are_nearest_rank() {
        let sorted = one_to(1000);
        assert_eq!(sorted.percentile(500), Some(500.0));
        assert_eq!(sorted.percentile(990), Some(990.0));
        assert_eq!(sorted.percentile(999), Some(999.0));
        assert_eq!(one_to(1001).percentile(999), Some(1000.0));
    }

    #[test]
    fn percentiles_stay_silent_with_too_few_samples() {
        let tail = |n| one_to(n).tail().unwrap();
        assert_eq!(tail(9).p90, None);
        assert_eq!(tail(10).p90, Some(9.0));
        assert_eq!(tail(99).p99, None);
        assert_eq!(tail(100).p99, Some(99.0));
        assert_eq!(tail(999).p999, None);
        assert_eq!(tail(1000).p999, Some(999.0));
        assert_eq!(tail(1).max, 1.0);
        assert_eq!(Sorted::nanos(&[]).tail(), None);
        assert_eq!(one_to(5).percentile(1000), None);
    }

    #[test]
    fn median_intervals_agree_with_exact_arithmetic() {
        // n, k, and 1 - 2 (C(n,0) + … + C(n,k-1)) / 2ⁿ in exact arithmetic; k + 1 would cover less than 95 %.
        for (n, k, coverage) in
            [(6, 1, 0.96875), (10, 2, 0.978_515_6), (20, 6, 0.958_610_5), (100, 40, 0.964_8)]
        {
            let interval = one_to(n).median_interval().unwrap();
            assert_eq!((interval.low, interval.high), (k as f64, (n + 1 - k) as f64), "n = {n}");
            assert!((interval.coverage - coverage).abs() < 1e-4, "n = {n}: {}", interval.coverage);
        }
        assert_eq!(one_to(5).median_interval(), None);
    }

    #[test]
    fn median_interval_of_many_samples() {
        // Exact arithmetic again, far beyond where ½ⁿ underflows.
        let interval = one_to(10_000).median_interval().unwrap();
        assert_eq!((interval.low, interval.high), (4902.0, 5099.0));
        assert!((interval.coverage - 0.951_167_05).abs() < 1e-8, "{}", interval.coverage);
    }

    #[test]
    fn interval_covers_as_often_as_it_says() {
        // Uniform samples from a fixed generator; the true median is ½. 2000 trials of n = 20 cover 95.86 % ± 1.4 %.
        let mut dice = Dice::new();
        let covers = (0..2000)
            .filter(|_| {
                let interval = Sorted::values((0..20).map(|_| dice.uniform())).median_interval().unwrap();
                interval.low <= 0.5 && 0.5 <= interval.high
            })
            .count();
        assert!((1889..=1945).contains(&covers), "{covers} of 2000");
    }

    #[test]
    fn pairs_cancel_what_both_sides_share() {
        // A drift of a thousand times the effect, shared by both sides.
        let baseline: Vec<f64> = (1..=40).map(|round| f64::from(round) * 1000.0).collect();
        let variant: Vec<f64> = baseline.iter().map(|b| b * 1.02).collect();
        let ratio = Paired::ratio(&variant, &baseline).unwrap();
        assert!((ratio.median - 1.02).abs() < 1e-12 && ratio.excludes(1.0));
        assert_eq!(ratio.pairs, 40);
        let same = Paired::difference(&baseline, &baseline).unwrap();
        assert_eq!((same.median, same.excludes(0.0)), (0.0, false));
    }

    #[test]
    fn few_pairs_give_a_range_and_decide_nothing() {
        let ratio = Paired::ratio(&[2.0, 3.0, 4.0], &[1.0, 1.0, 1.0]).unwrap();
        assert_eq!((ratio.median, ratio.low, ratio.high, ratio.coverage), (3.0, 2.0, 4.0, None));
        assert!(!ratio.excludes(1.0));
    }

    #[test]
    fn pairs_without_a_ratio_are_left_out() {
        assert_eq!(Paired::ratio(&[2.0, 5.0, 9.0], &[1.0, 0.0]).unwrap().pairs, 1);
        assert_eq!(Paired::ratio(&[2.0], &[0.0]), None);
    }
}
