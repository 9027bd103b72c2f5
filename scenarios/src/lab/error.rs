//! Why the lab cannot work. That a guest fails is a result, not an error.

use std::io;

use crate::cancel::Cancelled;

/// Why the lab cannot work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run was asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// No emulator.
    #[error("{0}")]
    Qemu(String),
    /// The real clock was asked for.
    #[error("the real clock needs KVM: {0}; use --clock counted")]
    NoKvm(String),
    /// A kernel cannot be found or unpacked.
    #[error(transparent)]
    Kernel(#[from] super::kernel::Error),
    /// What is to be carried into the guest cannot be.
    #[error(transparent)]
    Guest(#[from] super::guest::Error),
    /// A file of the run.
    #[error("{operation}: {source}")]
    Io {
        /// What was tried, with its object.
        operation: String,
        /// The system's error.
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was tried.
    pub(super) fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let operation = operation.into();
        move |source| Error::Io { operation, source }
    }
}

impl From<Cancelled> for Error {
    fn from(Cancelled: Cancelled) -> Error {
        Error::Cancelled
    }
}
