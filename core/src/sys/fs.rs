//! Files and directories.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::{Errno, Result, Sysno, args, call, owned, raw, text};

/// `openat(2)`, always with `O_CLOEXEC`.
///
/// # Errors
/// As in the manual page.
pub fn openat(dir: BorrowedFd<'_>, path: &CStr, flags: i32, mode: u32) -> Result<OwnedFd> {
    let flags = flags | libc::O_CLOEXEC;
    // SAFETY: the path outlives the call.
    let fd = unsafe { call(Sysno::openat, args![raw(dir), text(path), flags, mode]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// `openat2(2)` with `O_CLOEXEC`, retried while the tree changes under the resolution (`EAGAIN`, at most 128 times).
///
/// # Errors
/// As in the manual page.
pub fn openat2(dir: BorrowedFd<'_>, path: &CStr, flags: i32, resolve: u64) -> Result<OwnedFd> {
    let how = [(flags | libc::O_CLOEXEC) as u64, 0, resolve];
    let mut tries = 0;
    loop {
        let given = args![raw(dir), text(path), how.as_ptr(), size_of_val(&how)];
        // SAFETY: `how` has the layout of `struct open_how` (three u64) and outlives the call, as does the path.
        match unsafe { call(Sysno::openat2, given) } {
            // SAFETY: a fresh descriptor.
            Ok(fd) => return Ok(unsafe { owned(fd) }),
            Err(Errno::EAGAIN) if tries < 128 => tries += 1,
            Err(errno) => return Err(errno),
        }
    }
}

/// Another descriptor for the same open file, closed on exec, not below `least`.
///
/// # Errors
/// As in `fcntl(2)`.
pub fn duplicate(fd: BorrowedFd<'_>, least: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let new = unsafe { call(Sysno::fcntl, args![raw(fd), libc::F_DUPFD_CLOEXEC, least]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(new) })
}

/// Makes `number` a copy of `fd` that survives exec.
///
/// Meant for the standard streams of a process about to exec: whatever `number` was is closed.
///
/// # Errors
/// As in `dup3(2)`.
pub fn copy_to(fd: BorrowedFd<'_>, number: i32) -> Result<()> {
    if fd.as_raw_fd() == number {
        // dup3 refuses equal numbers; the descriptor only has to lose its close-on-exec flag.
        // SAFETY: no pointers.
        unsafe { call(Sysno::fcntl, args![raw(fd), libc::F_SETFD, 0]) }?;
        return Ok(());
    }
    // SAFETY: no pointers.
    unsafe { call(Sysno::dup3, args![raw(fd), number, 0]) }?;
    Ok(())
}

/// Closes every descriptor from `first` on. Meant for a process about to exec.
///
/// # Errors
/// As in `close_range(2)`.
pub fn close_from(first: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::close_range, args![first, u32::MAX, 0]) }?;
    Ok(())
}

/// As [`close_from`], but for these.
///
/// # Errors
/// As in `close_range(2)`.
pub fn close_except<const N: usize>(first: u32, kept: [BorrowedFd<'_>; N]) -> Result<()> {
    let mut numbers = kept.map(|fd| fd.as_raw_fd().unsigned_abs());
    numbers.sort_unstable();
    let mut next = first;
    for kept in numbers.into_iter().filter(|number| *number >= first) {
        if kept > next {
            // SAFETY: no pointers.
            unsafe { call(Sysno::close_range, args![next, kept - 1, 0]) }?;
        }
        next = kept + 1;
    }
    close_from(next)
}

/// `write(2)`, all of it.
///
/// # Errors
/// As in the manual page; `EIO` where the kernel takes less than everything.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
    // SAFETY: the bytes outlive the call.
    let done = unsafe { call(Sysno::write, args![raw(fd), bytes.as_ptr(), bytes.len()]) }?;
    if done == bytes.len() { Ok(()) } else { Err(Errno::EIO) }
}

/// `write(2)`, again and again until everything is written.
///
/// # Errors
/// As in the manual page.
pub fn write_all(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        // SAFETY: the bytes outlive the call.
        match unsafe { call(Sysno::write, args![raw(fd), bytes.as_ptr(), bytes.len()]) } {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(done) => bytes = bytes.get(done..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// `read(2)`, once.
///
/// # Errors
/// As in the manual page.
pub fn read<'b>(fd: BorrowedFd<'_>, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    // SAFETY: the buffer is writable for its length.
    let done = unsafe { call(Sysno::read, args![raw(fd), buffer.as_mut_ptr(), buffer.len()]) }?;
    Ok(&buffer[..done.min(buffer.len())])
}

/// Goes back to the beginning of an open file (`lseek(2)`).
///
/// # Errors
/// As in the manual page.
pub fn rewind(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::lseek, args![raw(fd), 0, libc::SEEK_SET]) }?;
    Ok(())
}

/// Writes `value` into an existing file in a single `write(2)`, as kernel interfaces want it. Again when a signal came in
/// between: v1's memory limits answer `EINTR` then, before they have changed anything (`mem_cgroup_resize_max` in the
/// kernel's source).
///
/// # Errors
/// Of opening or of writing.
pub fn put(path: &CStr, value: &[u8]) -> Result<()> {
    put_at(super::here(), path, value)
}

/// As [`put`], below a directory.
///
/// # Errors
/// Of opening or of writing.
pub fn put_at(dir: BorrowedFd<'_>, path: &CStr, value: &[u8]) -> Result<()> {
    let file = openat(dir, path, libc::O_WRONLY, 0)?;
    loop {
        match write(file.as_fd(), value) {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

/// `posix_fadvise(2)` with `POSIX_FADV_DONTNEED`: the pages of a file that are clean leave the page cache.
///
/// # Errors
/// As in the manual page.
pub fn forget(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fadvise64, args![raw(file), 0, 0, libc::POSIX_FADV_DONTNEED]) }?;
    Ok(())
}

/// `syncfs(2)`: what is dirty of the file system that holds an open file goes to its disk.
///
/// # Errors
/// As in the manual page.
pub fn sync_all_of(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::syncfs, args![raw(file)]) }?;
    Ok(())
}

