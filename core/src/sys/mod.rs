//! The kernel's doors: one function a system call, and the only unsafe code of the project.
//!
//! Every call goes through `call`, which is raw: it does not touch the C library's `errno`, because a launched
//! child shares its parent's memory, thread-local storage included, until its `execve`. Arguments come in as
//! `BorrowedFd` and `&CStr`, results leave as `OwnedFd` or plain numbers, errors as [`Errno`].
//!
//! Nothing here allocates unless it says so, so that all of it may run between `clone3` and `execve`. Two calls of a
//! launched child do go through the C library, and write to nothing as long as they succeed, which they do: `close` when
//! an `OwnedFd` is dropped, and `clock_gettime`, for its vDSO.

// The one folder where unsafe code is allowed; each block argues for itself.
#![allow(unsafe_code)]

pub mod bpf;
pub mod clock;
pub mod clone;
pub mod credential;
pub mod directory;
pub mod errand;
pub mod event;
#[cfg(feature = "faults")]
pub mod fault;
pub mod floor;
pub(crate) mod fork;
pub mod fs;
pub mod init;
pub mod keyring;
pub mod landlock;
pub mod link;
pub mod lock;
pub mod mapping;
pub mod memory_policy;
pub mod module;
pub mod mount;
pub mod namespace;
pub mod netlink;
pub mod personality;
pub mod process;
pub mod ptrace;
pub mod scheduler;
pub mod seccomp;
pub mod sequence;
pub(crate) mod shared;
pub mod signal;
pub mod socket;
pub mod stack;
pub mod terminal;
pub mod tree;
pub mod trial;

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub use syscalls::Errno;
pub(crate) use syscalls::Sysno;

/// The result of a system call.
pub type Result<T> = std::result::Result<T, Errno>;

/// Makes one system call.
///
/// # Safety
/// The arguments must be what the kernel expects of `number`: pointers valid for as long as the call (or what it
/// starts) uses them, descriptors owned by whoever the call takes them from.
#[inline]
#[cfg_attr(feature = "faults", track_caller)]
unsafe fn call(number: Sysno, args: [usize; 6]) -> Result<usize> {
    #[cfg(feature = "faults")]
    if fault::is_on()
        && let Some(errno) = fault::next(number, std::panic::Location::caller())
    {
        return Err(errno);
    }
    let [a, b, c, d, e, f] = args;
    // SAFETY: the caller vouches for the arguments.
    unsafe { syscalls::syscall6(number, a, b, c, d, e, f) }
}

/// For a result that cannot matter, for the reason that stands at the call.
pub(crate) fn no_matter<T>(_result: Result<T>) {}

/// Takes something back that cannot fail of itself. Once more when it does: nobody else would take it back.
pub(crate) fn insist(undo: impl Fn() -> Result<()>) {
    if undo().is_err() {
        no_matter(undo());
    }
}

/// The arguments of a call, padded to six.
macro_rules! args {
    ($($arg:expr),* $(,)?) => {{
        let given = [$($arg as usize),*];
        let mut six = [0usize; 6];
        six[..given.len()].copy_from_slice(&given);
        six
    }};
}
pub(crate) use args;

/// A descriptor as the kernel takes it: sign-extended, so that `AT_FDCWD` stays negative.
fn raw(fd: BorrowedFd<'_>) -> usize {
    fd.as_raw_fd() as isize as usize
}

/// A C string as the kernel takes it.
fn text(string: &CStr) -> usize {
    string.as_ptr() as usize
}

/// Takes ownership of a descriptor that a call has just returned.
///
/// # Safety
/// `fd` must be the result of a call that returns a new descriptor, and nothing else may own it.
unsafe fn owned(fd: usize) -> OwnedFd {
    // SAFETY: the caller vouches for it; descriptors are small non-negative numbers, so the cast is exact.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

/// The current working directory, where a call takes a directory descriptor.
#[must_use]
pub fn here() -> BorrowedFd<'static> {
    // SAFETY: AT_FDCWD is no descriptor that could be closed; every *at call accepts it.
    unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) }
}

/// Descriptor 0, whatever it is.
#[must_use]
pub fn input() -> BorrowedFd<'static> {
    // SAFETY: used where 0 has just been set up and is never closed.
    unsafe { BorrowedFd::borrow_raw(0) }
}

/// Descriptor 2, whatever it is.
#[must_use]
pub fn error() -> BorrowedFd<'static> {
    // SAFETY: used where 2 has just been set up and is never closed.
    unsafe { BorrowedFd::borrow_raw(2) }
}
