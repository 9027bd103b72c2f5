//! criterion's directory: `<group>/<function>/<value>/new/{benchmark,sample}.json`, of the last run of each benchmark.
//!
//! A sample is a time divided by its iterations; its unit is the nanosecond, as long as criterion's own clock is used. Nothing is
//! kept of the host, of the commit, or of the time, for which the files' own time stands.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RunsError;
use crate::run::{Figure, Place, Run};
use crate::stats::Sorted;

/// What wrote them.
pub(super) const WRITER: &str = "criterion";

/// Of `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    directory_name: String,
}

/// Of `sample.json`.
#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// The runs of these `benchmark.json`, one for each directory of criterion's.
pub(super) fn runs(named: &Path, benchmarks: &[PathBuf]) -> Result<Vec<Run>, RunsError> {
    let mut runs: BTreeMap<PathBuf, Run> = BTreeMap::new();
    for file in benchmarks {
        let benchmark: Benchmark = read(file)?;
        let samples = file.with_file_name("sample.json");
        let figure = figure(&samples)?;
        let root = root(file, &benchmark.directory_name).unwrap_or_else(|| named.to_owned());
        let run = runs.entry(root).or_insert_with(empty);
        run.started = run.started.max(written(&samples)?);
        run.figures.insert(benchmark.full_id, figure);
    }
    Ok(runs.into_values().collect())
}

fn empty() -> Run {
    Run {
        revision: None,
        started: 0,
        command: WRITER.into(),
        place: Place::unknown(),
        busy: Vec::new(),
        figures: BTreeMap::new(),
        guarantees: BTreeMap::new(),
    }
}

/// The directory of criterion's that a benchmark's own is in.
fn root(file: &Path, directory: &str) -> Option<PathBuf> {
    let own = file.parent()?.parent()?;
    let depth = Path::new(directory).components().count();
    own.ends_with(directory).then(|| own.ancestors().nth(depth).map(Path::to_owned))?
}

fn figure(file: &Path) -> Result<Figure, RunsError> {
    let Sample { iters, times } = read(file)?;
    let wrong =
        |reason: &str| RunsError::Criterion { path: file.display().to_string(), reason: reason.into() };
    if iters.len() != times.len() {
        return Err(wrong(&format!("{} times of {} iterations", times.len(), iters.len())));
    }
    if iters.iter().any(|iters| *iters < 1.0) || times.iter().any(|time| *time < 0.0) {
        return Err(wrong("a sample without iterations, or of a negative time"));
    }
    let samples = Sorted::values(times.iter().zip(&iters).map(|(time, iters)| time / iters));
    let median = samples.median().ok_or_else(|| wrong("it has no samples"))?;
    Ok(Figure { samples: samples.len(), median, against: None })
}

/// Seconds since the epoch at which a file was written.
fn written(file: &Path) -> Result<u64, RunsError> {
    let failed = |source| RunsError::Io { path: file.display().to_string(), source };
    let modified = fs::metadata(file).and_then(|meta| meta.modified()).map_err(failed)?;
    Ok(modified.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<T, RunsError> {
    let path = || file.display().to_string();
    let bytes = crate::file::read(file).map_err(|source| RunsError::Io { path: path(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| RunsError::Criterion { path: path(), reason: error.to_string() })
}
