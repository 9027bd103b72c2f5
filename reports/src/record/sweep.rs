//! What sweeps of faults gave.

use serde::{Deserialize, Serialize};

/// Faults of one kind, each injected into a launch of its own on one launcher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// What was made to fail.
    pub kind: SweepKind,
    /// Launcher name.
    pub launcher: String,
    /// Which of all there are were tried: a sample drawn by this seed, or all.
    pub seed: u64,
    /// How many different injections there are.
    pub possible: u64,
    /// How many of them were tried.
    pub tried: u64,
    /// How many of those happened: the launch came to their place.
    pub reached: u64,
    /// Of those: the launcher said an error.
    pub refused: u64,
    /// Of those: the container was launched all the same, and is as it is without a fault.
    pub same: u64,
    /// Of those: something was left for a moment, and went by itself within two seconds.
    pub late: u64,
    /// Of those: something was left, and the launcher's recovery removed it.
    pub recovered: u64,
    /// How long the sweep took, in seconds.
    pub seconds: f64,
    /// What must not be, in the order of its happening.
    pub findings: Vec<Finding>,
    /// Tried, and not reached.
    pub not_reached: Vec<String>,
    /// What else was seen, a line each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What a sweep makes fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SweepKind {
    /// One system call of a launch, with an error.
    Errno,
    /// The launcher or the container's first process, by SIGKILL at one of its system calls.
    Kill,
    /// One resource, at one value.
    Resources,
    /// The config, in one of its values.
    Inputs,
    /// Nothing: thousands of launches, after which nothing may have grown.
    Soak,
    /// Nothing: many commands at once for few names.
    Parallel,
}

impl SweepKind {
    /// What it does, in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            SweepKind::Errno => "each system call fails",
            SweepKind::Kill => "SIGKILL at each system call",
            SweepKind::Resources => "each resource runs out",
            SweepKind::Inputs => "each value of the config is wrong",
            SweepKind::Soak => "many launches",
            SweepKind::Parallel => "many commands for few names",
        }
    }
}

/// Something that must not be, after a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was injected: `openat#3=EMFILE`.
    pub injection: String,
    /// What is wrong.
    pub problem: Problem,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
}

/// What can be wrong after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// Something was left behind.
    Left,
    /// A container runs that is not what was asked for.
    Weaker,
    /// It took longer than its limit.
    Hang,
    /// It refused a config without naming what is wrong in it.
    Unnamed,
    /// It failed without saying why, or reported success without having launched.
    Silent,
}
