//! seccomp's second half: a filter whose decisions somebody else takes (`seccomp_unotify(2)`).

use std::os::fd::{BorrowedFd, OwnedFd};

use super::{Errno, Result, Sysno, args, call, credential, owned, raw};
use crate::seccomp::{Call, Instruction};

/// Loads a filter for the calling thread, and returns its listener, closed on exec: where calls that the filter answers
/// with `SECCOMP_RET_USER_NOTIF` are received. Once it is closed everywhere, such calls fail with ENOSYS.
///
/// # Errors
/// As [`credential::seccomp_load`]; `EBUSY` when the thread has a filter with a listener already.
pub fn load_with_listener(program: &[Instruction], flags: u32) -> Result<OwnedFd> {
    let listener = credential::seccomp_call(program, flags | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32)?;
    // SAFETY: the flag makes the call return a new descriptor.
    Ok(unsafe { owned(listener) })
}

/// A copy of another process's descriptor, closed on exec (`pidfd_getfd(2)`, Linux 5.6).
///
/// # Errors
/// As in the manual page; `EPERM` without the right to trace the process, which over one that is not dumpable takes
/// `CAP_SYS_PTRACE` in the user namespace that its memory belongs to.
pub fn pidfd_getfd(pidfd: BorrowedFd<'_>, number: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::pidfd_getfd, args![raw(pidfd), number, 0]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// A call that waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notification {
    /// Names the waiting call.
    pub id: u64,
    /// The caller's thread id, as the receiver sees it; 0 when it does not.
    pub pid: u32,
    /// The call.
    pub call: Call,
}

/// Waits for the next call (`SECCOMP_IOCTL_NOTIF_RECV`).
///
/// # Errors
/// `ENOENT` when the caller died as its call was received.
pub fn receive(listener: BorrowedFd<'_>) -> Result<Notification> {
    // SAFETY: zeros are what the kernel wants to find here.
    let mut found: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    let given = args![raw(listener), libc::SECCOMP_IOCTL_NOTIF_RECV, std::ptr::from_mut(&mut found)];
    loop {
        // SAFETY: the kernel fills the structure, whose size is part of the request's number.
        match unsafe { call(Sysno::ioctl, given) } {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    let data = found.data;
    let call =
        Call { arch: data.arch, nr: data.nr.cast_unsigned(), ip: data.instruction_pointer, args: data.args };
    Ok(Notification { id: found.id, pid: found.pid, call })
}

/// What a waiting call gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It returns this.
    Return(i64),
    /// It fails.
    Fail(Errno),
    /// It runs (`SECCOMP_USER_NOTIF_FLAG_CONTINUE`, Linux 5.5). No protection: the caller can have changed what its
    /// pointers point to.
    Continue,
}

/// Answers a call (`SECCOMP_IOCTL_NOTIF_SEND`).
///
/// # Errors
/// `ENOENT` when the caller waits no more.
pub fn answer(listener: BorrowedFd<'_>, id: u64, answer: Answer) -> Result<()> {
    let (val, error, flags) = match answer {
        Answer::Return(value) => (value, 0, 0),
        Answer::Fail(errno) => (0, -errno.into_raw(), 0),
        Answer::Continue => (0, 0, libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32),
    };
    let response = libc::seccomp_notif_resp { id, val, error, flags };
    let given = args![raw(listener), libc::SECCOMP_IOCTL_NOTIF_SEND, std::ptr::from_ref(&response)];
    // SAFETY: the structure outlives the call.
    unsafe { call(Sysno::ioctl, given) }?;
    Ok(())
}
