//! A launched container.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use super::parent::Parent;
use super::{Error, Exit, Started, Timeline};
use crate::cgroup::{self, Directory};
use crate::plan::Plan;
use crate::sys::process::{self, Change};
use crate::sys::{Errno, ptrace};

/// A container whose workload has been executed. Dropping it kills what is alive and undoes the launch.
#[derive(Debug)]
pub struct Container {
    pid: i32,
    pidfd: OwnedFd,
    parent: Parent,
    timeline: Timeline,
    groups: Vec<PathBuf>,
    directories: Vec<Directory>,
    held: bool,
    exit: Option<Exit>,
}

impl Container {
    pub(super) fn new(started: Started, mut parent: Parent, timeline: Timeline, plan: &Plan) -> Container {
        parent.close();
        let groups = plan.directories.iter().map(|directory| directory.path.clone()).collect();
        let Started { child, .. } = started;
        Container {
            pid: child.pid,
            pidfd: child.pidfd,
            parent,
            timeline,
            groups,
            directories: plan.directories.clone(),
            held: false,
            exit: None,
        }
    }

    /// Process id of the workload, in the launcher's pid namespace.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its process descriptor; readable once it has ended.
    #[must_use]
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// The launch in time.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Directories of its groups, v2 first.
    #[must_use]
    pub fn cgroups(&self) -> &[PathBuf] {
        &self.groups
    }

    pub(super) fn set_held(&mut self) {
        self.held = true;
    }

    pub(super) fn set_ended(&mut self, exit: Exit) {
        self.exit = Some(exit);
    }

    /// Lets a workload run that is held at its exec; nothing to do otherwise. To be called by the thread that launched.
    ///
    /// # Errors
    /// When the workload is dead already.
    pub fn release(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.held) {
            ptrace::detach(self.pid).map_err(|errno| Error::system("release the workload", errno))?;
        }
        Ok(())
    }

    /// Waits for the workload's end, for ever without a timeout. `None` says that it is still running.
    ///
    /// # Errors
    /// When the child cannot be waited for, as when someone else has reaped it.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Option<Exit>, Error> {
        if self.exit.is_none() {
            let system = |errno| Error::system("wait for the workload", errno);
            if process::poll(&[self.pidfd.as_fd()], timeout).map_err(system)?.is_none() {
                return Ok(None);
            }
            // Before it is reaped: a launcher killed in between must not have another process of that number killed.
            if let Some(slot) = &self.parent.slot {
                slot.clear();
            }
            if let Some(Change::Ended(exit)) = process::wait(self.pidfd.as_fd(), true).map_err(system)? {
                self.set_ended(exit);
            }
        }
        Ok(self.exit)
    }

    /// Sends SIGKILL to the workload; with a pid namespace all its processes end with it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&self) -> Result<(), Error> {
        self.signal(libc::SIGKILL)
    }

    /// Sends a signal to the workload.
    ///
    /// # Errors
    /// When the kernel refuses; that it has ended already is no error.
    pub fn signal(&self, signal: i32) -> Result<(), Error> {
        match process::signal(&self.pidfd, signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(Error::system("signal the workload", errno)),
        }
    }

    /// Ends what is alive and undoes the launch.
    ///
    /// # Errors
    /// When something could not be removed.
    pub fn remove(mut self) -> Result<(), Error> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.exit.is_none() {
            self.kill()?;
            self.wait(None)?;
        }
        self.kill_group();
        self.parent.undo()
    }

    /// Without a pid namespace others may have outlived the workload: its groups know them all.
    fn kill_group(&mut self) {
        // Once: a container that was removed is dropped, too.
        let directories = std::mem::take(&mut self.directories);
        let kill = |group: &Directory| std::fs::write(group.path.join("cgroup.kill"), "1").is_ok();
        let killed = directories.iter().filter(|directory| directory.v2 && kill(directory)).count();
        if killed == 0 && !directories.is_empty() {
            // In v1 and before Linux 5.14 one by one. What fails shows by the removal of the group.
            drop(cgroup::kill(&directories, Duration::from_secs(5)));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // Nobody is there to be told; `remove` is for those who want to know.
        drop(self.end());
    }
}
