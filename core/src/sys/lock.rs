//! Record locks (`fcntl_locking(2)`): who holds one is alive.
//!
//! The kernel keeps them by table of descriptors, so a lock goes with the process that took it, however that ends. One
//! by `flock(2)` belongs to the open file instead, which the first process of a container inherits and holds until its
//! exec: a launcher that was killed would seem to be at work still.

use std::os::fd::BorrowedFd;

use super::{Errno, Result, Sysno, args, call, raw};

/// Takes the write lock on a whole file that is open for writing. `false` says that another process has it.
///
/// It is given back when the process closes any descriptor of the file.
///
/// # Errors
/// As in `fcntl(2)`.
pub fn try_lock(file: BorrowedFd<'_>) -> Result<bool> {
    // SAFETY: all zero is a valid `struct flock`, one of the whole file.
    let mut whole: libc::flock = unsafe { std::mem::zeroed() };
    whole.l_type = libc::F_WRLCK as libc::c_short;
    loop {
        // SAFETY: the structure outlives the call.
        match unsafe { call(Sysno::fcntl, args![raw(file), libc::F_SETLK, std::ptr::from_ref(&whole)]) } {
            Ok(_) => return Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => return Ok(false),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}
