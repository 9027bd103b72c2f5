//! Launches from a mount namespace that is full: each mount namespace of a container begins as a copy of its launcher's,
//! mount by mount, and ends with the detaching of all but its own.
//!
//! Each number of mounts has a mount namespace of isolab's own, with a thread in it that launches: namespaces are a
//! thread's (`unshare(2)`), and what is cloned inherits those of the thread that clones. So the numbers take turns within one
//! run. What is mounted is one directory of a tmpfs, bound again and again; mounts are shared, as systemd leaves a host's.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use isolab_core::host::Host;
use isolab_core::sys::{Errno, mount, namespace};
use isolab_reports::record::{Cost, NotTested, Series};
use serde_json::{Value, json};

use super::{Options, steps};
use crate::bed::Bed;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::{Error, Ready, Whole};
use crate::schedule::{Limits, Rounds};
use crate::workload::exit;

/// What the ids of the costs in the record begin with.
pub const ID: &str = "spawn-crowded";
/// Limits for a run of some seconds.
pub const QUICK: Limits = Limits { rounds: 100, time: Duration::from_secs(8), seed: 1 };
/// Mounts of isolab's own, beside those that the host has.
pub const MOUNTS: [usize; 4] = [0, 10, 100, 1000];
/// What is launched: the ending of the cost's id, and words for its title.
const KINDS: [(&str, &str); 2] = [("mntns", "a mount namespace alone"), ("full", "a full container")];

/// `linux/sched.h`.
const CLONE_NEWNS: u64 = 0x0002_0000;
/// `linux/mount.h`.
const MS_BIND: u64 = 4096;
const MS_REC: u64 = 0x4000;
const MS_SLAVE: u64 = 1 << 19;
const MS_SHARED: u64 = 1 << 20;

/// A thread in a mount namespace of its own, which launches when it is told to.
struct Stage {
    /// Index of what to launch.
    orders: Sender<usize>,
    launches: Receiver<Result<Whole, Error>>,
}

/// What is launched on a stage, with its samples.
struct Lane {
    stage: usize,
    kind: usize,
    series: Series,
    failed: bool,
}

/// Measures. What this host cannot have becomes a [`NotTested`].
///
/// # Errors
/// When the files cannot be made, or the run is to stop. Containers, mounts and files are removed either way.
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let bed = Bed::new(options.program, host)?;
    let mut full = bed.config(ID);
    full["process"]["args"] = [exit::PATH].into();
    let bundle = bed.bundle(ID, full.clone())?;
    let configs = [alone(), full];
    let place = Place { bed: &bed, bundle: bundle.dir(), configs: &configs, planted: options.planted };
    progress.begin("launches beside mounts", u64::from(options.limits.rounds));
    let measured = thread::scope(|scope| {
        let mut stages = Vec::new();
        let mut lanes = Vec::new();
        for (stage, count) in MOUNTS.into_iter().enumerate() {
            cancel.check()?;
            progress.step(&format!("make {count} mounts"));
            let (begun, series) = begin(scope, count, place)?;
            stages.push(begun);
            let lane = |(kind, series)| Lane { stage, kind, series, failed: false };
            lanes.extend(series.into_iter().enumerate().map(lane));
        }
        let not_tested = measure(&stages, &mut lanes, options, progress, cancel)?;
        Ok((lanes, not_tested))
    });
    progress.done();
    let (lanes, not_tested) = match measured {
        Ok(measured) => measured,
        Err(error) => return Ok((Vec::new(), vec![Error::into_not_tested(error, ID)?])),
    };
    Ok((costs(&lanes), not_tested))
}

/// What every stage launches, and where.
#[derive(Clone, Copy)]
struct Place<'p> {
    bed: &'p Bed,
    bundle: &'p Path,
    /// One of each of [`KINDS`].
    configs: &'p [Value; KINDS.len()],
    planted: u64,
}

/// Begins a stage: a thread that makes its mounts, verifies what it is to launch, and then waits for orders.
fn begin<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    count: usize,
    place: Place<'scope>,
) -> Result<(Stage, Vec<Series>), Error> {
    let (orders, ordered) = channel();
    let (done, launches) = channel();
    let (ready, made) = channel();
    scope.spawn(move || match prepare(count, place) {
        // Nobody takes what is sent when the run has ended.
        Ok((launchers, series)) => {
            drop(ready.send(Ok(series)));
            serve(&launchers, place.planted, &ordered, &done);
        }
        Err(error) => drop(ready.send(Err(error))),
    });
    let series = made.recv().unwrap_or_else(|_| Err(gone()))?;
    Ok((Stage { orders, launches }, series))
}

