//! What the pairs of one comparison say.

use serde::{Deserialize, Serialize};

use super::replay::Pair;
use super::{Rule, Verdict};
use crate::stats::{Sorted, sequential};
use crate::units;

/// The end of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Conclusion {
    /// The rule that it was judged by.
    pub rule: Rule,
    /// What it says.
    pub verdict: Verdict,
    /// B over A: the median of the pairs.
    pub ratio: f64,
    /// The ratios that the pairs do not contradict; `None` with too few pairs.
    pub interval: Option<[f64; 2]>,
    /// Number of pairs.
    pub pairs: usize,
    /// How many times as many pairs would decide it; `None` where it is decided, and where no number would do.
    pub needs: Option<f64>,
}

impl Conclusion {
    /// Concludes; `None` without pairs.
    #[must_use]
    pub fn of(rule: Rule, pairs: &[Pair]) -> Option<Conclusion> {
        let sorted = Sorted::values(pairs.iter().map(|pair| pair.log_ratio));
        let ratio = sorted.median()?.exp();
        let interval = sequential::interval(sorted.as_slice(), rule.error).map(|ends| ends.map(f64::exp));
        let verdict = interval.map_or(Verdict::Inconclusive, |interval| rule.decide(interval));
        let undecided = interval.filter(|_| verdict == Verdict::Inconclusive);
        let needs = undecided.and_then(|interval| rule.needs(ratio, interval));
        Some(Conclusion { rule, verdict, ratio, interval, pairs: sorted.len(), needs })
    }

    /// Whether it shows a change, relevant or not.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.interval.is_some_and(|[low, high]| low > 1.0 || high < 1.0)
    }

    /// One line: `B is 3.1 % slower than A (2.9 % to 3.4 %)`.
    #[must_use]
    pub fn line(&self) -> String {
        let margin = units::percent(self.rule.margin);
        let said = match self.verdict {
            Verdict::Slower | Verdict::Faster => {
                format!("B is {} {} than A", change(self.ratio), self.verdict.word())
            }
            Verdict::Equal => format!("B is equal to A within {margin}"),
            Verdict::Inconclusive => format!("inconclusive, B takes {}", signed(self.ratio)),
        };
        let interval = self.interval.map_or_else(
            || "too few pairs for an interval".to_owned(),
            |[low, high]| format!("{} to {}", signed(low), signed(high)),
        );
        let small = if self.is_changed() && self.verdict == Verdict::Equal {
            "; a change, too small to matter"
        } else {
            ""
        };
        format!("{said} ({interval}{small})")
    }
}

/// The size of a change, without its direction.
fn change(ratio: f64) -> String {
    format!("{:.2}\u{a0}%", (ratio - 1.0).abs() * 100.0)
}

/// With its direction.
fn signed(ratio: f64) -> String {
    let sign = if ratio < 1.0 { "−" } else { "+" };
    format!("{sign}{}", change(ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(center: f64, count: usize, spread: f64) -> Conclusion {
        let place = |n: usize| (n * 37 % 101) as f64 / 50.0 - 1.0;
        let pair = |n| Pair { log_ratio: f64::ln(center) + spread * place(n), seconds: 0.01 };
        let pairs: Vec<Pair> = (0..count).map(pair).collect();
        Conclusion::of(Rule::default(), &pairs).unwrap()
    }

    #[test]
    fn lines_say_what_was_found() {
        for (center, count, spread, verdict, begins) in [
            (1.05, 2000, 0.05, Verdict::Slower, "B is 5"),
            (0.9, 2000, 0.05, Verdict::Faster, "B is 10"),
            (1.0, 3000, 0.05, Verdict::Equal, "B is equal to A within 1"),
            (1.01, 500, 0.3, Verdict::Inconclusive, "inconclusive, B takes +"),
            (1.05, 5, 0.05, Verdict::Inconclusive, "inconclusive"),
        ] {
            let conclusion = around(center, count, spread);
            assert_eq!(conclusion.verdict, verdict, "{conclusion:?}");
            assert!(conclusion.line().starts_with(begins), "{}", conclusion.line());
        }
        assert!(around(1.05, 5, 0.05).line().contains("too few"));
        assert!(around(1.005, 60_000, 0.02).line().contains("too small to matter"));
    }

    #[test]
    fn what_is_undecided_says_how_much_is_missing() {
        let undecided = around(1.0, 100, 0.1);
        let needs = undecided.needs.unwrap();
        assert!(needs > 2.0, "{undecided:?}");
        let more = around(1.0, (100.0 * needs * 1.5) as usize, 0.1);
        assert_eq!((more.verdict, more.needs), (Verdict::Equal, None));
    }
}
