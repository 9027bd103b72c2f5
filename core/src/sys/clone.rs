//! `clone3(2)` of a child that borrows this process's memory until it execs or exits.
//!
//! The child gets a stack of its own and shares everything else, so a launch costs the same however large its
//! parent is. It has no thread-local storage of its own either, which is why everything that it does goes through
//! `super::call`. The pattern is that of a scoped thread: `with_child` returns only after the child has left
//! the memory, so what the child reads can be borrowed.
//!
//! Where the launcher cannot wait until the exec, or the child has to be single-threaded, it runs on a copy instead
//! (`with_copy`, `sibling`).

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicI32;

use super::stack::Stack;
use super::{Errno, Result, Sysno, args, call, owned};

/// `struct clone_args` of `clone3(2)`, version 2 (88 bytes, Linux 5.7).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// What the child is to be.
#[derive(Debug)]
pub struct Request<'a> {
    /// `CLONE_NEW*`.
    pub namespaces: u64,
    /// The v2 cgroup that it starts in (`CLONE_INTO_CGROUP`).
    pub cgroup: Option<BorrowedFd<'a>>,
    /// Where the kernel writes the child's process id before the child runs; shared memory makes it known to others.
    pub pid: &'a AtomicI32,
}

/// A child that has left this process's memory: it has exec'd, or it is dead.
#[derive(Debug)]
pub struct Child {
    /// Its process id here.
    pub pid: i32,
    /// Its process descriptor.
    pub pidfd: OwnedFd,
}

/// Starts a child on `entry(data)` and returns when it has exec'd or died: `CLONE_VFORK` suspends the calling thread
/// until then.
///
/// The flag also tells the kernel that the child's memory is not its own: an OOM kill in the child's cgroup, or a
/// value in its `oom_score_adj`, does not reach those who share the memory (`in_vfork` and `__set_oom_adj` in the
/// kernel's source).
///
/// The caller's part of the bargain, which types cannot express (and why this is private to the crate): until its exec
/// the child uses nothing but [`super`] and plain computation; no allocation, no panic, no lock, no thread-local.
///
/// # Errors
/// Of `clone3(2)`, or of allocating the stack.
pub(crate) fn with_child<T: Sync>(request: &Request<'_>, entry: fn(&T) -> !, data: &T) -> Result<Child> {
    let stack = Stack::take()?;
    let mut pidfd: i32 = -1;
    let own = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::CLONE_PARENT_SETTID;
    let args = CloneArgs {
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.base() as u64,
        stack_size: stack.size() as u64,
        ..request.args(own as u64 | CLONE_CLEAR_SIGHAND)
    };
    let start = Start { entry, data };
    #[cfg(feature = "faults")]
    if super::fault::is_on()
        && let Some(errno) = super::fault::next(Sysno::clone3, std::panic::Location::caller())
    {
        return Err(errno);
    }
    // SAFETY: the stack, `start` and `data` outlive the child's stay in this memory, since this thread does not go on
    // before the child has left it.
    let pid = unsafe { clone3(&args, trampoline::<T>, &start) };
    stack.put_back();
    let pid = pid?;
    // SAFETY: CLONE_PIDFD made it.
    Ok(Child { pid, pidfd: unsafe { owned(pidfd as usize) } })
}

/// Starts a child on a copy of this memory. What both are to see must lie in shared mappings.
///
/// In a process with threads the child may use nothing but [`super`] and plain computation: another thread may have
/// held a lock.
///
/// # Errors
/// Of `clone3(2)`.
pub(crate) fn with_copy<T>(request: &Request<'_>, entry: fn(&T) -> !, data: &T) -> Result<Child> {
    let mut pidfd: i32 = -1;
    let own = (libc::CLONE_PIDFD | libc::CLONE_PARENT_SETTID) as u64 | CLONE_CLEAR_SIGHAND;
    let args = CloneArgs {
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..request.args(own)
    };
    let pid = copy(&args, entry, data)?;
    // SAFETY: CLONE_PIDFD made it.
    Ok(Child { pid, pidfd: unsafe { owned(pidfd as usize) } })
}

/// Starts a child of this process's own parent on a copy of this memory; its process id is left in `request.pid`.
/// As [`with_copy`] otherwise.
///
/// # Errors
/// Of `clone3(2)`.
pub(crate) fn sibling<T>(request: &Request<'_>, entry: fn(&T) -> !, data: &T) -> Result<()> {
    // With CLONE_PARENT the exit signal is this process's own, and none may be given.
    let own = (libc::CLONE_PARENT | libc::CLONE_PARENT_SETTID) as u64 | CLONE_CLEAR_SIGHAND;
    copy(&request.args(own), entry, data).map(drop)
}

fn copy<T>(args: &CloneArgs, entry: fn(&T) -> !, data: &T) -> Result<i32> {
    // SAFETY: without CLONE_VM memory is copied, and the child never returns from here; the kernel writes to the
    // process id, which the request borrows, and to the pidfd, which the callers own.
    let pid = unsafe { call(Sysno::clone3, args![std::ptr::from_ref(args), size_of::<CloneArgs>()]) }?;
    if pid == 0 {
        entry(data);
    }
    Ok(pid as i32)
}

impl Request<'_> {
    fn args(&self, flags: u64) -> CloneArgs {
        let into = self.cgroup.map_or(0, |_| CLONE_INTO_CGROUP);
        CloneArgs {
            flags: self.namespaces | flags | into,
            parent_tid: self.pid.as_ptr() as u64,
            cgroup: self.cgroup.map_or(0, |dir| dir.as_raw_fd() as u64),
            ..CloneArgs::default()
        }
    }
}

/// Not in the libc crate for this target: reset signal handlers in the child.
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;
/// Not in the libc crate for this target: start in the cgroup given by descriptor.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

struct Start<'a, T> {
    entry: fn(&T) -> !,
    data: &'a T,
}

extern "C" fn trampoline<T>(start: *const Start<'_, T>) -> ! {
    // SAFETY: `with_child` keeps the start block alive until the child has left this memory.
    let start = unsafe { &*start };
    (start.entry)(start.data)
}

/// # Safety
/// `args` must describe a child with `CLONE_VM`, `CLONE_VFORK` and a stack of its own.
unsafe fn clone3<T>(
    args: &CloneArgs,
    entry: extern "C" fn(*const Start<'_, T>) -> !,
    start: &Start<'_, T>,
) -> Result<i32> {
    let result: usize;
    // The child comes back from the call on its new, empty stack, so it must not return: it jumps into `entry`.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller vouches for the arguments; the stack's top is page-aligned, as the ABI wants before a call.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") Sysno::clone3 as usize => result,
            in("rdi") std::ptr::from_ref(args),
            in("rsi") size_of::<CloneArgs>(),
            in("r12") std::ptr::from_ref(start),
            in("r13") entry,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x20",
            "blr x21",
            "brk #1",
            "2:",
            inlateout("x0") std::ptr::from_ref(args) as usize => result,
            in("x1") size_of::<CloneArgs>(),
            in("x8") Sysno::clone3 as usize,
            in("x20") std::ptr::from_ref(start),
            in("x21") entry,
        );
    }
    Errno::from_ret(result).map(|pid| pid as i32)
}
