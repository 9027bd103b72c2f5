//! `clone3(2)` of a child that borrows this process's memory until it execs or exits.
//!
//! The child gets a stack of its own and shares everything else, so a launch costs the same however large its
//! parent is. It has no thread-local storage of its own either, which is why everything that it does goes through
//! [`super::call`]. The pattern is that of a scoped thread: [`with_child`] returns only after the child has left
//! the memory, so what the child reads can be borrowed.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::stack::Stack;
use super::{Errno, Result, Sysno, futex, owned, process};

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
    /// How long the child may take until it has exec'd or exited; it is killed after that.
    pub timeout: Duration,
}

/// A child that has left this process's memory: it has exec'd, or it is dead.
#[derive(Debug)]
pub struct Child {
    /// Its process id here.
    pub pid: i32,
    /// Its process descriptor.
    pub pidfd: OwnedFd,
    /// Whether it had to be killed because it took too long.
    pub timed_out: bool,
}

/// Starts a child on `entry(data)` and returns when it has exec'd or died.
///
/// `meanwhile` runs here while the child runs. The caller's part of the bargain, which types cannot express (and why
/// this is private to the crate): until its exec the child uses nothing but [`super`] and plain computation; no
/// allocation, no panic, no lock, no thread-local.
///
/// # Errors
/// Of `clone3(2)`, or of allocating the stack.
pub(crate) fn with_child<T: Sync>(
    request: &Request<'_>,
    entry: fn(&T) -> !,
    data: &T,
    meanwhile: impl FnOnce(&Child),
) -> Result<Child> {
    let stack = Stack::new()?;
    let in_memory = AtomicU32::new(1);
    let mut pidfd: i32 = -1;
    let own = libc::CLONE_VM | libc::CLONE_PIDFD | libc::CLONE_PARENT_SETTID | libc::CLONE_CHILD_CLEARTID;
    let clear = CLONE_CLEAR_SIGHAND;
    let into = request.cgroup.map_or(0, |_| CLONE_INTO_CGROUP);
    let args = CloneArgs {
        flags: request.namespaces | own as u64 | clear | into,
        pidfd: std::ptr::from_mut(&mut pidfd) as u64,
        child_tid: in_memory.as_ptr() as u64,
        parent_tid: request.pid.as_ptr() as u64,
        exit_signal: libc::SIGCHLD as u64,
        stack: stack.base() as u64,
        stack_size: stack.size() as u64,
        cgroup: request.cgroup.map_or(0, |dir| dir.as_raw_fd() as u64),
        ..CloneArgs::default()
    };
    // A variable and no temporary: the child reads it after the call has returned here.
    let start = Start { entry, data };
    // SAFETY: the stack, `start`, `in_memory` and `data` outlive the child's stay in this memory: every path below,
    // unwinding included, waits until the kernel has cleared `in_memory` or the child is dead (see `Stay`).
    let pid = unsafe { clone3(&args, trampoline::<T>, &start) }?;
    // SAFETY: CLONE_PIDFD made it.
    let mut child = Child { pid, pidfd: unsafe { owned(pidfd as usize) }, timed_out: false };
    let begun = Instant::now();
    let stay = Stay { in_memory: &in_memory, pidfd: &child.pidfd };
    meanwhile(&child);
    let timed_out = stay.end(request.timeout.saturating_sub(begun.elapsed()))?;
    drop(stay);
    child.timed_out = timed_out;
    Ok(child)
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

/// A child's stay in this memory. Dropping it waits for the end, also when the parent unwinds.
struct Stay<'a> {
    in_memory: &'a AtomicU32,
    pidfd: &'a OwnedFd,
}

impl Stay<'_> {
    /// Waits for the end; a child that takes longer than `timeout` is killed. Returns whether it was.
    fn end(&self, timeout: Duration) -> Result<bool> {
        let deadline = Instant::now() + timeout;
        let mut killed = false;
        while !self.ended_within(SLICE) {
            if !killed && Instant::now() >= deadline {
                process::signal(self.pidfd, libc::SIGKILL)?;
                killed = true;
            }
        }
        Ok(killed)
    }

    /// Whether the child has left, after waiting for it for `slice` at most.
    ///
    /// The kernel clears `in_memory` at exec and at exit; before Linux 5.16 not when the child dies with a core
    /// dump, so its death counts as well.
    fn ended_within(&self, slice: Duration) -> bool {
        if self.in_memory.load(Ordering::Acquire) != 0 {
            futex::wait(self.in_memory, 1, slice);
        }
        self.in_memory.load(Ordering::Acquire) == 0 || process::has_ended(self.pidfd)
    }
}

/// How often the wait looks up from the futex.
const SLICE: Duration = Duration::from_millis(50);

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        if self.ended_within(Duration::ZERO) {
            return;
        }
        // Only an unwinding parent comes here. An error of the signal means that the child is gone already.
        if process::signal(self.pidfd, libc::SIGKILL).is_ok() {
            while !self.ended_within(SLICE) {}
        }
    }
}

/// # Safety
/// `args` must describe a child with `CLONE_VM` and a stack of its own; the stack and `start` must stay valid until
/// the child has exec'd or exited.
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
