//! Just enough tracing to stop a child right after its `execve`, when its credentials are final and none of its own
//! instructions has run.

use super::{Result, Sysno, args, call};

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
