//! The smallest process that is ever in a control group: it is started, joins, and ends. For measuring what a start in a
//! group costs against a start and a join.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::clone::{Request, with_child};
use super::{Errno, Result, clock, fs, process};

/// When an errand was where, in nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errand {
    /// Before the clone.
    pub begun: u64,
    /// The child's first moment.
    pub born: u64,
    /// When the child was where it was to be: it had joined, or had nothing to join.
    pub joined: u64,
    /// CPU time of this process, all threads together, and of the child up to then.
    pub on_cpu: u64,
    /// The child's part of that for the join alone.
    pub join_on_cpu: u64,
}

/// What parent and child share.
struct Shared<'a> {
    join: Option<BorrowedFd<'a>>,
    launcher: i32,
    born: AtomicU64,
    joined: AtomicU64,
    cpu_born: AtomicU64,
    cpu_joined: AtomicU64,
    /// The launcher's, when the child had joined: later it has its own return in it.
    cpu_launcher: AtomicU64,
    failed: AtomicI32,
}

/// Starts a child, in the v2 group `group` where one is given (`CLONE_INTO_CGROUP`), which writes itself into `join` where
/// that is given (an open `cgroup.procs` or `tasks`), and exits. Returns when it is reaped.
///
/// # Errors
/// Of `clone3(2)`, or of the child's write.
pub fn errand(group: Option<BorrowedFd<'_>>, join: Option<BorrowedFd<'_>>) -> Result<Errand> {
    let zero = || AtomicU64::new(0);
    let pid = AtomicI32::new(0);
    let shared = Shared {
        join,
        launcher: std::process::id() as i32,
        born: zero(),
        joined: zero(),
        cpu_born: zero(),
        cpu_joined: zero(),
        cpu_launcher: zero(),
        failed: AtomicI32::new(0),
    };
    let request = Request { namespaces: 0, cgroup: group, pid: &pid };
    let (begun, own) = (clock::monotonic(), clock::process_cpu());
    let child = with_child(&request, run, &shared)?;
    process::wait(child.pidfd.as_fd(), true)?;
    match shared.failed.into_inner() {
        0 => Ok(Errand {
            begun,
            born: shared.born.into_inner(),
            joined: shared.joined.load(Ordering::Relaxed),
            on_cpu: shared.cpu_launcher.into_inner().saturating_sub(own)
                + shared.cpu_joined.load(Ordering::Relaxed),
            join_on_cpu: shared.cpu_joined.into_inner() - shared.cpu_born.into_inner(),
        }),
        errno => Err(Errno::new(errno)),
    }
}

/// The child: calls and plain computation only.
fn run(shared: &Shared<'_>) -> ! {
    shared.cpu_born.store(clock::thread_cpu(), Ordering::Relaxed);
    shared.born.store(clock::monotonic(), Ordering::Relaxed);
    // 0 is whoever writes (cgroups(7)).
    if let Some(Err(errno)) = shared.join.map(|join| fs::write(join, b"0")) {
        shared.failed.store(errno.into_raw(), Ordering::Relaxed);
    }
    shared.joined.store(clock::monotonic(), Ordering::Relaxed);
    shared.cpu_joined.store(clock::thread_cpu(), Ordering::Relaxed);
    // Its launcher is there: it waits for this process.
    let launcher = clock::process_cpu_of(shared.launcher).unwrap_or_default();
    shared.cpu_launcher.store(launcher, Ordering::Relaxed);
    process::exit(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errand_is_born_and_ends() {
        let done = errand(None, None).unwrap();
        assert!(done.begun <= done.born && done.born <= done.joined, "{done:?}");
        assert!(done.join_on_cpu <= done.on_cpu, "{done:?}");
    }

    #[test]
    fn what_cannot_be_joined_is_an_error() {
        let nothing = std::fs::File::open("/dev/null").unwrap();
        assert_eq!(errand(None, Some(nothing.as_fd())), Err(Errno::EBADF), "it is open for reading alone");
    }
}
