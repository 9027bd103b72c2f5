//! Bencher's metric format: benchmark → measure → value with its bounds. Its own measure `latency` is in nanoseconds.

use std::collections::BTreeMap;

use serde::Serialize;

use super::points;
use crate::record::Record;

#[derive(Serialize)]
struct Metric {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

/// The longest name that Bencher takes, in characters.
const LONGEST: usize = 1024;

/// Renders the record.
///
/// # Errors
/// When the JSON cannot be written, which into memory does not happen.
pub fn render(record: &Record) -> serde_json::Result<String> {
    let metrics = points(record).into_iter().map(|(name, point)| {
        let metric = Metric {
            value: point.value,
            lower_value: point.interval.map(|interval| interval.low),
            upper_value: point.interval.map(|interval| interval.high),
        };
        let name: String = name.chars().take(LONGEST).collect();
        (name, BTreeMap::from([("latency", metric)]))
    });
    serde_json::to_string_pretty(&metrics.collect::<BTreeMap<_, _>>())
}
