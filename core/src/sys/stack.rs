//! A stack for a child that shares its parent's memory.

use std::sync::Mutex;

use super::{Errno, Result};

const SIZE: usize = 64 * 1024;
const GUARD: usize = 4096 * 16; // a whole page on every page size that Linux has here

/// Stacks that nobody runs on, for the next launches.
static SPARE: Mutex<Vec<Stack>> = Mutex::new(Vec::new());
/// As many as there are launches at a time in a busy process; each holds a page or two.
const MOST_SPARE: usize = 16;

/// A mapped stack, with an inaccessible guard below it. Unmapped on drop.
pub(crate) struct Stack {
    start: *mut libc::c_void,
}

// SAFETY: a mapping is of the whole process.
unsafe impl Send for Stack {}

impl Stack {
    /// A spare one, or a new one. The lock is only tried: a copy of this process may have been made while it was held.
    pub(super) fn take() -> Result<Stack> {
        let spare = SPARE.try_lock().ok().and_then(|mut spare| spare.pop());
        spare.map_or_else(Stack::map, Ok)
    }

    /// Nobody runs on it any more.
    pub(super) fn put_back(self) {
        if let Ok(mut spare) = SPARE.try_lock()
            && spare.len() < MOST_SPARE
        {
            spare.push(self);
        }
    }

    fn map() -> Result<Stack> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK | libc::MAP_NORESERVE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), GUARD + SIZE, libc::PROT_NONE, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::ENOMEM);
        }
        let stack = Stack { start };
        // SAFETY: the upper part of the mapping just made.
        let opened = unsafe { libc::mprotect(stack.base(), SIZE, libc::PROT_READ | libc::PROT_WRITE) };
        if opened == 0 { Ok(stack) } else { Err(Errno::ENOMEM) }
    }

    /// Lowest usable address.
    pub(super) fn base(&self) -> *mut libc::c_void {
        self.start.wrapping_byte_add(GUARD)
    }

    /// Usable bytes.
    pub(super) fn size(&self) -> usize {
        SIZE
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping that `map` made; no one runs on it any more.
        let unmapped = unsafe { libc::munmap(self.start, GUARD + SIZE) };
        debug_assert_eq!(unmapped, 0, "munmap of a whole mapping cannot fail");
    }
}
