//! Costs and latencies as a table with the kernels as columns. Where they do not fit the width, it is repeated for the rest
//! of them, each time with the baseline.

use crate::lab::figures::changes::{Change, Delta, Judgement};
use crate::lab::figures::metrics::{Figure, Metric, Spread, Standing};
use crate::lab::figures::{Figures, by_group};
use crate::terminal::{Page, Paint, Text};

/// Metrics shown; the HTML page has them all.
const MOST_METRICS: usize = 16;
/// Columns for a kernel.
const COLUMN: usize = 14;
/// Columns for the name of a row.
const NAME: usize = 10;

/// Places of the kernels, as many at once as fit beside a name; the baseline is in each.
fn spreads(page: &Page, figures: &Figures) -> Vec<Vec<usize>> {
    let fit = (page.width().saturating_sub(NAME + 4) / (COLUMN + 2)).max(2);
    let measured = figures.measured();
    let others: Vec<usize> = measured.into_iter().filter(|place| *place != figures.baseline).collect();
    if others.is_empty() {
        return vec![vec![figures.baseline]];
    }
    let with_baseline = |others: &[usize]| {
        let mut places = others.to_vec();
        places.push(figures.baseline);
        places.sort_unstable();
        places
    };
    others.chunks(fit - 1).map(with_baseline).collect()
}

/// What changed most, kernel by kernel; then what may have; how many did not.
pub(super) fn costs(page: &mut Page, figures: &Figures) {
    if figures.metrics.is_empty() {
        return;
    }
    let baseline = figures.columns.get(figures.baseline).map_or("", |column| &column.name);
    let changed: Vec<&Metric> = figures.changed().collect();
    let provisional: Vec<&Metric> = figures.standing(Standing::Provisional).collect();
    if !changed.is_empty() {
        page.title(&format!("Costs and latencies against {baseline}, what changed most first"));
        table(page, figures, &changed);
    }
    if !provisional.is_empty() {
        page.title(&format!("Costs and latencies against {baseline}, not judged yet, largest first"));
        let so_far = "Provisional: none of this is a finding.";
        let not_judged = figures.not_judged.as_deref().unwrap_or_default();
        page.paragraph(2, Paint::Wary, format!("{so_far} {not_judged}").trim_end());
        table(page, figures, &provisional);
    }
    if changed.is_empty() && provisional.is_empty() {
        page.title(&format!("Costs and latencies against {baseline}"));
    }
    for (label, standing) in
        [("No change to be seen:", Standing::Same), ("Nothing to compare with:", Standing::Alone)]
    {
        let groups = by_group(figures.standing(standing));
        if !groups.is_empty() {
            page.labelled(2, label, Paint::Quiet, &groups);
        }
    }
    page.paragraph(2, Paint::Quiet, LEGEND);
}

const LEGEND: &str = "Medians over boots. (a to b): the change lies within, with 99 % confidence; [a to b]: too few boots for \
                      that, the range. ?: not judged. ≈: no change, because it is less than 0.5 %, or no surer than chance \
                      makes one of so many.";

/// Metrics, and how many more there are.
fn table(page: &mut Page, figures: &Figures, metrics: &[&Metric]) {
    let (shown, more) = metrics.split_at(metrics.len().min(MOST_METRICS));
    for places in spreads(page, figures) {
        let columns = vec![COLUMN; places.len()];
        let names: Vec<Text> = places
            .iter()
            .map(|place| Text::right(short(&figures.columns[*place].name)).painted(Paint::Quiet))
            .collect();
        page.row("", Paint::Plain, &names, &columns);
        for metric in shown {
            page.paragraph(2, Paint::Strong, &metric.id);
            parts(page, metric, &places, figures.baseline);
            for place in &places {
                if let Some(change) = metric.changes[*place].as_ref().and_then(about) {
                    page.labelled(4, &format!("{}:", figures.columns[*place].name), Paint::Quiet, &change);
                }
            }
        }
    }
    if !more.is_empty() {
        let groups = by_group(more.iter().copied());
        page.paragraph(2, Paint::Quiet, &format!("and {} more in the HTML report: {groups}", more.len()));
    }
}

