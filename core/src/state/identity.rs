//! Which process, for longer than its number says: numbers are used again.

use std::fs;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

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
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, start) = parse(&stat)?;
        (!['Z', 'X'].contains(&state)).then_some(Identity { pid, start })
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

/// State and start time from `/proc/PID/stat`. The second field is the program's name in parentheses, which may have
/// blanks and parentheses of its own.
fn parse(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    // The state is field 3.
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_name_may_be_anything() {
        let stat = "7 (a) S 1 (b) Z 1 7 7 0 -1 64 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        assert_eq!(parse(stat), Some(('Z', 4711)));
        assert_eq!(parse("7 (sh) S 1"), None);
    }

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
