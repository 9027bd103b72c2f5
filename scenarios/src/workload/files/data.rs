//! Data of open files. Each is one system call between two readings of the clock; [`super::Stream`] is made of them too.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::clocked;

/// Bytes of a page, which operations on files read or write at once.
pub(super) const PAGE: usize = 4 << 10;

/// Memory that a block is read into and written from, aligned to pages as `fio`'s is.
#[repr(align(4096))]
pub(super) struct Block<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Block<BYTES> {
    pub(super) fn new() -> Block<BYTES> {
        Block([b'i'; BYTES])
    }
}

/// `pread(2)`.
pub(super) fn read<const BYTES: usize>(
    file: &File,
    Block(block): &mut Block<BYTES>,
    offset: u64,
) -> io::Result<u64> {
    Ok(clocked(|| file.read_exact_at(block, offset))?.0)
}

/// `pwrite(2)`.
pub(super) fn write<const BYTES: usize>(
    file: &File,
    Block(block): &Block<BYTES>,
    offset: u64,
) -> io::Result<u64> {
    Ok(clocked(|| file.write_all_at(block, offset))?.0)
}

/// `fsync(2)`.
pub(super) fn sync(file: &File) -> io::Result<u64> {
    Ok(clocked(|| file.sync_all())?.0)
}
