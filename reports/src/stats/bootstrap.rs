//! Percentiles of a tail that no single round is long enough for.

use super::{CONFIDENCE, Paired};

/// Resamples. The bounds are the third of each end, which more would hardly move.
const RESAMPLES: usize = 120;

/// A percentile over all rounds against the same one of the baseline, with an interval by drawing rounds again, with
/// replacement (Efron, Tibshirani 1993, 8.5: blocks of what depends on each other are drawn whole). A round's variant and
/// baseline are drawn together. `None` where all rounds together are too short for the percentile; no interval with fewer than six
/// rounds.
pub(crate) fn ratio(variant: &[&[u64]], baseline: &[&[u64]], per_mille: usize) -> Option<Paired> {
    let rounds = variant.len().min(baseline.len());
    let all: Vec<usize> = (0..rounds).collect();
    let ratio = |drawn: &[usize]| {
        let over = percentile(variant, drawn, per_mille)?;
        percentile(baseline, drawn, per_mille)
            .filter(|&under| under > 0)
            .map(|under| over as f64 / under as f64)
    };
    let median = ratio(&all)?;
    if rounds < 6 {
        return Some(Paired { median, low: median, high: median, coverage: None, pairs: rounds });
    }
    let mut random = Lehmer(1);
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn: Vec<usize> = (0..rounds).map(|_| random.below(rounds)).collect();
            ratio(&drawn)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let cut = (ratios.len() as f64 * (1.0 - CONFIDENCE) / 2.0) as usize;
    let (low, high) = (*ratios.get(cut)?, *ratios.get(ratios.len().checked_sub(cut + 1)?)?);
    // The whole is one of the draws that could have been.
    Some(Paired {
        median,
        low: low.min(median),
        high: high.max(median),
        coverage: Some(CONFIDENCE),
        pairs: rounds,
    })
}

/// Nearest rank, as [`super::Sorted::percentile`].
fn percentile(rounds: &[&[u64]], drawn: &[usize], per_mille: usize) -> Option<u64> {
    let mut samples: Vec<u64> = drawn.iter().flat_map(|&round| rounds[round].iter().copied()).collect();
    if samples.len() * (1000 - per_mille) < 1000 {
        return None;
    }
    let rank = (samples.len() * per_mille).div_ceil(1000) - 1;
    Some(*samples.select_nth_unstable(rank).1)
}

/// The same numbers every time: a report is to be the same from the same record (Park, Miller 1988).
struct Lehmer(u64);

impl Lehmer {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0 * 48_271 % 0x7fff_ffff;
        (self.0 % bound as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sides_are_equal() {
        let round: Vec<u64> = (1..=400).collect();
        let rounds = [round.as_slice(); 6];
        let paired = ratio(&rounds, &rounds, 999).unwrap();
        assert_eq!((paired.median, paired.low, paired.high, paired.pairs), (1.0, 1.0, 1.0, 6));
    }

    #[test]
    fn a_stall_in_one_round_widens_the_interval() {
        let calm: Vec<u64> = vec![100; 400];
        let mut stalled = calm.clone();
        stalled[7..17].fill(1000);
        let variant = [&stalled[..], &calm, &calm, &calm, &calm, &calm];
        let paired = ratio(&variant, &[calm.as_slice(); 6], 999).unwrap();
        assert_eq!((paired.median, paired.low, paired.high), (10.0, 1.0, 10.0));
        assert!(!paired.excludes(1.0));
    }

    #[test]
    fn too_few_samples_have_no_such_percentile() {
        let round: Vec<u64> = vec![1; 100];
        let rounds = [round.as_slice(); 6];
        assert_eq!(ratio(&rounds, &rounds, 999), None);
        assert!(ratio(&rounds, &rounds, 990).is_some());
        assert_eq!(ratio(&rounds[..2], &rounds[..2], 990).unwrap().coverage, None);
    }
}
