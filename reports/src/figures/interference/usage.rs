//! What the kernel counted for a victim, per second.

use crate::record;
use crate::stats::Sorted;
use crate::units;

/// Medians over the rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// CPU time of the victim, as a share of one CPU.
    pub cpu: f64,
    /// Switches per second because it waited.
    pub voluntary: f64,
    /// Switches per second because others were to run.
    pub involuntary: f64,
    /// Moves per second to another CPU; `None` where the kernel does not show it.
    pub migrations: Option<f64>,
    /// Share of the time for which a quota kept it from running; `None` without a quota.
    pub throttled: Option<f64>,
    /// CPU time of the neighbour, in CPUs.
    pub neighbour: f64,
    /// Requests that were given up, in all rounds.
    pub unserved: u64,
}

impl Usage {
    /// `None` where nothing was counted.
    pub(super) fn of(rounds: &[record::Usage]) -> Option<Usage> {
        let per_second = |count: &dyn Fn(&record::Usage) -> Option<u64>| {
            let rates = rounds.iter().filter(|round| round.seconds > 0.0);
            let rates: Option<Vec<f64>> =
                rates.map(|round| Some(count(round)? as f64 / round.seconds)).collect();
            Sorted::values(rates?).median()
        };
        Some(Usage {
            cpu: per_second(&|round| Some(round.cpu))? / 1e9,
            voluntary: per_second(&|round| Some(round.voluntary))?,
            involuntary: per_second(&|round| Some(round.involuntary))?,
            migrations: per_second(&|round| round.migrations),
            throttled: per_second(&|round| round.throttled).map(|nanos| nanos / 1e9),
            neighbour: Sorted::values(rounds.iter().map(|round| round.aggressor_cpu as f64)).median()? / 1e9,
            unserved: rounds.iter().fold(0, |sum, round| sum.saturating_add(round.unserved)),
        })
    }

    /// In words.
    pub fn line(&self) -> String {
        let rate = |rate: f64, what: &str| format!("{rate:.0} {what}/s");
        let mut parts = vec![
            format!("{} of a CPU", units::percent(self.cpu)),
            rate(self.voluntary, "waits"),
            rate(self.involuntary, "preemptions"),
        ];
        parts.extend(self.migrations.map(|migrations| rate(migrations, "migrations")));
        parts.extend(self.throttled.map(|share| format!("throttled {} of the time", units::percent(share))));
        if self.neighbour > 0.0 {
            parts.push(format!("the neighbour {:.2} CPUs", self.neighbour));
        }
        if self.unserved > 0 {
            parts.push(format!("{} requests given up", self.unserved));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_per_second_and_medians() {
        let round = |voluntary, migrations| record::Usage {
            seconds: 0.5,
            voluntary,
            migrations,
            cpu: 50_000_000,
            throttled: Some(100_000_000),
            ..record::Usage::default()
        };
        let usage = Usage::of(&[round(10, Some(1)), round(20, Some(2)), round(90, Some(3))]).unwrap();
        assert_eq!((usage.voluntary, usage.migrations, usage.throttled), (40.0, Some(4.0), Some(0.2)));
        assert!(usage.line().contains("throttled 20"), "{}", usage.line());
        assert_eq!(Usage::of(&[round(1, None)]).unwrap().migrations, None);
        assert_eq!(Usage::of(&[]), None);
    }
}
