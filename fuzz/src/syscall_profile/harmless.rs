//! System calls that change nothing but the process that makes them, whatever stands in the arguments that are left open here:
//! each fails before it looks at those, or looks at no more than is said. So their arguments can be what a filter looks for.

use crate::seccomp_profile::names::Abi;

/// What an argument may be.
#[derive(Debug, Clone, Copy)]
pub enum Arg {
    /// Anything.
    Any,
    /// This in the lower half, which alone the call looks at.
    Low(u32),
    /// These bits, and others only of the second mask.
    Bits(u64, u64),
    /// No address that could be written to or read from: one of the kernel's half, or zero where there is none.
    Bad,
    /// One of these.
    Of(&'static [u64]),
}

impl Arg {
    /// The drawn value, or the nearest that the argument may be.
    #[must_use]
    pub fn fit(self, drawn: u64, abi: Abi) -> u64 {
        let fits = match self {
            Arg::Any => drawn,
            Arg::Low(low) => drawn & !u64::from(u32::MAX) | u64::from(low),
            Arg::Bits(fixed, free) => fixed | drawn & free,
            Arg::Bad if abi.is_narrow() => 0,
            Arg::Bad => drawn | 1 << 63,
            Arg::Of(list) => list[drawn as usize % list.len()],
        };
        if abi.is_narrow() { fits & 0xffff_ffff } else { fits }
    }
}

/// What a call returns that is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// Always the same, as it does without a filter.
    Same,
    /// The number of the process, another each time.
    Process,
    /// What the last one of its kind that was let through has set (`umask(2)`).
    Mask,
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub struct Harmless {
    /// Its name.
    pub name: &'static str,
    /// Its arguments.
    pub args: [Arg; 6],
    /// What it returns.
    pub own: Own,
    /// Whether it is so through i386's way as well; two are made through that alone.
    pub narrow: bool,
}

use Arg::{Any, Bad, Bits, Low, Of};

const NONE: u32 = u32::MAX;
/// An address that is not at the start of a page.
const ODD: Arg = Bits(1, !1);
/// Threads that share no signal handlers, with namespaces of their own: refused before anything is made.
const THREAD: Arg = Bits(0x1_0000, 0xffff_ffff_7e02_0000);
/// `CSIGNAL`'s lowest bit, which unshare(2) does not take.
const SIGNAL: Arg = Bits(1, 0xffff_ffff_7e02_0000);

const fn same(name: &'static str, narrow: bool, args: [Arg; 6]) -> Harmless {
    Harmless { name, args, own: Own::Same, narrow }
}

/// All of them.
pub const HARMLESS: &[Harmless] = &[
    Harmless { name: "getpid", args: [Any; 6], own: Own::Process, narrow: true },
    Harmless { name: "gettid", args: [Any; 6], own: Own::Process, narrow: true },
    Harmless { name: "umask", args: [Any; 6], own: Own::Mask, narrow: true },
    same("getppid", true, [Any; 6]),
    same("getuid", true, [Any; 6]),
    same("getegid", true, [Any; 6]),
    same("sched_yield", true, [Any; 6]),
    same("close", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("dup", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("dup3", true, [Any, Any, Low(1), Any, Any, Any]),
    same("read", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("write", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("lseek", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("fsync", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("fchdir", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("fcntl", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("ioctl", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("openat", true, [Any, Bad, Low(0), Any, Any, Any]),
    same("pipe2", true, [Bad, Low(0x7fff_0000), Any, Any, Any, Any]),
    same("eventfd2", true, [Any, Low(0x7fff_0000), Any, Any, Any, Any]),
    same("epoll_create1", true, [Low(0x7fff), Any, Any, Any, Any, Any]),
    same("socket", true, [Any, Low(0x7fff_f000), Any, Any, Any, Any]),
    same("bind", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("connect", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("listen", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("accept4", true, [Low(NONE), Bad, Bad, Low(0), Any, Any]),
    same("shutdown", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("mmap", false, [Any, Any, Any, Any, Any, ODD]),
    same("mprotect", true, [ODD, Any, Any, Any, Any, Any]),
    same("shmdt", true, [ODD, Any, Any, Any, Any, Any]),
    same("semctl", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("personality", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("prctl", true, [Low(3), Any, Any, Any, Any, Any]),
    same("prctl", true, [Low(0x7fff_ffff), Any, Any, Any, Any, Any]),
    same("arch_prctl", true, [Low(0x7fff), Any, Any, Any, Any, Any]),
    same("kill", true, [Low(0), Low(0), Any, Any, Any, Any]),
    same("tgkill", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("getpgid", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("getpriority", true, [Low(7), Any, Any, Any, Any, Any]),
    same("clock_gettime", true, [Low(99), Any, Any, Any, Any, Any]),
    same("getrandom", true, [Any, Any, Low(0xf0), Any, Any, Any]),
    same("membarrier", true, [Low(0), Low(0), Any, Any, Any, Any]),
    same("clone", true, [THREAD, Any, Any, Any, Any, Any]),
    same("unshare", true, [SIGNAL, Any, Any, Any, Any, Any]),
    same("unshare", true, [Of(&[0]), Any, Any, Any, Any, Any]),
    same("setns", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("bpf", false, [Low(NONE), Bad, Low(0x1_0000), Any, Any, Any]),
    same("keyctl", true, [Low(NONE), Any, Any, Any, Any, Any]),
    same("io_uring_setup", true, [Any, Bad, Any, Any, Any, Any]),
    same("socketcall", true, [Of(&SELECTORS), Bad, Any, Any, Any, Any]),
    same("ipc", true, [Of(&[1, 3, 12, 0x1_0003, 0x5_000c]), Low(NONE), Of(&[0]), Any, Bad, Any]),
    // Of no ABI, today.
    same("", true, [Any; 6]),
];

const SELECTORS: [u64; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

/// Names, for profiles about them; with some that they stand behind.
pub const NAMES: &[&str] = &[
    "getpid",
    "gettid",
    "umask",
    "getppid",
    "getuid",
    "getegid",
    "sched_yield",
    "close",
    "dup",
    "dup3",
    "read",
    "write",
    "lseek",
    "fsync",
    "fchdir",
    "fcntl",
    "ioctl",
    "openat",
    "pipe2",
    "eventfd2",
    "epoll_create1",
    "socket",
    "bind",
    "connect",
    "listen",
    "accept4",
    "shutdown",
    "mmap",
    "mprotect",
    "shmdt",
    "semctl",
    "personality",
    "prctl",
    "arch_prctl",
    "kill",
    "tgkill",
    "getpgid",
    "getpriority",
    "clock_gettime",
    "getrandom",
    "membarrier",
    "clone",
    "unshare",
    "setns",
    "bpf",
    "keyctl",
    "io_uring_setup",
    "socketcall",
    "ipc",
    "accept",
    "recv",
    "semop",
    "msgrcv",
    "exit_group",
    "exit",
    "rt_sigreturn",
    "openat2",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_name_listed() {
        for harmless in HARMLESS.iter().filter(|harmless| !harmless.name.is_empty()) {
            assert!(NAMES.contains(&harmless.name), "{}", harmless.name);
        }
    }

    #[test]
    fn addresses_are_never_good() {
        for drawn in [0, 0x40_0000, 0x7fff_ffff_f000, u64::MAX] {
            assert!(Bad.fit(drawn, Abi::X86_64) >> 63 == 1 && Bad.fit(drawn, Abi::X86) == 0);
            assert_eq!(ODD.fit(drawn, Abi::X86_64) & 1, 1);
            // CLONE_THREAD, neither CLONE_SIGHAND nor CLONE_FS.
            assert_eq!(THREAD.fit(drawn, Abi::X86_64) & 0x1_0a00, 0x1_0000);
        }
    }
}
