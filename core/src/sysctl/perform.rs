//! Kernel parameters, performed.

use std::os::fd::AsFd;

use super::Op;
use crate::namespace::Kind;
use crate::sys::{self, Errno, fs};

/// The child's part.
pub(crate) fn perform(op: &Op) -> sys::Result<()> {
    match op {
        Op::Write { path, value } => fs::put(path, value.to_bytes()),
        Op::NotLaunchers(kind, inode) => {
            let link = match kind {
                Kind::Network => c"/proc/self/ns/net",
                Kind::Ipc => c"/proc/self/ns/ipc",
                Kind::Uts => c"/proc/self/ns/uts",
                _ => return Err(Errno::EINVAL),
            };
            let own = fs::openat(sys::here(), link, libc::O_PATH, 0)?;
            if fs::fstat(own.as_fd())?.inode == *inode { Err(Errno::EBUSY) } else { Ok(()) }
        }
    }
}
