//! Aggressor: processes that grow until the OOM killer takes them. A unit of work is one process.
//!
//! They come one after another, offer themselves to the OOM killer first, and end by themselves at a size that the group's
//! limit is to be below.

use std::fs;
use std::hint::black_box;
use std::io;
use std::process::{Command, Stdio};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Unit;
use crate::workload::{Request, own_command};

const STEP: usize = 1 << 20;
const PAGE: usize = 4096;

/// Parameters of the growing processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AggressorGrow")]
pub struct Grow {
    /// Bytes at which a process ends by itself.
    pub bytes: usize,
}

impl Grow {
    pub(super) fn unit(&self) -> io::Result<Unit> {
        let mut command: Command = own_command(&Request::Grow(self.clone()))?;
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(Box::new(move || command.status().map(|_| 1)))
    }
}

/// The growing process itself.
pub(in crate::workload) fn grow(how: &Grow) {
    // What cannot be written here leaves the choice to the kernel, which takes the largest.
    drop(fs::write("/proc/self/oom_score_adj", "1000"));
    let mut taken: Vec<Vec<u8>> = Vec::new();
    while taken.len() * STEP < how.bytes {
        let mut step = vec![0u8; STEP];
        step.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
        taken.push(black_box(step));
    }
}
