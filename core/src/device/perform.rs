//! Device nodes, performed.

use std::os::fd::AsFd;

use super::Op;
use crate::launch::child::Child;
use crate::mount::perform::attach_device;
use crate::rootfs::resolve;
use crate::sys::{self, Errno, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let root = child.root()?;
    match op {
        Op::Node(device) => resolve::with_parent(root, &device.path, |parent, name| {
            let number = libc::makedev(device.number.0, device.number.1);
            // The umask is 0 here; it is set to the workload's later.
            fs::mknodat(parent, name, device.mode, number)?;
            match device.owner {
                (0, 0) => Ok(()),
                (uid, gid) => fs::chown_at(parent, name, uid, gid),
            }
        }),
        Op::Bind(device) => {
            let copy = mount::clone_tree(sys::here(), &device.path, false)?;
            let found = fs::fstat(copy.as_fd())?;
            let number = libc::makedev(device.number.0, device.number.1);
            if found.device != number || found.mode & libc::S_IFMT != device.mode & libc::S_IFMT {
                return Err(Errno::ENODEV);
            }
            let target = resolve::file(root, &device.path)?;
            attach_device(copy.as_fd(), target.as_fd())
        }
        Op::Link(target, path) => {
            resolve::with_parent(root, path, |parent, name| match fs::symlinkat(target, parent, name) {
                Err(Errno::EEXIST) => Ok(()),
                made => made,
            })
        }
    }
}
