//! Aggressor: mounts a tmpfs and unmounts it, in the container's own mount namespace. A unit of work is one of each.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::PathBuf;

use isolab_core::sys::mount;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::workload::io_error;

/// Parameters of the mounter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorMounts")]
pub struct Mounts {
    /// Directory with a mount point for each thread.
    pub at: PathBuf,
}

impl Mounts {
    pub(super) fn unit(&self, thread: usize) -> io::Result<Unit> {
        let point = self.at.join(format!("mount-{thread}"));
        fs::create_dir_all(&point)?;
        let point = CString::new(point.into_os_string().into_encoded_bytes())?;
        Ok(Box::new(move || {
            mount::mount(c"churn", &point, c"tmpfs", 0, c"size=4096").map_err(io_error)?;
            mount::detach(&point).map_err(io_error)?;
            Ok(1)
        }))
    }
}
