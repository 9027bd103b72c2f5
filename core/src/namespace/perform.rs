//! Operations on namespaces, performed.

use std::ffi::CStr;
use std::os::fd::AsFd;

use super::{IdMap, Op};
use crate::launch::child::Child;
use crate::launch::parent::Parent;
use crate::planted::planted;
use crate::sys::{self, Errno, credential, fs, namespace, process};

/// The child's part. Allocates nothing.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Join { kind, nth } => {
            let namespace = child.parent().namespaces.get(*nth).ok_or(Errno::EBADF)?;
            namespace::setns(namespace.as_fd(), kind.flag())
        }
        Op::JoinProcess { kinds } => {
            let process = child.parent().process.as_ref().ok_or(Errno::EBADF)?;
            namespace::setns(process.as_fd(), kinds.iter().fold(0, |flags, kind| flags | kind.flag()))
        }
        Op::MapOwnIds { uids, gids } => {
            fs::put(c"/proc/self/setgroups", b"deny")?;
            fs::put(c"/proc/self/uid_map", uids.to_bytes())?;
            fs::put(c"/proc/self/gid_map", gids.to_bytes())
        }
        Op::BecomeRoot => {
            credential::set_gid(0)?;
            credential::set_uid(0)
        }
        Op::Unshare(kind) => namespace::unshare(kind.flag()),
        Op::TimeOffsets(text) => fs::put(c"/proc/self/timens_offsets", text.to_bytes()),
        Op::HostName(name) => {
            let cut = name.to_bytes().get(..63).filter(|_| planted("longest-host-name-cut"));
            namespace::sethostname(cut.unwrap_or(name.to_bytes()))
        }
        Op::DomainName(name) => namespace::setdomainname(name.to_bytes()),
        Op::MapIds { .. } | Op::MapSubIds { .. } | Op::Open { .. } | Op::OpenProcess { .. } => {
            Err(Errno::ENOSYS)
        } // the parent's
    }
}

/// The parent's part before the clone.
pub(crate) fn open(op: &Op, parent: &mut Parent) -> sys::Result<()> {
    match op {
        Op::Open { path, .. } => {
            // Not blocking, should it be a FIFO.
            let flags = libc::O_RDONLY | libc::O_NONBLOCK;
            parent.namespaces.push(fs::openat(sys::here(), path, flags, 0)?);
            Ok(())
        }
        Op::OpenProcess { pid, started } => {
            let process = process::pidfd_open(*pid)?;
            // Read once the descriptor is open, so that both are of the same process.
            if crate::observe::stat_of(*pid).map(|stat| stat.start) != Some(*started) {
                return Err(Errno::ESRCH);
            }
            parent.process = Some(process);
            Ok(())
        }
        _ => Err(Errno::ENOSYS),
    }
}

/// The parent's part after it: writes the maps of the child `pid`.
pub(crate) fn map_ids(uids: &CStr, gids: &CStr, pid: i32) -> sys::Result<()> {
    for (name, text) in [("uid_map", uids), ("gid_map", gids)] {
        let path = std::ffi::CString::new(format!("/proc/{pid}/{name}")).map_err(|_| Errno::EINVAL)?;
        fs::put(&path, text.to_bytes())?;
    }
    Ok(())
}

/// The same by `newuidmap(1)` and `newgidmap(1)`. An error is what they say.
pub(crate) fn map_sub_ids(uids: &[IdMap], gids: &[IdMap], pid: i32) -> Result<(), String> {
    for (program, lines) in [("newuidmap", uids), ("newgidmap", gids)] {
        let numbers = lines.iter().flat_map(|line| [line.inside, line.outside, line.length]);
        let mut command = std::process::Command::new(program);
        command.arg(pid.to_string()).args(numbers.map(|number| number.to_string()));
        let said = command.output().map_err(|error| {
            format!("execute {program}: {error}; install it (Debian's package uidmap), map your own id alone, or run as root")
        })?;
        if !said.status.success() {
            let text = String::from_utf8_lossy(&said.stderr);
            return Err(format!(
                "{program}: {}; the ranges must be this user's in /etc/subuid and /etc/subgid",
                text.trim()
            ));
        }
    }
    Ok(())
}
