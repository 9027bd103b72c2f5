//! What the first process of a machine does for all others: reap them, end them, switch the machine off.

use super::process::Exit;
use super::{Errno, Result, Sysno, args, call};

/// Waits for any child to end, and reaps it. An init is the parent of every orphan.
///
/// # Errors
/// `ECHILD` when there is no child.
pub fn reap() -> Result<(i32, Exit)> {
    let mut status = 0i32;
    let given = args![-1isize, std::ptr::from_mut(&mut status), 0, 0];
    let pid = loop {
        // SAFETY: the kernel writes one int.
        match unsafe { call(Sysno::wait4, given) } {
            Err(Errno::EINTR) => {}
            done => break done?,
        }
    };
    let exit = match libc::WIFSIGNALED(status) {
        true => Exit::Signal(libc::WTERMSIG(status)),
        false => Exit::Code(libc::WEXITSTATUS(status)),
    };
    Ok((pid as i32, exit))
}

/// Kills every process but the caller and process 1 (`kill(2)` of -1).
///
/// # Errors
/// `ESRCH` when there is nobody to kill.
pub fn kill_others() -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::kill, args![-1isize, libc::SIGKILL]) }?;
    Ok(())
}

/// Switches the machine off (`reboot(2)`). What is not synced to disks is lost. Returns only on failure.
pub fn power_off() -> Errno {
    let given =
        args![libc::LINUX_REBOOT_MAGIC1, libc::LINUX_REBOOT_MAGIC2, libc::LINUX_REBOOT_CMD_POWER_OFF, 0];
    // SAFETY: no pointers.
    unsafe { call(Sysno::reboot, given) }.err().unwrap_or(Errno::ENOSYS)
}

/// Writes what is cached to disks (`sync(2)`).
pub fn sync() {
    // SAFETY: no pointers; the call always succeeds.
    super::no_matter(unsafe { call(Sysno::sync, args![0]) });
}