/// `mkdirat(2)`.
///
/// # Errors
/// As in the manual page.
pub fn mkdirat(dir: BorrowedFd<'_>, path: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::mkdirat, args![raw(dir), text(path), mode]) }?;
    Ok(())
}

/// Removes an empty directory.
///
/// # Errors
/// As in `rmdir(2)`.
pub fn rmdir(path: &CStr) -> Result<()> {
    rmdir_at(super::here(), path)
}

/// As [`rmdir`], below a directory.
///
/// # Errors
/// As in `rmdir(2)`.
pub fn rmdir_at(dir: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::unlinkat, args![raw(dir), text(path), libc::AT_REMOVEDIR]) }?;
    Ok(())
}

/// Swaps two names at once (`renameat2(2)` with `RENAME_EXCHANGE`), as an attacker on a shared directory does.
///
/// # Errors
/// As in the manual page.
pub fn exchange(one: &CStr, other: &CStr) -> Result<()> {
    let here = raw(super::here());
    let given = args![here, text(one), here, text(other), libc::RENAME_EXCHANGE];
    // SAFETY: both paths outlive the call.
    unsafe { call(Sysno::renameat2, given) }?;
    Ok(())
}

/// `symlinkat(2)`.
///
/// # Errors
/// As in the manual page.
pub fn symlinkat(target: &CStr, dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: both strings outlive the call.
    unsafe { call(Sysno::symlinkat, args![text(target), raw(dir), text(name)]) }?;
    Ok(())
}

/// `mknodat(2)`.
///
/// # Errors
/// As in the manual page.
pub fn mknodat(dir: BorrowedFd<'_>, name: &CStr, mode: u32, device: u64) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::mknodat, args![raw(dir), text(name), mode, device]) }?;
    Ok(())
}

