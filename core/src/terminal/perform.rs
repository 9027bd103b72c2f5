//! The terminal, performed. The root file system may have anything in place of `/dev/ptmx`, so what is opened there is
//! looked at before and after.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::Op;
use crate::launch::child::Child;
use crate::rootfs::resolve::{self, Links};
use crate::sys::{self, Errno, fs, mount, socket, terminal};

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    let Op::Open { terminal: wanted, uid, console } = op;
    let root = child.root()?;
    let controlling = multiplexer(root)?;
    let own = terminal::peer(controlling.as_fd())?;
    if let Some((rows, columns)) = wanted.size {
        terminal::set_size(own.as_fd(), rows, columns)?;
    }
    fs::give(own.as_fd(), *uid)?;
    if *console {
        let target = resolve::file(child.inside()?, c"/dev/console")?;
        let copy = mount::clone_tree(own.as_fd(), c"", false)?;
        mount::attach(copy.as_fd(), target.as_fd())?;
    }
    socket::send_descriptor(child.console()?, b"/dev/ptmx", controlling.as_fd())?;
    terminal::control(own.as_fd())?;
    (0..3).try_for_each(|number| fs::copy_to(own.as_fd(), number))
}

/// Opens a new pseudo-terminal.
fn multiplexer(root: BorrowedFd<'_>) -> sys::Result<OwnedFd> {
    const PATH: &std::ffi::CStr = c"/dev/ptmx";
    let check = |file: &OwnedFd| match fs::fstat(file.as_fd())? {
        kind if kind.is_pty_multiplexer() => Ok(()),
        _ => Err(Errno::ENODEV),
    };
    check(&resolve::existing(root, PATH, Links::Follow)?)?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_NONBLOCK;
    let opened = fs::openat2(root, PATH, flags, resolve::ROOT)?;
    check(&opened)?;
    fs::set_blocking(opened.as_fd())?;
    Ok(opened)
}
