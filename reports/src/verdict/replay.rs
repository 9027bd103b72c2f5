//! The rule, pair by pair: while a comparison is measured, and over one that was recorded.

use super::{Rule, Verdict};
use crate::stats::sequential;

/// What one pair says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Logarithm of its ratio, B over A.
    pub log_ratio: f64,
    /// How long it took to measure.
    pub seconds: f64,
}

impl Pair {
    /// Of the times of A and of B, in nanoseconds. A time of 0 counts as one nanosecond.
    #[must_use]
    pub fn of([a, b]: [u64; 2]) -> Pair {
        Pair { log_ratio: (b.max(1) as f64 / a.max(1) as f64).ln(), seconds: (a as f64 + b as f64) / 1e9 }
    }
}

/// A comparison under way. It keeps counts alone, so that a look after every pair costs nothing.
#[derive(Debug, Clone)]
pub struct Watch {
    rule: Rule,
    /// The logarithms of the margin's ends.
    ends: [f64; 2],
    pairs: u64,
    /// Pairs above and below either end.
    above: [u64; 2],
    below: [u64; 2],
}

impl Watch {
    /// Begins.
    #[must_use]
    pub fn new(rule: Rule) -> Watch {
        Watch { rule, ends: rule.within().map(f64::ln), pairs: 0, above: [0; 2], below: [0; 2] }
    }

    /// Adds a pair, and says what all of them together say: the same as [`Rule::decide`] of their [interval](sequential::interval).
    pub fn add(&mut self, log_ratio: f64) -> Verdict {
        self.pairs += 1;
        for (at, end) in self.ends.iter().enumerate() {
            self.above[at] += u64::from(log_ratio > *end);
            self.below[at] += u64::from(log_ratio < *end);
        }
        let surely = |heads: u64| sequential::contradicts(heads, self.pairs, self.rule.error / 2.0);
        if surely(self.above[1]) {
            Verdict::Slower
        } else if surely(self.below[0]) {
            Verdict::Faster
        } else if surely(self.above[0]) && surely(self.below[1]) {
            Verdict::Equal
        } else {
            Verdict::Inconclusive
        }
    }
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    /// With which verdict.
    pub verdict: Verdict,
    /// After how many pairs.
    pub pairs: usize,
    /// After how long.
    pub seconds: f64,
}

/// Why a comparison went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It had a verdict.
    Decided,
    /// Its time was over.
    Time,
    /// There were no more pairs.
    Pairs,
}

/// One comparison, from the first of these pairs on, all of whose ratios are `times` as large.
fn one(rule: Rule, pairs: &[Pair], seconds: f64, times: f64) -> (Ended, End) {
    let (mut watch, shift) = (Watch::new(rule), times.ln());
    let mut ended = Ended { verdict: Verdict::Inconclusive, pairs: 0, seconds: 0.0 };
    for pair in pairs {
        if ended.seconds >= seconds {
            return (ended, End::Time);
        }
        ended.verdict = watch.add(pair.log_ratio + shift);
        ended.pairs += 1;
        ended.seconds += pair.seconds;
        if ended.verdict != Verdict::Inconclusive {
            return (ended, End::Decided);
        }
    }
    (ended, if ended.seconds >= seconds { End::Time } else { End::Pairs })
}

/// Comparisons one after the other, each as long as the rule asks, or `seconds`; the last one, which the end of the recording cut
/// short, is left out. All ratios are `times` as large as recorded.
#[must_use]
pub fn windows(rule: Rule, mut pairs: &[Pair], seconds: f64, times: f64) -> Vec<Ended> {
    let mut all = Vec::new();
    while !pairs.is_empty() {
        let (ended, why) = one(rule, pairs, seconds, times);
        if why == End::Pairs {
            break;
        }
        pairs = &pairs[ended.pairs..];
        all.push(ended);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose logarithms are spread evenly over ± `spread`, in an order that repeats every 101.
    fn pairs(count: usize, spread: f64) -> Vec<Pair> {
        let place = |n: usize| (n * 37 % 101) as f64 / 50.0 - 1.0;
        (0..count).map(|n| Pair { log_ratio: spread * place(n), seconds: 0.01 }).collect()
    }

    #[test]
    fn a_watch_says_what_the_interval_says() {
        let rule = Rule::default();
        for shift in [-0.05, -0.009, 0.0, 0.004, 0.012, 0.03] {
            let mut watch = Watch::new(rule);
            let mut seen = Vec::new();
            for pair in pairs(3000, 0.1) {
                let verdict = watch.add(pair.log_ratio + shift);
                seen.push(pair.log_ratio + shift);
                if seen.len() % 97 == 0 {
                    let mut ascending = seen.clone();
                    ascending.sort_by(f64::total_cmp);
                    let interval = sequential::interval(&ascending, rule.error);
                    let said = interval.map_or(Verdict::Inconclusive, |ends| rule.decide(ends.map(f64::exp)));
                    assert_eq!(verdict, said, "{} pairs, shift {shift}", seen.len());
                }
            }
        }
    }

    #[test]
    fn windows_do_not_overlap_and_end_with_the_verdict_or_the_time() {
        let (rule, recording) = (Rule::default(), pairs(20_000, 0.05));
        let alike = windows(rule, &recording, 60.0, 1.0);
        assert!(alike.len() > 2 && alike.iter().all(|ended| ended.verdict == Verdict::Equal), "{alike:?}");
        assert!(alike.iter().map(|ended| ended.pairs).sum::<usize>() <= recording.len());
        let slow = windows(rule, &recording, 60.0, 1.05);
        assert!(slow.len() > alike.len() && slow.iter().all(|ended| ended.verdict == Verdict::Slower));
        // Too short a time for any verdict: the pair that begins within it is the last.
        let cut = windows(rule, &recording, 0.095, 1.05);
        assert!(cut.iter().all(|ended| (ended.verdict, ended.pairs) == (Verdict::Inconclusive, 10)));
    }

    #[test]
    fn a_pair_is_its_ratio_and_its_time() {
        let pair = Pair::of([100, 200]);
        assert!((pair.log_ratio - 2_f64.ln()).abs() < 1e-12 && (pair.seconds - 3e-7).abs() < 1e-18);
        assert_eq!(Pair::of([0, 1]).log_ratio, 0.0);
    }
}
