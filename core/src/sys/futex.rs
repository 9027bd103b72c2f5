//! Waiting for a word of memory to change. The private kind: among threads, and a child that shares their memory.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use super::{Sysno, args, call};

/// Sleeps while `word` holds `value`, for `timeout` at most. May wake early; the caller looks at the word again.
pub(crate) fn wait(word: &AtomicU32, value: u32, timeout: Duration) {
    let time = libc::timespec {
        tv_sec: timeout.as_secs() as libc::time_t,
        tv_nsec: libc::c_long::from(timeout.subsec_nanos()),
    };
    let given =
        args![word.as_ptr(), libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG, value, std::ptr::from_ref(&time)];
    // SAFETY: the word and the time outlive the call.
    // Every error (woken early, timed out, interrupted) means: look again, which the caller does anyway.
    super::no_matter(unsafe { call(Sysno::futex, given) });
}

/// Wakes everyone who waits on `word`.
pub(crate) fn wake(word: &AtomicU32) {
    // SAFETY: the word outlives the call, which only uses its address.
    // Its only errors are of bad addresses.
    super::no_matter(unsafe {
        call(Sysno::futex, args![word.as_ptr(), libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG, i32::MAX])
    });
}
