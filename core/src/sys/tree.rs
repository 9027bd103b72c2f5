//! Trees of files as an unpacker makes them: names below an open directory, links never followed.
//!
//! Only [`list`] allocates; nothing here is meant for a launched child.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, BorrowedFd};

use super::{Errno, Result, Sysno, args, call, raw, text};

/// What `stat` says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// `st_mode`: type and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The device that a device node stands for.
    pub device: u64,
    /// Number in its file system.
    pub inode: u64,
    /// Last modification: seconds and nanoseconds since 1970.
    pub mtime: (i64, i64),
}

impl Stat {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Whether it is what overlay takes for "not there": the character device 0:0 (overlayfs.rst).
    #[must_use]
    pub fn is_whiteout(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFCHR && self.device == 0
    }
}

/// `newfstatat(2)` of a name, links not followed; of the descriptor itself for an empty name.
///
/// # Errors
/// As in the manual page.
pub fn stat_at(dir: BorrowedFd<'_>, name: &CStr) -> Result<Stat> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    let flags = libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW;
    let given = args![raw(dir), text(name), stat.as_mut_ptr(), flags];
    #[cfg(target_arch = "aarch64")]
    let number = Sysno::fstatat;
    #[cfg(not(target_arch = "aarch64"))]
    let number = Sysno::newfstatat;
    // SAFETY: the name outlives the call; the kernel fills the structure, which has the size that it writes.
    unsafe { call(number, given) }?;
    // SAFETY: zeroed, then filled; every bit pattern is a valid `stat`.
    let stat = unsafe { stat.assume_init() };
    Ok(Stat {
        mode: stat.st_mode,
        uid: stat.st_uid,
        gid: stat.st_gid,
        device: stat.st_rdev,
        inode: stat.st_ino,
        mtime: (stat.st_mtime, stat.st_mtime_nsec),
    })
}

/// `linkat(2)`; a symbolic link is linked itself.
///
/// # Errors
/// As in the manual page.
pub fn link_at(from: BorrowedFd<'_>, old: &CStr, to: BorrowedFd<'_>, new: &CStr) -> Result<()> {
    // SAFETY: both names outlive the call.
    unsafe { call(Sysno::linkat, args![raw(from), text(old), raw(to), text(new), 0]) }?;
    Ok(())
}

/// `unlinkat(2)` of what is no directory.
///
/// # Errors
/// As in the manual page; `EISDIR` for a directory.
pub fn unlink_at(dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the name outlives the call.
    unsafe { call(Sysno::unlinkat, args![raw(dir), text(name), 0]) }?;
    Ok(())
}

/// `unlinkat(2)` of an empty directory.
///
/// # Errors
/// As in the manual page.
pub fn rmdir_at(dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the name outlives the call.
    unsafe { call(Sysno::unlinkat, args![raw(dir), text(name), libc::AT_REMOVEDIR]) }?;
    Ok(())
}

/// `renameat2(2)` that never replaces: `EEXIST` when `new` is there.
///
/// # Errors
/// As in the manual page.
pub fn rename_at(from: BorrowedFd<'_>, old: &CStr, to: BorrowedFd<'_>, new: &CStr) -> Result<()> {
    let given = args![raw(from), text(old), raw(to), text(new), libc::RENAME_NOREPLACE];
    // SAFETY: both names outlive the call.
    unsafe { call(Sysno::renameat2, given) }?;
    Ok(())
}

/// `fchown(2)`.
///
/// # Errors
/// As in the manual page.
pub fn chown(fd: BorrowedFd<'_>, uid: u32, gid: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fchown, args![raw(fd), uid, gid]) }?;
    Ok(())
}

/// `fchmod(2)`.
///
/// # Errors
/// As in the manual page.
pub fn chmod(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fchmod, args![raw(fd), mode]) }?;
    Ok(())
}

/// Sets the permissions of what an `O_PATH` descriptor stands for, which must be no symbolic link. Goes through
/// `/proc/self/fd`, since `fchmodat2(2)` came with 6.6.
///
/// # Errors
/// As in `chmod(2)`; `ENOENT` where `/proc` is not mounted.
pub fn chmod_path_fd(fd: BorrowedFd<'_>, mode: u32) -> Result<()> {
    let path = descriptor_path(fd)?;
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::fchmodat, args![raw(super::here()), text(&path), mode]) }?;
    Ok(())
}

