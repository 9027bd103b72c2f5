//! The watcher: one small process that outlives a killed launcher for just long enough to kill its containers.
//!
//! It waits on the launcher's process descriptor and then kills every process whose number stands in a page that both
//! share. The kernel itself writes the number there at the clone (`CLONE_PARENT_SETTID`), before the child runs, so
//! there is no moment at which a launcher can die and leave a container behind. `PR_SET_PDEATHSIG` could not promise
//! that: it fires when the launching thread ends, and a change of credentials clears it.

use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::sys::fork::{SharedNumbers, fork};
use crate::sys::{self, Errno, fs, process, signal};

/// How many containers one launcher can have at a time.
const SLOTS: usize = 8192;
/// A slot that is taken but has no process yet. No process has this number.
const TAKEN: i32 = -1;

/// A container's place in the list.
#[derive(Debug)]
pub(crate) struct Slot(&'static AtomicI32);

impl Slot {
    /// Takes a free slot. With `watched`, the process in it dies with this one.
    pub(crate) fn take(watched: bool) -> sys::Result<Slot> {
        let numbers = if watched { watched_numbers()? } else { unwatched_numbers()? };
        let free = |number: &&'static AtomicI32| {
            number.compare_exchange(0, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        numbers.get().iter().find(free).map(Slot).ok_or(Errno::EAGAIN)
    }

    /// Where the kernel is to write the process's number.
    pub(crate) fn pid(&self) -> &AtomicI32 {
        self.0
    }

    /// The process has been reaped: its number may be another's from now on.
    pub(crate) fn clear(&self) {
        self.0.store(TAKEN, Ordering::Release);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

fn watched_numbers() -> sys::Result<&'static SharedNumbers> {
    static NUMBERS: OnceLock<sys::Result<SharedNumbers>> = OnceLock::new();
    let start = || {
        let numbers = SharedNumbers::new(SLOTS)?;
        let launcher = process::pidfd_open(std::process::id() as i32)?;
        fork(0, || watch(&launcher, numbers.get()))?;
        Ok(numbers)
    };
    NUMBERS.get_or_init(start).as_ref().map_err(|errno| *errno)
}

fn unwatched_numbers() -> sys::Result<&'static SharedNumbers> {
    static NUMBERS: OnceLock<sys::Result<SharedNumbers>> = OnceLock::new();
    NUMBERS.get_or_init(|| SharedNumbers::new(SLOTS)).as_ref().map_err(|errno| *errno)
}

/// The watcher's life. Raw calls only: it is a fork of a process that may have threads.
fn watch(launcher: &std::os::fd::OwnedFd, numbers: &[AtomicI32]) -> i32 {
    // Out of the terminal's reach, and holding nothing of the launcher's: no pipe, no directory.
    let ready = process::setsid()
        .and_then(|()| signal::block_all())
        .and_then(|_| fs::copy_to(launcher.as_fd(), 0))
        .and_then(|()| fs::close_from(1))
        .and_then(|()| fs::chdir(c"/"));
    if ready.is_err() || process::poll(&[sys::input()], None).is_err() {
        return 1;
    }
    for number in numbers {
        let pid = number.load(Ordering::Acquire);
        if pid > 0 {
            // ESRCH: it had ended by itself.
            sys::no_matter(process::kill(pid));
        }
    }
    0
}
