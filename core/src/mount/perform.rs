//! Mounts, performed. Nothing here follows a path of the container outside its root, and nothing allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

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
    let mut late = 0;
    if configure && !options.attributes.is_empty() {
        let wanted = Attributes {
            set: options.attributes.set,
            clear: options.attributes.clear,
            ..Attributes::default()
        };
        late = set_or_later(made.as_fd(), &wanted)?;
    }
    if !options.recursive.is_empty() {
        let wanted = Attributes {
            set: options.recursive.set,
            clear: options.recursive.clear,
            ..Attributes::default()
        };
        mount::mount_setattr(made.as_fd(), true, &wanted)?;
    }
    mount::attach(made.as_fd(), target.as_fd())?;
    if late != 0 {
        remount(made.as_fd(), late)?;
    }
    for flags in &options.propagation {
        fs::fchdir(made.as_fd())?;
        mount::change(c".", *flags)?;
    }
    Ok(())
}

/// Sets attributes of a detached mount, or returns them where the kernel is too old for it (before 5.12), to be set by
/// [`remount`] once it is attached.
fn set_or_later(made: BorrowedFd<'_>, wanted: &Attributes) -> sys::Result<u64> {
    match mount::mount_setattr(made, false, wanted) {
        Ok(()) => Ok(0),
        Err(Errno::ENOSYS) => Ok(wanted.set),
        Err(errno) => Err(errno),
    }
}

/// The older way: the attributes have the same values as the flags of `mount(2)` up to NOEXEC.
fn remount(attached: BorrowedFd<'_>, attributes: u64) -> sys::Result<()> {
    const SAME: u64 =
        libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    if attributes & !SAME != 0 {
        return Err(Errno::ENOSYS);
    }
    let present = fs::mount_flags(attached)?;
    fs::fchdir(attached)?;
    mount::change(c".", libc::MS_REMOUNT | libc::MS_BIND | attributes | present)
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
    match set_or_later(attached, &Attributes { set: attribute, ..Attributes::default() })? {
        0 => Ok(()),
        late => remount(attached, late),
    }
}

/// Makes what is already attached at an open path read-only, with everything below it, without a moment at which it
/// is not: a read-only copy is attached on top.
pub(crate) fn cover_read_only(path: BorrowedFd<'_>) -> sys::Result<()> {
    let copy = mount::clone_tree(path, c"", true)?;
    let wanted = Attributes { set: libc::MOUNT_ATTR_RDONLY, ..Attributes::default() };
    let late = set_or_later(copy.as_fd(), &wanted)?;
    mount::attach(copy.as_fd(), path)?;
    if late == 0 { Ok(()) } else { remount(copy.as_fd(), late) }
}

/// Makes the root mount itself read-only.
pub(crate) fn root_read_only(root: BorrowedFd<'_>) -> sys::Result<()> {
    read_only(root, libc::MOUNT_ATTR_RDONLY)
}
