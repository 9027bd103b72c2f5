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
    watch(file, libc::IN_MODIFY)
}

/// Readable when the file system of this directory, which must not move meanwhile, is no longer mounted anywhere
/// (`IN_UNMOUNT`, which the kernel sends for any watch). Keeps no mount and no namespace. Closed on exec, never blocks.
///
/// # Errors
/// As in the manual pages.
pub fn unmounted(directory: &CStr) -> Result<OwnedFd> {
    watch(directory, libc::IN_MOVE_SELF | libc::IN_ONLYDIR)
}

fn watch(file: &CStr, events: u32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::inotify_init1, args![libc::IN_CLOEXEC | libc::IN_NONBLOCK]) }?;
    // SAFETY: a fresh descriptor.
    let watch = unsafe { owned(fd) };
    add(std::os::fd::AsFd::as_fd(&watch), file, events)?;
    Ok(watch)
}

fn add(watch: BorrowedFd<'_>, file: &CStr, events: u32) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::inotify_add_watch, args![raw(watch), text(file), events]) }?;
    Ok(())
}
