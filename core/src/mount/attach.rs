//! From a detached mount to one in its place, configured before anyone can reach it.
//!
//! Before Linux 5.12 a mount can only be configured once it is attached somewhere. It is staged then: attached on the
//! container's root, or on the launcher's `/dev/null`, in the child's own mount namespace where nobody else is and whence
//! nothing spreads; configured; and moved to its place.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use super::Options;
use super::table::{self, ATIME_FLAGS};
use crate::launch::child::Child;
use crate::planted::planted;
use crate::sys::mount::Attributes;
use crate::sys::{self, Errno, fs, mount};

/// Configures a detached mount, attaches it, and gives it its propagation.
pub(super) fn attach(
    child: &Child<'_>,
    made: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    options: &Options,
) -> sys::Result<()> {
    configure(child, made, options.attributes)?;
    place(made, target, options)
}

/// The same without its attributes, which it has already.
pub(super) fn place(made: BorrowedFd<'_>, target: BorrowedFd<'_>, options: &Options) -> sys::Result<()> {
    if !options.recursive.is_empty() {
        let clear = if planted("recursive-clears-nothing") { 0 } else { options.recursive.clear };
        set(made, table::Attributes { clear, ..options.recursive }, true)?;
    }
    mount::attach(made, target)?;
    let last = options.propagation.last().filter(|_| planted("only-the-last-propagation"));
    let all = last.map_or(options.propagation.as_slice(), std::slice::from_ref);
    all.iter().try_for_each(|flags| propagate(made, *flags))
}

fn set(made: BorrowedFd<'_>, wanted: table::Attributes, recursive: bool) -> sys::Result<()> {
    let wanted = Attributes { set: wanted.set, clear: wanted.clear, ..Attributes::default() };
    mount::mount_setattr(made, recursive, &wanted)
}

/// Sets attributes of a detached mount.
pub(super) fn configure(
    child: &Child<'_>,
    made: BorrowedFd<'_>,
    wanted: table::Attributes,
) -> sys::Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    match set(made, wanted, false) {
        Err(Errno::ENOSYS) => staged(child, made, wanted),
        set => set,
    }
}

/// The older way.
fn staged(child: &Child<'_>, made: BorrowedFd<'_>, wanted: table::Attributes) -> sys::Result<()> {
    if fs::fstat(made)?.is_dir() {
        mount::attach(made, child.root()?)?;
    } else {
        // A file can be attached on a file alone.
        let file = fs::openat(sys::here(), c"/dev/null", libc::O_PATH, 0)?;
        mount::attach(made, file.as_fd())?;
    }
    remount(made, wanted)
}

/// Changes attributes of an attached mount.
pub(super) fn reconfigure(attached: BorrowedFd<'_>, wanted: table::Attributes) -> sys::Result<()> {
    match set(attached, wanted, false) {
        Err(Errno::ENOSYS) => remount(attached, wanted),
        set => set,
    }
}

/// As [`reconfigure`], with `mount(2)`. It replaces all flags, so those that the mount has are given again; how access
/// times are kept stays as it is unless something else is wanted.
fn remount(attached: BorrowedFd<'_>, wanted: table::Attributes) -> sys::Result<()> {
    let set = table::flags_of(wanted.set);
    let mut cleared = table::flags_of(wanted.clear);
    if wanted.clear & libc::MOUNT_ATTR__ATIME != 0 {
        cleared |= ATIME_FLAGS;
    }
    let mut flags = mount::mount_flags(attached)? & !cleared | set;
    if wanted.clear & libc::MOUNT_ATTR__ATIME != 0 && flags & ATIME_FLAGS == 0 {
        flags |= libc::MS_RELATIME;
    }
    change(attached, libc::MS_REMOUNT | libc::MS_BIND | flags)
}

/// Sets the propagation type of an attached mount: `MS_PRIVATE` and the like, with `MS_REC` or without.
fn propagate(attached: BorrowedFd<'_>, flags: u64) -> sys::Result<()> {
    let wanted = Attributes { propagation: flags & !libc::MS_REC, ..Attributes::default() };
    match mount::mount_setattr(attached, flags & libc::MS_REC != 0, &wanted) {
        Err(Errno::ENOSYS) => change(attached, flags),
        set => set,
    }
}

/// `mount(2)` on an open mount, through the host's `/proc`, since a file cannot be a current directory.
fn change(attached: BorrowedFd<'_>, flags: u64) -> sys::Result<()> {
    through_proc(attached, |path| mount::change(path, flags))
}

/// Calls `work` with a path that leads to what is open. `/proc` is the host's for as long as the container's root is not
/// entered.
pub(crate) fn through_proc<T>(
    open: BorrowedFd<'_>,
    work: impl FnOnce(&CStr) -> sys::Result<T>,
) -> sys::Result<T> {
    const BEGIN: &[u8] = b"/proc/self/fd/";
    let mut path = [0; BEGIN.len() + 11]; // ten digits and NUL
    let (begin, digits) = path.split_at_mut(BEGIN.len());
    begin.copy_from_slice(BEGIN);
    write_number(open.as_raw_fd().unsigned_abs(), digits);
    work(CStr::from_bytes_until_nul(&path).map_err(|_| Errno::EINVAL)?)
}

/// Writes a number in decimal digits and says how many; what does not fit is left out.
pub(crate) fn write_number(number: u32, digits: &mut [u8]) -> usize {
    let count = number.checked_ilog10().unwrap_or(0) as usize + 1;
    let mut rest = number;
    for digit in digits.iter_mut().take(count).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    count
}

/// Makes what is already attached at an open path read-only, with everything below it, without a moment at which it
/// is not: a read-only copy is attached on top. Before Linux 5.12 it is without what is mounted below, which would stay
/// writable.
pub(crate) fn cover_read_only(child: &Child<'_>, path: BorrowedFd<'_>) -> sys::Result<()> {
    const READ_ONLY: table::Attributes = table::Attributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0 };
    let copy = mount::clone_tree(path, c"", true)?;
    match set(copy.as_fd(), READ_ONLY, true) {
        Ok(()) => mount::attach(copy.as_fd(), path),
        Err(Errno::ENOSYS) => {
            let copy = mount::clone_tree(path, c"", false)?;
            staged(child, copy.as_fd(), READ_ONLY)?;
            mount::attach(copy.as_fd(), path)
        }
        Err(errno) => Err(errno),
    }
}

/// A copy of one of the host's device nodes, for the container to use and never to change: on a read-only mount a
/// node can be opened for writing, but its mode, owner and attributes are the host's and stay.
pub(crate) fn attach_device(
    child: &Child<'_>,
    node: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
) -> sys::Result<()> {
    const NODE: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
    configure(child, node, table::Attributes { set: NODE, clear: 0 })?;
    mount::attach(node, target)
}

/// Makes an attached mount read-only.
pub(crate) fn read_only(attached: BorrowedFd<'_>) -> sys::Result<()> {
    reconfigure(attached, table::Attributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_are() {
        for number in [0, 7, 10, 99, 100, 4_294_967_295] {
            let mut digits = [0; 11];
            let count = write_number(number, &mut digits);
            assert_eq!(std::str::from_utf8(&digits[..count]).unwrap(), number.to_string());
            assert_eq!(digits[count], 0);
        }
    }
}
