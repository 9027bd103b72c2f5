//! Copy-up: what an overlay does to a file of its layers before it is changed.

use std::fs::File;
use std::io;
use std::path::Path;

use super::clocked;

/// `open(2)` for writing, without truncation; the close is not timed. On an overlay the whole file is first copied to the
/// upper layer, and the copy synced unless the overlay is `volatile`. On a plain directory it is an open.
pub(super) fn open(path: &Path) -> io::Result<u64> {
    Ok(clocked(|| File::options().write(true).open(path))?.0)
}
