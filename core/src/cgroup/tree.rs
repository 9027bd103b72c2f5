//! A group and the groups that its processes made below it.
//!
//! They may be nested deeper than a path can say or descriptors can be held, so the walk holds one directory and knows
//! its way by names. It never leaves the group upwards, and a cgroup file system has no links.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use super::directory::Directory;
use super::error::{Error, Result};
use super::file::text;
use crate::planted::planted;
use crate::sys::{self, Errno, directory, fs};

fn open(at: BorrowedFd<'_>, name: &CStr) -> sys::Result<OwnedFd> {
    fs::openat(at, name, libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0)
}

/// Calls `enter` with a group and each below it, the outer first, and `leave` with a group and the name of one in it,
/// once all below that one have been left.
pub(super) fn walk(
    group: &CStr,
    mut enter: impl FnMut(BorrowedFd<'_>) -> sys::Result<()>,
    mut leave: impl FnMut(BorrowedFd<'_>, &CStr) -> sys::Result<()>,
) -> sys::Result<()> {
    let mut place = open(sys::here(), group)?;
    enter(place.as_fd())?;
    let mut ahead = vec![directory::directories(place.as_fd())?];
    let mut way: Vec<CString> = Vec::new();
    while let Some(names) = ahead.last_mut() {
        let Some(name) = names.pop() else {
            ahead.pop();
            if let Some(name) = way.pop() {
                place = open(place.as_fd(), c"..")?;
                leave(place.as_fd(), &name)?;
            }
            continue;
        };
        match open(place.as_fd(), &name) {
            Ok(below) => {
                enter(below.as_fd())?;
                ahead.push(directory::directories(below.as_fd())?);
                way.push(name);
                place = below;
            }
            // Gone in the meantime.
            Err(Errno::ENOENT | Errno::ENODEV) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Removes a group and those below it, waiting for the last of its tasks to be gone: the kernel says EBUSY until then.
pub(crate) fn remove_path(path: &CStr, patience: Duration) -> sys::Result<()> {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_micros(20);
    let mut failed = false;
    loop {
        match fs::rmdir(path) {
            Err(Errno::EBUSY) if Instant::now() < deadline => {
                // Groups below keep it busy as well. What cannot be removed yet is tried again.
                sys::no_matter(walk(
                    path,
                    |_| Ok(()),
                    |group, name| {
                        sys::no_matter(fs::rmdir_at(group, name));
                        Ok(())
                    },
                ));
                std::thread::sleep(pause);
            }
            Err(Errno::ENOENT) => return Ok(()),
            Err(Errno::EBUSY) => return Err(Errno::EBUSY),
            // Nobody else would remove it, so once more.
            Err(_) if !failed => failed = true,
            other => return other,
        }
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Removes a container's groups and those below them, and the groups above that are isolab's by name and empty. One that
/// is gone already is no error. Its processes must be dead or dying.
///
/// # Errors
/// When a group still has processes after `patience`; every removal is tried, the first error is returned.
pub fn remove(directories: &[Directory], patience: Duration) -> Result<()> {
    let mut result = Ok(());
    for Directory { path, mount, .. } in directories {
        let removed = text(path).and_then(|path| remove_path(&path, patience));
        if let Err(errno) = removed {
            result = result.and(Err(Error::system("remove the cgroup", path, errno)));
            continue;
        }
        for above in path.ancestors().skip(1).take_while(|above| *above != mount) {
            let ours = above.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"isolab"));
            // Another container may be in it, which will remove it then.
            if !ours || std::fs::remove_dir(above).is_err() || planted("one-group-above-removed") {
                break;
            }
        }
    }
    result
}
