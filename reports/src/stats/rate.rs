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

    /// The interval that covers the true share with at least 95 % (Clopper, Pearson 1934).
    #[must_use]
    pub fn interval(self) -> [f64; 2] {
        let tail = (1.0 - super::CONFIDENCE) / 2.0;
        let low = if self.hits == 0 { 0.0 } else { solve(|share| at_least(self, share) < tail) };
        let high = if self.hits == self.of { 1.0 } else { solve(|share| at_most(self, share) > tail) };
        [low, high]
    }
}

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
        assert_eq!(Rate::default().share(), None);
    }
}
