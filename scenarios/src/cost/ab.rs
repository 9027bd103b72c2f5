//! Two launchers on the user's own bundle, in pairs.
//!
//! A sample is what a script that calls the launcher waits for: from its start until the container is gone. The two take
//! turns, and each pair gives one difference, so that a drift of the host hits both alike.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::sys::clock;
use isolab_reports::stats::{Paired, Sorted};
use serde::Serialize;
use serde_json::Value;

use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::group::Groups;
use crate::launcher::Launcher;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};
use crate::scratch::Scratch;

const ID: &str = "ab";

/// The samples of both, in nanoseconds; those of a pair have the same place.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Pairs {
    /// Of the first launcher.
    pub a: Vec<u64>,
    /// Of the second.
    pub b: Vec<u64>,
}

/// What the pairs say.
#[derive(Debug, Clone, Copy)]
pub struct Comparison {
    /// The second's time minus the first's.
    pub difference: Paired,
    /// The second's time over the first's.
    pub ratio: Paired,
}

impl Pairs {
    /// Compares; `None` without pairs.
    #[must_use]
    pub fn compare(&self) -> Option<Comparison> {
        let float = |samples: &[u64]| samples.iter().map(|sample| *sample as f64).collect::<Vec<_>>();
        let (a, b) = (float(&self.a), float(&self.b));
        Some(Comparison { difference: Paired::difference(&b, &a)?, ratio: Paired::ratio(&b, &a)? })
    }

    /// The medians of both.
    #[must_use]
    pub fn medians(&self) -> [Option<f64>; 2] {
        [Sorted::nanos(&self.a).median(), Sorted::nanos(&self.b).median()]
    }
}

impl Comparison {
    /// `slower`, `faster`, or that no difference was found.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self.difference.excludes(0.0) {
            true if self.difference.median > 0.0 => "slower",
            true => "faster",
            false => "no difference found",
        }
    }
}

/// A user's config, made fit to be launched many times by two launchers: its relative paths are absolute, and its groups
/// are isolab's own, so that nothing of the user's is changed.
///
/// # Errors
/// When it cannot be read, is no config, or asks for a terminal.
fn prepared(config: &Path, groups: &Groups) -> Result<Value, Error> {
    let directory = config.parent().map(Path::to_owned).unwrap_or_default();
    let directory = std::path::absolute(&directory).map_err(Error::io("find the config's directory"))?;
    // Read as a config first, for errors with their places.
    isolab_core::oci::read(config)?;
    let bytes = std::fs::read(config).map_err(Error::io(format!("read {}", config.display())))?;
    let mut value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Error::Placeholder(error.to_string()))?;
    if value["process"]["terminal"] == Value::Bool(true) {
        return Err(Error::Placeholder(
            "process.terminal: set it to false, nobody is at the terminal".into(),
        ));
    }
    let absolute = |place: &mut Value| {
        if let Some(path) = place.as_str() {
            *place = directory.join(path).display().to_string().into();
        }
    };
    if let Some(path) = value.pointer_mut("/root/path") {
        absolute(path);
    }
    for mount in value["mounts"].as_array_mut().into_iter().flatten() {
        let options = mount["options"].as_array().cloned().unwrap_or_default();
        if mount["type"] == "bind" || options.iter().any(|option| option == "bind" || option == "rbind") {
            absolute(&mut mount["source"]);
        }
    }
    if value["linux"].is_object() {
        value["linux"]["cgroupsPath"] = groups.path_of(ID).into();
    }
    Ok(value)
}

/// Measures.
///
/// # Errors
/// When the config is wrong, a launcher fails or its container ends with another status than 0, or the run is to stop.
pub fn run(
    launchers: [&dyn Launcher; 2],
    config: &Path,
    limits: Limits,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Pairs, Error> {
    let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
    let groups = Groups::new(scratch.name(), host);
    groups.keep().map_err(Error::io("make a group"))?;
    let file: PathBuf = if config.is_dir() { config.join("config.json") } else { config.to_owned() };
    let bundle =
        Bundle::around(&scratch, ID, prepared(&file, &groups)?).map_err(Error::io("make a bundle"))?;
    bundle.write().map_err(Error::io("write the config"))?;
    pairs(launchers, &bundle, limits, Duration::ZERO, progress, cancel)
}

/// Takes pairs on a bundle that has been written, with a rest before each launch.
///
/// # Errors
/// When a launcher fails or its container ends with another status than 0, or the run is to stop.
pub(crate) fn pairs(
    launchers: [&dyn Launcher; 2],
    bundle: &Bundle,
    limits: Limits,
    rest: Duration,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Pairs, Error> {
    // Once each, not counted: files are read into memory, and errors are said before a minute has passed.
    launchers.iter().try_for_each(|launcher| sample(*launcher, bundle, ID).map(drop))?;
    let mut pairs = Pairs::default();
    progress.begin("pairs", u64::from(limits.rounds));
    let mut rounds = Rounds::new(2, limits);
    while let Some(order) = rounds.next_round() {
        cancel.check()?;
        progress.step(&format!("pair {}", pairs.a.len() + 1));
        let mut round = [0; 2];
        for at in order {
            thread::sleep(rest);
            round[at] = sample(launchers[at], bundle, ID)?.total;
        }
        pairs.a.push(round[0]);
        pairs.b.push(round[1]);
    }
    progress.done();
    Ok(pairs)
}

/// One run, in nanoseconds.
pub(super) struct Sample {
    /// From its start until the container is gone.
    pub(super) total: u64,
    /// CPU time of this process, the launcher and the container, as far as they are waited for.
    pub(super) on_cpu: u64,
}

/// Takes a sample.
pub(super) fn sample(launcher: &dyn Launcher, bundle: &Bundle, id: &str) -> Result<Sample, Error> {
    let cpu = || clock::process_cpu() + clock::children_cpu();
    let (begun, own) = (Instant::now(), cpu());
    launcher.run(bundle, id).map_err(|error| Error::Launcher {
        launcher: launcher.name().into(),
        remedy: launcher
            .remedy(&error.to_string())
            .unwrap_or("give a config whose program ends with 0 by itself")
            .into(),
        problem: error.to_string(),
    })?;
    let total = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    Ok(Sample { total, on_cpu: cpu().saturating_sub(own) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_follows_the_pairs() {
        let a: Vec<u64> = (0..40).map(|n| 1000 + n % 7).collect();
        let pairs = |b: Vec<u64>| Pairs { a: a.clone(), b }.compare().unwrap();
        assert_eq!(pairs(a.iter().map(|n| n + 50).collect()).verdict(), "slower");
        assert_eq!(pairs(a.iter().map(|n| n - 50).collect()).verdict(), "faster");
        assert_eq!(
            pairs(a.iter().enumerate().map(|(at, n)| n + 1 - at as u64 % 2 * 2).collect()).verdict(),
            "no difference found"
        );
        // Too few for an interval, so nothing is claimed.
        let few = Pairs { a: vec![1; 3], b: vec![9; 3] };
        assert_eq!(few.compare().unwrap().verdict(), "no difference found");
    }
}
