//! The same bundle over every launcher: from the start of the launcher to the removal of the container.
//!
//! For a program that is the time of its foreground command, from its spawn to its exit: what a script that calls it waits for. For
//! `core` it is reading and compiling the config, a launch, a wait and a removal, in process. The config is the one that the guarantees are checked with,
//! so what each launcher enforces of it is in the guarantees.

use std::thread;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_reports::record::{Cost, NotTested, Series};
use isolab_reports::verdict::Rule;

use super::Options;
use crate::ab::launched::{Launched, sample};
use crate::ab::{self, Measured, Metric, Settings};
use crate::bed::Bed;
use crate::bundle::Bundle;
use crate::cancel::Cancel;
use crate::launcher::Launcher;
use crate::progress::Progress;
use crate::ready::{Error, Ready};
use crate::schedule::{Limits, Rounds};
use crate::workload::exit;

/// Id of the cost in the record.
pub const ID: &str = "spawn-launchers";
/// Limits for a run of a few seconds.
pub const QUICK: Limits = Limits { rounds: 20, time: Duration::from_secs(6), seed: 1 };

/// A launcher with its samples.
struct Lane<'l> {
    launcher: &'l dyn Launcher,
    series: Series,
    failed: bool,
}

/// Measures. A launcher that does not start the bundle becomes a [`NotTested`].
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers and files are removed either way.
pub fn run(
    launchers: &[Box<dyn Launcher>],
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let (_bed, bundle) = bundle(options, host)?;
    let mut lanes: Vec<Lane<'_>> =
        launchers.iter().map(|launcher| lane(launcher.as_ref(), &bundle, host)).collect();
    let mut not_tested = Vec::new();
    progress.begin("spawn over all launchers", u64::from(options.limits.rounds));
    let mut rounds = Rounds::new(lanes.len(), options.limits);
    while let Some(order) = rounds.next_round() {
        progress.step(&format!("{} launchers", lanes.len()));
        for at in order {
            cancel.check()?;
            let lane = &mut lanes[at];
            if lane.failed {
                continue;
            }
            thread::sleep(options.rest);
            match sample(lane.launcher, &bundle, ID) {
                Ok(sample) => {
                    lane.series.samples.push(sample.total);
                    lane.series.on_cpu.push(sample.on_cpu);
                }
                Err(error) => {
                    lane.failed = true;
                    not_tested.push(error.into_not_tested(&format!("{ID}: {}", lane.series.name))?);
                }
            }
        }
    }
    progress.done();
    let series = lanes.into_iter().filter(|lane| !lane.failed).map(|lane| lane.series).collect();
    let title = "Launch a full container whose program only exits, wait, remove, by launcher".into();
    Ok((vec![Cost { id: ID.into(), title, launcher: "all".into(), series }], not_tested))
}

/// The bundle, written, and what it was made in.
fn bundle(options: &Options<'_>, host: &Host) -> Result<(Bed, Bundle), Error> {
    let bed = Bed::new(options.program, host)?;
    if host.uid == 0 {
        bed.keep_parent()?;
    }
    let mut config = bed.config(ID);
    config["process"]["args"] = [exit::PATH].into();
    let bundle = bed.bundle("spawn", config)?;
    bundle.write().map_err(Error::io("write the config"))?;
    Ok((bed, bundle))
}

/// Two launchers on this bundle, in pairs that take turns for as long as the options say.
///
/// # Errors
/// When the files cannot be made, or a launcher fails.
pub fn against(
    launchers: [&dyn Launcher; 2],
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Measured, Error> {
    let (_bed, bundle) = bundle(options, host)?;
    let [mut a, mut b] = launchers.map(|launcher| Launched::new(launcher.name(), launcher, &bundle));
    let settings = Settings {
        rule: Rule::default(),
        metric: Metric::Time,
        time: options.limits.time,
        seed: options.limits.seed,
        rest: options.rest,
        until_decided: false,
    };
    ab::run([&mut a, &mut b], &settings, progress, cancel)
}

/// An empty lane. `core` is the launcher that we can hold and read: for the others the guarantees say what is enforced.
fn lane<'l>(launcher: &'l dyn Launcher, bundle: &Bundle, host: &Host) -> Lane<'l> {
    let core = launcher.name() == "core";
    let verify = || Ready::new(bundle.config(), bundle.dir(), ID, host)?.verify();
    let enforced = core.then(|| verify().unwrap_or_else(|error| error.to_string()));
    let against = (!core).then_some("core");
    let series = Series { enforced, ..Series::of(launcher.name(), against, Vec::new()) };
    Lane { launcher, series, failed: false }
}
