//! How often the rule is wrong on a machine, and what it finds there: measured, not promised.

use serde::{Deserialize, Serialize};

use super::replay::{Pair, windows};
use super::{Rule, Tally};
use crate::stats::rate::Rate;
use crate::units;

/// A change counts as found when this share of the comparisons says so.
pub const FOUND: f64 = 0.95;
/// Fewer comparisons say nothing of a share of 95 %.
const FEWEST: usize = 20;
/// The changes that are planted, ascending.
const PLANTED: [f64; 14] =
    [1.0125, 1.015, 1.0175, 1.02, 1.025, 1.03, 1.04, 1.05, 1.07, 1.1, 1.15, 1.2, 1.3, 1.5];

/// What a recording of the same thing beside itself showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What was compared with itself, such as `launcher core`.
    pub subject: String,
    /// What the times are, such as `time` or `CPU time`.
    pub metric: String,
    /// The rule that it was replayed with.
    pub rule: Rule,
    /// Seconds that a comparison had at most.
    pub seconds: f64,
    /// Comparisons of what is alike that ended with slower or faster.
    pub false_alarms: Rate,
    /// Of those comparisons: how many ended with equal.
    pub equal: u64,
    /// What each planted change came to, up to the first that was found; the last is the smallest found, if any was.
    pub power: Vec<Power>,
}

/// How often a planted change was found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Power {
    /// The factor on all of B's times.
    pub times: f64,
    /// Comparisons that ended with slower.
    pub found: Rate,
    /// Seconds that the median of them took.
    pub seconds: f64,
}

impl Calibration {
    /// Replays a recording of the same thing beside itself.
    #[must_use]
    pub fn of(subject: &str, metric: &str, rule: Rule, pairs: &[Pair], seconds: f64) -> Calibration {
        let alike = Tally::of(&windows(rule, pairs, seconds, 1.0));
        let mut power = Vec::new();
        for times in PLANTED.into_iter().filter(|times| *times > 1.0 + rule.margin) {
            let found = Power::of(rule, pairs, seconds, times);
            power.push(found);
            if found.is_found() {
                break;
            }
        }
        Calibration {
            subject: subject.into(),
            metric: metric.into(),
            rule,
            seconds,
            false_alarms: alike.changed(),
            equal: alike.equal.hits,
            power,
        }
    }

    /// One sentence: how often it was wrong, and what it finds.
    #[must_use]
    pub fn line(&self) -> String {
        let alarms = self.false_alarms;
        let most = units::percent(alarms.interval()[1]);
        let smallest = self.smallest().map_or_else(
            || "no planted change was found 95 times in 100".to_owned(),
            |power| {
                let change = units::percent(power.times - 1.0);
                format!("the smallest change found 95 times in 100 is {change} within {} s", self.seconds)
            },
        );
        format!(
            "here {} of {} comparisons of what is alike said slower or faster (at most {most} with 95\u{a0}% confidence); \
             {smallest}",
            alarms.hits, alarms.of
        )
    }

    /// The smallest planted change that was found often enough.
    #[must_use]
    pub fn smallest(&self) -> Option<Power> {
        self.power.last().copied().filter(Power::is_found)
    }
}

impl Power {
    /// Replays a recording of the same thing beside itself with a change planted in it.
    #[must_use]
    pub fn of(rule: Rule, pairs: &[Pair], seconds: f64, times: f64) -> Power {
        let all = Tally::of(&windows(rule, pairs, seconds, times));
        Power { times, found: all.slower, seconds: all.seconds }
    }

    fn is_found(&self) -> bool {
        self.found.of >= FEWEST as u64 && self.found.share() >= Some(FOUND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_decides_what_is_found() {
        let smallest = |spread: f64| {
            let place = |n: usize| (n * 37 % 101) as f64 / 50.0 - 1.0;
            let recording: Vec<Pair> =
                (0..40_000).map(|n| Pair { log_ratio: spread * place(n), seconds: 0.01 }).collect();
            let calibration = Calibration::of("noise", "time", Rule::default(), &recording, 10.0);
            assert_eq!(calibration.false_alarms.hits, 0, "{calibration:?}");
            calibration.smallest().map(|power| power.times)
        };
        let (calm, noisy) = (smallest(0.02).unwrap(), smallest(0.4).unwrap());
        assert!(calm < noisy, "{calm} {noisy}");
        assert_eq!(smallest(50.0), None);
    }
}
