//! A group's files, read and written.

use std::ffi::CString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::error::{Error, Result};
use crate::sys::{self, Errno, fs};

/// A path for the kernel.
pub(super) fn text(path: &Path) -> sys::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

/// Writes a value in one `write(2)`; the file must be there.
pub(super) fn put(path: &Path, value: &str) -> sys::Result<()> {
    fs::put(&text(path)?, value.as_bytes())
}

/// As [`put`], with the error of this folder.
pub(super) fn write(path: &Path, value: &str) -> Result<()> {
    put(path, value).map_err(|errno| Error::write(path, value, errno))
}

/// A file's content; `None` where it is not there, or went with its group while it was read.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
        Err(error) => Err(Error::read(path, &error)),
    }
}

/// The number that stands alone in a file, or behind a word at the start of one of its lines. `max` is none.
pub(super) fn number(text: &str, key: Option<&str>) -> Option<u64> {
    let value = match key {
        None => text,
        Some(key) => text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?,
    };
    value.trim().parse().ok()
}