/// `fchownat(2)` on the name itself, links not followed.
///
/// # Errors
/// As in the manual page.
pub fn chown_at(dir: BorrowedFd<'_>, name: &CStr, uid: u32, gid: u32) -> Result<()> {
    let given = args![raw(dir), text(name), uid, gid, libc::AT_SYMLINK_NOFOLLOW];
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::fchownat, given) }?;
    Ok(())
}

/// `fchownat(2)` of what is open, with `O_PATH` too.
///
/// # Errors
/// As in the manual page.
pub fn chown(fd: BorrowedFd<'_>, uid: u32, gid: u32) -> Result<()> {
    // SAFETY: the empty string is static.
    unsafe { call(Sysno::fchownat, args![raw(fd), text(c""), uid, gid, libc::AT_EMPTY_PATH]) }?;
    Ok(())
}

/// `fchmodat(2)`; a link in the last component is followed, so the name must be known to be none.
///
/// # Errors
/// As in the manual page.
pub fn chmod_at(dir: BorrowedFd<'_>, name: &CStr, mode: u32) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::fchmodat, args![raw(dir), text(name), mode]) }?;
    Ok(())
}

/// `utimensat(2)` on the name itself, links not followed: seconds and nanoseconds of access and modification.
///
/// # Errors
/// As in the manual page.
pub fn set_times(dir: BorrowedFd<'_>, name: &CStr, times: [(i64, i64); 2]) -> Result<()> {
    let times = times.map(|(seconds, nanoseconds)| [seconds, nanoseconds]);
    let given = args![raw(dir), text(name), times.as_ptr(), libc::AT_SYMLINK_NOFOLLOW];
    // SAFETY: two `struct timespec` of 64-bit kernels, and a path, that outlive the call.
    unsafe { call(Sysno::utimensat, given) }?;
    Ok(())
}

/// `readlinkat(2)`; a text that fills the buffer may be longer than it.
///
/// # Errors
/// As in the manual page; `EINVAL` for what is no link.
pub fn readlinkat<'b>(dir: BorrowedFd<'_>, name: &CStr, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    let given = args![raw(dir), text(name), buffer.as_mut_ptr(), buffer.len()];
    // SAFETY: the path outlives the call and the buffer is writable for its length.
    let length = unsafe { call(Sysno::readlinkat, given) }?;
    buffer.get(..length).ok_or(Errno::EIO)
}

/// `getdents64(2)`: raw entries, none at the end of the directory.
///
/// # Errors
/// As in the manual page.
pub fn entries<'b>(dir: BorrowedFd<'_>, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
    // SAFETY: the buffer is writable for its length.
    let length = unsafe { call(Sysno::getdents64, args![raw(dir), buffer.as_mut_ptr(), buffer.len()]) }?;
    buffer.get(..length).ok_or(Errno::EIO)
}

/// `lseek(2)` from the start; of a directory to an offset that one of its entries gave.
///
/// # Errors
/// As in the manual page.
pub fn seek(fd: BorrowedFd<'_>, offset: i64) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::lseek, args![raw(fd), offset, libc::SEEK_SET]) }?;
    Ok(())
}

/// `sendfile(2)`, once, from where `from` stands; 0 at its end.
///
/// # Errors
/// As in the manual page.
pub fn send(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> Result<usize> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::sendfile, args![raw(to), raw(from), 0, most]) }
}

/// What `stat` says of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// `st_mode`: type and permissions.
    pub mode: u32,
    /// `st_ino`.
    pub inode: u64,
    /// `st_size`.
    pub size: i64,
    /// `st_rdev`: the device that a device node stands for.
    pub device: u64,
    /// `st_uid` and `st_gid`.
    pub owner: (u32, u32),
    /// `st_atim` and `st_mtim`: seconds and nanoseconds.
    pub times: [(i64, i64); 2],
}

