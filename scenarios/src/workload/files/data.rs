//! Data of open files. Each is one system call between two readings of the clock; [`super::Stream`] is made of them too.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::clocked;

/// Bytes that are read or written at once.
pub const BLOCK: usize = 4 << 10;

/// Memory that a block is read into and written from, aligned to pages as `fio`'s is.
#[repr(align(4096))]
pub(super) struct Block([u8; BLOCK]);

impl Block {
    pub(super) fn new() -> Block {
        Block([b'i'; BLOCK])
    }
}

/// `pread(2)`.
pub(super) fn read(file: &File, Block(block): &mut Block, offset: u64) -> io::Result<u64> {
    Ok(clocked(|| file.read_exact_at(block, offset))?.0)
}

/// `pwrite(2)`.
pub(super) fn write(file: &File, Block(block): &Block, offset: u64) -> io::Result<u64> {
    Ok(clocked(|| file.write_all_at(block, offset))?.0)
}

/// `fsync(2)`.
pub(super) fn sync(file: &File) -> io::Result<u64> {
    Ok(clocked(|| file.sync_all())?.0)
}
