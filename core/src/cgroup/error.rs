//! Why something could not be done to a container's groups.

use std::path::{Path, PathBuf};

use super::remedy;
use crate::sys::Errno;

/// Why something could not be done to a container's groups.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The kernel refused.
    #[error("{operation} {}: {} ({}){}", path.display(), errno.description().unwrap_or("unknown error"),
        errno.name().unwrap_or("?"), remedy.map(|remedy| format!("; {remedy}")).unwrap_or_default())]
    System {
        /// What.
        operation: String,
        /// On which group or file.
        path: PathBuf,
        /// The kernel's answer.
        errno: Errno,
        /// What to do, where the errno alone misleads.
        remedy: Option<&'static str>,
    },
    /// It has no group that this could be done to.
    #[error("{problem}; {remedy}")]
    Missing {
        /// What is missing.
        problem: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// It took too long, and was taken back.
    #[error("{operation} {}: not done after {seconds} s{}", path.display(),
        taken_back.map(|how| format!(", so {how}")).unwrap_or_default())]
    TimedOut {
        /// What.
        operation: &'static str,
        /// On which group.
        path: PathBuf,
        /// The limit.
        seconds: u64,
        /// How.
        taken_back: Option<&'static str>,
    },
    /// An update would kill what it limits.
    #[error(
        "linux.resources.memory.limit: {limit} bytes is less than the {usage} in use; free memory first, or leave \
             checkBeforeUpdate out"
    )]
    InUse {
        /// What was asked for.
        limit: i64,
        /// What is used.
        usage: u64,
    },
}

/// The result of something done to a container's groups.
pub(super) type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(super) fn system(operation: impl Into<String>, path: &Path, errno: Errno) -> Error {
        Error::System { operation: operation.into(), path: path.to_owned(), errno, remedy: None }
    }

    pub(super) fn write(path: &Path, value: &str, errno: Errno) -> Error {
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let remedy = remedy::of_write(file, errno);
        Error::System { operation: format!("write {value:?} to"), path: path.to_owned(), errno, remedy }
    }

    pub(super) fn read(path: &Path, error: &std::io::Error) -> Error {
        Error::system("read", path, Errno::new(error.raw_os_error().unwrap_or(libc::EIO)))
    }
}
