//! Processes: exec, exit, waiting, signals, limits.

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::{Errno, Result, Sysno, args, call, owned, raw, text};
use crate::planted::planted;

/// Strings in the form that `execve` takes: an array of pointers, ended by a null pointer.
#[derive(Debug)]
pub struct StringArray {
    pointers: Vec<*const c_char>,
    /// What the pointers point into; never touched after construction.
    _strings: Vec<CString>,
}

// SAFETY: the pointers point into heap blocks that the array owns and nobody changes.
unsafe impl Sync for StringArray {}
// SAFETY: as above; a CString's heap block does not move with it.
unsafe impl Send for StringArray {}

impl StringArray {
    /// Allocates.
    #[must_use]
    pub fn new(strings: Vec<CString>) -> StringArray {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        StringArray { pointers, _strings: strings }
    }
}

/// `execve(2)`. Returns only on failure; `ENOSYS` where a filter pretends success (`SECCOMP_RET_ERRNO` of 0).
pub fn execve(path: &CStr, argv: &StringArray, env: &StringArray) -> Errno {
    let given = args![text(path), argv.pointers.as_ptr(), env.pointers.as_ptr()];
    // SAFETY: the path and both null-terminated arrays outlive the call.
    unsafe { call(Sysno::execve, given) }.err().unwrap_or(Errno::ENOSYS)
}

/// Executes an open file (`execveat(2)` with `AT_EMPTY_PATH`). Returns only on failure, as [`execve`].
pub(crate) fn execute(file: BorrowedFd<'_>, argv: &StringArray, env: &StringArray) -> Errno {
    let given =
        args![raw(file), text(c""), argv.pointers.as_ptr(), env.pointers.as_ptr(), libc::AT_EMPTY_PATH];
    // SAFETY: both null-terminated arrays outlive the call.
    unsafe { call(Sysno::execveat, given) }.err().unwrap_or(Errno::ENOSYS)
}

/// Ends the process, by force if its own seccomp filter refuses `exit_group` and `exit`.
pub fn exit(status: i32) -> ! {
    // SAFETY: no pointers.
    super::no_matter(unsafe { call(Sysno::exit_group, args![status]) });
    // SAFETY: no pointers.
    super::no_matter(unsafe { call(Sysno::exit, args![status]) });
    loop {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: an instruction that always traps: SIGILL ends the process, its handlers were reset.
        unsafe {
            std::arch::asm!("ud2");
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above, SIGTRAP.
        unsafe {
            std::arch::asm!("brk #1");
        }
    }
}

/// The calling process's id, without the C library's help.
#[cfg(feature = "faults")]
pub(super) fn raw_id() -> u32 {
    // SAFETY: no arguments.
    unsafe { syscalls::syscall0(Sysno::getpid) }.unwrap_or(0) as u32
}

/// Dies on the spot, as by a `SIGKILL` from elsewhere. The first process of a pid namespace cannot kill itself
/// (`pid_namespaces(7)`), so it exits, by which it comes to its end in the same way.
#[cfg(feature = "faults")]
pub(super) fn die() -> ! {
    // SAFETY: no pointers.
    super::no_matter(unsafe { syscalls::syscall2(Sysno::kill, raw_id() as usize, libc::SIGKILL as usize) });
    exit(128 + libc::SIGKILL)
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this status.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
}

impl Exit {
    /// The shell's convention: the status itself, or 128 and the signal's number.
    #[must_use]
    pub fn status(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

/// What a wait found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It has ended, and is reaped.
    Ended(Exit),
    /// It is stopped under ptrace, by this signal.
    Stopped(i32),
}

/// `waitid(2)` on a child's process descriptor.
///
/// `block` waits; otherwise `None` says that nothing has changed. Stops are reported for traced children only.
///
/// # Errors
/// `ECHILD` when it is no child of ours or reaped already.
pub fn wait(pidfd: BorrowedFd<'_>, block: bool) -> Result<Option<Change>> {
    let mut flags = libc::WEXITED | libc::WSTOPPED;
    if !block {
        flags |= libc::WNOHANG;
    }
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    let given = args![libc::P_PIDFD, raw(pidfd), info.as_mut_ptr(), flags, 0];
    loop {
        // SAFETY: the kernel fills the structure.
        match unsafe { call(Sysno::waitid, given) } {
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
            Ok(_) => break,
        }
    }
    // SAFETY: zeroed, then filled; every bit pattern is valid.
    let info = unsafe { info.assume_init() };
    // SAFETY: after waitid the union holds the SIGCHLD fields (all zero when nothing changed).
    let pid = unsafe { info.si_pid() };
    // SAFETY: as above.
    let status = unsafe { info.si_status() };
    Ok(match info.si_code {
        _ if pid == 0 => None,
        libc::CLD_EXITED => Some(Change::Ended(Exit::Code(status))),
        libc::CLD_DUMPED if planted("core-dump-in-the-signal") => {
            Some(Change::Ended(Exit::Signal(status | 0x80)))
        }
        libc::CLD_KILLED | libc::CLD_DUMPED => Some(Change::Ended(Exit::Signal(status))),
        _ => Some(Change::Stopped(status)),
    })
}

/// `pidfd_open(2)`.
///
/// # Errors
/// `ESRCH` when there is no such process.
pub fn pidfd_open(pid: i32) -> Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { call(Sysno::pidfd_open, args![pid, 0]) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

/// Sends a signal to exactly this process.
///
/// # Errors
/// `ESRCH` when it is dead and reaped.
pub fn signal(pidfd: &OwnedFd, signal: i32) -> Result<()> {
    // SAFETY: no signal information is passed.
    unsafe { call(Sysno::pidfd_send_signal, args![raw(pidfd.as_fd()), signal, 0, 0]) }?;
    Ok(())
}

/// Whether the process has ended (reaped or not).
#[must_use]
pub fn has_ended(pidfd: &OwnedFd) -> bool {
    matches!(poll(&[pidfd.as_fd()], Some(Duration::ZERO)), Ok(Some(_)))
}

/// Waits until one of the descriptors is readable (a process descriptor: has ended) and says which; `None` on
/// timeout. At most 8 descriptors.
///
/// # Errors
/// Of `ppoll(2)`; `EINVAL` for more than 8.
pub fn poll(fds: &[BorrowedFd<'_>], timeout: Option<Duration>) -> Result<Option<usize>> {
    let mut set = [libc::pollfd { fd: -1, events: libc::POLLIN, revents: 0 }; 8];
    let set = set.get_mut(..fds.len()).ok_or(Errno::EINVAL)?;
    for (entry, fd) in set.iter_mut().zip(fds) {
        entry.fd = fd.as_raw_fd();
    }
    let mut time = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(timeout.subsec_nanos()),
    });
    let time = time.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let given = args![set.as_mut_ptr(), set.len(), time, 0, 0];
    // SAFETY: set and time are writable and outlive the call. The kernel writes back the time that is left, so an
    // interrupted wait goes on with the rest.
    while let Err(errno) = unsafe { call(Sysno::ppoll, given) } {
        if errno != Errno::EINTR {
            return Err(errno);
        }
    }
    Ok(set.iter().position(|entry| entry.revents != 0))
}

/// `setsid(2)`.
///
/// # Errors
/// `EPERM` when the process leads a process group already.
pub fn setsid() -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::setsid, args![0]) }?;
    Ok(())
}

