//! Where bars begin and end, in percent of the track that they lie on.

use crate::figures::costs::{Ladder, Row, Step, Waterfall};

/// Narrowest visible bar, in percent.
const THINNEST: f64 = 0.3;

/// A ladder with its bars.
pub(super) struct LadderBars<'a> {
    pub(super) ladder: &'a Ladder,
    pub(super) rungs: Vec<RungBar<'a>>,
    pub(super) waterfall: Option<StepBars<'a>>,
}

/// A rung: what was there before, what it adds, and where the middle half of its samples lies.
pub(super) struct RungBar<'a> {
    pub(super) row: &'a Row,
    pub(super) before: f64,
    pub(super) adds: f64,
    pub(super) half: [f64; 2],
}

/// The steps of one launch, and the same time by primitive.
pub(super) struct StepBars<'a> {
    pub(super) waterfall: &'a Waterfall,
    pub(super) steps: Vec<StepBar<'a>>,
    pub(super) primitives: Vec<PrimitiveBar<'a>>,
    pub(super) rest: PrimitiveBar<'a>,
    pub(super) ticks: Vec<(f64, String)>,
}

/// A step from its start to its end.
pub(super) struct StepBar<'a> {
    pub(super) step: &'a Step,
    pub(super) left: f64,
    pub(super) width: f64,
}

/// A primitive's share of the launch.
pub(super) struct PrimitiveBar<'a> {
    pub(super) name: &'a str,
    pub(super) nanos: f64,
    pub(super) percent: f64,
}

impl<'a> LadderBars<'a> {
    pub(super) fn of(ladder: &'a Ladder) -> LadderBars<'a> {
        let totals = ladder.rungs.iter().filter_map(|rung| rung.total.as_ref());
        // The upper quartile's whisker must fit too.
        let scale = totals.map(|total| total.quartiles[1]).fold(1.0, f64::max);
        LadderBars {
            ladder,
            rungs: ladder.rungs.iter().map(|row| rung(row, scale)).collect(),
            waterfall: ladder.waterfall.as_ref().map(StepBars::of),
        }
    }
}

fn rung(row: &Row, scale: f64) -> RungBar<'_> {
    let percent = |nanos: f64| nanos / scale * 100.0;
    let Some(total) = &row.total else {
        return RungBar { row, before: 0.0, adds: 0.0, half: [0.0; 2] };
    };
    let adds = row.increment.map_or(0.0, |increment| increment.median).clamp(0.0, total.median);
    RungBar {
        row,
        before: percent(total.median - adds),
        adds: percent(adds),
        half: [percent(total.quartiles[0]), percent(total.quartiles[1] - total.quartiles[0])],
    }
}

impl<'a> StepBars<'a> {
    fn of(waterfall: &'a Waterfall) -> StepBars<'a> {
        let ends = waterfall.steps.iter().map(|step| step.start + step.duration.median);
        let scale = ends.fold(waterfall.total.median, f64::max).max(1.0);
        let percent = |nanos: f64| nanos / scale * 100.0;
        let share = |nanos: f64| waterfall.share(nanos) * 100.0;
        let rest = waterfall.rest();
        let bar = |step: &'a Step| {
            let width = percent(step.duration.median).max(THINNEST);
            StepBar { step, left: percent(step.start).min(100.0 - width), width }
        };
        StepBars {
            waterfall,
            steps: waterfall.steps.iter().map(bar).collect(),
            primitives: waterfall
                .primitives
                .iter()
                .map(|(name, nanos)| PrimitiveBar { name, nanos: *nanos, percent: share(*nanos) })
                .collect(),
            rest: PrimitiveBar { name: "between steps, and waiting", nanos: rest, percent: share(rest) },
            ticks: ticks(scale).into_iter().map(|tick| (percent(tick), crate::units::nanos(tick))).collect(),
        }
    }
}

/// Two to five round numbers (1, 2 or 5 times a power of ten) between zero and the end, in nanoseconds.
fn ticks(end: f64) -> Vec<f64> {
    let decade = 10_f64.powf((end / 4.0).log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * decade).into_iter().find(|step| end / step < 5.0);
    let step = step.unwrap_or(end);
    (1..5).map(|i| f64::from(i) * step).filter(|tick| *tick < end * 0.97).collect()
}

#[cfg(test)]
mod tests {
    use super::ticks;

    #[test]
    fn ticks_are_few_and_round() {
        assert_eq!(ticks(1_240_000.0), [500_000.0, 1_000_000.0]);
        assert_eq!(ticks(980.0), [200.0, 400.0, 600.0, 800.0]);
        for end in [1.0, 7.0, 99.0, 1e3, 4.4e6, 1e10] {
            assert!((1..=4).contains(&ticks(end).len()), "{end}: {:?}", ticks(end));
        }
    }
}
