//! Trying a system call in a throw-away process, to see what the kernel says of it.

use std::ffi::CStr;

use super::{Errno, Result, Sysno, args, call, credential, process, signal};
use crate::seccomp::Program;

/// An argument of a call that is tried.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// A number as it is.
    Number(u64),
    /// A pointer to a C string.
    Text(&'a CStr),
}

/// What became of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// It returned this.
    Returned(i64),
    /// It failed.
    Failed(Errno),
    /// The process ended with this status within the call.
    Exited(i32),
    /// This signal killed the process within the call; `SIGALRM` means that it hung for two seconds.
    Killed(i32),
}

/// Native number of a system call.
#[must_use]
pub fn number(name: &str) -> Option<u64> {
    name.parse::<Sysno>().ok().map(|number| number as u64)
}

/// Names of the native system calls by their numbers.
#[must_use]
pub fn names() -> std::collections::BTreeMap<u64, String> {
    Sysno::iter().map(|number| (number as u64, number.name().to_owned())).collect()
}

/// How a call enters the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// As native programs do; x32's numbers go this way too.
    Native,
    /// As i386 programs do, by `int 0x80`, with arguments of 32 bits. x86_64 alone has it.
    I386,
}

/// Makes one system call in a forked child and reports what became of it.
///
/// Any call with any argument is safe to try: what it does to the child's memory, descriptors and credentials goes
/// with the child. What it does to the kernel stays, so choose arguments that fail after the check of interest.
///
/// # Errors
/// When the child cannot be forked or waited for.
pub fn trial(number: u64, arguments: &[Argument<'_>]) -> Result<Trial> {
    attempt(Entry::Native, number, arguments, None)
}

/// As [`trial`], the way that programs of i386 enter the kernel; the number is i386's.
///
/// # Errors
/// When the child cannot be forked or waited for.
pub fn trial_as_i386(number: u64, arguments: &[Argument<'_>]) -> Result<Trial> {
    attempt(Entry::I386, number, arguments, None)
}

/// As [`trial`], under a filter, which the child loads after setting `no_new_privs`.
///
/// # Errors
/// When the child cannot be forked or waited for, or the kernel refuses the filter.
pub fn trial_under(filter: &Program, entry: Entry, number: u64, arguments: &[Argument<'_>]) -> Result<Trial> {
    attempt(entry, number, arguments, Some(filter))
}

/// Whether programs of i386 run here.
#[must_use]
pub fn has_i386() -> bool {
    const GETPID: u64 = 20;
    matches!(attempt(Entry::I386, GETPID, &[], None), Ok(Trial::Returned(pid)) if pid > 0)
}

fn attempt(entry: Entry, number: u64, arguments: &[Argument<'_>], filter: Option<&Program>) -> Result<Trial> {
    let shared = Shared::new()?;
    let mut given = [0usize; 6];
    for (slot, argument) in given.iter_mut().zip(arguments) {
        *slot = match argument {
            Argument::Number(number) => *number as usize,
            Argument::Text(text) => text.as_ptr() as usize,
        };
    }
    // SAFETY: a plain fork, memory copied; the child below makes raw calls only and never returns.
    let pid = unsafe { call(Sysno::clone, args![libc::SIGCHLD, 0, 0, 0, 0]) }?;
    if pid == 0 {
        shared.run(entry, number, given, filter);
    }
    let status = reap(pid as i32)?;
    match shared.result() {
        (RETURNED, value) => {
            Ok(Errno::from_ret(value).map_or_else(Trial::Failed, |value| Trial::Returned(value as i64)))
        }
        (NOT_LOADED, errno) => Err(Errno::new(errno as i32)),
        _ if libc::WIFSIGNALED(status) => Ok(Trial::Killed(libc::WTERMSIG(status))),
        _ => Ok(Trial::Exited(libc::WEXITSTATUS(status))),
    }
}

/// The call was made and returned.
const RETURNED: usize = 1;
/// The kernel refused the filter.
const NOT_LOADED: usize = 2;

/// Waits for one child by number; `wait4` is in every seccomp profile that allows a shell.
fn reap(pid: i32) -> Result<i32> {
    let mut status = 0i32;
    loop {
        // SAFETY: the status outlives the call.
        match unsafe { call(Sysno::wait4, args![pid, std::ptr::from_mut(&mut status), 0, 0]) } {
            Ok(_) => return Ok(status),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// A page that parent and child both see: whether the call returned, and what.
struct Shared(*mut [usize; 2]);

impl Shared {
    fn new() -> Result<Shared> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh anonymous mapping.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, flags, -1, 0) };
        if page == libc::MAP_FAILED { Err(Errno::ENOMEM) } else { Ok(Shared(page.cast())) }
    }

    /// The child's life.
    fn run(&self, entry: Entry, number: u64, given: [usize; 6], filter: Option<&Program>) -> ! {
        // A call that blocks is ended by a timer, whose signal the caller may have blocked; where a filter refuses these
        // two, the call may hang.
        super::no_matter(signal::unblock_all());
        // What the caller does about signals, it does not for this process: a filter may well lead to one.
        super::no_matter(signal::reset_dispositions());
        let seconds = [0usize, 0, 2, 0];
        // SAFETY: a `struct itimerval` of two seconds, which outlives the call.
        super::no_matter(unsafe { call(Sysno::setitimer, args![libc::ITIMER_REAL, seconds.as_ptr(), 0]) });
        if let Some(filter) = filter {
            let loaded = credential::set_no_new_privs()
                .and_then(|()| credential::seccomp_load(&filter.instructions, filter.flags));
            if let Err(errno) = loaded {
                self.note(NOT_LOADED, errno.into_raw() as usize);
                process::exit(0)
            }
        }
        // SAFETY: whatever the call does to this process's memory, it goes with the process.
        let value = unsafe { enter(entry, number as usize, given) };
        self.note(RETURNED, value);
        process::exit(0)
    }

    fn note(&self, what: usize, value: usize) {
        // SAFETY: the page is mapped in both processes; the parent reads it after this process has ended.
        unsafe { self.0.write_volatile([what, value]) };
    }

    fn result(&self) -> (usize, usize) {
        // SAFETY: mapped; the child is dead.
        let [what, value] = unsafe { self.0.read_volatile() };
        (what, value)
    }
}

/// # Safety
/// As for any system call.
pub(in crate::sys) unsafe fn enter(entry: Entry, number: usize, [a, b, c, d, e, f]: [usize; 6]) -> usize {
    match entry {
        // SAFETY: the caller vouches for the call.
        Entry::Native => unsafe { syscalls::raw::syscall6(number, a, b, c, d, e, f) },
        #[cfg(target_arch = "x86_64")]
        Entry::I386 => {
            let mut value = number;
            // The compiler keeps rbx and rbp to itself.
            // SAFETY: the caller vouches for the call; the kernel may clear r8 to r11.
            unsafe {
                std::arch::asm!(
                    "xchg rbx, {first}", "xchg rbp, {sixth}", "int 0x80",
                    "xchg rbp, {sixth}", "xchg rbx, {first}",
                    first = inout(reg) a => _,
                    sixth = inout(reg) f => _,
                    inlateout("rax") value,
                    in("rcx") b, in("rdx") c, in("rsi") d, in("rdi") e,
                    out("r8") _, out("r9") _, out("r10") _, out("r11") _,
                );
            }
            value as i32 as isize as usize
        }
        #[cfg(not(target_arch = "x86_64"))]
        Entry::I386 => Errno::ENOSYS.into_raw().wrapping_neg() as isize as usize,
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made.
        let unmapped = unsafe { libc::munmap(self.0.cast(), 4096) };
        debug_assert_eq!(unmapped, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_result_errno_exit_and_signal() {
        let by_name =
            |name: &str, arguments: &[Argument<'_>]| trial(number(name).unwrap(), arguments).unwrap();
        assert_eq!(by_name("getsid", &[Argument::Number(u64::from(u32::MAX))]), Trial::Failed(Errno::ESRCH));
        assert!(matches!(by_name("getpid", &[]), Trial::Returned(pid) if pid > 0));
        assert_eq!(by_name("exit", &[Argument::Number(7)]), Trial::Exited(7));
        let mask = signal::block_all().unwrap();
        assert_eq!(by_name("pause", &[]), Trial::Killed(libc::SIGALRM));
        signal::restore(mask).unwrap();
        assert_eq!(
            by_name("access", &[Argument::Text(c"/none"), Argument::Number(0)]),
            Trial::Failed(Errno::ENOENT)
        );
    }
}
