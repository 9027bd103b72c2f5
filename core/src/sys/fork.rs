//! A plain fork, for a process that outlives its parent or takes over a part of its work.

use super::{Result, Sysno, args, call, process};

/// Forks a child that runs `entry` on a copy of this memory and then exits with the status that it returns.
///
/// `signal` is what the parent is sent at the child's end; 0 hides the child from plain `wait(2)`. In a process with
/// threads the child may use nothing but [`super`] and plain computation: another thread may have held a lock.
///
/// # Errors
/// As in `fork(2)`.
pub(crate) fn fork(signal: i32, entry: impl FnOnce() -> i32) -> Result<i32> {
    // SAFETY: memory is copied, not shared, and the child never returns from here.
    let pid = unsafe { call(Sysno::clone, args![signal, 0, 0, 0, 0]) }?;
    if pid == 0 {
        process::exit(entry());
    }
    Ok(pid as i32)
}

/// As [`fork`], through the C library, whose locks are put in order in the child: `entry` may do everything, in a process
/// of one thread. The child is an ordinary one of its parent.
///
/// # Errors
/// As in `fork(2)`.
pub(crate) fn fork_whole(entry: impl FnOnce() -> i32) -> Result<i32> {
    // SAFETY: the child uses the copy of this memory and never returns from here.
    match unsafe { libc::fork() } {
        -1 => Err(super::Errno::EAGAIN),
        0 => process::exit(entry()),
        pid => Ok(pid),
    }
}

/// Memory that a process shares with those that it forks: zeroed atomics.
pub(crate) struct SharedNumbers<A> {
    start: *const A,
    count: usize,
}

/// An atomic number, of which zeroes are a value.
pub(crate) trait Atomic {}
impl Atomic for std::sync::atomic::AtomicI32 {}
impl Atomic for std::sync::atomic::AtomicU8 {}

// SAFETY: atomics in a mapping that is never unmapped.
unsafe impl<A: Atomic> Sync for SharedNumbers<A> {}
// SAFETY: as above.
unsafe impl<A: Atomic> Send for SharedNumbers<A> {}

impl<A: Atomic + 'static> SharedNumbers<A> {
    /// Maps room for `count` numbers, for the life of the process. What is never used takes no memory.
    pub(crate) fn new(count: usize) -> Result<SharedNumbers<A>> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let size = count * size_of::<A>();
        // SAFETY: a fresh anonymous mapping.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size, access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(super::Errno::ENOMEM);
        }
        Ok(SharedNumbers { start: start.cast(), count })
    }

    /// The numbers.
    pub(crate) fn get(&self) -> &'static [A] {
        // SAFETY: mapped for `count` numbers, zeroed by the kernel, never unmapped, and only touched atomically.
        unsafe { std::slice::from_raw_parts(self.start, self.count) }
    }
}
