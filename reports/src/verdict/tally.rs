//! How a number of comparisons ended.

use super::Verdict;
use super::replay::Ended;
use crate::stats::rate::Rate;
use crate::units;

/// Comparisons, counted by their verdict.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tally {
    /// How many ended with slower.
    pub slower: Rate,
    /// With faster.
    pub faster: Rate,
    /// With equal.
    pub equal: Rate,
    /// Seconds that the median of them took.
    pub seconds: f64,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn of(ended: &[Ended]) -> Tally {
        let rate = |verdict: Verdict| Rate {
            hits: ended.iter().filter(|ended| ended.verdict == verdict).count() as u64,
            of: ended.len() as u64,
        };
        let mut seconds: Vec<f64> = ended.iter().map(|ended| ended.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        Tally {
            slower: rate(Verdict::Slower),
            faster: rate(Verdict::Faster),
            equal: rate(Verdict::Equal),
            seconds: seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
        }
    }

    /// Slower and faster together: of what is alike, the false alarms.
    #[must_use]
    pub fn changed(&self) -> Rate {
        Rate { hits: self.slower.hits + self.faster.hits, of: self.slower.of }
    }

    /// Cells of a table: how many, slower, faster, equal, the time of the median.
    #[must_use]
    pub fn cells(&self) -> [String; 5] {
        let share = |rate: Rate| {
            let [low, high] = rate.interval().map(|share| share * 100.0);
            format!("{} ({low:.1} to {high:.1} %)", rate.hits)
        };
        let seconds = units::nanos(self.seconds * 1e9).replace('\u{a0}', " ");
        [self.slower.of.to_string(), share(self.slower), share(self.faster), share(self.equal), seconds]
    }
}
