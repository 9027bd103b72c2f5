//! A container's groups, as they are found again: who is in them, and their end.

use std::ffi::CString;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Error, Identity};
use crate::cgroup::{self, Directory};
use crate::sys::{self, Errno, process};

/// A container's group in each hierarchy that it has one in, v2 first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Groups(Vec<Group>);

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    path: PathBuf,
    mount: PathBuf,
    controllers: Vec<String>,
    v2: bool,
    at_clone: bool,
}

/// How long the processes of a group may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

impl Groups {
    pub(super) fn new(directories: &[Directory]) -> Groups {
        let group = |directory: &Directory| Group {
            path: directory.path.clone(),
            mount: directory.mount.clone(),
            controllers: directory.controllers.clone(),
            v2: directory.v2,
            at_clone: directory.at_clone,
        };
        Groups(directories.iter().map(group).collect())
    }

    /// As a plan has them.
    #[must_use]
    pub fn directories(&self) -> Vec<Directory> {
        let directory = |group: &Group| Directory {
            path: group.path.clone(),
            mount: group.mount.clone(),
            controllers: group.controllers.clone(),
            v2: group.v2,
            at_clone: group.at_clone,
        };
        self.0.iter().map(directory).collect()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The processes in the groups and below them, each once, by number.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        let mut found = Vec::new();
        for group in &self.0 {
            collect(&group.path, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Sends a signal to all processes. One that has ended meanwhile is no error.
    ///
    /// # Errors
    /// Of `pidfd_send_signal(2)`.
    pub fn signal(&self, signal: i32) -> sys::Result<()> {
        for some in self.processes().chunks(64) {
            let open = |pid: &i32| process::pidfd_open(*pid).ok().map(|pidfd| (*pid, pidfd));
            let opened: Vec<_> = some.iter().filter_map(open).collect();
            // Read again: a number may have been used again since the first time, for a process in no group of these.
            let still = self.processes();
            for (_, pidfd) in opened.iter().filter(|(pid, _)| still.contains(pid)) {
                match process::signal(pidfd, signal) {
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(errno) => return Err(errno),
                }
            }
        }
        Ok(())
    }

    /// Kills all processes, frozen ones too, and those that they start meanwhile; waits until they are gone.
    ///
    /// # Errors
    /// `ETIME` when they do not end.
    pub fn kill(&self) -> sys::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // As a whole where the kernel does it, from Linux 5.14 on. Otherwise frozen, so that none is started meanwhile.
            let whole = |group: &&Group| fs::write(group.path.join("cgroup.kill"), "1").is_ok();
            if !self.0.iter().filter(|group| group.v2).any(|group| whole(&group)) {
                sys::no_matter(self.freeze(true));
                self.signal(libc::SIGKILL)?;
            }
            // A frozen process of v1 dies once it is thawed.
            self.freeze(false)?;
            let left = self.processes().into_iter().filter_map(Identity::of).next();
            match left.map(Identity::open) {
                None => return Ok(()),
                Some(Some(pidfd)) => {
                    process::poll(&[pidfd.as_fd()], Some(Duration::from_millis(100)))?;
                }
                Some(None) => {}
            }
            if Instant::now() > deadline {
                return Err(Errno::ETIME);
            }
        }
    }

    /// Writes the settings of `new` that differ from those of `old`.
    ///
    /// # Errors
    /// When the container has no group of a controller that is needed, or the kernel refuses a value; what was written
    /// before stays.
    pub fn update(&self, old: Option<&cgroup::Group>, new: Option<&cgroup::Group>) -> Result<(), Error> {
        let owner = |controller: &str| {
            self.0.iter().find(|group| group.controllers.iter().any(|name| name == controller))
        };
        let v2 = |controller: &str| {
            owner(controller).map_or(self.0.iter().all(|group| group.v2), |group| group.v2)
        };
        let settings = |group: Option<&cgroup::Group>| {
            group.map_or_else(Vec::new, |group| cgroup::settings(&group.resources, v2))
        };
        let old = settings(old);
        let mut left = settings(new);
        left.retain(|setting| !old.contains(setting));
        // A limit on memory must not pass the one on memory and swap, so which of them comes first depends on what they
        // were: what is refused is written once more after the rest.
        let mut refused = Vec::new();
        for setting in &left {
            let group = owner(&setting.controller).ok_or_else(|| Error::Unreadable {
                path: PathBuf::from(&setting.path),
                problem: format!("the container has no group with the {} controller", setting.controller),
            })?;
            let file = group.path.join(&setting.file);
            if fs::write(&file, &setting.value).is_err() {
                refused.push((file, &setting.value));
            }
        }
        for (file, value) in refused {
            fs::write(&file, value).map_err(|error| Error::io("write", &file, &error))?;
        }
        Ok(())
    }

    fn freezer(&self) -> Option<&Group> {
        // The v2 tree freezes whatever controllers it has, from Linux 5.2 on.
        let v2 = self.0.iter().find(|group| group.v2 && group.path.join("cgroup.freeze").exists());
        v2.or_else(|| self.0.iter().find(|group| group.controllers.iter().any(|name| name == "freezer")))
    }

    /// Whether the container is frozen, or about to be.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        let Some(group) = self.freezer() else { return false };
        let read = |file: &str| fs::read_to_string(group.path.join(file)).unwrap_or_default();
        match group.v2 {
            true => read("cgroup.freeze").trim() == "1",
            false => ["FREEZING", "FROZEN"].contains(&read("freezer.state").trim()),
        }
    }

