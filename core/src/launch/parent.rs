//! What the launcher holds for a container, and how it is undone.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::time::Duration;

use super::Error;
use super::watcher::Slot;
use crate::cgroup;
use crate::planted::planted;
use crate::sys::{self, Errno, fs};

/// Descriptors for the clone and groups made on the way. Dropping it removes the groups.
#[derive(Debug, Default)]
pub(crate) struct Parent {
    /// The v2 group.
    pub(crate) group: Option<OwnedFd>,
    /// Files of the groups that the child moves itself into, in the plan's order.
    pub(crate) joins: Vec<OwnedFd>,
    /// Mounts for the child to attach, in the plan's order.
    pub(crate) sources: Vec<OwnedFd>,
    /// Namespaces to be joined, in the plan's order.
    pub(crate) namespaces: Vec<OwnedFd>,
    /// The process whose namespaces are joined.
    pub(crate) process: Option<OwnedFd>,
    /// What hooks in the container are told, when it is being created and once it is.
    pub(crate) states: Vec<OwnedFd>,
    /// Its place in the watcher's list.
    pub(super) slot: Option<Slot>,
    groups: Vec<CString>,
    above: Vec<CString>,
}

/// How long a group's last task may take to be gone.
const PATIENCE: Duration = Duration::from_secs(5);

impl Parent {
    /// With a place in the watcher's list.
    pub(super) fn new(slot: Option<Slot>) -> Parent {
        let mut parent = Parent::default();
        parent.slot = slot;
        parent
    }

    /// Makes a group and has it noted, for the case that this process is killed. One that is there is somebody's.
    pub(crate) fn make(&mut self, path: &CStr) -> sys::Result<()> {
        let noted = self.slot.as_ref().filter(|_| !fs::is_there(path)).map(Slot::groups);
        let noted = noted.filter(|noted| noted.add(path));
        let made = fs::mkdirat(sys::here(), path, 0o755);
        if let (Some(noted), Err(_)) = (noted, made) {
            noted.drop_last();
        }
        made
    }

    /// Notes the container's own group, to be removed. Groups above it that are ours by name are shared by all
    /// containers of a run: whoever comes last removes them.
    pub(crate) fn made_group(&mut self, path: &CStr, above: &[CString]) {
        self.groups.push(path.to_owned());
        for group in above.iter().filter(|group| is_ours(group)) {
            self.made_above(group);
        }
    }

    /// Notes a group above the container's own, to be removed once nobody is in it.
    pub(crate) fn made_above(&mut self, path: &CStr) {
        if !self.above.iter().any(|group| group.as_c_str() == path) {
            self.above.push(path.to_owned());
        }
    }

    /// Descriptors are of use until the clone only.
    pub(crate) fn close(&mut self) {
        self.group = None;
        self.joins.clear();
        self.sources.clear();
        self.namespaces.clear();
        self.process = None;
        self.states.clear();
    }

    /// Gives up what was made: it is to outlive this process.
    pub(crate) fn keep(mut self) {
        self.groups.clear();
        self.above.clear();
        self.slot = None;
    }

    /// Removes what was made, the innermost first. Every removal is tried, the first error is returned.
    pub(crate) fn undo(&mut self) -> Result<(), Error> {
        self.close();
        let mut result = Ok(());
        let mut note = |removed: Result<(), Error>| {
            if result.is_ok() {
                result = removed;
            }
        };
        for group in std::mem::take(&mut self.groups) {
            note(cgroup::tree::remove_path(&group, PATIENCE).map_err(|errno| Error::removal(&group, errno)));
        }
        if !planted("groups-above-removed-from-outside") {
            self.above.sort_by_key(|group| std::cmp::Reverse(group.as_bytes().len()));
        }
        for group in std::mem::take(&mut self.above) {
            match cgroup::tree::remove_path(&group, Duration::ZERO) {
                // Another container of the same run is in it, which will remove it then.
                Ok(()) | Err(Errno::EBUSY | Errno::ENOTEMPTY) => {}
                Err(errno) => note(Err(Error::removal(&group, errno))),
            }
        }
        result
    }
}

/// Whether a group is one that containers share: its own name begins with `isolab`.
fn is_ours(group: &CStr) -> bool {
    let name = group.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.starts_with(b"isolab")
}

impl Drop for Parent {
    fn drop(&mut self) {
        // Only a launch that failed comes here with groups left; its own error is what is reported.
        drop(self.undo());
    }
}
