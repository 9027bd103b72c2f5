//! Comparisons round by round, with the interval that another run of as many rounds stays within.
//!
//! An interval of the median says where the true one lies. A reader who measures again gets another estimate, which strays as far
//! as this one, so that the difference of the two strays by √2 as much (Hahn, Meeker 1991, 4: prediction intervals). Ratios are
//! compared by their logarithms.

use std::f64::consts::{PI, SQRT_2};

use super::{CONFIDENCE, Paired, Sorted, student};

/// Rounds below which nothing is said of another run.
const FEWEST: usize = 6;

/// Variant over baseline, round by round. A median strays √(π/2) times as much as a mean of normal values (Conover 1999, 3.2).
pub(crate) fn rounds(variant: &[f64], baseline: &[f64]) -> Option<Paired> {
    let paired = Paired::ratio(variant, baseline)?;
    let pairs = variant.iter().zip(baseline).filter(|(_, under)| **under != 0.0);
    let logs: Vec<f64> = pairs.map(|(over, under)| (over / under).ln()).collect();
    let (n, mean) = (logs.len() as f64, mean(&logs));
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(around(paired.median, (variance / n).sqrt() * (PI / 2.0).sqrt(), logs.len()).unwrap_or(paired))
}

/// A percentile over all rounds together against the same one of the baseline, where no single round is long enough for it; `None`
/// where all together are not. It strays as it does when each round in turn is left out (Efron, Tibshirani 1993, 11).
///
/// A tail of few samples strays more than six rounds show: of 360 repeats of the quick matrix 86 % stayed within.
pub(crate) fn together(variant: &[&[u64]], baseline: &[&[u64]], per_mille: usize) -> Option<Paired> {
    let count = variant.len().min(baseline.len());
    let all = ratio(variant, baseline, per_mille, None)?;
    let range = Paired { median: all, low: all, high: all, coverage: None, pairs: count };
    let left_out: Option<Vec<f64>> =
        (0..count).map(|out| Some(ratio(variant, baseline, per_mille, Some(out))?.ln())).collect();
    let Some(logs) = left_out else { return Some(range) };
    let (n, mean) = (logs.len() as f64, mean(&logs));
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() * (n - 1.0) / n;
    Some(around(all, variance.sqrt(), count).unwrap_or(range))
}

/// The interval of another estimate of a ratio of which one strays, in logarithms, by `error`.
fn around(median: f64, error: f64, count: usize) -> Option<Paired> {
    if count < FEWEST {
        return None;
    }
    let factor = (student::quantile(1.0 - CONFIDENCE, count - 1) * error * SQRT_2).exp();
    let (low, high) = (median / factor, median * factor);
    Some(Paired { median, low, high, coverage: Some(CONFIDENCE), pairs: count })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The ratio without one round. A percentile that all rounds are long enough for is taken of a few less, too.
fn ratio(variant: &[&[u64]], baseline: &[&[u64]], per_mille: usize, without: Option<usize>) -> Option<f64> {
    let pooled = |rounds: &[&[u64]]| -> Option<f64> {
        let enough: usize = rounds.iter().map(|round| round.len()).sum();
        if enough * (1000 - per_mille) < 1000 {
            return None;
        }
        let kept = rounds.iter().enumerate().filter(|(round, _)| Some(*round) != without);
        let samples: Vec<u64> = kept.flat_map(|(_, round)| round.iter().copied()).collect();
        let sorted = Sorted::nanos(&samples);
        let rank = (samples.len() * per_mille).div_ceil(1000);
        sorted.as_slice().get(rank.checked_sub(1)?).copied()
    };
    let (over, under) = (pooled(variant)?, pooled(baseline)?);
    (under > 0.0 && over > 0.0).then(|| over / under)
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::*;

    #[test]
    fn another_run_stays_within_as_often_as_it_says() {
        let mut dice = Dice::new();
        let mut run = || -> Paired {
            let ratios: Vec<f64> = (0..6).map(|_| (0.3 * dice.normal()).exp()).collect();
            rounds(&ratios, &[1.0; 6]).unwrap()
        };
        let within = (0..4000).filter(|_| {
            let (stated, again) = (run(), run());
            (stated.low..=stated.high).contains(&again.median)
        });
        // 3800 expected, and a standard deviation of 14; a median of six strays a little less than √(π/2) says.
        let within = within.count();
        assert!((3780..3920).contains(&within), "{within}");
    }

    #[test]
    fn equal_sides_are_equal() {
        let round: Vec<u64> = (1..=400).collect();
        let all = [round.as_slice(); 6];
        let paired = together(&all, &all, 999).unwrap();
        assert_eq!((paired.median, paired.low, paired.high, paired.pairs), (1.0, 1.0, 1.0, 6));
        let paired = rounds(&[2.0; 6], &[1.0; 6]).unwrap();
        assert_eq!((paired.median, paired.low, paired.high), (2.0, 2.0, 2.0));
    }

    #[test]
    fn a_stall_in_one_round_widens_the_interval() {
        let calm: Vec<u64> = vec![100; 400];
        let mut stalled = calm.clone();
        stalled[7..17].fill(1000);
        let variant = [&stalled[..], &calm, &calm, &calm, &calm, &calm];
        let paired = together(&variant, &[calm.as_slice(); 6], 999).unwrap();
        assert!(paired.median == 10.0 && !paired.excludes(1.0), "{paired:?}");
    }

    #[test]
    fn too_few_samples_or_rounds_say_less() {
        let round: Vec<u64> = vec![1; 100];
        let all = [round.as_slice(); 6];
        assert_eq!(together(&all, &all, 999), None);
        assert!(together(&all, &all, 990).is_some());
        assert_eq!(together(&all[..2], &all[..2], 990).unwrap().coverage, None);
        assert_eq!(rounds(&[1.0, 2.0], &[1.0, 1.0]).unwrap().coverage, None);
    }
}
