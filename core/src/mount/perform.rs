//! Mounts, performed by the child. Nothing here follows a path of the container outside its root, and nothing allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::attach::{attach, configure, place, read_only, reconfigure};
use super::{Group, Op, Options, copy, table};
use crate::launch::child::Child;
use crate::rootfs::resolve::{self, Links};
use crate::sys::{self, Errno, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let inside = child.inside()?;
    match op {
        Op::FileSystem { kind, source, target, options, keep } => {
            // A link in place of /proc or /sys would make the launcher's own later writes go astray
            // (CVE-2019-19921 and its successors), so for these two none is followed.
            let strict = matches!(kind.to_bytes(), b"proc" | b"sysfs");
            let links = if strict { Links::Refuse } else { Links::Follow };
            let target = resolve::directory(inside, target, links)?;
            let made = file_system(child, kind, source, options, target.as_fd())?;
            place(made.as_fd(), target.as_fd(), options)?;
            keep.map_or(Ok(()), |nth| child.keep(nth, made))
        }
        Op::Bind { source, opened, recursive, target, options } => {
            let own;
            let copy = match *opened {
                Some((nth, false)) => child.source(nth)?,
                _ => {
                    own = mount::clone_tree(sys::here(), source, *recursive);
                    match (&own, opened) {
                        (Ok(own), _) => own.as_fd(),
                        // Not for this user to traverse, or with mounts below that a user namespace locks.
                        (Err(Errno::EACCES | Errno::EINVAL), Some((nth, _))) => child.source(*nth)?,
                        (Err(errno), _) => return Err(*errno),
                    }
                }
            };
            let target = match fs::fstat(copy)?.is_dir() {
                true => resolve::directory(inside, target, Links::Follow)?,
                false => resolve::file(inside, target)?,
            };
            attach(child, copy, target.as_fd(), options)
        }
        Op::Cgroup { groups, target, options } => {
            let target = resolve::directory(inside, target, Links::Follow)?;
            cgroups(child, groups, target.as_fd(), options)
        }
        Op::Remount { target, options, whole } => {
            let there = resolve::existing(inside.root, target, Links::Follow)?;
            if *whole {
                reconfigure_file_system(there.as_fd(), options)?;
            }
            if !options.attributes.is_empty() {
                reconfigure(there.as_fd(), options.attributes)?;
            }
            Ok(())
        }
        Op::ReadOnly { nth, .. } => read_only(child.kept(*nth)?),
        Op::Open(_) => Err(Errno::ENOSYS), // the parent's
    }
}

/// A new file system, detached and configured.
fn file_system(
    child: &Child<'_>,
    kind: &CStr,
    source: &CStr,
    options: &Options,
    target: BorrowedFd<'_>,
) -> sys::Result<OwnedFd> {
    let context = mount::fsopen(kind)?;
    mount::fsconfig_set(context.as_fd(), c"source", Some(source))?;
    if options.is_read_only() && source.to_bytes().starts_with(b"/") {
        // On a device, which may itself be read-only; every other read-only mount leaves its file system alone, since
        // others may have mounted the same.
        mount::fsconfig_set(context.as_fd(), c"ro", None)?;
    }
    set_options(context.as_fd(), options)?;
    mount::fsconfig_create(context.as_fd())?;
    if options.copy_up {
        // Writable until it is filled; nobody can reach it yet.
        let writable = options.attributes.set & !libc::MOUNT_ATTR_RDONLY;
        let made = fsmount(child, context.as_fd(), writable)?;
        copy::tree(target, made.as_fd())?;
        if options.is_read_only() {
            let wanted = table::Attributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0 };
            configure(child, made.as_fd(), wanted)?;
        }
        return Ok(made);
    }
    fsmount(child, context.as_fd(), options.attributes.set)
}

fn set_options(context: BorrowedFd<'_>, options: &Options) -> sys::Result<()> {
    options.superblock.iter().try_for_each(|flag| mount::fsconfig_set(context, flag, None))?;
    options.data.iter().try_for_each(|(key, value)| mount::fsconfig_set(context, key, value.as_deref()))
}

/// `fsmount` with attributes, of which it does not know NOSYMFOLLOW before Linux 5.14; `mount(2)` does since 5.10.
fn fsmount(child: &Child<'_>, context: BorrowedFd<'_>, attributes: u64) -> sys::Result<OwnedFd> {
    const NEWER: u64 = libc::MOUNT_ATTR_NOSYMFOLLOW;
    match mount::fsmount(context, attributes) {
        Err(Errno::EINVAL) if attributes & NEWER != 0 => {
            let made = mount::fsmount(context, attributes & !NEWER)?;
            configure(child, made.as_fd(), table::Attributes { set: NEWER, clear: 0 })?;
            Ok(made)
        }
        made => made,
    }
}

/// The options of a file system that the config itself mounted.
fn reconfigure_file_system(there: BorrowedFd<'_>, options: &Options) -> sys::Result<()> {
    let context = mount::fspick(there)?;
    set_options(context.as_fd(), options)?;
    mount::fsconfig_reconfigure(context.as_fd())
}

fn cgroups(
    child: &Child<'_>,
    groups: &[Group],
    target: BorrowedFd<'_>,
    options: &Options,
) -> sys::Result<()> {
    if let [group] = groups
        && group.name.is_empty()
    {
        let copy = mount::clone_tree(sys::here(), &group.path, false)?;
        return attach(child, copy.as_fd(), target, options);
    }
    let context = mount::fsopen(c"tmpfs")?;
    mount::fsconfig_set(context.as_fd(), c"mode", Some(c"755"))?;
    mount::fsconfig_create(context.as_fd())?;
    let frame = fsmount(child, context.as_fd(), options.attributes.set & !libc::MOUNT_ATTR_RDONLY)?;
    for group in groups {
        fs::mkdirat(frame.as_fd(), &group.name, 0o755)?;
        for link in &group.links {
            fs::symlinkat(&group.name, frame.as_fd(), link)?;
        }
    }
    if options.is_read_only() {
        let wanted = table::Attributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0 };
        configure(child, frame.as_fd(), wanted)?;
    }
    place(frame.as_fd(), target, options)?;
    // Only now: before Linux 6.15 nothing can be attached to a detached mount.
    let directory = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;
    for group in groups {
        let place = fs::openat(frame.as_fd(), &group.name, directory, 0)?;
        let copy = mount::clone_tree(sys::here(), &group.path, false)?;
        attach(child, copy.as_fd(), place.as_fd(), options)?;
    }
    Ok(())
}
