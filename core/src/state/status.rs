//! What a container is at: from its processes, its FIFO and its freezer, never from what was noted alone.

use std::fmt;

use super::{Entry, State};
use crate::cgroup;

/// What a container is at, in the runtime-spec's words, and `paused` besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its creator is at work.
    Creating,
    /// It waits to be started.
    Created,
    /// The workload runs.
    Running,
    /// The workload is frozen.
    Paused,
    /// The workload has ended, or was never started and its creator is dead.
    Stopped,
}

impl Status {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl State {
    /// Whether it was left by a command that died: it has ended, and nobody is to delete it any more.
    #[must_use]
    pub fn is_left(&self, entry: &Entry) -> bool {
        let orphan = (!self.complete || self.foreground) && !self.creator.is_alive();
        (orphan || !self.is_of_this_boot()) && self.status(entry) == Status::Stopped
    }

    /// Whether its processes and groups can still be there. Of another boot, numbers and paths are someone else's by now,
    /// also where a process was started at the same tick.
    #[must_use]
    pub fn is_of_this_boot(&self) -> bool {
        self.boot == boot()
    }

    /// What the container is at now.
    #[must_use]
    pub fn status(&self, entry: &Entry) -> Status {
        if !self.is_of_this_boot() {
            return Status::Stopped;
        }
        if !self.complete {
            return if self.creator.is_alive() { Status::Creating } else { Status::Stopped };
        }
        match self.init {
            Some(init) if init.is_alive() => match () {
                () if entry.is_waiting() => Status::Created,
                () if cgroup::is_frozen(&self.groups).unwrap_or(false) => Status::Paused,
                () => Status::Running,
            },
            _ => Status::Stopped,
        }
    }
}

/// This boot of the kernel; empty where `/proc` has no word of it.
pub(super) fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim_end().to_owned()
}
