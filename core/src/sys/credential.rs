//! Users, groups, capabilities, seccomp: what a process may do.
//!
//! The C library's versions of these calls change all threads at once; these change the calling thread, which is
//! right for a child that is about to exec.

use super::{Result, Sysno, args, call};

/// Of capget(2) and capset(2).
const VERSION_3: u32 = 0x2008_0522;

/// `setresuid(2)` with all three ids equal.
///
/// # Errors
/// As in the manual page.
pub fn set_uid(uid: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::setresuid, args![uid, uid, uid]) }?;
    Ok(())
}

/// `setresgid(2)` with all three ids equal.
///
/// # Errors
/// As in the manual page.
pub fn set_gid(gid: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::setresgid, args![gid, gid, gid]) }?;
    Ok(())
}

/// `setgroups(2)`.
///
/// # Errors
/// As in the manual page; `EPERM` in a user namespace whose `setgroups` file says `deny`.
pub fn set_groups(groups: &[u32]) -> Result<()> {
    // SAFETY: the slice outlives the call.
    unsafe { call(Sysno::setgroups, args![groups.len(), groups.as_ptr()]) }?;
    Ok(())
}

/// `geteuid(2)`.
#[must_use]
pub fn uid() -> u32 {
    // SAFETY: no pointers; the call always succeeds.
    unsafe { call(Sysno::geteuid, args![0]) }.map_or(u32::MAX, |uid| uid as u32)
}

/// `getegid(2)`.
#[must_use]
pub fn gid() -> u32 {
    // SAFETY: no pointers; the call always succeeds.
    unsafe { call(Sysno::getegid, args![0]) }.map_or(u32::MAX, |gid| gid as u32)
}

/// Sets the calling thread's inheritable capabilities, and leaves the permitted and effective ones as they are.
///
/// # Errors
/// As in `capset(2)`.
pub fn inherit(inheritable: u64) -> Result<()> {
    let header = [VERSION_3, 0];
    let mut data = [[0u32; 3]; 2];
    // SAFETY: header and data have the layouts of capget(2)'s version 3 and outlive the call.
    unsafe { call(Sysno::capget, args![header.as_ptr(), data.as_mut_ptr()]) }?;
    let set = |nth: usize| u64::from(data[1][nth]) << 32 | u64::from(data[0][nth]);
    capset(set(1), set(0), inheritable)
}

/// Sets the calling thread's permitted, effective and inheritable capabilities.
///
/// # Errors
/// As in `capset(2)`.
pub fn capset(permitted: u64, effective: u64, inheritable: u64) -> Result<()> {
    let header = [VERSION_3, 0];
    let low = |set: u64| set as u32;
    let high = |set: u64| (set >> 32) as u32;
    let data = [
        [low(effective), low(permitted), low(inheritable)],
        [high(effective), high(permitted), high(inheritable)],
    ];
    // SAFETY: header and data have the layouts of capset(2)'s version 3 and outlive the call.
    unsafe { call(Sysno::capset, args![header.as_ptr(), data.as_ptr()]) }?;
    Ok(())
}

/// `prctl(2)` with numbers alone.
fn prctl(option: i32, argument: usize, second: usize) -> Result<usize> {
    // SAFETY: private; used below only with options whose arguments are numbers.
    unsafe { call(Sysno::prctl, args![option, argument, second, 0, 0]) }
}

/// Drops a capability from the bounding set.
///
/// # Errors
/// `EPERM` without `CAP_SETPCAP`, `EINVAL` for a capability that the kernel does not know.
pub fn drop_bounding(capability: u32) -> Result<()> {
    prctl(libc::PR_CAPBSET_DROP, capability as usize, 0).map(drop)
}

/// Empties the ambient set.
///
/// # Errors
/// As in `PR_CAP_AMBIENT(2const)`.
pub fn clear_ambient() -> Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as usize, 0).map(drop)
}

/// Adds a capability to the ambient set.
///
/// # Errors
/// As in `PR_CAP_AMBIENT(2const)`; `EPERM` unless it is permitted and inheritable.
pub fn raise_ambient(capability: u32) -> Result<()> {
    prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE as usize, capability as usize).map(drop)
}

/// Keeps the permitted capabilities over a change away from user id 0, until the next exec.
///
/// # Errors
/// `EPERM` when the securebits are locked.
pub fn keep_capabilities() -> Result<()> {
    prctl(libc::PR_SET_KEEPCAPS, 1, 0).map(drop)
}

/// Sets `no_new_privs`.
///
/// # Errors
/// None known.
pub fn set_no_new_privs() -> Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0).map(drop)
}

/// Whether this process may be inspected by others of its user (`PR_GET_DUMPABLE`).
///
/// # Errors
/// None known.
pub fn dumpable() -> Result<usize> {
    prctl(libc::PR_GET_DUMPABLE, 0, 0)
}

/// Sets what [`dumpable`] reads; 0 or 1.
///
/// # Errors
/// `EINVAL` for other values.
pub fn set_dumpable(value: usize) -> Result<()> {
    prctl(libc::PR_SET_DUMPABLE, value, 0).map(drop)
}

/// Loads a seccomp filter for the calling thread.
///
/// # Errors
/// `EACCES` without `no_new_privs` or `CAP_SYS_ADMIN`, `EINVAL` for a program that the kernel refuses, `ESRCH` when
/// `SECCOMP_FILTER_FLAG_TSYNC` asks for all threads and one cannot follow.
pub fn seccomp_load(program: &[crate::seccomp::Instruction], flags: u32) -> Result<()> {
    // With that flag alone, the thread that could not follow.
    match seccomp_call(program, flags)? {
        0 => Ok(()),
        _thread => Err(super::Errno::ESRCH),
    }
}

/// `seccomp(2)` with `SECCOMP_SET_MODE_FILTER`.
pub(super) fn seccomp_call(program: &[crate::seccomp::Instruction], flags: u32) -> Result<usize> {
    #[repr(C)]
    struct Fprog {
        length: u16,
        filter: *const crate::seccomp::Instruction,
    }
    let length = u16::try_from(program.len()).map_err(|_| super::Errno::EINVAL)?;
    let fprog = Fprog { length, filter: program.as_ptr() };
    let given = args![libc::SECCOMP_SET_MODE_FILTER, flags, std::ptr::from_ref(&fprog)];
    // SAFETY: `fprog` has the layout of `struct sock_fprog`, and both it and the program outlive the call.
    unsafe { call(Sysno::seccomp, given) }
}