impl Kind {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Whether opening it makes a pseudo-terminal: `ptmx`, character 5:2.
    #[must_use]
    pub fn is_pty_multiplexer(self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFCHR && self.device == libc::makedev(5, 2)
    }

    /// Its type alone, `S_IF*`.
    #[must_use]
    pub fn of_type(self) -> u32 {
        self.mode & libc::S_IFMT
    }

    /// Whether it is the null device, character 1:3.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFCHR && self.device == libc::makedev(1, 3)
    }
}

/// `fstat(2)`, also of an `O_PATH` descriptor.
///
/// # Errors
/// As in the manual page.
pub fn fstat(fd: BorrowedFd<'_>) -> Result<Kind> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the kernel fills the structure, which has the size that it writes.
    unsafe { call(Sysno::fstat, args![raw(fd), stat.as_mut_ptr()]) }?;
    // SAFETY: zeroed, then filled; every bit pattern is a valid `stat`.
    let stat = unsafe { stat.assume_init() };
    let times = [(stat.st_atime, stat.st_atime_nsec), (stat.st_mtime, stat.st_mtime_nsec)];
    let owner = (stat.st_uid, stat.st_gid);
    Ok(Kind {
        mode: stat.st_mode,
        inode: stat.st_ino,
        size: stat.st_size,
        device: stat.st_rdev,
        owner,
        times,
    })
}

/// `fchdir(2)`.
///
/// # Errors
/// As in the manual page.
pub fn fchdir(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fchdir, args![raw(fd)]) }?;
    Ok(())
}

/// `umask(2)`.
///
/// # Errors
/// Only those of a filter that the caller is under.
pub fn umask(mask: u32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::umask, args![mask]) }?;
    Ok(())
}

/// Keeps a descriptor open across exec, or not.
///
/// # Errors
/// As in `fcntl(2)`.
pub fn set_inheritable(fd: BorrowedFd<'_>, inheritable: bool) -> Result<()> {
    let flag = if inheritable { 0 } else { libc::FD_CLOEXEC };
    // SAFETY: no pointers.
    unsafe { call(Sysno::fcntl, args![raw(fd), libc::F_SETFD, flag]) }?;
    Ok(())
}

/// Takes `O_NONBLOCK` and all other status flags from an open file.
///
/// # Errors
/// As in `fcntl(2)`.
pub fn set_blocking(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fcntl, args![raw(fd), libc::F_SETFL, 0]) }?;
    Ok(())
}

/// `chdir(2)`.
///
/// # Errors
/// As in the manual page.
pub fn chdir(path: &CStr) -> Result<()> {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::chdir, args![text(path)]) }?;
    Ok(())
}

/// Whether there is something of this name (`faccessat(2)`).
#[must_use]
pub fn is_there(path: &CStr) -> bool {
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::faccessat, args![raw(super::here()), text(path), libc::F_OK]) }.is_ok()
}

/// Whether the effective user may write (`faccessat2(2)` with `AT_EACCESS`).
///
/// # Errors
/// `EACCES` or `EROFS` when not.
pub fn access_write(path: &CStr) -> Result<()> {
    let given = args![raw(super::here()), text(path), libc::W_OK, libc::AT_EACCESS];
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::faccessat2, given) }?;
    Ok(())
}

/// Whether the effective user may execute a program (`faccessat2(2)` with `AT_EACCESS`).
///
/// # Errors
/// `ENOENT` without one, `EACCES` when not.
pub fn access_execute(path: &CStr) -> Result<()> {
    let given = args![raw(super::here()), text(path), libc::X_OK, libc::AT_EACCESS];
    // SAFETY: the path outlives the call.
    unsafe { call(Sysno::faccessat2, given) }?;
    Ok(())
}

