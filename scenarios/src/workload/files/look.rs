//! Operations that look: they change nothing.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::clocked;

/// `stat(2)`, in its newer form.
pub(super) fn stat(path: &Path) -> io::Result<u64> {
    Ok(clocked(|| fs::metadata(path))?.0)
}

/// `open(2)`; the close is not timed.
pub(super) fn open(path: &Path) -> io::Result<u64> {
    Ok(clocked(|| File::open(path))?.0)
}

/// Opens a directory, lists all of it, and closes it.
pub(super) fn list(path: &Path) -> io::Result<u64> {
    let all = || fs::read_dir(path)?.try_fold(0, |count, entry| entry.map(|_| count + 1));
    let (nanos, _count): (u64, u32) = clocked(all)?;
    Ok(nanos)
}
