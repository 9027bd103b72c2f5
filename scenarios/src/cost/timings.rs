//! Samples with their time on CPU, as they are taken.

use isolab_reports::record::Series;

/// One sample, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timed {
    /// The whole time.
    pub total: u64,
    /// What of it was on a CPU.
    pub on_cpu: u64,
}

/// Samples of one variant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings {
    /// Nanoseconds.
    pub samples: Vec<u64>,
    /// Nanoseconds on a CPU, one per sample.
    pub on_cpu: Vec<u64>,
}

impl Timings {
    /// Adds a sample.
    pub fn add(&mut self, sample: Timed) {
        self.samples.push(sample.total);
        self.on_cpu.push(sample.on_cpu);
    }

    /// As a series of a record.
    #[must_use]
    pub fn series(&self, name: impl Into<String>, against: Option<&str>) -> Series {
        Series { on_cpu: self.on_cpu.clone(), ..Series::of(name, against, self.samples.clone()) }
    }
}
