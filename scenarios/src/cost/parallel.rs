//! Launches at the same time: how many a second, by the launcher and by the floor, with 1 to 32 under way.
//!
//! Sides and numbers take turns in short slices. A sample is the time of a slice over the launches that ended in it. So is
//! their time on CPU, which is a cost of its own: with several under way it is no part of a sample.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use isolab_core::host::Host;
use isolab_core::sys::clock;
use isolab_reports::record::{Cost, NotTested, Series};

use super::floor::Pair;
use super::{Options, Timed};
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};

/// Id of the cost in the record.
pub const ID: &str = "spawn-parallel";
/// Id of the time on CPU.
pub const ON_CPU: &str = "spawn-parallel-on-cpu";
/// Limits for a run of some seconds.
pub const QUICK: Limits = Limits { rounds: 8, time: Duration::from_secs(30), seed: 1 };
/// How many are under way.
pub const WIDTHS: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// How long a slice is.
const SLICE: Duration = Duration::from_millis(300);

/// Who launches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The launcher.
    Core,
    /// The floor.
    Floor,
}

/// Nanoseconds for a launch, slice by slice, of one side at one width.
#[derive(Debug)]
pub struct Lane {
    /// Who.
    pub by: By,
    /// How many at a time.
    pub width: usize,
    /// The samples.
    pub samples: Vec<u64>,
    /// Nanoseconds on CPU for a launch, of this process and of those that it waited for.
    pub on_cpu: Vec<u64>,
}

/// One launcher and one floor for each that can be under way.
///
/// # Errors
/// When this host cannot make them.
pub fn pairs(options: &Options<'_>, host: &Host) -> Result<Vec<Mutex<Pair>>, Error> {
    let most = WIDTHS.into_iter().max().unwrap_or(1);
    (0..most).map(|_| Pair::new(options, host).map(Mutex::new)).collect()
}

/// Measures.
///
/// # Errors
/// When a launch fails, or the run is to stop.
pub fn lanes(
    pairs: &[Mutex<Pair>],
    limits: Limits,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Vec<Lane>, Error> {
    let sides = WIDTHS.into_iter().flat_map(|width| [(By::Core, width), (By::Floor, width)]);
    let mut lanes: Vec<Lane> =
        sides.map(|(by, width)| Lane { by, width, samples: Vec::new(), on_cpu: Vec::new() }).collect();
    progress.begin("launches in parallel", u64::from(limits.rounds));
    let mut rounds = Rounds::new(lanes.len(), limits);
    while let Some(order) = rounds.next_round() {
        progress.step(&format!("{} widths", WIDTHS.len()));
        for at in order {
            cancel.check()?;
            let lane = &mut lanes[at];
            let slice = slice(&pairs[..lane.width], lane.by)?;
            lane.samples.push(slice.total);
            lane.on_cpu.push(slice.on_cpu);
        }
    }
    progress.done();
    Ok(lanes)
}

/// One slice: what a launch took.
fn slice(pairs: &[Mutex<Pair>], by: By) -> Result<Timed, Error> {
    let count = AtomicU64::new(0);
    let cpu = || clock::process_cpu() + clock::children_cpu();
    let (begun, own) = (Instant::now(), cpu());
    let one = |pair: &Mutex<Pair>| -> Result<(), Error> {
        let mut pair = pair.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        while begun.elapsed() < SLICE {
            match by {
                By::Core => pair.core()?,
                By::Floor => pair.floor()?,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = pairs.iter().map(|pair| scope.spawn(|| one(pair))).collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(Error::Ended { what: "a thread".into(), how: "a panic".into() }))
        })
    })?;
    let passed = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let count = count.into_inner().max(1);
    Ok(Timed { total: passed / count, on_cpu: cpu().saturating_sub(own) / count })
}

/// Measures, for a record.
///
/// # Errors
/// As [`lanes`].
pub fn run(
    options: &Options<'_>,
    host: &Host,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    let pairs = match pairs(options, host) {
        Ok(pairs) => pairs,
        Err(error) => return Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    };
    Ok((costs(&lanes(&pairs, options.limits, progress, cancel)?), Vec::new()))
}

/// As costs of a record: the time, and the time on CPU.
#[must_use]
pub fn costs(lanes: &[Lane]) -> Vec<Cost> {
    let name = |by: By, width: usize| match by {
        By::Core => format!("core, {width} at a time"),
        By::Floor => format!("floor, {width} at a time"),
    };
    let cost = |id: &str, title: &str, samples: fn(&Lane) -> &Vec<u64>| {
        let series = lanes.iter().map(|lane| {
            let against = (lane.by == By::Core).then(|| name(By::Floor, lane.width));
            Series::of(name(lane.by, lane.width), against.as_deref(), samples(lane).clone())
        });
        Cost { id: id.into(), title: title.into(), launcher: "core".into(), series: series.collect() }
    };
    vec![
        cost(ID, "Time for a launch when several are under way", |lane| &lane.samples),
        cost(ON_CPU, "Time on CPU for a launch when several are under way", |lane| &lane.on_cpu),
    ]
}
