//! The root file system, performed.

use std::os::fd::AsFd;

use super::Op;
use crate::launch::child::Child;
use crate::mount::perform::root_read_only;
use crate::sys::{self, fs, mount};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let directory = libc::O_PATH | libc::O_DIRECTORY;
    match op {
        Op::Propagation(flags) => mount::change(c"/", *flags),
        Op::Attach(path) => {
            let copy = mount::clone_tree(sys::here(), path, true)?;
            let place = fs::openat(sys::here(), path, directory, 0)?;
            mount::attach(copy.as_fd(), place.as_fd())?;
            child.set_root(copy)
        }
        Op::AttachOverlay { at, data } => {
            // Not through fsconfig(2), whose strings end at 255 bytes: lists of layers are longer.
            mount::mount(c"overlay", at, c"overlay", data)?;
            child.set_root(fs::openat(sys::here(), at, directory, 0)?)
        }
        Op::Open(path) => child.set_root(fs::openat(sys::here(), path, directory, 0)?),
        Op::ReadOnly => root_read_only(child.root()?),
        Op::Pivot => {
            fs::fchdir(child.root()?)?;
            // Stacks the old root on the new one at the same place, from where it is detached: no directory for it
            // is needed (pivot_root(2), NOTES).
            mount::pivot_root(c".", c".")?;
            mount::detach(c".")?;
            fs::chdir(c"/")
        }
        Op::Chroot => {
            fs::fchdir(child.root()?)?;
            mount::chroot(c".")?;
            fs::chdir(c"/")
        }
    }
}
