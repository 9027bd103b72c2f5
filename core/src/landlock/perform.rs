//! Landlock, performed.

use std::os::fd::AsFd;

use super::{FILE, Op};
use crate::launch::child::Child;
use crate::rootfs::resolve::{self, Links};
use crate::sys::{self, fs, landlock};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Create { fs, net, scope } => {
            child.set_ruleset(landlock::create(&landlock::Handled { fs: *fs, net: *net, scope: *scope })?)
        }
        Op::Path(path, access) => {
            // The working directory is the new root by now.
            let place = resolve::existing(sys::here(), path, Links::Follow)?;
            let is_dir = fs::fstat(place.as_fd())?.is_dir();
            let access = if is_dir { *access } else { *access & FILE };
            landlock::allow_path(child.ruleset()?, access, place.as_fd())
        }
        Op::Port(port, access) => landlock::allow_port(child.ruleset()?, *access, *port),
        Op::Restrict => landlock::restrict_self(child.ruleset()?),
    }
}
