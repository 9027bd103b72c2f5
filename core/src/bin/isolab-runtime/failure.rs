//! What went wrong, and the exit status that says so.

use isolab_core::config::Violations;
use isolab_core::oci::ReadError;
use isolab_core::plan::PlanError;
use isolab_core::{cgroup, hook, launch, state};

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) status: u8,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), status: 1 }
    }

    /// What was being done, before what went wrong.
    pub(crate) fn context(operation: &str, error: impl std::fmt::Display) -> Failure {
        Failure::new(format!("{operation}: {error}"))
    }
}

impl From<launch::Error> for Failure {
    fn from(error: launch::Error) -> Failure {
        Failure { message: error.to_string(), status: error.exit_status() }
    }
}

macro_rules! plain {
    ($($error:ty),*) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Failure {
                Failure::new(error.to_string())
            }
        }
    )*};
}

plain!(state::Error, cgroup::Error, hook::Error, PlanError, ReadError, Violations);
