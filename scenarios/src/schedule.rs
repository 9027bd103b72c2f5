//! The order in which variants run: shuffled by a seed, mirrored every second round.
//!
//! A block of one variant followed by a block of another measures the drift of the host as much as the difference, so every
//! round runs every variant once. The second round of a pair repeats the first backwards: over the pair each variant has
//! been before every other as often as after it, and a drift that is linear over the pair cancels out.

use std::time::{Duration, Instant};

/// The order of `variants` variants over rounds without end.
#[derive(Debug, Clone)]
pub struct Schedule {
    order: Vec<usize>,
    round: u64,
    random: Random,
}

impl Schedule {
    /// A schedule of variants `0..variants`; equal seeds give equal orders.
    #[must_use]
    pub fn new(variants: usize, seed: u64) -> Schedule {
        Schedule { order: (0..variants).collect(), round: 0, random: Random::new(seed) }
    }

    /// Whether the last round's mirror image is still to come.
    #[must_use]
    pub fn is_mid_pair(&self) -> bool {
        !self.round.is_multiple_of(2)
    }

    /// The order of the next round.
    pub fn next_round(&mut self) -> &[usize] {
        if self.is_mid_pair() {
            self.order.reverse();
        } else {
            self.shuffle();
        }
        self.round += 1;
        &self.order
    }

    /// The order of the next round, drawn anew: a coin of its own for every two variants in every round, which a test of signs rests
    /// on.
    pub fn shuffled_round(&mut self) -> &[usize] {
        self.shuffle();
        &self.order
    }

    /// Fisher and Yates. The remainder's bias is below 2^-50 for any number of variants that can be run.
    fn shuffle(&mut self) {
        for last in (1..self.order.len()).rev() {
            let pick = self.random.next() % (last as u64 + 1);
            self.order.swap(last, usize::try_from(pick).unwrap_or(last));
        }
    }
}

/// Numbers that look random and depend on the seed alone: splitmix64 (Steele, Lea, Flood 2014). One word of state, any
/// seed is good.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// Equal seeds give equal numbers.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "numbers without end need no Option")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

/// How long to measure, and in which order.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Rounds at most; every variant runs once in each.
    pub rounds: u32,
    /// No further pair of rounds begins after this time.
    pub time: Duration,
    /// Seed of the order of the variants.
    pub seed: u64,
}

/// The rounds of an experiment: bounded in number and in time.
pub(crate) struct Rounds {
    schedule: Schedule,
    left: u32,
    until: Instant,
}

impl Rounds {
    pub(crate) fn new(variants: usize, limits: Limits) -> Rounds {
        Rounds {
            schedule: Schedule::new(variants, limits.seed),
            left: limits.rounds,
            until: Instant::now() + limits.time,
        }
    }

    /// The order of the next round; `None` when the number or the time is used up. The second round of a mirrored pair is
    /// not cut off by the time, so that no variant is before another more often than after it.
    pub(crate) fn next_round(&mut self) -> Option<Vec<usize>> {
        let in_time = Instant::now() < self.until || self.schedule.is_mid_pair();
        if self.left == 0 || !in_time {
            return None;
        }
        self.left -= 1;
        Some(self.schedule.next_round().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(variants: usize, seed: u64, count: usize) -> Vec<Vec<usize>> {
        let mut schedule = Schedule::new(variants, seed);
        (0..count).map(|_| schedule.next_round().to_vec()).collect()
    }

    #[test]
    fn every_round_runs_every_variant_once() {
        for round in rounds(13, 7, 20) {
            let mut sorted = round.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..13).collect::<Vec<_>>(), "{round:?}");
        }
    }

    #[test]
    fn pairs_of_rounds_are_mirrored() {
        for pair in rounds(9, 3, 10).chunks(2) {
            let backwards: Vec<usize> = pair[1].iter().rev().copied().collect();
            assert_eq!(pair[0], backwards);
        }
    }

    #[test]
    fn seeds_decide_the_order() {
        assert_eq!(rounds(8, 1, 6), rounds(8, 1, 6));
        assert_ne!(rounds(8, 1, 6), rounds(8, 2, 6));
    }

    #[test]
    fn two_variants_do_not_always_start_with_the_same() {
        let first: Vec<usize> = rounds(2, 5, 40).iter().step_by(2).map(|round| round[0]).collect();
        assert!(first.contains(&0) && first.contains(&1), "{first:?}");
    }

    #[test]
    fn shuffled_rounds_depend_on_nothing_before() {
        let mut schedule = Schedule::new(2, 3);
        let first: Vec<usize> = (0..4000).map(|_| schedule.shuffled_round()[0]).collect();
        let same = first.windows(2).filter(|pair| pair[0] == pair[1]).count();
        // Half of each expected, with standard deviations of 32.
        assert!(
            (1850..2150).contains(&first.iter().sum::<usize>()) && (1850..2150).contains(&same),
            "{same}"
        );
    }

    #[test]
    fn no_variants_are_no_trouble() {
        assert!(rounds(0, 1, 3).iter().all(Vec::is_empty));
    }

    #[test]
    fn rounds_end_with_their_number() {
        let mut rounds = Rounds::new(2, Limits { rounds: 3, time: Duration::from_secs(60), seed: 1 });
        assert_eq!(std::iter::from_fn(|| rounds.next_round()).count(), 3);
    }

    #[test]
    fn rounds_end_with_their_time_in_whole_pairs() {
        let mut rounds = Rounds::new(2, Limits { rounds: 100, time: Duration::from_millis(20), seed: 1 });
        assert!(rounds.next_round().is_some());
        std::thread::sleep(Duration::from_millis(30));
        assert!(rounds.next_round().is_some(), "the mirrored half of the pair");
        assert!(rounds.next_round().is_none());
    }
}
