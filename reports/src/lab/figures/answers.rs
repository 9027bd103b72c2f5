//! The answers of the first screen: does it hold on every kernel, what changed in cost and in features, and how far to
//! trust that.

use super::changes::Change;
use super::columns::{Column, State};
use super::features::Features;
use super::guarantees::Guarantees;
use super::metrics::{Metric, Standing};
use super::rule::Family;
use crate::figures::answers::{Answer, Tone};
use crate::figures::verdict::Verdict;
use crate::lab::record::{Clock, Lab};
use crate::stats::Sorted;
use crate::text::visible;
use crate::units;

/// Metrics named in an answer, and half of the features; the sections have them all.
const MOST: usize = 3;

fn answer(question: &'static str, short: String, lines: Vec<String>, tone: Tone) -> Answer {
    Answer { question: question.to_string(), short, spread: String::new(), lines, tone }
}

/// Does it hold on every kernel?
pub(super) fn holds(guarantees: &Guarantees, columns: &[Column], baseline: usize) -> Answer {
    let question = "Does it hold on every kernel?";
    let (differing, broken) = (
        guarantees.differing().count(),
        guarantees.rows.iter().filter(|row| row.worst() <= Verdict::Unproven).count(),
    );
    let lost = guarantees.rows.iter().filter(|row| !row.lost(baseline).is_empty()).count();
    let (short, tone) = match (lost, differing, broken) {
        _ if guarantees.rows.is_empty() => ("Nothing was checked".to_string(), Tone::Plain),
        (0, 0, 0) => ("Yes, and alike".to_string(), Tone::Good),
        (0, 0, n) => (format!("Alike, {n} not holding"), Tone::Wary),
        (0, n, _) => (format!("{n} differ"), Tone::Wary),
        (n, _, _) => (format!("No: {n} lost"), Tone::Bad),
    };
    let line = |(place, column): (usize, &Column)| {
        let rest = Verdict::ALL.iter().filter(|verdict| **verdict != Verdict::Holds);
        let rest = rest.filter_map(|verdict| match guarantees.count(place, *verdict) {
            0 => None,
            n => Some(format!(", {n} {}", verdict.word())),
        });
        let rest: String = rest.collect();
        format!("{}: {} hold{rest}", column.name, guarantees.count(place, Verdict::Holds))
    };
    let checked = columns.iter().enumerate().filter(|(_, column)| column.checked);
    answer(question, short, checked.map(line).collect(), tone)
}

/// What changed in cost?
pub(super) fn costs(
    metrics: &[Metric],
    family: Family,
    not_judged: Option<&str>,
    columns: &[Column],
) -> Answer {
    let question = "What changed in cost?";
    let count = |standing| metrics.iter().filter(|metric| metric.standing() == standing).count();
    let [changed, provisional, same] = [Standing::Changed, Standing::Provisional, Standing::Same].map(count);
    let (short, tone) = match (changed, provisional, same) {
        (0, 0, 0) => ("Not compared".to_string(), Tone::Plain),
        (0, _, _) if family.comparisons == 0 => ("Too few boots to say".to_string(), Tone::Wary),
        (0, 0, _) => ("Nothing".to_string(), Tone::Good),
        (0, _, _) => ("Nothing so far".to_string(), Tone::Wary),
        (n, _, _) => (format!("{n} of {} metrics", metrics.len()), Tone::Plain),
    };
    let largest = |metric: &Metric| {
        let changes = metric.changes.iter().zip(columns);
        let changes = changes.filter_map(|(change, column)| Some((change.as_ref()?, column)));
        let size = |change: &Change| if metric.differs() { change.weight } else { change.provisional };
        let (change, column) = changes.max_by(|(a, _), (b, _)| size(a).total_cmp(&size(b)))?;
        let sign = if metric.differs() { "" } else { "?\u{a0}" };
        (size(change) > 0.0).then(|| format!("{} on {}: {sign}{}", metric.id, column.name, change.line()))
    };
    // What changed most comes first, and what may have changed after it.
    let mut lines: Vec<String> = metrics.iter().filter_map(largest).take(MOST).collect();
    lines.extend(not_judged.map(str::to_string));
    lines.extend(chance(family));
    answer(question, short, lines, tone)
}

/// How many false alarms the rule leads one to expect.
fn chance(family: Family) -> Option<String> {
    let Family { comparisons, by_chance } = family;
    let places = if by_chance < 0.95 { 2 } else { 0 };
    (comparisons > 0).then(|| {
        format!(
            "if nothing had changed, chance would call at most {by_chance:.places$} of {comparisons} comparisons changes"
        )
    })
}

/// Which features differ?
pub(super) fn features(features: &Features) -> Answer {
    let question = "Which features differ?";
    let probed = features.everywhere.len() + features.nowhere.len() + features.differing.len();
    let (short, tone) = match (probed, features.differing.len()) {
        (0, _) => ("Not probed".to_string(), Tone::Plain),
        (_, 0) => ("None".to_string(), Tone::Good),
        (_, n) => (format!("{n} of {probed}"), Tone::Plain),
    };
    let lines = features.differing.iter().take(2 * MOST).map(|row| row.name.clone()).collect();
    answer(question, short, lines, tone)
}

/// How much to trust it?
pub(super) fn trusts(lab: &Lab, columns: &[Column], metrics: &[Metric]) -> Answer {
    let unsound: Vec<&Column> = columns.iter().filter(|column| column.state != State::Complete).collect();
    let failed = unsound.iter().filter(|column| column.failed() > 0).count();
    let (short, tone) = match (failed, unsound.len()) {
        (0, 0) => ("Every boot ran".to_string(), Tone::Good),
        (0, _) => ("Not all boots yet".to_string(), Tone::Wary),
        (n, _) => (format!("{n} kernel{} failed boots", if n == 1 { "" } else { "s" }), Tone::Bad),
    };
    let mut lines: Vec<String> =
        unsound.iter().map(|column| format!("{}: {}", column.name, column.status())).collect();
    lines.push(match lab.clock {
        Clock::Counted => "counted clock: instructions, not cycles or cache misses".to_string(),
        Clock::Real => "real clock: the host's noise is in the numbers".to_string(),
    });
    lines.extend(lab.clock_reason.as_deref().map(visible));
    let totals =
        metrics.iter().flat_map(|metric| metric.figures.iter().flatten()).map(|figure| figure.total.summary);
    let totals = totals.filter(|total| total.n > 1);
    let relative = Sorted::values(totals.map(|total| total.mad / total.median.max(1.0)));
    if let Some(spread) = relative.median() {
        lines.push(format!("typical spread over boots ±{}", units::percent(spread)));
    }
    answer("How much to trust it?", short, lines, tone)
}
