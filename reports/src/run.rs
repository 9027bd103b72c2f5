//! A run: what one record says, a figure for each series. It is the unit that records of different times are compared by, and what the
//! history keeps.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::figures::trust;
use crate::figures::verdict::Verdict;
use crate::record::{Cell, Cost, Record, Series};
use crate::stats::{Paired, Sorted};

/// What one record says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Commit of the code that was measured, where the record knows it.
    pub revision: Option<String>,
    /// Seconds since the epoch at which it started.
    pub started: u64,
    /// What ran it.
    pub command: String,
    /// Where it ran.
    pub place: Place,
    /// Why the host counts as busy; empty when it was quiet.
    pub busy: Vec<String>,
    /// By `COST/LAUNCHER/SERIES`, or `MATRIX/VICTIM/AGGRESSOR/PROTECTION p50`.
    pub figures: BTreeMap<String, Figure>,
    /// By `ID/LAUNCHER`.
    pub guarantees: BTreeMap<String, String>,
}

/// A machine and its kernel. Machines of one kind count as one: runners of a fleet come and go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// CPU model, number of CPUs, memory, architecture.
    pub machine: String,
    /// `uname -r`.
    pub kernel: String,
}

/// One series of one run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Number of samples.
    pub samples: usize,
    /// Median, in nanoseconds; of an interference cell the percentile.
    pub median: f64,
    /// Median of the ratios to the series that it was interleaved with, where it was.
    pub against: Option<f64>,
}

impl Run {
    /// What a record says.
    #[must_use]
    pub fn of(record: &Record) -> Run {
        let guarantee = |guarantee: &crate::record::Guarantee| {
            (format!("{}/{}", guarantee.id, guarantee.launcher), Verdict::of(guarantee).word().to_owned())
        };
        let mut figures: BTreeMap<String, Figure> = record.costs.iter().flat_map(series).collect();
        figures.extend(record.interference.iter().flat_map(cell));
        Run {
            revision: record.revision.clone(),
            started: record.started,
            command: record.command.clone(),
            place: Place::of(record),
            busy: trust::busy(record),
            figures,
            guarantees: record.guarantees.iter().map(guarantee).collect(),
        }
    }
}

impl Place {
    /// Of results that say nothing of their host.
    #[must_use]
    pub fn unknown() -> Place {
        Place { machine: "an unknown host".into(), kernel: "of an unknown version".into() }
    }

    /// Where a record was made.
    #[must_use]
    pub fn of(record: &Record) -> Place {
        let host = &record.host;
        let memory = (host.memory as f64 / f64::from(1 << 30)).round();
        Place {
            machine: format!("{}, {} CPUs, {memory} GiB, {}", host.cpu, host.cpus.len(), host.machine),
            kernel: host.kernel.clone(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Linux {}", self.machine, self.kernel)
    }
}

/// What a series is called: `COST/LAUNCHER/SERIES`.
pub(crate) fn series_name(cost: &Cost, series: &Series) -> String {
    format!("{}/{}/{}", cost.id, cost.launcher, series.name)
}

/// The figures of a cost.
fn series(cost: &Cost) -> impl Iterator<Item = (String, Figure)> {
    cost.series.iter().filter_map(|series| {
        let median = Sorted::nanos(&series.samples).median()?;
        let figure = Figure { samples: series.samples.len(), median, against: against(cost, series) };
        Some((series_name(cost, series), figure))
    })
}

/// The median of the ratios to the series that this one was compared against.
fn against(cost: &Cost, series: &Series) -> Option<f64> {
    let baseline = cost.series.iter().find(|other| Some(&other.name) == series.against.as_ref())?;
    let float = |samples: &[u64]| samples.iter().map(|&sample| sample as f64).collect::<Vec<_>>();
    Paired::ratio(&float(&series.samples), &float(&baseline.samples)).map(|paired| paired.median)
}

/// What a cell is, by label.
pub(crate) fn cell_labels(cell: &Cell) -> [(&'static str, String); 4] {
    let aggressor = cell.aggressor.as_deref().unwrap_or("alone");
    let intensity = cell.intensity.map(|share| format!(" at {share}")).unwrap_or_default();
    [
        ("matrix", cell.matrix.clone()),
        ("victim", cell.victim.clone()),
        ("aggressor", format!("{aggressor}{intensity}")),
        ("protection", cell.protection.as_deref().unwrap_or("unprotected").to_owned()),
    ]
}

/// What a percentile of a cell is called: `MATRIX/VICTIM/AGGRESSOR/PROTECTION p50`.
pub(crate) fn cell_name(cell: &Cell, percentile: &str) -> String {
    let labels = cell_labels(cell).map(|(_, value)| value);
    format!("{} {percentile}", labels.join("/"))
}

/// The percentiles of a cell that it has samples enough for.
fn cell(cell: &Cell) -> impl Iterator<Item = (String, Figure)> {
    let sorted = Sorted::nanos(&cell.samples);
    let samples = sorted.len();
    let percentiles = [("p50", sorted.median()), ("p99", sorted.percentile(990))];
    percentiles.into_iter().filter_map(move |(percentile, value)| {
        Some((cell_name(cell, percentile), Figure { samples, median: value?, against: None }))
    })
}
