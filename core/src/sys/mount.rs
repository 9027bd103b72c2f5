//! Mounts: the descriptor-based API, and the few older calls that it does not replace.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::{Errno, Result, Sysno, args, call, owned, raw, text};

/// Not in the libc crate: the mount's ids are mapped by the user namespace of [`Attributes::userns`].
pub const IDMAP: u64 = 0x0010_0000;

/// Mount attributes for [`mount_setattr`], as `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `MOUNT_ATTR_*` to set.
    pub set: u64,
    /// `MOUNT_ATTR_*` to clear.
    pub clear: u64,
    /// Propagation type, `MS_PRIVATE` and so on; 0 leaves it.
    pub propagation: u64,
    /// User namespace for an idmapped mount.
    pub userns: u64,
}

/// `fsopen(2)`: a context for a new file system.
///
/// # Errors
/// As in the manual page; `ENODEV` where the kernel lacks the type.
pub fn fsopen(kind: &CStr) -> Result<OwnedFd> {
    // SAFETY: the name outlives the call.
    let fd = unsafe { call(Sysno::fsopen, args![text(kind), libc::FSOPEN_CLOEXEC]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Sets an option of a file system context: `key=value`, or the flag `key`.
///
/// # Errors
/// As in `fsconfig(2)`.
pub fn fsconfig_set(context: BorrowedFd<'_>, key: &CStr, value: Option<&CStr>) -> Result<()> {
    let given = match value {
        Some(value) => args![raw(context), libc::FSCONFIG_SET_STRING, text(key), text(value), 0],
        None => args![raw(context), libc::FSCONFIG_SET_FLAG, text(key), 0, 0],
    };
    // SAFETY: both strings outlive the call.
    unsafe { call(Sysno::fsconfig, given) }?;
    Ok(())
}

/// Creates the file system that a context describes.
///
/// # Errors
/// As in `fsconfig(2)` and those of the file system.
pub fn fsconfig_create(context: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fsconfig, args![raw(context), libc::FSCONFIG_CMD_CREATE, 0, 0, 0]) }?;
    Ok(())
}

/// `fspick(2)`: a context to reconfigure the file system of the mount whose root `mount` is open on.
///
/// # Errors
/// As in the manual page.
pub fn fspick(mount: BorrowedFd<'_>) -> Result<OwnedFd> {
    // Not in the libc crate: FSPICK_CLOEXEC and FSPICK_EMPTY_PATH.
    // SAFETY: the empty string is static.
    let fd = unsafe { call(Sysno::fspick, args![raw(mount), text(c""), 0x1 | 0x8]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Applies what was set in a context of [`fspick`].
///
/// # Errors
/// As in `fsconfig(2)` and those of the file system.
pub fn fsconfig_reconfigure(context: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fsconfig, args![raw(context), libc::FSCONFIG_CMD_RECONFIGURE, 0, 0, 0]) }?;
    Ok(())
}

/// `fsmount(2)`: a detached mount of a created file system.
///
/// # Errors
/// As in the manual page.
pub fn fsmount(context: BorrowedFd<'_>, attributes: u64) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::fsmount, args![raw(context), libc::FSMOUNT_CLOEXEC, attributes]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// `open_tree(2)` with `OPEN_TREE_CLONE`: a detached copy of the mount at a path, as for a bind mount. An empty path
/// means `dir` itself.
///
/// # Errors
/// As in the manual page.
pub fn clone_tree(dir: BorrowedFd<'_>, path: &CStr, recursive: bool) -> Result<OwnedFd> {
    let mut flags = libc::OPEN_TREE_CLONE as usize | libc::OPEN_TREE_CLOEXEC as usize;
    flags |= libc::AT_EMPTY_PATH as usize;
    if recursive {
        flags |= libc::AT_RECURSIVE as usize;
    }
    // SAFETY: the path outlives the call.
    let fd = unsafe { call(Sysno::open_tree, args![raw(dir), text(path), flags]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// `move_mount(2)`: attaches a detached mount on the object that `target` is open on.
///
/// # Errors
/// As in the manual page.
pub fn attach(mount: BorrowedFd<'_>, target: BorrowedFd<'_>) -> Result<()> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: the empty strings are static.
    unsafe { call(Sysno::move_mount, args![raw(mount), text(c""), raw(target), text(c""), flags]) }?;
    Ok(())
}

/// `mount_setattr(2)` on an open mount.
///
/// # Errors
/// As in the manual page; `ENOSYS` before Linux 5.12.
pub fn mount_setattr(mount: BorrowedFd<'_>, recursive: bool, attributes: &Attributes) -> Result<()> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let size = size_of::<Attributes>();
    let given = args![raw(mount), text(c""), flags, std::ptr::from_ref(attributes), size];
    // SAFETY: the structure has the layout of `struct mount_attr` and outlives the call.
    unsafe { call(Sysno::mount_setattr, given) }?;
    Ok(())
}

/// Whether the kernel has `mount_setattr(2)`. Nothing is changed: it is asked with a structure that is too small, which it
/// refuses before it looks at anything else.
///
/// # Errors
/// `ENOSYS` before Linux 5.12, or what a filter says.
pub fn has_mount_setattr() -> Result<()> {
    // SAFETY: no pointers that are followed: the size comes first.
    match unsafe { call(Sysno::mount_setattr, args![libc::AT_FDCWD, text(c""), 0, 0, 0]) } {
        Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
        Ok(_) => Err(Errno::ENOSYS),
    }
}

/// Changes the flags or the propagation of the mount at a path, as `mount(2)` does with `MS_REMOUNT`, `MS_PRIVATE`
/// and the like.
///
/// # Errors
/// As in the manual page.
pub fn change(path: &CStr, flags: u64) -> Result<()> {
    // SAFETY: the path outlives the call; the other pointers may be null for these operations.
    unsafe { call(Sysno::mount, args![0, text(path), 0, flags, 0]) }?;
    Ok(())
}

/// Detaches the mount at a path (`umount2(2)` with `MNT_DETACH`).
///
/// # Errors
/// As in the manual page.
pub fn detach(path: &CStr) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::umount2, args![text(path), libc::MNT_DETACH]) }?;
    Ok(())
}

/// `pivot_root(2)`.
///
/// # Errors
/// As in the manual page.
pub fn pivot_root(new_root: &CStr, put_old: &CStr) -> Result<()> {
    // SAFETY: both paths outlive the call.
    unsafe { call(Sysno::pivot_root, args![text(new_root), text(put_old)]) }?;
    Ok(())
}

/// `chroot(2)`.
///
/// # Errors
/// As in the manual page.
pub fn chroot(path: &CStr) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::chroot, args![text(path)]) }?;
    Ok(())
}

