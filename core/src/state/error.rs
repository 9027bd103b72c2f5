//! Why a container's state could not be read or changed.

use std::path::{Path, PathBuf};

use crate::sys::Errno;

/// What went wrong. Engines look for some of these words: "does not exist", "not running".
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No container has this name here.
    #[error("container {0:?} does not exist")]
    NotFound(String),
    /// Another has it.
    #[error("container with id {0:?} exists already")]
    InUse(String),
    /// Another command has been changing it for too long.
    #[error("another command is at work on container {0:?}")]
    Busy(String),
    /// The name could be no directory's, or another's.
    #[error("container id {0:?} is not 1 to 128 of A-Z a-z 0-9 _ + - . starting with neither . nor -")]
    Name(String),
    /// The state was written by another version, or by someone else.
    #[error("read {}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file could not be made, read, changed or removed.
    #[error("{operation} {}: {} ({})", path.display(), errno.description().unwrap_or("unknown error"),
        errno.name().unwrap_or("?"))]
    System {
        /// What.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
    },
}

impl Error {
    pub(super) fn system(operation: &'static str, path: &Path, errno: Errno) -> Error {
        Error::System { operation, path: path.to_owned(), errno }
    }

    pub(super) fn io(operation: &'static str, path: &Path, error: &std::io::Error) -> Error {
        Error::system(operation, path, Errno::new(error.raw_os_error().unwrap_or(libc::EIO)))
    }
}
