//! The launcher and the floor beside many live containers: what a host full of containers adds to a launch.
//!
//! The kernel itself is slower then (its lists of namespaces, mounts and groups are longer), so the launcher's growth is
//! held against that of the floor beside it.

use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cost, NotTested, Series};

use super::floor::{Crowd, Pair};
use super::{Options, Timings};
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};

/// Id of the cost in the record.
pub const ID: &str = "spawn-live";
/// Limits of each level.
pub const QUICK: Limits = Limits { rounds: 200, time: Duration::from_secs(4), seed: 1 };
/// Live containers, level by level.
pub const LEVELS: [usize; 4] = [0, 10, 100, 1000];

/// Samples of the launcher and of the floor, taken in turns.
#[derive(Debug, Default)]
pub struct Samples {
    /// Of the launcher.
    pub core: Timings,
    /// Of the floor.
    pub floor: Timings,
}

/// One number of live containers.
#[derive(Debug)]
pub struct Level {
    /// `none alive`, `10 alive`, …; `none again` when the crowd is gone.
    pub name: String,
    /// What was measured beside them.
    pub samples: Samples,
}

/// Takes samples by limits.
///
/// # Errors
/// When a launch fails, or the run is to stop.
fn samples(pair: &mut Pair, limits: Limits, cancel: &Cancel) -> Result<Samples, Error> {
    let mut samples = Samples::default();
    let mut rounds = Rounds::new(2, limits);
    while let Some(order) = rounds.next_round() {
        cancel.check()?;
        let (core, floor) = pair.sample(order.first() == Some(&1))?;
        samples.core.add(core);
        samples.floor.add(floor);
    }
    Ok(samples)
}

/// Measures beside more and more containers, and at the end beside none again: a crowd cannot come and go within a
/// round, so what the host drifted meanwhile is between the first level and the last.
///
/// # Errors
/// When a launch fails, or the run is to stop. The crowd is removed either way.
pub fn levels(
    pair: &mut Pair,
    limits: Limits,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<Level>, Error> {
    let most = LEVELS.into_iter().max().unwrap_or_default();
    progress.begin("live containers", most as u64);
    let mut crowd = Crowd::default();
    let mut levels = Vec::new();
    for alive in LEVELS {
        pair.enlarge(&mut crowd, alive, progress, cancel)?;
        levels.push(Level { name: name(alive), samples: samples(pair, limits, cancel)? });
    }
    crowd.remove()?;
    levels.push(Level { name: AGAIN.into(), samples: samples(pair, limits, cancel)? });
    progress.done();
    Ok(levels)
}

/// The last level.
const AGAIN: &str = "none again";

fn name(alive: usize) -> String {
    if alive == 0 { "none alive".into() } else { format!("{alive} alive") }
}

/// As series of a record: the floor against itself without a crowd, and the launcher likewise.
#[must_use]
pub fn series(levels: &[Level]) -> Vec<Series> {
    let alone = name(0);
    let of = |level: &Level| {
        let first = level.name == alone;
        let floor = (!first).then(|| format!("floor, {alone}"));
        let core = if first { format!("floor, {alone}") } else { format!("core, {alone}") };
        [
            level.samples.floor.series(format!("floor, {}", level.name), floor.as_deref()),
            Series {
                enforced: Some("enforced".into()),
                ..level.samples.core.series(format!("core, {}", level.name), Some(&core))
            },
        ]
    };
    levels.iter().flat_map(of).collect()
}

/// Measures, for a record.
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
    let levels = levels(&mut pair, options.limits, progress, cancel)?;
    Ok((vec![cost(&levels)], Vec::new()))
}

/// As a cost of a record.
#[must_use]
pub fn cost(levels: &[Level]) -> Cost {
    let title = "Launch, run, wait, remove, beside live containers".into();
    Cost { id: ID.into(), title, launcher: "core".into(), series: series(levels) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_is_against_an_empty_host() {
        let level = |name: String| Level { name, samples: Samples::default() };
        let levels: Vec<Level> = LEVELS.into_iter().map(name).chain([AGAIN.to_owned()]).map(level).collect();
        let series = series(&levels);
        let pairs: Vec<(&str, Option<&str>)> =
            series.iter().map(|series| (series.name.as_str(), series.against.as_deref())).collect();
        assert_eq!(
            pairs[..2],
            [("floor, none alive", None), ("core, none alive", Some("floor, none alive"))]
        );
        assert_eq!(pairs[7], ("core, 1000 alive", Some("core, none alive")));
        assert_eq!(pairs[8], ("floor, none again", Some("floor, none alive")));
    }
}
