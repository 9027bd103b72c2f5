//! Which process, for longer than its number says: numbers are used again.

use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use crate::observe::stat_of;
use crate::sys::process;

/// A process by its number and the time at which it started, in clock ticks since boot (`proc_pid_stat(5)`, field 22).
/// Two processes of the same number differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its number in this pid namespace.
    pub pid: i32,
    /// When it started.
    pub start: u64,
}

impl Identity {
    /// The process that has this number now; `None` when there is none, or only its remains.
    #[must_use]
    pub fn of(pid: i32) -> Option<Identity> {
        let stat = stat_of(pid)?;
        (!['Z', 'X'].contains(&stat.state)).then_some(Identity { pid, start: stat.start })
    }

    /// This process.
    ///
    /// # Errors
    /// Where `/proc` is not mounted.
    pub fn own() -> std::io::Result<Identity> {
        let pid = std::process::id().cast_signed();
        Identity::of(pid).ok_or_else(|| std::io::Error::other("/proc does not show this process"))
    }

    /// Whether it still runs. One that has ended and was not waited for does not.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Identity::of(self.pid) == Some(self)
    }

    /// A descriptor of exactly this process; `None` when it is gone.
    #[must_use]
    pub fn open(self) -> Option<OwnedFd> {
        // In this order: what the descriptor is of was alive when the start time was read, or another process had the
        // number by then, whose start time differs.
        let pidfd = process::pidfd_open(self.pid).ok()?;
        self.is_alive().then_some(pidfd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_with_another_start_is_another_process() {
        let own = Identity::own().unwrap();
        assert!(own.is_alive() && own.open().is_some());
        let other = Identity { start: own.start + 1, ..own };
        assert!(!other.is_alive() && other.open().is_none());
    }

    #[test]
    fn one_that_has_ended_is_not_alive_before_it_is_waited_for() {
        let mut child = std::process::Command::new("/bin/sleep").arg("100").spawn().unwrap();
        let identity = Identity::of(child.id().cast_signed()).unwrap();
        assert!(identity.is_alive());
        child.kill().unwrap();
        let pidfd = process::pidfd_open(identity.pid).unwrap();
        assert_eq!(process::poll(&[std::os::fd::AsFd::as_fd(&pidfd)], None), Ok(Some(0)));
        assert!(!identity.is_alive() && identity.open().is_none());
        child.wait().unwrap();
    }
}
