//! The strongest step in a stretch of runs, and the search that takes one after another.

use super::bars::{Bar, INNER, SPLIT};
use super::scores::Scores;
use super::{LEAST, bounds, median};

/// The size by which it counts, in standard deviations of the series' noise.
const LARGE: f64 = 4.0;
/// Levels are apart from so many on.
const APART: f64 = 2.0;
/// Settling ends after so many rounds at the latest.
const ROUNDS: usize = 10;

/// A series, and what is known of its noise.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) values: &'a [f64],
    /// Standard deviation of the noise.
    pub(super) spread: f64,
    /// How many independent runs a run is worth.
    pub(super) worth: f64,
}

/// A step, and by how much it is stronger than chance makes them.
struct Step {
    excess: f64,
    /// Where the level changes, counted from the stretch's first run: at one place or at two.
    at: Vec<usize>,
}

impl Search<'_> {
    /// The change points of the whole series.
    pub(super) fn points(&self) -> Vec<usize> {
        let mut points = Vec::new();
        self.divide(0, self.values.len(), &mut points);
        points
    }

    fn divide(&self, from: usize, to: usize, points: &mut Vec<usize>) {
        let Some(step) = self.step(from, to, true).filter(|step| step.excess > 0.0) else { return };
        let mut start = from;
        for at in step.at {
            self.divide(start, from + at, points);
            points.push(from + at);
            start = from + at;
        }
        self.divide(start, to, points);
    }

    /// Moves each change point to its best place between its neighbours, and drops those that do not count there, the weakest first.
    pub(super) fn settle(&self, points: &mut Vec<usize>) {
        for _ in 0..ROUNDS {
            let before = points.clone();
            let mut weakest: Option<(f64, usize)> = None;
            for k in 0..points.len() {
                let around = bounds(points, self.values.len());
                let step = self.step(around[k], around[k + 2], false);
                let excess = step.as_ref().map_or(f64::NEG_INFINITY, |step| step.excess);
                if excess < 0.0 && weakest.is_none_or(|(least, _)| excess < least) {
                    weakest = Some((excess, k));
                } else if let Some(step) = step {
                    points[k] = around[k] + self.nearer(&self.values[around[k]..around[k + 2]], step.at[0]);
                }
            }
            if let Some((_, k)) = weakest {
                points.remove(k);
            }
            if *points == before {
                break;
            }
        }
    }

    /// The strongest step of a stretch of runs, also at two places if `inner`. `None` where there can be none.
    fn step(&self, from: usize, to: usize, inner: bool) -> Option<Step> {
        let values = &self.values[from..to];
        let scores = Scores::of(values, self.worth)?;
        let (strength, at) = scores.split();
        let (left, right) = values.split_at(at);
        let size = median(right) - median(left);
        let one = Step { excess: self.excess(SPLIT.at(values.len()), strength, size), at: vec![at] };
        let Some((strength, [start, end])) = scores.inner().filter(|_| inner) else { return Some(one) };
        let outside: Vec<f64> = values[..start].iter().chain(&values[end..]).copied().collect();
        let size = median(&values[start..end]) - median(&outside);
        let two = Step { excess: self.excess(INNER.at(values.len()), strength, size), at: vec![start, end] };
        Some(if two.excess > one.excess { two } else { one })
    }

    fn excess(&self, bar: Bar, strength: f64, size: f64) -> f64 {
        let large = size.abs() > LARGE * self.spread;
        strength - bar.few.filter(|_| large).unwrap_or(bar.usual)
    }

    /// Where the runs before are nearest to the level before, and those after to the level after. Ranks do not say how far apart
    /// two levels are, so they let an outermost run go with the other side; of levels whose noise overlaps they know more.
    fn nearer(&self, values: &[f64], at: usize) -> usize {
        let (left, right) = values.split_at(at);
        let (left, right) = (median(left), median(right));
        if (right - left).abs() < APART * self.spread {
            return at;
        }
        let mut cost = 0.0;
        let mut best = (f64::INFINITY, at);
        for (run, value) in values.iter().enumerate().take(values.len() + 1 - LEAST) {
            if run >= LEAST && cost < best.0 {
                best = (cost, run);
            }
            cost += (value - left).abs() - (value - right).abs();
        }
        best.1
    }
}
