//! The record: raw samples and observations of one run, with the host that they were taken on.
//!
//! A record holds what was seen, never what was concluded: every statistic in a report can be recomputed from it.
//! All times are nanoseconds unless a field says otherwise. The format is versioned; see [`FORMAT`].

mod interference;
mod sweep;

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use isolab_core::host::Host;
use isolab_core::planted::planted;

pub use interference::{Cell, Instrument, Question, Usage};
pub use sweep::{Finding, Problem, Sweep, SweepKind};

use crate::file;
use crate::verdict::{Calibration, Rule};

/// The format that this build writes, and the newest that it reads.
pub const FORMAT: u32 = 2;

/// One run of one or more scenarios on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`] of the build that wrote it.
    pub format: u32,
    /// Version of isolab that wrote it.
    pub isolab: String,
    /// Seconds since the epoch at which the run started.
    pub started: u64,
    /// How long the run took, in seconds.
    pub seconds: f64,
    /// What ran it: `quick look`, `check`, `bench`, `run`.
    pub command: String,
    /// Commit of the code that was measured, with `+` when the tree had other changes; `None` where nobody knows. Since format 2.
    #[serde(default)]
    pub revision: Option<String>,
    /// The host, probed once.
    pub host: Host,
    /// Load and instrument: how far the numbers can be trusted.
    pub noise: Noise,
    /// Every launcher that was asked for, those that are absent too.
    pub launchers: Vec<Launcher>,
    /// Guarantees, one entry per check and launcher.
    pub guarantees: Vec<Guarantee>,
    /// Costs: the ladder, overlay I/O, spawn against the floor.
    pub costs: Vec<Cost>,
    /// Interference, one entry per cell of a matrix.
    pub interference: Vec<Cell>,
    /// What the measuring of interference itself costs; `None` where it was not measured.
    #[serde(default)]
    pub instrument: Option<Instrument>,
    /// Questions from practice, each answered by the cells of its own matrix.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// Sweeps of faults, one entry for each kind and launcher.
    #[serde(default)]
    pub sweeps: Vec<Sweep>,
    /// Mutants of the guarantees' checks.
    #[serde(default)]
    pub mutants: Vec<Mutant>,
    /// Containers beside guests with the same workload.
    #[serde(default)]
    pub beside: Vec<Beside>,
    /// Two series of this record that are to be judged. Since format 2.
    #[serde(default)]
    pub comparisons: Vec<Judged>,
    /// How often comparisons on this host are wrong, and what they find. Since format 2.
    #[serde(default)]
    pub calibrations: Vec<Calibration>,
    /// What could not be tested here, and what would make it testable.
    pub not_tested: Vec<NotTested>,
}

/// How busy the host was, and what the instrument itself costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// 1-minute load average at the start and at the end.
    pub load: [f64; 2],
    /// Cost of reading the clock once: samples of nanoseconds per read.
    pub clock_read: Vec<u64>,
    /// Share of time (0 to 1) that an otherwise idle spinning thread did not get during calibration.
    pub stolen: f64,
}

/// A launcher as found on this host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Launcher {
    /// `core`, `runc`, `crun`, `bwrap`.
    pub name: String,
    /// Its own version line; `None` when it is absent.
    pub version: Option<String>,
    /// Where it was found; `None` for `core`, which runs in process.
    pub path: Option<String>,
}

/// The result of one guarantee on one launcher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guarantee {
    /// Catalogue id, such as `pidns-init-is-1`.
    pub id: String,
    /// One sentence: what isolation promises.
    pub promise: String,
    /// The kernel mechanism, such as `pid namespace`.
    pub primitive: String,
    /// Where the promise comes from: a spec, a man page, a CVE.
    pub source: String,
    /// Launcher name.
    pub launcher: String,
    /// What was found.
    pub outcome: Outcome,
    /// The facts that decided it.
    pub evidence: Vec<Evidence>,
    /// Whether the positive control turned red when it was run beside this check; `None` when it was not run.
    pub control_red: Option<bool>,
    /// What helps against it, where that is known.
    #[serde(default)]
    pub remedy: Option<String>,
    /// How to see it again, when it is broken.
    #[serde(default)]
    pub again: Option<Again>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Two series whose samples were taken in pairs, and by which rule they are judged. What they come to is in their samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// Id of the cost.
    pub cost: String,
    /// Name of the series that the other is compared with.
    pub a: String,
    /// Name of the other.
    pub b: String,
    /// Whether it is the time on a CPU that is judged, and not the whole time.
    pub on_cpu: bool,
    /// What is relevant, and how often a verdict may be wrong.
    pub rule: Rule,
    /// What was known then of the rule on this host.
    pub calibration: Option<Calibration>,
}

