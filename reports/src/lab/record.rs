//! What was seen on each kernel, boot by boot. As in [`crate::record`], nothing here is a conclusion.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::record::{self, NotTested, Record, RecordError};
use isolab_core::host::Host;

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Begins the word that makes a guest's kernel command line longer on purpose, by [`Layout::padding`] bytes. The
/// kernel ignores a parameter of a module that is not there.
pub const PADDING: &str = "isolab.padding=";

/// One run of the kernel lab.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lab {
    /// [`FORMAT`] of the build that wrote it; named apart from a record's, so that neither is taken for the other.
    pub lab_format: u32,
    /// Version of isolab that wrote it.
    pub isolab: String,
    /// Seconds since the epoch at which the run started.
    pub started: u64,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// The host on which the guests ran.
    pub host: Host,
    /// QEMU's own version line.
    pub qemu: String,
    /// What the guests' time is.
    pub clock: Clock,
    /// Why the clock is not `real`; `None` when it is, or when `counted` was asked for.
    pub clock_reason: Option<String>,
    /// Name of the kernel that the others are compared with.
    pub baseline: String,
    /// Seeds of the measuring boots that were planned for each kernel; fewer are there when the run was cut short.
    pub seeds: Vec<u64>,
    /// In the order in which they were asked for.
    pub kernels: Vec<Kernel>,
    /// What could not be tested on any kernel, and what would make it testable.
    pub not_tested: Vec<NotTested>,
}

/// What a guest's time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The host's time, under KVM.
    Real,
    /// One nanosecond an instruction, one CPU, under TCG: no caches and no pipeline, and no noise of the host either.
    Counted,
}

/// One kernel with its boots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kernel {
    /// As it was asked for, such as `6.1`; different for each.
    pub name: String,
    /// Where it came from: a package with its version, or a file.
    pub source: String,
    /// Options of its configuration that matter for isolation and for time, such as `CONFIG_HZ` to `250`; empty when the
    /// configuration is not known.
    pub config: BTreeMap<String, String>,
    /// In the order in which they ended.
    pub boots: Vec<Boot>,
}

/// One boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// What it was for.
    pub purpose: Purpose,
    /// What differs from other boots of this kernel, on purpose.
    pub layout: Layout,
    /// Real seconds that it took, from the start of QEMU to its end.
    pub seconds: f64,
    /// The kernel's log, relative to the folder of the report; `None` when no folder was written.
    pub log: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a boot is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Guarantees and features. Its times mean nothing.
    Check,
    /// Costs and interference.
    Measure,
}

/// Layout and phase of a boot. Equal layouts on equal kernels give equal samples on the counted clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// What the rest is derived from; also the order of variants within each round.
    pub seed: u64,
    /// Bytes by which the kernel's command line is longer.
    pub padding: u32,
    /// Microseconds that the guest waits before it begins.
    pub delay: u32,
}

/// What came of a boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// It ran to its end; the record's host is the guest.
    Done {
        /// What the guest sent.
        record: Box<Record>,
    },
    /// It did not.
    Failed {
        /// In one line, such as `the kernel panicked`, `hung: nothing was heard for 120 s`.
        how: String,
        /// Last lines of the kernel's log.
        tail: Vec<String>,
    },
}

impl Lab {
    /// Reads a lab of any format up to [`FORMAT`].
    ///
    /// # Errors
    /// When the file cannot be read, is no lab, or was written by a newer isolab.
    pub fn read(path: &Path) -> Result<Lab, RecordError> {
        #[derive(Deserialize)]
        struct Head {
            lab_format: u32,
        }
        record::read(path, FORMAT, |head: Head| head.lab_format)
    }

    /// Writes the lab.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        record::write(self, path)
    }
}
