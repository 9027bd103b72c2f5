//! What github-action-benchmark reads as `customSmallerIsBetter`: a list of `name`, `unit`, `value`, `range`, `extra`.

use serde::Serialize;

use super::{Point, points};
use crate::record::Record;

#[derive(Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    /// Shown behind the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    /// Shown when the point is pointed at, a fact a line.
    extra: String,
}

/// Renders the record.
///
/// # Errors
/// When the JSON cannot be written, which into memory does not happen.
pub fn render(record: &Record) -> serde_json::Result<String> {
    let entries = points(record).into_iter().map(|(name, point)| entry(record, name, &point));
    serde_json::to_string_pretty(&entries.collect::<Vec<_>>())
}

fn entry(record: &Record, name: String, point: &Point) -> Entry {
    let revision = record.revision.as_ref().map(|revision| format!("\nrevision {revision}"));
    Entry {
        name,
        unit: "ns",
        value: point.value,
        range: point.spread.map(|spread| format!("± {spread:.0}")),
        extra: format!(
            "samples {}\n{}, Linux {}{}",
            point.samples,
            record.host.cpu,
            record.host.kernel,
            revision.unwrap_or_default()
        ),
    }
}
