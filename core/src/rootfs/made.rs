//! What a launch makes in a root file system that lies on the host: mount points, device nodes and links. It is noted, and a launch
//! that fails takes it away again.
//!
//! Not noted: what is made in a mount of the container's, which goes with it; what is made below a bind mount of the host's; and
//! what is made in an overlay, whose upper directory is the launch's own.

use std::cell::OnceCell;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};

use super::resolve::{self, ROOT};
use crate::launch::noted::Noted;
use crate::plan::{Op, Plan};
use crate::rootfs;
use crate::sys::{self, Errno, Result, fs, mount};

/// The root of a container, and where it is noted what is made in it.
#[derive(Clone, Copy)]
pub(crate) struct Inside<'a> {
    pub(crate) root: BorrowedFd<'a>,
    /// The number of its mount, once somebody asked.
    pub(crate) mount: &'a OnceCell<u64>,
    pub(crate) noted: Noted<'a>,
}

impl Inside<'_> {
    /// Makes something in an open directory, which is at `path` below the root.
    pub(crate) fn make(
        self,
        directory: BorrowedFd<'_>,
        path: &CStr,
        make: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let noted = twice(|| self.is_roots(directory)).unwrap_or(false) && self.noted.add(path);
        let made = make();
        if noted && made.is_err() {
            self.noted.drop_last();
        }
        made
    }

    /// Whether a directory is on the mount of the root.
    fn is_roots(self, directory: BorrowedFd<'_>) -> Result<bool> {
        let root = match self.mount.get() {
            Some(known) => *known,
            None => {
                let asked = mount::mount_id(self.root)?;
                *self.mount.get_or_init(|| asked)
            }
        };
        Ok(root == mount::mount_id(directory)?)
    }
}

/// Takes away what the child of a failed launch has made. It is dead, and so are its mounts.
///
/// What cannot be removed is used by somebody else by now, and stays.
pub(crate) fn undo(plan: &Plan, noted: Noted<'_>) {
    let root = plan.steps().iter().find_map(|step| match &step.op {
        Op::Root(rootfs::Op::Attach { path, .. } | rootfs::Op::Open(path)) => Some(path),
        _ => None,
    });
    let open = |path: &CString| twice(|| fs::openat(sys::here(), path, libc::O_PATH | libc::O_DIRECTORY, 0));
    let Some(Ok(root)) = root.map(open) else { return };
    noted.visit(|path| {
        twice(|| remove(root.as_fd(), path)).ok();
    });
}

/// What takes something back, or must for that know of it, tries twice.
fn twice<T>(act: impl Fn() -> Result<T>) -> Result<T> {
    act().or_else(|_| act())
}

fn remove(root: BorrowedFd<'_>, path: &CStr) -> Result<()> {
    resolve::split(path, |above, name| {
        let directory = fs::openat2(root, above, libc::O_PATH | libc::O_DIRECTORY, ROOT)?;
        match fs::rmdir_at(directory.as_fd(), name) {
            // A mount point that is a file is empty: what was mounted on it was written to, not it.
            Err(Errno::ENOTDIR) if is_empty(directory.as_fd(), name)? => {
                fs::unlink_at(directory.as_fd(), name)
            }
            removed => removed,
        }
    })
}

fn is_empty(directory: BorrowedFd<'_>, name: &CStr) -> Result<bool> {
    let found = fs::fstat(resolve::entry(directory, name)?.as_fd())?;
    Ok(found.of_type() != libc::S_IFREG || found.size == 0)
}
