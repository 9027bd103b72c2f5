//! Namespaces and what they name.

use std::os::fd::BorrowedFd;

use super::{Result, Sysno, args, call, raw};

/// `CLONE_NEWNET`, for those who have no constants of the kernel's.
pub const NETWORK: u64 = libc::CLONE_NEWNET as u64;

/// `unshare(2)` of namespaces (`CLONE_NEW*`).
///
/// # Errors
/// As in the manual page.
pub fn unshare(namespaces: u64) -> Result<()> {
    // SAFETY: no pointers; CLONE_FILES and CLONE_FS are not namespaces and are masked off, so that no other
    // thread's descriptors or directories change hands.
    unsafe { call(Sysno::unshare, args![namespaces & !(libc::CLONE_FILES | libc::CLONE_FS) as u64]) }?;
    Ok(())
}

/// `unshare(2)` of the calling thread's descriptors: from now on it has copies of its own, which go with it.
///
/// # Errors
/// As in the manual page.
pub fn unshare_descriptors() -> Result<()> {
    // SAFETY: no pointers; what this thread closes or opens from now on is its own copy, and what others hold is theirs.
    unsafe { call(Sysno::unshare, args![libc::CLONE_FILES as u64]) }?;
    Ok(())
}

/// `setns(2)`.
///
/// # Errors
/// As in the manual page.
pub fn setns(namespace: BorrowedFd<'_>, kind: u64) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::setns, args![raw(namespace), kind]) }?;
    Ok(())
}

/// `sethostname(2)`.
///
/// # Errors
/// As in the manual page.
pub fn sethostname(name: &[u8]) -> Result<()> {
    // SAFETY: the name outlives the call.
    unsafe { call(Sysno::sethostname, args![name.as_ptr(), name.len()]) }?;
    Ok(())
}

/// `setdomainname(2)`.
///
/// # Errors
/// As in the manual page.
pub fn setdomainname(name: &[u8]) -> Result<()> {
    // SAFETY: the name outlives the call.
    unsafe { call(Sysno::setdomainname, args![name.as_ptr(), name.len()]) }?;
    Ok(())
}
