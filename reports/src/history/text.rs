//! The history for people at a terminal. Pure: the caller prints the text.

use super::{Kept, Scope, Shift, Trend};
use crate::terminal::{Page, Paint, Style};
use crate::text::visible;
use crate::units;
use crate::verdict::Verdict;

/// Columns of a sparkline at most.
const LINE: usize = 48;

/// Heights of a sparkline.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A line a run, newest last.
#[must_use]
pub fn list(runs: &[Kept], style: &Style, width: usize) -> String {
    let mut page = Page::new(style, width);
    for kept in runs {
        let run = &kept.run;
        let revision = run.revision.as_deref().unwrap_or("revision unknown");
        let busy = if run.busy.is_empty() { "" } else { ", busy" };
        let text = format!(
            "{}  {revision}  {}: {}, {}{busy}; {}",
            units::utc(run.started),
            run.command,
            units::counted(run.figures.len(), "series"),
            units::counted(run.guarantees.len(), "guarantee"),
            run.place,
        );
        page.labelled(0, &format!("#{:<4}", kept.id), Paint::Plain, &visible(&text));
    }
    page.paragraph(0, Paint::Quiet, &format!("{} in the history", units::counted(runs.len(), "run")));
    page.finish(None)
}

/// Each series over time, below its machine.
#[must_use]
pub fn show(trends: &[&Trend], style: &Style, width: usize) -> String {
    let mut page = Page::new(style, width);
    let mut machine = None;
    for trend in trends {
        if machine != Some(&trend.machine) {
            page.title(&visible(&trend.machine));
            machine = Some(&trend.machine);
        }
        page.paragraph(2, Paint::Strong, &visible(&trend.series));
        page.paragraph(4, Paint::Plain, &line(trend));
        for shift in &trend.shifts {
            page.paragraph(4, paint(shift), &visible(&sentence(shift)));
        }
    }
    page.finish(None)
}

/// The changes within a scope: those that count as regressions first, then the newest first.
#[must_use]
pub fn changes(trends: &[&Trend], scope: Scope<'_>, style: &Style, width: usize) -> String {
    let mut page = Page::new(style, width);
    let mut all: Vec<(&Trend, &Shift)> =
        trends.iter().flat_map(|trend| trend.within(scope).map(|shift| (*trend, shift))).collect();
    all.sort_by(|(_, a), (_, b)| {
        let newest = b.after.started.cmp(&a.after.started);
        b.is_regression().cmp(&a.is_regression()).then(newest).then(b.ratio.total_cmp(&a.ratio))
    });
    for (trend, shift) in &all {
        page.paragraph(0, Paint::Strong, &visible(&trend.series));
        page.paragraph(2, paint(shift), &visible(&sentence(shift)));
        page.paragraph(2, Paint::Quiet, &visible(&trend.machine));
    }
    let regressions = all.iter().filter(|(_, shift)| shift.is_regression()).count();
    let found = format!("{} in {} series", units::counted(all.len(), "change point"), trends.len());
    page.paragraph(
        0,
        Paint::Strong,
        &match regressions {
            0 => found,
            some => format!("{found}; the newest level of {some} is slower than the one before"),
        },
    );
    page.finish(None)
}

/// The sparkline, how many runs it shows, and the latest of them.
fn line(trend: &Trend) -> String {
    let left_out = match trend.left_out {
        0 => String::new(),
        some => format!(", {some} left out (a busy host, or fewer than 10 samples)"),
    };
    let runs = units::counted(trend.points.len(), "run");
    match trend.points.last() {
        Some(latest) => {
            let values: Vec<f64> = trend.points.iter().map(|point| point.value).collect();
            let latest = value(trend, latest.value);
            format!("{} latest\u{a0}{latest}, {runs}{left_out}", sparkline(&values))
        }
        None => format!("no run that counts{left_out}"),
    }
}

/// A value of a trend with its unit.
pub(crate) fn value(trend: &Trend, value: f64) -> String {
    if trend.is_ratio { format!("×{value:.3}") } else { units::nanos(value) }
}

/// `✗ slower +5.2 % (+4.9 % to +5.6 %) on 2026-01-02 at def: last before abc, first after def`.
pub(crate) fn sentence(shift: &Shift) -> String {
    let interval =
        shift.interval.map(|[low, high]| format!(" ({} to {})", units::change(low), units::change(high)));
    let word = match shift.verdict {
        Verdict::Equal => "changed within the margin",
        Verdict::Inconclusive => "changed, perhaps within the margin",
        verdict => verdict.word(),
    };
    format!(
        "{} {word}: {}{} since {}, {}",
        shift.verdict.sign(),
        units::change(shift.ratio),
        interval.unwrap_or_default(),
        units::utc(shift.after.started),
        shift.range(),
    )
}

fn paint(shift: &Shift) -> Paint {
    match shift.verdict {
        Verdict::Slower => Paint::Bad,
        Verdict::Faster => Paint::Good,
        Verdict::Equal | Verdict::Inconclusive => Paint::Quiet,
    }
}

/// Where there are more values than columns, a column is the middle one of its values by size.
fn sparkline(values: &[f64]) -> String {
    let size = values.len().div_ceil(LINE).max(1);
    let columns: Vec<f64> = values
        .chunks(size)
        .map(|chunk| {
            let mut sorted = chunk.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2]
        })
        .collect();
    let low = columns.iter().copied().fold(f64::INFINITY, f64::min);
    let high = columns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // A tenth at least, so that a flat line lies flat and does not magnify its own noise.
    let reach = (high - low).max(low.abs() * 0.1).max(f64::MIN_POSITIVE);
    let bar = |value: &f64| BARS[(((value - low) / reach * 7.0).round() as usize).min(7)];
    columns.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_shows_levels_and_not_noise() {
        assert_eq!(sparkline(&[100.0, 101.0, 200.0, 201.0]), "▁▁██");
        assert_eq!(sparkline(&[100.0, 101.0, 100.5]), "▁▂▁");
        assert_eq!(sparkline(&[5.0]), "▁");
        assert_eq!(sparkline(&vec![1.0; 1000]).chars().count(), 48);
    }
}
