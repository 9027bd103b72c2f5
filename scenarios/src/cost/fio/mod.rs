//! The instrument of the file operations against `fio(1)`: the same jobs on the same file, by both in turns.
//!
//! A sample is the median time of an operation over one pass of a job: on a shared machine a pass's mean says how often it was
//! preempted. Both read the clock before and after each system call,
//! and neither counts what lies between two calls: our loop, or `fio`'s bookkeeping. Our side is not in a container, as `fio`
//! is not.

mod job;

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use isolab_reports::record::{Cost, NotTested, Series};

pub use job::{BLOCKS, JOBS, Job};

use super::Options;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::ready::Error;
use crate::schedule::{Limits, Rounds};
use crate::scratch::Scratch;
use crate::workload::files::stream::BLOCK;

/// Id of the cost in the record.
pub const ID: &str = "fio";
/// Limits for a run of half a minute.
pub const LIMITS: Limits = Limits { rounds: 12, time: Duration::from_secs(40), seed: 1 };

/// Who does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Isolab,
    Fio,
}

/// One job by both; sample `i` of each was taken in the same round.
#[derive(Debug)]
pub struct Pair {
    /// What.
    pub job: Job,
    /// Nanoseconds of an operation, by isolab.
    pub isolab: Vec<u64>,
    /// The same by `fio`.
    pub fio: Vec<u64>,
}

/// Measures. Without `fio` it is a [`NotTested`].
///
/// # Errors
/// When a file cannot be made, or the run is to stop.
pub fn run(
    options: &Options<'_>,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<(Vec<Cost>, Vec<NotTested>), Error> {
    match pairs(options.limits, progress, cancel) {
        Ok((version, pairs)) => Ok((vec![cost(&version, pairs)], Vec::new())),
        Err(error) => Ok((Vec::new(), vec![error.into_not_tested(ID)?])),
    }
}

/// Measures all jobs; the first value is `fio`'s version.
///
/// # Errors
/// Without `fio`, when a file cannot be made or worked on, or the run is to stop.
pub fn pairs(limits: Limits, progress: &dyn Progress, cancel: &Cancel) -> Result<(String, Vec<Pair>), Error> {
    let version = fio(&["--version".into()])?.trim().to_owned();
    let scratch = Scratch::new().map_err(Error::io("make a scratch directory"))?;
    let file = scratch.path().join("file");
    write(&file).map_err(Error::io("write the file"))?;
    let mut pairs = JOBS.map(|job| Pair { job, isolab: Vec::new(), fio: Vec::new() });
    let sides: Vec<(usize, By)> =
        (0..JOBS.len()).flat_map(|job| [(job, By::Isolab), (job, By::Fio)]).collect();
    progress.begin("the same jobs by isolab and by fio", u64::from(limits.rounds));
    let mut rounds = Rounds::new(sides.len(), limits);
    let mut seed = limits.seed;
    while let Some(order) = rounds.next_round() {
        progress.step(&format!("{} jobs", JOBS.len()));
        seed += 1;
        for at in order {
            cancel.check()?;
            let (job, by) = sides[at];
            let pair = &mut pairs[job];
            match by {
                By::Isolab => pair.isolab.push(ours(&pair.job, &file, seed)?),
                By::Fio => pair.fio.push(theirs(&pair.job, &file, seed)?),
            }
        }
    }
    progress.done();
    Ok((version, pairs.into()))
}

/// The file, written to its disk and left in the page cache.
fn write(path: &Path) -> io::Result<()> {
    std::fs::write(path, vec![b'i'; BLOCK * BLOCKS as usize])?;
    File::open(path)?.sync_all()
}

fn ours(job: &Job, file: &Path, seed: u64) -> Result<u64, Error> {
    let mut samples = job.stream(seed).run(file).map_err(Error::io(job.name))?;
    samples.sort_unstable();
    Ok(samples[samples.len() / 2])
}

fn theirs(job: &Job, file: &Path, seed: u64) -> Result<u64, Error> {
    let printed = fio(&job.arguments(file, seed))?;
    job.nanos(&printed).map_err(|problem| failed(&format!("{}: {problem}", job.name)))
}

/// Runs `fio`, and returns what it printed.
fn fio(arguments: &[std::ffi::OsString]) -> Result<String, Error> {
    let output = Command::new("fio").args(arguments).env("LC_ALL", "C").output();
    let output = output.map_err(|error| failed(&format!("cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(failed(&format!("{}: {}", output.status, said.trim_end())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn failed(problem: &str) -> Error {
    Error::Launcher { launcher: "fio".into(), problem: problem.into(), remedy: "apt-get install fio".into() }
}

fn cost(version: &str, pairs: Vec<Pair>) -> Cost {
    let title = format!(
        "Median time of an operation over one pass of a job, by isolab's loop and by {version} (psync), on one cached file"
    );
    let series = pairs.into_iter().flat_map(|Pair { job, isolab, fio }| {
        let theirs = format!("{}, fio", job.name);
        let ours = Series::of(format!("{}, isolab", job.name), Some(&theirs), isolab);
        [ours, Series::of(theirs, None, fio)]
    });
    Cost { id: ID.into(), title, launcher: "core".into(), series: series.collect() }
}

#[cfg(test)]
mod tests {
    use isolab_core::need;

    use super::*;
    use crate::progress::Quiet;

    #[test]
    fn ours_is_compared_with_theirs() {
        let pairs = JOBS.map(|job| Pair { job, isolab: vec![1], fio: vec![2] }).into();
        let cost = cost("fio-3.33", pairs);
        assert_eq!(cost.series.len(), 8);
        for pair in cost.series.chunks(2) {
            assert_eq!(pair[0].against.as_deref(), Some(pair[1].name.as_str()));
            assert_eq!((pair[0].samples[0], pair[1].samples[0]), (1, 2));
        }
    }

    /// Both did each job as often. Who is how fast is for the bench to say.
    #[test]
    fn both_do_every_job_each_round() {
        if !need::met(&["fio"]) {
            return;
        }
        let limits = Limits { rounds: 2, time: Duration::from_secs(60), seed: 1 };
        let (version, pairs) = super::pairs(limits, &Quiet, &Cancel::new()).unwrap();
        assert!(version.starts_with("fio-"), "{version}");
        for pair in &pairs {
            assert_eq!((pair.isolab.len(), pair.fio.len()), (2, 2), "{}", pair.job.name);
            assert!(pair.isolab.iter().chain(&pair.fio).all(|&nanos| nanos > 0), "{pair:?}");
        }
    }
}
