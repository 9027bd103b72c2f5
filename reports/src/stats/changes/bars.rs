//! How strong a step is by chance alone: what shuffled runs come to.
//!
//! Ranks make it the same for all distributions, so it is a table, of 40 000 shuffles for each length up to 256, and 10 000 for the
//! last (`cargo test -p isolab-reports --release -- --ignored bars --nocapture` makes it again).

/// What strength a step is to exceed.
#[derive(Clone, Copy)]
pub(super) struct Bar {
    /// 1.5 (split) or 1 (stretch within) of 100 shuffles exceed it.
    pub(super) usual: f64,
    /// 10 of 100 do; where runs are so few that the usual one is out of reach.
    pub(super) few: Option<f64>,
}

/// Bars by the number of runs, ascending; linear in its logarithm between them, and beyond the last.
pub(super) struct Bars(&'static [(usize, [f64; 2])]);

/// In fewer runs than this a step may count by its size.
const FEW: usize = 48;

impl Bars {
    pub(super) fn at(&self, runs: usize) -> Bar {
        let above = self.0.partition_point(|row| row.0 < runs).min(self.0.len() - 1);
        let (high, low) = (self.0[above], self.0[above.saturating_sub(1)]);
        let share = if above == 0 {
            1.0
        } else {
            (runs as f64 / low.0 as f64).ln() / (high.0 as f64 / low.0 as f64).ln()
        };
        let between = |n: usize| low.1[n] + share * (high.1[n] - low.1[n]);
        Bar { usual: between(0), few: (runs < FEW).then(|| between(1)) }
    }
}

/// Of splits in two.
pub(super) const SPLIT: Bars = Bars(&[
    (8, [2.853, 2.103]),
    (10, [3.077, 2.310]),
    (12, [3.124, 2.375]),
    (14, [3.174, 2.455]),
    (16, [3.181, 2.489]),
    (20, [3.225, 2.561]),
    (24, [3.303, 2.581]),
    (32, [3.331, 2.633]),
    (48, [3.384, 2.700]),
    (64, [3.415, 2.732]),
    (96, [3.472, 2.795]),
    (128, [3.508, 2.822]),
    (192, [3.513, 2.860]),
    (256, [3.548, 2.900]),
    (512, [3.594, 2.970]),
]);

/// Of stretches within, less their handicap.
pub(super) const INNER: Bars = Bars(&[
    (12, [0.763, -0.189]),
    (14, [1.193, 0.331]),
    (16, [1.323, 0.565]),
    (20, [1.527, 0.808]),
    (24, [1.634, 0.908]),
    (32, [1.787, 1.050]),
    (48, [1.914, 1.165]),
    (64, [1.963, 1.218]),
    (96, [2.044, 1.291]),
    (128, [2.094, 1.326]),
    (192, [2.084, 1.355]),
    (256, [2.129, 1.402]),
    (512, [2.146, 1.455]),
]);

#[cfg(test)]
mod tests {
    use super::super::super::dice::Dice;
    use super::super::scores::Scores;
    use super::*;

    /// The strongest steps of so many shuffles, ascending: splits and stretches within.
    fn shuffled(runs: usize, shuffles: usize) -> [Vec<f64>; 2] {
        let mut dice = Dice::new();
        let mut below = |n: usize| (dice.bits() % n as u64) as usize;
        let mut values: Vec<f64> = (0..runs).map(|run| run as f64).collect();
        let mut strongest = [Vec::new(), Vec::new()];
        for _ in 0..shuffles {
            for n in (1..runs).rev() {
                values.swap(n, below(n + 1));
            }
            let scores = Scores::of(&values, 1.0).unwrap();
            strongest[0].push(scores.split().0);
            strongest[1].extend(scores.inner().map(|(strength, _)| strength));
        }
        strongest.iter_mut().for_each(|all| all.sort_by(f64::total_cmp));
        strongest
    }

    #[test]
    #[ignore = "makes the table"]
    fn the_table() {
        let exceeded = |all: &[f64], per_mille: usize| {
            all.len().checked_sub(1 + all.len() * per_mille / 1000).map(|n| all[n])
        };
        for runs in SPLIT.0.iter().map(|row| row.0) {
            let [splits, inner] = shuffled(runs, if runs > 256 { 10_000 } else { 40_000 });
            println!("split ({runs}, [{:.3?}, {:.3?}]),", exceeded(&splits, 15), exceeded(&splits, 100));
            println!("inner ({runs}, [{:.3?}, {:.3?}]),", exceeded(&inner, 10), exceeded(&inner, 100));
        }
    }

    #[test]
    fn shuffled_runs_exceed_the_bars_as_often_as_said() {
        for runs in [12, 40, 100] {
            let [splits, inner] = shuffled(runs, 2000);
            for (bars, strongest, usual) in [(&SPLIT, splits, 0.015), (&INNER, inner, 0.01)] {
                let bar = bars.at(runs);
                let share =
                    |bar: f64| strongest.iter().filter(|strength| **strength > bar).count() as f64 / 2000.0;
                // Three standard deviations of a share of 1.5 % are 0.8 %; what is between two rows is a little off besides.
                assert!((share(bar.usual) - usual).abs() < 0.009, "{runs}: {}", share(bar.usual));
                let few = bar.few.map_or(0.1, share);
                assert!((few - 0.1).abs() < 0.025, "{runs}: {few}");
            }
        }
    }
}
