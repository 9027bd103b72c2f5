//! Runs as the user names them: a record, a directory of records, or criterion's directory.

mod criterion;
mod merge;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::compare::Side;
use crate::record::{Record, RecordError};
use crate::run::Run;

/// Why there are no runs.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// A file or directory could not be read.
    #[error("read {path}: {source}")]
    Io {
        /// The file or directory.
        path: String,
        /// The system's error.
        source: io::Error,
    },
    /// A record could not be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A file of criterion's is not what it writes.
    #[error("{path} is not a result of criterion: {reason}")]
    Criterion {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing in it.
    #[error(
        "{path}: there is no record.json, record.json.gz or result of criterion (new/benchmark.json) in it"
    )]
    Empty {
        /// The directory.
        path: String,
    },
}

/// Reads what is at a path.
///
/// A directory is searched for records; each is a run, but for records side by side that belong together (`DIR/*/record.json`, as
/// benches write them): those of one host and revision, begun within a day, that have nothing in common are one run. Where there are no
/// records, it is searched for criterion's results, of which each directory is one run.
///
/// # Errors
/// When something cannot be read, or there is nothing.
pub fn read(path: &Path) -> Result<Side, RunsError> {
    let failed = |source| RunsError::Io { path: path.display().to_string(), source };
    let kind = fs::metadata(path).map_err(failed)?.file_type();
    let name = path.display().to_string();
    if kind.is_file() {
        let (run, writer) = record(path)?;
        return Ok(Side { name, runs: vec![run], writers: vec![writer] });
    }
    if !kind.is_dir() {
        return Err(failed(io::Error::other("neither a regular file nor a directory")));
    }
    let found = Found::below(path)?;
    let (runs, mut writers) = if found.records.is_empty() {
        (criterion::runs(path, &found.benchmarks)?, vec![criterion::WRITER.to_owned()])
    } else {
        let read = found.records.iter().map(|file| Ok((file.clone(), record(file)?)));
        let read: Vec<(PathBuf, (Run, String))> = read.collect::<Result<_, RunsError>>()?;
        let writers = read.iter().map(|(_, (_, writer))| writer.clone()).collect();
        (merge::merge(path, read.into_iter().map(|(file, (run, _))| (file, run)).collect()), writers)
    };
    if runs.is_empty() {
        return Err(RunsError::Empty { path: name });
    }
    writers.sort();
    writers.dedup();
    Ok(Side { name, runs, writers })
}

/// What a record says, and what wrote it.
fn record(path: &Path) -> Result<(Run, String), RunsError> {
    let record = Record::read(path)?;
    Ok((Run::of(&record), format!("isolab {}, record format {}", record.isolab, record.format)))
}

/// What is below a directory, in the order of its names.
#[derive(Default)]
struct Found {
    records: Vec<PathBuf>,
    /// Criterion's `benchmark.json` of last runs.
    benchmarks: Vec<PathBuf>,
}

impl Found {
    fn below(dir: &Path) -> Result<Found, RunsError> {
        let mut found = Found::default();
        found.search(dir)?;
        Ok(found)
    }

    /// Does not follow links, which may lead back.
    fn search(&mut self, dir: &Path) -> Result<(), RunsError> {
        let failed = |source| RunsError::Io { path: dir.display().to_string(), source };
        let entries = fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(failed)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
            if kind.is_dir() {
                self.search(&path)?;
            } else if kind.is_file() && (path.ends_with("record.json") || path.ends_with("record.json.gz")) {
                self.records.push(path);
            } else if kind.is_file() && path.ends_with("new/benchmark.json") {
                self.benchmarks.push(path);
            }
        }
        Ok(())
    }
}
