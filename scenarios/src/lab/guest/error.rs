//! Why a guest cannot be put together.

use std::io;
use std::path::{Path, PathBuf};

use crate::lab::tool;

/// Why a guest cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is missing, or there is no space.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With this file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file that cannot be carried in, or not to there.
    #[error("{} cannot be carried into the guest: {problem}", path.display())]
    Carry {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// A program of this host is missing, or failed, or was not waited for.
    #[error(transparent)]
    Tool(#[from] tool::Error),
}

impl Error {
    /// For `map_err`: what was tried with which file.
    pub(super) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Io { operation, path: path.to_owned(), source }
    }

    /// A file that cannot be carried in.
    pub(super) fn carry(path: &Path, problem: impl Into<String>) -> Error {
        Error::Carry { path: path.to_owned(), problem: problem.into() }
    }
}
