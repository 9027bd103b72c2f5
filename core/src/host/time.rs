//! Whether a process that shares its parent's memory enters its new time namespace at exec.
//!
//! It does on Linux 6.12; on 6.1 it silently stays in the old one, and earlier kernels enter only at fork. So a child
//! unshares, executes the smallest program, is held there, and its namespace is looked at.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use super::features::named;
use crate::exit;
use crate::sys::clone::{Request, with_child};
use crate::sys::process::{self, Change, StringArray};
use crate::sys::{self, Errno, fs, namespace, ptrace, signal};

struct Program {
    file: OwnedFd,
    argv: StringArray,
    env: StringArray,
    errno: AtomicI32,
}

pub(super) fn probe(uid: u32) -> Result<(), String> {
    let own = link("self")?;
    let file = program().map_err(|errno| named("memfd_create", errno))?;
    let argv = StringArray::new(vec![CString::default()]);
    let program = Program { file, argv, env: StringArray::new(Vec::new()), errno: AtomicI32::new(0) };
    let request = Request {
        namespaces: if uid == 0 { 0 } else { libc::CLONE_NEWUSER as u64 },
        cgroup: None,
        pid: &AtomicI32::new(0),
    };
    let mask = signal::block_all().map_err(|errno| named("rt_sigprocmask", errno))?;
    let child = with_child(&request, run, &program);
    signal::restore(mask).map_err(|errno| named("rt_sigprocmask", errno))?;
    let child = child.map_err(|errno| named("clone3", errno))?;
    let stopped = process::wait(child.pidfd.as_fd(), true).map_err(|errno| named("waitid", errno))?;
    if !matches!(stopped, Some(Change::Stopped(_))) {
        return Err(match program.errno.load(Ordering::Acquire) {
            0 => "the probe died before its exec".into(),
            errno => named("unshare, ptrace or exec", Errno::new(errno)),
        });
    }
    let entered = link(&child.pid.to_string());
    let ended =
        process::signal(&child.pidfd, libc::SIGKILL).and_then(|()| process::wait(child.pidfd.as_fd(), true));
    ended.map_err(|errno| named("end the probe", errno))?;
    match entered? == own {
        false => Ok(()),
        true => Err("a process that shares memory stays in its old time namespace at exec".into()),
    }
}

fn link(process: &str) -> Result<std::path::PathBuf, String> {
    let path = format!("/proc/{process}/ns/time");
    std::fs::read_link(&path).map_err(|error| format!("read {path}: {error}"))
}

fn program() -> sys::Result<OwnedFd> {
    let file = fs::memory_file(c"exit")?;
    let bytes = exit::elf(std::env::consts::ARCH).ok_or(Errno::ENOSYS)?;
    fs::write(file.as_fd(), &bytes)?;
    Ok(file)
}

/// The child's life: raw calls only.
fn run(program: &Program) -> ! {
    let ready = namespace::unshare(libc::CLONE_NEWTIME as u64)
        .and_then(|()| ptrace::trace_me())
        .and_then(|()| signal::unblock_all());
    let errno = match ready {
        Ok(()) => process::execute(program.file.as_fd(), &program.argv, &program.env),
        Err(errno) => errno,
    };
    program.errno.store(errno.into_raw(), Ordering::Release);
    process::exit(1)
}
