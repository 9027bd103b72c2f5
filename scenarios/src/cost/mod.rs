//! Costs: what a launch or an operation inside a container takes, measured in interleaved rounds.

pub mod axes;
pub mod calls;
pub mod crowded;
pub mod fio;
pub mod floor;
pub mod groups;
pub mod ladder;
pub mod live;
pub mod network;
pub mod overlay;
pub mod parallel;
pub mod spawn;
pub mod teardown;
pub mod vm;

mod steps;
mod timings;

use std::path::Path;
use std::time::Duration;

pub use timings::{Timed, Timings};

use crate::schedule::Limits;

/// What to measure with, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Rounds and time.
    pub limits: Limits,
    /// The statically linked `isolab` that becomes the workload.
    pub program: &'a Path,
    /// Nanoseconds of CPU time to waste in each launch of core: a change made on purpose, for comparisons to find.
    pub planted: u64,
    /// How long to rest before each launch. What the kernel does of the launch before in its own time (grace periods,
    /// the end of a network namespace) is over by then, and no part of the next sample.
    pub rest: Duration,
}
