//! Costs: what a launch or an operation inside a container takes, measured in interleaved rounds.

pub mod floor;
pub mod ladder;
pub mod overlay;
pub mod spawn;

mod steps;

use std::path::Path;

use crate::schedule::Limits;

/// What to measure with, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// Rounds and time.
    pub limits: Limits,
    /// The statically linked `isolab` that becomes the workload.
    pub program: &'a Path,
}
