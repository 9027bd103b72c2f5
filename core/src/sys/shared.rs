//! Memory that a process shares with those that it forks.

use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU64};

use super::{Errno, Result};

/// A mapping of zeroed numbers, and bytes after them, that stays common to parent and children. Unmapped on drop.
#[derive(Debug)]
pub(crate) struct Words {
    start: *mut libc::c_void,
    count: usize,
    bytes: usize,
}

/// Bytes before the numbers, for [`Words::pid`].
const HEAD: usize = size_of::<AtomicU64>();

// SAFETY: atomics in a mapping that lives as long as this.
unsafe impl Sync for Words {}
// SAFETY: as above.
unsafe impl Send for Words {}

impl Words {
    /// Maps room for `count` numbers and so many bytes. Memory is taken where they are written to.
    pub(crate) fn new(count: usize, bytes: usize) -> Result<Words> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size(count, bytes), access, flags, -1, 0) };
        if start == libc::MAP_FAILED { Err(Errno::ENOMEM) } else { Ok(Words { start, count, bytes }) }
    }

    /// The numbers.
    pub(crate) fn get(&self) -> &[AtomicU64] {
        // SAFETY: mapped for `count` numbers after the head, zeroed by the kernel, and only touched atomically.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_byte_add(HEAD).cast(), self.count) }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[AtomicU8] {
        let after = HEAD + self.count * size_of::<AtomicU64>();
        // SAFETY: mapped for so many bytes after the numbers, zeroed by the kernel, and only touched atomically.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_byte_add(after).cast(), self.bytes) }
    }

    /// A place for a process id, for the kernel to write to.
    pub(crate) fn pid(&self) -> &AtomicI32 {
        // SAFETY: the mapping begins with room for it, zeroed by the kernel, and only touched atomically.
        unsafe { &*self.start.cast() }
    }
}

fn size(count: usize, bytes: usize) -> usize {
    HEAD + count * size_of::<AtomicU64>() + bytes
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the mapping that `new` made; every borrow of it has ended.
        let unmapped = unsafe { libc::munmap(self.start, size(self.count, self.bytes)) };
        debug_assert_eq!(unmapped, 0, "munmap of a whole mapping cannot fail");
    }
}
