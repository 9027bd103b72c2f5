//! A stack for a child that shares its parent's memory.

use super::{Errno, Result};

const SIZE: usize = 64 * 1024;
const GUARD: usize = 4096 * 16; // a whole page on every page size that Linux has here

/// A mapped stack, with an inaccessible guard below it. Unmapped on drop.
pub(crate) struct Stack {
    start: *mut libc::c_void,
}

impl Stack {
    pub(super) fn new() -> Result<Stack> {
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
        // SAFETY: the mapping that `new` made; no one runs on it any more.
        let unmapped = unsafe { libc::munmap(self.start, GUARD + SIZE) };
        debug_assert_eq!(unmapped, 0, "munmap of a whole mapping cannot fail");
    }
}