/// Sets the time of last modification, and of last access to the same, of a name; links not followed. An empty name
/// means the descriptor itself.
///
/// # Errors
/// As in `utimensat(2)`.
pub fn set_mtime_at(dir: BorrowedFd<'_>, name: &CStr, mtime: (i64, i64)) -> Result<()> {
    let times = [mtime, mtime].map(|(tv_sec, tv_nsec)| libc::timespec { tv_sec, tv_nsec });
    let (path, flags) = if name.is_empty() { (0, 0) } else { (text(name), libc::AT_SYMLINK_NOFOLLOW) };
    // SAFETY: the name, if given, and the times outlive the call.
    unsafe { call(Sysno::utimensat, args![raw(dir), path, times.as_ptr(), flags]) }?;
    Ok(())
}

/// `fsetxattr(2)`, made or replaced.
///
/// # Errors
/// As in the manual page.
pub fn set_xattr(fd: BorrowedFd<'_>, name: &CStr, value: &[u8]) -> Result<()> {
    let given = args![raw(fd), text(name), value.as_ptr(), value.len(), 0];
    // SAFETY: name and value outlive the call.
    unsafe { call(Sysno::fsetxattr, given) }?;
    Ok(())
}

/// `fgetxattr(2)` into a buffer.
///
/// # Errors
/// As in the manual page.
pub fn get_xattr<'b>(fd: BorrowedFd<'_>, name: &CStr, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    let given = args![raw(fd), text(name), buffer.as_mut_ptr(), buffer.len()];
    // SAFETY: the name outlives the call, the buffer is writable for its length.
    let done = unsafe { call(Sysno::fgetxattr, given) }?;
    Ok(&buffer[..done.min(buffer.len())])
}

/// `fremovexattr(2)`.
///
/// # Errors
/// As in the manual page.
pub fn remove_xattr(fd: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the name outlives the call.
    unsafe { call(Sysno::fremovexattr, args![raw(fd), text(name)]) }?;
    Ok(())
}

/// `flistxattr(2)` into a buffer: names, each ended by NUL.
///
/// # Errors
/// As in the manual page.
pub fn list_xattrs<'b>(fd: BorrowedFd<'_>, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    let given = args![raw(fd), buffer.as_mut_ptr(), buffer.len()];
    // SAFETY: the buffer is writable for its length.
    let done = unsafe { call(Sysno::flistxattr, given) }?;
    Ok(&buffer[..done.min(buffer.len())])
}

/// Takes the lock of an open file or directory, if nobody has it (`flock(2)`). It goes with the last descriptor.
///
/// # Errors
/// As in the manual page; `EAGAIN` when another has it.
pub fn try_lock(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::flock, args![raw(fd), libc::LOCK_EX | libc::LOCK_NB]) }?;
    Ok(())
}

/// Where the kernel says that an open object is, as `/proc/self/fd` shows it. Allocates.
///
/// # Errors
/// As in `readlink(2)`; `ENAMETOOLONG` when it does not fit into `PATH_MAX`.
pub fn place(fd: BorrowedFd<'_>) -> Result<Vec<u8>> {
    let path = descriptor_path(fd)?;
    let mut buffer = vec![0u8; libc::PATH_MAX as usize];
    let given = args![raw(super::here()), text(&path), buffer.as_mut_ptr(), buffer.len()];
    // SAFETY: the path outlives the call, the buffer is writable for its length.
    let length = unsafe { call(Sysno::readlinkat, given) }?;
    if length == buffer.len() {
        return Err(Errno::ENAMETOOLONG);
    }
    buffer.truncate(length);
    Ok(buffer)
}

/// The names in an open directory, but `.` and `..`. Allocates.
///
/// # Errors
/// As in `getdents64(2)`.
pub fn list(dir: BorrowedFd<'_>) -> Result<Vec<CString>> {
    /// Offset of the name in `struct linux_dirent64`: inode, offset, length, type.
    const NAME: usize = 19;
    let mut names = Vec::new();
    let mut buffer = vec![0u8; 1 << 15];
    loop {
        let given = args![raw(dir), buffer.as_mut_ptr(), buffer.len()];
        // SAFETY: the buffer is writable for its length.
        let done = unsafe { call(Sysno::getdents64, given) }?;
        if done == 0 {
            return Ok(names);
        }
        let mut rest = buffer.get(..done).ok_or(Errno::EIO)?;
        while let Some(&[low, high]) = rest.get(16..18) {
            let length = usize::from(u16::from_ne_bytes([low, high]));
            let entry = rest.get(NAME..length).ok_or(Errno::EIO)?;
            let name = CStr::from_bytes_until_nul(entry).map_err(|_| Errno::EIO)?;
            if name != c"." && name != c".." {
                names.push(name.to_owned());
            }
            rest = rest.get(length..).ok_or(Errno::EIO)?;
        }
    }
}

fn descriptor_path(fd: BorrowedFd<'_>) -> Result<CString> {
    CString::new(format!("/proc/self/fd/{}", fd.as_raw_fd())).map_err(|_| Errno::EINVAL)
}
