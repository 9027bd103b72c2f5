//! Scores of ranks, and how much those of some runs differ from those of the others.

use std::f64::consts::E;

use super::LEAST;

/// Keeps the scores of the outermost ranks small: those of 100 runs reach from -2.5 to 2.5, as normal scores do.
const TAILS: f64 = 0.03;

/// The scores of a stretch of runs.
pub(super) struct Scores {
    /// Sum of the scores before each run, and of all.
    before: Vec<f64>,
    /// Sum of their squares.
    squares: f64,
    /// How many independent runs a run is worth.
    worth: f64,
}

impl Scores {
    /// Of runs enough for two levels, unless all are alike.
    pub(super) fn of(values: &[f64], worth: f64) -> Option<Scores> {
        let scores = ranked(values);
        let squares: f64 = scores.iter().map(|score| score * score).sum();
        let sums = scores.iter().scan(0.0, |sum, score| {
            *sum += score;
            Some(*sum)
        });
        let before = std::iter::once(0.0).chain(sums).collect();
        (values.len() >= 2 * LEAST && squares > 0.0).then_some(Scores { before, squares, worth })
    }

    fn runs(&self) -> usize {
        self.before.len() - 1
    }

    /// The split in two whose sides differ most.
    pub(super) fn split(&self) -> (f64, usize) {
        let places = LEAST..=self.runs() - LEAST;
        let all = places.map(|at| (self.strength(0, at), at));
        all.fold((f64::NEG_INFINITY, 0), |best, it| if it.0 > best.0 { it } else { best })
    }

    /// The runs within, with a level on both sides, that differ most from the others. There are more short stretches than long
    /// ones to find by chance, so they are to differ more (Dümbgen, Spokoiny 2001).
    pub(super) fn inner(&self) -> Option<(f64, [usize; 2])> {
        let runs = self.runs();
        let handicap: Vec<f64> = (0..=runs)
            .map(|length| (2.0 * (E * runs as f64 / length.min(runs - length) as f64).ln()).sqrt())
            .collect();
        let mut best: Option<(f64, [usize; 2])> = None;
        for start in LEAST..=runs - LEAST {
            for end in start + LEAST..=runs - LEAST {
                let strength = self.strength(start, end) - handicap[end - start];
                if best.is_none_or(|(most, _)| strength > most) {
                    best = Some((strength, [start, end]));
                }
            }
        }
        best
    }

    /// How much the runs from `start` to `end` differ from the others: the root of the likelihood ratio of two means against one, as
    /// if the scores were normal with an unknown variance.
    fn strength(&self, start: usize, end: usize) -> f64 {
        let runs = self.runs() as f64;
        let length = (end - start) as f64;
        let excess = self.before[end] - self.before[start] - self.before[self.runs()] * length / runs;
        let explained = excess * excess * runs / (length * (runs - length) * self.squares);
        (-(1.0 - explained.min(MOST)).ln() * runs * self.worth).sqrt()
    }
}

/// Two constant levels have scores that two means explain wholly.
const MOST: f64 = 1.0 - 1e-9;

/// Scores of ranks, near to those of a normal distribution (van der Waerden 1952) but without its logarithms; ties share one.
fn ranked(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut scores = vec![0.0; values.len()];
    let mut below = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let share = (below as f64 + tied.len() as f64 / 2.0) / values.len() as f64;
        let score = (share - 0.5) / (share * (1.0 - share) + TAILS).sqrt();
        for &run in tied {
            scores[run] = score;
        }
        below += tied.len();
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_depend_on_ranks_alone() {
        let scores = ranked(&[3.0, 1.0, 2.0, 9000.0]);
        assert_eq!(scores, ranked(&[30.0, -10.0, 20.0, 40.0]));
        assert!((scores.iter().sum::<f64>()).abs() < 1e-12 && scores[3] == -scores[1], "{scores:?}");
        assert_eq!(ranked(&[5.0, 5.0, 1.0])[0], ranked(&[5.0, 5.0, 1.0])[1]);
    }

    #[test]
    fn the_strongest_is_where_the_levels_meet() {
        let level = |n: usize| if (30..36).contains(&n) { 50.0 } else { 0.0 } + (n * 37 % 101) as f64 / 20.0;
        let values: Vec<f64> = (0..66).map(level).collect();
        let scores = Scores::of(&values, 1.0).unwrap();
        assert_eq!(scores.inner().unwrap().1, [30, 36]);
        assert_eq!(Scores::of(&values[..36], 1.0).unwrap().split().1, 30);
        let half = Scores::of(&values[..36], 0.5).unwrap().split().0;
        assert!((half * 2.0_f64.sqrt() - Scores::of(&values[..36], 1.0).unwrap().split().0).abs() < 1e-9);
        assert!(Scores::of(&values[..7], 1.0).is_none() && Scores::of(&[1.0; 20], 1.0).is_none());
    }
}
