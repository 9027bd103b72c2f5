//! Descriptors that become readable when something happens: `eventfd(2)` and `inotify(7)`.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::{Result, Sysno, args, call, owned, raw, text};

/// A counter that the kernel adds to; reading gives 8 bytes and sets it to 0. Closed on exec, never blocks.
///
/// # Errors
/// As in the manual page.
pub fn counter() -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::eventfd2, args![0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Readable when the file was modified. Closed on exec, never blocks.
///
/// # Errors
/// As in the manual pages.
pub fn modified(file: &CStr) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::inotify_init1, args![libc::IN_CLOEXEC | libc::IN_NONBLOCK]) }?;
    // SAFETY: a fresh descriptor.
    let watch = unsafe { owned(fd) };
    add(std::os::fd::AsFd::as_fd(&watch), file)?;
    Ok(watch)
}

fn add(watch: BorrowedFd<'_>, file: &CStr) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::inotify_add_watch, args![raw(watch), text(file), libc::IN_MODIFY]) }?;
    Ok(())
}
