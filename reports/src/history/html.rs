//! The history as one self-contained HTML page: a chart of each series, with its change points.
//!
//! Charts stretch with the page, so they are drawn in a box of 100 by 100 without text; labels are HTML, placed in percent.

use std::collections::BTreeMap;

use askama::Template;

use super::text::{sentence, value};
use super::{Point, Shift, Trend};
use crate::text::visible;
use crate::units;
use crate::verdict::Verdict;

/// Labels side by side need about so much of the width, in percent; what is nearer goes a row up.
const LABEL_GAP: f64 = 30.0;
/// Rows of labels above a chart.
const ROWS: usize = 4;

/// Renders the page.
///
/// # Errors
/// When a template fails to write, which formatting into memory does not do.
pub fn render(trends: &[Trend]) -> Result<String, askama::Error> {
    let mut machines: BTreeMap<&str, Machine> = BTreeMap::new();
    for trend in trends {
        let machine = machines.entry(&trend.machine).or_insert_with(|| Machine {
            name: visible(&trend.machine),
            changed: Vec::new(),
            steady: Vec::new(),
        });
        let charts = if trend.shifts.is_empty() { &mut machine.steady } else { &mut machine.changed };
        charts.extend(Chart::of(trend));
    }
    for machine in machines.values_mut() {
        machine.changed.sort_by_key(|chart| std::cmp::Reverse((chart.regressed, chart.changed_at)));
    }
    let shifts = || trends.iter().flat_map(|trend| &trend.shifts);
    Page {
        version: env!("CARGO_PKG_VERSION"),
        series: trends.len(),
        changes: units::counted(shifts().count(), "change point"),
        regressed: shifts().filter(|shift| shift.is_regression()).count(),
        until: trends.iter().filter_map(|trend| Some(trend.points.last()?.started)).max().map(units::utc),
        machines: machines.into_values().collect(),
    }
    .render()
}

#[derive(Template)]
#[template(path = "history.html")]
struct Page {
    version: &'static str,
    series: usize,
    changes: String,
    /// Series whose newest level is slower than the one before.
    regressed: usize,
    /// When the newest run started.
    until: Option<String>,
    machines: Vec<Machine>,
}

struct Machine {
    name: String,
    changed: Vec<Chart>,
    steady: Vec<Chart>,
}

/// One series.
struct Chart {
    name: String,
    /// The picture in words.
    label: String,
    regressed: bool,
    /// When its last change was.
    changed_at: u64,
    /// A dot a run: a line of no length, which keeps its round ends however the box stretches.
    dots: String,
    /// A line a level.
    levels: Vec<[f64; 3]>,
    marks: Vec<Mark>,
    /// Places on the vertical axis.
    values: Vec<(f64, String)>,
    /// When the first and the last run were.
    times: [String; 2],
    latest: String,
    left_out: usize,
}

/// A change point.
struct Mark {
    x: f64,
    /// Which row its label is in, from the chart up.
    row: usize,
    /// Whether the label ends at the line instead of beginning there.
    leftwards: bool,
    class: &'static str,
    label: String,
    sentence: String,
}

impl Chart {
    /// `None` without a run that counts.
    fn of(trend: &Trend) -> Option<Chart> {
        let axes = Axes::around(&trend.points)?;
        let place = |(n, point): (usize, &Point)| format!("M{:.2} {:.2}h0", axes.x(n), axes.y(point.value));
        let (first, last) = (trend.points.first()?, trend.points.last()?);
        let name = visible(&trend.series);
        let runs = units::counted(trend.points.len(), "run");
        let changes = units::counted(trend.shifts.len(), "change point");
        Some(Chart {
            label: format!("{name}: {runs}, {changes}, latest {}", value(trend, last.value)),
            name,
            regressed: trend.shifts.iter().any(Shift::is_regression),
            changed_at: trend.shifts.last().map_or(0, |shift| shift.after.started),
            dots: trend.points.iter().enumerate().map(place).collect(),
            levels: levels(trend, &axes),
            marks: marks(trend, &axes),
            values: axes.ticks().into_iter().map(|tick| (axes.y(tick), value(trend, tick))).collect(),
            times: [units::utc(first.started), units::utc(last.started)],
            latest: format!("{} in {runs}", value(trend, last.value)),
            left_out: trend.left_out,
        })
    }

