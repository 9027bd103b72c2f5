//! Mounts, performed. Nothing here follows a path of the container outside its root, and nothing allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use super::{Op, Options};
use crate::launch::child::Child;
use crate::rootfs::resolve::{self, Links};
use crate::sys::mount::Attributes;
use crate::sys::{self, Errno, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let root = child.root()?;
    match op {
        Op::FileSystem { kind, source, target, options } => {
            // A link in place of /proc or /sys would make the launcher's own later writes go astray
            // (CVE-2019-19921 and its successors), so for these two none is followed.
            let strict = matches!(kind.to_bytes(), b"proc" | b"sysfs");
            let links = if strict { Links::Refuse } else { Links::Follow };
            let target = resolve::directory(root, target, links)?;
            let made = file_system(kind, source, options)?;
            attach(&made, &target, options, false)
        }
        Op::Bind { source, recursive, target, options } => {
            let copy = mount::clone_tree(sys::here(), source, *recursive)?;
            let target = match fs::fstat(copy.as_fd())?.is_dir() {
                true => resolve::directory(root, target, Links::Follow)?,
                false => resolve::file(root, target)?,
            };
            attach(&copy, &target, options, true)
        }
        Op::Cgroup { groups, target, options } => {
            let target = resolve::directory(root, target, Links::Follow)?;
            cgroups(groups, &target, options)
        }
    }
}

fn file_system(kind: &CStr, source: &CStr, options: &Options) -> sys::Result<OwnedFd> {
    let context = mount::fsopen(kind)?;
    mount::fsconfig_set(context.as_fd(), c"source", Some(source))?;
    for (key, value) in &options.data {
        mount::fsconfig_set(context.as_fd(), key, value.as_deref())?;
    }
    mount::fsconfig_create(context.as_fd())?;
    mount::fsmount(context.as_fd(), options.attributes.set)
}

/// Attaches a detached mount. `configure` says whether its attributes are still to be set, which is done before
/// anyone can reach it.
fn attach(made: &OwnedFd, target: &OwnedFd, options: &Options, configure: bool) -> sys::Result<()> {
    let wanted =
        Attributes { set: options.attributes.set, clear: options.attributes.clear, ..Attributes::default() };
    let now = !configure || options.attributes.is_empty() || set_if_known(made.as_fd(), &wanted)?;
    if !options.recursive.is_empty() {
        let wanted = Attributes {
            set: options.recursive.set,
            clear: options.recursive.clear,
            ..Attributes::default()
        };
        mount::mount_setattr(made.as_fd(), true, &wanted)?;
    }
    mount::attach(made.as_fd(), target.as_fd())?;
    if !now {
        remount(made.as_fd(), &wanted)?;
    }
    options.propagation.iter().try_for_each(|flags| propagate(made.as_fd(), *flags))
}

/// Sets the propagation type of an attached mount: `MS_PRIVATE` and the like, with `MS_REC` or without.
fn propagate(attached: BorrowedFd<'_>, flags: u64) -> sys::Result<()> {
    let wanted = Attributes { propagation: flags & !libc::MS_REC, ..Attributes::default() };
    match mount::mount_setattr(attached, flags & libc::MS_REC != 0, &wanted) {
        Err(Errno::ENOSYS) => change(attached, flags),
        set => set,
    }
}

