//! Just enough tracing to stop a child right after its `execve`, when its credentials are final and none of its own
//! instructions has run.

use super::{Errno, Result, Sysno, args, call};
use crate::seccomp::Instruction;

/// Asks that the parent be told, and this process be stopped, at its next `execve`.
///
/// # Errors
/// `EPERM` when it is traced already.
pub fn trace_me() -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::ptrace, args![libc::PTRACE_TRACEME, 0, 0, 0]) }?;
    Ok(())
}

/// Lets a stopped child run on, untraced. Must be called by the thread that started the child.
///
/// # Errors
/// `ESRCH` when it is not stopped or not ours to release.
pub fn detach(pid: i32) -> Result<()> {
    // SAFETY: no pointers; signal 0 delivers nothing.
    unsafe { call(Sysno::ptrace, args![libc::PTRACE_DETACH, pid, 0, 0]) }?;
    Ok(())
}

/// `linux/ptrace.h`.
const SECCOMP_GET_FILTER: i32 = 0x420c;

/// The seccomp filters of a process, the last that was loaded first, as the kernel has them. Stops it for that moment.
///
/// # Errors
/// `EACCES` without `CAP_SYS_ADMIN` in the initial user namespace or under a filter of one's own, `EIO` on a kernel without
/// `CONFIG_CHECKPOINT_RESTORE`.
pub fn filters(pid: i32) -> Result<Vec<Vec<Instruction>>> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::ptrace, args![libc::PTRACE_SEIZE, pid, 0, 0]) }?;
    let read = stop(pid).and_then(|()| {
        let mut filters = Vec::new();
        loop {
            match filter(pid, filters.len()) {
                Ok(filter) => filters.push(filter),
                // There are no more.
                Err(Errno::ENOENT | Errno::EINVAL) => break Ok(filters),
                Err(errno) => break Err(errno),
            }
        }
    });
    let detached = detach(pid);
    let filters = read?;
    detached.map(|()| filters)
}

fn stop(pid: i32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::ptrace, args![libc::PTRACE_INTERRUPT, pid, 0, 0]) }?;
    let mut status = 0i32;
    // SAFETY: the kernel writes one int.
    unsafe { call(Sysno::wait4, args![pid, std::ptr::from_mut(&mut status), libc::__WALL, 0]) }?;
    Ok(())
}

fn filter(pid: i32, index: usize) -> Result<Vec<Instruction>> {
    /// `BPF_MAXINSNS`.
    const MOST: usize = 4096;
    let mut instructions = vec![Instruction { code: 0, jt: 0, jf: 0, k: 0 }; MOST];
    let given = args![SECCOMP_GET_FILTER, pid, index, instructions.as_mut_ptr()];
    // SAFETY: the kernel writes at most 4096 instructions, which have its own layout.
    let count = unsafe { call(Sysno::ptrace, given) }?;
    instructions.truncate(count);
    Ok(instructions)
}
