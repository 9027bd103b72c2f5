//! A share that was counted, with its interval.

use serde::{Deserialize, Serialize};

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rate {
    /// How often it happened.
    pub hits: u64,
    /// How often it could have.
    pub of: u64,
}

impl Rate {
    /// The share, 0 to 1; `None` of nothing.
    #[must_use]
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.hits as f64 / self.of as f64)
    }

    /// The interval that covers the true share with at least 95 % (Clopper, Pearson 1934); of many, with about as much.
    #[must_use]
    pub fn interval(self) -> [f64; 2] {
        if self.of > MANY {
            return self.score_interval();
        }
        // More hits than chances are nonsense, and no reason to stop.
        let rate = Rate { hits: self.hits.min(self.of), of: self.of };
        let tail = (1.0 - super::CONFIDENCE) / 2.0;
        let low = if rate.hits == 0 { 0.0 } else { solve(|share| at_least(rate, share) < tail) };
        let high = if rate.hits == rate.of { 1.0 } else { solve(|share| at_most(rate, share) > tail) };
        [low, high]
    }

    /// Wilson's (1927), which needs no sum over all counts: a record may hold any.
    fn score_interval(self) -> [f64; 2] {
        // The normal distribution's, of 95 % to both sides.
        const Z: f64 = 1.959_964;
        let n = self.of as f64;
        let share = (self.hits as f64 / n).min(1.0);
        let (middle, scale) = (share + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
        let half = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        [((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0)]
    }
}

/// More than this are not summed over.
const MANY: u64 = 10_000;

/// The largest share for which `holds`, which is true for small ones alone.
fn solve(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut below, mut above) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(below, above);
        if holds(middle) { below = middle } else { above = middle }
    }
    below
}

/// Probability of as many hits or more.
fn at_least(rate: Rate, share: f64) -> f64 {
    probability(rate.hits..=rate.of, rate.of, share)
}

/// Probability of as many hits or fewer.
fn at_most(rate: Rate, share: f64) -> f64 {
    probability(0..=rate.hits, rate.of, share)
}

/// Of a number of hits in this range, among `of`.
fn probability(hits: std::ops::RangeInclusive<u64>, of: u64, share: f64) -> f64 {
    let mut log_term = of as f64 * (-share).ln_1p();
    let mut sum = 0.0;
    for k in 0..=*hits.end() {
        if hits.contains(&k) {
            sum += log_term.exp();
        }
        log_term += ((of - k) as f64 / (k + 1) as f64).ln() + share.ln() - (-share).ln_1p();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_agree_with_closed_forms_and_tables() {
        // None of n: 1 - 0.025^(1/n).
        let [low, high] = Rate { hits: 0, of: 200 }.interval();
        assert!(low == 0.0 && (high - (1.0 - 0.025_f64.powf(1.0 / 200.0))).abs() < 1e-9, "{high}");
        // R: binom.test(1, 10)$conf.int.
        let [low, high] = Rate { hits: 1, of: 10 }.interval();
        assert!((low - 0.002_528_579).abs() < 1e-7 && (high - 0.445_016_1).abs() < 1e-7, "{low} {high}");
        assert_eq!(Rate { hits: 4, of: 4 }.interval()[1], 1.0);
        assert_eq!(Rate { hits: 5, of: 4 }.interval(), Rate { hits: 4, of: 4 }.interval());
        assert_eq!(Rate::default().share(), None);
    }

    #[test]
    fn many_are_as_quick_and_hardly_different() {
        let exact = Rate { hits: 500, of: MANY }.interval();
        let near = Rate { hits: 500, of: MANY }.score_interval();
        assert!(
            exact.iter().zip(near).all(|(exact, near)| (exact - near).abs() < 2e-4),
            "{exact:?} {near:?}"
        );
        let [low, high] = Rate { hits: 1 << 63, of: u64::MAX }.interval();
        assert!(low < 0.5 && high > 0.5 && high - low < 1e-8, "{low} {high}");
    }
}
