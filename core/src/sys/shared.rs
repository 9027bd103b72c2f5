//! Memory that a process shares with those that it starts.

use std::alloc::{self, Layout};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU64};

use super::{Errno, Result};

/// Zeroed numbers, and bytes after them, that parent and children have in common. Given back on drop.
#[derive(Debug)]
pub(crate) struct Words {
    start: *mut libc::c_void,
    count: usize,
    bytes: usize,
    /// On the heap, not in a mapping.
    on_heap: bool,
}

/// Bytes before the numbers, for [`Words::pid`].
const HEAD: usize = size_of::<AtomicU64>();

// SAFETY: atomics in memory that lives as long as this.
unsafe impl Sync for Words {}
// SAFETY: as above.
unsafe impl Send for Words {}

impl Words {
    /// Maps room for `count` numbers and so many bytes, for children that are copies. Memory is taken where they are written to.
    pub(crate) fn new(count: usize, bytes: usize) -> Result<Words> {
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size(count, bytes), access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(Errno::ENOMEM);
        }
        Ok(Words { start, count, bytes, on_heap: false })
    }

    /// The same for a child that borrows this process's memory: without the mapping, which costs a launch 20 µs.
    pub(crate) fn borrowed(count: usize, bytes: usize) -> Result<Words> {
        // SAFETY: the head makes the layout larger than nothing.
        let start = unsafe { alloc::alloc_zeroed(layout(count, bytes)?) };
        if start.is_null() {
            return Err(Errno::ENOMEM);
        }
        Ok(Words { start: start.cast(), count, bytes, on_heap: true })
    }

    /// The numbers.
    pub(crate) fn get(&self) -> &[AtomicU64] {
        // SAFETY: room for `count` numbers after the head, zeroed, and only touched atomically.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_byte_add(HEAD).cast(), self.count) }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[AtomicU8] {
        let after = HEAD + self.count * size_of::<AtomicU64>();
        // SAFETY: room for so many bytes after the numbers, zeroed, and only touched atomically.
        unsafe { std::slice::from_raw_parts(self.start.wrapping_byte_add(after).cast(), self.bytes) }
    }

    /// A place for a process id, for the kernel to write to.
    pub(crate) fn pid(&self) -> &AtomicI32 {
        // SAFETY: it begins with room for it, zeroed, and only touched atomically.
        unsafe { &*self.start.cast() }
    }
}

fn size(count: usize, bytes: usize) -> usize {
    HEAD + count * size_of::<AtomicU64>() + bytes
}

fn layout(count: usize, bytes: usize) -> Result<Layout> {
    Layout::from_size_align(size(count, bytes), align_of::<AtomicU64>()).map_err(|_| Errno::ENOMEM)
}

impl Drop for Words {
    fn drop(&mut self) {
        if self.on_heap {
            if let Ok(layout) = layout(self.count, self.bytes) {
                // SAFETY: what `borrowed` allocated, with the same layout; every borrow of it has ended.
                unsafe { alloc::dealloc(self.start.cast(), layout) };
            }
            return;
        }
        // SAFETY: the mapping that `new` made; every borrow of it has ended.
        let unmapped = unsafe { libc::munmap(self.start, size(self.count, self.bytes)) };
        debug_assert_eq!(unmapped, 0, "munmap of a whole mapping cannot fail");
    }
}