/// Gives an open file to a user; its group stays.
///
/// # Errors
/// As in `fchown(2)`.
pub fn give(fd: BorrowedFd<'_>, uid: u32) -> Result<()> {
    // SAFETY: no pointers. An id of -1 changes nothing.
    unsafe { call(Sysno::fchown, args![raw(fd), uid, u32::MAX]) }?;
    Ok(())
}

/// An anonymous file in memory (`memfd_create(2)`), closed on exec.
///
/// # Errors
/// As in the manual page.
pub fn memory_file(name: &CStr) -> Result<OwnedFd> {
    // SAFETY: the name outlives the call.
    let fd = unsafe { call(Sysno::memfd_create, args![text(name), libc::MFD_CLOEXEC]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

const SEALS: i32 = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;

/// As [`memory_file`], for a file that is to be sealed.
///
/// # Errors
/// As in `memfd_create(2)`.
pub fn sealable_file(name: &CStr) -> Result<OwnedFd> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name outlives the call.
    let fd = unsafe { call(Sysno::memfd_create, args![text(name), flags]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Seals a file for good: nothing can write to it or change its size (`F_ADD_SEALS(2const)`).
///
/// # Errors
/// As in the manual page.
pub fn seal(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::fcntl, args![raw(file), libc::F_ADD_SEALS, SEALS]) }?;
    Ok(())
}

/// Whether a file is sealed against writing.
#[must_use]
pub fn is_write_sealed(file: BorrowedFd<'_>) -> bool {
    // SAFETY: no pointers.
    let seals = unsafe { call(Sysno::fcntl, args![raw(file), libc::F_GET_SEALS]) };
    // EINVAL: a file that knows no seals.
    seals.is_ok_and(|seals| seals as i32 & libc::F_SEAL_WRITE != 0)
}

/// `renameat(2)` within a directory: `new` is replaced at once.
///
/// # Errors
/// As in the manual page.
pub fn rename_at(dir: BorrowedFd<'_>, old: &CStr, new: &CStr) -> Result<()> {
    let given = args![raw(dir), text(old), raw(dir), text(new), 0];
    // SAFETY: both names outlive the call.
    unsafe { call(Sysno::renameat2, given) }?;
    Ok(())
}

/// Removes a name that is no directory (`unlinkat(2)`).
///
/// # Errors
/// As in the manual page.
pub fn unlink_at(dir: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the name outlives the call.
    unsafe { call(Sysno::unlinkat, args![raw(dir), text(name), 0]) }?;
    Ok(())
}

/// Which file something is: its device and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity(u64, u64);

/// The file that is open.
///
/// # Errors
/// As in `fstat(2)`.
pub fn identity(fd: BorrowedFd<'_>) -> Result<Identity> {
    identity_at(fd, c"", libc::AT_EMPTY_PATH)
}

/// The file that has a name in a directory, a symbolic link itself.
///
/// # Errors
/// As in `fstatat(2)`.
pub fn identity_of(dir: BorrowedFd<'_>, name: &CStr) -> Result<Identity> {
    identity_at(dir, name, libc::AT_SYMLINK_NOFOLLOW)
}

/// The file that a path leads to.
///
/// # Errors
/// As in `stat(2)`.
pub fn identity_behind(path: &CStr) -> Result<Identity> {
    identity_at(super::here(), path, 0)
}

/// The two architectures name the call differently.
#[cfg(target_arch = "x86_64")]
const FSTATAT: Sysno = Sysno::newfstatat;
#[cfg(target_arch = "aarch64")]
const FSTATAT: Sysno = Sysno::fstatat;

fn identity_at(dir: BorrowedFd<'_>, name: &CStr, flags: i32) -> Result<Identity> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the kernel fills the structure, which has the size that it writes; the name outlives the call.
    unsafe { call(FSTATAT, args![raw(dir), text(name), stat.as_mut_ptr(), flags]) }?;
    // SAFETY: zeroed, then filled; every bit pattern is a valid `stat`.
    let stat = unsafe { stat.assume_init() };
    Ok(Identity(stat.st_dev, stat.st_ino))
}
