//! Knowing when memory ran out: `memory.oom_control` of v1 with an eventfd, `memory.events` of v2 with inotify.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use super::directory::Directory;
use super::error::{Error, Result};
use super::file::{self, number};
use crate::sys::{Errno, event, fs};

/// Reports that memory ran out in a container.
#[derive(Debug)]
pub struct OomWatch {
    event: OwnedFd,
    /// The file that is watched.
    path: PathBuf,
    /// The last count that it had on v2.
    count: Option<u64>,
}

impl OomWatch {
    /// `None` where the container has no group with the memory controller, and so no limit that it could reach.
    ///
    /// # Errors
    /// When the kernel refuses the watch.
    pub fn new(directories: &[Directory]) -> Result<Option<OomWatch>> {
        let Some(directory) = directories.iter().find(|directory| directory.has("memory")) else {
            return Ok(None);
        };
        let name = if directory.v2 { "memory.events" } else { "memory.oom_control" };
        let path = directory.path.join(name);
        if !path.exists() {
            return Ok(None);
        }
        let failed = |errno| Error::system("watch", &path, errno);
        if directory.v2 {
            let event = file::text(&path).and_then(|path| event::modified(&path)).map_err(failed)?;
            let count = oom_kills(directories)?;
            return Ok(Some(OomWatch { event, path, count: Some(count) }));
        }
        let event = event::counter().map_err(failed)?;
        let control = std::fs::File::open(&path).map_err(|error| Error::read(&path, &error))?;
        let line = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
        file::write(&directory.path.join("cgroup.event_control"), &line)?;
        Ok(Some(OomWatch { event, path, count: None }))
    }

    /// Readable when there may be something new; also once the group is removed.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// How often memory ran out since the last call: on v2 the processes killed for it, on v1 the kernel's reports. Does
    /// not block.
    ///
    /// # Errors
    /// When the descriptor or the counting file cannot be read.
    pub fn take(&mut self) -> Result<u64> {
        let mut buffer = [0; 4096];
        let read = match fs::read(self.event.as_fd(), &mut buffer) {
            Ok(bytes) => bytes,
            Err(Errno::EAGAIN) => return Ok(0),
            Err(errno) => return Err(Error::system("wait for events of", &self.path, errno)),
        };
        // The removal of the group is reported as well.
        let Some(text) = file::read(&self.path)? else { return Ok(0) };
        let Some(last) = &mut self.count else {
            return Ok(read.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes)));
        };
        let count = number(&text, Some("oom_kill")).unwrap_or(*last);
        let new = count.saturating_sub(*last);
        *last = count;
        Ok(new)
    }
}

/// How many processes of a container the kernel has killed for want of memory; 0 without the memory controller, and on
/// v1 before Linux 4.13.
///
/// # Errors
/// When the group may not be read.
pub fn oom_kills(directories: &[Directory]) -> Result<u64> {
    let Some(directory) = directories.iter().find(|directory| directory.has("memory")) else { return Ok(0) };
    let name = if directory.v2 { "memory.events" } else { "memory.oom_control" };
    let text = file::read(&directory.path.join(name))?.unwrap_or_default();
    Ok(number(&text, Some("oom_kill")).unwrap_or(0))
}
