//! The processes of a container, found and ended through its groups.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::directory::Directory;
use super::error::{Error, Result};
use super::{file, freeze, tree};
use crate::sys::{self, Errno, fs, process};

/// Processes in a container's groups and all groups below, by number in the caller's pid namespace, in order. None where
/// the groups are gone.
///
/// # Errors
/// When the groups may not be read.
pub fn procs(directories: &[Directory]) -> Result<Vec<i32>> {
    let mut found = BTreeSet::new();
    for Directory { path, .. } in directories {
        let read = file::text(path)
            .and_then(|path| tree::walk(&path, |group| numbers(group, &mut found), |_, _| Ok(())));
        match read {
            Ok(()) | Err(Errno::ENOENT | Errno::ENODEV) => {}
            Err(errno) => return Err(Error::system("list the processes of", path, errno)),
        }
    }
    Ok(found.into_iter().collect())
}

fn numbers(group: BorrowedFd<'_>, found: &mut BTreeSet<i32>) -> sys::Result<()> {
    let mut text = String::new();
    let read = fs::openat(group, c"cgroup.procs", libc::O_RDONLY, 0).and_then(|file| {
        let read = std::fs::File::from(file).read_to_string(&mut text);
        read.map_err(|error| Errno::new(error.raw_os_error().unwrap_or(libc::EIO)))
    });
    match read {
        // 0 is a process that the caller's pid namespace does not see.
        Ok(_) => found.extend(text.lines().filter_map(|line| line.parse().ok()).filter(|pid: &i32| *pid > 0)),
        // Removed in the meantime; or threads alone, whose processes are in a group above.
        Err(Errno::ENOENT | Errno::ENODEV | Errno::EOPNOTSUPP) => {}
        Err(errno) => return Err(errno),
    }
    Ok(())
}

/// Sends a signal to every process of a container.
///
/// # Errors
/// When the groups may not be read, or a process may not be signalled.
pub fn signal(directories: &[Directory], signal: i32) -> Result<()> {
    let mut pinned = Vec::new();
    for pid in procs(directories)? {
        match process::pidfd_open(pid) {
            Ok(pidfd) => pinned.push((pid, pidfd)),
            Err(Errno::ESRCH) => {}
            Err(errno) => return Err(failed(directories, errno)),
        }
    }
    // A number may have become another's between the list and the descriptor. That one is not in the groups.
    let still: BTreeSet<i32> = procs(directories)?.into_iter().collect();
    for (_, pidfd) in pinned.iter().filter(|(pid, _)| still.contains(pid)) {
        match process::signal(pidfd, signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(failed(directories, errno)),
        }
    }
    Ok(())
}

fn failed(directories: &[Directory], errno: Errno) -> Error {
    let path = directories.first().map_or(Path::new(""), |directory| &directory.path);
    Error::system("signal the processes of", path, errno)
}

/// Kills every process of a container, and waits until none is left. A frozen container is thawed for it.
///
/// Where the kernel cannot kill a group (`cgroup.kill`, Linux 5.14, v2), its processes are killed one by one, and frozen
/// meanwhile if they can be, so that none escapes by forking.
///
/// # Errors
/// When processes are left after `patience`, or may not be killed.
pub fn kill(directories: &[Directory], patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_micros(50);
    let whole: Vec<Directory> = directories.iter().filter(|directory| directory.v2).cloned().collect();
    while !procs(directories)?.is_empty() {
        let killed =
            whole.iter().filter(|directory| file::put(&directory.path.join("cgroup.kill"), "1").is_ok());
        // What has left the v2 group is not killed with it, and may still be in the groups of v1.
        if killed.count() == 0 || procs(&whole)?.is_empty() {
            one_by_one(directories)?;
        }
        // The freezer of v1 keeps what it has frozen from dying.
        freeze::thaw_v1(directories)?;
        if Instant::now() >= deadline {
            let path = directories.first().map(|directory| directory.path.clone()).unwrap_or_default();
            let seconds = patience.as_secs();
            return Err(Error::TimedOut {
                operation: "kill the processes of",
                path,
                seconds,
                taken_back: None,
            });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    Ok(())
}

fn one_by_one(directories: &[Directory]) -> Result<()> {
    // Best effort: without it a fork may escape this round, but not the next for ever.
    let frozen = freeze::freeze_within(directories, true, Duration::from_millis(50)).is_ok();
    let signalled = signal(directories, libc::SIGKILL);
    if frozen {
        // What dies while it thaws is no failure.
        drop(freeze::freeze_within(directories, false, Duration::ZERO));
    }
    signalled
}
