//! How large the noise of a series is, and whether it remembers.

use super::{bounds, median, typical};

/// Outliers are cut off at so many standard deviations.
const CUT: f64 = 3.0;
/// Fewer runs say nothing of their noise.
const FEWEST: usize = 12;
/// More than this is a wandering level, and a run is worth a nineteenth.
const MOST: f64 = 0.9;

/// The standard deviation of the noise, from the differences of consecutive runs, which hardly see the levels.
pub(super) fn spread(values: &[f64]) -> f64 {
    typical(values.windows(2).map(|pair| pair[1] - pair[0])) / 2.0_f64.sqrt()
}

/// How many independent runs a run is worth for the mean of a level, when each keeps a share `k` of the noise of the one before:
/// `(1 - k) / (1 + k)`.
pub(super) fn worth(values: &[f64], points: &[usize]) -> f64 {
    if values.len() < FEWEST {
        return 1.0;
    }
    // A standard error of the share is `1 / √n`: chance alone is to cost little.
    let kept = kept(values, points) - 1.0 / (values.len() as f64).sqrt();
    // Without any noise it is not a number.
    let kept = if kept.is_nan() { 0.0 } else { kept.clamp(0.0, MOST) };
    (1.0 - kept) / (1.0 + kept)
}

/// The autocorrelation at distance one of what is left without the levels.
fn kept(values: &[f64], points: &[usize]) -> f64 {
    let bounds = bounds(points, values.len());
    let levels: Vec<Vec<f64>> = bounds.windows(2).map(|b| distances(&values[b[0]..b[1]])).collect();
    let cut = CUT * typical(levels.iter().flatten().copied());
    let cut_off = |distance: f64| distance.clamp(-cut, cut);
    let squares: f64 = levels.iter().flatten().map(|&distance| cut_off(distance).powi(2)).sum();
    let pairs = levels.iter().flat_map(|level| level.windows(2));
    let products: f64 = pairs.map(|pair| cut_off(pair[0]) * cut_off(pair[1])).sum();
    // Each level that was fitted takes about as much away.
    products / squares + levels.len() as f64 / values.len() as f64
}

fn distances(values: &[f64]) -> Vec<f64> {
    let level = median(values);
    values.iter().map(|value| value - level).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::dice::Dice;
    use super::*;

    /// Noise of which each run keeps a share of the one before.
    fn series(share: f64) -> Vec<f64> {
        let (mut dice, mut last) = (Dice::new(), 0.0);
        let mut next = || {
            last = last * share + dice.uniform() - 0.5;
            last
        };
        (0..4000).map(|_| next()).collect()
    }

    #[test]
    fn what_noise_remembers_is_found() {
        for (share, worth_of) in [(0.0, 1.0), (0.5, 1.0 / 3.0), (-0.5, 1.0)] {
            let worth = worth(&series(share), &[]);
            assert!((worth - worth_of).abs() < 0.05, "{share}: {worth}");
        }
        assert_eq!(worth(&[1.0; 50], &[]), 1.0);
        assert_eq!(worth(&[1.0, 2.0, 3.0], &[]), 1.0);
    }

    #[test]
    fn levels_are_no_noise() {
        let mut series = series(0.0);
        let calm = spread(&series);
        series[2000..].iter_mut().for_each(|value| *value += 100.0);
        assert!((spread(&series) / calm - 1.0).abs() < 0.01);
        assert!((worth(&series, &[2000]) - 1.0).abs() < 0.05);
        assert!(worth(&series, &[]) < 0.1);
    }
}
