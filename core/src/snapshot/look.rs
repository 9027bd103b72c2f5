//! One look: what is found is collected, and what cannot be read is noted.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::{HostSnapshot, Kind, Scope};
use crate::host::Host;
use crate::sys::Errno;

/// A look under way.
pub(super) struct Look<'l> {
    pub(super) scope: &'l Scope,
    pub(super) host: &'l Host,
    /// This process.
    pub(super) pid: i32,
    /// Processes of the scope that were found so far, without this one.
    pub(super) members: BTreeSet<i32>,
    snapshot: HostSnapshot,
}

impl<'l> Look<'l> {
    pub(super) fn new(scope: &'l Scope, host: &'l Host) -> Look<'l> {
        Look {
            scope,
            host,
            pid: std::process::id().cast_signed(),
            members: BTreeSet::new(),
            snapshot: HostSnapshot::default(),
        }
    }

    pub(super) fn end(self) -> HostSnapshot {
        self.snapshot
    }

    pub(super) fn saw(&mut self, kind: Kind, what: impl Into<String>, state: impl Into<String>) {
        self.snapshot.things.entry(kind).or_default().insert(what.into(), state.into());
    }

    /// A process of the scope, and why it is. Whether it is a new one.
    pub(super) fn member(&mut self, pid: i32, why: &str) -> bool {
        let new = pid > 0 && pid != self.pid && self.members.insert(pid);
        if new {
            let name = self.read(format!("/proc/{pid}/comm")).unwrap_or_default();
            self.saw(Kind::Processes, format!("process {pid} ({})", name.trim_end()), why);
        }
        new
    }

    pub(super) fn unseen(&mut self, what: impl Into<String>, why: impl std::fmt::Display) {
        self.saw(Kind::Unseen, what, why.to_string());
    }

    /// A file's content; none where it is not there, or went meanwhile. That it may not be read is noted.
    pub(super) fn read(&mut self, path: impl AsRef<Path>) -> Option<String> {
        let path = path.as_ref();
        let read = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        self.noted(path, read)
    }

    /// Names in a directory, as with [`Look::read`].
    pub(super) fn names(&mut self, directory: impl AsRef<Path>) -> Vec<String> {
        let directory = directory.as_ref();
        let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let names = std::fs::read_dir(directory).map(|entries| entries.flatten().map(name).collect());
        self.noted(directory, names).unwrap_or_default()
    }

    /// Where a link leads, as with [`Look::read`].
    pub(super) fn link(&mut self, path: impl AsRef<Path>) -> Option<String> {
        let path = path.as_ref();
        let link = std::fs::read_link(path).map(|target| target.to_string_lossy().into_owned());
        self.noted(path, link)
    }

    fn noted<T>(&mut self, path: &Path, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                if !has_gone(&error) {
                    self.unseen(path.display().to_string(), error)
                }
            })
            .ok()
    }

    /// As with [`Look::read`], for what a system call tells.
    pub(super) fn called<T>(&mut self, what: &str, result: Result<T, Errno>) -> Option<T> {
        result.map_err(|errno| self.unseen(what, errno)).ok()
    }
}

/// Whether that is how the end of a process or the removal of a group shows.
pub(super) fn has_gone(error: &io::Error) -> bool {
    let gone = [libc::ESRCH, libc::ENODEV].map(Some);
    error.kind() == ErrorKind::NotFound || gone.contains(&error.raw_os_error())
}
