//! Where a child waits for its parent's part.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::sys::{self, Errno, futex};

const CLOSED: u32 = 0;
/// The child waits.
const ASKED: u32 = 1;
/// The parent has done its part.
const OPEN: u32 = 2;
/// The child has left, and asks for nothing any more.
const OVER: u32 = 3;

/// The gate; closed by default.
#[derive(Default)]
pub(crate) struct Gate(AtomicU32);

impl Gate {
    /// The child's side: asks, and waits until it is open. The launch's time limit bounds it.
    pub(crate) fn pass(&self) -> sys::Result<()> {
        self.set(ASKED);
        while self.0.load(Ordering::Acquire) == ASKED {
            futex::wait(&self.0, ASKED, Duration::from_secs(1));
        }
        if self.0.load(Ordering::Acquire) == OPEN { Ok(()) } else { Err(Errno::ECANCELED) }
    }

    /// The helper's side: waits until the child asks (`true`), or asks for nothing any more.
    pub(super) fn is_asked(&self) -> bool {
        while self.0.load(Ordering::Acquire) == CLOSED {
            futex::wait(&self.0, CLOSED, Duration::from_secs(1));
        }
        self.0.load(Ordering::Acquire) == ASKED
    }

    /// The parent's part is done.
    pub(super) fn open(&self) {
        self.set(OPEN);
    }

    /// The child has left this memory.
    pub(super) fn end(&self) {
        self.set(OVER);
    }

    fn set(&self, state: u32) {
        self.0.store(state, Ordering::Release);
        futex::wake(&self.0);
    }
}
