//! The forms that benchmark trackers read: what a record measured, as numbers without verdicts.
//!
//! | form | described at |
//! | --- | --- |
//! | [`github_benchmark`] | <https://github.com/benchmark-action/github-action-benchmark>, `customSmallerIsBetter` |
//! | [`bencher`] | <https://bencher.dev/docs/reference/bencher-metric-format> |
//! | [`openmetrics`] | OpenMetrics 1.0, <https://prometheus.io/docs/specs/om/open_metrics_spec> |

pub mod bencher;
pub mod github_benchmark;
pub mod openmetrics;

use std::collections::BTreeMap;

use crate::record::{Cell, Cost, Record, Series};
use crate::run;
use crate::stats::{Interval, Sorted};

/// What was measured of one series: its median, or a percentile of an interference cell.
struct Point {
    /// What it is, by label.
    labels: Vec<(&'static str, String)>,
    /// Whether it is a cell of a matrix.
    is_interference: bool,
    /// Nanoseconds.
    value: f64,
    /// Of a median, where there are samples enough.
    interval: Option<Interval>,
    /// Median distance from the median, of a median.
    spread: Option<f64>,
    samples: usize,
}

/// All points of a record, each under its own name as `isolab compare` has it.
fn points(record: &Record) -> BTreeMap<String, Point> {
    let costs =
        record.costs.iter().flat_map(|cost| cost.series.iter().filter_map(|series| of_series(cost, series)));
    costs.chain(record.interference.iter().flat_map(of_cell)).collect()
}

fn of_series(cost: &Cost, series: &Series) -> Option<(String, Point)> {
    let labels = [("cost", &cost.id), ("launcher", &cost.launcher), ("series", &series.name)];
    let labels = labels.map(|(label, value)| (label, value.clone())).to_vec();
    let sorted = Sorted::nanos(&series.samples);
    let point = Point {
        labels,
        is_interference: false,
        value: sorted.median()?,
        interval: sorted.median_interval(),
        spread: sorted.mad(),
        samples: sorted.len(),
    };
    Some((run::series_name(cost, series), point))
}

/// The percentiles of a cell. Consecutive latencies depend on each other, so no interval is said of them.
fn of_cell(cell: &Cell) -> Vec<(String, Point)> {
    let sorted = Sorted::nanos(&cell.samples);
    let percentiles = [("p50", sorted.median()), ("p99", sorted.percentile(990))];
    let named = percentiles.into_iter().filter_map(|(percentile, value)| {
        let labels = run::cell_labels(cell).into_iter().chain([("percentile", percentile.to_owned())]);
        let point = Point {
            labels: labels.collect(),
            is_interference: true,
            value: value?,
            interval: None,
            spread: None,
            samples: sorted.len(),
        };
        Some((run::cell_name(cell, percentile), point))
    });
    named.collect()
}
