//! The process, performed.

use std::ffi::CString;
use std::os::fd::AsFd;

use super::Op;
use crate::launch::child::Child;
use crate::launch::gate::Word;
use crate::planted::planted;
use crate::rootfs::resolve;
use crate::sys::{self, Errno, credential, fs, keyring, process, ptrace, seccomp, signal};

/// The launcher's part.
pub(crate) fn oom_score_adj(pid: i32, value: &CString) -> sys::Result<()> {
    let path = CString::new(format!("/proc/{pid}/oom_score_adj")).map_err(|_| Errno::EINVAL)?;
    fs::put(&path, value.to_bytes())
}

/// The child's part.
pub(crate) fn perform(op: &Op, child: &Child<'_>) -> sys::Result<()> {
    match op {
        Op::Detach => detach(child),
        // The launcher's.
        Op::OomScoreAdjOfChild(_) => Err(Errno::ENOSYS),
        Op::OomScoreAdj(value) => fs::put(c"/proc/self/oom_score_adj", value.to_bytes()),
        Op::RaiseHard(limit) => process::raise_hard_limit(limit.resource, limit.hard),
        Op::Rlimit(limit) => {
            let lowered = limit.hard == u64::MAX && planted("infinite-hard-limit-lowered");
            process::set_rlimit(limit.resource, limit.soft, if lowered { limit.soft } else { limit.hard })
        }
        Op::SessionKeyring => keyring::join_new_session(),
        Op::Identity { groups, gid, uid } => {
            if let Some(all) = groups {
                let first = all.get(..4).filter(|_| planted("groups-after-the-fourth-dropped"));
                credential::set_groups(first.unwrap_or(all))?;
            }
            credential::set_gid(*gid)?;
            credential::set_uid(*uid)
        }
        Op::Cwd(path) => {
            // The new root is `/` by now. No magic links: a path through /proc/self/fd must lead nowhere
            // (CVE-2024-21626).
            let directory = resolve::existing(sys::here(), path, resolve::Links::Follow)?;
            fs::fchdir(directory.as_fd())
        }
        Op::Umask(mask) => fs::umask(*mask),
        Op::NoNewPrivs => credential::set_no_new_privs(),
        Op::TraceMe => ptrace::trace_me(),
        Op::Undumpable => credential::set_dumpable(0),
        Op::Find(candidates) => find(candidates),
        Op::AwaitStart { preserved } => await_start(*preserved, child),
        Op::CloseDescriptors { preserved } => {
            // What tells the launcher of the exec is closed by it.
            let first = preserved.saturating_add(3);
            match child.door() {
                Some(door) => fs::close_except(first, [door])?,
                None => fs::close_from(first)?,
            }
            // Here and not at the exec, where the filter may refuse it.
            signal::unblock_all()
        }
        Op::Filter { program, agent: None } => {
            // Before Linux 5.16 a core dump of the child, as by SIGSYS from its own filter, would kill everyone who
            // shares its memory. The exec makes the workload dumpable again.
            credential::set_dumpable(0)?;
            credential::seccomp_load(&program.instructions, program.flags)
        }
        Op::Filter { program, agent: Some(_) } => {
            child.say(Word::Listener)?;
            let listener = seccomp::load_with_listener(&program.instructions, program.flags)?;
            child.offer(listener.as_fd());
            // Closed by the exec: the filter may refuse to do it here.
            std::mem::forget(listener);
            Ok(())
        }
        Op::Exec(candidates) => Err(exec(candidates, child)),
        Op::Clone { .. } => Err(Errno::ENOSYS), // the parent's
    }
}

/// The first candidate that may be executed, by the rules of [`exec`].
fn find(candidates: &[CString]) -> sys::Result<()> {
    let mut worst = Errno::ENOENT;
    for candidate in candidates {
        match fs::access_execute(candidate) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(Errno::EACCES) => worst = Errno::EACCES,
            done => return done,
        }
    }
    Err(worst)
}

/// Others may be in the pid namespace already, who must find nothing of the launcher's here. Once it has said that it is
/// ready the launcher is not needed, and its end is no matter.
fn await_start(preserved: u32, child: &Child<'_>) -> sys::Result<()> {
    let (start, door) = (child.start()?, child.door().ok_or(Errno::EBADF)?);
    let first = preserved.saturating_add(3);
    credential::set_dumpable(0)?;
    let state = child.parent().states.get(1).map_or(start, AsFd::as_fd);
    let rules = child.ruleset().unwrap_or(start);
    fs::close_except(first, [start, door, state, rules])?;
    child.pass(Word::Ready)?;
    let mut byte = [0];
    fs::read(start, &mut byte).map(drop)
}

fn detach(child: &Child<'_>) -> sys::Result<()> {
    process::setsid()?;
    signal::reset_dispositions()?;
    // First out of the way of each other, then to their places.
    let [input, output, error] = child.stdio();
    let input = fs::duplicate(input, 3)?;
    let output = fs::duplicate(output, 3)?;
    let error = fs::duplicate(error, 3)?;
    for (number, stream) in [input, output, error].iter().enumerate() {
        fs::copy_to(stream.as_fd(), number as i32)?;
    }
    fs::umask(0)
}

/// Tries each candidate, as `execvp(3)` does: one that is missing or not executable does not end the search, but is
/// what is reported.
fn exec(candidates: &[CString], child: &Child<'_>) -> Errno {
    let mut worst = Errno::ENOENT;
    for candidate in candidates {
        match process::execve(candidate, child.argv(), child.env()) {
            Errno::ENOENT | Errno::ENOTDIR => {}
            Errno::EACCES => worst = Errno::EACCES,
            errno => return errno,
        }
    }
    worst
}
