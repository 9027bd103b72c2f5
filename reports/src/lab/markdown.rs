//! Markdown for a pull request: the summary first, details folded.
//!
//! GitHub's flavour: tables, and HTML's `details`. Whatever came from a guest stands in code spans, where neither markup
//! nor a mention is one.

use super::Lab;
use super::figures::changes::{Delta, Judgement};
use super::figures::features::Offer;
use super::figures::guarantees::Row;
use super::figures::metrics::{Metric, Standing};
use super::figures::{Figures, by_group};
use crate::figures::verdict::Verdict;
use crate::markup::{code, fold, words};

/// Largest summary that GitHub takes is 1 MiB; what would go beyond is left out and said.
const MOST_BYTES: usize = 1_000_000;
/// Facts shown for a kernel's verdict; the HTML page has them all.
const MOST_FACTS: usize = 3;
/// Metrics shown that cannot be judged yet; likewise.
const MOST_PROVISIONAL: usize = 16;

/// Renders the lab.
pub fn render(lab: &Lab) -> String {
    let figures = Figures::of(lab);
    let baseline = figures.columns.get(figures.baseline).map_or("nothing", |column| &column.name);
    let mut text =
        format!("## Kernels against {}\n\n{}{}", code(baseline), answers(&figures), kernels(&figures));
    let changed: Vec<&Metric> = figures.changed().collect();
    let [provisional, unchanged, alone] = [Standing::Provisional, Standing::Same, Standing::Alone]
        .map(|standing| figures.standing(standing).collect::<Vec<&Metric>>());
    let differing: Vec<&Row> = figures.guarantees.differing().collect();
    let same: Vec<&Row> = figures.guarantees.same().collect();
    let sections = [
        ("### Guarantees that differ".to_string(), guarantees(&figures, &differing)),
        ("### Costs that changed".to_string(), costs(&figures, &changed)),
        (
            "### Costs that cannot be judged yet, largest first".to_string(),
            not_judged(&figures, &provisional[..provisional.len().min(MOST_PROVISIONAL)]),
        ),
        ("### Features that differ".to_string(), features(&figures)),
        (
            fold(&format!("Evidence where guarantees differ ({})", differing.len())),
            evidence(&figures, &differing),
        ),
        (fold(&format!("Guarantees that do not differ ({})", same.len())), guarantees(&figures, &same)),
        (
            fold(&format!("Costs without a change to be seen ({})", by_group(unchanged.iter().copied()))),
            costs(&figures, &unchanged),
        ),
        (
            fold(&format!("Costs with nothing to compare them with ({})", alone.len())),
            costs(&figures, &alone),
        ),
        (fold(&format!("What else differs ({})", figures.host_rows.len())), host(&figures)),
        (fold(&format!("Could not be tested ({})", figures.gaps.len())), gaps(&figures)),
        (fold("How to read this"), READING.to_string()),
    ];
    for (heading, body) in sections {
        let end = if heading.starts_with("<details>") { "\n</details>\n" } else { "" };
        if body.is_empty() {
            continue;
        }
        if text.len() + heading.len() + body.len() > MOST_BYTES {
            text.push_str("\nMore is in the HTML report: it would not fit here.\n");
            break;
        }
        text.push_str(&format!("\n{heading}\n\n{body}{end}"));
    }
    text
}

const READING: &str = "\
- Each boot gives one median; a figure is the median over the boots of a kernel, ± their median absolute deviation.
- `+3.1 % (+2.8 to +3.3 %)`: the change, and an interval that covers it with at least 99 % confidence (Hodges-Lehmann, \
Mann-Whitney). `[ ]` is the range of too few boots for an interval.
- ≈: no change, because no change is within the interval, it is less than 0.5 % (of time on CPU, or of the total), or it is \
no surer than chance makes one of so many comparisons: of what is called a change, at most 5 % are expected to be none \
(Benjamini-Hochberg). ?: too few boots to say.
";

fn answers(figures: &Figures) -> String {
    let line = |answer: &crate::figures::answers::Answer| {
        let lines: String = answer.lines.iter().map(|line| format!("  - {}\n", words(line))).collect();
        format!("- {} **{}**\n{lines}", answer.question, words(&answer.short))
    };
    figures.answers.iter().map(line).collect()
}

fn kernels(figures: &Figures) -> String {
    let mut text = String::from("\n| kernel | release | from | boots |\n| --- | --- | --- | --- |\n");
    for column in &figures.columns {
        let baseline = if column.is_baseline { " (baseline)" } else { "" };
        let release = column.release.as_deref().map_or("–".to_string(), code);
        let cells = [code(&column.name), release, code(&column.source), words(&column.status())];
        text.push_str(&format!("| {}{baseline} | {} | {} | {} |\n", cells[0], cells[1], cells[2], cells[3]));
    }
    for column in &figures.columns {
        for failure in &column.failures {
            let summary = format!("{} ({}): {}", column.name, failure.boots.join(", "), failure.how);
            let tail: String = failure.tail.iter().map(|line| format!("    {line}\n")).collect();
            text.push_str(&format!("\n{}\n\n{tail}\n</details>\n", fold(&summary)));
        }
    }
    text
}

