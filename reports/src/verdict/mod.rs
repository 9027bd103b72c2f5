#![doc = include_str!("../../verdicts.md")]

mod calibration;
mod conclusion;
mod replay;
mod tally;

pub use calibration::{Calibration, FOUND, Power};
pub use conclusion::Conclusion;
pub use replay::{Ended, Pair, Watch, windows};
pub use tally::Tally;

use serde::{Deserialize, Serialize};

/// What a comparison concludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Slower by more than the margin.
    Slower,
    /// Nothing that the samples show.
    Inconclusive,
    /// Within the margin.
    Equal,
    /// Faster by more than the margin.
    Faster,
}

/// What is relevant, and how often a verdict may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The share below which a change matters to nobody.
    pub margin: f64,
    /// The probability of a wrong verdict, at most.
    pub error: f64,
}

impl Default for Rule {
    fn default() -> Rule {
        Rule { margin: 0.01, error: 0.01 }
    }
}

impl Rule {
    /// The ratios between which a change matters to nobody.
    #[must_use]
    pub fn within(&self) -> [f64; 2] {
        [1.0 / (1.0 + self.margin), 1.0 + self.margin]
    }

    /// What an interval of ratios says.
    #[must_use]
    pub fn decide(&self, [low, high]: [f64; 2]) -> Verdict {
        let [least, most] = self.within();
        if low > most {
            Verdict::Slower
        } else if high < least {
            Verdict::Faster
        } else if low >= least && high <= most {
            Verdict::Equal
        } else {
            Verdict::Inconclusive
        }
    }

    /// How many times as many samples an inconclusive interval around `ratio` would need; `None` when no number would do.
    #[must_use]
    pub fn needs(&self, ratio: f64, [low, high]: [f64; 2]) -> Option<f64> {
        let half = (high / low).ln() / 2.0;
        let gap = (ratio.ln().abs() - (1.0 + self.margin).ln()).abs();
        let times = (half / gap).powi(2);
        (times.is_finite() && times < MOST).then_some(times.max(1.0))
    }
}

/// More than this is said to be out of reach.
const MOST: f64 = 10_000.0;

impl Verdict {
    /// The word that the pages use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Slower => "slower",
            Verdict::Inconclusive => "inconclusive",
            Verdict::Equal => "equal",
            Verdict::Faster => "faster",
        }
    }

    /// A sign of one column.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Verdict::Slower => "✗",
            Verdict::Inconclusive => "?",
            Verdict::Equal => "=",
            Verdict::Faster => "✓",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_interval_decides() {
        let rule = Rule::default();
        for (interval, verdict) in [
            ([1.011, 1.08], Verdict::Slower),
            ([1.009, 1.08], Verdict::Inconclusive),
            ([0.992, 1.009], Verdict::Equal),
            // Surely a change, and surely one that does not matter.
            ([1.002, 1.004], Verdict::Equal),
            ([0.98, 1.02], Verdict::Inconclusive),
            ([0.9, 0.99], Verdict::Faster),
            ([0.0, f64::INFINITY], Verdict::Inconclusive),
        ] {
            assert_eq!(rule.decide(interval), verdict, "{interval:?}");
        }
    }

    #[test]
    fn what_is_needed_grows_with_the_square() {
        let rule = Rule::default();
        let times = rule.needs(1.0, [(-0.02_f64).exp(), 0.02_f64.exp()]).unwrap();
        assert!((times - (0.02 / 1.01_f64.ln()).powi(2)).abs() < 1e-9, "{times}");
        assert_eq!(rule.needs(1.01, [0.9, 1.1]), None, "on the margin itself");
        assert_eq!(rule.needs(1.0, [0.0, f64::INFINITY]), None);
    }
}