    /// Freezes or thaws all processes, and waits until it is so.
    ///
    /// # Errors
    /// `EOPNOTSUPP` when no group of the container can be frozen; `ETIME` when a process does not freeze.
    pub fn freeze(&self, frozen: bool) -> sys::Result<()> {
        let Some(group) = self.freezer() else {
            return if frozen { Err(Errno::EOPNOTSUPP) } else { Ok(()) };
        };
        let (file, value) = match (group.v2, frozen) {
            (true, true) => ("cgroup.freeze", "1"),
            (true, false) => ("cgroup.freeze", "0"),
            (false, true) => ("freezer.state", "FROZEN"),
            (false, false) => ("freezer.state", "THAWED"),
        };
        let deadline = Instant::now() + PATIENCE;
        let mut pause = Duration::from_micros(100);
        loop {
            // Written again and again: a v1 group that could not freeze a process at once tries again at each write.
            match fs::write(group.path.join(file), value) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && !frozen => return Ok(()),
                Err(error) => return Err(Errno::new(error.raw_os_error().unwrap_or(libc::EIO))),
                Ok(()) if group.is(frozen) => return Ok(()),
                Ok(()) if Instant::now() > deadline => return Err(Errno::ETIME),
                Ok(()) => std::thread::sleep(pause),
            }
            pause = (pause * 2).min(Duration::from_millis(10));
        }
    }

    /// Removes the groups with those below them, and those above that are isolab's by name and empty.
    ///
    /// # Errors
    /// `EBUSY` when a process stays in one; every removal is tried, the first error is returned.
    pub fn remove(&self) -> sys::Result<()> {
        let mut result = Ok(());
        for group in &self.0 {
            let removed = remove_tree(&group.path, PATIENCE);
            result = result.and(removed);
            group.remove_above();
        }
        result
    }

    /// Removes the groups of a creator that died, if its processes, which die with it, are gone soon. What stays in use is
    /// another container's, for all that is known.
    pub fn remove_empty(&self) {
        for group in &self.0 {
            sys::no_matter(
                text(&group.path).and_then(|path| cgroup::remove_path(&path, Duration::from_secs(1))),
            );
            group.remove_above();
        }
    }
}

impl Group {
    fn is(&self, frozen: bool) -> bool {
        let read = |file: &str| fs::read_to_string(self.path.join(file)).unwrap_or_default();
        match self.v2 {
            true => {
                read("cgroup.events").lines().any(|line| line == if frozen { "frozen 1" } else { "frozen 0" })
            }
            false => read("freezer.state").trim() == if frozen { "FROZEN" } else { "THAWED" },
        }
    }

    /// Groups above it that are named `isolab…` are shared by containers: whoever comes last removes them.
    fn remove_above(&self) {
        let ours = |path: &&Path| {
            path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"isolab"))
                && **path != self.mount
        };
        let above = self.path.ancestors().skip(1).take_while(|path| *path != self.mount);
        for path in above.filter(ours) {
            // Busy: another container is in it.
            sys::no_matter(text(path).and_then(|path| cgroup::remove_path(&path, Duration::ZERO)));
        }
    }
}

fn text(path: &Path) -> sys::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// The directories in a directory; none where it is gone.
fn below(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn collect(path: &Path, found: &mut Vec<i32>) {
    let list = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    found.extend(list.lines().filter_map(|line| line.parse::<i32>().ok()));
    for path in below(path) {
        collect(&path, found);
    }
}

fn remove_tree(path: &Path, patience: Duration) -> sys::Result<()> {
    let path_text = text(path)?;
    // Most have none below them.
    match cgroup::remove_path(&path_text, Duration::ZERO) {
        Ok(()) => return Ok(()),
        Err(Errno::EBUSY | Errno::ENOTEMPTY) => {}
        Err(errno) => return Err(errno),
    }
    for path in below(path) {
        remove_tree(&path, patience)?;
    }
    cgroup::remove_path(&path_text, patience)
}
