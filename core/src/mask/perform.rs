//! Masked and read-only paths, performed. A path that does not exist is skipped, as the spec says; every other
//! failure ends the launch.

use std::os::fd::AsFd;

use super::{Op, Place};
use crate::launch::child::Child;
use crate::mount::attach::{attach_device, cover_read_only};
use crate::rootfs::resolve::{self, Links};
use crate::sys::{self, Errno, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let (Op::Mask(place) | Op::ReadOnly(place)) = op;
    let found = match place {
        Place { within: Some((nth, rest)), .. } => resolve::existing(child.kept(*nth)?, rest, Links::Follow),
        Place { path, within: None } => resolve::existing(child.root()?, path, Links::Follow),
    };
    let target = match found {
        // A file where a directory is named: it does not exist either.
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(()),
        found => found?,
    };
    match op {
        Op::ReadOnly(_) => cover_read_only(child, target.as_fd()),
        Op::Mask(_) if fs::fstat(target.as_fd())?.is_dir() => child.attach_empty(target.as_fd()),
        Op::Mask(_) => {
            // The host's null device, not the container's, which may be anything (CVE-2025-31133).
            let null = mount::clone_tree(sys::here(), c"/dev/null", false)?;
            if !fs::fstat(null.as_fd())?.is_null() {
                return Err(Errno::ENODEV);
            }
            attach_device(child, null.as_fd(), target.as_fd())
        }
    }
}
