//! Signal masks and dispositions.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;

use super::{Result, Sysno, args, call, owned};

/// A set of blocked signals, as the kernel keeps it: 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mask(u64);

const SIZE: usize = size_of::<u64>();
/// Signals 1 to 64; SIGKILL and SIGSTOP take care of themselves.
const LAST: i32 = 64;

fn change(how: i32, mask: u64) -> Result<Mask> {
    let mut old = 0u64;
    let given = args![how, std::ptr::from_ref(&mask), std::ptr::from_mut(&mut old), SIZE];
    // SAFETY: both masks outlive the call.
    unsafe { call(Sysno::rt_sigprocmask, given) }?;
    Ok(Mask(old))
}

/// Blocks all signals of the calling thread and returns what was blocked before.
///
/// # Errors
/// None known.
pub fn block_all() -> Result<Mask> {
    change(libc::SIG_SETMASK, u64::MAX)
}

/// Blocks these signals too.
///
/// # Errors
/// None known.
pub fn block(signals: &[i32]) -> Result<Mask> {
    change(libc::SIG_BLOCK, bits(signals))
}

/// Puts a mask back.
///
/// # Errors
/// None known.
pub fn restore(mask: Mask) -> Result<()> {
    change(libc::SIG_SETMASK, mask.0).map(drop)
}

/// Unblocks everything.
///
/// # Errors
/// None known.
pub fn unblock_all() -> Result<()> {
    restore(Mask(0))
}

/// Has a command begin with no signal blocked. The standard library hands down the mask of the thread that starts it, and a
/// program that blocks SIGTERM without knowing is not ended by it.
pub fn unblocked(command: &mut std::process::Command) -> &mut std::process::Command {
    // SAFETY: between fork and exec this makes one system call, and neither allocates nor locks.
    unsafe {
        command
            .pre_exec(|| unblock_all().map_err(|errno| std::io::Error::from_raw_os_error(errno.into_raw())))
    }
}

/// Gives every signal its default disposition, ignored ones too. Meant for a child about to exec.
///
/// # Errors
/// None known.
pub fn reset_dispositions() -> Result<()> {
    let changeable = |signal: &i32| ![libc::SIGKILL, libc::SIGSTOP].contains(signal);
    (1..=LAST).filter(changeable).try_for_each(reset_disposition)
}

/// Gives a signal its default disposition. While `SIGCHLD` is ignored, as a caller may leave it, children are reaped by the kernel
/// and cannot be waited for.
///
/// # Errors
/// None known.
pub fn reset_disposition(signal: i32) -> Result<()> {
    // `struct sigaction` of the kernel: handler, flags, restorer, mask; all zero is SIG_DFL.
    let default = [0usize; 4];
    // SAFETY: the structure outlives the call, and no old action is asked for.
    unsafe { call(Sysno::rt_sigaction, args![signal, default.as_ptr(), 0, SIZE]) }?;
    Ok(())
}

/// Ignores a signal, until [`reset_dispositions`].
///
/// # Errors
/// As in `sigaction(2)`.
pub fn ignore(signal: i32) -> Result<()> {
    let ignored = [libc::SIG_IGN, 0, 0, 0];
    // SAFETY: the structure outlives the call.
    unsafe { call(Sysno::rt_sigaction, args![signal, ignored.as_ptr(), 0, SIZE]) }?;
    Ok(())
}

/// A descriptor that becomes readable when one of these (blocked) signals is pending.
///
/// # Errors
/// As in `signalfd(2)`.
pub fn descriptor(signals: &[i32]) -> Result<OwnedFd> {
    let mask = bits(signals);
    let given = args![-1isize, std::ptr::from_ref(&mask), SIZE, libc::SFD_CLOEXEC];
    // SAFETY: the mask outlives the call.
    let fd = unsafe { call(Sysno::signalfd4, given) }?;
    // SAFETY: a fresh descriptor.
    Ok(unsafe { owned(fd) })
}

fn bits(signals: &[i32]) -> u64 {
    signals
        .iter()
        .filter(|signal| (1..=LAST).contains(*signal))
        .fold(0, |set, signal| set | 1 << (signal - 1))
}

/// Takes the next signal from a [`descriptor`], waiting for it.
///
/// # Errors
/// As in `signalfd(2)`.
pub fn next(descriptor: &OwnedFd) -> Result<i32> {
    // `struct signalfd_siginfo` is 128 bytes and begins with the signal's number.
    let mut info = [0u8; 128];
    super::fs::read(descriptor.as_fd(), &mut info)?;
    Ok(i32::from_ne_bytes([info[0], info[1], info[2], info[3]]))
}

/// `SIGINT`, as Ctrl-C sends it.
pub const INTERRUPT: i32 = libc::SIGINT;
/// `SIGTERM`.
pub const TERMINATE: i32 = libc::SIGTERM;
/// `SIGHUP`, as the end of a terminal sends it.
pub const HANGUP: i32 = libc::SIGHUP;
/// `SIGQUIT`.
pub const QUIT: i32 = libc::SIGQUIT;
/// `SIGUSR1`.
pub const USER_1: i32 = libc::SIGUSR1;
/// `SIGUSR2`.
pub const USER_2: i32 = libc::SIGUSR2;
/// `SIGALRM`.
pub const ALARM: i32 = libc::SIGALRM;
/// `SIGCONT`.
pub const CONTINUE: i32 = libc::SIGCONT;
/// `SIGCHLD`.
pub const CHILD: i32 = libc::SIGCHLD;
/// `SIGXFSZ`: a file would become larger than is allowed.
pub const FILE_SIZE: i32 = libc::SIGXFSZ;
/// `SIGKILL`.
pub const KILL: i32 = libc::SIGKILL;
/// `SIGWINCH`: the terminal has another size.
pub const WINDOW: i32 = libc::SIGWINCH;

/// Names of the signals below the real-time ones, without `SIG` (`signal(7)`), aliases last.
pub const NAMES: [(&str, i32); 34] = [
    ("HUP", libc::SIGHUP),
    ("INT", libc::SIGINT),
    ("QUIT", libc::SIGQUIT),
    ("ILL", libc::SIGILL),
    ("TRAP", libc::SIGTRAP),
    ("ABRT", libc::SIGABRT),
    ("BUS", libc::SIGBUS),
    ("FPE", libc::SIGFPE),
    ("KILL", libc::SIGKILL),
    ("USR1", libc::SIGUSR1),
    ("SEGV", libc::SIGSEGV),
    ("USR2", libc::SIGUSR2),
    ("PIPE", libc::SIGPIPE),
    ("ALRM", libc::SIGALRM),
    ("TERM", libc::SIGTERM),
    ("STKFLT", libc::SIGSTKFLT),
    ("CHLD", libc::SIGCHLD),
    ("CONT", libc::SIGCONT),
    ("STOP", libc::SIGSTOP),
    ("TSTP", libc::SIGTSTP),
    ("TTIN", libc::SIGTTIN),
    ("TTOU", libc::SIGTTOU),
    ("URG", libc::SIGURG),
    ("XCPU", libc::SIGXCPU),
    ("XFSZ", libc::SIGXFSZ),
    ("VTALRM", libc::SIGVTALRM),
    ("PROF", libc::SIGPROF),
    ("WINCH", libc::SIGWINCH),
    ("IO", libc::SIGIO),
    ("PWR", libc::SIGPWR),
    ("SYS", libc::SIGSYS),
    ("POLL", libc::SIGPOLL),
    ("CLD", libc::SIGCHLD),
    ("IOT", libc::SIGABRT),
];
