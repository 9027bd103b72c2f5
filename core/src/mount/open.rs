//! Sources opened by the launcher, performed before the clone.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use super::{IdMapping, Ids, Op, Tree};
use crate::launch::parent::Parent;
use crate::namespace::{IdMaps, map_text};
use crate::sys::fork::fork;
use crate::sys::mount::{Attributes, IDMAP};
use crate::sys::{self, Errno, fs, mount, process};

/// The parent's part.
pub(crate) fn perform(op: &Op, parent: &mut Parent) -> sys::Result<()> {
    let Op::Open(tree) = op else { return Err(Errno::ENOSYS) }; // the child's
    parent.sources.push(open(tree)?);
    Ok(())
}

/// A detached private copy of the mount at `source` whose files are shown with other ids: an id inside `maps` is that of
/// a file, the one outside is what is seen. Linux 5.12, and `CAP_SYS_ADMIN` over the file system.
///
/// # Errors
/// `EINVAL` where the file system's type cannot be mapped, and those of `mount_setattr(2)` and `clone(2)`.
pub fn idmapped(source: &CStr, maps: IdMaps) -> sys::Result<OwnedFd> {
    let ids = Some(IdMapping { ids: Ids::Maps(maps), recursive: false });
    open(&Tree { source: source.into(), recursive: false, ids, propagation: libc::MS_PRIVATE })
}

fn open(tree: &Tree) -> sys::Result<OwnedFd> {
    let copy = mount::clone_tree(sys::here(), &tree.source, tree.recursive)?;
    if tree.propagation != 0 {
        let wanted = Attributes { propagation: tree.propagation, ..Attributes::default() };
        mount::mount_setattr(copy.as_fd(), true, &wanted)?;
    }
    if let Some(ids) = &tree.ids {
        map(&copy, ids)?;
    }
    Ok(copy)
}

fn map(copy: &OwnedFd, mapping: &IdMapping) -> sys::Result<()> {
    let userns = match &mapping.ids {
        Ids::Maps(maps) => user_namespace(maps)?,
        Ids::Namespace(path) => fs::openat(sys::here(), path, libc::O_RDONLY, 0)?,
    };
    let wanted =
        Attributes { set: IDMAP, userns: userns.as_raw_fd().unsigned_abs().into(), ..Attributes::default() };
    mount::mount_setattr(copy.as_fd(), mapping.recursive, &wanted)
}

/// A user namespace with these maps and nobody in it.
///
/// A process that has ended keeps its credentials, and so its namespace, until it is waited for: there is nobody to be
/// stopped, and nobody stays when this process is killed in between.
fn user_namespace(maps: &IdMaps) -> sys::Result<OwnedFd> {
    let pid = fork(libc::CLONE_NEWUSER | libc::SIGCHLD, || 0)?;
    let opened = write_maps(pid, maps).and_then(|()| {
        let path = CString::new(format!("/proc/{pid}/ns/user")).map_err(|_| Errno::EINVAL)?;
        fs::openat(sys::here(), &path, libc::O_RDONLY, 0)
    });
    let ended = process::pidfd_open(pid).and_then(|pidfd| process::wait(pidfd.as_fd(), true));
    match opened {
        Ok(namespace) => ended.map(|_| namespace),
        Err(errno) => Err(errno),
    }
}

fn write_maps(pid: i32, maps: &IdMaps) -> sys::Result<()> {
    for (name, lines) in [("uid_map", &maps.uids), ("gid_map", &maps.gids)] {
        let path = CString::new(format!("/proc/{pid}/{name}")).map_err(|_| Errno::EINVAL)?;
        fs::put(&path, map_text(lines).to_bytes())?;
    }
    Ok(())
}