/// What a guarantee's check makes of a launch with one protection missing or wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mutant {
    /// The guarantee's id.
    pub guarantee: String,
    /// What is missing or wrong.
    pub without: String,
    /// Whether it is a small mistake, and not a missing step.
    pub subtle: bool,
    /// The launcher that was made to do it.
    pub launcher: String,
    /// What the check said.
    pub is: MutantIs,
    /// What it saw that contradicts the promise.
    pub evidence: Vec<Evidence>,
    /// Unrelated guarantees that turned red with it.
    pub others: Vec<String>,
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MutantIs {
    /// The check saw it.
    Red,
    /// The check did not see it: a defect of the check.
    Green,
    /// It started no container, so that nothing was seen.
    NotLaunched,
    /// The guarantee has no mutant: a defect of the check.
    Absent,
    /// It cannot be launched here.
    NotTestable {
        /// Why.
        reason: String,
        /// What would help.
        remedy: String,
    },
}

/// A container beside a guest with the same workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The guest: its kernel, its memory, what executes it.
    pub guest: String,
    /// What each takes of the host's memory while its workload waits.
    pub memory: Vec<Amount>,
    /// What each sees, beside what the host sees.
    pub facts: Vec<Shared>,
}

/// Memory, one sample a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// Which memory.
    pub what: String,
    /// Bytes for the container; empty where that could not be read.
    pub container: Vec<u64>,
    /// Bytes for the guest; empty where that could not be read.
    pub guest: Vec<u64>,
}

/// One fact, as three see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// What it is about.
    pub fact: String,
    /// On the host.
    pub host: String,
    /// In the container.
    pub container: String,
    /// Whether that is the host's.
    pub container_is: Sharing,
    /// In the guest.
    pub guest: String,
    /// Whether that is the host's.
    pub guest_is: Sharing,
}

/// Whose a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// The host's.
    Shared,
    /// Its own.
    Own,
    /// It cannot be seen from there.
    NotSeen,
}

/// How something broken can be seen again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Again {
    /// A command.
    pub command: String,
    /// The config that was launched.
    pub config: serde_json::Value,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// Inside and outside agree that the guarantee holds.
    Holds,
    /// At least one fact contradicts it.
    Broken,
    /// This launcher has no such feature.
    NotOffered {
        /// What it lacks.
        reason: String,
    },
    /// Nothing can be said here.
    NotTestable {
        /// The probe or error that says so.
        reason: String,
        /// What would make it testable.
        remedy: String,
    },
}

/// One fact and what was expected of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where the fact was read, such as `inside.pid` or `outside.ns.pid`.
    pub fact: String,
    /// The expectation in words, such as `is 1`.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Whether they agree.
    pub agrees: bool,
}

/// One cost experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// `primitive-ladder`, `overlay-io`, `spawn-floor`.
    pub id: String,
    /// One sentence: what was measured.
    pub title: String,
    /// Launcher name.
    pub launcher: String,
    /// Variants in their order; each was interleaved with the others.
    pub series: Vec<Series>,
}

/// The samples of one variant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Variant, such as `+ pid namespace` or `create, overlay`.
    pub name: String,
    /// The variant that this one is compared against; sample `i` of both was taken in the same round.
    pub against: Option<String>,
    /// Nanoseconds, in the order in which they were taken.
    pub samples: Vec<u64>,
    /// Nanoseconds of CPU time of the launcher and of the container, one per sample; the rest of the sample is waiting.
    /// Empty when it was not taken.
    #[serde(default)]
    pub on_cpu: Vec<u64>,
    /// Where the time went, step by step; empty when it was not split.
    pub steps: Vec<StepSamples>,
    /// Asked against got, for what was launched; `None` when nothing was.
    pub enforced: Option<String>,
}

impl Series {
    /// Samples that are not split.
    #[must_use]
    pub fn of(name: impl Into<String>, against: Option<&str>, samples: Vec<u64>) -> Series {
        Series {
            name: name.into(),
            against: against.map(str::to_owned),
            samples,
            on_cpu: Vec::new(),
            steps: Vec::new(),
            enforced: None,
        }
    }

    /// What of each sample was not on a CPU, in nanoseconds; `None` where that was not taken.
    #[must_use]
    pub fn waiting(&self) -> Option<Vec<u64>> {
        let taken = !self.on_cpu.is_empty() && self.on_cpu.len() == self.samples.len();
        let pairs = self.samples.iter().zip(&self.on_cpu);
        taken.then(|| pairs.map(|(total, on_cpu)| total.saturating_sub(*on_cpu)).collect())
    }
}

/// The samples of one step of a launch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepSamples {
    /// The plan's line for the step.
    pub step: String,
    /// `parent` or `child`.
    pub side: String,
    /// The primitive that it belongs to.
    pub primitive: String,
    /// Start after the launch began, one per launch.
    pub start: Vec<u64>,
    /// Duration, one per launch.
    pub duration: Vec<u64>,
}