/// Sets one of the calling process's limits (`prlimit64(2)`); `u64::MAX` is unlimited.
///
/// # Errors
/// As in the manual page.
pub fn set_rlimit(resource: u32, soft: u64, hard: u64) -> Result<()> {
    let limit = [soft, hard];
    // SAFETY: the pair has the layout of `struct rlimit64` and outlives the call.
    unsafe { call(Sysno::prlimit64, args![0, resource, limit.as_ptr(), 0]) }?;
    Ok(())
}

/// Raises a hard limit of the calling process, if it is lower than this (`prlimit64(2)`).
///
/// # Errors
/// `EPERM` without `CAP_SYS_RESOURCE`.
pub fn raise_hard_limit(resource: u32, hard: u64) -> Result<()> {
    let mut limit = [0u64; 2];
    // SAFETY: the pair has the layout of `struct rlimit64` and outlives the call, which writes it.
    unsafe { call(Sysno::prlimit64, args![0, resource, 0, limit.as_mut_ptr()]) }?;
    if limit[1] < hard { set_rlimit(resource, limit[0], hard) } else { Ok(()) }
}

/// Pins the calling thread to these CPUs (numbers below 1024).
///
/// # Errors
/// `EINVAL` when none of them may be used.
pub fn set_affinity(cpus: &[u32]) -> Result<()> {
    let mut mask = [0u64; 16];
    for cpu in cpus {
        let word = mask.get_mut(*cpu as usize / 64).ok_or(Errno::EINVAL)?;
        *word |= 1 << (cpu % 64);
    }
    // SAFETY: the mask outlives the call.
    unsafe { call(Sysno::sched_setaffinity, args![0, size_of_val(&mask), mask.as_ptr()]) }?;
    Ok(())
}

/// The CPUs that the calling thread may run on.
///
/// Allocates.
///
/// # Errors
/// As in `sched_getaffinity(2)`.
pub fn affinity() -> Result<Vec<u32>> {
    let mut mask = [0u64; 16];
    // SAFETY: the mask is writable for its length.
    unsafe { call(Sysno::sched_getaffinity, args![0, size_of_val(&mask), mask.as_mut_ptr()]) }?;
    Ok((0..1024).filter(|cpu| mask[cpu / 64] >> (cpu % 64) & 1 == 1).map(|cpu| cpu as u32).collect())
}

/// Kills a process by number, for where no descriptor of it can be had.
///
/// # Errors
/// `ESRCH` when there is none.
pub(crate) fn kill(pid: i32) -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::kill, args![pid, libc::SIGKILL]) }?;
    Ok(())
}

/// Asks the kernel to kill this process when the thread that started it ends (`PR_SET_PDEATHSIG`); kept across an
/// execve of a program without set-id bits.
///
/// # Errors
/// None known.
pub fn die_with_parent() -> Result<()> {
    // SAFETY: no pointers.
    unsafe { call(Sysno::prctl, args![libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0]) }?;
    Ok(())
}