/// Total, on CPU and waiting; intervals below what differs.
fn parts(page: &mut Page, metric: &Metric, places: &[usize], baseline: usize) {
    type Part = (&'static str, fn(&Figure) -> Option<&Spread>, fn(&Change) -> Option<&Delta>);
    const PARTS: [Part; 3] = [
        ("total", |figure| Some(&figure.total), |change| Some(&change.total)),
        ("on CPU", |figure| figure.on_cpu.as_ref(), |change| change.on_cpu.as_ref()),
        ("waiting", |figure| figure.waiting.as_ref(), |change| change.waiting.as_ref()),
    ];
    let columns = vec![COLUMN; places.len()];
    for (name, spread, delta) in PARTS {
        if metric.figures.iter().flatten().all(|figure| spread(figure).is_none()) {
            continue;
        }
        let deltas = |place: &usize| metric.changes[*place].as_ref().and_then(delta);
        let value = |place: &usize| match (deltas(place), &metric.figures[*place]) {
            (Some(delta), _) => judged(delta),
            (None, Some(figure)) if *place == baseline => {
                Text::right(spread(figure).map_or(String::new(), |spread| spread.summary.value()))
            }
            _ => Text::right("–").painted(Paint::Quiet),
        };
        let values: Vec<Text> = places.iter().map(value).collect();
        page.row(&format!("\u{a0}\u{a0}{name}"), Paint::Plain, &values, &columns);
        let bounds: Vec<String> = places.iter().map(|place| narrow(deltas(place))).collect();
        let matter = places.iter().filter_map(deltas).any(|delta| delta.differs() || delta.may_differ());
        if matter && bounds.iter().any(|bounds| !bounds.is_empty()) {
            let bounds: Vec<Text> =
                bounds.into_iter().map(|bounds| Text::right(bounds).painted(Paint::Quiet)).collect();
            page.row("", Paint::Plain, &bounds, &columns);
        }
    }
}

/// A change, with a sign where it is none.
fn judged(delta: &Delta) -> Text {
    let grew = delta.difference.median > 0.0;
    match delta.judgement {
        Judgement::Differs => {
            Text::right(delta.value()).painted(if grew { Paint::Wary } else { Paint::Good })
        }
        Judgement::Within => Text::right(format!("≈ {}", delta.value())).painted(Paint::Quiet),
        Judgement::Unclear => {
            let paint = if delta.matters { Paint::Plain } else { Paint::Quiet };
            Text::right(format!("? {}", delta.value())).painted(paint)
        }
    }
}

/// Bounds as short as the column: `(36–41)`, in percent as above, or `(1.1–1.3ms)`.
fn narrow(delta: Option<&Delta>) -> String {
    let bounds = delta.map_or(String::new(), Delta::bounds);
    let bounds = bounds.replace("\u{a0}%", "").replace(" to ", "–\u{2060}").replace(['+', '\u{a0}'], "");
    // The word joiner takes no column; the sign in the line above says that there is no interval.
    match bounds.chars().count() - bounds.matches('\u{2060}').count() <= COLUMN {
        true => bounds,
        false => bounds.trim_matches(['(', ')', '[', ']']).to_string(),
    }
}

/// Where a change is, and whether the full launch has it.
fn about(change: &Change) -> Option<String> {
    if !change.differs() && !change.may_differ() {
        return None;
    }
    let steps =
        change.steps.iter().map(|step| format!("{} {}", step.primitive, step.difference.difference_value()));
    let mut said: Vec<String> = steps.collect();
    if !change.nature().is_empty() {
        said.insert(0, change.nature().to_string());
    }
    said.extend(change.in_full.map(|in_full| in_full.words().to_string()));
    let said = said.join("; ");
    (!said.is_empty()).then(|| if change.differs() { said } else { format!("? {said}") })
}

/// A kernel's name within its column.
fn short(name: &str) -> String {
    if name.chars().count() <= COLUMN {
        return name.to_string();
    }
    // The end of a long name tells more than its begin: a version, a file.
    let tail: Vec<char> = name.chars().rev().take(COLUMN - 1).collect();
    std::iter::once('…').chain(tail.into_iter().rev()).collect()
}
