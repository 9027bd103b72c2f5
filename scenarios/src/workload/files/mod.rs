//! Measured: file operations in the container's root filesystem. A sample is one operation on one file.
//!
//! [`Quick`] is the quick look's: create, read, copy-up. [`Every`] has all of [`Operation`], each with directories
//! of its own, so that none finds what another left in a cache. [`Stream`] is one file, block by block, as `fio` does it.

mod copy_up;
mod data;
mod look;
mod map;
mod names;
pub mod operation;
mod quick;
mod run;
pub mod stream;

use std::io;
use std::path::Path;
use std::time::Instant;

pub use operation::Operation;
pub use quick::{OPERATIONS, Quick};
pub use run::Every;
pub use stream::Stream;

use serde::{Deserialize, Serialize};

use super::victim::pace::nanos;
use super::{Error, Reply, Start};

/// Which operations, with their parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Files {
    /// The quick look's.
    Quick(Quick),
    /// All.
    Every(Every),
}

impl Files {
    pub(super) fn run(&self, start: &mut Start<'_>) -> Result<Vec<Reply>, Error> {
        match self {
            Files::Quick(quick) => quick.run(start),
            Files::Every(every) => every.run(start),
        }
    }
}

/// How long `operation` took, in nanoseconds, with what it made.
fn clocked<T>(operation: impl FnOnce() -> io::Result<T>) -> io::Result<(u64, T)> {
    let before = Instant::now();
    let made = operation()?;
    Ok((nanos(before.elapsed()), made))
}

/// For `map_err`: what was tried, with its file.
fn at(operation: &str, path: &Path) -> impl Fn(io::Error) -> Error {
    let operation = format!("{operation} {}", path.display());
    move |source| Error::Io { operation: operation.clone(), source }
}
