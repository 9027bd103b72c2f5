//! How far the numbers can be trusted: load, stolen time, the clock, the counts.

use crate::lab::record::PADDING;
use crate::record::{Instrument, Record};
use crate::stats::{Sorted, Summary};
use crate::units;

/// Load a CPU at the start above which the host was busy before the run added to it.
const BUSY_LOAD: f64 = 0.5;
/// Share of stolen time above which somebody else was using the CPUs.
const BUSY_STOLEN: f64 = 0.02;

/// What is known about noise.
#[derive(Debug, Clone, PartialEq)]
pub struct Trust {
    /// Why the host counts as busy; empty when it was quiet.
    pub busy: Vec<String>,
    /// 1-minute load average at start and end, and the CPUs that it spreads over.
    pub load: [f64; 2],
    /// CPUs that the run could use.
    pub cpus: usize,
    /// Share of time that a spinning thread did not get.
    pub stolen: f64,
    /// Cost of one reading of the clock, in nanoseconds.
    pub clock: Option<Summary>,
    /// Median over all cost variants of their spread against their median.
    pub spread: Option<f64>,
    /// Number of measured samples in the record.
    pub samples: usize,
    /// Whether the host was a guest of the kernel lab.
    pub emulated: bool,
    /// What the measuring of interference costs, in words; empty where it was not measured.
    pub instrument: Vec<String>,
}

impl Trust {
    /// Judges the record's noise.
    pub fn of(record: &Record) -> Trust {
        let (noise, cpus) = (&record.noise, cpus(record));
        let series = || record.costs.iter().flat_map(|cost| &cost.series);
        let spreads = series().filter_map(|series| Sorted::nanos(&series.samples).summary());
        let costs: usize = series().map(|series| series.samples.len()).sum();
        let latencies: usize = record.interference.iter().map(|cell| cell.samples.len()).sum();
        Trust {
            busy: busy(record),
            load: noise.load,
            cpus,
            stolen: noise.stolen,
            clock: Sorted::nanos(&noise.clock_read).summary(),
            spread: Sorted::values(spreads.map(|summary| summary.mad / summary.median)).median(),
            samples: costs + latencies,
            emulated: record.host.cmdline.contains(PADDING),
            instrument: record.instrument.as_ref().map_or(Vec::new(), instrument),
        }
    }

    /// What there is to say about them, line by line.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.busy.clone();
        let [before, after] = self.load;
        lines.push(format!("load {before:.2} before, {after:.2} after, {} CPUs", self.cpus));
        lines.push(format!("{} stolen while spinning", units::percent(self.stolen)));
        if let Some(clock) = &self.clock {
            lines.push(format!("reading the clock costs {}", clock.line()));
        }
        if let Some(spread) = self.spread {
            lines.push(format!(
                "typical spread of a cost ±{}, {} samples",
                units::percent(spread),
                self.samples
            ));
        }
        if self.emulated {
            lines.push(format!(
                "taken in a guest of the kernel lab: {} emulated CPUs show the mechanism, not the magnitude",
                self.cpus
            ));
        }
        lines.extend(self.instrument.iter().cloned());
        lines
    }
}

/// CPUs that the run could use.
fn cpus(record: &Record) -> usize {
    record.host.cpus.len().max(1)
}

/// Why the host counts as busy; empty when it was quiet.
pub(crate) fn busy(record: &Record) -> Vec<String> {
    let (noise, cpus) = (&record.noise, cpus(record));
    let mut busy = Vec::new();
    if noise.load[0] > BUSY_LOAD * cpus as f64 {
        busy.push(format!("load {:.2} on {cpus} CPUs before the run", noise.load[0]));
    }
    if noise.stolen > BUSY_STOLEN {
        busy.push(format!("{} of the time was taken by others", units::percent(noise.stolen)));
    }
    busy
}

fn instrument(instrument: &Instrument) -> Vec<String> {
    let median = |samples: &[u64]| Sorted::nanos(samples).median();
    let mut lines = Vec::new();
    if let Some(request) = median(&instrument.request) {
        lines.push(format!("a request's own bookkeeping takes {}", units::nanos(request)));
    }
    if let (Some(outside), Some(inside)) = (median(&instrument.outside), median(&instrument.inside)) {
        lines.push(format!(
            "an idle timer is {} late in a container, {} without one",
            units::nanos(inside),
            units::nanos(outside),
        ));
    }
    let watching = units::percent(instrument.watching);
    lines.push(format!("isolab itself took {watching} of a CPU while victims were measured"));
    lines
}
