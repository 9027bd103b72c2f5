//! Steps against a drift: which of both says more of the runs around them.

use super::{bounds, median, typical};

/// A residual counts by its square up to so many standard deviations, and in proportion beyond (Huber 1964).
const KNEE: f64 = 2.0;
/// How much better a line is to be than one step: steps are what is looked for.
const FAVOUR: f64 = 1.0;
/// What each further step of a stair costs it.
const STAIR: f64 = 8.0;

/// Drops the change points, alone or as the steps of a stair, that a straight line does as well as; the clearest case first.
pub(super) fn drop_drift(values: &[f64], points: &mut Vec<usize>, worth: f64) {
    while let Some((first, last)) = clearest(values, points, worth) {
        points.drain(first..=last);
    }
}

/// The first and last change point of the stair that a line is most clearly better than.
fn clearest(values: &[f64], points: &[usize], worth: f64) -> Option<(usize, usize)> {
    let bounds = bounds(points, values.len());
    let levels: Vec<f64> = bounds.windows(2).map(|b| median(&values[b[0]..b[1]])).collect();
    let mut clearest: Option<(f64, usize, usize)> = None;
    for first in 0..points.len() {
        let up = levels[first + 1] > levels[first];
        let same = |last: &usize| (levels[last + 1] > levels[*last]) == up;
        for last in (first..points.len()).take_while(same) {
            let better = line_is_better(values, &bounds[first..=last + 2], &levels[first..=last + 1]) * worth
                - FAVOUR
                + STAIR * (last - first) as f64;
            if better > 0.0 && clearest.is_none_or(|(most, ..)| better > most) {
                clearest = Some((better, first, last));
            }
        }
    }
    clearest.map(|(_, first, last)| (first, last))
}

/// By how much the residuals of a line are less than those of levels.
fn line_is_better(values: &[f64], bounds: &[usize], levels: &[f64]) -> f64 {
    let around = &values[bounds[0]..bounds[bounds.len() - 1]];
    let lengths = bounds.windows(2).map(|b| b[1] - b[0]);
    let stair = levels.iter().zip(lengths).flat_map(|(level, runs)| std::iter::repeat_n(*level, runs));
    let from_stair: Vec<f64> = around.iter().zip(stair).map(|(value, level)| value - level).collect();
    let spread = typical(from_stair.iter().copied());
    if spread <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let cost = |residual: f64| {
        let size = (residual / spread).abs();
        if size < KNEE { size * size } else { KNEE * (2.0 * size - KNEE) }
    };
    let line = from_line(around);
    from_stair.into_iter().map(cost).sum::<f64>() - line.into_iter().map(cost).sum::<f64>()
}

/// Distances from a line: the median of the slopes between runs half the length apart, through the median.
fn from_line(values: &[f64]) -> Vec<f64> {
    let half = values.len() / 2;
    let slopes: Vec<f64> =
        values.iter().zip(&values[half..]).map(|(from, to)| (to - from) / half as f64).collect();
    let slope = median(&slopes);
    let level: Vec<f64> = values.iter().enumerate().map(|(run, value)| value - slope * run as f64).collect();
    let start = median(&level);
    level.into_iter().map(|value| value - start).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize) -> f64 {
        (n * 37 % 101) as f64 / 50.0 - 1.0
    }

    #[test]
    fn a_drift_is_no_stair() {
        let drift: Vec<f64> = (0..120).map(|n| n as f64 / 20.0 + noise(n)).collect();
        let mut points = vec![30, 60, 90];
        drop_drift(&drift, &mut points, 1.0);
        assert!(points.is_empty(), "{points:?}");
    }

    #[test]
    fn a_stair_is_no_drift() {
        let stair: Vec<f64> = (0..120).map(|n| (n / 30) as f64 * 4.0 + noise(n)).collect();
        let mut points = vec![30, 60, 90];
        drop_drift(&stair, &mut points, 1.0);
        assert_eq!(points, [30, 60, 90]);
    }
}
