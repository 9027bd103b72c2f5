//! Processes that wait at a FIFO whose container nobody noted.
//!
//! A creator that is killed after its child was ready, and before it could write the child's number down, leaves a
//! process that waits for ever. It can be found by what it waits at: nobody else has that file open.

use std::os::fd::AsFd;
use std::time::Duration;

use super::Identity;
use crate::sys::fs::{self, Identity as File};
use crate::sys::{Errno, Result, process};

/// How long a killed process may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Kills every process that has the file open, but this one, and waits for its end.
pub(super) fn end(file: File) -> Result<()> {
    let own = std::process::id().cast_signed();
    let entries = std::fs::read_dir("/proc").map_err(|_| Errno::ENOSYS)?;
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    for pid in pids.filter(|pid| *pid != own) {
        let Some(identity) = Identity::of(pid) else { continue };
        if !holds(pid, file) {
            continue;
        }
        let Some(pidfd) = identity.open() else { continue };
        match process::signal(&pidfd, libc::SIGKILL) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno),
        }
        process::poll(&[pidfd.as_fd()], Some(PATIENCE))?.ok_or(Errno::ETIME)?;
    }
    Ok(())
}

/// Whether a process has the file open. Of one that has ended meanwhile, or that is another user's, nothing is known.
fn holds(pid: i32, file: File) -> bool {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let path = std::os::unix::ffi::OsStrExt::as_bytes(descriptor.path().as_os_str()).to_vec();
        std::ffi::CString::new(path).is_ok_and(|path| fs::identity_behind(&path) == Ok(file))
    })
}
