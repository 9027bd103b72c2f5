//! Masked and read-only paths, performed. A path that does not exist is skipped, as the spec says; every other
//! failure ends the launch.

use std::os::fd::AsFd;

use super::Op;
use crate::launch::child::Child;
use crate::mount::perform::{attach_device, cover_read_only};
use crate::rootfs::resolve::{self, Links};
use crate::sys::{self, Errno, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let (Op::Mask(path) | Op::ReadOnly(path)) = op;
    let target = match resolve::existing(child.root()?, path, Links::Follow) {
        Err(Errno::ENOENT) => return Ok(()),
        found => found?,
    };
    match op {
        Op::ReadOnly(_) => cover_read_only(target.as_fd()),
        Op::Mask(_) if fs::fstat(target.as_fd())?.is_dir() => child.attach_empty(target.as_fd()),
        Op::Mask(_) => {
            // The host's null device, not the container's, which may be anything (CVE-2025-31133).
            let null = mount::clone_tree(sys::here(), c"/dev/null", false)?;
            if !fs::fstat(null.as_fd())?.is_null() {
                return Err(Errno::ENODEV);
            }
            attach_device(null.as_fd(), target.as_fd())
        }
    }
}
