//! Why a kernel cannot be found or unpacked.

use std::io;
use std::path::{Path, PathBuf};

use crate::cancel::Cancelled;
use crate::lab::tool;

/// Why a kernel cannot be found or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// What was asked for names no kernel.
    #[error("kernel `{name}`: {problem}")]
    Name {
        /// As it was asked for.
        name: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Neither `ISOLAB_CACHE` nor `XDG_CACHE_HOME` nor `HOME` is set.
    #[error("no place for kernels: set ISOLAB_CACHE to a directory")]
    NoCache,
    /// A program that is not installed, or that failed.
    #[error(transparent)]
    Tool(tool::Error),
    /// A file that is not what it should be.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file that cannot be used.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was tried with which file.
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_owned();
        move |source| Error::Io { operation, path, source }
    }

    pub(super) fn name(name: &str, problem: impl Into<String>) -> Error {
        Error::Name { name: name.to_owned(), problem: problem.into() }
    }

    pub(super) fn file(path: &Path, problem: impl Into<String>) -> Error {
        Error::File { path: path.to_owned(), problem: problem.into() }
    }
}

impl From<Cancelled> for Error {
    fn from(Cancelled: Cancelled) -> Error {
        Error::Cancelled
    }
}

impl From<tool::Error> for Error {
    fn from(error: tool::Error) -> Error {
        match error {
            tool::Error::Cancelled(cancelled) => cancelled.into(),
            error => Error::Tool(error),
        }
    }
}
