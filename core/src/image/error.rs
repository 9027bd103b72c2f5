//! Why an image could not be read or unpacked: archive, layer, entry, and what was wrong.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::Errno;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The system refused an operation.
    #[error("{operation}: {} ({}){}", errno.description().unwrap_or("unknown error"), errno.name().unwrap_or("?"),
        remedy(*errno).map(|remedy| format!("; {remedy}")).unwrap_or_default())]
    System {
        /// What, and on which object.
        operation: String,
        /// The kernel's answer.
        errno: Errno,
    },
    /// Something is not as the formats demand.
    #[error("{0}")]
    Format(String),
    /// Content is not what its digest says.
    #[error(
        "{what} is not what was promised: expected {expected}, got {got}; the archive is damaged or forged"
    )]
    Digest {
        /// Of what.
        what: String,
        /// The digest or size that was promised.
        expected: String,
        /// That of what is there.
        got: String,
    },
    /// More than the limits allow.
    #[error("more than {limit} {what}, the limit; raise it if this image is trusted")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much.
        limit: u64,
    },
    /// An entry that no honest image has.
    #[error("refused: {0}")]
    Refused(String),
    /// The image, platform or name that was asked for is not there.
    #[error("{0}")]
    Choice(String),
    /// The caller asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl Problem {
    pub(super) fn system(operation: impl Into<String>, errno: Errno) -> Problem {
        Problem::System { operation: operation.into(), errno }
    }

    pub(super) fn format(problem: impl Into<String>) -> Problem {
        Problem::Format(problem.into())
    }

    pub(super) fn refused(problem: impl Into<String>) -> Problem {
        Problem::Refused(problem.into())
    }

    /// An I/O error while doing `operation`. A problem that a reader of ours put into it comes out again.
    pub(super) fn io(operation: impl Into<String>, error: io::Error) -> Problem {
        let operation = operation.into();
        if let Some(code) = error.raw_os_error() {
            return Problem::system(operation, Errno::new(code));
        }
        match error.downcast::<Problem>() {
            Ok(problem) => problem,
            Err(error) => Problem::Format(format!("{operation}: {error}")),
        }
    }
}

impl From<Problem> for io::Error {
    fn from(problem: Problem) -> io::Error {
        io::Error::other(problem)
    }
}

/// What to do about an errno that misleads.
fn remedy(errno: Errno) -> Option<&'static str> {
    Some(match errno {
        Errno::EPERM => "unpack as root, or leave owners and devices out",
        Errno::EINVAL | Errno::EOVERFLOW => "the ids may not be mapped in this user namespace",
        Errno::EDQUOT | Errno::ENOSPC => "inodes may be used up as well as space: see df -i",
        _ => return None,
    })
}

/// A problem and its place in an archive.
#[derive(Debug)]
pub struct Error {
    /// The archive or layout.
    pub archive: PathBuf,
    /// The layer, as `layer 2 of 3 (sha256:…)`.
    pub layer: Option<String>,
    /// The entry's name.
    pub entry: Option<String>,
    /// What went wrong.
    pub problem: Box<Problem>,
}

impl Error {
    pub(super) fn of(archive: &Path, problem: Problem) -> Error {
        Error { archive: archive.to_owned(), layer: None, entry: None, problem: Box::new(problem) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.archive.display())?;
        if let Some(layer) = &self.layer {
            write!(f, "{layer}: ")?;
        }
        if let Some(entry) = &self.entry {
            write!(f, "entry {entry}: ")?;
        }
        self.problem.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

/// A name from an archive, for people.
pub(super) fn shown(name: &[u8]) -> String {
    let text: String = name.escape_ascii().to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => text,
    }
}