    /// Rows of labels above it.
    fn rows(&self) -> usize {
        self.marks.iter().map(|mark| mark.row + 1).max().unwrap_or(0)
    }
}

/// From, to and height of each level: the median of its runs.
fn levels(trend: &Trend, axes: &Axes) -> Vec<[f64; 3]> {
    let mut bounds: Vec<usize> = vec![0];
    bounds.extend(trend.shifts.iter().map(|shift| shift.at));
    bounds.push(trend.points.len());
    let level = |b: &[usize]| {
        let mut values: Vec<f64> = trend.points[b[0]..b[1]].iter().map(|point| point.value).collect();
        values.sort_by(f64::total_cmp);
        [axes.edge(b[0]), axes.edge(b[1]), axes.y(values[values.len() / 2])]
    };
    bounds.windows(2).map(level).collect()
}

/// The change points; labels that would lie on each other go up, row by row.
fn marks(trend: &Trend, axes: &Axes) -> Vec<Mark> {
    let mut free = [f64::NEG_INFINITY; ROWS];
    let mark = |shift: &Shift| {
        let x = axes.edge(shift.at);
        let leftwards = x > 100.0 - LABEL_GAP;
        let start = if leftwards { x - LABEL_GAP } else { x };
        let row = (0..ROWS).find(|&row| free[row] <= start).unwrap_or(ROWS - 1);
        free[row] = start + LABEL_GAP;
        let class = match shift.verdict {
            Verdict::Slower => "bad",
            Verdict::Faster => "good",
            Verdict::Equal | Verdict::Inconclusive => "quiet",
        };
        let label = format!("{} {}", units::change(shift.ratio), shift.cause());
        Mark { x, row, leftwards, class, label: visible(&label), sentence: visible(&sentence(shift)) }
    };
    trend.shifts.iter().map(mark).collect()
}

/// Runs from left to right, values from zero or near the smallest up.
struct Axes {
    runs: f64,
    low: f64,
    high: f64,
}

impl Axes {
    fn around(points: &[Point]) -> Option<Axes> {
        let values = || points.iter().map(|point| point.value);
        let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        // A tenth at least, so that a flat line lies flat and does not magnify its own noise.
        let reach = (high - low).max(high.abs() * 0.1).max(f64::MIN_POSITIVE);
        let middle = f64::midpoint(low, high);
        Some(Axes { runs: points.len() as f64, low: middle - reach * 0.58, high: middle + reach * 0.58 })
    }

    /// The middle of a run's share of the width.
    fn x(&self, run: usize) -> f64 {
        (run as f64 + 0.5) / self.runs * 100.0
    }

    /// Between a run and the one before.
    fn edge(&self, run: usize) -> f64 {
        run as f64 / self.runs * 100.0
    }

    fn y(&self, value: f64) -> f64 {
        (self.high - value) / (self.high - self.low) * 100.0
    }

    /// Three to seven round values.
    fn ticks(&self) -> Vec<f64> {
        let reach = self.high - self.low;
        let power = 10_f64.powf((reach / 3.0).log10().floor());
        let step = [5.0, 2.0, 1.0].into_iter().map(|n| n * power).find(|step| reach / step >= 3.0);
        let step = step.unwrap_or(power);
        let first = (self.low / step).ceil() as i64;
        (first..).map(|n| n as f64 * step).take_while(|tick| *tick <= self.high).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_round() {
        for (low, high) in [(0.0, 1.0), (1.24e6, 1.31e6), (0.98, 1.02), (3.0, 3000.0)] {
            let ticks = Axes { runs: 1.0, low, high }.ticks();
            assert!((3..=8).contains(&ticks.len()), "{ticks:?}");
            assert!(ticks.iter().all(|tick| (low..=high).contains(tick)), "{ticks:?}");
        }
    }
}
