//! Aggressor: makes and removes a directory. On a cgroup file system that is a group. A unit of work is one of each.

use std::fs;
use std::io;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;

/// Parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorDirectories")]
pub struct Directories {
    /// Where, with one directory for each thread.
    pub at: PathBuf,
}

impl Directories {
    pub(super) fn unit(&self, thread: usize) -> Unit {
        let path = self.at.join(format!("churn-{thread}"));
        Box::new(move || {
            let named =
                |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            fs::create_dir(&path).and_then(|()| fs::remove_dir(&path)).map_err(named)?;
            Ok(1)
        })
    }
}
