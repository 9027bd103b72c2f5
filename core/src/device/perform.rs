//! Device nodes, performed.

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use super::{Device, Op};
use crate::launch::child::Child;
use crate::mount::attach::{attach_device, through_proc};
use crate::planted::planted;
use crate::rootfs::resolve;
use crate::sys::{self, Errno, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let inside = child.inside()?;
    match op {
        Op::Node(device) => {
            resolve::with_parent(inside, &device.path, |parent, name| node(device, parent, name, child))
        }
        Op::Bind(device) => bind(device, child, resolve::file(inside, &device.path)?.as_fd()),
        Op::Link(target, path) => resolve::with_parent(inside, path, |parent, name| {
            match inside.make(parent, path, || fs::symlinkat(target, parent, name)) {
                Err(Errno::EEXIST) => Ok(()),
                made => made,
            }
        }),
    }
}

/// Covers what is open with the host's node of the same path.
fn bind(device: &Device, child: &Child<'_>, target: BorrowedFd<'_>) -> sys::Result<()> {
    let copy = mount::clone_tree(sys::here(), &device.path, false)?;
    let found = fs::fstat(copy.as_fd())?;
    let number = libc::makedev(device.number.0, device.number.1);
    if found.device != number || found.of_type() != device.mode & libc::S_IFMT {
        return Err(Errno::ENODEV);
    }
    attach_device(child, copy.as_fd(), target)
}

fn node(device: &Device, parent: BorrowedFd<'_>, name: &CStr, child: &Child<'_>) -> sys::Result<()> {
    let number = libc::makedev(device.number.0, device.number.1);
    let number = if device.mode & libc::S_IFMT == libc::S_IFIFO { 0 } else { number };
    // The umask is 0 here; it is set to the workload's later.
    let make = || fs::mknodat(parent, name, device.mode, number);
    match child.inside()?.make(parent, &device.path, make) {
        Ok(()) if device.owner == (0, 0) => Ok(()),
        Ok(()) if device.owner.0 == 0 && planted("group-of-a-device-forgotten") => Ok(()),
        Ok(()) => fs::chown_at(parent, name, device.owner.0, device.owner.1),
        Err(Errno::EEXIST) => present(device, number, resolve::entry(parent, name)?.as_fd(), child),
        Err(errno) => Err(errno),
    }
}

/// What is there must match the device, says the runtime-spec; what is not as asked of its owner and permissions is
/// changed on what was looked at.
fn present(device: &Device, number: u64, there: BorrowedFd<'_>, child: &Child<'_>) -> sys::Result<()> {
    let found = fs::fstat(there)?;
    if device.default && found.of_type() == libc::S_IFREG {
        return bind(device, child, there);
    }
    if found.of_type() != device.mode & libc::S_IFMT || found.device != number {
        return Err(Errno::EEXIST);
    }
    if found.owner != device.owner {
        fs::chown(there, device.owner.0, device.owner.1)?;
    }
    if found.mode != device.mode {
        through_proc(there, |path| fs::chmod_at(sys::here(), path, device.mode & 0o7777))?;
    }
    Ok(())
}