/// `mount(2)` of a new file system, in the older form, whose data may be a page long; `flags` are `MS_*`.
///
/// # Errors
/// As in the manual page.
pub fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: u64, data: &CStr) -> Result<()> {
    // SAFETY: all strings outlive the call.
    unsafe { call(Sysno::mount, args![text(source), text(target), text(kind), flags, text(data)]) }?;
    Ok(())
}

/// Not in the libc crate (`statfs.h` of the kernel).
const ST_NOSYMFOLLOW: u64 = 0x2000;

/// The flags of the mount that an object is on, in the values of `mount(2)` (`MS_RDONLY` and so on). One on a
/// read-only file system counts as read-only.
///
/// # Errors
/// As in `fstatfs(2)`.
pub fn mount_flags(fd: BorrowedFd<'_>) -> Result<u64> {
    // `struct statfs` of 64-bit kernels is 15 words; the flags, which the libc crate keeps to itself, are the 11th.
    let mut stat = [0u64; 15];
    // SAFETY: the kernel fills the words.
    unsafe { call(Sysno::fstatfs, args![raw(fd), stat.as_mut_ptr()]) }?;
    let flags = stat[10];
    // These have the same values as MS_*, see statfs(2).
    let protections = libc::ST_RDONLY | libc::ST_NOSUID | libc::ST_NODEV | libc::ST_NOEXEC;
    // This one has not.
    let no_links = if flags & ST_NOSYMFOLLOW == 0 { 0 } else { libc::MS_NOSYMFOLLOW };
    Ok(flags & (protections | libc::ST_NOATIME | libc::ST_NODIRATIME) | no_links)
}

/// The number of the mount that an object is on, the first in a line of `mountinfo`.
///
/// # Errors
/// As in `statx(2)`; `ENOSYS` before Linux 5.8, which does not tell it.
pub fn mount_id(fd: BorrowedFd<'_>) -> Result<u64> {
    let mut stat = std::mem::MaybeUninit::<libc::statx>::zeroed();
    let what = libc::STATX_MNT_ID;
    // SAFETY: the kernel fills the structure, which has the size that it writes; the name outlives the call.
    unsafe { call(Sysno::statx, args![raw(fd), text(c""), libc::AT_EMPTY_PATH, what, stat.as_mut_ptr()]) }?;
    // SAFETY: zeroed, then filled; every bit pattern is a valid `statx`.
    let stat = unsafe { stat.assume_init() };
    if stat.stx_mask & what == 0 { Err(Errno::ENOSYS) } else { Ok(stat.stx_mnt_id) }
}
