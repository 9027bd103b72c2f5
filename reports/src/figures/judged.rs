//! Did it change? What the pairs of two series say by a rule.

use super::answers::{Answer, Tone};
use crate::record::{Judged, Record, Series};
use crate::text::visible;
use crate::verdict::{Conclusion, Pair, Verdict};

/// An answer for each comparison; none of series that the record has not.
pub(super) fn answers(record: &Record) -> Vec<Answer> {
    record.comparisons.iter().filter_map(|judged| answer(record, judged)).collect()
}

fn answer(record: &Record, judged: &Judged) -> Option<Answer> {
    let cost = record.costs.iter().find(|cost| cost.id == judged.cost)?;
    let series = |name: &str| cost.series.iter().find(|series| series.name == name);
    let samples =
        |series: &'_ Series| if judged.on_cpu { series.on_cpu.clone() } else { series.samples.clone() };
    let (a, b) = (samples(series(&judged.a)?), samples(series(&judged.b)?));
    let pairs: Vec<Pair> = a.into_iter().zip(b).map(|(a, b)| Pair::of([a, b])).collect();
    let conclusion = Conclusion::of(judged.rule, &pairs)?;
    let what = if judged.on_cpu { "CPU time" } else { "time" };
    let mut lines = vec![visible(&judged.a), visible(&judged.b), format!("{what}: {}", conclusion.line())];
    lines.extend(judged.calibration.as_ref().map(|calibration| visible(&calibration.line())));
    Some(Answer {
        question: "Did it change?".into(),
        short: conclusion.verdict.word().into(),
        spread: format!("{} pairs", conclusion.pairs),
        lines,
        tone: match conclusion.verdict {
            Verdict::Slower => Tone::Bad,
            Verdict::Inconclusive => Tone::Wary,
            Verdict::Equal => Tone::Plain,
            Verdict::Faster => Tone::Good,
        },
    })
}
