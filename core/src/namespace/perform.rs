//! Operations on namespaces, performed.

use std::ffi::CStr;
use std::os::fd::AsFd;

use super::Op;
use crate::launch::child::Child;
use crate::sys::{self, Errno, credential, fs, namespace};

/// The child's part. Allocates nothing.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Join(kind, path) => {
            let file = fs::openat(sys::here(), path, libc::O_RDONLY, 0)?;
            namespace::setns(file.as_fd(), kind.flag())
        }
        Op::MapOwnIds { uids, gids } => {
            fs::put(c"/proc/self/setgroups", b"deny")?;
            fs::put(c"/proc/self/uid_map", uids.to_bytes())?;
            fs::put(c"/proc/self/gid_map", gids.to_bytes())
        }
        Op::AwaitMaps => child.await_parent(),
        Op::BecomeRoot => {
            credential::set_gid(0)?;
            credential::set_uid(0)
        }
        Op::Unshare(kind) => namespace::unshare(kind.flag()),
        Op::TimeOffsets(text) => fs::put(c"/proc/self/timens_offsets", text.to_bytes()),
        Op::HostName(name) => namespace::sethostname(name.to_bytes()),
        Op::DomainName(name) => namespace::setdomainname(name.to_bytes()),
        Op::MapIds { .. } => Err(Errno::ENOSYS), // the parent's
    }
}

/// The parent's part: writes the maps of the child `pid`.
pub(crate) fn map_ids(uids: &CStr, gids: &CStr, pid: i32) -> sys::Result<()> {
    for (name, text) in [("uid_map", uids), ("gid_map", gids)] {
        let path = std::ffi::CString::new(format!("/proc/{pid}/{name}")).map_err(|_| Errno::EINVAL)?;
        fs::put(&path, text.to_bytes())?;
    }
    Ok(())
}
