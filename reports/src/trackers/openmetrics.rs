//! OpenMetrics text: gauges of seconds with labels, whether guarantees hold, and what the run was.

use super::{Point, points};
use crate::figures::verdict::Verdict;
use crate::record::Record;

/// Renders the record.
#[must_use]
pub fn render(record: &Record) -> String {
    let points = points(record);
    let of = |is_interference| points.values().filter(move |point| point.is_interference == is_interference);
    let mut text = String::new();
    let run = [
        ("isolab", record.isolab.clone()),
        ("command", record.command.clone()),
        ("revision", record.revision.clone().unwrap_or_default()),
        ("cpu", record.host.cpu.clone()),
        ("kernel", record.host.kernel.clone()),
    ];
    family(&mut text, "isolab_run", "info", "", "What was run, and where");
    sample(&mut text, "isolab_run_info", &run, 1.0);
    family(&mut text, "isolab_start_seconds", "gauge", "seconds", "When it started, since the epoch");
    sample(&mut text, "isolab_start_seconds", &[], record.started as f64);
    seconds(&mut text, "isolab_cost_seconds", "Median time of a series", of(false));
    counts(&mut text, "isolab_cost_samples", "Samples of a series", of(false));
    seconds(&mut text, "isolab_interference_seconds", "Percentile of a victim's latency", of(true));
    counts(&mut text, "isolab_interference_samples", "Samples of a victim", of(true));
    guarantees(&mut text, record);
    text.push_str("# EOF\n");
    text
}

fn seconds<'p>(text: &mut String, name: &str, help: &str, points: impl Iterator<Item = &'p Point>) {
    family(text, name, "gauge", "seconds", help);
    points.for_each(|point| sample(text, name, &point.labels, point.value / 1e9));
}

fn counts<'p>(text: &mut String, name: &str, help: &str, points: impl Iterator<Item = &'p Point>) {
    family(text, name, "gauge", "", help);
    points.for_each(|point| sample(text, name, &point.labels, point.samples as f64));
}

/// Only what was tested has a value.
fn guarantees(text: &mut String, record: &Record) {
    let name = "isolab_guarantee_holds";
    family(text, name, "gauge", "", "Whether a guarantee holds (1) or is broken (0)");
    let tested = record.guarantees.iter().filter_map(|guarantee| {
        let holds = match Verdict::of(guarantee) {
            Verdict::Holds => 1.0,
            Verdict::Broken => 0.0,
            Verdict::Unproven | Verdict::NotTestable | Verdict::NotOffered => return None,
        };
        Some(((guarantee.id.clone(), guarantee.launcher.clone()), holds))
    });
    // A series may be there once only.
    for ((id, launcher), holds) in tested.collect::<std::collections::BTreeMap<_, _>>() {
        sample(text, name, &[("guarantee", id), ("launcher", launcher)], holds);
    }
}

/// The lines before a metric family's samples. Where it has a unit, its name ends with it.
fn family(text: &mut String, name: &str, kind: &str, unit: &str, help: &str) {
    text.push_str(&format!("# TYPE {name} {kind}\n"));
    if !unit.is_empty() {
        text.push_str(&format!("# UNIT {name} {unit}\n"));
    }
    text.push_str(&format!("# HELP {name} {help}\n"));
}

fn sample(text: &mut String, name: &str, labels: &[(&'static str, String)], value: f64) {
    let labels: Vec<String> =
        labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    text.push_str(&format!("{name}{labels} {value}\n"));
}

/// A label's value: backslash, quote and line feed are escaped.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