/// Something that could not be tested here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTested {
    /// What: a scenario, a launcher, a protection.
    pub what: String,
    /// Why not, naming the probe or the error.
    pub reason: String,
    /// What would make it testable.
    pub remedy: String,
}

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file could not be read or written.
    #[error("{operation} {path}: {source}")]
    Io {
        /// `read` or `write`.
        operation: &'static str,
        /// The file.
        path: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not a record.
    #[error("{path} is not an isolab record: {source}")]
    Syntax {
        /// The file.
        path: String,
        /// Line and column of the fault.
        source: serde_json::Error,
    },
    /// It holds what a file cannot, such as a number that is infinite or none.
    #[error("write {path}: it could not be read again: {source}")]
    Lost {
        /// The file.
        path: String,
        /// Line and column of the fault.
        source: serde_json::Error,
    },
    /// The file was written by a newer isolab.
    #[error(
        "{path} has record format {found}; this isolab reads up to {newest}: this isolab is too old for it"
    )]
    TooNew {
        /// The file.
        path: String,
        /// The format found.
        found: u32,
        /// The newest format that this isolab reads.
        newest: u32,
    },
}

impl Record {
    /// A record of a run that has found nothing yet.
    #[must_use]
    pub fn new(command: &str, host: Host) -> Record {
        Record {
            format: FORMAT,
            isolab: env!("CARGO_PKG_VERSION").into(),
            started: 0,
            seconds: 0.0,
            command: command.into(),
            revision: None,
            host,
            noise: Noise::default(),
            launchers: Vec::new(),
            guarantees: Vec::new(),
            costs: Vec::new(),
            interference: Vec::new(),
            instrument: None,
            questions: Vec::new(),
            sweeps: Vec::new(),
            mutants: Vec::new(),
            beside: Vec::new(),
            comparisons: Vec::new(),
            calibrations: Vec::new(),
            not_tested: Vec::new(),
        }
    }

    /// Reads a record of any format up to [`FORMAT`], packed with gzip or not.
    ///
    /// # Errors
    /// When the file cannot be read, is no record, or was written by a newer isolab.
    pub fn read(path: &Path) -> Result<Record, RecordError> {
        read(path, FORMAT, |head: Head| head.format)
    }

    /// The same of a file's content; `name` is for errors.
    ///
    /// # Errors
    /// When it is no record, or was written by a newer isolab.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Record, RecordError> {
        let bytes = file::unpack(bytes);
        let bytes =
            bytes.map_err(|source| RecordError::Io { operation: "unpack", path: name.into(), source })?;
        parse(name, &bytes, FORMAT, |head: Head| head.format)
    }

    /// What is written of the record; `name` is for errors.
    ///
    /// # Errors
    /// When it could not be read again.
    pub fn print(&self, name: &str) -> Result<String, RecordError> {
        print(self, name)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the file cannot be written, or could not be read again.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        write(self, path)
    }
}

/// What every record has, whatever its format.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// Reads a file whose format is no newer than `newest`.
pub(crate) fn read<Head: DeserializeOwned, Whole: DeserializeOwned>(
    path: &Path,
    newest: u32,
    format: fn(Head) -> u32,
) -> Result<Whole, RecordError> {
    let name = path.display().to_string();
    match file::read(path) {
        Ok(bytes) => parse(&name, &bytes, newest, format),
        Err(source) => Err(RecordError::Io { operation: "read", path: name, source }),
    }
}

/// The format is read alone first, because nothing else is known of a newer one.
fn parse<Head: DeserializeOwned, Whole: DeserializeOwned>(
    name: &str,
    bytes: &[u8],
    newest: u32,
    format: fn(Head) -> u32,
) -> Result<Whole, RecordError> {
    let syntax = |source| RecordError::Syntax { path: name.into(), source };
    let found = format(serde_json::from_slice(bytes).map_err(syntax)?);
    if found > newest + u32::from(planted("next-format-read")) {
        return Err(RecordError::TooNew { path: name.into(), found, newest });
    }
    serde_json::from_slice(bytes).map_err(syntax)
}

/// Writes a record or a lab.
pub(crate) fn write(whole: &(impl Serialize + DeserializeOwned), path: &Path) -> Result<(), RecordError> {
    let name = path.display().to_string();
    let text = print(whole, &name)?;
    std::fs::write(path, text).map_err(|source| RecordError::Io { operation: "write", path: name, source })
}

/// JSON has no infinite numbers: they are printed as `null`, which no number is read from. Better said before hours of measuring
/// are lost than when their record is wanted.
fn print<Whole: Serialize + DeserializeOwned>(whole: &Whole, name: &str) -> Result<String, RecordError> {
    let lost = |source| RecordError::Lost { path: name.into(), source };
    let text = serde_json::to_string(whole).map_err(lost)?;
    serde_json::from_str::<Whole>(&text).map_err(lost)?;
    Ok(text)
}