/// One cost for each kind of launch.
fn costs(lanes: &[Lane]) -> Vec<Cost> {
    let cost = |(kind, (ending, words)): (usize, &(&str, &str))| {
        let of_kind = lanes.iter().filter(|lane| lane.kind == kind && !lane.failed);
        Cost {
            id: format!("{ID}-{ending}"),
            title: format!("Launch {words}, by the further mounts in the launcher's mount namespace"),
            launcher: "core".into(),
            series: of_kind.map(|lane| lane.series.clone()).collect(),
        }
    };
    KINDS.iter().enumerate().map(cost).collect()
}

/// A config with a mount namespace and nothing else.
fn alone() -> Value {
    json!({
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "process": {"args": [exit::PATH], "cwd": "/", "user": {"uid": 0, "gid": 0}},
        "linux": {"namespaces": [{"type": "mount"}]},
    })
}

/// Makes the mounts in a mount namespace of this thread's own, verifies what is to be launched, and names its series.
fn prepare(count: usize, place: Place<'_>) -> Result<(Vec<Ready>, Vec<Series>), Error> {
    let directory = place.bed.dir().join(format!("mounts-{count}"));
    fs::create_dir(&directory).map_err(Error::io(format!("make directory {}", directory.display())))?;
    let failed = |errno: Errno| io::Error::from_raw_os_error(errno.into_raw());
    enter(&directory, count).map_err(failed).map_err(Error::io(format!("make {count} mounts")))?;
    let mut launchers = Vec::new();
    let mut series = Vec::new();
    for config in place.configs {
        let ready = Ready::new(config, place.bundle, ID, &place.bed.host)?;
        let enforced = ready.verify()?;
        let against = (count > 0).then(|| name(0));
        series.push(steps::series(&name(count), against, enforced, ready.plan()));
        launchers.push(ready);
    }
    Ok((launchers, series))
}

fn name(count: usize) -> String {
    format!("{count} mounts")
}

/// Nothing that is mounted here reaches the host; the host's own mounts still come.
fn enter(place: &Path, count: usize) -> Result<(), Errno> {
    namespace::unshare(CLONE_NEWNS)?;
    mount::change(c"/", MS_REC | MS_SLAVE)?;
    mount::change(c"/", MS_REC | MS_SHARED)?;
    let c_string = |path: &Path| CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL);
    let directory = c_string(place)?;
    if count == 0 {
        return Ok(());
    }
    mount::mount(c"isolab", &directory, c"tmpfs", 0, c"")?;
    // The file system itself is the first.
    for number in 1..count {
        let path = place.join(number.to_string());
        fs::create_dir(&path).map_err(|error| Errno::new(error.raw_os_error().unwrap_or_default()))?;
        let path = c_string(&path)?;
        mount::mount(&path, &path, c"", MS_BIND, c"")?;
    }
    Ok(())
}

/// Launches what is ordered until nobody orders any more.
fn serve(launchers: &[Ready], planted: u64, orders: &Receiver<usize>, done: &Sender<Result<Whole, Error>>) {
    for kind in orders {
        let Some(ready) = launchers.get(kind) else { return };
        if done.send(ready.whole(planted)).is_err() {
            return;
        }
    }
}

fn gone() -> Error {
    Error::Ended { what: "a launching thread".into(), how: "a panic".into() }
}

fn measure(
    stages: &[Stage],
    lanes: &mut [Lane],
    options: &Options<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<NotTested>, Error> {
    let mut not_tested = Vec::new();
    let mut rounds = Rounds::new(lanes.len(), options.limits);
    while let Some(order) = rounds.next_round() {
        progress.step(&format!("{} numbers of mounts", stages.len()));
        for at in order {
            cancel.check()?;
            let lane = &mut lanes[at];
            if lane.failed {
                continue;
            }
            thread::sleep(options.rest);
            let stage = &stages[lane.stage];
            let launched = stage.orders.send(lane.kind).map_err(|_| gone());
            let whole = launched.and_then(|()| stage.launches.recv().unwrap_or_else(|_| Err(gone())));
            match whole {
                Ok(whole) => steps::add(&mut lane.series, &whole),
                Err(error) => {
                    lane.failed = true;
                    not_tested.push(
                        error
                            .into_not_tested(&format!("{ID}-{}: {}", KINDS[lane.kind].0, lane.series.name))?,
                    );
                }
            }
        }
    }
    Ok(not_tested)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounts() -> usize {
        fs::read_to_string("/proc/thread-self/mountinfo").unwrap().lines().count()
    }

    #[test]
    fn mounts_are_a_threads_own() {
        if !isolab_core::need::met(&["root"]) {
            return;
        }
        let scratch = crate::scratch::Scratch::new().unwrap();
        let before = mounts();
        thread::scope(|scope| {
            scope.spawn(|| {
                enter(scratch.path(), 10).unwrap();
                assert_eq!(mounts(), before + 10);
            });
        });
        assert_eq!(mounts(), before);
    }
}
