//! Percentile curves: latency against the share of samples below it, both on logarithmic axes.
//!
//! The curves stretch with the page, so they are drawn in a box of 100 by 100 without text; labels are HTML, placed in
//! percent, and keep their size. Each curve has a letter and a dash pattern besides its colour.

use crate::figures::interference::{Aggressor, Condition, Victim};
use crate::units;

/// Smallest distance between the letters at the curves' ends, in percent of the height.
const LETTER_GAP: f64 = 6.5;
/// Percentiles on the horizontal axis.
const PERCENTILES: [(f64, &str); 6] =
    [(0.0, "0"), (0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99")];

/// The curves of a victim beside one neighbour.
pub(super) struct Chart<'a> {
    pub(super) aggressor: &'a str,
    /// What the picture shows, for those who do not see it.
    pub(super) label: String,
    pub(super) curves: Vec<Curve<'a>>,
    pub(super) shares: Vec<(f64, &'static str)>,
    pub(super) latencies: Vec<(f64, String)>,
}

/// One condition's curve.
pub(super) struct Curve<'a> {
    pub(super) condition: &'a Condition,
    pub(super) letter: char,
    /// `x,y x,y …` in the box.
    pub(super) points: String,
    /// Where its letter stands: right of the curve's end, and kept apart from the others.
    pub(super) top: f64,
}

impl<'a> Chart<'a> {
    pub(super) fn of(victim: &'a Victim, aggressor: &'a Aggressor) -> Chart<'a> {
        let conditions: Vec<&Condition> = victim.alone.iter().chain(&aggressor.conditions).collect();
        let axes = Axes::around(&conditions);
        let curve = |(condition, letter): (&&'a Condition, char)| {
            let place = |&(share, nanos): &(f64, f64)| format!("{:.2},{:.2}", axes.x(share), axes.y(nanos));
            let points: Vec<String> = condition.curve.iter().map(place).collect();
            let top = condition.curve.last().map_or(0.0, |&(_, nanos)| axes.y(nanos));
            Curve { condition, letter, points: points.join(" "), top }
        };
        let mut curves: Vec<Curve<'a>> = conditions.iter().zip('A'..='Z').map(curve).collect();
        let mut tops: Vec<&mut f64> = curves.iter_mut().map(|curve| &mut curve.top).collect();
        spread(&mut tops);
        Chart {
            aggressor: &aggressor.name,
            label: label(victim, aggressor, &conditions),
            shares: PERCENTILES
                .into_iter()
                .filter(|(share, _)| axes.x(*share) < 97.0)
                .map(|(share, name)| (axes.x(share), name))
                .collect(),
            latencies: axes
                .latencies()
                .into_iter()
                .map(|nanos| (axes.y(nanos), units::nanos(nanos)))
                .collect(),
            curves,
        }
    }
}

fn label(victim: &Victim, aggressor: &Aggressor, conditions: &[&Condition]) -> String {
    let each: Vec<String> = conditions.iter().map(|c| format!("{} {}", c.name, c.tail.line())).collect();
    format!("Percentile curves of {} beside {}: {}", victim.name, aggressor.name, each.join("; "))
}

/// Both logarithmic axes.
struct Axes {
    /// The largest `log10 1/(1-p)`.
    reach: f64,
    /// Logarithms of the smallest and largest latency shown.
    low: f64,
    high: f64,
}

impl Axes {
    fn around(conditions: &[&Condition]) -> Axes {
        let points = || conditions.iter().flat_map(|condition| &condition.curve);
        let reach = points().map(|&(share, _)| decades(share)).fold(0.1, f64::max);
        let low = points().map(|&(_, nanos)| log(nanos)).fold(f64::INFINITY, f64::min);
        let high = points().map(|&(_, nanos)| log(nanos)).fold(f64::NEG_INFINITY, f64::max);
        // A factor of two at least, so that a flat curve lies flat and does not magnify its own noise.
        let (low, high) = if low.is_finite() { (low, high.max(low + 2_f64.log10())) } else { (0.0, 1.0) };
        let margin = (high - low) * 0.04;
        Axes { reach, low: low - margin, high: high + margin }
    }

    fn x(&self, share: f64) -> f64 {
        decades(share) / self.reach * 100.0
    }

    fn y(&self, nanos: f64) -> f64 {
        (self.high - log(nanos)) / (self.high - self.low) * 100.0
    }

    /// Round latencies within the axis: powers of ten, or their 1, 2 and 5-fold where those are few.
    fn latencies(&self) -> Vec<f64> {
        let within = |factors: &[f64]| -> Vec<f64> {
            let decades = self.low.floor() as i32..=self.high.ceil() as i32;
            let all =
                decades.flat_map(|decade| factors.iter().map(move |factor| factor * 10_f64.powi(decade)));
            all.filter(|nanos| (5.0..95.0).contains(&self.y(*nanos))).collect()
        };
        let tens = within(&[1.0]);
        if tens.len() >= 3 { tens } else { within(&[1.0, 2.0, 5.0]) }
    }
}

/// `log10 1/(1-p)`: 0 for the smallest sample, 1 at p90, 2 at p99.
fn decades(share: f64) -> f64 {
    -(1.0 - share).log10()
}

/// Zero is drawn as one nanosecond.
fn log(nanos: f64) -> f64 {
    nanos.max(1.0).log10()
}

/// Moves places apart to [`LETTER_GAP`], in order, without leaving the box at its foot.
fn spread(tops: &mut [&mut f64]) {
    tops.sort_by(|a, b| a.total_cmp(b));
    let mut floor = f64::NEG_INFINITY;
    for top in tops.iter_mut() {
        **top = top.max(floor);
        floor = **top + LETTER_GAP;
    }
    let mut ceiling = 100.0;
    for top in tops.iter_mut().rev() {
        **top = top.min(ceiling);
        ceiling = **top - LETTER_GAP;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_keep_their_distance_and_stay_inside() {
        let mut places = [99.0, 98.5, 12.0, 98.0, 12.1];
        let mut tops: Vec<&mut f64> = places.iter_mut().collect();
        spread(&mut tops);
        places.sort_by(f64::total_cmp);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] > LETTER_GAP - 1e-9), "{places:?}");
        assert!(places.iter().all(|top| (0.0..=100.0).contains(top)), "{places:?}");
    }

    #[test]
    fn percentiles_are_evenly_spaced_by_nines() {
        let axes = Axes { reach: 3.0, low: 3.0, high: 6.0 };
        assert!((axes.x(0.9) - 100.0 / 3.0).abs() < 1e-9);
        assert!((axes.x(0.999) - 100.0).abs() < 1e-9);
        assert_eq!((axes.y(1e6), axes.y(1e3)), (0.0, 100.0));
        assert_eq!(axes.latencies(), [2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5]);
    }
}
