//! Why a series has no verdict.

use std::fmt;

use serde::Serialize;

use super::FEWEST_SAMPLES;
use super::interval::FEWEST_DIFFERENCES;
use crate::units;

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Which {
    /// What was there before.
    Base,
    /// What is judged.
    New,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Which::Base => "BASE",
            Which::New => "NEW",
        })
    }
}

/// Why a series has no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Why {
    /// The interval is neither wholly inside the margin nor wholly beyond it.
    Wide {
        /// Runs that each side would need; `None` where no number would do.
        runs: Option<usize>,
    },
    /// Its change is no surer than what chance makes among so many.
    ByChance {
        /// The series that have an interval.
        comparisons: usize,
    },
    /// There are too few runs for an interval.
    FewRuns {
        /// Runs of a side that would do, or as many others of the host in the history.
        needs: usize,
    },
    /// The host's runs do not differ at all, so that nothing says how far they spread.
    NoSpread,
    /// All its runs of a side were on a busy host.
    Busy {
        /// The side.
        side: Which,
    },
    /// No run of a side has samples enough.
    FewSamples {
        /// The side.
        side: Which,
        /// The most that a run of it has.
        most: usize,
    },
    /// A time of 0 has no ratio.
    NoRatio,
    /// The other side does not have it.
    OnlyIn {
        /// The side that has it.
        side: Which,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Wide { runs: Some(runs) } => {
                write!(f, "about {} a side would decide", units::counted(*runs, "run"))
            }
            Why::Wide { runs: None } => f.write_str("no number of runs would decide"),
            Why::ByChance { comparisons } => {
                write!(f, "chance makes as much among {}", units::counted(*comparisons, "comparison"))
            }
            Why::FewRuns { needs } => {
                let past = FEWEST_DIFFERENCES + 1;
                write!(
                    f,
                    "too few runs: {needs} a side are needed, or {past} earlier runs of this host in the history"
                )
            }
            Why::NoSpread => {
                f.write_str("the host's earlier runs are all equal, so their spread is not known")
            }
            Why::Busy { side } => write!(f, "the host was busy in {side}"),
            Why::FewSamples { side, most } => {
                write!(f, "too few samples in {side}: {most}, where {FEWEST_SAMPLES} are needed")
            }
            Why::NoRatio => f.write_str("a time of 0 has no ratio"),
            Why::OnlyIn { side } => write!(f, "only in {side}"),
        }
    }
}
