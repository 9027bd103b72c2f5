//! Mapped files.

use std::fs::File;
use std::hint::black_box;
use std::io;
use std::os::fd::AsFd;

use isolab_core::sys::Errno;
use isolab_core::sys::mapping::Shared;

use super::clocked;

/// Maps, reads a byte of every page, and unmaps.
pub(super) fn read(file: &File, bytes: usize) -> io::Result<u64> {
    let read = || Ok(black_box(Shared::new(file.as_fd(), bytes, false).map_err(io_error)?.read()));
    Ok(clocked(read)?.0)
}

/// Maps, writes a byte of every page, syncs and unmaps.
pub(super) fn write(file: &File, bytes: usize) -> io::Result<u64> {
    let write = || {
        let mut mapped = Shared::new(file.as_fd(), bytes, true)?;
        mapped.write(b'm')?;
        mapped.sync()
    };
    Ok(clocked(|| write().map_err(io_error))?.0)
}

fn io_error(errno: Errno) -> io::Error {
    io::Error::from_raw_os_error(errno.into_raw())
}