/// Sets attributes of a mount that may be detached. `false` where the kernel is too old for it (before 5.12): then
/// [`remount`] does it once it is attached.
fn set_if_known(made: BorrowedFd<'_>, wanted: &Attributes) -> sys::Result<bool> {
    match mount::mount_setattr(made, false, wanted) {
        Ok(()) => Ok(true),
        Err(Errno::ENOSYS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// The older way: the attributes have the same values as the flags of `mount(2)` up to NOEXEC. It replaces all flags,
/// so those that the mount has are given again. How access times are kept stays as it is.
fn remount(attached: BorrowedFd<'_>, wanted: &Attributes) -> sys::Result<()> {
    const SAME: u64 =
        libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    if wanted.set & !SAME != 0 {
        return Err(Errno::ENOSYS);
    }
    let kept = fs::mount_flags(attached)? & !(wanted.clear & SAME);
    change(attached, libc::MS_REMOUNT | libc::MS_BIND | kept | wanted.set)
}

/// `mount(2)` on an open mount, before Linux 5.12. Through the host's `/proc`, since a file cannot be a current
/// directory; it is the host's for as long as the container's root is not entered.
fn change(attached: BorrowedFd<'_>, flags: u64) -> sys::Result<()> {
    const BEGIN: &[u8] = b"/proc/self/fd/";
    let mut path = [0; BEGIN.len() + 11]; // ten digits and NUL
    let (begin, digits) = path.split_at_mut(BEGIN.len());
    begin.copy_from_slice(BEGIN);
    let mut rest = attached.as_raw_fd().unsigned_abs();
    let count = rest.checked_ilog10().unwrap_or(0) as usize + 1;
    for digit in digits.iter_mut().take(count).rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    mount::change(CStr::from_bytes_until_nul(&path).map_err(|_| Errno::EINVAL)?, flags)
}

fn cgroups(
    groups: &[(std::ffi::CString, std::ffi::CString)],
    target: &OwnedFd,
    options: &Options,
) -> sys::Result<()> {
    if let [(name, group)] = groups
        && name.is_empty()
    {
        let copy = mount::clone_tree(sys::here(), group, false)?;
        return attach(&copy, target, options, true);
    }
    let context = mount::fsopen(c"tmpfs")?;
    mount::fsconfig_set(context.as_fd(), c"mode", Some(c"755"))?;
    mount::fsconfig_create(context.as_fd())?;
    let frame = mount::fsmount(context.as_fd(), options.attributes.set & !libc::MOUNT_ATTR_RDONLY)?;
    // Attached first: before Linux 6.15 nothing can be attached to a detached mount.
    mount::attach(frame.as_fd(), target.as_fd())?;
    for (name, group) in groups {
        fs::mkdirat(frame.as_fd(), name, 0o755)?;
        let place = fs::openat(frame.as_fd(), name, libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW, 0)?;
        let copy = mount::clone_tree(sys::here(), group, false)?;
        attach(&copy, &place, options, true)?;
    }
    read_only(frame.as_fd(), options.attributes.set & libc::MOUNT_ATTR_RDONLY)
}

fn read_only(attached: BorrowedFd<'_>, attribute: u64) -> sys::Result<()> {
    if attribute == 0 {
        return Ok(());
    }
    let wanted = Attributes { set: attribute, ..Attributes::default() };
    if set_if_known(attached, &wanted)? { Ok(()) } else { remount(attached, &wanted) }
}

/// Makes what is already attached at an open path read-only, with everything below it, without a moment at which it
/// is not: a read-only copy is attached on top.
pub(crate) fn cover_read_only(path: BorrowedFd<'_>) -> sys::Result<()> {
    let copy = mount::clone_tree(path, c"", true)?;
    let wanted = Attributes { set: libc::MOUNT_ATTR_RDONLY, ..Attributes::default() };
    let now = set_if_known(copy.as_fd(), &wanted)?;
    mount::attach(copy.as_fd(), path)?;
    if now { Ok(()) } else { remount(copy.as_fd(), &wanted) }
}

/// A copy of one of the host's device nodes, for the container to use and never to change: on a read-only mount a
/// node can be opened for writing, but its mode, owner and attributes are the host's and stay.
pub(crate) fn attach_device(node: BorrowedFd<'_>, target: BorrowedFd<'_>) -> sys::Result<()> {
    const NODE: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC;
    let wanted = Attributes { set: NODE, ..Attributes::default() };
    let now = set_if_known(node, &wanted)?;
    mount::attach(node, target)?;
    if now { Ok(()) } else { remount(node, &wanted) }
}

/// Makes the root mount itself read-only.
pub(crate) fn root_read_only(root: BorrowedFd<'_>) -> sys::Result<()> {
    read_only(root, libc::MOUNT_ATTR_RDONLY)
}