/// A table with the kernels as columns.
fn table(figures: &Figures, first: &str, rows: impl Iterator<Item = (String, Vec<String>)>) -> String {
    let names: String = figures.columns.iter().map(|column| format!(" {} |", code(&column.name))).collect();
    let rule = " --- |".repeat(figures.columns.len());
    let rows: String = rows.map(|(name, cells)| format!("| {name} | {} |\n", cells.join(" | "))).collect();
    if rows.is_empty() { rows } else { format!("| {first} |{names}\n| --- |{rule}\n{rows}") }
}

fn guarantees(figures: &Figures, rows: &[&Row]) -> String {
    let cell = |cell: &Option<crate::figures::guarantees::Finding>| match cell {
        Some(finding) if finding.verdict == Verdict::Broken => {
            format!("**{} broken**", finding.verdict.sign())
        }
        Some(finding) => format!("{} {}", finding.verdict.sign(), finding.verdict.word()),
        None => "not checked".to_string(),
    };
    let row = |row: &&Row| {
        (format!("{} ({})", code(&row.id), words(&row.launcher)), row.cells.iter().map(cell).collect())
    };
    table(figures, "guarantee", rows.iter().map(row))
}

fn evidence(figures: &Figures, rows: &[&Row]) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&format!("- {} ({}): {}\n", code(&row.id), words(&row.launcher), words(&row.promise)));
        for (places, finding) in row.findings() {
            text.push_str(&format!("  - {}: {}", code(&figures.names(&places)), finding.verdict.word()));
            // On the side where it holds, the facts that others contradict are what the reader wants to see.
            let facts = finding.evidence.iter().take(MOST_FACTS);
            let fact = |fact: &crate::record::Evidence| {
                format!("; {} {}, found {}", code(&fact.fact), words(&fact.expected), code(&fact.found))
            };
            text.extend(facts.map(fact));
            text.extend(finding.reason.as_deref().map(|reason| format!("; {}", words(reason))));
            text.push('\n');
        }
    }
    text
}

fn costs(figures: &Figures, metrics: &[&Metric]) -> String {
    let cell = |metric: &Metric, place: usize| match (&metric.figures[place], &metric.changes[place]) {
        (None, _) => "–".to_string(),
        (Some(figure), None) => figure.total.summary.line(),
        (Some(figure), Some(change)) => {
            let mut text = format!("{}, {}", figure.total.summary.value(), judged(&change.total));
            for (name, delta) in [("on CPU", &change.on_cpu), ("waiting", &change.waiting)] {
                if let Some(delta) = delta.as_ref().filter(|delta| delta.differs() || delta.may_differ()) {
                    text.push_str(&format!("<br>{name} {}", delta.difference.difference_value()));
                }
            }
            let steps = change.steps.iter();
            let steps = steps
                .map(|step| format!("<br>{} {}", words(&step.primitive), step.difference.difference_value()));
            text.extend(steps);
            text.extend(change.in_full.map(|in_full| format!("<br>{}", in_full.words())));
            text
        }
    };
    let row = |metric: &&Metric| {
        (code(&metric.id), (0..figures.columns.len()).map(|place| cell(metric, place)).collect())
    };
    table(figures, "metric", metrics.iter().map(row))
}

/// What there is before it can be judged, and what that takes.
fn not_judged(figures: &Figures, metrics: &[&Metric]) -> String {
    let table = costs(figures, metrics);
    match &figures.not_judged {
        Some(not_judged) if !table.is_empty() => {
            format!("None of this is a finding. {}.\n\n{table}", words(not_judged))
        }
        _ => table,
    }
}

fn judged(delta: &Delta) -> String {
    match delta.judgement {
        Judgement::Differs => format!("**{}** {}", delta.value(), delta.bounds()),
        Judgement::Within => format!("≈ {} {}", delta.value(), delta.bounds()),
        Judgement::Unclear => format!("? {} {}", delta.value(), delta.bounds()),
    }
}

fn features(figures: &Figures) -> String {
    let cell = |offer: &Option<Offer>| match offer {
        Some(Offer::Available) => "✓".to_string(),
        Some(Offer::Missing(reason)) => format!("– {}", words(reason)),
        None => "not probed".to_string(),
    };
    let rows = figures.features.differing.iter();
    table(figures, "feature", rows.map(|row| (code(&row.name), row.cells.iter().map(cell).collect())))
}

fn host(figures: &Figures) -> String {
    let cell = |cell: &Option<String>| cell.as_deref().map_or("not known".to_string(), code);
    let rows = figures.host_rows.iter();
    table(figures, "", rows.map(|row| (words(&row.label), row.cells.iter().map(cell).collect())))
}

fn gaps(figures: &Figures) -> String {
    let line = |gap: &super::figures::gaps::Gap| {
        let kernels = match gap.kernels.is_empty() {
            true => String::new(),
            false => format!(
                " on {}",
                gap.kernels.iter().map(|kernel| code(kernel)).collect::<Vec<_>>().join(", ")
            ),
        };
        let what = words(&gap.what.join(", "));
        format!("- {what}{kernels}: {}. Remedy: {}\n", words(&gap.reason), words(&gap.remedy))
    };
    figures.gaps.iter().map(line).collect()
}
