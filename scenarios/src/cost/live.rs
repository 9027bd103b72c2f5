//! The launcher and the floor beside many live containers: what a host full of containers adds to a launch.
//!
//! The kernel itself is slower then (its lists of namespaces, mounts and groups are longer), so the launcher's growth is
//! held against that of the floor beside it.

use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cost, NotTested, Series};

use super::Options;
use super::floor::Pair;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};

/// Id of the cost in the record.
pub const ID: &str = "spawn-live";
/// Limits of each of the two measurements.
pub const QUICK: Limits = Limits { rounds: 200, time: Duration::from_secs(5), seed: 1 };
/// Live containers.
pub const ALIVE: usize = 1000;

/// Samples of the launcher and of the floor, taken in turns.
#[derive(Debug, Default)]
pub struct Samples {
    /// Nanoseconds of the launcher.
    pub core: Vec<u64>,
    /// Nanoseconds of the floor.
    pub floor: Vec<u64>,
}

/// Takes samples by limits.
///
/// # Errors
/// When a launch fails, or the run is to stop.
pub fn samples(pair: &mut Pair, limits: Limits, cancel: &Cancel) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    let mut rounds = Rounds::new(2, limits);
    while let Some(order) = rounds.next_round() {
        cancel.check()?;
        let (core, floor) = pair.sample(order.first() == Some(&1))?;
        samples.core.push(core);
        samples.floor.push(floor);
    }
    Ok(samples)
}

/// Measures with nobody there, and beside a crowd.
///
/// # Errors
/// When the files cannot be made, or the run is to stop. The crowd is removed either way.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let mut pair = match Pair::new(options, host) {
        Ok(pair) => pair,
        Err(error) => return Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    };
    let alone = samples(&mut pair, options.limits, cancel)?;
    progress.begin("live containers", ALIVE as u64);
    let crowd = pair.crowd(ALIVE, progress, cancel)?;
    progress.done();
    let beside = samples(&mut pair, options.limits, cancel)?;
    crowd.remove()?;
    let both = vec![
        Series::of("floor, none alive", None, alone.floor),
        Series::of("core, none alive", Some("floor, none alive"), alone.core),
        Series::of(format!("floor, {ALIVE} alive"), Some("floor, none alive"), beside.floor),
        Series::of(format!("core, {ALIVE} alive"), Some("core, none alive"), beside.core),
    ];
    let title = "Launch, run, wait, remove, beside live containers".into();
    Ok((vec![Cost { id: ID.into(), title, launcher: "core".into(), series: both }], Vec::new()))
}
